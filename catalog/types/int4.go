package types

import (
	"encoding/binary"
	"math"
)

var _ = register(&Info{
	OID: Int4, Name: "int4", SQLName: "integer", Array: 1007, Len: 4, ByVal: true, Align: 'i',
	Category: 'N', Kind: 'b', Delim: ',', Phys: PhysInt32, Comparable: true,
	In: func(s string, _ int32, f *Format) (Value, error) {
		i, err := inputInt(s, "integer", math.MaxInt32, f.ended())
		return NewInt(Int4, i), err
	},
	AppendText: appendIntText,
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 4 {
			return Value{}, errBinaryLength(b, 4)
		}
		return NewInt(Int4, int64(int32(binary.BigEndian.Uint32(b)))), nil
	},
	AppendBinary: appendInt32,
	Compare:      compareI,
})

func appendInt32(dst []byte, v Value, _ *Format) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(v.I))
}
