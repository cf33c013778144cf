package table

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestFollowerKeepsUp applies a follower's changes to a copy, which is the table
// each time it is done.
func TestFollowerKeepsUp(t *testing.T) {
	dir := t.TempDir()
	tables, done := diskTables(t, dir, Options{Budget: 32 << 10})
	defer done()
	d := accounts(16384)
	f := tables.Follow(d, []int{0, 1, 2, 3}, false)
	defer f.Close()
	r := rand.New(rand.NewPCG(9, 9))
	got := map[int64]string{}
	next := int64(0)
	for round := range 60 {
		for range 1 + r.IntN(3) {
			x := tables.Begin()
			for range r.IntN(200) {
				next++
				ok(t, insert(x, d, account{next, fmt.Sprint("name ", next), r.Int64N(50)}))
			}
			for range r.IntN(40) {
				if next > 0 {
					ok(t, change(t.Context(), x, d, 1+r.Int64N(next), func(a account) account { a.n = r.Int64N(50); return a }))
				}
			}
			next++
			ok(t, insert(x, d, account{next, "one at least", int64(round)}))
			ok(t, x.Commit(t.Context(), nil))
		}
		for caught := false; !caught; {
			b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text), types.Of(types.Int8), types.Of(types.Int8)})
			var err error
			caught, err = f.Next(t.Context(), b)
			ok(t, err)
			for i := range b.Rows {
				id := b.Cols[3].(*vec.Fixed[int64]).Values[i]
				row := texts([]account{{b.Cols[0].(*vec.Fixed[int64]).Values[i], string(b.Cols[1].(*vec.Bytes).At(i)), b.Cols[2].(*vec.Fixed[int64]).Values[i]}})
				switch _, there := got[id]; {
				case b.Ops[i] == vec.Delete && got[id] != row:
					t.Fatalf("a Delete of %q, where %q is", row, got[id])
				case b.Ops[i] == vec.Delete:
					delete(got, id)
				case there:
					t.Fatalf("an Insert of %q over %q", row, got[id])
				default:
					got[id] = row
				}
			}
		}
		want := map[int64]string{}
		s := tables.Latest()
		rows, ids := read(t, s, d, ScanSpec{})
		s.Close()
		for i := range rows {
			want[ids[i]] = texts(rows[i : i+1])
		}
		if !maps.Equal(got, want) {
			t.Fatalf("round %d: the follower has %d rows, the table %d, or others", round, len(got), len(want))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Next(ctx, vec.NewBatch(nil)); err == nil {
		t.Error("Next with nothing new and a cancelled context did not fail")
	}
}

// TestFollowFromNow: followers of two tables from now on begin at one moment, and when
// they have moved on nothing keeps its version: the store would keep all that came since.
func TestFollowFromNow(t *testing.T) {
	tables := openTables(t, Options{})
	a, b := accounts(16384), accounts(16484)
	put := func(d *Desc, id int64) {
		t.Helper()
		x := tables.Begin()
		ok(t, insert(x, d, account{id, "x", 0}))
		ok(t, x.Commit(t.Context(), nil))
	}
	put(a, 1)
	together := tables.Following()
	first := together.FollowFromNow(a, []int{0})
	defer first.Close()
	begun := first.from
	put(a, 2)
	put(b, 3)
	second := together.FollowFromNow(b, []int{0})
	defer second.Close()
	if second.from != begun {
		t.Error("the second follower begins at another moment than the first")
	}
	for _, c := range []struct {
		f    *Follower
		want int64
	}{{first, 2}, {second, 3}} {
		batch := vec.NewBatch([]types.Type{types.Of(types.Int8)})
		done, err := c.f.Next(t.Context(), batch)
		ok(t, err)
		if got := batch.Cols[0].(*vec.Fixed[int64]).Values; !done || !slices.Equal(got, []int64{c.want}) {
			t.Errorf("what came since is %v, want %d", got, c.want)
		}
	}
	tables.mu.Lock()
	refs := begun.refs
	tables.mu.Unlock()
	if refs != 0 {
		t.Errorf("%d hold the version at which the followers began", refs)
	}
	third := together.FollowFromNow(a, []int{0})
	defer third.Close()
	if third.from != first.from {
		t.Error("a follower that comes later begins at another moment than where the others are")
	}
}
