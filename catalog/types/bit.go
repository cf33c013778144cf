package types

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Bit and Varbit are strings of bits, of a length that is exact or the most.
const (
	Bit    OID = 1560
	Varbit OID = 1562
)

// Limits of bit strings, PostgreSQL's: of a value, and of a modifier.
const (
	maxBits    = 1<<31 - 8
	maxBitsMod = 10485760 * 8
)

// A value is its digits, '0' and '1': their order is that of a btree, and two
// values are equal where their digits are.

var (
	_ = registerBits(&Info{OID: Bit, Name: "bit", SQLName: "bit", Array: 1561, ModIn: bitMod("bit"), Coerce: fitBits})
	_ = registerBits(&Info{OID: Varbit, Name: "varbit", SQLName: "bit varying", Array: 1563, Preferred: true, ModIn: bitMod("varbit"), Coerce: fitBits})
)

func registerBits(i *Info) *Info {
	oid := i.OID
	i.Len, i.Align, i.Category, i.Kind, i.Delim, i.Phys, i.Comparable = -1, 'i', 'V', 'b', ',', PhysBytes, true
	i.In = func(s string, mod int32, f *Format) (Value, error) {
		n := bitLength(s)
		if err := checkBits(oid, n, mod); err != nil {
			return Value{}, err
		}
		digits, err := parseBits(s, f.ended())
		return NewString(oid, digits), err
	}
	i.AppendText = func(dst []byte, v Value, _ *Format) []byte { return append(dst, v.S...) }
	i.Recv = func(b []byte, mod int32) (Value, error) { return recvBits(oid, b, mod) }
	i.AppendBinary = appendBitsBinary
	i.Compare = compareS
	i.ModOut = func(mod int32) string {
		if mod < 0 {
			return ""
		}
		return "(" + string(AppendInt(nil, int64(mod))) + ")"
	}
	return register(i)
}

// parseBits reads digits, after B binary ones and after X hexadecimal ones.
func parseBits(s string, ended func() error) (string, error) {
	digits := s
	switch {
	case s == "":
		return "", nil
	case s[0]|0x20 == 'x':
		return parseHexBits(s[1:], ended)
	case s[0]|0x20 == 'b':
		digits = s[1:]
	}
	p := pace{ended: ended}
	for i := range len(digits) {
		if err := p.at(i); err != nil {
			return "", err
		}
		if c := digits[i]; c != '0' && c != '1' {
			return "", errDigit(digits[i:], "binary")
		}
	}
	return digits, nil
}

const hexNibbles = "0000000100100011010001010110011110001001101010111100110111101111"

func parseHexBits(s string, ended func() error) (string, error) {
	if len(s) > maxBits/4 {
		return "", sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "bit string length exceeds the maximum allowed (%d)", maxBits)
	}
	var b strings.Builder
	b.Grow(4 * len(s))
	p := pace{ended: ended}
	for i := range len(s) {
		if err := p.at(i); err != nil {
			return "", err
		}
		d := digitValue(s[i])
		if d > 15 {
			return "", errDigit(s[i:], "hexadecimal")
		}
		b.WriteString(hexNibbles[4*d : 4*d+4])
	}
	return b.String(), nil
}

func errDigit(s, what string) error {
	_, n := utf8.DecodeRuneInString(s)
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "\"%s\" is not a valid %s digit", strings.Clone(s[:n]), what)
}

// bitLength is how many bits the text form s is of, whatever its digits.
func bitLength(s string) int {
	switch {
	case s == "":
		return 0
	case s[0]|0x20 == 'x':
		return 4 * (len(s) - 1)
	case s[0]|0x20 == 'b':
		return len(s) - 1
	}
	return len(s)
}

// checkBits refuses a length that does not suit the modifier.
func checkBits(oid OID, n int, mod int32) error {
	switch {
	case mod <= 0 || n == int(mod):
	case oid == Bit:
		return sqlerr.Errorf(sqlerr.StringDataLengthMismatch, "bit string length %d does not match type bit(%d)", n, mod)
	case n > int(mod):
		return sqlerr.Errorf(sqlerr.StringDataRightTruncation, "bit string too long for type bit varying(%d)", mod)
	}
	return nil
}

// fitBits applies the modifier of v's type, as assignment and casts do.
func fitBits(v Value, mod int32, explicit bool) (Value, error) {
	n := int(mod)
	switch {
	case mod <= 0:
	case !explicit:
		return v, checkBits(v.Type.OID, len(v.S), mod)
	case len(v.S) > n:
		v.S = v.S[:n]
	case v.Type.OID == Bit:
		v.S += strings.Repeat("0", n-len(v.S))
	}
	return v, nil
}

func bitMod(name string) func([]int32) (int32, error) {
	return func(mods []int32) (int32, error) {
		switch {
		case len(mods) != 1:
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid type modifier")
		case mods[0] < 1:
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "length for type %s must be at least 1", name)
		case mods[0] > maxBitsMod:
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "length for type %s cannot exceed %d", name, maxBitsMod)
		}
		return mods[0], nil
	}
}

func recvBits(oid OID, b []byte, mod int32) (Value, error) {
	r := formReader{b: b}
	n := int32(r.uint32())
	if r.err != nil {
		return Value{}, r.err
	}
	if n < 0 || n > maxBits {
		return Value{}, errForm("invalid length in external bit string")
	}
	if err := checkBits(oid, int(n), mod); err != nil {
		return Value{}, err
	}
	packed := r.take((int(n) + 7) / 8)
	if err := r.end(); err != nil {
		return Value{}, err
	}
	bits := make([]byte, n)
	for i := range bits {
		bits[i] = '0' + packed[i/8]>>(7-i%8)&1
	}
	return NewString(oid, string(bits)), nil
}

func appendBitsBinary(dst []byte, v Value, _ *Format) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v.S)))
	return AppendPackedBits(dst, v.S)
}

// AppendPackedBits appends digits '0' and '1' eight to a byte, the first one
// highest.
func AppendPackedBits(dst []byte, digits string) []byte {
	for len(digits) > 0 {
		c := byte(0)
		for i := range min(8, len(digits)) {
			c |= (digits[i] - '0') << (7 - i)
		}
		dst = append(dst, c)
		digits = digits[min(8, len(digits)):]
	}
	return dst
}
