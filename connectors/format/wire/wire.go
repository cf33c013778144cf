// Package wire reads what the binary formats have in common: numbers of variable
// length, and text.
package wire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Uvarint reads a variable-length number and returns the index after it; -1 where
// it does not end within b, or within ten bytes.
func Uvarint(b []byte, i int) (uint64, int) {
	if uint(i) < uint(len(b)) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	return UvarintLong(b, i)
}

// Varint reads such a number with its sign in the lowest bit (zigzag). Most are lengths
// and differences: those of one and two bytes are read here.
func Varint(b []byte, i int) (int64, int) {
	if i >= 0 && i+1 < len(b) {
		low, high := uint64(b[i]), uint64(b[i+1])
		if low < 0x80 {
			return Signed(low), i + 1
		}
		if high < 0x80 {
			return Signed(low&0x7f | high<<7), i + 2
		}
	}
	u, i := Uvarint(b, i)
	return Signed(u), i
}

// Signed is the number whose sign is in the lowest bit of u.
func Signed(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// UvarintLong is Uvarint for who has looked for numbers of one byte itself. It takes up
// to eight bytes as one word: the ninth bit of each pair is squeezed out in three steps.
func UvarintLong(b []byte, i int) (uint64, int) {
	if i < 0 {
		return 0, -1
	}
	if i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		if end := ^x & 0x8080808080808080; end != 0 {
			n := bits.TrailingZeros64(end)>>3 + 1
			x &= 1<<(uint(n)*8-1)<<1 - 1
			x &= 0x7f7f7f7f7f7f7f7f
			x = x&0x007f007f007f007f | x>>1&0x3f803f803f803f80
			x = x&0x00003fff00003fff | x>>2&0x0fffc0000fffc000
			x = x&0x000000000fffffff | x>>4&0x00fffffff0000000
			return x, i + n
		}
	}
	var x uint64
	for k := 0; k < binary.MaxVarintLen64 && i < len(b); k++ {
		c := b[i]
		i++
		if c < 0x80 {
			if k == 9 && c > 1 {
				return 0, -1
			}
			return x | uint64(c)<<(7*k), i
		}
		x |= uint64(c&0x7f) << (7 * k)
	}
	return 0, -1
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// odd has the highest bits of the bytes of x that are no ASCII, or NUL; a byte behind
// NUL may be taken for it.
func odd(x uint64) uint64 { return (x | (x-lowBits)&^x) & highBits }

// AppendPlain appends b[from:to] as a row if it is plain text. false: it has appended
// nothing.
func AppendPlain(t *vec.Bytes, b []byte, from, to int) bool {
	n := to - from
	if n > 16 || from+16 > len(b) {
		if n > 0 && !PlainText(b[from:to]) {
			return false
		}
		t.AppendSpan(b, from, to)
		return true
	}
	// What is behind the text is made ones, which are plain.
	m0, m1 := uint64(1)<<(8*uint(min(n, 8)))-1, uint64(1)<<(8*uint(max(n-8, 0)))-1
	w0, w1 := binary.LittleEndian.Uint64(b[from:]), binary.LittleEndian.Uint64(b[from+8:])
	if odd(w0&m0|lowBits&^m0)|odd(w1&m1|lowBits&^m1) != 0 && !PlainText(b[from:to]) {
		return false
	}
	at := len(t.Data)
	if at+16 > cap(t.Data) {
		t.Append(b[from:to])
		return true
	}
	dst := t.Data[at : at+16]
	binary.LittleEndian.PutUint64(dst, w0)
	binary.LittleEndian.PutUint64(dst[8:], w1)
	t.Data = t.Data[:at+n]
	t.EndRow()
	return true
}

// PlainText reports whether s is text that PostgreSQL takes: UTF-8 without NUL.
func PlainText(s []byte) bool {
	i := 0
	var any uint64
	for ; i+8 <= len(s); i += 8 {
		any |= odd(binary.LittleEndian.Uint64(s[i:]))
	}
	for ; i < len(s); i++ {
		any |= odd(uint64(s[i]) | lowBits&^0xff)
	}
	if any == 0 {
		return true
	}
	for _, c := range s {
		if c == 0 {
			return false
		}
	}
	return utf8.Valid(s)
}
