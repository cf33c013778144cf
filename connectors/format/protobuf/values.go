package protobuf

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// parts are the values of a message's first fields that are no messages, by number.
type parts [5]struct {
	u    uint64
	text []byte
}

// read fills the parts of a message that is one value.
func (m *message) read(b []byte, p *parts) bool {
	for i := 0; i < len(b); {
		tag, k := wire.Uvarint(b, i)
		if k < 0 || badNumber(tag) {
			return false
		}
		f := m.number(tag >> 3)
		if f == nil || int(f.num) >= len(p) || f.list || f.tag() != tag || f.message != nil {
			if i = skip(b, k, tag, 0); i < 0 {
				return false
			}
			continue
		}
		u, from, next := f.read(b, k)
		if i = next; next < 0 {
			return false
		}
		if p[f.num].u = u; f.kind.wire() == wireBytes {
			p[f.num].text = b[from:next]
		}
	}
	return true
}

// message appends a message that is one value; false: it breaks off, or d.err.
func (d *Decoder) message(s *step, b []byte) bool {
	m := s.field.message
	var err error
	switch s.op {
	case opTimestamp:
		var p parts
		if !m.read(b, &p) {
			return false
		}
		var at int64
		if at, err = instant(int64(p[1].u), int32(uint32(p[2].u))); err == nil {
			s.i64.Append(at)
		}
	case opDecimal:
		var p parts
		if !m.read(b, &p) {
			return false
		}
		var v types.Decimal
		if v, err = m.decimal(&p); err == nil {
			if s.typ.Mod >= 0 {
				v, err = v.Fit(s.typ.Mod)
			}
			if err == nil {
				s.num.Append(v)
			}
		}
	default:
		var ok bool
		if d.scratch, ok, err = m.appendText(d.scratch[:0], b, false); !ok {
			return false
		}
		if err == nil {
			err = d.parse(s, d.scratch)
		}
	}
	return err == nil || d.fault(s, err)
}

// parse reads a text form as the column's type.
func (d *Decoder) parse(s *step, text []byte) error {
	if !wire.PlainText(text) {
		return notText(text)
	}
	if s.typ.OID == types.Text {
		s.text.Append(text)
		return nil
	}
	if f := s.field; f.message == nil && f.kind.whole() && (s.typ.OID == types.Timestamp || s.typ.OID == types.Timestamptz) {
		return d.millis(s, text)
	}
	v, err := types.Parse(s.typ, string(text), d.format)
	if err == nil {
		vec.Append(s.col, v)
	}
	return err
}

// millis reads a number as milliseconds since 1970.
func (d *Decoder) millis(s *step, text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range: %s", text)
	}
	at, err := instant(n/1000, int32(n%1000)*1e6)
	if err != nil {
		return err
	}
	v, err := types.Coerce(types.NewInt(s.typ.OID, at), s.typ, false)
	if err == nil {
		vec.Append(s.col, v)
	}
	return err
}

// Bounds of a timestamp, in seconds since 1970.
const firstSecond, lastSecond = -210866803200, 9224318015999

// instant is a moment as a timestamp. What is finer than a microsecond is rounded.
func instant(seconds int64, nanos int32) (int64, error) {
	if seconds < firstSecond || seconds > lastSecond || nanos <= -1e9 || nanos >= 1e9 {
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range: %d seconds and %d nanoseconds since 1970", seconds, nanos)
	}
	return seconds*1e6 + round(nanos) + types.UnixEpoch, nil
}

// round makes microseconds of nanoseconds.
func round(nanos int32) int64 {
	if nanos < 0 {
		return -int64((-nanos + 500) / 1000)
	}
	return int64((nanos + 500) / 1000)
}

// maxScale is PostgreSQL's.
const maxScale = 16383

// decimal is the number that a message means.
func (m *message) decimal(p *parts) (types.Decimal, error) {
	if m.means == meansText {
		if len(p[1].text) == 0 {
			return types.Decimal{}, nil
		}
		return types.ParseDecimalBytes(p[1].text)
	}
	scale := int64(int32(uint32(p[3].u)))
	var units types.Decimal
	var err error
	if m.means == meansUnits {
		u, s := m.named("units"), m.named("scale")
		if int(u.num) >= len(p) || int(s.num) >= len(p) {
			return units, sqlerr.Unsupported("Number its fields from 1 to 4.", "the message %s, with fields of such numbers, as a numeric is not supported", m.name)
		}
		if scale = s.kind.integer(p[s.num].u); u.kind == kindUint64 || u.kind == kindFixed64 {
			units = types.NewDecimal128(0, p[u.num].u, 0)
		} else {
			units = types.NewDecimal(u.kind.integer(p[u.num].u), 0)
		}
	}
	if scale < -maxScale || scale > maxScale {
		return units, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value overflows numeric format").WithDetail("Its scale is %d.", scale)
	}
	if m.means == meansUnits && scale >= 0 && units.Wide == nil {
		units.Scale = int32(scale)
		return units, nil
	}
	coef := units.Big()
	if m.means == meansBinary {
		b := p[1].text
		if len(b) > 60000 {
			return units, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value overflows numeric format")
		}
		if coef = new(big.Int).SetBytes(b); len(b) > 0 && b[0] >= 0x80 {
			coef.Sub(coef, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	}
	if scale < 0 {
		coef = new(big.Int).Mul(coef, new(big.Int).Exp(big.NewInt(10), big.NewInt(-scale), nil))
		scale = 0
	}
	units, err = types.DecimalFromBig(coef, int32(scale))
	return units, err
}

// appendText writes a scalar in its text form.
func (f *field) appendText(dst []byte, u uint64, text []byte) ([]byte, error) {
	switch f.kind {
	case kindBool:
		return strconv.AppendBool(dst, u != 0), nil
	case kindFloat:
		return appendFloat(dst, float64(math.Float32frombits(uint32(u))), 32), nil
	case kindDouble:
		return appendFloat(dst, math.Float64frombits(u), 64), nil
	case kindString:
		return append(dst, text...), nil
	case kindBytes:
		return hex.AppendEncode(append(dst, `\x`...), text), nil
	case kindEnum:
		return f.appendEnum(dst, int32(uint32(u))), nil
	case kindUint64, kindFixed64:
		return strconv.AppendUint(dst, u, 10), nil
	}
	return strconv.AppendInt(dst, f.kind.integer(u), 10), nil
}

// appendEnum writes a value's name, of an unknown one its number.
func (f *field) appendEnum(dst []byte, n int32) []byte {
	if l, ok := f.labels[n]; ok {
		return append(dst, l...)
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

func appendFloat(dst []byte, x float64, bits int) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, "NaN"...)
	case math.IsInf(x, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(x, -1):
		return append(dst, "-Infinity"...)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, bits)
}

// appendText writes a message that is one value and no JSON in its text form; false: it
// breaks off.
func (m *message) appendText(dst []byte, b []byte, asJSON bool) ([]byte, bool, error) {
	var p parts
	if !m.read(b, &p) {
		return dst, false, nil
	}
	quote := func() {
		if asJSON {
			dst = append(dst, '"')
		}
	}
	switch m.means {
	case meansTimestamp:
		at, err := instant(int64(p[1].u), int32(uint32(p[2].u)))
		if err != nil {
			return dst, true, err
		}
		quote()
		if t := time.UnixMicro(at - types.UnixEpoch).UTC(); t.Year() >= 1 && t.Year() <= 9999 {
			dst = t.AppendFormat(dst, "2006-01-02T15:04:05.999999Z07:00")
		} else {
			dst = types.AppendText(dst, types.NewInt(types.Timestamptz, at), types.DefaultFormat())
		}
		quote()
	case meansDuration:
		seconds, nanos := int64(p[1].u), int32(uint32(p[2].u))
		if seconds > 315576000000 || seconds < -315576000000 || nanos <= -1e9 || nanos >= 1e9 {
			return dst, true, sqlerr.Errorf(sqlerr.IntervalFieldOverflow, "interval out of range: %d seconds and %d nanoseconds", seconds, nanos)
		}
		span := types.IntervalValue{Micros: seconds*1e6 + round(nanos)}
		quote()
		dst = types.AppendText(dst, types.Value{Type: types.Of(types.Interval), Span: span}, types.DefaultFormat())
		quote()
	case meansUnits, meansText, meansBinary:
		v, err := m.decimal(&p)
		if err != nil {
			return dst, true, err
		}
		if !v.IsFinite() {
			quote()
			dst = v.Append(dst)
			quote()
			return dst, true, nil
		}
		dst = v.Append(dst)
	case meansDate:
		y, mon, day := int32(uint32(p[1].u)), int32(uint32(p[2].u)), int32(uint32(p[3].u))
		t := time.Date(int(y), time.Month(mon), int(day), 0, 0, 0, 0, time.UTC)
		if y < 1 || y > 9999 || int32(t.Month()) != mon || int32(t.Day()) != day {
			return dst, true, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range: year %d, month %d, day %d", y, mon, day)
		}
		quote()
		dst = t.AppendFormat(dst, "2006-01-02")
		quote()
	case meansTimeOfDay:
		h, mins, sec, nanos := int64(p[1].u), int64(p[2].u), int64(p[3].u), int32(uint32(p[4].u))
		if h < 0 || h > 24 || mins < 0 || mins > 59 || sec < 0 || sec > 60 || nanos < 0 || nanos >= 1e9 {
			return dst, true, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "time out of range: %d:%d:%d and %d nanoseconds", h, mins, sec, nanos)
		}
		micros := (h*3600+mins*60+sec)*1e6 + round(nanos)
		if micros > 86400e6 {
			return dst, true, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "time out of range: %d:%d:%d", h, mins, sec)
		}
		quote()
		dst = types.AppendText(dst, types.NewInt(types.Time, micros), types.DefaultFormat())
		quote()
	case meansWrapper:
		f := m.fields[0]
		if asJSON {
			var err error
			dst, err = f.appendJSON(dst, p[1].u, p[1].text)
			return dst, true, err
		}
		var err error
		dst, err = f.appendText(dst, p[1].u, p[1].text)
		return dst, true, err
	}
	return dst, true, nil
}
