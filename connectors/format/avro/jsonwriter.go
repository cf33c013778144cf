package avro

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// jsonWriter encodes JSON as a type's values: what appendJSON makes of them, or,
// with code, the defaults of a schema.
type jsonWriter struct {
	// code: bytes are a string of the code points 0 to 255, and dates and times are
	// the numbers that they are counted by.
	code bool
	// left is how many bytes may still be read and written; nil: as many as there are.
	left *int
}

// spend takes n bytes of what is left.
func (w jsonWriter) spend(n int) error {
	if w.left == nil {
		return nil
	}
	if *w.left -= n; *w.left < 0 {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the defaults of the schema take more than %d bytes", maxDefaults)
	}
	return nil
}

// append writes raw as a value of n.
func (w jsonWriter) append(dst []byte, n *node, raw []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a value lies more than %d deep in others", maxDepth)
	}
	if err := w.spend(len(raw)); err != nil {
		return dst, err
	}
	raw = bytes.TrimSpace(raw)
	switch n.kind {
	case kindNull:
		if string(raw) != "null" {
			return dst, wrongJSON(raw, "null")
		}
		return dst, nil
	case kindUnion:
		return w.union(dst, n, raw, depth)
	case kindRecord:
		return w.record(dst, n, raw, depth)
	case kindArray:
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil || raw[0] != '[' {
			return dst, wrongJSON(raw, "an array")
		}
		if len(items) > 0 {
			dst = appendVarint(dst, int64(len(items)))
		}
		for _, item := range items {
			var err error
			if dst, err = w.append(dst, n.items, item, depth+1); err != nil {
				return dst, err
			}
		}
		return append(dst, 0), nil
	case kindMap:
		names, values, err := members(raw)
		if err != nil {
			return dst, err
		}
		if len(names) > 0 {
			dst = appendVarint(dst, int64(len(names)))
		}
		for i, name := range names {
			if dst, err = w.append(appendBytes(dst, name), n.items, values[i], depth+1); err != nil {
				return dst, err
			}
		}
		return append(dst, 0), nil
	}
	return w.scalar(dst, n, raw)
}

// members are the keys and values of an object, in their order.
func members(raw []byte) (names []string, values []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, wrongJSON(raw, "an object")
	}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		var v json.RawMessage
		if err != nil || !ok || d.Decode(&v) != nil {
			return nil, nil, wrongJSON(raw, "an object")
		}
		names, values = append(names, name), append(values, v)
	}
	return names, values, nil
}

func (w jsonWriter) record(dst []byte, n *node, raw []byte, depth int) ([]byte, error) {
	names, values, err := members(raw)
	if err != nil {
		return dst, err
	}
	used := 0
	for i := range n.fields {
		f := &n.fields[i]
		at := slices.Index(names, f.name)
		switch {
		case at >= 0:
			used++
			if dst, err = w.append(dst, f.node, values[at], depth+1); err != nil {
				return dst, sqlerr.Errorf(sqlerr.CodeOf(err), "field %q: %w", f.name, err)
			}
		case f.def != nil:
			if err := w.spend(len(f.def)); err != nil {
				return dst, sqlerr.Errorf(sqlerr.CodeOf(err), "field %q: %w", f.name, err)
			}
			dst = append(dst, f.def...)
		case f.node.kind == kindUnion && f.node.null >= 0:
			dst = appendVarint(dst, int64(f.node.null))
		default:
			return dst, sqlerr.Errorf(sqlerr.NotNullViolation, "field %q of the Avro record %q has no value and no default", f.name, n.name)
		}
	}
	if used < len(names) {
		for _, name := range names {
			if !slices.ContainsFunc(n.fields, func(f field) bool { return f.name == name }) {
				return dst, sqlerr.Errorf(sqlerr.UndefinedColumn, "the Avro record %q has no field %q", n.name, name)
			}
		}
	}
	return dst, nil
}

// union takes the first branch that the value is one of.
func (w jsonWriter) union(dst []byte, n *node, raw []byte, depth int) ([]byte, error) {
	at := len(dst)
	var failed error
	for i, b := range n.branches {
		out, err := w.append(appendVarint(dst[:at], int64(i)), b, raw, depth+1)
		if err == nil {
			return out, nil
		}
		dst = out
		if sqlerr.CodeOf(err) == sqlerr.ProgramLimitExceeded {
			return dst[:at], err
		}
		if i != n.null || failed == nil {
			failed = err
		}
	}
	return dst[:at], failed
}

func (w jsonWriter) scalar(dst []byte, n *node, raw []byte) ([]byte, error) {
	switch n.kind {
	case kindBool:
		switch string(raw) {
		case "true":
			return append(dst, 1), nil
		case "false":
			return append(dst, 0), nil
		}
		return dst, wrongJSON(raw, "a boolean")
	case kindInt, kindLong:
		if n.logical != logicalNone && !w.code {
			return w.time(dst, n, raw)
		}
		bits := 64
		if n.kind == kindInt {
			bits = 32
		}
		v, err := number(raw, bits)
		return appendVarint(dst, v), err
	case kindFloat, kindDouble:
		f, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
		if err != nil || raw[0] == '"' && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return dst, wrongJSON(raw, "a number")
		}
		if n.kind == kindFloat {
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(f))), nil
		}
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f)), nil
	}
	if n.logical == logicalDecimal && !w.code {
		d, err := types.ParseDecimalBytes([]byte(strings.Trim(string(raw), `"`)))
		if err != nil {
			return dst, err
		}
		return appendDecimal(dst, n, d)
	}
	if n.logical == logicalJSON && !w.code {
		return appendBytes(dst, raw), nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil || raw[0] != '"' {
		return dst, wrongJSON(raw, "a string")
	}
	return w.text(dst, n, s)
}

func (w jsonWriter) text(dst []byte, n *node, s string) ([]byte, error) {
	switch n.kind {
	case kindString:
		return appendBytes(dst, s), nil
	case kindEnum:
		return appendSymbol(dst, n, s)
	}
	var v []byte
	switch {
	case w.code:
		for _, r := range s {
			if r > 255 {
				return dst, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "%q has characters that are no bytes", s)
			}
			v = append(v, byte(r))
		}
	case n.logical == logicalUUID:
		u, err := types.ParseUUID(s)
		if err != nil {
			return dst, err
		}
		v = u[:]
	case n.logical == logicalDuration:
		span, err := types.ParseInterval(s, types.DefaultFormat())
		if err != nil {
			return dst, err
		}
		return appendDuration(dst, span)
	default:
		digits, ok := strings.CutPrefix(s, `\x`)
		if v, _ = hex.DecodeString(digits); !ok || len(v)*2 != len(digits) {
			return dst, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "%.100q is no bytea in hexadecimal", s)
		}
	}
	return appendFixed(dst, n, v)
}

// time encodes the text form of a date or time.
func (w jsonWriter) time(dst []byte, n *node, raw []byte) ([]byte, error) {
	var s string
	if json.Unmarshal(raw, &s) != nil || raw[0] != '"' {
		return dst, wrongJSON(raw, "a date or time")
	}
	oid := map[logical]types.OID{logicalDate: types.Date, logicalTime: types.Time, logicalInstant: types.Timestamptz, logicalLocal: types.Timestamp}[n.logical]
	v, err := types.Parse(types.Of(oid), s, types.DefaultFormat())
	if err != nil {
		return dst, err
	}
	return appendUnits(dst, n, v.I)
}

func appendSymbol[T []byte | string](dst []byte, n *node, s T) ([]byte, error) {
	for i, symbol := range n.symbols {
		if symbol == string(s) {
			return appendVarint(dst, int64(i)), nil
		}
	}
	return dst, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input value for enum %s: %q", n.name, string(s))
}

func appendFixed(dst []byte, n *node, v []byte) ([]byte, error) {
	if n.kind != kindFixed {
		return appendBytes(dst, v), nil
	}
	if len(v) != n.size {
		return dst, sqlerr.Errorf(sqlerr.StringDataRightTruncation, "a value of %d bytes does not fit %q of %d bytes", len(v), n.name, n.size)
	}
	return append(dst, v...), nil
}

// appendUnits encodes a date, or microseconds, in the units of n.
func appendUnits(dst []byte, n *node, v int64) ([]byte, error) {
	switch {
	case n.logical == logicalDate:
		if v <= math.MinInt32 || v >= math.MaxInt32 {
			return dst, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "an infinite date has no form in Avro")
		}
		v += epochDays
	default:
		if n.logical != logicalTime {
			if v == math.MinInt64 || v == math.MaxInt64 {
				return dst, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "an infinite timestamp has no form in Avro")
			}
			v -= types.UnixEpoch
		}
		switch mul, div := ratio(n.nanos); {
		case div > 1:
			if v > math.MaxInt64/div || v < math.MinInt64/div {
				return dst, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range for nanoseconds in 64 bits")
			}
			v *= div
		case mul > 1:
			q, r := v/mul, v%mul
			if r >= mul/2 {
				q++
			} else if -r > mul/2 {
				q--
			}
			v = q
		}
	}
	if n.kind == kindInt && (v < math.MinInt32 || v > math.MaxInt32) {
		return dst, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date/time field value out of range for an Avro int")
	}
	return appendVarint(dst, v), nil
}

func appendDuration(dst []byte, v types.IntervalValue) ([]byte, error) {
	ms := v.Micros / 1000
	if v.Months < 0 || v.Days < 0 || ms < 0 || ms > math.MaxUint32 {
		return dst, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "an Avro duration cannot be negative, nor longer than 49 days beside its months and days")
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(v.Months))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(v.Days))
	return binary.LittleEndian.AppendUint32(dst, uint32(ms)), nil
}

// appendDecimal encodes d, rounded to the scale of n, as an assignment to
// numeric(precision, scale) does.
func appendDecimal(dst []byte, n *node, d types.Decimal) ([]byte, error) {
	if n.prec > 1000 {
		return dst, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "NUMERIC precision %d must be between 1 and 1000", n.prec)
	}
	if d.Scale != n.scale || d.Wide != nil || d.Hi != int64(d.Lo)>>63 || n.prec < 19 {
		t := types.Type{OID: types.Numeric, Mod: (n.prec<<16 | n.scale) + 4}
		v, err := types.Coerce(types.NewNumeric(d), t, false)
		if err != nil {
			return dst, err
		}
		d = v.N
	}
	if !d.IsFinite() {
		return dst, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "%s has no form as an Avro decimal", d.Append(nil))
	}
	var raw []byte
	if d.Wide == nil && d.Hi == int64(d.Lo)>>63 {
		var word [8]byte
		binary.BigEndian.PutUint64(word[:], d.Lo)
		raw = word[:]
		for len(raw) > 1 && (raw[0] == 0 && raw[1] < 0x80 || raw[0] == 0xff && raw[1] >= 0x80) {
			raw = raw[1:]
		}
		return appendSigned(dst, n, raw)
	}
	return appendSigned(dst, n, twosComplement(d.Big()))
}

// twosComplement is the shortest big-endian form.
func twosComplement(x *big.Int) []byte {
	if x.Sign() >= 0 {
		b := x.Bytes()
		if len(b) == 0 || b[0] >= 0x80 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	size := uint(x.BitLen()/8 + 1)
	b := new(big.Int).Add(x, new(big.Int).Lsh(big.NewInt(1), size*8)).Bytes()
	for len(b) > 1 && b[0] == 0xff && b[1] >= 0x80 {
		b = b[1:]
	}
	return b
}

// appendSigned writes a number in two's complement as bytes, or padded to a fixed.
func appendSigned(dst []byte, n *node, raw []byte) ([]byte, error) {
	if n.kind != kindFixed {
		return appendBytes(dst, raw), nil
	}
	if len(raw) > n.size {
		return dst, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "numeric field overflow").WithDetail("The value does not fit %d bytes.", n.size)
	}
	for range n.size - len(raw) {
		if raw[0] >= 0x80 {
			dst = append(dst, 0xff)
		} else {
			dst = append(dst, 0)
		}
	}
	return append(dst, raw...), nil
}
