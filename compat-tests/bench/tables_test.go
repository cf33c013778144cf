package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

// A table of the bars is a million rows of about 100 bytes: what pgbench calls an
// account.
const (
	tableRows    = 1_000_000
	tableColumns = "(aid int PRIMARY KEY, bid int, abalance int, filler char(84))"
	tableRounds  = 5
	tableSeconds = "3"
)

// contender is one of the two servers that the bars of tables compare.
type contender struct{ addr, user, database string }

func (c contender) connect(t *testing.T) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", c.user, c.addr, c.database))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (c contender) exec(t *testing.T, sql string) {
	t.Helper()
	conn := c.connect(t)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// copyIn sends data as COPY FROM STDIN and returns how long it took.
func (c contender) copyIn(t *testing.T, sql string, data io.Reader) time.Duration {
	t.Helper()
	conn := c.connect(t)
	defer conn.Close(context.Background())
	begun := time.Now()
	if _, err := conn.CopyFrom(t.Context(), data, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return time.Since(begun)
}

var tps = regexp.MustCompile(`tps = ([0-9.]+)`)

// pgbench runs a script, or pgbench's own where it is "", and returns
// transactions a second.
func (c contender) pgbench(t *testing.T, script string, args ...string) float64 {
	t.Helper()
	host, port, err := net.SplitHostPort(c.addr)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-n", "-h", host, "-p", port, "-U", c.user, "-T", tableSeconds}, args...)
	if script != "" {
		path := filepath.Join(t.TempDir(), "script.sql")
		if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-f", path)
	}
	cmd := osexec.CommandContext(t.Context(), pgbenchPath(t), append(args, c.database)...)
	cmd.Env = append(os.Environ(), "PGSSLMODE=disable")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("pgbench: %v\n%s", err, out)
	}
	m := tps.FindSubmatch(out)
	if m == nil || !strings.Contains(string(out), "number of failed transactions: 0") {
		t.Fatalf("pgbench:\n%s", out)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// against runs both, turn about, and makes a bar of the medians' ratio: ours in
// theirs, where more is better.
func against(name string, limit float64, unit string, ours, theirs func() float64) bar {
	var a, b []float64
	for range tableRounds {
		a, b = append(a, ours()), append(b, theirs())
	}
	return bar{name: name + " / PostgreSQL 16", value: Median(a) / Median(b), limit: limit, least: true,
		note: fmt.Sprintf("%.0f %s against %.0f", Median(a), unit, Median(b))}
}

// accountLines are rows of accounts as COPY's text.
func accountLines(from, n int) []byte {
	var b bytes.Buffer
	b.Grow(n * 105)
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, "%d\t%d\t%d\t%084x\n", i, i%100, 0, uint64(i)*0x9e3779b97f4a7c15)
	}
	return b.Bytes()
}

// tablesBars compare tables with PostgreSQL's, which syncs as it does where
// nobody sets anything, in a directory of the same file system.
func tablesBars(t *testing.T, _ time.Duration) []bar {
	p := gateway.Start(t, gateway.Options{})
	server := postgres.Own(t, postgres.Options{Settings: []string{"fsync=on", "autovacuum=on"}})
	ours := contender{p.Listen, "ferris", "ferris"}
	theirs := contender{postgresAddr(server), "postgres", "postgres"}
	both := []contender{ours, theirs}

	var all []bar
	all = append(all, loadBar(t, ours, theirs))
	for _, c := range both {
		c.exec(t, "CREATE TABLE accounts "+tableColumns)
		c.copyIn(t, "COPY accounts FROM STDIN", bytes.NewReader(accountLines(1, tableRows)))
	}
	theirs.exec(t, "VACUUM ANALYZE accounts")
	for _, clients := range []string{"1", "8"} {
		for _, mode := range []string{"simple", "prepared"} {
			run := func(c contender) func() float64 {
				return func() float64 {
					return c.pgbench(t, fmt.Sprintf("\\set aid random(1, %d)\nSELECT abalance FROM accounts WHERE aid = :aid;\n", tableRows),
						"-M", mode, "-c", clients, "-j", min(clients, "2"))
				}
			}
			all = append(all, against("key look-up, "+mode+", "+clients, 1.0, "tps", run(ours), run(theirs)))
		}
	}
	for _, c := range both {
		c.exec(t, "CREATE TABLE history (id bigserial PRIMARY KEY, aid int, delta int, mtime timestamp DEFAULT now(), filler char(22))")
	}
	for _, mode := range []string{"simple", "prepared"} {
		run := func(c contender) func() float64 {
			return func() float64 {
				return c.pgbench(t, fmt.Sprintf("\\set aid random(1, %d)\n\\set delta random(-5000, 5000)\nINSERT INTO history (aid, delta) VALUES (:aid, :delta);\n", tableRows),
					"-M", mode, "-c", "8", "-j", "2")
			}
		}
		all = append(all, against("INSERT with sync, "+mode+", 8", 0.7, "tps", run(ours), run(theirs)))
	}
	all = append(all, flushBars(t, ours, theirs)...)
	all = append(all, tpcbBars(t, ours, theirs)...)
	return append(all, tableMemoryBars(t)...)
}

// loadBar is COPY FROM of rows into an empty table with a primary key, its sync
// included.
func loadBar(t *testing.T, ours, theirs contender) bar {
	const rows = tableRows / 4
	data := accountLines(1, rows)
	run := func(c contender) func() float64 {
		return func() float64 {
			c.exec(t, "DROP TABLE IF EXISTS loaded; CREATE TABLE loaded "+tableColumns)
			return rows / 1000 / c.copyIn(t, "COPY loaded FROM STDIN", bytes.NewReader(data)).Seconds()
		}
	}
	b := against("COPY FROM", 1.0, "k rows/s", run(ours), run(theirs))
	for _, c := range []contender{ours, theirs} {
		c.exec(t, "DROP TABLE loaded")
	}
	return b
}

// tpcbBars run pgbench's initialisation and its TPC-B-like script unchanged. There is no
// limit to hold: with one branch every transaction waits for the one before it.
func tpcbBars(t *testing.T, ours, theirs contender) []bar {
	for _, c := range []contender{ours, theirs} {
		host, port, err := net.SplitHostPort(c.addr)
		if err != nil {
			t.Fatal(err)
		}
		cmd := osexec.CommandContext(t.Context(), pgbenchPath(t), "-i", "-q", "-s", "8", "-h", host, "-p", port, "-U", c.user, c.database)
		cmd.Env = append(os.Environ(), "PGSSLMODE=disable")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("pgbench -i: %v\n%s", err, out)
		}
	}
	var all []bar
	for _, mode := range []string{"simple", "prepared"} {
		run := func(c contender) func() float64 {
			return func() float64 { return c.pgbench(t, "", "-M", mode, "-c", "8", "-j", "2") }
		}
		all = append(all, against("TPC-B, scale 8, "+mode+", 8", 0, "tps", run(ours), run(theirs)))
	}
	return all
}

// tableMemoryBars load a million rows, in one transaction, into a gateway that
// has nothing else, and watch its anonymous memory until it is loaded, and after.
func tableMemoryBars(t *testing.T) []bar {
	p := gateway.Start(t, gateway.Options{})
	c := contender{p.Listen, "ferris", "ferris"}
	c.exec(t, "CREATE TABLE accounts "+tableColumns)
	var most atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			if n, err := Anonymous(p.PID()); err == nil && n > most.Load() {
				most.Store(n)
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	c.copyIn(t, "COPY accounts FROM STDIN", &accountReader{left: tableRows})
	close(stop)
	<-stopped
	after, err := Anonymous(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	const mb = 1 << 20
	return []bar{
		{name: "anonymous, 1 M rows of 100 bytes, MB", value: float64(after) / mb, limit: 400},
		{name: "anonymous, most while one transaction loads them, MB", value: float64(most.Load()) / mb, limit: 400},
	}
}

// accountReader makes accounts' lines as they are read.
type accountReader struct {
	next, left int
	buf        []byte
}

func (r *accountReader) Read(p []byte) (int, error) {
	if len(r.buf) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		n := min(r.left, 500)
		r.buf = accountLines(r.next+1, n)
		r.next, r.left = r.next+n, r.left-n
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}
