package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Functions that lay JSON out anew, take it apart into rows, or make it of
// arrays of texts.

func init() {
	type vs = []types.Value
	define("jsonb_strip_nulls(jsonb) jsonb strict immutable", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			b := stripNulls(env, nil, a[0].S, ", ", ": ")
			return types.NewString(types.JSONB, textOf(b)), endedLong(env, len(a[0].S))
		},
		Examples: examples(`jsonb_strip_nulls('{"f1": 1, "f2": null, "f3": [1, null, {"x": null}]}'::jsonb)`, `{"f1": 1, "f3": [1, null, {}]}`, "jsonb_strip_nulls('null'::jsonb)", "null")})
	define("json_strip_nulls(json) json strict immutable", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			b := stripNulls(env, nil, a[0].S, ",", ":")
			return types.NewString(types.JSON, textOf(b)), endedLong(env, len(a[0].S))
		},
		Examples: examples(`json_strip_nulls('{"f1": 1, "f2" : null, "f3": [1, null, "\u00e9"]}'::json)`, `{"f1":1,"f3":[1,null,"é"]}`)})
	define("jsonb_pretty(jsonb) text strict immutable", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			b := prettyJSON(env, nil, a[0].S, 0)
			return types.NewText(textOf(b)), endedLong(env, len(a[0].S))
		},
		Examples: examples(`jsonb_pretty('{"a": [1, {"b": []}], "c": {}}'::jsonb)`, "{\n    \"a\": [\n        1,\n        {\n            \"b\": [\n            ]\n        }\n    ],\n    \"c\": {\n    }\n}", "jsonb_pretty('1'::jsonb)", "1")})
	for _, t := range []string{"json", "jsonb"} {
		oid := oidOf(t)
		define(t+"_each("+t+") setof record(key text, value "+t+") strict immutable", Definition{
			Set:      eachPair(t+"_each", func(v string) (types.Value, error) { return types.NewString(oid, v), nil }),
			Examples: examples(t+`_each('{"a": "foo", "b": null}'::`+t+")", `(a,"""foo"""), (b,null)`, t+"_each('[1]'::"+t+")", "ERROR 22023", t+"_each('1'::"+t+")", "ERROR 22023")})
		define(t+"_each_text("+t+") setof record(key text, value text) strict immutable", Definition{
			Set:      eachPair(t+"_each_text", func(v string) (types.Value, error) { return jsonText(v, true) }),
			Examples: examples(t+`_each_text('{"a": "foo", "b": null}'::`+t+")", "(a,foo), (b,)")})
		want := `{"a" : "1", "b" : null}`
		if t == "jsonb" {
			want = `{"a": "1", "b": null}`
		}
		define(t+"_object(_text) "+t+" strict immutable", Definition{
			Value: func(env *Env, a vs) (types.Value, error) {
				keys, values, err := pairsOf(a[0].A)
				if err != nil {
					return types.Value{}, err
				}
				return objectOfTexts(env, t, keys, values)
			},
			Examples: examples(t+"_object('{a,1,b,NULL}'::text[])", want, t+"_object('{{a,1},{b,NULL}}'::text[])", want, t+"_object('{a}'::text[])", "ERROR 2202E", t+"_object('{{a,b,c}}'::text[])", "ERROR 2202E", t+"_object('{NULL,1}'::text[])", "ERROR 22004", t+"_object('{}'::text[])", "{}")})
		define(t+"_object(_text, _text) "+t+" strict immutable", Definition{
			Value: func(env *Env, a vs) (types.Value, error) {
				k, v := a[0].A, a[1].A
				switch {
				case len(k.Dims) > 1 || len(k.Dims) != len(v.Dims):
					return types.Value{}, sqlerr.Errorf(sqlerr.ArraySubscriptError, "wrong number of array subscripts")
				case len(k.Elems) != len(v.Elems):
					return types.Value{}, sqlerr.Errorf(sqlerr.ArraySubscriptError, "mismatched array dimensions")
				}
				return objectOfTexts(env, t, k.Elems, v.Elems)
			},
			Examples: examples(t+"_object('{a,b}'::text[], '{1,NULL}'::text[])", want, t+"_object('{a,b}'::text[], '{1}'::text[])", "ERROR 2202E")})
	}
}

// stripNulls writes JSON without the members that are null, as far as it comes until
// the statement ends.
func stripNulls(env *Env, dst []byte, s, comma, colon string) []byte {
	s = strings.TrimSpace(s)
	first := true
	item := func() {
		if !first {
			dst = append(dst, comma...)
		}
		first = false
	}
	switch s[0] {
	case '{':
		dst = append(dst, '{')
		eachMember(s, func(k, v string) bool {
			if jsonKind(v) == 'n' {
				return true
			}
			item()
			dst = append(types.AppendJSONString(dst, unquoteJSON(k)), colon...)
			dst = stripNulls(env, dst, v, comma, colon)
			return env.Ended() == nil
		})
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		eachElement(s, func(v string) bool {
			item()
			dst = stripNulls(env, dst, v, comma, colon)
			return env.Ended() == nil
		})
		return append(dst, ']')
	case '"':
		return types.AppendJSONString(dst, unquoteJSON(s))
	}
	return append(dst, s...)
}

// prettyJSON writes a value of jsonb over lines, four spaces a level, as far as it
// comes until the statement ends.
func prettyJSON(env *Env, dst []byte, s string, depth int) []byte {
	if !isJSONContainer(s) {
		return append(dst, s...)
	}
	line := func(depth int) {
		dst = append(dst, '\n')
		for range depth {
			dst = append(dst, "    "...)
		}
	}
	first := true
	item := func() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		line(depth + 1)
	}
	dst = append(dst, s[0])
	if s[0] == '{' {
		eachMember(s, func(k, v string) bool {
			item()
			dst = append(append(dst, k...), ": "...)
			dst = prettyJSON(env, dst, v, depth+1)
			return env.Ended() == nil
		})
	} else {
		eachElement(s, func(v string) bool {
			item()
			dst = prettyJSON(env, dst, v, depth+1)
			return env.Ended() == nil
		})
	}
	line(depth)
	return append(dst, s[len(s)-1])
}

// records is a set of rows of several columns that was computed at once.
type records struct {
	rows [][]types.Value
	at   int
}

func (s *records) Next(out []vec.Vec, limit int) (int, error) {
	n := min(limit, len(s.rows)-s.at)
	for _, row := range s.rows[s.at : s.at+n] {
		for i, v := range row {
			vec.Append(out[i], v)
		}
	}
	s.at += n
	return n, nil
}

// eachPair is json_each and its like.
func eachPair(name string, value func(string) (types.Value, error)) SetFunc {
	return func(env *Env, a []types.Value) (Set, error) {
		s := a[0].S
		switch kind := jsonKind(s); {
		case kind == '{':
		case strings.HasPrefix(name, "jsonb"):
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot call %s on a non-object", name)
		case kind == '[':
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot deconstruct an array as an object")
		default:
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot deconstruct a scalar")
		}
		set := &records{}
		var err error
		count := items{env: env, size: 2 * valueBytes}
		eachMember(s, func(k, v string) bool {
			var val types.Value
			if val, err = value(v); err == nil {
				err = count.more()
			}
			set.rows = append(set.rows, []types.Value{types.NewText(unquoteJSON(k)), val})
			return err == nil
		})
		return set, err
	}
}

// pairsOf splits an array of keys and values, or of pairs of them.
func pairsOf(a *types.Array) (keys, values []types.Value, err error) {
	switch {
	case len(a.Dims) > 2:
		return nil, nil, sqlerr.Errorf(sqlerr.ArraySubscriptError, "wrong number of array subscripts")
	case len(a.Dims) == 2 && a.Dims[1].Len != 2:
		return nil, nil, sqlerr.Errorf(sqlerr.ArraySubscriptError, "array must have two columns")
	case len(a.Elems)%2 != 0:
		return nil, nil, sqlerr.Errorf(sqlerr.ArraySubscriptError, "array must have even number of elements")
	}
	for i := 0; i < len(a.Elems); i += 2 {
		keys, values = append(keys, a.Elems[i]), append(values, a.Elems[i+1])
	}
	return keys, values, nil
}

func objectOfTexts(env *Env, t string, keys, values []types.Value) (types.Value, error) {
	b := []byte{'{'}
	for i, k := range keys {
		if k.Null {
			return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "null value not allowed for object key")
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(types.AppendJSONString(b, k.S), " : "...)
		if values[i].Null {
			b = append(b, "null"...)
		} else {
			b = types.AppendJSONString(b, values[i].S)
		}
	}
	return jsonResult(env, t, append(b, '}'))
}
