package formats

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/kafka"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/registry"
)

// cluster is a broker with topics, and a gateway that is not told of it.
type cluster struct {
	addr    string
	adm     *kadm.Client
	cl      *kgo.Client
	gateway gateway.Options
	process *gateway.Process
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return clusterAt(t, gateway.StartBroker(t))
}

// newClusterBeside is a cluster that is a real one where the registry is.
func newClusterBeside(t *testing.T, r *registry.Registry) *cluster {
	t.Helper()
	if r.Checks {
		return clusterAt(t, kafka.Start(t).Addr())
	}
	return newCluster(t)
}

func clusterAt(t *testing.T, addr string) *cluster {
	t.Helper()
	c := &cluster{addr: addr}
	var err error
	if c.cl, err = kgo.NewClient(kgo.SeedBrokers(c.addr), kgo.AllowAutoTopicCreation()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.cl.Close)
	c.adm = kadm.NewClient(c.cl)
	settings := filepath.Join(t.TempDir(), "ferris.yaml")
	if err := os.WriteFile(settings, []byte("http.allow: [127.0.0.1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.gateway = gateway.Options{DataDir: t.TempDir(), Listen: gateway.FreeAddr(), Args: []string{"--config", settings}}
	c.process = gateway.Start(t, c.gateway)
	return c
}

// put writes records to a topic, which is made with its first one.
func (c *cluster) put(t *testing.T, topic string, records ...string) {
	t.Helper()
	if _, err := c.adm.CreateTopic(t.Context(), 2, 1, nil, topic); err != nil && !strings.Contains(err.Error(), "EXISTS") {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := c.cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(r)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *cluster) connect(t *testing.T, user string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(c.process.URL())
	if err != nil {
		t.Fatal(err)
	}
	config.User = user
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// lined are a query's rows, each a line.
func lined(t *testing.T, conn *pgx.Conn, query string) string {
	t.Helper()
	return strings.TrimSuffix(rows(t, conn, query), "\n")
}

// wantFault is an error of a statement, with a message and a hint that hold some words.
func wantFault(t *testing.T, conn *pgx.Conn, sql, code, message, hint string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != code || !strings.Contains(pe.Message, message) || !strings.Contains(pe.Hint, hint) {
		t.Errorf("%s\n%+v, want %s %q, hint %q", sql, err, code, message, hint)
	}
}

// TestShowTopics lists what brokers hold, of the server's, of others and of a schema.
func TestShowTopics(t *testing.T) {
	c := newCluster(t)
	c.put(t, "orders", `{"id": 1}`, `{"id": 2}`, `{"id": 3}`)
	c.put(t, "Empty.Topic-1")
	conn := c.connect(t, "ferris")
	with := "WITH ('bootstrap.servers' = '" + c.addr + "')"
	want := "Empty.Topic-1|2|1|0|f\norders|2|1|3|f"
	list := func(sql string) string {
		var out []string
		r, err := conn.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		for r.Next() {
			v, err := r.Values()
			if err != nil {
				t.Fatal(err)
			}
			f := map[bool]string{true: "t", false: "f"}
			out = append(out, strings.Join([]string{v[0].(string), text(v[1]), text(v[2]), text(v[3]), f[v[5].(bool)]}, "|"))
		}
		if r.Err() != nil {
			t.Fatalf("%s\n%v", sql, r.Err())
		}
		return strings.Join(out, "\n")
	}
	if got := list("SHOW TOPICS FROM KAFKA " + with); got != want {
		t.Errorf("topics:\n%s\nwant\n%s", got, want)
	}
	c.put(t, "later")
	if got := list("SHOW TOPICS FROM KAFKA " + with); !strings.Contains(got, "later|2|1|0|f") {
		t.Errorf("a statement that was prepared before shows\n%s", got)
	}
	run(t, conn, "CREATE SCHEMA k FROM KAFKA "+with)
	if got := list("SHOW TOPICS FROM k"); !strings.Contains(got, "orders|2|1|3|f") {
		t.Errorf("topics of a schema:\n%s", got)
	}
	wantFault(t, conn, "SHOW TOPICS", "08001", "no brokers", "--brokers host:9092")
	wantFault(t, conn, "SHOW TOPICS WITH ('bootstrap.servers' = '127.0.0.1:1')", "08001", "could not connect to Kafka", "Check that a broker listens there")
	wantFault(t, conn, "SHOW TOPICS FROM mysql", "0A000", "FROM \"mysql\"", "FROM KAFKA")
	wantFault(t, conn, "SHOW TOPICS FROM nothere", "3F000", "schema \"nothere\" does not exist", "FROM KAFKA")
	wantFault(t, conn, "SHOW TOPICS FROM public", "42809", "shows no topics", "CREATE SCHEMA")
	wantFault(t, conn, "SHOW TOPICS WITH ('bootstrap.server' = 'x')", "22023", "bootstrap.server", "bootstrap.servers")
	wantFault(t, conn, "SHOW TOPICS FROM k WITH ('bootstrap.servers' = 'x')", "0A000", "WITH", "leave WITH out")
}

func text(v any) string {
	switch x := v.(type) {
	case int32:
		return string('0' + x)
	case int64:
		return string('0' + rune(x))
	}
	return "NULL"
}

// TestTopicsReadOnly reads topics that nobody has used in transactions that may not write:
// they can be read there, by either protocol, and the catalog stays as it was.
func TestTopicsReadOnly(t *testing.T) {
	c := newCluster(t)
	c.put(t, "orders", `{"id": 1}`, `{"id": 2}`)
	conn, other := c.connect(t, "ferris"), c.connect(t, "ferris")
	run(t, conn, "CREATE SCHEMA k FROM KAFKA WITH ('bootstrap.servers' = '"+c.addr+"')")
	made := func() string {
		return lined(t, other, "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE relname = 'orders' AND attname = 'id'")
	}
	for _, begin := range []string{"BEGIN READ ONLY", "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"} {
		run(t, conn, begin)
		for range 2 {
			if got := lined(t, conn, "SELECT sum(id) FROM k.orders"); got != "3" {
				t.Errorf("%s: the sum is %s", begin, got)
			}
		}
		wantFault(t, conn, "CREATE TABLE x (a int)", "25006", "read-only", "")
		run(t, conn, "ROLLBACK")
		run(t, conn, begin)
		if got := lined(t, conn, "SELECT sum(id) FROM k.orders"); got != "3" {
			t.Errorf("%s, once more: the sum is %s", begin, got)
		}
		run(t, conn, "COMMIT")
		if got := made(); got != "0" {
			t.Errorf("%s: a stream was made", begin)
		}
	}
	run(t, conn, "SET default_transaction_read_only = on")
	var sum int64
	for range 3 { // from the second on by a prepared statement
		if err := conn.QueryRow(t.Context(), "SELECT sum(id) FROM k.orders WHERE id > $1", 1).Scan(&sum); err != nil || sum != 2 {
			t.Errorf("of one statement alone: %d, %v", sum, err)
		}
	}
	if got := made(); got != "0" {
		t.Error("a statement alone: a stream was made")
	}
	run(t, conn, "SET default_transaction_read_only = off")
	if got := lined(t, conn, "SELECT sum(id) FROM k.orders"); got != "3" || made() != "1" {
		t.Errorf("where it may be written: the sum is %s, %s streams were made", got, made())
	}
}

// TestSchemaOfTopics uses topics as streams that nobody has declared.
func TestSchemaOfTopics(t *testing.T) { registry.Both(t, schemaOfTopics) }

func schemaOfTopics(t *testing.T, reg *registry.Registry) {
	c := newClusterBeside(t, reg)
	long := strings.Repeat("a-long-name.", 6)
	twins := strings.Repeat("t", 63)
	c.put(t, "orders", `{"id": 1, "price": 9.5}`, `{"id": 2, "price": 10.25}`)
	c.put(t, "Orders.EU", `{"ort": "Köln"}`)
	c.put(t, "lines", "one", "two")
	c.put(t, "frames", "\x00\xff\x01")
	c.put(t, long+"x", `{"n": 1}`)
	c.put(t, twins+"a", `{"n": 1}`)
	c.put(t, twins+"b", `{"n": 2}`)
	c.put(t, "select", `{"from": 7}`)
	c.put(t, "empty")
	id := reg.Put(t, "payments-value", sr.Schema{Schema: `{"type":"record","name":"p","fields":[{"name":"id","type":"long"},{"name":"by","type":"string"}]}`})
	c.put(t, "payments", string(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)))+"\x0e\x04me")

	conn := c.connect(t, "ferris")
	run(t, conn, "CREATE SCHEMA k FROM KAFKA WITH ('bootstrap.servers' = '"+c.addr+"', 'schema.registry.url' = '"+reg.URL+"')")
	wantFault(t, conn, "CREATE SCHEMA k FROM KAFKA", "42P06", `schema "k" already exists`, "")
	run(t, conn, "CREATE SCHEMA IF NOT EXISTS k FROM KAFKA")
	listed := func() string {
		return lined(t, conn, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'k' ORDER BY table_name COLLATE \"C\"")
	}
	inClass := func() string {
		return lined(t, conn, "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'k' ORDER BY relname COLLATE \"C\"")
	}
	all := []string{"Orders.EU", long[:63], "empty", "frames", "lines", "orders", "payments", "select", twins}
	if got := listed(); got != strings.Join(all, "\n") {
		t.Errorf("listed are\n%s", got)
	}
	if got := lined(t, conn, "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'k'"); got != "0" {
		t.Errorf("%s columns were found by listing topics", got)
	}

	for _, q := range []struct{ sql, want string }{
		{"SELECT id, price, _offset >= 0 FROM k.orders ORDER BY id", "1|9.5|t\n2|10.25|t"},
		{`SELECT * FROM k."Orders.EU"`, "Köln"},
		{"SELECT value FROM k.lines ORDER BY value", "one\ntwo"},
		{"SELECT value FROM k.frames", `\x00ff01`},
		{`SELECT id, "by" FROM k.payments`, "7|me"},
		{`SELECT * FROM k."` + long + `"`, "1"},
		{`SELECT "from" FROM k."select"`, "7"},
		{"SELECT count(*) FROM k.orders o JOIN k.payments p ON p.id > o.id", "2"},
		{"SELECT data_type FROM information_schema.columns WHERE table_schema = 'k' AND table_name = 'payments' ORDER BY ordinal_position", "bigint\ntext"},
	} {
		if got := lined(t, conn, q.sql); got != q.want {
			t.Errorf("%s\n%s, want\n%s", q.sql, got, q.want)
		}
	}
	if got := listed(); got != strings.Join(all, "\n") || inClass() != got {
		t.Errorf("listed are, when some are used,\n%s\nand in pg_class\n%s", got, inClass())
	}
	run(t, conn, "SET search_path = k, public")
	if got := lined(t, conn, "SELECT count(*) FROM orders"); got != "2" {
		t.Errorf("a topic by the search path: %s", got)
	}
	run(t, conn, "RESET search_path")
	wantFault(t, conn, "SELECT * FROM k.orders_eu", "42P01", `relation "k.orders_eu" does not exist`, "")
	wantFault(t, conn, "SELECT * FROM k.LINES2", "42P01", "k.lines2", "")
	wantFault(t, conn, `SELECT * FROM k."Empty"`, "42P01", "k.Empty", "k.empty")
	wantFault(t, conn, "SELECT * FROM k.empty", "42P16", `topic "empty" is empty`, "CREATE STREAM")
	wantFault(t, conn, "SELECT * FROM k."+twins, "42P09", "2 topics", "CREATE STREAM")
	wantFault(t, conn, "SELECT 1 FROM pg_class x, k.nothing", "42P01", "k.nothing", "")
	wantFault(t, conn, "START JOB no AS SELECT id FROM k.orders INTO k.nothing", "42P01", "k.nothing", "")

	// Within a transaction that has changed the catalog itself, the stream is part of it.
	run(t, conn, "BEGIN", "CREATE TABLE public.mine (a int)")
	c.put(t, "fresh", `{"a": 1}`)
	if got := lined(t, conn, "SELECT * FROM k.fresh"); got != "1" {
		t.Errorf("a topic in a transaction: %s", got)
	}
	run(t, conn, "ROLLBACK", "INSERT INTO k.fresh VALUES (2)")
	if got := lined(t, conn, "SELECT a FROM k.fresh ORDER BY a"); got != "1\n2" {
		t.Errorf("a topic after what was inserted: %s", got)
	}

	// A job reads a topic, over a restart; a role is let in by name.
	run(t, conn, "CREATE TABLE sums (id bigint PRIMARY KEY, n bigint)",
		"START JOB sum AS SELECT id, count(*) AS n FROM k.orders GROUP BY id INTO sums",
		"CREATE ROLE ann LOGIN", "GRANT USAGE ON SCHEMA k TO ann", "GRANT SELECT ON k.orders TO ann")
	conn.Close(t.Context())
	if err := c.process.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	c.process = gateway.Start(t, c.gateway)
	conn = c.connect(t, "ferris")
	c.put(t, "orders", `{"id": 1, "price": 1}`)
	becomes(t, conn, "SELECT n FROM sums WHERE id = 1", "2\n")
	if got := lined(t, conn, `SELECT count(*) FROM k.lines`); got != "2" {
		t.Errorf("a topic after a restart: %s", got)
	}
	ann := c.connect(t, "ann")
	if got := lined(t, ann, "SELECT count(*) FROM k.orders"); got != "3" {
		t.Errorf("what ann was granted: %s", got)
	}
	wantFault(t, ann, "SELECT * FROM k.lines", "42501", "permission denied", "")
	c.put(t, "news", `{"a": 1}`)
	wantFault(t, ann, "SELECT * FROM k.news", "42501", `topic "news"`, "GRANT SELECT")
	wantFault(t, ann, "CREATE SCHEMA l FROM KAFKA", "42501", "permission denied", "")
	wantFault(t, ann, "SHOW TOPICS", "42501", "kafka", "GRANT USAGE ON CONNECTOR")

	// What vanishes is named; what is dropped is found again.
	if _, err := c.adm.DeleteTopics(t.Context(), "lines", "frames"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, conn, "SELECT * FROM k.lines", "42P01", `topic "lines" does not exist`, "Create the topic")
	run(t, conn, "DROP STREAM k.lines", "DROP STREAM k.frames")
	wantFault(t, conn, "SELECT * FROM k.lines", "42P01", `relation "k.lines" does not exist`, "")
	wantFault(t, conn, "DROP SCHEMA k", "2BP01", "cannot drop schema k", "CASCADE")
	run(t, conn, "STOP JOB sum", "DROP JOB sum", "DROP SCHEMA k")
	wantFault(t, conn, "SELECT * FROM k.orders", "42P01", "k.orders", "")
	if got := listed(); got != "" {
		t.Errorf("listed after the schema was dropped:\n%s", got)
	}

	for _, q := range []struct{ sql, code, message, hint string }{
		{"CREATE SCHEMA a FROM MYSQL", "0A000", "FROM \"mysql\"", "FROM KAFKA"},
		{"CREATE SCHEMA a FROM KAFKA WITH (topic = 'x')", "22023", "topic", "CREATE STREAM"},
		{"CREATE SCHEMA a FROM KAFKA WITH ('bootstrap.server' = 'x')", "22023", "bootstrap.server", "bootstrap.servers"},
		{"CREATE SCHEMA a FROM KAFKA WITH ('schema.registry.url' = 'http://10.0.0.1')", "42501", "http.allow", "Allowed are"},
		{"CREATE SCHEMA a FROM KAFKA WITH (format = 'debezium-json')", "0A000", "PRIMARY KEY", ""},
	} {
		wantFault(t, conn, q.sql, q.code, q.message, q.hint)
	}

	// With the broker away the catalogs answer, and a statement says what is wrong.
	run(t, conn, "CREATE SCHEMA gone FROM KAFKA WITH ('bootstrap.servers' = '127.0.0.1:1')")
	if got := lined(t, conn, "SELECT relname FROM pg_class WHERE relnamespace = 'gone'::regnamespace"); got != "" {
		t.Errorf("topics of brokers that are away: %s", got)
	}
	wantFault(t, conn, "SELECT * FROM gone.orders", "08001", "could not connect to Kafka", "Check that a broker listens there")
}

// TestOneTopicOfTwoSchemas uses topics of one name of two schemas, neither of which was
// used before, in one statement.
func TestOneTopicOfTwoSchemas(t *testing.T) {
	c := newCluster(t)
	c.put(t, "orders", `{"id": 1}`, `{"id": 2}`)
	conn := c.connect(t, "ferris")
	for _, schema := range []string{"k1", "k2"} {
		run(t, conn, "CREATE SCHEMA "+schema+" FROM KAFKA WITH ('bootstrap.servers' = '"+c.addr+"')")
	}
	if got := lined(t, conn, "SELECT count(*) FROM k1.orders a JOIN k2.orders b ON a.id = b.id"); got != "2" {
		t.Errorf("%s pairs, want 2", got)
	}
}
