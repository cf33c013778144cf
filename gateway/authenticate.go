package gateway

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/scram"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/gateway/auth"
)

// maxSecret is how long a password message may be, and failureDelay what a failure
// costs before it is told.
const (
	maxSecret    = 64 << 10
	failureDelay = 500 * time.Millisecond
)

// authenticate has a client prove that it is the user it names, as the first rule
// for it says. Errors are fatal, and say no more than PostgreSQL's.
func (s *Server) authenticate(c net.Conn, r *bufio.Reader, w *writer, st *startup) error {
	if len(s.opts.Rules) == 0 {
		return nil
	}
	snapshot := s.opts.Roles()
	secure, _ := c.(*tls.Conn)
	peer := &auth.Peer{
		Addr: addrPort(c.RemoteAddr()).Addr(), TLS: secure != nil, User: st.user, Database: st.database,
		Member: func(group string) bool { return snapshot.InGroup(st.user, group) },
	}
	if !peer.Addr.IsValid() {
		return nil // a pipe of this process's own
	}
	rule := auth.Match(s.opts.Rules, peer)
	if rule == nil || rule.Method == auth.Reject {
		return s.turnedAway(peer, rule)
	}
	role := snapshot.Role(st.user)
	if err := s.prove(r, w, secure, st.served, rule, role, st.user); err != nil {
		s.counters.AuthFailures.Add(1)
		s.opts.Logger.Warn("a client was not let in", "client", c.RemoteAddr().String(), "user", st.user, "rule", rule.Text, "error", err)
		if e := (*sqlerr.Error)(nil); !errors.As(err, &e) {
			return errSilent // it went away
		}
		select {
		case <-time.After(failureDelay):
		case <-s.stopping:
		}
		return err
	}
	if role == nil {
		role = snapshot.AnyRole(st.user)
	}
	if !role.Login {
		return sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "role \"%s\" is not permitted to log in", st.user).Fatal()
	}
	st.connections = int(role.Connections)
	if role.Superuser {
		st.connections = -1
	}
	return nil
}

func (s *Server) turnedAway(p *auth.Peer, rule *auth.Rule) error {
	encryption := "no encryption"
	if p.TLS {
		encryption = "SSL encryption"
	}
	what := "no pg_hba.conf entry for host"
	if rule != nil {
		what = "pg_hba.conf rejects connection for host"
	}
	return sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "%s \"%s\", user \"%s\", database \"%s\", %s",
		what, p.Addr.Unmap(), p.User, p.Database, encryption).Fatal()
}

func errPassword(user string) error {
	return sqlerr.Errorf(sqlerr.InvalidPassword, "password authentication failed for user \"%s\"", user).Fatal()
}

// prove runs a rule's method. role is nil where there is none of that name: only
// trust lets such a user in.
func (s *Server) prove(r *bufio.Reader, w *writer, secure *tls.Conn, served *tls.Config, rule *auth.Rule, role *catalog.Role, user string) error {
	if rule.Method == auth.Cert || rule.Verify != "" {
		if err := certified(secure, user, rule.Method == auth.Cert || rule.Verify == "verify-full"); err != nil {
			return err
		}
	}
	var v *scram.Verifier
	if role != nil && role.Verifier != "" && pgMicros(time.Now()) < role.ValidUntil {
		v, _ = scram.Parse(role.Verifier) // none, if that is damaged: it fails as a wrong one does
	}
	switch rule.Method {
	case auth.Trust:
		return nil
	case auth.Cert:
		if role == nil {
			return sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "role \"%s\" does not exist", user).Fatal()
		}
		return nil
	case auth.Password:
		w.encode(&pgproto3.AuthenticationCleartextPassword{})
		body, err := s.secretMessage(r, w)
		if err != nil {
			return err
		}
		d := decoder{b: body}
		given := d.string()
		if d.end() != nil {
			return sqlerr.Errorf(sqlerr.ProtocolViolation, "invalid password packet size").Fatal()
		}
		if v == nil || !v.Matches(given) {
			return errPassword(user)
		}
		return nil
	}
	return s.exchange(r, w, secure, served, v, user)
}

// exchange is SCRAM.
func (s *Server) exchange(r *bufio.Reader, w *writer, secure *tls.Conn, served *tls.Config, v *scram.Verifier, user string) error {
	mechanisms := []string{scram.Mechanism}
	var binding []byte
	if secure != nil {
		if binding = auth.Binding(served); binding != nil {
			mechanisms = []string{scram.MechanismPlus, scram.Mechanism}
		}
	}
	w.encode(&pgproto3.AuthenticationSASL{AuthMechanisms: mechanisms})
	body, err := s.secretMessage(r, w)
	if err != nil {
		return err
	}
	d := decoder{b: body}
	mechanism := d.string()
	first := d.bytes(int(d.int32()))
	if d.end() != nil {
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "malformed SCRAM message").Fatal()
	}
	x, err := scram.NewServer(mechanism, v, user, s.secret[:], binding)
	if err != nil {
		return scramError(err, user)
	}
	answer, err := x.First(string(first))
	if err != nil {
		return scramError(err, user)
	}
	w.encode(&pgproto3.AuthenticationSASLContinue{Data: []byte(answer)})
	if body, err = s.secretMessage(r, w); err != nil {
		return err
	}
	if answer, err = x.Final(string(body)); err != nil {
		return scramError(err, user)
	}
	w.encode(&pgproto3.AuthenticationSASLFinal{Data: []byte(answer)})
	return nil
}

func scramError(err error, user string) error {
	switch {
	case errors.Is(err, scram.ErrMismatch):
		return errPassword(user)
	case errors.Is(err, scram.ErrDowngrade):
		return sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "%v", err).
			WithDetail("The client supports SCRAM channel binding but thinks the server does not.  However, this server does support channel binding.").Fatal()
	case errors.Is(err, scram.ErrBinding):
		return sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "%v", err).Fatal()
	}
	return sqlerr.Errorf(sqlerr.ProtocolViolation, "%v", err).Fatal()
}

// certified checks the client's certificate: that one has come, which the handshake
// has verified, and that it is the user's.
func certified(c *tls.Conn, user string, named bool) error {
	chain := c.ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "connection requires a valid client certificate").Fatal()
	}
	if named && chain[0].Subject.CommonName != user {
		return sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "certificate authentication failed for user \"%s\"", user).Fatal()
	}
	return nil
}

// secretMessage sends what is asked and reads the password message that answers.
func (s *Server) secretMessage(r *bufio.Reader, w *writer) ([]byte, error) {
	if err := w.flush(); err != nil {
		return nil, err
	}
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("reading a password message: %w", err)
	}
	n := binary.BigEndian.Uint32(head[1:])
	switch {
	case head[0] != 'p':
		return nil, sqlerr.Errorf(sqlerr.ProtocolViolation, "expected password response, got message type %d", head[0]).Fatal()
	case n < 4 || n > maxSecret:
		return nil, sqlerr.Errorf(sqlerr.ProtocolViolation, "invalid password packet size").Fatal()
	}
	body := make([]byte, n-4)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("reading a password message: %w", err)
	}
	return body, nil
}

// mayConnect asks for CONNECT on the database.
func mayConnect(s *catalog.Snapshot, user, database string) error {
	if s.Has(user, s.DatabaseObject(database), catalog.ConnectRight) {
		return nil
	}
	return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for database \"%s\"", database).
		WithDetail("User does not have CONNECT privilege.").Fatal()
}
