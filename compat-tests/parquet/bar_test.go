package parquet

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	own "github.com/ferrisstreams/ferrisstreams/connectors/format/parquet"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

var bars = flag.Bool("bars", false, "measure")

// events is a file of the event of 7 fields that the bars of decoding are about.
func events(t testing.TB, n int) []byte {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "order_id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "customer_id", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "symbol", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "price", Type: &arrow.Decimal128Type{Precision: 18, Scale: 4}, Nullable: true},
		{Name: "quantity", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "side", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "event_time", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	symbols := []string{"AAPL", "GOOGL", "MSFT", "TSLA", "AMZN"}
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(1_000_000_000 + i))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("customer-%06d", i*7919%50_000))
		b.Field(2).(*array.StringBuilder).Append(symbols[i%5])
		b.Field(3).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(500_000 + i*7919%900_000)))
		b.Field(4).(*array.Int64Builder).Append(int64(i % 1000))
		b.Field(5).(*array.StringBuilder).Append([]string{"BUY", "SELL"}[i%2])
		b.Field(6).(*array.TimestampBuilder).Append(arrow.Timestamp(1_705_314_600_123_456 + int64(i)*1000))
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	return writeArrow(t, rec, arrowparquet.WithCompression(compress.Codecs.Snappy), arrowparquet.WithStoreDecimalAsInteger(true))
}

// TestBar prints our time for a row of 7 columns, and that of Arrow's record reader, which
// make bench reads.
func TestBar(t *testing.T) {
	if !*bars {
		t.Skip("make bench measures the bar")
	}
	const n = 200_000
	data := events(t, n)
	ours := func() error {
		f, err := own.Open(bytes.NewReader(data), int64(len(data)), own.Settings{})
		if err != nil {
			return err
		}
		cols, err := f.Columns()
		if err != nil {
			return err
		}
		var batch []vec.Vec
		for _, c := range cols {
			batch = append(batch, vec.New(c.Type))
		}
		r, err := own.NewReader(f, cols, own.Options{})
		if err != nil {
			return err
		}
		defer r.Close()
		for rows := 0; ; {
			for _, c := range batch {
				c.Reset()
			}
			got, err := r.Read(batch, vec.MaxRows)
			if errors.Is(err, io.EOF) && rows == n {
				return nil
			}
			if err != nil {
				return fmt.Errorf("after %d rows: %w", rows, err)
			}
			rows += got
		}
	}
	arrows := func() error {
		pf, err := file.NewParquetReader(bytes.NewReader(data))
		if err != nil {
			return err
		}
		fr, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: vec.MaxRows}, memory.DefaultAllocator)
		if err != nil {
			return err
		}
		rr, err := fr.GetRecordReader(context.Background(), nil, nil)
		if err != nil {
			return err
		}
		defer rr.Release()
		rows := 0
		for rr.Next() {
			rows += int(rr.RecordBatch().NumRows())
		}
		if rows != n {
			return fmt.Errorf("%d rows, want %d", rows, n)
		}
		return nil
	}
	var mine, theirs []float64
	for range 15 { // by turns, so that what else the machine does is both's
		mine = append(mine, spent(t, ours)/n)
		theirs = append(theirs, spent(t, arrows)/n)
	}
	slices.Sort(mine)
	slices.Sort(theirs)
	fmt.Printf("bar own %.1f arrow %.1f\n", mine[7], theirs[7])
}

// spent is the processor's time that a run takes, in nanoseconds.
func spent(t *testing.T, run func() error) float64 {
	t.Helper()
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		t.Fatal(err)
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		t.Fatal(err)
	}
	return float64(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
}
