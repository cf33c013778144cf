package types

import (
	"encoding/binary"
	"math"
)

var _ = register(&Info{
	OID: Int8, Name: "int8", SQLName: "bigint", Array: 1016, Len: 8, ByVal: true, Align: 'd',
	Category: 'N', Kind: 'b', Delim: ',', Phys: PhysInt64, Comparable: true,
	In: func(s string, _ int32, f *Format) (Value, error) {
		i, err := inputInt(s, "bigint", math.MaxInt64, f.ended())
		return NewInt(Int8, i), err
	},
	AppendText: appendIntText,
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 8 {
			return Value{}, errBinaryLength(b, 8)
		}
		return NewInt(Int8, int64(binary.BigEndian.Uint64(b))), nil
	},
	AppendBinary: appendInt64,
	Compare:      compareI,
})
