package types

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// AppendBytea appends the text form of bytes in f's bytea_output.
func AppendBytea(dst, b []byte, f *Format) []byte {
	if f.ByteaEscape {
		return appendByteaEscape(dst, view(b))
	}
	return appendByteaHex(dst, view(b))
}

func appendByteaHex(dst []byte, s string) []byte {
	dst = append(dst, '\\', 'x')
	for i := range len(s) {
		dst = append(dst, hexDigits[s[i]>>4], hexDigits[s[i]&15])
	}
	return dst
}

func appendByteaEscape(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// ParseBytea appends to dst the bytes that a text form stands for: \x and
// hexadecimal digits, or characters with \\ and \ooo escapes.
func ParseBytea(dst []byte, s string) ([]byte, error) { return ParseByteaUntil(dst, s, nil) }

// ParseByteaUntil is ParseBytea that gives up with the error of ended; nil: nobody gives
// up.
func ParseByteaUntil(dst []byte, s string, ended func() error) ([]byte, error) {
	if len(s) >= 2 && s[0] == '\\' && s[1] == 'x' {
		return parseByteaHex(dst, s[2:], ended)
	}
	p := pace{ended: ended}
	for i := 0; i < len(s); i++ {
		if err := p.at(i); err != nil {
			return dst, err
		}
		if n := strings.IndexByte(s[i:min(i+PieceBytes, len(s))], '\\'); n != 0 {
			if n < 0 {
				n = min(PieceBytes, len(s)-i)
			}
			dst = append(dst, s[i:i+n]...)
			i += n - 1
			continue
		}
		switch {
		case i+3 < len(s) && s[i+1]-'0' < 4 && s[i+2]-'0' < 8 && s[i+3]-'0' < 8:
			dst = append(dst, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
		case i+1 < len(s) && s[i+1] == '\\':
			dst = append(dst, '\\')
			i++
		default:
			return dst, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type bytea")
		}
	}
	return dst, nil
}

func parseByteaHex(dst []byte, s string, ended func() error) ([]byte, error) {
	p := pace{ended: ended}
	for i := 0; i < len(s); {
		if err := p.at(i); err != nil {
			return dst, err
		}
		if isSpace(s[i]) && s[i] != '\v' && s[i] != '\f' {
			i++
			continue
		}
		hi := digitValue(s[i])
		if hi > 15 {
			return dst, errHexDigit(s[i:])
		}
		if i++; i == len(s) {
			return dst, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
		}
		lo := digitValue(s[i])
		if lo > 15 {
			return dst, errHexDigit(s[i:])
		}
		i++
		dst = append(dst, byte(hi<<4|lo))
	}
	return dst, nil
}

func errHexDigit(s string) error {
	for i := range s {
		if i > 0 {
			s = s[:i]
			break
		}
	}
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid hexadecimal digit: \"%s\"", s)
}

var _ = register(&Info{
	OID: Bytea, Name: "bytea", SQLName: "bytea", Array: 1001, Len: -1, Align: 'i',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
	In: func(s string, _ int32, f *Format) (Value, error) {
		b, err := ParseByteaUntil(make([]byte, 0, len(s)), s, f.ended())
		if 2*len(b) < len(s) { // of escapes; it would keep room for them
			b = append([]byte(nil), b...)
		}
		return NewString(Bytea, view(b)), err
	},
	AppendText: func(dst []byte, v Value, f *Format) []byte {
		if f.ByteaEscape {
			return appendByteaEscape(dst, v.S)
		}
		return appendByteaHex(dst, v.S)
	},
	Recv:         func(b []byte, _ int32) (Value, error) { return NewString(Bytea, string(b)), nil },
	AppendBinary: appendS,
	Compare:      compareS,
})
