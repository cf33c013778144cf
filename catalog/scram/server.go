package scram

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Mechanisms, by name. The one with PLUS binds the exchange to the TLS connection.
const (
	Mechanism     = "SCRAM-SHA-256"
	MechanismPlus = "SCRAM-SHA-256-PLUS"
)

// Errors of an exchange. Malformed is wrapped by what is wrong.
var (
	ErrMalformed = errors.New("malformed SCRAM message")
	// ErrMismatch is a wrong password, or an unknown user's.
	ErrMismatch = errors.New("the proof is not the verifier's")
	// ErrDowngrade says that the client saw no PLUS where it was offered.
	ErrDowngrade = errors.New("SCRAM channel binding negotiation error")
	// ErrBinding says that the client is bound to another TLS connection.
	ErrBinding = errors.New("SCRAM channel binding check failed")
)

// Server is the server's side of one exchange: First, then Final.
type Server struct {
	verifier *Verifier
	known    bool // the verifier is the user's, not made up
	plus     bool
	offered  bool   // PLUS was among the mechanisms
	binding  []byte // tls-server-end-point's; nil: no TLS

	header string // gs2-header
	bare   string // client-first-message-bare
	first  string // server-first-message
	nonce  string
}

// NewServer begins an exchange by the mechanism that the client has chosen. v nil
// is a user without a password, or none: the exchange goes on, and fails in its
// last step. secret makes up the salt of such users, the same each time. binding is
// the data of tls-server-end-point; nil: PLUS was not offered.
func NewServer(mechanism string, v *Verifier, user string, secret, binding []byte) (*Server, error) {
	s := &Server{verifier: v, known: v != nil, plus: mechanism == MechanismPlus, offered: binding != nil, binding: binding}
	if mechanism != Mechanism && (!s.plus || !s.offered) {
		return nil, fmt.Errorf("%w: unknown mechanism", ErrMalformed)
	}
	if v == nil {
		salt := mac(secret, user)[:16]
		s.verifier = &Verifier{Iterations: Iterations, Salt: salt, StoredKey: make([]byte, sha256.Size), ServerKey: make([]byte, sha256.Size)}
	}
	return s, nil
}

// First answers the client-first-message.
func (s *Server) First(message string) (string, error) {
	flag, rest, ok := strings.Cut(message, ",")
	authzid, bare, ok2 := strings.Cut(rest, ",")
	switch {
	case !ok || !ok2:
		return "", fmt.Errorf("%w: client-first-message has no gs2-header", ErrMalformed)
	case authzid != "":
		return "", fmt.Errorf("%w: an authorization identity is not supported", ErrMalformed)
	case flag == "n" && s.plus, flag == "y" && s.plus:
		return "", fmt.Errorf("%w: the mechanism binds, and the message does not", ErrMalformed)
	case flag == "n":
	case flag == "y" && s.offered:
		return "", ErrDowngrade
	case flag == "y":
	case strings.HasPrefix(flag, "p=") && !s.plus:
		return "", fmt.Errorf("%w: the message binds, and the mechanism does not", ErrMalformed)
	case flag == "p=tls-server-end-point":
	case strings.HasPrefix(flag, "p="):
		return "", fmt.Errorf("%w: unsupported channel binding type %q", ErrMalformed, flag[2:])
	default:
		return "", fmt.Errorf("%w: unexpected channel-binding flag", ErrMalformed)
	}
	s.header, s.bare = flag+",,", bare
	attributes := strings.Split(bare, ",")
	switch {
	case strings.HasPrefix(bare, "m="):
		return "", fmt.Errorf("%w: mandatory extensions are not supported", ErrMalformed)
	case len(attributes) < 2 || !strings.HasPrefix(attributes[0], "n=") || !strings.HasPrefix(attributes[1], "r="):
		return "", fmt.Errorf("%w: client-first-message has no name and nonce", ErrMalformed)
	}
	nonce := attributes[1][2:]
	if nonce == "" || strings.ContainsFunc(nonce, func(r rune) bool { return r < '!' || r > '~' }) {
		return "", fmt.Errorf("%w: non-printable characters in the nonce", ErrMalformed)
	}
	own := make([]byte, 18)
	rand.Read(own) // it never fails
	s.nonce = nonce + base64.StdEncoding.EncodeToString(own)
	s.first = fmt.Sprintf("r=%s,s=%s,i=%d", s.nonce, base64.StdEncoding.EncodeToString(s.verifier.Salt), s.verifier.Iterations)
	return s.first, nil
}

// Final checks the client-final-message and returns the server's.
func (s *Server) Final(message string) (string, error) {
	at := strings.LastIndex(message, ",p=")
	if at < 0 {
		return "", fmt.Errorf("%w: client-final-message has no proof", ErrMalformed)
	}
	bare := message[:at]
	proof, err := base64.StdEncoding.DecodeString(message[at+3:])
	if err != nil || len(proof) != sha256.Size {
		return "", fmt.Errorf("%w: the proof is no SHA-256", ErrMalformed)
	}
	attributes := strings.Split(bare, ",")
	if len(attributes) < 2 || !strings.HasPrefix(attributes[0], "c=") || !strings.HasPrefix(attributes[1], "r=") {
		return "", fmt.Errorf("%w: client-final-message has no binding and nonce", ErrMalformed)
	}
	bound, err := base64.StdEncoding.DecodeString(attributes[0][2:])
	if err != nil {
		return "", fmt.Errorf("%w: the binding is not in base64", ErrMalformed)
	}
	want := []byte(s.header)
	if s.plus {
		want = append(want, s.binding...)
	}
	if subtle.ConstantTimeCompare(bound, want) != 1 {
		return "", ErrBinding
	}
	if attributes[1][2:] != s.nonce {
		return "", fmt.Errorf("%w: the nonce is another", ErrMalformed)
	}
	text := s.bare + "," + s.first + "," + bare
	signature := mac(s.verifier.StoredKey, text)
	key := make([]byte, len(proof))
	subtle.XORBytes(key, proof, signature)
	stored := sha256.Sum256(key)
	if !hmac.Equal(stored[:], s.verifier.StoredKey) || !s.known {
		return "", ErrMismatch
	}
	return "v=" + base64.StdEncoding.EncodeToString(mac(s.verifier.ServerKey, text)), nil
}
