package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// tableInsert is INSERT INTO a table while it is bound.
type tableInsert struct {
	x       *pg.InsertStmt
	rel     *catalog.Relation
	columns []int // by place, of the statement's columns
	parts   []*pg.ResTarget
	ctes    map[string]*cte
	given   int // of columns, the first ones have values
}

// insertInto is INSERT INTO table [(columns)] VALUES ..., SELECT ... or DEFAULT
// VALUES, with OVERRIDING, ON CONFLICT and RETURNING.
func (b *binder) insertInto(x *pg.InsertStmt, outer map[string]*cte) (plan.Node, *plan.Modify) {
	ctes, own := b.with(x.WithClause, nil, outer)
	rel := b.relation(x.Relation)
	b.depend(rel.OID)
	name := rel.Name
	if x.Relation.Alias != nil {
		name = x.Relation.Alias.Aliasname
	}
	target := &rangeItem{name: name, reads: rel, view: b.updatableView(rel, "INSERT", x.Relation.Location)}
	if x.Relation.Alias == nil {
		target.schema = rel.Schema
	}
	named := x
	b.needOfTarget(target, catalog.InsertRight)
	if target.view != nil {
		rel = target.view.table
		named = b.insertThrough(target.view, x)
	}
	rules := b.rowRules(rel)
	rules.Views = b.viewChecks(target.view, false)
	t := &tableInsert{x: x, rel: rel, ctes: ctes}
	t.columns, t.parts = b.targetColumns(named, rel)
	m := &plan.Modify{Op: plan.ModifyInsert, Target: rel, Alias: name, Rules: rules, Once: true, Foreign: b.foreign(rel)}
	sel := x.SelectStmt.GetSelectStmt()
	switch {
	case sel == nil:
		m.Input = b.defaultRow(rel)
	case plainValues(sel):
		m.Input = b.tableValues(t, sel)
	default:
		b.inlineSources(b.stmt, sel)
		m.Input = b.tableSelect(t, sel)
	}
	b.needOfTarget(target, catalog.InsertRight, insertedAttrs(target.reads, x, t.given)...)
	if c := x.OnConflictClause; c != nil {
		m.Conflict = b.onConflict(c, rel, target, ctes)
	}
	b.hideUnread(m)
	b.returningList(m, x.ReturningList, target, nil, ctes)
	return b.closeWith(m, own), m
}

// plainValues reports whether a query is nothing but VALUES lists.
func plainValues(sel *pg.SelectStmt) bool {
	return len(sel.ValuesLists) > 0 && len(sel.SortClause) == 0 && sel.LimitCount == nil && sel.LimitOffset == nil && sel.WithClause == nil
}

// targetColumns are the columns that an INSERT names, by place; all without a list.
// Two parts of one array may both be named.
func (b *binder) targetColumns(x *pg.InsertStmt, r *catalog.Relation) ([]int, []*pg.ResTarget) {
	if len(x.Cols) == 0 {
		return upTo(len(r.Columns)), make([]*pg.ResTarget, len(r.Columns))
	}
	var out []int
	var parts []*pg.ResTarget
	for _, n := range x.Cols {
		t := n.GetResTarget()
		at := r.ColumnNamed(t.Name)
		if at < 0 {
			if t.Name == "ctid" || t.Name == "tableoid" || t.Name == rowIDName {
				b.failf(sqlerr.FeatureNotSupported, t.Location, "cannot assign to system column \"%s\"", t.Name)
			}
			b.failf(sqlerr.UndefinedColumn, t.Location, "column \"%s\" of relation \"%s\" does not exist", t.Name, r.Name)
		}
		part := t
		if len(t.Indirection) == 0 {
			part = nil
		}
		for i, have := range out {
			if have == at && (part == nil || parts[i] == nil) {
				b.failf(sqlerr.DuplicateColumn, t.Location, "column \"%s\" specified more than once", t.Name)
			}
		}
		out, parts = append(out, at), append(parts, part)
	}
	return out, parts
}

// nulls is a row of the table without a value.
func nulls(rel *catalog.Relation) []plan.Expr {
	row := make([]plan.Expr, len(rel.Columns))
	for i, c := range rel.Columns {
		row[i] = plan.NewConst(types.NullOf(c.Type))
	}
	return row
}

// unset are the columns that a statement leaves out, which get their defaults.
func (b *binder) unset(rel *catalog.Relation, row []plan.Expr, given []int) {
	for i, c := range rel.Columns {
		if c.Default != "" && c.Generated == "" && !slices.Contains(given, i) {
			row[i] = b.defaultOf(c)
		}
	}
}

func (b *binder) defaultRow(rel *catalog.Relation) plan.Node {
	row := nulls(rel)
	b.unset(rel, row, nil)
	return &plan.Values{Rows: [][]plan.Expr{row}, Fields: tableFields(rel)}
}

// tableValues is VALUES: each list makes a whole row, defaults included.
func (b *binder) tableValues(t *tableInsert, sel *pg.SelectStmt) plan.Node {
	s := &scope{ctes: t.ctes}
	width := len(sel.ValuesLists[0].GetList().Items)
	rows := make([][]operand, len(sel.ValuesLists))
	for r, l := range sel.ValuesLists {
		items := l.GetList().Items
		if len(items) != width {
			b.failf(sqlerr.SyntaxError, firstLocation(items), "VALUES lists must all be the same length")
		}
		b.checkCount(len(items), t.columns, t.x, func(i int) int32 { return location(items[i]) })
		rows[r] = make([]operand, width)
		for i, n := range items {
			rows[r][i] = b.setValue(n, s, exprValues)
		}
	}
	t.given = width
	// What must be a default is so in every row.
	ignored := make([]bool, width)
	for i := range width {
		ignored[i] = b.checkGiven(t, i, func(r int) bool { return r < len(rows) && rows[r][i].e != nil }, len(rows))
	}
	out := &plan.Values{Fields: tableFields(t.rel)}
	for _, ops := range rows {
		row := nulls(t.rel)
		b.unset(t.rel, row, t.columns[:width])
		for i, o := range ops {
			c := t.rel.Columns[t.columns[i]]
			switch {
			case o.e == nil || ignored[i]:
				row[t.columns[i]] = b.defaultOf(c)
			default:
				row[t.columns[i]] = b.given(t, i, o, row[t.columns[i]])
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// given is the value of the i-th column of the statement.
func (b *binder) given(t *tableInsert, i int, o operand, before plan.Expr) plan.Expr {
	c := t.rel.Columns[t.columns[i]]
	if part := t.parts[i]; part != nil {
		return b.assignPart(operand{before, -1}, part, o, c, &scope{ctes: t.ctes})
	}
	pos := 0
	if i < len(t.x.Cols) {
		pos = b.pos(t.x.Cols[i].GetResTarget().Location)
	}
	return b.assignColumn(o, c, pos)
}

// checkGiven refuses a value for a column that makes its own, and reports whether
// the values given are left aside: those of an identity column under OVERRIDING
// USER VALUE.
func (b *binder) checkGiven(t *tableInsert, i int, is func(row int) bool, rows int) bool {
	c := t.rel.Columns[t.columns[i]]
	given := false
	for r := range rows {
		given = given || is(r)
	}
	if !given {
		return false
	}
	err := sqlerr.Errorf("428C9", "cannot insert a non-DEFAULT value into column \"%s\"", c.Name)
	switch {
	case c.Generated != "":
		b.fail(err.WithDetail("Column \"%s\" is a generated column.", c.Name))
	case c.Identity == 0:
	case t.x.Override == pg.OverridingKind_OVERRIDING_USER_VALUE:
		return true
	case c.Identity == catalog.IdentityAlways && t.x.Override != pg.OverridingKind_OVERRIDING_SYSTEM_VALUE:
		b.fail(err.WithDetail("Column \"%s\" is an identity column defined as GENERATED ALWAYS.", c.Name).
			WithHint("Use OVERRIDING SYSTEM VALUE to override."))
	}
	return false
}

// tableSelect is INSERT ... SELECT.
func (b *binder) tableSelect(t *tableInsert, sel *pg.SelectStmt) plan.Node {
	in := b.queryKeeping(sel, nil, t.ctes, true)
	fields := in.Schema()
	b.checkCount(len(fields), t.columns, t.x, func(i int) int32 { return targetLocation(sel, i) })
	return b.tableRows(t, in, func(i int) int32 { return targetLocation(sel, i) })
}

// tableRows makes whole rows of those of in, whose columns are the statement's.
func (b *binder) tableRows(t *tableInsert, in plan.Node, loc func(i int) int32) plan.Node {
	fields := in.Schema()
	row := nulls(t.rel)
	t.given = len(fields)
	b.unset(t.rel, row, t.columns[:len(fields)])
	out := &plan.Project{Input: in, Exprs: row, Fields: tableFields(t.rel)}
	if p, ok := in.(*plan.Project); ok {
		out.Input = p.Input // so that a literal is read as the column's type
	}
	for i := range fields {
		c := t.rel.Columns[t.columns[i]]
		if b.checkGiven(t, i, func(int) bool { return true }, 1) {
			row[t.columns[i]] = b.defaultOf(c)
			continue
		}
		row[t.columns[i]] = b.given(t, i, operand{columnExpr(in, i), loc(i)}, row[t.columns[i]])
	}
	return out
}
