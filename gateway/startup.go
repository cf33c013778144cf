package gateway

import (
	"bufio"
	"container/list"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// The codes that stand where a startup packet has its protocol version.
const (
	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSSENC = 80877104
	maxStartup = 10000 // bytes of a startup packet, PostgreSQL's limit
	protocol3  = 3
)

// startup is what a client asked for in its startup packet.
type startup struct {
	minor        uint16
	old          bool // a protocol from before 3.0
	user         string
	database     string
	options      string
	replication  string
	unrecognized []string // _pq_ options
	settings     []startupSetting
	served       *tls.Config // what the handshake took; nil: no TLS
	connections  int         // that the role may have at one time; -1: any number
}

type startupSetting struct{ name, value string }

// errSilent ends a connection without a word: it is not a Postgres client, or
// it wanted no session.
var errSilent = errors.New("closed without an answer")

// link is a connection in its startup: the TLS one, once there is one.
type link struct {
	net.Conn
	r      *bufio.Reader
	served *tls.Config // of the handshake
}

// readStartup answers encryption requests and cancel requests and returns the
// startup packet. It returns errSilent where nothing is to be answered, and a
// *sqlerr.Error where that is.
func (s *Server) readStartup(l *link) (*startup, error) {
	var ssl, gss bool
	if first, err := l.r.Peek(1); err == nil && first[0] == tlsHandshake {
		// A client that does not ask first says by ALPN what it will speak.
		if err := s.encrypt(l); err != nil || l.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol != "postgresql" {
			return nil, errSilent
		}
		ssl, gss = true, true
	}
	for {
		packet, err := readStartupPacket(l.r)
		if err != nil {
			return nil, err
		}
		switch code := binary.BigEndian.Uint32(packet); {
		case code == codeCancel:
			// PID and a key: of 4 bytes, since that is what this server hands
			// out. There is no answer either way.
			if len(packet) == 12 {
				s.cancel(cancelKey(packet[4:]))
			}
			return nil, errSilent
		case code == codeSSL && !ssl, code == codeGSSENC && !gss:
			ssl, gss = ssl || code == codeSSL, gss || code == codeGSSENC
			if l.r.Buffered() > 0 {
				// Bytes sent before the answer would be taken for part of an
				// encrypted session by a client that is being deceived.
				return nil, errSilent
			}
			answer := byte('N')
			if code == codeSSL && s.opts.TLS != nil {
				answer = 'S'
			}
			if _, err := l.Write([]byte{answer}); err != nil {
				return nil, errSilent
			}
			if answer == 'S' {
				if err := s.encrypt(l); err != nil {
					return nil, errSilent
				}
				gss = true // an encrypted connection is not encrypted once more
			}
		default:
			return parseStartup(packet)
		}
	}
}

// tlsHandshake is the first byte of a TLS record that begins a handshake.
const tlsHandshake = 0x16

// encrypt makes the connection one over TLS.
func (s *Server) encrypt(l *link) error {
	if s.opts.TLS == nil {
		return errSilent
	}
	raw := l.Conn
	if l.r.Buffered() > 0 {
		raw = &unread{Conn: raw, r: l.r}
	}
	l.served = s.opts.TLS()
	secure := tls.Server(raw, l.served)
	if err := secure.Handshake(); err != nil {
		s.opts.Logger.Info("a TLS handshake failed", "client", l.RemoteAddr().String(), "error", err)
		return fmt.Errorf("shaking hands: %w", err)
	}
	l.Conn, l.r = secure, bufio.NewReaderSize(secure, 8<<10)
	return nil
}

// unread is a connection of which r has read ahead.
type unread struct {
	net.Conn
	r *bufio.Reader
}

func (u *unread) Read(b []byte) (int, error) { return u.r.Read(b) }

// readStartupPacket reads one packet without a type byte. What cannot be one
// (HTTP, TLS that did not ask first, a port scan) is errSilent.
func readStartupPacket(r *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, errSilent
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 8 || n > maxStartup {
		return nil, errSilent
	}
	packet := make([]byte, n-4)
	if _, err := io.ReadFull(r, packet); err != nil {
		return nil, errSilent
	}
	return packet, nil
}

func parseStartup(packet []byte) (*startup, error) {
	major, minor := binary.BigEndian.Uint16(packet), binary.BigEndian.Uint16(packet[2:])
	if major != protocol3 {
		return &startup{old: major < protocol3}, sqlerr.Errorf(sqlerr.FeatureNotSupported, "unsupported frontend protocol %d.%d: server supports 3.0 to 3.0", major, minor).Fatal()
	}
	st := &startup{minor: minor}
	rest := packet[4:]
	layout := func() error {
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "invalid startup packet layout: expected terminator as last byte").Fatal()
	}
	for {
		name, tail, ok := cutString(rest)
		if !ok {
			return nil, layout()
		}
		if name == "" {
			if len(tail) > 0 {
				return nil, layout()
			}
			break
		}
		value, tail, ok := cutString(tail)
		if !ok {
			return nil, layout()
		}
		rest = tail
		switch {
		case name == "user":
			st.user = value
		case name == "database":
			st.database = value
		case name == "options":
			st.options = value
		case name == "replication":
			st.replication = value
		case strings.HasPrefix(name, "_pq_."):
			st.unrecognized = append(st.unrecognized, name)
		default:
			st.settings = append(st.settings, startupSetting{name, value})
		}
	}
	if st.user == "" {
		return st, sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "no PostgreSQL user name specified in startup packet").Fatal()
	}
	if st.database == "" {
		st.database = st.user
	}
	if st.replication != "" {
		if on, ok := parseBool(st.replication); st.replication == "database" || !ok || on {
			return st, sqlerr.Unsupported("Connect without the replication parameter.", "replication connections are not supported").Fatal()
		}
	}
	return st, nil
}

func cutString(b []byte) (string, []byte, bool) {
	for i, c := range b {
		if c == 0 {
			return string(b[:i]), b[i+1:], true
		}
	}
	return "", nil, false
}

// splitOptions splits the words of the options parameter: blanks separate, a
// backslash keeps the next character.
func splitOptions(s string) []string {
	var words []string
	var word []byte
	in := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			word, in = append(word, s[i]), true
		case c == ' ' || c >= '\t' && c <= '\r':
			if in {
				words, word, in = append(words, string(word)), nil, false
			}
		default:
			word, in = append(word, c), true
		}
	}
	if in {
		words = append(words, string(word))
	}
	return words
}

// optionSettings reads -c name=value and --name=value.
func optionSettings(options string) ([]startupSetting, error) {
	var out []startupSetting
	words := splitOptions(options)
	for i := 0; i < len(words); i++ {
		var assignment string
		switch w := words[i]; {
		case w == "-c" && i+1 < len(words):
			i++
			assignment = words[i]
		case strings.HasPrefix(w, "-c") && len(w) > 2:
			assignment = w[2:]
		case strings.HasPrefix(w, "--") && len(w) > 2:
			assignment = w[2:]
		default:
			return nil, sqlerr.Errorf(sqlerr.SyntaxError, "invalid command-line argument for server process: %s", w).
				WithHint("Write -c name=value.").Fatal()
		}
		name, value, ok := strings.Cut(assignment, "=")
		if !ok {
			return nil, sqlerr.Errorf(sqlerr.SyntaxError, "-c %s requires a value", assignment).Fatal()
		}
		out = append(out, startupSetting{strings.ReplaceAll(name, "-", "_"), value})
	}
	return out, nil
}

// initialValues are the settings a session of this startup packet begins with.
func (st *startup) initialValues(base *values) (*values, error) {
	v, err := base.replace(idxAuthorization, st.user)
	if err != nil {
		return nil, err
	}
	fromOptions, err := optionSettings(st.options)
	if err != nil {
		return nil, err
	}
	for _, set := range append(fromOptions, st.settings...) {
		value := set.value
		if strings.EqualFold(set.name, "client_encoding") {
			// asyncpg sends its name with the quotes of an SQL literal.
			value = strings.Trim(value, "'")
		}
		if v, err = v.set(set.name, value); err != nil {
			return nil, sqlerr.From(err).Fatal()
		}
	}
	return v, nil
}

// database resolves the name asked for: ferris and postgres show one catalog,
// and a name equal to the user's, which clients send when none was given, is
// ferris too.
func (st *startup) resolveDatabase() (name, notice string, err error) {
	switch st.database {
	case "ferris", "postgres":
		return st.database, "", nil
	case st.user:
		return "ferris", fmt.Sprintf("database %q does not exist, connected to database \"ferris\"", st.database), nil
	}
	return "", "", sqlerr.Errorf(sqlerr.InvalidCatalogName, "database %q does not exist", st.database).
		WithHint(`The databases are "ferris" and "postgres"; both show the same catalog.`).Fatal()
}

// serveConn is a connection's goroutine, from accept to close.
func (s *Server) serveConn(c net.Conn, place *list.Element) {
	defer s.endStartup(place)
	if tcp, ok := c.(*net.TCPConn); ok {
		// A peer that is gone without a word is noticed within 30 s while nothing flows.
		tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3})
	}
	c = quickly(c)
	c.SetDeadline(time.Now().Add(s.opts.StartupTimeout))
	l := &link{Conn: c, r: bufio.NewReaderSize(c, 8<<10)}
	st, err := s.readStartup(l)
	if errors.Is(err, errSilent) {
		return
	}
	c = l.Conn
	if st != nil {
		st.served = l.served
	}
	w := newWriter(c, s.opts.WriteTimeout, &s.counters)
	var x *session
	if err == nil {
		x, err = s.newSession(c, l.r, w, st)
	}
	if errors.Is(err, errSilent) {
		w.release()
		return
	}
	if err != nil {
		s.counters.Errors.Add(1)
		if st != nil && st.old {
			// Those protocols have errors without fields.
			c.Write([]byte("EFATAL:  " + err.Error() + "\n\x00"))
			return
		}
		w.errorResponse(sqlerr.From(err))
		w.flush()
		return
	}
	defer s.unregister(x)
	// From here on Shutdown tells the session, and not only its connection.
	s.endStartup(place)
	x.greet()
	c.SetDeadline(time.Time{})
	if w.flush() != nil {
		x.close()
		return
	}
	s.counters.Sessions.Add(1)
	defer s.counters.Sessions.Add(-1)
	x.run()
}

// greet tells an admitted client of its session.
func (x *session) greet() {
	x.reportSettings()
	x.w.encode(&pgproto3.BackendKeyData{ProcessID: uint32(x.pid), SecretKey: x.secret[:]})
	if x.startupNotice != "" {
		x.w.notice(&sqlerr.Error{Severity: "NOTICE", Code: sqlerr.SuccessfulCompletion, Message: x.startupNotice})
	}
	x.w.message('Z', 'I')
	x.resting = true
}
