package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func (s *started) connect(t testing.TB, params string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(testContext(t), fmt.Sprintf("postgres://ana@%s/ferris?sslmode=disable%s", s.addr, params))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func wantCode(t testing.TB, what string, err error, code sqlerr.Code, text string) {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != string(code) || !strings.Contains(e.Message, text) {
		t.Errorf("%s = %v, want %s %q", what, err, code, text)
	}
}

func TestParameterStatus(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "&application_name=test&TimeZone=Europe/Berlin")
	for name, want := range map[string]string{
		"server_version": "16.0 (FerrisStreams 1.2.3)", "server_encoding": "UTF8", "client_encoding": "UTF8",
		"application_name": "test", "default_transaction_read_only": "off", "in_hot_standby": "off", "is_superuser": "on",
		"session_authorization": "ana", "DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "TimeZone": "Europe/Berlin",
		"integer_datetimes": "on", "standard_conforming_strings": "on",
	} {
		if got := c.ParameterStatus(name); got != want {
			t.Errorf("ParameterStatus(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestCancel(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "")
	done := make(chan error, 1)
	run := func(sql string) {
		go func() {
			_, err := c.Exec(testContext(t), sql).ReadAll()
			done <- err
		}()
		<-s.engine.blocked
	}
	run("SELECT * FROM blocked")
	if err := c.CancelRequest(testContext(t)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "a cancelled query", <-done, sqlerr.QueryCanceled, "canceling statement due to user request")

	// A key that is not the session's, and a request that comes when nothing
	// runs, do nothing.
	key := c.SecretKey()
	key[0]++
	run("SELECT * FROM blocked")
	s.cancel(int32(c.PID()), key)
	s.cancel(int32(c.PID()), nil)
	s.cancel(int32(c.PID())+1, c.SecretKey())
	select {
	case err := <-done:
		t.Fatalf("a wrong key ended the query: %v", err)
	default:
	}
	key[0]--
	s.cancel(int32(c.PID()), key)
	wantCode(t, "a cancelled query", <-done, sqlerr.QueryCanceled, "user request")
	if err := c.CancelRequest(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(testContext(t), "SELECT 1").ReadAll(); err != nil {
		t.Errorf("SELECT 1 after a cancel of nothing = %v", err)
	}
}

// givingPlanner plans nothing before its context ends, and then as if nothing
// had been.
type givingPlanner struct {
	memoryPlanner
	planning chan struct{}
}

func (p givingPlanner) Plan(ctx context.Context, c *bind.Context, st parse.Statement) (*plan.Bound, error) {
	p.planning <- struct{}{}
	<-ctx.Done()
	return p.memoryPlanner.Plan(context.WithoutCancel(ctx), c, st)
}

// TestCancelWhilePlanning: a cancel that meets the planner ends the statement,
// though the planner itself makes a plan all the same.
func TestCancelWhilePlanning(t *testing.T) {
	planning := make(chan struct{})
	s := start(t, func(o *Options) { o.Planner = givingPlanner{planning: planning} })
	c := s.connect(t, "")
	for name, run := range map[string]func() error{
		"simple": func() error { _, err := c.Exec(testContext(t), "SELECT 1").ReadAll(); return err },
		"extended": func() error {
			return c.ExecParams(testContext(t), "SELECT 1", nil, nil, nil, nil).Read().Err
		},
	} {
		done := make(chan error, 1)
		go func() { done <- run() }()
		<-planning
		if err := c.CancelRequest(testContext(t)); err != nil {
			t.Fatal(err)
		}
		wantCode(t, name, <-done, sqlerr.QueryCanceled, "user request")
	}
}

func TestCancelInBlock(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "")
	if _, err := c.Exec(testContext(t), "begin; INSERT 1").ReadAll(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		r := c.ExecParams(testContext(t), "SELECT * FROM blocked", nil, nil, nil, nil).Read()
		done <- r.Err
	}()
	<-s.engine.blocked
	if err := c.CancelRequest(testContext(t)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "a cancelled query", <-done, sqlerr.QueryCanceled, "user request")
	if got := c.TxStatus(); got != 'E' {
		t.Errorf("status after a cancel in a block = %c, want E", got)
	}
	if _, err := c.Exec(testContext(t), "commit").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if rows := s.engine.rows(); len(rows) != 0 {
		t.Errorf("rows after a rolled back block = %v", rows)
	}
}

func TestStatementTimeout(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "&statement_timeout=20")
	for range 2 {
		_, err := c.Exec(testContext(t), "SELECT * FROM blocked").ReadAll()
		wantCode(t, "a slow query", err, sqlerr.QueryCanceled, "canceling statement due to statement timeout")
		<-s.engine.blocked
	}
	_, err := c.Exec(testContext(t), "declare c cursor with hold for SELECT * FROM blocked").ReadAll()
	wantCode(t, "holding a slow query", err, sqlerr.QueryCanceled, "statement timeout")
	// The timer of a statement that has ended must not reach the next.
	for range 100 {
		if _, err := c.Exec(testContext(t), "SELECT 1").ReadAll(); err != nil {
			t.Fatalf("SELECT 1 = %v", err)
		}
	}
}

func TestIdleTimeouts(t *testing.T) {
	s := start(t, nil)
	c := s.dialStarted(t, "idle_session_timeout", "20")
	wantFatal(t, c, sqlerr.IdleSessionTimeout, "terminating connection due to idle-session timeout")
	c = s.dialStarted(t, "idle_in_transaction_session_timeout", "20")
	c.Send(&pgproto3.Query{String: "begin"})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	wantFatal(t, c, sqlerr.IdleInTransactionSessionTimeout, "terminating connection due to idle-in-transaction timeout")
}

// dialStarted connects and reads up to the first ReadyForQuery.
func (s *started) dialStarted(t testing.TB, params ...string) *pgproto3.Frontend {
	t.Helper()
	f, _ := s.dialRaw(t, params...)
	return f
}

func (s *started) dialRaw(t testing.TB, params ...string) (*pgproto3.Frontend, net.Conn) {
	t.Helper()
	conn := s.dial(t)
	f := pgproto3.NewFrontend(conn, conn)
	m := &pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{"user": "ana", "database": "ferris"}}
	for i := 0; i < len(params); i += 2 {
		m.Parameters[params[i]] = params[i+1]
	}
	f.Send(m)
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	receive[*pgproto3.ReadyForQuery](t, f)
	return f, conn
}

// receive reads up to a message of that type.
func receive[M pgproto3.BackendMessage](t testing.TB, f *pgproto3.Frontend) M {
	t.Helper()
	for {
		m, err := f.Receive()
		if err != nil {
			t.Fatalf("waiting for %T: %v", *new(M), err)
		}
		if want, ok := m.(M); ok {
			return want
		}
	}
}

// wantFatal reads a FATAL error and then the end.
func wantFatal(t testing.TB, f *pgproto3.Frontend, code sqlerr.Code, text string) {
	t.Helper()
	e := receive[*pgproto3.ErrorResponse](t, f)
	if e.Severity != "FATAL" || e.Code != string(code) || !strings.Contains(e.Message, text) {
		t.Errorf("error = %s %s %q, want FATAL %s %q", e.Severity, e.Code, e.Message, code, text)
	}
	if m, err := f.Receive(); err == nil {
		t.Errorf("after FATAL came %T", m)
	}
}

func TestLiveRowsComeAtOnce(t *testing.T) {
	s := start(t, nil)
	for _, sql := range []string{"SELECT * FROM live", "copy (SELECT * FROM live) to stdout"} {
		f, conn := s.dialRaw(t)
		f.Send(&pgproto3.Query{String: sql})
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		for i := range int64(3) {
			s.engine.live <- i
			// The engine gave one row, and gives no other until it was read here.
			if strings.HasPrefix(sql, "copy") {
				if d := receive[*pgproto3.CopyData](t, f); string(d.Data) != fmt.Sprintf("%d\n", i) {
					t.Errorf("%s: row %d = %q", sql, i, d.Data)
				}
			} else if d := receive[*pgproto3.DataRow](t, f); string(d.Values[0]) != fmt.Sprint(i) {
				t.Errorf("%s: row %d = %q", sql, i, d.Values[0])
			}
		}
		conn.Close()
		s.waitForEnd(t)
	}
}

// waitForEnd waits for a connection to end.
func (s *started) waitForEnd(t testing.TB) {
	t.Helper()
	select {
	case <-s.gone:
	case <-time.After(patience):
		t.Fatalf("no connection has ended; open cursors: %d", s.engine.cursors())
	}
	if n := s.engine.cursors(); n > 0 {
		t.Errorf("%d cursors are open after the connection's end", n)
	}
}

// TestFetchTimeout: a batch of a live cursor comes when it is full, or, where
// the session asks for it, some time after its first row; and no row is lost.
func TestFetchTimeout(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "")
	exec := func(sql string) *pgconn.Result {
		t.Helper()
		rs, err := c.Exec(testContext(t), sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return rs[len(rs)-1]
	}
	exec("begin; declare c cursor for SELECT * FROM live")
	go func() {
		for i := range int64(3) {
			s.engine.live <- i
		}
	}()
	if r := exec("fetch forward 3 c"); len(r.Rows) != 3 {
		t.Errorf("a full batch has %d rows, want 3", len(r.Rows))
	}
	exec("SET ferris.fetch_timeout = '10ms'")
	go func() { s.engine.live <- 3 }()
	if r := exec("fetch forward 3 c"); len(r.Rows) != 1 || string(r.Rows[0][0]) != "3" {
		t.Errorf("a short batch = %q, want the one row 3", r.Rows)
	}
	// The read that the short batch left behind finds this row.
	s.engine.live <- 4
	if r := exec("fetch forward 3 c"); len(r.Rows) != 1 || string(r.Rows[0][0]) != "4" {
		t.Errorf("the next batch = %q, want the row 4", r.Rows)
	}
	exec("commit")
}

// TestExecuteTimeout is the same for a portal with a row limit.
func TestExecuteTimeout(t *testing.T) {
	s := start(t, nil)
	f := s.dialStarted(t, "ferris.fetch_timeout", "10")
	f.Send(&pgproto3.Parse{Query: "SELECT * FROM live"})
	f.Send(&pgproto3.Bind{DestinationPortal: "p"})
	f.Send(&pgproto3.Execute{Portal: "p", MaxRows: 10})
	f.Send(&pgproto3.Flush{})
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	s.engine.live <- 1
	receive[*pgproto3.DataRow](t, f)
	receive[*pgproto3.PortalSuspended](t, f)
	f.Send(&pgproto3.Execute{Portal: "p", MaxRows: 1})
	f.Send(&pgproto3.Sync{})
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	s.engine.live <- 2
	if d := receive[*pgproto3.DataRow](t, f); string(d.Values[0]) != "2" {
		t.Errorf("the next row = %q, want 2", d.Values[0])
	}
	receive[*pgproto3.ReadyForQuery](t, f)
}

func TestHangup(t *testing.T) {
	s := start(t, nil)
	for _, terminate := range []bool{false, true} {
		f, conn := s.dialRaw(t)
		f.Send(&pgproto3.Query{String: "SELECT * FROM blocked"})
		if terminate {
			f.Send(&pgproto3.Terminate{})
		}
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		<-s.engine.blocked
		conn.Close()
		s.waitForEnd(t)
	}
}

// TestTerminateAfterInsert: who says goodbye at once is still served.
func TestTerminateAfterInsert(t *testing.T) {
	s := start(t, nil)
	for i := range 20 {
		f, conn := s.dialRaw(t)
		f.Send(&pgproto3.Query{String: fmt.Sprintf("INSERT %d", i)})
		f.Send(&pgproto3.Terminate{})
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		s.waitForEnd(t)
	}
	if rows := s.engine.rows(); len(rows) != 20 {
		t.Errorf("rows = %v, want 20", rows)
	}
}

// TestSlowReader: a client that takes nothing is given up, and with it its query.
func TestSlowReader(t *testing.T) {
	s := start(t, func(o *Options) { o.WriteTimeout = 50 * time.Millisecond })
	f, _ := s.dialRaw(t)
	f.Send(&pgproto3.Query{String: "SELECT * FROM series:100000000"})
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	s.waitForEnd(t)
}

func TestPanic(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "")
	_, err := c.Exec(testContext(t), "INSERT 1; SELECT * FROM panicking").ReadAll()
	wantCode(t, "a panic", err, sqlerr.InternalError, "the test asked for it")
	r := c.ExecParams(testContext(t), "SELECT * FROM panicking", nil, nil, nil, nil).Read()
	wantCode(t, "a panic", r.Err, sqlerr.InternalError, "the test asked for it")
	if _, err := c.Exec(testContext(t), "SELECT 1").ReadAll(); err != nil {
		t.Errorf("SELECT 1 after a panic = %v", err)
	}
	if log := s.log.String(); !strings.Contains(log, "fake_test.go") {
		t.Errorf("the log has no stack:\n%s", log)
	}
	if rows := s.engine.rows(); len(rows) != 0 {
		t.Errorf("rows = %v, want none: the transaction failed", rows)
	}
}

func TestCommitFails(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "")
	s.engine.failCommit = sqlerr.Errorf(sqlerr.SerializationFailure, "could not serialize access")
	_, err := c.Exec(testContext(t), "INSERT 1").ReadAll()
	wantCode(t, "INSERT", err, sqlerr.SerializationFailure, "serialize")
	_, err = c.Exec(testContext(t), "begin; INSERT 1; commit").ReadAll()
	wantCode(t, "COMMIT", err, sqlerr.SerializationFailure, "serialize")
	if c.TxStatus() != 'I' {
		t.Errorf("status after a failed COMMIT = %c, want I", c.TxStatus())
	}
	r := c.ExecParams(testContext(t), "INSERT 1", nil, nil, nil, nil).Read()
	wantCode(t, "INSERT at Sync", r.Err, sqlerr.SerializationFailure, "serialize")
}

func TestShutdown(t *testing.T) {
	s := start(t, nil)
	idle := s.dialStarted(t)
	busy := s.dialStarted(t)
	busy.Send(&pgproto3.Query{String: "SELECT * FROM blocked"})
	if err := busy.Flush(); err != nil {
		t.Fatal(err)
	}
	<-s.engine.blocked
	half := s.dial(t) // has not said anything yet
	if err := s.shutdown(patience); err != nil {
		t.Fatal(err)
	}
	wantFatal(t, idle, sqlerr.AdminShutdown, "terminating connection due to administrator command")
	wantFatal(t, busy, sqlerr.AdminShutdown, "terminating connection due to administrator command")
	if b, err := io.ReadAll(half); len(b) > 0 {
		t.Errorf("a connection in startup was told %q, %v", b, err)
	}
	if _, err := net.Dial("tcp", s.addr); err == nil {
		t.Errorf("the server still accepts")
	}
}

func TestTerminateBackend(t *testing.T) {
	s := start(t, nil)
	f := s.dialStarted(t)
	pid := s.Sessions()[0].PID
	if s.Terminate(pid+1) || s.Cancel(pid+1) {
		t.Errorf("a session that is not there was ended")
	}
	if !s.Terminate(pid) {
		t.Errorf("Terminate(%d) = false", pid)
	}
	wantFatal(t, f, sqlerr.AdminShutdown, "administrator command")
}

func TestLimits(t *testing.T) {
	s := start(t, func(o *Options) {
		o.MaxConnections, o.MaxMessageBytes, o.MaxPrepared, o.MaxPortals, o.QueryMemory = 2, 1000, 3, 3, 100_000
	})
	c := s.connect(t, "")
	f := s.dialStarted(t)
	_, err := pgconn.Connect(testContext(t), fmt.Sprintf("postgres://ana@%s/ferris?sslmode=disable", s.addr))
	wantCode(t, "a third connection", err, sqlerr.TooManyConnections, "sorry, too many clients already")

	_, err = c.Exec(testContext(t), "SELECT '"+strings.Repeat("x", 1000)+"'").ReadAll()
	wantCode(t, "a long message", err, sqlerr.ProgramLimitExceeded, "message of 1010 bytes exceeds the limit of 1000")
	if _, err := c.Exec(testContext(t), "SELECT 1").ReadAll(); err != nil {
		t.Errorf("SELECT 1 after a long message = %v", err)
	}
	f.Send(&pgproto3.Parse{Query: strings.Repeat(" ", 2000)})
	f.Send(&pgproto3.Sync{})
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	if e := receive[*pgproto3.ErrorResponse](t, f); e.Code != string(sqlerr.ProgramLimitExceeded) {
		t.Errorf("a long Parse = %s", e.Code)
	}
	receive[*pgproto3.ReadyForQuery](t, f)

	for i := range 4 {
		_, err = c.Prepare(testContext(t), fmt.Sprint("p", i), "SELECT 1", nil)
	}
	wantCode(t, "a fourth prepared statement", err, sqlerr.ProgramLimitExceeded, "at most 3 prepared statements")
	_, err = c.Exec(testContext(t), "begin; declare a cursor for SELECT 1; declare b cursor for SELECT 1; declare c cursor for SELECT 1; declare d cursor for SELECT 1").ReadAll()
	wantCode(t, "a fourth cursor", err, sqlerr.ProgramLimitExceeded, "at most 3 open cursors")
	_, err = c.Exec(testContext(t), "rollback; begin; declare a scroll cursor for SELECT * FROM series:100000; move forward all a").ReadAll()
	wantCode(t, "a large cursor", err, sqlerr.OutOfMemory, "a cursor would hold")
	_, err = c.Exec(testContext(t), "rollback; declare a cursor with hold for SELECT * FROM series:100000").ReadAll()
	wantCode(t, "a large held cursor", err, sqlerr.OutOfMemory, "a cursor would hold")
}

func TestStartupTimeout(t *testing.T) {
	s := start(t, func(o *Options) { o.StartupTimeout = 20 * time.Millisecond })
	if got := readAll(t, s.dial(t)); got != "" {
		t.Errorf("a silent connection was told %q", got)
	}
}

// TestStartupFlood: silent connections keep nobody out.
func TestStartupFlood(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxStarting = 3 })
	var silent []net.Conn
	for range 20 {
		silent = append(silent, s.dial(t))
	}
	s.connect(t, "")
	for i, c := range silent[:len(silent)-3] {
		if got := readAll(t, c); got != "" {
			t.Errorf("silent connection %d was told %q", i, got)
		}
	}
	if n := s.counters.Refused.Load(); n < 17 {
		t.Errorf("%d connections were given up, want at least 17", n)
	}
}

// TestStartupFloodOfOne: who floods the server from one address loses its own
// connections alone.
func TestStartupFloodOfOne(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxStarting, o.MaxStartingFrom = 8, 3 })
	from := func(address string) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		c, err := d.DialContext(t.Context(), "tcp", s.addr)
		if err != nil {
			t.Fatalf("connecting from %s: %v", address, err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	other := from("127.0.0.2")
	var silent []net.Conn
	for range 20 {
		silent = append(silent, from("127.0.0.1"))
	}
	for i, c := range silent[:len(silent)-3] {
		if got := readAll(t, c); got != "" {
			t.Errorf("silent connection %d was told %q", i, got)
		}
	}
	// The other has its place, and is answered.
	if _, err := other.Write([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f")); err != nil {
		t.Fatal(err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(other, answer[:]); err != nil || answer[0] != 'N' {
		t.Errorf("the other address is answered %q, %v", answer, err)
	}
}

// TestPipelining: many messages ahead of the answers, and a client that reads
// none of them until it has sent all.
func TestPipelining(t *testing.T) {
	s := start(t, nil)
	f, conn := s.dialRaw(t)
	const n = 20000
	sent := make(chan error, 1)
	go func() {
		for range n {
			f.Send(&pgproto3.Query{String: "SELECT 1"})
		}
		sent <- f.Flush()
	}()
	r := pgproto3.NewFrontend(conn, conn)
	for range n {
		receive[*pgproto3.ReadyForQuery](t, r)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestClientMinMessages(t *testing.T) {
	s := start(t, nil)
	var notices []string
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://ana@%s/ferris?sslmode=disable", s.addr))
	if err != nil {
		t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notices = append(notices, n.Severity+" "+n.Code) }
	c, err := pgx.ConnectConfig(testContext(t), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, sql := range []string{"commit", "SET client_min_messages = error", "commit", "SET client_min_messages = warning", "rollback"} {
		if _, err := c.Exec(testContext(t), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(notices, ", "); got != "WARNING 25P01, WARNING 25P01" {
		t.Errorf("notices = %s", got)
	}
}

func TestProviders(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "&application_name=me")
	if _, err := c.Exec(testContext(t), "begin; declare c scroll cursor for SELECT * FROM series:3; prepare p as SELECT $1::int4; SELECT 1").ReadAll(); err != nil {
		t.Fatal(err)
	}
	all := s.Sessions()
	if len(all) != 1 {
		t.Fatalf("sessions = %v, want one", all)
	}
	got := all[0]
	if got.User != "ana" || got.Database != "ferris" || got.ApplicationName != "me" || got.State != "idle in transaction" ||
		!strings.HasSuffix(got.Query, "SELECT 1") || got.ClientAddr != "127.0.0.1" || got.PID != int32(c.PID()) || got.TransactionFrom.IsZero() {
		t.Errorf("session = %+v", got)
	}
	s.mu.Lock()
	x := s.sessions[int32(c.PID())]
	s.mu.Unlock()
	// The session waits for its client, so nobody else touches it now.
	if cs := x.Cursors(); len(cs) != 1 || cs[0].Name != "c" || !cs[0].Scrollable || cs[0].Hold {
		t.Errorf("cursors = %+v", cs)
	}
	if ps := x.PreparedStatements(); len(ps) != 1 || ps[0].Name != "p" || !ps[0].FromSQL || len(ps[0].Params) != 1 {
		t.Errorf("prepared statements = %+v", ps)
	}
	found := 0
	for _, row := range x.Settings() {
		switch row.Name {
		case "application_name":
			found++
			if row.Value != "me" || row.Source != "client" || row.Reset != "me" {
				t.Errorf("application_name = %+v", row)
			}
		case "statement_timeout":
			found++
			if row.Value != "0" || row.Unit != "ms" || row.Source != "default" || row.Max != "2147483647" {
				t.Errorf("statement_timeout = %+v", row)
			}
		}
	}
	if found != 2 {
		t.Errorf("settings miss application_name or statement_timeout")
	}
}
