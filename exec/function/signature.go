package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// A function's arguments and result as PostgreSQL writes them.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	arguments := func(defaults bool) ValueFunc {
		return func(env *Env, a vs) (types.Value, error) {
			f := functionByOID(a[0].I)
			if f == nil {
				return null(types.Text)
			}
			return text(argumentList(env, f, defaults))
		}
	}
	op("pg_get_function_arguments(oid) text strict stable", arguments(true), "pg_get_function_arguments(1397)", "integer", "pg_get_function_arguments(0)", "NULL",
		"pg_get_function_arguments(3958)", "from_json json, OUT key text, OUT value json", "pg_get_function_arguments(3058)", `VARIADIC "any"`,
		"pg_get_function_arguments(1268)", "str text, strict boolean DEFAULT true", "pg_get_function_arguments(1242)", "cstring")
	op("pg_get_function_identity_arguments(oid) text strict stable", arguments(false), "pg_get_function_identity_arguments(870)", "text",
		"pg_get_function_identity_arguments(1268)", "str text, strict boolean")
	op("pg_get_function_result(oid) text strict stable", func(_ *Env, a vs) (types.Value, error) {
		f := functionByOID(a[0].I)
		if f == nil {
			return null(types.Text)
		}
		set := ""
		if f.Set {
			set = "SETOF "
		}
		return text(set + types.FormatType(types.Of(f.Ret)))
	}, "pg_get_function_result(1397)", "integer", "pg_get_function_result(1067)", "SETOF integer", "pg_get_function_result(1242)", "boolean")
}

func argumentList(env *Env, f *catalog.Function, defaults bool) string {
	var parts []string
	first := len(f.Args) - len(f.Defaults)
	for i, arg := range f.Args {
		var b strings.Builder
		variadic := f.Variadic && i == len(f.Args)-1
		if variadic {
			b.WriteString("VARIADIC ")
			arg = repeated(arg)
		}
		if i < len(f.ArgNames) && f.ArgNames[i] != "" {
			b.WriteString(catalog.QuoteName(f.ArgNames[i]) + " ")
		}
		b.WriteString(types.FormatType(types.Of(arg)))
		if defaults && i >= first {
			b.WriteString(" DEFAULT " + defaultText(env, f.Defaults[i-first]))
		}
		parts = append(parts, b.String())
	}
	for _, o := range f.Out {
		parts = append(parts, "OUT "+catalog.QuoteName(o.Name)+" "+types.FormatType(o.Type))
	}
	if f.AggKind != 0 && f.AggKind != 'n' && f.Direct <= len(parts) {
		direct, ordered := strings.Join(parts[:f.Direct], ", "), strings.Join(parts[f.Direct:], ", ")
		if ordered == "" { // those that repeat are ordered by as they are given
			ordered = direct
		}
		return strings.TrimPrefix(direct+" ORDER BY "+ordered, " ")
	}
	return strings.Join(parts, ", ")
}

// repeated is the type that pg_proc has of an argument that repeats.
func repeated(elem types.OID) types.OID {
	switch elem {
	case types.Any:
		return elem
	case types.AnyElement, types.AnyNonArray:
		return types.AnyArray
	}
	if i := types.Lookup(elem); i != nil && i.Array != 0 {
		return i.Array
	}
	return elem
}

func defaultText(env *Env, v types.Value) string {
	if v.Null {
		return "NULL::" + types.FormatType(v.Type)
	}
	s := string(types.AppendText(nil, v, env.Format))
	switch v.Type.OID {
	case types.Bool:
		if v.I != 0 {
			return "true"
		}
		return "false"
	case types.Int2, types.Int4, types.Int8, types.Numeric:
		return s
	case types.Float8:
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	return quoteLiteral(s) + "::" + types.FormatType(v.Type)
}
