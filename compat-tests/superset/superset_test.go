// Package superset runs Apache Superset over the demo's streams, and over a PostgreSQL
// 16 that holds the same rows: both have to come out alike.
package superset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
)

// objects are what both servers have beside the demo's streams, which are tables in
// PostgreSQL. The rows that are asked for are older than %[1]s, so that they stay as
// they are.
const objects = `
CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE TABLE kinds (
	id bigint PRIMARY KEY, i2 smallint, i4 int, f4 real, f8 double precision, n numeric(12,3), b boolean, t text NOT NULL, v varchar(20), c char(3),
	d date, tm time, ts timestamp, tz timestamptz, iv interval, u uuid, y bytea, j jsonb, a int[], m mood
);
INSERT INTO kinds SELECT n, n, n * 10, n / 2.0, n / 4.0, n + 0.125, n %% 2 = 0, 't€' || n, 'v' || n, 'c', '2024-02-28'::date + n::int, '01:02:03.5', '2024-02-29 01:02:03.123456'::timestamp + n * interval '1 day',
	'2024-02-29 01:02:03+00'::timestamptz + n * interval '1 hour', n * interval '1 day 02:03:04', '6ecd8c99-4036-403d-bf84-cf8400f67836', '\x01ff', '{"k": [1, null]}', ARRAY[n::int, NULL], 'ok' FROM generate_series(1, 9) AS n;
INSERT INTO kinds (id, t) VALUES (10, '');
CREATE TABLE desks (symbol text PRIMARY KEY, desk text NOT NULL, opened date, traders int);
INSERT INTO desks VALUES ('AAPL', 'tech', '2020-01-02', 3), ('MSFT', 'tech', '2021-03-04', 5), ('AMZN', 'retail', NULL, NULL);
COMMENT ON TABLE desks IS 'who trades what';
COMMENT ON COLUMN desks.desk IS 'a room';
CREATE VIEW large_trades AS SELECT symbol, price * quantity AS notional, at FROM trades WHERE price * quantity > 100000 AND at < '%[1]s';
CREATE MATERIALIZED VIEW trades_by_symbol AS SELECT symbol, count(*) AS trades, sum(quantity) AS quantity, max(at) AS latest FROM trades WHERE at < '%[1]s' GROUP BY symbol;`

// span are the times between which the rows lie that charts ask for: to is past
// already, so that the streams have all of them.
type span struct{ from, to time.Time }

const stamp = "2006-01-02T15:04:05"

// filter is the span as a dashboard's filter of time has it.
func (s span) filter() object {
	return object{"col": "at", "op": "TEMPORAL_RANGE", "val": s.from.Format(stamp) + " : " + s.to.Format(stamp)}
}

// where is the span as SQL.
func (s span) where() string {
	return fmt.Sprintf("at >= '%sZ' AND at < '%sZ'", s.from.Format(stamp), s.to.Format(stamp))
}

// sides are the two servers, each by itself and as Superset's database.
type sides struct {
	direct       *pgx.Conn // to the gateway
	ours, theirs database
	span         span
}

// both asks the two, and holds their answers to one another.
func (s *sides) both(t *testing.T, what string, ask func(database) any) (ours any) {
	t.Helper()
	ours = ask(s.ours)
	if diff := cmp.Diff(ask(s.theirs), ours); diff != "" {
		t.Errorf("%s (-PostgreSQL's +ours):\n%s", what, diff)
	}
	return ours
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
}

// setUp starts the servers, with the same rows.
func setUp(t *testing.T) *sides {
	t.Helper()
	g, p := gateway.Start(t, gateway.Options{Dev: true}), postgres.Start(t)
	// What the demo begins with is of the 50 seconds before its start.
	to := time.Now().UTC().Truncate(time.Second)
	s := &sides{direct: connect(t, g.URL()), span: span{to.Add(-30 * time.Second), to.Add(-2 * time.Second)}}
	oracle := connect(t, p.DSN())
	for _, sample := range kafka.Samples {
		execute(t, oracle, "CREATE TABLE "+sample.Topic+" "+sample.Columns)
		copyRows(t, s.direct, oracle, sample.Topic, "at < '"+s.span.to.Format(stamp)+"Z'")
	}
	for _, conn := range []*pgx.Conn{s.direct, oracle} {
		execute(t, conn, fmt.Sprintf(objects, s.span.to.Format(stamp)+"Z"))
	}
	execute(t, oracle, "CREATE UNIQUE INDEX trades_by_symbol_key ON trades_by_symbol (symbol)") // which a view of groups has
	s.await(t, "SELECT (SELECT sum(trades) FROM trades_by_symbol) = (SELECT count(*) FROM trades WHERE at < '"+s.span.to.Format(stamp)+"Z')", "true")
	superset := start(t).login(t)
	s.ours = superset.addDatabase(t, "the gateway at "+g.Listen, "postgresql+psycopg2://ferris@"+g.Listen+"/ferris")
	u, err := url.Parse(p.DSN())
	if err != nil {
		t.Fatal(err)
	}
	s.theirs = superset.addDatabase(t, "PostgreSQL at "+u.Host, "postgresql+psycopg2://"+u.User.String()+"@"+net.JoinHostPort(u.Hostname(), u.Port())+u.Path+"?options=-ctimezone%3DUTC")
	return s
}

// copyRows copies what a stream has into a table of the same name.
func copyRows(t *testing.T, from, to *pgx.Conn, name, where string) {
	t.Helper()
	r, w := io.Pipe()
	go func() {
		_, err := from.PgConn().CopyTo(t.Context(), w, "COPY (SELECT * FROM "+name+" WHERE "+where+") TO STDOUT")
		w.CloseWithError(err)
	}()
	tag, err := to.PgConn().CopyFrom(t.Context(), r, "COPY "+name+" FROM STDIN")
	if err != nil {
		t.Fatal(err)
	}
	if tag.RowsAffected() < 500 {
		t.Fatalf("the stream %s has %d rows of the demo", name, tag.RowsAffected())
	}
}

// await asks the gateway until a query has an answer.
func (s *sides) await(t *testing.T, sql, want string) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); ; <-tick.C {
		var got any
		if err := s.direct.QueryRow(t.Context(), sql).Scan(&got); err != nil {
			t.Fatalf("%s\n%v", sql, err)
		}
		if fmt.Sprint(got) == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s\nis %v, want %s", sql, got, want)
		}
	}
}

// rows are what the gateway answers without Superset, as JSON objects. Times are
// milliseconds, as charts have them, where the query says so.
func (s *sides) rows(t *testing.T, sql string) []any {
	t.Helper()
	found, err := s.direct.Query(t.Context(), "SELECT row_to_json(q)::text FROM ("+sql+") AS q")
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	texts, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	all := make([]any, len(texts))
	for i, text := range texts {
		if err := json.NewDecoder(bytes.NewBufferString(text)).Decode(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestSuperset has Superset connect to the gateway, list and sync what is there, chart
// and filter it, run and cancel queries of SQL Lab, and do the same over PostgreSQL 16.
func TestSuperset(t *testing.T) {
	if os.Getenv("FERRIS_TIER") != "long" {
		t.Skip("starts Apache Superset, for minutes; FERRIS_TIER=long runs it (after FERRIS_TIER=long compat-tests/install.sh)")
	}
	s := setUp(t)
	t.Run("tree", s.tree)
	t.Run("charts", s.explore)
	t.Run("sql lab", s.lab)
	t.Run("cancel", s.cancel)
}

// tree reads what its trees of schemas and tables show.
func (s *sides) tree(t *testing.T) {
	if diff := cmp.Diff(inOrder(append(s.theirs.schemas(t), "ferris"), false), inOrder(s.ours.schemas(t), false)); diff != "" {
		t.Errorf("schemas (-want +got):\n%s", diff)
	}
	got := s.both(t, "relations", func(d database) any { return d.relations(t, "public") }).(map[string]string)
	if got["trades"] != "table" || got["desks"] != "table" || got["large_trades"] != "view" || got["trades_by_symbol"] == "" {
		t.Errorf("relations %v", got)
	}
	for _, name := range []string{"trades", "kinds", "desks", "large_trades", "trades_by_symbol"} {
		s.both(t, "what there is of "+name, func(d database) any {
			return d.call(t, "GET", d.path("table_metadata/?name="+name+"&schema=public"), nil)
		})
	}
}
