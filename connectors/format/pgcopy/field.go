package pgcopy

import (
	"strconv"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// field is one column to fill.
type field struct {
	name string
	typ  types.Type
	col  vec.Vec
	room int // of a varchar(n): its n, else 0
}

func newField(c catalog.Column) field {
	f := field{name: c.Name, typ: c.Type, col: vec.New(c.Type)}
	if c.Type.OID == types.Varchar && c.Type.Mod >= 4 {
		f.room = int(c.Type.Mod) - 4
	}
	return f
}

func (f *field) null() { vec.AppendNull(f.col) }

// set appends the value whose text form is s, of which it keeps nothing.
func (f *field) set(s []byte, format *types.Format) error {
	switch f.typ.OID {
	case types.Text:
		f.col.(*vec.Bytes).Append(s)
		return nil
	case types.Varchar:
		if f.typ.Mod < 0 || len(s) <= f.room || utf8.RuneCount(s) <= f.room {
			f.col.(*vec.Bytes).Append(s)
			return nil
		}
	case types.Int4:
		if n, ok := whole(s); ok && n == int64(int32(n)) {
			f.col.(*vec.Fixed[int32]).Append(int32(n))
			return nil
		}
		n, err := types.ParseInt32Bytes(s)
		if err == nil {
			f.col.(*vec.Fixed[int32]).Append(n)
		}
		return err
	case types.Int8:
		if n, ok := whole(s); ok {
			f.col.(*vec.Fixed[int64]).Append(n)
			return nil
		}
		n, err := types.ParseInt64Bytes(s)
		if err == nil {
			f.col.(*vec.Fixed[int64]).Append(n)
		}
		return err
	case types.Float8:
		x, err := types.ParseFloat64Bytes(s)
		if err == nil {
			f.col.(*vec.Fixed[float64]).Append(x)
		}
		return err
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
			f.col.(*vec.Fixed[int64]).Append(n)
		}
		return err
	case types.Date:
		n, err := types.ParseDateBytes(s, format)
		if err == nil {
			f.col.(*vec.Fixed[int32]).Append(n)
		}
		return err
	}
	v, err := types.Parse(f.typ, string(s), format)
	if err == nil {
		vec.Append(f.col, v)
	}
	return err
}

// whole reads a whole number of up to 18 digits.
func whole(s []byte) (n int64, ok bool) {
	d := s
	if len(d) > 0 && d[0] == '-' {
		d = d[1:]
	}
	if len(d) == 0 || len(d) > 18 {
		return 0, false
	}
	for _, c := range d {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	if len(d) < len(s) {
		n = -n
	}
	return n, true
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
