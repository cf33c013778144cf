package avro

import (
	"testing"

	hamba "github.com/hamba/avro/v2"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

const tradeSchema = `{"type":"record","name":"trade","fields":[
	{"name":"order_id","type":"long"},{"name":"customer_id","type":"string"},{"name":"symbol","type":"string"},
	{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":18,"scale":4}},{"name":"quantity","type":"long"},
	{"name":"side","type":["null","string"]},{"name":"event_time","type":{"type":"long","logicalType":"timestamp-micros"}}]}`

func trades(b testing.TB) (*Schema, [][]byte) {
	s := parse(b, tradeSchema)
	cols, err := s.Columns(false)
	if err != nil {
		b.Fatal(err)
	}
	e, err := NewEncoder(s, cols, EncodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	in := batch(cols)
	var out [][]byte
	for i := range vec.MaxRows {
		in.Cols[0].(*vec.Fixed[int64]).Append(int64(1000000000 + i))
		in.Cols[1].(*vec.Bytes).AppendString("customer-000123")
		in.Cols[2].(*vec.Bytes).AppendString("GOOGL")
		in.Cols[3].(*vec.Numeric).AppendInt64(int64(500000+i*7919), 4)
		in.Cols[4].(*vec.Fixed[int64]).Append(int64(i % 1000))
		in.Cols[5].(*vec.Bytes).AppendString("SELL")
		in.Cols[6].(*vec.Fixed[int64]).Append(758800000000000 + int64(i)*1000)
		in.Rows++
		r, err := e.Append(nil, in, i)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, r)
	}
	return s, out
}

func BenchmarkDecode(b *testing.B) {
	s, records := trades(b)
	cols, _ := s.Columns(false)
	d, err := NewDecoder(cols, Options{Schema: s})
	if err != nil {
		b.Fatal(err)
	}
	out := batch(cols)
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		d.Bind(out.Cols)
		for _, r := range records {
			if err := d.Decode(r); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vec.MaxRows, "ns/row")
	b.ReportMetric(float64(len(records[5])), "bytes")
}

// BenchmarkGeneric is the library's decoding of the same records into a map.
func BenchmarkGeneric(b *testing.B) {
	s, records := trades(b)
	api := hamba.Config{MaxByteSliceSize: 1 << 20, MaxSliceAllocSize: 1 << 20}.Freeze()
	for b.Loop() {
		for _, r := range records {
			var v map[string]any
			if err := api.Unmarshal(s.parsed, r, &v); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vec.MaxRows, "ns/row")
}

func TestDecodeAllocates(t *testing.T) {
	s, records := trades(t)
	cols, _ := s.Columns(false)
	d, err := NewDecoder(cols, Options{Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	out := batch(cols)
	run := func() {
		out.Reset()
		d.Bind(out.Cols)
		for _, r := range records {
			if err := d.Decode(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(5, run); n != 0 {
		t.Errorf("decoding %d records allocates %v times, want 0", len(records), n)
	}
}
