package types

import (
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// textType is what text, varchar, bpchar, name, json and unknown have in
// common: their forms are their characters, which must be UTF-8.
func textType(i *Info) *Info {
	oid := i.OID
	coerce := i.Coerce
	read := func(s string, mod int32, ended func() error) (Value, error) {
		if err := Pieces(s, ended, checkUTF8); err != nil {
			return Value{}, err
		}
		v := NewString(oid, s)
		if coerce == nil || mod < 0 {
			return v, nil
		}
		return coerce(v, mod, false)
	}
	i.In = func(s string, mod int32, f *Format) (Value, error) { return read(s, mod, f.ended()) }
	i.Recv = func(b []byte, mod int32) (Value, error) { return read(string(b), mod, nil) }
	i.AppendText = func(dst []byte, v Value, _ *Format) []byte { return append(dst, v.S...) }
	i.AppendBinary = appendS
	i.ByVal, i.Kind, i.Delim, i.Phys = false, 'b', ',', PhysBytes
	if i.Compare == nil {
		i.Compare = compareS
	}
	return register(i)
}

var _ = textType(&Info{
	OID: Text, Name: "text", SQLName: "text", Array: 1009, Len: -1, Align: 'i', Category: 'S', Preferred: true, Comparable: true,
})

var _ = textType(&Info{
	OID: Varchar, Name: "varchar", SQLName: "character varying", Array: 1015, Len: -1, Align: 'i', Category: 'S', Comparable: true,
	ModIn:  lengthMod("varchar"),
	ModOut: lengthText,
	Coerce: func(v Value, mod int32, explicit bool) (Value, error) {
		var err error
		v.S, err = fitLength(v.S, int(mod-4), "character varying", explicit)
		return v, err
	},
})

// lengthMod reads the modifier of varchar(n) and char(n).
func lengthMod(name string) func([]int32) (int32, error) {
	return func(mods []int32) (int32, error) {
		if len(mods) != 1 {
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid type modifier")
		}
		if mods[0] < 1 {
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "length for type %s must be at least 1", name)
		}
		if mods[0] > 10485760 {
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "length for type %s cannot exceed 10485760", name)
		}
		return mods[0] + 4, nil
	}
}

func lengthText(mod int32) string {
	if mod < 4 {
		return ""
	}
	return "(" + string(AppendInt(nil, int64(mod-4))) + ")"
}

// fitLength cuts s to n characters. Only spaces may go unless explicit.
func fitLength(s string, n int, typ string, explicit bool) (string, error) {
	if len(s) <= n {
		return s, nil
	}
	end := 0
	for range n {
		if end == len(s) {
			return s, nil
		}
		_, w := utf8.DecodeRuneInString(s[end:])
		end += w
	}
	if !explicit && strings.TrimRight(s[end:], " ") != "" {
		return s, sqlerr.Errorf(sqlerr.StringDataRightTruncation, "value too long for type %s(%d)", typ, n)
	}
	return s[:end], nil
}
