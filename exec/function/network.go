package function

import (
	"net/netip"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions of addresses and networks.

func inet(p netip.Prefix) (types.Value, error) { return types.NewInet(types.Inet, p), nil }

func cidr(p netip.Prefix) (types.Value, error) { return types.NewInet(types.Cidr, p.Masked()), nil }

// addrFrom is an address of octets, of as many as its family has.
func addrFrom(octets []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(octets)
	return a
}

// maskOf are the octets of a network's mask.
func maskOf(p netip.Prefix) []byte {
	m := make([]byte, p.Addr().BitLen()/8)
	for i := range p.Bits() {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	one := func(sig string, f func(p netip.Prefix) (types.Value, error), ex ...string) {
		op(sig, func(_ *Env, a vs) (types.Value, error) { return f(types.InetOf(a[0])) }, ex...)
	}
	whole := func(a netip.Addr) (types.Value, error) { return inet(netip.PrefixFrom(a, a.BitLen())) }
	one("host(inet) text strict immutable", func(p netip.Prefix) (types.Value, error) {
		return text(string(types.AppendInetAddr(nil, p.Addr())))
	}, "host(inet '192.168.1.5/24')", "192.168.1.5", "host(inet '::ffff:1.2.3.4/96')", "::ffff:1.2.3.4")
	one("text(inet) text strict immutable", func(p netip.Prefix) (types.Value, error) {
		return text(inetText(p))
	}, "text(inet '192.168.1.5')", "192.168.1.5/32", "(cidr '10/8')::text", "10.0.0.0/8")
	op("abbrev(inet) text strict immutable", func(env *Env, a vs) (types.Value, error) {
		return text(string(types.AppendText(nil, a[0], env.Format)))
	}, "abbrev(inet '10.1.0.0/32')", "10.1.0.0")
	op("abbrev(cidr) text strict immutable", func(_ *Env, a vs) (types.Value, error) { return text(abbreviated(types.InetOf(a[0]))) },
		"abbrev(cidr '10.1.0.0/16')", "10.1/16", "abbrev(cidr '10.0.0.0/8')", "10/8", "abbrev(cidr '10.1.2.3/32')", "10.1.2.3/32", "abbrev(cidr '0.0.0.0/0')", "0/0", "abbrev(cidr '128.0.0.0/1')", "128/1", "abbrev(cidr '2001:db8::/32')", "2001:db8/32", "abbrev(cidr '::ffff:1.2.3.0/120')", "::ffff:1.2.3/120")
	one("masklen(inet) int4 strict immutable", func(p netip.Prefix) (types.Value, error) { return int4(p.Bits()) },
		"masklen(inet '192.168.1.5/24')", "24", "masklen(cidr '10/8')", "8")
	one("family(inet) int4 strict immutable", func(p netip.Prefix) (types.Value, error) {
		if p.Addr().Is4() {
			return int4(4)
		}
		return int4(6)
	}, "family(inet '::1')", "6", "family(inet '1.2.3.4')", "4")
	one("network(inet) cidr strict immutable", cidr, "network(inet '192.168.1.5/24')", "192.168.1.0/24")
	one("cidr(inet) cidr strict immutable", cidr, "(inet '192.168.1.5/24')::cidr", "192.168.1.0/24")
	one("netmask(inet) inet strict immutable", func(p netip.Prefix) (types.Value, error) { return whole(addrFrom(maskOf(p))) },
		"netmask(inet '192.168.1.5/24')", "255.255.255.0", "netmask(inet '::1/10')", "ffc0::")
	one("hostmask(inet) inet strict immutable", func(p netip.Prefix) (types.Value, error) {
		m := maskOf(p)
		for i := range m {
			m[i] = ^m[i]
		}
		return whole(addrFrom(m))
	}, "hostmask(inet '192.168.23.20/30')", "0.0.0.3")
	one("broadcast(inet) inet strict immutable", func(p netip.Prefix) (types.Value, error) {
		octets := p.Addr().AsSlice()
		for i, m := range maskOf(p) {
			octets[i] |= ^m
		}
		return inet(netip.PrefixFrom(addrFrom(octets), p.Bits()))
	}, "broadcast(inet '192.168.1.5/24')", "192.168.1.255/24")
	setMasklen := func(oid types.OID) ValueFunc {
		return func(_ *Env, a vs) (types.Value, error) {
			p, bits := types.InetOf(a[0]), a[1].I
			if bits == -1 {
				bits = int64(p.Addr().BitLen())
			}
			if bits < 0 || bits > int64(p.Addr().BitLen()) {
				return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid mask length: %d", bits)
			}
			p = netip.PrefixFrom(p.Addr(), int(bits))
			if oid == types.Cidr {
				return cidr(p)
			}
			return inet(p)
		}
	}
	op("set_masklen(inet, int4) inet strict immutable", setMasklen(types.Inet),
		"set_masklen(inet '192.168.1.5/24', 16)", "192.168.1.5/16", "set_masklen(inet '192.168.1.5/24', -1)", "192.168.1.5", "set_masklen(inet '1.2.3.4', 33)", "ERROR 22023")
	op("set_masklen(cidr, int4) cidr strict immutable", setMasklen(types.Cidr), "set_masklen(cidr '192.168.1.0/24', 16)", "192.168.0.0/16")
	op("inet_same_family(inet, inet) bool strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return boolean(types.InetOf(a[0]).Addr().Is4() == types.InetOf(a[1]).Addr().Is4())
	}, "inet_same_family(inet '1.2.3.4', inet '::1')", "f")
	op("inet_merge(inet, inet) cidr strict immutable", func(_ *Env, a vs) (types.Value, error) {
		p, q := types.InetOf(a[0]), types.InetOf(a[1])
		if p.Addr().Is4() != q.Addr().Is4() {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot merge addresses from different families")
		}
		bits := min(p.Bits(), q.Bits())
		for bits > 0 && netip.PrefixFrom(p.Addr(), bits).Masked() != netip.PrefixFrom(q.Addr(), bits).Masked() {
			bits--
		}
		return cidr(netip.PrefixFrom(p.Addr(), bits))
	}, "inet_merge(inet '192.168.1.5/24', inet '192.168.2.5/24')", "192.168.0.0/22", "inet_merge(inet '1.2.3.4', inet '::1')", "ERROR 22023")
	defineNetworkOperators()
}

// within reports whether p is q or inside it.
func within(p, q netip.Prefix) bool {
	return p.Addr().Is4() == q.Addr().Is4() && p.Bits() >= q.Bits() && netip.PrefixFrom(p.Addr(), q.Bits()).Masked() == q.Masked()
}

func defineNetworkOperators() {
	type vs = []types.Value
	for _, f := range []struct {
		name string
		is   func(p, q netip.Prefix) bool
		ex   []string
	}{
		{"network_sub", func(p, q netip.Prefix) bool { return within(p, q) && p.Bits() > q.Bits() }, []string{"inet '192.168.1.5' << inet '192.168.1/24'", "t", "inet '10.0.0.0/8' << inet '10.0.0.0/8'", "f"}},
		{"network_subeq", within, []string{"inet '192.168.1/24' <<= inet '192.168.1/24'", "t", "inet '::1' <<= inet '0.0.0.0/0'", "f"}},
		{"network_sup", func(p, q netip.Prefix) bool { return within(q, p) && p.Bits() < q.Bits() }, []string{"cidr '192.168.1/24' >> inet '192.168.1.5'", "t"}},
		{"network_supeq", func(p, q netip.Prefix) bool { return within(q, p) }, []string{"cidr '192.168.1/24' >>= cidr '192.168.1/24'", "t"}},
		{"network_overlap", func(p, q netip.Prefix) bool { return within(p, q) || within(q, p) }, []string{"inet '192.168.1/24' && inet '192.168.1.80/28'", "t", "inet '192.168.1/24' && inet '192.168.2.0/28'", "f"}},
	} {
		define(f.name+"(inet, inet) bool strict immutable", Definition{
			Value:    func(_ *Env, a vs) (types.Value, error) { return boolean(f.is(types.InetOf(a[0]), types.InetOf(a[1]))) },
			Examples: examples(f.ex...),
		})
	}
	for _, f := range []struct {
		name, word string
		of         func(x, y byte) byte
		ex         []string
	}{
		{"inetand", "AND", func(x, y byte) byte { return x & y }, []string{"inet '192.168.1.6' & inet '0.0.0.255'", "0.0.0.6", "inet '1.2.3.4' & inet '::1'", "ERROR 22023"}},
		{"inetor", "OR", func(x, y byte) byte { return x | y }, []string{"inet '192.168.1.6' | inet '0.0.0.255'", "192.168.1.255"}},
	} {
		define(f.name+"(inet, inet) inet strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) {
			p, q := types.InetOf(a[0]), types.InetOf(a[1])
			if p.Addr().Is4() != q.Addr().Is4() {
				return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot %s inet values of different sizes", f.word)
			}
			x, y := p.Addr().AsSlice(), q.Addr().AsSlice()
			for i := range x {
				x[i] = f.of(x[i], y[i])
			}
			return inet(netip.PrefixFrom(addrFrom(x), max(p.Bits(), q.Bits())))
		}, Examples: examples(f.ex...)})
	}
	define("inetnot(inet) inet strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) {
		p := types.InetOf(a[0])
		x := p.Addr().AsSlice()
		for i := range x {
			x[i] = ^x[i]
		}
		return inet(netip.PrefixFrom(addrFrom(x), p.Bits()))
	}, Examples: examples("~ inet '192.168.1.6'", "63.87.254.249")})
	plus := func(v types.Value, n int64) (types.Value, error) {
		p := types.InetOf(v)
		x := p.Addr().AsSlice()
		// The addend's sign goes on through the octets above its eight.
		carry := 0
		for i := len(x) - 1; i >= 0; i-- {
			sum := int(x[i]) + int(byte(n)) + carry
			x[i], carry = byte(sum), sum>>8
			n >>= 8
		}
		if n == 0 && carry == 0 || n == -1 && carry == 1 {
			return inet(netip.PrefixFrom(addrFrom(x), p.Bits()))
		}
		return types.Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "result is out of range")
	}
	define("inetpl(inet, int8) inet strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) { return plus(a[0], a[1].I) },
		Examples: examples("inet '192.168.1.6' + 25", "192.168.1.31", "inet '255.255.255.255' + 1", "ERROR 22003", "inet '::1' + (-1)", "::")})
	define("int8pl_inet(int8, inet) inet strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) { return plus(a[1], a[0].I) },
		Examples: examples("200 + inet '::ffff:fff0:1'", "::ffff:255.240.0.201")})
	define("inetmi_int8(inet, int8) inet strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) { return plus(a[0], -a[1].I) },
		Examples: examples("inet '192.168.1.43' - 36", "192.168.1.7", "inet '0.0.0.0' - 1", "ERROR 22003")})
	define("inetmi(inet, inet) int8 strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) {
		p, q := types.InetOf(a[0]), types.InetOf(a[1])
		if p.Addr().Is4() != q.Addr().Is4() {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot subtract inet values of different sizes")
		}
		x, y := p.Addr().AsSlice(), q.Addr().AsSlice()
		n, carry := int64(0), 1
		for i := len(x) - 1; i >= 0; i-- {
			at := len(x) - 1 - i
			sum := int(x[i]) + int(^y[i]) + carry
			carry = sum >> 8
			switch low := byte(sum); {
			case at < 8:
				n |= int64(low) << (8 * at)
			case n >= 0 && low != 0, n < 0 && low != 0xff:
				return types.Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "result is out of range")
			}
		}
		if len(x) == 4 && carry == 0 {
			n |= -1 << 32
		}
		return int8(n)
	}, Examples: examples("inet '192.168.1.43' - inet '192.168.1.19'", "24", "inet '::1' - inet '::ffff:1'", "-4294901760", "inet '0.0.0.0' - inet '0.0.0.1'", "-1", "inet 'ffff::' - inet '::'", "ERROR 22003")})
}

// inetText is the cast to text, which always tells the bits.
func inetText(p netip.Prefix) string {
	b := append(types.AppendInetAddr(nil, p.Addr()), '/')
	return string(types.AppendInt(b, int64(p.Bits())))
}
