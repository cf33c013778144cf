package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func columns(oids ...types.OID) ([]catalog.Column, *vec.Batch, []int) {
	var cols []catalog.Column
	var ts []types.Type
	var all []int
	for i, oid := range oids {
		cols = append(cols, catalog.Column{Name: string(rune('a' + i)), Type: types.Of(oid)})
		ts = append(ts, types.Of(oid))
		all = append(all, i)
	}
	return cols, vec.NewBatch(ts), all
}

func text(cols []catalog.Column, b *vec.Batch, row int) string {
	var s []string
	for i, c := range cols {
		if b.Cols[i].Nulls().Get(row) {
			s = append(s, "NULL")
			continue
		}
		s = append(s, string(vec.TextAppender(c.Type, types.DefaultFormat())(nil, b.Cols[i], row)))
	}
	return strings.Join(s, "|")
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		oids         []types.OID
		o            Options
		record, want string
	}{
		{[]types.OID{types.Int8, types.Text}, Options{}, "1,x\r\n", "1|x"},
		{[]types.OID{types.Int8, types.Text}, Options{}, "-9223372036854775808,\n", "-9223372036854775808|NULL"},
		{[]types.OID{types.Text, types.Text}, Options{}, `"","a ""b"", c"`, `|a "b", c`},
		{[]types.OID{types.Text, types.Text}, Options{}, "\"a\nb\",ä", "a\nb|ä"},
		{[]types.OID{types.Text, types.Text}, Options{Delimiter: '\t', Null: `\N`}, "\t\\N", "|NULL"},
		{[]types.OID{types.Numeric, types.Numeric, types.Numeric}, Options{}, "1.50,-0.001,1e3", "1.50|-0.001|1000"},
		{[]types.OID{types.Float8, types.Bool, types.Date}, Options{}, "1.5,yes,2024-02-29", "1.5|t|2024-02-29"},
		{[]types.OID{types.Timestamp, types.Timestamptz}, Options{}, "2024-01-15 10:30:00.5,2024-01-15T10:30:00+02:00", "2024-01-15 10:30:00.5|2024-01-15 08:30:00+00"},
		{[]types.OID{types.Int4, types.Int2, types.UUID}, Options{}, "1,2,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "1|2|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{[]types.OID{types.JSONB}, Options{}, `"{""b"":1,""a"":2}"`, `{"a": 2, "b": 1}`},
	} {
		cols, b, all := columns(c.oids...)
		d := NewDecoder(cols, all, c.o)
		d.Bind(b.Cols)
		if err := d.Decode([]byte(c.record)); err != nil {
			t.Errorf("%q: %v", c.record, err)
		} else if got := text(cols, b, 0); got != c.want {
			t.Errorf("%q: %s, want %s", c.record, got, c.want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct {
		record string
		code   sqlerr.Code
		column string
		text   string
	}{
		{"x,1", "22P02", "a", `invalid input syntax for type bigint: "x"`},
		{"1", "22P04", "", "missing data: the record has 1 fields, not 2"},
		{"1,2,3", "22P04", "", "extra data after the last expected column: the record has 3 fields, not 2"},
		{`1,"x`, "22P04", "", `unterminated CSV quoted field: "x"`},
		{`1,"x"y`, "22P04", "", `data after a quoted field: "y"`},
		{`1,x"y"`, "22P04", "", `a quote inside an unquoted field: "x\"y\""`},
		{"1,\xff", "22021", "", `invalid byte sequence for encoding "UTF8"`},
	} {
		cols, b, all := columns(types.Int8, types.Text)
		d := NewDecoder(cols, all, Options{})
		d.Bind(b.Cols)
		e := sqlerr.From(d.Decode([]byte(c.record)))
		if e == nil || e.Code != c.code || e.Column != c.column || e.Message != c.text {
			t.Errorf("%q: %+v, want %s %q %s", c.record, e, c.code, c.column, c.text)
		}
		if b.Cols[0].Len() != 0 || b.Cols[1].Len() != 0 {
			t.Errorf("%q: half a row is left", c.record)
		}
	}
	cols, b, all := columns(types.Int8, types.Text)
	d := NewDecoder(cols, all, Options{NullBad: true})
	d.Bind(b.Cols)
	for i, r := range []string{"x,y", "1"} {
		if err := d.Decode([]byte(r)); err != nil {
			t.Fatal(err)
		}
		if got, want := text(cols, b, i), []string{"NULL|y", "NULL|NULL"}[i]; got != want {
			t.Errorf("%q: %s, want %s", r, got, want)
		}
	}
}

func TestHeader(t *testing.T) {
	cols, b, _ := columns(types.Int8, types.Text, types.Text)
	d := NewDecoder(cols, []int{0, 2}, Options{})
	if err := d.Header([]byte("\"c\",other, A ,b\n")); err != nil {
		t.Fatal(err)
	}
	read := []vec.Vec{b.Cols[0], b.Cols[2]}
	d.Bind(read)
	if err := d.Decode([]byte("x,junk,7,y\n")); err != nil {
		t.Fatal(err)
	}
	if got := text([]catalog.Column{cols[0], cols[2]}, &vec.Batch{Cols: read}, 0); got != "7|x" {
		t.Errorf("%s, want 7|x", got)
	}
	if e := sqlerr.From(d.Header([]byte("a,b"))); e == nil || e.Code != sqlerr.UndefinedColumn || e.Column != "c" {
		t.Errorf("a header without c: %+v", e)
	}
}

func TestEncode(t *testing.T) {
	cols, b, _ := columns(types.Text, types.Int8)
	in := []string{"plain", "a,b", `say "x"`, "two\nlines", "", `\.`}
	for i, s := range in {
		b.Cols[0].(*vec.Bytes).AppendString(s)
		b.Cols[1].(*vec.Fixed[int64]).Append(int64(i))
	}
	b.Cols[0].(*vec.Bytes).AppendNull()
	b.Cols[1].(*vec.Fixed[int64]).AppendNull()
	b.Rows = len(in) + 1
	e := NewEncoder(cols, EncodeOptions{})
	out := append(e.Header(nil), '\n')
	for i := range b.Rows {
		out = append(e.Append(out, b, i), '\n')
	}
	want := "a,b\nplain,0\n\"a,b\",1\n\"say \"\"x\"\"\",2\n\"two\nlines\",3\n\"\",4\n\\.,5\n,\n"
	if string(out) != want {
		t.Errorf("encoded %q, want %q", out, want)
	}
}

// FuzzDecode compares with encoding/csv: a record that it reads in strict mode is
// read the same, and what it refuses is refused.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"a,b\n", "\"a\"\"\n,\",b\r\n", "a,\n", ",\n", "\"x\"y,z\n", "a\"b,c\n", "\"a", "\"\",\"\"\n", "a\rb,c\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		end, _, _ := End(data, '"', 0, false)
		if end < 0 {
			end = len(data)
		}
		record := data[:end]
		// encoding/csv takes \r\n inside quotes as \n, and skips empty lines.
		if bytes.Contains(record[:max(len(record)-2, 0)], []byte("\r")) || len(bytes.TrimRight(record, "\r\n")) == 0 || bytes.HasSuffix(record, []byte("\r")) {
			t.Skip()
		}
		r := stdcsv.NewReader(bytes.NewReader(record))
		want, wantErr := r.Read()
		if _, more := r.Read(); wantErr == nil && more != io.EOF {
			t.Fatalf("%q is %d bytes of a record, encoding/csv ends it sooner", data, end)
		}
		d := NewDecoder(nil, nil, Options{})
		got, err := d.split(record)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, encoding/csv: %v", record, err, wantErr)
		}
		if err == nil && !slices.Equal(got, want) {
			t.Fatalf("%q: %q, want %q", record, got, want)
		}
		if err != nil {
			return
		}
		// What the encoder writes of the fields reads back.
		cols := make([]catalog.Column, len(got))
		all := make([]int, len(got))
		b := &vec.Batch{Rows: 1}
		for i, s := range got {
			cols[i], all[i] = catalog.Column{Name: "c", Type: types.Of(types.Text)}, i
			v := &vec.Bytes{}
			v.AppendString(s)
			b.Cols = append(b.Cols, v)
		}
		line := NewEncoder(cols, EncodeOptions{}).Append(nil, b, 0)
		if again, err := d.split(line); err != nil || !slices.Equal(again, got) {
			t.Fatalf("%q is written as %q and reads back as %q, %v", got, line, again, err)
		}
	})
}

// TestEnd finds the same end whatever the pieces are in which a record comes.
func TestEnd(t *testing.T) {
	data := []byte("a,\"b\n\"\"\n\",c\nnext\n")
	whole, _, _ := End(data, '"', 0, false)
	if whole != 12 {
		t.Fatalf("the record ends at %d, want 12", whole)
	}
	for step := 1; step < len(data); step++ {
		from, inside, end := 0, false, -1
		for n := step; end < 0; n += step {
			end, from, inside = End(data[:min(n, len(data))], '"', from, inside)
		}
		if end != whole {
			t.Errorf("in pieces of %d: %d, want %d", step, end, whole)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	cols, out, all := columns(types.Int8, types.Text, types.Text, types.Numeric, types.Int8, types.Text, types.Timestamptz)
	var records [][]byte
	for i := range vec.MaxRows {
		records = append(records, fmt.Appendf(nil, "%d,customer-%06d,AAPL,%d.%04d,%d,BUY,2024-01-15T10:%02d:%02d.%06dZ\n", 1000000000+i, i, 50+i%300, i*7919%10000, i%500, i%60, i*7%60, i))
	}
	cpu := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b.Run("columns", func(b *testing.B) {
		d := NewDecoder(cols, all, Options{})
		b.ReportAllocs()
		n, began := 0, cpu()
		for b.Loop() {
			out.Reset()
			d.Bind(out.Cols)
			for _, r := range records {
				if err := d.Decode(r); err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
		b.ReportMetric(float64(cpu()-began)/float64(n), "cpu-ns/record")
	})
	b.Run("encoding-csv", func(b *testing.B) {
		data := bytes.Join(records, nil)
		n, began := 0, cpu()
		for b.Loop() {
			r := stdcsv.NewReader(bytes.NewReader(data))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); err != nil {
					break
				}
				n++
			}
		}
		b.ReportMetric(float64(cpu()-began)/float64(n), "cpu-ns/record")
	})
}
