package operator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// zeros are those that end a number of evictKeys.
var zeros = regexp.MustCompile(`( [0-9]+)\.0+ `)

// beside plays the same to an operator that holds all of its state and to one that may
// hold little, which is saved at each barrier and now and then restored or divided among
// tasks: both give the same rows between two steps, in whatever order.
type beside struct {
	*testing.T
	rng       *rand.Rand
	fresh     func(*memory.Account) Kept
	most      int64
	account   *memory.Account // of the one that may hold little
	free, op  Kept
	all, some script
	keep      *keeper
	watermark int64
	evicted   int64 // the most groups that were in pages alone
	step      int
}

func newBeside(t *testing.T, seed uint64, most int64, out []types.Type, fresh func(*memory.Account) Kept) *beside {
	b := &beside{T: t, rng: rand.New(rand.NewPCG(seed, 41)), fresh: fresh, most: most, free: fresh(nil), keep: newKeeper(t), watermark: math.MinInt64}
	b.all.types, b.some.types = out, out
	b.op = b.again()
	b.keep.late = seed%2 > 0
	b.keep.keep(b.op, 0)
	return b
}

func (b *beside) again() Kept {
	b.account = evicting(b.most)
	return b.fresh(b.account)
}

func (b *beside) do(what string, f func(op Kept, out Output) error) {
	b.Helper()
	b.step++
	for _, x := range []struct {
		op  Kept
		out Output
	}{{b.free, &b.all}, {b.op, &b.some}} {
		if err := f(x.op, x.out); err != nil {
			b.Fatalf("step %d, %s: %v", b.step, what, err)
		}
	}
	for _, lines := range [][]string{b.all.lines, b.some.lines} {
		for i, l := range lines {
			// A group that was gone is told by the row that brings it again.
			lines[i] = zeros.ReplaceAllString(l, "$1 ")
		}
		slices.Sort(lines)
	}
	if !slices.Equal(b.all.lines, b.some.lines) {
		b.Fatalf("step %d, %s: what is evicted gives %d rows, what is not %d; first other: %s", b.step, what, len(b.some.lines), len(b.all.lines), firstOther(b.some.lines, b.all.lines))
	}
	b.all.lines, b.some.lines = b.all.lines[:0], b.some.lines[:0]
}

// process gives both an input's rows.
func (b *beside) process(input int, rows *vec.Batch) {
	b.Helper()
	b.do("rows", func(op Kept, out Output) error { return op.Process(b.Context(), input, rows, out) })
}

// advance tells both the time.
func (b *beside) advance(t int64) {
	b.Helper()
	b.watermark = t
	b.do("watermark", func(op Kept, out Output) error { return op.Watermark(b.Context(), t, out) })
}

// barrier ends an epoch. The operator may be killed after it.
func (b *beside) barrier() {
	b.Helper()
	b.do("barrier", func(op Kept, out Output) error { return op.Barrier(b.Context(), 1, out) })
	b.keep.save(b.op)
	b.evicted = max(b.evicted, b.op.(Evicting).Evicted())
	kill := b.rng.IntN(8)
	if kill > 1 {
		return
	}
	b.end()
	if kill == 0 {
		b.op = b.again()
		b.keep.restore(b.op)
	} else {
		b.op = b.keep.reshare(b.again)
	}
	if b.watermark > math.MinInt64 {
		if err := b.op.Watermark(b.Context(), b.watermark, &b.some); err != nil || len(b.some.lines) > 0 {
			b.Fatalf("step %d: at its watermark what is restored gives %d rows: %v", b.step, len(b.some.lines), err)
		}
	}
	if kill == 1 {
		b.keep.save(b.op)
	}
}

// end ends the operator that may hold little.
func (b *beside) end() {
	b.Helper()
	if err := b.op.Close(); err != nil {
		b.Fatal(err)
	}
	if n := b.account.Used(); n != 0 {
		b.Fatalf("step %d: %d bytes are not given back", b.step, n)
	}
}

// finish ends the inputs, and requires that something was evicted and that nothing is
// left in the store.
func (b *beside) finish(inputs int) {
	b.Helper()
	for input := range inputs {
		b.do("end", func(op Kept, out Output) error { return op.Finish(b.Context(), input, out) })
	}
	b.keep.save(b.op)
	b.keep.save(b.op)
	b.left()
	b.stop()
}

// stop ends both, and requires that something was evicted.
func (b *beside) stop() {
	b.Helper()
	b.end()
	if b.evicted == 0 {
		b.Error("nothing was evicted")
	}
	if err := b.free.Close(); err != nil {
		b.Fatal(err)
	}
}

// left requires that the store has nothing of the operator but a note of the time.
func (b *beside) left() {
	b.Helper()
	sn := b.keep.store.Snapshot(b.keep.job.ID())
	defer sn.Close()
	r := StateReader{Snapshot: sn, Job: b.keep.job.ID(), Operator: b.keep.space}
	err := r.keys(nil, func(key []byte) {
		if len(key) > 1 {
			b.Errorf("the store still has key %x", key)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
}

// windowLength is that of the windows of a test, in microseconds.
const windowLength = 1000

// windowRows are random rows of windows: the window's end, a key and a number. at is
// the time, most how many keys there are.
func windowRows(b *beside, ts []types.Type, k int, at int64, most int) *vec.Batch {
	rows := vec.NewBatch(ts)
	n := 1 + b.rng.IntN(vec.MaxRows)
	for range n {
		t := at + b.rng.Int64N(3*windowLength) - windowLength // some are late
		if b.rng.IntN(500) == 0 {
			vec.AppendNull(rows.Cols[0])
		} else {
			vec.Append(rows.Cols[0], types.NewInt(types.Timestamptz, (t/windowLength+1)*windowLength))
		}
		key := b.rng.IntN(most)
		if b.rng.IntN(3) == 0 {
			key %= 50
		}
		one := vec.NewBatch(evictKeys[k].cols)
		evictKeys[k].fill(one, key, b.rng)
		for i, c := range one.Cols {
			vec.AppendRow(rows.Cols[1+i], c, 0)
		}
		vec.Append(rows.Cols[len(ts)-1], types.NewInt(types.Int8, b.rng.Int64N(1000)))
		rows.Rows++
	}
	return rows
}

// takeBack makes Deletes of some rows, which were given before.
func takeBack(b *beside, rows *vec.Batch) *vec.Batch {
	back := &vec.Batch{Cols: rows.Cols, Ops: make([]vec.Op, rows.Rows), Sel: []int32{}, Rows: rows.Rows}
	for r := range int32(rows.Rows) {
		if back.Ops[r] = vec.Delete; b.rng.IntN(3) == 0 {
			back.Sel = append(back.Sel, r)
		}
	}
	return back
}

// epochs is how many of n a random test plays: a third of them, but in the long tier.
func epochs(n int) int {
	if os.Getenv("FERRIS_TIER") == "long" {
		return n
	}
	return n / 3
}

// withoutRace leaves to the suite "operators" of compat-tests/run.sh what would take
// minutes with the race detector, and shows no race that its smaller likes do not.
func withoutRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("takes minutes with the race detector: the suite \"operators\" of compat-tests/run.sh plays it without")
	}
}

// leftOutWithRace reports whether the i-th case of a test is left to the suite "operators": what
// merges beside an operator is the same in all of them, so some are enough to see it race.
func leftOutWithRace(i int) bool { return raceEnabled && i%5 > 0 }

// chargedCalls makes calls whose memory an account counts.
func chargedCalls(bind binder, calls []string, account *memory.Account) func() ([]*Call, error) {
	return func() (all []*Call, err error) {
		for _, c := range calls {
			call := retractingCall(bind, c)
			call.spec.Account = account
			all = append(all, call)
		}
		return all, nil
	}
}

// playWindows gives both operators rows of windows that come and end, over epochs.
func playWindows(b *beside, ts []types.Type, k int, appendOnly bool) {
	at := int64(0)
	for range epochs(40) {
		for range 1 + b.rng.IntN(3) {
			rows := windowRows(b, ts, k, at, 4000)
			b.process(0, rows)
			if !appendOnly && b.rng.IntN(2) == 0 {
				b.process(0, takeBack(b, rows))
			}
		}
		if at += b.rng.Int64N(windowLength / 2); b.rng.IntN(2) == 0 {
			b.advance(at - windowLength)
		}
		b.barrier()
	}
	b.finish(1)
}

// TestEvictedWindows: an aggregate of windows that may hold a part of its groups gives
// what one gives that holds all: windows that end once, whose changes go out, and that
// are given again when late rows come, of rows that change and that do not.
func TestEvictedWindows(t *testing.T) {
	for i := range 3 * 2 * len(evictKeys) {
		if leftOutWithRace(i) {
			continue
		}
		k, mode, appendOnly := i%len(evictKeys), i/len(evictKeys)%3, i/len(evictKeys)/3 > 0
		t.Run(fmt.Sprintf("%s, %s, append only %v", evictKeys[k].name, [...]string{"once", "changes", "again"}[mode], appendOnly), func(t *testing.T) {
			ts := slices.Concat([]types.Type{types.Of(types.Timestamptz)}, evictKeys[k].cols, []types.Type{types.Of(types.Int8)})
			bind := binder{ts}
			var keys []string
			for i := range len(ts) - 1 {
				keys = append(keys, fmt.Sprintf("$%d", i))
			}
			calls := []string{"count(*)", fmt.Sprintf("sum($%d)", len(ts)-1), fmt.Sprintf("min($%d)", len(ts)-1)}
			b := newBeside(t, uint64(i), 400<<10, append(slices.Clone(ts[:len(ts)-1]), callTypes(bind, calls)...), func(account *memory.Account) Kept {
				spec := WindowAggregateSpec{
					Keys: programs(bind, keys), KeyTypes: ts[:len(ts)-1], Closing: plan.ClosingKeys{Start: -1, Final: mode != 1, Grace: 10},
					AppendOnly: appendOnly, Account: account,
				}
				if mode == 2 {
					spec.Late = Lateness{Updates: true, Allowed: 2 * windowLength}
				}
				spec.Calls = chargedCalls(bind, calls, account)
				return NewWindowAggregate(spec)
			})
			playWindows(b, ts, k, appendOnly)
		})
	}
}

// TestEvictedSlices is TestEvictedWindows of windows that overlap, or grow, and go out once.
func TestEvictedSlices(t *testing.T) {
	kinds := []plan.WindowKind{plan.WindowHopping, plan.WindowCumulate}
	for i := range 2 * len(kinds) * len(evictKeys) {
		if leftOutWithRace(i) {
			continue
		}
		k, kind, appendOnly := i%len(evictKeys), kinds[i/len(evictKeys)%len(kinds)], i/len(evictKeys) >= len(kinds)
		t.Run(fmt.Sprintf("%s, %v, append only %v", evictKeys[k].name, kind, appendOnly), func(t *testing.T) {
			ts := slices.Concat([]types.Type{types.Of(types.Timestamptz)}, evictKeys[k].cols, []types.Type{types.Of(types.Int8)})
			bind := binder{ts}
			places := []int{plan.WindowEnd}
			var keys []string
			for i := range len(ts) - 2 {
				keys, places = append(keys, fmt.Sprintf("$%d", 1+i)), append(places, i)
			}
			calls := []string{"count(*)", fmt.Sprintf("sum($%d)", len(ts)-1)}
			b := newBeside(t, uint64(i), 400<<10, append(slices.Clone(ts[:len(ts)-1]), callTypes(bind, calls)...), func(account *memory.Account) Kept {
				spec := SliceAggregateSpec{
					Kind: kind, Time: bind.program("$0"), TimeType: ts[0], Size: 3 * windowLength, Slide: windowLength, Grace: 10,
					RowKeys: programs(bind, keys), RowTypes: ts[1 : len(ts)-1], Keys: places, AppendOnly: appendOnly, Account: account,
				}
				spec.Calls = chargedCalls(bind, calls, account)
				return NewSliceAggregate(spec)
			})
			playWindows(b, ts, k, appendOnly)
		})
	}
}

// TestEvictedGrowingWindowsKeepTheLimit: a window that grows to several times what may be
// held, and goes out as it does, takes one and a half times that at most.
func TestEvictedGrowingWindowsKeepTheLimit(t *testing.T) {
	const steps, want = 4, 40_000 + 60_000 + 80_000 + 100_000
	ts := []types.Type{types.Of(types.Timestamptz), types.Of(types.Text), types.Of(types.Int8)}
	bind, calls := binder{ts}, []string{"count(*)", "sum($2)"}
	keepsTheLimit(t, 3<<20, 4, func(l *limited) (rows int) {
		sink := &rowCount{}
		l.begin(NewSliceAggregate(SliceAggregateSpec{
			Kind: plan.WindowCumulate, Time: bind.program("$0"), TimeType: ts[0], Size: steps * windowLength, Slide: windowLength,
			RowKeys: programs(bind, []string{"$1"}), RowTypes: ts[1:2], Keys: []int{plan.WindowEnd, 0}, AppendOnly: true, Account: l.account, Calls: chargedCalls(bind, calls, l.account),
		}))
		for n := range 40 * steps {
			step := n / 40
			b := vec.NewBatch(ts)
			for i := range vec.MaxRows {
				vec.Append(b.Cols[0], types.NewInt(types.Timestamptz, int64(step)*windowLength))
				// Half of a step's keys are there already.
				vec.Append(b.Cols[1], types.NewText(fmt.Sprintf("a key of some length %d", step*20_000+(n*vec.MaxRows+i)*7919%40_000)))
				vec.Append(b.Cols[2], types.NewInt(types.Int8, int64(i)))
				b.Rows++
			}
			l.process(0, b, sink)
			if l.due(n%16 == 15) {
				l.store()
			}
			if n%40 == 39 {
				l.advance(int64(step+1)*windowLength, sink)
			}
		}
		if sink.rows != want {
			t.Errorf("%d groups, want %d", sink.rows, want)
		}
		return sink.rows
	})
}

// TestEvictedWindowsKeepTheLimit: windows of five times what may be held, as they grow
// and as they go out, take one and a half times that at most.
func TestEvictedWindowsKeepTheLimit(t *testing.T) {
	ts := []types.Type{types.Of(types.Timestamptz), types.Of(types.Text), types.Of(types.Int8)}
	bind, calls := binder{ts}, []string{"count(*)", "sum($2)"}
	keepsTheLimit(t, 4<<20, 5, func(l *limited) (rows int) {
		sink := &script{types: append(slices.Clone(ts[:2]), callTypes(bind, calls)...)}
		l.begin(NewWindowAggregate(WindowAggregateSpec{
			Keys: programs(bind, []string{"$0", "$1"}), KeyTypes: ts[:2], Closing: plan.ClosingKeys{Start: -1, Final: true}, AppendOnly: true, Account: l.account,
			Calls: chargedCalls(bind, calls, l.account),
		}))
		for n := range 240 {
			b := vec.NewBatch(ts)
			for i := range vec.MaxRows {
				vec.Append(b.Cols[0], types.NewInt(types.Timestamptz, int64(1+(n+i)%4)*windowLength))
				vec.Append(b.Cols[1], types.NewText(fmt.Sprintf("a key of some length %d", (n*vec.MaxRows+i)*7919%320_000)))
				vec.Append(b.Cols[2], types.NewInt(types.Int8, int64(i)))
				b.Rows++
			}
			l.process(0, b, sink)
			if l.due(n%16 == 15) {
				l.store()
			}
		}
		l.advance(4*windowLength, sink)
		return len(slices.Compact(sorted(sink.lines)))
	})
}
