package operator

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// WindowSpec is what a Window computes.
type WindowSpec struct {
	Types     []types.Type // of the input's columns
	Pass      []int        // those that are passed on; nil: all of them
	Partition []SortKey
	OrderBy   []SortKey
	Calls     []WindowCall
	Top       *WindowTop // rows beside those may be left out; nil: none
	Env       *function.Env
	Account   *memory.Account
	Fault     Fault
}

// WindowCall is one call over a window: of the window function Func, or, where
// Aggregate is not nil, of an aggregate over the frame's rows.
type WindowCall struct {
	Func     *catalog.Function
	Args     []*expr.Program
	ArgTypes []types.Type
	Filter   *expr.Program // of an aggregate; nil: none
	Result   types.Type
	Frame    Frame
	// Aggregate returns an aggregate that has seen no row. Slides: rows can be
	// taken out of it.
	Aggregate func() (aggregate.Aggregate, error)
	Slides    bool
	// Offset is the second argument of lag, lead and nth_value, where it is there:
	// an Over takes it as constant.
	Offset types.Value
}

// Window keeps its whole input and, when it ends, passes the rows on partition by
// partition in the window's order, with a column for each call after those of the
// input's own that it passes. It refuses Deletes. What memory has no room for goes to disk in sorted runs;
// one partition must fit.
type Window struct {
	stateless
	spec     WindowSpec
	keys     []SortKey // of the partition, then of the order
	pass     []int     // columns of the input that are kept to be passed on
	width    int       // how many they are; the keys come after them, then the calls' arguments
	spool    *Spool
	runs     sortedRuns
	refs     []ref
	inputs   []windowInput
	programs []*expr.Program // of the keys
	cols     []vec.Vec
	live     []int32
	out      *vec.Batch
	piece    int      // rows computed at once
	begins   []uint16 // by place in the order: the first key, from 1, in which a row differs from the one before it; 0: none
	held     int64    // bytes of out that are counted
	funcs    []windowFunc
	prune    int64 // rows at which those that do not matter go
	least    int64 // pruneFrom
}

// windowFunc computes one call.
type windowFunc interface {
	// begin starts a partition.
	begin(p *windowPartition)
	// next appends the values of the rows from to to-1, which follow those of
	// the call before.
	next(ctx context.Context, from, to int, dst vec.Vec) error
	// close gives back what is held.
	close()
}

// NewWindow returns a Window.
func NewWindow(spec WindowSpec) *Window {
	w := &Window{spec: spec, prune: pruneFrom, least: pruneFrom, pass: spec.Pass, keys: watched(append(slices.Clone(spec.Partition), spec.OrderBy...))}
	if w.pass == nil {
		for c := range spec.Types {
			w.pass = append(w.pass, c)
		}
	}
	w.width = len(w.pass)
	var all []types.Type
	for _, c := range w.pass {
		all = append(all, spec.Types[c])
	}
	results := slices.Clone(all)
	for _, k := range w.keys {
		all = append(all, k.Type)
		w.programs = append(w.programs, k.Program)
	}
	for i := range spec.Calls {
		c := &spec.Calls[i]
		in := windowInput{call: c, at: len(all)}
		all = append(all, c.ArgTypes...)
		if c.Filter != nil {
			all = append(all, types.Of(types.Bool))
		}
		results = append(results, c.Result)
		w.inputs = append(w.inputs, in)
		w.funcs = append(w.funcs, newWindowFunc(w, in))
	}
	w.cols = make([]vec.Vec, len(all))
	w.spool = newPickSpool(all, perRow, spec.Account, "OVER")
	w.runs = sortedRuns{types: all, keys: w.keys, first: w.width, top: -1, account: spec.Account}
	w.out = vec.NewBatch(results)
	return w
}

// Process keeps the rows, with the keys and the calls' arguments.
func (w *Window) Process(ctx context.Context, _ int, b *vec.Batch, _ Output) error {
	if hasDelete(b) {
		return refuseDelete("a window function")
	}
	for i, c := range w.pass {
		w.cols[i] = b.Cols[c]
	}
	sel, err := runAll(w.programs, b, w.cols[w.width:], w.spec.Fault, &w.live)
	if err != nil {
		return err
	}
	part := vec.Batch{Cols: b.Cols, Sel: sel, Rows: b.Rows}
	for i := range w.inputs {
		if part.Sel, err = w.inputs[i].compute(&part, w.cols, w.spec.Fault); err != nil {
			return err
		}
	}
	if err := w.spool.Add(&vec.Batch{Cols: w.cols, Sel: part.Sel, Rows: b.Rows}); err != nil {
		return err
	}
	if w.spec.Top != nil && w.spool.Rows() >= w.prune {
		if err := w.leaveOut(ctx); err != nil {
			return err
		}
	}
	if !w.spec.Account.Pressed() {
		return nil
	}
	return w.spill(ctx)
}

// windowInput is where the arguments of a call lie among the kept columns: from
// at on, and after them whether the row passes the call's FILTER.
type windowInput struct {
	call *WindowCall
	at   int
	live []int32
	rows []int32
}

// filter is the column that says so, -1 for none.
func (in *windowInput) filter() int {
	if in.call.Filter == nil {
		return -1
	}
	return in.at + len(in.call.Args)
}

// compute writes the arguments of b's rows into cols and returns the rows that
// did not fail. The arguments of rows that FILTER leaves out are not computed.
func (in *windowInput) compute(b *vec.Batch, cols []vec.Vec, fault Fault) ([]int32, error) {
	c := in.call
	if c.Filter == nil {
		return runAll(c.Args, b, cols[in.at:], fault, &in.live)
	}
	kept, errs := c.Filter.Filter(b, b.Sel)
	if errs.Any() {
		if err := faults(b, errs, fault); err != nil {
			return nil, err
		}
	}
	in.rows = append(in.rows[:0], kept...)
	part := vec.Batch{Cols: b.Cols, Sel: in.rows, Rows: b.Rows}
	passed, err := runAll(c.Args, &part, cols[in.at:], fault, &in.live)
	if err != nil {
		return nil, err
	}
	flags := &vec.Fixed[bool]{Values: make([]bool, b.Rows)}
	for _, r := range passed {
		flags.Values[r] = true
	}
	cols[in.filter()] = flags
	for i, t := range c.ArgTypes {
		cols[in.at+i] = onlyRows(cols[in.at+i], flags.Values, t)
	}
	return b.Sel, nil
}

// onlyRows is a column with NULL in the rows that are not wanted, whose values v
// need not have.
func onlyRows(v vec.Vec, want []bool, t types.Type) vec.Vec {
	out := vec.New(t)
	for r, ok := range want {
		if ok {
			vec.AppendRow(out, v, r)
		} else {
			vec.AppendNull(out)
		}
	}
	return out
}

// windowPartition are the rows of one partition, in order.
type windowPartition struct {
	w      *Window
	refs   []ref
	groups []int32 // the first row of each group of rows that sort alike
}

func (p *windowPartition) rows() int { return len(p.refs) }

// at is where row i of the partition lies.
func (p *windowPartition) at(i int) ([]vec.Vec, int) {
	r := p.refs[i]
	return p.w.spool.chunks[r>>32].Cols, int(int32(r))
}

// groupEnd is the row after the last of group g.
func (p *windowPartition) groupEnd(g int) int {
	if g+1 < len(p.groups) {
		return int(p.groups[g+1])
	}
	return len(p.refs)
}

// perRow are the bytes that each row takes to sort and to group: its ref, that
// and a number to sort by, twice, a copy where keys are NULL, the first row of a
// group, and where it begins.
const perRow = 8 + 2*16 + 8 + 4 + 2

// Finish computes the calls and passes the rows on.
func (w *Window) Finish(ctx context.Context, _ int, out Output) error {
	if !w.runs.empty() {
		return w.finishRuns(ctx, out)
	}
	if err := w.order(ctx); err != nil {
		return err
	}
	p := &windowPartition{w: w}
	begins := w.begins
	for refs := w.refs; len(refs) > 0; {
		end := w.split(p, begins[:len(refs)])
		p.refs, refs, begins = refs[:end], refs[end:], begins[end:]
		if err := w.partition(ctx, p, out); err != nil {
			return err
		}
	}
	return w.flush(ctx, out)
}

// order sorts the rows that are in memory.
func (w *Window) order(ctx context.Context) error {
	w.refs = w.spool.refs(w.refs[:0])
	if err := w.sort(ctx, w.refs); err != nil {
		return err
	}
	return unlikeRows(w.keys)
}

// split finds where the partition ends that begins with the first row, and its
// groups.
func (w *Window) split(p *windowPartition, begins []uint16) (end int) {
	p.groups = append(p.groups[:0], 0)
	partition := uint16(len(w.spec.Partition))
	for end = 1; end < len(begins); end++ {
		if b := begins[end]; b > partition {
			p.groups = append(p.groups, int32(end))
		} else if b > 0 {
			break
		}
	}
	return end
}

// group finds the groups of a partition that was not sorted here.
func (w *Window) group(ctx context.Context, p *windowPartition) error {
	p.groups = append(p.groups[:0], 0)
	for i := 1; i < len(p.refs); i++ {
		if w.compare(p.refs[i-1], p.refs[i], len(w.spec.Partition), len(w.keys)) != 0 {
			p.groups = append(p.groups, int32(i))
		}
		if i%rowsPerLook == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// compare compares two rows by the keys from first to last-1.
func (w *Window) compare(a, b ref, first, last int) int {
	ca, cb := w.spool.chunks[a>>32].Cols[w.width:], w.spool.chunks[b>>32].Cols[w.width:]
	for k := first; k < last; k++ {
		if c := w.keys[k].compare(ca[k], int(int32(a)), cb[k], int(int32(b))); c != 0 {
			return c
		}
	}
	return 0
}

// Bytes of results after which a batch goes out, whatever its rows.
const windowBatchBytes = 1 << 20

// partition computes one partition a piece at a time: of a few rows at first, as
// a value may be as large as the partition.
func (w *Window) partition(ctx context.Context, p *windowPartition, out Output) error {
	for _, f := range w.funcs {
		f.begin(p)
	}
	w.piece = 1
	for from := 0; from < p.rows(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(w.piece, p.rows()-from, vec.MaxRows-w.out.Rows)
		before := batchBytes(w.out)
		w.spool.pick(w.out.Cols[:w.width], p.refs[from:from+n])
		for i, f := range w.funcs {
			if err := f.next(ctx, from, from+n, w.out.Cols[w.width+i]); err != nil {
				return err
			}
		}
		from += n
		w.out.Rows += n
		size := batchBytes(w.out)
		if err := w.charge(size); err != nil {
			return err
		}
		w.piece = int(min(int64(2*n), 1+windowBatchBytes*int64(n)/(1+size-before), vec.MaxRows))
		if w.out.Rows == vec.MaxRows || size > windowBatchBytes {
			if err := w.flush(ctx, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// charge counts the batch, as far as it is larger than any before.
func (w *Window) charge(size int64) error {
	if size <= w.held {
		return nil
	}
	if err := w.spec.Account.Reserve(size - w.held); err != nil {
		return err
	}
	w.held = size
	return nil
}

func (w *Window) flush(ctx context.Context, out Output) error {
	if w.out.Rows == 0 {
		return nil
	}
	err := out.Emit(ctx, w.out)
	w.out.Reset()
	return err
}

// Close gives the rows back.
func (w *Window) Close() error {
	w.spool.Reset()
	w.runs.close()
	for _, f := range w.funcs {
		f.close()
	}
	w.spec.Account.Release(w.held)
	w.held, w.refs = 0, nil
	return nil
}
