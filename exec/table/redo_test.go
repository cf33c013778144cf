package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// rowsOf are the rows of a snapshot as a map shows them.
func rowsOf(t *testing.T, s *Snapshot, d *Desc) map[int64]account {
	t.Helper()
	rows, _ := read(t, s, d, ScanSpec{})
	m := map[int64]account{}
	for _, r := range rows {
		m[r.id] = r
	}
	if len(m) != len(rows) {
		t.Fatalf("%d rows with %d ids", len(rows), len(m))
	}
	// By the index, one by one, what the rows say.
	byKey, _ := read(t, s, d, ScanSpec{Index: d.Relation.Table.Indexes[0]})
	if len(byKey) != len(rows) {
		t.Fatalf("%d rows by the key, %d in the table", len(byKey), len(rows))
	}
	return m
}

// removeAccount deletes a row by its key.
func removeAccount(ctx context.Context, x *Txn, d *Desc, id int64) error {
	s := x.Statement()
	defer s.Close()
	b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
	if err := s.Scan(d, ScanSpec{Columns: []int{3}, Index: d.Relation.Table.Indexes[0], Points: point(id)}).Next(ctx, b); err != nil {
		return err
	}
	ids := b.Cols[0].(*vec.Fixed[int64]).Values
	if err := x.Lock(ctx, s, d, ids, ForUpdate, Block, make([]LockResult, 1)); err != nil {
		return err
	}
	return x.Delete(ctx, s, d, ids, nil)
}

func same(t *testing.T, what string, got, want map[int64]account) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
}

// TestRedo commits at random, small and large, writes the pages at random, and
// opens the store again without an orderly end, as after a crash: what was
// committed is there. Snapshots of before go on seeing what they saw while the
// budget drops their pages, and every version that is held can be read again.
func TestRedo(t *testing.T) {
	t.Run("memory", func(t *testing.T) { testRedo(t, state.Options{InMemory: true}) })
	t.Run("disk", func(t *testing.T) { testRedo(t, state.Options{Dir: t.TempDir()}) })
}

func testRedo(t *testing.T, o state.Options) {
	s, err := state.Open(o)
	ok(t, err)
	d := accounts(16384)
	open := func() *Tables {
		tables, err := Open(s, Options{Budget: 48 << 10, Known: func(storage uint32) bool { return storage < 16390 }})
		ok(t, err)
		tables.piece = 16 << 10
		tables.behind.Store(true) // the test itself says when pages are written
		return tables
	}
	tables := open()
	j := s.Job(state.NewID())
	_, err = j.Rollback()
	ok(t, err)
	r := rand.New(rand.NewPCG(3, 4))
	want := map[int64]account{}
	next := int64(0)
	ctx := context.Background()
	type past struct {
		snap *Snapshot
		rows map[int64]account
	}
	var held []past
	keepUp := func() {
		for _, p := range held {
			same(t, "an older snapshot", rowsOf(t, p.snap, d), p.rows)
		}
	}
	commit := func() {
		x := tables.Begin()
		var rows []account
		for range []int{1, 3, 300}[r.IntN(3)] {
			next++
			a := account{next, strings.Repeat("x", r.IntN(300)), r.Int64N(100)}
			rows, want[next] = append(rows, a), a
		}
		if r.IntN(40) == 0 { // more than an entry may have, and than one value of the store
			next++
			a := account{next, strings.Repeat("long ", 450_000), 7}
			rows, want[next] = append(rows, a), a
		}
		if r.IntN(10) == 0 { // an entry of several chunks
			next++
			a := account{next, strings.Repeat("longer ", 60_000), 8}
			rows, want[next] = append(rows, a), a
		}
		ok(t, insert(x, d, rows...))
		for range r.IntN(40) {
			id := 1 + r.Int64N(next)
			a, there := want[id]
			switch {
			case !there:
			case r.IntN(2) == 0:
				ok(t, change(ctx, x, d, id, func(account) account { a.n++; return a }))
				want[id] = a
			default:
				ok(t, removeAccount(ctx, x, d, id))
				delete(want, id)
			}
		}
		ok(t, x.Commit(ctx, nil))
	}
	for round := range 60 {
		commit()
		switch r.IntN(8) {
		case 0:
			ok(t, tables.flush())
		case 3, 4: // with commits beside it
			f, err := tables.beginFlush()
			ok(t, err)
			go f.write(nil)
			for range r.IntN(4) {
				commit()
			}
			<-f.written
			if tables.flushing == f && r.IntN(4) == 0 {
				f.err = errors.New("as if a piece had failed")
				if err := f.end(); !errors.Is(err, f.err) {
					t.Fatalf("a flush that failed ends with %v", err)
				}
				break
			}
			ok(t, f.end())
		case 1:
			keepUp()
			for _, p := range held {
				p.snap.Close()
			}
			held = nil
			version := tables.Version()
			before := maps.Clone(want)
			e := j.Next()
			_, err := j.Prepare(e, &state.Batch{}, state.Progress{Follows: version})
			ok(t, errors.Join(err, j.Commit(e)))
			tables.sweeps.Wait()
			if r.IntN(2) == 0 { // in the midst of a flush
				f, err := tables.beginFlush()
				ok(t, err)
				f.write(nil)
				f.settling.Abandon()
				tables.release(f.base)
			}
			tables.cancel()
			tables.release(tables.current)
			if !o.InMemory {
				ok(t, s.Close())
				s, err = state.Open(o)
				ok(t, err)
				j = s.Job(j.ID())
				_, err = j.Rollback()
				ok(t, err)
			}
			tables = open()
			same(t, fmt.Sprint("after start ", round), rowsOf(t, tables.Latest(), d), want)
			x := tables.Begin()
			next++
			want[next] = account{next, "after a start", 1}
			ok(t, insert(x, d, want[next]))
			ok(t, x.Commit(ctx, nil))
			if r.IntN(2) == 0 {
				ok(t, tables.flush())
			}
			old, err := tables.rootsAt(s.Job(j.ID()), d.storage, version)
			ok(t, err)
			seen := map[int64]account{}
			got, _ := read(t, &Snapshot{t: tables, base: old}, d, ScanSpec{})
			for _, a := range got {
				seen[a.id] = a
			}
			same(t, "the version that a job holds", seen, before)
			tables.release(old)
		case 2:
			held = append(held, past{tables.Latest(), maps.Clone(want)})
		}
		snap := tables.Latest()
		same(t, fmt.Sprint("round ", round), rowsOf(t, snap, d), want)
		snap.Close()
		keepUp()
		if n := tables.Rows(d); n != int64(len(want)) {
			t.Fatalf("round %d: %d rows are counted, want %d", round, n, len(want))
		}
	}
	for _, p := range held {
		p.snap.Close()
	}
	ok(t, tables.Close())
	if tables.cache.bytes != 0 || tables.cache.waiting.Load() != 0 {
		t.Errorf("%d bytes of pages are counted after the end, %d of them unwritten", tables.cache.bytes, tables.cache.waiting.Load())
	}
	tables = open()
	if tables.redo.bytes != 0 {
		t.Errorf("after an orderly end the log has %d bytes", tables.redo.bytes)
	}
	ok(t, errors.Join(tables.Close(), s.Close()))
}

// TestOlderLog: what a directory of format 3 has in its log is there after a start,
// before what is committed then, and after the pages are written.
func TestOlderLog(t *testing.T) {
	s, err := state.Open(state.Options{InMemory: true})
	ok(t, err)
	defer s.Close()
	d := accounts(16384)
	ctx := context.Background()
	want := map[int64]account{}
	start := func() *Tables {
		tables, err := Open(s, Options{})
		ok(t, err)
		same(t, "after a start", rowsOf(t, tables.Latest(), d), want)
		return tables
	}
	tables := start()
	add := func(rows ...account) *Txn {
		x := tables.Begin()
		ok(t, insert(x, d, rows...))
		for _, r := range rows {
			want[r.id] = r
		}
		return x
	}
	ok(t, add(account{1, "in a page", 1}).Commit(ctx, nil))
	ok(t, tables.flush())

	// As format 3 has written what a transaction changes: here, in two chunks, and
	// behind them one of an era before.
	x := add(account{2, "in the older log", 2}, account{3, "too", 3})
	w := tables.newWork(tables.current)
	for _, o := range x.over {
		ok(t, w.record(o))
	}
	x.Rollback()
	chunk := func(number, era, more byte, part []byte) state.Write {
		return state.Write{
			Space: state.Space{Operator: olderStorage, Shard: olderLog},
			Key:   []byte{0, 0, 0, 0, 0, 0, 0, number}, Value: append([]byte{era, more}, part...),
		}
	}
	sn, err := s.Commit(state.TableChange{Writes: func(put func(state.Write) error) error {
		return errors.Join(
			put(state.Write{Space: state.Space{Operator: olderStorage, Shard: olderEra}, Value: []byte{9}}),
			put(chunk(0, 9, olderMore, w.log[:20])), put(chunk(1, 9, 0, w.log[20:])), put(chunk(2, 8, 0, []byte("of no use"))))
	}}, nil)
	ok(t, err)
	sn.Close()

	tables = start()
	ok(t, add(account{4, "in the log", 4}).Commit(ctx, nil))
	tables = start()
	ok(t, tables.flush())
	if tables.redo.older {
		t.Error("the older log goes on after the pages were written")
	}
	ok(t, add(account{5, "after that", 5}).Commit(ctx, nil))
	tables = start()
	ok(t, tables.Close())
}
