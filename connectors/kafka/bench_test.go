package kafka

import (
	"fmt"
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// BenchmarkRows is what happens to a fetched batch: 160-byte events into seven
// columns and their offsets.
func BenchmarkRows(b *testing.B) {
	rel := &catalog.Relation{Name: "events", Hidden: Connector{}.PseudoColumns(), Options: catalog.Options{{Key: "topic", Value: "t"}}, Columns: []catalog.Column{
		{Name: "order_id", Type: types.Of(types.Int8)}, {Name: "customer_id", Type: types.Of(types.Text)}, {Name: "symbol", Type: types.Of(types.Text)},
		{Name: "price", Type: types.Type{OID: types.Numeric, Mod: (18<<16 | 4) + 4}}, {Name: "quantity", Type: types.Of(types.Int8)},
		{Name: "side", Type: types.Of(types.Text)}, {Name: "event_time", Type: types.Of(types.Timestamptz)},
	}}
	var records []kmsg.Record
	for i := range vec.MaxRows {
		records = append(records, kmsg.Record{Value: fmt.Appendf(nil, `{"order_id":%d,"customer_id":"customer-%06d","symbol":"AAPL","price":%d.%04d,"quantity":%d,"side":"BUY","event_time":"2024-01-15T10:%02d:%02d.%06dZ"}`,
			1000000000+i*7, i*37%10000, 50+i%300, i*7919%10000, 1+i%500, i%60, i*7%60, i*104729%1000000)})
	}
	c, _, err := read(rel, stream.RoleSource, &stream.Env{})
	if err != nil {
		b.Fatal(err)
	}
	scan := stream.Scan{Columns: []int{0, 1, 2, 3, 4, 5, 6, 9}}
	r, err := newRows(&stream.Env{}, rel, c, scan)
	if err != nil {
		b.Fatal(err)
	}
	out := &vec.Batch{}
	for _, k := range scan.Columns {
		out.Cols = append(out.Cols, vec.New(rel.AllColumns()[k].Type))
	}
	s := &source{env: &stream.Env{Metrics: &stream.Metrics{}}, config: c}
	fetched := &kmsg.FetchResponseTopicPartition{RecordBatches: batchOf(0, records, nil)}
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		var read stream.Read
		c := chunk{part: &part{end: -1}, batches: newBatches(fetched, 0, false)}
		if all, err := r.decode(out, &c, &read, s, math.MaxInt64, nil); err != nil || !all || out.Rows != len(records) {
			b.Fatal(out.Rows, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(records)), "ns/record")
}
