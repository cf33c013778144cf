package auth

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Method is how a client proves who it is.
type Method string

// Methods, by the names of pg_hba.conf.
const (
	Trust    Method = "trust"
	Reject   Method = "reject"
	SCRAM    Method = "scram-sha-256"
	Password Method = "password" // in the clear: over TLS only
	Cert     Method = "cert"     // a client certificate whose common name is the user
)

// Rule is a line of the host-based authentication list, as pg_hba.conf has them.
type Rule struct {
	Text      string // as written
	TLS       *bool  // nil: either
	Databases []string
	Users     []string
	Addresses []netip.Prefix // none: all
	Method    Method
	Verify    string // clientcert: "", verify-ca or verify-full
}

// ParseRule reads a line: TYPE DATABASE USER ADDRESS METHOD [OPTION]. TYPE is host,
// hostssl or hostnossl; names are separated by commas, +name is a role's members.
func ParseRule(line string) (*Rule, error) {
	fields, err := splitFields(line)
	if err != nil {
		return nil, err
	}
	if len(fields) < 5 {
		return nil, fmt.Errorf("%q has %d fields: a rule is TYPE DATABASE USER ADDRESS METHOD", line, len(fields))
	}
	r := &Rule{Text: line, Databases: fields[1].names, Users: fields[2].names}
	for _, name := range append(r.Databases[:len(r.Databases):len(r.Databases)], r.Users...) {
		if slices.Contains([]string{"samerole", "samegroup", "replication"}, name) || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "@") {
			return nil, fmt.Errorf("%s in %q is not supported: write names, +role for a role's members, sameuser, or all", name, line)
		}
	}
	yes, no := true, false
	switch fields[0].text {
	case "host":
	case "hostssl":
		r.TLS = &yes
	case "hostnossl":
		r.TLS = &no
	default:
		return nil, fmt.Errorf("unknown type %q in %q: it is host, hostssl or hostnossl", fields[0].text, line)
	}
	rest := fields[4:]
	switch address := fields[3].text; {
	case address == "all":
	case strings.Contains(address, "/"):
		p, err := netip.ParsePrefix(address)
		if err != nil {
			return nil, fmt.Errorf("reading the address in %q: %w", line, err)
		}
		r.Addresses = []netip.Prefix{p.Masked()}
	default:
		ip, err := netip.ParseAddr(address)
		if err != nil {
			return nil, fmt.Errorf("reading the address in %q: %w; write all, or an address with a mask: 10.0.0.0/8", line, err)
		}
		mask, err := netip.ParseAddr(fields[4].text)
		bits, ok := maskBits(mask)
		if err != nil || !ok || mask.BitLen() != ip.BitLen() || len(fields) < 6 {
			return nil, fmt.Errorf("the address in %q has no mask: write %s/%d", line, ip, ip.BitLen())
		}
		r.Addresses, rest = []netip.Prefix{netip.PrefixFrom(ip, bits).Masked()}, fields[5:]
	}
	switch m := Method(rest[0].text); m {
	case Trust, Reject, SCRAM, Password, Cert:
		r.Method = m
	case "md5":
		return nil, fmt.Errorf("the method md5 in %q is not supported: passwords are kept as SCRAM-SHA-256 verifiers alone; write scram-sha-256", line)
	default:
		return nil, fmt.Errorf("unknown method %q in %q: it is trust, reject, scram-sha-256, password or cert", m, line)
	}
	if (r.Method == Password || r.Method == Cert) && (r.TLS == nil || !*r.TLS) {
		return nil, fmt.Errorf("the method of %q needs TLS: write hostssl", line)
	}
	for _, o := range rest[1:] {
		value, ok := strings.CutPrefix(o.text, "clientcert=")
		if !ok || value != "verify-ca" && value != "verify-full" || r.TLS == nil || !*r.TLS {
			return nil, fmt.Errorf("unknown option %q in %q: it is clientcert=verify-ca or clientcert=verify-full, of hostssl", o.text, line)
		}
		r.Verify = value
	}
	return r, nil
}

// field is one of a rule's: the text, and the names that commas separate.
type field struct {
	text  string
	names []string
}

// splitFields splits at blanks outside quotes. A quoted name means itself, and no
// keyword: it is kept with its quotes.
func splitFields(line string) ([]field, error) {
	var all []field
	var text strings.Builder
	quoted, in := false, false
	end := func() {
		if in {
			f := field{text: text.String()}
			f.names = strings.Split(f.text, ",")
			f.names = slices.DeleteFunc(f.names, func(s string) bool { return s == "" })
			all = append(all, f)
		}
		text.Reset()
		in = false
	}
	for _, c := range line {
		switch {
		case c == '"':
			quoted, in = !quoted, true
			text.WriteRune(c)
		case quoted:
			text.WriteRune(c)
		case c == '#':
			end()
			return all, nil
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if s := text.String(); !strings.HasSuffix(s, ",") {
				end()
			}
		default:
			text.WriteRune(c)
			in = true
		}
	}
	end()
	if quoted {
		return nil, fmt.Errorf("%q has a quote without an end", line)
	}
	return all, nil
}

// maskBits is how many leading ones a mask has, false where it has others.
func maskBits(mask netip.Addr) (int, bool) {
	n, ended := 0, false
	for _, b := range mask.AsSlice() {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && ended {
				return 0, false
			}
			if one {
				n++
			}
			ended = !one
		}
	}
	return n, mask.IsValid()
}

// TrustsRemote reports whether the rule lets someone in from another machine who
// has proved nothing.
func (r *Rule) TrustsRemote() bool {
	if r.Method != Trust || r.Verify != "" {
		return false
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, n := range r.Addresses {
		if !slices.ContainsFunc(loopback, func(l netip.Prefix) bool { return l.Contains(n.Addr()) && n.Bits() >= l.Bits() }) {
			return true
		}
	}
	return len(r.Addresses) == 0
}

// Peer is who asks to connect.
type Peer struct {
	Addr     netip.Addr
	TLS      bool
	User     string
	Database string
	// Member reports whether the user is a member of a role.
	Member func(group string) bool
}

// Match is the first rule for a peer, nil where there is none.
func Match(rules []*Rule, p *Peer) *Rule {
	for _, r := range rules {
		if r.matches(p) {
			return r
		}
	}
	return nil
}

func (r *Rule) matches(p *Peer) bool {
	if r.TLS != nil && *r.TLS != p.TLS {
		return false
	}
	addr := p.Addr.Unmap().WithZone("")
	if len(r.Addresses) > 0 && !slices.ContainsFunc(r.Addresses, func(n netip.Prefix) bool { return n.Contains(addr) }) {
		return false
	}
	database := slices.ContainsFunc(r.Databases, func(name string) bool {
		return name == "all" || name == "sameuser" && p.User == p.Database || unquote(name) == p.Database
	})
	return database && slices.ContainsFunc(r.Users, func(name string) bool {
		group, isGroup := strings.CutPrefix(name, "+")
		switch {
		case name == "all":
			return true
		case isGroup:
			return p.Member != nil && p.Member(unquote(group))
		}
		return unquote(name) == p.User
	})
}

func unquote(name string) string {
	if n := len(name); n >= 2 && name[0] == '"' && name[n-1] == '"' {
		return name[1 : n-1]
	}
	return name
}

// Loopback are the rules where nothing is configured: whoever is on this machine.
func Loopback() []*Rule {
	return []*Rule{
		{Text: "host all all 127.0.0.0/8 trust", Databases: []string{"all"}, Users: []string{"all"}, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Method: Trust},
		{Text: "host all all ::1/128 trust", Databases: []string{"all"}, Users: []string{"all"}, Addresses: []netip.Prefix{netip.MustParsePrefix("::1/128")}, Method: Trust},
	}
}

// Everyone is the one rule that lets all in by a method.
func Everyone(m Method) []*Rule {
	return []*Rule{{Text: "host all all all " + string(m), Databases: []string{"all"}, Users: []string{"all"}, Method: m}}
}
