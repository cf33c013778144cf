package csv

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// field is one column to fill.
type field struct {
	name string
	typ  types.Type
	col  vec.Vec
	i64  *vec.Fixed[int64]
	i32  *vec.Fixed[int32]
	f64  *vec.Fixed[float64]
	text *vec.Bytes
	num  *vec.Numeric

	kind   kind
	scale  int32 // of a kindNumeric: the column's, without a limit that of the last number
	limit  int64 // its coefficients' magnitude is less; 0: none
	length int   // of a kindVarchar or kindChar: the characters it has room for
	clock  clock // of a kindTimestamp or kindTimestamptz: how they lie
}

func newField(c catalog.Column) field {
	f := field{name: c.Name, typ: c.Type}
	f.kind = f.kindOf()
	return f
}

func (f *field) bind(v vec.Vec) {
	f.col = v
	switch c := v.(type) {
	case *vec.Fixed[int64]:
		f.i64 = c
	case *vec.Fixed[int32]:
		f.i32 = c
	case *vec.Fixed[float64]:
		f.f64 = c
	case *vec.Bytes:
		f.text = c
	case *vec.Numeric:
		f.num = c
	}
}

func (f *field) null() {
	switch {
	case f.text != nil:
		f.text.AppendNull()
	case f.i64 != nil:
		f.i64.AppendNull()
	case f.num != nil:
		f.num.AppendNull()
	default:
		vec.Append(f.col, types.NullOf(f.typ))
	}
}

// set appends the value whose text form is s.
func (f *field) set(s []byte, format *types.Format) error {
	switch f.typ.OID {
	case types.Text:
		f.text.Append(s)
		return nil
	case types.Int8:
		if n, ok := whole(s, 0, len(s)); ok {
			f.i64.Append(n)
			return nil
		}
		n, err := types.ParseInt64Bytes(s)
		if err == nil {
			f.i64.Append(n)
		}
		return err
	case types.Int4:
		n, err := types.ParseInt32Bytes(s)
		if err == nil {
			f.i32.Append(n)
		}
		return err
	case types.Float8:
		x, err := types.ParseFloat64Bytes(s)
		if err == nil {
			f.f64.Append(x)
		}
		return err
	case types.Numeric:
		if f.kind == kindNumeric && f.decimal(s) {
			return nil
		}
	case types.Timestamp, types.Timestamptz:
		if f.typ.Mod >= 0 {
			break
		}
		parse := types.ParseTimestampBytes
		if f.typ.OID == types.Timestamptz {
			parse = types.ParseTimestamptzBytes
		}
		n, err := parse(s, format)
		if err == nil {
			f.i64.Append(n)
		}
		return err
	case types.Date:
		n, err := types.ParseDateBytes(s, format)
		if err == nil {
			f.i32.Append(n)
		}
		return err
	}
	v, err := types.Parse(f.typ, string(s), format)
	if err == nil {
		vec.Append(f.col, v)
	}
	return err
}
