package function

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Casts between strings that are more than another name, and of booleans.

func init() {
	cast := func(to, from string, oid types.OID, f func(s string) string, ex ...string) {
		define(fmt.Sprintf("%s(%s) %s strict immutable", to, from, to), Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				s := a[0].S
				if from == "char" {
					s = string(types.AppendText(nil, a[0], nil)) // a byte that is no ASCII is \nnn
				}
				return types.NewString(oid, f(s)), nil
			},
			Examples: examples(ex...),
		})
	}
	same := func(s string) string { return s }
	trimmed := func(s string) string { return strings.TrimRight(s, " ") }
	cast("text", "bpchar", types.Text, trimmed, "'ab '::char(4)::text || '.'", "ab.")
	cast("text", "name", types.Text, same, "'ab'::name::text", "ab")
	cast("text", "char", types.Text, same, `'a'::"char"::text`, "a")
	cast("varchar", "name", types.Varchar, same, "'ab'::name::varchar", "ab")
	cast("bpchar", "name", types.BPChar, same, "'ab'::name::bpchar", "ab")
	cast("bpchar", "char", types.BPChar, same, `'a'::"char"::bpchar`, "a")
	cast("name", "text", types.Name, types.CutName, "length(repeat('a', 70)::name::text)", "63")
	cast("name", "varchar", types.Name, types.CutName, "'ab'::varchar::name", "ab")
	cast("name", "bpchar", types.Name, func(s string) string { return types.CutName(trimmed(s)) }, "'ab '::bpchar::name", "ab")
	cast("char", "text", types.Char, types.ParseChar, `'abc'::text::"char"`, "a")
	define("text(bool) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			if a[0].Bool() {
				return text("true")
			}
			return text("false")
		}, Examples: examples("true::text", "true", "(1 > 2)::text", "false"),
	})
	define("int4(char) int4 strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			if a[0].S == "" {
				return int4(0)
			}
			return int4(signed(a[0].S[0]))
		}, Examples: examples(`'a'::"char"::int4`, "97"),
	})
	define("char(int4) char strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			if a[0].I < -128 || a[0].I > 127 {
				return types.Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, `"char" out of range`)
			}
			if a[0].I == 0 {
				return types.NewString(types.Char, ""), nil
			}
			return types.NewString(types.Char, string([]byte{byte(a[0].I)})), nil
		}, Examples: examples(`97::"char"`, "a", `200::"char"`, "ERROR 22003"),
	})
}

// signed reads a byte as "char" counts: from -128 to 127.
func signed(b byte) int {
	if b >= 128 {
		return int(b) - 256
	}
	return int(b)
}
