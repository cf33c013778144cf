package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions that make records of JSON. The columns are those of the last
// argument, a row that the planner adds: FROM json_to_record('{"a": 1}') AS x(a int).

func init() {
	for _, t := range []string{"json", "jsonb"} {
		from := t + "_to_record"
		record(from+"("+t+") record strict stable", Definition{
			Value:    func(env *Env, a []types.Value) (types.Value, error) { return toRecord(env, from, t, a, nil) },
			Examples: examples(from+"('{\"a\": 1}'::"+t+")", "ERROR 0A000")})
		record(from+"set("+t+") setof record stable", Definition{
			Set:      func(env *Env, a []types.Value) (Set, error) { return toRecordSet(env, from+"set", t, a[0], a[1:], nil) },
			Examples: examples(from+"set('[{\"a\": 1}]'::"+t+")", "ERROR 0A000")})
		populate := t + "_populate_record"
		last := ""
		if t == "json" {
			last = ", optional use_json_as_text bool = false"
		}
		record(populate+"(base anyelement, from_json "+t+last+") anyelement stable", Definition{
			Value: func(env *Env, a []types.Value) (types.Value, error) {
				if a[1].Null {
					return a[0], nil
				}
				return toRecord(env, populate, t, append([]types.Value{a[1]}, a[1:]...), &a[0])
			},
			Examples: examples(populate+"(ROW(1, 'a'::text), '{\"f2\": \"b\"}'::"+t+")", "(1,b)", populate+"(ROW(1), '{\"f1\": \"x\"}'::"+t+")", "ERROR 22P02")})
		record(populate+"set(base anyelement, from_json "+t+last+") setof anyelement stable", Definition{
			Set: func(env *Env, a []types.Value) (Set, error) {
				if a[1].Null {
					return nil, nil
				}
				return toRecordSet(env, populate+"set", t, a[1], a[1:], &a[0])
			},
			Examples: examples(populate+"set(ROW(1, 'a'::text), '[{\"f2\": \"b\"}, {\"f1\": 5}]'::"+t+")", "(1,b), (5,a)")})
	}
}

func record(signature string, d Definition) { define(signature, d).Func.Shaped = true }

// toRecord makes a record of a[0]: its columns are those of the last argument
// or, where the planner knew none, of base.
func toRecord(env *Env, name, t string, a []types.Value, base *types.Value) (types.Value, error) {
	row, err := wanted(name, a[1:], base)
	if err != nil {
		return types.Value{}, err
	}
	return populate(env, t, types.Record, row, a[0].S)
}

// populate is a row with the members of a document, which must be an object, in
// the places of its columns.
func populate(env *Env, t string, oid types.OID, row *types.Row, doc string) (types.Value, error) {
	switch jsonKind(doc) {
	case '{':
		return fillRow(env, t, oid, row, doc)
	case '[':
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot call populate_composite on an array")
	}
	return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot call populate_composite on a scalar")
}

// toRecordSet makes a record of each object of an array.
func toRecordSet(env *Env, name, t string, doc types.Value, rest []types.Value, base *types.Value) (Set, error) {
	row, err := wanted(name, rest, base)
	if err != nil || doc.Null {
		return nil, err
	}
	switch kind := jsonKind(doc.S); {
	case kind == '[':
	case t == "jsonb":
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot call %s on a non-array", name)
	case kind == '{':
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot call %s on an object", name)
	default:
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot call %s on a scalar", name)
	}
	set := &values{}
	eachElement(doc.S, func(item string) bool {
		if jsonKind(item) != '{' {
			err = sqlerr.Errorf(sqlerr.InvalidParameterValue, "argument of %s must be an array of objects", name)
			return false
		}
		var v types.Value
		v, err = fillRow(env, t, types.Record, row, item)
		set.rows = append(set.rows, v)
		return err == nil
	})
	return set, err
}

// wanted is the row to fill: base's values, or NULLs.
func wanted(name string, args []types.Value, base *types.Value) (*types.Row, error) {
	if base != nil && !base.Null {
		if !types.IsRow(base.Type.OID) {
			return nil, sqlerr.Errorf(sqlerr.DatatypeMismatch, "first argument of %s must be a row type", name)
		}
		return types.ReadRow(strings.Clone(base.S)), nil
	}
	if n := len(args) - 1; n >= 0 && args[n].Type.OID == types.Record && !args[n].Null {
		return types.ReadRow(strings.Clone(args[n].S)), nil
	}
	return nil, sqlerr.Errorf(sqlerr.FeatureNotSupported, "could not determine row type for result of %s", name).
		WithHint("Provide a non-null record argument, or call the function in the FROM clause using a column definition list.")
}

// fillRow is a row with the members of an object in the places of its columns.
func fillRow(env *Env, t string, oid types.OID, row *types.Row, doc string) (types.Value, error) {
	vals := append([]types.Value(nil), row.Vals...)
	for i, c := range row.Cols {
		item, ok := jsonMember(doc, c.Name)
		if !ok {
			continue
		}
		var err error
		if vals[i], err = fromJSON(env, t, c.Type, item, c.Name, vals[i]); err != nil {
			return types.Value{}, err
		}
	}
	return types.NewRow(oid, row.Cols, vals), nil
}

// fromJSON reads one value of JSON as a value of a type; key is where it stands,
// was what stood there before, from which a nested row takes what item has not.
func fromJSON(env *Env, t string, want types.Type, item, key string, was types.Value) (types.Value, error) {
	kind := jsonKind(item)
	info := types.Lookup(want.OID)
	switch {
	case kind == 'n':
		return types.NullOf(want), nil
	case want.OID == types.JSON:
		return types.NewString(types.JSON, item), nil
	case want.OID == types.JSONB:
		return jsonResult(env, "jsonb", []byte(item))
	case info != nil && info.Elem != 0 && info.Category == 'A':
		if kind == '"' {
			return types.Parse(want, unquoteJSON(item), env.Format)
		}
		return arrayFromJSON(env, t, want, item, key)
	case types.IsRow(want.OID) && kind != '"':
		return rowFromJSON(env, t, want, item, was)
	case kind == '"':
		if err := checkEscapes(item); err != nil {
			return types.Value{}, err
		}
		item = unquoteJSON(item)
	}
	return types.Parse(want, item, env.Format)
}

// rowFromJSON reads a nested row.
func rowFromJSON(env *Env, t string, want types.Type, item string, was types.Value) (types.Value, error) {
	if !was.Null && was.Type == want {
		return populate(env, t, want.OID, types.ReadRow(was.S), item)
	}
	if env.Format.Rows != nil {
		if cols, ok := env.Format.Rows(want.OID); ok {
			row := &types.Row{Cols: cols, Vals: make([]types.Value, len(cols))}
			for i, c := range cols {
				row.Vals[i] = types.NullOf(c.Type)
			}
			return populate(env, t, want.OID, row, item)
		}
	}
	return types.Value{}, sqlerr.Errorf(sqlerr.WrongObjectType, "record type has not been registered")
}

// arrayFromJSON reads an array, whose parts must all be of one shape.
func arrayFromJSON(env *Env, t string, want types.Type, item, key string) (types.Value, error) {
	out := &types.Array{Elem: types.Type{OID: types.Lookup(want.OID).Elem, Mod: want.Mod}}
	if jsonKind(item) != '[' {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "expected JSON array").WithHint("See the value of key \"%s\".", key)
	}
	if err := appendFromJSON(env, t, out, item, key, 0, true); err != nil {
		return types.Value{}, err
	}
	if len(out.Elems) == 0 {
		out.Dims = nil
	}
	return types.Value{Type: want, A: out}, nil
}

// appendFromJSON adds the items of one dimension; first says that this part
// sets the shape of those after it.
func appendFromJSON(env *Env, t string, out *types.Array, part, key string, dim int, first bool) error {
	malformed := sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "malformed JSON array").
		WithDetail("Multidimensional arrays must have sub-arrays with matching dimensions.")
	if first {
		out.Dims = append(out.Dims, types.Dim{Lower: 1})
	}
	n := int32(0)
	var failed error
	eachElement(part, func(item string) bool {
		switch nested := jsonKind(item) == '['; {
		case nested && (dim+1 < len(out.Dims) || first && n == 0) && out.Elem.OID != types.JSON && out.Elem.OID != types.JSONB:
			failed = appendFromJSON(env, t, out, item, key, dim+1, first && n == 0)
		case dim+1 < len(out.Dims):
			failed = malformed
			if !nested {
				failed = sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "expected JSON array").WithHint("See the array element [%d] of key \"%s\".", n, key)
			}
		default:
			var v types.Value
			v, failed = fromJSON(env, t, out.Elem, item, key, types.NullOf(out.Elem))
			out.Elems = append(out.Elems, v)
		}
		n++
		return failed == nil
	})
	switch {
	case failed != nil:
		return failed
	case first:
		out.Dims[dim].Len = n
	case out.Dims[dim].Len != n:
		return malformed
	}
	return nil
}
