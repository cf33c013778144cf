package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// The operators that ask whether one jsonb is within another.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig+" bool strict immutable", Definition{Value: f, Examples: examples(ex...)})
	}
	op("jsonb_contains(jsonb, jsonb)", func(env *Env, a vs) (types.Value, error) { return jsonContains(env, a[0].S, a[1].S) },
		`'{"a": 1, "b": {"c": [1, 2]}}'::jsonb @> '{"b": {"c": [2]}}'::jsonb`, "t", `'[1, 2, [1, 3]]'::jsonb @> '[[3]]'::jsonb`, "t", `'[1, 2]'::jsonb @> '2'::jsonb`, "t", `'2'::jsonb @> '[2]'::jsonb`, "f", `'{"a": 1}'::jsonb @> '[]'::jsonb`, "f",
		`'{"a": 1.0}'::jsonb @> '{"a": 1}'::jsonb`, "t", `'[{"a": 1, "b": 2}]'::jsonb @> '[{"b": 2}]'::jsonb`, "t", `'[[1]]'::jsonb @> '[1]'::jsonb`, "f", `'{}'::jsonb @> '{}'::jsonb`, "t", "'1'::jsonb @> '1'::jsonb", "t")
	op("jsonb_contained(jsonb, jsonb)", func(env *Env, a vs) (types.Value, error) { return jsonContains(env, a[1].S, a[0].S) },
		`'{"a": 1}'::jsonb <@ '{"a": 1, "b": 2}'::jsonb`, "t", "'3'::jsonb <@ '[1, 2]'::jsonb", "f")
	op("jsonb_exists_any(jsonb, _text)", func(env *Env, a vs) (types.Value, error) {
		asked := 0
		for _, k := range a[1].A.Elems {
			if !k.Null && jsonExists(a[0].S, k.S) {
				return boolean(true)
			}
			if err := ended(env, &asked, 1+len(a[0].S)/64); err != nil {
				return types.Value{}, err
			}
		}
		return boolean(false)
	}, `'{"a": 1}'::jsonb ?| ARRAY['x', 'a']`, "t", `'{"a": 1}'::jsonb ?| '{}'::text[]`, "f", `'"a"'::jsonb ?| ARRAY['a']`, "t")
	op("jsonb_exists_all(jsonb, _text)", func(env *Env, a vs) (types.Value, error) {
		asked := 0
		for _, k := range a[1].A.Elems {
			if !k.Null && !jsonExists(a[0].S, k.S) {
				return boolean(false)
			}
			if err := ended(env, &asked, 1+len(a[0].S)/64); err != nil {
				return types.Value{}, err
			}
		}
		return boolean(true)
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

// containment looks for one jsonb in another. err is why the statement had to end
// meanwhile; nothing is found then.
type containment struct {
	env   *Env
	asked int
	err   error
}

// jsonContains is @>. At the top an array contains a scalar that is one of its
// elements.
func jsonContains(env *Env, a, b string) (types.Value, error) {
	c := &containment{env: env}
	found := false
	if a[0] == '[' && !isJSONContainer(b) {
		found = c.element(a, b)
	} else {
		found = c.within(a, b)
	}
	if c.err != nil {
		return types.Value{}, c.err
	}
	return boolean(found)
}

// goesOn counts a value that was looked at.
func (c *containment) goesOn(v string) bool {
	if c.err == nil {
		c.err = ended(c.env, &c.asked, 1+len(v)/64)
	}
	return c.err == nil
}

// within reports whether b is within a.
func (c *containment) within(a, b string) bool {
	switch {
	case !isJSONContainer(b):
		return !isJSONContainer(a) && types.SameJSONB(a, b)
	case a[0] != b[0]:
		return false
	case b[0] == '{':
		return c.members(a, b)
	}
	all := true
	eachElement(b, func(v string) bool {
		all = c.element(a, v)
		return all
	})
	return all
}

// members reports whether each member of b has one of a that it is within. Both
// have their keys in order.
func (c *containment) members(a, b string) bool {
	all, at := true, 1
	eachMember(b, func(k, v string) bool {
		key := unquoteJSON(k)
		for {
			name, mine, next := memberAt(a, at)
			if next < 0 || !c.goesOn(mine) {
				all = false
				return false
			}
			order := types.CompareJSONKeys(unquoteJSON(name), key)
			if order <= 0 {
				at = next
			}
			if order >= 0 {
				all = order == 0 && c.within(mine, v)
				return all
			}
		}
	})
	return all
}

// element reports whether v is within an element of the array a.
func (c *containment) element(a, v string) (found bool) {
	eachElement(a, func(mine string) bool {
		found = c.goesOn(mine) && c.within(mine, v)
		return !found && c.err == nil
	})
	return found
}
