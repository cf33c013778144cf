package types

import "github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"

// Macaddr and Macaddr8 are hardware addresses of six and of eight bytes; the
// value is those bytes.
const (
	Macaddr  OID = 829
	Macaddr8 OID = 774
)

var (
	_ = register(&Info{
		OID: Macaddr, Name: "macaddr", SQLName: "macaddr", Array: 1040, Len: 6, Align: 'i',
		Category: 'U', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
		In: func(s string, _ int32, _ *Format) (Value, error) { return parseMac(s) },
		Recv: func(b []byte, _ int32) (Value, error) {
			r := formReader{b: b}
			var a [6]byte
			for i := range a {
				a[i] = r.byte()
			}
			return NewString(Macaddr, string(a[:])), r.end()
		},
		AppendText: appendMac, AppendBinary: appendS, Compare: compareS,
	})
	_ = register(&Info{
		OID: Macaddr8, Name: "macaddr8", SQLName: "macaddr8", Array: 775, Len: 8, Align: 'i',
		Category: 'U', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
		In: func(s string, _ int32, _ *Format) (Value, error) { return parseMac8(s) },
		Recv: func(b []byte, _ int32) (Value, error) {
			r := formReader{b: b}
			short := len(b) == 6
			var a [8]byte
			for i := range a {
				switch {
				case short && i == 3:
					a[i] = 0xff
				case short && i == 4:
					a[i] = 0xfe
				default:
					a[i] = r.byte()
				}
			}
			return NewString(Macaddr8, string(a[:])), r.end()
		},
		AppendText: appendMac, AppendBinary: appendS, Compare: compareS,
	})
)

func appendMac(dst []byte, v Value, _ *Format) []byte {
	for i := range len(v.S) {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[v.S[i]>>4], hexDigits[v.S[i]&15])
	}
	return dst
}

// macShapes are the forms that macaddr reads, in PostgreSQL's order: x is any
// number of hexadecimal digits, 2 at most two.
var macShapes = [...]string{"x:x:x:x:x:x", "x-x-x-x-x-x", "222:222", "222-222", "22.22.22", "22-22-22", "222222"}

func parseMac(s string) (Value, error) {
	for _, shape := range macShapes {
		octets, ok := scanMac(s, shape)
		if !ok {
			continue
		}
		var a [6]byte
		for i, o := range octets {
			if o < 0 || o > 255 {
				return Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "invalid octet value in \"macaddr\" value: \"%s\"", s)
			}
			a[i] = byte(o)
		}
		return NewString(Macaddr, string(a[:])), nil
	}
	return Value{}, errSyntax("macaddr", s)
}

// scanMac is C's sscanf: numbers may follow white space, a sign and 0x.
func scanMac(s, shape string) (octets [6]int32, ok bool) {
	n := 0
	for i := range len(shape) {
		width := len(s)
		switch shape[i] {
		case '2':
			width = 2
		case 'x':
		default:
			if s == "" || s[0] != shape[i] {
				return octets, false
			}
			s = s[1:]
			continue
		}
		if octets[n], s, ok = scanHex(skipSpace(s), width); !ok {
			return octets, false
		}
		n++
	}
	return octets, skipSpace(s) == ""
}

// scanHex reads a hexadecimal number of at most width characters.
func scanHex(s string, width int) (x int32, rest string, ok bool) {
	end := 0
	left := func() bool { return end < len(s) && end < width }
	negative := false
	if left() && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		end++
	}
	if end+1 < len(s) && end+1 < width && s[end] == '0' && s[end+1]|0x20 == 'x' {
		if end += 2; !left() || digitValue(s[end]) > 15 {
			return 0, "", false
		}
	}
	var u uint64
	over := false
	digits := end
	for left() && digitValue(s[end]) < 16 {
		over = over || u>>60 != 0
		u = u<<4 | uint64(digitValue(s[end]))
		end++
	}
	if end == digits {
		return 0, "", false
	}
	switch {
	case over:
		u = 1<<64 - 1
	case negative:
		u = -u
	}
	return int32(u), s[end:], true
}

// parseMac8 reads pairs of digits, between which one spacer may stand. Of six
// bytes it makes eight, as EUI-64 does.
func parseMac8(s string) (Value, error) {
	var a [8]byte
	count := 0
	spacer := byte(0)
	at := func(t string) byte {
		if t == "" {
			return 0
		}
		return t[0]
	}
	t := skipSpace(s)
	for len(t) >= 2 {
		hi, lo := digitValue(t[0]), digitValue(t[1])
		if count++; count > len(a) || hi > 15 || lo > 15 {
			return Value{}, errSyntax("macaddr8", s)
		}
		a[count-1] = byte(hi<<4 | lo)
		t = t[2:]
		if c := at(t); c == ':' || c == '-' || c == '.' {
			if spacer != 0 && spacer != c {
				return Value{}, errSyntax("macaddr8", s)
			}
			spacer, t = c, t[1:]
		}
		if (count == 6 || count == 8) && isSpace(at(t)) {
			if t = skipSpace(t); t != "" {
				return Value{}, errSyntax("macaddr8", s)
			}
		}
	}
	switch count {
	case 6:
		a = [8]byte{a[0], a[1], a[2], 0xff, 0xfe, a[3], a[4], a[5]}
	case 8:
	default:
		return Value{}, errSyntax("macaddr8", s)
	}
	return NewString(Macaddr8, string(a[:])), nil
}
