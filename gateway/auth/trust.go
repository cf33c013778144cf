// Package auth decides who may connect: by rules as in pg_hba.conf, the first that
// fits a client. Trust is refused beyond loopback unless it is asked for.
package auth

import (
	"fmt"
	"net"
	"net/netip"
)

// CheckListen says whether trust authentication may listen on addr, a host:port
// as for net.Listen. Names are resolved, and every address that they stand for
// must be loopback; an empty host is every interface. insecure is the
// --insecure-trust-remote flag.
func CheckListen(addr string, insecure bool) error {
	if insecure {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("reading the listen address %q: %w", addr, err)
	}
	if host != "" {
		ips, err := resolve(host)
		if err != nil {
			return fmt.Errorf("resolving the listen address %q: %w", addr, err)
		}
		loopback := len(ips) > 0
		for _, ip := range ips {
			loopback = loopback && ip.Unmap().IsLoopback()
		}
		if loopback {
			return nil
		}
	}
	return fmt.Errorf("listening on %q: anyone who can reach it could do anything, since authentication is trust; set FERRIS_SUPERUSER_PASSWORD or auth.hba, listen on 127.0.0.1, or pass --insecure-trust-remote", addr)
}

func resolve(host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ips, err := net.LookupIP(host)
	if err != nil {
		return nil, err
	}
	out := make([]netip.Addr, 0, len(ips))
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, a)
		}
	}
	return out, nil
}
