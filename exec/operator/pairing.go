package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// pairing joins rows of a batch with rows that were looked up for them, and knows which
// of the batch have met one. It keeps nothing from one batch to the next.
type pairing struct {
	kind  plan.JoinKind // inner, left, semi or anti
	width int           // columns of the left
	cond  *expr.Program // over left's columns and then right's; nil: none
	fault Fault

	sel   selector
	keyed []int32 // rows of the batch whose keys are not NULL
	hit   []bool  // by physical row of the batch
	own   []int32 // pairs: rows of the batch
	other []int32 // and of what was found
	pairs *vec.Batch
	nulls []vec.Vec // one NULL row of each right column
	alone []int32
	out   vec.Batch
}

func newPairing(kind plan.JoinKind, left, right []types.Type, cond *expr.Program, fault Fault) pairing {
	p := pairing{kind: kind, width: len(left), cond: cond, fault: fault}
	p.pairs = vec.NewBatch(append(append([]types.Type(nil), left...), right...))
	for _, t := range right {
		v := vec.New(t)
		vec.AppendNull(v)
		p.nulls = append(p.nulls, v)
	}
	return p
}

// begin begins a batch of so many physical rows.
func (p *pairing) begin(rows int) {
	p.hit = sized(p.hit, rows)
	clear(p.hit)
}

// withKeys sets keyed to the rows of sel none of whose keys is NULL.
func (p *pairing) withKeys(keys []vec.Vec, sel []int32) {
	p.keyed = p.keyed[:0]
	nullable := someNull(keys)
	for _, r := range sel {
		if !nullable || !anyNull(keys, int(r)) {
			p.keyed = append(p.keyed, r)
		}
	}
}

// add notes a pair; full: it is time to flush. enough: the row needs no other.
func (p *pairing) add(l, r int32) (full, enough bool) {
	if p.kind.KeepsLeft() {
		if p.hit[l] || p.cond == nil {
			p.hit[l] = true
			return false, true
		}
	}
	p.own, p.other = append(p.own, l), append(p.other, r)
	return len(p.own) >= vec.MaxRows, false
}

// flush passes on the pairs of rows of b and found that the condition keeps.
func (p *pairing) flush(ctx context.Context, b, found *vec.Batch, out Output) error {
	n := len(p.own)
	if n == 0 {
		return nil
	}
	p.pairs.Reset()
	for i, c := range b.Cols {
		vec.CopyRows(p.pairs.Cols[i], c, p.own)
	}
	for i, c := range found.Cols {
		vec.CopyRows(p.pairs.Cols[p.width+i], c, p.other)
	}
	p.pairs.Rows, p.pairs.Sel = n, nil
	var failed error
	if p.cond != nil {
		var err error
		if p.pairs.Sel, failed, err = passing(p.cond, p.pairs, p.fault); err != nil {
			return err
		}
		if p.pairs.Sel == nil {
			p.pairs.Sel = []int32{}
		}
	}
	some := false
	for _, i := range p.sel.of(p.pairs) {
		p.hit[p.own[i]], some = true, true
	}
	p.own, p.other = p.own[:0], p.other[:0]
	if some && !p.kind.KeepsLeft() {
		p.out = vec.Batch{Cols: p.pairs.Cols, Sel: p.pairs.Sel, Rows: n}
		if err := out.Emit(ctx, &p.out); err != nil {
			return err
		}
	}
	return failed
}

// leftover passes on the rows of sel that go out by themselves.
func (p *pairing) leftover(ctx context.Context, b *vec.Batch, sel []int32, out Output) error {
	if p.kind == plan.JoinInner {
		return nil
	}
	p.alone = p.alone[:0]
	for _, r := range sel {
		if p.hit[r] == (p.kind == plan.JoinSemi) {
			p.alone = append(p.alone, r)
		}
	}
	if len(p.alone) == 0 {
		return nil
	}
	cols := append(p.out.Cols[:0:0], b.Cols...)
	if p.kind == plan.JoinLeft {
		for _, null := range p.nulls {
			cols = append(cols, vec.ConstOf(null, b.Rows))
		}
	}
	p.out = vec.Batch{Cols: cols, Sel: p.alone, Rows: b.Rows}
	return out.Emit(ctx, &p.out)
}
