package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// limit is how long a test waits for what must happen: on a busy machine it may take long.
const limit = 2 * time.Minute

// fixture is an engine over memory, which can be killed and started again.
type fixture struct {
	*testing.T
	*Engine
	store   *state.Store
	catalog *catalog.Catalog
	tables  *table.Tables
	topics  *topics
	ledgers *ledgers
	// dimensions can be asked for rows by key.
	dimensions *dimensions
	plans      sync.Map // of *plan.StartJob, by text: jobs are planned while more are made
	// panics are logged with their stack and nowhere else seen where nobody
	// waits for the task that had one.
	panics, wantPanics atomic.Int32
	// memory is what the engines have from their next start on, and queryMemory bounds
	// each query in it; nil and 0: they have as much as they want.
	memory      *memory.Account
	queryMemory int64
}

// panicCounter is a logger's handler.
type panicCounter struct {
	slog.Handler
	f *fixture
}

func (p panicCounter) Enabled(context.Context, slog.Level) bool { return true }

func (p panicCounter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "panic in a task" {
		p.f.panics.Add(1)
	}
	return nil
}

// newFixture fails the test where it leaves a goroutine behind.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	goleakAfter(t)
	return fixtureBeside(t)
}

// fixtureBeside is a fixture of a test that runs beside others: the test that all of them are
// part of looks for goroutines that are left.
func fixtureBeside(t *testing.T) *fixture {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	cat, err := catalog.Open(store, function.Builtins())
	if err != nil {
		t.Fatal(err)
	}
	tables, err := table.Open(store, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tables.Close(); err != nil {
			t.Errorf("closing the tables: %v", err)
		}
	})
	f := &fixture{T: t, store: store, catalog: cat, tables: tables, topics: newTopics(), ledgers: newLedgers(), dimensions: newDimensions()}
	f.start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := f.Drain(ctx); err != nil {
			t.Errorf("draining: %v", err)
		}
		if n := f.dimensions.opened(); n != 0 {
			t.Errorf("%d look-ups are open", n)
		}
		if got, want := f.panics.Load(), f.wantPanics.Load(); got != want {
			t.Errorf("%d tasks panicked, want %d", got, want)
		}
	})
	return f
}

// goleakAfter fails the test where goroutines are left at its end, that of its subtests also.
func goleakAfter(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// start makes a new engine over the same store, catalog, topics and files.
func (f *fixture) start() {
	f.Helper()
	e, err := New(Options{
		Store: f.store, Catalog: f.catalog, Tables: f.tables, Connectors: []stream.Connector{f.topics, f.ledgers, printers{f.topics}, f.dimensions},
		Plan: func(_ context.Context, _ *catalog.Snapshot, j *catalog.Job) (*plan.StartJob, error) {
			p, ok := f.plans.Load(j.Text)
			if !ok {
				return nil, fmt.Errorf("no plan for %q", j.Text)
			}
			if again, ok := p.(func() (*plan.StartJob, error)); ok {
				return again()
			}
			return p.(*plan.StartJob), nil
		},
		Logger:     slog.New(panicCounter{slog.DiscardHandler, f}),
		Checkpoint: 5 * time.Millisecond, SplitPoll: 5 * time.Millisecond, Memory: f.memory, QueryMemory: f.queryMemory,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Engine = e
	if err := e.Start(f.context()); err != nil {
		f.Fatal(err)
	}
}

// kill ends the engine as a crash would: nothing is finished, nothing undone.
func (f *fixture) kill() {
	f.topics.mu.Lock()
	for _, file := range f.topics.files {
		file.mu.Lock()
		file.dead = true
		file.mu.Unlock()
	}
	f.topics.mu.Unlock()
	f.cancel(errors.New("killed"))
	f.mu.Lock()
	jobs := f.jobs
	f.mu.Unlock()
	for _, j := range jobs {
		<-j.done
	}
	f.background.Wait() // what a process leaves behind starts nothing
	f.topics.mu.Lock()
	for _, file := range f.topics.files {
		file.mu.Lock()
		file.dead = false
		file.mu.Unlock()
	}
	f.topics.mu.Unlock()
}

func (f *fixture) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	f.Cleanup(cancel)
	return ctx
}

func testEnv() *function.Env {
	return &function.Env{Context: context.Background(), Format: types.DefaultFormat(), SearchPath: []string{"public"}, User: "me"}
}

// stream declares a topic of (id bigint, name text).
func (f *fixture) stream(name string, options ...catalog.Option) *catalog.Relation {
	f.Helper()
	r := &catalog.Relation{Schema: "public", Name: name, Kind: catalog.Stream, Connector: "topic", Options: options, Columns: []catalog.Column{
		{Name: "id", Type: types.Of(types.Int8)}, {Name: "name", Type: types.Of(types.Text)},
	}}
	f.exec(&plan.CreateStream{Relation: r})
	return f.catalog.Snapshot().Relation("public", name)
}

// exec runs a statement in a transaction of its own.
func (f *fixture) exec(s plan.Statement) Result {
	f.Helper()
	res, err := f.try(s)
	if err != nil {
		f.Fatalf("%T: %v", s, err)
	}
	return res
}

func (f *fixture) try(s plan.Statement) (Result, error) {
	t := f.Begin()
	res, err := t.Exec(f.context(), &plan.Bound{Statement: s}, testEnv())
	if err != nil {
		t.Rollback()
		return res, err
	}
	err = t.Commit(f.context())
	res.Notices = append(res.Notices, t.Notices()...)
	return res, err
}

// query starts a query.
func (f *fixture) query(q *plan.Query, env *function.Env) *Cursor {
	f.Helper()
	c, err := f.Begin().Query(f.context(), q, env)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { c.Close() })
	return c
}

// rows reads at least n rows of a cursor, or, n being -1, all.
func (f *fixture) rows(c *Cursor, root plan.Node, n int) []string {
	f.Helper()
	got, err := tryRows(f.context(), c, root, n)
	if err != nil {
		f.Fatalf("reading rows: %v, after %v", err, got)
	}
	return got
}

func tryRows(ctx context.Context, c *Cursor, root plan.Node, n int) ([]string, error) {
	var got []string
	ts := schemaTypes(root)
	for n < 0 || len(got) < n {
		b, err := c.Next(ctx)
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if c.ops {
			ts = append([]types.Type{types.Of(types.Text)}, schemaTypes(root)...)
		}
		got = append(got, batchText(b, ts)...)
	}
	return got, nil
}

func batchText(b *vec.Batch, ts []types.Type) []string {
	var lines []string
	sel := b.Sel
	if sel == nil {
		for i := range b.Rows {
			sel = append(sel, int32(i))
		}
	}
	for _, r := range sel {
		var words []string
		for i, c := range b.Cols {
			v := vec.Get(c, int(r), ts[i])
			if v.Null {
				words = append(words, "NULL")
			} else {
				words = append(words, string(types.AppendText(nil, v, types.DefaultFormat())))
			}
		}
		lines = append(lines, strings.Join(words, "|"))
	}
	return lines
}

func scanOf(r *catalog.Relation) *plan.Scan {
	s := &plan.Scan{Relation: r}
	for i, c := range r.Columns {
		s.Columns = append(s.Columns, i)
		s.Fields = append(s.Fields, plan.Field{Name: c.Name, Type: c.Type})
	}
	return s
}

func column(n plan.Node, i int) plan.Expr {
	f := n.Schema()[i]
	return &plan.Column{Index: i, Typ: f.Type, Name: f.Name}
}

func number64(i int64) plan.Expr { return &plan.Const{Value: types.NewInt(types.Int8, i)} }

func call(op string, l, r plan.Expr) plan.Expr {
	for _, o := range function.Builtins().Operators {
		if o.Name == op && o.Left == l.Type().OID && o.Right == r.Type().OID {
			return &plan.Call{Func: o.Func, Args: []plan.Expr{l, r}, Typ: types.Of(o.Result), Op: op}
		}
	}
	panic("no operator " + op)
}

func project(in plan.Node, exprs ...plan.Expr) plan.Node {
	p := &plan.Project{Input: in, Exprs: exprs}
	for i, e := range exprs {
		p.Fields = append(p.Fields, plan.Field{Name: fmt.Sprintf("c%d", i), Type: e.Type()})
	}
	return p
}

func countBy(in plan.Node, key int, changes bool) plan.Node {
	f := function.Lookup("count")
	a := &plan.AggregateNode{Input: in, Keys: []plan.Expr{column(in, key)}, EmitChanges: changes,
		Calls: []plan.AggCall{{Func: f.Func, Star: true, Typ: types.Of(types.Int8)}}}
	a.Fields = []plan.Field{{Name: "key", Type: in.Schema()[key].Type}, {Name: "count", Type: types.Of(types.Int8)}}
	return a
}

func row(id int64, name string) []types.Value {
	return []types.Value{types.NewInt(types.Int8, id), types.NewText(name)}
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func TestBoundedQuery(t *testing.T) {
	f := newFixture(t)
	r := f.stream("s")
	f.topics.topic("s").batch = 2
	f.topics.topic("s").add(0, row(1, "a"), row(2, "b"), row(3, "c"))
	f.topics.topic("s").add(1, row(4, "d"))
	in := scanOf(r)
	q := project(&plan.Filter{Input: in, Cond: call(">", column(in, 0), number64(1))}, column(in, 1), call("+", column(in, 0), number64(10)))
	c := f.query(&plan.Query{Root: q}, testEnv())
	got := f.rows(c, q, -1)
	slices.Sort(got)
	equal(t, "rows", got, []string{"b|12", "c|13", "d|14"})
	if _, err := c.Next(f.context()); !errors.Is(err, io.EOF) {
		t.Errorf("Next after the end = %v, want EOF", err)
	}
	if n := f.topics.topic("s").readers; n != 0 {
		t.Errorf("%d readers are open after the end", n)
	}
}

func TestLiveQuery(t *testing.T) {
	f := newFixture(t)
	r := f.stream("s")
	s := f.topics.topic("s")
	s.add(0, row(1, "a"))
	in := scanOf(r)
	c := f.query(&plan.Query{Root: in, Live: true}, testEnv())
	equal(t, "rows held", f.rows(c, in, 1), []string{"1|a"})
	s.add(0, row(2, "b"))
	equal(t, "a row that came", f.rows(c, in, 1), []string{"2|b"})
	s.add(1, row(3, "c"))
	equal(t, "a row of a new split", f.rows(c, in, 1), []string{"3|c"})
	s.end()
	if _, err := c.Next(f.context()); !errors.Is(err, io.EOF) {
		t.Errorf("Next after the stream's end = %v, want EOF", err)
	}
}

// session is a session with settings.
type session map[string]string

func (s session) Setting(name string) (string, bool)             { v, ok := s[name]; return v, ok }
func (s session) Set(name, value string, _ bool) (string, error) { s[name] = value; return value, nil }
func (s session) BackendPID() int32                              { return 1 }
func (s session) Query() string                                  { return "" }
func (s session) Addresses() (client, server netip.AddrPort)     { return }
func (s session) Cancel(int32) (bool, error)                     { return false, nil }
func (s session) Terminate(int32) (bool, error)                  { return false, nil }
func (s session) Notify(string, string) error                    { return nil }
func (s session) Listening() []string                            { return nil }
func (s session) CurrentRow(string, types.OID) (int64, bool, error) {
	return 0, false, nil
}
func (s session) NotifyUsage() float64 { return 0 }
func (s session) LockAdvisory(context.Context, function.AdvisoryLock, function.AdvisoryMode) (bool, error) {
	return true, nil
}
func (s session) UnlockAdvisory(function.AdvisoryLock, bool) bool { return true }
func (s session) UnlockAllAdvisory()                              {}

func TestLiveLatest(t *testing.T) {
	f := newFixture(t)
	r := f.stream("s")
	s := f.topics.topic("s")
	s.add(0, row(1, "a"))
	in := scanOf(r)
	env := testEnv()
	env.Session = session{"ferris.start": "latest"}
	c := f.query(&plan.Query{Root: in, Live: true}, env)
	got := make(chan []string)
	go func() {
		rows, _ := tryRows(f.context(), c, in, 1)
		got <- rows
	}()
	s.wait()
	s.add(0, row(2, "b"))
	equal(t, "rows", <-got, []string{"2|b"})
}

func TestLiveChanges(t *testing.T) {
	f := newFixture(t)
	r := f.stream("s")
	s := f.topics.topic("s")
	s.add(0, row(1, "a"), row(2, "a"))
	agg := countBy(scanOf(r), 1, true)
	c := f.query(&plan.Query{Root: agg, Live: true, Ops: true}, testEnv())
	equal(t, "first", f.rows(c, agg, 1), []string{"+|a|2"})
	s.add(0, row(3, "a"))
	equal(t, "change", f.rows(c, agg, 2), []string{"-|a|2", "+|a|3"})
}

// TestCancel ends a query that waits. A busy machine may hold one try up.
func TestCancel(t *testing.T) {
	f := newFixture(t)
	in := scanOf(f.stream("s"))
	least := time.Hour
	for try := 0; try < 8 && least > 100*time.Millisecond; try++ {
		c := f.query(&plan.Query{Root: in, Live: true}, testEnv())
		ctx, cancel := context.WithCancelCause(context.Background())
		why := errors.New("the user asked")
		done := make(chan error)
		go func() {
			_, err := c.Next(ctx)
			done <- err
		}()
		f.topics.topic("s").wait()
		start := time.Now()
		cancel(why)
		if err := <-done; !errors.Is(err, why) {
			t.Errorf("Next = %v, want the cause", err)
		}
		least = min(least, time.Since(start))
		if _, err := c.Next(context.Background()); !errors.Is(err, why) {
			t.Errorf("Next after it = %v, want the cause", err)
		}
	}
	if least > 100*time.Millisecond {
		t.Errorf("cancelling took %v", least)
	}
}

func TestCloseWhileNextWaits(t *testing.T) {
	f := newFixture(t)
	in := scanOf(f.stream("s"))
	c := f.query(&plan.Query{Root: in, Live: true}, testEnv())
	done := make(chan error)
	go func() {
		_, err := c.Next(context.Background())
		done <- err
	}()
	f.topics.topic("s").wait()
	c.Close()
	if err := <-done; err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Next = %v, want an error", err)
	}
	if n := f.topics.topic("s").readers; n != 0 {
		t.Errorf("%d readers are open after Close", n)
	}
}

func TestPanicIsXX000(t *testing.T) {
	f := newFixture(t)
	f.wantPanics.Store(1)
	r := f.stream("s")
	f.topics.topic("s").add(0, row(1, "a"))
	in := scanOf(r)
	in.Columns = []int{0, 7} // there is no column 7
	in.Relation = &catalog.Relation{Name: "s", Connector: "topic", Columns: make([]catalog.Column, 8)}
	for i := range in.Relation.Columns {
		in.Relation.Columns[i] = catalog.Column{Type: types.Of(types.Int8)}
	}
	c := f.query(&plan.Query{Root: in}, testEnv())
	_, err := c.Next(f.context())
	if got := sqlerr.CodeOf(err); got != sqlerr.InternalError {
		t.Errorf("Next = %v (%s), want XX000", err, got)
	}
}

func TestRollbackLeavesNothing(t *testing.T) {
	f := newFixture(t)
	out := f.stream("out")
	txn := f.Begin()
	r := &catalog.Relation{Schema: "public", Name: "s", Kind: catalog.Stream, Connector: "topic", Columns: out.Columns}
	run := func(s plan.Statement) Result {
		t.Helper()
		res, err := txn.Exec(f.context(), &plan.Bound{Statement: s}, testEnv())
		if err != nil {
			t.Fatalf("%T: %v", s, err)
		}
		return res
	}
	insert := &plan.Insert{Target: out, Columns: []int{1, 0}, Input: &plan.Values{
		Rows:   [][]plan.Expr{{&plan.Const{Value: types.NewText("a")}, number64(1)}},
		Fields: []plan.Field{{Type: types.Of(types.Text)}, {Type: types.Of(types.Int8)}},
	}}
	if got := run(&plan.CreateStream{Relation: r}).Tag; got != "CREATE STREAM" {
		t.Errorf("tag = %q", got)
	}
	if txn.Snapshot().Relation("public", "s") == nil {
		t.Error("the transaction does not see its own stream")
	}
	mark := txn.Mark()
	if got := run(insert).Tag; got != "INSERT 0 1" {
		t.Errorf("tag = %q", got)
	}
	txn.RollbackTo(mark)
	run(insert)
	if got := f.topics.file("out").read(); len(got) != 0 {
		t.Errorf("the file has %q before COMMIT", got)
	}
	txn.Rollback()
	if f.catalog.Snapshot().Relation("public", "s") != nil {
		t.Error("the stream is there after ROLLBACK")
	}
	equal(t, "after ROLLBACK", f.topics.file("out").read(), nil)

	txn = f.Begin()
	run(insert)
	if err := txn.Commit(f.context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "after COMMIT", f.topics.file("out").read(), []string{"1|a"})
}

func TestSelectInto(t *testing.T) {
	f := newFixture(t)
	in := scanOf(f.stream("s"))
	f.topics.topic("s").add(0, row(1, "a"), row(2, "b"))
	sinks := []plan.SinkTarget{{Relation: &catalog.Relation{Name: "x", Connector: "topic"}, Declared: true},
		{Relation: &catalog.Relation{Name: "y", Connector: "topic"}, Declared: true}}
	res := f.exec(&plan.SelectInto{Root: in, Sinks: sinks})
	if res.Tag != "SELECT 2" {
		t.Errorf("tag = %q, want SELECT 2", res.Tag)
	}
	for _, name := range []string{"x", "y"} {
		equal(t, name, f.topics.file(name).read(), []string{"1|a", "2|b"})
	}
}

func TestDeclarationIsChecked(t *testing.T) {
	f := newFixture(t)
	r := &catalog.Relation{Schema: "public", Name: "s", Kind: catalog.Stream, Connector: "topic", Options: catalog.Options{{Key: "bad", Value: "x"}}}
	if _, err := f.try(&plan.CreateStream{Relation: r}); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
		t.Errorf("CREATE STREAM = %v, want 22023", err)
	}
	for _, o := range []catalog.Option{{Key: "on_error", Value: "nul"}, {Key: "failure_strategy", Value: "FailBatc"}, {Key: "max_retries", Value: "-1"},
		{Key: "retry_backoff", Value: "soon"}, {Key: "dead_letter", Value: " "}, {Key: "watermark.idle_timeout", Value: "x"}} {
		bad := &catalog.Relation{Schema: "public", Name: "s", Kind: catalog.Stream, Connector: "topic", Options: catalog.Options{o}}
		if _, err := f.try(&plan.CreateStream{Relation: bad}); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
			t.Errorf("CREATE STREAM with %s = %q: %v, want 22023", o.Key, o.Value, err)
		}
		sink := *bad
		sink.Kind = catalog.Sink
		if _, err := f.try(&plan.CreateSink{Relation: &sink}); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
			t.Errorf("CREATE SINK with %s = %q: %v, want 22023", o.Key, o.Value, err)
		}
	}
	r = &catalog.Relation{Schema: "public", Name: "s", Kind: catalog.Stream, Connector: "pulsar"}
	if _, err := f.try(&plan.CreateStream{Relation: r}); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("CREATE STREAM = %v, want 0A000", err)
	}
}
