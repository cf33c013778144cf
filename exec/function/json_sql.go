package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// What SQL/JSON's constructors and IS JSON are bound as: JSON_OBJECT has flags
// for ABSENT ON NULL and WITH UNIQUE KEYS before its pairs, JSON_ARRAY one for
// ABSENT ON NULL, IS JSON the kind and WITH UNIQUE KEYS behind its text.

func init() {
	type vs = []types.Value
	const ours = "what JSON_OBJECT and the like are bound as"
	own := func(sql, text string) Example { return Example{SQL: sql, Text: text, Ours: ours} }
	for _, t := range []struct{ name, object, array, object1, array1 string }{
		{"json", "9930", "9932", `{"a" : 1, "b" : null}`, "[1, null]"}, {"jsonb", "9931", "9933", `{"a": 1, "b": null}`, "[1, null]"}} {
		define(t.name+"_object_of(bool, bool, variadic any) "+t.name+" stable oid "+t.object, Definition{
			Value: func(env *Env, a vs) (types.Value, error) {
				return objectOf(env, t.name, a[0].Bool(), a[1].Bool(), a[2:])
			},
			Examples: []Example{own(t.name+"_object_of(false, true, 'a', 1, 'b', NULL)", t.object1), own(t.name+"_object_of(true, false, 'b', NULL)", "{}"),
				own(t.name+"_object_of(false, true, 'a', 1, 'a', 2)", "ERROR 22030")}})
		define(t.name+"_array_of(bool, variadic any) "+t.name+" stable oid "+t.array, Definition{
			Value: func(env *Env, a vs) (types.Value, error) {
				b := []byte{'['}
				for _, v := range a[1:] {
					if v.Null && a[0].Bool() {
						continue
					}
					if len(b) > 1 {
						b = append(b, ", "...)
					}
					b = appendAsJSON(env, b, v)
				}
				return jsonResult(env, t.name, append(b, ']'))
			}, Examples: []Example{own(t.name+"_array_of(false, 1, NULL)", t.array1), own(t.name+"_array_of(true, 1, NULL)", "[1]")}})
	}
	for i, t := range []string{"text", "json", "jsonb", "bytea"} {
		define("is_json("+t+", text, bool) bool strict immutable oid "+[]string{"9934", "9935", "9936", "9937"}[i], Definition{
			Value:    func(env *Env, a vs) (types.Value, error) { return whether(isJSON(env, a[0].S, a[1].S, a[2].Bool())) },
			Examples: []Example{own("is_json('{\"a\": 1}'::"+t+", 'object', true)", "t"), own("is_json('[1]'::"+t+", 'scalar', false)", "f")}})
	}
}

// objectOf makes an object of keys and values in turn.
func objectOf(env *Env, t string, absent, unique bool, pairs []types.Value) (types.Value, error) {
	b := []byte{'{'}
	seen := map[string]bool{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Null {
			if t == "jsonb" {
				return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "argument %d: key must not be null", i+1)
			}
			return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "null value not allowed for object key")
		}
		key, err := AppendJSONKey(env, nil, pairs[i])
		if err != nil {
			return types.Value{}, err
		}
		if unique && seen[string(key)] {
			if t == "jsonb" {
				return types.Value{}, sqlerr.Errorf(sqlerr.DuplicateJSONObjectKey, "duplicate JSON object key value")
			}
			return types.Value{}, sqlerr.Errorf(sqlerr.DuplicateJSONObjectKey, "duplicate JSON object key value: %s", key)
		}
		seen[string(key)] = true
		if absent && pairs[i+1].Null {
			continue
		}
		if len(b) > 1 {
			b = append(b, ", "...)
		}
		b = appendAsJSON(env, append(append(b, key...), " : "...), pairs[i+1])
	}
	return jsonResult(env, t, append(b, '}'))
}

// isJSON tells whether a text is JSON of a kind: any, object, array or scalar.
func isJSON(env *Env, s, kind string, unique bool) (bool, error) {
	if types.CheckJSONUntil(bytesOf(s), env.Ended) != nil {
		return false, endedLong(env, len(s))
	}
	k := jsonKind(s)
	switch {
	case kind == "object" && k != '{', kind == "array" && k != '[', kind == "scalar" && (k == '{' || k == '['):
		return false, nil
	}
	is := !unique || uniqueKeys(env, s)
	return is, endedLong(env, len(s))
}

// uniqueKeys tells whether no object in JSON has a key twice, as far as it comes until
// the statement ends.
func uniqueKeys(env *Env, s string) bool {
	unique := true
	switch jsonKind(s) {
	case '{':
		seen := map[string]bool{}
		eachMember(s, func(k, v string) bool {
			k = unquoteJSON(k)
			unique = !seen[k] && uniqueKeys(env, v)
			seen[k] = true
			return unique && env.Ended() == nil
		})
	case '[':
		eachElement(s, func(v string) bool { unique = uniqueKeys(env, v); return unique && env.Ended() == nil })
	}
	return unique
}
