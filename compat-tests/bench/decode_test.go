package bench

import (
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// decodeBars measure the JSON decoder alone, against encoding/json.
func decodeBars(t *testing.T, base time.Duration) []bar {
	price, err := types.Lookup(types.Numeric).ModIn([]int32{18, 4})
	if err != nil {
		t.Fatal(err)
	}
	columns := []catalog.Column{
		{Name: "order_id", Type: types.Of(types.Int8)}, {Name: "customer_id", Type: types.Of(types.Text)},
		{Name: "symbol", Type: types.Of(types.Text)}, {Name: "price", Type: types.Type{OID: types.Numeric, Mod: price}},
		{Name: "quantity", Type: types.Of(types.Int8)}, {Name: "side", Type: types.Of(types.Text)},
		{Name: "event_time", Type: types.Of(types.Timestamptz)},
	}
	var lines [vec.MaxRows][]byte
	for i := range lines {
		lines[i] = eventLine(nil, i)
	}
	var cols []vec.Vec
	for _, c := range columns {
		cols = append(cols, vec.New(c.Type))
	}
	d := json.NewDecoder(columns, json.Options{})
	var runs []float64
	allocs := int64(0)
	for range 5 {
		r := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, c := range cols {
					c.Reset()
				}
				d.Bind(cols)
				for _, line := range lines {
					if err := d.Decode(line); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		runs = append(runs, float64(r.NsPerOp())/vec.MaxRows)
		allocs = max(allocs, r.AllocsPerOp())
	}
	ns := Median(runs)
	return []bar{
		{name: "encoding/json / JSON decode into columns", value: float64(base) / ns, limit: 15, least: true, note: time.Duration(ns).String() + " a record"},
		{name: "allocations of a batch of 1,024 records", value: float64(allocs), limit: 0},
	}
}
