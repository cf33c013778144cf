package systems

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/mariadb"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/objects"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

// stopLimit is how long a job with a stop_timeout of a second may take to end, on a
// machine that is busy.
const stopLimit = 20 * time.Second

// away is a gateway whose jobs copy lines of a file to a system, over a line that hangs
// or is cut.
type away struct {
	*pair
	line *line
	path string
	rows int // lines of the file
	// into are the options of the n-th job's sink k, and got the ids that it has.
	into  func(n int) string
	got   func(n int) []string
	exact bool // each is there once, whatever happens
	// staged: what is read is committed, and comes to the system when that is back.
	staged bool
}

// add writes more lines.
func (a *away) add(n int) {
	a.Helper()
	f, err := os.OpenFile(a.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		a.Fatal(err)
	}
	for range n {
		if _, err := fmt.Fprintf(f, "{\"id\":%d}\n", a.rows); err != nil {
			a.Fatal(err)
		}
		a.rows++
	}
	if err := f.Close(); err != nil {
		a.Fatal(err)
	}
}

// ids are how often each id is there.
func (a *away) ids(n int) map[string]int {
	count := map[string]int{}
	for _, id := range a.got(n) {
		count[id]++
	}
	return count
}

// arrives waits until the n-th job's sink has every line.
func (a *away) arrives(n int) {
	a.Helper()
	a.eventually(func() []string { return []string{strconv.Itoa(len(a.ids(n)))} }, strconv.Itoa(a.rows))
	a.once(n)
}

// once checks that no line has come twice.
func (a *away) once(n int) {
	a.Helper()
	for id, times := range a.ids(n) {
		if times > 1 && a.exact {
			a.Errorf("id %s is there %d times", id, times)
		}
	}
}

// ends runs a statement that ends a job, and returns what it is warned of.
func (a *away) ends(sql string) string {
	a.Helper()
	var warned []string
	c, err := pgconn.ParseConfig(a.gateway.URL())
	if err != nil {
		a.Fatal(err)
	}
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		warned = append(warned, n.Severity+": "+n.Message+" "+n.Detail)
	}
	conn, err := pgconn.ConnectConfig(a.ctx, c)
	if err != nil {
		a.Fatal(err)
	}
	defer conn.Close(a.ctx)
	begun := time.Now()
	a.must(conn, sql)
	took := time.Since(begun)
	if took > stopLimit {
		a.Errorf("%s took %v", sql, took)
	}
	a.Logf("%s took %v, and says %q", sql, took.Round(time.Millisecond), warned)
	return strings.Join(warned, "\n")
}

// round stops a job while its sink's system is away, starts it again when that is back,
// and drops it while it is away once more.
func (a *away) round(n int, hangs, busy bool) {
	a.Helper()
	goes := func() {
		read := a.read()
		a.leaves(hangs)
		if !busy {
			return
		}
		a.add(20)
		a.eventually(func() []string { return []string{fmt.Sprint(a.read() >= read+20)} }, "true")
		a.wait(100 * time.Millisecond) // three epochs: it is being prepared
	}
	a.here(fmt.Sprintf("START JOB j%d AS SELECT id FROM lines INTO k%[1]d WITH (stop_timeout = '1s', retry_backoff = '50ms', 'checkpoint.interval' = '30ms', %s)",
		n, regexp.MustCompile(`'k\.`).ReplaceAllString(a.into(n), fmt.Sprintf("'k%d.", n))))
	a.add(20)
	a.arrives(n)
	goes()
	if said := a.ends(fmt.Sprintf("STOP JOB j%d", n)); busy && !a.staged && !strings.Contains(said, "WARNING: job \"j"+strconv.Itoa(n)+"\" has ended before") {
		a.Errorf("STOP JOB says %q", said)
	}
	a.returns()
	a.here(fmt.Sprintf("START JOB j%d", n))
	a.add(20)
	a.arrives(n)
	before := a.ids(n)
	goes()
	if said := a.ends(fmt.Sprintf("DROP JOB j%d", n)); busy && !strings.Contains(said, "WARNING: job \"j"+strconv.Itoa(n)+"\"") {
		a.Errorf("DROP JOB says %q", said)
	}
	a.returns()
	a.once(n)
	for id := range before {
		if a.ids(n)[id] == 0 {
			a.Errorf("id %s is not there any more", id)
		}
	}
}

// TestSystemsAway stops and drops jobs whose sink's system hangs, or is gone, while an
// epoch is being prepared and while nothing is: that ends soon, says what stays, and
// nothing is lost or doubled when the job is started again.
func TestSystemsAway(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) *away{
		"postgres":              func(t *testing.T) *away { return awayPostgres(t, "'k.mode' = 'upsert', 'k.key' = 'id'") },
		"postgres transactions": func(t *testing.T) *away { return awayPostgres(t, "use_transactions = 'true'") },
		"mysql":                 func(t *testing.T) *away { return awayMySQL(t, "'k.mode' = 'upsert', 'k.key' = 'id'") },
		"mysql transactions":    func(t *testing.T) *away { return awayMySQL(t, "use_transactions = 'true'") },
		"s3":                    awayS3,
		"http":                  awayHTTP,
		"kafka":                 func(t *testing.T) *away { return awayKafka(t, "'k.delivery.timeout.ms' = '5000'", false) },
		"kafka transactions":    func(t *testing.T) *away { return awayKafka(t, "use_transactions = 'true'", true) },
		"kafka staged": func(t *testing.T) *away {
			a := awayKafka(t, "use_transactions = 'true', 'sink.buffer' = '1MB'", true)
			a.staged = true
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := begin(t)
			a.path = filepath.Join(filepath.Dir(a.options.DataDir), "lines.json")
			a.add(1)
			a.here("CREATE STREAM lines (id bigint) WITH (type = 'file', path = '" + a.path + "', follow = 'true')")
			rounds := []struct{ hangs, busy bool }{{true, true}, {false, false}}
			if os.Getenv("FERRIS_TIER") == "long" {
				rounds = append(rounds, struct{ hangs, busy bool }{true, false}, struct{ hangs, busy bool }{false, true})
			}
			for n, r := range rounds {
				t.Logf("hangs %t, busy %t", r.hangs, r.busy)
				a.round(n, r.hangs, r.busy)
			}
		})
	}
}

func awayPostgres(t *testing.T, options string) *away {
	p := with(t, postgres.Start(t))
	l, dsn := before(t, p)
	p.words = []string{"$line", dsn}
	a := &away{pair: p, line: l, exact: true}
	a.into = func(n int) string {
		a.there(fmt.Sprintf("CREATE TABLE $schema.out%d (id bigint)", n))
		if strings.Contains(options, "upsert") {
			a.there(fmt.Sprintf("ALTER TABLE $schema.out%d ADD PRIMARY KEY (id)", n))
		}
		return options + fmt.Sprintf(", 'k.type' = 'postgres', 'k.connection' = '$line', 'k.table' = '$schema.out%d', 'k.progress.table' = '$schema.progress'", n)
	}
	a.got = func(n int) []string { return a.there(fmt.Sprintf("SELECT id FROM $schema.out%d", n)) }
	return a
}

func awayMySQL(t *testing.T, options string) *away {
	p := withMaria(t, mariadb.MariaDB.Start(t))
	l := lineTo(t, p.maria.Address())
	p.words = append(p.words, "$line", strings.Replace(p.maria.URL(p.name), p.maria.Address(), l.Addr().String(), 1))
	a := &away{pair: p.pair, line: l, exact: true}
	a.into = func(n int) string {
		p.there(fmt.Sprintf("CREATE TABLE out%d (id bigint PRIMARY KEY)", n))
		return options + fmt.Sprintf(", 'k.type' = 'mysql', 'k.connection' = '$line', 'k.table' = 'out%d'", n)
	}
	a.got = func(n int) []string { return p.there(fmt.Sprintf("SELECT id FROM out%d", n)) }
	return a
}

func awayS3(t *testing.T) *away {
	server := objects.Start(t)
	server.Bucket(t, "shop")
	l := lineTo(t, server.Addr)
	p := alone(t, "http.allow: [127.0.0.1]\n", "$s3", keysOf("http://"+l.Addr().String()))
	a := &away{pair: p, line: l, exact: true}
	a.into = func(n int) string {
		return fmt.Sprintf("'k.type' = 's3', 'k.path' = 's3://shop/out%d/', 'k.roll.interval' = '100ms', ", n) + prefixed("k", p.expand("$s3"))
	}
	a.got = func(n int) []string {
		var ids []string
		for _, l := range lines(t, server, fmt.Sprintf("out%d/", n)) {
			ids = append(ids, strings.Trim(l, `{"id:}`))
		}
		return ids
	}
	return a
}

func awayHTTP(t *testing.T) *away {
	hooks := map[int]*hook{}
	first := startHook(t)
	l := lineTo(t, first.Listener.Addr().String())
	a := &away{pair: alone(t, "http.allow: [127.0.0.1]\n"), line: l, exact: true}
	a.into = func(n int) string {
		hooks[n] = first
		first.mu.Lock()
		first.lines = nil
		first.mu.Unlock()
		return "'k.type' = 'http_sink', 'k.url' = 'http://" + l.Addr().String() + "/', 'k.body' = 'lines', 'k.request_retries' = '1', 'k.request_backoff' = '5ms'"
	}
	a.got = func(n int) []string { return hooks[n].fields(t, "id") }
	return a
}

// lineToKafka is a broker that names the line as its address.
func lineToKafka(t *testing.T) (a *away, addr string) {
	addr = gateway.StartBroker(t)
	l := lineTo(t, addr)
	address := func(to string) string {
		host, port, err := net.SplitHostPort(to)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		return string(binary.BigEndian.AppendUint32([]byte(host), uint32(n)))
	}
	l.mu.Lock()
	l.turns = strings.NewReplacer(address(addr), address(l.Addr().String()))
	l.mu.Unlock()
	return &away{pair: alone(t, ""), line: l}, addr
}

func awayKafka(t *testing.T, options string, exact bool) *away {
	a, addr := lineToKafka(t)
	a.exact = exact
	a.into = func(n int) string {
		a.here(fmt.Sprintf("CREATE STREAM back%d (id bigint) WITH (type = 'kafka', topic = 'out%[1]d', 'bootstrap.servers' = '%s')", n, addr))
		return options + fmt.Sprintf(", 'k.type' = 'kafka', 'k.topic' = 'out%d', 'k.bootstrap.servers' = '%s'", n, a.line.Addr())
	}
	a.got = func(n int) []string {
		rows, err := run(a.ctx, a.ours, fmt.Sprintf("SELECT id FROM back%d", n))
		if err != nil {
			t.Logf("reading what is there: %v", err) // the topic is being made
		}
		return rows
	}
	return a
}

// TestOthersWhileAStopWaits: while a STOP JOB waits for a server that hangs, other
// sessions start, stop and drop other jobs, and ask.
func TestOthersWhileAStopWaits(t *testing.T) {
	a := awayPostgres(t, "use_transactions = 'true'")
	a.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '1000')")
	a.here("START JOB j AS SELECT id FROM g INTO k WITH (stop_timeout = '60s', 'checkpoint.interval' = '30ms', " + a.into(0) + ")")
	a.eventually(func() []string { return []string{fmt.Sprint(len(a.got(0)) > 0)} }, "true")
	a.line.hold()
	a.wait(100 * time.Millisecond)
	stopped := make(chan error, 1)
	stopper := a.connect(a.gateway.URL())
	go func() {
		_, err := run(a.ctx, stopper, "STOP JOB j")
		stopped <- err
	}()
	a.soon(&a.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'j'", "stopped")
	a.here("START JOB other AS SELECT id FROM g INTO b WITH ('b.type' = 'blackhole')")
	a.soon(&a.ours, "SELECT rows_out > 0 FROM ferris.jobs WHERE job_name = 'other'", "t")
	a.here("STOP JOB other")
	a.here("DROP JOB other")
	a.here("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM (VALUES (1)) x")
	select {
	case err := <-stopped:
		t.Fatalf("STOP JOB has ended: %v", err)
	default:
	}
	a.line.release()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	ids := a.ids(0)
	if len(ids) != slices.Max(append(slices.Collect(maps.Values(ids)), len(a.got(0)))) {
		t.Errorf("%d ids in %d rows", len(ids), len(a.got(0)))
	}
}
