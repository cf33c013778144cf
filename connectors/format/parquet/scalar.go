package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// parsed reads each value's text form as the column's type.
func (l *leaf) parsed(t types.Type, format *types.Format) convert {
	var scratch []byte
	isJSON := t.OID == types.JSON || t.OID == types.JSONB
	return func(dst vec.Vec, from, to int) (int, error) {
		for i := from; i < to; i++ {
			var err error
			if scratch, err = l.appendScalar(scratch[:0], i, isJSON); err != nil {
				return i, err
			}
			if !wire.PlainText(scratch) {
				return i, notText(scratch)
			}
			v, err := types.Parse(t, string(scratch), format)
			if err != nil {
				return i, err
			}
			vec.Append(dst, v)
		}
		return to, nil
	}
}

// timeForm writes dates and times by way of the column that holds them.
type timeForm struct {
	typ     types.Type
	one     vec.Vec
	convert convert
}

// time is the form of a leaf whose values are dates or times, nil of others.
func (l *leaf) time() (*timeForm, error) {
	n := l.node
	switch {
	case n.logical == logicalDate && n.phys == physInt32:
	case n.logical == logicalTime && n.nanos > 0 && (n.phys == physInt32 || n.phys == physInt64):
	case n.logical == logicalTimestamp && n.nanos > 0 && n.phys == physInt64:
	case n.phys == physInt96:
	default:
		return nil, nil //nolint:nilnil // it has none
	}
	if l.form != nil {
		return l.form, nil
	}
	f := &timeForm{typ: n.scalarType()}
	if n.phys == physInt96 {
		f.typ = types.Of(types.Timestamp)
	}
	f.one = vec.New(f.typ)
	var err error
	if f.convert, _, err = l.compile(f.typ, types.DefaultFormat()); err == nil {
		l.form = f
	}
	return f, err
}

func (f *timeForm) append(dst []byte, i int, asJSON bool) ([]byte, error) {
	f.one.Reset()
	if _, err := f.convert(f.one, i, i+1); err != nil {
		return dst, err
	}
	if asJSON {
		dst = append(dst, '"')
	}
	at := len(dst)
	dst = types.AppendText(dst, vec.Get(f.one, 0, f.typ), types.DefaultFormat())
	if asJSON {
		if (f.typ.OID == types.Timestamp || f.typ.OID == types.Timestamptz) && len(dst) > at+10 && dst[at+10] == ' ' {
			dst[at+10] = 'T'
		}
		dst = append(dst, '"')
	}
	return dst, nil
}

// appendScalar writes value i of the scratch: as JSON, or as text that the type of the
// same meaning reads.
func (l *leaf) appendScalar(dst []byte, i int, asJSON bool) ([]byte, error) {
	form, err := l.time()
	if err != nil {
		return dst, err
	}
	if form != nil {
		return form.append(dst, i, asJSON)
	}
	n, s := l.node, &l.scratch
	if n.logical == logicalDecimal {
		if !n.decimal() {
			return dst, wrongDecimal(n)
		}
		dec, err := l.decimal(i)
		if err != nil {
			return dst, err
		}
		return dec.Append(dst), nil
	}
	switch n.phys {
	case physBool:
		return strconv.AppendBool(dst, s.bools[i]), nil
	case physInt32, physInt64:
		x, ok := l.whole(i, n.logical == logicalInteger && !n.signed)
		if !ok {
			return strconv.AppendUint(dst, uint64(x), 10), nil
		}
		return strconv.AppendInt(dst, x, 10), nil
	case physFloat:
		return appendFloat(dst, float64(s.f32[i]), 32, asJSON), nil
	case physDouble:
		return appendFloat(dst, s.f64[i], 64, asJSON), nil
	}
	return l.appendBytes(dst, s.bytes[i], asJSON)
}

// appendBytes writes what byte strings hold.
func (l *leaf) appendBytes(dst, b []byte, asJSON bool) ([]byte, error) {
	n := l.node
	quote := func() {
		if asJSON {
			dst = append(dst, '"')
		}
	}
	switch {
	case n.logical == logicalFloat16 && len(b) == 2:
		return appendFloat(dst, half(binary.LittleEndian.Uint16(b)), 32, asJSON), nil
	case n.logical == logicalUUID && len(b) == 16:
		quote()
		dst = types.AppendUUID(dst, types.UUIDValue(b))
		quote()
		return dst, nil
	case n.logical == logicalInterval && len(b) == 12:
		quote()
		dst = types.AppendText(dst, types.Value{Type: types.Of(types.Interval), Span: span(b)}, types.DefaultFormat())
		quote()
		return dst, nil
	case n.logical == logicalString || n.logical == logicalEnum || n.logical == logicalJSON || n.logical == logicalNone && n.phys == physBytes && !asJSON:
		switch {
		case !asJSON:
			return append(dst, b...), nil
		case !wire.PlainText(b):
			return dst, notText(b)
		case n.logical == logicalJSON:
			if err := types.CheckJSON(b); err != nil {
				return dst, err
			}
			return append(dst, b...), nil
		}
		return types.AppendJSONString(dst, string(b)), nil
	}
	quote()
	if asJSON {
		dst = append(dst, '\\')
	}
	dst = hex.AppendEncode(append(dst, `\x`...), b)
	quote()
	return dst, nil
}

// span reads months, days and milliseconds, of four bytes each without sign.
func span(b []byte) types.IntervalValue {
	return types.IntervalValue{
		Months: int32(min(binary.LittleEndian.Uint32(b), math.MaxInt32)), Days: int32(min(binary.LittleEndian.Uint32(b[4:]), math.MaxInt32)),
		Micros: int64(binary.LittleEndian.Uint32(b[8:])) * 1000,
	}
}

// appendFloat writes a number; what JSON has none for is a string there.
func appendFloat(dst []byte, x float64, bits int, asJSON bool) []byte {
	oid := types.Float8
	if bits == 32 {
		oid = types.Float4
	}
	v := types.NewFloat(oid, x)
	if asJSON && (math.IsNaN(x) || math.IsInf(x, 0)) {
		return append(types.AppendText(append(dst, '"'), v, types.DefaultFormat()), '"')
	}
	return types.AppendText(dst, v, types.DefaultFormat())
}

// half is a number of 16 bits.
func half(h uint16) float64 {
	exp, frac := int(h>>10&31), float64(h&1023)
	var x float64
	switch exp {
	case 0:
		x = math.Ldexp(frac, -24)
	case 31:
		if x = math.Inf(1); frac != 0 {
			x = math.NaN()
		}
	default:
		x = math.Ldexp(1024+frac, exp-25)
	}
	if h&0x8000 != 0 {
		x = -x
	}
	return x
}
