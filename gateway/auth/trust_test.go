package auth

import "testing"

func TestCheckListen(t *testing.T) {
	for _, c := range []struct {
		addr     string
		insecure bool
		allowed  bool
	}{
		{"127.0.0.1:7432", false, true},
		{"127.3.4.5:7432", false, true},
		{"[::1]:7432", false, true},
		{"[::ffff:127.0.0.1]:7432", false, true},
		{"localhost:7432", false, true},
		{":7432", false, false},
		{"0.0.0.0:7432", false, false},
		{"[::]:7432", false, false},
		{"192.0.2.1:7432", false, false},
		{"[2001:db8::1]:7432", false, false},
		{"no-port", false, false},
		{"0.0.0.0:7432", true, true},
		{":7432", true, true},
	} {
		if err := CheckListen(c.addr, c.insecure); (err == nil) != c.allowed {
			t.Errorf("CheckListen(%q, %v) = %v, want allowed: %v", c.addr, c.insecure, err, c.allowed)
		}
	}
}
