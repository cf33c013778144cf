package function

import (
	"fmt"
	"net/netip"
)

// abbreviated is abbrev of a cidr: what its mask leaves of its address, as
// PostgreSQL writes it (inet_cidr_ntop.c).
func abbreviated(p netip.Prefix) string {
	octets, bits := p.Masked().Addr().AsSlice(), p.Bits()
	var dst []byte
	if len(octets) == 4 {
		dst = abbreviatedV4(octets, bits)
	} else {
		dst = abbreviatedV6(octets, bits)
	}
	return string(fmt.Appendf(dst, "/%d", bits))
}

func abbreviatedV4(octets []byte, bits int) []byte {
	if bits == 0 {
		return []byte("0")
	}
	var dst []byte
	for i, x := range octets[:(bits+7)/8] {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = fmt.Appendf(dst, "%d", x)
	}
	return dst
}

func abbreviatedV6(s []byte, bits int) []byte {
	if bits == 0 {
		return []byte("::")
	}
	words := max((bits+15)/16, 2)
	from, n := longestZeros(s, words)
	v4 := n != words && from == 0 && (n == 6 || n == 5 && s[10] == 0xff && s[11] == 0xff || n == 7 && s[14] != 0 && s[15] != 1)
	var dst []byte
	for w := range words {
		hi, lo := s[2*w], s[2*w+1]
		switch {
		case n != 0 && w >= from && w < from+n:
			if w == from {
				dst = append(dst, ':')
			}
			if w == words-1 {
				dst = append(dst, ':')
			}
		case v4 && w > 5:
			dst = fmt.Appendf(dst, "%c%d", ":."[w-6], hi)
			if w != 7 || bits > 120 {
				dst = fmt.Appendf(dst, ".%d", lo)
			}
		default:
			if len(dst) > 0 {
				dst = append(dst, ':')
			}
			dst = fmt.Appendf(dst, "%x", int(hi)<<8|int(lo))
		}
	}
	return dst
}

// longestZeros is the first of the longest runs of words that are zero, as
// PostgreSQL finds it: a run no longer than the one before goes on in the next.
func longestZeros(s []byte, words int) (from, n int) {
	start, run := 0, 0
	for w := range words {
		if s[2*w]|s[2*w+1] == 0 {
			if run == 0 {
				start = w
			}
			run++
			continue
		}
		if run > n {
			from, n, run = start, run, 0
		}
	}
	if run > n {
		from, n = start, run
	}
	return from, n
}
