package object

import (
	"context"
	"net"
	"net/url"
	"testing"
	"time"

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
		{"http://169.254.169.254/latest", []string{"*"}, false},
		{"http://169.254.169.254/latest", []string{"*", "169.254.169.254"}, true},
		{"http://[::ffff:169.254.169.254]/", []string{"*"}, false},
		{"http://[fd00:ec2::254]/", []string{"*"}, false},
		{"http://[fd00:ec2::254]/", []string{"fd00:ec2::254"}, true},
		{"http://[fd20:ce::254]/computeMetadata/v1", []string{"*"}, false},
		{"http://[FD20:CE:0::254]/computeMetadata/v1", []string{"*"}, false},
		{"http://100.100.100.200/", []string{"*"}, false},
		{"http://[fe80::1%25eth0]/", []string{"*"}, false},
		{"http://10.0.0.1/", []string{"*"}, true},
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

// TestDialer refuses a name that stands for a link-local address, and connects to others.
func TestDialer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := Dialer([]string{"*"}, time.Minute)(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for _, address := range []string{"169.254.169.254:80", "[::ffff:169.254.169.254]:80", "[fd00:ec2::254]:80", "[fd20:ce::254]:80"} {
		if _, err := Dialer([]string{"*", "*.internal"}, time.Minute)(t.Context(), "tcp", address); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
			t.Errorf("%s: %v", address, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dialer([]string{"169.254.169.254"}, time.Minute)(ctx, "tcp", "169.254.169.254:80"); sqlerr.CodeOf(err) == sqlerr.InsufficientPrivilege {
		t.Errorf("one that is named: %v", err)
	}
}
