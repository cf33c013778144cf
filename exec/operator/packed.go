package operator

import (
	"encoding/binary"
	"math/bits"
)

// What is stored of groups is full of zeros: high bytes of numbers that are small, and
// counts of nothing. appendPacked leaves them out as Cap'n Proto's packing does: each
// eight bytes are a byte that says which of them are not zero, and those; after eight
// of which none is comes a count of eights that follow as they are. The last byte of
// all is always there, so that the length is.
//
// What has no zeros gets longer by three bytes at most, and by one in 2 KB.
func appendPacked(dst, src []byte) []byte {
	for len(src) >= 8 {
		w := binary.LittleEndian.Uint64(src)
		tag := nonZeroBytes(w)
		if len(src) == 8 {
			tag |= 1 << 7
		}
		dst = append(dst, tag)
		if tag == 0xff {
			dst = append(dst, src[:8]...)
			src = src[8:]
			n := 0
			for n < 255 && len(src) >= 8*(n+1) && bits.OnesCount8(nonZeroBytes(binary.LittleEndian.Uint64(src[8*n:]))) >= 7 {
				n++
			}
			dst = append(append(dst, byte(n)), src[:8*n]...)
			src = src[8*n:]
			continue
		}
		for rest := tag; rest != 0; rest &= rest - 1 {
			dst = append(dst, byte(w>>(8*bits.TrailingZeros8(rest))))
		}
		src = src[8:]
	}
	if len(src) == 0 {
		return dst
	}
	at := len(dst)
	dst = append(dst, 1<<(len(src)-1))
	for i, b := range src {
		if b != 0 || i == len(src)-1 {
			dst[at] |= 1 << i
			dst = append(dst, b)
		}
	}
	return dst
}

// nonZeroBytes has a bit for each byte of a word that is not zero.
func nonZeroBytes(w uint64) uint8 {
	const low = 0x7f7f7f7f7f7f7f7f
	high := ((w & low) + low | w) &^ low // the highest bit of each
	return uint8(high >> 7 * 0x0102040810204080 >> 56)
}

// appendUnpacked appends what appendPacked was given.
func appendUnpacked(dst, src []byte) ([]byte, error) {
	for len(src) > 0 {
		tag := src[0]
		n := bits.OnesCount8(tag)
		if src = src[1:]; len(src) < n {
			return dst, errKept
		}
		if tag == 0xff {
			if len(src) < 9 {
				return dst, errKept
			}
			n := 8 * int(src[8])
			dst = append(dst, src[:8]...)
			if src = src[9:]; len(src) < n {
				return dst, errKept
			}
			dst, src = append(dst, src[:n]...), src[n:]
			continue
		}
		var w uint64
		for i, rest := 0, tag; rest != 0; i, rest = i+1, rest&(rest-1) {
			w |= uint64(src[i]) << (8 * bits.TrailingZeros8(rest))
		}
		dst = binary.LittleEndian.AppendUint64(dst, w)
		if src = src[n:]; len(src) == 0 {
			dst = dst[:len(dst)-bits.LeadingZeros8(tag)]
		}
	}
	return dst, nil
}
