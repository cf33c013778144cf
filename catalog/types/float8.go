package types

import (
	"encoding/binary"
	"math"
)

// CompareFloat64 orders floats as PostgreSQL does: NaN equals itself and is
// above everything; -0 equals 0.
func CompareFloat64(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	case !math.IsNaN(b):
		return 1
	case !math.IsNaN(a):
		return -1
	}
	return 0
}

func compareF(a, b Value) int { return CompareFloat64(a.F, b.F) }

var _ = register(&Info{
	OID: Float8, Name: "float8", SQLName: "double precision", Array: 1022, Len: 8, ByVal: true, Align: 'd',
	Category: 'N', Preferred: true, Kind: 'b', Delim: ',', Phys: PhysFloat64, Comparable: true,
	In: func(s string, _ int32, f *Format) (Value, error) {
		x, err := parseFloat(s, 64, "double precision", f.ended())
		return NewFloat(Float8, x), err
	},
	AppendText: func(dst []byte, v Value, f *Format) []byte { return AppendFloat64(dst, v.F, f.ExtraFloatDigits) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 8 {
			return Value{}, errBinaryLength(b, 8)
		}
		return NewFloat(Float8, math.Float64frombits(binary.BigEndian.Uint64(b))), nil
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte {
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v.F))
	},
	Compare: compareF,
})
