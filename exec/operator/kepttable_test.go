package operator

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestRestoreMakesRoomOnce: the keys of a large table lie where they came to lie at
// first when it is restored: they are not moved again and again while it grows.
func TestRestoreMakesRoomOnce(t *testing.T) {
	const groups = 40_000
	key := func(i int) []byte { return fmt.Appendf(nil, "%0200d", i) }
	ts := []types.Type{types.Of(types.Text)}
	l := newLoggedTable(t)
	l.kept = newKeptTable([]byte{tagGroups}, ts)
	l.keys = vec.NewBatch(ts).Cols
	for g := range groups {
		l.keys[0].(*vec.Bytes).Append(key(g))
		l.counts = append(l.counts, int64(g))
		l.kept.touchOne(int32(g))
	}
	l.save()

	into := newTable(ts, memory.New("a test", 1<<30, memory.QuerySetting), "a table")
	var counts []int64
	var at []*byte // where the keys lie, each time that is elsewhere
	r := l.reader()
	defer r.Snapshot.Close()
	one, ids := []int32{0}, []int32{0}
	err := newKeptTable([]byte{tagGroups}, ts).restore(r, into, 0, func(key []vec.Vec, _ int32) error {
		err := into.assign(key, 1, one, ids)
		if data := into.keys[0].(*vec.Bytes).Data; len(counts) > 2*samplePages*pageGroups && (len(at) == 0 || at[len(at)-1] != &data[0]) {
			at = append(at, &data[0])
		}
		return err
	}, func(_ int32, src []byte) error {
		n, _ := binary.Varint(src)
		counts = append(counts, n)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := into.keys[0].(*vec.Bytes)
	if into.Len() != groups || len(counts) != groups {
		t.Fatalf("%d groups and %d counts came back, want %d", into.Len(), len(counts), groups)
	}
	for g := range groups {
		if !bytes.Equal(keys.At(g), key(g)) || counts[g] != int64(g) {
			t.Fatalf("group %d is %q with %d", g, keys.At(g), counts[g])
		}
	}
	if len(at) != 1 {
		t.Errorf("the keys were moved %d times", len(at)-1)
	}
	if spare := cap(keys.Data) - len(keys.Data); spare > len(keys.Data)/20 {
		t.Errorf("%d bytes of keys have room for %d more", len(keys.Data), spare)
	}
}

// TestLastPage: a restore asks which page is the last one, which may be of several parts,
// and is not one of the log behind them.
func TestLastPage(t *testing.T) {
	l := newLoggedTable(t)
	p := pages{prefix: []byte{tagGroups}}
	write := func(page, size int) {
		t.Helper()
		var b state.Batch
		if err := p.set(StateWriter{Batch: &b, Operator: logSpace}, page, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if _, err := p.setParts(StateWriter{Batch: &b, Operator: logSpace}, mostPages|1, []byte("log"), 0); err != nil {
			t.Fatal(err)
		}
		l.epoch++
		if _, err := l.job.Prepare(l.epoch, &b, state.Progress{}); err != nil {
			t.Fatal(err)
		}
		if err := l.job.Commit(l.epoch); err != nil {
			t.Fatal(err)
		}
	}
	last := func() int {
		r := l.reader()
		defer r.Snapshot.Close()
		return p.last(r)
	}
	if got := last(); got != -1 {
		t.Errorf("the last page of none is %d", got)
	}
	write(3, 10)
	if got := last(); got != 3 {
		t.Errorf("the last page is %d, want 3", got)
	}
	write(70_000, 3*pageParts)
	if got := last(); got != 70_000 {
		t.Errorf("the last page is %d, want 70000", got)
	}
	other := pages{prefix: []byte{tagGroups - 1}}
	r := l.reader()
	defer r.Snapshot.Close()
	if got := other.last(r); got != -1 {
		t.Errorf("another's last page is %d, want none", got)
	}
}
