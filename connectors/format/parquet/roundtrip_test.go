package parquet

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func numeric(prec, scale int32) types.Type {
	return types.Type{OID: types.Numeric, Mod: prec<<16 | scale + 4}
}

// samples are texts of each type that a column is written and read as.
var samples = []struct {
	typ  types.Type
	text []string
}{
	{types.Of(types.Bool), []string{"t", "f"}},
	{types.Of(types.Int2), []string{"-32768", "32767", "0"}},
	{types.Of(types.Int4), []string{"-2147483648", "2147483647", "7"}},
	{types.Of(types.Int8), []string{"-9223372036854775808", "9223372036854775807", "42"}},
	{types.Of(types.Float4), []string{"1.5", "-0", "NaN", "Infinity"}},
	{types.Of(types.Float8), []string{"1.25e+300", "-Infinity", "NaN", "0.1"}},
	{numeric(9, 2), []string{"9999999.99", "-0.01", "0.00"}},
	{numeric(18, 4), []string{"99999999999999.9999", "-0.0001"}},
	{numeric(38, 10), []string{"1234567890123456789012345678.0123456789", "-9999999999999999999999999999.9999999999", "0.0000000000"}},
	{numeric(76, 0), []string{"1" + strings.Repeat("0", 75), "-" + strings.Repeat("9", 76)}},
	{types.Of(types.Numeric), []string{"1.10", "NaN", "123456789012345678901234567890.5", "Infinity"}},
	{types.Of(types.Text), []string{"", "a", "žluťoučký kůň", strings.Repeat("long ", 100)}},
	{types.Type{OID: types.Varchar, Mod: 9}, []string{"abcde", ""}},
	{types.Of(types.Bytea), []string{`\x`, `\x00ff10`}},
	{types.Of(types.Date), []string{"1970-01-01", "4713-01-01 BC", "2026-11-22"}},
	{types.Of(types.Time), []string{"00:00:00", "23:59:59.999999", "24:00:00"}},
	{types.Of(types.Timestamp), []string{"2026-11-22 13:14:15.123456", "0001-01-01 00:00:00"}},
	{types.Of(types.Timestamptz), []string{"2026-11-22 13:14:15.123456+00", "1969-12-31 23:59:59.999999+00"}},
	{types.Of(types.UUID), []string{"00112233-4455-6677-8899-aabbccddeeff"}},
	{types.Of(types.JSONB), []string{`{"a": [1, null, "x"]}`, `"text"`, `1.50`}},
	{types.Of(types.JSON), []string{`{"b":  1}`}},
	{types.Of(types.Interval), []string{"1 year 2 mons -3 days 00:00:04.5"}},
	{types.Of(types.Lookup(types.Int4).Array), []string{"{}", "{1,NULL,3}", "{7}"}},
	{types.Of(types.Lookup(types.Text).Array), []string{`{a,"b c",NULL}`, "{}"}},
	{types.Type{OID: types.Lookup(types.Numeric).Array, Mod: 12<<16 | 3 + 4}, []string{"{1.500,-2.000}"}},
	{types.Of(types.Lookup(types.Timestamptz).Array), []string{`{"2026-11-22 13:14:15+00",NULL}`}},
}

// table makes a batch of samples with NULLs among them.
func table(t testing.TB, rows int, seed uint64) ([]catalog.Column, *vec.Batch) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	var cols []catalog.Column
	var ts []types.Type
	for i, s := range samples {
		cols = append(cols, catalog.Column{Name: fmt.Sprintf("c%d", i), Type: s.typ})
		ts = append(ts, s.typ)
	}
	b := vec.NewBatch(ts)
	for range rows {
		for i, s := range samples {
			if r.IntN(4) == 0 {
				vec.AppendNull(b.Cols[i])
				continue
			}
			v, err := types.Parse(s.typ, s.text[r.IntN(len(s.text))], types.DefaultFormat())
			if err != nil {
				t.Fatalf("%s: %v", types.FormatType(s.typ), err)
			}
			vec.Append(b.Cols[i], v)
		}
	}
	b.Rows = rows
	return cols, b
}

// rowText is a row as text.
func rowText(cols []catalog.Column, b []vec.Vec, row int) string {
	var s strings.Builder
	for i, c := range cols {
		if i > 0 {
			s.WriteByte('|')
		}
		if b[i].Nulls().Get(row) {
			s.WriteString("NULL")
			continue
		}
		s.Write(vec.TextAppender(c.Type, types.DefaultFormat())(nil, b[i], row))
	}
	return s.String()
}

// rows reads a file whole, in batches of a size, from a place on.
func rows(t testing.TB, data []byte, cols []catalog.Column, o Options, size int, from Place) []string {
	t.Helper()
	f, err := Open(inMemory(data), int64(len(data)), Settings{Window: 100})
	if err != nil {
		t.Fatal(err)
	}
	if cols == nil {
		if cols, err = f.Columns(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := NewReader(f, cols, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Seek(from); err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		var b []vec.Vec
		for _, c := range cols {
			b = append(b, vec.New(c.Type))
		}
		n, err := r.Read(b, size)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range r.Bad() {
			t.Fatalf("row %d: %v", bad.Row, bad.Err)
		}
		for i, v := range b {
			if v.Len() != n {
				t.Fatalf("column %d has %d rows, want %d", i, v.Len(), n)
			}
		}
		for row := range n {
			out = append(out, rowText(cols, b, row))
		}
	}
}

// TestRoundTrip: what is written of every type is read again, by every codec, over
// several row groups, and by any size of batches.
func TestRoundTrip(t *testing.T) {
	cols, b := table(t, 500, 7)
	var want []string
	for i := range b.Rows {
		want = append(want, rowText(cols, b.Cols, i))
	}
	for _, codec := range []Codec{Uncompressed, Snappy, Gzip, Zstd, LZ4} {
		w, err := NewWriter(cols, WriteOptions{Codec: codec})
		if err != nil {
			t.Fatal(err)
		}
		var file []byte
		for i := range b.Rows {
			if err := w.Add(b, i); err != nil {
				t.Fatalf("row %d: %v", i, err)
			}
			if i%170 == 169 || i == b.Rows-1 {
				if file, err = w.Group(file, int64(len(file))); err != nil {
					t.Fatal(err)
				}
			}
		}
		file = w.Footer(file)
		w.Close()
		for _, size := range []int{1024, 64, 1} {
			if got := rows(t, file, cols, Options{}, size, Place{}); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("codec %d, batches of %d: rows differ:\n%s\nwant\n%s", codec, size, first(got, want), first(want, got))
			}
		}
		// The columns that the file makes are those that were written, but for what is a
		// string there.
		got := rows(t, file, nil, Options{}, 100, Place{})
		if len(got) != len(want) {
			t.Errorf("codec %d: %d rows by the file's own columns, want %d", codec, len(got), len(want))
		}
		for _, at := range []Place{{0, 1}, {1, 0}, {1, 77}, {2, 159}, {3, 0}} {
			k := at.Group*170 + int(at.Row)
			if got := rows(t, file, cols, Options{}, 50, at); strings.Join(got, "\n") != strings.Join(want[min(k, 500):], "\n") {
				t.Errorf("from %v on: %d rows, want %d", at, len(got), 500-k)
			}
		}
	}
}

func first(a, b []string) string {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("%d: %s", i, a[i])
		}
	}
	return fmt.Sprintf("%d rows", len(a))
}

// TestGrowing: a file that grows by row groups and footers is a file at each of its ends,
// and goes on from where it was cut.
func TestGrowing(t *testing.T) {
	cols := []catalog.Column{{Name: "n", Type: types.Of(types.Int8)}}
	w, err := NewWriter(cols, WriteOptions{Codec: Snappy})
	if err != nil {
		t.Fatal(err)
	}
	var file []byte
	var ends []int
	add := func(w *Writer, from, to int64) {
		t.Helper()
		b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
		for i := from; i < to; i++ {
			b.Cols[0].(*vec.Fixed[int64]).Append(i)
		}
		b.Rows = int(to - from)
		for i := range b.Rows {
			if err := w.Add(b, i); err != nil {
				t.Fatal(err)
			}
		}
		if file, err = w.Group(file, int64(len(file))); err != nil {
			t.Fatal(err)
		}
		file = w.Footer(file)
		ends = append(ends, len(file))
	}
	add(w, 0, 10)
	add(w, 10, 25)
	add(w, 25, 30)
	for i, n := range []int{10, 25, 30} {
		if got := rows(t, file[:ends[i]], cols, Options{}, 7, Place{}); len(got) != n {
			t.Errorf("after epoch %d: %d rows, want %d", i+1, len(got), n)
		}
	}
	// The last epoch is undone, another written in its place.
	w.Cut(int64(ends[1]))
	file = file[:ends[1]]
	add(w, 100, 103)
	if got := strings.Join(rows(t, file, cols, Options{}, 100, Place{}), " "); !strings.HasSuffix(got, "24 100 101 102") || strings.Contains(got, "27") {
		t.Errorf("after a cut: %s", got)
	}
	// Another writer goes on.
	f, err := Open(inMemory(file), int64(len(file)), Settings{})
	if err != nil {
		t.Fatal(err)
	}
	next, err := NewWriter(cols, WriteOptions{Codec: Zstd})
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Resume(f); err != nil {
		t.Fatal(err)
	}
	add(next, 200, 201)
	if got := strings.Join(rows(t, file, cols, Options{}, 100, Place{}), " "); !strings.HasSuffix(got, "24 100 101 102 200") {
		t.Errorf("after another writer: %s", got)
	}
	other, err := NewWriter([]catalog.Column{{Name: "n", Type: types.Of(types.Text)}}, WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Resume(f); sqlerr.CodeOf(err) != sqlerr.InvalidTableDefinition {
		t.Errorf("rows of other columns: %v", err)
	}
}

// TestNoForm: a row that has no form is not written, and those around it are.
func TestNoForm(t *testing.T) {
	cols := []catalog.Column{{Name: "a", Type: types.Of(types.Text)}, {Name: "b", Type: numeric(4, 1)}, {Name: "c", Type: types.Of(types.Lookup(types.Int4).Array)}}
	w, err := NewWriter(cols, WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := vec.NewBatch([]types.Type{cols[0].Type, types.Of(types.Numeric), cols[2].Type})
	for _, row := range [][3]string{{"x", "1.5", "{1}"}, {"bad", "NaN", "{1}"}, {"y", "2.25", "{2,3}"}, {"bad", "1", "{{1},{2}}"}, {"z", "12345", "{}"}, {"w", "-1", "{4}"}} {
		for i, c := range b.Cols {
			v, err := types.Parse(types.Of(cols[i].Type.OID), row[i], types.DefaultFormat())
			if err != nil {
				t.Fatal(err)
			}
			vec.Append(c, v)
		}
		b.Rows++
	}
	var failed []string
	for i := range b.Rows {
		if err := w.Add(b, i); err != nil {
			e := sqlerr.From(err)
			failed = append(failed, fmt.Sprintf("%d %s %s", i, e.Column, e.Code))
		}
	}
	if got := strings.Join(failed, ", "); got != "1 b 22003, 3 c 2202E, 4 b 22003" {
		t.Errorf("rows without a form: %s", got)
	}
	file, err := w.Group(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows(t, w.Footer(file), cols, Options{}, 10, Place{}), " "); got != "x|1.5|{1} y|2.3|{2,3} w|-1.0|{4}" {
		t.Errorf("the others: %s", got)
	}
}
