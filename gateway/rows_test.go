package gateway

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// fiveColumns is a full batch of three bigints, a text and a timestamp.
func fiveColumns() ([]plan.Field, *vec.Batch) {
	oids := []types.OID{types.Int8, types.Int8, types.Int8, types.Text, types.Timestamptz}
	fields := make([]plan.Field, len(oids))
	ts := make([]types.Type, len(oids))
	for i, oid := range oids {
		ts[i] = types.Of(oid)
		fields[i] = plan.Field{Name: fmt.Sprint("c", i), Type: ts[i]}
	}
	b := vec.NewBatch(ts)
	for i := range int64(vec.MaxRows) {
		b.Cols[0].(*vec.Fixed[int64]).Append(i)
		b.Cols[1].(*vec.Fixed[int64]).Append(i * 7919)
		b.Cols[2].(*vec.Fixed[int64]).Append(-i << 33)
		b.Cols[3].(*vec.Bytes).AppendString(fmt.Sprint("customer-", i%100))
		b.Cols[4].(*vec.Fixed[int64]).Append(800_000_000_000_000 + i*1_000_001)
		b.Rows++
	}
	return fields, b
}

func TestRowEncoder(t *testing.T) {
	fields, b := fiveColumns()
	b.Cols[1].(*vec.Fixed[int64]).Nulls().Set(3)
	b.Sel = []int32{2, 3, 1000}
	for _, format := range []int16{0, 1} {
		e := newRowEncoder(fields, []int16{format}, types.DefaultFormat(), nil)
		w := newWriter(nil, 0, nil)
		if err := e.write(w, b); err != nil {
			t.Fatal(err)
		}
		rest := w.buf
		for _, row := range b.Sel {
			var m pgproto3.DataRow
			n := int(rest[1])<<24 | int(rest[2])<<16 | int(rest[3])<<8 | int(rest[4])
			if rest[0] != 'D' {
				t.Fatalf("format %d, row %d: message %c", format, row, rest[0])
			}
			if err := m.Decode(rest[5 : n+1]); err != nil {
				t.Fatalf("format %d, row %d: %v", format, row, err)
			}
			rest = rest[n+1:]
			for i, got := range m.Values {
				v := vec.Get(b.Cols[i], int(row), fields[i].Type)
				want := types.AppendBinary(nil, v, nil)
				if format == 0 {
					want = types.AppendText(nil, v, types.DefaultFormat())
				}
				if v.Null {
					want = nil
				}
				if string(got) != string(want) || (got == nil) != v.Null {
					t.Errorf("format %d, row %d, column %d = %q, want %q", format, row, i, got, want)
				}
			}
		}
		if len(rest) > 0 {
			t.Errorf("format %d: %d bytes too many", format, len(rest))
		}
	}
}

func TestRowEncoderAllocates(t *testing.T) {
	fields, b := fiveColumns()
	for _, format := range []int16{0, 1} {
		e := newRowEncoder(fields, []int16{format}, types.DefaultFormat(), nil)
		w := newWriter(&scriptedConn{}, time.Hour, &Counters{})
		if n := testing.AllocsPerRun(10, func() {
			if err := e.write(w, b); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("format %d: %v allocations for a batch, want 0", format, n)
		}
	}
}

// cpuTime is what the process has used: on a busy machine the clock says little.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchmarkRows(b *testing.B, format int16) {
	fields, batch := fiveColumns()
	e := newRowEncoder(fields, []int16{format}, types.DefaultFormat(), nil)
	w := newWriter(&scriptedConn{}, time.Hour, &Counters{})
	b.ReportAllocs()
	n, start := 0, cpuTime(b)
	for b.Loop() {
		if err := e.write(w, batch); err != nil {
			b.Fatal(err)
		}
		n += batch.Rows
	}
	b.ReportMetric(float64((cpuTime(b)-start).Nanoseconds())/float64(n), "cpu-ns/row")
}

func BenchmarkTextRow(b *testing.B)   { benchmarkRows(b, 0) }
func BenchmarkBinaryRow(b *testing.B) { benchmarkRows(b, 1) }

// BenchmarkSelect1 is a whole round trip over a loopback socket.
func BenchmarkSelect1(b *testing.B) {
	s := start(b, nil)
	f, conn := s.dialRaw(b)
	_ = f
	query, err := (&pgproto3.Query{String: "SELECT 1"}).Encode(nil)
	if err != nil {
		b.Fatal(err)
	}
	answer := readyAfter(b, conn, query)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(query); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, answer); err != nil {
			b.Fatal(err)
		}
	}
}

// readyAfter sends a query and returns a buffer of its answer's length.
func readyAfter(b *testing.B, conn net.Conn, query []byte) []byte {
	if _, err := conn.Write(query); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 4096)
	n := 0
	for n < 6 || buf[n-6] != 'Z' {
		k, err := conn.Read(buf[n:])
		if err != nil {
			b.Fatal(err)
		}
		n += k
	}
	return buf[:n]
}
