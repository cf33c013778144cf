package types

import (
	"encoding/binary"
	"math"
)

var _ = register(&Info{
	OID: Float4, Name: "float4", SQLName: "real", Array: 1021, Len: 4, ByVal: true, Align: 'i',
	Category: 'N', Kind: 'b', Delim: ',', Phys: PhysFloat32, Comparable: true,
	In: func(s string, _ int32, f *Format) (Value, error) {
		x, err := parseFloat(s, 32, "real", f.ended())
		return NewFloat(Float4, x), err
	},
	AppendText: func(dst []byte, v Value, f *Format) []byte {
		return AppendFloat32(dst, float32(v.F), f.ExtraFloatDigits)
	},
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 4 {
			return Value{}, errBinaryLength(b, 4)
		}
		return NewFloat(Float4, float64(math.Float32frombits(binary.BigEndian.Uint32(b)))), nil
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte {
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(v.F)))
	},
	Compare: compareF,
})
