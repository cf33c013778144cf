package function

import (
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// The functions and operators of jsonpath.

func init() {
	type vs = []types.Value
	const args, doc = "(target jsonb, path jsonpath, optional vars jsonb, optional silent bool)", `'{"a": [1, 2, {"b": 3}]}'`
	for _, zone := range []struct{ suffix, volatility string }{{"", "immutable"}, {"_tz", "stable"}} {
		zones := zone.suffix != ""
		end := " strict " + zone.volatility
		name := func(f string) string { return "jsonb_path_" + f + zone.suffix }
		define(name("exists")+args+" bool"+end, Definition{Value: pathExists(zones), Examples: examples(
			name("exists")+"("+doc+", '$.a[*] ? (@ > 1)')", "t", name("exists")+"("+doc+", 'strict $.b')", "ERROR 2203A", name("exists")+"("+doc+", 'strict $.b', '{}', true)", "NULL")})
		define(name("match")+args+" bool"+end, Definition{Value: pathMatch(zones), Examples: examples(
			name("match")+"("+doc+", '$.a[0] == 1')", "t", name("match")+"("+doc+", '$.a')", "ERROR 22038", name("match")+"("+doc+", '$.a[0] == $x', '{\"x\": 2}')", "f")})
		define(name("query_array")+args+" jsonb"+end, Definition{Value: func(env *Env, a vs) (types.Value, error) {
			items, err := queryPath(env, a, zones)
			if err != nil {
				return types.Value{}, err
			}
			return arrayOfItems(env, items)
		}, Examples: examples(name("query_array")+"("+doc+", '$.**')", `[{"a": [1, 2, {"b": 3}]}, [1, 2, {"b": 3}], 1, 2, {"b": 3}, 3]`,
			name("query_array")+"('[\"2024-02-29\", \"2024-03-01\"]', '$[*].datetime() ? (@ > \"2024-02-29\".datetime())')", `["2024-03-01"]`)})
		define(name("query_first")+args+" jsonb"+end, Definition{Value: func(env *Env, a vs) (types.Value, error) {
			items, err := queryPath(env, a, zones)
			if err != nil || len(items) == 0 {
				return types.NullOf(types.Of(types.JSONB)), err
			}
			return items[0].value(), nil
		}, Examples: examples(name("query_first")+"("+doc+", '$.a.size() + 1')", "4", name("query_first")+"("+doc+", '$.x')", "NULL")})
		define(name("query")+args+" setof jsonb"+end, Definition{Set: func(env *Env, a vs) (Set, error) {
			items, err := queryPath(env, a, zones)
			return &pathItems{rest: items}, err
		}, Examples: examples(name("query")+"("+doc+", '$.a[*] ? (@.b == 3 || @ like_regex \"x\" || @ < 2)')", `1, {"b": 3}`, name("query")+"("+doc+", '$.a[0].keyvalue()')", "ERROR 2203C", name("query")+"('{\"k\": 1}', '$.keyvalue()')", `{"id": 0, "key": "k", "value": 1}`)})
	}
	define("jsonb_path_exists_opr(jsonb, jsonpath) bool strict immutable", Definition{Value: pathOperator(pathExists(false)),
		Examples: examples(doc+"::jsonb @? '$.a[2].b'", "t", doc+"::jsonb @? 'strict $.b'", "NULL", doc+"::jsonb @? '$.'", "ERROR 42601", doc+"::jsonb @? '@'", "ERROR 42601")})
	define("jsonb_path_match_opr(jsonb, jsonpath) bool strict immutable", Definition{Value: pathOperator(pathMatch(false)),
		Examples: examples(doc+"::jsonb @@ '$.a[*] > 1'", "t", doc+"::jsonb @@ '$.a'", "NULL")})
}

// pathOperator is an operator of a function: silent, and all variables are null.
func pathOperator(f ValueFunc) ValueFunc {
	none, yes := types.NullOf(types.Of(types.JSONB)), types.NewBool(true)
	return func(env *Env, a []types.Value) (types.Value, error) {
		return f(env, []types.Value{a[0], a[1], none, yes})
	}
}

// pathCache keeps parsed paths, since most are the same for every row.
var pathCache = struct {
	sync.RWMutex
	m map[string]*types.Path
}{m: map[string]*types.Path{}}

const maxCachedPaths = 1024

func parsedPath(s string) (*types.Path, error) {
	pathCache.RLock()
	p := pathCache.m[s]
	pathCache.RUnlock()
	if p != nil {
		return p, nil
	}
	s = strings.Clone(s)
	p, err := types.ParsePath(s)
	if err != nil {
		return nil, err
	}
	pathCache.Lock()
	defer pathCache.Unlock()
	if len(pathCache.m) >= maxCachedPaths {
		clear(pathCache.m)
	}
	pathCache.m[s] = p
	return p, nil
}

// newPathRun prepares a function's call: target, path, vars and silent.
func newPathRun(env *Env, a []types.Value, zones bool) (*pathRun, *types.Path, error) {
	p, err := parsedPath(a[1].S)
	if err != nil {
		return nil, nil, err
	}
	x := &pathRun{env: env, root: itemOf(a[0].S), strict: p.Strict, lenient: !p.Strict, zones: zones, size: -1, vars: "{}", lastID: 1}
	switch {
	case len(a) > 2 && a[2].Null:
		x.vars = ""
	case len(a) > 2:
		x.vars = a[2].S
		if jsonKind(x.vars) != '{' {
			return nil, nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "\"vars\" argument is not an object").
				WithDetail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.")
		}
	}
	x.silent = len(a) > 3 && a[3].Bool()
	x.current, x.lastID = x.root, 2
	return x, p, nil
}

func queryPath(env *Env, a []types.Value, zones bool) ([]jsonItem, error) {
	x, p, err := newPathRun(env, a, zones)
	if err != nil {
		return nil, err
	}
	var list pathList
	x.item(p.Root, x.root, &list)
	return list.items, x.err
}

func arrayOfItems(env *Env, items []jsonItem) (types.Value, error) {
	b := []byte{'['}
	for n, i := range items {
		if n%checkSteps == checkSteps-1 {
			if limit := int(env.MemoryLimit); limit > 0 && len(b) > limit {
				return types.Value{}, OverLimit(len(b), limit)
			}
			if err := env.Ended(); err != nil {
				return types.Value{}, err
			}
		}
		if n > 0 {
			b = append(b, ", "...)
		}
		b = i.append(b)
	}
	return types.NewString(types.JSONB, textOf(append(b, ']'))), nil
}

// pathItems are items as rows.
type pathItems struct{ rest []jsonItem }

func (s *pathItems) Next(out []vec.Vec, limit int) (int, error) {
	n := min(limit, len(s.rest))
	for _, i := range s.rest[:n] {
		vec.Append(out[0], i.value())
	}
	s.rest = s.rest[n:]
	return n, nil
}

func pathExists(zones bool) ValueFunc {
	return func(env *Env, a []types.Value) (types.Value, error) {
		x, p, err := newPathRun(env, a, zones)
		if err != nil {
			return types.Value{}, err
		}
		var list *pathList
		if x.strict {
			list = &pathList{}
		}
		answer := x.item(p.Root, x.root, list)
		switch {
		case x.err != nil:
			return types.Value{}, x.err
		case answer == pathFailed:
			return null(types.Bool)
		case x.strict:
			return boolean(len(list.items) > 0)
		}
		return boolean(answer == pathFound)
	}
}

func pathMatch(zones bool) ValueFunc {
	return func(env *Env, a []types.Value) (types.Value, error) {
		items, err := queryPath(env, a, zones)
		switch {
		case err != nil:
			return types.Value{}, err
		case len(items) == 1 && items[0].kind == itemBool:
			return boolean(items[0].bool)
		case len(items) == 1 && items[0].kind == itemNull, len(a) > 3 && a[3].Bool():
			return null(types.Bool)
		}
		return types.Value{}, sqlerr.Errorf(sqlerr.SingletonSQLJSONItemRequired, "single boolean result is expected")
	}
}
