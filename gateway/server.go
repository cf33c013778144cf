package gateway

import (
	"container/list"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/notify"
)

// Server accepts connections. New makes it, Serve runs it on a listener (on
// several, if called several times), Shutdown ends it.
type Server struct {
	opts     Options
	base     *values // what sessions begin with
	counters Counters
	watch    watch
	hub      *notify.Hub
	advisory advisoryLocks
	secret   [32]byte // what salts of unknown users are made of

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[net.Conn]struct{} // accepted and not yet closed
	sessions  map[int32]*session    // past startup, by backend PID
	starting  *list.List            // of net.Conn: those that have not finished startup, oldest first
	nextPID   int32
	stopped   bool

	afterConn func() // tests wait for a connection's end by it; may be nil

	stopping chan struct{} // closed by Shutdown
	running  sync.WaitGroup
}

// New returns a server that does not listen yet.
func New(o Options) (*Server, error) {
	if o.Engine == nil || o.Planner == nil {
		return nil, errors.New("making a gateway: it needs an engine and a planner")
	}
	o.setDefaults()
	s := &Server{
		opts:      o,
		listeners: map[net.Listener]struct{}{},
		conns:     map[net.Conn]struct{}{},
		sessions:  map[int32]*session{},
		starting:  list.New(),
		stopping:  make(chan struct{}),
	}
	s.watch.server = s
	rand.Read(s.secret[:])
	if s.hub = o.Hub; s.hub == nil {
		s.hub = notify.NewHub(notify.DefaultLimit)
	}
	base, err := newValues(o.Version).with(o.Defaults)
	if err == nil && o.TLS != nil {
		base, err = base.replace(idxSSL, "on")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the default settings: %w", err)
	}
	s.base = base
	return s, nil
}

// Counters are what /metrics shows of the gateway.
func (s *Server) Counters() *Counters { return &s.counters }

// Serve accepts on l until Shutdown, and then returns nil. It closes l.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		l.Close()
		return net.ErrClosed
	}
	s.listeners[l] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	defer l.Close()
	pause := time.Duration(0)
	for {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			s.start(c)
			continue
		}
		select {
		case <-s.stopping:
			return nil
		default:
		}
		var temporary interface{ Temporary() bool }
		if !errors.As(err, &temporary) || !temporary.Temporary() {
			return fmt.Errorf("accepting a connection: %w", err)
		}
		// Out of descriptors, mostly: what exists goes on, new ones wait.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.opts.Logger.Warn("accepting a connection", "error", err, "retry_in", pause)
		select {
		case <-s.stopping:
			return nil
		case <-time.After(pause):
		}
	}
}

// start serves one connection on its own goroutine. Where too many have not
// finished startup, of all or of those from its address, the one of them that has had
// the longest time for it has to go: who floods the server with silent connections
// keeps nobody out.
func (s *Server) start(c net.Conn) {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		c.Close()
		return
	}
	if e := s.inTheWay(c); e != nil {
		s.counters.Refused.Add(1)
		s.starting.Remove(e).(net.Conn).Close()
	}
	place := s.starting.PushBack(c)
	s.conns[c] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	s.counters.Accepted.Add(1)
	go func() {
		defer s.running.Done()
		defer s.forget(c)
		s.serveConn(c, place)
	}()
}

// inTheWay is the connection in its startup that makes room for another; nil: there is
// room. s.mu is held.
func (s *Server) inTheWay(c net.Conn) *list.Element {
	if from, ok := network(c); ok && s.starting.Len() >= s.opts.MaxStartingFrom {
		var oldest *list.Element
		n := 0
		for e := s.starting.Back(); e != nil; e = e.Prev() {
			if other, ok := network(e.Value.(net.Conn)); ok && other == from {
				oldest = e
				n++
			}
		}
		if n >= s.opts.MaxStartingFrom {
			return oldest
		}
	}
	if s.starting.Len() >= s.opts.MaxStarting {
		return s.starting.Front()
	}
	return nil
}

// network is where a connection comes from: an address, of IPv6 the network that one
// machine may have all addresses of.
func network(c net.Conn) (netip.Prefix, bool) {
	a := addrPort(c.RemoteAddr()).Addr()
	if !a.IsValid() {
		return netip.Prefix{}, false
	}
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	return p, err == nil
}

func (s *Server) forget(c net.Conn) {
	c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	if s.afterConn != nil {
		s.afterConn()
	}
}

// endStartup says that a connection has finished startup, or ended. It may be
// called again.
func (s *Server) endStartup(place *list.Element) {
	s.mu.Lock()
	s.starting.Remove(place)
	s.mu.Unlock()
}

// register gives a session its PID and secret. most is how many of its user may be
// at one time; -1: any number.
func (s *Server) register(x *session, most int) error {
	var b [4]byte
	rand.Read(b[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= s.opts.MaxConnections {
		return sqlerr.Errorf(sqlerr.TooManyConnections, "sorry, too many clients already").Fatal()
	}
	if most >= 0 {
		for _, other := range s.sessions {
			if other.user == x.user {
				most--
			}
		}
		if most <= 0 {
			return sqlerr.Errorf(sqlerr.TooManyConnections, "too many connections for role \"%s\"", x.user).Fatal()
		}
	}
	for {
		s.nextPID = s.nextPID%(1<<22) + 1
		if s.sessions[s.nextPID] == nil {
			break
		}
	}
	x.pid = s.nextPID
	x.advisory.pid = x.pid
	x.secret = b
	s.sessions[x.pid] = x
	return nil
}

func (s *Server) unregister(x *session) {
	s.mu.Lock()
	delete(s.sessions, x.pid)
	s.mu.Unlock()
}

// cancel is a CancelRequest: a wrong key, or a session that runs nothing, is
// silence.
func (s *Server) cancel(pid int32, key []byte) {
	s.mu.Lock()
	x := s.sessions[pid]
	s.mu.Unlock()
	if x == nil || subtle.ConstantTimeCompare(x.secret[:], key) != 1 {
		return
	}
	s.counters.Cancels.Add(1)
	x.interrupt.raise(errUserCancel())
}

// Cancel is pg_cancel_backend: it cancels what the session runs.
func (s *Server) Cancel(pid int32) bool {
	s.mu.Lock()
	x := s.sessions[pid]
	s.mu.Unlock()
	if x == nil {
		return false
	}
	x.interrupt.raise(errUserCancel())
	return true
}

// Terminate is pg_terminate_backend: the session ends with 57P01.
func (s *Server) Terminate(pid int32) bool {
	s.mu.Lock()
	x := s.sessions[pid]
	s.mu.Unlock()
	if x == nil {
		return false
	}
	x.terminate()
	return true
}

// Shutdown stops accepting, ends every session with 57P01 and waits for them.
// When ctx ends first, the connections left are closed under their sessions
// and its error is returned, still after the sessions have ended.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.stopping)
	}
	for l := range s.listeners {
		l.Close()
	}
	for _, x := range s.sessions {
		x.terminate()
	}
	// Those still in startup have nothing to be told.
	for e := s.starting.Front(); e != nil; e = e.Next() {
		e.Value.(net.Conn).Close()
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	<-done
	return fmt.Errorf("ending sessions: %w", ctx.Err())
}

func cancelKey(b []byte) (pid int32, key []byte) {
	return int32(binary.BigEndian.Uint32(b)), b[4:]
}
