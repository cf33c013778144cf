package json

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// kind is how a field's values are read: a fast path of their own, or kindOther.
type kind uint8

const (
	kindOther kind = iota
	kindInt64
	kindInt32
	kindInt16
	kindFloat64
	kindFloat32
	kindBool
	kindText
	kindJSON
	kindJSONB
	kindNumeric
	kindTimestamp
	kindTimestamptz
	kindDate
	kindUUID
	kindForm // written in a form of its own: see form
)

// kindOf returns a type's kind with its modifier's scale and limit.
func kindOf(t types.Type) (k kind, scale int32, limit int64) {
	scale, limit = -1, math.MaxInt64
	switch t.OID {
	case types.Int8:
		k = kindInt64
	case types.Int4:
		k = kindInt32
	case types.Int2:
		k = kindInt16
	case types.Float8:
		k = kindFloat64
	case types.Float4:
		k = kindFloat32
	case types.Bool:
		k = kindBool
	case types.Text:
		k = kindText
	case types.Varchar:
		k = kindText
		if t.Mod >= 4 {
			limit = int64(t.Mod - 4)
		}
	case types.JSON:
		k = kindJSON
	case types.JSONB:
		k = kindJSONB
	case types.Numeric:
		k = kindNumeric
		if t.Mod >= 4 {
			prec := (t.Mod - 4) >> 16
			// The scale has 11 bits and a sign.
			scale = ((t.Mod-4)&0x7ff ^ 1024) - 1024
			if scale < 0 {
				return kindOther, -1, limit
			}
			if prec < int32(len(pow10)) {
				limit = pow10[prec]
			}
		}
	case types.Timestamp:
		k = kindTimestamp
	case types.Timestamptz:
		k = kindTimestamptz
	case types.Date:
		k = kindDate
	case types.UUID:
		k = kindUUID
	}
	if (k == kindTimestamp || k == kindTimestamptz) && t.Mod >= 0 && t.Mod < 6 {
		k = kindOther
	}
	return k, scale, limit
}

var pow10 = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// quick reads a value in its plain form into the field and returns the index
// after it. -1: it is in another form, and nothing has been written.
func (d *Decoder) quick(f *field, b []byte, i int) int {
	if i+8 > len(b) {
		return -1
	}
	switch f.kind {
	case kindText:
		if b[i] != '"' {
			return -1
		}
		end, seen := plain(b, i+1)
		if end < 0 || int64(end-i-1) > f.limit {
			return -1
		}
		d.high |= seen
		f.text.AppendSpan(b, i+1, end)
		return end + 1
	case kindInt64:
		v, next := integer(b, i)
		if next >= 0 {
			f.i64.Values = append(f.i64.Values, v)
		}
		return next
	case kindNumeric:
		return f.decimal(b, i)
	case kindTimestamp, kindTimestamptz:
		if b[i] == '"' {
			v, next := f.timestamp(b, i+1)
			if next >= 0 {
				f.i64.Values = append(f.i64.Values, v)
			}
			return next
		}
		v, next := integer(b, i)
		if next >= 0 {
			if v > maxMillis || v < -maxMillis {
				return -1
			}
			f.i64.Values = append(f.i64.Values, v*1000+types.UnixEpoch)
		}
		return next
	case kindBool:
		switch {
		case string(b[i:i+4]) == "true":
			f.bool.Values = append(f.bool.Values, true)
			return i + 4
		case string(b[i:i+5]) == "false":
			f.bool.Values = append(f.bool.Values, false)
			return i + 5
		}
	case kindFloat64:
		v, next := float(b, i)
		if next >= 0 {
			f.f64.Values = append(f.f64.Values, v)
		}
		return next
	case kindInt32:
		v, next := integer(b, i)
		if next >= 0 {
			if v != int64(int32(v)) {
				return -1
			}
			f.i32.Values = append(f.i32.Values, int32(v))
		}
		return next
	case kindInt16:
		v, next := integer(b, i)
		if next >= 0 {
			if v != int64(int16(v)) {
				return -1
			}
			f.i16.Values = append(f.i16.Values, int16(v))
		}
		return next
	case kindDate:
		if b[i] != '"' || i+12 > len(b) || b[i+11] != '"' {
			return -1
		}
		days, ok := f.day.read(b, i+1)
		if !ok {
			return -1
		}
		f.i32.Values = append(f.i32.Values, days)
		return i + 12
	case kindUUID:
		return f.readUUID(b, i)
	}
	return -1
}

// maxMillis keeps milliseconds since 1970 within a timestamp's range.
const maxMillis = 9224318015999999 / 1000

// number reads an optional sign and up to 18 digits, with one point among them,
// which do not go on with an exponent: coef times 10^-scale. next is -1 for
// anything else.
func number(b []byte, i int) (coef int64, scale int32, next int) {
	if i+18 > len(b) {
		return shortNumber(b, i)
	}
	neg := b[i] == '-'
	if neg {
		i++
	}
	u, n := digits(load(b, i))
	if n == 0 || n > 1 && b[i] == '0' {
		return 0, 0, -1
	}
	i += n
	if n == 8 {
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			u = u*10 + uint64(b[i]-'0')
			if n++; n > 18 {
				return 0, 0, -1
			}
		}
		if i+9 > len(b) {
			return 0, 0, -1
		}
	}
	c := b[i]
	if c == '.' {
		v, k := digits(load(b, i+1))
		if i += k + 1; k == 0 || k == 8 || n+k > 18 {
			return 0, 0, -1
		}
		u = u*uint64(pow10[k]) + v
		scale = int32(k)
		c = b[i]
	}
	if c|0x20 == 'e' {
		return 0, 0, -1
	}
	coef = int64(u)
	if neg {
		coef = -coef
	}
	return coef, scale, i
}

// shortNumber is number at the end of a record, where it has no eight bytes to
// load, digit by digit.
func shortNumber(b []byte, i int) (coef int64, scale int32, next int) {
	neg := b[i] == '-'
	if neg {
		i++
	}
	from, point := i, -1
	for ; i < len(b); i++ {
		if c := b[i] - '0'; c <= 9 {
			coef = coef*10 + int64(c)
		} else if b[i] == '.' && point < 0 && i > from {
			point = i
		} else {
			break
		}
	}
	whole := i - from
	if point >= 0 {
		whole = point - from
		if scale = int32(i - point - 1); scale == 0 {
			return 0, 0, -1
		}
	}
	if whole == 0 || whole > 1 && b[from] == '0' || i-from > 18 || i >= len(b) || b[i]|0x20 == 'e' {
		return 0, 0, -1
	}
	if neg {
		coef = -coef
	}
	return coef, scale, i
}

// integer reads a whole number of up to 18 digits.
func integer(b []byte, i int) (int64, int) {
	if i+20 <= len(b) && b[i] != '-' {
		u, n := digits(load(b, i))
		if n == 0 || n > 1 && b[i] == '0' {
			return 0, -1
		}
		i += n
		c := b[i]
		if n == 8 {
			for ; c-'0' <= 9; c = b[i] {
				u = u*10 + uint64(c-'0')
				i++
				if n++; n > 18 || i >= len(b) {
					return 0, -1
				}
			}
		}
		if c == '.' || c|0x20 == 'e' {
			return 0, -1
		}
		return int64(u), i
	}
	v, scale, next := number(b, i)
	if scale != 0 {
		return 0, -1
	}
	return v, next
}

// decimal reads a number exactly, in quotes or not, and rounds it to the column's
// scale, half away from zero as PostgreSQL does.
func (f *field) decimal(b []byte, i int) int {
	quoted := b[i] == '"'
	if quoted {
		i++
	}
	coef, scale, next := number(b, i)
	if next < 0 {
		return -1
	}
	if quoted {
		if b[next] != '"' {
			return -1
		}
		next++
	}
	if f.scale < 0 || scale == f.scale && coef < f.limit && -coef < f.limit {
		f.num.AppendInt64(coef, scale)
		return next
	}
	switch {
	case scale < f.scale:
		p := f.scale - scale
		if p >= int32(len(pow10)) {
			return -1
		}
		if m := math.MaxInt64 / pow10[p]; coef > m || coef < -m {
			return -1
		}
		coef *= pow10[p]
	case scale > f.scale:
		p := pow10[scale-f.scale]
		rest := coef % p
		coef /= p
		if rest >= p/2 {
			coef++
		} else if -rest >= p/2 {
			coef--
		}
	}
	if coef >= f.limit || -coef >= f.limit {
		return -1
	}
	f.num.AppendInt64(coef, f.scale)
	return next
}

var exactPow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// float reads a number whose digits and power of ten are both exact in a
// float64, so that one division rounds correctly (Clinger's fast path).
func float(b []byte, i int) (float64, int) {
	coef, scale, next := number(b, i)
	if next < 0 || coef > 1<<53 || coef < -1<<53 || coef == 0 && b[i] == '-' {
		return 0, -1
	}
	return float64(coef) / exactPow10[scale], next
}

// readUUID reads the canonical form, 36 characters.
func (f *field) readUUID(b []byte, i int) int {
	if i+38 > len(b) || b[i] != '"' || b[i+37] != '"' {
		return -1
	}
	s := b[i+1 : i+37]
	if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return -1
	}
	var u types.UUIDValue
	k := 0
	for n := range u {
		if k == 8 || k == 13 || k == 18 || k == 23 {
			k++
		}
		hi, lo := nibble(s[k]), nibble(s[k+1])
		if hi > 15 || lo > 15 {
			return -1
		}
		u[n] = hi<<4 | lo
		k += 2
	}
	f.uuid.Values = append(f.uuid.Values, u)
	return i + 38
}
