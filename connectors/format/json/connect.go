package json

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// connectSchema is a schema as Kafka Connect's JSON converter writes it.
type connectSchema struct {
	Type       string            `json:"type"`
	Name       string            `json:"name"`
	Field      string            `json:"field"`
	Parameters map[string]string `json:"parameters"`
	Fields     []*connectSchema  `json:"fields"`
}

func parseConnect(text []byte) (*connectSchema, error) {
	s := &connectSchema{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, malformed(text, 0, "The schema of the record is not one of Kafka Connect's: "+err.Error()+".")
	}
	return s, nil
}

func (s *connectSchema) field(name string) *connectSchema {
	i := slices.IndexFunc(s.Fields, func(f *connectSchema) bool { return f != nil && f.Field == name })
	if i < 0 {
		return nil
	}
	return s.Fields[i]
}

// form is how a value is written that JSON has no form for. Zero: it has one.
type form struct {
	what  formKind
	nanos int64 // of a unit of time
	scale int32 // of a decimal
}

type formKind uint8

const (
	formNone     formKind = iota
	formDecimal           // base64 of a two's complement number
	formVariable          // an object of a scale and such a number
	formDays              // since 1970
	formInstant           // units since 1970
	formTime              // units since midnight
	formSpan              // units
	formBytes             // base64
	formBits              // base64, the least significant byte first
	formJSON              // text of JSON
)

const (
	nanosOfMicro = 1000
	nanosOfMilli = 1000 * nanosOfMicro
)

// connectForms are the types that Kafka Connect and Debezium give names to.
var connectForms = map[string]form{
	"org.apache.kafka.connect.data.Date":      {what: formDays},
	"org.apache.kafka.connect.data.Time":      {what: formTime, nanos: nanosOfMilli},
	"org.apache.kafka.connect.data.Timestamp": {what: formInstant, nanos: nanosOfMilli},
	"io.debezium.time.Date":                   {what: formDays},
	"io.debezium.time.Time":                   {what: formTime, nanos: nanosOfMilli},
	"io.debezium.time.MicroTime":              {what: formTime, nanos: nanosOfMicro},
	"io.debezium.time.NanoTime":               {what: formTime, nanos: 1},
	"io.debezium.time.Timestamp":              {what: formInstant, nanos: nanosOfMilli},
	"io.debezium.time.MicroTimestamp":         {what: formInstant, nanos: nanosOfMicro},
	"io.debezium.time.NanoTimestamp":          {what: formInstant, nanos: 1},
	"io.debezium.time.MicroDuration":          {what: formSpan, nanos: nanosOfMicro},
	"io.debezium.time.NanoDuration":           {what: formSpan, nanos: 1},
	"io.debezium.data.Bits":                   {what: formBits},
	"io.debezium.data.Json":                   {what: formJSON},
	"io.debezium.data.VariableScaleDecimal":   {what: formVariable},
}

// form is that of a field; the last of a name without regard to case where none has
// it as it is.
func (s *connectSchema) form(name string) form {
	f := s.field(name)
	if f == nil {
		for _, g := range s.Fields {
			if g != nil && len(g.Field) == len(name) && equalFold(g.Field, name) {
				f = g
			}
		}
	}
	if f == nil {
		return form{}
	}
	if f.Name == "org.apache.kafka.connect.data.Decimal" {
		scale, err := strconv.ParseInt(f.Parameters["scale"], 10, 32)
		if err != nil || scale < -maxDecimalScale || scale > maxDecimalScale {
			return form{}
		}
		return form{what: formDecimal, scale: int32(scale)}
	}
	if known, ok := connectForms[f.Name]; ok {
		return known
	}
	if f.Type == "bytes" {
		return form{what: formBytes}
	}
	return form{}
}

// maxDecimalScale is PostgreSQL's, minDay and maxDay its dates, in days since 2000.
const (
	maxDecimalScale = 16383
	minDay, maxDay  = -2451507, 2145031948
)

func equalFold(a, b string) bool {
	for i := range len(a) {
		x, y := a[i], b[i]
		if x-'A' <= 'Z'-'A' {
			x |= 0x20
		}
		if y-'A' <= 'Z'-'A' {
			y |= 0x20
		}
		if x != y {
			return false
		}
	}
	return true
}

// suits reports whether a column takes the values of a form as what they mean, and
// not as they are written.
func (f form) suits(t types.Type) bool {
	switch f.what {
	case formDecimal, formVariable:
		return t.OID == types.Numeric || isText(t.OID) || t.OID == types.Float8 || t.OID == types.Float4 ||
			t.OID == types.Int8 || t.OID == types.Int4 || t.OID == types.Int2
	case formDays:
		return t.OID == types.Date
	case formInstant:
		return t.OID == types.Timestamp || t.OID == types.Timestamptz
	case formTime:
		return t.OID == types.Time
	case formSpan:
		return t.OID == types.Interval
	case formBytes:
		return t.OID == types.Bytea
	case formBits:
		return t.OID == types.Bit || t.OID == types.Varbit || t.OID == types.Bytea
	case formJSON:
		return t.OID == types.JSON || t.OID == types.JSONB
	}
	return false
}

// formed writes a value that is in its field's form. false: it is in another, one
// that JSON has.
func (d *Decoder) formed(f *field, raw []byte) (bool, error) {
	quoted := raw[0] == '"'
	digits := raw[0] == '-' || raw[0]-'0' <= 9
	switch f.form.what {
	case formDecimal:
		if !quoted {
			return false, nil
		}
		return true, d.decimal(f, raw, f.form.scale)
	case formVariable:
		return d.variable(f, raw)
	case formDays:
		if !digits {
			return false, nil
		}
		return true, d.days(f, raw)
	case formInstant, formTime, formSpan:
		if !digits {
			return false, nil
		}
		return true, d.units(f, raw)
	case formBytes, formBits:
		if !quoted || len(raw) > 3 && raw[1] == '\\' {
			return false, nil // PostgreSQL's own form, as \\x00
		}
		b, err := d.base64(raw)
		if err != nil {
			return true, err
		}
		if f.typ.OID == types.Bytea {
			f.text.Append(b)
			return true, nil
		}
		return true, d.bits(f, b)
	case formJSON:
		if !quoted {
			return false, nil
		}
		s, err := unquote(d.scratch[:0], raw)
		if d.scratch = s; err != nil {
			return true, sqlerr.Errorf(sqlerr.UntranslatableCharacter, "unsupported Unicode escape sequence").WithDetail("%s.", err)
		}
		return true, d.parse(f, s)
	}
	return false, nil
}

// base64 decodes a string, into scratch.
func (d *Decoder) base64(raw []byte) ([]byte, error) {
	s, err := unquote(d.scratch[:0], raw) // a slash may be escaped
	d.scratch = s
	if err != nil {
		return nil, errWrongType
	}
	n, err := base64.StdEncoding.Decode(s, s)
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid base64 end sequence").
			WithDetail("Kafka Connect writes bytes as base64, and this is %s.", excerpt(raw))
	}
	return s[:n], nil
}

// decimal reads the base64 of a number, its most significant byte first.
func (d *Decoder) decimal(f *field, raw []byte, scale int32) error {
	b, err := d.base64(raw)
	if err != nil {
		return err
	}
	if len(b) > 64<<10 {
		return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value overflows numeric format")
	}
	var v types.Decimal
	switch {
	case scale >= 0 && len(b) <= 8:
		var n int64
		for i, c := range b {
			if i == 0 {
				n = int64(int8(c))
			} else {
				n = n<<8 | int64(c)
			}
		}
		v = types.NewDecimal(n, scale)
	default:
		x := new(big.Int).SetBytes(b)
		if len(b) > 0 && b[0] >= 0x80 {
			x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		if scale < 0 {
			x.Mul(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-scale)), nil))
			scale = 0
		}
		if v, err = types.DecimalFromBig(x, scale); err != nil {
			return err
		}
	}
	return d.number128(f, v)
}

// number128 appends a decimal to a column of any type of numbers, or text.
func (d *Decoder) number128(f *field, v types.Decimal) error {
	if f.num == nil {
		var room [64]byte
		raw := v.Append(room[:0])
		if isText(f.typ.OID) {
			return d.parse(f, raw)
		}
		return d.number(f, raw)
	}
	v, err := v.Fit(f.typ.Mod)
	if err == nil {
		f.num.Append(v)
	}
	return err
}

// variable reads {"scale": 2, "value": "AYag"}.
func (d *Decoder) variable(f *field, raw []byte) (bool, error) {
	o := objectAt(raw, 0)
	if o.fail {
		return false, nil
	}
	var scale, value []byte
	for o.next() {
		switch string(o.key) {
		case "scale":
			scale = o.value
		case "value":
			value = o.value
		}
	}
	n, err := strconv.ParseInt(string(scale), 10, 32)
	if err != nil || n < -maxDecimalScale || n > maxDecimalScale || len(value) == 0 || value[0] != '"' {
		return true, errWrongType
	}
	return true, d.decimal(f, value, int32(n))
}

func (d *Decoder) days(f *field, raw []byte) error {
	n, err := strconv.ParseInt(string(raw), 10, 32)
	if err != nil {
		return errWrongType
	}
	v := n + types.UnixEpoch/microsPerDay
	if v < minDay || v > maxDay {
		return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range: %d days since 1970", n)
	}
	f.col.(*vec.Fixed[int32]).Append(int32(v))
	return nil
}

// units reads a count of the form's units. What is finer than a microsecond is
// rounded.
func (d *Decoder) units(f *field, raw []byte) error {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return errWrongType
	}
	micros := n
	switch unit := f.form.nanos; {
	case unit == 1:
		if micros = n / nanosOfMicro; n%nanosOfMicro >= nanosOfMicro/2 {
			micros++
		} else if n%nanosOfMicro < -nanosOfMicro/2 {
			micros--
		}
	case unit > nanosOfMicro:
		by := unit / nanosOfMicro
		if n > math.MaxInt64/by || n < math.MinInt64/by {
			return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range: %d", n)
		}
		micros = n * by
	}
	switch f.form.what {
	case formTime:
		if micros < 0 || micros > microsPerDay {
			return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date/time field value out of range: %d microseconds since midnight", micros)
		}
	case formSpan:
		f.col.(*vec.Fixed[types.IntervalValue]).Append(types.IntervalValue{Micros: micros})
		return nil
	default:
		if micros > maxMillis*1000 || micros < -maxMillis*1000 {
			return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range: %d", n)
		}
		micros += types.UnixEpoch
	}
	v := types.NewInt(f.typ.OID, micros)
	v.Type = f.typ
	if c := types.Lookup(f.typ.OID).Coerce; c != nil && f.typ.Mod >= 0 {
		if v, err = c(v, f.typ.Mod, false); err != nil {
			return err
		}
	}
	vec.Append(f.col, v)
	return nil
}

// bits reads a bit string, as long as the column's type says, else to its last 1.
func (d *Decoder) bits(f *field, b []byte) error {
	n := 8 * len(b)
	if f.typ.OID == types.Bit {
		n = max(int(f.typ.Mod), 1)
	} else {
		for n > 1 && b[(n-1)/8]>>((n-1)%8)&1 == 0 {
			n--
		}
	}
	s := make([]byte, 0, n)
	for i := n - 1; i >= 0; i-- {
		bit := byte('0')
		if i/8 < len(b) {
			bit += b[i/8] >> (i % 8) & 1
		}
		s = append(s, bit)
	}
	return d.parse(f, s)
}
