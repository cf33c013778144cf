package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// What JSON_VALUE, JSON_QUERY and JSON_EXISTS with clauses are bound as. Behind
// document and path stand the clauses, as words: error_on_empty, error_on_error,
// wrap, wrap_many, omit_quotes, array_on_empty and the like, json (of an outcome: query); then the names of
// PASSING, the values ON EMPTY and ON ERROR, whose type is RETURNING's, and the
// values of PASSING.

func init() {
	type vs = []types.Value
	const ours = "what JSON_VALUE and the like with clauses are bound as"
	own := func(sql, text string) Example { return Example{SQL: sql, Text: text, Ours: ours} }
	const doc = `('{"a": [1, "x"], "b": "2"}'::jsonb, `
	define("sqljson_value(jsonb, jsonpath, text, _text, anyelement, anyelement, variadic any) anyelement stable oid 9940", Definition{
		Value: pathResult(queriedValue),
		Examples: []Example{own("sqljson_value"+doc+"'$.b', '', '{v}', 7, 8, 0)", "2"), own("sqljson_value"+doc+"'$.c', '', '{v}', 7, 8, 0)", "7"),
			own("sqljson_value"+doc+"'$.a', '', '{v}', 7, 8, 0)", "8"), own("sqljson_value"+doc+"'$.a', 'error_on_error', '{v}', 7, 8, 0)", "ERROR 2203F"),
			own("sqljson_value"+doc+"'$.a[*]', 'error_on_error', '{v}', 7, 8, 0)", "ERROR 22034"), own("sqljson_value"+doc+"'$.c', 'error_on_empty', '{v}', 7, 8, 0)", "ERROR 22035"),
			own("sqljson_value"+doc+"'$.a[1]', 'error_on_error', '{v}', 7, 8, 0)", "ERROR 22P02"), own("sqljson_value"+doc+"'$.a[$v]', '', '{v}', 7, 8, 0)", "1"),
			own("sqljson_value"+doc+"'$.a[$w]', '', '{v}', 7, 8, 0)", "ERROR 42704")}})
	define("sqljson_query(jsonb, jsonpath, text, _text, anyelement, anyelement, variadic any) anyelement stable oid 9941", Definition{
		Value: pathResult(queriedJSON),
		Examples: []Example{own("sqljson_query"+doc+"'$.a', '', '{v}', NULL::text, 'no'::text, 0)", `[1, "x"]`), own("sqljson_query"+doc+"'$.b', '', '{v}', NULL::text, 'no'::text, 0)", `"2"`),
			own("sqljson_query"+doc+"'$.b', 'omit_quotes', '{v}', NULL::text, 'no'::text, 0)", "2"), own("sqljson_query"+doc+"'$.a[*]', '', '{v}', NULL::text, 'no'::text, 0)", "no"),
			own("sqljson_query"+doc+"'$.a[*]', 'wrap_many', '{v}', NULL::text, 'no'::text, 0)", `[1, "x"]`), own("sqljson_query"+doc+"'$.a', 'wrap', '{v}', NULL::text, 'no'::text, 0)", `[[1, "x"]]`),
			own("sqljson_query"+doc+"'$.a[*]', 'error_on_error', '{v}', NULL::text, 'no'::text, 0)", "ERROR 22034")}})
	define("sqljson_exists(jsonb, jsonpath, text, _text, bool, bool, variadic any) bool stable oid 9942", Definition{
		Value: pathResult(func(_ *queried, items []jsonItem) (types.Value, error) { return boolean(len(items) > 0) }),
		Examples: []Example{own("sqljson_exists"+doc+"'$.a[$v]', '', '{v}', false, true, 1)", "t"), own("sqljson_exists"+doc+"'strict $.c', '', '{v}', false, true, 0)", "t"),
			own("sqljson_exists"+doc+"'strict $.c', 'error_on_error', '{v}', false, true, 0)", "ERROR 2203A"), own("sqljson_exists"+doc+"'$.c', '', '{v}', false, true, 0)", "f")}})
	define("sqljson_outcome(jsonb, jsonpath, text, _text, anyelement, anyelement, variadic any) text stable oid 9943", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			if a[0].Null || a[1].Null {
				return text("found")
			}
			q := newQueried(env, a)
			q.quiet = true
			how := queriedValue
			if q.has("json") {
				how = queriedJSON
			}
			_, outcome, err := q.run(a, how)
			if err != nil {
				return types.Value{}, err
			}
			return text(outcome)
		},
		Examples: []Example{own("sqljson_outcome"+doc+"'$.b', '', '{v}', 7, 8, 0)", "found"), own("sqljson_outcome"+doc+"'$.c', '', '{v}', 7, 8, 0)", "empty"),
			own("sqljson_outcome"+doc+"'$.a', '', '{v}', 7, 8, 0)", "error"), own("sqljson_outcome"+doc+"'$.a', 'json', '{v}', NULL::text, NULL::text, 0)", "found")}})
}

// queried is one call.
type queried struct {
	env     *Env
	clauses string
	to      types.Type
	quiet   bool // an outcome is wanted: what ERROR would raise is one
}

func newQueried(env *Env, a []types.Value) *queried {
	return &queried{env: env, clauses: a[2].S, to: a[4].Type}
}

func (q *queried) has(clause string) bool {
	for word := range strings.FieldsSeq(q.clauses) {
		if word == clause {
			return true
		}
	}
	return false
}

// pathResult is a function of the items that a path finds.
func pathResult(of func(*queried, []jsonItem) (types.Value, error)) ValueFunc {
	return func(env *Env, a []types.Value) (types.Value, error) {
		if a[0].Null || a[1].Null {
			return types.NullOf(a[4].Type), nil
		}
		q := newQueried(env, a)
		v, outcome, err := q.run(a, of)
		switch {
		case err != nil:
			return types.Value{}, err
		case outcome == "empty":
			return q.behave(a[4], outcome)
		case outcome == "error":
			return q.behave(a[5], outcome)
		}
		return v, nil
	}
}

// behave is what is wanted ON EMPTY or ON ERROR: a value, or EMPTY ARRAY or EMPTY
// OBJECT as the type of RETURNING has it.
func (q *queried) behave(v types.Value, on string) (types.Value, error) {
	json, clause := "[]", "EMPTY ARRAY"
	switch {
	case q.has("array_on_" + on):
	case q.has("object_on_" + on):
		json, clause = "{}", "EMPTY OBJECT"
	default:
		return v, nil
	}
	v, err := q.populate(json)
	if err != nil {
		return v, sqlerr.Errorf(sqlerr.DatatypeMismatch, "could not coerce ON %s expression (%s) to the RETURNING type", strings.ToUpper(on), clause).
			WithDetail("%s", sqlerr.From(err).Message)
	}
	return v, nil
}

// populate is a JSON value as the type of RETURNING has it.
func (q *queried) populate(json string) (types.Value, error) {
	if info := types.Lookup(q.to.OID); info.Elem != 0 && info.Category == 'A' {
		return q.array(json)
	}
	return q.read(json)
}

// run finds the path's items and makes the result of them. The outcome is found,
// empty or error; an error is what no clause suppresses.
func (q *queried) run(a []types.Value, of func(*queried, []jsonItem) (types.Value, error)) (v types.Value, outcome string, err error) {
	p, err := parsedPath(a[1].S)
	if err != nil {
		return v, "", err
	}
	raises := q.has("error_on_error") && !q.quiet
	x := &pathRun{env: q.env, root: itemOf(a[0].S), strict: p.Strict, lenient: !p.Strict, zones: true, size: -1, vars: "{}", silent: !raises, lastID: 2}
	x.current = x.root
	if err := x.pass(a[3], a[6:]); err != nil {
		return v, "", err
	}
	var list pathList
	answer := x.item(p.Root, x.root, &list)
	switch {
	case x.err != nil:
		return v, "", x.err
	case answer == pathFailed:
		return v, "error", nil
	}
	v, err = of(q, list.items)
	switch {
	case err == nil:
		return v, "found", nil
	case sqlerr.From(err).Code == sqlerr.NoSQLJSONItem:
		if q.has("error_on_empty") && !q.quiet {
			return v, "", err
		}
		return v, "empty", nil
	case raises:
		return v, "", err
	}
	if stop := q.env.Ended(); stop != nil {
		return v, "", stop
	}
	return v, "error", nil
}

// pass gives a run the variables of PASSING.
func (x *pathRun) pass(names types.Value, values []types.Value) error {
	if names.Null || names.A == nil || len(names.A.Elems) == 0 {
		return nil
	}
	x.passed = make(map[string]jsonItem, len(values))
	for i, name := range names.A.Elems {
		if i >= len(values) {
			break
		}
		if _, twice := x.passed[name.S]; twice {
			continue // the first counts
		}
		item, err := x.itemOfValue(values[i])
		if err != nil {
			return err
		}
		x.passed[name.S] = item
	}
	return nil
}

// itemOfValue is a value of SQL as an item.
func (x *pathRun) itemOfValue(v types.Value) (jsonItem, error) {
	if v.Null {
		return jsonItem{}, nil
	}
	switch v.Type.OID {
	case types.Date, types.Timestamp, types.Timestamptz:
		if s := string(types.AppendText(nil, v, types.DefaultFormat())); strings.HasSuffix(s, "infinity") {
			return jsonItem{kind: itemString, text: s}, nil
		}
	}
	switch v.Type.OID {
	case types.Bool:
		return jsonItem{kind: itemBool, bool: v.Bool()}, nil
	case types.Int2, types.Int4, types.Int8:
		return jsonItem{kind: itemNumber, num: types.DecimalFromInt64(v.I)}, nil
	case types.Numeric:
		return jsonItem{kind: itemNumber, num: v.N}, nil
	case types.Float4, types.Float8:
		n, err := types.ParseDecimal(string(types.AppendText(nil, v, types.DefaultFormat())))
		return jsonItem{kind: itemNumber, num: n}, err
	case types.JSONB:
		return itemOf(v.S), nil
	case types.JSON:
		canonical, err := types.AppendCanonicalJSONUntil(nil, bytesOf(v.S), x.env.Ended)
		return itemOf(textOf(canonical)), err
	case types.Date:
		return jsonItem{kind: itemTimeOf, time: itemTime{kind: kindDate, local: v.I * microsPerDay}}, nil
	case types.Time:
		return jsonItem{kind: itemTimeOf, time: itemTime{kind: kindTime, local: v.I}}, nil
	case types.Timestamp:
		return jsonItem{kind: itemTimeOf, time: itemTime{kind: kindTimestamp, local: v.I}}, nil
	case types.Timestamptz:
		return jsonItem{kind: itemTimeOf, time: itemTime{kind: kindTimestamptz, local: v.I}}, nil
	case types.Timetz:
		t, ok := readISOTime(string(types.AppendText(nil, v, types.DefaultFormat())))
		if !ok {
			return jsonItem{}, sqlerr.Errorf(sqlerr.InternalError, "time with time zone was not read back")
		}
		return jsonItem{kind: itemTimeOf, time: t}, nil
	}
	return jsonItem{kind: itemString, text: string(types.AppendText(nil, v, x.env.Format))}, nil
}

func noItem() error {
	return sqlerr.Errorf(sqlerr.NoSQLJSONItem, "no SQL/JSON item found for specified path")
}

// queriedValue is JSON_VALUE of the items found.
func queriedValue(q *queried, items []jsonItem) (types.Value, error) {
	const message = "JSON path expression in JSON_VALUE must return single scalar item"
	switch {
	case len(items) == 0:
		return types.Value{}, noItem()
	case len(items) > 1:
		return types.Value{}, sqlerr.Errorf(sqlerr.MoreThanOneSQLJSONItem, message)
	case items[0].kind >= itemArray:
		return types.Value{}, sqlerr.Errorf(sqlerr.SQLJSONScalarRequired, message)
	case items[0].kind == itemNull:
		return types.NullOf(q.to), nil
	case q.to.OID == types.JSON, q.to.OID == types.JSONB:
		return q.read(string(items[0].append(nil)))
	}
	return q.read(q.itemText(items[0]))
}

// itemText is a scalar as SQL writes it.
func (q *queried) itemText(i jsonItem) string {
	switch i.kind {
	case itemString:
		return i.text
	case itemBool:
		if i.bool {
			return "t"
		}
		return "f"
	case itemTimeOf:
		return string(types.AppendText(nil, i.time.value(), q.env.Format))
	}
	return string(i.append(nil))
}

// value is a date or time as SQL has it.
func (t itemTime) value() types.Value {
	switch t.kind {
	case kindDate:
		return types.Value{Type: types.Of(types.Date), I: t.local / microsPerDay}
	case kindTime:
		return types.Value{Type: types.Of(types.Time), I: t.local}
	case kindTimestamp:
		return types.Value{Type: types.Of(types.Timestamp), I: t.local}
	case kindTimestamptz:
		return types.Value{Type: types.Of(types.Timestamptz), I: t.local - int64(t.east)*1e6}
	}
	v, _ := types.Parse(types.Of(types.Timetz), t.String(), types.DefaultFormat())
	return v
}

// queriedJSON is JSON_QUERY of the items found.
func queriedJSON(q *queried, items []jsonItem) (types.Value, error) {
	if len(items) == 0 {
		return types.Value{}, noItem()
	}
	var json []byte
	switch {
	case q.has("wrap"), q.has("wrap_many") && len(items) > 1:
		json = append(json, '[')
		for i, item := range items {
			if i > 0 {
				json = append(json, ", "...)
			}
			json = item.append(json)
		}
		json = append(json, ']')
	case len(items) > 1:
		return types.Value{}, sqlerr.Errorf(sqlerr.MoreThanOneSQLJSONItem, "JSON path expression in JSON_QUERY must return single item when no wrapper is requested").
			WithHint("Use the WITH WRAPPER clause to wrap SQL/JSON items into an array.")
	case q.has("omit_quotes") && items[0].kind == itemString:
		return q.read(items[0].text)
	default:
		json = items[0].append(json)
	}
	canonical, err := types.AppendCanonicalJSONUntil(nil, json, q.env.Ended)
	if err != nil {
		return types.Value{}, err
	}
	if q.has("omit_quotes") {
		return q.read(string(canonical))
	}
	return q.populate(string(canonical))
}

// read reads a text as a value of the type, which its modifier must have room for.
func (q *queried) read(s string) (types.Value, error) {
	v, err := types.Parse(types.Of(q.to.OID), s, q.env.Format)
	if err != nil {
		return v, err
	}
	return q.limited(v, q.to)
}

func (q *queried) limited(v types.Value, to types.Type) (types.Value, error) {
	if info := types.Lookup(to.OID); to.Mod >= 0 && info.Coerce != nil {
		limited, err := info.Coerce(v, to.Mod, false)
		if err != nil {
			return v, err
		}
		v = limited
	}
	v.Type = to
	return v, nil
}

// array makes an array of JSON arrays, as json_populate_record does: those inside
// the first are further dimensions until a value is no array.
func (q *queried) array(json string) (types.Value, error) {
	if jsonKind(json) != '[' {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "expected JSON array")
	}
	out := &types.Array{Elem: types.Type{OID: types.Lookup(q.to.OID).Elem, Mod: q.to.Mod}}
	depth := 0
	for s := json; jsonKind(s) == '['; depth++ {
		first := ""
		eachElement(s, func(v string) bool { first = v; return false })
		s = first
		if s == "" {
			depth++
			break
		}
	}
	out.Dims = make([]types.Dim, depth)
	for i := range out.Dims {
		out.Dims[i] = types.Dim{Len: -1, Lower: 1}
	}
	if err := q.elements(out, json, 0); err != nil {
		return types.Value{}, err
	}
	if len(out.Elems) == 0 {
		out.Dims = nil
	}
	return types.Value{Type: types.Of(q.to.OID), A: out}, nil
}

// elements adds what one JSON array at a depth holds.
func (q *queried) elements(out *types.Array, json string, depth int) (err error) {
	count := int32(0)
	elem := &queried{env: q.env, to: out.Elem}
	eachElement(json, func(v string) bool {
		count++
		nested := jsonKind(v) == '['
		switch {
		case depth+1 < len(out.Dims):
			if !nested {
				err = malformedJSONArray()
			} else {
				err = q.elements(out, v, depth+1)
			}
		case nested && out.Elem.OID != types.JSON && out.Elem.OID != types.JSONB:
			err = malformedJSONArray()
		default:
			var value types.Value
			if value, err = elem.element(v); err == nil {
				out.Elems = append(out.Elems, value)
			}
		}
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case out.Dims[depth].Len >= 0 && out.Dims[depth].Len != count:
		return malformedJSONArray()
	}
	out.Dims[depth].Len = count
	return nil
}

func malformedJSONArray() error {
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "malformed JSON array").
		WithDetail("Multidimensional arrays must have sub-arrays with matching dimensions.")
}

// element is one JSON value as an array's element: null is NULL, a string is
// without its quotes.
func (q *queried) element(json string) (types.Value, error) {
	switch {
	case jsonKind(json) == 'n':
		return types.NullOf(q.to), nil
	case jsonKind(json) == '"' && q.to.OID != types.JSON && q.to.OID != types.JSONB:
		return q.read(unquoteJSON(json))
	}
	return q.read(json)
}
