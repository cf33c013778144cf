package table

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestCommitBetweenPieces: the pages are written piece by piece, and a commit gets
// through between any two of them, while the flush stands still.
// What it has changed is there before the flush has ended, after it, and after a start.
func TestCommitBetweenPieces(t *testing.T) {
	o := state.Options{Dir: t.TempDir()}
	s, err := state.Open(o)
	ok(t, err)
	tables, err := Open(s, Options{})
	ok(t, err)
	tables.piece = 2 << 10
	d := accounts(16384)
	ctx := context.Background()
	want := map[int64]account{}
	add := func(rows ...account) {
		t.Helper()
		x := tables.Begin()
		ok(t, insert(x, d, rows...))
		ok(t, x.Commit(ctx, nil))
		for _, a := range rows {
			want[a.id] = a
		}
	}
	const rows = 2000
	for i := range int64(rows) {
		add(account{2 * i, strings.Repeat("x", 200), i})
	}
	f, err := tables.beginFlush()
	ok(t, err)
	between := 0
	f.write(func() {
		between++
		id := int64(2*between%rows + 1)
		add(account{id, fmt.Sprint("between pieces ", between), 0})
		x := tables.Begin()
		ok(t, change(ctx, x, d, id-1, func(a account) account { a.n = -1; return a }))
		ok(t, x.Commit(ctx, nil))
		a := want[id-1]
		a.n = -1
		want[id-1] = a
		snap := tables.Latest()
		defer snap.Close()
		same(t, "during the flush", rowsOf(t, snap, d), want)
	})
	if between < 5 {
		t.Fatalf("the flush had %d pieces", between)
	}
	ok(t, f.end())
	snap := tables.Latest()
	same(t, "after the flush", rowsOf(t, snap, d), want)
	snap.Close()
	// No orderly end: a start repeats what came between.
	tables.cancel()
	tables.sweeps.Wait()
	tables.release(tables.current)
	ok(t, s.Close())
	s, err = state.Open(o)
	ok(t, err)
	tables, err = Open(s, Options{})
	ok(t, err)
	snap = tables.Latest()
	same(t, "after a start", rowsOf(t, snap, d), want)
	snap.Close()
	if n := tables.Rows(d); n != int64(len(want)) {
		t.Errorf("%d rows are counted, want %d", n, len(want))
	}
	ok(t, errors.Join(tables.Close(), s.Close()))
}

// TestDropDuringFlush: the pages of a table that is dropped while they are written are
// removed when that has ended.
func TestDropDuringFlush(t *testing.T) {
	s, err := state.Open(state.Options{InMemory: true})
	ok(t, err)
	tables, err := Open(s, Options{})
	ok(t, err)
	d := accounts(16384)
	ctx := context.Background()
	x := tables.Begin()
	for i := range int64(100) {
		ok(t, insert(x, d, account{i, "x", i}))
	}
	ok(t, x.Commit(ctx, nil))
	f, err := tables.beginFlush()
	ok(t, err)
	x = tables.Begin()
	storages := []uint32{d.Relation.Table.Storage}
	for _, i := range d.Relation.Table.Indexes {
		storages = append(storages, i.Storage)
	}
	x.drops = append(x.drops, storages...)
	ok(t, x.Commit(ctx, nil))
	f.write(nil)
	ok(t, f.end())
	tables.sweeps.Wait()
	sn := s.Snapshot(state.TablesID)
	ok(t, sn.ScanKeys(state.TablesID, func(sp state.Space, key []byte, _ int) error {
		return fmt.Errorf("key %x of storage %d is left", key, sp.Operator)
	}))
	sn.Close()
	ok(t, errors.Join(tables.Close(), s.Close()))
}
