package database

import (
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestLongRows: rows of megabytes are handed on a few at a time, those of a table as those
// of its changes.
func TestLongRows(t *testing.T) {
	rel := &catalog.Relation{Name: "s", Columns: []catalog.Column{{Name: "v", Type: types.Of(types.Text)}}}
	s := &source{env: &stream.Env{Metrics: &stream.Metrics{}}, rel: rel, config: &config{rel: rel, server: &server{}, table: name{"public", "t"}}}
	set := func(v vec.Vec, b []byte) error {
		v.(*vec.Bytes).Append(b)
		return nil
	}
	long := make([]byte, 3<<20)
	for _, changes := range []bool{false, true} {
		r := &reader{source: s, scan: stream.Scan{Marks: changes}, fields: []field{{name: "v", typ: types.Of(types.Text), set: set}}, out: make(chan delivery, 10), free: make(chan *vec.Batch, 10)}
		for range cap(r.free) {
			r.free <- vec.NewBatch(r.types())
		}
		c := &copying{reader: r, ctx: t.Context(), parted: true}
		w := &changeStream{reader: r, source: s, open: true}
		one := &changeRows{fields: []changeField{{set: set}}}
		for range 5 {
			var err error
			if changes {
				err = w.change(t.Context(), one, rowChange{op: 'I', row: []logValue{{'t', long}}})
			} else {
				err = c.row([][]byte{long})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := c.flush(); err != nil {
			t.Fatal(err)
		}
		if changes {
			if err := w.flush(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		var got []int
		for range len(r.out) {
			got = append(got, (<-r.out).batch.Rows)
		}
		if fmt.Sprint(got) != "[2 2 1]" {
			t.Errorf("changes %v: batches of %v rows, want [2 2 1]", changes, got)
		}
	}
}
