package operator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// changedWindow is row_number() over an input that changes.
func changedWindow(bind binder, by ...string) *WindowChanges {
	return NewWindowChanges(WindowSpec{Types: bind.types, Env: env, Partition: sortKeys(bind, by), OrderBy: sortKeys(bind, []string{"$0", "$1"}),
		Calls: []WindowCall{windowCall(bind, "row_number()")}})
}

// TestKeptWindowChangesAddUp: what is saved of OVER over changes and brought back goes
// on as it was, among other tasks too: the rows of a partition, or all where there is
// none, are one task's.
func TestKeptWindowChangesAddUp(t *testing.T) {
	bind := binder{pairTypes}
	out := append(slices.Clone(pairTypes), types.Of(types.Int8))
	for _, by := range [][]string{nil, {"$0"}} {
		for seed := range uint64(10) {
			t.Run(fmt.Sprint(by, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 23))
				events, there := changelog(rng, 200)
				lines := playSaved(t, func() Kept { return changedWindow(bind, by...) }, [][]types.Type{pairTypes}, out, events, rng)
				sameStates(t, accumulate(t, lines), there, func(rows []event) []string {
					bounded := NewWindow(WindowSpec{Types: pairTypes, Env: env, Partition: sortKeys(bind, by), OrderBy: sortKeys(bind, []string{"$0", "$1"}),
						Calls: []WindowCall{windowCall(bind, "row_number()")}})
					return sorted(play(t, bounded, [][]types.Type{pairTypes}, out, append(rows, event{kind: eventEnd}), shapes[0]))
				})
			})
		}
	}
}

// nowhere takes rows.
type nowhere struct{}

func (nowhere) Emit(context.Context, *vec.Batch) error { return nil }

// textRows are rows of a text, a time and two numbers that come, or go, all at once.
func textRows(n int, op vec.Op) []event {
	var all []event
	for i := range int64(n) {
		all = append(all, event{op: op, values: []types.Value{types.NewText(fmt.Sprint(i)), types.NewInt(types.Timestamp, i*1e6),
			types.NewInt(types.Int8, i), types.NewInt(types.Int8, 1)}})
	}
	return all
}

// changing are the operators over rows that change which keep all of them counted,
// of overTypes; parted: by the first column.
func changing(parted bool) map[string]func() Kept {
	bind := binder{overTypes}
	var by []string
	session := SessionSpec{Time: bind.program("$1"), TimeType: overTypes[1], Gap: 1, Rows: overTypes}
	if parted {
		by = []string{"$0"}
		session.Partition, session.PartitionTypes = programs(bind, by), overTypes[:1]
	}
	window := WindowSpec{Types: overTypes, Env: env, Partition: sortKeys(bind, by), OrderBy: sortKeys(bind, []string{"$1"})}
	return map[string]func() Kept{
		"window":  func() Kept { return NewWindowChanges(window) },
		"session": func() Kept { return NewSessionChanges(session, true) },
		"first": func() Kept {
			return NewFirst(FirstSpec{Types: overTypes, Partition: window.Partition, OrderBy: window.OrderBy, Rank: "row_number", Most: 3})
		},
	}
}

// TestUnpartitionedRowsAreOneTasks: where there is no partition, one task of several
// gets every row that was stored.
func TestUnpartitionedRowsAreOneTasks(t *testing.T) {
	const rows = 100
	for name, fresh := range changing(false) {
		t.Run(name, func(t *testing.T) {
			k, op := newKeeper(t), fresh()
			k.keep(op, 0)
			playEpoch(t, k, op, textRows(rows, vec.Insert))
			var got []int
			for task := range 3 {
				part := fresh()
				if err := part.Keep(); err != nil {
					t.Fatal(err)
				}
				k.read(part, 0, &Share{Task: task, Tasks: 3})
				n, _ := countedIn(part)
				got = append(got, n)
				if err := part.Close(); err != nil {
					t.Fatal(err)
				}
			}
			slices.Sort(got)
			if want := []int{0, 0, rows}; !slices.Equal(got, want) {
				t.Errorf("the tasks have %d rows, want %d", got, want)
			}
			if err := op.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestCompactedRowsAreStoredOnce: an epoch that gives back the numbers of rows that
// have gone stores those that are left, and nothing for the pages that are no more.
func TestCompactedRowsAreStoredOnce(t *testing.T) {
	for name, fresh := range changing(true) {
		t.Run(name, func(t *testing.T) {
			const rows, left = 2 * fewRows, 10
			k, op := newKeeper(t), fresh()
			k.keep(op, 0)
			playEpoch(t, k, op, textRows(rows, vec.Insert))
			playEpoch(t, k, op, textRows(rows, vec.Delete)[left:])
			n, kept := countedIn(op)
			if n != left {
				t.Fatalf("%d rows are counted, want %d", n, left)
			}
			// Each page that there was goes, and one is written.
			if most := 1 + rows/pageGroups; k.keys > most {
				t.Errorf("the epoch wrote and deleted %d keys, want at most %d", k.keys, most)
			}
			if len(kept.parts) != 1 {
				t.Errorf("%d pages are stored, want 1", len(kept.parts))
			}
			if err := op.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// countedIn is how many rows an operator of changing counts, and what is stored of
// them.
func countedIn(op Kept) (int, *keptTable) {
	switch op := op.(type) {
	case *WindowChanges:
		return len(op.now), op.kept
	case *SessionChanges:
		return len(op.now), op.kept
	case *First:
		return len(op.counts), op.kept.rows
	}
	return 0, nil
}

// playEpoch gives an operator the rows of an epoch, and stores it.
func playEpoch(t *testing.T, k *keeper, op Kept, events []event) {
	t.Helper()
	for some := range slices.Chunk(events, 1000) {
		b := makeBatch(overTypes, some, false, rand.New(rand.NewPCG(1, 1)))
		if err := op.Process(t.Context(), 0, b, nowhere{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := op.Barrier(t.Context(), 1, nowhere{}); err != nil {
		t.Fatal(err)
	}
	k.save(op)
}
