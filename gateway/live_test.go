package gateway

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestFetchWith: WITH (timeout = '...') is of one FETCH.
func TestFetchWith(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "")
	exec := func(sql string) (*pgconn.Result, error) {
		t.Helper()
		rs, err := c.Exec(testContext(t), sql).ReadAll()
		if err != nil {
			return nil, err
		}
		return rs[len(rs)-1], nil
	}
	if _, err := exec("begin; declare c cursor for SELECT * FROM live"); err != nil {
		t.Fatal(err)
	}
	for i, timeout := range []string{"10ms", "0s"} {
		go func() { s.engine.live <- int64(i) }()
		r, err := exec("fetch forward 3 c with " + timeout)
		if err != nil || len(r.Rows) != 1 {
			t.Fatalf("FETCH with a timeout of %s: %v, %v; want the one row that there is", timeout, r, err)
		}
	}
	go func() {
		for i := range int64(2) {
			s.engine.live <- i
		}
	}()
	if r, err := exec("fetch forward 2 c"); err != nil || len(r.Rows) != 2 {
		t.Errorf("the FETCH after them: %v, %v; want a full batch", r, err)
	}
}

// TestLiveCaps: a live query that is read as a whole ends at the first of the
// session's caps, and a cursor does not.
func TestLiveCaps(t *testing.T) {
	s := start(t, nil)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for i := int64(0); ; i++ {
			select {
			case s.engine.live <- i:
			case <-stop:
				return
			}
		}
	}()
	for _, setting := range []string{"ferris.live_rows = 3", "ferris.live_bytes = '1kB'", "ferris.live_time = '20ms'"} {
		var notice, hint string
		config, err := pgconn.ParseConfig("postgres://ana@" + s.addr + "/ferris?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
			if notice = n.Message; strings.HasPrefix(notice, "the query is live: it ends when it is cancelled") {
				hint = n.Hint
			}
		}
		c, err := pgconn.ConnectConfig(testContext(t), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close(context.Background()) })
		if _, err := c.Exec(testContext(t), "SET "+setting).ReadAll(); err != nil {
			t.Fatal(err)
		}
		rs, err := c.Exec(testContext(t), "SELECT * FROM live").ReadAll()
		if err != nil || len(rs) != 1 {
			t.Fatalf("%s: %d results, %v", setting, len(rs), err)
		}
		name, _, _ := strings.Cut(setting, " ")
		if !strings.Contains(notice, name) {
			t.Errorf("%s: the notice is %q", setting, notice)
		}
		if !strings.Contains(hint, "COPY (SELECT ... EMIT CHANGES) TO STDOUT") {
			t.Errorf("the hint of who waits for rows in psql is %q", hint)
		}
		if strings.Contains(setting, "rows") && len(rs[0].Rows) != 3 {
			t.Errorf("%s: %d rows", setting, len(rs[0].Rows))
		}
		if _, err := c.Exec(testContext(t), "begin; declare c cursor for SELECT * FROM live").ReadAll(); err != nil {
			t.Fatal(err)
		}
		if r, err := c.Exec(testContext(t), "fetch forward 200 c").ReadAll(); err != nil || len(r[0].Rows) != 200 {
			t.Errorf("%s: a cursor's batch: %v", setting, err)
		}
	}
}

// TestForgottenCursor: a cursor that nobody reads loses its query after
// ferris.snapshot_timeout, whatever else the session waits for.
func TestForgottenCursor(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "")
	if _, err := c.Exec(testContext(t), "SET ferris.snapshot_timeout = '5ms'; begin; declare c cursor for SELECT * FROM live").ReadAll(); err != nil {
		t.Fatal(err)
	}
	s.forget(t)
	_, err := c.Exec(testContext(t), "fetch forward 1 c").ReadAll()
	if err == nil || !strings.Contains(err.Error(), "72000") {
		t.Errorf("reading it: %v, want 72000", err)
	}
	if _, err := c.Exec(testContext(t), "rollback").ReadAll(); err != nil {
		t.Error(err)
	}
}

// forget returns when no cursor has its query any more.
func (s *started) forget(t *testing.T) {
	for end := time.Now().Add(patience); s.engine.cursors() > 0; runtime.Gosched() {
		if time.Now().After(end) {
			t.Error("a cursor that is not read keeps its query")
			return
		}
	}
}

// awaited is a client's data that comes when a function returns.
type awaited struct {
	wait func()
	data *strings.Reader
}

func (a *awaited) Read(b []byte) (int, error) {
	a.wait()
	return a.data.Read(b)
}

// TestForgottenCursorInCopy: COPY, too, is a wait for the client.
func TestForgottenCursorInCopy(t *testing.T) {
	s := start(t, nil)
	c := s.connect(t, "")
	if _, err := c.Exec(testContext(t), "SET ferris.snapshot_timeout = '5ms'; begin; declare c cursor for SELECT * FROM live").ReadAll(); err != nil {
		t.Fatal(err)
	}
	tag, err := c.CopyFrom(testContext(t), &awaited{func() { s.forget(t) }, strings.NewReader("1\n2\n")}, "copy data from stdin")
	if err != nil || tag.String() != "COPY 2" {
		t.Errorf("COPY: %v, %v", tag, err)
	}
	if _, err := c.Exec(testContext(t), "fetch forward 1 c").ReadAll(); err == nil || !strings.Contains(err.Error(), "72000") {
		t.Errorf("reading the cursor: %v, want 72000", err)
	}
	if _, err := c.Exec(testContext(t), "rollback").ReadAll(); err != nil {
		t.Error(err)
	}
}
