package file

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// cpu is the processor time of this process so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRead is a file of 160-byte events of seven fields into columns.
func BenchmarkRead(b *testing.B) {
	const n = 200_000
	dir := b.TempDir()
	p := filepath.Join(dir, "events.json")
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, `{"order_id":%d,"customer_id":"customer-%06d","symbol":"%s","price":%d.%04d,"quantity":%d,"side":"%s","event_time":"2024-01-15T10:%02d:%02d.%06dZ"}`+"\n",
			1000000000+i*7, i*37%10000, []string{"AAPL", "MSFT", "GOOGL", "F", "BRK.A"}[i%5], 50+i%300, i*7919%10000, 1+i%500, []string{"BUY", "SELL"}[i&1], i%60, i*7%60, i*104729%1000000)
	}
	write(b, p, s.String())
	rel := &catalog.Relation{Name: "events", Kind: catalog.Stream, Options: catalog.Options{{Key: "path", Value: p}}, Columns: []catalog.Column{
		{Name: "order_id", Type: types.Of(types.Int8)}, {Name: "customer_id", Type: types.Of(types.Text)}, {Name: "symbol", Type: types.Of(types.Text)},
		{Name: "price", Type: types.Type{OID: types.Numeric, Mod: (18<<16 | 4) + 4}}, {Name: "quantity", Type: types.Of(types.Int8)},
		{Name: "side", Type: types.Of(types.Text)}, {Name: "event_time", Type: types.Of(types.Timestamptz)},
	}}
	var ts []types.Type
	for _, c := range rel.Columns {
		ts = append(ts, c.Type)
	}
	src, err := Connector{}.Source(b.Context(), env(dir), rel)
	if err != nil {
		b.Fatal(err)
	}
	batch := vec.NewBatch(ts)
	b.ReportAllocs()
	rows, began := 0, cpu(b)
	for b.Loop() {
		r, err := src.Open(b.Context(), []stream.Position{{Split: stream.Split(p)}}, stream.Scan{Columns: []int{0, 1, 2, 3, 4, 5, 6}, Bounded: true})
		if err != nil {
			b.Fatal(err)
		}
		for {
			_, err := r.Read(b.Context(), batch)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			rows += batch.Rows
		}
		r.Close()
	}
	b.ReportMetric(float64(cpu(b)-began)/float64(rows), "cpu-ns/record")
}
