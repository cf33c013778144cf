package types

import "net/netip"

// The readers of addresses follow PostgreSQL's inet_net_pton.c, and so what it
// lets pass.

// parseInet4 reads a.b.c.d[/bits]; fewer octets need the bits.
func parseInet4(s string) (p netip.Prefix, ok bool) {
	var octets [4]byte
	n, i := 0, 0
	for i < len(s) && isDigit(s[i]) {
		v := 0
		for ; i < len(s) && isDigit(s[i]); i++ {
			if v = v*10 + int(s[i]-'0'); v > 255 {
				return p, false
			}
		}
		if n == 4 {
			return p, false
		}
		octets[n] = byte(v)
		n++
		if i == len(s) || s[i] == '/' {
			break
		}
		if s[i] != '.' {
			return p, false
		}
		i++
	}
	bits, ok := slashBits(s[i:], n)
	if !ok {
		return p, false
	}
	if bits < 0 {
		if n != 4 {
			return p, false
		}
		bits = 32
	}
	if n == 0 || bits/8 > n {
		return p, false
	}
	return netip.PrefixFrom(netip.AddrFrom4(octets), bits), true
}

// slashBits reads /bits at the end of an IPv4 address of n octets; -1: nothing
// is there.
func slashBits(s string, n int) (bits int, ok bool) {
	if s == "" {
		return -1, true
	}
	if s[0] != '/' || n == 0 || len(s) < 2 {
		return 0, false
	}
	for i := 1; i < len(s); i++ {
		if !isDigit(s[i]) {
			return 0, false
		}
		if bits = bits*10 + int(s[i]-'0'); bits > 32 {
			return 0, false
		}
	}
	return bits, true
}

// parseCidr4 reads a network: 0x and digits, or one to four octets. Without
// bits, the class of the network says how many.
func parseCidr4(s string) (p netip.Prefix, ok bool) {
	var octets [4]byte
	n, i := 0, 0
	switch {
	case len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' && digitValue(s[2]) < 16:
		half := false
		for i = 2; i < len(s) && digitValue(s[i]) < 16; i++ {
			if n == 4 && !half {
				return p, false
			}
			if half {
				octets[n-1] |= byte(digitValue(s[i]))
			} else {
				octets[n] = byte(digitValue(s[i])) << 4
				n++
			}
			half = !half
		}
	case s != "" && isDigit(s[0]):
		for {
			v := 0
			for ; i < len(s) && isDigit(s[i]); i++ {
				if v = v*10 + int(s[i]-'0'); v > 255 {
					return p, false
				}
			}
			if n == 4 {
				return p, false
			}
			octets[n] = byte(v)
			n++
			if i == len(s) || s[i] == '/' {
				break
			}
			if s[i] != '.' || i+1 == len(s) || !isDigit(s[i+1]) {
				return p, false
			}
			i++
		}
	default:
		return p, false
	}
	bits, ok := slashBits(s[i:], n)
	if !ok {
		return p, false
	}
	if bits < 0 {
		bits = classBits(octets[0], n)
	}
	return netip.PrefixFrom(netip.AddrFrom4(octets), bits), true
}

// classBits are the bits of a network of n octets by the class of its first.
func classBits(first byte, n int) int {
	bits := 8
	switch {
	case first >= 240:
		bits = 32
	case first >= 224:
		bits = 8
	case first >= 192:
		bits = 24
	case first >= 128:
		bits = 16
	}
	bits = max(bits, 8*n)
	if bits == 8 && first == 224 {
		return 4
	}
	return bits
}

// inet6Reader collects the sixteen bytes of an IPv6 address.
type inet6Reader struct {
	b    [16]byte
	n    int // bytes filled
	gap  int // where :: stands, -1: nowhere
	bits int
}

func (r *inet6Reader) word(w uint16) bool {
	if r.n+2 > len(r.b) {
		return false
	}
	r.b[r.n], r.b[r.n+1] = byte(w>>8), byte(w)
	r.n += 2
	return true
}

func parseInet6(s string) (p netip.Prefix, ok bool) {
	r := inet6Reader{gap: -1, bits: 128}
	if !r.read(s) {
		return p, false
	}
	if r.gap >= 0 {
		if r.n == len(r.b) {
			return p, false
		}
		tail := r.n - r.gap
		copy(r.b[len(r.b)-tail:], r.b[r.gap:r.n])
		clear(r.b[r.gap : len(r.b)-tail])
		r.n = len(r.b)
	}
	if r.n != len(r.b) {
		return p, false
	}
	return netip.PrefixFrom(netip.AddrFrom16(r.b), r.bits), true
}

func (r *inet6Reader) read(s string) bool {
	if s != "" && s[0] == ':' {
		if s = s[1:]; s == "" || s[0] != ':' {
			return false
		}
	}
	token := s
	digits := 0
	val := uint16(0)
loop:
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch d := digitValue(c); {
		case d < 16:
			val = val<<4 | uint16(d)
			if digits++; digits > 4 {
				return false
			}
		case c == ':':
			token = s[i+1:]
			if digits == 0 {
				if r.gap >= 0 {
					return false
				}
				r.gap = r.n
				continue
			}
			if token == "" || !r.word(val) {
				return false
			}
			digits, val = 0, 0
		case c == '.' && r.n+4 <= len(r.b) && r.embedded(token):
			digits = 0
			break loop
		case c == '/' && r.mask(s[i+1:]):
			break loop
		default:
			return false
		}
	}
	return digits == 0 || r.word(val)
}

// mask reads the bits: digits, no zero before others.
func (r *inet6Reader) mask(s string) bool {
	val := 0
	for i := range len(s) {
		if !isDigit(s[i]) || i > 0 && val == 0 {
			return false
		}
		if val = val*10 + int(s[i]-'0'); val > 128 {
			return false
		}
	}
	r.bits = val
	return s != ""
}

// embedded reads an IPv4 address, and perhaps bits, at the end.
func (r *inet6Reader) embedded(s string) bool {
	var octets [4]byte
	n, val, digits := 0, 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			if digits > 0 && val == 0 {
				return false
			}
			digits++
			if val = val*10 + int(c-'0'); val > 255 {
				return false
			}
		case c == '.' || c == '/':
			if n > 3 {
				return false
			}
			octets[n] = byte(val)
			n++
			if c == '/' {
				if !r.mask(s[i+1:]) {
					return false
				}
				r.octets(octets)
				return true
			}
			val, digits = 0, 0
		default:
			return false
		}
	}
	if digits == 0 || n > 3 {
		return false
	}
	octets[n] = byte(val)
	r.octets(octets)
	return true
}

func (r *inet6Reader) octets(o [4]byte) {
	copy(r.b[r.n:], o[:])
	r.n += len(o)
}
