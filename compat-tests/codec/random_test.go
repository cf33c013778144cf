package codec

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// generators make values of a type.
var generators = map[string]*rapid.Generator[types.Value]{
	"boolean":          rapid.Map(rapid.Bool(), types.NewBool),
	"smallint":         ints(types.Int2, math.MinInt16, math.MaxInt16),
	"integer":          ints(types.Int4, math.MinInt32, math.MaxInt32),
	"bigint":           ints(types.Int8, math.MinInt64, math.MaxInt64),
	"oid":              ints(types.Oid, 0, math.MaxUint32),
	"date":             rapid.OneOf(ints(types.Date, -2451545, 2145031948), ints(types.Date, -100000, 100000)),
	"time":             ints(types.Time, 0, 86400000000),
	"timestamp":        rapid.OneOf(ints(types.Timestamp, -211813488000000000, 9223371331199999999), ints(types.Timestamp, -1e16, 1e16)),
	"timestamptz":      rapid.OneOf(ints(types.Timestamptz, -211813401600000000, 9223371244799999999), ints(types.Timestamptz, -5e15, 5e15)),
	"double precision": rapid.Custom(func(t *rapid.T) types.Value { return types.NewFloat(types.Float8, drawFloat(t)) }),
	"real": rapid.Custom(func(t *rapid.T) types.Value {
		return types.NewFloat(types.Float4, float64(math.Float32frombits(rapid.Uint32Range(0, 0x7f7fffff).Draw(t, "bits"))))
	}),
	"numeric": rapid.Custom(func(t *rapid.T) types.Value {
		d, err := types.ParseDecimal(rapid.StringMatching(`-?[0-9]{1,60}(\.[0-9]{0,40})?`).Draw(t, "digits"))
		if err != nil {
			t.Fatal(err)
		}
		return types.NewNumeric(d)
	}),
	"interval": rapid.Custom(func(t *rapid.T) types.Value {
		small := rapid.Bool().Draw(t, "small")
		v := types.IntervalValue{Micros: rapid.Int64().Draw(t, "micros"), Days: rapid.Int32().Draw(t, "days"), Months: rapid.Int32().Draw(t, "months")}
		if small {
			v.Micros, v.Days, v.Months = v.Micros%1e11, v.Days%100, v.Months%100
		}
		return types.Value{Type: types.Of(types.Interval), Span: v}
	}),
	"text":  rapid.Map(rapid.StringMatching(`[^\x00]{0,20}`), func(s string) types.Value { return types.NewText(s) }),
	"bytea": rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), func(b []byte) types.Value { return types.NewString(types.Bytea, string(b)) }),
	"uuid":  rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) types.Value { return types.NewUUID(types.UUIDValue(b)) }),
	"jsonb": rapid.Custom(func(t *rapid.T) types.Value {
		v, err := types.Parse(types.Of(types.JSONB), drawJSON(t, 3), nil)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}),
	"text[]": rapid.Custom(func(t *rapid.T) types.Value {
		return types.NewArray(types.Of(types.Text), rapid.SliceOfN(rapid.Custom(func(t *rapid.T) types.Value {
			if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
				return types.NullOf(types.Of(types.Text))
			}
			return types.NewText(rapid.OneOf(rapid.StringMatching(`[^\x00]{0,5}`), rapid.SampledFrom([]string{"null", "NULL", "", " ", "{}", "a,b", "\\", "\""})).Draw(t, "item"))
		}), 0, 5).Draw(t, "items"))
	}),
	"timestamp[]": rapid.Custom(func(t *rapid.T) types.Value {
		return types.NewArray(types.Of(types.Timestamp), rapid.SliceOfN(ints(types.Timestamp, -1e15, 1e15), 0, 4).Draw(t, "items"))
	}),
}

func ints(oid types.OID, lo, hi int64) *rapid.Generator[types.Value] {
	return rapid.Map(rapid.Int64Range(lo, hi), func(i int64) types.Value { return types.NewInt(oid, i) })
}

// drawFloat makes floats of all magnitudes: rapid's own are often short.
func drawFloat(t *rapid.T) float64 {
	if rapid.Bool().Draw(t, "scaled") {
		return float64(rapid.Int64().Draw(t, "mantissa")) * math.Pow(10, float64(rapid.IntRange(-30, 30).Draw(t, "exp")))
	}
	return math.Float64frombits(rapid.Uint64Range(0, 0x7fefffffffffffff).Draw(t, "bits"))
}

func drawJSON(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")
	case 1:
		return rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,10})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
	case 2, 3:
		return string(types.AppendJSONString(nil, rapid.StringMatching(`[^\x00]{0,6}`).Draw(t, "string")))
	}
	open, end := "[", "]"
	if kind == 5 {
		open, end = "{", "}"
	}
	s := open
	for i := range rapid.IntRange(0, 4).Draw(t, "size") {
		if i > 0 {
			s += ","
		}
		if kind == 5 {
			s += string(types.AppendJSONString(nil, rapid.StringMatching(`[a-cé"]{0,3}`).Draw(t, "key"))) + ":"
		}
		s += drawJSON(t, depth-1)
	}
	return s + end
}

// TestRandomValues sends values to PostgreSQL in our binary form and compares
// its text and binary forms with ours, then its reading of our text.
func TestRandomValues(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real PostgreSQL; run without -short")
	}
	o := newOracle(t)
	all := append(append([]settings{"extra_float_digits=0", "bytea_output=escape"}, dateSettings...), intervalStyleSettings...)
	for name, gen := range generators {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				v := gen.Draw(rt, "value")
				set := rapid.SampledFrom(all).Draw(rt, "settings")
				o.t = t
				if set != o.settings {
					o.exec(set.sql())
					o.settings = set
				}
				f := set.format()
				text, form := string(types.AppendText(nil, v, f)), string(types.AppendBinary(nil, v, nil))
				for format, want := range []string{text, form} {
					r := o.conn.ExecParams(context.Background(), "select $1::"+name, [][]byte{[]byte(form)}, nil, []int16{1}, []int16{int16(format)}).Read()
					if r.Err != nil {
						rt.Fatalf("PostgreSQL refuses %s (%q): %v", text, form, r.Err)
					}
					if got := string(r.Rows[0][0]); got != want {
						rt.Fatalf("%s: PostgreSQL has %q, we %q", set, got, want)
					}
				}
				r := o.conn.ExecParams(context.Background(), "select $1::"+name, [][]byte{[]byte(text)}, nil, []int16{0}, []int16{1}).Read()
				parsed, err := types.Parse(v.Type, text, f)
				if (err != nil) != (r.Err != nil) {
					rt.Fatalf("%s: reading %q: PostgreSQL %v, we %v", set, text, r.Err, err)
				}
				if err == nil {
					if got := string(types.AppendBinary(nil, parsed, nil)); got != string(r.Rows[0][0]) {
						rt.Fatalf("%s: PostgreSQL reads %q as %x, we as %x", set, text, r.Rows[0][0], got)
					}
				}
			})
		})
	}
}

// TestNow compares the words that mean the start of the transaction.
func TestNow(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real PostgreSQL; run without -short")
	}
	o := newOracle(t)
	for _, set := range dateSettings {
		o.exec(set.sql() + "begin")
		f := set.format()
		r := o.conn.ExecParams(context.Background(), "select now()", nil, nil, nil, []int16{1}).Read()
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		f.Now = int64(binary.BigEndian.Uint64(r.Rows[0][0]))
		for _, typ := range []string{"date", "time", "timestamp", "timestamptz"} {
			for _, word := range []string{"now", "today", "tomorrow", "yesterday", "TODAY 10:20", "tomorrow 23:59:59.5", "10:20 yesterday", "today allballs", "now now", "yesterday today", "today EST", "noW "} {
				got := "refused"
				if v, err := types.Parse(typeOf(typ), word, f); err == nil {
					got = string(types.AppendText(nil, v, f))
				}
				// A savepoint keeps the transaction, and with it its start.
				o.exec("savepoint s")
				want := "refused"
				if r := o.conn.ExecParams(context.Background(), fmt.Sprintf("select '%s'::%s", word, typ), nil, nil, nil, nil).Read(); r.Err == nil {
					want = string(r.Rows[0][0])
				}
				o.exec("rollback to s")
				if got != want {
					t.Errorf("%s: %s %q = %s, PostgreSQL has %s", set, typ, word, got, want)
				}
			}
		}
		o.exec("rollback")
	}
}
