package operator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// evicting is an account whose holder evicts what is past a number of bytes. What evicts has a
// goroutine that merges: such tests have Evicted in their names, by which compat-tests/run.sh
// has them run with the race detector.
func evicting(most int64) *memory.Account {
	a := memory.New("the job", 0, "")
	a.EvictAbove(most)
	return a.Evictable("an operator")
}

// TestEvictedAddUp: operators that keep next to nothing in memory give the changes
// that they give otherwise, restored and split among tasks at random.
func TestEvictedAddUp(t *testing.T) {
	bind := binder{pairTypes}
	calls := []string{"count(*)", "sum($1)", "min($1)"}
	keys := []string{"$0", "$1"}
	out := append(typesOf(bind, keys), callTypes(bind, calls)...)
	aggregateOf := func(changes bool, account *memory.Account) *Aggregate {
		spec := AggregateSpec{Keys: programs(bind, keys), KeyTypes: typesOf(bind, keys), Changes: changes, Account: account}
		for _, c := range calls {
			spec.Calls = append(spec.Calls, retractingCall(bind, c))
		}
		return NewAggregate(spec)
	}
	ins := [][]types.Type{pairTypes}
	for seed := range uint64(20) {
		if leftOutWithRace(int(seed)) {
			continue
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 22))
			events, there := changelog(rng, 400)
			most := int64(seed % 2) // of which one byte is too little, and nothing no limit
			lines := playSaved(t, func() Kept { return aggregateOf(true, evicting(most)) }, ins, out, events, rng)
			sameStates(t, accumulate(t, lines), there, func(rows []event) []string {
				return sorted(play(t, aggregateOf(false, nil), ins, out, append(rows, event{kind: eventEnd}), shapes[0]))
			})
			lines = playSaved(t, func() Kept { return NewDistinctChanges(pairTypes, evicting(most)) }, ins, pairTypes, events, rng)
			sameStates(t, accumulate(t, lines), there, func(rows []event) []string {
				return slices.Compact(sorted(play(t, NewAppend(), ins, pairTypes, rows, shapes[0])))
			})
		})
	}
}

// evictKeys are keys of every kind of table, the same number in different scales
// among them.
var evictKeys = []struct {
	name string
	cols []types.Type
	fill func(b *vec.Batch, key int, rng *rand.Rand)
}{
	{"words", []types.Type{types.Of(types.Int8)}, func(b *vec.Batch, key int, _ *rand.Rand) {
		if key == 0 {
			vec.AppendNull(b.Cols[0])
			return
		}
		vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(key)*7919))
	}},
	{"texts", []types.Type{types.Of(types.Text)}, func(b *vec.Batch, key int, _ *rand.Rand) {
		vec.Append(b.Cols[0], types.NewText(strings.Repeat("k", key%40)+fmt.Sprint(key)))
	}},
	{"rows", []types.Type{types.Of(types.Numeric), types.Of(types.Text)}, func(b *vec.Batch, key int, rng *rand.Rand) {
		d, err := types.ParseDecimal(fmt.Sprintf("%d.%s", key, "000"[:rng.IntN(4)]))
		if err != nil {
			panic(err)
		}
		vec.Append(b.Cols[0], types.NewNumeric(d))
		vec.Append(b.Cols[1], types.NewText(fmt.Sprint(key%3)))
	}},
}

// TestEvictedGroups: an aggregate of many more groups than it may hold counts and
// sums as a map does, over restores, and divided among tasks.
func TestEvictedGroups(t *testing.T) {
	for i := range 2 * len(evictKeys) {
		if leftOutWithRace(i) {
			continue
		}
		k, late := evictKeys[i/2], i%2 > 0
		t.Run(fmt.Sprintf("%s, told late %v", k.name, late), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(len(k.name)), 23))
			in := append(slices.Clone(k.cols), types.Of(types.Int8))
			bind := binder{in}
			var keys []string
			for i := range k.cols {
				keys = append(keys, fmt.Sprintf("$%d", i))
			}
			calls := []string{"count(*)", fmt.Sprintf("sum($%d)", len(k.cols))}
			fresh := func() Kept {
				spec := AggregateSpec{Keys: programs(bind, keys), KeyTypes: k.cols, Changes: true, Account: evicting(600 << 10)}
				for _, c := range calls {
					call := retractingCall(bind, c)
					call.spec.Account = spec.Account
					spec.Calls = append(spec.Calls, call)
				}
				return NewAggregate(spec)
			}
			type group struct{ n, sum int64 }
			const most = 12_000
			want := map[int]group{}
			got := map[string]string{}
			sink := &script{types: append(slices.Clone(k.cols), callTypes(bind, calls)...)}
			keep := newKeeper(t)
			keep.late = late
			op := fresh()
			keep.keep(op, 0)
			frozen := 0
			for epoch := range 60 {
				for range 1 + rng.IntN(3) {
					b := vec.NewBatch(in)
					for range 1 + rng.IntN(vec.MaxRows) {
						key := rng.IntN(most)
						if rng.IntN(3) == 0 {
							key %= 100
						}
						k.fill(b, key, rng)
						vec.Append(b.Cols[len(k.cols)], types.NewInt(types.Int8, int64(epoch)))
						g := want[key]
						op := vec.Insert
						if g.n > 0 && rng.IntN(3) == 0 && g.sum >= int64(epoch) {
							op, g = vec.Delete, group{g.n - 1, g.sum - int64(epoch)}
						} else {
							g = group{g.n + 1, g.sum + int64(epoch)}
						}
						if want[key] = g; g.n == 0 && g.sum != 0 {
							t.Fatal("a group without rows has a sum") // which the test has to avoid
						}
						b.Ops = append(b.Ops, op)
						b.Rows++
					}
					if err := op.Process(t.Context(), 0, b, sink); err != nil {
						t.Fatal(err)
					}
				}
				if err := op.Barrier(t.Context(), 1, sink); err != nil {
					t.Fatal(err)
				}
				takeChanges(t, got, sink.lines, aggregated)
				sink.lines = sink.lines[:0]
				keep.save(op)
				if old := op.(*Aggregate).evicted.old; old != nil {
					frozen = max(frozen, int(old.number))
				}
				op = keep.mayKill(rng, op, fresh)
			}
			account := op.(*Aggregate).spec.Account
			if err := op.Close(); err != nil {
				t.Fatal(err)
			}
			if n := account.Used(); n != 0 {
				t.Errorf("%d bytes are not given back", n)
			}
			if frozen == 0 {
				t.Error("nothing was evicted")
			}
			n := 0
			for key, g := range want {
				if g.n == 0 {
					continue
				}
				n++
				b := vec.NewBatch(k.cols)
				k.fill(b, key, rand.New(rand.NewPCG(0, 0)))
				name := groupName(rowText(b, 0, k.cols)[2:])
				if had := got[name]; !strings.HasSuffix(had, fmt.Sprintf(" %d %d", g.n, g.sum)) {
					t.Fatalf("group %s is %q, want %d rows of %d", name, had, g.n, g.sum)
				}
			}
			if len(got) != n {
				t.Errorf("%d groups, want %d", len(got), n)
			}
		})
	}
}

// groupName is the text of keys without the zeros that end a number.
func groupName(keys string) string {
	number, rest, _ := strings.Cut(keys, " ")
	if at := strings.IndexByte(number, '.'); at >= 0 {
		number = number[:at]
	}
	return number + " " + rest
}

// aggregated is the name of the group of a row: what stands before the two calls.
func aggregated(row string) string {
	at := strings.LastIndexByte(row[:strings.LastIndexByte(row, ' ')], ' ')
	return groupName(row[:at])
}

// takeChanges plays changes on the rows that there are, by what nameOf calls them: a row
// that is taken back is there, to the letter.
func takeChanges(t *testing.T, there map[string]string, lines []string, nameOf func(row string) string) {
	t.Helper()
	for _, line := range lines {
		row := line[2:]
		name := nameOf(row)
		was, some := there[name]
		switch {
		case line[0] == '-' && was != row:
			t.Fatalf("%q is taken back, and %q is there", row, was)
		case line[0] == '-':
			delete(there, name)
		case some:
			t.Fatalf("%q is given, and %q is there", row, was)
		default:
			there[name] = row
		}
	}
}
