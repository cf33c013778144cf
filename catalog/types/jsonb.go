package types

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// AppendCanonicalJSON appends src as jsonb prints it: keys ordered by length
// and bytes, the last of equal keys, one space after : and ',', numbers as
// numeric prints them. It keeps nothing of src.
func AppendCanonicalJSON(dst, src []byte) ([]byte, error) { return appendCanonical(dst, view(src)) }

func appendCanonical(dst []byte, s string) ([]byte, error) {
	if err := checkUTF8(s); err != nil {
		return dst, err
	}
	w := canonicalWriters.Get().(*canonicalWriter)
	defer canonicalWriters.Put(w)
	w.jsonScanner = jsonScanner{s: s, unescapes: true}
	w.keys, w.members = w.keys[:0], w.members[:0]
	t, err := w.next()
	if err != nil {
		return dst, err
	}
	start := len(dst)
	if dst, err = w.value(dst, t); err != nil {
		return dst[:start], err
	}
	err = w.finish()
	w.s = ""
	return dst, err
}

// canonicalWriter writes values as it scans. The members of the objects that
// are open lie on one stack: each object's are the last ones.
type canonicalWriter struct {
	jsonScanner
	keys    []byte // the keys of members, unescaped
	members []jsonMember
	scratch []byte
}

var canonicalWriters = sync.Pool{New: func() any { return new(canonicalWriter) }}

// jsonMember is where a member lies: its key in keys, its text in the output.
type jsonMember struct {
	keyStart, keyEnd int
	start, end       int
}

func (w *canonicalWriter) value(dst []byte, t jsonToken) ([]byte, error) {
	switch t {
	case '{':
		return w.object(dst)
	case '[':
		return w.array(dst)
	case jsonString:
		from := len(w.keys)
		if err := w.unescape(); err != nil {
			return dst, err
		}
		dst = AppendJSONString(dst, view(w.keys[from:]))
		w.keys = w.keys[:from]
		return dst, nil
	case jsonNumber:
		return appendJSONNumber(dst, w.text())
	case jsonTrue, jsonFalse, jsonNull:
		return append(dst, w.text()...), nil
	}
	return dst, w.expected(t, "JSON value")
}

// unescape appends the string token's characters to keys.
func (w *canonicalWriter) unescape() error {
	var ok bool
	if w.keys, ok = appendUnescaped(w.keys, w.text()); !ok {
		return sqlerr.Errorf(sqlerr.UntranslatableCharacter, "unsupported Unicode escape sequence").
			WithDetail("\\u0000 cannot be converted to text.")
	}
	return nil
}

// appendJSONNumber appends a number as numeric prints it, which without an
// exponent or a minus before zero is how it is written.
func appendJSONNumber(dst []byte, s string) ([]byte, error) {
	if len(s) < maxScale && strings.IndexByte(s, 'e') < 0 && strings.IndexByte(s, 'E') < 0 && !strings.HasPrefix(s, "-0") {
		return append(dst, s...), nil
	}
	d, err := ParseDecimal(s)
	if err != nil {
		return dst, err
	}
	return d.Append(dst), nil
}

func (w *canonicalWriter) array(dst []byte) ([]byte, error) {
	if err := w.enter(); err != nil {
		return dst, err
	}
	dst = append(dst, '[')
	for first := true; ; first = false {
		t, err := w.next()
		if err != nil {
			return dst, err
		}
		if t == ']' && first {
			break
		}
		if !first {
			dst = append(dst, ',', ' ')
		}
		if dst, err = w.value(dst, t); err != nil {
			return dst, err
		}
		if t, err = w.next(); err != nil {
			return dst, err
		}
		if t == ']' {
			break
		}
		if t != ',' {
			return dst, w.expected(t, "\",\" or \"]\"")
		}
	}
	w.depth--
	return append(dst, ']'), nil
}

func (w *canonicalWriter) object(dst []byte) ([]byte, error) {
	if err := w.enter(); err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	base, keyBase, open := len(w.members), len(w.keys), len(dst)
	ordered := true
	for first := true; ; first = false {
		t, err := w.next()
		if err != nil {
			return dst, err
		}
		if t == '}' && first {
			break
		}
		m := jsonMember{keyStart: len(w.keys)}
		if t == jsonString {
			if err := w.unescape(); err != nil {
				return dst, err
			}
		}
		m.keyEnd = len(w.keys)
		if t, err = w.memberValue(t, first); err != nil {
			return dst, err
		}
		if !first {
			dst = append(dst, ',', ' ')
		}
		m.start = len(dst)
		dst = AppendJSONString(dst, view(w.keys[m.keyStart:m.keyEnd]))
		dst = append(dst, ':', ' ')
		if dst, err = w.value(dst, t); err != nil {
			return dst, err
		}
		m.end = len(dst)
		ordered = ordered && (first || w.compareKeys(w.members[len(w.members)-1], m) < 0)
		w.members = append(w.members, m)
		if t, err = w.next(); err != nil {
			return dst, err
		}
		if t == '}' {
			break
		}
		if t != ',' {
			return dst, w.expected(t, "\",\" or \"}\"")
		}
	}
	if !ordered {
		dst = w.reorder(dst, open, w.members[base:])
	}
	w.members, w.keys = w.members[:base], w.keys[:keyBase]
	w.depth--
	return append(dst, '}'), nil
}

// compareKeys orders keys by length, then bytes.
func (w *canonicalWriter) compareKeys(a, b jsonMember) int {
	if c := compareInt(int64(a.keyEnd-a.keyStart), int64(b.keyEnd-b.keyStart)); c != 0 {
		return c
	}
	return bytes.Compare(w.keys[a.keyStart:a.keyEnd], w.keys[b.keyStart:b.keyEnd])
}

// reorder sorts the members that lie in dst from open on, the last of equal keys
// winning.
func (w *canonicalWriter) reorder(dst []byte, open int, members []jsonMember) []byte {
	slices.SortStableFunc(members, w.compareKeys)
	w.scratch = append(w.scratch[:0], dst[open:]...)
	dst = dst[:open]
	for i, m := range members {
		if i+1 < len(members) && w.compareKeys(m, members[i+1]) == 0 {
			continue
		}
		if len(dst) > open {
			dst = append(dst, ',', ' ')
		}
		dst = append(dst, w.scratch[m.start-open:m.end-open]...)
	}
	return dst
}

var _ = register(&Info{
	OID: JSONB, Name: "jsonb", SQLName: "jsonb", Array: 3807, Len: -1, Align: 'i',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		b, err := appendCanonical(make([]byte, 0, len(s)+16), s)
		return NewString(JSONB, string(b)), err
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return append(dst, v.S...) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) == 0 {
			return Value{}, errBinaryLength(b, 2)
		}
		if b[0] != jsonbVersion {
			return Value{}, sqlerr.Errorf(sqlerr.InternalError, "unsupported jsonb version number %d", b[0])
		}
		c, err := appendCanonical(make([]byte, 0, len(b)+16), view(b[1:]))
		return NewString(JSONB, string(c)), err
	},
	AppendBinary: func(dst []byte, v Value) []byte { return append(append(dst, jsonbVersion), v.S...) },
	Compare:      func(a, b Value) int { return CompareJSONB(a.S, b.S) },
})

// jsonbVersion is the first byte of the binary form.
const jsonbVersion = 1
