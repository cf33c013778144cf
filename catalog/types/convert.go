package types

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// maxRowDepth bounds rows and arrays within each other in a binary form: a client's may
// be as deep as its message is long.
const maxRowDepth = 5000

// textConverter converts the texts in binary forms.
type textConverter struct {
	convert func(dst, text []byte) ([]byte, error)
	depth   int // rows and arrays around what is converted
}

// AppendConverted appends b, the binary form of a value of type t, with the texts in
// it as convert appends them. A form that is cut short is appended as it is: reading it
// says what is wrong with it. Rows within rows without an end are 54001.
func AppendConverted(dst []byte, t OID, b []byte, convert func(dst, text []byte) ([]byte, error)) ([]byte, error) {
	c := textConverter{convert: convert}
	return c.value(dst, t, b)
}

func (c *textConverter) value(dst []byte, t OID, b []byte) ([]byte, error) {
	info := Lookup(t)
	switch {
	case info == nil:
	case info.Category == 'A' && info.Elem != 0:
		return c.array(dst, info.Elem, b)
	case t == Record || isRowType(t):
		return c.row(dst, b)
	case IsEnum(t):
		return c.convert(dst, b)
	}
	switch t {
	case Text, Varchar, BPChar, Name, JSON, JSONB, JSONPath, Unknown:
		return c.convert(dst, b) // the byte that is the version of the last two's form is ASCII
	}
	return append(dst, b...), nil
}

func (c *textConverter) array(dst []byte, elem OID, b []byte) ([]byte, error) {
	r := binaryReader{b: b}
	dims := r.int32()
	if dims < 0 || dims > maxDims {
		return append(dst, b...), nil
	}
	r.take(8 + 8*int(dims)) // flags, the element's type, lengths and bounds
	if r.short {
		return append(dst, b...), nil
	}
	dst = append(dst, b[:len(b)-len(r.b)]...)
	for err := error(nil); len(r.b) > 0; {
		if dst, err = c.item(dst, &r, elem); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (c *textConverter) row(dst, b []byte) ([]byte, error) {
	r := binaryReader{b: b}
	dst = append(dst, r.take(4)...)
	for err := error(nil); len(r.b) > 0; {
		typ := r.take(4)
		if r.short {
			return append(dst, r.b...), nil
		}
		dst = append(dst, typ...)
		if dst, err = c.item(dst, &r, OID(binary.BigEndian.Uint32(typ))); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// item appends the next item of r, its length before it.
func (c *textConverter) item(dst []byte, r *binaryReader, t OID) ([]byte, error) {
	rest := r.b
	size := r.int32()
	if size == -1 && !r.short {
		return append(dst, rest[:4]...), nil
	}
	item := r.take(int(size))
	if r.short {
		r.b = nil
		return append(dst, rest...), nil
	}
	if c.depth++; c.depth > maxRowDepth {
		return dst, sqlerr.Errorf(sqlerr.StatementTooComplex, "stack depth limit exceeded").
			WithHint("Put rows and arrays at most %d levels deep into each other.", maxRowDepth)
	}
	at := len(dst)
	dst, err := c.value(append(dst, 0, 0, 0, 0), t, item)
	c.depth--
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, err
}
