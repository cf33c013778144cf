package exec

import (
	"context"
	"errors"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// wholeScan reads all of a table's columns, and behind them the row id.
func wholeScan(r *catalog.Relation) *plan.Scan {
	s := &plan.Scan{Relation: r, Alias: r.Name, Fields: fieldsOf(r)}
	for i := range r.Columns {
		s.Columns = append(s.Columns, i)
	}
	s.Columns = append(s.Columns, len(r.Columns))
	s.Fields = append(s.Fields, plan.Field{Name: "_rowid", Type: types.Of(types.Int8)})
	return s
}

func fieldsOf(r *catalog.Relation) []plan.Field {
	fields := make([]plan.Field, len(r.Columns))
	for i, c := range r.Columns {
		fields[i] = plan.Field{Name: c.Name, Type: c.Type}
	}
	return fields
}

// checkRows fails with the check's error where a row does not meet it.
func (t *Txn) checkRows(ctx context.Context, r *catalog.Relation, c plan.RowCheck, env *function.Env) error {
	if t.e.o.Tables == nil {
		return nil
	}
	in := &plan.Limit{Count: plan.NewConst(types.NewInt(types.Int8, 1)), Input: &plan.Filter{Cond: &plan.Not{Arg: c.Cond}, Input: wholeScan(r)}}
	found := &counting{}
	err := t.readAll(ctx, in, found, env)
	if err == nil && found.rows > 0 {
		return c.Err
	}
	return err
}

// wholeBuilder is a builder of what reads every row of a table that is locked for a
// change, those that are not in the transaction's snapshot, too.
func (t *Txn) wholeBuilder(env *function.Env) *builder {
	b := t.builder(env)
	b.view.latest = true
	return b
}

// readAll runs a query over tables that are locked into an output.
func (t *Txn) readAll(ctx context.Context, n plan.Node, out output, env *function.Env) error {
	b := t.wholeBuilder(env)
	defer b.done()
	*b.scope.ctx = ctx
	tree, err := b.tree(n, out)
	if err != nil {
		return err
	}
	return errors.Join(tree.runBounded(ctx), tree.close())
}

// output is operator.Output.
type output interface {
	Emit(ctx context.Context, b *vec.Batch) error
}

// counting counts rows up to the first.
type counting struct{ rows int }

func (c *counting) Emit(_ context.Context, b *vec.Batch) error {
	if c.rows += b.Len(); c.rows > 0 {
		return stream.Done
	}
	return nil
}

// fillIndex takes the rows that there are into a new index.
func (t *Txn) fillIndex(ctx context.Context, s *plan.AlterTable, r *catalog.Relation, x *catalog.Index, env *function.Env) error {
	if t.e.o.Tables == nil {
		return nil
	}
	scan := wholeScan(s.Old)
	n := len(s.Old.Columns)
	p := &plan.Project{Input: scan, Fields: append([]plan.Field(nil), scan.Fields[:n]...)}
	for i, c := range s.Old.Columns {
		p.Exprs = append(p.Exprs, &plan.Column{Index: i, Typ: c.Type, Name: c.Name})
	}
	for _, e := range s.Rules.Derived {
		p.Exprs, p.Fields = append(p.Exprs, e), append(p.Fields, plan.Field{Name: "derived", Type: e.Type()})
	}
	p.Exprs = append(p.Exprs, &plan.Column{Index: n, Typ: types.Of(types.Int8), Name: "_rowid"})
	p.Fields = append(p.Fields, scan.Fields[n])
	snap := t.tables().Statement()
	defer snap.Close()
	return t.readAll(ctx, p, &indexBuild{x: t.tables(), snap: snap, desc: table.Describe(r), index: x, types: schemaTypes(p)}, env)
}

// indexBuild takes rows into an index: their columns, what is derived of them,
// and the row id.
type indexBuild struct {
	x     *table.Txn
	snap  *table.Snapshot
	desc  *table.Desc
	index *catalog.Index
	types []types.Type
	rows  []vec.Vec
}

func (f *indexBuild) Emit(ctx context.Context, b *vec.Batch) error {
	f.rows = f.rows[:0]
	for i, c := range b.Cols {
		f.rows = append(f.rows, dense(c, f.types[i], b.Sel))
	}
	last := len(f.rows) - 1
	ids := f.rows[last].(*vec.Fixed[int64]).Values[:b.Len()]
	return f.x.Fill(ctx, f.snap, f.desc, f.index, ids, f.rows[:last])
}
