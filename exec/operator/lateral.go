package operator

import (
	"context"
	"errors"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Subplan runs a plan anew for a row of the query around it.
type Subplan interface {
	// Run returns the plan's rows for one row of outer. They stand until it runs
	// again, and belong to it.
	Run(ctx context.Context, outer *vec.Batch, row int) (*Spool, error)
}

// Lateral joins each row with the rows that a plan gives for it: inner, left,
// semi and anti. Deletes pass, and the rows they are joined with are Deletes.
type Lateral struct {
	stateless
	spec  JoinSpec
	right Subplan
	sel   selector
	live  []int32
	pairs vec.Batch
	cols  []vec.Vec
	ops   []vec.Op
	nulls []vec.Vec
}

// NewLateral returns a Lateral; of the spec the keys are not used.
func NewLateral(s JoinSpec, right Subplan) *Lateral {
	l := &Lateral{spec: s, right: right}
	for _, t := range append(append([]types.Type(nil), s.LeftTypes...), s.RightTypes...) {
		l.cols = append(l.cols, vec.New(t))
	}
	for _, t := range s.RightTypes {
		v := vec.New(t)
		vec.AppendNull(v)
		l.nulls = append(l.nulls, v)
	}
	return l
}

// Process joins the rows.
func (l *Lateral) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	l.live = l.live[:0]
	var failed error
	for _, r := range l.sel.of(b) {
		var hit bool
		if hit, failed = l.row(ctx, b, int(r), out); errors.Is(failed, stream.Done) {
			return failed
		} else if failed != nil {
			break // what the rows before it give goes out first
		}
		if hit == (l.spec.Kind == plan.JoinSemi) {
			l.live = append(l.live, r)
		}
	}
	if l.spec.Kind == plan.JoinInner || len(l.live) == 0 {
		return failed
	}
	rest := vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: l.live, Rows: b.Rows}
	if l.spec.Kind == plan.JoinLeft {
		rest.Cols = append([]vec.Vec(nil), b.Cols...)
		for _, null := range l.nulls {
			rest.Cols = append(rest.Cols, vec.ConstOf(null, b.Rows))
		}
	}
	if err := out.Emit(ctx, &rest); err != nil {
		return err
	}
	return failed
}

// row joins one row and reports whether it had a match.
func (l *Lateral) row(ctx context.Context, b *vec.Batch, r int, out Output) (hit bool, err error) {
	rows, err := l.right.Run(ctx, b, r)
	if err != nil {
		return false, err
	}
	leaf := rows.Leaf()
	for {
		right, err := leaf.Next(ctx)
		if errors.Is(err, io.EOF) {
			return hit, nil
		}
		if err != nil {
			return hit, err
		}
		l.pair(b, r, right)
		var failed error
		if l.spec.Cond != nil {
			if l.pairs.Sel, failed, err = passing(l.spec.Cond, &l.pairs, l.spec.Fault); err != nil {
				return hit, err
			}
		}
		if l.pairs.Len() > 0 {
			hit = true
			if l.spec.Kind == plan.JoinSemi || l.spec.Kind == plan.JoinAnti {
				return hit, nil
			}
			if err := out.Emit(ctx, &l.pairs); err != nil {
				return hit, err
			}
		}
		if failed != nil {
			return hit, failed
		}
	}
}

// pair sets pairs to row r of b beside each row of right.
func (l *Lateral) pair(b *vec.Batch, r int, right *vec.Batch) {
	l.pairs = vec.Batch{Rows: right.Rows, Cols: l.pairs.Cols[:0]}
	for i, c := range b.Cols {
		one := l.cols[i]
		one.Reset()
		vec.AppendRow(one, c, r)
		l.pairs.Cols = append(l.pairs.Cols, vec.ConstOf(one, right.Rows))
	}
	l.pairs.Cols = append(l.pairs.Cols, right.Cols...)
	if b.Op(r) == vec.Delete {
		l.ops = l.ops[:0]
		for range right.Rows {
			l.ops = append(l.ops, vec.Delete)
		}
		l.pairs.Ops = l.ops
	}
}
