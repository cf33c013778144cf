package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions of bit strings, whose values are digits '0' and '1'.

func bitString(digits string) (types.Value, error) { return types.NewString(types.Bit, digits), nil }

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	for _, f := range []struct {
		name, word string
		of         func(x, y byte) bool
		ex         []string
	}{
		{"bitand", "AND", func(x, y byte) bool { return x == '1' && y == '1' }, []string{"B'1001' & B'0101'", "0001", "B'10' & B'1'", "ERROR 22026"}},
		{"bitor", "OR", func(x, y byte) bool { return x == '1' || y == '1' }, []string{"B'1001' | B'0101'", "1101"}},
		{"bitxor", "XOR", func(x, y byte) bool { return x != y }, []string{"B'1001' # B'0101'", "1100"}},
	} {
		op(f.name+"(bit, bit) bit strict immutable", func(env *Env, a vs) (types.Value, error) {
			if len(a[0].S) != len(a[1].S) {
				return types.Value{}, sqlerr.Errorf(sqlerr.StringDataLengthMismatch, "cannot %s bit strings of different sizes", f.word)
			}
			b := make([]byte, len(a[0].S))
			for i := range b {
				if err := endedAt(env, i); err != nil {
					return types.Value{}, err
				}
				b[i] = '0'
				if f.of(a[0].S[i], a[1].S[i]) {
					b[i] = '1'
				}
			}
			return bitString(textOf(b))
		}, f.ex...)
	}
	op("bitnot(bit) bit strict immutable", func(env *Env, a vs) (types.Value, error) {
		b := []byte(a[0].S)
		for i := range b {
			if err := endedAt(env, i); err != nil {
				return types.Value{}, err
			}
			b[i] ^= 1 // of '0' and '1'
		}
		return bitString(textOf(b))
	}, "~ B'1001'", "0110")
	shift := func(side int64) ValueFunc {
		return func(_ *Env, a vs) (types.Value, error) {
			s, n := a[0].S, side*max(a[1].I, -1<<31+1)
			zeros := func(k int) string { return strings.Repeat("0", k) }
			switch {
			case n >= int64(len(s)) || -n >= int64(len(s)):
				return bitString(zeros(len(s)))
			case n < 0:
				return bitString(zeros(int(-n)) + s[:len(s)+int(n)])
			}
			return bitString(s[n:] + zeros(int(n)))
		}
	}
	op("bitshiftleft(bit, int4) bit strict immutable", shift(1), "B'10001' << 3", "01000", "B'10001' << -2", "00100", "B'1' << 70", "0")
	op("bitshiftright(bit, int4) bit strict immutable", shift(-1), "B'10001' >> 2", "00100")
	op("bitcat(varbit, varbit) varbit strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return types.NewString(types.Varbit, a[0].S+a[1].S), nil
	}, "B'10001' || B'011'", "10001011")
	op("length(bit) int4 strict immutable", func(_ *Env, a vs) (types.Value, error) { return int4(len(a[0].S)) }, "length(B'10101')", "5")
	op("octet_length(bit) int4 strict immutable", func(_ *Env, a vs) (types.Value, error) { return int4((len(a[0].S) + 7) / 8) }, "octet_length(B'1011111011')", "2")
	op("bit_length(bit) int4 strict immutable", func(_ *Env, a vs) (types.Value, error) { return int4(len(a[0].S)) }, "bit_length(B'10111')", "5")
	op("bit_count(bit) int8 strict immutable", func(_ *Env, a vs) (types.Value, error) { return int8(int64(strings.Count(a[0].S, "1"))) }, "bit_count(B'10111')", "4")
	index := func(i int64, n int) error {
		if i < 0 || i >= int64(n) {
			return sqlerr.Errorf(sqlerr.ArraySubscriptError, "bit index %d out of valid range (0..%d)", i, n-1)
		}
		return nil
	}
	op("get_bit(bit, int4) int4 strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if err := index(a[1].I, len(a[0].S)); err != nil {
			return types.Value{}, err
		}
		return int4(int(a[0].S[a[1].I] - '0'))
	}, "get_bit(B'101010101010101010', 6)", "1", "get_bit(B'1', 1)", "ERROR 2202E")
	op("set_bit(bit, int4, int4) bit strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if err := index(a[1].I, len(a[0].S)); err != nil {
			return types.Value{}, err
		}
		if a[2].I != 0 && a[2].I != 1 {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "new bit must be 0 or 1")
		}
		b := []byte(a[0].S)
		b[a[1].I] = '0' + byte(a[2].I)
		return bitString(string(b))
	}, "set_bit(B'101010101010101010', 6, 0)", "101010001010101010", "set_bit(B'1', 0, 2)", "ERROR 22023")
	op("substring(bit, int4) bit strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return bitString(a[0].S[min(max(a[1].I-1, 0), int64(len(a[0].S))):])
	}, "substring(B'110010111111' FROM 3)", "0010111111")
	op("substring(bit, int4, int4) bit strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if a[2].I < 0 {
			return types.Value{}, negativeLength()
		}
		n := int64(len(a[0].S))
		from := min(max(a[1].I-1, 0), n)
		return bitString(a[0].S[from:max(from, min(a[1].I-1+a[2].I, n))])
	}, "substring(B'110010111111' FROM 3 FOR 2)", "00", "substring(B'11' FROM 1 FOR -1)", "ERROR 22011")
	overlay := func(_ *Env, a vs) (types.Value, error) {
		s, from, n := a[0].S, a[2].I, int64(len(a[1].S))
		if len(a) > 3 {
			n = a[3].I
		}
		if from <= 0 {
			return types.Value{}, negativeLength()
		}
		if from+n != int64(int32(from+n)) {
			return types.Value{}, types.OutOfRange("integer")
		}
		at := func(i int64) int64 { return min(max(i-1, 0), int64(len(s))) }
		return bitString(s[:at(from)] + a[1].S + s[at(from+n):])
	}
	op("overlay(bit, bit, int4) bit strict immutable", overlay, "overlay(B'0101011100' PLACING B'001' FROM 2)", "0001011100", "overlay(B'01' PLACING B'11' FROM 0)", "ERROR 22011")
	op("overlay(bit, bit, int4, int4) bit strict immutable", overlay, "overlay(B'0101011100' PLACING B'101' FROM 2 FOR 6)", "0101100", "overlay(B'01' PLACING B'1' FROM 2147483647 FOR 1)", "ERROR 22003",
		"overlay(B'0101' PLACING B'1' FROM 3 FOR -2)", "0110101")
	op("position(bit, bit) int4 strict immutable", func(env *Env, a vs) (types.Value, error) {
		i, err := indexOf(env, a[0].S, a[1].S)
		return types.NewInt(types.Int4, int64(i)+1), err
	}, "position(B'010' IN B'000001101011')", "8", "position(B'1' IN B'001')", "3")
	const mostBits = 1<<31 - 8
	fromInt := func() ValueFunc {
		return func(env *Env, a vs) (types.Value, error) {
			n := int(a[1].I)
			if n <= 0 || n > mostBits {
				n = 1
			}
			b := make([]byte, n)
			for i := range b {
				if err := endedAt(env, i); err != nil {
					return types.Value{}, err
				}
				b[i] = '0' + byte(uint64(a[0].I>>min(n-1-i, 63))&1)
			}
			return bitString(textOf(b))
		}
	}
	op("bit(int4, int4) bit strict immutable", fromInt(), "44::bit(10)", "0000101100", "44::bit(3)", "100", "(-44)::bit(12)", "111111010100")
	op("bit(int8, int4) bit strict immutable", fromInt(), "44::int8::bit(10)", "0000101100", "(-1)::int8::bit(70)", strings.Repeat("1", 70))
	toInt := func(width int, name string, oid types.OID) ValueFunc {
		return func(_ *Env, a vs) (types.Value, error) {
			if len(a[0].S) > width {
				return types.Value{}, types.OutOfRange(name)
			}
			var u uint64
			for i := range len(a[0].S) {
				u = u<<1 | uint64(a[0].S[i]-'0')
			}
			if width == 32 {
				return types.NewInt(oid, int64(int32(uint32(u)))), nil
			}
			return types.NewInt(oid, int64(u)), nil
		}
	}
	op("int4(bit) int4 strict immutable", toInt(32, "integer", types.Int4), "B'1110'::int", "14", "(~ 0::bit(32))::int", "-1", "1::bit(40)::int", "ERROR 22003")
	op("int8(bit) int8 strict immutable", toInt(64, "bigint", types.Int8), "B'1110'::int8", "14", "1::bit(65)::int8", "ERROR 22003")
}
