package exec

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// waitReaders waits until a topic has n readers.
func (t *topic) waitReaders(ctx context.Context, n int) error {
	for {
		t.mu.Lock()
		got, changed := t.readers, t.changed
		t.mu.Unlock()
		if got == n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d readers, want %d", got, n)
		}
	}
}

func TestLiveQueriesShareAReader(t *testing.T) {
	f := newFixture(t)
	r := f.stream("s")
	s := f.topics.topic("s")
	s.addRows(0, 0, 10)
	var cursors []*Cursor
	var roots []plan.Node
	for i := range 4 {
		in := scanOf(r)
		if i > 0 { // the columns that they read differ
			in.Columns, in.Fields = in.Columns[i%2:i%2+1], in.Fields[i%2:i%2+1]
		}
		c := f.query(&plan.Query{Root: in, Live: true}, testEnv())
		cursors, roots = append(cursors, c), append(roots, in)
		if got := f.rows(c, in, 10); len(got) != 10 {
			t.Fatalf("query %d: %d rows, want 10", i, len(got))
		}
	}
	if err := s.waitReaders(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	s.addRows(0, 10, 20)
	s.addRows(1, 20, 30) // a new split
	for i, c := range cursors {
		got := f.rows(c, roots[i], 20)
		slices.Sort(got)
		want := map[int]string{0: "10|n10", 1: "n10", 2: "10", 3: "n10"}[i]
		if len(got) != 20 || got[0] != want {
			t.Errorf("query %d: %q, want 20 rows from %s", i, got, want)
		}
	}
	for _, c := range cursors {
		c.Close()
	}
	if err := s.waitReaders(f.context(), 0); err != nil {
		t.Error(err)
	}
}

// TestSlowMemberLosesNothing lets one of two queries read nothing while far more
// comes than may wait for it; it then reads all, in order.
func TestSlowMemberLosesNothing(t *testing.T) {
	f := newFixture(t)
	in := scanOf(f.stream("s"))
	s := f.topics.topic("s")
	s.batch = 3
	s.addRows(0, 0, 10)
	slow := f.query(&plan.Query{Root: in, Live: true}, testEnv())
	fast := f.query(&plan.Query{Root: in, Live: true}, testEnv())
	var got, want []string
	got = append(got, f.rows(slow, in, 10)...)
	f.rows(fast, in, 10)
	if err := s.waitReaders(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	for i := 10; i < 1000; i += 10 {
		s.addRows(0, i, i+10)
		f.rows(fast, in, 10)
	}
	for i := range 1000 {
		want = append(want, fmt.Sprintf("%d|n%d", i, i))
	}
	got = append(got, f.rows(slow, in, 1000-len(got))...)
	if !slices.Equal(got, want) {
		t.Errorf("the slow query has %d rows, want %d in order", len(got), len(want))
	}
	if err := s.waitReaders(f.context(), 1); err != nil {
		t.Errorf("after it has caught up: %v", err)
	}
}

// TestShareOfLatest has queries over a stream that begins at its latest records
// share a reader: it goes on where they are, not at what is the latest by then.
func TestShareOfLatest(t *testing.T) {
	f := newFixture(t)
	in := scanOf(f.stream("s", catalog.Option{Key: "latest", Value: "true"}))
	s := f.topics.topic("s")
	s.addRows(0, 0, 10)
	s.opening = func(n int) {
		if n == 3 { // the shared one
			s.addRows(0, 11, 12)
		}
	}
	var cursors []*Cursor
	for range 2 {
		cursors = append(cursors, f.query(&plan.Query{Root: in, Live: true}, testEnv()))
	}
	var got [2][]string
	var all sync.WaitGroup
	for i, c := range cursors {
		all.Go(func() {
			var err error
			if got[i], err = tryRows(f.context(), c, in, 2); err != nil {
				t.Error(err)
			}
		})
	}
	if err := s.waitReaders(f.context(), 2); err != nil {
		t.Error(err)
	}
	s.addRows(0, 10, 11)
	all.Wait()
	for i := range got {
		equal(t, fmt.Sprint("query ", i), got[i], []string{"10|n10", "11|n11"})
	}
}

// TestBadValueConcernsItsReaders has two queries share a reader when a record
// comes whose second value does not decode: it is bad for the one that reads that
// value, and the other has its row, as it has alone.
func TestBadValueConcernsItsReaders(t *testing.T) {
	for _, policy := range []string{"fail", "skip"} {
		t.Run(policy, func(t *testing.T) {
			f := newFixture(t)
			r := f.stream("s", catalog.Option{Key: "on_error", Value: policy})
			s := f.topics.topic("s")
			s.badIn, s.batch = 1, 1
			s.addRows(0, 0, 10)
			ids, names := scanOf(r), scanOf(r)
			ids.Columns, ids.Fields = ids.Columns[:1], ids.Fields[:1]
			names.Columns, names.Fields = names.Columns[1:], names.Fields[1:]
			sound := f.query(&plan.Query{Root: ids, Live: true}, testEnv())
			broken := f.query(&plan.Query{Root: names, Live: true}, testEnv())
			f.rows(sound, ids, 10)
			f.rows(broken, names, 10)
			if policy == "fail" {
				if err := s.waitReaders(f.context(), 1); err != nil {
					t.Fatal(err)
				}
			}
			s.mu.Lock()
			s.bad[12] = true
			s.mu.Unlock()
			s.addRows(0, 10, 15)
			equal(t, "who does not read the value", f.rows(sound, ids, 5), []string{"10", "11", "12", "13", "14"})
			want := []string{"n10", "n11", "n13", "n14"}
			if policy == "skip" {
				equal(t, "who reads it", f.rows(broken, names, 4), want)
				return
			}
			equal(t, "who reads it", f.rows(broken, names, 2), want[:2])
			if _, err := tryRows(f.context(), broken, names, 1); sqlerr.CodeOf(err) != sqlerr.InvalidTextRepresentation {
				t.Errorf("who reads it: %v, want 22P02", err)
			}
			s.addRows(0, 15, 16)
			equal(t, "who does not read the value", f.rows(sound, ids, 1), []string{"15"})
		})
	}
}

// TestFirstMemberIsLetIn: a share does not end for want of members before the
// one that made it has joined.
func TestFirstMemberIsLetIn(t *testing.T) {
	f := newFixture(t)
	f.stream("s")
	at := map[stream.Split]stream.Offset{"0": stream.Offset("0")}
	in := scanOf(f.catalog.Snapshot().Relation("public", "s"))
	var scans []*scan
	for range 2 {
		s, err := newScan(f.Engine, in, testEnv(), false)
		if err != nil {
			t.Fatal(err)
		}
		f.sharing.enter(s)
		scans = append(scans, s)
	}
	for i := range 1000 {
		m := f.sharing.join(f.Engine, scans[0], at)
		if m == nil {
			t.Fatalf("join %d: the one who made a share was not let in", i)
		}
		m.leave()
		f.sharing.wait.Wait()
	}
}

// TestShareOpensWithoutALock has the shared reader take long to open, as one does
// whose broker is away: queries end, and others begin, meanwhile.
func TestShareOpensWithoutALock(t *testing.T) {
	f := newFixture(t)
	in, other := scanOf(f.stream("s")), scanOf(f.stream("other"))
	s := f.topics.topic("s")
	s.addRows(0, 0, 10)
	f.topics.topic("other").addRows(0, 0, 10)
	opening, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	s.opening = func(n int) {
		if n == 3 { // the shared one
			close(opening)
			<-release
		}
	}
	var cursors []*Cursor
	for range 2 {
		c := f.query(&plan.Query{Root: in, Live: true}, testEnv())
		f.rows(c, in, 10)
		cursors = append(cursors, c)
	}
	within := func(what string, do func()) {
		t.Helper()
		done := make(chan struct{})
		go func() {
			defer close(done)
			do()
		}()
		select {
		case <-done:
		case <-time.After(limit / 4):
			t.Fatalf("%s waits for a reader to open", what)
		}
	}
	within("the share", func() { <-opening })
	within("the end of a query", func() { cursors[0].Close() })
	within("another query", func() {
		if _, err := tryRows(f.context(), f.query(&plan.Query{Root: other, Live: true}, testEnv()), other, 10); err != nil {
			t.Error(err)
		}
	})
}
