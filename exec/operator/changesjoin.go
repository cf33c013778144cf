package operator

import (
	"context"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// ChangesJoinSpec is what a ChangesJoin joins. Keys are pairwise equal.
type ChangesJoinSpec struct {
	Kind       plan.JoinKind // not JoinNotIn
	Types      [2][]types.Type
	Keys       [2][]*expr.Program // none: every pair
	KeyTypes   []types.Type
	Cond       *expr.Program // over left's columns and then right's; nil: none
	AppendOnly [2]bool       // no Delete will come from the input
	// Forgets say which rows of a side are of no use any more; nil: any may be.
	Forgets [2]*plan.Forget
	Account *memory.Account
	Fault   Fault
}

// ChangesJoin joins two inputs that change, and keeps both. Rows are counted:
// within an epoch a Delete may come before its Insert. At the barrier the net
// change of each pair goes out, Deletes before Inserts; where a row of an outer,
// semi or anti join is there for want of a match, or because of one, the number of
// rows that match it is kept beside it. A row with a NULL among its keys matches
// nothing: it goes out, or is taken back, by itself, and is not kept.
type ChangesJoin struct {
	spec  ChangesJoinSpec
	sides [2]*changesSide
	table *table // of the keys of both sides; nil: there are none
	ended [2]bool
	sel   selector
	live  []int32
	ids   []int32

	pairs    *vec.Batch
	lefts    []int32 // candidates: rows of either side
	rights   []int32
	gone     rowPairs // what goes out at the end of the epoch
	come     rowPairs
	ops      []vec.Op
	nulls    []vec.Vec
	out      vec.Batch
	affected [2][]int32 // rows whose matches may have changed

	settled int64    // no input has rows from before it, nor will an idle one bring any
	evicted *evicted // rows that are not in memory; nil: all are
	empty   int      // keys without a row that the last compaction left
}

// rowPairs are results: rows of the two sides, -1 for none.
type rowPairs struct{ left, right []int32 }

func (p *rowPairs) add(l, r int32, times int64) {
	for range times {
		p.left, p.right = append(p.left, l), append(p.right, r)
	}
}

// heldPairs is how many results wait for the end of their epoch; past it they go
// out before it.
const heldPairs = 1 << 18

// NewChangesJoin returns a ChangesJoin.
func NewChangesJoin(s ChangesJoinSpec) *ChangesJoin {
	j := &ChangesJoin{spec: s, settled: math.MinInt64}
	if len(s.KeyTypes) > 0 {
		j.table = newTable(s.KeyTypes, s.Account, "JOIN")
	}
	counts := [2]bool{
		s.Kind == plan.JoinLeft || s.Kind == plan.JoinFull || s.Kind.KeepsLeft(),
		s.Kind == plan.JoinRight || s.Kind == plan.JoinFull,
	}
	for i := range j.sides {
		j.sides[i] = newChangesSide(s.Types[i], len(s.KeyTypes), s.AppendOnly[i], counts[i], s.Account)
		j.sides[i].pads = counts[i] && s.Kind != plan.JoinSemi
	}
	all := append(append([]types.Type(nil), s.Types[0]...), s.Types[1]...)
	j.pairs = vec.NewBatch(all)
	for _, t := range all {
		v := vec.New(t)
		vec.AppendNull(v)
		j.nulls = append(j.nulls, v)
	}
	return j
}

// Process counts rows.
func (j *ChangesJoin) Process(_ context.Context, input int, b *vec.Batch, _ Output) error {
	s := j.sides[input]
	sel, err := runAll(j.spec.Keys[input], b, s.keys, j.spec.Fault, &j.live)
	if err != nil {
		return err
	}
	sel = j.sel.all(sel, b.Rows)
	if err := j.assign(input, b.Rows, sel); err != nil {
		return err
	}
	if err := s.add(b, s.wanted(sel, j.ids), j.ids); err != nil {
		return err
	}
	return j.checkMemory()
}

// assign finds the groups of n rows, by their keys, with all rows that they have.
func (j *ChangesJoin) assign(input, n int, sel []int32) error {
	keys := j.sides[input].keys
	j.ids = sized(j.ids, n)
	switch {
	case j.table == nil:
		clear(j.ids)
		return nil
	case j.forgets(input):
		// Its rows are forgotten at the barrier, and so are their keys at once.
		err := j.want(keys, n, sel)
		j.table.lookup(keys, n, sel, j.ids)
		return err
	}
	known := j.table.Len()
	if err := j.table.assign(keys, n, sel, j.ids); err != nil {
		return err
	}
	return j.fetch(known)
}

// forgets reports whether a side's rows are not kept any more: the other one has ended,
// and nothing takes them back.
func (j *ChangesJoin) forgets(input int) bool {
	return j.ended[1-input] && j.sides[input].grown != nil
}

// Watermark passes on what has changed, so that no row comes after its time.
func (j *ChangesJoin) Watermark(ctx context.Context, t int64, out Output) error {
	if err := j.Barrier(ctx, 0, out); err != nil {
		return err
	}
	j.forget(min(t, j.settled))
	return j.compact()
}

// Settled is Settler's.
func (j *ChangesJoin) Settled(t int64) { j.settled = t }

// Barrier passes on the net changes of the epoch.
func (j *ChangesJoin) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	l, r := j.sides[JoinLeft], j.sides[JoinRight]
	if len(l.touched)+len(r.touched) == 0 {
		return nil
	}
	l.settle()
	r.settle()
	for i, s := range j.sides {
		j.affected[i] = j.affected[i][:0]
		if s.counts {
			for _, row := range s.touched {
				j.affect(i, row)
			}
		}
	}
	for _, row := range l.touched {
		err := r.each(l.group[row], func(other int32) error { return j.candidate(ctx, row, other, out) })
		if err != nil {
			return err
		}
	}
	for _, row := range r.touched {
		err := l.each(r.group[row], func(other int32) error {
			if l.isTouched(other) {
				return nil // the pair has been seen from the other side
			}
			return j.candidate(ctx, other, row, out)
		})
		if err != nil {
			return err
		}
	}
	if err := j.flush(); err != nil {
		return err
	}
	j.single()
	if err := j.release(ctx, out); err != nil {
		return err
	}
	for i, s := range j.sides {
		s.endEpoch()
		if j.forgets(i) {
			s.clear(true) // nothing meets its rows any more
			s.release()
		}
	}
	return j.compact()
}

// affect notes a row before the number of its matches changes.
func (j *ChangesJoin) affect(side int, row int32) {
	s := j.sides[side]
	if !s.counts || s.noted.get(row) {
		return
	}
	s.noted.set(row)
	s.kept.touch(row)
	s.matchesBefore[row] = s.matches[row]
	if s.before[row] <= 0 {
		s.matches[row], s.matchesBefore[row] = 0, 0 // its matches are counted anew
	}
	j.affected[side] = append(j.affected[side], row)
}

// candidate takes a pair of which one row has changed.
func (j *ChangesJoin) candidate(ctx context.Context, l, r int32, out Output) error {
	if j.spec.Cond == nil {
		j.paired(l, r)
		return j.relieve(ctx, out)
	}
	j.lefts, j.rights = append(j.lefts, l), append(j.rights, r)
	if len(j.lefts) < vec.MaxRows {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := j.flush(); err != nil {
		return err
	}
	return j.relieve(ctx, out)
}

// flush asks the condition of the candidates.
func (j *ChangesJoin) flush() error {
	n := len(j.lefts)
	if n == 0 {
		return nil
	}
	j.fill(j.lefts, j.rights)
	sel, errs := j.spec.Cond.Filter(j.pairs, nil)
	if errs.Any() {
		if err := faults(j.pairs, errs, j.spec.Fault); err != nil {
			return err
		}
	}
	for _, i := range j.sel.all(sel, n) {
		j.paired(j.lefts[i], j.rights[i])
	}
	j.lefts, j.rights = j.lefts[:0], j.rights[:0]
	return nil
}

// fill copies pairs of rows that are both there.
func (j *ChangesJoin) fill(lefts, rights []int32) {
	width := len(j.spec.Types[JoinLeft])
	j.pairs.Reset()
	for i, c := range j.sides[JoinLeft].columns() {
		vec.CopyRows(j.pairs.Cols[i], c, lefts)
	}
	for i, c := range j.sides[JoinRight].columns() {
		vec.CopyRows(j.pairs.Cols[width+i], c, rights)
	}
	j.pairs.Rows = len(lefts)
}

// paired takes note of two rows that match, of which one has changed.
func (j *ChangesJoin) paired(l, r int32) {
	left, right := j.sides[JoinLeft], j.sides[JoinRight]
	lWas, lIs := max(left.before[l], 0), max(left.now[l], 0)
	rWas, rIs := max(right.before[r], 0), max(right.now[r], 0)
	if left.counts {
		j.affect(JoinLeft, l)
		left.matches[l] += rIs
		if lWas > 0 {
			left.matches[l] -= rWas
		}
	}
	if right.counts {
		j.affect(JoinRight, r)
		right.matches[r] += lIs
		if rWas > 0 {
			right.matches[r] -= lWas
		}
	}
	if j.spec.Kind.KeepsLeft() {
		return
	}
	j.change(l, r, lIs*rIs-lWas*rWas)
}

func (j *ChangesJoin) change(l, r int32, by int64) {
	if by < 0 {
		j.gone.add(l, r, -by)
	} else {
		j.come.add(l, r, by)
	}
}

// single takes note of the rows that come and go by themselves.
func (j *ChangesJoin) single() {
	for side, s := range j.sides {
		for _, row := range j.affected[side] {
			was := s.alone(j.spec.Kind, row, s.before[row], s.matchesBefore[row])
			is := s.alone(j.spec.Kind, row, s.now[row], s.matches[row])
			if side == JoinLeft {
				j.change(row, -1, is-was)
			} else {
				j.change(-1, row, is-was)
			}
			s.noted.unset(row)
		}
	}
}

// relieve lets results go before the end of their epoch where there are too many
// to keep.
func (j *ChangesJoin) relieve(ctx context.Context, out Output) error {
	if len(j.gone.left)+len(j.come.left) < heldPairs {
		return nil
	}
	return j.release(ctx, out)
}

// release passes results on.
func (j *ChangesJoin) release(ctx context.Context, out Output) error {
	if err := j.emit(ctx, &j.gone, vec.Delete, out); err != nil {
		return err
	}
	return j.emit(ctx, &j.come, vec.Insert, out)
}

func (j *ChangesJoin) emit(ctx context.Context, p *rowPairs, op vec.Op, out Output) error {
	width := len(j.spec.Types[JoinLeft])
	for from := 0; from < len(p.left); {
		// Results of one form: both rows, or one alone.
		until := from + 1
		for until < len(p.left) && until-from < vec.MaxRows && p.left[until] < 0 == (p.left[from] < 0) && p.right[until] < 0 == (p.right[from] < 0) {
			until++
		}
		lefts, rights := p.left[from:until], p.right[from:until]
		n := until - from
		from = until
		j.pairs.Reset()
		cols := j.out.Cols[:0]
		side := func(s *changesSide, rows []int32, to, nulls []vec.Vec) {
			for i, c := range s.columns() {
				if rows[0] < 0 {
					cols = append(cols, vec.ConstOf(nulls[i], n))
					continue
				}
				vec.CopyRows(to[i], c, rows)
				cols = append(cols, to[i])
			}
		}
		side(j.sides[JoinLeft], lefts, j.pairs.Cols[:width], j.nulls[:width])
		if !j.spec.Kind.KeepsLeft() {
			side(j.sides[JoinRight], rights, j.pairs.Cols[width:], j.nulls[width:])
		}
		j.out = vec.Batch{Cols: cols, Rows: n}
		if op == vec.Delete {
			j.ops = j.ops[:0]
			for range n {
				j.ops = append(j.ops, vec.Delete)
			}
			j.out.Ops = j.ops
		}
		if err := out.Emit(ctx, &j.out); err != nil {
			return err
		}
	}
	p.left, p.right = p.left[:0], p.right[:0]
	return nil
}

// Finish says that an input brings no more rows.
func (j *ChangesJoin) Finish(ctx context.Context, input int, out Output) error {
	j.ended[input] = true
	if !j.ended[1-input] {
		return nil
	}
	return j.Barrier(ctx, 0, out)
}

// Close gives the rows back.
func (j *ChangesJoin) Close() error {
	j.evicted.close()
	if j.table != nil {
		j.table.close()
	}
	for _, s := range j.sides {
		s.close()
	}
	return nil
}
