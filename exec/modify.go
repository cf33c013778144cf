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

// modifier is the operator of a plan.Modify: it changes the table as rows come,
// and passes on what RETURNING says of them.
type modifier struct {
	b    *builder
	n    *plan.Modify
	txn  *table.Txn
	snap *table.Snapshot
	desc *table.Desc

	types     []types.Type // of the table's columns
	rules     *rowRules
	returning []*expr.Program // nil: nobody reads the rows
	new       []*expr.Program // of an update
	actions   []mergeAction
	conflict  *conflict
	foreign   *foreignKeys  // nil: no foreign key is there to be broken
	where     *expr.Program // compiled when a row has changed; see again
	inTypes   []types.Type

	lock    table.RowLock // of an update
	results []table.LockResult
	ids     []int64
	sel     []int32
	seen    map[int64]bool // rows of the batch at hand
	count   int64          // rows changed
	failed  int            // of an insert: the row that broke a rule, -1: none did
	written bool           // and that it did so as the rows were written together
	copied  copySource     // of an insert of COPY; nil: it is none

	out     vec.Batch
	outCols []vec.Vec
	rowIDs  vec.Fixed[int64]
}

func (b *builder) modify(t *tree, n *plan.Modify, to target) error {
	m, err := b.modifier(n)
	if err != nil {
		return err
	}
	return b.operator(t, n, m, to, input{n.Input, 0})
}

func (b *builder) modifier(n *plan.Modify) (*modifier, error) {
	snap, err := b.view.snapshot(b.engine)
	if err != nil {
		return nil, err
	}
	if b.view.txn == nil {
		return nil, sqlerr.Errorf(sqlerr.InternalError, "a table is changed outside a transaction")
	}
	m := &modifier{b: b, n: n, txn: b.view.txn.tables(), snap: snap, desc: table.Describe(n.Target), types: rowTypes(n.Target), inTypes: schemaTypes(n.Input)}
	if m.rules, err = b.rowRules(n.Target, n.Rules); err != nil {
		return nil, err
	}
	if m.returning, err = b.compileAll(n.Returning); err != nil {
		return nil, err
	}
	if m.foreign = newForeignKeys(b, n.Foreign); m.foreign != nil {
		b.view.foreign = append(b.view.foreign, m.foreign)
	}
	switch n.Op {
	case plan.ModifyUpdate:
		m.foreign = m.foreign.sparing(n)
		m.new, err = b.compileAll(n.New)
		m.lock = updateLock(n.Target, updated(n.Rules, n.New, n.Row))
	case plan.ModifyMerge:
		m.actions, err = b.mergeActions(n)
	case plan.ModifyInsert:
		m.copied, _ = b.copied.(copySource)
		m.conflict, err = b.conflict(n)
	}
	return m, err
}

// Process changes the table by the rows of a batch.
func (m *modifier) Process(ctx context.Context, _ int, b *vec.Batch, out operator.Output) error {
	if b.Len() == 0 {
		return nil
	}
	switch m.n.Op {
	case plan.ModifyInsert:
		m.failed, m.written = -1, false
		err := m.insert(ctx, m.dense(b), b.Len(), out)
		if err != nil && m.failed >= 0 {
			err = m.located(err, b)
		}
		return err
	case plan.ModifyMerge:
		return m.merge(ctx, b, out)
	}
	return m.change(ctx, b, out)
}

// dense are the live rows of a batch, without gaps or constants.
func (m *modifier) dense(b *vec.Batch) []vec.Vec {
	cols := make([]vec.Vec, len(b.Cols))
	for i, c := range b.Cols {
		cols[i] = dense(c, m.inTypes[i], b.Sel)
	}
	return cols
}

// insert adds n new rows. Where one breaks a rule, those before it are added
// first: what is wrong with them comes first.
func (m *modifier) insert(ctx context.Context, cols []vec.Vec, n int, out operator.Output) error {
	rows, bad := m.rules.apply(cols, n)
	if bad.err != nil {
		if bad.row > 0 && !m.n.Together {
			if err := m.insert(ctx, first(cols, m.inTypes, bad.row), bad.row, noOutput{}); err != nil {
				return err
			}
		}
		m.failed = bad.row
		return bad.err
	}
	if k := m.rules.hidden(rows, n).until(); k > 0 && k < n {
		// The rows behind it are not reached.
		return m.insert(ctx, first(cols, m.inTypes, k), k, noOutput{})
	}
	if m.conflict != nil {
		return m.conflict.insert(ctx, m, rows, n, out)
	}
	if m.n.Together && m.copied != nil && m.copied.Failed() != nil {
		return nil //nolint:nilerr // and that ends the statement before these are written
	}
	ids, err := m.txn.Insert(ctx, m.snap, m.desc, rows, n)
	if err != nil {
		m.failed, m.written = len(ids), m.n.Together
		return m.sooner(ctx, rows, ids, nil, len(ids), withoutKey(m.b.env, m.n.Target, err))
	}
	m.count += int64(n)
	if err := m.foreign.inserted(0, rows, n); err != nil {
		return err
	}
	return m.give(ctx, rows, ids, nil, n, out)
}

// copySource is where the rows of a COPY come from. Rows are by their place in the
// batch that it gave last.
type copySource interface {
	Where(row int) string // a row's line, with its text
	Line(row int) string  // without
	Failed() error        // of the row after the batch; nil: none has
}

// located says of an error in a row of COPY in which line it is.
func (m *modifier) located(err error, b *vec.Batch) error {
	if m.copied == nil {
		return err
	}
	row := m.failed
	if b.Sel != nil {
		row = int(b.Sel[row])
	}
	where := m.copied.Where
	if m.written {
		where = m.copied.Line
	}
	return inCopied(err, where(row))
}

// inCopied adds to an error's context the line of a COPY in which it is.
func inCopied(err error, where string) error {
	e := *sqlerr.From(err)
	if e.Where != "" {
		e.Where += "\n"
	}
	e.Where += where
	return &e
}

// sooner is what goes wrong with n rows that have been written before one that
// could not be: an error of RETURNING, or a view that does not show them. Else it is
// err, that one's.
func (m *modifier) sooner(ctx context.Context, rows []vec.Vec, ids []int64, in []vec.Vec, n int, err error) error {
	if n == 0 || m.returning == nil && len(m.rules.views) == 0 {
		return err
	}
	if in != nil {
		in = first(in, m.inTypes, n)
	}
	if earlier := m.give(ctx, first(rows[:len(m.types)], m.types, n), ids, in, n, noOutput{}); earlier != nil {
		return earlier
	}
	return err
}

// first are the first n rows of columns.
func first(cols []vec.Vec, ts []types.Type, n int) []vec.Vec {
	sel := make([]int32, n)
	for i := range sel {
		sel[i] = int32(i)
	}
	out := make([]vec.Vec, len(cols))
	for i, c := range cols {
		out[i] = dense(c, ts[i], sel)
	}
	return out
}

// give passes on RETURNING's columns of n rows of the table, with their ids and
// the rows in of Input that they come from; nil: none are looked at.
// Before that, the views that the rows were written through have to show them.
func (m *modifier) give(ctx context.Context, rows []vec.Vec, ids []int64, in []vec.Vec, n int, out operator.Output) error {
	if err := m.rules.hidden(rows, n).err; err != nil {
		return err
	}
	if m.returning == nil || n == 0 {
		return nil
	}
	m.rowIDs.Reset()
	m.rowIDs.Values = append(m.rowIDs.Values, ids[:n]...)
	b := vec.Batch{Rows: n}
	b.Cols = append(append(append(m.outCols[:0], rows[:len(m.types)]...), &m.rowIDs), in...)
	m.outCols = b.Cols
	m.out.Cols = m.out.Cols[:0]
	for _, p := range m.returning {
		v, errs := p.Run(&b, nil)
		if err := errs.First(); err != nil {
			return err
		}
		m.out.Cols = append(m.out.Cols, v)
	}
	m.out.Rows = n
	return out.Emit(ctx, &m.out)
}

// Watermark and what follows have nothing to do: a Modify's input is bounded.
func (m *modifier) Watermark(context.Context, int64, operator.Output) error { return nil }

// Barrier does nothing.
func (m *modifier) Barrier(context.Context, stream.Epoch, operator.Output) error { return nil }

// Finish does nothing.
func (m *modifier) Finish(context.Context, int, operator.Output) error { return nil }

// Close does nothing.
func (m *modifier) Close() error { return nil }
