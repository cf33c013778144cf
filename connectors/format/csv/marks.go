package csv

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
	lowSeven = ^uint64(highBits)
	newlines = '\n' * lowBits
)

// same marks the bytes of w that are those of pattern: with their highest bit.
func same(w, pattern uint64) uint64 {
	x := w ^ pattern
	return ^((x&lowSeven + lowSeven) | x) & highBits
}

// pack gathers the highest bits of the bytes of m, which has no others.
func pack(m uint64) uint64 { return m >> 7 * 0x0102040810204080 >> 56 }

// inside has the highest bit of each byte of w that is neither that of delimiters
// nor a line break. All are ASCII.
func inside(w, delimiters uint64) uint64 {
	return (w ^ delimiters + lowSeven) & (w ^ newlines + lowSeven) & highBits
}

// turn makes the rows of eight times eight bits their columns.
func turn(x uint64) uint64 {
	t := (x ^ x>>7) & 0x00aa00aa00aa00aa
	x ^= t ^ t<<7
	t = (x ^ x>>14) & 0x0000cccc0000cccc
	x ^= t ^ t<<14
	t = (x ^ x>>28) & 0x00000000f0f0f0f0
	return x ^ t ^ t<<28
}

// marks are the places of a buffer where its fields end. They are found by blocks
// of 64 bytes, and without a branch for what is inside of a field.
type marks struct {
	delimiter, quote uint64 // eight of each
	// at[0] is -1, at[1:n+1] are where fields end.
	at []int32
	n  int
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
	m.n, m.wide = 0, false
	want = min(want, len(m.at)-1-block)
	at := 0
	for ; len(b)-at >= block && m.n < want; at += block {
		m.block((*[block]byte)(b[at:]), int32(at))
	}
	if at < len(b) && m.n < want {
		var rest [block]byte
		copy(rest[:], b[at:])
		m.block(&rest, int32(at))
	}
	m.cut(b[:min(at+block, len(b))])
}

// cut takes back the marks behind what is not plain.
func (m *marks) cut(b []byte) {
	if m.n == 0 {
		return
	}
	end := len(b)
	if i := bytes.IndexByte(b, byte(m.quote)); i >= 0 {
		end = i
	}
	if i := bytes.IndexByte(b[:end], 0); i >= 0 {
		end = i
	}
	for m.n > 0 && m.at[m.n] >= int32(end) {
		m.n--
	}
}

// block finds those of one block, which begins at base.
func (m *marks) block(b *[block]byte, base int32) {
	d := m.delimiter
	w0, w1, w2, w3 := binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
	w4, w5, w6, w7 := binary.LittleEndian.Uint64(b[32:]), binary.LittleEndian.Uint64(b[40:]), binary.LittleEndian.Uint64(b[48:]), binary.LittleEndian.Uint64(b[56:])
	// Bit k of byte i is for byte i of word k, and then for byte k of word i.
	ends := ^turn(inside(w0, d)>>7 | inside(w1, d)>>6 | inside(w2, d)>>5 | inside(w3, d)>>4 |
		inside(w4, d)>>3 | inside(w5, d)>>2 | inside(w6, d)>>1 | inside(w7, d))
	if (w0|w1|w2|w3|w4|w5|w6|w7)&highBits != 0 {
		ends = m.careful(b)
	}
	to := m.at[m.n+1:]
	m.n += bits.OnesCount64(ends)
	for i := 0; ends != 0; i++ {
		to[i] = base + int32(bits.TrailingZeros64(ends))
		ends &= ends - 1
	}
}

// careful finds the marks of a block that is not ASCII.
func (m *marks) careful(b *[block]byte) (ends uint64) {
	m.wide = true
	for i := 0; i < block; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		ends |= pack(same(w, m.delimiter)|same(w, newlines)) << i
	}
	return ends
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
	// So many line breaks, and so many records that end with one: no field does.
	if bytes.Count(b[:from+1], []byte{'\n'}) != n {
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
