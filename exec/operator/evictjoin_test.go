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

// intervalInput are the columns of an input of a test's join: a key, a time, and values
// of several kinds.
var intervalInput = []types.Type{types.Of(types.Int8), types.Of(types.Timestamptz), types.Of(types.Text), types.Of(types.Numeric), types.Of(1009)}

// intervalRows are random rows of an input about a time, late ones among them.
func intervalRows(b *beside, n int, at int64, keys int) *vec.Batch {
	rows := vec.NewBatch(intervalInput)
	for i := range n {
		values := []types.Value{
			types.NewInt(types.Int8, int64(b.rng.IntN(keys))), types.NewInt(types.Timestamptz, at+b.rng.Int64N(60_000)-45_000), types.NewText(strings.Repeat("x", b.rng.IntN(40))),
			parse(intervalInput[3], fmt.Sprintf("%d.%0*d", b.rng.IntN(1e6), b.rng.IntN(20), i)), parse(intervalInput[4], fmt.Sprintf("{a%d,NULL}", i)),
		}
		if b.rng.IntN(90) == 0 {
			c := b.rng.IntN(len(values))
			values[c] = types.NullOf(intervalInput[c])
		}
		if b.rng.IntN(300) == 0 {
			values[1] = types.NewInt(types.Timestamptz, types.TimestampInfinity)
		}
		for c, v := range values {
			vec.Append(rows.Cols[c], v)
		}
		rows.Rows++
	}
	return rows
}

// TestEvictedIntervalJoins: an interval join that may hold a part of its rows gives what
// one gives that holds all, of every kind, of many keys and of few with many rows.
func TestEvictedIntervalJoins(t *testing.T) {
	names := []string{"inner", "left", "right", "full", "semi", "anti"}
	for i := range 2 * len(names) {
		if leftOutWithRace(i) {
			continue
		}
		kind, few := joinKinds[names[i%len(names)]], i >= len(names)
		t.Run(fmt.Sprintf("%s, few keys %v", names[i%len(names)], few), func(t *testing.T) {
			in := intervalInput
			out := slices.Concat(in, in)
			if kind.KeepsLeft() {
				out = in
			}
			b := newBeside(t, uint64(i), 300<<10, out, func(account *memory.Account) Kept {
				s := IntervalJoinSpec{Kind: kind, Types: [2][]types.Type{in, in}, KeyTypes: in[:1], Before: 300_000, After: 600_000, Infinite: true, Cond: binder{slices.Concat(in, in)}.program("$2 <> $7"), Account: account}
				for i := range 2 {
					s.Times[i], s.Keys[i] = binder{in}.program("$1"), programs(binder{in}, []string{"$0"})
				}
				return NewIntervalJoin(s)
			})
			keys := 3000
			if few {
				keys = 150
			}
			at := int64(0)
			for range epochs(60) {
				for range 1 + b.rng.IntN(3) {
					b.process(b.rng.IntN(2), intervalRows(b, 1+b.rng.IntN(200), at, keys))
				}
				if at += b.rng.Int64N(60_000); b.rng.IntN(2) == 0 {
					b.advance(at - 30_000)
				}
				b.barrier()
			}
			b.finish(2)
		})
	}
}

// TestEvictedIntervalJoinKeepsTheLimit: a join of several times the rows that may be held
// takes one and a half times the limit at most.
func TestEvictedIntervalJoinKeepsTheLimit(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Timestamptz), types.Of(types.Text)}
	keepsTheLimit(t, 3<<20, 4, func(l *limited) (rows int) {
		s := IntervalJoinSpec{Kind: plan.JoinLeft, Types: [2][]types.Type{in, in}, KeyTypes: in[:1], Before: 1e6, After: 1e6, Account: l.account}
		for i := range 2 {
			s.Times[i], s.Keys[i] = binder{in}.program("$1"), programs(binder{in}, []string{"$0"})
		}
		sink := &script{types: slices.Concat(in, in)}
		l.begin(NewIntervalJoin(s))
		for n := range 200 {
			b := vec.NewBatch(in)
			for i := range 500 {
				at := int64(n*500+i) * 15
				vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(n/2*500+i)*7919%100_003))
				vec.Append(b.Cols[1], types.NewInt(types.Timestamptz, at))
				vec.Append(b.Cols[2], types.NewText(strings.Repeat("v", 80)))
				b.Rows++
			}
			if n%4 == 1 {
				b.Sel = []int32{1, 5, 7}
			}
			l.process(n%2, b, sink)
			if l.due(n%8 == 7) {
				l.store()
			}
		}
		for at := int64(0); at < 4e6; at += 1e5 {
			l.advance(at, sink)
			l.store()
		}
		return len(sink.lines)
	})
}
