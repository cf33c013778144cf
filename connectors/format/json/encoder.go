package json

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Encoder writes rows as JSON objects, a key for each column in order, NULL as
// null. Numerics are exact JSON numbers (NaN and the infinities strings);
// timestamptz is RFC 3339 in UTC with microseconds, timestamp the same without
// a zone; json and jsonb are themselves; bytea is PostgreSQL's hex string, as
// to_json writes it; arrays are arrays; every other type is a string in its
// text form. An Encoder belongs to one goroutine.
type Encoder struct {
	cols []encodeField
	op   bool
}

type encodeField struct {
	key    []byte         // `,"name":`
	start  [keyWords]byte // of the key, and zeros
	append appender
	plain  encoding // of columns that need no more than their values

	// What Bind finds in a batch.
	encoding encoding
	col      vec.Vec
	one      bool        // a constant: each row is its first
	nulls    *vec.Bitmap // nil: there are none
	ints     []int64
	scale    int
	texts    *vec.Bytes
}

// encoding is how a column's values are written.
type encoding byte

const (
	byAppender encoding = iota
	ofInts
	ofScaled // numerics that are all integers of one scale
	ofTexts
)

// keyWords are the bytes of a key that are copied at once.
const keyWords = 32

// appender appends a value that is not NULL.
type appender func(dst []byte, v vec.Vec, row int) []byte

// EncodeOptions of an Encoder.
type EncodeOptions struct {
	// QuoteDecimals writes numerics as strings.
	QuoteDecimals bool
	// Op writes "_op" first: "+" for an insert, "-" for a delete.
	Op bool
	// Base64 writes bytea as base64, and not as PostgreSQL's hexadecimal.
	Base64 bool
	// Labels are what the values of enum types are called; nil: their numbers
	// stand for them.
	Labels func(types.OID) *types.Enum
}

// NewEncoder compiles an encoder for the columns.
func NewEncoder(columns []catalog.Column, o EncodeOptions) *Encoder {
	e := &Encoder{cols: make([]encodeField, len(columns)), op: o.Op}
	for i, c := range columns {
		e.cols[i] = encodeField{
			key:    append(types.AppendJSONBytes([]byte{','}, []byte(c.Name)), ':'),
			append: appenderFor(c.Type, o),
			plain:  plainEncoding(c.Type, o),
		}
		copy(e.cols[i].start[:], e.cols[i].key)
	}
	return e
}

// Append appends physical row i of the batch, which has the encoder's columns.
func (e *Encoder) Append(dst []byte, b *vec.Batch, row int) []byte {
	e.Bind(b)
	return e.Row(dst, b, row)
}

// Bind looks at the columns of a batch, once for all of its rows.
func (e *Encoder) Bind(b *vec.Batch) {
	for i := range e.cols {
		e.cols[i].bind(b.Cols[i])
	}
}

func (f *encodeField) bind(v vec.Vec) {
	c, one := v.(*vec.Const)
	if one {
		v = c.Of
	}
	f.col, f.one, f.encoding = v, one, byAppender
	if f.nulls = v.Nulls(); !f.nulls.Any() {
		f.nulls = nil
	}
	switch v := v.(type) {
	case *vec.Fixed[int64]:
		f.encoding, f.ints = f.plain, v.Values
	case *vec.Bytes:
		f.encoding, f.texts = f.plain, v
	case *vec.Numeric:
		if v.Narrow() {
			f.encoding, f.ints, f.scale = f.plain, v.Lo, int(v.Scale)
		}
	}
}

// Row appends physical row i of the batch that is bound.
func (e *Encoder) Row(dst []byte, b *vec.Batch, row int) []byte {
	at := len(dst)
	if e.op {
		op := `,"_op":"+"`
		if b.Op(row) == vec.Delete {
			op = `,"_op":"-"`
		}
		dst = append(dst, op...)
	}
	for i := range e.cols {
		f := &e.cols[i]
		if end := len(dst) + len(f.key); len(f.key) <= keyWords && end+keyWords <= cap(dst) {
			*(*[keyWords]byte)(dst[len(dst) : len(dst)+keyWords]) = f.start // the value goes over what is too much
			dst = dst[:end]
		} else {
			dst = append(dst, f.key...)
		}
		r := row
		if f.one {
			r = 0
		}
		if f.nulls != nil && f.nulls.Get(r) {
			dst = append(dst, "null"...)
			continue
		}
		switch f.encoding {
		case ofInts:
			dst = types.AppendInt(dst, f.ints[r])
		case ofScaled:
			dst = types.AppendScaled(dst, f.ints[r], f.scale)
		case ofTexts:
			dst = appendString(dst, f.texts, r)
		default:
			dst = f.append(dst, f.col, r)
		}
	}
	if len(dst) == at {
		return append(dst, "{}"...)
	}
	dst[at] = '{'
	return append(dst, '}')
}

// plainEncoding is that of types that are written the same wherever they stand.
func plainEncoding(t types.Type, o EncodeOptions) encoding {
	switch t.OID {
	case types.Int8:
		return ofInts
	case types.Numeric:
		if !o.QuoteDecimals {
			return ofScaled
		}
	case types.Text, types.Varchar, types.BPChar, types.Name:
		return ofTexts
	}
	return byAppender
}

func appenderFor(t types.Type, o EncodeOptions) appender {
	format := types.DefaultFormat()
	format.Enum = o.Labels
	text := vec.TextAppender(t, format)
	switch t.OID {
	case types.Int2, types.Int4, types.Int8, types.Oid:
		return text
	case types.Bool:
		return func(dst []byte, v vec.Vec, row int) []byte {
			return strconv.AppendBool(dst, v.(*vec.Fixed[bool]).Values[row])
		}
	case types.Float8:
		return func(dst []byte, v vec.Vec, row int) []byte {
			return finite(dst, text, v, row, v.(*vec.Fixed[float64]).Values[row])
		}
	case types.Float4:
		return func(dst []byte, v vec.Vec, row int) []byte {
			return finite(dst, text, v, row, float64(v.(*vec.Fixed[float32]).Values[row]))
		}
	case types.Numeric:
		return func(dst []byte, v vec.Vec, row int) []byte {
			n := v.(*vec.Numeric)
			if o.QuoteDecimals || n.Wide != nil && n.Wide[row] != nil && notFinite(n.Wide[row]) {
				return inQuotes(dst, text, v, row)
			}
			return text(dst, v, row)
		}
	case types.Text, types.Varchar, types.BPChar, types.Name:
		return func(dst []byte, v vec.Vec, row int) []byte { return appendString(dst, v.(*vec.Bytes), row) }
	case types.Bytea:
		if o.Base64 {
			return func(dst []byte, v vec.Vec, row int) []byte {
				return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v.(*vec.Bytes).At(row)), '"')
			}
		}
	case types.JSONB:
		return func(dst []byte, v vec.Vec, row int) []byte { return append(dst, v.(*vec.Bytes).At(row)...) }
	case types.JSON:
		return func(dst []byte, v vec.Vec, row int) []byte { return oneLine(dst, v.(*vec.Bytes).At(row)) }
	case types.Timestamptz:
		return instants(text, "Z")
	case types.Timestamp:
		return instants(text, "")
	}
	if info := types.Lookup(t.OID); info.Phys == types.PhysList {
		elem := types.Of(info.Elem)
		elem.Mod = t.Mod
		return list(appenderFor(elem, o))
	}
	return func(dst []byte, v vec.Vec, row int) []byte {
		at := len(dst)
		dst = inQuotes(dst, text, v, row)
		for _, c := range dst[at+1 : len(dst)-1] {
			if c < 0x20 || c == '"' || c == '\\' {
				raw := append([]byte(nil), dst[at+1:len(dst)-1]...)
				return types.AppendJSONBytes(dst[:at], raw)
			}
		}
		return dst
	}
}

func inQuotes(dst []byte, text appender, v vec.Vec, row int) []byte {
	return append(text(append(dst, '"'), v, row), '"')
}

func notFinite(d *types.Decimal) bool { return d.Wide != nil && d.Wide.Form != 0 }

func finite(dst []byte, text appender, v vec.Vec, row int, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return inQuotes(dst, text, v, row)
	}
	return text(dst, v, row)
}

// instants writes 2006-01-02T15:04:05.000000 and the zone; what lies outside the
// years 1 to 9999 in PostgreSQL's text form.
func instants(text appender, zone string) appender {
	const first, last = -63082281600000000, 252455615999999999 // 0001-01-01, 9999-12-31 23:59:59.999999
	var iso types.ISOInstants
	end := zone + `"`
	return func(dst []byte, v vec.Vec, row int) []byte {
		t := v.(*vec.Fixed[int64]).Values[row]
		if t < first || t > last {
			return inQuotes(dst, text, v, row)
		}
		return append(iso.Append(append(dst, '"'), t), end...)
	}
}

// appendString writes a text. One of sixteen bytes or less that needs no escape goes as
// two words, of which the rest is written over later.
func appendString(dst []byte, v *vec.Bytes, row int) []byte {
	const most = 16
	from, at := int(v.Offsets[row]), len(dst)
	n := int(v.Offsets[row+1]) - from
	if n > most || from+most > len(v.Data) || at+most+2 > cap(dst) {
		return types.AppendJSONBytes(dst, v.At(row))
	}
	a, b := binary.LittleEndian.Uint64(v.Data[from:]), binary.LittleEndian.Uint64(v.Data[from+8:])
	// The first byte that is special counts; those behind the text do not.
	if special := bits.TrailingZeros64(types.JSONSpecial(a)) >> 3; special < 8 && special < n {
		return types.AppendJSONBytes(dst, v.At(row))
	} else if special == 8 && n > 8 && 8+bits.TrailingZeros64(types.JSONSpecial(b))>>3 < n {
		return types.AppendJSONBytes(dst, v.At(row))
	}
	word := dst[at : at+most+2]
	word[0] = '"'
	binary.LittleEndian.PutUint64(word[1:], a)
	binary.LittleEndian.PutUint64(word[9:], b)
	word[n+1] = '"'
	return dst[:at+n+2]
}

// list writes an array, an array in it for each dimension.
func list(elem appender) appender {
	return func(dst []byte, v vec.Vec, row int) []byte {
		l := v.(*vec.List)
		from, to := l.At(row)
		dims := []types.Dim{{Len: int32(to - from)}}
		if l.Dims != nil && l.Dims[row] != nil {
			dims = l.Dims[row]
		}
		dst, _ = nest(dst, elem, l.Elem, from, dims)
		return dst
	}
}

func nest(dst []byte, elem appender, v vec.Vec, at int, dims []types.Dim) ([]byte, int) {
	dst = append(dst, '[')
	if len(dims) > 0 {
		for i := range dims[0].Len {
			if i > 0 {
				dst = append(dst, ',')
			}
			switch {
			case len(dims) > 1:
				dst, at = nest(dst, elem, v, at, dims[1:])
			case v.Nulls().Get(at):
				dst = append(dst, "null"...)
				at++
			default:
				dst = elem(dst, v, at)
				at++
			}
		}
	}
	return append(dst, ']'), at
}

// oneLine appends JSON text with its line breaks as spaces: between tokens they
// mean the same, and inside a string there are none.
func oneLine(dst, s []byte) []byte {
	at := len(dst)
	dst = append(dst, s...)
	for i := at; i < len(dst); i++ {
		if dst[i] == '\n' || dst[i] == '\r' {
			dst[i] = ' '
		}
	}
	return dst
}
