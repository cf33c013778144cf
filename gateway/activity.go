package gateway

import (
	"crypto/tls"
	"net"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
)

// activity is what other sessions may see of one.
type activity struct {
	mu     sync.Mutex
	status pgcatalog.SessionStatus
}

func (a *activity) start(x *session) {
	now := time.Now()
	host, port, _ := net.SplitHostPort(x.conn.RemoteAddr().String())
	p, _ := strconv.ParseInt(port, 10, 32)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = pgcatalog.SessionStatus{
		PID: x.pid, User: x.user, Database: x.database, ClientAddr: host, ClientPort: int32(p),
		Started: now, StateFrom: now, State: "idle",
	}
	a.status.ApplicationName = x.settings.current.fixed[idxApplicationName]
	a.status.TLS = tlsStatus(x.conn)
}

// tlsStatus is what pg_stat_ssl tells of a connection; nil: it has no TLS.
func tlsStatus(conn net.Conn) *pgcatalog.TLSStatus {
	c, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := c.ConnectionState()
	s := &pgcatalog.TLSStatus{Version: strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1), Cipher: tls.CipherSuiteName(state.CipherSuite), Bits: 256}
	if strings.Contains(s.Cipher, "AES_128") {
		s.Bits = 128
	}
	if len(state.PeerCertificates) > 0 {
		s.ClientName, s.Issuer = state.PeerCertificates[0].Subject.String(), state.PeerCertificates[0].Issuer.String()
	}
	return s
}

// query notes that a statement begins.
func (a *activity) query(x *session, text string) {
	now := x.now
	x.text = text
	x.interrupt.work()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.status.State != "active" {
		x.server.counters.Active.Add(1)
		a.status.State, a.status.StateFrom = "active", now
	}
	if len(text) > 1024 {
		text = text[:1024]
	}
	a.status.Query, a.status.QueryFrom = text, now
	if x.txn.started {
		a.status.TransactionFrom = x.txn.start
	} else {
		a.status.TransactionFrom = now
	}
	a.status.ApplicationName = x.settings.current.fixed[idxApplicationName]
}

// idle notes that the session waits for its client.
func (a *activity) idle(x *session) {
	state := "idle"
	switch x.txn.status() {
	case 'T':
		state = "idle in transaction"
	case 'E':
		state = "idle in transaction (aborted)"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.status.State == "active" {
		x.server.counters.Active.Add(-1)
	}
	if a.status.State != state {
		a.status.State, a.status.StateFrom = state, time.Now()
	}
	if state == "idle" {
		a.status.TransactionFrom = time.Time{}
	}
	a.status.ApplicationName = x.settings.current.fixed[idxApplicationName]
}

// Sessions lists the sessions by PID: it is pgcatalog's provider of them.
func (s *Server) Sessions() []pgcatalog.SessionStatus {
	s.mu.Lock()
	sessions := make([]*session, 0, len(s.sessions))
	for _, x := range s.sessions {
		sessions = append(sessions, x)
	}
	s.mu.Unlock()
	list := make([]pgcatalog.SessionStatus, len(sessions))
	for i, x := range sessions {
		x.activity.mu.Lock()
		list[i] = x.activity.status
		x.activity.mu.Unlock()
	}
	sort.Slice(list, func(i, j int) bool { return list[i].PID < list[j].PID })
	return list
}
