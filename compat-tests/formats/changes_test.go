package formats

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// connect starts a gateway with a broker of its own.
func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	return connectOver(t, "")
}

// connectOver is connect to a gateway over brokers, one of its own where there are none.
func connectOver(t *testing.T, brokers string) *pgx.Conn {
	t.Helper()
	dir := t.TempDir()
	settings := filepath.Join(dir, "ferris.yaml")
	if err := os.WriteFile(settings, []byte("http.allow: [127.0.0.1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{Dev: brokers == "", Brokers: brokers, Dir: dir, Args: []string{"--config", settings}})
	conn, err := pgx.Connect(t.Context(), p.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func run(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s\n%v", s, err)
		}
	}
}

// rows are a query's, each as text.
func rows(t *testing.T, conn *pgx.Conn, query string) string {
	t.Helper()
	got, err := answer(t.Context(), conn, query)
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	return got
}

func answer(ctx context.Context, conn *pgx.Conn, query string) (string, error) {
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, r := range results[len(results)-1].Rows {
		for i, f := range r {
			if i > 0 {
				b.WriteByte('|')
			}
			b.Write(f)
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// becomes waits until a query answers what is wanted; before that it may fail, as
// where a job has not made its topic.
func becomes(t *testing.T, conn *pgx.Conn, query, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := answer(t.Context(), conn, query)
		if err == nil && got == want {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s\nanswers\n%s %v\nwant\n%s", query, got, err, want)
		}
	}
}

// TestChangesThroughJobs has a table's changes go through jobs that group them, into
// topics of each way to write changes, and reads these as tables again.
func TestChangesThroughJobs(t *testing.T) {
	conn := connect(t)
	run(t, conn,
		`CREATE STREAM envelopes (value text) WITH (type = 'kafka', topic = 'changes', format = 'text')`,
		`INSERT INTO envelopes (_key, value) VALUES ('all', '{"op":"r","after":{"id":1,"kind":"a","price":"1.50"}}')`,
		`CREATE STREAM items (id int PRIMARY KEY, kind text, price numeric(10,2)) WITH (type = 'kafka', topic = 'changes', format = 'debezium-json')`,
		`CREATE STREAM sums (kind text PRIMARY KEY, n bigint, total numeric) WITH (type = 'kafka', topic = 'sums')`,
		`INSERT INTO sums VALUES ('seed', 0, 0)`,
		`START JOB into_stream AS INSERT INTO sums SELECT kind, count(*), sum(price) FROM items GROUP BY kind WITH ('checkpoint.interval' = '50ms')`,
		`START JOB into_sink AS SELECT kind, count(*) AS n, sum(price) AS total FROM items GROUP BY kind INTO up
			WITH ('checkpoint.interval' = '50ms', 'up.type' = 'kafka', 'up.topic' = 'up')`,
		`START JOB into_exact AS SELECT kind, count(*) AS n, sum(price) AS total FROM items GROUP BY kind INTO once
			WITH ('checkpoint.interval' = '50ms', 'use_transactions' = 'true', 'once.type' = 'kafka', 'once.topic' = 'once', 'once.format' = 'debezium-json')`,
	)
	const totals = "SELECT kind, n, total FROM %s WHERE n > 0 ORDER BY kind"
	for topic, format := range map[string]string{"up": "json", "once": "debezium-json"} {
		run(t, conn, fmt.Sprintf("CREATE STREAM %s_table (kind text PRIMARY KEY, n bigint, total numeric) WITH (type = 'kafka', topic = '%[1]s', format = '%s')", topic, format))
	}
	for i, step := range []struct{ envelopes, want string }{
		{`{"op":"c","after":{"id":2,"kind":"a","price":"2.50"}}`, "a|2|4.00\n"},
		{`{"op":"c","after":{"id":3,"kind":"b","price":"1.00"}}`, "a|2|4.00\nb|1|1.00\n"},
		{`{"op":"u","before":{"id":1,"kind":"a","price":"1.50"},"after":{"id":1,"kind":"b","price":"1.75"}}`, "a|1|2.50\nb|2|2.75\n"},
		{`{"op":"d","before":{"id":2}}`, "b|2|2.75\n"},
		{`{"op":"u","before":{"id":3},"after":{"id":30,"kind":"c","price":"9"}}`, "b|1|1.75\nc|1|9.00\n"},
	} {
		run(t, conn, fmt.Sprintf("INSERT INTO envelopes (_key, value) VALUES ('all', '%s')", step.envelopes))
		if got := rows(t, conn, "SELECT kind, count(*), sum(price) FROM items GROUP BY kind ORDER BY kind"); got != step.want {
			t.Fatalf("step %d: the table has\n%s\nwant\n%s", i, got, step.want)
		}
		becomes(t, conn, fmt.Sprintf(totals, "sums"), step.want)
		becomes(t, conn, fmt.Sprintf(totals, "up_table"), step.want)
		becomes(t, conn, fmt.Sprintf(totals, "once_table"), step.want)
	}
	run(t, conn, `CREATE STREAM once_text (value text) WITH (type = 'kafka', topic = 'once', format = 'text')`)
	got := rows(t, conn, `SELECT value FROM once_text WHERE value LIKE '%"op":"d"%'`)
	if want := `{"before":{"kind":"a","n":1,"total":2.50},"after":null,"op":"d"}` + "\n"; got != want {
		t.Errorf("deletions are\n%s\nwant\n%s", got, want)
	}
	if got := rows(t, conn, `SELECT count(*) FROM once_text WHERE value LIKE '%"op":"u"%'`); got == "0\n" {
		t.Error("no change is an update")
	}
}

// TestChangesRefused has jobs refused whose sinks could not take their changes.
func TestChangesRefused(t *testing.T) {
	conn := connect(t)
	run(t, conn,
		`CREATE STREAM e (id int, kind text) WITH (type = 'kafka', topic = 'e')`,
		`CREATE STREAM keyed (kind text, n bigint PRIMARY KEY) WITH (type = 'kafka', topic = 'keyed')`,
		`CREATE STREAM plain (kind text, n bigint) WITH (type = 'kafka', topic = 'plain')`,
		`INSERT INTO e VALUES (1, 'a')`,
	)
	for _, c := range []struct{ statement, code, text string }{
		{`START JOB j AS INSERT INTO keyed SELECT kind, count(*) FROM e GROUP BY kind`, "42P10", "holds no key of theirs"},
		{`START JOB j AS INSERT INTO plain SELECT kind, count(*) FROM e GROUP BY kind`, "0A000", `stream "plain", which has no PRIMARY KEY`},
		{`START JOB j AS SELECT count(*) AS n FROM e INTO s WITH ('s.type' = 'kafka')`, "0A000", `sink "s" has no key to find them by`},
		{`START JOB j AS SELECT kind, count(*) AS n FROM e GROUP BY kind INTO s WITH ('s.type' = 'kafka', 's.changelog' = 'append')`, "0A000", "only takes rows that stay"},
		{`START JOB j AS SELECT kind, count(*) AS n FROM e GROUP BY kind INTO s WITH ('s.type' = 'kafka', 's.key' = 'n')`, "42P10", "holds no key of theirs"},
		{`CREATE STREAM d (id int) WITH (type = 'kafka', topic = 'd', format = 'debezium-json')`, "0A000", "has no PRIMARY KEY"},
		{`CREATE STREAM d WITH (type = 'kafka', topic = 'd', format = 'debezium-json')`, "0A000", "has no PRIMARY KEY"},
		{`CREATE STREAM d (id int PRIMARY KEY, _op text) WITH (type = 'kafka', topic = 'd', format = 'debezium-json')`, "42701", "conflicts with a system column name"},
	} {
		_, err := conn.Exec(t.Context(), c.statement, pgx.QueryExecModeSimpleProtocol)
		if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), c.code) {
			t.Errorf("%s: %v, want %s %s", c.statement, err, c.code, c.text)
		}
	}
}
