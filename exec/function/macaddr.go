package function

import "github.com/ferrisstreams/ferrisstreams/catalog/types"
import "github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"

// Functions of hardware addresses.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	for _, t := range []struct {
		name     string
		oid      types.OID
		low, mix string
	}{{"macaddr", types.Macaddr, "08:00:2b:01:02:03", "ff:ff:ff:00:00:00"}, {"macaddr8", types.Macaddr8, "08:00:2b:01:02:03:04:05", "ff:ff:ff:00:00:00:00:00"}} {
		each := func(f func(i int, x, y byte) byte) ValueFunc {
			return func(_ *Env, a vs) (types.Value, error) {
				b := []byte(a[0].S)
				for i := range b {
					y := byte(0)
					if len(a) > 1 {
						y = a[1].S[i]
					}
					b[i] = f(i, b[i], y)
				}
				return types.NewString(t.oid, string(b)), nil
			}
		}
		rest := t.low[8:]
		op("trunc("+t.name+") "+t.name+" strict immutable", each(func(i int, x, _ byte) byte {
			if i < 3 {
				return x
			}
			return 0
		}), "trunc("+t.name+" '"+t.low+"')", "08:00:2b"+t.mix[8:])
		op(t.name+"_not("+t.name+") "+t.name+" strict immutable", each(func(_ int, x, _ byte) byte { return ^x }), "~ "+t.name+" '"+t.mix+"'", invertMac(t.mix))
		op(t.name+"_and("+t.name+", "+t.name+") "+t.name+" strict immutable", each(func(_ int, x, y byte) byte { return x & y }),
			t.name+" '"+t.low+"' & "+t.name+" '"+t.mix+"'", "08:00:2b"+t.mix[8:])
		op(t.name+"_or("+t.name+", "+t.name+") "+t.name+" strict immutable", each(func(_ int, x, y byte) byte { return x | y }),
			t.name+" '"+t.low+"' | "+t.name+" '"+t.mix+"'", "ff:ff:ff"+rest)
	}
	op("macaddr8(macaddr) macaddr8 strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return types.NewString(types.Macaddr8, a[0].S[:3]+"\xff\xfe"+a[0].S[3:]), nil
	}, "(macaddr '08:00:2b:01:02:03')::macaddr8", "08:00:2b:ff:fe:01:02:03")
	op("macaddr(macaddr8) macaddr strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if a[0].S[3:5] != "\xff\xfe" {
			return types.Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "macaddr8 data out of range to convert to macaddr").
				WithHint("Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.")
		}
		return types.NewString(types.Macaddr, a[0].S[:3]+a[0].S[5:]), nil
	}, "(macaddr8 '08:00:2b:ff:fe:01:02:03')::macaddr", "08:00:2b:01:02:03", "(macaddr8 '08:00:2b:01:02:03:04:05')::macaddr", "ERROR 22003")
	op("macaddr8_set7bit(macaddr8) macaddr8 strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return types.NewString(types.Macaddr8, string([]byte{a[0].S[0] | 2})+a[0].S[1:]), nil
	}, "macaddr8_set7bit(macaddr8 '00:34:56:ab:cd:ef')", "02:34:56:ff:fe:ab:cd:ef")
}

// invertMac turns the digits f and 0 of an address over.
func invertMac(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch c {
		case 'f':
			b[i] = '0'
		case '0':
			b[i] = 'f'
		}
	}
	return string(b)
}
