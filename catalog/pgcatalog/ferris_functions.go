package pgcatalog

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func ferrisFunctions(c *Context, t *table) {
	for _, f := range c.Snapshot.Builtins().Functions {
		t.row().
			oid("oid", catalog.FunctionOID(f)).
			str("schema_name", functionSchema(f)).
			str("function_name", f.Name).
			str("arguments", arguments(f)).
			str("result", result(f)).
			str("kind", map[catalog.FunctionKind]string{
				catalog.Scalar: "function", catalog.Aggregate: "aggregate", catalog.Window: "window",
			}[f.Kind]).
			str("volatility", map[byte]string{'i': "immutable", 's': "stable", 'v': "volatile"}[f.Volatility]).
			text("help", f.Help).
			emit()
	}
}

func arguments(f *catalog.Function) string {
	var args []string
	for i, a := range f.Args {
		s := typeName(a)
		if i < len(f.ArgNames) && f.ArgNames[i] != "" {
			s = f.ArgNames[i] + " " + s
		}
		if f.Variadic && i == len(f.Args)-1 {
			s = "VARIADIC " + s
		}
		if i >= len(f.Args)-f.Optional {
			s = "[" + s + "]"
		}
		args = append(args, s)
	}
	return strings.Join(args, ", ")
}

func result(f *catalog.Function) string {
	if len(f.Out) == 0 {
		if f.Set {
			return "SETOF " + typeName(f.Ret)
		}
		return typeName(f.Ret)
	}
	var out []string
	for _, o := range f.Out {
		out = append(out, o.Name+" "+typeName(o.Type.OID))
	}
	return "TABLE(" + strings.Join(out, ", ") + ")"
}

func typeName(oid types.OID) string {
	if types.Lookup(oid) == nil {
		return typeRow(oid).name
	}
	return types.FormatType(types.Of(oid))
}
