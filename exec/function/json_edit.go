package function

import (
	"math"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions and operators that make a changed jsonb of one: jsonb_set and its
// family, ||, - and #-.

// pathChange says what setPath does where a path ends, as PostgreSQL's op_type.
type pathChange uint8

const (
	pathCreate pathChange = 1 << iota
	pathDelete
	pathReplace
	pathBefore
	pathAfter

	pathInsert = pathBefore | pathAfter | pathCreate
)

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	op("jsonb_set(jsonb_in jsonb, path _text, replacement jsonb, optional create_if_missing bool = true) jsonb strict immutable", func(env *Env, a vs) (types.Value, error) {
		return setJSON(env, a, len(a) < 4 || a[3].Bool())
	},
		`jsonb_set('[{"f1":1,"f2":null},2,null,3]', '{0,f1}', '[2,3,4]', false)`, `[{"f1": [2, 3, 4], "f2": null}, 2, null, 3]`, `jsonb_set('[{"f1":1,"f2":null},2]', '{0,f3}', '[2,3,4]')`, `[{"f1": 1, "f2": null, "f3": [2, 3, 4]}, 2]`,
		`jsonb_set('{"a": 1}'::jsonb, '{b}', '2', false)`, `{"a": 1}`, `jsonb_set('[1, 2]'::jsonb, '{-9}', '0')`, "[0, 1, 2]", `jsonb_set('[1, 2]'::jsonb, '{9}', '0')`, "[1, 2, 0]", `jsonb_set('{"a": 1}'::jsonb, '{a,b}', '2')`, `{"a": 1}`,
		"jsonb_set('1'::jsonb, '{a}', '2')", "ERROR 22023", "jsonb_set('[1]'::jsonb, '{a}', '2')", "ERROR 22P02", "jsonb_set('[1]'::jsonb, '{NULL}', '2')", "ERROR 22004", "jsonb_set('{}'::jsonb, '{a}', NULL)", "NULL", "jsonb_set('{}'::jsonb, '{}', '1')", "{}")
	op("jsonb_set_lax(jsonb_in jsonb, path _text, replacement jsonb, optional create_if_missing bool = true, optional null_value_treatment text = use_json_null) jsonb immutable", setJSONLax,
		`jsonb_set_lax('{"a": 1}'::jsonb, '{a}', NULL)`, `{"a": null}`, `jsonb_set_lax('{"a": 1, "b": 2}'::jsonb, '{b}', NULL, true, 'delete_key')`, `{"a": 1}`, `jsonb_set_lax('{"a": 1}'::jsonb, '{a}', NULL, true, 'return_target')`, `{"a": 1}`,
		`jsonb_set_lax('{"a": 1}'::jsonb, '{a}', NULL, true, 'raise_exception')`, "ERROR 22004", `jsonb_set_lax('{"a": 1}'::jsonb, '{a}', NULL, true, 'x')`, "ERROR 22023", `jsonb_set_lax('{"a": 1}'::jsonb, '{a}', '5')`, `{"a": 5}`)
	op("jsonb_insert(jsonb_in jsonb, path _text, replacement jsonb, optional insert_after bool = false) jsonb strict immutable", func(env *Env, a vs) (types.Value, error) {
		how := pathBefore
		if len(a) > 3 && a[3].Bool() {
			how = pathAfter
		}
		return changeJSON(env, a[0].S, a[1], a[2].S, how, "set path in")
	},
		`jsonb_insert('{"a": [0,1,2]}', '{a, 1}', '"new_value"')`, `{"a": [0, "new_value", 1, 2]}`, `jsonb_insert('{"a": [0,1,2]}', '{a, 1}', '"new_value"', true)`, `{"a": [0, 1, "new_value", 2]}`,
		`jsonb_insert('{"a": 1}'::jsonb, '{b}', '2')`, `{"a": 1, "b": 2}`, `jsonb_insert('{"a": 1}'::jsonb, '{a}', '2')`, "ERROR 22023", "jsonb_insert('[]'::jsonb, '{3}', '2')", "[2]")
	op("jsonb_delete(jsonb, text) jsonb strict immutable", func(_ *Env, a vs) (types.Value, error) { return deleteKeys(a[0].S, a[1:]) },
		`'{"a": 1, "b": 2}'::jsonb - 'a'::text`, `{"b": 2}`, `'["a", "b", "a", 1]'::jsonb - 'a'::text`, `["b", 1]`, "'1'::jsonb - 'a'::text", "ERROR 22023")
	op("jsonb_delete(jsonb, variadic text) jsonb immutable", func(_ *Env, a vs) (types.Value, error) {
		keys := a[1:]
		if a[0].Null || len(keys) == 1 && keys[0].Null {
			return null(types.JSONB)
		}
		if len(keys) == 1 && keys[0].A != nil { // of the operator
			if len(keys[0].A.Dims) > 1 {
				return types.Value{}, sqlerr.Errorf(sqlerr.ArraySubscriptError, "wrong number of array subscripts")
			}
			keys = keys[0].A.Elems
		}
		return deleteKeys(a[0].S, keys)
	},
		`jsonb_delete('{"a": 1, "b": 2, "c": 3}'::jsonb, 'a', 'c', NULL)`, `{"b": 2}`,
		`'{"a": 1, "b": 2, "c": 3}'::jsonb - '{a,c}'::text[]`, `{"b": 2}`, `'["a", "b"]'::jsonb - ARRAY['b', NULL]`, `["a"]`)
	op("jsonb_delete(jsonb, int4) jsonb strict immutable", deleteElement,
		`'["a", "b"]'::jsonb - 1`, `["a"]`, `'["a", "b"]'::jsonb - -2`, `["b"]`, `'["a"]'::jsonb - 5`, `["a"]`, "'{}'::jsonb - 1", "ERROR 22023", "'1'::jsonb - 1", "ERROR 22023")
	op("jsonb_delete_path(jsonb, _text) jsonb strict immutable", func(env *Env, a vs) (types.Value, error) {
		return changeJSON(env, a[0].S, a[1], "", pathDelete, "delete path in")
	},
		`'["a", {"b": 1}]'::jsonb #- '{1,b}'`, `["a", {}]`, `'{"a": [1, 2, 3]}'::jsonb #- '{a,-1}'`, `{"a": [1, 2]}`, `'{"a": 1}'::jsonb #- '{z}'`, `{"a": 1}`, "'1'::jsonb #- '{a}'", "ERROR 22023", `'[1]'::jsonb #- '{x}'`, "ERROR 22P02")
	op("jsonb_concat(jsonb, jsonb) jsonb strict immutable", func(env *Env, a vs) (types.Value, error) { return concatJSON(env, a[0].S, a[1].S) },
		`'{"a": 1, "b": 2}'::jsonb || '{"b": 3, "c": 4}'::jsonb`, `{"a": 1, "b": 3, "c": 4}`, `'[1, 2]'::jsonb || '3'::jsonb`, "[1, 2, 3]", `'{"a": 1}'::jsonb || '[2]'::jsonb`, `[{"a": 1}, 2]`, "'1'::jsonb || '2'::jsonb", "[1, 2]",
		"'[]'::jsonb || '{}'::jsonb", "[{}]", "'{}'::jsonb || '[]'::jsonb", "[{}]", "'[]'::jsonb || '[]'::jsonb", "[]", `'1'::jsonb || '{"a": 1}'::jsonb`, `[1, {"a": 1}]`)
}

// canonicalJSONB is the jsonb of text that is valid JSON.
func canonicalJSONB(env *Env, s string) (types.Value, error) {
	b, err := types.AppendCanonicalJSONUntil(nil, bytesOf(s), env.Ended)
	return types.NewString(types.JSONB, textOf(b)), err
}

func isJSONContainer(s string) bool { return s[0] == '{' || s[0] == '[' }

func setJSON(env *Env, a []types.Value, create bool) (types.Value, error) {
	how := pathReplace
	if create {
		how = pathCreate
	}
	return changeJSON(env, a[0].S, a[1], a[2].S, how, "set path in")
}

// setJSONLax is jsonb_set with a say on what a NULL does.
func setJSONLax(env *Env, a []types.Value) (types.Value, error) {
	if a[0].Null || a[1].Null || len(a) > 3 && a[3].Null {
		return null(types.JSONB)
	}
	create := len(a) < 4 || a[3].Bool()
	treatment := "use_json_null"
	if len(a) > 4 {
		if a[4].Null {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"")
		}
		treatment = a[4].S
	}
	if !a[2].Null {
		return setJSON(env, a[:3], create)
	}
	switch treatment {
	case "raise_exception":
		return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "JSON value must not be null").
			WithDetail("Exception was raised because null_value_treatment is \"raise_exception\".").
			WithHint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")
	case "use_json_null":
		return setJSON(env, []types.Value{a[0], a[1], types.NewString(types.JSONB, "null")}, create)
	case "delete_key":
		return changeJSON(env, a[0].S, a[1], "", pathDelete, "delete path in")
	case "return_target":
		return a[0], nil
	}
	return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"")
}

// changeJSON changes what is at a path, an array of texts.
func changeJSON(env *Env, s string, path types.Value, with string, how pathChange, doing string) (types.Value, error) {
	if len(path.A.Dims) > 1 {
		return types.Value{}, sqlerr.Errorf(sqlerr.ArraySubscriptError, "wrong number of array subscripts")
	}
	if !isJSONContainer(s) {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot %s scalar", doing)
	}
	if len(path.A.Elems) == 0 || len(s) == len("{}") && how&(pathDelete|pathReplace) != 0 {
		return types.NewString(types.JSONB, s), nil
	}
	e := jsonEdit{path: path.A.Elems, with: with, how: how}
	if err := e.value(s, 0); err != nil {
		return types.Value{}, err
	}
	return canonicalJSONB(env, e.out.String())
}

// jsonEdit writes a value anew with a change at a path, as PostgreSQL's setPath.
type jsonEdit struct {
	path []types.Value
	with string
	how  pathChange
	out  strings.Builder
}

func (e *jsonEdit) value(s string, level int) error {
	switch {
	case level < len(e.path) && e.path[level].Null:
		return sqlerr.Errorf(sqlerr.NullValueNotAllowed, "path element at position %d is null", level+1)
	case level == len(e.path) || !isJSONContainer(s):
		e.out.WriteString(s)
		return nil
	case s[0] == '{':
		return e.object(s, level)
	}
	return e.array(s, level)
}

// item begins an element or member. What was written ends with an open bracket
// only before the first.
func (e *jsonEdit) item(s string) {
	if out := e.out.String(); out[len(out)-1] != '[' && out[len(out)-1] != '{' {
		e.out.WriteByte(',')
	}
	e.out.WriteString(s)
}

func (e *jsonEdit) object(s string, level int) error {
	last, key := level == len(e.path)-1, e.path[level].S
	found := false
	var err error
	e.out.WriteByte('{')
	eachMember(s, func(k, v string) bool {
		if unquoteJSON(k) != key {
			e.item(k + ":" + v)
			return true
		}
		found = true
		switch {
		case !last:
			e.item(k + ":")
			err = e.value(v, level+1)
		case e.how&(pathBefore|pathAfter) != 0:
			err = sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot replace existing key").WithHint("Try using the function jsonb_set to replace key value.")
		case e.how&pathDelete == 0:
			e.item(k + ":" + e.with)
		}
		return err == nil
	})
	if !found && last && e.how&pathInsert != 0 {
		e.item(string(types.AppendJSONString(nil, key)) + ":" + e.with)
	}
	e.out.WriteByte('}')
	return err
}

func (e *jsonEdit) array(s string, level int) error {
	last, n := level == len(e.path)-1, jsonLength(s)
	step := strings.TrimLeft(e.path[level].S, " \t\n\v\f\r")
	index, err := strconv.ParseInt(step, 10, 32)
	if err != nil {
		return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "path element at position %d is not an integer: \"%s\"", level+1, e.path[level].S)
	}
	switch at := int(index); {
	case at < -n:
		index = math.MinInt32
	case at < 0:
		index += int64(n)
	case at > n:
		index = int64(n)
	}
	e.out.WriteByte('[')
	done := false
	if (index == math.MinInt32 || n == 0) && last && e.how&pathInsert != 0 {
		e.item(e.with)
		done = true
	}
	i := int64(0)
	eachElement(s, func(v string) bool {
		i++
		if i-1 != index {
			e.item(v)
			return true
		}
		done = true
		if !last {
			e.item("")
			err = e.value(v, level+1)
			return err == nil
		}
		if e.how&(pathBefore|pathCreate) != 0 {
			e.item(e.with)
		}
		if e.how&(pathBefore|pathAfter) != 0 {
			e.item(v)
		}
		if e.how&(pathAfter|pathReplace) != 0 {
			e.item(e.with)
		}
		return true
	})
	if !done && last && e.how&pathInsert != 0 {
		e.item(e.with)
	}
	e.out.WriteByte(']')
	return err
}

// deleteKeys drops members of an object, or strings of an array.
func deleteKeys(s string, keys []types.Value) (types.Value, error) {
	if !isJSONContainer(s) {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot delete from scalar")
	}
	drop := map[string]bool{}
	for _, k := range keys {
		if !k.Null {
			drop[k.S] = true
		}
	}
	var kept []string
	open, end := "[", "]"
	if s[0] == '{' {
		open, end = "{", "}"
		eachMember(s, func(k, v string) bool {
			if !drop[unquoteJSON(k)] {
				kept = append(kept, k+": "+v)
			}
			return true
		})
	} else {
		eachElement(s, func(v string) bool {
			if v[0] != '"' || !drop[unquoteJSON(v)] {
				kept = append(kept, v)
			}
			return true
		})
	}
	return types.NewString(types.JSONB, open+strings.Join(kept, ", ")+end), nil
}

func deleteElement(_ *Env, a []types.Value) (types.Value, error) {
	s := a[0].S
	switch {
	case !isJSONContainer(s):
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot delete from scalar")
	case s[0] == '{':
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot delete from object using integer index")
	}
	index := a[1].I
	if index < 0 {
		index += int64(jsonLength(s))
	}
	var kept []string
	i := int64(0)
	eachElement(s, func(v string) bool {
		if i != index {
			kept = append(kept, v)
		}
		i++
		return true
	})
	return types.NewString(types.JSONB, "["+strings.Join(kept, ", ")+"]"), nil
}

// concatJSON joins objects, or arrays; anything else counts as an array of one.
func concatJSON(env *Env, a, b string) (types.Value, error) {
	inside := func(s string) string { return s[1 : len(s)-1] }
	if a[0] == '{' && b[0] == '{' {
		switch {
		case inside(a) == "":
			return types.NewString(types.JSONB, b), nil
		case inside(b) == "":
			return types.NewString(types.JSONB, a), nil
		}
		return canonicalJSONB(env, "{"+inside(a)+", "+inside(b)+"}")
	}
	items := func(s string) string {
		if s[0] == '[' {
			return inside(s)
		}
		return s
	}
	x, y := items(a), items(b)
	if x != "" && y != "" {
		x += ", "
	}
	return types.NewString(types.JSONB, "["+x+y+"]"), nil
}
