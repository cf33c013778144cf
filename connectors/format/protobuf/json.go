package protobuf

import (
	"encoding/hex"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
)

// maxJSON is the longest JSON that is made of a value, in bytes: names and defaults of
// fields may be a thousand times what the record has.
const maxJSON = 64 << 20

// jsonWriter writes values as JSON: messages as objects of their fields by their own
// names, those that have not been set null, but for those of a oneof, which are left
// out; maps as objects, bytes as PostgreSQL's hexadecimal, enums by name, numbers as
// numbers.
type jsonWriter struct {
	b     []byte
	parts []part // of the messages around the one in hand, and of that
	out   []byte
}

// part is where a value of a field lies.
type part struct {
	place    int
	tag      uint64
	from, to int
}

// asJSON writes the parts of a step's value.
func (d *Decoder) asJSON(s *step) bool {
	w := &d.json
	w.parts = w.parts[:0]
	for _, sp := range s.spans {
		w.parts = append(w.parts, part{tag: sp.wire, from: sp.from, to: sp.to})
	}
	var ok bool
	var err error
	w.out, ok, err = w.field(w.out[:0], s.field, 0, len(w.parts), 0)
	if !ok {
		return false
	}
	if err == nil {
		switch s.typ.OID {
		case types.JSONB:
			var data []byte
			if data, err = types.AppendCanonicalJSON(s.text.Data, w.out); err == nil {
				s.text.Data = data
				s.text.EndRow()
			}
		default:
			s.text.Append(w.out)
		}
	}
	return err == nil || d.fault(s, err)
}

// field writes a field whose parts are w.parts[lo:hi]; false: one breaks off.
func (w *jsonWriter) field(dst []byte, f *field, lo, hi, depth int) ([]byte, bool, error) {
	if len(dst) > maxJSON {
		return dst, true, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a value is longer than %d bytes as JSON", maxJSON)
	}
	if f.list {
		return w.list(dst, f, lo, hi, depth)
	}
	if lo == hi {
		if f.presence {
			return append(dst, "null"...), true, nil
		}
		dst, err := f.appendJSON(dst, 0, nil)
		return dst, true, err
	}
	last := w.parts[hi-1]
	if f.message == nil {
		u, from, next := f.read(w.b, last.from)
		if f.kind.wire() == wireBytes {
			from, next = last.from, last.to
		}
		if next < 0 || next > last.to {
			return dst, false, nil
		}
		dst, err := f.appendJSON(dst, u, w.b[from:next])
		return dst, true, err
	}
	if hi-lo > 1 {
		// The parts of a message are merged, which is as if they were one.
		var all []byte
		for _, p := range w.parts[lo:hi] {
			all = append(all, w.b[p.from:p.to]...)
		}
		outer := w.b
		w.b = all
		dst, ok, err := w.message(dst, f.message, 0, len(all), depth)
		w.b = outer
		return dst, ok, err
	}
	return w.message(dst, f.message, last.from, last.to, depth)
}

// list writes the elements of a repeated field, or the entries of a map.
func (w *jsonWriter) list(dst []byte, f *field, lo, hi, depth int) ([]byte, bool, error) {
	open, end := byte('['), byte(']')
	if f.isMap {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	first := true
	for at := lo; at < hi; at++ {
		p := w.parts[at]
		for from := p.from; ; {
			next, ok, err := p.to, true, error(nil)
			if f.message == nil && f.kind.wire() != wireBytes && p.tag&7 == wireBytes && from >= p.to {
				break // the end of a packed one
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			switch {
			case f.isMap:
				dst, ok, err = w.entry(dst, f.message, p, depth)
			case f.message != nil:
				dst, ok, err = w.message(dst, f.message, p.from, p.to, depth)
			case f.kind.wire() == wireBytes:
				dst, err = f.appendJSON(dst, 0, w.b[p.from:p.to])
			default:
				var u uint64
				if u, _, next = f.read(w.b[:p.to], from); next < 0 {
					return dst, false, nil
				}
				dst, err = f.appendJSON(dst, u, nil)
			}
			if !ok || err != nil {
				return dst, ok, err
			}
			if len(dst) > maxJSON {
				return dst, true, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a value is longer than %d bytes as JSON", maxJSON)
			}
			if from = next; from >= p.to {
				break
			}
		}
	}
	return append(dst, end), true, nil
}

// entry writes an entry of a map.
func (w *jsonWriter) entry(dst []byte, m *message, p part, depth int) ([]byte, bool, error) {
	base := len(w.parts)
	defer func() { w.parts = w.parts[:base] }()
	if !w.gather(m, p.from, p.to, depth) {
		return dst, false, nil
	}
	key, value := m.fields[0], m.fields[1]
	split := base
	for split < len(w.parts) && w.parts[split].place == key.place {
		split++
	}
	end := len(w.parts)
	dst = append(dst, '"')
	at := len(dst)
	one := *key
	one.presence = false
	dst, ok, err := w.field(dst, &one, base, split, depth+1)
	if !ok || err != nil {
		return dst, ok, err
	}
	if key.kind == kindString {
		dst = append(dst[:at-1], dst[at:]...) // it has its own quotes
	} else {
		dst = append(dst, '"')
	}
	dst = append(dst, ':')
	if split == end && value.message != nil {
		return w.message(dst, value.message, p.to, p.to, depth+1)
	}
	of := *value
	of.presence = false
	return w.field(dst, &of, split, end, depth+1)
}

// gather adds the parts of the message in b[from:to], in the order of its fields.
func (w *jsonWriter) gather(m *message, from, to, depth int) bool {
	base := len(w.parts)
	b := w.b[:to]
	sorted := true
	for i := from; i < to; {
		tag, k := wire.Uvarint(b, i)
		if k < 0 || badNumber(tag) {
			return false
		}
		if i = skip(b, k, tag, depth); i < 0 {
			return false
		}
		f := m.number(tag >> 3)
		if f == nil || !f.takes(tag) {
			continue
		}
		at := spanOf(b, k, i, tag)
		if n := len(w.parts); n > base && w.parts[n-1].place > f.place {
			sorted = false
		}
		w.parts = append(w.parts, part{place: f.place, tag: tag, from: at.from, to: at.to})
	}
	if !sorted {
		slices.SortStableFunc(w.parts[base:], func(a, b part) int { return a.place - b.place })
	}
	return true
}

// message writes the message in b[from:to].
func (w *jsonWriter) message(dst []byte, m *message, from, to, depth int) ([]byte, bool, error) {
	if depth++; depth > maxDepth {
		return dst, true, tooDeep()
	}
	if m.scalar() && (m.means < meansStruct || m.means > meansAny) {
		return m.appendText(dst, w.b[from:to], true)
	}
	base := len(w.parts)
	defer func() { w.parts = w.parts[:base] }()
	if !w.gather(m, from, to, depth) {
		return dst, false, nil
	}
	end := len(w.parts)
	switch m.means {
	case meansStruct, meansList:
		return w.field(dst, m.fields[0], base, end, depth)
	case meansValue:
		return w.value(dst, m, base, end, depth)
	case meansAny:
		var p parts
		if !m.read(w.b[from:to], &p) {
			return dst, false, nil
		}
		if !wire.PlainText(p[1].text) {
			return dst, true, notText(p[1].text)
		}
		dst = types.AppendJSONString(append(dst, `{"@type":`...), string(p[1].text))
		dst = hex.AppendEncode(append(dst, `,"value":"\\x`...), p[2].text)
		return append(dst, `"}`...), true, nil
	}
	dst = append(dst, '{')
	first := true
	at := base
	for _, f := range m.fields {
		lo := at
		for at < end && w.parts[at].place == f.place {
			at++
		}
		if f.oneof && lo == at {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(types.AppendJSONString(dst, f.name), ':')
		var ok bool
		var err error
		if dst, ok, err = w.field(dst, f, lo, at, depth); !ok || err != nil {
			return dst, ok, err
		}
	}
	return append(dst, '}'), true, nil
}

// value writes a google.protobuf.Value, of which what stands last counts.
func (w *jsonWriter) value(dst []byte, m *message, base, end, depth int) ([]byte, bool, error) {
	last := -1
	for i := base; i < end; i++ {
		if last < 0 || w.parts[i].from >= w.parts[last].from {
			last = i
		}
	}
	if last < 0 {
		return append(dst, "null"...), true, nil
	}
	f := m.fields[w.parts[last].place]
	if f.kind == kindEnum {
		return append(dst, "null"...), true, nil
	}
	lo := last
	for lo > base && w.parts[lo-1].place == f.place {
		lo--
	}
	return w.field(dst, f, lo, last+1, depth)
}

// appendJSON writes a scalar.
func (f *field) appendJSON(dst []byte, u uint64, text []byte) ([]byte, error) {
	switch f.kind {
	case kindString:
		if !wire.PlainText(text) {
			return dst, notText(text)
		}
		return types.AppendJSONString(dst, string(text)), nil
	case kindEnum:
		return append(f.appendEnum(append(dst, '"'), int32(uint32(u))), '"'), nil
	case kindBytes:
		return append(hex.AppendEncode(append(dst, `"\\x`...), text), '"'), nil
	case kindFloat, kindDouble:
		x := math.Float64frombits(u)
		if f.kind == kindFloat {
			x = float64(math.Float32frombits(uint32(u)))
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			dst = append(dst, '"')
			dst, err := f.appendText(dst, u, text)
			return append(dst, '"'), err
		}
	}
	return f.appendText(dst, u, text)
}
