package operator

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// OverSpec is what an Over computes: as WindowSpec, of a stream.
type OverSpec struct {
	Types     []types.Type
	Pass      []int // columns that are passed on; nil: all
	Partition []SortKey
	OrderBy   []SortKey
	// Time is the time of a row, which rises with its place in the order. nil: rows
	// are in the order in which they come.
	Time    *expr.Program
	Shift   int64 // what is added to it, in microseconds
	Calls   []WindowCall
	Top     *WindowTop // other rows do not go out; nil: all do
	Env     *function.Env
	Account *memory.Account
	Fault   Fault
	Late    func(rows int) // told of rows before the watermark; nil: nobody is
}

// Over computes calls over the rows of a stream in the order of their times. A row
// waits until the watermark has passed it: then every row that comes before it in
// its partition, and every one that sorts as it does, is there. It goes out, in the
// order of times, when the rows that follow it in its frames are there too. Rows
// are kept as long as a frame of a row to come may have them.
//
// A row from before the watermark is late: it is left out, and counted. A row
// without a time comes last, at the end of the input. Deletes are refused.
type Over struct {
	spec     OverSpec
	pass     []int
	width    int // of what is passed on; the order keys come after it, then the arguments
	programs []*expr.Program
	computed []vec.Vec // the keys of the partition, of the order, and the time
	inputs   []windowInput
	calls    []overCall
	cols     []vec.Vec
	store    *rowStore
	table    *table // of the partitions; nil: there is one
	parts    []overPart
	pending  pendingRows
	mark     int64
	ended    bool
	step     int64
	waits    followers
	waiting  []overPlace // rows that may not have gone out, in the order of their times
	aging    []overPlace // rows that expire with time, in that order
	ages     bool
	pins     int64 // first rows of a partition that are needed for ever
	local    bool  // a partition without rows is as one never seen

	due      []pendingRow
	emitted  []ref
	touched  []int32
	out      *vec.Batch
	live     []int32
	sel      selector
	ids      []int32
	times    []int64
	refs     []ref
	empty    int // partitions without rows, at the least
	heldMore int64
	kept     *keptOver // nil: nothing is stored

	evicted   *evicted // nil: all partitions are in memory
	loaded    loadedRows
	forgotten bool // nothing is stored any more
}

// overPart is one partition. Rows are numbered from 0 in their order.
type overPart struct {
	rows    []overRow // from first on
	first   int64
	done    int64 // those before it have gone out
	group   int64 // of the last row: the first row that sorts as it does
	dense   int64 // how many such groups there are
	step    int64 // in which the last row came
	pending int32 // rows that have no number yet
	touched bool
	moved   bool  // into a younger table: it is here as if it had never been seen
	head    []ref // the first rows, where they are needed for ever
}

// overRow is a row in its place: the first row of its group, and how many groups
// there are up to it.
type overRow struct {
	ref   ref
	group int64
	dense int64
}

// overPlace is a row by its partition and number, and its time.
type overPlace struct {
	time int64
	part int32
	row  int64
}

func (p *overPart) next() int64         { return p.first + int64(len(p.rows)) }
func (p *overPart) at(i int64) *overRow { return &p.rows[i-p.first] }
func (p *overPart) has(i int64) bool    { return i >= p.first && i < p.next() }
func (p *overPart) groupEnd(i int64) int64 {
	g := p.at(i).group
	for i++; i < p.next() && p.at(i).group == g; i++ {
	}
	return i
}

// NewOver returns an Over.
func NewOver(spec OverSpec) *Over {
	o := &Over{spec: spec, pass: spec.Pass, mark: math.MinInt64, pending: newPendingRows()}
	if o.pass == nil {
		for c := range spec.Types {
			o.pass = append(o.pass, c)
		}
	}
	o.width = len(o.pass)
	var stored, partition []types.Type
	for _, c := range o.pass {
		stored = append(stored, spec.Types[c])
	}
	results := slices.Clone(stored)
	for _, k := range spec.Partition {
		partition = append(partition, k.Type)
		o.programs = append(o.programs, k.Program)
	}
	for _, k := range spec.OrderBy {
		stored = append(stored, k.Type)
		o.programs = append(o.programs, k.Program)
	}
	if spec.Time != nil {
		o.programs = append(o.programs, spec.Time)
	}
	o.computed = make([]vec.Vec, len(o.programs))
	for i := range spec.Calls {
		c := &spec.Calls[i]
		in := windowInput{call: c, at: len(stored)}
		stored = append(stored, c.ArgTypes...)
		if c.Filter != nil {
			stored = append(stored, types.Of(types.Bool))
		}
		results = append(results, c.Result)
		o.inputs = append(o.inputs, in)
	}
	o.cols = make([]vec.Vec, len(stored))
	o.store = newRowStore(stored, spec.Account)
	o.out = vec.NewBatch(results)
	if len(partition) > 0 {
		o.table = newTable(partition, spec.Account, "OVER")
	}
	o.local = spec.Top == nil
	for i := range o.inputs {
		o.calls = append(o.calls, newOverCall(o, o.inputs[i]))
	}
	return o
}

// Process keeps rows until the watermark has passed them.
func (o *Over) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	if hasDelete(b) {
		return refuseDelete("a window function in the order of time")
	}
	for i, c := range o.pass {
		o.cols[i] = b.Cols[c]
	}
	sel, err := runAll(o.programs, b, o.computed, o.spec.Fault, &o.live)
	if err != nil {
		return err
	}
	copy(o.cols[o.width:], o.computed[len(o.spec.Partition):len(o.spec.Partition)+len(o.spec.OrderBy)])
	part := vec.Batch{Cols: b.Cols, Sel: sel, Rows: b.Rows}
	for i := range o.inputs {
		if part.Sel, err = o.inputs[i].compute(&part, o.cols, o.spec.Fault); err != nil {
			return err
		}
	}
	if err := o.assign(b.Rows, o.sel.all(part.Sel, b.Rows)); err != nil {
		return err
	}
	sel = o.onTime(b.Rows, o.sel.all(part.Sel, b.Rows))
	if o.refs, err = o.store.add(o.cols, sel, o.ids, o.times, o.refs[:0]); err != nil {
		return err
	}
	for i, r := range sel {
		row := pendingRow{time: o.times[r], ref: o.refs[i], part: o.ids[r]}
		o.parts[row.part].pending++
		if o.spec.Time == nil {
			o.due = append(o.due, row)
		} else {
			o.pending.push(row)
		}
	}
	if o.evicted != nil {
		o.evicted.crowded(o.state())
		if err := o.spec.Account.Overrun(); err != nil {
			return err // rows that wait for the watermark stay
		}
	}
	if o.spec.Time != nil {
		return nil
	}
	return o.advance(ctx, out)
}

// assign writes the partitions of rows to ids.
func (o *Over) assign(n int, sel []int32) error {
	o.ids = sized(o.ids, n)
	known, groups := len(o.parts), 1
	if o.table == nil {
		clear(o.ids)
	} else {
		if err := o.table.assign(o.computed[:len(o.spec.Partition)], n, sel, o.ids); err != nil {
			return err
		}
		groups = o.table.Len()
	}
	o.grow(groups)
	if err := o.fetch(known); err != nil {
		return err
	}
	if o.kept != nil {
		o.kept.table.touch(o.ids, sel)
	}
	return nil
}

// grow makes partitions up to n-1.
func (o *Over) grow(n int) {
	if n <= len(o.parts) {
		return
	}
	o.empty += n - len(o.parts)
	for len(o.parts) < n {
		o.parts = append(o.parts, overPart{group: -1, step: -1})
	}
	for _, c := range o.calls {
		c.grow(n)
	}
}

// onTime writes the times of rows, and leaves out those that are late, and those of
// partitions whose first rows are all there.
func (o *Over) onTime(n int, sel []int32) []int32 {
	o.times = sized(o.times, n)
	if o.spec.Time == nil {
		clear(o.times)
	}
	var at times
	if o.spec.Time != nil {
		at = timeColumn(o.computed[len(o.computed)-1])
	}
	late := 0
	kept := o.live[:0]
	for _, r := range sel {
		if o.spec.Time != nil {
			t, ok := at.get(r)
			switch {
			case ok:
				t += o.spec.Shift
			case t != types.TimestampNegInfinity:
				t = math.MaxInt64
			}
			if o.times[r] = t; t < o.mark {
				late++
				continue
			}
		}
		if o.spec.Top != nil && o.topReached(&o.parts[o.ids[r]]) {
			continue
		}
		kept = append(kept, r)
	}
	o.live = kept
	if late > 0 && o.spec.Late != nil {
		o.spec.Late(late)
	}
	return kept
}

// topReached reports whether rows that are numbered from now on do not go out.
func (o *Over) topReached(p *overPart) bool {
	if o.spec.Top.Func.Name == "dense_rank" {
		return p.dense >= o.spec.Top.Most
	}
	return p.next() >= o.spec.Top.Most
}

// Watermark passes on the rows that t has passed.
func (o *Over) Watermark(ctx context.Context, t int64, out Output) error {
	o.mark = t
	if o.spec.Time == nil {
		return nil
	}
	o.due = o.pending.before(t, o.due[:0])
	return o.advance(ctx, out)
}

// Held is the time before which no row is held back: the watermark of what is
// passed on is not later.
func (o *Over) Held() int64 {
	n := 0
	for n < len(o.waiting) && o.waiting[n].row < o.parts[o.waiting[n].part].done {
		n++
	}
	if o.waiting = o.waiting[n:]; len(o.waiting) == 0 || o.spec.Time == nil {
		return math.MaxInt64
	}
	return o.waiting[0].time
}

// advance numbers the rows that are due, and passes on those whose frames are
// complete.
func (o *Over) advance(ctx context.Context, out Output) error {
	o.step++
	o.sortDue()
	for i := range o.due {
		o.number(&o.due[i])
	}
	for i := range o.due {
		if err := o.release(ctx, o.due[i].part, !o.waits.any(), out); err != nil {
			return err
		}
	}
	o.due = o.due[:0]
	if o.waits.any() {
		if err := o.waited(ctx, out); err != nil {
			return err
		}
	}
	if err := o.flush(ctx, out); err != nil {
		return err
	}
	o.expire()
	o.trim()
	if err := o.charge(); err != nil {
		return err
	}
	return o.compact()
}

// sortDue puts the rows that are due into their order.
func (o *Over) sortDue() {
	compare := func(a, b pendingRow) int {
		if c := cmp.Compare(a.time, b.time); c != 0 {
			return c
		}
		if c := o.compareKeys(a.ref, b.ref); c != 0 {
			return c
		}
		return cmp.Compare(o.store.arrival(a.ref), o.store.arrival(b.ref))
	}
	if o.spec.Time != nil && !slices.IsSortedFunc(o.due, compare) {
		slices.SortFunc(o.due, compare)
	}
}

// compareKeys compares two rows by the keys of ORDER BY.
func (o *Over) compareKeys(a, b ref) int {
	ca, cb := o.store.batches[a>>32].Cols[o.width:], o.store.batches[b>>32].Cols[o.width:]
	for k := range o.spec.OrderBy {
		if c := o.spec.OrderBy[k].compare(ca[k], int(int32(a)), cb[k], int(int32(b))); c != 0 {
			return c
		}
	}
	return 0
}

// number gives a row its place in its partition.
func (o *Over) number(d *pendingRow) {
	p := &o.parts[d.part]
	n := p.next()
	peer := o.spec.Time != nil && p.step == o.step && len(p.rows) > 0 && o.compareKeys(p.rows[len(p.rows)-1].ref, d.ref) == 0
	if !peer {
		p.group = n
		p.dense++
	}
	p.step = o.step
	p.pending--
	if len(p.rows) == 0 {
		o.empty--
	}
	p.rows = append(p.rows, overRow{d.ref, p.group, p.dense})
	if n < o.pins {
		p.head = append(p.head, d.ref)
	}
	if o.waits.any() {
		o.waiting = append(o.waiting, overPlace{d.time, d.part, n})
	}
	if o.ages {
		o.aging = append(o.aging, overPlace{d.time, d.part, n})
	}
	o.touch(d.part)
}

func (o *Over) touch(id int32) {
	if p := &o.parts[id]; !p.touched {
		p.touched = true
		o.touched = append(o.touched, id)
	}
}

// release passes on the rows of a partition whose frames are complete, the first
// alone where one is set.
func (o *Over) release(ctx context.Context, id int32, one bool, out Output) error {
	p := &o.parts[id]
	for p.done < p.next() && (o.ended || o.waits.over(o, p, p.done)) {
		if err := o.emit(ctx, p, id, out); err != nil {
			return err
		}
		if one {
			return nil
		}
	}
	return nil
}

// waited passes on the rows that the watermark has completed the frames of.
func (o *Over) waited(ctx context.Context, out Output) error {
	for i := range o.waiting {
		w := &o.waiting[i]
		if !o.ended && !o.waits.passed(w.time, o) {
			break
		}
		if err := o.release(ctx, w.part, false, out); err != nil {
			return err
		}
	}
	o.Held()
	return nil
}

// emit computes the calls of a partition's next row.
func (o *Over) emit(ctx context.Context, p *overPart, id int32, out Output) error {
	i := p.done
	p.done++
	o.touch(id)
	if o.spec.Top != nil && o.rankOf(p, i) > o.spec.Top.Most {
		return nil
	}
	o.emitted = append(o.emitted, p.at(i).ref)
	for k, c := range o.calls {
		if err := c.value(p, id, i, o.out.Cols[o.width+k]); err != nil {
			return err
		}
	}
	if len(o.emitted) == vec.MaxRows {
		return o.flush(ctx, out)
	}
	return nil
}

// rankOf is a row's number as Top counts.
func (o *Over) rankOf(p *overPart, i int64) int64 {
	switch o.spec.Top.Func.Name {
	case "rank":
		return p.at(i).group + 1
	case "dense_rank":
		return p.at(i).dense
	}
	return i + 1
}

func (o *Over) flush(ctx context.Context, out Output) error {
	if len(o.emitted) == 0 {
		return nil
	}
	for i := range o.pass {
		gather(o.out.Cols[i], o.store.batches, i, o.emitted)
	}
	o.out.Rows = len(o.emitted)
	o.emitted = o.emitted[:0]
	err := out.Emit(ctx, o.out)
	o.out.Reset()
	return err
}

// expire lets go of rows that are too old for every row that has not gone out.
func (o *Over) expire() {
	if len(o.aging) == 0 {
		return
	}
	n, now := 0, min(o.mark, o.Held())
	for ; n < len(o.aging); n++ {
		a := &o.aging[n]
		p := &o.parts[a.part]
		if !p.has(a.row) {
			continue
		}
		if a.row >= p.done || !o.aged(a.time, now) {
			break
		}
		for _, c := range o.calls {
			c.expire(p, a.part, now)
		}
		o.touch(a.part)
	}
	o.aging = o.aging[n:]
}

// aged reports whether no frame of a row of the time now or later begins at a time
// or before it.
func (o *Over) aged(t, now int64) bool {
	for _, c := range o.calls {
		if f := c.framed(); f != nil && f.moves() && !f.out(t, now) {
			return false
		}
	}
	return true
}

// trim releases the rows that no call needs of the partitions that were touched.
func (o *Over) trim() {
	for _, id := range o.touched {
		p := &o.parts[id]
		p.touched = false
		if o.kept != nil {
			o.kept.table.touchOne(id)
		}
		from := p.done
		for _, c := range o.calls {
			from = min(from, c.from(p, id))
		}
		n := max(from-p.first, 0)
		for i, r := range p.rows[:n] {
			if p.first+int64(i) >= o.pins {
				o.store.release(r.ref)
			}
		}
		if n > 0 && int(n) == len(p.rows) {
			o.empty++
		}
		p.first += n
		p.rows = append(p.rows[:0], p.rows[n:]...)
	}
	o.touched = o.touched[:0]
}

// charge counts what is held beside the rows.
func (o *Over) charge() error {
	size := int64(len(o.parts))*96 + o.store.live*24 + int64(cap(o.waiting)+cap(o.aging))*24 + o.pending.bytes()
	for _, c := range o.calls {
		size += c.bytes()
	}
	err := o.spec.Account.Resize(o.heldMore, size)
	if err == nil {
		o.heldMore = size
	}
	return err
}

// Barrier does nothing: rows go out as the watermark passes them.
func (*Over) Barrier(context.Context, stream.Epoch, Output) error { return nil }

// Finish passes on all rows that are left: none is to come.
func (o *Over) Finish(ctx context.Context, _ int, out Output) error {
	o.ended = true
	o.due = o.pending.all(o.due[:0])
	return o.advance(ctx, out)
}

// Close gives the rows back.
func (o *Over) Close() error {
	if o.table != nil {
		o.table.close()
	}
	o.store.close()
	o.evicted.close()
	o.spec.Account.Release(o.heldMore)
	o.heldMore, o.parts, o.waiting, o.aging = 0, nil, nil, nil
	o.pending = newPendingRows()
	return nil
}
