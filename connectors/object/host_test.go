package object

import (
	"net/url"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

func TestReachable(t *testing.T) {
	for _, c := range []struct {
		url   string
		allow []string
		want  bool
	}{
		{"https://api.example.com/x", []string{"api.example.com"}, true},
		{"https://API.example.com/x", []string{"api.Example.com"}, true},
		{"https://api.example.com/x", []string{"api.example.com:443"}, true},
		{"http://api.example.com/x", []string{"api.example.com:443"}, false},
		{"http://api.example.com:8080", []string{"other", "*.example.com"}, true},
		{"http://example.com", []string{"*.example.com"}, false},
		{"http://badexample.com", []string{"*.example.com", "example.com"}, false},
		{"http://127.0.0.1:9", []string{"127.0.0.1"}, true},
		{"http://[::1]:9", []string{"[::1]:9"}, true},
		{"http://[::1]:9", []string{"::1"}, true},
		{"http://169.254.169.254/latest", []string{"*"}, true},
		{"http://user@api.example.com@evil.org/", []string{"api.example.com"}, false},
		{"http://x", nil, false},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			continue
		}
		err = Reachable(u, c.allow)
		if (err == nil) != c.want || err != nil && (sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege || sqlerr.From(err).Hint == "") {
			t.Errorf("%s by %q: %v", c.url, c.allow, err)
		}
	}
}
