package json

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// event is the record that all speed bars speak of: seven fields, 160 bytes.
const event = `{"order_id":1000000123,"customer_id":"customer-004217","symbol":"AAPL","price":150.2567,"quantity":100,"side":"BUY","event_time":"2024-01-15T10:30:00.123456Z"}`

type eventStruct struct {
	OrderID    int64     `json:"order_id"`
	CustomerID string    `json:"customer_id"`
	Symbol     string    `json:"symbol"`
	Price      float64   `json:"price"`
	Quantity   int64     `json:"quantity"`
	Side       string    `json:"side"`
	EventTime  time.Time `json:"event_time"`
}

func eventColumns(tb testing.TB) []catalog.Column {
	return columns(tb, "order_id int8", "customer_id text", "symbol text", "price numeric(18,4)", "quantity int8", "side text", "event_time timestamptz")
}

// events are a batch of different events, end to end, and their ends.
func events() (data []byte, ends []int) {
	symbols := []string{"AAPL", "MSFT", "GOOGL", "F", "BRK.A"}
	for i := range vec.MaxRows {
		data = fmt.Appendf(data, `{"order_id":%d,"customer_id":"customer-%06d","symbol":"%s","price":%d.%04d,"quantity":%d,"side":"%s","event_time":"2024-01-15T10:%02d:%02d.%06dZ"}`,
			1000000000+i*7, i*37%10000, symbols[i%len(symbols)], 50+i%300, i*7919%10000, 1+i%500, []string{"BUY", "SELL"}[i&1], i%60, i*7%60, i*104729%1000000)
		ends = append(ends, len(data))
	}
	return data, ends
}

// BenchmarkEncode writes the events' rows one behind the other.
func BenchmarkEncode(b *testing.B) {
	data, ends := events()
	cols := eventColumns(b)
	in := batch(cols)
	d := NewDecoder(cols, Options{})
	d.Bind(in.Cols)
	from := 0
	for _, end := range ends {
		if err := d.Decode(data[from:end]); err != nil {
			b.Fatal(err)
		}
		from = end
	}
	in.Rows = len(ends)
	e := NewEncoder(cols, EncodeOptions{})
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = buf[:0]
		e.Bind(in)
		for row := range in.Rows {
			buf = e.Row(buf, in, row)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(in.Rows), "ns/row")
}

func BenchmarkDecode(b *testing.B) {
	data, ends := events()
	b.Run("columns", func(b *testing.B) {
		cols := eventColumns(b)
		run(b, cols, data, ends)
	})
	b.Run("projected", func(b *testing.B) {
		cols := eventColumns(b)
		run(b, []catalog.Column{cols[1], cols[3]}, data, ends)
	})
	b.Run("in runs", func(b *testing.B) {
		cols := eventColumns(b)
		runAhead(b, cols, data, ends)
	})
	b.Run("projected in runs", func(b *testing.B) {
		cols := eventColumns(b)
		runAhead(b, []catalog.Column{cols[1], cols[3]}, data, ends)
	})
	b.Run("nothing", func(b *testing.B) { run(b, nil, data, ends) })
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		var e eventStruct
		n, began := 0, cpuTime(b)
		for b.Loop() {
			from := 0
			for _, end := range ends {
				if err := stdjson.Unmarshal(data[from:end], &e); err != nil {
					b.Fatal(err)
				}
				from = end
				n++
			}
		}
		perRecord(b, began, n)
	})
}

// cpu is the processor time of this process so far. Bars are ratios of it: time
// by the clock says more of what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func perRecord(b *testing.B, began time.Duration, n int) {
	b.ReportMetric(float64(cpuTime(b)-began)/float64(n), "cpu-ns/record")
}

func run(b *testing.B, cols []catalog.Column, data []byte, ends []int) {
	b.ReportAllocs()
	d := NewDecoder(cols, Options{})
	out := batch(cols)
	n, began := 0, cpuTime(b)
	for b.Loop() {
		out.Reset()
		d.Bind(out.Cols)
		from := 0
		for _, end := range ends {
			if err := d.Decode(data[from:end]); err != nil {
				b.Fatal(err)
			}
			from = end
			n++
		}
	}
	perRecord(b, began, n)
}

// runAhead is run where the records are decoded many at a time.
func runAhead(b *testing.B, cols []catalog.Column, data []byte, ends []int) {
	b.ReportAllocs()
	d := NewDecoder(cols, Options{})
	out := batch(cols)
	n, began := 0, cpuTime(b)
	var records [][]byte
	for b.Loop() {
		out.Reset()
		d.Bind(out.Cols)
		records = inRuns(b, d, records, data, ends)
		n += len(records)
	}
	perRecord(b, began, n)
}

// inRuns decodes records that lie end to end, in runs where it can.
func inRuns(tb testing.TB, d *Decoder, records [][]byte, data []byte, ends []int) [][]byte {
	records = records[:0]
	from := 0
	for _, end := range ends {
		records, from = append(records, data[from:end]), end
	}
	for rest := records; len(rest) > 0; {
		n := d.Run(rest)
		if rest = rest[n:]; n == 0 {
			if err := d.Decode(rest[0]); err != nil {
				tb.Fatal(err)
			}
			rest = rest[1:]
		}
	}
	return records
}

// TestDecodeAllocates asserts that a batch of plain events allocates nothing.
func TestDecodeAllocates(t *testing.T) {
	data, ends := events()
	cols := eventColumns(t)
	d := NewDecoder(cols, Options{})
	out := batch(cols)
	decode := func() {
		out.Reset()
		d.Bind(out.Cols)
		from := 0
		for _, end := range ends {
			if err := d.Decode(data[from:end]); err != nil {
				t.Fatal(err)
			}
			from = end
		}
	}
	decode()
	if n := testing.AllocsPerRun(10, decode); n != 0 {
		t.Errorf("%v allocations a batch, want 0", n)
	}
	if n := len(event); n < 150 || n > 170 {
		t.Errorf("the event has %d bytes, want about 160", n)
	}
	if lines := bytes.Count(data, []byte("{")); lines != vec.MaxRows {
		t.Errorf("%d events, want %d", lines, vec.MaxRows)
	}
}
