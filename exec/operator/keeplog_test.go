package operator

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// loggedTable is a table of numbers and a count beside each, kept in a store.
type loggedTable struct {
	t      *testing.T
	job    *state.Job
	store  *state.Store
	epoch  uint64
	keys   []vec.Vec
	counts []int64
	kept   *keptTable
}

const logSpace = 20

func (l *loggedTable) reader() StateReader {
	return StateReader{Snapshot: l.store.Snapshot(l.job.ID()), Job: l.job.ID(), Operator: logSpace}
}

// save ends an epoch and returns how many bytes it wrote.
func (l *loggedTable) save() int {
	l.t.Helper()
	var b state.Batch
	err := l.kept.save(StateWriter{Batch: &b, Operator: logSpace}, l.keys, len(l.counts), func(g int32, dst []byte) []byte {
		return binary.AppendVarint(dst, l.counts[g])
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.epoch++
	if _, err := l.job.Prepare(l.epoch, &b, state.Progress{}); err != nil {
		l.t.Fatal(err)
	}
	if err := l.job.Commit(l.epoch); err != nil {
		l.t.Fatal(err)
	}
	return b.Size()
}

// restore brings the table back into a keptTable that goes on with it, and compares.
func (l *loggedTable) restore() {
	l.t.Helper()
	r := l.reader()
	defer r.Snapshot.Close()
	k := newKeptTable([]byte{tagGroups}, l.kept.types)
	n := 0
	err := k.restore(r, nil, 0, func(key []vec.Vec, was int32) error {
		if at := vec.Get(key[0], 0, l.kept.types[0]).I; int(was) != n || at != int64(n)*7 {
			l.t.Fatalf("group %d was %d and has key %d", n, was, at)
		}
		return nil
	}, func(g int32, src []byte) error {
		if got, _ := binary.Varint(src); got != l.counts[g] {
			l.t.Fatalf("group %d counts %d, want %d", g, got, l.counts[g])
		}
		n++
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	if n != len(l.counts) {
		l.t.Fatalf("%d groups came back, want %d", n, len(l.counts))
	}
	l.kept = k
}

func (l *loggedTable) grow(n int) {
	for g := len(l.counts); g < n; g++ {
		vec.Append(l.keys[0], types.NewInt(types.Int8, int64(g)*7))
		l.counts = append(l.counts, 0)
		l.kept.touchOne(int32(g))
	}
}

func newLoggedTable(t *testing.T) *loggedTable {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	l := &loggedTable{t: t, store: store, job: store.Job(state.NewID()), kept: newKeptTable([]byte{tagGroups}, []types.Type{types.Of(types.Int8)})}
	if _, err := l.job.Recover(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.job.Rollback(); err != nil {
		t.Fatal(err)
	}
	l.keys = vec.NewBatch(l.kept.types).Cols
	return l
}

// TestEpochCostsItsChanges: of a large table an epoch writes what it has changed, not
// the pages in which that lies, and what it has written so does not grow without end.
func TestEpochCostsItsChanges(t *testing.T) {
	const groups, changes, epochs = 100_000, 500, 400
	rng := rand.New(rand.NewPCG(1, 31))
	l := newLoggedTable(t)
	l.grow(groups)
	whole, written := l.save(), 0
	for range epochs {
		for range changes {
			g := int32(rng.IntN(groups))
			l.counts[g]++
			l.kept.touchOne(g)
		}
		size := l.save()
		if size > whole/10 {
			t.Fatalf("an epoch of %d changes wrote %d bytes, and all groups are %d", changes, size, whole)
		}
		written += size
		if k := l.kept; k.log.bytes > k.bytes {
			t.Fatalf("the log has %d bytes, and the pages %d", k.log.bytes, k.bytes)
		}
	}
	if per := written / (epochs * changes); per > 100 {
		t.Errorf("a change cost %d bytes", per)
	}
	l.restore()
}

// TestGroupLog: a table that grows, changes here and there or everywhere, and has its
// groups numbered anew is brought back as it is, and goes on.
func TestGroupLog(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 32))
		l := newLoggedTable(t)
		for range 150 {
			l.grow(len(l.counts) + rng.IntN(100))
			n := rng.IntN(40)
			if rng.IntN(10) == 0 {
				n *= 50
			}
			for range min(n, len(l.counts)) {
				g := int32(rng.IntN(len(l.counts)))
				if rng.IntN(2) == 0 {
					g %= 64 // which change often
				}
				l.counts[g] += rng.Int64N(1 << 20)
				l.kept.touchOne(g)
			}
			if n := len(l.counts); n > 0 && rng.IntN(30) == 0 {
				// Fewer are left: as keys go by numbers, those of the first ones stay.
				n = rng.IntN(n)
				l.counts = l.counts[:n]
				l.keys = vec.NewBatch(l.kept.types).Cols
				for g := range n {
					vec.Append(l.keys[0], types.NewInt(types.Int8, int64(g)*7))
					l.counts[g] = rng.Int64N(1000)
				}
				l.kept.renumbered(n)
			}
			l.save()
			if rng.IntN(8) == 0 {
				l.restore()
			}
		}
		l.restore()
		if seed == 0 && len(l.kept.log.segments) > 2*leastLog/leastSegment {
			t.Errorf("%d segments are left", len(l.kept.log.segments))
		}
	}
}

// TestDroppedLogLeavesNothing: what is dropped has nothing in the store.
func TestDroppedLogLeavesNothing(t *testing.T) {
	l := newLoggedTable(t)
	l.grow(1000)
	l.save()
	for g := int32(0); g < 1000; g += 32 {
		l.kept.touchOne(g)
	}
	l.save()
	if len(l.kept.log.segments) == 0 {
		t.Fatal("nothing was logged")
	}
	var b state.Batch
	l.kept.drop(StateWriter{Batch: &b, Operator: logSpace})
	l.epoch++
	if _, err := l.job.Prepare(l.epoch, &b, state.Progress{}); err != nil {
		t.Fatal(err)
	}
	if err := l.job.Commit(l.epoch); err != nil {
		t.Fatal(err)
	}
	r := l.reader()
	defer r.Snapshot.Close()
	if err := r.Scan(nil, func(key, _ []byte) error { t.Errorf("key %x is left", key); return nil }); err != nil {
		t.Fatal(err)
	}
}
