package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	// Without an enum type at hand an example can only show what is refused.
	const refused = "ERROR 42883"
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	for o, word := range comparisonWords {
		define("enum_"+word+"(anyenum, anyenum) bool strict immutable", Definition{
			Vector: intComparison[int64, int64](comparison(o)), Examples: examples("enum_"+word+"(NULL, NULL)", refused),
		})
	}
	op("enum_cmp(anyenum, anyenum) int4 strict immutable", func(_ *Env, a []types.Value) (types.Value, error) {
		return int4(types.Compare(a[0], a[1]))
	}, "enum_cmp(NULL, NULL)", refused)
	op("enum_smaller(anyenum, anyenum) anyenum strict immutable", func(_ *Env, a []types.Value) (types.Value, error) {
		if a[1].I < a[0].I {
			return a[1], nil
		}
		return a[0], nil
	}, "enum_smaller(NULL, NULL)", refused)
	op("enum_larger(anyenum, anyenum) anyenum strict immutable", func(_ *Env, a []types.Value) (types.Value, error) {
		if a[1].I > a[0].I {
			return a[1], nil
		}
		return a[0], nil
	}, "enum_larger(NULL, NULL)", refused)
	op("enum_first(anyenum) anyenum stable", func(env *Env, a []types.Value) (types.Value, error) {
		return enumEnd(env, a[0].Type, false)
	}, "enum_first(NULL)", refused)
	op("enum_last(anyenum) anyenum stable", func(env *Env, a []types.Value) (types.Value, error) {
		return enumEnd(env, a[0].Type, true)
	}, "enum_last(NULL)", refused)
	op("enum_range(anyenum) anyarray stable", func(env *Env, a []types.Value) (types.Value, error) {
		return enumRange(env, types.NullOf(a[0].Type), types.NullOf(a[0].Type))
	}, "enum_range(NULL)", refused)
	op("enum_range(anyenum, anyenum) anyarray stable", func(env *Env, a []types.Value) (types.Value, error) {
		return enumRange(env, a[0], a[1])
	}, "enum_range(NULL, NULL)", refused)
}

// enumOf is an enum type, without labels where nothing is known of it.
func enumOf(env *Env, t types.Type) *types.Enum {
	if env.Format.Enum != nil {
		if e := env.Format.Enum(t.OID); e != nil {
			return e
		}
	}
	return types.NewEnum("", nil)
}

// enumEnd is the first value of a type, or its last.
func enumEnd(env *Env, t types.Type, last bool) (types.Value, error) {
	e := enumOf(env, t)
	if len(e.Labels) == 0 {
		return types.Value{}, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "enum %s contains no values", typeShown(env, t))
	}
	l := e.Labels[0]
	if last {
		l = e.Labels[len(e.Labels)-1]
	}
	return enumValue(t, l), e.MayUse(l.Label)
}

func enumValue(t types.Type, l types.EnumLabel) types.Value {
	return types.Value{Type: t, I: l.Number, S: l.Label}
}

// enumRange are the values from one to another, each of which may be NULL for the
// end on its side.
func enumRange(env *Env, from, to types.Value) (types.Value, error) {
	var all []types.Value
	e := enumOf(env, from.Type)
	for _, l := range e.Labels {
		if (from.Null || l.Number >= from.I) && (to.Null || l.Number <= to.I) {
			if err := e.MayUse(l.Label); err != nil {
				return types.Value{}, err
			}
			all = append(all, enumValue(from.Type, l))
		}
	}
	return types.NewArray(from.Type, all), nil
}

// typeShown is a type's name as the search path finds it.
func typeShown(env *Env, t types.Type) string {
	if env.Catalog == nil {
		return types.FormatType(t)
	}
	return env.Catalog.FormatType(t, env.SearchPath)
}
