package csv

import (
	"bytes"
	"encoding/binary"
	"math/bits"
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

// byWords is blocks without vectors.
func (m *marks) byWords(b []byte, base, want int) bool {
	had, at := m.n, 0
	for ; at < len(b) && m.n < want; at += block {
		m.block((*[block]byte)(b[at:]), int32(base+at))
	}
	plain := m.cut(b[:at], base)
	if m.n > had {
		m.lines += bytes.Count(b[:int(m.at[m.n])+1-base], []byte{'\n'})
	}
	return plain
}

// cut takes back the marks behind the first quote or NUL of b, which begins at
// base, and reports whether there is none.
func (m *marks) cut(b []byte, base int) bool {
	end := len(b)
	if i := bytes.IndexByte(b, byte(m.quote)); i >= 0 {
		end = i
	}
	if i := bytes.IndexByte(b[:end], 0); i >= 0 {
		end = i
	}
	for m.n > 0 && m.at[m.n] >= int32(base+end) {
		m.n--
	}
	return end == len(b)
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
