package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/cache"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/jackc/pgx/v5"
)

var (
	queryRows  = flag.Int("rows", 10_000_000, "rows of the files of -only queries; the bars are held at 10 million")
	queryNames = flag.String("query", "", "of -only queries ask only those whose names hold this")
	queryDir   = flag.String("files", "", "folder where the files of -only queries stay for the next run; none: they go with this one")
)

// tradeColumns declare the trades, for us and for PostgreSQL.
const (
	tradeColumns    = `(order_id bigint, customer bigint, account bigint, symbol text, price numeric(18,4), quantity bigint, event_time timestamp)`
	customerColumns = `(id bigint, region text, joined date)`
)

// duckTrades and duckCustomers are the same in DuckDB's readers.
const (
	duckTrades = `{order_id: 'BIGINT', customer: 'BIGINT', account: 'BIGINT', symbol: 'VARCHAR', price: 'DECIMAL(18,4)', quantity: 'BIGINT', event_time: 'TIMESTAMP'}`
	duckBuyers = `{id: 'BIGINT', region: 'VARCHAR', joined: 'DATE'}`
)

// fileQueries are what the bars ask; {trades} and {customers} are the relations.
var fileQueries = []struct{ name, sql string }{
	{"filter and aggregate", `SELECT count(*), sum(quantity), sum(price) FROM {trades} WHERE quantity > 500`},
	{"group by 10 keys", `SELECT symbol, count(*), sum(quantity), max(price) FROM {trades} GROUP BY symbol ORDER BY symbol`},
	{"group by 100 k keys", `SELECT count(*), max(n), max(total) FROM (SELECT account, count(*) AS n, sum(price) AS total FROM {trades} GROUP BY account) AS a`},
	{"join with 1 M rows", `SELECT c.region, count(*), sum(t.quantity) FROM {trades} AS t JOIN {customers} AS c ON c.id = t.customer GROUP BY c.region ORDER BY c.region`},
	{"sort with limit", `SELECT order_id, price, event_time FROM {trades} ORDER BY price DESC, order_id LIMIT 100`},
	{"window function", `SELECT count(*), max(r) FROM (SELECT rank() OVER (PARTITION BY account ORDER BY event_time) AS r FROM {trades}) AS w WHERE r <= 3`},
}

// trade is row i.
func trade(i int) (order, customer, account int, symbol string, price, quantity int, at time.Time) {
	x := uint64(i)*0x9e3779b97f4a7c15 ^ uint64(i)>>7
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 32
	symbols := [...]string{"AAPL", "MSFT", "GOOGL", "AMZN", "F", "BRK.A", "NVDA", "TSLA", "IBM", "ORCL"}
	return 1_000_000_000 + i, int(x % 1_000_000), int(x >> 20 % 100_000), symbols[x>>40%10], int(x >> 11 % 9_000_000), 1 + int(x>>3%1000),
		time.Date(2024, 1, 15, 0, 0, 0, 0, time.UTC).Add(time.Duration(x>>9%86_400_000) * time.Millisecond)
}

const clock = "2006-01-02 15:04:05.000"

// lines writes n lines to a new file.
func lines(t *testing.T, path string, n int, head string, line func(dst []byte, i int) []byte) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	var buf []byte
	_, err = w.WriteString(head)
	for i := 0; i < n && err == nil; i++ {
		buf = line(buf[:0], i)
		_, err = w.Write(buf)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// queryFiles puts trades.csv, trades.json and customers.csv into dir, which is on
// the file system of -files: those of a run before, where it left them there.
func queryFiles(t *testing.T, dir string, rows int) {
	t.Helper()
	if *queryDir == "" {
		writeQueryFiles(t, dir, rows)
		return
	}
	kept := filepath.Join(*queryDir, strconv.Itoa(rows))
	if _, err := os.Stat(filepath.Join(kept, "complete")); err != nil {
		if err := os.MkdirAll(kept, 0o755); err != nil {
			t.Fatal(err)
		}
		writeQueryFiles(t, kept, rows)
		lines(t, filepath.Join(kept, "complete"), 0, "", nil)
	}
	for _, name := range []string{"trades.csv", "trades.json", "customers.csv"} {
		if err := os.Link(filepath.Join(kept, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func writeQueryFiles(t *testing.T, dir string, rows int) {
	t.Helper()
	lines(t, filepath.Join(dir, "trades.csv"), rows, "order_id,customer,account,symbol,price,quantity,event_time\n", func(dst []byte, i int) []byte {
		order, customer, account, symbol, price, quantity, at := trade(i)
		return at.AppendFormat(fmt.Appendf(dst, "%d,%d,%d,%s,%d.%04d,%d,", order, customer, account, symbol, price/10_000, price%10_000, quantity), clock+"\n")
	})
	lines(t, filepath.Join(dir, "trades.json"), rows, "", func(dst []byte, i int) []byte {
		order, customer, account, symbol, price, quantity, at := trade(i)
		return at.AppendFormat(fmt.Appendf(dst, `{"order_id":%d,"customer":%d,"account":%d,"symbol":"%s","price":%d.%04d,"quantity":%d,"event_time":"`,
			order, customer, account, symbol, price/10_000, price%10_000, quantity), clock+"\"}\n")
	})
	regions := [...]string{"north", "south", "east", "west", "middle"}
	lines(t, filepath.Join(dir, "customers.csv"), 1_000_000, "id,region,joined\n", func(dst []byte, i int) []byte {
		id := i * 7919 % 1_000_000
		return fmt.Appendf(dst, "%d,%s,20%02d-%02d-%02d\n", id, regions[id%5], id%24, 1+id%12, 1+id%28)
	})
}

// answer is what a system said to a query, and took for it, in seconds.
type answer struct {
	rows      []string
	wall, cpu float64
}

// ask runs a query over the wire; pid 0: its processor time does not count.
func ask(t *testing.T, c *Client, pid int, sql string) answer {
	t.Helper()
	var before, after time.Duration
	var err error
	if pid != 0 {
		if before, err = CPU(pid); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	if err := c.Start(sql); err != nil {
		t.Fatal(err)
	}
	var a answer
	for {
		row, err := c.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		a.rows = append(a.rows, string(row))
	}
	a.wall = time.Since(start).Seconds()
	if pid != 0 {
		if after, err = CPU(pid); err != nil {
			t.Fatal(err)
		}
		a.cpu = (after - before).Seconds()
	}
	return a
}

// duck is a process that runs DuckDB's queries.
type duck struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

func startDuck(t *testing.T) *duck {
	t.Helper()
	dir, err := cache.Dir()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(dir, "duckdb", "node_modules")
	if _, err := os.Stat(modules); err != nil {
		t.Fatalf("DuckDB is missing, make deps installs it: %v", err)
	}
	cmd := osexec.CommandContext(t.Context(), "node", filepath.Join("duckdb", "query.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // it ends with its input, or was killed
	})
	d := &duck{in: in, out: bufio.NewScanner(out)}
	d.out.Buffer(nil, 64<<20)
	return d
}

func (d *duck) ask(t *testing.T, sql string) answer {
	t.Helper()
	line, err := json.Marshal(sql)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	if !d.out.Scan() {
		t.Fatalf("DuckDB ended: %v", d.out.Err())
	}
	var said struct {
		Rows      [][]*string
		Error     string
		Wall, CPU float64
	}
	if err := json.Unmarshal(d.out.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	if said.Error != "" {
		t.Fatalf("DuckDB: %s: %s", sql, said.Error)
	}
	return answer{rows: make([]string, len(said.Rows)), wall: said.Wall, cpu: said.CPU}
}

// median asks several times and returns the middle times.
func median(turns int, ask func() answer) answer {
	var walls, cpus []float64
	var a answer
	for range turns {
		a = ask()
		walls, cpus = append(walls, a.wall), append(cpus, a.cpu)
	}
	a.wall, a.cpu = Median(walls), Median(cpus)
	return a
}

// queriesBars ask the same of files through us and through DuckDB, and of the
// loaded table through PostgreSQL with its default settings.
func queriesBars(t *testing.T, _ time.Duration) []bar {
	dir := t.TempDir()
	queryFiles(t, dir, *queryRows)
	path := func(name string) string { return filepath.Join(dir, name) }

	p := gateway.Start(t, gateway.Options{DataDir: dir})
	exec(t, p, "CREATE STREAM trades_csv "+tradeColumns+" WITH (type = 'file', format = 'csv', has_headers = 'true', path = '"+path("trades.csv")+"')")
	exec(t, p, "CREATE STREAM trades_json "+tradeColumns+" WITH (type = 'file', format = 'json', path = '"+path("trades.json")+"')")
	exec(t, p, "CREATE STREAM customers "+customerColumns+" WITH (type = 'file', format = 'csv', has_headers = 'true', path = '"+path("customers.csv")+"')")
	ours, err := Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()

	server := postgres.Start(t)
	load(t, server, "trades "+tradeColumns, path("trades.csv"))
	load(t, server, "customers "+customerColumns, path("customers.csv"))
	theirs, err := Dial(postgresAddr(server), "postgres", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	d := startDuck(t)

	var all []bar
	const turns = 3
	for _, q := range fileQueries {
		if !strings.Contains(q.name, *queryNames) {
			continue
		}
		named := func(trades, customers string) string {
			return strings.NewReplacer("{trades}", trades, "{customers}", customers).Replace(q.sql)
		}
		buyers := fmt.Sprintf("read_csv('%s', header = true, columns = %s)", path("customers.csv"), duckBuyers)
		csv := median(turns, func() answer { return ask(t, ours, p.PID(), named("trades_csv", "customers")) })
		jsonl := median(turns, func() answer { return ask(t, ours, p.PID(), named("trades_json", "customers")) })
		pg := median(turns, func() answer { return ask(t, theirs, 0, named("trades", "customers")) })
		duckCSV := median(turns, func() answer {
			return d.ask(t, named(fmt.Sprintf("read_csv('%s', header = true, columns = %s)", path("trades.csv"), duckTrades), buyers))
		})
		duckJSON := median(turns, func() answer {
			return d.ask(t, named(fmt.Sprintf("read_json('%s', format = 'newline_delimited', columns = %s)", path("trades.json"), duckTrades), buyers))
		})
		if !slices.Equal(csv.rows, pg.rows) || !slices.Equal(jsonl.rows, pg.rows) {
			t.Errorf("%s: the answers differ from PostgreSQL's: %q and %q, want %q", q.name, csv.rows, jsonl.rows, pg.rows)
		}
		if len(duckCSV.rows) != len(pg.rows) || len(duckJSON.rows) != len(pg.rows) {
			t.Errorf("%s: DuckDB answers %d and %d rows, PostgreSQL %d", q.name, len(duckCSV.rows), len(duckJSON.rows), len(pg.rows))
		}
		held := []bar{
			{name: q.name + ": CSV wall / PostgreSQL 16", value: csv.wall / pg.wall, limit: 1, note: fmt.Sprintf("%.2f s against %.2f s", csv.wall, pg.wall)},
			{name: q.name + ": CSV CPU / DuckDB", value: csv.cpu / duckCSV.cpu, limit: 2, note: fmt.Sprintf("%.2f s against %.2f s", csv.cpu, duckCSV.cpu)},
			{name: q.name + ": JSON CPU / DuckDB", value: jsonl.cpu / duckJSON.cpu, limit: 1, note: fmt.Sprintf("%.2f s against %.2f s", jsonl.cpu, duckJSON.cpu)},
		}
		for _, b := range held {
			t.Logf("%s: %.3g of %.3g, %s", b.name, b.value, b.limit, b.note)
		}
		all = append(all, held...)
	}
	return all
}

// load makes a table of a CSV file.
func load(t *testing.T, server *postgres.Server, table, path string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name, _, _ := strings.Cut(table, " ")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := conn.Exec(t.Context(), "CREATE TABLE "+table); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.PgConn().CopyFrom(t.Context(), f, "COPY "+name+" FROM STDIN (FORMAT csv, HEADER)"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "VACUUM ANALYZE "+name); err != nil {
		t.Fatal(err)
	}
}
