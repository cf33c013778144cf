package types

import (
	"encoding/binary"
	"math"
)

var _ = register(&Info{
	OID: Int2, Name: "int2", SQLName: "smallint", Array: 1005, Len: 2, ByVal: true, Align: 's',
	Category: 'N', Kind: 'b', Delim: ',', Phys: PhysInt16, Comparable: true,
	In: func(s string, _ int32, f *Format) (Value, error) {
		i, err := inputInt(s, "smallint", math.MaxInt16, f.ended())
		return NewInt(Int2, i), err
	},
	AppendText: appendIntText,
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 2 {
			return Value{}, errBinaryLength(b, 2)
		}
		return NewInt(Int2, int64(int16(binary.BigEndian.Uint16(b)))), nil
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v.I)) },
	Compare:      compareI,
})

func appendIntText(dst []byte, v Value, _ *Format) []byte { return AppendInt(dst, v.I) }
