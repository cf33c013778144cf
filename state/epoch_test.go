package state

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var pages = Space{Operator: 7, Shard: 3}

func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// begun is a job that is new.
func begun(t *testing.T, s *Store) *Job {
	t.Helper()
	j := s.Job(NewID())
	_, err := j.Rollback()
	ok(t, err)
	return j
}

// prepare writes "key value" pairs; a value of "-" deletes.
func prepare(t *testing.T, j *Job, epoch uint64, pairs ...string) {
	t.Helper()
	var b Batch
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "-" {
			b.Delete(pages, []byte(pairs[i]))
		} else {
			b.Set(pages, []byte(pairs[i]), []byte(pairs[i+1]))
		}
	}
	_, err := j.Prepare(epoch, &b, Progress{})
	ok(t, err)
}

// content is what a snapshot has of a job's pages.
func content(t *testing.T, sn *Snapshot, j *Job) string {
	t.Helper()
	got := ""
	ok(t, sn.Scan(j.ID(), pages, nil, nil, func(k, v []byte) error {
		got += fmt.Sprintf("%s=%s ", k, v)
		return nil
	}))
	return got
}

func committed(t *testing.T, s *Store, j *Job) string {
	t.Helper()
	sn := s.Snapshot(j.ID())
	defer sn.Close()
	return content(t, sn, j)
}

func TestEpochShowsWhenCommitted(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := begun(t, s)
		prepare(t, j, 1, "a", "1", "b", "1")
		expect(t, "before the first commit", committed(t, s, j), "")
		running := j.Running()
		defer running.Close()
		expect(t, "as its operators read", content(t, running, j), "a=1 b=1 ")
		ok(t, j.Commit(1))
		expect(t, "committed", committed(t, s, j), "a=1 b=1 ")

		past := s.Snapshot()
		defer past.Close()
		prepare(t, j, 2, "a", "2", "b", "-", "c", "2")
		expect(t, "while prepared", committed(t, s, j), "a=1 b=1 ")
		ok(t, j.Commit(2))
		ok(t, j.Commit(2))
		expect(t, "committed", committed(t, s, j), "a=2 c=2 ")
		expect(t, "a snapshot of before", content(t, past, j), "a=1 b=1 ")

		value, found, err := past.Get(j.ID(), pages, []byte("b"), []byte("x"))
		if string(value) != "x1" || !found || err != nil {
			t.Errorf("Get b: %q %v %v", value, found, err)
		}
		if _, found, err = past.Get(j.ID(), pages, []byte("c"), nil); found || err != nil {
			t.Errorf("Get c: %v %v, want nothing", found, err)
		}
	})
}

func TestScanKeepsToItsRange(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := begun(t, s)
		var b Batch
		for shard := range uint16(3) {
			for _, k := range []string{"a", "b", "c", "d"} {
				b.Set(Space{Operator: 7, Shard: shard}, []byte(k), fmt.Appendf(nil, "%d", shard))
			}
		}
		b.Set(Space{Operator: 8}, []byte("b"), []byte("x"))
		_, err := j.Prepare(1, &b, Progress{})
		ok(t, err)
		ok(t, j.Commit(1))
		sn := s.Snapshot(j.ID())
		defer sn.Close()
		got := ""
		ok(t, sn.Scan(j.ID(), Space{7, 1}, []byte("b"), []byte("d"), func(k, v []byte) error {
			got += string(k) + string(v) + " "
			return nil
		}))
		expect(t, "[b, d) of shard 1", got, "b1 c1 ")
		n := 0
		ok(t, sn.Scan(j.ID(), Space{7, 1}, nil, nil, func(_, _ []byte) error { n++; return ErrStop }))
		expect(t, "keys before ErrStop", n, 1)
		boom := errors.New("boom")
		if err := sn.Scan(j.ID(), Space{7, 1}, nil, nil, func(_, _ []byte) error { return boom }); !errors.Is(err, boom) {
			t.Errorf("Scan: %v, want boom", err)
		}
	})
}

// TestKeysAfterOthers: a key that goes with the one before it is looked for where that is there.
func TestKeysAfterOthers(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := begun(t, s)
		prepare(t, j, 1, "a", "1", "b", "2", "d", "4", "e", "5")
		ok(t, j.Commit(1))
		sn := s.Snapshot(j.ID())
		defer sn.Close()
		keys := [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("d"), []byte("e")}
		for _, c := range []struct {
			name  string
			after func(i int) bool
			want  string
		}{
			{"each", nil, "0=1 1=2 3=4 4=5 "},
			{"d after c", func(i int) bool { return i == 3 }, "0=1 1=2 4=5 "},
			{"e after d after c", func(i int) bool { return i >= 3 }, "0=1 1=2 "},
			{"a and b after others", func(i int) bool { return i < 2 }, "0=1 1=2 3=4 4=5 "},
		} {
			got := ""
			ok(t, sn.GetEach(j.ID(), pages, keys, c.after, func(i int, v []byte) error {
				got += fmt.Sprintf("%d=%s ", i, v)
				return nil
			}))
			expect(t, c.name, got, c.want)
		}
	})
}

func TestRollback(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := begun(t, s)
		prepare(t, j, 1, "a", "1", "b", "1")
		ok(t, j.Commit(1))
		prepare(t, j, 2, "a", "2", "b", "-", "c", "2")
		next, err := j.Rollback()
		ok(t, err)
		expect(t, "rolled back", committed(t, s, j), "a=1 b=1 ")
		running := j.Running()
		expect(t, "as its operators read", content(t, running, j), "a=1 b=1 ")
		running.Close()
		if next < 3 || j.Next() != next {
			t.Errorf("the next epoch is %d, %d; 2 was used, and 3 may have been", next, j.Next())
		}
		if err := j.Commit(2); err == nil {
			t.Error("an epoch was committed after its rollback")
		}
		again, err := j.Rollback()
		ok(t, err)
		if again <= next {
			t.Errorf("the next epoch is %d after %d", again, next)
		}
		expect(t, "rolled back again", committed(t, s, j), "a=1 b=1 ")
		prepare(t, j, again, "c", "3")
		ok(t, j.Commit(again))
		expect(t, "committed after it", committed(t, s, j), "a=1 b=1 c=3 ")
	})
}

func TestOrderOfCalls(t *testing.T) {
	s := open(t, Options{InMemory: true})
	j := s.Job(NewID())
	if _, err := j.Prepare(1, nil, Progress{}); !errors.Is(err, ErrUndecided) {
		t.Errorf("Prepare before a start was decided: %v, want ErrUndecided", err)
	}
	_, err := j.Rollback()
	ok(t, err)
	expect(t, "the first epoch", j.Next(), 1)
	if err := j.Commit(1); err == nil {
		t.Error("an epoch that was never prepared was committed")
	}
	prepare(t, j, 1)
	if _, err := j.Prepare(2, nil, Progress{}); !errors.Is(err, ErrUndecided) {
		t.Errorf("Prepare over a prepared epoch: %v, want ErrUndecided", err)
	}
	if err := j.Commit(2); err == nil {
		t.Error("another epoch than the prepared was committed")
	}
	if err := j.Delivered(1, "sink"); err == nil {
		t.Error("an epoch was delivered before its commit")
	}
	ok(t, j.Commit(1))
	if _, err := j.Prepare(1, nil, Progress{}); err == nil {
		t.Error("an epoch was prepared twice")
	}
	var b Batch
	b.Set(pages, []byte("k"), make([]byte, MaxValue+1))
	var size *SizeError
	if _, err := j.Prepare(2, &b, Progress{}); !errors.As(err, &size) {
		t.Errorf("Prepare of a huge value: %v, want a SizeError", err)
	}
	b.Reset()
	b.Set(pages, []byte("k"), make([]byte, MaxValue))
	_, err = j.Prepare(2, &b, Progress{})
	ok(t, err)
}

func TestProgressAndTokens(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := begun(t, s)
		write := func(epoch uint64, p Progress) {
			t.Helper()
			_, err := j.Prepare(epoch, nil, p)
			ok(t, err)
		}
		write(1, Progress{
			Positions:  []Position{{"public.a", "0", []byte("10")}, {"public.a", "1", []byte{}}, {"public.ab", "0", []byte("20")}},
			Watermarks: []Watermark{{"public.a", "0", -5}},
			Tokens:     []Token{{"x", []byte("x1")}, {"y", []byte("y1")}},
		})
		ok(t, j.Commit(1))
		write(2, Progress{
			Positions:  []Position{{"public.a", "0", []byte("11")}, {"public.ab", "0", nil}},
			Watermarks: []Watermark{{"public.a", "0", 7}},
			Tokens:     []Token{{"x", []byte("x2")}},
		})
		p, err := j.Progress()
		ok(t, err)
		expect(t, "progress while epoch 2 is prepared", p, Progress{
			Positions:  []Position{{"public.a", "0", []byte("10")}, {"public.a", "1", []byte{}}, {"public.ab", "0", []byte("20")}},
			Watermarks: []Watermark{{"public.a", "0", -5}},
		})
		r, err := j.Recover()
		ok(t, err)
		v := r.Version
		expect(t, "recovery while epoch 2 is prepared", r, Recovery{
			Epoch: 1, Version: v,
			Prepared: &Prepared{Epoch: 2, Version: r.Prepared.Version, Tokens: []Token{{"x", []byte("x2")}}},
			Sinks: []SinkRecovery{
				{Sink: "x", Tokens: []EpochToken{{1, []byte("x1")}}},
				{Sink: "y", Tokens: []EpochToken{{1, []byte("y1")}}},
			},
		})
		ok(t, j.Commit(2))
		ok(t, j.Delivered(1, "x", "y"))
		ok(t, j.Settled(2, "x"))
		ok(t, j.Settled(1, "x")) // changes nothing
		p, err = j.Progress()
		ok(t, err)
		expect(t, "progress of epoch 2", p, Progress{
			Positions:  []Position{{"public.a", "0", []byte("11")}, {"public.a", "1", []byte{}}},
			Watermarks: []Watermark{{"public.a", "0", 7}},
		})
		r, err = j.Recover()
		ok(t, err)
		expect(t, "sinks", r.Sinks, []SinkRecovery{
			{Sink: "x", Delivered: 2, Tokens: []EpochToken{{2, []byte("x2")}}},
			{Sink: "y", Delivered: 1, Tokens: []EpochToken{{1, []byte("y1")}}},
		})

		// Tokens that nobody needs go with the next epoch, and a rollback of it
		// brings them back.
		count := func() int {
			tokens, err := j.tokens(j.r.version)
			ok(t, err)
			n := 0
			for _, ts := range tokens {
				n += len(ts)
			}
			return n
		}
		expect(t, "tokens of epochs 1 and 2", count(), 3)
		write(3, Progress{Tokens: []Token{{"y", []byte("y3")}}})
		next, err := j.Rollback()
		ok(t, err)
		expect(t, "tokens after the rollback", count(), 3)
		_, err = j.Recover()
		ok(t, err)
		write(next, Progress{Tokens: []Token{{"y", []byte("y9")}}})
		ok(t, j.Commit(next))
		expect(t, "x2, y1, y9", count(), 3)
		ok(t, j.Delivered(next, "y"))
		write(next+1, Progress{})
		ok(t, j.Commit(next+1))
		expect(t, "x2, y9", count(), 2)
	})
}

// TestReopenFindsEachState closes the store with a job in each state.
func TestReopenFindsEachState(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	done, ready, fresh := begun(t, s), begun(t, s), begun(t, s)
	prepare(t, done, 1, "a", "1")
	ok(t, done.Commit(1))
	ok(t, done.Delivered(1, "sink"))
	prepare(t, ready, 1, "a", "1")
	ok(t, ready.Commit(1))
	prepare(t, ready, 2, "a", "2")
	version := ready.r.prepared.version
	before := s.newest()
	ok(t, s.Close())

	s = open(t, Options{Dir: dir})
	done, ready, fresh = s.Job(done.ID()), s.Job(ready.ID()), s.Job(fresh.ID())
	expect(t, "number of jobs", len(s.Jobs()), 3)
	r, err := done.Recover()
	ok(t, err)
	expect(t, "committed", r, Recovery{Epoch: 1, Version: r.Version, Sinks: []SinkRecovery{{Sink: "sink", Delivered: 1}}})
	r, err = ready.Recover()
	ok(t, err)
	expect(t, "prepared", r, Recovery{Epoch: 1, Version: r.Version, Prepared: &Prepared{Epoch: 2, Version: version}})
	r, err = fresh.Recover()
	ok(t, err)
	expect(t, "new", r, Recovery{Version: r.Version})
	if _, err := done.Prepare(2, nil, Progress{}); !errors.Is(err, ErrUndecided) {
		t.Errorf("Prepare before the start was decided: %v, want ErrUndecided", err)
	}
	ok(t, ready.Commit(2))
	expect(t, "decided", committed(t, s, ready), "a=2 ")
	next, err := done.Rollback()
	ok(t, err)
	if next <= 2 {
		t.Errorf("the next epoch is %d, and a sink may have seen 2", next)
	}
	if v := s.newest(); v <= before {
		t.Errorf("version %d was given after %d", v, before)
	}
}

func TestDropJob(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	j, other := begun(t, s), begun(t, s)
	for _, x := range []*Job{j, other} {
		prepare(t, x, 1, "a", "1", "b", "1")
		ok(t, x.Commit(1))
		ok(t, x.Delivered(1, "sink"))
	}
	prepare(t, j, 2, "c", "2")
	past := s.Snapshot()
	ok(t, s.DropJob(j.ID()))
	ok(t, s.DropJob(j.ID()))
	ok(t, s.DropJob(NewID()))
	if _, err := j.Rollback(); err == nil {
		t.Error("a dropped job was rolled back")
	}
	s.sweeping.Wait()
	expect(t, "an open snapshot", content(t, past, j), "a=1 b=1 ")
	past.Close()
	expect(t, "jobs", s.Jobs(), []ID{other.ID()})
	ok(t, s.Close())

	s = open(t, Options{Dir: dir})
	expect(t, "jobs", s.Jobs(), []ID{other.ID()})
	expect(t, "the other's", committed(t, s, s.Job(other.ID())), "a=1 b=1 ")
	n := 0
	ok(t, s.scan(1<<62, appendID(nil, j.ID()), func(_, _ []byte) error { n++; return nil }))
	expect(t, "keys left", n, 0)
}

// TestJobsShareSyncs lets the writes of many jobs queue up behind one.
func TestJobsShareSyncs(t *testing.T) {
	syncs := 0
	s := open(t, Options{Dir: t.TempDir(), syncLog: func(f *os.File) error {
		syncs++
		return f.Sync()
	}})
	const jobs = 16
	var all []*Job
	for range jobs {
		all = append(all, begun(t, s))
	}
	w := &s.writer
	w.mu.Lock()
	w.busy = true // as if a write were being synced
	w.mu.Unlock()
	var wait sync.WaitGroup
	for _, j := range all {
		wait.Go(func() {
			if _, err := j.Prepare(1, nil, Progress{Positions: []Position{{"s", "0", []byte("1")}}}); err != nil {
				t.Error(err)
			}
		})
	}
	var first *request
	for queued := 0; queued < jobs; runtime.Gosched() {
		w.mu.Lock()
		if queued = len(w.queue); queued > 0 {
			first = w.queue[0]
		}
		w.mu.Unlock()
	}
	before := syncs
	first.turn <- true
	wait.Wait()
	expect(t, "syncs", syncs-before, 1)
	for _, j := range all {
		ok(t, j.Commit(1))
		p, err := j.Progress()
		ok(t, err)
		expect(t, "positions", len(p.Positions), 1)
	}
}

func TestNoSpace(t *testing.T) {
	free := uint64(1 << 40)
	s := open(t, Options{Dir: t.TempDir(), free: func(string) (uint64, error) { return free, nil }})
	j := begun(t, s)
	free = reserve - 1
	_, err := j.Prepare(1, nil, Progress{Positions: []Position{{"s", "0", []byte("1")}}})
	var space *SpaceError
	if !errors.Is(err, ErrNoSpace) || !errors.As(err, &space) || space.Free != free || space.SQLState() != "53100" {
		t.Fatalf("Prepare on a full disk: %v, want ErrNoSpace, 53100", err)
	}
	if _, err := j.Rollback(); !errors.Is(err, ErrNoSpace) {
		t.Errorf("Rollback on a full disk: %v, want ErrNoSpace", err)
	}
	free = reserve
	next, err := j.Rollback()
	ok(t, err)
	prepare(t, j, next, "a", "1")
	ok(t, j.Commit(next))
	expect(t, "with space again", committed(t, s, j), "a=1 ")
}

// TestNoSpaceToOpen: a store whose files could not be mapped is not opened, and says so.
func TestNoSpaceToOpen(t *testing.T) {
	dir := t.TempDir()
	ok(t, open(t, Options{Dir: dir}).Close())
	_, err := Open(Options{Dir: dir, free: func(string) (uint64, error) { return openReserve - 1, nil }})
	var space *SpaceError
	if !errors.As(err, &space) || !strings.Contains(err.Error(), "has 31 MB free, and the state store opens only while there are 32 MB") {
		t.Errorf("Open on a full disk: %v, want 53100", err)
	}
	ok(t, open(t, Options{Dir: dir}).Close())
}

func TestFailureIsForGood(t *testing.T) {
	s := open(t, Options{InMemory: true})
	j := begun(t, s)
	boom := errors.New("input/output error")
	if err := s.writer.fail(boom); !errors.Is(err, ErrFailed) || !errors.Is(err, boom) {
		t.Fatalf("%v, want ErrFailed of boom", err)
	}
	if _, err := j.Prepare(1, nil, Progress{Positions: []Position{{"s", "0", []byte("1")}}}); !errors.Is(err, ErrFailed) {
		t.Errorf("Prepare: %v, want ErrFailed", err)
	}
	err := s.Update(func(w *Writer) error { w.Set([]byte("k"), nil); return nil })
	if !errors.Is(err, ErrFailed) {
		t.Errorf("Update: %v, want ErrFailed", err)
	}
	var coded interface{ SQLState() string }
	if !errors.As(err, &coded) || coded.SQLState() != "58030" || !strings.Contains(err.Error(), boom.Error()) {
		t.Errorf("Update: %v, want io_error with its cause", err)
	}
}

func TestDropOfAnUnknownJob(t *testing.T) {
	s := open(t, Options{InMemory: true})
	before := len(s.jobs)
	ok(t, s.DropJob(ID{1, 2, 3}))
	if len(s.jobs) != before {
		t.Errorf("%d records after dropping a job that never was, want %d", len(s.jobs), before)
	}
}

// TestDiscardVersion follows the rule of what must be kept.
func TestDiscardVersion(t *testing.T) {
	s := open(t, Options{InMemory: true})
	discard := func() uint64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.discard
	}
	a, b := begun(t, s), begun(t, s)
	prepare(t, a, 1, "k", "1")
	ok(t, a.Commit(1))
	if d := discard(); d < a.r.version {
		t.Errorf("all is decided, and %d is kept; version %d is committed", d, a.r.version)
	}
	prepare(t, a, 2, "k", "2")
	expect(t, "an undecided epoch keeps its job's committed version", discard(), a.r.version)
	prepare(t, b, 1, "k", "1")
	ok(t, b.Commit(1))
	expect(t, "whatever others commit", discard(), a.r.version)
	ok(t, a.Commit(2))
	if d := discard(); d < b.r.version {
		t.Errorf("all is decided again, and %d is kept", d)
	}
	sn := s.Snapshot(b.ID())
	version := sn.Version(b.ID())
	prepare(t, b, 2, "k", "2")
	ok(t, b.Commit(2))
	expect(t, "an open read keeps its versions", discard(), version)
	sn.Close()
	sn.Close()
	if d := discard(); d < b.r.version {
		t.Errorf("the read has ended, and %d is kept", d)
	}
}
