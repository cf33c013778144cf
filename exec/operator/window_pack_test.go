package operator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/blocksort"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// packCase is a Window over random rows of several chunks, with some or all of a
// key NULL; what a NULL's value is in its column is left to chance.
func packCase(t *testing.T, rnd *rand.Rand, rows int) *Window {
	t.Helper()
	ts := []types.Type{types.Of(types.Int8), types.Of(types.Int4), types.Of(types.Int2), types.Of(types.Bool), types.Of(types.Oid), types.Of(types.Float4)}
	keys := sortKeys(binder{ts}, []string{"$0", "$1", "$2", "$3", "$4", "$5"})
	rnd.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	keys = keys[:1+rnd.IntN(4)]
	for i := range keys {
		keys[i].Desc, keys[i].NullsFirst = rnd.IntN(2) == 0, rnd.IntN(2) == 0
	}
	split := rnd.IntN(len(keys) + 1)
	w := NewWindow(WindowSpec{Types: ts, Pass: []int{}, Partition: keys[:split], OrderBy: keys[split:], Env: env})
	w.spool.perRow = 1 + rows/3
	spread := int64(1) << rnd.IntN(20)
	nulls := make([]int, len(ts)) // of a hundred rows
	for i := range nulls {
		nulls[i] = []int{0, 0, 5, 100}[rnd.IntN(4)]
	}
	for left := rows; left > 0; {
		b := vec.NewBatch(ts)
		for ; b.Rows < min(left, vec.MaxRows); b.Rows++ {
			b.Cols[0].(*vec.Fixed[int64]).Append(rnd.Int64N(spread) - spread/2)
			b.Cols[1].(*vec.Fixed[int32]).Append(math.MinInt32 + rnd.Int32N(9))
			b.Cols[2].(*vec.Fixed[int16]).Append(math.MaxInt16 - int16(rnd.IntN(3)))
			b.Cols[3].(*vec.Fixed[bool]).Append(rnd.IntN(2) == 0)
			b.Cols[4].(*vec.Fixed[uint32]).Append(math.MaxUint32 - rnd.Uint32N(5))
			b.Cols[5].(*vec.Fixed[float32]).Append([]float32{0, float32(math.Copysign(0, -1)), 1, float32(math.NaN())}[rnd.IntN(4)])
			for i, n := range nulls {
				if rnd.IntN(100) < n {
					b.Cols[i].Nulls().Set(b.Rows)
				}
			}
		}
		left -= b.Rows
		if err := w.Process(t.Context(), 0, b, nil); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// TestWindowPack compares the order of rows whose keys are one number with that
// found key by key.
func TestWindowPack(t *testing.T) {
	fit := 0
	for seed := range uint64(120) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		w := packCase(t, rnd, []int{1, 50, 9000}[seed%3])
		p, ok := w.pack()
		if !ok {
			continue
		}
		fit++
		got, want := w.spool.refs(nil), w.spool.refs(nil)
		w.begins = make([]uint16, len(got))
		if err := w.sortPacked(t.Context(), p, got); err != nil {
			t.Fatal(err)
		}
		begins := w.begins
		w.begins = make([]uint16, len(want))
		if err := w.sortByKey(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) || !slices.Equal(begins, w.begins) {
			t.Fatalf("seed %d, keys %+v: packed, the rows are in another order", seed, p.keys)
		}
	}
	if fit < 60 {
		t.Errorf("the keys of %d cases fit one number, want most", fit)
	}
}

// TestWindowPackWidth: keys that need more than 64 bits are not packed.
func TestWindowPackWidth(t *testing.T) {
	ts := []types.Type{types.Of(types.Int8), types.Of(types.Bool), types.Of(types.Text)}
	for _, c := range []struct {
		keys []string
		null bool
		want bool
	}{
		{keys: []string{"$0"}, want: true},
		{keys: []string{"$0"}, null: true},
		{keys: []string{"$1", "$0"}},
		{keys: []string{"$1"}, null: true, want: true},
		{keys: []string{"$1", "$2"}},
		{want: true},
	} {
		w := NewWindow(WindowSpec{Types: ts, OrderBy: sortKeys(binder{ts}, c.keys), Env: env})
		b := vec.NewBatch(ts)
		for i, x := range []int64{math.MinInt64, math.MaxInt64, 0} {
			b.Cols[0].(*vec.Fixed[int64]).Append(x)
			b.Cols[1].(*vec.Fixed[bool]).Append(i == 0)
			vec.Append(b.Cols[2], types.NewText("a"))
			b.Rows++
		}
		if c.null {
			b.Cols[0].Nulls().Set(2)
			b.Cols[1].Nulls().Set(2)
		}
		if err := w.Process(t.Context(), 0, b, nil); err != nil {
			t.Fatal(err)
		}
		if _, ok := w.pack(); ok != c.want {
			t.Errorf("keys %v with NULL %t: packed %t, want %t", c.keys, c.null, ok, c.want)
		}
	}
}

// TestSortNumbers sorts numbers that are spread, that share their high bits, and
// of which a few values hold most rows.
func TestSortNumbers(t *testing.T) {
	for width, number := range map[int]func(r *rand.Rand) uint64{
		64: func(r *rand.Rand) uint64 { return r.Uint64() },
		60: func(r *rand.Rand) uint64 { return r.Uint64N(1 << 9) },
		40: func(r *rand.Rand) uint64 { return r.Uint64N(1<<12)<<28 | r.Uint64N(30) },
		30: func(r *rand.Rand) uint64 { return r.Uint64N(3)<<28 | r.Uint64N(1<<20) },
		20: func(r *rand.Rand) uint64 { return r.Uint64N(1 << 20) },
		1:  func(r *rand.Rand) uint64 { return r.Uint64N(2) },
		0:  func(*rand.Rand) uint64 { return 0 },
	} {
		for _, rows := range []int{0, 1, 100, 3 * blocksort.Block} {
			rnd := rand.New(rand.NewPCG(uint64(width), 9))
			var got []keyed
			for i := range rows {
				got = append(got, keyed{prefix: number(rnd), row: ref(i)})
			}
			want := slices.Clone(got)
			if err := sortKeyed(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			if err := sortNumbers(t.Context(), got, width); err != nil || !slices.Equal(got, want) {
				t.Errorf("%d rows of %d bits: not in order (%v)", rows, width, err)
			}
		}
	}
}

// TestWindowPass: only the columns that are asked for are passed on, in their
// order, also from disk.
func TestWindowPass(t *testing.T) {
	ins := []types.Type{types.Of(types.Int8), types.Of(types.Text), types.Of(types.Int4)}
	bind := binder{ins}
	rng := rand.New(rand.NewPCG(3, 3))
	var events []event
	for i := range 6000 {
		events = append(events, event{values: []types.Value{types.NewInt(types.Int8, int64(i)),
			types.NewText("a text that takes some room"), types.NewInt(types.Int4, rng.Int64N(500))}})
	}
	events = append(events, event{kind: eventEnd})
	for _, pass := range [][]int{{}, {2}, {2, 0}, nil} {
		var out []types.Type
		for _, c := range pass {
			out = append(out, ins[c])
		}
		if pass == nil {
			out = slices.Clone(ins)
		}
		sameWithDisk(t, func(a *memory.Account) Operator {
			return NewWindow(WindowSpec{Types: ins, Pass: pass, Env: env, Account: a, Calls: []WindowCall{windowCall(bind, "rank()"), windowCall(bind, "lag($0)")},
				Partition: sortKeys(bind, []string{"$2"}), OrderBy: sortKeys(bind, []string{"$1", "$0"})})
		}, [][]types.Type{ins}, append(out, types.Of(types.Int8), types.Of(types.Int8)), events, true)
	}
	w := NewWindow(WindowSpec{Types: ins, Pass: []int{2, 0}, Env: env, Calls: []WindowCall{windowCall(bind, "rank()")}, OrderBy: sortKeys(bind, []string{"$0 desc"})})
	got := play(t, w, [][]types.Type{ins}, []types.Type{ins[2], ins[0], types.Of(types.Int8)}, append(events[:2:2], event{kind: eventEnd}), shapes[0])
	want := []string{fmt.Sprintf("+ %d 1 1", events[1].values[2].I), fmt.Sprintf("+ %d 0 2", events[0].values[2].I), "end"}
	if !slices.Equal(got, want) {
		t.Errorf("passed %q, want %q", got, want)
	}
}
