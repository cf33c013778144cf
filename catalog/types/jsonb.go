package types

import (
	"cmp"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/blocksort"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// AppendCanonicalJSON appends src as jsonb prints it: keys ordered by length
// and bytes, the last of equal keys, one space after : and ',', numbers as
// numeric prints them. It keeps nothing of src.
func AppendCanonicalJSON(dst, src []byte) ([]byte, error) {
	return appendCanonical(dst, view(src), nil)
}

// AppendCanonicalJSONUntil is AppendCanonicalJSON that gives up with the error of
// ended, which it asks all the while.
func AppendCanonicalJSONUntil(dst, src []byte, ended func() error) ([]byte, error) {
	return appendCanonical(dst, view(src), ended)
}

// appendCanonical gives up with the error of ended, where that is not nil and returns one.
func appendCanonical(dst []byte, s string, ended func() error) ([]byte, error) {
	if err := Pieces(s, ended, checkUTF8); err != nil {
		return dst, err
	}
	w := canonicalWriters.Get().(*canonicalWriter)
	defer w.release()
	w.jsonScanner = jsonScanner{s: s, unescapes: true, ended: ended}
	w.unescaped, w.members = w.unescaped[:0], w.members[:0]
	t, err := w.next()
	if err != nil {
		return dst, err
	}
	start := len(dst)
	if dst, err = w.value(dst, t); err != nil {
		return dst[:start], err
	}
	err = w.finish()
	return dst, err
}

// maxKeptMembers bounds the stack that a writer keeps: one large object shall
// not cost every later value.
const maxKeptMembers = 256

// release gives w back without what it read.
func (w *canonicalWriter) release() {
	if cap(w.members) > maxKeptMembers {
		return
	}
	w.jsonScanner = jsonScanner{}
	clear(w.members[:cap(w.members)])
	canonicalWriters.Put(w)
}

// canonicalWriter writes values as it scans. The members of the objects that
// are open lie on one stack: each object's are the last ones.
type canonicalWriter struct {
	jsonScanner
	unescaped []byte // strings that had escapes, one after the other
	members   []jsonMember
	order     []int32 // of the members of the object that is put in order
	scratch   []byte
}

var canonicalWriters = sync.Pool{New: func() any { return new(canonicalWriter) }}

// jsonMember is a member's key and where its text lies in the output.
type jsonMember struct {
	key        string
	start, end int
}

func (w *canonicalWriter) value(dst []byte, t jsonToken) ([]byte, error) {
	switch t {
	case '{':
		return w.object(dst)
	case '[':
		return w.array(dst)
	case jsonString:
		if w.plain {
			return append(dst, w.text()...), nil
		}
		s, err := w.unescape()
		if err != nil {
			return dst, err
		}
		return AppendJSONString(dst, s), nil
	case jsonNumber:
		if s := w.text(); w.plain && len(s) < maxScale {
			return append(dst, s...), nil
		}
		d, err := ParseDecimal(w.text())
		if err != nil {
			return dst, err
		}
		return d.Append(dst), nil
	case jsonTrue, jsonFalse, jsonNull:
		return append(dst, w.text()...), nil
	}
	return dst, w.expected(t, "JSON value")
}

// unescape returns the string token's characters, valid while the value is
// written.
func (w *canonicalWriter) unescape() (string, error) {
	if w.plain {
		s := w.text()
		return s[1 : len(s)-1], nil
	}
	from := len(w.unescaped)
	var ok bool
	if w.unescaped, ok = appendUnescaped(w.unescaped, w.text()); !ok {
		return "", sqlerr.Errorf(sqlerr.UntranslatableCharacter, "unsupported Unicode escape sequence").
			WithDetail("\\u0000 cannot be converted to text.")
	}
	return view(w.unescaped[from:]), nil
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
	base, open := len(w.members), len(dst)
	ordered := true
	for first := true; ; first = false {
		t, err := w.next()
		if err != nil {
			return dst, err
		}
		if t == '}' && first {
			break
		}
		var m jsonMember
		if t == jsonString {
			if m.key, err = w.unescape(); err != nil {
				return dst, err
			}
		}
		if t, err = w.memberValue(t, first); err != nil {
			return dst, err
		}
		if !first {
			dst = append(dst, ',', ' ')
		}
		m.start = len(dst)
		dst = AppendJSONString(dst, m.key)
		dst = append(dst, ':', ' ')
		if dst, err = w.value(dst, t); err != nil {
			return dst, err
		}
		m.end = len(dst)
		ordered = ordered && (first || compareKeys(w.members[len(w.members)-1], m) < 0)
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
		var err error
		if dst, err = w.reorder(dst, open, w.members[base:]); err != nil {
			return dst, err
		}
	}
	w.members = w.members[:base]
	w.depth--
	return append(dst, '}'), nil
}

func compareKeys(a, b jsonMember) int { return CompareJSONKeys(a.key, b.key) }

// CompareJSONKeys orders keys as those of an object of jsonb are: by length, then
// bytes.
func CompareJSONKeys(a, b string) int {
	if len(a) != len(b) {
		return compareInt(int64(len(a)), int64(len(b)))
	}
	return strings.Compare(a, b)
}

// reorder sorts the members that lie in dst from open on, the last of equal keys
// winning.
func (w *canonicalWriter) reorder(dst []byte, open int, members []jsonMember) ([]byte, error) {
	w.order = w.order[:0]
	for i := range members {
		w.order = append(w.order, int32(i))
	}
	err := blocksort.Sort(w.order, func(a, b int32) int {
		if c := compareKeys(members[a], members[b]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	}, w.ended)
	if err != nil {
		return dst, err
	}
	w.scratch = append(w.scratch[:0], dst[open:]...)
	dst = dst[:open]
	for k, i := range w.order {
		if k%blocksort.Block == blocksort.Block-1 && w.ended != nil {
			if err := w.ended(); err != nil {
				return dst, err
			}
		}
		m := members[i]
		if k+1 < len(w.order) && compareKeys(m, members[w.order[k+1]]) == 0 {
			continue
		}
		if len(dst) > open {
			dst = append(dst, ',', ' ')
		}
		dst = append(dst, w.scratch[m.start-open:m.end-open]...)
	}
	return dst, nil
}

var _ = register(&Info{
	OID: JSONB, Name: "jsonb", SQLName: "jsonb", Array: 3807, Len: -1, Align: 'i',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
	In: func(s string, _ int32, f *Format) (Value, error) {
		b, err := appendCanonical(make([]byte, 0, len(s)+16), s, f.ended())
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
		c, err := appendCanonical(make([]byte, 0, len(b)+16), view(b[1:]), nil)
		return NewString(JSONB, string(c)), err
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte { return append(append(dst, jsonbVersion), v.S...) },
	Compare:      func(a, b Value) int { return compareJSONB(a.S, b.S, nil) },
})

// jsonbVersion is the first byte of the binary form.
const jsonbVersion = 1
