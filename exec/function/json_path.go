package function

import (
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// JSON_VALUE, JSON_QUERY and JSON_EXISTS, of PostgreSQL 17, as functions of a
// document and a path. By default they have NULL (FALSE) ON EMPTY and ON ERROR.

func init() {
	const ours = "PostgreSQL 16 has no such function"
	doc := `{"device": {"id": "d-1", "t": [21.5, 22]}, "n": null}`
	for i, t := range []string{"json", "jsonb", "text"} {
		call := func(f, path string) string { return f + "('" + doc + "'::" + t + ", '" + path + "')" }
		example := func(f, path, text string) Example { return Example{SQL: call(f, path), Text: text, Ours: ours} }
		extract := func(f string, number int, ret string, finish func([]jsonItem, bool) (types.Value, error), ex ...Example) {
			define(f+"("+t+", text) "+ret+" strict immutable oid "+strconv.Itoa(number+i), Definition{
				Value: func(env *Env, a []types.Value) (types.Value, error) {
					items, failed, err := extractPath(env, t, a[0].S, a[1].S)
					if err != nil {
						return types.Value{}, err
					}
					return finish(items, failed)
				}, Examples: append(ex, example(f, "device", "ERROR 42601"))})
		}
		extract("json_value", 9920, "text", valueOfItems, example("json_value", "$.device.id", "d-1"), example("json_value", "$.device.t[0]", "21.5"),
			example("json_value", "$.device.t[last]", "22"), example("json_value", "$.device", "NULL"), example("json_value", "$.n", "NULL"), example("json_value", "$.n == null", "t"),
			example("json_value", "lax $.x.y", "NULL"), example("json_value", `$."device".id`, "d-1"), example("json_value", "$.device.t[*] ? (@ > 21.6)", "22"),
			example("json_value", "strict $.x", "NULL"))
		extract("json_query", 9923, "jsonb", queryOfItems, example("json_query", "$.device.t", "[21.5, 22]"), example("json_query", "$.device.id", `"d-1"`),
			example("json_query", "$.device.t[*]", "NULL"), example("json_query", "$.x", "NULL"))
		extract("json_exists", 9926, "bool", func(items []jsonItem, failed bool) (types.Value, error) { return boolean(len(items) > 0 && !failed) },
			example("json_exists", "$.device.t[1]", "t"), example("json_exists", "$.x", "f"), example("json_exists", "strict $.x", "f"))
	}
	registry.bySig["json_value(text,text)"].Examples = append(registry.bySig["json_value(text,text)"].Examples,
		Example{SQL: "json_value('{'::text, '$')", Text: "ERROR 22P02", Ours: ours})
}

// extractPath finds a path in a document of a type. failed tells of an error that
// the functions suppress.
func extractPath(env *Env, t, doc, path string) (items []jsonItem, failed bool, err error) {
	if t == "text" {
		if err := types.CheckJSON(bytesOf(doc)); err != nil {
			return nil, false, err
		}
	}
	p, err := parsedPath(path)
	if err != nil {
		return nil, false, err
	}
	x := &pathRun{env: env, root: itemOf(doc), strict: p.Strict, lenient: !p.Strict, size: -1, vars: "{}", silent: true, lastID: 2}
	x.current = x.root
	var list pathList
	answer := x.item(p.Root, x.root, &list)
	return list.items, answer == pathFailed, x.err
}

// valueOfItems is the one scalar that was found, NULL where there is none or
// more.
func valueOfItems(items []jsonItem, failed bool) (types.Value, error) {
	if failed || len(items) != 1 || items[0].kind >= itemArray || items[0].kind == itemNull {
		return null(types.Text)
	}
	switch items[0].kind {
	case itemString:
		return text(items[0].text)
	case itemBool: // as boolean's own output
		return text(map[bool]string{true: "t", false: "f"}[items[0].bool])
	}
	return text(string(items[0].append(nil)))
}

// queryOfItems is the one item that was found, NULL where there is none or more.
func queryOfItems(items []jsonItem, failed bool) (types.Value, error) {
	if failed || len(items) != 1 {
		return null(types.JSONB)
	}
	canonical, err := types.AppendCanonicalJSON(nil, items[0].append(nil))
	return types.NewString(types.JSONB, textOf(canonical)), err
}
