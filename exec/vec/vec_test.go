package vec

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// samples are texts of values of a type, in ascending order.
var samples = []struct {
	oid  types.OID
	text []string
}{
	{types.Bool, []string{"f", "t"}},
	{types.Int2, []string{"-32768", "-1", "0", "32767"}},
	{types.Int4, []string{"-2147483648", "7", "2147483647"}},
	{types.Int8, []string{"-9223372036854775808", "0", "9223372036854775807"}},
	{types.Oid, []string{"0", "4294967295"}},
	{types.Float4, []string{"-Infinity", "-1.5", "0", "3.4e+38", "NaN"}},
	{types.Float8, []string{"-1e+300", "0.1", "1e+300", "Infinity", "NaN"}},
	{types.Numeric, []string{"-Infinity", "-123456789012345678901234567890123456789012345678901234567890.5", "-1.50", "0.000", "0.001", "12", "99999999999999999999.99", "NaN"}},
	{types.Text, []string{"", "Zebra", "a", "äöü"}},
	{types.Varchar, []string{"a", "b"}},
	{types.BPChar, []string{"a", "b "}},
	{types.Name, []string{"pg_class", "x"}},
	{types.Bytea, []string{`\x`, `\x00ff`, `\x01`}},
	{types.Date, []string{"-infinity", "1999-12-31", "2024-02-29", "infinity"}},
	{types.Time, []string{"00:00:00", "23:59:59.999999"}},
	{types.Timestamp, []string{"-infinity", "2024-02-29 12:34:56.789", "infinity"}},
	{types.Timestamptz, []string{"2024-02-29 12:34:56+00", "2024-02-29 12:34:57+00"}},
	{types.Interval, []string{"-1 days", "23:00:00", "1 day", "29 days", "1 mon 1 day"}},
	{types.UUID, []string{"00000000-0000-0000-0000-000000000001", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
	{types.JSONB, []string{`null`, `"a"`, `1`, `true`, `[1, 2]`, `{"a": 1.5}`}},
	{types.JSON, []string{`{"a":1}`, `[1,  2]`}},
	{1007, []string{"{}", "{1,2}", "{1,2,3}", "{{1,2},{3,4}}", "{2,NULL}", "[0:1]={3,4}"}},
	{1009, []string{"{a,b}", "{a,NULL}"}},
}

func value(t *testing.T, oid types.OID, text string) types.Value {
	t.Helper()
	v, err := types.Parse(types.Of(oid), text, types.DefaultFormat())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// column has all samples with a NULL after the first.
func column(t *testing.T, oid types.OID, texts []string) (Vec, []types.Value) {
	v := New(types.Of(oid))
	var vals []types.Value
	for i, text := range texts {
		vals = append(vals, value(t, oid, text))
		if i == 0 {
			vals = append(vals, types.NullOf(types.Of(oid)))
		}
	}
	for _, val := range vals {
		Append(v, val)
	}
	return v, vals
}

// written are a column's rows in text.
func written(v Vec, t types.Type) []string {
	write := TextAppender(t, types.DefaultFormat())
	var out []string
	for row := range v.Len() {
		if v.Nulls().Get(row) {
			out = append(out, "NULL")
			continue
		}
		out = append(out, string(write(nil, v, row)))
	}
	return out
}

func TestColumnsKeepValues(t *testing.T) {
	for _, s := range samples {
		typ := types.Of(s.oid)
		v, vals := column(t, s.oid, s.text)
		want := slices.Insert(slices.Clone(s.text), 1, "NULL")
		if got := written(v, typ); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", types.FormatType(typ), got, want)
		}
		write := BinaryAppender(typ, nil)
		for row, val := range vals {
			if val.Null {
				continue
			}
			if got, want := write(nil, v, row), types.AppendBinary(nil, val, nil); !bytes.Equal(got, want) {
				t.Errorf("%s row %d in binary: %x, want %x", types.FormatType(typ), row, got, want)
			}
		}
		for row, val := range vals {
			got := Get(v, row, typ)
			if got.Null != val.Null || !val.Null && types.Compare(got, val) != 0 {
				t.Errorf("%s: Get(%d) = %+v, want %+v", types.FormatType(typ), row, got, val)
			}
		}
		v.Reset()
		if v.Len() != 0 || v.Nulls().Any() {
			t.Errorf("%s: %d rows after Reset", types.FormatType(typ), v.Len())
		}
		Append(v, vals[len(vals)-1])
		if got := written(v, typ); got[0] != s.text[len(s.text)-1] {
			t.Errorf("%s after Reset: %q", types.FormatType(typ), got)
		}
	}
}

func TestCopies(t *testing.T) {
	for _, s := range samples {
		typ := types.Of(s.oid)
		v, vals := column(t, s.oid, s.text)
		all := written(v, typ)
		last := len(vals) - 1
		sel := []int32{int32(last), 1, 0}

		dst := New(typ)
		CopyRows(dst, v, sel)
		CopyRows(dst, v, nil)
		CopyRows(dst, NewConst(vals[0], 2), nil)
		CopyRows(dst, NewConst(vals[1], 9), []int32{4})
		want := append([]string{all[last], all[1], all[0]}, all...)
		want = append(want, all[0], all[0], "NULL")
		if got := written(dst, typ); !slices.Equal(got, want) {
			t.Errorf("%s: copied %q, want %q", types.FormatType(typ), got, want)
		}
		if got, want := written(Flat(NewConst(vals[0], 3)), typ), []string{all[0], all[0], all[0]}; !slices.Equal(got, want) {
			t.Errorf("%s: flat %q, want %q", types.FormatType(typ), got, want)
		}

		chosen := New(typ)
		Choose(chosen, []Vec{v, NewConst(vals[0], len(vals)), nil}, slices.Concat([]int16{1, 0}, slices.Repeat([]int16{-1}, len(vals)-2)), len(vals))
		if got := written(chosen, typ); len(got) != len(vals) || got[0] != all[0] || got[1] != "NULL" {
			t.Errorf("%s: chose %q", types.FormatType(typ), got)
		}
	}
}

func TestOrderAndHash(t *testing.T) {
	for _, s := range samples {
		typ := types.Of(s.oid)
		if s.oid == types.JSON {
			continue // has no order
		}
		v := New(typ)
		for _, text := range s.text {
			Append(v, value(t, s.oid, text))
		}
		other := New(typ)
		CopyRows(other, v, nil)
		h, g := make([]uint64, v.Len()), make([]uint64, v.Len())
		Hash(v, typ, nil, h)
		Hash(other, typ, nil, g)
		for i := range v.Len() {
			for j := range v.Len() {
				order := Compare(v, i, other, j, typ)
				if want := cmpInt(i, j); order != want {
					t.Errorf("%s: %s against %s = %d, want %d", types.FormatType(typ), s.text[i], s.text[j], order, want)
				}
				if Equal(v, i, other, j, typ) != (i == j) {
					t.Errorf("%s: %s equals %s", types.FormatType(typ), s.text[i], s.text[j])
				}
				if (h[i] == g[j]) != (i == j) {
					t.Errorf("%s: hash of %s and of %s", types.FormatType(typ), s.text[i], s.text[j])
				}
			}
		}
	}
}

func cmpInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func TestEqualValuesHashAlike(t *testing.T) {
	for _, c := range []struct {
		oid  types.OID
		a, b string
	}{
		{types.Numeric, "1.5", "1.500"},
		{types.Numeric, "0", "0.00"},
		{types.Numeric, "100000000000000000000000000000000000000000000", "100000000000000000000000000000000000000000000.0"},
		{types.Numeric, "12345678901234567890123", "12345678901234567890123.00"},
		{types.Float8, "0", "-0"},
		{types.BPChar, "a", "a  "},
		{types.Interval, "1 mon", "30 days"},
		{types.Interval, "24:00:00", "1 day"},
		{types.JSONB, `{"a": 1.0}`, `{"a": 1}`},
		{1231, "{1.0,2}", "{1,2.00}"},
	} {
		typ := types.Of(c.oid)
		v := New(typ)
		Append(v, value(t, c.oid, c.a))
		Append(v, value(t, c.oid, c.b))
		h := make([]uint64, 2)
		Hash(v, typ, nil, h)
		if !Equal(v, 0, v, 1, typ) {
			t.Errorf("%s: %s and %s are not equal", types.FormatType(typ), c.a, c.b)
		}
		if h[0] != h[1] {
			t.Errorf("%s: %s and %s have different hashes", types.FormatType(typ), c.a, c.b)
		}
		constant := make([]uint64, 2)
		Hash(NewConst(value(t, c.oid, c.b), 2), typ, []int32{1}, constant)
		if constant[1] != h[0] || constant[0] != 0 {
			t.Errorf("%s: hashes of a constant %x, want %x at row 1 alone", types.FormatType(typ), constant, h[0])
		}
	}
}

func TestHashIsKept(t *testing.T) {
	// Hashes name the place of rows in state: these may never change.
	v := New(types.Of(types.Text))
	for _, s := range []string{"", "a", "abcd", "abcdefgh", "abcdefghijklmnopqrstuvwxyz"} {
		Append(v, types.NewText(s))
	}
	h := make([]uint64, v.Len())
	Hash(v, types.Of(types.Text), nil, h)
	want := []uint64{0x370f0daca08c9b79, 0xe38aa0a40c4a0064, 0x8f06777abfcd670e, 0xde209d7631e50503, 0x83219152b72c55ec}
	if !slices.Equal(h, want) {
		t.Errorf("hashes %#x, want %#x", h, want)
	}
}

func TestCompact(t *testing.T) {
	b := NewBatch([]types.Type{types.Of(types.Int4), types.Of(types.Text)})
	for i, s := range []string{"a", "b", "c"} {
		Append(b.Cols[0], types.NewInt(types.Int4, int64(i)))
		Append(b.Cols[1], types.NewText(s))
	}
	b.Rows, b.Ops, b.Sel = 3, []Op{Insert, Insert, Delete}, []int32{0, 2}
	var scratch Batch
	for range 2 {
		got := b.Compact(&scratch)
		if got.Rows != 2 || got.Sel != nil {
			t.Fatalf("compacted to %d rows, selection %v", got.Rows, got.Sel)
		}
		if diff := cmp.Diff([]string{"a", "c"}, written(got.Cols[1], types.Of(types.Text))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]Op{Insert, Delete}, got.Ops); diff != "" {
			t.Error(diff)
		}
	}
	b.Sel = nil
	if b.Compact(&scratch) != b {
		t.Error("a batch without selection was copied")
	}
}

func TestNumericChangesShape(t *testing.T) {
	typ := types.Of(types.Numeric)
	v := New(typ).(*Numeric)
	var want []string
	for round := range 2 {
		v.AppendNull()
		v.Pad(3)
		v.AppendInt64(150, 2)
		if !v.Narrow() || v.Scale != 2 {
			t.Fatalf("round %d: padding kept the column from taking a scale", round)
		}
		for _, s := range []string{"2.5", "170141183460469231731687303715884105727", "NaN", "-0.00001"} {
			Append(v, value(t, types.Numeric, s))
		}
		want = []string{"NULL", "", "", "1.50", "2.5", "170141183460469231731687303715884105727", "NaN", "-0.00001"}
		got := written(v, typ)
		want[1], want[2] = got[1], got[2]
		if !slices.Equal(got, want) {
			t.Errorf("round %d: %q, want %q", round, got, want)
		}
		v.Reset()
	}
}

func TestNumericsOfOneScale(t *testing.T) {
	typ := types.Of(types.Numeric)
	for _, before := range [][]string{nil, {"1.25"}, {"0.5"}, {"7", "170141183460469231731687303715884105727"}, {"NaN"}} {
		v := New(typ).(*Numeric)
		want := slices.Clone(before)
		for _, s := range before {
			Append(v, value(t, types.Numeric, s))
		}
		v.AppendInt64s(nil, 7)
		v.AppendInt64s([]int64{150, -1, 0}, 2)
		want = append(want, "1.50", "-0.01", "0.00")
		if narrow := before == nil || before[0] == "1.25"; v.Narrow() != narrow {
			t.Errorf("after %q: narrow is %v, want %v", before, v.Narrow(), narrow)
		}
		v.AppendInt64s([]int64{3, 4}, 1)
		want = append(want, "0.3", "0.4")
		if got := written(v, typ); !slices.Equal(got, want) {
			t.Errorf("after %q: %q, want %q", before, got, want)
		}
	}
}

func TestBitmap(t *testing.T) {
	var m, o Bitmap
	for _, row := range []int{3, 64, 1000} {
		m.Set(row)
	}
	m.Clear(64)
	o.SetAll(70)
	o.Clear(3)
	if got := slices.Collect(m.Rows); !slices.Equal(got, []int{3, 1000}) {
		t.Errorf("rows %v", got)
	}
	m.Or(&o)
	if m.Count() != 71 || !m.Get(69) || m.Get(70) || m.Get(100000) {
		t.Errorf("after Or: %d rows", m.Count())
	}
	o.CopyFrom(&m)
	m.Reset()
	if m.Any() || m.Get(3) || o.Count() != 71 {
		t.Error("Reset or CopyFrom shares words")
	}
}
