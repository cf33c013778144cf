package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// The operators that ask whether one jsonb is within another.

func init() {
	op := func(sig string, f func(a []types.Value) bool, ex ...string) {
		define(sig+" bool strict immutable", Definition{
			Value:    func(_ *Env, a []types.Value) (types.Value, error) { return boolean(f(a)) },
			Examples: examples(ex...)})
	}
	op("jsonb_contains(jsonb, jsonb)", func(a []types.Value) bool { return jsonContains(a[0].S, a[1].S) },
		`'{"a": 1, "b": {"c": [1, 2]}}'::jsonb @> '{"b": {"c": [2]}}'::jsonb`, "t", `'[1, 2, [1, 3]]'::jsonb @> '[[3]]'::jsonb`, "t", `'[1, 2]'::jsonb @> '2'::jsonb`, "t", `'2'::jsonb @> '[2]'::jsonb`, "f", `'{"a": 1}'::jsonb @> '[]'::jsonb`, "f",
		`'{"a": 1.0}'::jsonb @> '{"a": 1}'::jsonb`, "t", `'[{"a": 1, "b": 2}]'::jsonb @> '[{"b": 2}]'::jsonb`, "t", `'[[1]]'::jsonb @> '[1]'::jsonb`, "f", `'{}'::jsonb @> '{}'::jsonb`, "t", "'1'::jsonb @> '1'::jsonb", "t")
	op("jsonb_contained(jsonb, jsonb)", func(a []types.Value) bool { return jsonContains(a[1].S, a[0].S) },
		`'{"a": 1}'::jsonb <@ '{"a": 1, "b": 2}'::jsonb`, "t", "'3'::jsonb <@ '[1, 2]'::jsonb", "f")
	op("jsonb_exists_any(jsonb, _text)", func(a []types.Value) bool {
		for _, k := range a[1].A.Elems {
			if !k.Null && jsonExists(a[0].S, k.S) {
				return true
			}
		}
		return false
	}, `'{"a": 1}'::jsonb ?| ARRAY['x', 'a']`, "t", `'{"a": 1}'::jsonb ?| '{}'::text[]`, "f", `'"a"'::jsonb ?| ARRAY['a']`, "t")
	op("jsonb_exists_all(jsonb, _text)", func(a []types.Value) bool {
		for _, k := range a[1].A.Elems {
			if !k.Null && !jsonExists(a[0].S, k.S) {
				return false
			}
		}
		return true
	}, `'["a", "b"]'::jsonb ?& ARRAY['a', 'b']`, "t", `'{"a": 1}'::jsonb ?& ARRAY['a', 'b']`, "f", `'{"a": 1}'::jsonb ?& ARRAY['a', NULL]`, "t")
}

// jsonExists reports whether a string is a key, or an element, of the top level.
func jsonExists(s, key string) (found bool) {
	switch s[0] {
	case '{':
		_, found = jsonMember(s, key)
	case '[':
		eachElement(s, func(v string) bool {
			found = v[0] == '"' && unquoteJSON(v) == key
			return !found
		})
	case '"':
		found = unquoteJSON(s) == key
	}
	return found
}

// jsonContains is @>. At the top an array contains a scalar that is one of its
// elements.
func jsonContains(a, b string) bool {
	if a[0] == '[' && !isJSONContainer(b) {
		return hasElement(a, b)
	}
	return deepContains(a, b)
}

func deepContains(a, b string) bool {
	switch {
	case !isJSONContainer(b):
		return !isJSONContainer(a) && types.CompareJSONB(a, b) == 0
	case a[0] != b[0]:
		return false
	}
	all := true
	if b[0] == '{' {
		eachMember(b, func(k, v string) bool {
			mine, ok := jsonMember(a, unquoteJSON(k))
			all = ok && deepContains(mine, v)
			return all
		})
		return all
	}
	eachElement(b, func(v string) bool {
		all = hasElement(a, v)
		return all
	})
	return all
}

// hasElement reports whether an element of the array a contains v.
func hasElement(a, v string) (found bool) {
	eachElement(a, func(mine string) bool {
		found = deepContains(mine, v)
		return !found
	})
	return found
}
