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
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
)

// mortal is a gateway that is killed, and starts again over what it has kept.
type mortal struct {
	o       gateway.Options
	process *gateway.Process
	conn    *pgx.Conn
}

func newMortal(t *testing.T) *mortal {
	t.Helper()
	m := &mortal{o: gateway.Options{Dir: t.TempDir(), DataDir: t.TempDir(), Listen: gateway.FreeAddr()}}
	m.start(t)
	return m
}

func (m *mortal) start(t *testing.T) {
	t.Helper()
	m.process = gateway.Start(t, m.o)
	var err error
	if m.conn, err = pgx.Connect(t.Context(), m.process.URL()); err != nil {
		t.Fatal(err)
	}
	conn := m.conn
	t.Cleanup(func() { conn.Close(context.Background()) })
}

// extend appends to a file of the gateway's directory.
func (m *mortal) extend(t *testing.T, name, content string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(m.o.Dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
}

// passes waits until a count is more than n, and returns it.
func (m *mortal) passes(t *testing.T, query string, n int64) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var got int64
		err := m.conn.QueryRow(t.Context(), query, pgx.QueryExecModeSimpleProtocol).Scan(&got)
		if err == nil && got > n {
			return got
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: %d, %v, want more than %d", query, got, err, n)
		}
	}
}

// TestFilesKilled kills the gateway, again and again, while jobs read Protobuf and changes
// from files that grow in the middle of a record, and write them to others: each message is
// there once, and the changes come to the table.
func TestFilesKilled(t *testing.T) {
	m := newMortal(t)
	m.extend(t, "in.pb", "")
	m.extend(t, "items.jsonl", "")
	const proto = `syntax = "proto3"; message M { int64 id = 1; string name = 2; }`
	run(t, m.conn,
		`CREATE STREAM sent (id bigint, name text) WITH (type = 'file', path = 'in.pb', format = 'protobuf', follow = 'true', 'protobuf.schema' = '`+proto+`')`,
		`CREATE STREAM items (id int PRIMARY KEY, kind text, price numeric(10,2)) WITH (type = 'file', path = 'items.jsonl', format = 'debezium-json', follow = 'true')`,
		`START JOB copy AS SELECT id, name FROM sent INTO o WITH ('checkpoint.interval' = '20ms', 'o.type' = 'file', 'o.path' = 'out.pb', 'o.format' = 'protobuf', 'o.protobuf.schema' = '`+proto+`')`,
		`START JOB sums AS SELECT kind, count(*) AS n, sum(price) AS total FROM items GROUP BY kind INTO a
			WITH ('checkpoint.interval' = '20ms', 'a.type' = 'file', 'a.path' = 'sums.avro', 'a.format' = 'debezium-avro')`,
		`START JOB lines AS SELECT kind, count(*) AS n, sum(price) AS total FROM items GROUP BY kind INTO l
			WITH ('checkpoint.interval' = '20ms', 'l.type' = 'file', 'l.path' = 'sums.jsonl.gz', 'l.changelog' = 'debezium')`,
	)
	const steps, each = 4, 20_000
	var messages, envelopes strings.Builder
	sums := map[string][2]int{} // rows and cents of a kind
	type item struct {
		kind  string
		cents int
	}
	table := map[int]item{}
	for i := range steps * each {
		b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(i))
		b = protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), fmt.Sprint("name ", i))
		messages.Write(protobuf.AppendDelimited(nil, b))
		if i%5 > 0 {
			continue
		}
		id, now := i%997, item{string(rune('a' + i%7)), i % 10_000}
		text := func(of item) string {
			return fmt.Sprintf(`{"id":%d,"kind":%q,"price":%d.%02d}`, id, of.kind, of.cents/100, of.cents%100)
		}
		before, there := table[id]
		switch {
		case !there:
			fmt.Fprintf(&envelopes, `{"before":null,"after":%s,"op":"c"}`+"\n", text(now))
			table[id] = now
		case i%3 == 0:
			fmt.Fprintf(&envelopes, `{"before":%s,"after":null,"op":"d"}`+"\n", text(before))
			delete(table, id)
		default:
			fmt.Fprintf(&envelopes, `{"before":%s,"after":%s,"op":"u"}`+"\n", text(before), text(now))
			table[id] = now
		}
	}
	for _, it := range table {
		s := sums[it.kind]
		sums[it.kind] = [2]int{s[0] + 1, s[1] + it.cents}
	}
	var want strings.Builder
	for kind := 'a'; kind <= 'g'; kind++ {
		if s := sums[string(kind)]; s[0] > 0 {
			fmt.Fprintf(&want, "%c|%d|%d.%02d\n", kind, s[0], s[1]/100, s[1]%100)
		}
	}
	run(t, m.conn,
		`CREATE STREAM copied (id bigint, name text) WITH (type = 'file', path = 'out.pb', format = 'protobuf', 'protobuf.schema' = '`+proto+`')`,
		`CREATE STREAM avro_sums (kind text PRIMARY KEY, n bigint, total numeric) WITH (type = 'file', path = 'sums.avro', format = 'debezium-avro')`,
		`CREATE STREAM line_sums (kind text PRIMARY KEY, n bigint, total numeric) WITH (type = 'file', path = 'sums.jsonl.gz', format = 'debezium-json')`,
	)
	had := int64(0)
	for step := range steps {
		// Where a step ends a record does, too, only by chance.
		part := func(s string) string { return s[len(s)*step/steps : len(s)*(step+1)/steps] }
		m.extend(t, "in.pb", part(messages.String()))
		m.extend(t, "items.jsonl", part(envelopes.String()))
		had = m.passes(t, "SELECT count(*) FROM copied", had)
		m.process.Kill()
		m.start(t)
	}
	becomes(t, m.conn, "SELECT count(*), count(DISTINCT id), min(id), max(id), count(DISTINCT name) FROM copied",
		fmt.Sprintf("%d|%[1]d|0|%d|%[1]d\n", steps*each, steps*each-1))
	for _, stream := range []string{"avro_sums", "line_sums"} {
		becomes(t, m.conn, "SELECT kind, n, total FROM "+stream+" ORDER BY kind", want.String())
	}
	// The order of the rows is that of the messages.
	if got := rows(t, m.conn, "SELECT count(*) FROM (SELECT id, lag(id) OVER (ORDER BY _offset) AS before FROM copied) x WHERE before > id"); got != "0\n" {
		t.Errorf("%s rows are out of order", got)
	}
}

// TestFileChangesOverFiles has changes of a key in several files: the later file's counts,
// as the files' names are ordered, in a query, and in a job that takes files up as they
// come and starts again in between.
func TestFileChangesOverFiles(t *testing.T) {
	m := newMortal(t)
	envelope := func(id int, name string) string {
		return fmt.Sprintf(`{"after":{"id":%d,"name":%q},"op":"u"}`+"\n", id, name)
	}
	for i, name := range []string{"2026-01-03", "2026-01-01", "2026-01-02"} {
		m.extend(t, name+".jsonl", envelope(1, name)+envelope(10+i, name))
	}
	run(t, m.conn,
		`CREATE STREAM f (id int PRIMARY KEY, name text) WITH (type = 'file', path = '*.jsonl', format = 'debezium-json', follow = 'true')`,
		`CREATE TABLE t (id int PRIMARY KEY, name text)`,
		`START JOB j AS SELECT id, name FROM f INTO t WITH ('checkpoint.interval' = '20ms')`,
	)
	all := "1|2026-01-03\n10|2026-01-03\n11|2026-01-01\n12|2026-01-02\n"
	if got := rows(t, m.conn, "SELECT * FROM f ORDER BY id"); got != all {
		t.Errorf("the rows are\n%s\nwant\n%s", got, all)
	}
	becomes(t, m.conn, "SELECT * FROM t ORDER BY id", all)
	for i, name := range []string{"2026-01-04", "2026-01-05", "2026-01-06"} {
		m.process.Kill()
		m.start(t)
		m.extend(t, name+".jsonl", envelope(1, name))
		m.extend(t, "2026-01-02.jsonl", envelope(1, "late")+envelope(12, fmt.Sprint("late ", i)))
		want := strings.Replace(all, "1|2026-01-03\n10", "1|"+name+"\n10", 1)
		want = strings.Replace(want, "12|2026-01-02", fmt.Sprint("12|late ", i), 1)
		becomes(t, m.conn, "SELECT * FROM t ORDER BY id", want)
		if got := rows(t, m.conn, "SELECT * FROM f ORDER BY id"); got != want {
			t.Errorf("the rows are\n%s\nwant\n%s", got, want)
		}
	}
}
