package json

import (
	"bytes"
	"errors"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// slow reads a value in any form into the field and returns the index after it;
// -1 where it is not JSON at all, and then nothing has been written.
func (d *Decoder) slow(f *field, b []byte, i int) (int, error) {
	end := skipValue(b, i, 0)
	if end < 0 {
		return -1, nil
	}
	d.high |= highBits
	err := d.convert(f, b[i:end])
	if err == nil {
		return end, nil
	}
	vec.Truncate(f.col, d.row)
	if d.nullBad {
		f.null()
		return end, nil
	}
	return end, fieldError(f, b[i:end], err)
}

// errWrongType is a value of a JSON type that the column's type does not take.
var errWrongType = errors.New("wrong JSON type")

// convert writes the value, which is JSON, into the field. On an error the
// column may hold half of it.
func (d *Decoder) convert(f *field, raw []byte) error {
	if raw[0] == 'n' {
		f.null()
		return nil
	}
	if f.form.what != formNone {
		if done, err := d.formed(f, raw); done {
			return err
		}
	}
	var err error
	switch {
	case f.kind == kindJSON, f.kind == kindForm && f.typ.OID == types.JSON:
		f.text.Append(raw)
		return nil
	case f.kind == kindJSONB, f.kind == kindForm && f.typ.OID == types.JSONB:
		if f.text.Data, err = types.AppendCanonicalJSON(f.text.Data, raw); err == nil {
			f.text.EndRow()
		}
		return err
	case raw[0] == '"':
		if d.scratch, err = unquote(d.scratch[:0], raw); err != nil {
			return sqlerr.Errorf(sqlerr.UntranslatableCharacter, "unsupported Unicode escape sequence").WithDetail("%s.", err)
		}
		return d.parse(f, d.scratch)
	case f.kind == kindText || isText(f.typ.OID):
		return d.parse(f, raw)
	case raw[0] == '{':
		return errWrongType
	case raw[0] == '[':
		return d.array(f, raw)
	case raw[0] == 't' || raw[0] == 'f':
		if f.kind != kindBool {
			return errWrongType
		}
		f.bool.Append(raw[0] == 't')
		return nil
	}
	return d.number(f, raw)
}

func isText(oid types.OID) bool {
	return oid == types.Text || oid == types.Varchar || oid == types.BPChar || oid == types.Name
}

// parse reads a type's text form.
func (d *Decoder) parse(f *field, s []byte) error {
	switch {
	case f.typ.OID == types.Text:
		f.text.Append(s)
		return nil
	case f.kind == kindTimestamp:
		t, err := types.ParseTimestampBytes(s, d.format)
		if err == nil {
			f.i64.Append(t)
		}
		return err
	case f.kind == kindTimestamptz:
		t, err := types.ParseTimestamptzBytes(s, d.format)
		if err == nil {
			f.i64.Append(t)
		}
		return err
	}
	v, err := types.Parse(f.typ, string(s), d.format)
	if err == nil {
		vec.Append(f.col, v)
	}
	return err
}

// number reads a JSON number for a type that is not text.
func (d *Decoder) number(f *field, raw []byte) error {
	switch f.typ.OID {
	case types.Int2, types.Int4, types.Int8, types.Oid:
		if bytes.IndexAny(raw, ".eE") < 0 {
			return d.parse(f, raw)
		}
		n, err := types.ParseDecimalBytes(raw)
		if err != nil {
			return err
		}
		whole := n.Trunc(0)
		if whole.Compare(n) != 0 {
			return errWrongType
		}
		return d.parse(f, whole.Append(nil))
	case types.Numeric, types.Float4, types.Float8:
		return d.parse(f, raw)
	case types.Timestamp, types.Timestamptz:
		t, ok := millis(raw)
		if !ok {
			return errWrongType
		}
		v := types.NewInt(f.typ.OID, t)
		v.Type = f.typ
		if c := types.Lookup(f.typ.OID).Coerce; c != nil && f.typ.Mod >= 0 {
			var err error
			if v, err = c(v, f.typ.Mod, false); err != nil {
				return err
			}
		}
		vec.Append(f.col, v)
		return nil
	}
	return errWrongType
}

// array reads a JSON array, of any depth, into an array column.
func (d *Decoder) array(f *field, raw []byte) error {
	list, ok := f.col.(*vec.List)
	if !ok {
		return errWrongType
	}
	a := &types.Array{Elem: list.Type}
	elem := &Decoder{format: d.format}
	k, scale, limit := kindOf(list.Type)
	column := vec.New(list.Type)
	ef := &field{typ: list.Type, kind: k, scale: scale, limit: limit}
	elem.fields = []field{*ef}
	elem.Bind([]vec.Vec{column})
	if err := elem.elements(a, raw, 0); err != nil {
		return err
	}
	for i := range column.Len() {
		a.Elems = append(a.Elems, vec.Get(column, i, list.Type))
	}
	if f.typ.OID == types.Int2Vector || f.typ.OID == types.OidVector {
		return d.vector(f, a)
	}
	vec.Append(f.col, types.Value{Type: f.typ, A: a})
	return nil
}

// vector takes an array as an int2vector or an oidvector, which have one
// dimension, counted from 0, and no NULL.
func (d *Decoder) vector(f *field, a *types.Array) error {
	if len(a.Dims) > 1 {
		return errWrongType
	}
	items := make([]int64, len(a.Elems))
	for i, e := range a.Elems {
		if e.Null {
			return errWrongType
		}
		items[i] = e.I
	}
	vec.Append(f.col, types.NewVector(f.typ.OID, items))
	return nil
}

// elements reads one dimension; all its arrays must have one length.
func (d *Decoder) elements(a *types.Array, raw []byte, depth int) error {
	n := int32(0)
	nested := false
	for i := space(raw, 1); raw[i] != ']'; {
		end := skipValue(raw, i, 0)
		sub := raw[i] == '['
		if n > 0 && sub != nested {
			return errWrongType
		}
		nested = sub
		if n == 0 && depth == len(a.Dims) {
			a.Dims = append(a.Dims, types.Dim{Len: -1, Lower: 1})
		}
		var err error
		if sub {
			if depth == 5 {
				return errWrongType // PostgreSQL's arrays have six dimensions at most
			}
			err = d.elements(a, raw[i:end], depth+1)
		} else if len(a.Dims) != depth+1 {
			return errWrongType
		} else {
			err = d.convert(&d.fields[0], raw[i:end])
		}
		if err != nil {
			return err
		}
		n++
		if i = space(raw, end); raw[i] == ',' {
			i = space(raw, i+1)
		}
	}
	if n == 0 && depth == 0 {
		return nil
	}
	if n == 0 || depth >= len(a.Dims) {
		return errWrongType
	}
	if dim := &a.Dims[depth]; dim.Len < 0 {
		dim.Len = n
	} else if dim.Len != n {
		return errWrongType
	}
	return nil
}

// fieldError names the field and the value that did not convert.
func fieldError(f *field, raw []byte, err error) error {
	e := &sqlerr.Error{
		Code: sqlerr.InvalidTextRepresentation, Column: f.name, DataType: types.FormatType(f.typ),
		Message: "invalid input syntax for type " + types.FormatType(f.typ) + ": " + excerpt(bytes.Trim(raw, `"`)),
	}
	if !errors.Is(err, errWrongType) {
		c := sqlerr.From(err)
		e.Code, e.Message, e.Detail = c.Code, c.Message, c.Detail
		if c.Code == sqlerr.InternalError {
			e.Code = sqlerr.InvalidTextRepresentation
		}
		if len(e.Message) > 256 {
			e.Message = e.Message[:256] + "..."
		}
	}
	return e
}
