package exec

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// dimensions is a connector that can be asked for rows by their name, and not be read:
// what a database or a service is to a real one.
type dimensions struct {
	mu       sync.Mutex
	rows     map[string][][]types.Value // by name
	bad      map[string]error           // keys that it cannot be asked for
	failing  int                        // how many more requests fail
	with     error                      // what they say
	requests [][]string                 // the keys of each
	most     int                        // requests that were under way at a time
	now      int
	gate     chan struct{} // a request waits for it; nil: it does not
	open     int
}

func newDimensions() *dimensions {
	return &dimensions{rows: map[string][][]types.Value{}, bad: map[string]error{}, with: sqlerr.Errorf(sqlerr.ConnectionFailure, "no route")}
}

func (d *dimensions) Name() string { return "dimension" }

func (d *dimensions) Options(r stream.Role) []stream.Option {
	if r == stream.RoleSink {
		return nil
	}
	return stream.LookupOptions
}
func (d *dimensions) PseudoColumns() []catalog.Column                         { return nil }
func (d *dimensions) Inferrer(*stream.Env) stream.SchemaInferrer              { return nil }
func (d *dimensions) Check(*stream.Env, *catalog.Relation, stream.Role) error { return nil }
func (d *dimensions) Looks(_ *catalog.Relation, keys []int) bool {
	return keys == nil || slices.Equal(keys, []int{0})
}

func (d *dimensions) Source(context.Context, *stream.Env, *catalog.Relation) (stream.Source, error) {
	return nil, sqlerr.Unsupported("Join a stream with it.", "reading a dimension is not supported")
}

func (d *dimensions) Sink(context.Context, *stream.Env, *catalog.Relation, stream.SinkOptions) (stream.Sink, error) {
	return nil, sqlerr.Unsupported("Write elsewhere.", "writing to a dimension is not supported")
}

func (d *dimensions) Lookup(_ context.Context, _ *stream.Env, _ *catalog.Relation, s stream.LookupScan) (stream.Lookup, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	return &dimension{d: d, scan: s}, nil
}

// put replaces the rows of a name: (name, owner, n).
func (d *dimensions) put(name string, owners ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows[name] = nil
	for i, o := range owners {
		d.rows[name] = append(d.rows[name], []types.Value{types.NewText(name), types.NewText(o), types.NewInt(types.Int8, int64(i))})
	}
}

// asked are the keys of the requests so far.
func (d *dimensions) asked() (all [][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}

// opened are the look-ups that are open.
func (d *dimensions) opened() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

type dimension struct {
	d      *dimensions
	scan   stream.LookupScan
	closed bool
}

func (l *dimension) Find(ctx context.Context, keys []vec.Vec, n int, found func(*vec.Batch, []int32) error) ([]stream.LookupFault, error) {
	d := l.d
	d.mu.Lock()
	d.now++
	d.most = max(d.most, d.now)
	var names []string
	for k := range n {
		names = append(names, vec.Get(keys[0], k, types.Of(types.Text)).S)
	}
	d.requests = append(d.requests, names)
	gate, failing := d.gate, d.failing > 0
	if failing {
		d.failing--
	}
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.now--
		d.mu.Unlock()
	}()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if failing {
		return nil, d.with
	}
	var ts []types.Type
	for _, c := range l.scan.Columns {
		ts = append(ts, []types.Type{types.Of(types.Text), types.Of(types.Text), types.Of(types.Int8)}[c])
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var faults []stream.LookupFault
	for k, name := range names {
		if err := d.bad[name]; err != nil {
			faults = append(faults, stream.LookupFault{Key: k, Err: err})
			continue
		}
		for _, row := range d.rows[name] {
			b := vec.NewBatch(ts)
			for i, c := range l.scan.Columns {
				vec.Append(b.Cols[i], row[c])
			}
			b.Rows = 1
			if err := found(b, []int32{int32(k)}); err != nil {
				return nil, err
			}
		}
	}
	return faults, nil
}

func (l *dimension) Close() error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if !l.closed {
		l.d.open--
	}
	l.closed = true
	return nil
}

// dimension declares a stream of (name text, owner text, n bigint) that is asked.
func (f *fixture) dimension(name string, options ...catalog.Option) {
	f.Helper()
	f.exec(&plan.CreateStream{Relation: &catalog.Relation{Schema: "public", Name: name, Kind: catalog.Stream, Connector: "dimension", Options: options,
		Columns: []catalog.Column{{Name: "name", Type: types.Of(types.Text)}, {Name: "owner", Type: types.Of(types.Text)}, {Name: "n", Type: types.Of(types.Int8)}}}})
}

func lookupOption(key, value string) catalog.Option {
	return catalog.Option{Key: "lookup." + key, Value: value}
}

// TestLookupJoins: a stream's rows meet what a relation that is asked holds when they
// come, in every kind of join, by few requests, each key once while it is kept.
func TestLookupJoins(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	f.dimension("d", lookupOption("batch.size", "10"), lookupOption("concurrency", "3"), lookupOption("cache.ttl", "1 hour"), lookupOption("cache.negative_ttl", "1 hour"))
	f.dimensions.put("a", "ann", "abe")
	f.dimensions.put("b", "bob")
	join := func(sql string) (*Cursor, *plan.Query) {
		c, q := f.follow(sql + " EMIT CHANGES")
		if q.Ops {
			t.Errorf("%s: takes rows back", sql)
		}
		return c, q
	}
	inner, iq := join("SELECT e.id, d.owner FROM e JOIN d ON d.name = e.name AND d.n < 1")
	left, lq := join("SELECT e.id, d.owner FROM e LEFT JOIN d ON e.name = d.name AND d.n = e.id % 2")
	semi, sq := join("SELECT e.id FROM e WHERE EXISTS (SELECT 1 FROM d WHERE d.name = e.name)")
	anti, aq := join("SELECT e.id FROM e WHERE NOT EXISTS (SELECT 1 FROM d WHERE d.name = e.name)")
	null := event(4, "", 1)
	null[1] = types.NullOf(types.Of(types.Text))
	e.add(0, event(1, "a", 1), event(2, "b", 1), event(3, "c", 1), null, event(5, "a", 1))
	sorted := func(lines []string) []string { slices.Sort(lines); return lines }
	equal(t, "inner", sorted(f.rows(inner, iq.Root, 3)), []string{"1|ann", "2|bob", "5|ann"})
	equal(t, "left", sorted(f.rows(left, lq.Root, 5)), []string{"1|abe", "2|bob", "3|NULL", "4|NULL", "5|abe"})
	equal(t, "semi", sorted(f.rows(semi, sq.Root, 3)), []string{"1", "2", "5"})
	equal(t, "anti", sorted(f.rows(anti, aq.Root, 2)), []string{"3", "4"})
	for _, keys := range f.dimensions.asked() {
		if slices.Sort(keys); !slices.Equal(keys, []string{"a", "b", "c"}) {
			t.Errorf("a request for %v, want a, b, c", keys)
		}
	}
	if n := len(f.dimensions.asked()); n != 4 {
		t.Errorf("%d requests of four queries, want 4", n)
	}
	// What is kept, rows or that there are none, is not asked for again.
	f.dimensions.put("c", "cas")
	e.add(0, event(6, "a", 2), event(7, "c", 2))
	equal(t, "kept", f.rows(left, lq.Root, 2), []string{"6|ann", "7|NULL"})
	equal(t, "kept", f.rows(anti, aq.Root, 1), []string{"7"})
	if n := len(f.dimensions.asked()); n != 4 {
		t.Errorf("%d requests, want 4: all keys are kept", n)
	}
	// Many keys go in several requests, some of them side by side.
	gate := make(chan struct{})
	f.dimensions.mu.Lock()
	f.dimensions.gate, f.dimensions.requests, f.dimensions.most = gate, nil, 0
	f.dimensions.mu.Unlock()
	var rows [][]types.Value
	for i := range int64(95) {
		rows = append(rows, event(100+i, fmt.Sprint("k", i%45), 3))
	}
	e.add(0, rows...)
	done := make(chan []string, 1)
	go func() {
		rows, err := tryRows(f.context(), left, lq.Root, 95)
		done <- append(rows, fmt.Sprint(err))
	}()
	for f.dimensionsNow() < 3 {
		<-time.After(time.Millisecond)
	}
	close(gate)
	equal(t, "many", (<-done)[94:], []string{"194|NULL", "<nil>"})
	f.rows(anti, aq.Root, 95)
	for _, keys := range f.dimensions.asked() {
		if len(keys) > 10 {
			t.Errorf("a request for %d keys, want 10 at most", len(keys))
		}
	}
	if f.dimensions.most > 3 {
		t.Errorf("%d requests side by side, want 3 at most", f.dimensions.most)
	}
	hits, misses := f.Metrics().LookupHits.Load(), f.Metrics().LookupMisses.Load()
	if misses < 4*3+2*45 || hits < 4 {
		t.Errorf("%d hits, %d misses", hits, misses)
	}
}

// dimensionsNow are the requests under way.
func (f *fixture) dimensionsNow() int {
	f.dimensions.mu.Lock()
	defer f.dimensions.mu.Unlock()
	return f.dimensions.now
}

// TestLookupExplained: EXPLAIN says that a relation is asked, and by what.
func TestLookupExplained(t *testing.T) {
	f := newFixture(t)
	f.events("e")
	f.dimension("d")
	lines, err := f.sql("EXPLAIN (COSTS OFF) SELECT e.id, d.owner FROM e LEFT JOIN d ON e.name = d.name AND d.n = e.id EMIT CHANGES", -1)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{"Lookup Left Join", "Lookup: d by name, as it is when a row comes"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	// What cannot be asked by the join's key cannot be read either.
	if _, err := f.sql("SELECT * FROM e JOIN d ON e.id = d.n EMIT CHANGES", 1); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("a join by another column = %v, want 0A000", err)
	}
}

// TestLookupFaults: a request that fails is made again; a key that a relation cannot be
// asked for follows the failure strategy of its rows; a request is not waited for too long.
func TestLookupFaults(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	quick := []catalog.Option{lookupOption("max_retries", "2"), lookupOption("retry_backoff", "1ms"), lookupOption("timeout", "20ms")}
	f.dimension("d", quick...)
	f.dimensions.put("a", "ann")
	f.dimensions.bad["x"] = sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "x is no key")
	f.dimensions.failing = 2
	f.sinkNamed("dead")
	const query = "SELECT e.id, d.owner FROM e LEFT JOIN d ON e.name = d.name"
	e.add(0, event(1, "a", 1), event(2, "x", 1), event(3, "b", 1))
	if err := f.sqlJob("skips", query); err != nil {
		t.Fatal(err)
	}
	if err := f.sqlJob("puts", query, "'failure_strategy' = 'DeadLetter'", "'dead_letter' = 'dead'"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"skips", "puts"} {
		if err := f.topics.file(name+"_out").wait(f.context(), 2); err != nil {
			t.Fatal(err)
		}
		got := f.topics.file(name + "_out").read()
		slices.Sort(got)
		equal(t, name, got, []string{"1|ann", "3|NULL"})
	}
	if err := f.topics.file("dead").wait(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	if l := f.letters("dead"); len(l) != 1 || !strings.Contains(l[0], "x is no key|22P02") {
		t.Errorf("dead letters: %v", l)
	}
	if err := f.sqlJob("fails", query, "'failure_strategy' = 'FailBatch'"); err != nil {
		t.Fatal(err)
	}
	if j := f.waitState("fails", catalog.JobFailed); !strings.Contains(j.Failure.Message, "x is no key") {
		t.Errorf("the job failed with %q", j.Failure.Message)
	}
	// One that is out of reach is waited for, with the reason in error.
	f.dimensions.mu.Lock()
	f.dimensions.failing = 1 << 30
	f.dimensions.mu.Unlock()
	e.add(0, event(4, "c", 2))
	for _, name := range []string{"skips", "puts"} {
		for !strings.Contains(f.impediment(name), "looking up in d: no route") {
			<-time.After(time.Millisecond)
		}
	}
	f.dimensions.mu.Lock()
	f.dimensions.failing = 0
	f.dimensions.mu.Unlock()
	if err := f.topics.file("skips_out").wait(f.context(), 3); err != nil {
		t.Fatal(err)
	}
	c, q := f.follow(query + " WHERE e.name <> 'x' EMIT CHANGES")
	f.rows(c, q.Root, 3)
	f.dimensions.mu.Lock()
	f.dimensions.gate = make(chan struct{})
	f.dimensions.mu.Unlock()
	e.add(0, event(5, "d", 2))
	if _, err := tryRows(f.context(), c, q.Root, 1); sqlerr.CodeOf(err) != sqlerr.ConnectionFailure || !strings.Contains(err.Error(), "lookup.timeout") {
		t.Errorf("a request without an answer = %v", err)
	}
}

// impediment is what a job waits for.
func (f *fixture) impediment(name string) string {
	for _, s := range (jobsProvider{f.Engine}).Jobs() {
		if s.Name == name {
			return s.Failure.Message
		}
	}
	return ""
}

// TestLookupKilled: a job that asks, killed again and again, gives each row once, with
// what the relation held at some time since the row came.
func TestLookupKilled(t *testing.T) {
	for _, tasks := range []int{1, 3} {
		t.Run(fmt.Sprint(tasks), func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			e.batch = 5
			f.dimension("d", lookupOption("cache.ttl", "2ms"))
			if err := f.sqlJob("j", "SELECT e.id, e.name, d.owner FROM e LEFT JOIN d ON e.name = d.name"); err != nil {
				t.Fatal(err)
			}
			for round := range int64(8) {
				for i := range int64(4) {
					f.dimensions.put(string(rune('a'+i)), fmt.Sprint(round))
				}
				time.Sleep(3 * time.Millisecond) // nothing that is kept is older than its time
				fill(e, 40*round, 40*round+40)
				f.committedMore("j", 1)
				f.kill()
				f.parallel("j", tasks)
				f.start()
			}
			e.end()
			f.waitState("j", catalog.JobFinished)
			rows := f.topics.file("j_out").read()
			seen := map[string]bool{}
			for _, r := range rows {
				words := strings.Split(r, "|")
				var id, owner int
				fmt.Sscan(words[0], &id)
				fmt.Sscan(words[2], &owner)
				if seen[words[0]] || owner < id/40 {
					t.Errorf("%s is there twice, or with an owner of before it came", r)
				}
				seen[words[0]] = true
			}
			if len(seen) != 320 {
				t.Errorf("%d rows, want 320", len(seen))
			}
		})
	}
}

// TestLookupCache: what is kept goes by its time and, where there is no room, by when it
// was asked for.
func TestLookupCache(t *testing.T) {
	account := memory.New("test", 1<<20, "")
	size := int64(lookupOverhead + 1 + 10)
	c := newLookupCache(3*size, time.Minute, time.Second, account)
	now := time.Unix(0, 0)
	c.now = func() time.Time { return now }
	row := func() []byte { return make([]byte, 10) }
	there := func(keys string) []string {
		has := ""
		for _, k := range keys {
			if _, ok := c.get([]byte(string(k))); ok {
				has += string(k)
			}
		}
		return []string{has}
	}
	for _, k := range "abc" {
		c.put([]byte(string(k)), row(), now)
	}
	equal(t, "three fit", there("cba"), []string{"cba"})
	c.put([]byte("d"), row(), now)
	equal(t, "the one asked for longest ago goes", there("abcd"), []string{"abd"})
	if account.Used() != 3*size {
		t.Errorf("%d bytes are counted, want %d", account.Used(), 3*size)
	}
	c.put([]byte("n"), nil, now)
	equal(t, "one without rows", there("n"), []string{"n"})
	now = now.Add(2 * time.Second)
	equal(t, "is known for a second", there("nbd"), []string{"bd"})
	now = now.Add(time.Minute)
	equal(t, "others for a minute", there("bd"), []string{""})
	c.put([]byte("o"), row(), now.Add(-2*time.Minute))
	equal(t, "what was long in coming is as old as the request", there("o"), []string{""})
	c.put([]byte("big"), make([]byte, 10*size), now)
	if len(c.entries) != 0 || account.Used() != 0 {
		t.Errorf("%d bytes are counted of nothing", account.Used())
	}
	tight := newLookupCache(1<<30, time.Minute, 0, memory.New("test", 2*size, ""))
	for _, k := range "abc" {
		tight.put([]byte(string(k)), row(), now)
	}
	if len(tight.entries) != 2 {
		t.Errorf("%d entries where memory is for two", len(tight.entries))
	}
	tight.put([]byte("z"), nil, now)
	if _, ok := tight.get([]byte("z")); ok {
		t.Error("a key without rows is kept, and not to be")
	}
	tight.close()
	if tight.bytes != 0 {
		t.Error("something is left")
	}
}
