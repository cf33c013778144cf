package types

import (
	"net/netip"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Inet is an address of a host with the bits of its network; Cidr is a network.
const (
	Inet OID = 869
	Cidr OID = 650
)

// The families of the binary form.
const (
	inetV4 = 2
	inetV6 = 3
)

// InetOf returns the address and the bits of an inet or cidr.
func InetOf(v Value) netip.Prefix {
	n := (len(v.S) - 2) / 2
	addr, _ := netip.AddrFromSlice([]byte(v.S[2+n:]))
	return netip.PrefixFrom(addr, int(v.S[1+n]))
}

// NewInet returns an inet or cidr. Its value is bytes whose order is a btree's:
// the family, the network's address, its bits, the host's address.
func NewInet(oid OID, p netip.Prefix) Value {
	addr := p.Addr().AsSlice()
	b := make([]byte, 0, 2+2*len(addr))
	b = append(b, inetFamily(p))
	b = append(b, p.Masked().Addr().AsSlice()...)
	b = append(b, byte(p.Bits()))
	return NewString(oid, string(append(b, addr...)))
}

func inetFamily(p netip.Prefix) byte {
	if p.Addr().Is4() {
		return inetV4
	}
	return inetV6
}

var (
	_ = registerInet(&Info{OID: Inet, Name: "inet", SQLName: "inet", Array: 1041, Preferred: true})
	_ = registerInet(&Info{OID: Cidr, Name: "cidr", SQLName: "cidr", Array: 651})
)

func registerInet(i *Info) *Info {
	oid, name := i.OID, i.Name
	i.Len, i.Align, i.Category, i.Kind, i.Delim, i.Phys, i.Comparable = -1, 'i', 'I', 'b', ',', PhysBytes, true
	i.In = func(s string, _ int32, _ *Format) (Value, error) {
		p, err := parseInet(s, oid)
		if err != nil {
			return Value{}, err
		}
		return NewInet(oid, p), nil
	}
	i.AppendText = func(dst []byte, v Value, _ *Format) []byte {
		p := InetOf(v)
		dst = AppendInetAddr(dst, p.Addr())
		if oid == Inet && p.Bits() == p.Addr().BitLen() {
			return dst
		}
		return AppendInt(append(dst, '/'), int64(p.Bits()))
	}
	i.Recv = func(b []byte, _ int32) (Value, error) { return recvInet(oid, name, b) }
	i.AppendBinary = func(dst []byte, v Value, _ *Format) []byte {
		p := InetOf(v)
		isCidr := byte(0)
		if oid == Cidr {
			isCidr = 1
		}
		addr := p.Addr().AsSlice()
		dst = append(dst, inetFamily(p), byte(p.Bits()), isCidr, byte(len(addr)))
		return append(dst, addr...)
	}
	i.Compare = compareS
	return register(i)
}

func recvInet(oid OID, name string, b []byte) (Value, error) {
	r := formReader{b: b}
	family := r.byte()
	if r.err == nil && family != inetV4 && family != inetV6 {
		return Value{}, errForm("invalid address family in external \"%s\" value", name)
	}
	size := 4
	if family == inetV6 {
		size = 16
	}
	bits := int(r.byte())
	if r.err == nil && bits > 8*size {
		return Value{}, errForm("invalid bits in external \"%s\" value", name)
	}
	r.byte()
	if n := r.byte(); r.err == nil && int(n) != size {
		return Value{}, errForm("invalid length in external \"%s\" value", name)
	}
	octets := make([]byte, size)
	for i := range octets {
		octets[i] = r.byte()
	}
	if r.err != nil {
		return Value{}, r.err
	}
	addr, _ := netip.AddrFromSlice(octets)
	p := netip.PrefixFrom(addr, bits)
	if oid == Cidr && p != p.Masked() {
		return Value{}, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid external \"cidr\" value").
			WithDetail("Value has bits set to right of mask.")
	}
	return NewInet(oid, p), r.end()
}

func parseInet(s string, oid OID) (netip.Prefix, error) {
	var p netip.Prefix
	ok := false
	switch {
	case strings.IndexByte(s, ':') >= 0:
		p, ok = parseInet6(s)
	case oid == Inet:
		p, ok = parseInet4(s)
	default:
		p, ok = parseCidr4(s)
	}
	switch {
	case !ok && oid == Cidr:
		return p, errSyntax("cidr", s)
	case !ok:
		return p, errSyntax("inet", s)
	case oid == Cidr && p != p.Masked():
		return p, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid cidr value: \"%s\"", strings.Clone(s)).
			WithDetail("Value has bits set to right of mask.")
	}
	return p, nil
}

// AppendInetAddr appends an address as PostgreSQL writes it: that of IPv6 with
// its longest run of zero words as ::, an IPv4 address inside it with dots.
func AppendInetAddr(dst []byte, a netip.Addr) []byte {
	if a.Is4() {
		return a.AppendTo(dst)
	}
	b := a.As16()
	var words [8]uint16
	for i := range words {
		words[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	best, length := -1, 1
	for i := 0; i < 8; i++ {
		n := 0
		for i+n < 8 && words[i+n] == 0 {
			n++
		}
		if n > length {
			best, length = i, n
		}
		i += n
	}
	for i := 0; i < 8; i++ {
		if i == best {
			dst = append(dst, ':')
			if i += length - 1; i == 7 {
				dst = append(dst, ':')
			}
			continue
		}
		if i > 0 {
			dst = append(dst, ':')
		}
		if i == 6 && best == 0 && (length == 6 || length == 7 && words[7] != 1 || length == 5 && words[5] == 0xffff) {
			return netip.AddrFrom4([4]byte(b[12:])).AppendTo(dst)
		}
		dst = appendHexWord(dst, words[i])
	}
	return dst
}

func appendHexWord(dst []byte, w uint16) []byte {
	for shift := 12; shift >= 0; shift -= 4 {
		if w>>shift != 0 || shift == 0 {
			dst = append(dst, hexDigits[w>>shift&15])
		}
	}
	return dst
}
