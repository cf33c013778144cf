package operator

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

var latestTypes = []types.Type{types.Of(types.Int8), types.Of(types.Text), types.Of(types.Text), types.Of(types.Bytea)}

func newLatest() Kept {
	return NewLatest(LatestSpec{Types: latestTypes, Key: []int{0}, Pass: 3, Name: "t"})
}

// changeScript makes random changes, and keeps the table that they come to.
type changeScript struct {
	rng    *rand.Rand
	table  map[int64][2]string
	events []event
}

func (s *changeScript) add(op vec.Op, key types.Value, a, b types.Value, mark []byte) {
	m := types.NullOf(latestTypes[3])
	if mark != nil {
		m = types.Value{Type: latestTypes[3], S: string(mark)}
	}
	s.events = append(s.events, event{op: op, values: []types.Value{key, a, b, m}})
}

func (s *changeScript) text() types.Value {
	return types.Value{Type: latestTypes[1], S: fmt.Sprint("v", s.rng.IntN(1000))}
}

func (s *changeScript) mark(mark []byte) {
	s.add(vec.Insert, types.NullOf(latestTypes[0]), types.NullOf(latestTypes[1]), types.NullOf(latestTypes[1]), mark)
}

// step makes one change. together: also such as a restart in the midst begins again.
func (s *changeScript) step(together bool) {
	null := types.NullOf(latestTypes[1])
	n := s.rng.Int64N(30)
	key := types.Value{Type: latestTypes[0], I: n}
	have, there := s.table[n]
	switch kind := s.rng.IntN(40); {
	case kind == 0:
		s.mark(stream.MarkTruncate)
		clear(s.table)
	case kind == 1 && together: // a snapshot, of a table that has changed since
		s.mark(stream.MarkRefresh)
		maps.DeleteFunc(s.table, func(k int64, _ [2]string) bool { return k >= 30 })
		for k := range int64(30) {
			if s.rng.IntN(3) == 0 {
				delete(s.table, k)
				continue
			}
			a, b := s.text(), s.text()
			s.table[k] = [2]string{a.S, b.S}
			s.add(vec.Insert, types.Value{Type: latestTypes[0], I: k}, a, b, nil)
		}
		s.mark(stream.MarkRefreshed)
	case kind < 10:
		delete(s.table, n)
		s.add(vec.Delete, key, null, null, nil)
	case kind < 18 && there: // the second text is not sent
		a := s.text()
		s.table[n] = [2]string{a.S, have[1]}
		s.add(vec.Insert, key, a, null, stream.AppendKept(nil, false, []int{2}))
	case kind < 22 && there && together:
		to := 100 + s.rng.Int64N(5)
		delete(s.table, n)
		s.table[to] = have
		s.add(vec.Delete, key, null, null, nil)
		s.add(vec.Insert, types.Value{Type: latestTypes[0], I: to}, null, null, stream.AppendKept(nil, true, []int{1, 2}))
	default:
		a, b := s.text(), s.text()
		s.table[n] = [2]string{a.S, b.S}
		s.add(vec.Insert, key, a, b, nil)
	}
}

func (s *changeScript) want() []string {
	var all []string
	for k, v := range s.table {
		all = append(all, fmt.Sprintf("%d %s %s", k, v[0], v[1]))
	}
	slices.Sort(all)
	return all
}

// TestLatest: what goes out comes to the table that the changes make, however they are
// cut into batches and epochs, and stored and restored in between.
func TestLatest(t *testing.T) {
	out := latestTypes[:3]
	for seed := range uint64(12) {
		s := &changeScript{rng: rand.New(rand.NewPCG(seed, 5)), table: map[int64][2]string{}}
		for range 300 {
			s.step(true)
			if s.rng.IntN(9) == 0 {
				s.events = append(s.events, event{kind: eventBarrier})
			}
		}
		events := append(slices.Clone(s.events), event{kind: eventBarrier})
		for _, sh := range shapes {
			if got, want := accumulatedLines(t, play(t, newLatest(), [][]types.Type{latestTypes}, out, events, sh)), s.want(); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %v: %q, want %q", seed, sh, got, want)
			}
		}
		k := &changeScript{rng: rand.New(rand.NewPCG(seed, 6)), table: map[int64][2]string{}}
		for range 300 {
			k.step(false)
		}
		if got, want := accumulatedLines(t, playKept(t, newLatest, [][]types.Type{latestTypes}, out, k.events, k.rng)), k.want(); !slices.Equal(got, want) {
			t.Fatalf("seed %d, stored: %q, want %q", seed, got, want)
		}
	}
}

// TestLatestNets: what is as it was goes out not at all, and what was never out is not
// taken back.
func TestLatestNets(t *testing.T) {
	s := &changeScript{rng: rand.New(rand.NewPCG(1, 1)), table: map[int64][2]string{}}
	key, a, b, null := types.Value{Type: latestTypes[0], I: 1}, s.text(), s.text(), types.NullOf(latestTypes[1])
	s.add(vec.Insert, key, a, a, nil)
	s.add(vec.Insert, key, a, b, nil)
	s.events = append(s.events, event{kind: eventBarrier})
	s.add(vec.Delete, key, null, null, nil)
	s.add(vec.Insert, key, a, b, nil)
	s.add(vec.Insert, types.Value{Type: latestTypes[0], I: 2}, a, b, nil)
	s.add(vec.Delete, types.Value{Type: latestTypes[0], I: 2}, null, null, nil)
	s.events = append(s.events, event{kind: eventBarrier})
	got := play(t, newLatest(), [][]types.Type{latestTypes}, latestTypes[:3], s.events, shapes[0])
	if want := []string{"+ 1 " + a.S + " " + b.S, "barrier", "barrier"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLatestForgets: keys and rows that are gone are not held for ever, and what is left
// is restored.
func TestLatestForgets(t *testing.T) {
	const rows, left = 3 * fewRows, 10
	k, op := newKeeper(t), newLatest()
	k.keep(op, 0)
	l := op.(*Latest)
	for _, o := range []vec.Op{vec.Insert, vec.Delete} {
		s := &changeScript{rng: rand.New(rand.NewPCG(1, 1))}
		for n := range int64(rows) {
			if o == vec.Insert || n >= left {
				s.add(o, types.Value{Type: latestTypes[0], I: n}, s.text(), s.text(), nil)
			}
		}
		for some := range slices.Chunk(s.events, 1000) {
			b := makeBatch(latestTypes, some, false, s.rng)
			if err := op.Process(t.Context(), 0, b, nowhere{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := op.Barrier(t.Context(), 1, nowhere{}); err != nil {
			t.Fatal(err)
		}
		k.save(op)
	}
	if len(l.rows) != left || l.store.rows != left || len(l.kept.keys.parts) != 1 {
		t.Errorf("%d keys, %d rows and %d pages are held, want %d, %d and 1", len(l.rows), l.store.rows, len(l.kept.keys.parts), left, left)
	}
	again := newLatest()
	k.restore(again)
	if n := again.(*Latest).alive; n != left {
		t.Errorf("%d rows are restored, want %d", n, left)
	}
	for _, o := range []Kept{op, again} {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLatestUnknown: a change that has not all values of a row that was never read is
// an error, as is a mark that is none.
func TestLatestUnknown(t *testing.T) {
	for _, mark := range [][]byte{stream.AppendKept(nil, false, []int{1}), stream.AppendKept(nil, true, []int{1}), []byte("x"), []byte("k1")} {
		s := &changeScript{rng: rand.New(rand.NewPCG(1, 1))}
		s.add(vec.Insert, types.Value{Type: latestTypes[0], I: 1}, types.NullOf(latestTypes[1]), s.text(), mark)
		if _, err := tryPlay(newLatest(), [][]types.Type{latestTypes}, latestTypes[:3], s.events, shapes[0]); err == nil {
			t.Errorf("the mark %q is taken", mark)
		}
	}
}

// TestLatestToTheLetter: a number that gets another scale goes out, as it shows.
func TestLatestToTheLetter(t *testing.T) {
	ts := []types.Type{types.Of(types.Int8), types.Of(types.Numeric), types.Of(types.Bytea)}
	var events []event
	for _, n := range []string{"1.0", "1.00", "1.00"} {
		row := []types.Value{types.NewInt(types.Int8, 1), parse(ts[1], n), types.NullOf(ts[2])}
		events = append(events, event{op: vec.Insert, values: row}, event{kind: eventBarrier})
	}
	got := play(t, latestOver(ts, nil), [][]types.Type{ts}, ts[:2], events, shapes[0])
	if want := []string{"+ 1 1.0", "barrier", "- 1 1.0", "+ 1 1.00", "barrier", "barrier"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLatestUnreadRestored: keys of which nothing but changes of rows that were not read
// have come do not keep others from being restored.
func TestLatestUnreadRestored(t *testing.T) {
	const unread = 4 * pageGroups
	fresh := func() Kept {
		return NewLatest(LatestSpec{Types: latestTypes, Key: []int{0}, Pass: 3, Name: "t", Unread: func(*vec.Batch, int, error) error { return nil }})
	}
	s := &changeScript{rng: rand.New(rand.NewPCG(1, 1))}
	for n := range int64(2 * unread) {
		key := types.Value{Type: latestTypes[0], I: n}
		if n < unread {
			s.add(vec.Insert, key, types.NullOf(latestTypes[1]), s.text(), stream.AppendKept(nil, false, []int{1}))
		} else {
			s.add(vec.Insert, key, s.text(), s.text(), nil)
		}
	}
	k, op := newKeeper(t), fresh()
	k.keep(op, 0)
	if err := op.Process(t.Context(), 0, makeBatch(latestTypes, s.events, false, s.rng), nowhere{}); err != nil {
		t.Fatal(err)
	}
	if err := op.Barrier(t.Context(), 1, nowhere{}); err != nil {
		t.Fatal(err)
	}
	k.save(op)
	again := fresh()
	k.restore(again)
	if n := again.(*Latest).alive; n != unread {
		t.Errorf("%d rows are restored, want %d", n, unread)
	}
	for _, o := range []Kept{op, again} {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestEvictedLatestStale: a row a change of which was left out stays, and gives none of its values
// to a change that does not have all; also when it was restored, or evicted.
func TestEvictedLatestStale(t *testing.T) {
	const rows = 3000
	left := 0
	fresh := func() Kept {
		return NewLatest(LatestSpec{Types: latestTypes, Key: []int{0}, Pass: 3, Name: "t", Account: evicting(64 << 10), Unread: func(*vec.Batch, int, error) error { left++; return nil }})
	}
	k, op := newKeeper(t), fresh()
	k.keep(op, 0)
	sink := &script{types: latestTypes[:3]}
	null := types.NullOf(latestTypes[1])
	text := func(s string) types.Value { return types.NewText(s) }
	epoch := func(add func(s *changeScript)) {
		t.Helper()
		s := &changeScript{rng: rand.New(rand.NewPCG(1, 1))}
		add(s)
		for events := range slices.Chunk(s.events, 500) {
			if err := op.Process(t.Context(), 0, makeBatch(latestTypes, events, false, s.rng), sink); err != nil {
				t.Fatal(err)
			}
		}
		if err := op.Barrier(t.Context(), 1, sink); err != nil {
			t.Fatal(err)
		}
		k.save(op)
	}
	each := func(f func(s *changeScript, key types.Value)) func(s *changeScript) {
		return func(s *changeScript) {
			for n := range int64(rows) {
				f(s, types.Value{Type: latestTypes[0], I: n})
			}
		}
	}
	kept := stream.AppendKept(nil, false, []int{2})
	put := each(func(s *changeScript, key types.Value) { s.add(vec.Insert, key, text("a"), text("long"), nil) })
	refuse := each(func(s *changeScript, key types.Value) { s.add(vec.Insert, key, null, null, stream.MarkRefused) })
	patch := each(func(s *changeScript, key types.Value) { s.add(vec.Insert, key, text("b"), null, kept) })
	epoch(put)
	sink.lines = nil
	epoch(refuse)
	for range 3 { // rows are merged into pages
		epoch(func(*changeScript) {})
	}
	if n := op.(*Latest).Evicted(); n == 0 {
		t.Error("no row was evicted")
	}
	if err := op.Close(); err != nil {
		t.Fatal(err)
	}
	op = fresh()
	k.restore(op)
	if epoch(patch); left != rows || len(sink.lines) > 0 {
		t.Errorf("%d changes are left out, want %d; others give %q", left, rows, sink.lines[:min(len(sink.lines), 3)])
	}
	epoch(put)
	sink.lines = nil
	if epoch(patch); left != rows || len(sink.lines) != 2*rows {
		t.Errorf("of rows that have all values again %d changes are left out, and %d rows go out, want %d", left-rows, len(sink.lines), 2*rows)
	}
	for range 2 { // of rows in memory, then of those in pages
		sink.lines = nil
		epoch(func(s *changeScript) {
			s.mark(stream.MarkRefresh)
			refuse(s)
			s.mark(stream.MarkRefreshed)
		})
		for range 3 {
			epoch(func(*changeScript) {})
		}
		if len(sink.lines) > 0 {
			t.Errorf("rows that a snapshot refuses give %q", sink.lines[:min(len(sink.lines), 3)])
		}
	}
	if err := op.Close(); err != nil {
		t.Error(err)
	}
}

// BenchmarkLatest changes rows of a table of a million, and stores each epoch of 64
// batches.
func BenchmarkLatest(b *testing.B) {
	const rows = 1 << 20
	l := newLatest().(*Latest)
	if err := l.Keep(); err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	next := 0
	batch := func(key func() int64) *vec.Batch {
		batch := vec.NewBatch(latestTypes)
		for range vec.MaxRows {
			next++
			batch.Cols[0].(*vec.Fixed[int64]).Append(key())
			batch.Cols[1].(*vec.Bytes).AppendString("the first text of a row")
			batch.Cols[2].(*vec.Bytes).AppendString(fmt.Sprint("the second one, ", next))
			batch.Cols[3].(*vec.Bytes).AppendNull()
		}
		batch.Rows = vec.MaxRows
		return batch
	}
	process := func(batch *vec.Batch) {
		if err := l.Process(b.Context(), 0, batch, nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
	stored := int64(0)
	store := func() {
		if err := l.Barrier(b.Context(), 1, nowhere{}); err != nil {
			b.Fatal(err)
		}
		var to state.Batch
		if err := l.Save(StateWriter{Batch: &to}); err != nil {
			b.Fatal(err)
		}
		stored += int64(to.Size())
	}
	at := int64(0)
	for range rows / vec.MaxRows {
		process(batch(func() int64 { at++; return at }))
	}
	store()
	var batches []*vec.Batch
	for range 256 {
		batches = append(batches, batch(func() int64 { return 1 + rng.Int64N(rows) }))
	}
	n := 0
	stored = 0
	b.ReportAllocs()
	for b.Loop() {
		process(batches[n%len(batches)])
		if n++; n%64 == 0 {
			store()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*vec.MaxRows), "ns/row")
	b.ReportMetric(float64(stored)/float64(n*vec.MaxRows), "stored-B/row")
}

// TestLatestStoresWhatChanged: an epoch writes about what has changed in it, however long
// rows are and however many there are.
func TestLatestStoresWhatChanged(t *testing.T) {
	k, op := newKeeper(t), newLatest()
	k.keep(op, 0)
	long := types.NewText(strings.Repeat("long ", 400))
	epoch := func(from, to int64) int {
		s := &changeScript{rng: rand.New(rand.NewPCG(1, 1))}
		for n := from; n < to; n++ {
			s.add(vec.Insert, types.Value{Type: latestTypes[0], I: n}, long, s.text(), nil)
		}
		if err := op.Process(t.Context(), 0, makeBatch(latestTypes, s.events, false, s.rng), nowhere{}); err != nil {
			t.Fatal(err)
		}
		if err := op.Barrier(t.Context(), 1, nowhere{}); err != nil {
			t.Fatal(err)
		}
		k.save(op)
		return k.bytes
	}
	for n := range int64(10) {
		epoch(300*n, 300*n+300)
	}
	for n := range int64(100) {
		if most := epoch(31*n, 31*n+1); most > 3*sealBytes {
			t.Fatalf("an epoch of one change writes %d bytes", most)
		}
	}
	again := newLatest()
	k.restore(again)
	if n := again.(*Latest).alive; n != 3000+3 {
		t.Errorf("%d rows are restored", n)
	}
	for _, o := range []Kept{op, again} {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}
