package types

import (
	"net/netip"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Inet is an address of a host with the bits of its network.
const Inet OID = 869

// The families of the binary form.
const (
	inetV4 = 2
	inetV6 = 3
)

// Its value is the text form: an address, and its bits where they are not all.
var _ = register(&Info{
	OID: Inet, Name: "inet", SQLName: "inet", Array: 1041, Len: -1, Align: 'i',
	Category: 'I', Preferred: true, Kind: 'b', Delim: ',', Phys: PhysBytes,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		p, ok := parseInet(s)
		if !ok {
			return Value{}, errSyntax("inet", s)
		}
		return NewString(Inet, inetText(p)), nil
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return append(dst, v.S...) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) < 4 {
			return Value{}, errBinaryLength(b, 4)
		}
		addr, ok := netip.AddrFromSlice(b[4:])
		family := inetV4
		if ok && addr.Is6() {
			family = inetV6
		}
		if !ok || int(b[0]) != family || int(b[1]) > addr.BitLen() || int(b[3]) != len(b)-4 {
			return Value{}, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid length in external \"inet\" value")
		}
		return NewString(Inet, inetText(netip.PrefixFrom(addr, int(b[1])))), nil
	},
	AppendBinary: func(dst []byte, v Value) []byte {
		p, _ := parseInet(v.S)
		family := byte(inetV4)
		if p.Addr().Is6() {
			family = inetV6
		}
		addr := p.Addr().AsSlice()
		dst = append(dst, family, byte(p.Bits()), 0, byte(len(addr)))
		return append(dst, addr...)
	},
	Compare: compareS,
})

func parseInet(s string) (netip.Prefix, bool) {
	if strings.IndexByte(s, '/') >= 0 {
		p, err := netip.ParsePrefix(s)
		return p, err == nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, addr.BitLen()), true
}

func inetText(p netip.Prefix) string {
	if p.Bits() == p.Addr().BitLen() {
		return p.Addr().String()
	}
	return p.String()
}
