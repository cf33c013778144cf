// Package wire reads what the binary formats have in common: numbers of variable
// length, and text.
package wire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Uvarint reads a variable-length number and returns the index after it; -1 where
// it does not end within b, or within ten bytes.
func Uvarint(b []byte, i int) (uint64, int) {
	if uint(i) < uint(len(b)) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	return uvarintLong(b, i)
}

// Varint reads such a number with its sign in the lowest bit (zigzag).
func Varint(b []byte, i int) (int64, int) {
	u, i := Uvarint(b, i)
	return int64(u>>1) ^ -int64(u&1), i
}

// uvarintLong takes up to eight bytes as one word: the ninth bit of each pair is
// squeezed out in three steps.
func uvarintLong(b []byte, i int) (uint64, int) {
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

// PlainText reports whether s is text that PostgreSQL takes: UTF-8 without NUL.
func PlainText(s []byte) bool {
	i := 0
	var odd uint64
	for ; i+8 <= len(s); i += 8 {
		x := binary.LittleEndian.Uint64(s[i:])
		odd |= x | (x-0x0101010101010101)&^x
	}
	odd &= 0x8080808080808080
	for ; i < len(s); i++ {
		odd |= uint64(s[i]&0x80) | uint64(s[i]-1)&^uint64(s[i])&0x80
	}
	if odd == 0 {
		return true
	}
	for _, c := range s {
		if c == 0 {
			return false
		}
	}
	return utf8.Valid(s)
}
