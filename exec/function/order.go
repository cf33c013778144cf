package function

import (
	"cmp"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// The btree's own comparisons, -1, 0 or 1, and the greater and the smaller of
// two values. Those whose PostgreSQL answers with a difference of bytes (text,
// bytea, uuid, inet, bit) are left out: it says no more than the sign.

func init() {
	type vs = []types.Value
	for _, f := range []struct{ cmp, larger, smaller, left, right, low, high string }{
		{"btint2cmp", "int2larger", "int2smaller", "int2", "int2", "3", "4"},
		{"btint4cmp", "int4larger", "int4smaller", "int4", "int4", "3", "70000"},
		{"btint8cmp", "int8larger", "int8smaller", "int8", "int8", "3", "5000000000"},
		{"btint24cmp", "", "", "int2", "int4", "3", "70000"}, {"btint42cmp", "", "", "int4", "int2", "-70000", "3"},
		{"btint28cmp", "", "", "int2", "int8", "3", "5000000000"}, {"btint82cmp", "", "", "int8", "int2", "-5000000000", "3"},
		{"btint48cmp", "", "", "int4", "int8", "3", "5000000000"}, {"btint84cmp", "", "", "int8", "int4", "-5000000000", "3"},
		{"btoidcmp", "oidlarger", "oidsmaller", "oid", "oid", "3", "4000000000"},
		{"btfloat4cmp", "float4larger", "float4smaller", "float4", "float4", "1.5", "NaN"},
		{"btfloat8cmp", "float8larger", "float8smaller", "float8", "float8", "Infinity", "NaN"},
		{"btfloat48cmp", "", "", "float4", "float8", "1.5", "2.5"}, {"btfloat84cmp", "", "", "float8", "float4", "1.5", "2.5"},
		{"numeric_cmp", "numeric_larger", "numeric_smaller", "numeric", "numeric", "1.49", "1.5"},
		{"btboolcmp", "", "", "bool", "bool", "f", "t"},
		{"date_cmp", "date_larger", "date_smaller", "date", "date", "2024-02-29", "2024-03-01"},
		{"time_cmp", "time_larger", "time_smaller", "time", "time", "10:00:00", "10:00:01"},
		{"timetz_cmp", "timetz_larger", "timetz_smaller", "timetz", "timetz", "10:00:00+02", "10:00:00+01"},
		{"timestamp_cmp", "timestamp_larger", "timestamp_smaller", "timestamp", "timestamp", "2024-02-29 10:00:00", "infinity"},
		{"timestamptz_cmp", "timestamptz_larger", "timestamptz_smaller", "timestamptz", "timestamptz", "2024-02-29 08:00:00+00", "2024-02-29 09:00:00+00"},
		{"interval_cmp", "interval_larger", "interval_smaller", "interval", "interval", "29 days 23:00:00", "1 mon"},
		{"cash_cmp", "cashlarger", "cashsmaller", "money", "money", "-$1.50", "$1,000.00"},
		{"macaddr_cmp", "", "", "macaddr", "macaddr", "08:00:2b:01:02:03", "80:00:2b:01:02:03"},
		{"jsonb_cmp", "", "", "jsonb", "jsonb", "1", "[1, 2]"},
		{"xid8cmp", "xid8_larger", "xid8_smaller", "xid8", "xid8", "1", "18446744073709551615"},
		{"range_cmp", "", "", "anyrange", "anyrange", "[1,5)", "[1,)"},
	} {
		typeOf := func(typ string) string {
			if typ == "anyrange" {
				return "int4range"
			}
			return typ
		}
		low, high := fmt.Sprintf("'%s'::%s", f.low, typeOf(f.left)), fmt.Sprintf("'%s'::%s", f.high, typeOf(f.right))
		order := orderOf(f.left, f.right)
		compare := order
		if f.cmp == "btint2cmp" { // the one that answers with the difference
			compare = func(a, b types.Value) int { return int(a.I - b.I) }
		}
		ex := examples(fmt.Sprintf("%s(%s, %s)", f.cmp, low, high), "-1")
		if f.left == f.right {
			ex = append(ex, examples(fmt.Sprintf("%s(%s, %s)", f.cmp, high, low), "1", fmt.Sprintf("%s(%s, %s)", f.cmp, low, low), "0")...)
		}
		define(fmt.Sprintf("%s(%s, %s) int4 strict immutable", f.cmp, f.left, f.right), Definition{
			Value: func(_ *Env, a vs) (types.Value, error) { return int4(compare(a[0], a[1])) }, Examples: ex})
		if f.larger == "" {
			continue
		}
		for sign, name := range map[int]string{1: f.larger, -1: f.smaller} {
			want := f.high
			if sign < 0 {
				want = f.low
			}
			define(fmt.Sprintf("%s(%s, %s) %s strict immutable", name, f.left, f.right, f.left), Definition{
				Value: func(_ *Env, a vs) (types.Value, error) {
					if order(a[0], a[1])*sign > 0 {
						return a[0], nil
					}
					return a[1], nil
				}, Examples: examples(fmt.Sprintf("%s(%s, %s)", name, low, high), want)})
		}
	}
}

// orderOf compares values of two types as a btree over both orders them.
func orderOf(left, right string) func(a, b types.Value) int {
	switch {
	case left == right:
		return types.Compare
	case left[0] == 'f':
		return func(a, b types.Value) int { return vec.CompareFloat(a.F, b.F) }
	}
	return func(a, b types.Value) int { return cmp.Compare(a.I, b.I) }
}
