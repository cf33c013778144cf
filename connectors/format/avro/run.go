package avro

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// run decodes the values from b[i] on and returns the index after them, -1 with
// d.err where they are not what the steps say.
func (d *Decoder) run(steps []step, b []byte, i int) int {
	for k := range steps {
		s := &steps[k]
		if s.nullable {
			var branch uint64
			if uint(i) < uint(len(b)) && b[i] < 0x80 {
				branch = uint64(b[i])
				i++
			} else if branch, i = wire.UvarintLong(b, i); i < 0 {
				return d.short(s, b, i)
			}
			if branch > 2 || branch&1 != 0 {
				return d.short(s, b, i)
			}
			if byte(branch>>1) == s.nullAt {
				s.null()
				continue
			}
		}
		// Most values are a number, or begin with one, that of their bytes.
		var u uint64
		if s.counted {
			if uint(i) < uint(len(b)) && b[i] < 0x80 {
				u = uint64(b[i])
				i++
			} else if u, i = wire.UvarintLong(b, i); i < 0 {
				return d.short(s, b, i)
			}
		}
		switch s.op {
		case opInt64:
			s.i64.Values = append(s.i64.Values, wire.Signed(u))
		case opMicros:
			v := wire.Signed(u)
			if s.instant && v > math.MinInt64/2 && v < math.MaxInt64/2 && v+types.UnixEpoch >= firstInstant {
				s.i64.Values = append(s.i64.Values, v+types.UnixEpoch) // that is before the last one
				continue
			}
			t, ok := s.micros(v)
			if !ok {
				if i = d.bad(s, i, outOfRange(v, s)); i < 0 {
					return -1
				}
				continue
			}
			s.i64.Values = append(s.i64.Values, t)
		case opText:
			if u&1 != 0 || u>>1 > uint64(len(b)-i) {
				return d.short(s, b, i)
			}
			from, to := i, i+int(u>>1)
			if i = to; int64(to-from) > s.limit || !wire.AppendPlain(s.text, b, from, to) {
				if i = d.text(s, b[from:to], i); i < 0 {
					return -1
				}
			}
		case opInt32:
			v := wire.Signed(u)
			if v < s.lo || v > s.hi {
				if i = d.bad(s, i, outOfRange(v, s)); i < 0 {
					return -1
				}
				continue
			}
			s.i32.Values = append(s.i32.Values, int32(v+s.add))
		case opFloat64:
			if i+8 > len(b) {
				return d.short(s, b, i)
			}
			s.f64.Values = append(s.f64.Values, math.Float64frombits(binary.LittleEndian.Uint64(b[i:])))
			i += 8
		case opDecimal:
			n := s.size
			if s.counted {
				if n = int(u >> 1); u&1 != 0 || u>>1 > uint64(len(b)) {
					return d.short(s, b, i)
				}
			}
			if n > len(b)-i {
				return d.short(s, b, i)
			}
			from := i
			i += n
			if s.fits && n <= 8 {
				if v := signedAt(b, from, n); v < s.limit && -v < s.limit {
					s.num.AppendInt64(v, s.scale)
					continue
				}
			}
			if err := s.wide(b[from:i]); err != nil {
				if i = d.bad(s, i, err); i < 0 {
					return -1
				}
			}
		case opSymbol:
			v := wire.Signed(u)
			if v < 0 || v >= int64(len(s.node.symbols)) {
				return d.corrupt(s, "the enum %q has %d symbols, and this is number %d", s.node.name, len(s.node.symbols), v)
			}
			symbol := s.node.symbols[v]
			if symbol == "" {
				if i = d.bad(s, i, noSymbol(s.node, v)); i < 0 {
					return -1
				}
				continue
			}
			s.text.AppendString(symbol)
		case opBool:
			if i >= len(b) || b[i] > 1 {
				return d.short(s, b, i)
			}
			s.bool.Values = append(s.bool.Values, b[i] == 1)
			i++
		case opSkip:
			if i = d.skip(s.node, b, i, 0); i < 0 {
				return d.short(s, b, i)
			}
		default:
			if i = d.rare(s, b, i); i < 0 {
				return -1
			}
		}
	}
	return i
}

// rare are the steps that are not in the way of most records.
func (d *Decoder) rare(s *step, b []byte, i int) int {
	var v int64
	switch s.op {
	case opNull:
		s.null()
	case opInt16:
		if v, i = wire.Varint(b, i); i < 0 {
			return d.short(s, b, i)
		}
		if v < s.lo || v > s.hi {
			return d.bad(s, i, outOfRange(v, s))
		}
		s.i16.Append(int16(v))
	case opWhole:
		if v, i = wire.Varint(b, i); i < 0 {
			return d.short(s, b, i)
		}
		s.num.AppendInt64(v, 0)
	case opFloat32, opWiden:
		if i+4 > len(b) {
			return d.short(s, b, i)
		}
		f := math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
		if s.op == opWiden {
			s.f64.Append(float64(f))
		} else {
			s.f32.Append(f)
		}
		i += 4
	case opBytes:
		from, to := span(b, i)
		if to < 0 {
			return d.short(s, b, i)
		}
		s.text.Append(b[from:to])
		i = to
	case opFixed:
		if i+s.size > len(b) {
			return d.short(s, b, i)
		}
		s.text.Append(b[i : i+s.size])
		i += s.size
	case opUUID:
		if i+16 > len(b) {
			return d.short(s, b, i)
		}
		s.uuid.Append(types.UUIDValue(b[i : i+16]))
		i += 16
	case opJSON:
		return d.json(s, b, i)
	case opConvert:
		return d.convert(s, b, i)
	case opUnion:
		if v, i = wire.Varint(b, i); i < 0 || v < 0 || v >= int64(len(s.arms)) {
			return d.short(s, b, i)
		}
		return d.run(s.arms[v], b, i)
	case opArray:
		return d.array(s, b, i)
	case opAgain:
		empties := d.empties
		if d.run(s.subs, b, i) < 0 {
			return -1
		}
		d.empties = empties
	case opDefault:
		if d.run(s.subs, s.def, 0) < 0 {
			return -1
		}
	case opFail:
		d.err = sqlerr.Errorf(sqlerr.DatatypeMismatch, "a value of a type that the stream's schema does not have: %w", s.node.failure)
		return -1
	}
	return i
}

func (s *step) null() {
	switch {
	case s.i64 != nil:
		s.i64.AppendNull()
	case s.text != nil:
		s.text.AppendNull()
	case s.num != nil:
		s.num.AppendNull()
	default:
		vec.AppendNull(s.col)
	}
}

// short is the end of a record that breaks off, or says that more follows than does.
func (d *Decoder) short(s *step, b []byte, _ int) int {
	if e, ok := d.err.(*sqlerr.Error); ok && e.Column == "" { //nolint:errorlint // it is made here, and not wrapped
		e.Column = s.name
	}
	if d.err == nil {
		d.err = corrupt(s.name, "the record of %d bytes ends before its value, or the value's length is wrong", len(b))
	}
	return -1
}

func (d *Decoder) corrupt(s *step, format string, args ...any) int {
	if d.err == nil {
		d.err = corrupt(s.name, format, args...)
	}
	return -1
}

func corrupt(column, format string, args ...any) error {
	e := malformed(format, args...)
	e.Column = column
	return e
}

// bad is a value that does not convert, of which the bytes up to i are read: it is
// the record's error, or NULL.
func (d *Decoder) bad(s *step, i int, err error) int {
	if d.options.NullBad && !s.elem {
		vec.Truncate(s.col, d.row)
		s.null()
		return i
	}
	e := *sqlerr.From(err)
	if e.Code == sqlerr.InternalError {
		e.Code = sqlerr.InvalidTextRepresentation
	}
	if len(e.Message) > 256 {
		e.Message = e.Message[:256] + "..."
	}
	e.Column, e.DataType = s.name, types.FormatType(s.typ)
	d.err = &e
	return -1
}

func outOfRange(v int64, s *step) error {
	code := sqlerr.NumericValueOutOfRange
	if s.op == opMicros || s.node != nil && s.node.logical == logicalDate {
		code = sqlerr.DatetimeFieldOverflow
	}
	return sqlerr.Errorf(code, "value %d is out of range for type %s", v, types.FormatType(s.typ))
}

func noSymbol(n *node, v int64) error {
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "symbol %d of the enum %q is not one of the reader's, and it has no default", v, n.name)
}

// The instants that a timestamp may be, in microseconds since 2000-01-01.
const (
	firstInstant = -211813488000000000
	lastInstant  = 9223371331200000000 - 1
)

// micros makes PostgreSQL's microseconds of a count of units, rounded to the
// nearest where units are shorter.
func (s *step) micros(v int64) (int64, bool) {
	switch {
	case s.div > 1:
		q, r := v/s.div, v%s.div
		switch {
		case r >= s.div/2:
			q++
		case -r > s.div/2:
			q--
		}
		v = q
	case s.mul > 1:
		if v > math.MaxInt64/s.mul || v < math.MinInt64/s.mul {
			return 0, false
		}
		v *= s.mul
	}
	if s.add == 0 {
		return v, v >= s.lo && v <= s.hi
	}
	if v < math.MinInt64-s.add {
		return 0, false
	}
	v += s.add
	return v, v >= firstInstant && v <= lastInstant
}

// signedAt is signed(b[from:from+n]), of up to eight bytes, and quick where b goes on.
func signedAt(b []byte, from, n int) int64 {
	if n == 0 || from+8 > len(b) {
		return signed(b[from : from+n])
	}
	return int64(binary.BigEndian.Uint64(b[from:])) >> (8 * uint(8-n))
}

// signed is a big-endian number in two's complement of at most eight bytes.
func signed(b []byte) int64 {
	if len(b) == 8 {
		return int64(binary.BigEndian.Uint64(b))
	}
	var v int64
	if len(b) > 0 {
		v = int64(int8(b[0]))
		for _, c := range b[1:] {
			v = v<<8 | int64(c)
		}
	}
	return v
}

// decimalOf is such a number of any length as a decimal.
func decimalOf(b []byte, scale int32) (types.Decimal, error) {
	switch n := len(b); {
	case n <= 8:
		return types.NewDecimal(signed(b), scale), nil
	case n <= 16:
		return types.NewDecimal128(signed(b[:n-8]), binary.BigEndian.Uint64(b[n-8:]), scale), nil
	case n > 60000:
		return types.Decimal{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value overflows numeric format")
	}
	x := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return types.DecimalFromBig(x, scale)
}

// wide appends a decimal of any size, rounded to the column's scale.
func (s *step) wide(b []byte) error {
	dec, err := decimalOf(b, s.scale)
	if err != nil {
		return err
	}
	if s.typ.Mod < 0 {
		s.num.Append(dec)
		return nil
	}
	v, err := types.Coerce(types.NewNumeric(dec), s.typ, false)
	if err == nil {
		s.num.Append(v.N)
	}
	return err
}

// text takes a string that is too long for its column, or not plain.
func (d *Decoder) text(s *step, value []byte, i int) int {
	if !wire.PlainText(value) {
		return d.bad(s, i, notText(value))
	}
	v, err := types.Parse(s.typ, string(value), d.format)
	if err != nil {
		return d.bad(s, i, err)
	}
	s.text.AppendString(v.S)
	return i
}

func notText(b []byte) error {
	return &sqlerr.Error{
		Code: sqlerr.CharacterNotInRepertoire, Message: `invalid byte sequence for encoding "UTF8"`,
		Detail: fmt.Sprintf("The value begins with the bytes %s.", head(b)),
	}
}

// maxEmpty is how many elements without bytes the arrays of a record may have, and
// how many records without bytes may lie in one.
const maxEmpty = 1 << 16

// empty counts n values without bytes, which nothing but their number bounds.
func (d *Decoder) empty(n int64) bool {
	if n <= maxEmpty-d.empties {
		d.empties += n
		return true
	}
	if d.err == nil {
		d.err = malformed("it has more than %d values that take no bytes", maxEmpty)
	}
	return false
}

// block reads how many items follow in an array or a map, 0 after the last. Each
// takes least bytes, so a count that is not true is found before its items.
func (d *Decoder) block(b []byte, i, least int) (n int64, next int) {
	if n, i = wire.Varint(b, i); i < 0 {
		return 0, -1
	}
	if n < 0 {
		var size int64
		if size, i = wire.Varint(b, i); i < 0 || size < 0 || size > int64(len(b)-i) || n == math.MinInt64 {
			return 0, -1
		}
		n = -n
	}
	if least > 0 {
		if n > int64((len(b)-i)/least) {
			return 0, -1
		}
	} else if !d.empty(n) {
		return 0, -1
	}
	return n, i
}

func (d *Decoder) array(s *step, b []byte, i int) int {
	for {
		var n int64
		if n, i = d.block(b, i, s.node.items.least); i < 0 {
			vec.Truncate(s.list.Elem, ended(s.list))
			return d.short(s, b, i)
		}
		if n == 0 {
			s.list.EndRow()
			return i
		}
		for range n {
			if i = d.run(s.subs, b, i); i < 0 {
				// Elements without a row of theirs would be the next row's.
				vec.Truncate(s.list.Elem, ended(s.list))
				return -1
			}
		}
	}
}

// ended is how many elements the column's rows have.
func ended(l *vec.List) int {
	if len(l.Offsets) == 0 {
		return 0
	}
	return int(l.Offsets[len(l.Offsets)-1])
}
