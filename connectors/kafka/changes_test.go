package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// opRows are rows of id and name with an op before them: "+1 a".
func opRows(list ...string) *vec.Batch {
	b := rowsOf()
	for _, s := range list {
		var id int64
		var name string
		fmt.Sscanf(s[1:], "%d %s", &id, &name)
		b.Cols[0].(*vec.Fixed[int64]).Append(id)
		b.Cols[1].(*vec.Bytes).AppendString(name)
		op := vec.Insert
		if s[0] == '-' {
			op = vec.Delete
		}
		b.Ops = append(b.Ops, op)
		b.Rows++
	}
	return b
}

func TestChangesSink(t *testing.T) {
	b := start(t)
	type options = []string
	for _, c := range []struct {
		topic   string
		options options
		key     []string // of the query
		primary []string // of the stream
		epochs  [][]string
		want    []string
	}{
		{"upsert", options{"key", "id"}, nil, nil, [][]string{
			{"+1 a", "+2 b", "-1 a", "+1 c"}, {"-1 c", "+1 d", "-2 b"}, {"-1 d", "+1 d"}, {"+3 z", "-1 d", "-3 z"},
		}, []string{`1={"id":1,"name":"c"}`, `2={"id":2,"name":"b"}`, `1={"id":1,"name":"d"}`, `2=`, `1=`}},
		{"late", nil, []string{"id"}, nil, [][]string{{"+1 b", "-1 a"}}, []string{`1={"id":1,"name":"b"}`}},
		{"primary", nil, nil, []string{"id"}, [][]string{{"+1 b"}, {"-1 b"}}, []string{`1={"id":1,"name":"b"}`, `1=`}},
		{"two", options{"key", "id,name"}, nil, nil, [][]string{{"+1 b"}, {"-1 b", "+1 c"}},
			[]string{`{"id":1,"name":"b"}={"id":1,"name":"b"}`, `{"id":1,"name":"b"}=`, `{"id":1,"name":"c"}={"id":1,"name":"c"}`}},
		{"envelopes", options{"format", "debezium-json"}, []string{"id"}, nil, [][]string{{"+1 a", "+2 b"}, {"-1 a", "+1 c", "-2 b"}}, []string{
			`1={"before":null,"after":{"id":1,"name":"a"},"op":"c"}`, `2={"before":null,"after":{"id":2,"name":"b"},"op":"c"}`,
			`1={"before":{"id":1,"name":"a"},"after":{"id":1,"name":"c"},"op":"u"}`, `2={"before":{"id":2,"name":"b"},"after":null,"op":"d"}`,
		}},
		{"unkeyed", options{"changelog", "debezium"}, nil, nil, [][]string{{"+1 a"}, {"-1 a", "+1 c"}}, []string{
			`nil={"before":null,"after":{"id":1,"name":"a"},"op":"c"}`,
			`nil={"before":{"id":1,"name":"a"},"after":null,"op":"d"}`, `nil={"before":null,"after":{"id":1,"name":"c"},"op":"c"}`,
		}},
	} {
		b.topic(c.topic, 1)
		rel := relation(c.topic, c.options...)
		if rel.Kind = catalog.Sink; c.primary != nil {
			rel.Kind, rel.Key = catalog.Stream, c.primary
		}
		s := b.sink(rel, stream.SinkOptions{Changelog: true, Key: c.key})
		for i, rows := range c.epochs {
			if rejects, err := s.Write(t.Context(), opRows(rows...)); err != nil || len(rejects) > 0 {
				t.Fatalf("%s: %v %v", c.topic, rejects, err)
			}
			if i == 0 {
				// What is rolled back before it is prepared leaves no record.
				if err := s.Rollback(t.Context(), 1, nil); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Write(t.Context(), opRows(rows...)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Prepare(t.Context(), stream.Epoch(i+1)); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.records(c.topic); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.topic, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// TestChangesInserted writes rows that only come to be, as INSERT does.
func TestChangesInserted(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	rel := relation("t", "format", "debezium-json")
	rel.Key = []string{"id"}
	s := b.sink(rel, stream.SinkOptions{})
	if _, err := s.Write(t.Context(), rowsOf(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got, want := b.records("t"), []string{`1={"before":null,"after":{"id":1,"name":null},"op":"c"}`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	rel.Columns = append(rel.Columns, catalog.Column{Name: "_key", Type: rel.Columns[1].Type})
	if _, err := (Connector{}).Sink(t.Context(), b.env(), rel, stream.SinkOptions{}); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("taking a row away by its key: %v", err)
	}
}

// TestChangesTooLarge writes a change whose two rows do not fit into one record as two.
func TestChangesTooLarge(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	rel := relation("t", "format", "debezium-json")
	rel.Kind = catalog.Sink
	s := b.sink(rel, stream.SinkOptions{Changelog: true, Key: []string{"id"}})
	long := func(b string) string { return strings.Repeat(b, 600_000) }
	for i, rows := range [][]string{{"+1 " + long("a")}, {"-1 " + long("a"), "+1 " + long("b")}} {
		if rejects, err := s.Write(t.Context(), opRows(rows...)); err != nil || len(rejects) > 0 {
			t.Fatal(rejects, err)
		}
		if _, err := s.Prepare(t.Context(), stream.Epoch(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	var ops []string
	for _, r := range b.records("t") {
		ops = append(ops, r[len(r)-3:])
	}
	if want := []string{`c"}`, `d"}`, `c"}`}; !slices.Equal(ops, want) {
		t.Errorf("records end with %q, want %q", ops, want)
	}
}

func TestDebeziumSource(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0,
		`{"before":null,"after":{"id":1,"name":"a"},"op":"r","source":{"ts_ms":1577836800000}}`,
		`{"before":{"id":1,"name":"a"},"after":{"id":2,"name":"a"},"op":"u"}`,
		`{"op":"t"}`,
		`{"before":{"id":2},"after":null,"op":"d"}`,
	)
	b.record(&kgo.Record{Topic: "t", Key: []byte(`{"id":2}`)})
	b.produce("t", 0, `{"after":{"id":3,"name":"c"},"op":"c"}`)
	rel := relation("t", "format", "debezium-json")
	rel.Key, rel.Hidden = []string{"id"}, Connector{}.Hidden(rel)
	c := b.open(rel, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
	var got []string
	for {
		rows, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			got = append(got, row+" "+c.text(len(rel.AllColumns())-3, i))
		}
	}
	want := []string{"1 a @0:0 r", "1 a @0:1 d", "2 a @0:1 u", "2 NULL @0:3 d", "3 c @0:5 c"}
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	if len(c.rejects) != 1 || c.rejects[0].At != 2 || !strings.Contains(c.rejects[0].Err.Error(), `stream "orders", partition 0, offset 2`) {
		t.Errorf("rejects %+v, want the TRUNCATE", c.rejects)
	}
	rel.Key = nil
	if err := (Connector{}).Check(b.env(), rel, stream.RoleSource); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("without a PRIMARY KEY: %v", err)
	}
}

// TestDebeziumMany reads more changes than a batch has rows, each of which is two.
func TestDebeziumMany(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	var values []string
	for i := range 1500 {
		values = append(values, fmt.Sprintf(`{"before":{"id":%d},"after":{"id":%d},"op":"u"}`, i, i+1))
	}
	b.produce("t", 0, values...)
	rel := relation("t", "format", "debezium-json")
	rel.Key, rel.Hidden = []string{"id"}, Connector{}.Hidden(rel)
	c := b.open(rel, stream.Scan{Bounded: true}, nil)
	n := 0
	for {
		rows, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if want := fmt.Sprintf("%d NULL @0:%d", (n+1)/2, n/2); row != want {
				t.Fatalf("row %d is %s, want %s", n, row, want)
			}
			n++
		}
	}
	if n != 3000 {
		t.Errorf("%d rows, want 3000", n)
	}
}

// TestDebeziumAvro writes changes by a schema of the sink's columns, registered, and
// reads them as another stream.
func TestDebeziumAvro(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	reg := startRegistry(t)
	rel := relation("t", "format", "debezium-avro", "schema.registry.url", reg.URL())
	rel.Kind = catalog.Sink
	s := b.sink(rel, stream.SinkOptions{Changelog: true, Key: []string{"id"}})
	for i, rows := range [][]string{{"+1 a", "+2 b"}, {"-1 a", "+1 c", "-2 b"}} {
		if _, err := s.Write(t.Context(), opRows(rows...)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Prepare(t.Context(), stream.Epoch(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	rel = relation("t", "format", "debezium-avro-confluent", "schema.registry.url", reg.URL())
	rel.Key, rel.Hidden = []string{"id"}, Connector{}.Hidden(rel)
	c := b.open(rel, stream.Scan{Bounded: true}, nil)
	var got []string
	for {
		rows, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			got = append(got, row+" "+c.text(len(rel.AllColumns())-3, i))
		}
	}
	if want := []string{"1 a @0:0 c", "2 b @0:1 c", "1 c @0:2 u", "2 b @0:3 d"}; !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	if id := binary.BigEndian.Uint32([]byte(b.records("t")[0])[3:]); id == 0 {
		t.Error("the records have no schema's id")
	}
}

// TestNullKey: a row that changes and has no key is refused, with what to write.
func TestNullKey(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	s := b.sink(relation("t", "key", "name"), stream.SinkOptions{Changelog: true})
	rows := rowsOf(1, 2)
	rejects, err := s.Write(t.Context(), rows)
	if err != nil || len(rejects) != 1 || sqlerr.CodeOf(rejects[0].Err) != sqlerr.NotNullViolation || !strings.Contains(sqlerr.From(rejects[0].Err).Hint, "coalesce") {
		t.Errorf("%+v, %v; want the last row refused with a hint", rejects, err)
	}
}
