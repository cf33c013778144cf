package operator

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// sessionGap is that of the sessions of a test, in microseconds.
const sessionGap = 700

// rowsOfSessions are random rows of keys: the key, a time about the one given, and a
// number. most is how many keys there are.
func rowsOfSessions(b *beside, ts []types.Type, k int, at int64, most int) *vec.Batch {
	rows := vec.NewBatch(ts)
	n := len(evictKeys[k].cols)
	for range 1 + b.rng.IntN(vec.MaxRows) {
		key := b.rng.IntN(most)
		if b.rng.IntN(3) == 0 {
			key %= 50
		}
		one := vec.NewBatch(evictKeys[k].cols)
		evictKeys[k].fill(one, key, b.rng)
		for i, c := range one.Cols {
			vec.AppendRow(rows.Cols[i], c, 0)
		}
		if b.rng.IntN(500) == 0 {
			vec.AppendNull(rows.Cols[n])
		} else {
			vec.Append(rows.Cols[n], types.NewInt(types.Timestamptz, at+b.rng.Int64N(7*sessionGap)-6*sessionGap))
		}
		vec.Append(rows.Cols[n+1], types.NewInt(types.Int8, b.rng.Int64N(1000)))
		rows.Rows++
	}
	return rows
}

// combiningCalls makes calls of rows that are never taken back, whose memory an account
// counts.
func combiningCalls(bind binder, calls []string, account *memory.Account) (all []*Call) {
	for _, c := range calls {
		all = append(all, NewCall(callSpec(planCall(bind, c), account, false)))
	}
	return all
}

// sessionSpec groups by the first of the columns, the last two of which are a time and
// a number.
func sessionSpec(ts []types.Type, account *memory.Account) (SessionAggregateSpec, []types.Type) {
	bind, n := binder{ts}, len(ts)-2
	var keys []string
	var places []int
	for i := range n {
		keys, places = append(keys, fmt.Sprintf("$%d", i)), append(places, i)
	}
	calls := []string{"count(*)", fmt.Sprintf("sum($%d)", n+1), fmt.Sprintf("max($%d)", n+1)}
	out := append(slices.Clone(ts[:n]), ts[n], ts[n])
	return SessionAggregateSpec{
		Partition: programs(bind, keys), PartitionTypes: ts[:n], Time: bind.program(fmt.Sprintf("$%d", n)), TimeType: ts[n], Gap: sessionGap, Grace: 10,
		Keys: append(places, plan.WindowStart, plan.WindowEnd), Calls: combiningCalls(bind, calls, account), Account: account,
	}, append(out, callTypes(bind, calls)...)
}

// TestEvictedSessions: an aggregate of sessions that may hold a part of them gives what
// one gives that holds all, in every mode: rows that are late, that make one session of
// two of which one or both are evicted, and evicted sessions that end.
func TestEvictedSessions(t *testing.T) {
	for i := range 3 * len(evictKeys) {
		if leftOutWithRace(i) {
			continue
		}
		k, mode := i%len(evictKeys), i/len(evictKeys)
		t.Run(fmt.Sprintf("%s, %s", evictKeys[k].name, [...]string{"once", "changes", "again"}[mode]), func(t *testing.T) {
			ts := slices.Concat(evictKeys[k].cols, []types.Type{types.Of(types.Timestamptz), types.Of(types.Int8)})
			_, out := sessionSpec(ts, nil)
			var late [2]int // of the one that holds all, of the other
			b := newBeside(t, uint64(i), 300<<10, out, func(account *memory.Account) Kept {
				spec, _ := sessionSpec(ts, account)
				if spec.Final = mode != 1; mode == 2 {
					spec.Late = Lateness{Updates: true, Allowed: 2 * sessionGap}
				}
				which := 0
				if account != nil {
					which = 1
				}
				spec.Late.Count = func(rows int) { late[which] += rows }
				return NewSessionAggregate(spec)
			})
			at := int64(0)
			for range epochs(60) {
				for range 1 + b.rng.IntN(3) {
					b.process(0, rowsOfSessions(b, ts, k, at, 4000))
				}
				if at += b.rng.Int64N(sessionGap); b.rng.IntN(2) == 0 {
					b.advance(at - 2*sessionGap)
				}
				if b.rng.IntN(30) == 0 {
					at += 6 * sessionGap // all of them end
				}
				b.barrier()
			}
			b.finish(1)
			if late[0] == 0 || late[0] != late[1] {
				t.Errorf("late rows: %d where all is held, %d where not", late[0], late[1])
			}
		})
	}
}

// TestEvictedSessionsKeepTheLimit: sessions of several times what may be held, as they
// grow and as all of them go out, take one and a half times that at most.
func TestEvictedSessionsKeepTheLimit(t *testing.T) {
	const keys = 150_000
	ts := []types.Type{types.Of(types.Text), types.Of(types.Timestamptz), types.Of(types.Int8)}
	keepsTheLimit(t, 4<<20, 5, func(l *limited) (rows int) {
		spec, out := sessionSpec(ts, l.account)
		spec.Final, spec.Gap = true, 1e6
		sink := &script{types: out}
		l.begin(NewSessionAggregate(spec))
		for n := range 240 {
			b := vec.NewBatch(ts)
			for i := range vec.MaxRows {
				vec.Append(b.Cols[0], types.NewText(fmt.Sprintf("a key of some length %d", (n*vec.MaxRows+i)*7919%keys)))
				vec.Append(b.Cols[1], types.NewInt(types.Timestamptz, int64(n*vec.MaxRows+i)))
				vec.Append(b.Cols[2], types.NewInt(types.Int8, int64(i)))
				b.Rows++
			}
			l.process(0, b, sink)
			if l.due(n%16 == 15) {
				l.store()
			}
		}
		l.advance(4e6, sink)
		if rows = len(slices.Compact(sorted(sink.lines))); rows != keys {
			t.Errorf("%d sessions, want %d", rows, keys)
		}
		return rows
	})
}

// manySessions is an operator that has saved a session of each of so many keys, with
// the longest of some texts.
func manySessions(t *testing.T, keep *keeper, n int) (op *SessionAggregate, add func(key, length int)) {
	ts := []types.Type{types.Of(types.Int8), types.Of(types.Timestamptz), types.Of(types.Text)}
	bind := binder{ts}
	op = NewSessionAggregate(SessionAggregateSpec{
		Partition: programs(bind, []string{"$0"}), PartitionTypes: ts[:1], Time: bind.program("$1"), TimeType: ts[1], Gap: sessionGap, Final: true,
		Keys: []int{0}, Calls: combiningCalls(bind, []string{"max($2)"}, nil),
	})
	add = func(key, length int) {
		t.Helper()
		b := vec.NewBatch(ts)
		vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(key)))
		vec.Append(b.Cols[1], types.NewInt(types.Timestamptz, 0))
		vec.Append(b.Cols[2], types.NewText(strings.Repeat("x", length)))
		b.Rows = 1
		if err := op.Process(t.Context(), 0, b, &script{}); err != nil {
			t.Fatal(err)
		}
	}
	keep.keep(op, 0)
	for key := range n {
		add(key, 100)
	}
	keep.save(op)
	return op, add
}

// TestSessionsSaveWhatChanged: an epoch writes the sessions that have changed, and not
// those that lie beside them.
func TestSessionsSaveWhatChanged(t *testing.T) {
	keep := newKeeper(t)
	op, add := manySessions(t, keep, 2000)
	all := keep.bytes
	for key := 0; key < 2000; key += 50 {
		add(key, 101)
	}
	keep.save(op)
	if keep.bytes*20 > all {
		t.Errorf("40 sessions of 2000 take %d bytes, all of them %d", keep.bytes, all)
	}
}

// TestOlderSessions: sessions that a release has stored which had no log of them are
// there, and are stored as they are now.
func TestOlderSessions(t *testing.T) {
	keep := newKeeper(t)
	op, _ := manySessions(t, keep, 100)
	var b state.Batch
	w := StateWriter{Batch: &b, Operator: keep.space}
	op.kept.slots.drop(w)
	older := pages{prefix: []byte{tagSession}}
	var page []byte
	for slot := range int32(len(op.sessions)) {
		one := op.encode(slot, nil)
		page = append(binary.AppendUvarint(page, uint64(len(one))), one...)
		if (slot+1)%pageGroups != 0 && int(slot) < len(op.sessions)-1 {
			continue
		}
		if err := older.set(w, int(slot)/pageGroups, page); err != nil {
			t.Fatal(err)
		}
		page = page[:0]
	}
	epoch := keep.job.Next()
	if _, err := keep.job.Prepare(epoch, &b, state.Progress{}); err != nil {
		t.Fatal(err)
	}
	if err := keep.job.Commit(epoch); err != nil {
		t.Fatal(err)
	}
	for range 2 { // from the one form, and from the other
		op = NewSessionAggregate(op.spec)
		for _, c := range op.spec.Calls {
			if err := c.renew(); err != nil {
				t.Fatal(err)
			}
		}
		keep.restore(op)
		keep.save(op)
	}
	sn := keep.store.Snapshot(keep.job.ID())
	defer sn.Close()
	r := StateReader{Snapshot: sn, Job: keep.job.ID(), Operator: keep.space}
	if err := r.keys([]byte{tagSession}, func(key []byte) { t.Errorf("the store still has key %x", key) }); err != nil {
		t.Fatal(err)
	}
	out := &script{types: []types.Type{types.Of(types.Int8), types.Of(types.Text)}}
	if err := op.Watermark(t.Context(), math.MaxInt64, out); err != nil {
		t.Fatal(err)
	}
	if len(out.lines) != 100 {
		t.Errorf("%d sessions go out, want 100", len(out.lines))
	}
}
