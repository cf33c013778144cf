package operator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// joinOf makes a join of changes over inputs of the same types by some of their columns.
func joinOf(kind plan.JoinKind, in []types.Type, key, cond string, appendOnly [2]bool, account *memory.Account) *ChangesJoin {
	s := ChangesJoinSpec{Kind: kind, Types: [2][]types.Type{in, in}, KeyTypes: typesOf(binder{in}, []string{key}), AppendOnly: appendOnly, Account: account}
	for i := range 2 {
		s.Keys[i] = programs(binder{in}, []string{key})
	}
	if cond != "" {
		s.Cond = binder{slices.Concat(in, in)}.program(cond)
	}
	return NewChangesJoin(s)
}

// joinOutput are the columns of what a join gives of inputs of the same types.
func joinOutput(kind plan.JoinKind, in []types.Type) []types.Type {
	if kind.KeepsLeft() {
		return in
	}
	return slices.Concat(in, in)
}

// changingInputs are two inputs of a join whose rows come and go.
type changingInputs struct {
	*beside
	grows [2]bool
	there [2][][]types.Value
	keys  int
	next  int
}

func (c *changingInputs) row() []types.Value {
	c.next++
	key := c.rng.IntN(c.keys)
	if c.rng.IntN(3) == 0 {
		key %= 20
	}
	values := []types.Value{
		types.NewInt(types.Int8, int64(key)), types.NewInt(types.Timestamptz, c.rng.Int64N(1e6)), types.NewText(strings.Repeat("x", c.rng.IntN(60))),
		parse(intervalInput[3], fmt.Sprintf("%d.%0*d", c.rng.IntN(1e6), c.rng.IntN(20), c.next)), parse(intervalInput[4], fmt.Sprintf("{a%d,NULL}", c.next)),
	}
	if c.rng.IntN(30) == 0 {
		at := c.rng.IntN(3)
		values[at] = types.NullOf(intervalInput[at])
	}
	return values
}

// batch makes changes of an input: rows that are new, rows that are there once more, rows
// that go, and such as go before they come.
func (c *changingInputs) batch(input, n int) *vec.Batch {
	b := vec.NewBatch(intervalInput)
	put := func(op vec.Op, row []types.Value) {
		for i, v := range row {
			vec.Append(b.Cols[i], v)
		}
		b.Ops = append(b.Ops, op)
		b.Rows++
	}
	for range n {
		have := c.there[input]
		kind := c.rng.IntN(10)
		switch {
		case kind < 4 && len(have) > 0 && !c.grows[input]:
			at := c.rng.IntN(len(have))
			put(vec.Delete, have[at])
			have[at] = have[len(have)-1]
			c.there[input] = have[:len(have)-1]
			continue
		case kind == 4 && !c.grows[input]:
			row := c.row()
			put(vec.Delete, row)
			put(vec.Insert, row)
			continue
		}
		row := c.row()
		if kind == 5 && len(have) > 0 {
			row = have[c.rng.IntN(len(have))]
		}
		put(vec.Insert, row)
		c.there[input] = append(have, row)
	}
	if c.grows[input] {
		b.Ops = nil
	}
	return b
}

// play plays epochs, of the inputs that have not ended.
func (c *changingInputs) play(epochs int, ended ...int) {
	c.Helper()
	for range epochs {
		for range 1 + c.rng.IntN(4) {
			input := c.rng.IntN(2)
			if slices.Contains(ended, input) {
				continue
			}
			c.process(input, c.batch(input, 1+c.rng.IntN(200)))
			if c.rng.IntN(8) == 0 {
				c.advance(c.watermark + 1)
			}
		}
		c.barrier()
		for _, input := range ended { // one that was killed does not know
			if err := c.op.Finish(c.Context(), input, &c.some); err != nil {
				c.Fatal(err)
			}
		}
	}
}

// TestEvictedChangesJoins: a join of changes that may hold a part of its rows gives what one
// gives that holds all, of every kind, of many keys and of few with many rows, of inputs
// that only grow and of such as change, and after one of them has ended.
func TestEvictedChangesJoins(t *testing.T) {
	names := []string{"inner", "left", "right", "full", "semi", "anti"}
	for i := range 4 * len(names) {
		if leftOutWithRace(i) {
			continue
		}
		kind, few, grows := joinKinds[names[i%len(names)]], i/len(names)%2 > 0, [2]bool{i >= 2*len(names), i >= 3*len(names)}
		t.Run(fmt.Sprintf("%s, few keys %v, grows %v", names[i%len(names)], few, grows), func(t *testing.T) {
			b := newBeside(t, uint64(i), 300<<10, joinOutput(kind, intervalInput), func(account *memory.Account) Kept {
				return joinOf(kind, intervalInput, "$0", "$2 <> $7", grows, account)
			})
			c := &changingInputs{beside: b, grows: grows, keys: 2000}
			if few {
				c.keys = 100
			}
			c.play(epochs(60))
			ended := i % 2
			c.do("end", func(op Kept, out Output) error { return op.Finish(t.Context(), ended, out) })
			c.play(epochs(20), ended)
			c.do("end", func(op Kept, out Output) error { return op.Finish(t.Context(), 1-ended, out) })
			c.stop()
		})
	}
}

// TestEvictedChangesJoinOfTexts: the same for keys that are equal in several forms.
func TestEvictedChangesJoinOfTexts(t *testing.T) {
	in := []types.Type{types.Of(types.Numeric), types.Of(types.Int8)}
	b := newBeside(t, 3, 200<<10, slices.Concat(in, in), func(account *memory.Account) Kept {
		return joinOf(plan.JoinFull, in, "$0", "", [2]bool{}, account)
	})
	for epoch := range epochs(90) {
		for range 1 + b.rng.IntN(3) {
			rows := vec.NewBatch(in)
			for range 1 + b.rng.IntN(200) {
				vec.Append(rows.Cols[0], parse(in[0], fmt.Sprintf("%d.%s", b.rng.IntN(900), "000"[:b.rng.IntN(4)])))
				vec.Append(rows.Cols[1], types.NewInt(types.Int8, int64(epoch)))
				rows.Rows++
			}
			input := b.rng.IntN(2)
			if b.process(input, rows); b.rng.IntN(2) == 0 {
				b.process(input, takeBack(b, rows))
			}
		}
		b.barrier()
	}
	b.stop()
}

// TestEvictedChangesJoinForgets: rows that are taken back again and again do not stay in
// memory, though others are evicted; a key all of whose rows are taken back stays one
// without rows, whatever the store has of it.
func TestEvictedChangesJoinForgets(t *testing.T) {
	withoutRace(t)
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8)}
	b := newBeside(t, 6, 12<<20, slices.Concat(in, in), func(account *memory.Account) Kept {
		return joinOf(plan.JoinFull, in, "$0", "", [2]bool{}, account)
	})
	change := func(input int, op vec.Op, from, to, value int64) {
		rows := vec.NewBatch(in)
		flush := func() {
			b.process(input, rows)
			rows = vec.NewBatch(in)
		}
		for key := from; key < to; key++ {
			vec.Append(rows.Cols[0], types.NewInt(types.Int8, key))
			vec.Append(rows.Cols[1], types.NewInt(types.Int8, value))
			rows.Ops = append(rows.Ops, op)
			if rows.Rows++; rows.Rows == vec.MaxRows {
				flush()
			}
		}
		flush()
	}
	const keys = 24_000
	for from := int64(0); from < keys; from += 2000 {
		change(0, vec.Insert, from, from+2000, 0)
		change(1, vec.Insert, from, from+2000, 0)
		b.barrier()
	}
	compacted := false
	for round := range int64(100) {
		change(0, vec.Delete, 0, 300, round)
		change(0, vec.Insert, 0, 300, round+1)
		if round%10 == 5 { // keys of which nothing is left
			from := 1000 + round*20
			change(0, vec.Delete, from, from+150, 0)
			change(1, vec.Delete, from, from+150, 0)
		}
		b.barrier()
		compacted = compacted || b.op.(*ChangesJoin).empty > 0
	}
	change(1, vec.Insert, 0, keys, 7)
	b.barrier()
	if !compacted {
		t.Error("no compaction has met a key without rows")
	}
	b.stop()
}

// TestEvictedChangesJoinKeepsTheLimit: a join of many times the rows that may be held takes
// one and a half times the limit at most.
func TestEvictedChangesJoinKeepsTheLimit(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8), types.Of(types.Text)}
	keepsTheLimit(t, 3<<20, 10, func(l *limited) (rows int) {
		op := joinOf(plan.JoinLeft, in, "$0", "", [2]bool{}, l.account)
		l.begin(op)
		ops := []vec.Op{}
		for range 500 {
			ops = append(ops, vec.Insert)
		}
		counted := rowBalance{rows: &rows}
		for n := range 400 {
			b := vec.NewBatch(in)
			for i := range 500 {
				vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(n/2*500+i)*7919%100_003))
				vec.Append(b.Cols[1], types.NewInt(types.Int8, int64(n)))
				vec.Append(b.Cols[2], types.NewText(strings.Repeat("v", 80)))
				b.Rows++
			}
			b.Ops = ops
			l.process(n%2, b, counted)
			if l.due(n%8 == 7) {
				if err := op.Barrier(t.Context(), 1, counted); err != nil {
					t.Fatal(err)
				}
				l.store()
			}
		}
		if rows < 100_000 {
			t.Errorf("%d rows, which is little", rows)
		}
		return rows
	})
}

// rowBalance counts rows, less those that are taken back.
type rowBalance struct{ rows *int }

func (c rowBalance) Emit(_ context.Context, b *vec.Batch) error {
	var s selector
	for _, r := range s.of(b) {
		if b.Op(int(r)) == vec.Delete {
			*c.rows--
		} else {
			*c.rows++
		}
	}
	return nil
}
