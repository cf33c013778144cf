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

func enumLabels(env *Env, t types.Type) []types.EnumLabel {
	if env.Format.Enum == nil {
		return nil
	}
	if e := env.Format.Enum(t.OID); e != nil {
		return e.Labels
	}
	return nil
}

// enumEnd is the first value of a type, or its last.
func enumEnd(env *Env, t types.Type, last bool) (types.Value, error) {
	labels := enumLabels(env, t)
	switch {
	case len(labels) == 0:
		return types.Value{}, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "enum %s contains no values", typeShown(env, t))
	case last:
		return enumValue(t, labels[len(labels)-1]), nil
	}
	return enumValue(t, labels[0]), nil
}

func enumValue(t types.Type, l types.EnumLabel) types.Value {
	return types.Value{Type: t, I: l.Number, S: l.Label}
}

// enumRange are the values from one to another, each of which may be NULL for the
// end on its side.
func enumRange(env *Env, from, to types.Value) (types.Value, error) {
	var all []types.Value
	for _, l := range enumLabels(env, from.Type) {
		if (from.Null || l.Number >= from.I) && (to.Null || l.Number <= to.I) {
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
