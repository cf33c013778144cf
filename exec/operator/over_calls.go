package operator

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// overCall computes one call of an Over. What it knows of a partition it keeps by
// the partition's place.
type overCall interface {
	grow(n int)
	// value appends the value of row i, which follows those of the calls before.
	value(p *overPart, id int32, i int64, dst vec.Vec) error
	// from is the first row that the values of rows from p.done on need.
	from(p *overPart, id int32) int64
	// expire lets go of rows that are too old for rows of the time now.
	expire(p *overPart, id int32, now int64)
	// framed is its frame, nil where it has none.
	framed() *overFrame
	bytes() int64
	// save appends what load reads again; rebuild makes the rest of the rows that
	// are kept.
	save(id int32, dst []byte) []byte
	load(id int32, src []byte) ([]byte, error)
	rebuild(p *overPart, id int32) error
	// clear forgets every partition, detach hands them to another that save can be asked
	// of.
	clear()
	detach() overCall
}

// newOverCall returns what computes a call, and adds to what an Over waits for and
// keeps. What a call cannot be over a stream is refused before.
func newOverCall(o *Over, in windowInput) overCall {
	c := in.call
	if c.Aggregate != nil {
		return newOverAggregate(o, in)
	}
	switch c.Func.Name {
	case "lag", "lead":
		n := &overNeighbour{o: o, at: in.at, other: -1, otherwise: -1}
		if c.Func.Name == "lead" {
			n.other = 1
		}
		if len(c.Args) > 1 {
			n.null = c.Offset.Null
			n.other *= c.Offset.I
		}
		if len(c.Args) > 2 {
			n.otherwise = in.at + 2
		}
		o.waits.rows = max(o.waits.rows, n.other)
		return n
	case "first_value", "last_value", "nth_value":
		v := &overValue{overFrame: newOverFrame(o, c.Frame), at: in.at, last: c.Func.Name == "last_value", n: 1}
		if c.Func.Name == "nth_value" {
			v.n, v.null = c.Offset.I, c.Offset.Null
		}
		if v.unbounded() {
			o.local = false
			if !v.last {
				o.pins = max(o.pins, v.n)
			}
		}
		o.withFrame(&v.overFrame)
		return v
	}
	o.local = false
	return &overNumber{name: c.Func.Name}
}

// withFrame takes a frame into account.
func (o *Over) withFrame(f *overFrame) {
	o.waits.frame(f)
	o.ages = o.ages || f.moves() && o.spec.Time != nil
}

// overNumber is row_number, rank and dense_rank.
type overNumber struct{ name string }

func (*overNumber) grow(int) {}

func (c *overNumber) value(p *overPart, _ int32, i int64, dst vec.Vec) error {
	v := i + 1
	switch c.name {
	case "rank":
		v = p.at(i).group + 1
	case "dense_rank":
		v = p.at(i).dense
	}
	dst.(*vec.Fixed[int64]).Append(v)
	return nil
}

func (*overNumber) from(p *overPart, _ int32) int64          { return p.done }
func (*overNumber) expire(*overPart, int32, int64)           {}
func (*overNumber) framed() *overFrame                       { return nil }
func (*overNumber) bytes() int64                             { return 0 }
func (*overNumber) save(_ int32, dst []byte) []byte          { return dst }
func (*overNumber) load(_ int32, src []byte) ([]byte, error) { return src, nil }
func (*overNumber) rebuild(*overPart, int32) error           { return nil }
func (*overNumber) clear()                                   {}
func (c *overNumber) detach() overCall                       { return c }

// overNeighbour is lag and lead.
type overNeighbour struct {
	o         *Over
	at        int
	other     int64 // how far the row lies behind
	null      bool  // that is NULL
	otherwise int   // the column of the default; -1: NULL
}

func (*overNeighbour) grow(int) {}

func (c *overNeighbour) value(p *overPart, _ int32, i int64, dst vec.Vec) error {
	switch k := i + c.other; {
	case c.null:
		vec.AppendNull(dst)
	case k >= 0 && k < p.next():
		c.o.append(dst, p.at(k).ref, c.at)
	case c.otherwise >= 0:
		c.o.append(dst, p.at(i).ref, c.otherwise)
	default:
		vec.AppendNull(dst)
	}
	return nil
}

// append appends the value that a kept row has in a column.
func (o *Over) append(dst vec.Vec, r ref, column int) {
	vec.AppendRow(dst, o.store.batches[r>>32].Cols[column], int(int32(r)))
}

func (c *overNeighbour) from(p *overPart, _ int32) int64        { return p.done + min(c.other, 0) }
func (*overNeighbour) expire(*overPart, int32, int64)           {}
func (*overNeighbour) framed() *overFrame                       { return nil }
func (*overNeighbour) bytes() int64                             { return 0 }
func (*overNeighbour) save(_ int32, dst []byte) []byte          { return dst }
func (*overNeighbour) load(_ int32, src []byte) ([]byte, error) { return src, nil }
func (*overNeighbour) rebuild(*overPart, int32) error           { return nil }
func (*overNeighbour) clear()                                   {}
func (c *overNeighbour) detach() overCall                       { return c }

// overValue is first_value, last_value and nth_value.
type overValue struct {
	overFrame
	at   int
	last bool
	n    int64
	null bool
}

func (c *overValue) value(p *overPart, id int32, i int64, dst vec.Vec) error {
	lo, hi, err := c.of(p, id, i)
	if err != nil {
		return err
	}
	c.lo[id], c.hi[id] = lo, hi
	if c.null {
		vec.AppendNull(dst)
		return nil
	}
	if c.n <= 0 {
		return sqlerr.Errorf(sqlerr.InvalidArgumentForNthValue, "argument of nth_value must be greater than zero")
	}
	k := lo + c.n - 1
	if c.last {
		k = hi - 1
	}
	switch {
	case k < lo || k >= hi:
		vec.AppendNull(dst)
	case k < int64(len(p.head)):
		c.o.append(dst, p.head[k], c.at)
	default:
		c.o.append(dst, p.at(k).ref, c.at)
	}
	return nil
}

func (c *overValue) detach() overCall {
	was := *c
	c.clear()
	return &was
}

func (c *overValue) from(_ *overPart, id int32) int64 {
	if c.unbounded() {
		return max(c.hi[id]-1, 0)
	}
	return c.lo[id]
}

func (f *overFrame) expire(p *overPart, id int32, now int64) {
	if f.moves() {
		f.lo[id] = f.aged(p, id, now)
		f.hi[id] = max(f.hi[id], f.lo[id])
	}
}

// aged is where the frame of a row of the time now would begin.
func (f *overFrame) aged(p *overPart, id int32, now int64) int64 {
	lo := max(f.lo[id], p.first)
	for lo < p.done && f.out(f.o.store.time(p.at(lo).ref), now) {
		lo++
	}
	return lo
}

func (f *overFrame) bytes() int64 { return 16 * int64(len(f.lo)) }

func (f *overFrame) save(id int32, dst []byte) []byte {
	return binary.AppendVarint(binary.AppendVarint(dst, f.lo[id]), f.hi[id])
}

func (f *overFrame) load(id int32, src []byte) ([]byte, error) {
	lo, n := binary.Varint(src)
	if n <= 0 {
		return nil, errKept
	}
	hi, m := binary.Varint(src[n:])
	if m <= 0 {
		return nil, errKept
	}
	f.lo[id], f.hi[id] = lo, hi
	return src[n+m:], nil
}

func (*overFrame) rebuild(*overPart, int32) error { return nil }

func (f *overFrame) clear() { f.lo, f.hi = nil, nil }

// overAggregate is an aggregate over frames. Where they begin with the partition,
// or rows can be taken out again, its state is carried from row to row; else each
// frame is aggregated anew.
type overAggregate struct {
	overFrame
	in      windowInput
	state   aggregate.Aggregate // of each partition; nil: none is carried
	scratch aggregate.Aggregate
	sel     []int32
	groups  []int32
	one     []int32
	takes   []vec.Op
	args    []vec.Vec
	spans   []span
}

func newOverAggregate(o *Over, in windowInput) overCall {
	a := overAggregate{overFrame: newOverFrame(o, in.call.Frame), in: in, one: []int32{0}, args: make([]vec.Vec, len(in.call.Args))}
	a.groups, a.takes = make([]int32, chunkRows), make([]vec.Op, chunkRows)
	for i := range a.takes {
		a.takes[i] = vec.Delete
	}
	if a.unbounded() {
		o.local = false
	}
	o.withFrame(&a.overFrame)
	if name := in.call.Func.Name; (name == "min" || name == "max") && !a.unbounded() && a.frame.Exclude == plan.ExcludeNothing {
		return &overExtreme{overAggregate: a, greatest: name == "max"}
	}
	return &a
}

// carried reports whether a state is carried from row to row.
func (a *overAggregate) carried() bool {
	return a.frame.Exclude == plan.ExcludeNothing && (a.unbounded() || a.in.call.Slides)
}

func (a *overAggregate) grow(n int) {
	a.overFrame.grow(n)
	if a.state != nil {
		a.state.Grow(n)
	}
}

func (a *overAggregate) open() (err error) {
	if a.state == nil {
		if a.state, err = a.in.call.Aggregate(); err != nil {
			return err
		}
		a.state.Grow(len(a.lo))
	}
	return nil
}

func (a *overAggregate) value(p *overPart, id int32, i int64, dst vec.Vec) error {
	lo, hi, err := a.of(p, id, i)
	if err != nil {
		return err
	}
	if !a.carried() {
		a.lo[id], a.hi[id] = lo, hi
		return a.anew(p, i, lo, hi, dst)
	}
	if err := a.move(p, id, lo, hi); err != nil {
		return err
	}
	a.one[0] = id
	return a.state.Result(a.one, dst)
}

// move brings the state to the frame from lo to hi-1.
func (a *overAggregate) move(p *overPart, id int32, lo, hi int64) error {
	if err := a.open(); err != nil {
		return err
	}
	if out := min(lo, a.hi[id]); out > a.lo[id] {
		if err := a.give(a.state, p, id, a.lo[id], out, vec.Delete); err != nil {
			return err
		}
	}
	if err := a.give(a.state, p, id, max(a.hi[id], lo), hi, vec.Insert); err != nil {
		return err
	}
	a.lo[id], a.hi[id] = lo, hi
	return nil
}

// anew aggregates a frame by itself.
func (a *overAggregate) anew(p *overPart, i, lo, hi int64, dst vec.Vec) (err error) {
	if a.scratch, err = a.in.call.Aggregate(); err != nil {
		return err
	}
	a.scratch.Grow(1)
	first, end := i, i+1
	if a.frame.Exclude != plan.ExcludeCurrentRow {
		first, end = p.at(i).group, p.groupEnd(i)
	}
	switch a.frame.Exclude {
	case plan.ExcludeNothing:
		a.spans = append(a.spans[:0], span{int(lo), int(hi)})
	case plan.ExcludeTies:
		a.spans = append(a.spans[:0], span{int(lo), int(min(hi, first))}, span{int(max(lo, i)), int(min(hi, i+1))}, span{int(max(lo, end)), int(hi)})
	default:
		a.spans = append(a.spans[:0], span{int(lo), int(min(hi, first))}, span{int(max(lo, end)), int(hi)})
	}
	for _, s := range a.spans {
		if err := a.give(a.scratch, p, 0, int64(s.lo), int64(s.hi), vec.Insert); err != nil {
			return err
		}
	}
	a.one[0] = 0
	return a.scratch.Result(a.one, dst)
}

// give adds the rows from lo to hi-1 to a group of a state, or takes them out.
func (a *overAggregate) give(state aggregate.Aggregate, p *overPart, id int32, lo, hi int64, op vec.Op) error {
	for lo < hi {
		chunk := p.at(lo).ref >> 32
		cols := a.o.store.batches[chunk].Cols
		a.sel = a.sel[:0]
		for ; lo < hi && p.at(lo).ref>>32 == chunk; lo++ {
			row := int32(p.at(lo).ref)
			if n := len(a.sel); n > 0 && a.sel[n-1] >= row {
				break // rows are given in their order, and selected in that of the chunk
			}
			if f := a.in.filter(); f < 0 || cols[f].(*vec.Fixed[bool]).Values[row] {
				a.sel = append(a.sel, row)
				a.groups[row] = id
			}
		}
		if len(a.sel) == 0 {
			continue
		}
		copy(a.args, cols[a.in.at:])
		var ops []vec.Op
		if op == vec.Delete {
			ops = a.takes
		}
		if err := state.Add(a.groups[:a.o.store.batches[chunk].Rows], a.args, a.sel, ops); err != nil {
			return err
		}
	}
	return nil
}

func (a *overAggregate) from(_ *overPart, id int32) int64 {
	if a.unbounded() && a.carried() {
		return a.hi[id]
	}
	return a.lo[id]
}

func (a *overAggregate) expire(p *overPart, id int32, now int64) {
	if !a.moves() {
		return
	}
	lo := a.aged(p, id, now)
	if a.carried() {
		// Taking rows out that were put in cannot fail.
		_ = a.move(p, id, lo, max(a.hi[id], lo))
		return
	}
	a.lo[id], a.hi[id] = lo, max(a.hi[id], lo)
}

func (a *overAggregate) bytes() int64 {
	n := a.overFrame.bytes()
	if a.state != nil {
		n += a.state.Bytes()
	}
	return n
}

// save appends the state where the rows that it was made of are gone.
func (a *overAggregate) save(id int32, dst []byte) []byte {
	dst = a.overFrame.save(id, dst)
	if !a.unbounded() || !a.carried() {
		return dst
	}
	if a.state == nil || int(id) >= len(a.lo) {
		return append(dst, 0)
	}
	return a.state.(aggregate.Keeper).Save(id, append(dst, 1))
}

func (a *overAggregate) load(id int32, src []byte) ([]byte, error) {
	src, err := a.overFrame.load(id, src)
	if err != nil || !a.unbounded() || !a.carried() {
		return src, err
	}
	if len(src) == 0 {
		return nil, errKept
	}
	if src[0] == 0 {
		return src[1:], nil
	}
	if err := a.open(); err != nil {
		return nil, err
	}
	return a.state.(aggregate.Keeper).Load(id, src[1:])
}

// keeps refuses an aggregate whose state cannot be stored.
func (a *overAggregate) keeps() error {
	if !a.unbounded() || !a.carried() {
		return nil
	}
	state, err := a.in.call.Aggregate()
	if err != nil {
		return err
	}
	if _, ok := state.(aggregate.Keeper); !ok {
		return sqlerr.Unsupported("Give the frame a start: ROWS BETWEEN 1000 PRECEDING AND CURRENT ROW.",
			"%s over all rows of a partition so far is not supported in a job", a.in.call.Func.Name)
	}
	return nil
}

func (a *overAggregate) rebuild(p *overPart, id int32) error {
	if a.unbounded() || !a.carried() {
		return nil
	}
	if err := a.open(); err != nil {
		return err
	}
	return a.give(a.state, p, id, a.lo[id], a.hi[id], vec.Insert)
}

func (a *overAggregate) clear() {
	a.overFrame.clear()
	a.state = nil
}

func (a *overAggregate) detach() overCall {
	was := *a
	a.clear()
	return &was
}
