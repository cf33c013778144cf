package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// letters is the relation of a dead letter sink beside a stream.
func letters(of *catalog.Relation, name string) *catalog.Relation {
	return &catalog.Relation{Schema: "public", Name: name, Kind: catalog.Sink, Connector: "kafka", Options: Connector{}.DeadLetters(of, name, nil),
		Columns: []catalog.Column{{Name: "value", Type: types.Of(types.Bytea)}, {Name: "_key", Type: types.Of(types.Bytea)}, {Name: "_headers", Type: types.Of(types.JSONB)}}}
}

// TestDeadLetterSink writes records as they came, with keys that are no text and
// headers.
func TestDeadLetterSink(t *testing.T) {
	b := start(t)
	s := b.sink(letters(relation("t"), "t_dlq"), stream.SinkOptions{Create: true})
	rows := vec.NewBatch([]types.Type{types.Of(types.Bytea), types.Of(types.Bytea), types.Of(types.JSONB)})
	for _, r := range [][3]string{{"\xff\x00", "\x01\xfe", `{"a": "x", "b": null, "n": 1}`}, {"plain", "", `{}`}} {
		for i, v := range r {
			rows.Cols[i].(*vec.Bytes).AppendString(v)
		}
		rows.Rows++
	}
	if rejects, err := s.Write(t.Context(), rows); err != nil || rejects != nil {
		t.Fatal(rejects, err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics("t_dlq"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	got := map[string]bool{}
	for len(got) < 2 {
		cl.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) { got[fmt.Sprintf("%q %q %q", r.Key, r.Value, r.Headers)] = true })
	}
	for _, want := range []string{`"\x01\xfe" "\xff\x00" [{"a" "x"} {"b" ""} {"n" "1"}]`, `"" "plain" []`} {
		if !got[want] {
			t.Errorf("no record %s in %v", want, got)
		}
	}
}

// TestSinkRefusesWhatIsTooLarge: the row is refused and the others are written, also
// those that are larger than a batch is to be.
func TestSinkRefusesWhatIsTooLarge(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	s := b.sink(relation("t", "batch.size", "2000"), stream.SinkOptions{})
	rows := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text)})
	for i, name := range []string{"a", strings.Repeat("x", 1_000_000), "b", strings.Repeat("y", 3000)} {
		rows.Cols[0].(*vec.Fixed[int64]).Append(int64(i))
		rows.Cols[1].(*vec.Bytes).AppendString(name)
		rows.Rows++
	}
	rejects, err := s.Write(t.Context(), rows)
	if err != nil || len(rejects) != 1 || sqlerr.CodeOf(rejects[0].Err) != sqlerr.ProgramLimitExceeded || !strings.Contains(string(rejects[0].Raw), "xxxx") {
		t.Fatalf("%v, %v; want the second row refused", rejects, err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
}

// TestRawRecords has a read tell each row's record.
func TestRawRecords(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1,"name":"a"}`, `{"id":`, `{"id":2,"name":"b"}`)
	src, err := Connector{}.Source(t.Context(), b.env(), relation("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	r, err := src.Open(t.Context(), []stream.Position{{Split: "0"}}, stream.Scan{Columns: []int{0}, OnReject: stream.Skip, Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for len(got) < 3 {
		rows := vec.NewBatch([]types.Type{types.Of(types.Int8)})
		read, err := r.Read(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		if len(read.Raw) != rows.Rows {
			t.Fatalf("%d records of %d rows", len(read.Raw), rows.Rows)
		}
		for _, rec := range read.Raw {
			got = append(got, fmt.Sprintf("%d %s", rec.At, rec.Value))
		}
		for _, bad := range read.Rejects {
			got = append(got, fmt.Sprintf("%d bad %s", bad.At, bad.Raw))
		}
	}
	if want := "[0 {\"id\":1,\"name\":\"a\"} 2 {\"id\":2,\"name\":\"b\"} 1 bad {\"id\":]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
