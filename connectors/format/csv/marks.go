package csv

import (
	"math"
	"slices"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// marks are the places of a buffer where its fields end. They are found by blocks
// of 64 bytes, and without a branch for what is inside of a field: by vectors of 32
// bytes where the processor has them, else by words of 8.
type marks struct {
	delimiter, quote uint64 // eight of each
	// at[0] is -1, at[1:n+1] are where fields end.
	at []int32
	n  int
	// lines are how many of them are line breaks.
	lines int
	// wide: there may be bytes before the last mark that are not ASCII.
	wide bool
}

const block = 64

// newMarks returns marks for records of width fields. most are how many it finds
// at a time: those of some records, which still lie in a processor's cache.
func newMarks(delimiter, quote byte, width int) marks {
	const most = 4096
	m := marks{delimiter: uint64(delimiter) * lowBits, quote: uint64(quote) * lowBits, at: make([]int32, 1+max(most, width)+block)}
	m.at[0] = -1
	return m
}

// find looks for the delimiters and line breaks of b up to the first quote or
// NUL, and stops when it has found about want of them, at most len(at)-1.
func (m *marks) find(b []byte, want int) {
	m.n, m.lines, m.wide = 0, 0, false
	want = min(want, len(m.at)-1-block)
	whole := len(b) &^ (block - 1)
	if !m.blocks(b[:whole], 0, want) || whole == len(b) || m.n >= want {
		return
	}
	// The zeros behind what is left end the search, as a NUL does.
	var rest [block]byte
	copy(rest[:], b[whole:])
	m.blocks(rest[:], whole, want)
}

// blocks looks through b, which is whole blocks and begins at base, until it has
// found want marks or a quote or NUL, and reports whether it found none of these.
func (m *marks) blocks(b []byte, base, want int) bool {
	if len(b) == 0 {
		return true
	}
	if vectors {
		return m.byVectors(b, base, want)
	}
	return m.byWords(b, base, want)
}

// records returns how many of rows records of width fields the marks begin with.
func (m *marks) records(b []byte, rows, width, longest int) int {
	n, from := 0, int32(-1)
	for ; n < rows; n++ {
		end := m.at[(n+1)*width]
		if size := int(end-from) - 1; size == 0 || size > longest || b[end] != '\n' {
			break
		}
		from = end
	}
	lines := m.lines
	for _, end := range m.at[n*width+1 : m.n+1] {
		if b[end] == '\n' {
			lines--
		}
	}
	// So many line breaks, and so many records that end with one: no field does.
	if lines != n {
		n = m.narrow(b, n, width)
	}
	if m.wide {
		n = m.valid(b, n, width)
	}
	return n
}

// narrow returns how many of the records have no line break but the last.
func (m *marks) narrow(b []byte, rows, width int) int {
	for k := range rows {
		for _, e := range m.at[k*width+1 : (k+1)*width] {
			if b[e] == '\n' {
				return k
			}
		}
	}
	return rows
}

// valid returns how many of the records are UTF-8.
func (m *marks) valid(b []byte, rows, width int) int {
	if utf8.Valid(b[:m.at[rows*width]+1]) {
		return rows
	}
	for k := range rows {
		if !utf8.Valid(b[m.at[k*width]+1 : m.at[(k+1)*width]]) {
			return k
		}
	}
	return rows
}

// cells are the texts of one field in records that follow one another.
type cells struct {
	b     []byte
	at    []int32 // from the mark before the field of the first record
	width int
	last  bool // it is the records' last field
	null  string
	// digits: null has some, so a number or timestamp may be NULL.
	digits bool
}

// span returns where the field of record k begins and ends.
func (c *cells) span(k int) (from, to int) {
	k *= c.width
	from, to = int(c.at[k])+1, int(c.at[k+1])
	if c.last && to > from && c.b[to-1] == '\r' {
		to--
	}
	return from, to
}

// texts appends the texts of records k to rows, up to one that is NULL or of more than
// most bytes, or for which the column's buffer has no room, and returns how many. Each
// goes as sixteen bytes, of which the rest is written over later.
func (c *cells) texts(t *vec.Bytes, k, rows, most int) int {
	if len(t.Offsets) == 0 {
		t.Offsets = append(t.Offsets, 0)
	}
	had := len(t.Offsets)
	t.Offsets = slices.Grow(t.Offsets, rows-k)
	offsets := t.Offsets[had : had+rows-k]
	b, at := c.b, k*c.width
	data, end := t.Data[:min(cap(t.Data), math.MaxInt32)], len(t.Data)
	n := 0
	for i := range offsets {
		to, from := int(c.at[at+1]), int(c.at[at])+1
		if c.last && to > from && b[to-1] == '\r' {
			to--
		}
		size := to - from
		if size > most || from+16 > len(b) || end+size+16 > len(data) || c.isNull(from, to) {
			break
		}
		*(*[16]byte)(data[end:]) = *(*[16]byte)(b[from:])
		if size > 16 {
			copy(data[end+16:end+size], b[from+16:to])
		}
		end += size
		offsets[i] = int32(end)
		at += c.width
		n = i + 1
	}
	t.Offsets, t.Data = t.Offsets[:had+n], data[:end]
	return n
}

// isNull reports whether a text says NULL.
func (c *cells) isNull(from, to int) bool {
	return to-from == len(c.null) && string(c.b[from:to]) == c.null
}

// ascii reports whether all bytes of s are.
func ascii(s []byte) bool {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
