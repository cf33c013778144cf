package auth

import (
	"net/netip"
	"strings"
	"testing"
)

func TestRules(t *testing.T) {
	var rules []*Rule
	for _, line := range []string{
		`host all outlaw all reject # a comment`,
		`hostssl all all 10.0.0.0/8 scram-sha-256`,
		`hostnossl "all" ann 192.168.0.0 255.255.0.0 trust`,
		`host sameuser,shop +staff,"+odd" all scram-sha-256`,
		`hostssl all robot all cert`,
		`hostssl all all ::1/128 password clientcert=verify-full`,
	} {
		r, err := ParseRule(line)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	staff := func(group string) bool { return group == "staff" }
	for _, c := range []struct {
		peer Peer
		want int // -1: none
	}{
		{Peer{netip.MustParseAddr("10.1.2.3"), true, "outlaw", "ferris", nil}, 0},
		{Peer{netip.MustParseAddr("10.1.2.3"), true, "ann", "ferris", nil}, 1},
		{Peer{netip.MustParseAddr("::ffff:10.1.2.3"), true, "ann", "ferris", nil}, 1},
		{Peer{netip.MustParseAddr("10.1.2.3"), false, "ann", "ferris", nil}, -1},
		{Peer{netip.MustParseAddr("192.168.7.7"), false, "ann", "all", nil}, 2},
		{Peer{netip.MustParseAddr("192.168.7.7"), false, "ann", "ferris", nil}, -1}, // "all" in quotes is a name
		{Peer{netip.MustParseAddr("8.8.8.8"), false, "bob", "bob", staff}, 3},
		{Peer{netip.MustParseAddr("8.8.8.8"), false, "bob", "shop", staff}, 3},
		{Peer{netip.MustParseAddr("8.8.8.8"), false, "bob", "ferris", staff}, -1},
		{Peer{netip.MustParseAddr("8.8.8.8"), false, "+odd", "shop", nil}, 3},
		{Peer{netip.MustParseAddr("8.8.8.8"), true, "robot", "ferris", nil}, 4},
		{Peer{netip.MustParseAddr("::1"), true, "x", "y", nil}, 5},
		{Peer{netip.MustParseAddr("::1%lo"), true, "x", "y", nil}, 5},
	} {
		got := -1
		for i, r := range rules {
			if Match(rules, &c.peer) == r {
				got = i
			}
		}
		if got != c.want {
			t.Errorf("%v meets rule %d, want %d", c.peer, got, c.want)
		}
	}
}

func TestRuleMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"":                                     "has 0 fields",
		"host all all trust":                   "has 4 fields",
		"local all all all trust":              `unknown type "local"`,
		"host all all all ident":               `unknown method "ident"`,
		"host all all all md5":                 "write scram-sha-256",
		"host all all 10.0.0.0/33 trust":       "reading the address",
		"host all all example.com trust":       "reading the address",
		"host all all 10.0.0.1 trust":          "write 10.0.0.1/32",
		"host all all 10.0.0.1 255.0.255.0 x":  "has no mask",
		"host all all all password":            "needs TLS",
		"host all all all cert":                "needs TLS",
		"hostssl all all all trust map=x":      `unknown option "map=x"`,
		"host all all all trust clientcert=no": `unknown option`,
		"host samerole all all reject":         "samerole",
		"host all /^tmp_ all reject":           "/^tmp_",
		"host all a,@file all reject":          "@file",
		`host "all all all trust`:              "a quote without an end",
	} {
		if _, err := ParseRule(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseRule(%q): %v, want %q", line, err, want)
		}
	}
}

func TestTrustsRemote(t *testing.T) {
	for line, want := range map[string]bool{
		"host all all all trust":                         true,
		"host all all 127.0.0.1/32 trust":                false,
		"host all all ::1/128 trust":                     false,
		"host all all 0.0.0.0/0 trust":                   true,
		"host all all 10.0.0.0/8 scram-sha-256":          false,
		"hostssl all all all trust clientcert=verify-ca": false,
		"host all all 10.0.0.0/8 trust":                  true,
		"host all all ::/0 reject":                       false,
		"host all all 126.0.0.0/7 trust":                 true,
	} {
		r, err := ParseRule(line)
		if err != nil {
			t.Fatal(err)
		}
		if r.TrustsRemote() != want {
			t.Errorf("TrustsRemote(%q) = %v", line, !want)
		}
	}
}
