package state

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The model is what a job's keys must be, kept as plain maps. The machine does
// random calls on a store and on the model, and lets the process die at a random
// step: the store is then opened anew over what has been written, and must be
// either as before the call or as after it.

var errCrash = errors.New("the process has died")

type modelJob struct {
	job       *Job
	epoch     uint64
	pages     map[string]string // committed
	prepared  map[string]string // nil: no epoch is prepared
	next      uint64            // the prepared epoch
	delivered uint64
	floor     uint64 // no token of an epoch below it is left
	nextFloor uint64 // once the prepared epoch is committed
	settled   bool
	seen      map[uint64]bool // epochs that sinks have been told of
}

func (m *modelJob) clone() *modelJob {
	c := *m
	c.pages, c.seen = maps.Clone(m.pages), maps.Clone(m.seen)
	if m.prepared != nil {
		c.prepared = maps.Clone(m.prepared)
	}
	return &c
}

type openRead struct {
	sn   *Snapshot
	want map[ID]map[string]string
	log  []string

	pieces map[string]string
}

type machine struct {
	first   *Store // whose database all the others borrow
	s       *Store
	mu      sync.Mutex // guards steps and dead: segments are made in the background
	steps   int        // until the process dies; 0: it lives
	dead    bool
	redo    string   // the directory of the redo log
	log     []string // its entries
	jobs    []*modelJob
	catalog map[string]string
	tables  map[string]string
	pieces  map[string]string // of the tables, that settlings write
	running *Settling         // nil: none
	next    map[string]string // the pieces when it has ended
	settled int               // how many entries of log it settles
	held    *Snapshot         // of the last Commit
	reads   []openRead
	version uint64 // the highest seen
}

const testMemTable = 64 << 10 // tables and chunks of a few kilobytes

func newMachine(t *rapid.T) *machine {
	m := &machine{catalog: map[string]string{}, tables: map[string]string{}, pieces: map[string]string{}}
	dir, err := os.MkdirTemp("", "ferris-model-")
	if err != nil {
		t.Fatal(err)
	}
	m.redo = dir
	s, err := Open(Options{InMemory: true, memTable: testMemTable, redoDir: dir, segment: testSegment, fault: m.fault})
	if err != nil {
		t.Fatal(err)
	}
	m.first, m.s = s, s
	for range 3 {
		m.add(t)
	}
	return m
}

func (m *machine) add(t *rapid.T) {
	j := &modelJob{job: m.s.Job(NewID()), pages: map[string]string{}, seen: map[uint64]bool{}, settled: true}
	if _, err := j.job.Rollback(); err != nil {
		t.Fatal(err)
	}
	m.jobs = append(m.jobs, j)
}

func (m *machine) fault(step) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.steps > 0 {
		m.steps--
		m.dead = m.steps == 0
	}
	if m.dead {
		return errCrash
	}
	return nil
}

// died tells whether a call broke off because the process died. Any other error
// fails the test.
func (m *machine) died(t *rapid.T, err error) bool {
	if err == nil {
		return false
	}
	if !errors.Is(err, errCrash) {
		t.Fatalf("unexpected error: %v", err)
	}
	return true
}

// reopen is a start after a crash.
func (m *machine) reopen(t *rapid.T) {
	m.s.sweeping.Wait()
	if err := m.s.redo.close(); err != nil {
		t.Fatal(err)
	}
	m.s.redo.file = nil
	m.dead, m.steps, m.reads, m.held, m.running = false, 0, nil, nil, nil
	s, err := Open(Options{InMemory: true, existing: m.first.db, redoDir: m.redo, segment: testSegment, fault: m.fault})
	if err != nil {
		t.Fatal(err)
	}
	m.s = s
	s.sweeping.Wait()
	for _, j := range m.jobs {
		j.job, j.settled = s.Job(j.job.ID()), false
	}
}

// settle decides which of two models of a job a crash has left.
func (m *machine) settle(t *rapid.T, before, after *modelJob) *modelJob {
	r, err := before.job.Recover()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*modelJob{after, before} {
		c.job, c.settled = before.job, false
		c.seen = maps.Clone(c.seen)
		maps.Copy(c.seen, before.seen)
		maps.Copy(c.seen, after.seen)
		if r.Epoch != c.epoch {
			continue
		}
		if r.Dirty { // a prepared epoch that is being undone, or one that never got whole
			c.prepared = nil
			return c
		}
		if (r.Prepared != nil) != (c.prepared != nil) || r.Prepared != nil && r.Prepared.Epoch != c.next {
			continue
		}
		return c
	}
	t.Fatalf("after a crash %+v is left, neither %+v nor %+v", r, before, after)
	return nil
}

func pagesOf(t *rapid.T, sn *Snapshot, id ID) map[string]string { return spaceOf(t, sn, id, pages) }

func spaceOf(t *rapid.T, sn *Snapshot, id ID, sp Space) map[string]string {
	got := map[string]string{}
	err := sn.Scan(id, sp, nil, nil, func(k, v []byte) error { got[string(k)] = string(v); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func entriesOf(t *rapid.T, sn *Snapshot) []string {
	var all []string
	if err := sn.Log(func(log []byte, _ uint64) error { all = append(all, string(log)); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func sameLog(t *rapid.T, what string, got, want []string) {
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %s", what, cmp.Diff(want, got))
	}
}

func same(t *rapid.T, what string, got, want map[string]string) {
	if !maps.Equal(got, want) {
		t.Fatalf("%s: %s", what, cmp.Diff(want, got))
	}
}

// check holds the whole store against the model.
func (m *machine) check(t *rapid.T) {
	if m.dead {
		t.Fatal("the machine is dead between calls")
	}
	all := m.s.Snapshot()
	defer all.Close()
	for i, j := range m.jobs {
		same(t, fmt.Sprintf("job %d", i), pagesOf(t, all, j.job.ID()), j.pages)
		want := j.pages
		if j.prepared != nil {
			want = j.prepared
		}
		running := j.job.Running()
		same(t, fmt.Sprintf("job %d as its operators read it", i), pagesOf(t, running, j.job.ID()), want)
		running.Close()
		m.checkRecovery(t, j)
	}
	got := map[string]string{}
	if err := m.s.Scan(nil, func(k, v []byte) error { got[string(k)] = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	same(t, "catalog", got, m.catalog)
	sameLog(t, "the log", entriesOf(t, all), m.log)
	same(t, "the pieces", spaceOf(t, all, TablesID, pieces), m.pieces)
	for _, r := range m.reads {
		sameLog(t, "the log of an open read", entriesOf(t, r.sn), r.log)
		same(t, "the pieces of an open read", spaceOf(t, r.sn, TablesID, pieces), r.pieces)
		for id, want := range r.want {
			same(t, "an open read", pagesOf(t, r.sn, id), want)
		}
	}
}

// checkRecovery: every committed epoch that is not delivered has its token, and
// positions are those of the committed epoch.
func (m *machine) checkRecovery(t *rapid.T, j *modelJob) {
	r, err := j.job.Recover()
	if err != nil {
		t.Fatal(err)
	}
	if r.Epoch != j.epoch || (r.Prepared != nil) != (j.prepared != nil) {
		t.Fatalf("recovery %+v, want epoch %d, prepared %v", r, j.epoch, j.prepared != nil)
	}
	if r.Prepared != nil && !cmp.Equal(r.Prepared.Tokens, []Token{{"sink", tokenOf(j.next)}}) {
		t.Fatalf("tokens of prepared epoch %d: %v", j.next, r.Prepared.Tokens)
	}
	p, err := j.job.Progress()
	if err != nil {
		t.Fatal(err)
	}
	if j.epoch == 0 {
		if len(p.Positions) != 0 || len(r.Sinks) != 0 {
			t.Fatalf("before the first epoch there are %v and %v", p.Positions, r.Sinks)
		}
		return
	}
	if want := []Position{{"source", "0", tokenOf(j.epoch)}}; !cmp.Equal(p.Positions, want) {
		t.Fatalf("positions %v, want %v", p.Positions, want)
	}
	if len(r.Sinks) != 1 || r.Sinks[0].Delivered != j.delivered {
		t.Fatalf("sinks %+v, want one, delivered %d", r.Sinks, j.delivered)
	}
	tokens, err := j.job.tokens(r.Version)
	if err != nil {
		t.Fatal(err)
	}
	if oldest := tokens["sink"][0]; oldest.Epoch < j.floor {
		t.Fatalf("the token of epoch %d is kept; epoch %d is delivered", oldest.Epoch, j.floor)
	}
	last := r.Sinks[0].Tokens[len(r.Sinks[0].Tokens)-1]
	if last.Epoch != j.epoch || string(last.Token) != string(tokenOf(j.epoch)) {
		t.Fatalf("the last committed token is %v, want epoch %d's", last, j.epoch)
	}
	if first := r.Sinks[0].Tokens[0]; j.delivered > 0 && first.Epoch != j.delivered {
		t.Fatalf("tokens begin at epoch %d; %d is delivered", first.Epoch, j.delivered)
	}
}

func tokenOf(epoch uint64) []byte { return fmt.Appendf(nil, "epoch %d", epoch) }

func (m *machine) pick(t *rapid.T, when func(*modelJob) bool) int {
	var fit []int
	for i, j := range m.jobs {
		if when(j) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		t.Skip("no job fits")
	}
	return rapid.SampledFrom(fit).Draw(t, "job")
}

var pageKeys = rapid.StringMatching(`[a-h]{1,2}`)

// changes are random writes, large enough to need several transactions at times.
func changes(t *rapid.T, pages map[string]string, set func(k, v string), del func(k string)) map[string]string {
	after := maps.Clone(pages)
	size := rapid.SampledFrom([]int{1, 1, 300, 1500}).Draw(t, "size")
	for _, k := range slices.Sorted(maps.Keys(rapid.MapOfN(pageKeys, rapid.Bool(), 0, 12).Draw(t, "keys"))) {
		if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			del(k)
			delete(after, k)
			continue
		}
		v := strings.Repeat(rapid.StringMatching(`[a-z]`).Draw(t, "value"), size)
		set(k, v)
		after[k] = v
	}
	return after
}

func (m *machine) prepare(t *rapid.T) {
	i := m.pick(t, func(j *modelJob) bool { return j.settled && j.prepared == nil })
	j := m.jobs[i]
	epoch := j.job.Next()
	if j.seen[epoch] {
		t.Fatalf("epoch %d is begun again", epoch)
	}
	after := j.clone()
	var b Batch
	after.prepared = changes(t, j.pages,
		func(k, v string) { b.Set(pages, []byte(k), []byte(v)) }, func(k string) { b.Delete(pages, []byte(k)) })
	after.next, after.nextFloor = epoch, j.delivered
	after.seen[epoch] = true
	version, err := j.job.Prepare(epoch, &b, Progress{
		Positions: []Position{{"source", "0", tokenOf(epoch)}}, Tokens: []Token{{"sink", tokenOf(epoch)}},
	})
	if m.died(t, err) {
		m.reopen(t)
		m.jobs[i] = m.settle(t, j, after)
		return
	}
	if version <= m.version {
		t.Fatalf("version %d was given after %d", version, m.version)
	}
	m.version = version
	m.jobs[i] = after
}

func (m *machine) commit(t *rapid.T) {
	i := m.pick(t, func(j *modelJob) bool { return j.prepared != nil })
	j := m.jobs[i]
	after := j.clone()
	after.pages, after.prepared, after.epoch, after.settled, after.floor = j.prepared, nil, j.next, true, j.nextFloor
	if m.died(t, j.job.Commit(j.next)) {
		m.reopen(t)
		after = m.settle(t, j, after)
	}
	m.jobs[i] = after
}

func (m *machine) rollback(t *rapid.T) {
	i := m.pick(t, func(*modelJob) bool { return true })
	j := m.jobs[i]
	after := j.clone()
	after.prepared, after.settled = nil, true
	if _, err := j.job.Rollback(); m.died(t, err) {
		m.reopen(t)
		after = m.settle(t, j, after)
	}
	m.jobs[i] = after
}

func (m *machine) deliver(t *rapid.T) {
	i := m.pick(t, func(j *modelJob) bool { return j.delivered < j.epoch })
	j := m.jobs[i]
	deliver := j.job.Delivered
	if rapid.Bool().Draw(t, "settled") {
		deliver = j.job.Settled
	}
	err := deliver(j.epoch, "sink")
	if !m.died(t, err) {
		j.delivered = j.epoch
		return
	}
	m.reopen(t)
	r, err := j.job.Recover()
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Sinks[0].Delivered; d != j.delivered && d != j.epoch {
		t.Fatalf("delivered %d after a crash, want %d or %d", d, j.delivered, j.epoch)
	}
	j.delivered = r.Sinks[0].Delivered
}

func (m *machine) update(t *rapid.T) {
	var after map[string]string
	err := m.s.Update(func(w *Writer) error {
		after = changes(t, m.catalog,
			func(k, v string) { w.Set([]byte(k), []byte(v)) }, func(k string) { w.Delete([]byte(k)) })
		return nil
	})
	if !m.died(t, err) {
		m.catalog = after
		return
	}
	m.reopen(t)
	got := map[string]string{}
	if err := m.s.Scan(nil, func(k, v []byte) error { got[string(k)] = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, m.catalog) && !maps.Equal(got, after) {
		t.Fatalf("after a crash the catalog is mixed: %s", cmp.Diff(after, got))
	}
	m.catalog = got
}

func eachOf(writes []Write) func(put func(Write) error) error {
	return func(put func(Write) error) error {
		for _, w := range writes {
			if err := put(w); err != nil {
				return err
			}
		}
		return nil
	}
}

// commitTables changes the tables, and sometimes the catalog with them.
func (m *machine) commitTables(t *rapid.T) {
	var writes []Write
	tables := changes(t, m.tables,
		func(k, v string) { writes = append(writes, Write{Space: pages, Key: []byte(k), Value: []byte(v)}) },
		func(k string) { writes = append(writes, Write{Space: pages, Key: []byte(k), Delete: true}) })
	catalog := m.catalog
	var change func(*Writer) error
	if rapid.Bool().Draw(t, "with the catalog") {
		change = func(w *Writer) error {
			catalog = changes(t, m.catalog,
				func(k, v string) { w.Set([]byte(k), []byte(v)) }, func(k string) { w.Delete([]byte(k)) })
			return nil
		}
	}
	c := TableChange{Settled: m.running == nil && rapid.IntRange(0, 4).Draw(t, "settled") == 0}
	log := m.log
	if c.Settled {
		log = nil
	}
	if rapid.Bool().Draw(t, "with an entry") {
		c.Log = []byte(strings.Repeat(rapid.StringMatching(`[a-z]`).Draw(t, "entry"), rapid.SampledFrom([]int{1, 20, 130, 600}).Draw(t, "its size")))
		log = append(slices.Clone(log), string(c.Log))
	}
	if len(c.Log) == 0 || rapid.Bool().Draw(t, "with writes") {
		c.Writes = eachOf(writes)
	} else {
		tables = m.tables
	}
	sn, err := m.s.Commit(c, change)
	if !m.died(t, err) {
		if m.held != nil {
			m.held.Close()
		}
		m.held, m.tables, m.catalog, m.log = sn, tables, catalog, log
		m.s.redo.wait.Wait()
		if m.dead { // while it made a segment
			m.reopen(t)
		}
		return
	}
	m.reopen(t)
	got := map[string]string{}
	if err := m.s.Scan(nil, func(k, v []byte) error { got[string(k)] = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	now := m.s.Snapshot(TablesID)
	defer now.Close()
	gotTables := pagesOf(t, now, TablesID)
	gotLog := entriesOf(t, now)
	before := maps.Equal(got, m.catalog) && maps.Equal(gotTables, m.tables) && slices.Equal(gotLog, m.log)
	after := maps.Equal(got, catalog) && maps.Equal(gotTables, tables) && slices.Equal(gotLog, log)
	if !before && !after {
		t.Fatalf("after a crash catalog, tables and log are mixed: %s %s %s", cmp.Diff(catalog, got), cmp.Diff(tables, gotTables), cmp.Diff(log, gotLog))
	}
	m.catalog, m.tables, m.log = got, gotTables, gotLog
}

// settling begins to settle the log, writes a piece, or ends it.
func (m *machine) settling(t *rapid.T) {
	if m.running == nil {
		p, err := m.s.Settle()
		if m.died(t, err) {
			m.reopen(t)
			return
		}
		m.running, m.next, m.settled = p, maps.Clone(m.pieces), len(m.log)
		return
	}
	var writes []Write
	next := changes(t, m.next, func(k, v string) { writes = append(writes, Write{Space: pieces, Key: []byte(k), Value: []byte(v)}) },
		func(k string) { writes = append(writes, Write{Space: pieces, Key: []byte(k), Delete: true}) })
	again := false // a key is in the pieces once
	for _, w := range writes {
		was, had := m.pieces[string(w.Key)]
		now, has := m.next[string(w.Key)]
		again = again || was != now || had != has
	}
	if !again && rapid.IntRange(0, 2).Draw(t, "a piece more") > 0 {
		if m.died(t, m.running.Put(writes)) {
			m.reopen(t)
			return
		}
		m.next = next
		return
	}
	if rapid.IntRange(0, 4).Draw(t, "abandon") == 0 {
		m.running.Abandon()
		m.running = nil
		return
	}
	sn, err := m.running.Finish()
	if m.died(t, err) {
		m.reopen(t)
		now := m.s.Snapshot(TablesID)
		defer now.Close()
		if got := entriesOf(t, now); len(got) == len(m.log) && m.settled > 0 || maps.Equal(spaceOf(t, now, TablesID, pieces), m.pieces) && m.settled == 0 {
			return // check compares the rest
		}
	} else {
		sn.Close()
	}
	m.running, m.pieces, m.log = nil, m.next, m.log[m.settled:]
}

func (m *machine) drop(t *rapid.T) {
	i := m.pick(t, func(*modelJob) bool { return true })
	j := m.jobs[i]
	if m.died(t, m.s.DropJob(j.job.ID())) {
		m.reopen(t)
		if slices.Contains(m.s.Jobs(), j.job.ID()) {
			j.settled = false
			return // the drop is undone
		}
	}
	m.s.sweeping.Wait()
	if m.dead {
		m.reopen(t)
	}
	n := 0
	if err := m.s.scan(1<<62, appendID(nil, j.job.ID()), func(_, _ []byte) error { n++; return nil }); err != nil || n != 0 {
		t.Fatalf("%d keys of a dropped job are left, %v", n, err)
	}
	m.jobs = slices.Delete(m.jobs, i, i+1)
	m.steps = 0
	m.add(t)
}

func (m *machine) read(t *rapid.T) {
	if len(m.reads) > 4 {
		t.Skip("enough reads are open")
	}
	r := openRead{sn: m.s.Snapshot(), want: map[ID]map[string]string{}, log: slices.Clone(m.log), pieces: maps.Clone(m.pieces)}
	for _, j := range m.jobs {
		r.want[j.job.ID()] = maps.Clone(j.pages)
	}
	r.want[TablesID] = maps.Clone(m.tables)
	m.reads = append(m.reads, r)
}

func (m *machine) endRead(t *rapid.T) {
	if len(m.reads) == 0 {
		t.Skip("no read is open")
	}
	i := rapid.IntRange(0, len(m.reads)-1).Draw(t, "read")
	m.reads[i].sn.Close()
	m.reads = slices.Delete(m.reads, i, i+1)
}

// compact makes Badger write its memory out and merge its tables, which is when
// versions are discarded. What is written here fills the memory, and is nobody's.
func (m *machine) compact(t *rapid.T) {
	db := m.first.db
	for range 3 {
		b := db.NewManagedWriteBatch()
		for i := range testMemTable >> 10 {
			key := fmt.Appendf(appendID(nil, ID{0xee}), "%d", i)
			if err := b.SetEntryAt(badger.NewEntry(key, make([]byte, 1<<10)), 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Flatten(1); err != nil {
		t.Fatal(err)
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		defer func() {
			m.s.sweeping.Wait()
			if err := errors.Join(m.s.redo.close(), os.RemoveAll(m.redo)); err != nil {
				t.Error(err)
			}
			m.first.redo = nil // closed by reopen, or just now
			if err := m.first.Close(); err != nil {
				t.Error(err)
			}
		}()
		t.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"prepare":  m.prepare,
			"commit":   m.commit,
			"rollback": m.rollback,
			"deliver":  m.deliver,
			"update":   m.update,
			"tables":   m.commitTables,
			"settling": m.settling,
			"drop":     m.drop,
			"read":     m.read,
			"end read": m.endRead,
			"compact":  m.compact,
			"crash":    m.reopen,
			"die soon": func(t *rapid.T) { m.steps = rapid.IntRange(1, 8).Draw(t, "steps") },
		})
	})
}
