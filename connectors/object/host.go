package object

import (
	"net"
	"net/url"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Reachable is 42501 for a URL whose host is none of http.allow's: a host, with or
// without its port; *.example.com, its subdomains; *, every one.
func Reachable(u *url.URL, allow []string) error {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	for _, a := range allow {
		if reaches(strings.ToLower(strings.TrimSpace(a)), host, port) {
			return nil
		}
	}
	e := sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for host %q: it is not in http.allow", u.Host)
	if len(allow) == 0 {
		return e.WithHint("No host may be reached; name it in http.allow of the server's configuration.")
	}
	return e.WithHint("Allowed are %s; others are named in http.allow of the server's configuration.", strings.Join(allow, ", "))
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
