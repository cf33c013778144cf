package bind

import (
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// setOperation binds UNION, INTERSECT and EXCEPT, with the ORDER BY and LIMIT of
// the whole.
func (b *binder) setOperation(sel *pg.SelectStmt, parent *scope, ctes map[string]*cte) plan.Node {
	b.refuseInto(firstSelect(sel))
	var leaves []*rangeItem
	n := b.setTree(sel, parent, ctes, &leaves)
	out := &rangeItem{cols: columnsOf(n.Schema()), colsVisible: true, join: true}
	q := &block{scope: &scope{parent: parent, ctes: ctes, items: []*rangeItem{out}, hidden: leaves, unmarked: true}}
	for i, f := range n.Schema() {
		q.targets = append(q.targets, target{name: f.Name, e: &plan.Column{Index: i, Typ: f.Type, Name: f.Name}, field: f, loc: -1})
	}
	var keys []plan.SortKey
	for _, node := range sel.SortClause {
		sb := node.GetSortBy()
		i := b.setColumn(sb.Node, q)
		b.needsOrdering(q.targets[i].e.Type().OID, location(sb.Node))
		keys = append(keys, b.sortKey(sb, q.targets[i].e))
	}
	if len(keys) > 0 {
		n = &plan.Sort{Input: n, Keys: keys}
	}
	return b.limit(n, keys, sel, q.scope)
}

// setColumn is the result column that an ORDER BY item of a set operation names.
func (b *binder) setColumn(n *pg.Node, q *block) int {
	if i := b.clauseTarget(n, q, exprOrderBy, "ORDER BY").target; i >= 0 && n.GetCollateClause() == nil {
		return i
	}
	b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause").
		WithDetail("Only result column names can be used, not expressions or functions.").
		WithHint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.").At(b.pos(location(n))))
	return 0
}

func setName(op pg.SetOperation) string {
	switch op {
	case pg.SetOperation_SETOP_UNION:
		return "UNION"
	case pg.SetOperation_SETOP_INTERSECT:
		return "INTERSECT"
	}
	return "EXCEPT"
}

// setTree binds one node of the tree of operations, whose own ORDER BY and LIMIT
// are the caller's, and adds its queries to leaves.
func (b *binder) setTree(sel *pg.SelectStmt, parent *scope, ctes map[string]*cte, leaves *[]*rangeItem) plan.Node {
	l := b.setBranch(sel.Larg, parent, ctes, leaves)
	if x := sel.Rarg.IntoClause; x != nil && !isSetOperation(sel.Rarg) {
		b.failf(sqlerr.SyntaxError, x.Rel.Location, "INTO is only allowed on first SELECT of UNION/INTERSECT/EXCEPT")
	}
	r := b.setBranch(sel.Rarg, parent, ctes, leaves)
	l, r, fields := b.alike(l, r, sel)
	if sel.Op == pg.SetOperation_SETOP_UNION && sel.All {
		children := []plan.Node{l}
		if a, ok := l.(*plan.Append); ok {
			children = append([]plan.Node(nil), a.Children...)
		}
		return &plan.Append{Children: append(children, r), Fields: fields}
	}
	op := map[string]string{"UNION": "union", "INTERSECT": "intersect", "EXCEPT": "except"}[setName(sel.Op)]
	return &plan.SetOp{Op: op, All: sel.All, Left: l, Right: r, Fields: fields}
}

// setBranch binds one side of an operation.
func (b *binder) setBranch(sel *pg.SelectStmt, parent *scope, ctes map[string]*cte, leaves *[]*rangeItem) plan.Node {
	if isSetOperation(sel) && len(sel.SortClause) == 0 && sel.LimitCount == nil && sel.LimitOffset == nil && sel.WithClause == nil {
		return b.setTree(sel, parent, ctes, leaves)
	}
	n := b.queryKeeping(sel, parent, ctes, true)
	*leaves = append(*leaves, &rangeItem{name: fmt.Sprintf("*SELECT* %d", len(*leaves)+1), cols: columnsOf(n.Schema())})
	return n
}

// alike converts the columns of the two sides of an operation to common types.
func (b *binder) alike(l, r plan.Node, sel *pg.SelectStmt) (left, right plan.Node, fields []plan.Field) {
	name := setName(sel.Op)
	lf, rf := l.Schema(), r.Schema()
	if len(lf) != len(rf) {
		b.failf(sqlerr.SyntaxError, selectLocation(sel.Rarg), "each %s query must have the same number of columns", name)
	}
	want := make([]types.Type, len(lf))
	fields = make([]plan.Field, len(lf))
	for i := range lf {
		ops := []operand{
			{columnExpr(l, i), targetLocation(sel.Larg, i)},
			{columnExpr(r, i), targetLocation(sel.Rarg, i)},
		}
		t := b.commonType(ops, name)
		want[i] = types.Type{OID: t, Mod: commonMod(ops, t)}
		fields[i] = plan.Field{Name: lf[i].Name, Type: want[i]}
		if sameShape(lf[i].Row, rf[i].Row) {
			fields[i].Row = lf[i].Row
		}
		if !sel.All || sel.Op != pg.SetOperation_SETOP_UNION {
			b.needsOrder(t, ops[0].loc)
		}
	}
	return b.coerceColumns(l, want, sel.Larg, name), b.coerceColumns(r, want, sel.Rarg, name), fields
}

// sameShape reports whether rows of both columns have the same types.
func sameShape(a, b *plan.RowShape) bool {
	return a != nil && b != nil && slices.EqualFunc(a.Cols, b.Cols, func(x, y types.RowColumn) bool { return x.Type == y.Type })
}

// columnExpr is what a column of a query is computed by, where that says more
// than its type: a literal or a parameter that is still unknown.
func columnExpr(n plan.Node, i int) plan.Expr {
	if p, ok := n.(*plan.Project); ok {
		return p.Exprs[i]
	}
	f := n.Schema()[i]
	return &plan.Column{Index: i, Typ: f.Type, Name: f.Name}
}

// coerceColumns converts the columns of a query to the types wanted.
func (b *binder) coerceColumns(n plan.Node, want []types.Type, sel *pg.SelectStmt, construct string) plan.Node {
	fields := n.Schema()
	same := true
	for i, f := range fields {
		same = same && f.Type == want[i]
	}
	if same {
		return n
	}
	p, isProject := n.(*plan.Project)
	out := &plan.Project{Input: n, Exprs: make([]plan.Expr, len(fields)), Fields: make([]plan.Field, len(fields))}
	if isProject {
		out.Input = p.Input
	}
	for i, f := range fields {
		o := operand{columnExpr(n, i), targetLocation(sel, i)}
		e := b.toCommon(o, want[i].OID, construct)
		if want[i].Mod >= 0 {
			e = b.applyMod(e, want[i], implicit, o.loc)
		}
		out.Exprs[i] = e
		out.Fields[i] = plan.Field{Name: f.Name, Type: e.Type(), Row: f.Row}
	}
	return out
}

// targetLocation is the place of the i-th column of a query.
func targetLocation(sel *pg.SelectStmt, i int) int32 {
	for sel != nil && sel.Larg != nil {
		sel = sel.Larg
	}
	if sel == nil {
		return -1
	}
	if len(sel.ValuesLists) > 0 {
		if items := sel.ValuesLists[0].GetList().GetItems(); i < len(items) {
			return location(items[i])
		}
		return -1
	}
	if i < len(sel.TargetList) {
		return location(sel.TargetList[i].GetResTarget().Val)
	}
	return -1
}

func selectLocation(sel *pg.SelectStmt) int32 { return targetLocation(sel, 0) }

// values binds VALUES lists.
func (b *binder) values(sel *pg.SelectStmt, parent *scope, ctes map[string]*cte, keepUnknown bool) plan.Node {
	s := &scope{parent: parent, ctes: ctes}
	rows := make([][]operand, len(sel.ValuesLists))
	for i, n := range sel.ValuesLists {
		items := n.GetList().Items
		rows[i] = b.operands(items, s, exprValues)
		if len(rows[i]) != len(rows[0]) {
			b.failf(sqlerr.SyntaxError, firstLocation(items), "VALUES lists must all be the same length")
		}
	}
	out := &plan.Values{Rows: make([][]plan.Expr, len(rows))}
	for i := range out.Rows {
		out.Rows[i] = make([]plan.Expr, len(rows[0]))
	}
	for c := range rows[0] {
		column := make([]operand, len(rows))
		for r := range rows {
			column[r] = rows[r][c]
		}
		exprs, t := b.unify(column, "VALUES")
		for r := range rows {
			out.Rows[r][c] = exprs[r]
		}
		out.Fields = append(out.Fields, plan.Field{Name: valuesName(c), Type: t})
	}
	var n plan.Node = out
	q := &block{scope: s}
	for i, f := range out.Fields {
		q.targets = append(q.targets, target{name: f.Name, e: &plan.Column{Index: i, Typ: f.Type, Name: f.Name}, field: f, loc: -1})
	}
	s.items = []*rangeItem{{name: "*VALUES*", cols: columnsOf(out.Fields), colsVisible: true}}
	var keys []plan.SortKey
	for _, k := range b.orderBy(sel.SortClause, q) {
		key := k.key
		key.Expr = k.e
		if k.target >= 0 {
			key.Expr = q.targets[k.target].e
		}
		keys = append(keys, key)
	}
	if len(keys) > 0 {
		n = &plan.Sort{Input: n, Keys: keys}
	}
	return b.limit(n, keys, sel, s)
}
