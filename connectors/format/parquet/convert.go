package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// convert appends the values [from, to) of a leaf's scratch to a column. It stops at one
// that does not convert and returns its number; else to.
type convert func(dst vec.Vec, from, to int) (int, error)

const (
	epochDays = 10957 // from 1970-01-01, as the format counts, to 2000-01-01
	firstDay  = -2451545 + epochDays + 1
	lastDay   = 2145031948 + epochDays
	dayMicros = 86400000000
	// The instants that a timestamp may be, in microseconds since 2000-01-01.
	firstInstant = -211813488000000000
	lastInstant  = 9223371331200000000 - 1
	julian2000   = 2451545 // the day 2000-01-01 as INT96 counts days
)

// compile returns how a leaf's values become a type's. monotone: their order is kept, so
// that statistics may be converted, too.
func (l *leaf) compile(t types.Type, format *types.Format) (c convert, monotone bool, err error) {
	n, s := l.node, &l.scratch
	if n.logical == logicalDecimal && !n.decimal() {
		return nil, false, wrongDecimal(n)
	}
	whole := n.logical == logicalNone || n.logical == logicalInteger
	unsigned := n.logical == logicalInteger && !n.signed
	text := n.logical == logicalString || n.logical == logicalEnum || n.logical == logicalJSON
	switch {
	case t.OID == types.Bool && n.phys == physBool:
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Fixed[bool])
			d.Values = append(d.Values, s.bools[from:to]...)
			return to, nil
		}, true, nil
	case whole && t.OID == types.Int4 && n.phys == physInt32 && !(unsigned && n.bits == 32):
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Fixed[int32])
			d.Values = append(d.Values, s.i32[from:to]...)
			return to, nil
		}, true, nil
	case whole && t.OID == types.Int8 && n.phys == physInt64 && !unsigned:
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Fixed[int64])
			d.Values = append(d.Values, s.i64[from:to]...)
			return to, nil
		}, true, nil
	case whole && (t.OID == types.Int2 || t.OID == types.Int4 || t.OID == types.Int8) && (n.phys == physInt32 || n.phys == physInt64):
		return l.integers(t, unsigned), true, nil
	case t.OID == types.Float4 && n.phys == physFloat:
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Fixed[float32])
			d.Values = append(d.Values, s.f32[from:to]...)
			return to, nil
		}, true, nil
	case t.OID == types.Float8 && n.phys == physDouble:
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Fixed[float64])
			d.Values = append(d.Values, s.f64[from:to]...)
			return to, nil
		}, true, nil
	case t.OID == types.Float8 && n.phys == physFloat:
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Fixed[float64])
			for _, x := range s.f32[from:to] {
				d.Values = append(d.Values, float64(x))
			}
			return to, nil
		}, true, nil
	case t.OID == types.Numeric && n.logical == logicalDecimal:
		return l.decimals(t), true, nil
	case t.OID == types.Date && n.logical == logicalDate && n.phys == physInt32:
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Fixed[int32])
			for i, x := range s.i32[from:to] {
				if x < firstDay || x > lastDay {
					return from + i, outOfRange(int64(x), t)
				}
				d.Values = append(d.Values, x-epochDays)
			}
			return to, nil
		}, true, nil
	case t.OID == types.Time && n.logical == logicalTime && t.Mod < 0 && (n.phys == physInt32 || n.phys == physInt64),
		(t.OID == types.Timestamptz && n.utc || t.OID == types.Timestamp && !n.utc) && n.logical == logicalTimestamp && t.Mod < 0 && n.phys == physInt64:
		if n.nanos == 0 {
			return nil, false, corrupt("column %q has a time without a unit", n.path)
		}
		return l.times(t), true, nil
	case (t.OID == types.Timestamp || t.OID == types.Timestamptz) && n.phys == physInt96 && t.Mod < 0:
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Fixed[int64])
			for i, b := range s.bytes[from:to] {
				x, ok := julian(b)
				if !ok {
					return from + i, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range")
				}
				d.Values = append(d.Values, x)
			}
			return to, nil
		}, false, nil
	case t.OID == types.UUID && n.phys == physFixed && n.length == 16 && (n.logical == logicalUUID || n.logical == logicalNone):
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Fixed[types.UUIDValue])
			for _, b := range s.bytes[from:to] {
				d.Values = append(d.Values, types.UUIDValue(b))
			}
			return to, nil
		}, true, nil
	case t.OID == types.Bytea && (n.phys == physBytes || n.phys == physFixed) && n.logical != logicalDecimal:
		return func(dst vec.Vec, from, to int) (int, error) {
			d := dst.(*vec.Bytes)
			for _, b := range s.bytes[from:to] {
				d.Append(b)
			}
			return to, nil
		}, true, nil
	case (t.OID == types.Text || t.OID == types.Varchar && t.Mod < 4) && n.phys == physBytes && (text || n.logical == logicalNone):
		return l.texts, true, nil
	case t.OID == types.Bytea:
		return nil, false, mismatch(n, t)
	}
	return l.parsed(t, format), false, nil
}

func wrongDecimal(n *node) error {
	return corrupt("column %q is a decimal(%d, %d) of type %s", n.path, n.prec, n.scale, physNames[n.phys])
}

func mismatch(n *node, t types.Type) error {
	e := sqlerr.Errorf(sqlerr.DatatypeMismatch, "column %q of the Parquet file is of type %s, which does not convert to %s", n.path, n.label(), types.FormatType(t))
	if n.phys == physGroup {
		return e.WithHint("Declare the column as jsonb, or columns for what is inside, named with dots.")
	}
	return e.WithHint("Declare the column as %s.", types.FormatType(n.sqlType()))
}

func outOfRange(v int64, t types.Type) error {
	code := sqlerr.NumericValueOutOfRange
	if t.OID == types.Date || t.OID == types.Time || t.OID == types.Timestamp || t.OID == types.Timestamptz {
		code = sqlerr.DatetimeFieldOverflow
	}
	return sqlerr.Errorf(code, "value %d is out of range for type %s", v, types.FormatType(t))
}

// texts appends byte strings that must be text.
func (l *leaf) texts(dst vec.Vec, from, to int) (int, error) {
	d, s := dst.(*vec.Bytes), &l.scratch
	for i, b := range s.bytes[from:to] {
		if !s.checked && !wire.PlainText(b) {
			return from + i, notText(b)
		}
		d.Append(b)
	}
	return to, nil
}

func notText(b []byte) error {
	return sqlerr.Errorf(sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8"`).
		WithDetail("The value begins with the bytes %s.", hex.EncodeToString(b[:min(len(b), 16)]))
}

// whole is value i as an integer; false: it has more than 63 bits.
func (l *leaf) whole(i int, unsigned bool) (int64, bool) {
	if l.node.phys == physInt32 {
		if unsigned {
			return int64(uint32(l.scratch.i32[i])), true
		}
		return int64(l.scratch.i32[i]), true
	}
	v := l.scratch.i64[i]
	return v, !unsigned || v >= 0
}

func (l *leaf) integers(t types.Type, unsigned bool) convert {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	switch t.OID {
	case types.Int2:
		lo, hi = math.MinInt16, math.MaxInt16
	case types.Int4:
		lo, hi = math.MinInt32, math.MaxInt32
	}
	return func(dst vec.Vec, from, to int) (int, error) {
		for i := from; i < to; i++ {
			v, ok := l.whole(i, unsigned)
			if !ok {
				return i, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value %d is out of range for type %s", uint64(v), types.FormatType(t))
			}
			if v < lo || v > hi {
				return i, outOfRange(v, t)
			}
			switch d := dst.(type) {
			case *vec.Fixed[int16]:
				d.Append(int16(v))
			case *vec.Fixed[int32]:
				d.Append(int32(v))
			case *vec.Fixed[int64]:
				d.Append(v)
			}
		}
		return to, nil
	}
}

// times appends times of the day and timestamps, rounded to the nearest microsecond.
func (l *leaf) times(t types.Type) convert {
	mul, div, add := int64(1), int64(1), int64(0)
	if l.node.nanos >= 1000 {
		mul = l.node.nanos / 1000
	} else {
		div = 1000 / l.node.nanos
	}
	lo, hi := int64(firstInstant), int64(lastInstant)
	if t.OID == types.Time {
		lo, hi = 0, dayMicros
	} else {
		add = types.UnixEpoch
	}
	wide := l.node.phys == physInt64
	return func(dst vec.Vec, from, to int) (int, error) {
		d, s := dst.(*vec.Fixed[int64]), &l.scratch
		for i := from; i < to; i++ {
			var v int64
			if wide {
				v = s.i64[i]
			} else {
				v = int64(s.i32[i])
			}
			x := v
			if div > 1 {
				x = rounded(v, div)
			} else if x > math.MaxInt64/mul || x < math.MinInt64/mul {
				return i, outOfRange(v, t)
			}
			if x *= mul; x < math.MinInt64-add {
				return i, outOfRange(v, t)
			}
			if x += add; x < lo || x > hi {
				return i, outOfRange(v, t)
			}
			d.Values = append(d.Values, x)
		}
		return to, nil
	}
}

// rounded is v/div, to the nearest.
func rounded(v, div int64) int64 {
	q, r := v/div, v%div
	switch {
	case r >= div/2:
		q++
	case -r > div/2:
		q--
	}
	return q
}

// julian reads an INT96: nanoseconds of a day, and the day.
func julian(b []byte) (int64, bool) {
	nanos := int64(binary.LittleEndian.Uint64(b))
	day := int64(int32(binary.LittleEndian.Uint32(b[8:]))) - julian2000
	if day < firstInstant/dayMicros || day > lastInstant/dayMicros {
		return 0, false
	}
	v := day*dayMicros + rounded(nanos, 1000)
	return v, v >= firstInstant && v <= lastInstant
}

// decimals appends coefficients: as they are where the column has no modifier, or one of
// the same scale that they fit.
func (l *leaf) decimals(t types.Type) convert {
	limit, fits := int64(math.MaxInt64), t.Mod < 0
	if !fits {
		prec, scale := (t.Mod-4)>>16, ((t.Mod-4)&0x7ff^1024)-1024
		if scale == l.node.scale && prec <= 18 {
			limit, fits = 1, true
			for range prec {
				limit *= 10
			}
		}
	}
	scale := l.node.scale
	return func(dst vec.Vec, from, to int) (int, error) {
		d, s := dst.(*vec.Numeric), &l.scratch
		if fits && scale == d.Scale && d.Narrow() && l.node.phys == physInt64 && d.Len() > 0 {
			for i, x := range s.i64[from:to] {
				if x >= limit || x <= -limit {
					return from + i, l.exact(d, from+i, t)
				}
				d.Lo = append(d.Lo, x)
			}
			return to, nil
		}
		for i := from; i < to; i++ {
			var x int64
			narrow := true
			switch l.node.phys {
			case physInt32:
				x = int64(s.i32[i])
			case physInt64:
				x = s.i64[i]
			default:
				if narrow = len(s.bytes[i]) <= 8; narrow {
					x = signed(s.bytes[i])
				}
			}
			if fits && narrow && x < limit && x > -limit {
				d.AppendInt64(x, scale)
				continue
			}
			if err := l.exact(d, i, t); err != nil {
				return i, err
			}
		}
		return to, nil
	}
}

// exact appends a decimal of any size, rounded to the column's scale.
func (l *leaf) exact(d *vec.Numeric, i int, t types.Type) error {
	dec, err := l.decimal(i)
	if err != nil {
		return err
	}
	if t.Mod >= 0 {
		v, err := types.Coerce(types.NewNumeric(dec), t, false)
		if err != nil {
			return err
		}
		dec = v.N
	}
	d.Append(dec)
	return nil
}

// decimal is value i.
func (l *leaf) decimal(i int) (types.Decimal, error) {
	s, scale := &l.scratch, l.node.scale
	switch l.node.phys {
	case physInt32:
		return types.NewDecimal(int64(s.i32[i]), scale), nil
	case physInt64:
		return types.NewDecimal(s.i64[i], scale), nil
	}
	b := s.bytes[i]
	for len(b) > 16 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
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

// signed is a big-endian number in two's complement of at most eight bytes.
func signed(b []byte) int64 {
	var v int64
	if len(b) > 0 {
		v = int64(int8(b[0]))
		for _, c := range b[1:] {
			v = v<<8 | int64(c)
		}
	}
	return v
}
