package scram

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

// The example of RFC 7677, section 3.
func TestExample(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(Mechanism, derive("pencil", salt, 4096), "user", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.First("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"); err != nil {
		t.Fatal(err)
	}
	// The server's part of the nonce is the example's.
	s.nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	s.first = "r=" + s.nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	final, err := s.Final("c=biws,r=" + s.nonce + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	if err != nil || final != "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Fatalf("server-final-message %q, %v", final, err)
	}
}

func TestVerifierText(t *testing.T) {
	v := NewVerifier("secret")
	got, err := Parse(v.String())
	if err != nil || got.String() != v.String() {
		t.Fatalf("%v read back as %v, %v", v, got, err)
	}
	if !got.Matches("secret") || got.Matches("Secret") || got.Matches("") {
		t.Error("the verifier matches the wrong passwords")
	}
	if strings.Contains(v.String(), "secret") {
		t.Error("the password stands in its verifier")
	}
	for _, bad := range []string{"", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA", "SCRAM-SHA-256$0" + v.String()[18:], strings.ReplaceAll(v.String(), ":", ";")} {
		if _, err := Parse(bad); !errors.Is(err, errVerifier) {
			t.Errorf("Parse(%q): %v", bad, err)
		}
	}
}

// Examples of RFC 4013, section 3, and what PostgreSQL leaves as it is.
func TestPrepare(t *testing.T) {
	for _, c := range [][2]string{
		{"I\u00adX", "IX"}, {"user", "user"}, {"USER", "USER"}, {"\u00aa", "a"}, {"\u2168", "IX"},
		{"\u0007", "\u0007"}, {"\u06271", "\u06271"}, {"a\u00a0b", "a b"}, {"\xff", "\xff"}, {"\u00ad", "\u00ad"},
		{"p\u00e4ss", "p\u00e4ss"}, {"pa\u0308ss", "p\u00e4ss"},
	} {
		if got := Prepare(c[0]); got != c[1] {
			t.Errorf("Prepare(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}

// client is the client's side, with a given password.
func client(s *Server, flag, password string, binding []byte) (string, error) {
	bare := "n=,r=clientnonce"
	first, err := s.First(flag + ",," + bare)
	if err != nil {
		return "", err
	}
	v := derive(password, s.verifier.Salt, s.verifier.Iterations)
	final := "c=" + base64.StdEncoding.EncodeToString(append([]byte(flag+",,"), binding...)) + ",r=" + s.nonce
	signature := mac(v.StoredKey, bare+","+first+","+final)
	proof := clientKey(password, s.verifier.Salt, s.verifier.Iterations)
	for i := range proof {
		proof[i] ^= signature[i]
	}
	return s.Final(final + ",p=" + base64.StdEncoding.EncodeToString(proof))
}

func TestExchange(t *testing.T) {
	v := NewVerifier("right")
	here := []byte("this connection")
	for _, c := range []struct {
		name, mechanism, flag, password string
		verifier                        *Verifier
		offered, bound                  []byte
		want                            error
	}{
		{name: "plain", mechanism: Mechanism, flag: "n", password: "right", verifier: v},
		{name: "wrong password", mechanism: Mechanism, flag: "n", password: "wrong", verifier: v, want: ErrMismatch},
		{name: "unknown user", mechanism: Mechanism, flag: "n", password: "right", want: ErrMismatch},
		{name: "bound", mechanism: MechanismPlus, flag: "p=tls-server-end-point", password: "right", verifier: v, offered: here, bound: here},
		{name: "bound elsewhere", mechanism: MechanismPlus, flag: "p=tls-server-end-point", password: "right", verifier: v, offered: here, bound: []byte("another"), want: ErrBinding},
		{name: "could not bind", mechanism: Mechanism, flag: "n", password: "right", verifier: v, offered: here},
		{name: "downgraded", mechanism: Mechanism, flag: "y", password: "right", verifier: v, offered: here, want: ErrDowngrade},
		{name: "no TLS", mechanism: Mechanism, flag: "y", password: "right", verifier: v},
		{name: "another type", mechanism: MechanismPlus, flag: "p=tls-unique", password: "right", verifier: v, offered: here, want: ErrMalformed},
		{name: "flag without PLUS", mechanism: Mechanism, flag: "p=tls-server-end-point", password: "right", verifier: v, offered: here, want: ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := NewServer(c.mechanism, c.verifier, "someone", []byte("secret"), c.offered)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client(s, c.flag, c.password, c.bound); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if _, err := NewServer(MechanismPlus, v, "u", nil, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("PLUS that was not offered: %v", err)
	}
	a, _ := NewServer(Mechanism, nil, "someone", []byte("secret"), nil)
	b, _ := NewServer(Mechanism, nil, "someone", []byte("secret"), nil)
	other, _ := NewServer(Mechanism, nil, "other", []byte("secret"), nil)
	if string(a.verifier.Salt) != string(b.verifier.Salt) || string(a.verifier.Salt) == string(other.verifier.Salt) {
		t.Error("made-up salts tell unknown users from known ones")
	}
}

func clientKey(password string, salt []byte, iterations int) []byte {
	salted, err := pbkdf2.Key(sha256.New, Prepare(password), salt, iterations, sha256.Size)
	if err != nil {
		panic(err)
	}
	return mac(salted, "Client Key")
}
