package operator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// spillingQuery is a query whose operators write to disk after a few kilobytes.
type spillingQuery struct {
	*memory.Account
	disk *memory.Disk
	dir  string
}

func newSpillingQuery(t *testing.T) spillingQuery {
	t.Helper()
	q := spillingQuery{dir: t.TempDir()}
	q.disk = memory.NewDisk(q.dir, 0)
	q.Account = memory.New("the query", 256<<10, memory.QuerySetting)
	q.SpillTo(q.disk, 0.02)
	return q
}

// clean checks that nothing is left in memory or on disk once the operators are
// closed.
func (q spillingQuery) clean(t *testing.T) {
	t.Helper()
	if q.Used() != 0 || q.disk.Files() != 0 || q.disk.Used() != 0 {
		t.Errorf("after Close %d bytes of memory, %d files and %d bytes of disk are held", q.Used(), q.disk.Files(), q.disk.Used())
	}
	entries, err := os.ReadDir(q.dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("the spill folder holds %v, %v", entries, err)
	}
}

// manyTypes are one type of each kind of column, with a key of few values first.
var manyTypes = func() []types.Type {
	ts := []types.Type{types.Of(types.Int4)}
	for _, oid := range []types.OID{types.Bool, types.Int2, types.Int8, types.Float4, types.Float8, types.Numeric, types.Text, types.BPChar,
		types.Bytea, types.Date, types.Timestamptz, types.Interval, types.UUID, types.JSONB, types.Lookup(types.Text).Array, types.Lookup(types.Numeric).Array} {
		ts = append(ts, types.Of(oid))
	}
	return ts
}()

// randomOf returns a value of a type; a few kinds of it are all there are, so
// that rows meet.
func randomOf(rng *rand.Rand, t types.Type) types.Value {
	if rng.IntN(7) == 0 {
		return types.NullOf(t)
	}
	n := rng.IntN(4)
	var text string
	switch t.OID {
	case types.Bool:
		text = []string{"t", "f"}[n%2]
	case types.Numeric:
		text = []string{"1.5", "1.50", "123456789012345678901234567890123456789012345.678", "NaN"}[n]
	case types.Float4, types.Float8:
		text = []string{"0", "-0", "NaN", "1e10"}[n]
	case types.Bytea:
		text = `\x` + strings.Repeat("ab", n)
	case types.Date:
		text = fmt.Sprintf("2024-01-%02d", n+1)
	case types.Timestamptz:
		text = fmt.Sprintf("2024-01-%02d 10:00+00", n+1)
	case types.Interval:
		text = []string{"1 mon", "30 days", "1 day", "24:00"}[n]
	case types.UUID:
		text = fmt.Sprintf("00000000-0000-0000-0000-00000000000%d", n)
	case types.JSONB:
		text = fmt.Sprintf(`{"a": %d}`, n)
	case types.Text, types.BPChar:
		text = strings.Repeat("é", 3*n)
	case types.Lookup(types.Text).Array:
		text = []string{"{}", "{a,NULL,b}", "{{a},{b}}", "[2:3]={x,y}"}[n]
	case types.Lookup(types.Numeric).Array:
		text = []string{"{}", "{1.5,1.50}", "{NULL}", "{3}"}[n]
	default:
		text = fmt.Sprint(n)
	}
	return parse(t, text)
}

// randomWide are rows of manyTypes whose key is one of keys.
func randomWide(rng *rand.Rand, n, keys int) [][]types.Value {
	rows := make([][]types.Value, n)
	for i := range rows {
		rows[i] = []types.Value{types.NewInt(types.Int4, int64(rng.IntN(keys)))}
		if rng.IntN(20) == 0 {
			rows[i][0] = types.NullOf(manyTypes[0])
		}
		for _, t := range manyTypes[1:] {
			rows[i] = append(rows[i], randomOf(rng, t))
		}
	}
	return rows
}

func rowEvents(input int, rows [][]types.Value) []event {
	var events []event
	for _, r := range rows {
		events = append(events, event{input: input, values: r})
	}
	return append(events, event{kind: eventEnd, input: input})
}

var spillShapes = []shape{{size: 1024}, {size: 37, junk: true, seed: 5}}

// sameWithDisk plays events to an operator in memory, and to one that writes to
// disk, and compares what they emit: in their order, or, ordered false, sorted.
func sameWithDisk(t *testing.T, build func(*memory.Account) Operator, ins [][]types.Type, out []types.Type, events []event, ordered bool) {
	t.Helper()
	for _, s := range spillShapes {
		want := play(t, build(nil), ins, out, events, s)
		q := newSpillingQuery(t)
		account := q.Spillable("the operator")
		got := play(t, build(account), ins, out, events, s)
		if account.Spilled() == 0 {
			t.Fatalf("%v: nothing was written to disk", s)
		}
		if !ordered {
			slices.Sort(want)
			slices.Sort(got)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v: %d lines, in memory %d: %s", s, len(got), len(want), firstOther(got, want))
		}
		account.Close()
		q.clean(t)
	}
}

func TestSortOnDisk(t *testing.T) {
	rows := randomWide(rand.New(rand.NewPCG(1, 1)), 600, 50)
	for _, keys := range [][]string{{"$0"}, {"$0 desc", "$6"}, {"$7", "$15", "$12 desc"}} {
		for _, top := range []int64{-1, 1, 500} {
			sameWithDisk(t, func(a *memory.Account) Operator {
				return NewSort(sortKeys(binder{manyTypes}, keys), manyTypes, top, a, nil)
			}, [][]types.Type{manyTypes}, manyTypes, rowEvents(0, rows), true)
		}
	}
}

func TestDistinctOnDisk(t *testing.T) {
	bind := binder{manyTypes}
	rows := randomWide(rand.New(rand.NewPCG(2, 1)), 2000, 40)
	rows = append(rows, rows[:1000]...)
	events := rowEvents(0, rows)
	sameWithDisk(t, func(a *memory.Account) Operator { return NewDistinct(nil, manyTypes, a, nil) },
		[][]types.Type{manyTypes}, manyTypes, events, false)
	both := append(rowEvents(0, rows[:1800]), rowEvents(1, rows[1200:])...)
	sameWithDisk(t, func(a *memory.Account) Operator { return NewUnion(2, manyTypes, a, nil) },
		[][]types.Type{manyTypes, manyTypes}, manyTypes, both, false)
	keys := []string{"$0", "$6", "$7", "$14"}
	sameWithDisk(t, func(a *memory.Account) Operator {
		return NewDistinct(programs(bind, keys), typesOf(bind, keys), a, nil)
	}, [][]types.Type{manyTypes}, manyTypes, events, false)
}

func TestSetOpOnDisk(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	left := randomWide(rng, 600, 40)
	right := append(randomWide(rng, 300, 40), left[:200]...)
	left = append(left, left[100:300]...)
	events := append(rowEvents(0, left), rowEvents(1, right)...)
	for _, kind := range []SetKind{Intersect, Except} {
		for _, all := range []bool{false, true} {
			sameWithDisk(t, func(a *memory.Account) Operator { return NewSetOp(kind, all, manyTypes, a) },
				[][]types.Type{manyTypes, manyTypes}, manyTypes, events, false)
		}
	}
}

func TestAggregateOnDisk(t *testing.T) {
	bind := binder{pairTypes}
	calls := []string{"count(*)", "count($1)", "sum($1)", "min($1)", "max($0)", "count(distinct $1)"}
	rng := rand.New(rand.NewPCG(4, 1))
	var rows [][]types.Value
	for range 6000 {
		v := randomPair(rng)
		if !v[0].Null {
			v[0] = types.NewText(fmt.Sprint("key ", rng.IntN(900)))
		}
		if !v[1].Null {
			v[1].I = int64(rng.IntN(700))
		}
		rows = append(rows, v)
	}
	for _, keys := range [][]string{{"$0"}, {"$1", "$0"}, nil} {
		out := append(typesOf(bind, keys), callTypes(bind, calls)...)
		sameWithDisk(t, func(a *memory.Account) Operator {
			spec := AggregateSpec{Keys: programs(bind, keys), KeyTypes: typesOf(bind, keys), Account: a}
			for _, c := range calls {
				spec.Calls = append(spec.Calls, testCall(bind, c, a))
			}
			return NewAggregate(spec)
		}, [][]types.Type{pairTypes}, out, rowEvents(0, rows), false)
	}
}

// orderedCall is a call with ORDER BY over rows that only come.
func orderedCall(b binder, s string, order []string, a *memory.Account) *Call {
	c := planCall(b, s)
	if c.Func.Ret == types.AnyArray {
		c.Typ = types.Of(types.Lookup(c.Args[0].Type().OID).Array)
	}
	spec := callSpec(c, a, false)
	spec.OrderBy = sortKeys(b, order)
	return NewCall(spec)
}

func TestOrderedCallOnDisk(t *testing.T) {
	bind := binder{pairTypes}
	rng := rand.New(rand.NewPCG(5, 1))
	var rows [][]types.Value
	for range 5000 {
		v := randomPair(rng)
		v[1] = types.NewInt(types.Int8, int64(rng.IntN(3000)))
		rows = append(rows, v)
	}
	for _, c := range []string{"array_agg($1)", "array_agg(distinct $1)"} {
		for _, keys := range [][]string{{"$0"}, nil} {
			out := append(typesOf(bind, keys), types.Of(types.Lookup(types.Int8).Array))
			for _, s := range spillShapes {
				build := func(a *memory.Account) Operator {
					return NewAggregate(AggregateSpec{Keys: programs(bind, keys), KeyTypes: typesOf(bind, keys), Account: a,
						Calls: []*Call{orderedCall(bind, c, []string{"$1 desc"}, a)}})
				}
				want := sorted(play(t, build(nil), [][]types.Type{pairTypes}, out, rowEvents(0, rows), s))
				account := memory.New("the query", 4<<20, memory.QuerySetting)
				account.SpillTo(memory.NewDisk(t.TempDir(), 0), 0.005)
				own := account.Spillable("the operator")
				got := sorted(play(t, build(own), [][]types.Type{pairTypes}, out, rowEvents(0, rows), s))
				if own.Spilled() == 0 {
					t.Fatal("nothing was written to disk")
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s by %v, %v: %s", c, keys, s, firstOther(got, want))
				}
			}
		}
	}
}

func TestJoinOnDisk(t *testing.T) {
	both := append(slices.Clone(manyTypes), manyTypes...)
	rng := rand.New(rand.NewPCG(6, 1))
	for name, c := range map[string]struct {
		left, right, keys int
		on, cond          []string
	}{
		"many keys":   {left: 150, right: 400, keys: 100, on: []string{"$0"}},
		"one key":     {left: 15, right: 200, keys: 1, on: []string{"$0"}},
		"residual":    {left: 60, right: 300, keys: 30, on: []string{"$0"}, cond: []string{"$2 < $19"}},
		"nested loop": {left: 20, right: 150, keys: 5, cond: []string{"$2 < $19"}},
		"cross":       {left: 10, right: 150, keys: 5},
		"two keys":    {left: 150, right: 400, keys: 10, on: []string{"$0", "$6"}},
		"other keys":  {left: 400, right: 500, keys: 900, on: []string{"$0"}},
	} {
		left, right := randomWide(rng, c.left, c.keys), randomWide(rng, c.right, c.keys)
		for kind := plan.JoinInner; kind <= plan.JoinRightNotIn; kind++ {
			notIn := kind == plan.JoinNotIn || kind == plan.JoinRightNotIn
			once := c.on != nil && c.cond == nil && (kind == plan.JoinSemi || kind == plan.JoinAnti)
			if (notIn || once) && name != "other keys" {
				continue // there must be much that is kept
			}
			right, left := right, left
			if kind == plan.JoinNotIn {
				right = haveKey(right)
			} else if kind == plan.JoinRightNotIn {
				left = haveKey(left)
			}
			events := append(rowEvents(JoinRight, right), rowEvents(JoinLeft, left)...)
			t.Run(fmt.Sprint(name, " ", kind), func(t *testing.T) {
				out := both
				if kind >= plan.JoinSemi {
					out = manyTypes
				}
				sameWithDisk(t, func(a *memory.Account) Operator {
					s := JoinSpec{Kind: kind, LeftTypes: manyTypes, RightTypes: manyTypes, Account: a}
					b := binder{manyTypes}
					if c.on != nil {
						s.LeftKeys, s.RightKeys, s.KeyTypes = programs(b, c.on), programs(b, c.on), typesOf(b, c.on)
					}
					if c.cond != nil {
						s.Cond = binder{both}.program(c.cond[0])
					}
					return NewJoin(s)
				}, [][]types.Type{manyTypes, manyTypes}, out, events, false)
			})
		}
	}
}

// haveKey are the rows whose first column is not NULL.
func haveKey(rows [][]types.Value) [][]types.Value {
	return slices.DeleteFunc(slices.Clone(rows), func(r []types.Value) bool { return r[0].Null })
}

// TestOneRowOfAKey: what asks only whether there is a right row of a key keeps one of
// each, however many come, and NOT IN none at all where a NULL is among them.
func TestOneRowOfAKey(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	right, left := randomWide(rng, 2000, 10), randomWide(rng, 30, 20)
	null := slices.Insert(haveKey(right), 1000, slices.Insert(slices.Clone(right[0][1:]), 0, types.NullOf(manyTypes[0])))
	for name, c := range map[string]struct {
		kind  plan.JoinKind
		right [][]types.Value
		kept  int
	}{
		"semi":             {plan.JoinSemi, right, 10},
		"anti":             {plan.JoinAnti, right, 10},
		"not in":           {plan.JoinNotIn, haveKey(right), 10},
		"not in with null": {plan.JoinNotIn, null, 0},
	} {
		t.Run(name, func(t *testing.T) {
			q := newSpillingQuery(t)
			q.SpillTo(q.disk, 0.5)
			account := q.Spillable("the operator")
			on := programs(binder{manyTypes}, []string{"$0"})
			j := NewJoin(JoinSpec{Kind: c.kind, LeftTypes: manyTypes, RightTypes: manyTypes, LeftKeys: on, RightKeys: on, KeyTypes: manyTypes[:1], Account: account})
			var want []string
			for _, l := range left {
				hit := slices.ContainsFunc(c.right, func(r []types.Value) bool {
					if c.kind == plan.JoinNotIn && (l[0].Null || r[0].Null) {
						return true
					}
					return !l[0].Null && !r[0].Null && l[0].I == r[0].I
				})
				if hit == (c.kind == plan.JoinSemi) {
					want = append(want, texts(l))
				}
			}
			kept := 0
			got := sorted(play(t, keptRows{j, &kept}, [][]types.Type{manyTypes, manyTypes}, manyTypes,
				append(rowEvents(JoinRight, c.right), rowEvents(JoinLeft, left)...), shape{size: 100}))
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%d rows, want %d: %s", len(got), len(want), firstOther(got, want))
			}
			if kept != c.kept || account.Spilled() > 0 {
				t.Errorf("%d right rows were kept and %d bytes went to disk, want %d and none", kept, account.Spilled(), c.kept)
			}
			account.Close()
			q.clean(t)
		})
	}
}

// keptRows notes how many rows a join has kept when its right input ends.
type keptRows struct {
	*Join
	kept *int
}

func (k keptRows) Finish(ctx context.Context, input int, out Output) error {
	if input == JoinRight {
		*k.kept = int(k.right.Rows())
	}
	return k.Join.Finish(ctx, input, out)
}

func TestWindowOnDisk(t *testing.T) {
	ins := []types.Type{types.Of(types.Int8), types.Of(types.Numeric), types.Of(types.Bool)}
	bind := binder{ins}
	rng := rand.New(rand.NewPCG(7, 1))
	var events []event
	for len(events) < 3000 {
		for _, e := range randomRows(rng, ins) {
			if e.kind == eventRow {
				e.values[0].I = int64(rng.IntN(400))
				events = append(events, e)
			}
		}
	}
	events = append(events, event{kind: eventEnd})
	for _, by := range [][]string{{"$0"}, {"$1", "$0"}} {
		sameWithDisk(t, func(a *memory.Account) Operator {
			spec := WindowSpec{Types: ins, Env: env, Partition: sortKeys(bind, by), OrderBy: sortKeys(bind, []string{"$1 desc"}), Account: a}
			for _, s := range []string{"row_number()", "rank()", "lag($0)", "sum($0)", "count(*)", "max($1)"} {
				c := windowCall(bind, s)
				c.Frame = Frame{Mode: plan.FrameRange, End: FrameBound{Kind: plan.CurrentRow}}
				spec.Calls = append(spec.Calls, c)
			}
			return NewWindow(spec)
		}, [][]types.Type{ins}, append(slices.Clone(ins), types.Of(types.Int8), types.Of(types.Int8), types.Of(types.Int8),
			types.Of(types.Numeric), types.Of(types.Int8), types.Of(types.Numeric)), events, true)
	}
}

// TestPartitionMustFit: one partition that is larger than memory is 53200.
func TestPartitionMustFit(t *testing.T) {
	q := newSpillingQuery(t)
	account := q.Spillable("the operator")
	w := NewWindow(WindowSpec{Types: pairTypes, Env: env, Account: account})
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		err = w.Process(t.Context(), 0, manyPairs(i), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(t.Context(), 0, outputFunc(func(*vec.Batch) error { return nil })); sqlerr.CodeOf(err) != sqlerr.OutOfMemory {
		t.Errorf("error = %v, want 53200", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	account.Close()
	q.clean(t)
}

func TestSpoolOnDisk(t *testing.T) {
	q := newSpillingQuery(t)
	account := q.Spillable("WITH")
	rng := rand.New(rand.NewPCG(8, 1))
	rows := randomWide(rng, 3000, 50)
	spool := NewSpool(manyTypes, account, "WITH")
	var want []string
	for part := range slices.Chunk(rows, 100) {
		events := rowEvents(0, part)
		b := makeBatch(manyTypes, events[:len(part)], true, rng)
		if err := spool.Add(b); err != nil {
			t.Fatal(err)
		}
		for _, r := range part {
			want = append(want, "+ "+texts(r))
		}
	}
	if account.Spilled() == 0 {
		t.Fatal("nothing was written to disk")
	}
	for turn := range 2 { // read twice at once, the second time by two leaves
		leaves := []Leaf{spool.Leaf(), spool.Leaf()}[:turn+1]
		outs := []*script{{types: manyTypes}, {types: manyTypes}}
		for open := true; open; {
			open = false
			for i, l := range leaves {
				b, err := l.Next(context.Background())
				if err != nil {
					continue
				}
				open = true
				if err := outs[i].Emit(context.Background(), b); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range leaves {
			if !slices.Equal(outs[i].lines, want) {
				t.Fatalf("turn %d, leaf %d: %s", turn, i, firstOther(outs[i].lines, want))
			}
		}
	}
	spool.Reset()
	account.Close()
	q.clean(t)
}

// TestSpillStops cancels queries while their operators write or read, and fails
// their disks: nothing stays.
func TestSpillStops(t *testing.T) {
	bind := binder{pairTypes}
	key := programs(bind, []string{"$1"})
	for name, build := range map[string]func(a *memory.Account) Operator{
		"sort": func(a *memory.Account) Operator {
			return NewSort(sortKeys(bind, []string{"$1"}), pairTypes, -1, a, nil)
		},
		"distinct":  func(a *memory.Account) Operator { return NewDistinct(nil, pairTypes, a, nil) },
		"intersect": func(a *memory.Account) Operator { return NewSetOp(Intersect, false, pairTypes, a) },
		"aggregate": func(a *memory.Account) Operator {
			return NewAggregate(AggregateSpec{Keys: key, KeyTypes: pairTypes[1:], Calls: []*Call{testCall(bind, "count(*)", a)}, Account: a})
		},
		"join": func(a *memory.Account) Operator {
			return NewJoin(JoinSpec{LeftTypes: pairTypes, RightTypes: pairTypes, KeyTypes: pairTypes[1:], LeftKeys: key, RightKeys: key, Account: a})
		},
		"window": func(a *memory.Account) Operator {
			return NewWindow(WindowSpec{Types: pairTypes, Partition: sortKeys(bind, []string{"$1"}), Env: env, Account: a})
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, full := range []bool{false, true} {
				q := newSpillingQuery(t)
				if full {
					q.disk = memory.NewDisk(q.dir, 300<<10)
					q.SpillTo(q.disk, 0.02)
				}
				account := q.Spillable("the operator")
				op := build(account)
				ctx, cancel := context.WithCancel(context.Background())
				out := outputFunc(func(*vec.Batch) error { cancel(); return nil })
				var err error
				for i := 0; i < 60 && err == nil; i++ {
					err = op.Process(ctx, 1, manyPairs(i), out)
				}
				if !full && err == nil {
					cancel()
					err = op.Finish(ctx, 1, out)
					for i := 0; i < 60 && err == nil; i++ {
						err = op.Process(ctx, 0, manyPairs(i), out)
					}
					if err == nil {
						err = op.Finish(ctx, 0, out)
					}
				}
				cancel()
				if full && sqlerr.CodeOf(err) != sqlerr.DiskFull || !full && !errors.Is(err, context.Canceled) {
					t.Errorf("full %v: error = %v", full, err)
				}
				if err := op.Close(); err != nil {
					t.Fatal(err)
				}
				account.Close()
				q.clean(t)
			}
		})
	}
}

type outputFunc func(*vec.Batch) error

func (f outputFunc) Emit(_ context.Context, b *vec.Batch) error { return f(b) }
