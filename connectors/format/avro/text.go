package avro

import (
	"encoding/binary"
	"encoding/hex"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"math"
	"strconv"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// json decodes any value into a column of json or jsonb.
func (d *Decoder) json(s *step, b []byte, i int) int {
	from := i
	var err error
	d.scratch, i, err = d.appendJSON(d.scratch[:0], s.node, b, i, 0)
	if i < 0 {
		return d.short(s, b, i)
	}
	if err != nil {
		return d.inside(s, b, from, err)
	}
	if string(d.scratch) == "null" && s.node.kind != kindString {
		s.null()
		return i
	}
	if s.typ.OID == types.JSON {
		s.text.Append(d.scratch)
		return i
	}
	data, err := types.AppendCanonicalJSON(s.text.Data, d.scratch)
	if err != nil {
		return d.bad(s, i, err)
	}
	s.text.Data = data
	s.text.EndRow()
	return i
}

// inside is bad for a value that begins at b[i], of which something inside is wrong.
func (d *Decoder) inside(s *step, b []byte, i int, err error) int {
	d.scratch = nil
	if i = d.skip(s.node, b, i, 0); i < 0 {
		return d.short(s, b, i)
	}
	return d.bad(s, i, err)
}

// convert reads a value's text form as the column's type.
func (d *Decoder) convert(s *step, b []byte, i int) int {
	from := i
	var err error
	if s.node.kind == kindArray || s.node.kind == kindMap || s.node.kind == kindRecord || s.node.kind == kindUnion {
		d.scratch, i, err = d.appendJSON(d.scratch[:0], s.node, b, i, 0)
	} else {
		d.scratch, i, err = d.appendScalar(d.scratch[:0], s.node, b, i, false)
	}
	if i < 0 {
		return d.short(s, b, i)
	}
	if err != nil {
		return d.inside(s, b, from, err)
	}
	if !wire.PlainText(d.scratch) {
		return d.bad(s, i, notText(d.scratch))
	}
	if s.typ.OID == types.Text {
		s.text.Append(d.scratch)
		return i
	}
	v, err := types.Parse(s.typ, string(d.scratch), d.format)
	if err != nil {
		return d.bad(s, i, err)
	}
	vec.Append(s.col, v)
	return i
}

// maxJSON is the longest JSON that is made of a value, in bytes: names of fields and
// defaults may be a thousand times what the record has.
const maxJSON = 64 << 20

// appendJSON writes a value as JSON and returns the index after it. Bytes are
// PostgreSQL's hexadecimal, times ISO 8601, decimals exact numbers; a union is its
// value.
func (d *Decoder) appendJSON(dst []byte, n *node, b []byte, i, depth int) ([]byte, int, error) {
	if depth > maxDepth {
		return dst, -1, nil
	}
	if n.failure != nil {
		return dst, i, n.failure
	}
	if len(dst) > maxJSON {
		return dst, i, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a value is longer than %d bytes as JSON", maxJSON)
	}
	var err error
	switch n.kind {
	case kindUnion:
		branch, next := wire.Varint(b, i)
		if next < 0 || branch < 0 || branch >= int64(len(n.branches)) {
			return dst, -1, nil
		}
		return d.appendJSON(dst, n.branches[branch], b, next, depth+1)
	case kindRecord:
		if n.empty && !d.empty(1) {
			return dst, -1, nil
		}
		dst = append(dst, '{')
		first := true
		for k := range n.fields {
			f := &n.fields[k]
			if f.skip {
				if i = d.skip(f.node, b, i, depth+1); i < 0 {
					return dst, i, nil
				}
				continue
			}
			dst = appendKey(dst, f.name, first)
			first = false
			if dst, i, err = d.appendJSON(dst, f.node, b, i, depth+1); i < 0 || err != nil {
				return dst, i, err
			}
		}
		for k := range n.absent {
			f := &n.absent[k]
			dst = appendKey(dst, f.name, first)
			first = false
			var end int
			if dst, end, err = d.appendJSON(dst, f.node, f.def, 0, depth+1); end < 0 || err != nil {
				return dst, end, err
			}
		}
		return append(dst, '}'), i, nil
	case kindArray, kindMap:
		return d.appendItems(dst, n, b, i, depth)
	}
	return d.appendScalar(dst, n, b, i, true)
}

func appendKey(dst []byte, name string, first bool) []byte {
	if !first {
		dst = append(dst, ',')
	}
	return append(types.AppendJSONString(dst, name), ':')
}

func (d *Decoder) appendItems(dst []byte, n *node, b []byte, i, depth int) ([]byte, int, error) {
	least, open, end := n.items.least, byte('['), byte(']')
	if n.kind == kindMap {
		least, open, end = least+1, '{', '}'
	}
	dst = append(dst, open)
	first := true
	for {
		var count int64
		if count, i = d.block(b, i, least); i < 0 {
			return dst, -1, nil
		}
		if count == 0 {
			return append(dst, end), i, nil
		}
		if n.items.empty && n.items.kind == kindRecord {
			d.empties -= count // they count themselves
		}
		for range count {
			if n.kind == kindMap {
				from, to := span(b, i)
				if to < 0 {
					return dst, -1, nil
				}
				if !wire.PlainText(b[from:to]) {
					return dst, to, notText(b[from:to])
				}
				dst = appendKey(dst, string(b[from:to]), first)
				i = to
			} else if !first {
				dst = append(dst, ',')
			}
			first = false
			var err error
			if dst, i, err = d.appendJSON(dst, n.items, b, i, depth+1); i < 0 || err != nil {
				return dst, i, err
			}
		}
	}
}

// appendScalar writes a value that has no others inside: as JSON, or, plain, as
// text that the type of the same meaning reads.
func (d *Decoder) appendScalar(dst []byte, n *node, b []byte, i int, asJSON bool) ([]byte, int, error) {
	quote := func() {
		if asJSON {
			dst = append(dst, '"')
		}
	}
	switch n.kind {
	case kindNull:
		return append(dst, "null"...), i, nil
	case kindBool:
		if i >= len(b) || b[i] > 1 {
			return dst, -1, nil
		}
		return strconv.AppendBool(dst, b[i] == 1), i + 1, nil
	case kindInt, kindLong:
		v, next := wire.Varint(b, i)
		if next < 0 {
			return dst, -1, nil
		}
		if n.logical == logicalNone {
			if n.as == kindFloat || n.as == kindDouble {
				return appendFloat(dst, float64(v), n.as, asJSON), next, nil
			}
			return strconv.AppendInt(dst, v, 10), next, nil
		}
		quote()
		var err error
		dst, err = appendTime(dst, n, v)
		quote()
		return dst, next, err
	case kindFloat:
		if i+4 > len(b) {
			return dst, -1, nil
		}
		return appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))), n.as, asJSON), i + 4, nil
	case kindDouble:
		if i+8 > len(b) {
			return dst, -1, nil
		}
		return appendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(b[i:])), n.as, asJSON), i + 8, nil
	case kindEnum:
		v, next := wire.Varint(b, i)
		if next < 0 || v < 0 || v >= int64(len(n.symbols)) {
			return dst, -1, nil
		}
		if n.symbols[v] == "" {
			return dst, next, noSymbol(n, v)
		}
		quote()
		dst = append(dst, n.symbols[v]...)
		quote()
		return dst, next, nil
	}
	from, to := i, i+n.size
	if n.kind != kindFixed {
		from, to = span(b, i)
	}
	if to < 0 || to > len(b) {
		return dst, -1, nil
	}
	dst, err := appendBinary(dst, n, b[from:to], asJSON)
	return dst, to, err
}

// appendBinary writes what bytes, a fixed or a string hold.
func appendBinary(dst []byte, n *node, v []byte, asJSON bool) ([]byte, error) {
	quote := func() {
		if asJSON {
			dst = append(dst, '"')
		}
	}
	switch {
	case n.logical == logicalDecimal:
		dec, err := decimalOf(v, n.scale)
		if err != nil {
			return dst, err
		}
		return dec.Append(dst), nil
	case n.logical == logicalUUID && n.kind == kindFixed:
		quote()
		dst = types.AppendUUID(dst, types.UUIDValue(v))
		quote()
		return dst, nil
	case n.logical == logicalDuration:
		span := durationOf(v)
		quote()
		dst = types.AppendText(dst, types.Value{Type: types.Of(types.Interval), Span: span}, types.DefaultFormat())
		quote()
		return dst, nil
	case n.as == kindString:
		switch {
		case !asJSON:
			return append(dst, v...), nil
		case !wire.PlainText(v):
			return dst, notText(v)
		case n.logical == logicalJSON:
			if err := types.CheckJSON(v); err != nil {
				return dst, err
			}
			return append(dst, v...), nil
		}
		return types.AppendJSONString(dst, string(v)), nil
	}
	quote()
	if asJSON {
		dst = append(dst, '\\')
	}
	dst = hex.AppendEncode(append(dst, `\x`...), v)
	quote()
	return dst, nil
}

// durationOf reads months, days and milliseconds, of four bytes each.
func durationOf(b []byte) types.IntervalValue {
	return types.IntervalValue{
		Months: int32(binary.LittleEndian.Uint32(b)), Days: int32(binary.LittleEndian.Uint32(b[4:])),
		Micros: int64(binary.LittleEndian.Uint32(b[8:])) * 1000,
	}
}

func appendFloat(dst []byte, f float64, as kind, asJSON bool) []byte {
	bits := 64
	if as == kindFloat {
		bits = 32
	}
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		name := "NaN"
		if f > 0 {
			name = "Infinity"
		} else if f < 0 {
			name = "-Infinity"
		}
		if asJSON {
			return append(append(append(dst, '"'), name...), '"')
		}
		return append(dst, name...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

// appendTime writes a date, a time of the day, an instant.
func appendTime(dst []byte, n *node, v int64) ([]byte, error) {
	s := step{op: opMicros, node: n, typ: types.Of(types.Timestamptz), add: types.UnixEpoch}
	layout := "2006-01-02T15:04:05.999999"
	switch n.logical {
	case logicalDate:
		if v < firstDay || v > lastDay {
			s.typ = types.Of(types.Date)
			return dst, outOfRange(v, &s)
		}
		return types.AppendText(dst, types.NewInt(types.Date, v-epochDays), types.DefaultFormat()), nil
	case logicalTime:
		s.add, s.hi, s.typ, layout = 0, 86400000000, types.Of(types.Time), ""
	case logicalInstant:
		layout += "Z07:00"
	}
	s.mul, s.div = ratio(n.nanos)
	t, ok := s.micros(v)
	if !ok {
		return dst, outOfRange(v, &s)
	}
	if layout == "" {
		return types.AppendText(dst, types.NewInt(types.Time, t), types.DefaultFormat()), nil
	}
	at := time.UnixMicro(t - types.UnixEpoch).UTC()
	if y := at.Year(); y < 1 || y > 9999 {
		oid := types.Timestamptz
		if n.logical == logicalLocal {
			oid = types.Timestamp
		}
		return types.AppendText(dst, types.NewInt(oid, t), types.DefaultFormat()), nil
	}
	return at.AppendFormat(dst, layout), nil
}
