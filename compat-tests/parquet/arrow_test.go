// Package parquet reads with Apache Arrow what our Parquet writer writes, and with our
// reader what Arrow writes, and measures them beside each other. It is a
// module of its own, so that the product does not carry Arrow among its dependencies.
package parquet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	own "github.com/ferrisstreams/ferrisstreams/connectors/format/parquet"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// texts reads a file with our reader, a row a line.
func texts(t testing.TB, data []byte, cols []catalog.Column) []string {
	t.Helper()
	f, err := own.Open(bytes.NewReader(data), int64(len(data)), own.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if cols == nil {
		if cols, err = f.Columns(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := own.NewReader(f, cols, own.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []string
	for {
		var b []vec.Vec
		for _, c := range cols {
			b = append(b, vec.New(c.Type))
		}
		n, err := r.Read(b, 77)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if bad := r.Bad(); len(bad) > 0 {
			t.Fatalf("row %d: %v", bad[0].Row, bad[0].Err)
		}
		for row := range n {
			var s []string
			for i, c := range cols {
				if b[i].Nulls().Get(row) {
					s = append(s, "NULL")
				} else {
					s = append(s, string(vec.TextAppender(c.Type, types.DefaultFormat())(nil, b[i], row)))
				}
			}
			out = append(out, strings.Join(s, "|"))
		}
	}
}

// build fills a record with n rows by Arrow's builders.
func build(schema *arrow.Schema, n int) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range n {
		for k, f := range b.Fields() {
			if (i+k)%5 == 0 && schema.Field(k).Nullable {
				f.AppendNull()
				continue
			}
			fill(f, i)
		}
	}
	return b.NewRecordBatch()
}

func fill(f array.Builder, i int) {
	switch f := f.(type) {
	case *array.BooleanBuilder:
		f.Append(i%3 == 0)
	case *array.Int8Builder:
		f.Append(int8(i - 100))
	case *array.Uint32Builder:
		f.Append(math.MaxUint32 - uint32(i))
	case *array.Uint64Builder:
		f.Append(math.MaxUint64 - uint64(i))
	case *array.Int32Builder:
		f.Append(int32(i * 1000))
	case *array.Int64Builder:
		f.Append(int64(i) << 33)
	case *array.Float32Builder:
		f.Append(float32(i) / 4)
	case *array.Float64Builder:
		f.Append(float64(i) / 8)
	case *array.StringBuilder:
		f.Append(fmt.Sprintf("value %d", i%17))
	case *array.BinaryBuilder:
		f.Append([]byte{byte(i), 0xff})
	case *array.FixedSizeBinaryBuilder:
		f.Append([]byte{byte(i), 2, 3, 4})
	case *array.Date32Builder:
		f.Append(arrow.Date32(i - 20))
	case *array.TimestampBuilder:
		f.Append(arrow.Timestamp(1_700_000_000_000_000 + int64(i)*1_000_001))
	case *array.Time64Builder:
		f.Append(arrow.Time64(int64(i) * 1_000_003))
	case *array.Decimal128Builder:
		f.Append(decimal128.FromI64(int64(i)*100_003 - 50))
	case *array.ListBuilder:
		f.Append(true)
		for k := range i % 4 {
			if k == 2 {
				f.ValueBuilder().AppendNull()
			} else {
				fill(f.ValueBuilder(), i+k)
			}
		}
	case *array.MapBuilder:
		f.Append(true)
		for k := range i % 3 {
			fill(f.KeyBuilder(), i+k)
			fill(f.ItemBuilder(), i+k)
		}
	case *array.StructBuilder:
		f.Append(true)
		for k := range f.NumField() {
			if (i+k)%4 == 0 {
				f.FieldBuilder(k).AppendNull()
			} else {
				fill(f.FieldBuilder(k), i)
			}
		}
	default:
		panic(fmt.Sprintf("no values for %T", f))
	}
}

func writeArrow(t testing.TB, rec arrow.RecordBatch, o ...arrowparquet.WriterProperty) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(rec.Schema(), &out, arrowparquet.NewWriterProperties(o...), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var everything = arrow.NewSchema([]arrow.Field{
	{Name: "bool", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "i8", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
	{Name: "u32", Type: arrow.PrimitiveTypes.Uint32, Nullable: true},
	{Name: "u64", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
	{Name: "i32", Type: arrow.PrimitiveTypes.Int32},
	{Name: "i64", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "f32", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	{Name: "f64", Type: arrow.PrimitiveTypes.Float64},
	{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "bin", Type: arrow.BinaryTypes.Binary, Nullable: true},
	{Name: "fixed", Type: &arrow.FixedSizeBinaryType{ByteWidth: 4}, Nullable: true},
	{Name: "date", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "ts_ns", Type: &arrow.TimestampType{Unit: arrow.Nanosecond}, Nullable: true},
	{Name: "tz_us", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
	{Name: "tz_ms", Type: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, Nullable: true},
	{Name: "time", Type: arrow.FixedWidthTypes.Time64us, Nullable: true},
	{Name: "dec9", Type: &arrow.Decimal128Type{Precision: 9, Scale: 2}, Nullable: true},
	{Name: "dec38", Type: &arrow.Decimal128Type{Precision: 38, Scale: 10}, Nullable: true},
	{Name: "ints", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
	{Name: "texts", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	{Name: "map", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), Nullable: true},
	{Name: "record", Type: arrow.StructOf(
		arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		arrow.Field{Name: "in", Type: arrow.StructOf(arrow.Field{Name: "b", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true},
		arrow.Field{Name: "l", Type: arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int32)), Nullable: true}), Nullable: true},
}, nil)

// TestReadArrow reads what Arrow writes, by every codec, encoding and page version: the
// rows are those of the plainest file, and a few are known.
func TestReadArrow(t *testing.T) {
	rec := build(everything, 1000)
	defer rec.Release()
	var want []string
	for name, o := range map[string][]arrowparquet.WriterProperty{
		"":            {arrowparquet.WithDictionaryDefault(false), arrowparquet.WithCompression(compress.Codecs.Uncompressed)},
		"snappy":      {arrowparquet.WithCompression(compress.Codecs.Snappy)},
		"gzip":        {arrowparquet.WithCompression(compress.Codecs.Gzip)},
		"zstd v2":     {arrowparquet.WithCompression(compress.Codecs.Zstd), arrowparquet.WithDataPageVersion(arrowparquet.DataPageV2)},
		"lz4":         {arrowparquet.WithCompression(compress.Codecs.Lz4Raw), arrowparquet.WithDictionaryDefault(false)},
		"small pages": {arrowparquet.WithDataPageSize(100), arrowparquet.WithMaxRowGroupLength(130)},
		"plain v2":    {arrowparquet.WithDictionaryDefault(false), arrowparquet.WithDataPageVersion(arrowparquet.DataPageV2)},
		"delta": {
			arrowparquet.WithDictionaryDefault(false),
			arrowparquet.WithEncodingFor("i32", arrowparquet.Encodings.DeltaBinaryPacked), arrowparquet.WithEncodingFor("i64", arrowparquet.Encodings.DeltaBinaryPacked),
			arrowparquet.WithEncodingFor("tz_us", arrowparquet.Encodings.DeltaBinaryPacked),
			arrowparquet.WithEncodingFor("text", arrowparquet.Encodings.DeltaLengthByteArray), arrowparquet.WithEncodingFor("bin", arrowparquet.Encodings.DeltaByteArray),
		},
		"split": {
			arrowparquet.WithDictionaryDefault(false),
			arrowparquet.WithEncodingFor("f32", arrowparquet.Encodings.ByteStreamSplit), arrowparquet.WithEncodingFor("f64", arrowparquet.Encodings.ByteStreamSplit),
			arrowparquet.WithEncodingFor("i64", arrowparquet.Encodings.ByteStreamSplit), arrowparquet.WithEncodingFor("fixed", arrowparquet.Encodings.ByteStreamSplit),
		},
	} {
		got := texts(t, writeArrow(t, rec, o...), nil)
		if want == nil {
			want = texts(t, writeArrow(t, rec, arrowparquet.WithDictionaryDefault(false)), nil)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: %d rows differ from the %d of the plain file", name, len(got), len(want))
			for i := range got {
				if i < len(want) && got[i] != want[i] {
					t.Errorf("row %d: %s\nwant %s", i, got[i], want[i])
					break
				}
			}
		}
	}
	for row, line := range map[int]string{
		7: `f|-93|4294967288|NULL|7000|60129542144|1.75|0.875|NULL|\x07ff|\x07020304|1969-12-19|1970-01-20 16:13:20.007|NULL|55840-11-09 00:10:00.007+00|00:00:07.000021|6999.71|0.0000699971|NULL|{"value 7","value 8",NULL}|{"value 7": 7000}|{"a": 7000, "l": [[7000, 8000, null], [], null], "in": null}`,
	} {
		if got := want[row]; got != line {
			t.Errorf("row %d is\n%s\nwant\n%s", row, got, line)
		}
	}
}

// TestArrowReads: Arrow reads what we write, and sees the same values, types and
// statistics.
func TestArrowReads(t *testing.T) {
	numeric := func(p, s int32) types.Type { return types.Type{OID: types.Numeric, Mod: p<<16 | s + 4} }
	cols := []catalog.Column{
		{Name: "n", Type: types.Of(types.Int8)}, {Name: "s", Type: types.Of(types.Int2)}, {Name: "b", Type: types.Of(types.Bool)},
		{Name: "text", Type: types.Of(types.Text)}, {Name: "d9", Type: numeric(9, 2)}, {Name: "d18", Type: numeric(18, 4)}, {Name: "d38", Type: numeric(38, 10)},
		{Name: "at", Type: types.Of(types.Timestamptz)}, {Name: "local", Type: types.Of(types.Timestamp)}, {Name: "day", Type: types.Of(types.Date)}, {Name: "time", Type: types.Of(types.Time)},
		{Name: "f", Type: types.Of(types.Float8)}, {Name: "raw", Type: types.Of(types.Bytea)}, {Name: "list", Type: types.Of(types.Lookup(types.Int4).Array)},
	}
	row := []string{"-5", "7", "t", "žluť", "-12.34", "99.0001", "-1234567890123456789.0123456789", "2026-11-22 01:02:03.000004+00", "2026-11-22 01:02:03", "2026-11-22", "01:02:03", "0.5", `\x00ff`, "{1,NULL,3}"}
	var ts []types.Type
	for _, c := range cols {
		ts = append(ts, c.Type)
	}
	b := vec.NewBatch(ts)
	for i := range 3000 {
		for k, c := range cols {
			if i%7 == 3 {
				vec.AppendNull(b.Cols[k])
				continue
			}
			text := row[k]
			if k == 0 {
				text = fmt.Sprint(i)
			}
			v, err := types.Parse(c.Type, text, types.DefaultFormat())
			if err != nil {
				t.Fatal(err)
			}
			vec.Append(b.Cols[k], v)
		}
	}
	b.Rows = 3000
	for _, codec := range []own.Codec{own.Uncompressed, own.Snappy, own.Gzip, own.Zstd, own.LZ4} {
		w, err := own.NewWriter(cols, own.WriteOptions{Codec: codec})
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		for i := range b.Rows {
			if err := w.Add(b, i); err != nil {
				t.Fatal(err)
			}
			if i == 1999 || i == 2999 {
				if out, err = w.Group(out, int64(len(out))); err != nil {
					t.Fatal(err)
				}
				out = w.Footer(out) // what lies between is nobody's
			}
		}
		r, err := file.NewParquetReader(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if n := r.NumRowGroups(); n != 2 {
			t.Fatalf("%d row groups, want 2", n)
		}
		chunk, err := r.MetaData().RowGroup(1).ColumnChunk(0)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := chunk.Statistics()
		if err != nil || !stats.HasMinMax() || fmt.Sprint(stats.EncodeMin()) != "[208 7 0 0 0 0 0 0]" || stats.NullCount() != 143 {
			t.Errorf("statistics %v, %v", stats, err)
		}
		a, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		table, err := a.ReadTable(context.Background())
		if err != nil {
			t.Fatalf("codec %d: %v", codec, err)
		}
		if n := table.NumRows(); n != 3000 {
			t.Fatalf("%d rows, want 3000", n)
		}
		tr := array.NewTableReader(table, 3000)
		tr.Next()
		var got []string
		for k := range cols {
			got = append(got, fmt.Sprintf("%s %s", tr.RecordBatch().Column(k).DataType(), tr.RecordBatch().Column(k).ValueStr(2998)))
		}
		want := "int64 2998; int16 7; bool true; utf8 žluť; decimal(9, 2) -12.34; decimal(18, 4) 99.0001; decimal(38, 10) -1234567890123456789.0123456789; " +
			"timestamp[us, tz=UTC] 2026-11-22T01:02:03.000004Z; timestamp[us] 2026-11-22T01:02:03; date32 2026-11-22; time64[us] 01:02:03.000000; float64 0.5; binary AP8=; " +
			"list<element: int32, nullable> [1,null,3]"
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("codec %d: Arrow sees\n%s\nwant\n%s", codec, s, want)
		}
		if !tr.RecordBatch().Column(3).IsNull(3) {
			t.Error("a NULL is none")
		}
		tr.Release()
		table.Release()
	}
}
