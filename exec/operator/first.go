package operator

import (
	"cmp"
	"context"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// FirstSpec is what a First passes on: of each partition the rows whose number is
// at most Most, but for the Offset first of them.
type FirstSpec struct {
	Types        []types.Type
	Pass         []int // columns that are passed on; nil: all
	Partition    []SortKey
	OrderBy      []SortKey
	Rank         string   // what Most is about: row_number, rank or dense_rank
	Numbers      []string // columns more: such numbers of the row
	Offset, Most int64
	AppendOnly   bool // no Delete will come
	Account      *memory.Account
	Fault        Fault
}

// First passes the first rows of each partition on, as they change: at the barrier
// it emits the rows that have entered or left since the last one, and those whose
// number has changed where it is asked for.
//
// Of an input that only grows, rows that are not among the first are forgotten: no
// row that is to come brings them back. Else all rows are kept, counted, in their
// order: a Delete may come before its Insert.
type First struct {
	spec     FirstSpec
	pass     []int
	width    int
	keyAt    int // of the rows kept: where the order keys are
	programs []*expr.Program
	computed []vec.Vec // the keys of the partition, then of the order
	cols     []vec.Vec
	parts    *table // of the partitions; nil: there is one
	lists    []firstPart
	store    *rowStore // of an input that only grows; nil: rows
	rows     *table    // distinct rows: what is passed, the partition, the order
	counts   []int64   // of rows
	group    []int32   // of rows
	view     []*vec.Batch
	alive    int
	touched  []int32
	released []ref
	out      emitter
	after    []firstRow
	ids      []int32
	groups   []int32
	times    []int64
	refs     []ref
	live     []int32
	sel      selector
	held     int64
	kept     *keptFirst // nil: nothing is stored

	evicted *evicted // partitions that are not in parts; nil: all are
	codec   rowCodec
	read    *vec.Batch
	lent    []int32 // partitions whose rows were read back in this epoch
}

// Evicts reports whether partitions may be left in the store: where each has one row, which
// rows came before that does not matter.
func (s *FirstSpec) Evicts() bool {
	return s.AppendOnly && len(s.Partition) > 0 && s.Rank == "row_number" && s.Most == 1
}

// firstPart is one partition: its rows in their order, and those that had gone out
// at the last barrier, where it has changed since.
type firstPart struct {
	rows    orderedRefs
	before  []firstRow
	touched bool
}

// firstRow is a row with its numbers.
type firstRow struct {
	ref                 ref
	number, rank, dense int64
}

// NewFirst returns a First.
func NewFirst(spec FirstSpec) *First {
	f := &First{spec: spec, pass: spec.Pass}
	if f.pass == nil {
		for c := range spec.Types {
			f.pass = append(f.pass, c)
		}
	}
	f.width = len(f.pass)
	var stored, partition, order []types.Type
	for _, c := range f.pass {
		stored = append(stored, spec.Types[c])
	}
	results := append([]types.Type(nil), stored...)
	for _, k := range spec.Partition {
		partition = append(partition, k.Type)
		f.programs = append(f.programs, k.Program)
	}
	for _, k := range spec.OrderBy {
		order = append(order, k.Type)
		f.programs = append(f.programs, k.Program)
	}
	for range spec.Numbers {
		results = append(results, types.Of(types.Int8))
	}
	f.computed = make([]vec.Vec, len(f.programs))
	f.out = newEmitter(results)
	if len(partition) > 0 {
		f.parts = newTable(partition, spec.Account, "the first rows")
	}
	if spec.AppendOnly {
		f.keyAt = f.width
		f.store = newRowStore(append(stored, order...), spec.Account)
	} else {
		f.keyAt = f.width + len(partition)
		f.rows = newRowTable(append(append(stored, partition...), order...), spec.Account, "the first rows")
		f.view = []*vec.Batch{{Cols: f.rows.keys}}
	}
	f.cols = make([]vec.Vec, f.keyAt+len(order))
	return f
}

// batches are where the rows that refs name lie.
func (f *First) batches() []*vec.Batch {
	if f.store != nil {
		return f.store.batches
	}
	return f.view
}

// Process takes rows in, or out.
func (f *First) Process(_ context.Context, _ int, b *vec.Batch, _ Output) error {
	sel, err := runAll(f.programs, b, f.computed, f.spec.Fault, &f.live)
	if err != nil {
		return err
	}
	sel = f.sel.all(sel, b.Rows)
	for i, c := range f.pass {
		f.cols[i] = b.Cols[c]
	}
	copy(f.cols[f.keyAt:], f.computed[len(f.spec.Partition):])
	f.groups = sized(f.groups, b.Rows)
	if err := f.assign(f.computed[:len(f.spec.Partition)], b.Rows, sel); err != nil {
		return err
	}
	if f.store == nil {
		copy(f.cols[f.width:], f.computed[:len(f.spec.Partition)])
		return f.count(b, sel)
	}
	if hasDelete(b) {
		return refuseDelete("the first rows of a stream")
	}
	return f.insert(b.Rows, sel)
}

// assign writes the partitions of rows to groups.
func (f *First) assign(keys []vec.Vec, n int, sel []int32) error {
	groups, known := 1, len(f.lists)
	if f.parts == nil {
		for _, r := range sel {
			f.groups[r] = 0
		}
	} else {
		if err := f.parts.assign(keys, n, sel, f.groups); err != nil {
			return err
		}
		groups = f.parts.Len()
	}
	for len(f.lists) < groups {
		if f.kept != nil {
			f.kept.parts.touchOne(int32(len(f.lists)))
		}
		f.lists = append(f.lists, firstPart{})
	}
	if known < groups && f.evicted != nil {
		return f.evicted.fetch(f.parts.keys, known, groups, f.load)
	}
	return nil
}

// insert keeps the rows of an input that only grows which may be among the first.
func (f *First) insert(n int, sel []int32) error {
	f.times = sized(f.times, n)
	kept := f.live[:0]
	for _, r := range sel {
		if f.times[r] = 0; !f.outdone(&f.lists[f.groups[r]], int(r)) {
			kept = append(kept, r)
		}
	}
	f.live = kept
	var err error
	if f.refs, err = f.store.add(f.cols, kept, f.groups, f.times, f.refs[:0]); err != nil {
		return err
	}
	for i, r := range kept {
		id := f.groups[r]
		f.touch(id)
		p := &f.lists[id]
		p.rows.insert(f.refs[i], f.compare)
		f.cut(p)
	}
	return f.charge()
}

// outdone reports whether as many rows as are wanted come before a row of the batch
// at hand.
func (f *First) outdone(p *firstPart, row int) bool {
	switch {
	case f.spec.Most <= 0:
		return true
	case f.spec.Rank == "dense_rank" || f.spec.Most > int64(p.rows.n):
		return false
	}
	last := p.rows.at(int(f.spec.Most) - 1)
	cols := f.store.batches[last>>32].Cols[f.keyAt:]
	for k := range f.spec.OrderBy {
		if c := f.spec.OrderBy[k].compare(f.cols[f.keyAt+k], row, cols[k], int(int32(last))); c != 0 {
			return c > 0
		}
	}
	return f.spec.Rank == "row_number" // of equal rows the first to come is before
}

// cut forgets the rows that are not among the first any more.
func (f *First) cut(p *firstPart) {
	for int64(p.rows.n) > f.spec.Most {
		last := p.rows.at(p.rows.n - 1)
		if f.spec.Rank == "rank" && f.compareKeys(last, p.rows.at(int(f.spec.Most)-1)) == 0 {
			return
		}
		if f.spec.Rank == "dense_rank" && f.denseOf(p, last) <= f.spec.Most {
			return
		}
		p.rows.removeLast()
		f.released = append(f.released, last)
	}
}

// denseOf is how many different keys there are up to the last row.
func (f *First) denseOf(p *firstPart, last ref) int64 {
	n, before := int64(0), ref(-1)
	p.rows.each(func(r ref) bool {
		if before < 0 || f.compareKeys(before, r) != 0 {
			n++
		}
		before = r
		return r != last
	})
	return n
}

// count counts rows of an input that changes.
func (f *First) count(b *vec.Batch, sel []int32) error {
	f.ids = sized(f.ids, b.Rows)
	if err := f.rows.assign(f.cols, b.Rows, sel, f.ids); err != nil {
		return err
	}
	if f.kept != nil {
		f.kept.rows.touch(f.ids, sel)
	}
	for _, r := range sel {
		id := f.ids[r]
		if int(id) == len(f.counts) {
			f.counts, f.group = append(f.counts, 0), append(f.group, f.groups[r])
		}
		f.touch(f.group[id])
		by := int64(1)
		if b.Op(int(r)) == vec.Delete {
			by = -1
		}
		f.add(id, by)
	}
	return f.charge()
}

// add adds to the count of a row.
func (f *First) add(id int32, by int64) {
	was := f.counts[id]
	f.counts[id] += by
	switch is := was + by; {
	case was <= 0 && is > 0:
		f.lists[f.group[id]].rows.insert(ref(id), f.compare)
		f.alive++
	case was > 0 && is <= 0:
		f.lists[f.group[id]].rows.remove(ref(id), f.compare)
		f.alive--
	}
}

// touch notes what a partition has passed on, before it changes.
func (f *First) touch(id int32) {
	p := &f.lists[id]
	if p.touched {
		return
	}
	p.touched = true
	p.before = f.result(p, p.before[:0])
	f.touched = append(f.touched, id)
}

// result appends the rows of a partition that go out.
func (f *First) result(p *firstPart, dst []firstRow) []firstRow {
	row := firstRow{ref: -1}
	p.rows.each(func(r ref) bool {
		if row.ref < 0 || f.compareKeys(row.ref, r) != 0 {
			row.rank = row.number + 1
			row.dense++
		}
		row.ref = r
		times := int64(1)
		if f.rows != nil {
			times = f.counts[r]
		}
		for ; times > 0; times-- {
			row.number++
			if f.rankOf(&row, f.spec.Rank) > f.spec.Most {
				return false
			}
			if row.number > f.spec.Offset {
				dst = append(dst, row)
			}
		}
		return true
	})
	return dst
}

func (f *First) rankOf(r *firstRow, name string) int64 {
	switch name {
	case "rank":
		return r.rank
	case "dense_rank":
		return r.dense
	}
	return r.number
}

// compare puts rows in order: by their keys, and then as they came.
func (f *First) compare(a, b ref) int {
	if c := f.compareKeys(a, b); c != 0 {
		return c
	}
	if f.store != nil {
		return cmp.Compare(f.store.arrival(a), f.store.arrival(b))
	}
	return cmp.Compare(a, b)
}

func (f *First) compareKeys(a, b ref) int {
	of := f.batches()
	ca, cb := of[a>>32].Cols[f.keyAt:], of[b>>32].Cols[f.keyAt:]
	for k := range f.spec.OrderBy {
		if c := f.spec.OrderBy[k].compare(ca[k], int(int32(a)), cb[k], int(int32(b))); c != 0 {
			return c
		}
	}
	return 0
}

// Watermark does nothing: rows go out at the barrier.
func (*First) Watermark(context.Context, int64, Output) error { return nil }

// Barrier passes on what has changed of the first rows.
func (f *First) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	for _, id := range f.touched {
		p := &f.lists[id]
		p.touched = false
		f.after = f.result(p, f.after[:0])
		if err := f.changes(ctx, p.before, f.after, out); err != nil {
			return err
		}
		p.before = nil
	}
	f.touched = f.touched[:0]
	if err := f.out.flush(ctx, out); err != nil {
		return err
	}
	if err := f.settleLent(); err != nil {
		return err
	}
	for _, r := range f.released {
		f.store.release(r)
	}
	f.released = f.released[:0]
	if f.store != nil {
		f.store.giveBack()
	}
	return f.compact()
}

// changes emits the rows of one list that are not in the other. Both are in order.
func (f *First) changes(ctx context.Context, before, after []firstRow, out Output) error {
	same := func(b, a *firstRow) bool {
		if b.ref != a.ref && !f.alike(b.ref, a.ref) {
			return false
		}
		for _, name := range f.spec.Numbers {
			if f.rankOf(b, name) != f.rankOf(a, name) {
				return false
			}
		}
		return true
	}
	var gone, come []int
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		c := 0
		switch {
		case i == len(before):
			c = 1
		case j == len(after):
			c = -1
		default:
			c = f.compare(before[i].ref, after[j].ref)
		}
		if c <= 0 {
			if c < 0 || !same(&before[i], &after[j]) {
				gone = append(gone, i)
			}
			i++
		}
		if c >= 0 {
			if c > 0 || !same(&before[i-1], &after[j]) {
				come = append(come, j)
			}
			j++
		}
	}
	// Rows that have come in the place of equal ones are no change.
	n := 0
	for n < len(gone) && n < len(come) && same(&before[gone[n]], &after[come[n]]) {
		n++
	}
	for _, i := range gone[n:] {
		if err := f.emit(ctx, &before[i], vec.Delete, out); err != nil {
			return err
		}
	}
	for _, j := range come[n:] {
		if err := f.emit(ctx, &after[j], vec.Insert, out); err != nil {
			return err
		}
	}
	return nil
}

// alike reports whether two rows read the same in all that is passed on.
func (f *First) alike(a, b ref) bool {
	of := f.batches()
	for i, c := range f.pass {
		if !identical(of[a>>32].Cols[i], int(int32(a)), of[b>>32].Cols[i], int(int32(b)), f.spec.Types[c]) {
			return false
		}
	}
	return true
}

func (f *First) emit(ctx context.Context, r *firstRow, op vec.Op, out Output) error {
	from := f.batches()[r.ref>>32].Cols
	for i := range f.pass {
		vec.AppendRow(f.out.batch.Cols[i], from[i], int(int32(r.ref)))
	}
	for i, name := range f.spec.Numbers {
		f.out.batch.Cols[f.width+i].(*vec.Fixed[int64]).Append(f.rankOf(r, name))
	}
	return f.out.added(ctx, op, out)
}

// charge counts what is held beside the rows.
func (f *First) charge() error {
	size := int64(len(f.lists))*64 + int64(len(f.counts))*20
	if f.store != nil {
		size += int64(len(f.lists))*32 + f.store.live*8 // a list of few rows
	}
	if size > f.held {
		if err := f.spec.Account.Resize(f.held, size); err != nil {
			return err
		}
		f.held = size
	}
	if f.evicted == nil {
		return nil
	}
	f.evicted.crowded(f.size())
	return f.spec.Account.Overrun()
}

// Finish passes on what has changed since the last barrier.
func (f *First) Finish(ctx context.Context, _ int, out Output) error { return f.Barrier(ctx, 0, out) }

// Close gives the rows back.
func (f *First) Close() error {
	f.evicted.close()
	if f.parts != nil {
		f.parts.close()
	}
	if f.rows != nil {
		f.rows.close()
	}
	if f.store != nil {
		f.store.close()
	}
	f.spec.Account.Release(f.held)
	f.held, f.lists, f.counts, f.group = 0, nil, nil, nil
	return nil
}

// MostOf is the Most of LIMIT count OFFSET offset; count negative: there is none.
func MostOf(count, offset int64) int64 {
	if count < 0 || count > math.MaxInt64-offset {
		return math.MaxInt64
	}
	return count + offset
}

// Held says that changes wait for the barrier.
func (f *First) Held() int64 { return heldRows(len(f.touched) > 0) }
