package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// mergeAction is a WHEN clause.
type mergeAction struct {
	plan.MergeAction
	cond *expr.Program // nil: none
	new  []*expr.Program
	lock table.RowLock
}

func (b *builder) mergeActions(n *plan.Modify) ([]mergeAction, error) {
	out := make([]mergeAction, len(n.Actions))
	for i, a := range n.Actions {
		out[i] = mergeAction{MergeAction: a, lock: table.ForUpdate}
		if a.Op == plan.ModifyUpdate {
			out[i].lock = updateLock(n.Target, updated(n.Rules, a.New, n.Row))
		}
		var err error
		if a.Cond != nil {
			if out[i].cond, err = b.compile(a.Cond); err != nil {
				return nil, err
			}
		}
		if out[i].new, err = b.compileAll(a.New); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// merge does what the WHEN clauses say about the rows of a batch, one by one: an
// insert may meet what the row before it has inserted.
func (m *modifier) merge(ctx context.Context, b *vec.Batch, out operator.Output) error {
	one := func(row int32) error {
		cols := make([]vec.Vec, len(b.Cols))
		for i, c := range b.Cols {
			cols[i] = dense(c, m.inTypes[i], []int32{row})
		}
		return m.mergeRow(ctx, cols, out)
	}
	if b.Sel == nil {
		for row := range int32(b.Rows) {
			if err := one(row); err != nil {
				return err
			}
		}
		return nil
	}
	for _, row := range b.Sel {
		if err := one(row); err != nil {
			return err
		}
	}
	return nil
}

// mergeRow does what the first clause says whose condition a row of Input meets.
// Where the table's row has changed since it was read, all is decided again.
func (m *modifier) mergeRow(ctx context.Context, cols []vec.Vec, out operator.Output) error {
	id, unmatched := rowID(cols[m.n.RowID], 0)
	for {
		a, err := m.choose(cols, !unmatched)
		if err != nil || a == nil || a.Nothing {
			return err
		}
		if a.Op == plan.ModifyInsert {
			new, err := m.newRow(a, cols)
			if err != nil {
				return err
			}
			return m.insert(ctx, new, 1, out)
		}
		var result [1]table.LockResult
		if err := m.txn.Lock(ctx, m.snap, m.desc, []int64{id}, a.lock, table.Block, result[:]); err != nil {
			return err
		}
		switch result[0] {
		case table.LockSelf:
			return errTwice("MERGE", "Ensure that not more than one source row matches any one target row.")
		case table.LockOK:
			return m.act(ctx, a, cols, id, out)
		case table.LockGone:
			m.unmatch(cols)
			unmatched = true
			continue
		}
		newest, err := newestRow(ctx, m.snap, m.desc, m.n.Target, id)
		if err != nil {
			return err
		}
		if newest == nil {
			m.unmatch(cols)
			unmatched = true
			continue
		}
		for c, at := range m.n.Row {
			if at >= 0 {
				cols[at] = newest[c]
			}
		}
		ok, err := m.meets(cols)
		if err != nil {
			return err
		}
		if !ok {
			m.unmatch(cols)
			unmatched = true
			continue
		}
		// The row is locked, so that nothing changes any more.
		if a, err = m.choose(cols, true); err != nil || a == nil || a.Nothing {
			return err
		}
		return m.act(ctx, a, cols, id, out)
	}
}

// unmatch makes a row of Input one that has found no row of the table.
func (m *modifier) unmatch(cols []vec.Vec) {
	cols[m.n.RowID] = nullColumn(m.inTypes[m.n.RowID], 1)
	for c, at := range m.n.Row {
		if at >= 0 {
			cols[at] = nullColumn(m.types[c], 1)
		}
	}
}

// choose is the first clause for a row; nil: none.
func (m *modifier) choose(cols []vec.Vec, matched bool) (*mergeAction, error) {
	b := vec.Batch{Cols: cols, Rows: 1}
	for i := range m.actions {
		a := &m.actions[i]
		if a.Matched != matched {
			continue
		}
		if a.cond == nil {
			return a, nil
		}
		sel, errs := a.cond.Filter(&b, nil)
		if err := errs.First(); err != nil {
			return nil, err
		}
		if len(sel) > 0 {
			return a, nil
		}
	}
	return nil, nil
}

func (m *modifier) newRow(a *mergeAction, cols []vec.Vec) ([]vec.Vec, error) {
	b := vec.Batch{Cols: cols, Rows: 1}
	new := make([]vec.Vec, len(a.new))
	for i, p := range a.new {
		v, errs := p.Run(&b, nil)
		if err := errs.First(); err != nil {
			return nil, err
		}
		new[i] = flat(v, m.types[i])
	}
	return new, nil
}

// act updates or deletes a row that is locked.
func (m *modifier) act(ctx context.Context, a *mergeAction, cols []vec.Vec, id int64, out operator.Output) error {
	if a.Op == plan.ModifyDelete {
		return m.remove(ctx, cols, []int64{id}, out)
	}
	new, err := m.newRow(a, cols)
	if err != nil {
		return err
	}
	return m.replace(ctx, cols, new, []int64{id}, out)
}
