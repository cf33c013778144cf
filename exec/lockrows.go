package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// locker is the operator of FOR UPDATE and its like.
type locker struct {
	b       *builder
	n       *plan.LockRows
	txn     *table.Txn
	snap    *table.Snapshot
	descs   []*table.Desc
	types   []types.Type
	where   *expr.Program // compiled when a row has changed
	results []table.LockResult
	ids     []int64
	sel     []int32
	out     vec.Batch
}

func (b *builder) lockRows(t *tree, n *plan.LockRows, to target) error {
	snap, err := b.view.snapshot(b.engine)
	if err != nil {
		return err
	}
	if b.view.txn == nil {
		return sqlerr.Errorf(sqlerr.InternalError, "rows are locked outside a transaction")
	}
	l := &locker{b: b, n: n, txn: b.view.txn.tables(), snap: snap, types: schemaTypes(n)}
	for _, k := range n.Locks {
		l.descs = append(l.descs, table.Describe(k.Target))
	}
	return b.operator(t, n, l, to, input{n.Input, 0})
}

var lockModes = [...]table.RowLock{plan.ForKeyShare: table.ForKeyShare, plan.ForShare: table.ForShare, plan.ForNoKeyUpdate: table.ForNoKeyUpdate, plan.ForUpdate: table.ForUpdate}

var lockWaits = [...]table.Policy{plan.LockBlock: table.Block, plan.LockSkip: table.Skip, plan.LockError: table.NoWait}

// Process locks the rows of a batch and passes them on; one by one where not all
// may be wanted.
func (l *locker) Process(ctx context.Context, _ int, b *vec.Batch, out operator.Output) error {
	if !l.n.Single {
		l.sel = l.sel[:0]
		if b.Sel == nil {
			for row := range int32(b.Rows) {
				l.sel = append(l.sel, row)
			}
		} else {
			l.sel = append(l.sel, b.Sel...)
		}
		return l.process(ctx, b, out)
	}
	one := func(row int32) error {
		l.sel = append(l.sel[:0], row)
		return l.process(ctx, b, out)
	}
	for i := range b.Len() {
		row := int32(i)
		if b.Sel != nil {
			row = b.Sel[i]
		}
		if err := one(row); err != nil {
			return err
		}
	}
	return nil
}

// process locks the rows of l.sel by each lock in turn.
func (l *locker) process(ctx context.Context, b *vec.Batch, out operator.Output) error {
	cols := b.Cols
	copied := false
	changed := map[int32]bool{}
	for i := range l.n.Locks {
		k := &l.n.Locks[i]
		l.ids = l.ids[:0]
		for _, row := range l.sel {
			id, _ := rowID(cols[k.RowID], int(row))
			l.ids = append(l.ids, id)
		}
		if len(l.ids) == 0 {
			return nil
		}
		if cap(l.results) < len(l.ids) {
			l.results = make([]table.LockResult, len(l.ids), max(len(l.ids), vec.MaxRows))
		}
		l.results = l.results[:len(l.ids)]
		if err := l.txn.Lock(ctx, l.snap, l.descs[i], l.ids, lockModes[k.Strength], lockWaits[k.Wait], l.results); err != nil {
			return named(err, k)
		}
		kept := l.sel[:0]
		for j, row := range l.sel {
			switch l.results[j] {
			case table.LockOK:
				kept = append(kept, row)
			case table.LockChanged:
				if !copied {
					cols, copied = l.copied(b), true
				}
				ok, err := l.renew(ctx, cols, int(row), i, l.ids[j])
				if err != nil {
					return err
				}
				if ok {
					changed[row] = true
					kept = append(kept, row)
				}
			}
		}
		l.sel = kept
	}
	if len(changed) > 0 {
		if err := l.recheck(cols, b.Rows, changed); err != nil {
			return err
		}
	}
	if len(l.sel) == 0 {
		return nil
	}
	l.out = vec.Batch{Cols: cols, Sel: l.sel, Rows: b.Rows}
	return out.Emit(ctx, &l.out)
}

// named says which relation's row a lock was not to be had on.
func named(err error, k *plan.TableLock) error {
	e := sqlerr.From(err)
	if k.Wait == plan.LockError && e.Code == sqlerr.LockNotAvailable {
		return sqlerr.Errorf(sqlerr.LockNotAvailable, "could not obtain lock on row in relation \"%s\"", k.Target.Name)
	}
	return err
}

// copied are a batch's columns, in buffers that may be changed.
func (l *locker) copied(b *vec.Batch) []vec.Vec {
	cols := make([]vec.Vec, len(b.Cols))
	for i, c := range b.Cols {
		cols[i] = vec.New(l.types[i])
		vec.CopyRows(cols[i], c, nil)
	}
	return cols
}

// renew puts the newest version of a table's row into a row of Input; false: it
// is gone.
func (l *locker) renew(ctx context.Context, cols []vec.Vec, row, lock int, id int64) (bool, error) {
	k := &l.n.Locks[lock]
	newest, err := newestRow(ctx, l.snap, l.descs[lock], k.Target, id)
	if err != nil || newest == nil {
		return false, err
	}
	for c, at := range k.Row {
		if at >= 0 {
			cols[at] = withRow(cols[at], l.types[at], row, newest[c])
		}
	}
	return true, nil
}

// withRow is a column with one row replaced by the first of another.
func withRow(v vec.Vec, t types.Type, row int, by vec.Vec) vec.Vec {
	out := vec.New(t)
	for i := range v.Len() {
		if i == row {
			vec.AppendRow(out, by, 0)
		} else {
			vec.AppendRow(out, v, i)
		}
	}
	return out
}

// recheck drops the changed rows that do not meet the conditions any more.
func (l *locker) recheck(cols []vec.Vec, rows int, changed map[int32]bool) error {
	if l.n.Where == nil {
		return nil
	}
	if l.where == nil {
		p, err := l.b.compile(l.n.Where)
		if err != nil {
			return err
		}
		l.where = p
	}
	b := vec.Batch{Cols: cols, Rows: rows}
	kept := l.sel[:0:0]
	for _, row := range l.sel {
		if changed[row] {
			sel, errs := l.where.Filter(&b, []int32{row})
			if err := errs.First(); err != nil {
				return err
			}
			if len(sel) == 0 {
				continue
			}
		}
		kept = append(kept, row)
	}
	l.sel = kept
	return nil
}

// Watermark does nothing: what is locked is bounded.
func (l *locker) Watermark(context.Context, int64, operator.Output) error { return nil }

// Barrier does nothing.
func (l *locker) Barrier(context.Context, stream.Epoch, operator.Output) error { return nil }

// Finish does nothing.
func (l *locker) Finish(context.Context, int, operator.Output) error { return nil }

// Close does nothing.
func (l *locker) Close() error { return nil }
