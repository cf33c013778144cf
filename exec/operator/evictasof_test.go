package operator

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// asOfJoin makes a join, as of the time in the second column, of inputs of the same types.
func asOfJoin(kind plan.JoinKind, in []types.Type, cond string, account *memory.Account) *AsOfJoin {
	s := AsOfJoinSpec{Kind: kind, Types: [2][]types.Type{in, in}, KeyTypes: in[:1], Account: account}
	for i := range 2 {
		s.Times[i], s.Keys[i] = binder{in}.program("$1"), programs(binder{in}, []string{"$0"})
	}
	if cond != "" {
		s.Cond = binder{slices.Concat(in, in)}.program(cond)
	}
	return NewAsOfJoin(s)
}

// TestEvictedAsOfJoins: a join as of a time that may hold a part of its versions and of the
// rows that wait gives what one gives that holds all: of many keys and of few with many
// versions, where the watermark is near and where rows wait long for it.
func TestEvictedAsOfJoins(t *testing.T) {
	for i := range 12 {
		if leftOutWithRace(i) {
			continue
		}
		kind, few, lag := plan.JoinInner, i/2%2 > 0, int64(i/4)*1_000_000
		if i%2 > 0 {
			kind = plan.JoinLeft
		}
		t.Run(fmt.Sprintf("left %v, few keys %v, lag %d", i%2 > 0, few, lag), func(t *testing.T) {
			b := newBeside(t, uint64(i), 300<<10, slices.Concat(intervalInput, intervalInput), func(account *memory.Account) Kept {
				return asOfJoin(kind, intervalInput, "$2 <> $7", account)
			})
			keys := 3000
			if few {
				keys = 60
			}
			at, away := int64(0), 0
			for range epochs(80) {
				for range 1 + b.rng.IntN(3) {
					b.process(b.rng.IntN(2), intervalRows(b, 1+b.rng.IntN(200), at, keys))
				}
				if at += b.rng.Int64N(60_000); b.rng.IntN(2) == 0 {
					b.advance(max(at-30_000-lag, b.watermark))
				}
				b.barrier()
				away = max(away, len(b.op.(*AsOfJoin).away.blocks))
			}
			if lag > 0 && away == 0 {
				t.Error("no row that waits has left memory")
			}
			for input := range 2 {
				b.do("end", func(op Kept, out Output) error { return op.Finish(t.Context(), 1-input, out) })
			}
			b.keep.save(b.op)
			b.stop()
		})
	}
}

// TestEvictedAsOfJoinInOrder: rows that wait go out in the order of their times, wherever
// they have waited.
func TestEvictedAsOfJoinInOrder(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Timestamptz)}
	k := newKeeper(t)
	op := asOfJoin(plan.JoinLeft, in, "", evicting(0))
	k.keep(op, 0)
	const n = 4000
	sink := &script{types: slices.Concat(in, in)}
	for from := 0; from < n; from += 200 {
		b := vec.NewBatch(in)
		for i := range 200 {
			vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(from+i)))
			vec.Append(b.Cols[1], types.NewInt(types.Timestamptz, int64((from+i)*1237%n)))
			b.Rows++
		}
		if err := op.Process(t.Context(), JoinLeft, b, sink); err != nil {
			t.Fatal(err)
		}
		k.save(op)
	}
	if rows := op.away.rows(); rows < n*3/4 {
		t.Errorf("%d of %d rows that wait have left memory", rows, n)
	}
	for at := int64(0); at <= n; at += 500 {
		if err := op.Watermark(t.Context(), at, sink); err != nil {
			t.Fatal(err)
		}
		if len(sink.lines) != int(at) {
			t.Fatalf("%d rows at %d", len(sink.lines), at)
		}
		k.save(op)
	}
	want := make([]string, n)
	for i := range n {
		b := vec.NewBatch(sink.types)
		vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(i)))
		vec.Append(b.Cols[1], types.NewInt(types.Timestamptz, int64(i*1237%n)))
		vec.AppendNull(b.Cols[2])
		vec.AppendNull(b.Cols[3])
		want[i*1237%n] = rowText(b, 0, sink.types)
	}
	if i := slices.IndexFunc(want, func(s string) bool { return !slices.Contains(sink.lines, s) }); i >= 0 {
		t.Fatalf("%q did not go out", want[i])
	}
	if !slices.Equal(sink.lines, want) {
		t.Error("rows went out in another order than that of their times")
	}
	if err := op.Close(); err != nil {
		t.Fatal(err)
	}
	if used := op.spec.Account.Used(); used != 0 {
		t.Errorf("%d bytes are not given back", used)
	}
}

// TestEvictedAsOfJoinKeepsTheLimit: a join of many times the versions, and of many times the
// waiting rows, that may be held takes one and a half times the limit at most.
func TestEvictedAsOfJoinKeepsTheLimit(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Timestamptz), types.Of(types.Text)}
	keepsTheLimit(t, 3<<20, 10, func(l *limited) (rows int) {
		op := asOfJoin(plan.JoinInner, in, "", l.account)
		l.begin(op)
		counted := rowBalance{rows: &rows}
		for n := range 600 {
			b := vec.NewBatch(in)
			for i := range 500 {
				at := n/2*500 + i
				vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(at)*7919%100_003))
				vec.Append(b.Cols[1], types.NewInt(types.Timestamptz, int64(at+n%2*20-at%7)))
				vec.Append(b.Cols[2], types.NewText(strings.Repeat("v", 80)))
				b.Rows++
			}
			l.process(n%2, b, counted)
			if n%10 == 0 {
				l.advance(int64(n/2*500-60_000), counted)
			}
			if l.due(n%8 == 7) {
				if err := op.Barrier(t.Context(), 1, counted); err != nil {
					t.Fatal(err)
				}
				l.store()
			}
		}
		l.advance(1e6, counted)
		if rows < 40_000 {
			t.Errorf("%d rows, which is little", rows)
		}
		return rows
	})
}
