// Package scram keeps passwords as SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677)
// in PostgreSQL's form, and speaks the server's side of the exchange.
package scram

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Iterations are those of a verifier made here, PostgreSQL's default.
const Iterations = 4096

// Bounds of what a verifier given as text may say.
const (
	maxIterations = 1 << 22
	maxSalt       = 1024
)

// Verifier is what a server keeps of a password.
type Verifier struct {
	Iterations int
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
}

// NewVerifier makes a verifier of a password, with a salt of its own.
func NewVerifier(password string) *Verifier {
	salt := make([]byte, 16)
	rand.Read(salt) // it never fails
	return derive(password, salt, Iterations)
}

func derive(password string, salt []byte, iterations int) *Verifier {
	salted, err := pbkdf2.Key(sha256.New, Prepare(password), salt, iterations, sha256.Size)
	if err != nil {
		panic("scram: deriving a key of 32 bytes: " + err.Error()) // the length is right
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	return &Verifier{Iterations: iterations, Salt: salt, StoredKey: stored[:], ServerKey: mac(salted, "Server Key")}
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// String is SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
func (v *Verifier) String() string {
	e := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", v.Iterations, e(v.Salt), e(v.StoredKey), e(v.ServerKey))
}

var errVerifier = errors.New("not a SCRAM-SHA-256 verifier")

// Parse reads what String writes.
func Parse(s string) (*Verifier, error) {
	rest, ok := strings.CutPrefix(s, "SCRAM-SHA-256$")
	if !ok {
		return nil, errVerifier
	}
	head, keys, ok := strings.Cut(rest, "$")
	count, salt, ok1 := strings.Cut(head, ":")
	stored, server, ok2 := strings.Cut(keys, ":")
	if !ok || !ok1 || !ok2 {
		return nil, errVerifier
	}
	v := &Verifier{}
	var err error
	if v.Iterations, err = strconv.Atoi(count); err != nil || v.Iterations < 1 || v.Iterations > maxIterations {
		return nil, errVerifier
	}
	for _, f := range []struct {
		text string
		to   *[]byte
		n    int
	}{{salt, &v.Salt, 0}, {stored, &v.StoredKey, sha256.Size}, {server, &v.ServerKey, sha256.Size}} {
		b, err := base64.StdEncoding.DecodeString(f.text)
		if err != nil || len(b) == 0 || len(b) > maxSalt || f.n > 0 && len(b) != f.n {
			return nil, errVerifier
		}
		*f.to = b
	}
	return v, nil
}

// Matches reports whether a password is the verifier's.
func (v *Verifier) Matches(password string) bool {
	other := derive(password, v.Salt, v.Iterations)
	return subtle.ConstantTimeCompare(v.StoredKey, other.StoredKey) == 1
}

// Prepare is SASLprep (RFC 4013) as PostgreSQL applies it: a password that is not
// UTF-8, or has what SASLprep forbids, stays as it is.
func Prepare(password string) string {
	plain := true
	for i := range len(password) {
		plain = plain && password[i] >= ' ' && password[i] < 0x7f
	}
	if plain || !utf8.ValidString(password) {
		return password
	}
	var b strings.Builder
	for _, r := range password {
		switch {
		case mapsToNothing(r):
		case r == 0x00a0 || r == 0x1680 || r >= 0x2000 && r <= 0x200a || r == 0x202f || r == 0x205f || r == 0x3000:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	out := norm.NFKC.String(b.String())
	left, right := false, false
	for _, r := range out {
		if prohibited(r) {
			return password
		}
		if unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana) {
			right = true
		} else if unicode.IsLetter(r) {
			left = true
		}
	}
	first, _ := utf8.DecodeRuneInString(out)
	last, _ := utf8.DecodeLastRuneInString(out)
	isRight := func(r rune) bool {
		return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana)
	}
	if out == "" || right && (left || !isRight(first) || !isRight(last)) {
		return password
	}
	return out
}

// mapsToNothing is table B.1 of RFC 3454.
func mapsToNothing(r rune) bool {
	switch r {
	case 0x00ad, 0x034f, 0x1806, 0x180b, 0x180c, 0x180d, 0x200b, 0x200c, 0x200d, 0x2060, 0xfeff:
		return true
	}
	return r >= 0xfe00 && r <= 0xfe0f
}

// prohibited are the tables C.1.2 and C.2.1 to C.9 of RFC 3454.
func prohibited(r rune) bool {
	switch {
	case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
		return true
	case r == 0x06dd, r == 0x070f, r == 0x180e, r >= 0x2028 && r <= 0x202e, r >= 0x2061 && r <= 0x2063, r >= 0x206a && r <= 0x206f:
		return true
	case r == 0x0340, r == 0x0341, r == 0x200e, r == 0x200f:
		return true
	case r >= 0xfff9 && r <= 0xffff, r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef, r >= 0x2ff0 && r <= 0x2ffb:
		return true
	case r >= 0x1d173 && r <= 0x1d17a, r == 0xe0001, r >= 0xe0020 && r <= 0xe007f:
		return true
	}
	return false
}
