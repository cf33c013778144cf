package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	made := func(write func(a *documents, row []types.Value, dst []byte) ([]byte, error), open, end string, binary bool) maker {
		return func(c plan.AggCall, env *function.Env, retracts bool) (Aggregate, error) {
			if retracts {
				return nil, refuseRetracting(c)
			}
			a := &documents{env: env, write: write, open: open, end: end, binary: binary}
			for _, arg := range c.Args {
				a.types = append(a.types, arg.Type())
			}
			return a, nil
		}
	}
	const values = " FROM (VALUES (1), (NULL), (3)) AS v(x))"
	define("json_agg(anyelement) json", made(writeItem, "[", "]", false),
		example("(SELECT json_agg(x)"+values, "[1, null, 3]"), example("(SELECT json_agg(x ORDER BY x DESC) FROM (VALUES ('a'::text), ('b')) AS v(x))", `["b", "a"]`),
		example("(SELECT json_agg(x) FROM (VALUES (1)) AS v(x) WHERE false)", "NULL"), example("(SELECT json_agg(x) FROM (VALUES (ARRAY[1, 2]), (ARRAY[3])) AS v(x))", "[[1,2], \n [3]]"))
	define("jsonb_agg(anyelement) jsonb", made(writeItem, "[", "]", true),
		example("(SELECT jsonb_agg(x)"+values, "[1, null, 3]"), example(`(SELECT jsonb_agg(x) FROM (VALUES ('{"b":1, "a":2}'::json)) AS v(x))`, `[{"a": 2, "b": 1}]`))
	const members = "(k, v) FROM (VALUES ('a', 1), ('b', NULL)) AS v(k, v))"
	define("json_object_agg(any, any) json", made(writeMember, "{ ", " }", false),
		example("(SELECT json_object_agg"+members, `{ "a" : 1, "b" : null }`), example("(SELECT json_object_agg(k, 1) FROM (VALUES (NULL)) AS v(k))", "ERROR 22004"))
	define("jsonb_object_agg(any, any) jsonb", made(writeMember, "{", "}", true),
		example("(SELECT jsonb_object_agg"+members, `{"a": 1, "b": null}`), example("(SELECT jsonb_object_agg(k, v) FROM (VALUES (1, 'x'), (1, 'y')) AS v(k, v))", `{"1": "y"}`),
		example("(SELECT jsonb_object_agg(k, 1) FROM (VALUES (NULL)) AS v(k))", "ERROR 22023"))
	// Without the rows whose value is NULL: what JSON_ARRAYAGG and
	// JSON_OBJECTAGG ... ABSENT ON NULL are.
	strict := func(m maker) maker {
		return func(c plan.AggCall, env *function.Env, retracts bool) (Aggregate, error) {
			a, err := m(c, env, retracts)
			if err == nil {
				a.(*documents).strict = true
			}
			return a, err
		}
	}
	define("json_agg_strict(anyelement) json", strict(made(writeItem, "[", "]", false)), example("(SELECT json_agg_strict(x)"+values, "[1, 3]"), example("(SELECT json_agg_strict(x) FROM (VALUES (NULL::int)) AS v(x))", "[]"))
	define("jsonb_agg_strict(anyelement) jsonb", strict(made(writeItem, "[", "]", true)), example("(SELECT jsonb_agg_strict(x)"+values, "[1, 3]"))
	define("json_object_agg_strict(any, any) json", strict(made(writeMember, "{ ", " }", false)), example("(SELECT json_object_agg_strict"+members, `{ "a" : 1 }`))
	// Of keys that are all different, those of rows that are left out too: what
	// JSON_OBJECTAGG ... WITH UNIQUE KEYS is.
	unique := func(m maker) maker {
		return func(c plan.AggCall, env *function.Env, retracts bool) (Aggregate, error) {
			a, err := m(c, env, retracts)
			if err == nil {
				a.(*documents).unique = true
			}
			return a, err
		}
	}
	const twice = "(k, v) FROM (VALUES ('a', NULL), ('a', 1)) AS v(k, v))"
	for _, t := range []struct{ name, all, some string }{{"json", `{ "a" : 1, "b" : null }`, `{ "a" : 1 }`}, {"jsonb", `{"a": 1, "b": null}`, `{"a": 1}`}} {
		open, end := "{ ", " }"
		if t.name == "jsonb" {
			open, end = "{", "}"
		}
		m := unique(made(writeMember, open, end, t.name == "jsonb"))
		define(t.name+"_object_agg_unique(any, any) "+t.name, m, example("(SELECT "+t.name+"_object_agg_unique"+members, t.all), example("(SELECT "+t.name+"_object_agg_unique"+twice, "ERROR 22030"))
		define(t.name+"_object_agg_unique_strict(any, any) "+t.name, strict(m), example("(SELECT "+t.name+"_object_agg_unique_strict"+members, t.some), example("(SELECT "+t.name+"_object_agg_unique_strict"+twice, "ERROR 22030"))
	}
	define("jsonb_object_agg_strict(any, any) jsonb", strict(made(writeMember, "{", "}", true)), example("(SELECT jsonb_object_agg_strict"+members, `{"a": 1}`))
}

// documents makes one JSON document of a group's rows.
type documents struct {
	env       *function.Env
	types     []types.Type
	write     func(a *documents, row []types.Value, dst []byte) ([]byte, error)
	open, end string
	binary    bool // jsonb
	strict    bool // leaves out rows whose last argument is NULL
	unique    bool // no key comes twice
	keys      []map[string]struct{}
	twice     []bool // of jsonb: a key did
	text      []*[]byte
	row       []types.Value
	held      int64
	added     int // bytes since somebody asked whether the statement has ended
}

func (a *documents) Grow(n int) {
	a.text = grown(a.text, n)
	if a.unique {
		a.keys, a.twice = grown(a.keys, n), grown(a.twice, n)
	}
}

func (a *documents) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	columns := make([]func(row int) types.Value, len(args))
	for i, arg := range args {
		columns[i] = valuesOf(arg, a.types[i])
	}
	a.row = grown(a.row, len(args))
	var failed error
	each(groups, nil, sel, ops, func(row int, g int32, _ int64) {
		if failed != nil {
			return
		}
		for i, value := range columns {
			a.row[i] = value(row)
		}
		text := a.text[g]
		if text == nil {
			text = new([]byte)
			*text = append(*text, a.open...)
			a.text[g] = text
		}
		if a.unique && !a.row[0].Null {
			if failed = a.newKey(g); failed != nil {
				return
			}
		}
		if a.strict && a.row[len(a.row)-1].Null {
			if len(a.row) > 1 && a.row[0].Null {
				_, failed = a.write(a, a.row, nil)
			}
			return
		}
		if len(*text) > len(a.open) {
			*text = append(*text, ", "...)
			if !a.binary && len(a.types) == 1 && (types.Lookup(a.types[0].OID).Phys == types.PhysList || types.IsRow(a.types[0].OID)) {
				*text = append(*text, "\n "...)
			}
		}
		before, size := cap(*text), len(*text)
		*text, failed = a.write(a, a.row, *text)
		a.held += int64(cap(*text) - before)
		if len(*text) > longest {
			failed = sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the JSON document is longer than %d bytes", longest)
		}
		if a.added += len(*text) - size; failed == nil && a.added > askedBytes {
			a.added = 0
			failed = goesOn(a.env, a.held)
		}
	})
	return failed
}

// newKey fails where a group has the row's key already.
func (a *documents) newKey(g int32) error {
	key, err := function.AppendJSONKey(a.env, nil, a.row[0])
	if err != nil {
		return err
	}
	if _, have := a.keys[g][string(key)]; have {
		if a.binary { // which PostgreSQL says when it has seen all
			a.twice[g] = true
			return nil
		}
		return sqlerr.Errorf(sqlerr.DuplicateJSONObjectKey, "duplicate JSON object key value: %s", key)
	}
	if a.keys[g] == nil {
		a.keys[g] = map[string]struct{}{}
	}
	a.keys[g][string(key)] = struct{}{}
	a.held += int64(len(key)) + mapEntry
	return nil
}

// mapEntry is about what an entry of a map of strings takes, in bytes.
const mapEntry = 40

func writeItem(a *documents, row []types.Value, dst []byte) ([]byte, error) {
	return function.AppendJSON(a.env, dst, row[0]), nil
}

func writeMember(a *documents, row []types.Value, dst []byte) ([]byte, error) {
	if row[0].Null {
		if a.binary {
			return dst, sqlerr.Errorf(sqlerr.InvalidParameterValue, "field name must not be null")
		}
		return dst, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "null value not allowed for object key")
	}
	dst, err := function.AppendJSONKey(a.env, dst, row[0])
	if err != nil {
		return dst, err
	}
	return function.AppendJSON(a.env, append(dst, " : "...), row[1]), nil
}

func (a *documents) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Bytes)
	for _, g := range groups {
		if a.text[g] == nil {
			out.AppendNull()
			continue
		}
		if a.unique && a.twice[g] {
			return sqlerr.Errorf(sqlerr.DuplicateJSONObjectKey, "duplicate JSON object key value")
		}
		text := *a.text[g]
		text = append(text[:len(text):len(text)], a.end...)
		if a.binary {
			var err error
			if text, err = types.AppendCanonicalJSONUntil(nil, text, a.env.Ended); err != nil {
				return err
			}
		}
		out.Append(text)
	}
	return nil
}

func (a *documents) Bytes() int64 { return int64(cap(a.text))*8 + a.held }
