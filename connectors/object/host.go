package object

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Reachable is 42501 for a URL whose host is none of http.allow's: a host, with or
// without its port; *.example.com, its subdomains; *, every one.
func Reachable(u *url.URL, allow []string) error {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	named, allowed := false, false
	for _, a := range allow {
		a = strings.ToLower(strings.TrimSpace(a))
		if reaches(a, host, port) {
			allowed, named = true, named || !strings.HasPrefix(a, "*")
		}
	}
	if ip, err := netip.ParseAddr(host); err == nil && allowed && !named && linkLocal(ip) {
		return ofMachine(host)
	}
	if allowed {
		return nil
	}
	e := sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for host %q: it is not in http.allow", u.Host)
	if len(allow) == 0 {
		return e.WithHint("No host may be reached; name it in http.allow of the server's configuration.")
	}
	return e.WithHint("Allowed are %s; others are named in http.allow of the server's configuration.", strings.Join(allow, ", "))
}

// ofMachine is the error of an address that is the machine's own, where what runs on it
// finds its credentials: no wildcard of http.allow names it.
func ofMachine(host string) error {
	return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for host %q: its address is link-local", host).
		WithHint("Such addresses, as those of a cloud's metadata, are reached only where http.allow names the host itself.")
}

// linkLocal reports whether an address is one that only the machine's own network has,
// or one that clouds give their metadata service.
func linkLocal(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() || ip.IsInterfaceLocalMulticast() ||
		slices.Contains(metadata, ip)
}

// metadata are the addresses of metadata services that are not link-local by themselves: of
// AWS and of Google Cloud over IPv6, and of Alibaba Cloud.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("100.100.100.200")}

// Dialer connects to the hosts of http.allow. A name that stands for a link-local
// address is refused, whatever it was when it was looked up before, unless http.allow
// names the host itself.
func Dialer(allow []string, timeout time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		named := slices.ContainsFunc(allow, func(a string) bool {
			a = strings.ToLower(strings.TrimSpace(a))
			return !strings.HasPrefix(a, "*") && reaches(a, strings.ToLower(host), port)
		})
		d := net.Dialer{Timeout: timeout}
		if !named {
			d.ControlContext = func(_ context.Context, _, at string, _ syscall.RawConn) error {
				if to, err := netip.ParseAddrPort(at); err == nil && linkLocal(to.Addr()) {
					return ofMachine(host)
				}
				return nil
			}
		}
		return d.DialContext(ctx, network, address)
	}
}

// reaches reports whether one entry names the host.
func reaches(entry, host, port string) bool {
	if entry == "*" {
		return true
	}
	if h, p, err := net.SplitHostPort(entry); err == nil {
		if p != port {
			return false
		}
		entry = h
	}
	entry = strings.TrimSuffix(strings.TrimPrefix(entry, "["), "]")
	if sub, ok := strings.CutPrefix(entry, "*."); ok {
		return strings.HasSuffix(host, "."+sub)
	}
	return entry == host
}
