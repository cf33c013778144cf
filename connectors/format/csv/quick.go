package csv

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// same marks the bytes of w that are c, of which pattern is eight: with their
// highest bit.
func same(w, pattern uint64) uint64 {
	x := w ^ pattern
	return ^((x&^highBits + ^uint64(highBits)) | x) & highBits
}

// Lines decodes records from the beginning of b as long as they are plain: no
// quote, nothing but ASCII without NUL, no empty line, none longer than longest, and every
// field good. It returns how many rows it appended, at most limit, and how many
// bytes they took. What follows is for Decode, unless b does not hold the end of
// it.
func (d *Decoder) Lines(b []byte, limit, longest int) (rows, taken int) {
	delimiter, quote := uint64(d.o.Delimiter)*lowBits, uint64(d.o.Quote)*lowBits
	const newline = '\n' * lowBits
	field, start := 0, 0 // of the record that is read
	for at := 0; rows < limit && at+8 <= len(b); at += 8 {
		w := binary.LittleEndian.Uint64(b[at:])
		// A byte that is NUL or not ASCII has its highest bit in w-lowBits or w; a
		// borrow goes upwards from a NUL, and none is looked at behind it.
		marks := same(w, delimiter) | same(w, newline) | same(w, quote) | (w|(w-lowBits))&highBits
		for ; marks != 0; marks &= marks - 1 {
			i := at + bits.TrailingZeros64(marks)>>3
			switch c := b[i]; c {
			case d.o.Delimiter:
				if field >= d.width-1 || !d.quick(field, b[start:i]) {
					d.undo()
					return rows, taken
				}
				field++
			case '\n':
				end := i
				if end > start && b[end-1] == '\r' {
					end--
				}
				if field != d.width-1 || end == taken || i-taken > longest || !d.quick(field, b[start:end]) {
					d.undo()
					return rows, taken
				}
				field, taken = 0, i+1
				d.row++
				if rows++; rows == limit {
					return rows, taken
				}
			default:
				d.undo()
				return rows, taken
			}
			start = i + 1
		}
	}
	d.undo()
	return rows, taken
}

// quick appends a plain field to the column that reads it. false: it is not good,
// or not simple; the columns may then hold a part of the record.
func (d *Decoder) quick(i int, s []byte) bool {
	f := d.at[i]
	if f == nil {
		return true
	}
	if string(s) == d.o.Null {
		f.null()
		return true
	}
	switch f.kind {
	case kindText:
		f.text.Data = append(f.text.Data, s...)
		f.text.EndRow()
		return true
	case kindVarchar, kindChar:
		// Bytes are characters here: all are ASCII.
		if len(s) > f.length {
			return false
		}
		f.text.Data = append(f.text.Data, s...)
		if f.kind == kindChar {
			for range f.length - len(s) {
				f.text.Data = append(f.text.Data, ' ')
			}
		}
		f.text.EndRow()
		return true
	case kindInt8:
		n, ok := whole(s)
		if ok {
			f.i64.Values = append(f.i64.Values, n)
		}
		return ok
	case kindInt4:
		n, ok := whole(s)
		if ok = ok && n == int64(int32(n)); ok {
			f.i32.Values = append(f.i32.Values, int32(n))
		}
		return ok
	case kindNumeric:
		return f.decimal(s)
	case kindTimestamp:
		n, ok := isoTimestamp(s)
		if ok {
			f.i64.Values = append(f.i64.Values, n)
		}
		return ok
	case kindTimestamptz:
		n, ok := isoTimestamptz(s)
		if ok {
			f.i64.Values = append(f.i64.Values, n)
		}
		return ok
	case kindDate:
		if len(s) != 10 {
			return false
		}
		n, ok := isoDate(s)
		if ok {
			f.i32.Values = append(f.i32.Values, n)
		}
		return ok
	}
	return f.set(s, d.format) == nil
}

// whole reads an integer of up to 18 digits.
func whole(s []byte) (n int64, ok bool) {
	digits := s
	if len(s) > 0 && s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	if len(digits) != len(s) {
		n = -n
	}
	return n, true
}

// decimal appends a plain number that fits the column's precision as it is.
func (f *field) decimal(s []byte) bool {
	coef, scale, ok := decimal(s)
	if !ok || scale > f.scale && f.limit > 0 {
		return false
	}
	if f.limit > 0 {
		up := pow10[f.scale-scale]
		if most := f.limit / up; coef >= most || coef <= -most {
			return false
		}
		coef, scale = coef*up, f.scale
	}
	f.num.AppendInt64(coef, scale)
	return true
}

// pow10 are the powers of ten that 64 bits hold.
var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

const microsPerDay = 24 * 60 * 60 * 1000000

// isoDate reads YYYY-MM-DD, which s begins with: days since 2000-01-01.
func isoDate(s []byte) (int32, bool) {
	head := binary.LittleEndian.Uint64(s)
	const dashes = 0xff<<32 | 0xff<<56
	if head&dashes != '-'<<32|'-'<<56 {
		return 0, false
	}
	t := head&^dashes ^ 0x0030300030303030
	day := binary.LittleEndian.Uint16(s[8:]) ^ 0x3030
	if (t+0x76*lowBits|t)&highBits != 0 || (uint64(day)+0x7676|uint64(day))&0x8080 != 0 {
		return 0, false
	}
	y := t&0xf*1000 + t>>8&0xf*100 + t>>16&0xf*10 + t>>24&0xf
	m := t>>40&0xf*10 + t>>48&0xf
	return types.CivilDays(int(y), int(m), int(day&0xf*10+day>>8))
}

// isoTimestamp reads YYYY-MM-DD hh:mm:ss, and a fraction of up to six digits:
// microseconds since 2000-01-01.
func isoTimestamp(s []byte) (int64, bool) {
	if len(s) < 19 || len(s) > 26 || s[10] != ' ' && s[10] != 'T' {
		return 0, false
	}
	day, ok := isoDate(s)
	if !ok {
		return 0, false
	}
	const colons = 0x0000ff0000ff0000
	w := binary.LittleEndian.Uint64(s[11:])
	t := w&^uint64(colons) ^ 0x3030003030003030
	if w&colons != 0x00003a00003a0000 || (t+0x76*lowBits|t)&highBits != 0 {
		return 0, false
	}
	h, m, sec := t&0xf*10+t>>8&0xf, t>>24&0xf*10+t>>32&0xf, t>>48&0xf*10+t>>56
	if h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	micros := int64(day)*microsPerDay + int64(h*3600+m*60+sec)*1000000
	if len(s) == 19 {
		return micros, true
	}
	fraction, ok := whole(s[20:])
	if !ok || s[19] != '.' || s[20] == '-' {
		return 0, false
	}
	return micros + fraction*pow10[26-len(s)], true
}

// isoTimestamptz reads a timestamp that says it is in UTC.
func isoTimestamptz(s []byte) (int64, bool) {
	switch n := len(s); {
	case n >= 20 && s[n-1] == 'Z':
		return isoTimestamp(s[:n-1])
	case n >= 22 && string(s[n-3:]) == "+00":
		return isoTimestamp(s[:n-3])
	}
	return 0, false
}

// kind is how a field is read at its quickest.
type kind uint8

const (
	kindOther kind = iota
	kindText
	kindVarchar
	kindChar
	kindInt8
	kindInt4
	kindNumeric
	kindTimestamp
	kindTimestamptz
	kindDate
)

// kindOf chooses by a type and its modifier.
func (f *field) kindOf() kind {
	plain := f.typ.Mod < 0
	switch {
	case f.typ.OID == types.Text:
		return kindText
	case plain && (f.typ.OID == types.Varchar || f.typ.OID == types.BPChar):
		f.length = math.MaxInt
		return kindVarchar
	case f.typ.OID == types.Varchar:
		f.length = int(f.typ.Mod - 4)
		return kindVarchar
	case f.typ.OID == types.BPChar:
		f.length = int(f.typ.Mod - 4)
		return kindChar
	case f.typ.OID == types.Int8:
		return kindInt8
	case f.typ.OID == types.Int4:
		return kindInt4
	case f.typ.OID == types.Date:
		return kindDate
	case f.typ.OID == types.Timestamp && plain:
		return kindTimestamp
	case f.typ.OID == types.Timestamptz && plain:
		return kindTimestamptz
	case f.typ.OID == types.Numeric && plain:
		return kindNumeric
	case f.typ.OID == types.Numeric:
		// numeric(p,s), p digits of which s stand after the point.
		precision, scale := (f.typ.Mod-4)>>16, ((f.typ.Mod-4)&0x7ff^1024)-1024
		if precision <= 18 && scale >= 0 && scale <= precision {
			f.scale, f.limit = scale, pow10[precision]
			return kindNumeric
		}
	}
	return kindOther
}
