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

// evictOvers are calls that need nothing of a partition but numbers, some rows, states,
// rows for a while, its first rows, and rows that follow.
var evictOvers = []struct {
	name    string
	calls   []string
	frame   Frame
	top     int64
	arrival bool
}{
	{name: "first", calls: []string{"row_number()"}, top: 1},
	{name: "first two by arrival", calls: []string{"row_number()"}, top: 2, arrival: true},
	{name: "lag", calls: []string{"lag($3)", "row_number()"}},
	{name: "lag by arrival", calls: []string{"lag($3)"}, arrival: true},
	{name: "so far", calls: []string{"sum($3)", "max($3)", "count(*)"}, frame: Frame{Mode: plan.FrameRows, End: FrameBound{Kind: plan.CurrentRow}}},
	{name: "3 rows", calls: []string{"sum($3)", "max($3)"}, frame: Frame{Mode: plan.FrameRows, Start: frameBound("3 preceding"), End: FrameBound{Kind: plan.CurrentRow}}},
	{name: "a while", calls: []string{"sum($3)", "max($3)", "count(*)"}, frame: Frame{Mode: plan.FrameRange, Start: whileBound(plan.OffsetPreceding), End: FrameBound{Kind: plan.CurrentRow}}},
	{name: "first value", calls: []string{"first_value($3)"}, frame: Frame{Mode: plan.FrameRows, End: FrameBound{Kind: plan.CurrentRow}}},
	{name: "what follows", calls: []string{"sum($3)"}, frame: Frame{Mode: plan.FrameRange, Start: whileBound(plan.OffsetPreceding), End: whileBound(plan.OffsetFollowing)}},
}

// overWhile is the length of time of the frames of a test, in microseconds.
const overWhile = 5000

func whileBound(kind plan.BoundKind) FrameBound {
	return FrameBound{Kind: kind, Offset: types.Value{Type: types.Of(types.Interval), Span: types.IntervalValue{Micros: overWhile}}}
}

// evictOver is one of evictOvers and the types of its rows.
func evictOver(i int, account *memory.Account) (OverSpec, []types.Type) {
	c, bind := evictOvers[i], binder{overTypes}
	spec := OverSpec{Types: overTypes, Partition: sortKeys(bind, []string{"$0"}), Env: env, Account: account}
	if !c.arrival {
		spec.OrderBy, spec.Time = sortKeys(bind, []string{"$1", "$2"}), bind.program("$1")
	}
	if c.frame.Mode == plan.FrameRange && c.frame.Start.Kind != plan.UnboundedPreceding {
		spec.OrderBy = spec.OrderBy[:1]
	}
	out := slices.Clone(overTypes)
	for _, s := range c.calls {
		call := windowCall(bind, s)
		call.Frame = c.frame
		call.Slides = call.Slides && c.frame.Start.Kind != plan.UnboundedPreceding
		spec.Calls, out = append(spec.Calls, call), append(out, call.Result)
	}
	if c.top > 0 {
		spec.Top = &WindowTop{Func: spec.Calls[0].Func, Most: c.top}
	}
	return spec, out
}

// TestEvictedOvers: an OVER that may hold a part of its partitions gives what one gives
// that holds all.
func TestEvictedOvers(t *testing.T) {
	for i, c := range evictOvers {
		if leftOutWithRace(i) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			_, out := evictOver(i, nil)
			var late [2]int // of the one that holds all, of the other
			b := newBeside(t, uint64(i), 300<<10, out, func(account *memory.Account) Kept {
				spec, _ := evictOver(i, account)
				which := 0
				if account != nil {
					which = 1
				}
				spec.Late = func(rows int) { late[which] += rows }
				return NewOver(spec)
			})
			at, id := int64(0), int64(0)
			for range epochs(60) {
				for range 1 + b.rng.IntN(3) {
					rows := vec.NewBatch(overTypes)
					for range 1 + b.rng.IntN(600) {
						key := b.rng.IntN(4000)
						if b.rng.IntN(3) == 0 {
							key %= 50
						}
						id++
						v := types.NewInt(types.Int8, b.rng.Int64N(100))
						if b.rng.IntN(20) == 0 {
							v = types.NullOf(overTypes[3])
						}
						for c, v := range []types.Value{types.NewText(fmt.Sprint("key", key)), types.NewInt(types.Timestamp, at+b.rng.Int64N(1500)), types.NewInt(types.Int8, id), v} {
							vec.Append(rows.Cols[c], v)
						}
						rows.Rows++
					}
					b.process(0, rows)
				}
				if at += b.rng.Int64N(1000); b.rng.IntN(2) == 0 {
					b.advance(at)
				}
				b.barrier()
			}
			b.finish(1)
			if late[0] != late[1] {
				t.Errorf("late rows: %d where all is held, %d where not", late[0], late[1])
			}
		})
	}
}

// TestEvictedOverKeepsTheLimit: an OVER of several times the partitions that may be held
// takes one and a half times the limit at most.
func TestEvictedOverKeepsTheLimit(t *testing.T) {
	const keys = 200_000
	bind := binder{overTypes}
	keepsTheLimit(t, 8<<20, 4, func(l *limited) (rows int) {
		call := windowCall(bind, "lag($3)")
		sink := &rowCount{}
		l.begin(NewOver(OverSpec{Types: overTypes, Partition: sortKeys(bind, []string{"$0"}), OrderBy: sortKeys(bind, []string{"$1"}), Time: bind.program("$1"), Calls: []WindowCall{call}, Env: env, Account: l.account}))
		for n := range 240 {
			b := vec.NewBatch(overTypes)
			for i := range vec.MaxRows {
				vec.Append(b.Cols[0], types.NewText(strings.Repeat("k", 20)+fmt.Sprint((n*vec.MaxRows+i)*7919%keys)))
				for c := 1; c < len(overTypes); c++ {
					vec.Append(b.Cols[c], types.NewInt(overTypes[c].OID, int64(n*vec.MaxRows+i)))
				}
				b.Rows++
			}
			l.process(0, b, sink)
			l.advance(int64(n*vec.MaxRows), sink)
			if l.due(n%8 == 7) {
				l.store()
			}
		}
		if err := l.op.Finish(t.Context(), 0, sink); err != nil {
			t.Fatal(err)
		}
		return sink.rows
	})
}
