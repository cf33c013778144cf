package types

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

var _ = register(&Info{
	OID: Numeric, Name: "numeric", SQLName: "numeric", Array: 1231, Len: -1, Align: 'i',
	Category: 'N', Kind: 'b', Delim: ',', Phys: PhysNumeric, Comparable: true,
	In: func(s string, mod int32, f *Format) (Value, error) {
		d, err := inputDecimal(s, mod, f.ended())
		return NewNumeric(d), err
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return v.N.Append(dst) },
	Recv: func(b []byte, mod int32) (Value, error) {
		d, err := DecimalFromBinary(b)
		if err == nil {
			d, err = d.Fit(mod)
		}
		return NewNumeric(d), err
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte { return AppendDecimalBinary(dst, v.N) },
	Compare:      func(a, b Value) int { return a.N.Compare(b.N) },
	ModIn: func(mods []int32) (int32, error) {
		switch {
		case len(mods) != 1 && len(mods) != 2:
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid NUMERIC type modifier")
		case mods[0] < 1 || mods[0] > maxDisplayScale:
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "NUMERIC precision %d must be between 1 and 1000", mods[0])
		case len(mods) == 1:
			return mods[0]<<16 + 4, nil
		case mods[1] < -maxDisplayScale || mods[1] > maxDisplayScale:
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "NUMERIC scale %d must be between -1000 and 1000", mods[1])
		}
		return (mods[0]<<16 | mods[1]&0x7ff) + 4, nil
	},
	ModOut: func(mod int32) string {
		if mod < 4 {
			return ""
		}
		p, s := numericMod(mod)
		b := AppendInt([]byte{'('}, int64(p))
		return string(append(AppendInt(append(b, ','), int64(s)), ')'))
	},
	Coerce: func(v Value, mod int32, _ bool) (Value, error) {
		var err error
		v.N, err = v.N.Fit(mod)
		return v, err
	},
})
