package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/notify"
)

// session is one client's state. Its goroutine owns every field but those that
// say otherwise.
type session struct {
	server        *Server
	conn          net.Conn
	w             *writer
	in            *inbox
	interrupt     *interrupt // any goroutine
	log           *slog.Logger
	startup       *startup
	startupNotice string

	pid      int32 // written once, before the session is registered
	secret   [4]byte
	enums    enumNames
	user     string
	database string

	settings  sessionSettings
	txn       transaction
	prepared  map[string]*prepared
	portals   map[string]*portal
	plans     planCache
	templates templates
	path      pathCache
	literal   literalCache

	text     string          // of the message or portal at hand
	random   function.Random // any goroutine
	taken    function.Taken  // of sequences
	now      time.Time       // when the session began with the message at hand, or those that came with it
	worked   bool            // since now: what comes next has a time of its own
	skipping bool            // after an error of the extended protocol, until Sync
	resting  bool            // since ReadyForQuery no message has come
	leaving  bool

	activity  activity // guarded by its own lock
	announced announcements
	advisory  advisoryOwner    // guarded by the server's advisory.mu
	listener  *notify.Listener // nil: it never listened
	reading   *portal          // the cursor that was read last, before the session waits
	forgotten *time.Timer      // wakes the session when a cursor's time has come; nil: none had one
}

// newSession checks what the startup packet asks for. The session is
// registered; the caller unregisters it.
func (s *Server) newSession(c net.Conn, r *bufio.Reader, w *writer, st *startup) (*session, error) {
	x := &session{
		server: s, conn: c, w: w, startup: st, user: st.user,
		now: time.Now(), prepared: map[string]*prepared{}, portals: map[string]*portal{},
		interrupt: newInterrupt(context.Background()),
	}
	x.in = newInbox(c, r, s.opts.MaxMessageBytes, x.hangup)
	x.in.waits = x.watchCursors
	if st.minor > 0 || len(st.unrecognized) > 0 {
		w.encode(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: protocol3 << 16, UnrecognizedOptions: st.unrecognized})
	}
	st.connections = -1
	if err := s.authenticate(c, r, w, st); err != nil {
		return nil, err
	}
	// What is wrong with the rest is told, as PostgreSQL does, to a client that may
	// connect.
	w.encode(&pgproto3.AuthenticationOk{})
	var err error
	if x.database, x.startupNotice, err = st.resolveDatabase(); err != nil {
		return nil, err
	}
	v, err := st.initialValues(s.base)
	if err != nil {
		return nil, err
	}
	if v, err = x.begunAs(s.opts.Engine.Begin().Snapshot(), v); err != nil {
		return nil, err
	}
	if err := mayConnect(s.opts.Engine.Begin().Snapshot(), x.user, x.database); err != nil {
		return nil, err
	}
	x.settings.init(x, v)
	w.settings = &x.settings
	if err := s.register(x, st.connections); err != nil {
		s.counters.Refused.Add(1)
		return nil, err
	}
	x.log = s.opts.Logger.With("pid", x.pid, "client", c.RemoteAddr().String())
	x.activity.start(x)
	select {
	case <-s.stopping:
		s.unregister(x)
		return nil, sqlerr.Errorf(sqlerr.CannotConnectNow, "the database system is shutting down").Fatal()
	default:
	}
	return x, nil
}

// terminate ends the session with 57P01, whatever it does. Any goroutine.
func (x *session) terminate() {
	x.in.stop()
	x.interrupt.leave(errShutdown())
}

// hangup says that the client has gone, orderly after a Terminate.
func (x *session) hangup(orderly bool) {
	if orderly {
		x.interrupt.deafen(errHangup)
	} else {
		x.interrupt.leave(errHangup)
	}
}

// run serves the session until the client leaves or is told to.
func (x *session) run() {
	defer func() {
		x.close()
		x.in.close()
	}()
	for !x.leaving {
		m, err := x.receive()
		if err != nil {
			x.leave(err)
			return
		}
		x.serve(m)
	}
}

// receive waits for the next message, for as long as the idle timeouts allow. As
// PostgreSQL's, they run from ReadyForQuery until the next message has been
// read to its end, and not between the messages of the extended protocol.
func (x *session) receive() (message, error) {
	limit, code := x.settings.current.idleTimeout, sqlerr.IdleSessionTimeout
	switch {
	case !x.resting:
		limit = 0
	case x.txn.open():
		limit, code = x.settings.current.idleTxnTimeout, sqlerr.IdleInTransactionSessionTimeout
	}
	until := time.Time{}
	if limit > 0 {
		until = time.Now().Add(limit)
	}
	m, err := x.in.next(until)
	for errors.Is(err, errPoked) {
		x.endForgotten()
		if x.deliver(); x.w.pending() {
			x.w.flush()
		}
		if x.w.err != nil {
			return m, x.w.err
		}
		m, err = x.in.next(until)
	}
	x.resting = false
	switch {
	case err == nil:
		x.server.watch.busy()
	case errors.Is(err, errStopped):
		return m, errShutdown()
	case errors.Is(err, errBadLength):
		x.log.Warn("reading a client's message", "error", err)
	case errors.Is(err, errIdle) && code == sqlerr.IdleSessionTimeout:
		return m, sqlerr.Errorf(code, "terminating connection due to idle-session timeout").Fatal()
	case errors.Is(err, errIdle):
		return m, sqlerr.Errorf(code, "terminating connection due to idle-in-transaction timeout").Fatal()
	}
	return m, err
}

// leave tells the client why it has to go, where it can still hear it.
func (x *session) leave(err error) {
	var e *sqlerr.Error
	if errors.As(err, &e) {
		x.server.counters.Errors.Add(1)
		x.w.errorResponse(e)
		x.conn.SetWriteDeadline(time.Now().Add(time.Second))
		x.w.deadline = time.Now().Add(x.w.timeout)
		x.w.flush()
	}
	x.leaving = true
}

// close rolls back and drops everything. The writer is of no use any more.
func (x *session) close() {
	func() {
		defer x.recoverPanic(0)
		x.rollback()
		x.UnlockAllAdvisory()
		x.dropPortals(func(*portal) bool { return true })
		if err := x.dropTemp(context.Background()); err != nil {
			x.log.Warn("dropping a session's temporary relations", "error", err)
		}
	}()
	if x.listener != nil {
		x.listener.Close()
	}
	if x.forgotten != nil {
		x.forgotten.Stop()
	}
	x.interrupt.stop()
	x.activity.idle(x)
	x.w.release()
}

// serve handles one message, and whatever panics in it.
func (x *session) serve(m message) {
	defer func() {
		if x.w.err != nil {
			x.leaving = true
		}
	}()
	defer x.recoverPanic(m.kind)
	if x.skipping && m.kind != 'S' && m.kind != 'X' {
		recycle(m.body)
		return
	}
	x.dispatch(m)
}

func (x *session) dispatch(m message) {
	d := x.decoder(m.body)
	switch m.kind {
	case 'Q', 'P', 'B', 'D', 'E':
		if m.waited || x.worked {
			x.now = time.Now()
		}
		x.worked = m.kind == 'Q' || m.kind == 'P' || m.kind == 'E'
	default:
		x.worked = true
	}
	if m.tooLong > 0 {
		x.refuse(m, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "message of %d bytes exceeds the limit of %d", m.tooLong, x.server.opts.MaxMessageBytes))
		return
	}
	var err error
	switch m.kind {
	case 'Q':
		x.simpleQuery(&d)
		recycle(m.body)
		return
	case 'X':
		x.leaving = true
		return
	case 'S':
		x.sync()
	case 'H':
		x.w.flush()
	case 'P':
		err = x.parse(&d)
	case 'B':
		err = x.bind(&d)
	case 'D':
		err = x.describe(&d)
	case 'E':
		err = x.execute(&d)
	case 'C':
		err = x.closeMessage(&d)
	case 'F':
		x.refuse(m, sqlerr.Unsupported("Call the function in a SELECT.", "function call messages are not supported"))
		return
	case 'd', 'c', 'f':
		// What a client still sends of a COPY that has failed; ignored, as
		// PostgreSQL does.
	}
	if err != nil {
		x.failExtended(err)
	}
	recycle(m.body)
}

// refuse answers a message with an error as its protocol has it.
func (x *session) refuse(m message, err error) {
	switch m.kind {
	case 'P', 'B', 'D', 'E', 'C':
		x.failExtended(err)
	case 'Q', 'F':
		x.fail(err)
		x.ready()
	}
}

// recoverPanic is deferred at the root of everything a client can cause. The
// client gets XX000, the log the stack; the transaction is gone, the session
// goes on. kind is the message's, 0 at the session's end.
func (x *session) recoverPanic(kind byte) {
	p := recover()
	if p == nil {
		return
	}
	x.server.counters.Panics.Add(1)
	x.log.Error("panic in a session", "panic", fmt.Sprint(p), "message", string(rune(kind)), "stack", string(debug.Stack()))
	defer func() {
		// Where even that panics, the state is past mending.
		if p := recover(); p != nil {
			x.log.Error("panic while failing", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			x.leaving = true
		}
	}()
	x.interrupt.end()
	x.w.busy()
	x.w.dropUnfinished()
	err := sqlerr.Errorf(sqlerr.InternalError, "internal error: %v", p).WithDetail("The stack is in the server's log.")
	switch kind {
	case 'P', 'B', 'D', 'E', 'C':
		x.answer(err)
		x.skipping = true
		x.w.flush()
	case 'Q', 'S':
		x.answer(err)
		x.ready()
	default:
		x.leaving = true
	}
}

// ready sends ReadyForQuery and everything before it.
func (x *session) ready() {
	x.reportSettings()
	x.activity.idle(x)
	x.interrupt.rest()
	x.deliver()
	x.w.message('Z', x.txn.status())
	x.resting = true
	x.w.flush()
}

// notices sends those that client_min_messages lets through.
func (x *session) notices(list []*sqlerr.Error) {
	for _, n := range list {
		x.notice(n)
	}
}

var noticeLevel = map[string]int{"": 6, "NOTICE": 6, "WARNING": 7, "INFO": 99, "LOG": 5, "DEBUG": 4}

func (x *session) notice(n *sqlerr.Error) {
	level, ok := noticeLevel[n.Severity]
	if !ok || level < x.settings.current.minMessages {
		return
	}
	if n.Code == "" {
		c := *n
		c.Code = sqlerr.SuccessfulCompletion
		if n.Severity == "WARNING" {
			c.Code = sqlerr.Warning
		}
		n = &c
	}
	x.w.notice(n)
}

func (x *session) warn(code sqlerr.Code, format string, args ...any) {
	e := sqlerr.Errorf(code, format, args...)
	e.Severity = "WARNING"
	x.notice(e)
}

// fail reports an error and does to the transaction what an error does.
func (x *session) fail(err error) {
	x.w.busy()
	if errors.Is(err, errHangup) || x.w.err != nil {
		x.leaving = true
		x.abort()
		return
	}
	e := sqlerr.From(err)
	if e.Code == sqlerr.InternalError {
		x.log.Error("a statement failed with XX000", "error", err)
	}
	x.answer(e)
}

// answer sends an ErrorResponse and aborts the transaction.
func (x *session) answer(e *sqlerr.Error) {
	x.server.counters.Errors.Add(1)
	x.abort()
	if e.Severity == "FATAL" || e.Severity == "PANIC" {
		x.leave(e)
		return
	}
	x.w.errorResponse(e)
}

// failExtended is fail for a message of the extended protocol.
func (x *session) failExtended(err error) {
	x.fail(err)
	x.skipping = true
	x.w.flush()
}

// Setting, Set and BackendPID, and what is in peers.go, are function.Session.

// Setting returns a setting as SHOW prints it.
func (x *session) Setting(name string) (string, bool) { return x.show(name) }

// Set is set_config.
func (x *session) Set(name, value string, local bool) (string, error) {
	if err := x.setVariable(name, value, local); err != nil {
		return "", err
	}
	v, _ := x.show(name)
	return v, nil
}

// BackendPID is pg_backend_pid.
func (x *session) BackendPID() int32 { return x.pid }

// statement runs f as one statement that may be cancelled and may time out.
func (x *session) statement(f func(ctx context.Context) error) error {
	ctx := x.interrupt.begin(x.settings.current.statementTimeout)
	err := f(ctx)
	err = explain(ctx, err)
	x.interrupt.end()
	return err
}

// pgMicros is microseconds since 2000-01-01, PostgreSQL's epoch.
func pgMicros(t time.Time) int64 { return t.UnixMicro() + types.UnixEpoch }
