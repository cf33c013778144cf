package operator

import (
	"bytes"
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// LatestSpec is what a Latest gets.
type LatestSpec struct {
	// Types are those of the rows that come; the last column is the rows' marks
	// (stream.Changing).
	Types []types.Type
	Key   []int // the columns of the key
	Pass  int   // the first so many columns are passed on
	// Name is the relation's, for errors.
	Name    string
	Account *memory.Account
	// Unread decides about a change that has not all values of a row that was not read,
	// as its record did not decode: it goes no further. nil: it is an error.
	Unread Fault
}

// Latest keeps the last row of each key of a table that another system changes, and
// passes on what the changes come to: at the barrier the row that there was at the
// last one, as a Delete, and the one that there is. What came may have had no more
// than a key of a row that is gone, or not all values of one that has changed.
type Latest struct {
	spec   LatestSpec
	width  int // of the rows kept: all columns but the mark
	keys   *table
	rows   []latestRow // by group
	store  *rowStore
	alive  int // groups that have a row
	rounds rounds
	latest ref // the row that the last Delete took away; -1: there was none

	key      []vec.Vec
	ids      []int32
	times    []int64
	plain    []int32 // rows of the batch that are put as they are
	refs     []ref
	touched  []int32
	released []ref
	patch    *vec.Batch
	one      []int32
	out      emitter
	sel      selector
	held     int64
	passed   *rowkey.Layout // of the columns that are passed on; nil: equal ones are the same
	bytes    [2][]byte
	kept     *keptLatest // nil: nothing is stored

	evicted *evicted // rows that are not in store; nil: all are
	rest    *restCodec
	lent    []int32 // groups whose rows were read back in this epoch
}

// latestRow is the row of one key: as it is, and as it was at the last barrier; -1:
// there is none. The store has in which round it came as its time, and stale with it.
type latestRow struct {
	now, was ref
	touched  bool
}

// stale is of a row a change of which was left out: what is put in its place has to have
// all values.
const stale = int64(1) << 62

// roundOf is in which round a row came that has this time.
func roundOf(time int64) int64 { return time &^ stale }

// NewLatest returns a Latest.
func NewLatest(spec LatestSpec) *Latest {
	l := &Latest{spec: spec, width: len(spec.Types) - 1, latest: -1, one: []int32{0}}
	var keys []types.Type
	for _, k := range spec.Key {
		keys = append(keys, spec.Types[k])
	}
	l.key = make([]vec.Vec, len(keys))
	l.keys = newTable(keys, spec.Account, "the rows of "+spec.Name)
	l.store = newRowStore(spec.Types[:l.width], spec.Account)
	l.patch = vec.NewBatch(spec.Types[:l.width])
	l.out = newEmitter(spec.Types[:spec.Pass])
	if slices.ContainsFunc(spec.Types[:spec.Pass], func(t types.Type) bool { return !exactBytes(t) }) {
		l.passed = newRowCodec(spec.Types[:spec.Pass]).layout
	}
	return l
}

// Process takes changes.
func (l *Latest) Process(_ context.Context, _ int, b *vec.Batch, _ Output) error {
	sel := l.sel.of(b)
	marks := b.Cols[l.width].(*vec.Bytes)
	for len(sel) > 0 {
		n := 0
		for n < len(sel) && !wholeMark(marks, sel[n]) {
			n++
		}
		if err := l.changes(b, marks, sel[:n]); err != nil {
			return err
		}
		if sel = sel[n:]; len(sel) > 0 {
			if err := l.all(marks.At(int(sel[0]))); err != nil {
				return err
			}
			sel = sel[1:]
		}
	}
	return l.charge()
}

// wholeMark reports whether a row is a mark about all rows.
func wholeMark(marks *vec.Bytes, row int32) bool {
	if marks.Nulls().Get(int(row)) {
		return false
	}
	m, ok := stream.ReadMark(marks.At(int(row)))
	return !ok || m.Whole()
}

// all does what a mark says of all rows.
func (l *Latest) all(mark []byte) error {
	m, ok := stream.ReadMark(mark)
	if !ok {
		return sqlerr.Errorf(sqlerr.InternalError, "a change of %s has the mark %x", l.spec.Name, mark)
	}
	if m.Refresh || m.Truncate {
		l.rounds.now++
	}
	if m.Refresh {
		return nil
	}
	for g := range l.rows {
		if r := &l.rows[g]; r.now >= 0 && roundOf(l.store.time(r.now)) != l.rounds.now {
			l.set(int32(g), -1)
		}
	}
	if l.evicted.some() {
		l.rounds.least = l.rounds.now
	}
	return nil
}

// changes takes rows, of which none is about all.
func (l *Latest) changes(b *vec.Batch, marks *vec.Bytes, sel []int32) error {
	if len(sel) == 0 {
		return nil
	}
	for i, k := range l.spec.Key {
		l.key[i] = b.Cols[k]
	}
	l.ids, l.times = sized(l.ids, b.Rows), sized(l.times, b.Rows)
	if err := l.keys.assign(l.key, b.Rows, sel, l.ids); err != nil {
		return err
	}
	if err := l.grow(); err != nil {
		return err
	}
	l.plain = l.plain[:0]
	for _, r := range sel {
		if l.times[r] = l.rounds.now; b.Op(int(r)) == vec.Insert && marks.Nulls().Get(int(r)) {
			l.plain = append(l.plain, r)
		}
	}
	cols := b.Cols[:l.width]
	var err error
	if l.refs, err = l.store.add(cols, l.plain, l.ids, l.times, l.refs[:0]); err != nil {
		return err
	}
	next := 0
	for _, r := range sel {
		g := l.ids[r]
		switch {
		case b.Op(int(r)) == vec.Delete:
			l.latest = l.rows[g].now
			l.set(g, -1)
		case next < len(l.plain) && l.plain[next] == r:
			l.set(g, l.refs[next])
			next++
		default:
			if err := l.patched(b, r, g, marks.At(int(r))); err != nil {
				return err
			}
		}
	}
	return nil
}

// grow makes the rows of the keys that are new.
func (l *Latest) grow() error {
	known, n := len(l.rows), l.keys.Len()
	for g := known; g < n; g++ {
		l.rows = append(l.rows, latestRow{now: -1, was: -1})
		if l.kept != nil {
			l.kept.keys.touchOne(int32(g))
		}
	}
	return l.evicted.fetch(l.keys.keys, known, n, l.load)
}

// patched puts a row that has not all of its values.
func (l *Latest) patched(b *vec.Batch, row, g int32, mark []byte) error {
	m, _ := stream.ReadMark(mark)
	from := l.rows[g].now
	if m.Moved {
		from = l.latest
	}
	if m.Refused {
		if from >= 0 {
			l.store.retime(from, l.rounds.now|stale) // in a snapshot it is there, too
		}
		return nil
	}
	if from < 0 || l.store.time(from)&stale != 0 {
		err := sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "a change of %s is about a row that was not read", l.spec.Name).
			WithHint("Drop the job and start it again: it then reads the table anew.")
		if l.spec.Unread != nil {
			return l.spec.Unread(b, int(row), err)
		}
		return err
	}
	l.patch.Reset()
	kept := make(map[int]bool, len(m.Kept)/2)
	m.EachKept(func(c int) { kept[c] = true })
	for c, v := range b.Cols[:l.width] {
		if kept[c] {
			vec.AppendRow(l.patch.Cols[c], l.store.batches[from>>32].Cols[c], int(int32(from)))
			continue
		}
		vec.AppendRow(l.patch.Cols[c], v, int(row))
	}
	refs, err := l.store.add(l.patch.Cols, l.one, []int32{g}, []int64{l.rounds.now}, nil)
	if err == nil {
		l.set(g, refs[0])
	}
	return err
}

// set gives a group its row; -1: none.
func (l *Latest) set(g int32, to ref) {
	r := &l.rows[g]
	if !r.touched {
		r.touched, r.was = true, r.now
		l.touched = append(l.touched, g)
	} else if r.now >= 0 && r.now != r.was {
		l.released = append(l.released, r.now)
	}
	switch {
	case r.now < 0 && to >= 0:
		l.alive++
	case r.now >= 0 && to < 0:
		l.alive--
	}
	r.now = to
}

// Watermark does nothing: rows go out at the barrier.
func (*Latest) Watermark(context.Context, int64, Output) error { return nil }

// Barrier passes on the rows that have changed.
func (l *Latest) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	if err := l.takeBack(ctx, out); err != nil {
		return err
	}
	if err := l.settleLent(); err != nil {
		return err
	}
	for _, g := range l.touched {
		r := &l.rows[g]
		before, after := r.was, r.now
		if before >= 0 && after >= 0 && l.alike(before, after) {
			before, after = -1, -1
		}
		if err := l.emit(ctx, before, vec.Delete, out); err != nil {
			return err
		}
		if err := l.emit(ctx, after, vec.Insert, out); err != nil {
			return err
		}
		if r.was >= 0 && r.was != r.now {
			l.released = append(l.released, r.was)
		}
		if l.kept != nil {
			l.kept.keys.touchOne(g)
		}
		r.was, r.touched = -1, false
	}
	l.touched, l.latest = l.touched[:0], -1
	if err := l.out.flush(ctx, out); err != nil {
		return err
	}
	for _, r := range l.released {
		l.store.release(r)
	}
	l.released = l.released[:0]
	l.store.giveBack()
	return l.compact()
}

// alike reports whether two rows are the same in all that is passed on: 1.0 and 1.00 are
// not, though they are equal.
func (l *Latest) alike(a, b ref) bool {
	ca, cb := l.store.batches[a>>32].Cols[:l.spec.Pass], l.store.batches[b>>32].Cols[:l.spec.Pass]
	for c, t := range l.spec.Types[:l.spec.Pass] {
		if !vec.Equal(ca[c], int(int32(a)), cb[c], int(int32(b)), t) {
			return false
		}
	}
	if l.passed == nil {
		return true
	}
	l.bytes[0] = l.passed.Append(l.bytes[0][:0], ca, int(int32(a)))
	l.bytes[1] = l.passed.Append(l.bytes[1][:0], cb, int(int32(b)))
	return bytes.Equal(l.bytes[0], l.bytes[1])
}

func (l *Latest) emit(ctx context.Context, r ref, op vec.Op, out Output) error {
	if r < 0 {
		return nil
	}
	return l.out.add(ctx, l.store.batches[r>>32].Cols[:l.spec.Pass], int32(r), op, out)
}

// compact drops keys and rows that are gone when most are. It is called at a barrier.
func (l *Latest) compact() error {
	// A key without a row says of one in other parts that it has none.
	fewer := len(l.rows) > fewRows && 2*l.alive < len(l.rows) && !l.evicted.some()
	if !fewer && !l.store.sparse() {
		return nil
	}
	if fewer {
		if err := l.renumber(); err != nil {
			return err
		}
	}
	err := l.store.copyNeeded(func(f func(r *ref)) {
		for g := range l.rows {
			if l.rows[g].now >= 0 {
				f(&l.rows[g].now)
			}
		}
	})
	if l.kept != nil { // rows have other numbers
		l.kept.anew = l.kept.anew || fewer
		l.kept.keys.renumbered(len(l.rows))
	}
	return err
}

// renumber makes the table of keys anew, of those that have a row. The store is to be
// copied then.
func (l *Latest) renumber() error {
	was, rows := l.keys, l.rows
	l.keys = newTable(was.types, l.spec.Account, was.what)
	l.rows = make([]latestRow, 0, l.alive)
	ids := make([]int32, 1)
	key := vec.NewBatch(was.types)
	for g := range rows {
		r := rows[g].now
		if r < 0 {
			continue
		}
		key.Reset()
		for i, c := range key.Cols {
			vec.AppendRow(c, was.keys[i], g)
		}
		if err := l.keys.assign(key.Cols, 1, l.one, ids); err != nil {
			return err
		}
		l.store.chunks[r>>32].groups[int32(r)] = ids[0]
		l.rows = append(l.rows, latestRow{now: r, was: -1})
	}
	was.close()
	return nil
}

// charge counts what is held beside the rows.
func (l *Latest) charge() error {
	if size := int64(cap(l.rows)) * 24; size > l.held {
		if err := l.spec.Account.Resize(l.held, size); err != nil {
			return err
		}
		l.held = size
	}
	if l.evicted == nil {
		return nil
	}
	l.evicted.crowded(l.size())
	return l.spec.Account.Overrun()
}

// Finish passes on what has changed since the last barrier.
func (l *Latest) Finish(ctx context.Context, _ int, out Output) error { return l.Barrier(ctx, 0, out) }

// Held says that changes wait for the barrier.
func (l *Latest) Held() int64 {
	return heldRows(len(l.touched) > 0 || l.rounds.past != l.rounds.least)
}

// Close gives the rows back.
func (l *Latest) Close() error {
	l.evicted.close()
	l.keys.close()
	l.store.close()
	l.spec.Account.Release(l.held)
	l.held, l.rows = 0, nil
	return nil
}
