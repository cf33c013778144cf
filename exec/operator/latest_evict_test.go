package operator

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func latestOver(ts []types.Type, account *memory.Account) *Latest {
	return NewLatest(LatestSpec{Types: ts, Key: []int{0}, Pass: len(ts) - 1, Name: "t", Account: account})
}

// TestEvictedLatestAddsUp: a table of which next to nothing is kept in memory is what
// the changes make of it, restored and split among tasks at any barrier, also in the
// midst of a snapshot.
func TestEvictedLatestAddsUp(t *testing.T) {
	for seed := range uint64(40) {
		s := &changeScript{rng: rand.New(rand.NewPCG(seed, 7)), table: map[int64][2]string{}}
		for range 300 {
			s.step(true)
			if s.rng.IntN(9) == 0 {
				s.events = append(s.events, event{kind: eventBarrier})
			}
		}
		events := append(s.cutRefreshes(), event{kind: eventBarrier})
		fresh := func() Kept { return latestOver(latestTypes, evicting(0)) }
		lines := playSaved(t, fresh, [][]types.Type{latestTypes}, latestTypes[:3], events, s.rng)
		if got, want := accumulatedLines(t, lines), s.want(); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %q, want %q", seed, got, want)
		}
	}
}

// cutRefreshes are the events with barriers here and there between those of snapshots.
func (s *changeScript) cutRefreshes() []event {
	var cut []event
	within := false
	for _, e := range s.events {
		if e.kind == eventRow && !e.values[3].Null {
			m, _ := stream.ReadMark([]byte(e.values[3].S))
			within = m.Refresh || within && !m.Refreshed
		}
		if cut = append(cut, e); within && s.rng.IntN(8) == 0 {
			cut = append(cut, event{kind: eventBarrier})
		}
	}
	return cut
}

// tableModel is a table that is changed as an operator's is, by large batches.
type tableModel struct {
	rng   *rand.Rand
	fill  func(b *vec.Batch, key int, rng *rand.Rand)
	types []types.Type // the key, two texts, the mark
	rows  map[int][2]string
	next  int
}

func (m *tableModel) row(b *vec.Batch, op vec.Op, key int, one, two types.Value, mark []byte) {
	if key < 0 {
		vec.AppendNull(b.Cols[0])
	} else {
		m.fill(b, key, m.rng)
	}
	vec.Append(b.Cols[1], one)
	vec.Append(b.Cols[2], two)
	if mark == nil {
		vec.AppendNull(b.Cols[3])
	} else {
		b.Cols[3].(*vec.Bytes).Append(mark)
	}
	b.Ops = append(b.Ops, op)
	b.Rows++
}

func (m *tableModel) text() string {
	m.next++
	return strings.Repeat("x", m.rng.IntN(60)) + fmt.Sprint(m.next)
}

// change adds a change of a key to a batch.
func (m *tableModel) change(b *vec.Batch, key, other int) {
	null := types.NullOf(m.types[1])
	have, there := m.rows[key]
	switch kind := m.rng.IntN(8); {
	case kind < 2:
		m.row(b, vec.Delete, key, null, null, nil)
		delete(m.rows, key)
	case kind < 4 && there:
		one := m.text()
		m.row(b, vec.Insert, key, types.NewText(one), null, stream.AppendKept(nil, false, []int{2}))
		m.rows[key] = [2]string{one, have[1]}
	case kind == 4 && there && b.Rows < vec.MaxRows-1:
		m.row(b, vec.Delete, key, null, null, nil)
		m.row(b, vec.Insert, other, null, null, stream.AppendKept(nil, true, []int{1, 2}))
		delete(m.rows, key)
		m.rows[other] = have
	default:
		one, two := m.text(), m.text()
		m.row(b, vec.Insert, key, types.NewText(one), types.NewText(two), nil)
		m.rows[key] = [2]string{one, two}
	}
}

// whole adds a mark about all rows.
func (m *tableModel) whole(b *vec.Batch, mark []byte) {
	null := types.NullOf(m.types[1])
	m.row(b, vec.Insert, -1, null, null, mark)
}

// TestEvictedLatest: a table of many more rows than may be in memory is what inserts,
// updates of some columns, updates of the key, deletes, TRUNCATE and snapshots make of
// it, and each row that is taken back is as it was given; over restores, and divided
// among tasks.
func TestEvictedLatest(t *testing.T) {
	for i := range 2 * len(evictKeys) {
		k, late := evictKeys[i/2], i%2 > 0
		t.Run(fmt.Sprintf("%s, told late %v", k.name, late), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(len(k.name)), 24))
			ts := []types.Type{k.cols[0], types.Of(types.Text), types.Of(types.Text), types.Of(types.Bytea)}
			fresh := func() Kept { return latestOver(ts, evicting(600<<10)) }
			m := &tableModel{rng: rng, types: ts, rows: map[int][2]string{}, fill: func(b *vec.Batch, key int, rng *rand.Rand) {
				one := vec.NewBatch(k.cols)
				k.fill(one, key+1, rng)
				vec.AppendRow(b.Cols[0], one.Cols[0], 0)
			}}
			const most = 12_000
			got := map[string]string{}
			sink := &script{types: ts[:3]}
			keep := newKeeper(t)
			keep.late = late
			op := fresh()
			keep.keep(op, 0)
			frozen, cleaned := 0, 0
			process := func(b *vec.Batch) {
				t.Helper()
				if err := op.Process(t.Context(), 0, b, sink); err != nil {
					t.Fatal(err)
				}
			}
			barrier := func() {
				t.Helper()
				if err := op.Barrier(t.Context(), 1, sink); err != nil {
					t.Fatal(err)
				}
				takeChanges(t, got, sink.lines, nameByKey)
				sink.lines = sink.lines[:0]
				keep.save(op)
				if old := op.(*Latest).evicted.old; old != nil {
					frozen = max(frozen, int(old.number))
					if old.gone != nil {
						cleaned++
					}
				}
				op = keep.mayKill(rng, op, fresh)
			}
			for epoch := range 90 {
				for range 1 + rng.IntN(3) {
					b := vec.NewBatch(ts)
					for b.Rows < 1+rng.IntN(vec.MaxRows) {
						key := rng.IntN(most)
						if rng.IntN(3) == 0 {
							key %= 100
						}
						m.change(b, key, rng.IntN(most))
					}
					process(b)
				}
				switch {
				case epoch%29 == 28:
					b := vec.NewBatch(ts)
					m.whole(b, stream.MarkTruncate)
					clear(m.rows)
					for range rng.IntN(100) {
						m.change(b, rng.IntN(most), rng.IntN(most))
					}
					process(b)
				case epoch%23 == 22:
					m.refresh(process, barrier)
				}
				barrier()
			}
			account := op.(*Latest).spec.Account
			if err := op.Close(); err != nil {
				t.Fatal(err)
			}
			if n := account.Used(); n != 0 {
				t.Errorf("%d bytes are not given back", n)
			}
			if frozen == 0 || cleaned == 0 {
				t.Errorf("%d generations were evicted, and %d times some were that cleaned", frozen, cleaned)
			}
			want := map[string]string{}
			for key, row := range m.rows {
				b := vec.NewBatch(ts[:1])
				m.fill(b, key, rand.New(rand.NewPCG(0, 0)))
				want[groupName(rowText(b, 0, ts[:1])[2:]+" ")] = row[0] + " " + row[1]
			}
			for name, row := range got {
				_, got[name], _ = strings.Cut(row, " ")
			}
			if !maps.Equal(got, want) {
				t.Errorf("%d rows, want %d, or others", len(got), len(want))
			}
		})
	}
}

// refresh reads the table again, in several epochs, after some of its rows have gone
// unseen.
func (m *tableModel) refresh(process func(b *vec.Batch), barrier func()) {
	b := vec.NewBatch(m.types)
	m.whole(b, stream.MarkRefresh)
	for key, row := range m.rows {
		if m.rng.IntN(4) == 0 {
			delete(m.rows, key)
			continue
		}
		m.row(b, vec.Insert, key, types.NewText(row[0]), types.NewText(row[1]), nil)
		if b.Rows < vec.MaxRows {
			continue
		}
		process(b)
		if b = vec.NewBatch(m.types); m.rng.IntN(3) == 0 {
			barrier()
		}
	}
	if b.Rows == vec.MaxRows {
		process(b)
		b = vec.NewBatch(m.types)
	}
	m.whole(b, stream.MarkRefreshed)
	process(b)
}

// nameByKey is the name of a row by its key, the first column.
func nameByKey(row string) string {
	key, _, _ := strings.Cut(row, " ")
	return groupName(key + " ")
}

// TestEvictedLatestCleans: what TRUNCATE has taken away leaves the store's pages, too.
func TestEvictedLatestCleans(t *testing.T) {
	k, op := newKeeper(t), latestOver(latestTypes, evicting(300<<10))
	k.keep(op, 0)
	sink := &script{types: latestTypes[:3]}
	epoch := func(from, to int64, mark []byte) {
		t.Helper()
		s := &changeScript{rng: rand.New(rand.NewPCG(1, 1))}
		if mark != nil {
			s.mark(mark)
		}
		for n := from; n < to; n++ {
			s.add(vec.Insert, types.Value{Type: latestTypes[0], I: n}, s.text(), s.text(), nil)
		}
		if err := op.Process(t.Context(), 0, makeBatch(latestTypes, s.events, false, s.rng), sink); err != nil {
			t.Fatal(err)
		}
		if err := op.Barrier(t.Context(), 1, sink); err != nil {
			t.Fatal(err)
		}
		k.save(op)
	}
	const rows, left = 20_000, 10
	for n := range int64(rows / 500) {
		epoch(500*n, 500*n+500, nil)
	}
	if n := op.Evicted(); n < rows/2 {
		t.Fatalf("%d rows are evicted", n)
	}
	sink.lines = nil
	if epoch(0, left, stream.MarkTruncate); len(sink.lines) != rows-left || k.bytes > 64<<10 {
		t.Errorf("TRUNCATE gives %d changes, and stores %d bytes", len(sink.lines), k.bytes)
	}
	begun := time.Now()
	for n := int64(0); op.Evicted() > 40 || op.rounds.least != 0; n++ { // merging has its own pace
		if epoch(n%40, n%40+1, nil); time.Since(begun) > time.Minute {
			t.Fatalf("%d rows are in pages, and those before round %d are gone", op.Evicted(), op.rounds.least)
		}
	}
	if err := op.Close(); err != nil {
		t.Error(err)
	}
}
