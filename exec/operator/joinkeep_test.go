package operator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// keeper stores an operator as a job's epochs do.
type keeper struct {
	*testing.T
	store *state.Store
	job   *state.Job
	keys  int // that the last save wrote or deleted
	bytes int
	space uint32 // the operator's number
	// late: operators hear that an epoch is committed when the next one is saved.
	late    bool
	pending []Kept // that have not heard
	crowded func() // called by operators that hold far too much; may be nil
}

func newKeeper(t *testing.T) *keeper {
	s, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	k := &keeper{T: t, store: s, job: s.Job(state.NewID()), space: 16}
	if _, err := k.job.Recover(); err != nil {
		t.Fatal(err)
	}
	if _, err := k.job.Rollback(); err != nil {
		t.Fatal(err)
	}
	return k
}

// save stores tasks of an operator.
func (k *keeper) save(ops ...Kept) {
	k.Helper()
	k.committed()
	var b state.Batch
	for i, op := range ops {
		if err := op.Save(StateWriter{Batch: &b, Operator: k.space, Shard: uint16(i)}); err != nil {
			k.Fatal(err)
		}
	}
	k.keys, k.bytes = b.Len(), b.Size()
	epoch := k.job.Next()
	if _, err := k.job.Prepare(epoch, &b, state.Progress{}); err != nil {
		k.Fatal(err)
	}
	if err := k.job.Commit(epoch); err != nil {
		k.Fatal(err)
	}
	k.pending = ops
	if !k.late {
		k.committed()
	}
}

// committed tells the operators that were saved last.
func (k *keeper) committed() {
	for _, op := range k.pending {
		if x, ok := op.(Evicting); ok {
			x.Committed()
		}
	}
	k.pending = nil
}

// keep makes an operator one that is stored, as a task of the operator that is
// stored now.
func (k *keeper) keep(op Kept, shard uint16) {
	k.Helper()
	k.pending = nil // they are given up
	if err := op.Keep(); err != nil {
		k.Fatal(err)
	}
	if x, ok := op.(Evicting); ok {
		space := k.space
		x.Evict(Evictions{Crowded: k.crowded, Read: func() StateReader {
			return StateReader{Snapshot: k.store.Snapshot(k.job.ID()), Job: k.job.ID(), Operator: space, Shard: shard}
		}})
	}
}

// restore gives a new operator what was saved.
func (k *keeper) restore(op Kept) {
	k.Helper()
	k.keep(op, 0)
	k.read(op, 0, nil)
	if x, ok := op.(Evicting); ok {
		x.Committed()
	}
}

func (k *keeper) read(op Kept, shard uint16, share *Share) {
	k.Helper()
	sn := k.store.Snapshot(k.job.ID())
	defer sn.Close()
	if err := op.Restore(StateReader{Snapshot: sn, Job: k.job.ID(), Operator: k.space, Shard: shard, Share: share}); err != nil {
		k.Fatal(err)
	}
}

// reshare splits what was saved among two tasks, and gives a third what both have.
func (k *keeper) reshare(make func() Kept) Kept {
	k.Helper()
	tasks := []Kept{make(), make()}
	k.space++
	for i, op := range tasks {
		k.keep(op, uint16(i))
		k.space--
		k.read(op, 0, &Share{Task: i, Tasks: 2})
		k.space++
	}
	k.save(tasks...)
	op := make()
	k.space++
	k.keep(op, 0)
	k.space--
	for i, task := range tasks {
		k.read(op, uint16(i), &Share{Tasks: 1})
		if err := task.Close(); err != nil {
			k.Fatal(err)
		}
	}
	k.space++
	return op
}

// mayKill ends an operator that was saved now and then. It returns what goes on: the
// operator, a new one that is given what was saved, or one that several tasks were before.
func (k *keeper) mayKill(rng *rand.Rand, op Kept, fresh func() Kept) Kept {
	k.Helper()
	kill := rng.IntN(8)
	if kill > 1 {
		return op
	}
	if err := op.Close(); err != nil {
		k.Fatal(err)
	}
	if kill == 0 {
		op = fresh()
		k.restore(op)
		return op
	}
	op = k.reshare(fresh)
	k.save(op)
	return op
}

// playKept plays events to operators that make returns, each of which is given up
// for the next, with what was saved of it, now and then.
func playKept(t *testing.T, make func() Kept, ins [][]types.Type, out []types.Type, events []event, rng *rand.Rand) []string {
	t.Helper()
	k := newKeeper(t)
	var lines []string
	op := make()
	k.keep(op, 0)
	ctx, sink := context.Background(), &script{types: out}
	var ended []int
	for _, e := range events {
		var err error
		switch e.kind {
		case eventRow:
			b := makeBatch(ins[e.input], []event{e}, true, rng)
			err = op.Process(ctx, e.input, b, sink)
			scramble(b, ins[e.input])
		case eventEnd:
			ended = append(ended, e.input)
			err = op.Finish(ctx, e.input, sink)
		case eventWatermark:
			err = op.Watermark(ctx, e.at, sink)
		case eventBarrier:
		}
		if err == nil && rng.IntN(7) == 0 {
			if err = op.Barrier(ctx, 1, sink); err == nil {
				k.save(op)
				lines, sink.lines = append(lines, sink.lines...), nil
			}
			if rng.IntN(3) == 0 && len(ended) == 0 {
				// What came after the save is lost, and here nothing has.
				if err := op.Close(); err != nil {
					t.Fatal(err)
				}
				if rng.IntN(2) == 0 {
					op = k.reshare(make)
					k.save(op)
					continue
				}
				op = make()
				k.restore(op)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := op.Barrier(ctx, 1, sink); err != nil {
		t.Fatal(err)
	}
	if err := op.Close(); err != nil {
		t.Fatal(err)
	}
	lines = append(lines, sink.lines...)
	slices.Sort(lines)
	return lines
}

// TestJoinsKept: joins that are given up and restored again and again give the
// rows that they give otherwise, with values of every kind of column.
func TestJoinsKept(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Timestamptz), types.Of(types.Text), types.Of(types.Numeric), types.Of(1009)}
	both := slices.Concat(in, in)
	names := []string{"inner", "left", "right", "full", "semi", "anti"}
	for seed := range uint64(24) {
		rng := rand.New(rand.NewPCG(seed, 11))
		kind := joinKinds[names[seed%6]]
		out := both
		if kind.KeepsLeft() {
			out = in
		}
		var events []event
		for i := range int64(300) {
			e := event{kind: eventRow, input: rng.IntN(2)}
			e.values = []types.Value{
				types.NewInt(types.Int8, int64(rng.IntN(9))), types.NewInt(types.Timestamptz, i*1000+rng.Int64N(5000)), types.NewText(strings.Repeat("x", rng.IntN(40))),
				parse(in[3], fmt.Sprintf("%d.%0*d", rng.IntN(1e6), rng.IntN(30), i)), parse(in[4], fmt.Sprintf("{a%d,NULL}", i)),
			}
			if rng.IntN(9) == 0 {
				e.values[rng.IntN(4)] = types.NullOf(in[0])
				for c, v := range e.values {
					if v.Null {
						e.values[c] = types.NullOf(in[c])
					}
				}
			}
			if rng.IntN(20) == 0 {
				e.values[1] = types.NewInt(in[1].OID, []int64{types.TimestampInfinity, types.TimestampNegInfinity}[rng.IntN(2)])
			}
			events = append(events, e)
			if rng.IntN(20) == 0 {
				events = append(events, event{kind: eventWatermark, at: i * 1000})
			}
		}
		grown := slices.Clone(events)
		events = append(events, event{kind: eventEnd}, event{kind: eventEnd, input: 1})
		interval := func() Kept {
			s := IntervalJoinSpec{Kind: kind, Types: [2][]types.Type{in, in}, KeyTypes: in[:1], Before: 30_000, After: 60_000, Infinite: true, Cond: binder{both}.program("$2 <> $7")}
			for i := range 2 {
				s.Times[i], s.Keys[i] = binder{in}.program("$1"), programs(binder{in}, []string{"$0"})
			}
			return NewIntervalJoin(s)
		}
		want := playFlat(t, func() Operator { return interval() }, [][]types.Type{in, in}, out, events)
		want = slices.DeleteFunc(want, func(l string) bool { return l == "watermark" || l == "end" })
		if got := playKept(t, interval, [][]types.Type{in, in}, out, events, rng); !slices.Equal(got, want) {
			t.Fatalf("seed %d, %s: the interval join that is restored gives %d rows\n%s\nwant %d\n%s", seed, names[seed%6], len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
		}
		appendOnly := [2]bool{seed%4 < 2, seed%4 == 1}
		changes := func() Kept {
			s := ChangesJoinSpec{Kind: kind, Types: [2][]types.Type{in, in}, KeyTypes: in[:1], Cond: binder{both}.program("$2 <> $7"), AppendOnly: appendOnly}
			for i := range 2 {
				s.Keys[i] = programs(binder{in}, []string{"$0"})
			}
			return NewChangesJoin(s)
		}
		var retracted []event
		for i, e := range grown {
			retracted = append(retracted, e)
			if before := grown[rng.IntN(i+1)]; before.kind == eventRow && !appendOnly[before.input] && rng.IntN(2) == 0 {
				before.op = 1
				retracted = append(retracted, before)
			}
		}
		net := func(lines []string) []string {
			counts := map[string]int{}
			for _, l := range lines {
				if op, row, ok := strings.Cut(l, " "); ok && op == "+" {
					counts[row]++
				} else if op == "-" {
					counts[row]--
				}
			}
			var rows []string
			for row, n := range counts {
				if n != 0 {
					rows = append(rows, fmt.Sprintf("%d %s", n, row))
				}
			}
			slices.Sort(rows)
			return rows
		}
		whole := changes()
		lines, err := tryPlay(whole, [][]types.Type{in, in}, out, append(slices.Clone(retracted), event{kind: eventBarrier}), shapes[0])
		if err != nil {
			t.Fatal(err)
		}
		want = net(lines)
		if got := net(playKept(t, changes, [][]types.Type{in, in}, out, retracted, rng)); !slices.Equal(got, want) {
			t.Fatalf("seed %d, %s: the join of changes that is restored comes to %d rows\n%s\nwant %d\n%s", seed, names[seed%6], len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
		}
	}
}

// TestIntervalJoinSaves: a save writes what is new, in few keys, and deletes what
// has expired.
func TestIntervalJoinSaves(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8)}
	account := memory.New("a test", 1<<30, "x")
	j := newBenchJoin(plan.JoinFull, in, account)
	k := newKeeper(t)
	if err := j.Keep(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for second := range 20 {
		for input := range 2 {
			if err := j.Process(ctx, input, joinRows(in, second, input), discard{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Watermark(ctx, int64(second)*1e6, discard{}); err != nil {
			t.Fatal(err)
		}
		k.save(j)
		// 1,000 rows of either side are 8 blocks or 9, in at most two buckets; marks
		// are in a page for each of at most five buckets; two buckets may go.
		if most := 2 * (10 + 5 + 5000/blockRows + 1); k.keys > most {
			t.Errorf("an epoch of 2,000 rows writes %d keys, want at most %d", k.keys, most)
		}
	}
	k.save(j)
	if k.keys != 0 {
		t.Errorf("where nothing has changed, a save writes %d keys", k.keys)
	}
	one := joinRows(in, 20, 0)
	one.Sel = []int32{5}
	if err := j.Process(ctx, 0, one, discard{}); err != nil {
		t.Fatal(err)
	}
	k.save(j)
	if k.keys > 4 || k.bytes > 64*blockRows {
		t.Errorf("one row writes %d keys, %d bytes", k.keys, k.bytes)
	}
	if err := j.Watermark(ctx, 100e6, discard{}); err != nil {
		t.Fatal(err)
	}
	k.save(j)
	sn := k.store.Snapshot(k.job.ID())
	defer sn.Close()
	left := 0
	err := StateReader{Snapshot: sn, Job: k.job.ID(), Operator: k.space}.Scan([]byte{}, func([]byte, []byte) error {
		left++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if left != 1 {
		t.Errorf("%d keys are left when everything has expired, want the watermark's", left)
	}
}
