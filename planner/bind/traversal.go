package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// traversal is what SEARCH and CYCLE add to a recursive query: columns that its
// parts compute from the row they make and, in the recursive part, from those of
// the row it is made of (rewriteSearchAndCycle).
type traversal struct {
	c      *cte
	search *pg.CTESearchClause
	cycle  *pg.CTECycleClause
	// mark and unmarked are what the column of CYCLE is in a row that was there
	// before, and in another.
	mark, unmarked plan.Expr
	fields         []plan.Field // sequence, mark, path: those that are asked for
	carried        bool         // the recursive part has them
}

// traversal reads the clauses of a WITH query whose columns are known; nil where
// it has none (the part of analyzeCTE).
func (b *binder) traversal(c *cte) *traversal {
	t := &traversal{c: c, search: c.x.SearchClause, cycle: c.x.CycleClause}
	if s := t.search; s != nil {
		seq := plan.Field{Name: s.SearchSeqColumn, Type: types.Of(arrayType(types.Record))}
		if s.SearchBreadthFirst {
			seq.Type = types.Of(types.Record)
		}
		t.fields = append(t.fields, seq)
	}
	if y := t.cycle; y != nil {
		s := &scope{}
		marks, typ := b.unify([]operand{b.operand(y.CycleMarkValue, s, exprOther), b.operand(y.CycleMarkDefault, s, exprOther)}, "CYCLE")
		t.mark, t.unmarked = marks[0], marks[1]
		b.needsOrder(typ.OID, -1)
		t.fields = append(t.fields, plan.Field{Name: y.CycleMarkColumn, Type: typ},
			plan.Field{Name: y.CyclePathColumn, Type: types.Of(arrayType(types.Record))})
	}
	if len(t.fields) == 0 {
		return nil
	}
	return t
}

// checkNames refuses clauses that go by columns that are not there, or add some
// that are.
func (b *binder) checkNames(t *traversal) {
	if s := t.search; s != nil {
		b.traversalColumns(t.c, "search", s.SearchColList, s.Location)
		b.newColumn(t.c, "search sequence", s.SearchSeqColumn, s.Location)
	}
	if y := t.cycle; y != nil {
		b.traversalColumns(t.c, "cycle", y.CycleColList, y.Location)
		b.newColumn(t.c, "cycle mark", y.CycleMarkColumn, y.Location)
		b.newColumn(t.c, "cycle path", y.CyclePathColumn, y.Location)
		if y.CycleMarkColumn == y.CyclePathColumn {
			b.failf(sqlerr.SyntaxError, y.Location, "cycle mark column name and cycle path column name are the same")
		}
	}
	switch {
	case t.search == nil || t.cycle == nil:
	case t.search.SearchSeqColumn == t.cycle.CycleMarkColumn:
		b.failf(sqlerr.SyntaxError, t.search.Location, "search sequence column name and cycle mark column name are the same")
	case t.search.SearchSeqColumn == t.cycle.CyclePathColumn:
		b.failf(sqlerr.SyntaxError, t.search.Location, "search sequence column name and cycle path column name are the same")
	}
}

// columns are the added ones; none where t is nil.
func (t *traversal) columns() []plan.Field {
	if t == nil {
		return nil
	}
	return t.fields
}

// traversalColumns checks the columns that a clause goes by.
func (b *binder) traversalColumns(c *cte, clause string, list []*pg.Node, loc int32) {
	names := strs(list)
	for i, name := range names {
		if c.column(name) < 0 {
			b.failf(sqlerr.SyntaxError, loc, "%s column \"%s\" not in WITH query column list", clause, name)
		}
		if slices.Contains(names[:i], name) {
			b.failf(sqlerr.DuplicateColumn, loc, "%s column \"%s\" specified more than once", clause, name)
		}
	}
}

// newColumn refuses a name for an added column that the query has.
func (b *binder) newColumn(c *cte, what, name string, loc int32) {
	if c.column(name) >= 0 {
		b.failf(sqlerr.SyntaxError, loc, "%s column name \"%s\" already used in WITH query column list", what, name)
	}
}

func (c *cte) column(name string) int {
	return slices.IndexFunc(c.fields, func(f plan.Field) bool { return f.Name == name })
}

// checkTraversal refuses SEARCH and CYCLE of a query that could not be expanded
// by them.
func (b *binder) checkTraversal(c *cte) {
	if c.x.SearchClause == nil && c.x.CycleClause == nil {
		return
	}
	if !c.self {
		b.failf(sqlerr.SyntaxError, c.x.Location, "WITH query is not recursive")
	}
	sel := c.x.Ctequery.GetSelectStmt()
	for _, side := range []struct {
		name string
		sel  *pg.SelectStmt
	}{{"left", sel.Larg}, {"right", sel.Rarg}} {
		if isSetOperation(side.sel) && side.sel.WithClause == nil {
			b.failf(sqlerr.FeatureNotSupported, -1, "with a SEARCH or CYCLE clause, the %s side of the UNION must be a SELECT", side.name)
		}
	}
}

func isSetOperation(sel *pg.SelectStmt) bool {
	return sel.Op != pg.SetOperation_SETOP_NONE && sel.Op != pg.SetOperation_SET_OPERATION_UNDEFINED
}

// carry lets the recursive part pass on the added columns of the row that it
// reads, and leaves out rows that were there before.
func (b *binder) carry(t *traversal, q *block) {
	item := q.scope.itself
	if item == nil {
		return
	}
	t.carried = true
	for i := len(item.cols) - len(t.fields); i < len(item.cols); i++ {
		col := &item.cols[i]
		q.targets = append(q.targets, target{name: col.name, e: b.refer(col, item, q.scope, 0, -1), loc: -1})
	}
	if t.cycle == nil {
		return
	}
	mark := q.targets[len(q.targets)-2]
	other := b.operator([]string{"<>"}, operand{mark.e, -1}, operand{t.mark, -1}, -1)
	if q.where != nil {
		other = &plan.And{Args: []plan.Expr{q.where, other}}
	}
	q.where = other
}

// begin adds to the rows of the first part what a traversal begins with.
func (b *binder) begin(t *traversal, n plan.Node) plan.Node {
	p := keepColumns(n, len(t.c.fields))
	if y := t.search; y != nil {
		if y.SearchBreadthFirst {
			p.Exprs = append(p.Exprs, t.row(y.SearchColList, plan.NewConst(types.NewInt(types.Int8, 0))))
		} else {
			p.Exprs = append(p.Exprs, t.list(y.SearchColList))
		}
	}
	if y := t.cycle; y != nil {
		p.Exprs = append(p.Exprs, t.unmarked, t.list(y.CycleColList))
	}
	p.Fields = append(p.Fields, t.fields...)
	return p
}

// step adds to the rows of the recursive part, after whose columns those of the
// row before stand (carry), what they are in a traversal.
func (b *binder) step(t *traversal, n plan.Node) plan.Node {
	at := len(t.c.fields)
	p := keepColumns(n, at)
	before := func(i int) operand {
		f := t.fields[i]
		return operand{&plan.Column{Index: at + i, Typ: f.Type, Name: f.Name}, -1}
	}
	longer := func(list operand, names []*pg.Node) plan.Expr {
		return b.operator([]string{"||"}, list, operand{t.row(names), -1}, -1)
	}
	next := 0
	if y := t.search; y != nil {
		e := longer
		if y.SearchBreadthFirst {
			e = func(seq operand, names []*pg.Node) plan.Expr {
				depth := &plan.FieldOf{Arg: seq.e, Index: 0, Typ: types.Of(types.Int8), Name: fieldName(0)}
				one := plan.NewConst(types.NewInt(types.Int8, 1))
				return t.row(names, b.operator([]string{"+"}, operand{depth, -1}, operand{one, -1}, -1))
			}
		}
		p.Exprs = append(p.Exprs, e(before(0), y.SearchColList))
		next++
	}
	if y := t.cycle; y != nil {
		row, path := operand{t.row(y.CycleColList), -1}, before(next+1)
		equal := b.findOperator([]string{"="}, row, row, -1)
		seen := &plan.AnyAll{Arg: row.e, Array: path.e, Op: equal.Func, Name: equal.Name}
		mark := &plan.Case{Whens: []plan.When{{Cond: seen, Then: t.mark}}, Else: t.unmarked, Typ: t.mark.Type()}
		p.Exprs = append(p.Exprs, mark, longer(path, y.CycleColList))
	}
	p.Fields = append(p.Fields, t.fields...)
	return p
}

// row is ROW(first..., the columns named).
func (t *traversal) row(names []*pg.Node, first ...plan.Expr) plan.Expr {
	r := &plan.Row{Items: first, Typ: types.Of(types.Record)}
	for _, name := range strs(names) {
		i := t.c.column(name)
		r.Items = append(r.Items, &plan.Column{Index: i, Typ: t.c.fields[i].Type, Name: name})
	}
	for i := range r.Items {
		r.Names = append(r.Names, fieldName(i))
	}
	return r
}

// list is ARRAY[ROW(the columns named)].
func (t *traversal) list(names []*pg.Node) plan.Expr {
	return &plan.ArrayOf{Items: []plan.Expr{t.row(names)}, Typ: types.Of(arrayType(types.Record))}
}

// keepColumns is a projection of the first count columns, to be added to.
func keepColumns(n plan.Node, count int) *plan.Project {
	fields := n.Schema()[:count]
	return &plan.Project{Input: n, Exprs: columnRefs(fields, 0), Fields: slices.Clone(fields)}
}

// splitColumns takes the columns after the first count out of a query's.
func splitColumns(n plan.Node, count int) (plan.Node, []plan.Expr) {
	p, ok := n.(*plan.Project)
	if !ok {
		p = keepColumns(n, len(n.Schema()))
	}
	return &plan.Project{Input: p.Input, Exprs: p.Exprs[:count:count], Fields: p.Fields[:count:count]}, p.Exprs[count:]
}
