package rowkey

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// literals are values of each type that has a key, among them those whose order
// or equality is not their text's.
var literals = map[string][]string{
	"boolean":     {"t", "f"},
	"smallint":    {"-32768", "-1", "0", "1", "32767"},
	"integer":     {"-2147483648", "-256", "-1", "0", "1", "255", "256", "2147483647"},
	"bigint":      {"-9223372036854775808", "-1", "0", "1", "9223372036854775807"},
	"oid":         {"0", "1", "4294967295"},
	"real":        {"-Infinity", "-1.5", "-1e-40", "-0", "0", "1e-40", "1", "1.5", "3e38", "Infinity", "NaN"},
	"float8":      {"-Infinity", "-1.5e300", "-1e-320", "-0", "0", "5e-324", "1", "1.0000000001", "Infinity", "NaN"},
	"text":        {"", "a", "aa", "ab", "b", "B", "é", "a\x01", "\U0001f600", "z"},
	"varchar":     {"", "a", "a ", "ab"},
	"bpchar":      {"", "a", "a ", "a  ", "ab", "a\x01"},
	"name":        {"a", "b", ""},
	"\"char\"":    {"a", "b"},
	"bytea":       {`\x`, `\x00`, `\x0000`, `\x0001`, `\x01`, `\xff`, `\xff00`},
	"date":        {"-infinity", "4713-01-01 BC", "1999-12-31", "2000-01-01", "2024-02-29", "infinity"},
	"time":        {"00:00", "12:00:00.000001", "24:00"},
	"timetz":      {"00:00+00", "00:00-05", "05:00+05", "12:00+00"},
	"timestamp":   {"-infinity", "1999-12-31 23:59:59.999999", "2000-01-01", "2024-01-01 12:00", "infinity"},
	"timestamptz": {"-infinity", "1999-12-31 23:59:59+00", "2000-01-01 00:00+00", "infinity"},
	"interval":    {"-1 mon", "-1 us", "0", "1 us", "24 hours", "1 day", "30 days", "1 mon", "29 days 24:00:01", "1 year", "-25 hours 2 days"},
	"numeric": {"-Infinity", "-1e200", "-123456789012345678901234567890.5", "-100", "-99.99", "-1.5", "-1.50", "-1", "-0.1", "-1e-150", "0", "0.000",
		"1e-150", "0.001", "0.01", "0.1", "0.10", "0.9", "0.99", "1", "1.0", "1.000000000000000001", "9", "10", "10.01", "99", "100", "12345678901234567890",
		"123456789012345678901234567890123456789012345", "1e150", "1e200", "Infinity", "NaN"},
	"uuid":        {"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
	"money":       {"-1", "0", "1.01"},
	"inet":        {"10.0.0.1", "10.0.0.0/8", "10.0.0.1/8", "192.168.0.1", "::1", "2001:db8::/32"},
	"cidr":        {"10.0.0.0/8", "10.0.0.0/16", "::/0"},
	"macaddr":     {"08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"},
	"bit varying": {"", "0", "1", "00", "01", "10", "101010101"},
	"jsonb": {`[]`, `null`, `""`, `"a"`, `"ab"`, `"a\"b"`, `"é"`, `-1`, `0`, `0.0`, `1`, `1.0`, `1e10`, `1.5`, `true`, `false`, `[1]`, `[1, 2]`, `[2]`, `[[]]`, `[null]`,
		`[{}]`, `["a", {"b": [1]}]`, `{}`, `{"a": 1}`, `{"a": 2}`, `{"b": 1}`, `{"a": 1, "b": 2}`, `{"aa": 1}`, `{"a": {"b": []}}`, `{"a": [1, {"c": "x,]}"}], "b": null}`},
	"int4range":      {"empty", "(,)", "[1,2)", "[1,3)", "(,2)", "[2,)", "[-5,5)"},
	"numrange":       {"empty", "(,)", "[1,2)", "[1.0,2.0)", "(1,2)", "[1,2]", "(1,2]", "(,1]", "[1,)", "[1.5,2)"},
	"daterange":      {"empty", "[2024-01-01,2024-02-01)", "(,2024-01-01)"},
	"nummultirange":  {"{}", "{[1,2)}", "{[1.0,2)}", "{[1,2),[3,4)}", "{(,)}", "{[1,2]}"},
	"int4multirange": {"{}", "{[1,2)}", "{[1,2),[3,4)}", "{(,)}"},
	"integer[]":      {"{}", "{1}", "{1,2}", "{2}", "{NULL}", "{1,NULL}", "{{1},{2}}", "{{1,2}}", "[0:1]={1,2}", "[2:3]={1,2}"},
	"text[]":         {"{}", `{""}`, "{a}", "{a,b}", `{"a,b"}`, "{NULL}", "{a,NULL}"},
	"numeric[]":      {"{1}", "{1.0}", "{1.5,NaN}", "{}"},
	"tid":            {"(0,1)", "(0,2)", "(1,1)"},
	"pg_lsn":         {"0/0", "16/B374D848"},
}

func valuesOf(t *testing.T, name string) (types.Type, []types.Value) {
	t.Helper()
	for oid := types.OID(1); oid < 20000; oid++ {
		info := types.Lookup(oid)
		if info == nil || info.In == nil || info.SQLName != name && info.Name != name {
			continue
		}
		typ := types.Of(oid)
		var vals []types.Value
		for _, text := range literals[name] {
			v, err := types.Parse(typ, text, types.DefaultFormat())
			if err != nil {
				t.Fatalf("%s %q: %v", name, text, err)
			}
			vals = append(vals, v)
		}
		return typ, vals
	}
	t.Fatalf("there is no type %s", name)
	return types.Type{}, nil
}

func sign(x int) int { return max(-1, min(1, x)) }

// TestKeysOrderAsValues: keys compare as types.Compare does, equal ones are
// equal, and of columns and of values they are the same.
func TestKeysOrderAsValues(t *testing.T) {
	for name := range literals {
		typ, vals := valuesOf(t, name)
		if !Orderable(typ) {
			t.Errorf("%s has no key", name)
			continue
		}
		for _, desc := range []bool{false, true} {
			e := NewEncoder([]Column{{Type: typ, Desc: desc}, {Type: types.Of(types.Int4)}})
			var keys [][]byte
			for _, v := range vals {
				col := vec.New(typ)
				vec.Append(col, v)
				key, _ := e.Append(nil, []vec.Vec{col, vec.NewConst(types.NewInt(types.Int4, 7), 1)}, 0)
				byValue, _ := e.AppendValues(nil, []types.Value{v, types.NewInt(types.Int4, 7)})
				if !bytes.Equal(key, byValue) {
					t.Errorf("%s %s: the column's key is %x, the value's %x", name, types.AppendText(nil, v, types.DefaultFormat()), key, byValue)
				}
				keys = append(keys, key)
			}
			for i, a := range vals {
				for j, b := range vals {
					want := sign(types.Compare(a, b))
					if desc {
						want = -want
					}
					if got := bytes.Compare(keys[i], keys[j]); got != want {
						f := types.DefaultFormat()
						t.Errorf("%s: %s and %s compare as %d, their keys as %d (desc %v)", name, types.AppendText(nil, a, f), types.AppendText(nil, b, f), want, got, desc)
					}
				}
			}
		}
	}
}

// TestEveryOrderableTypeIsTested: a type that gets an order gets literals.
func TestEveryOrderableTypeIsTested(t *testing.T) {
	tested := map[types.OID]bool{}
	phys := map[types.Phys]bool{}
	for name := range literals {
		typ, _ := valuesOf(t, name)
		tested[typ.OID] = true
		phys[types.Lookup(typ.OID).Phys] = true
	}
	// These lie and order as others that are tested.
	alike := "bit tsvector macaddr8 xid8 record regproc regprocedure regoper regoperator regclass regtype regrole regnamespace regconfig regdictionary regcollation" +
		" int8range tsrange tstzrange int8multirange datemultirange tsmultirange tstzmultirange int2vector oidvector"
	const ownTypes = 16384 // from here on enums, which lie and order as int8 does
	for oid := types.OID(1); oid < ownTypes; oid++ {
		info := types.Lookup(oid)
		if info == nil || !Orderable(types.Of(oid)) || info.Elem != 0 || tested[oid] {
			continue
		}
		if !strings.Contains(" "+alike+" ", " "+info.Name+" ") {
			t.Errorf("type %s has a key and no literals here", info.Name)
		}
	}
	for _, p := range []types.Phys{types.PhysBool, types.PhysInt16, types.PhysInt32, types.PhysInt64, types.PhysUint32, types.PhysFloat32,
		types.PhysFloat64, types.PhysInterval, types.PhysUUID, types.PhysBytes, types.PhysNumeric, types.PhysList} {
		if !phys[p] {
			t.Errorf("no type of Phys %d is tested", p)
		}
	}
}

// TestRandomKeys: random values of the types with the most to go wrong.
func TestRandomKeys(t *testing.T) {
	gens := map[types.OID]*rapid.Generator[types.Value]{
		types.Float8: rapid.Map(rapid.Uint64(), func(u uint64) types.Value { return types.NewFloat(types.Float8, math.Float64frombits(u)) }),
		types.Numeric: rapid.Custom(func(t *rapid.T) types.Value {
			text := rapid.StringMatching(`-?[0-9]{1,45}(\.[0-9]{0,20})?`).Draw(t, "digits")
			d, err := types.ParseDecimal(text)
			if err != nil {
				t.Fatal(err)
			}
			return types.NewNumeric(d)
		}),
		types.Bytea: rapid.Map(rapid.SliceOf(rapid.SampledFrom([]byte{0, 1, 2, 0xfe, 0xff})), func(b []byte) types.Value { return types.NewString(types.Bytea, string(b)) }),
		types.Interval: rapid.Custom(func(t *rapid.T) types.Value {
			return types.Value{Type: types.Of(types.Interval), Span: types.IntervalValue{
				Micros: rapid.Int64Range(-1e14, 1e14).Draw(t, "us"), Days: rapid.Int32Range(-1e6, 1e6).Draw(t, "days"), Months: rapid.Int32Range(-1e5, 1e5).Draw(t, "months"),
			}}
		}),
	}
	for oid, gen := range gens {
		e := NewEncoder([]Column{{Type: types.Of(oid)}})
		rapid.Check(t, func(t *rapid.T) {
			a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
			x, _ := e.AppendValues(nil, []types.Value{a})
			y, _ := e.AppendValues(nil, []types.Value{b})
			if want, got := sign(types.Compare(a, b)), bytes.Compare(x, y); want != got {
				t.Fatalf("%v and %v compare as %d, their keys as %d", a, b, want, got)
			}
		})
	}
}

func TestNulls(t *testing.T) {
	one, null := types.NewInt(types.Int4, 1), types.NullOf(types.Of(types.Int4))
	for _, desc := range []bool{false, true} {
		for _, first := range []bool{false, true} {
			e := NewEncoder([]Column{{Type: types.Of(types.Int4), Desc: desc, NullsFirst: first}})
			x, isNull := e.AppendValues(nil, []types.Value{one})
			y, wasNull := e.AppendValues(nil, []types.Value{null})
			if want, got := first, bytes.Compare(y, x) < 0; want != got || isNull || !wasNull {
				t.Errorf("desc %v, nulls first %v: the NULL comes first: %v", desc, first, got)
			}
		}
	}
}

// TestRowsReadBack writes rows of all types, with a NULL in each place, and reads
// them whole and column by column.
func TestRowsReadBack(t *testing.T) {
	var attrs []Attr
	var cols []vec.Vec
	const rows = 12
	for name := range literals {
		typ, vals := valuesOf(t, name)
		col := vec.New(typ)
		for i := range rows {
			if i%5 == len(attrs)%5 {
				vec.AppendNull(col)
			} else {
				vec.Append(col, vals[i%len(vals)])
			}
		}
		attrs, cols = append(attrs, Attr{Type: typ}), append(cols, col)
	}
	l := NewLayout(attrs)
	check := func(want []int) {
		r := l.Reader(want)
		var got []vec.Vec
		for _, a := range want {
			got = append(got, vec.New(attrs[a].Type))
		}
		for i := range rows {
			if err := r.Read(l.Append(nil, cols, i), got); err != nil {
				t.Fatal(err)
			}
		}
		for k, a := range want {
			for i := range rows {
				g, w := vec.Get(got[k], i, attrs[a].Type), vec.Get(cols[a], i, attrs[a].Type)
				f := types.DefaultFormat()
				if g.Null != w.Null || !g.Null && string(types.AppendText(nil, g, f)) != string(types.AppendText(nil, w, f)) {
					t.Errorf("%s, row %d: read %v, want %v", types.FormatType(attrs[a].Type), i, g, w)
				}
			}
		}
	}
	all := make([]int, len(attrs))
	for i := range attrs {
		all[i] = i
		check([]int{i})
	}
	check(all)
}

// TestRowsOfBefore: rows that were written before a column was added have its
// value of then; values of dropped columns are passed over.
func TestRowsOfBefore(t *testing.T) {
	before := NewLayout([]Attr{{Type: types.Of(types.Text)}, {Type: types.Of(types.Int4)}})
	text, n := &vec.Bytes{}, &vec.Fixed[int32]{}
	text.AppendString("gone")
	n.Append(5)
	row := before.Append(nil, []vec.Vec{text, n}, 0)
	now := NewLayout([]Attr{{Was: types.PhysBytes}, {Type: types.Of(types.Int4)}, {Type: types.Of(types.Text), Missing: types.NewText("new")}, {Type: types.Of(types.Int8)}})
	r := now.Reader([]int{1, 2, 3})
	got := []vec.Vec{&vec.Fixed[int32]{}, &vec.Bytes{}, &vec.Fixed[int64]{}}
	if err := r.Read(row, got); err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintln(got[0].(*vec.Fixed[int32]).Values[0], string(got[1].(*vec.Bytes).At(0)), got[2].Nulls().Get(0)); s != "5 new true\n" {
		t.Errorf("read %s", s)
	}
	for cut := range row {
		_ = r.Read(row[:cut], got) // an error or a shorter row, never a panic
	}
}
