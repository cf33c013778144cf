package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// insert is INSERT INTO stream [(columns)] VALUES ..., SELECT ... or DEFAULT VALUES.
func (b *binder) insert(x *pg.InsertStmt) *plan.Bound {
	if b.isTable(x) {
		b.topWith = x.WithClause
		root, m := b.insertInto(x, nil)
		return b.modification(root, "INSERT", m.Fields)
	}
	switch {
	case x.OnConflictClause != nil:
		hint := "Leave it out: a stream is appended to and keeps every record."
		switch r := b.findRelation(x.Relation.Schemaname, x.Relation.Relname); {
		case r == nil:
		case tellsOp(r):
			hint = "Leave it out: the stream keeps every change, and who reads it applies them to the row of their key."
		case r.Key != nil && x.OnConflictClause.Action == pg.OnConflictAction_ONCONFLICT_NOTHING:
			hint = "Select the rows whose key is new, INSERT ... SELECT ... WHERE NOT EXISTS (...): a row takes the place of the one with its key."
		case r.Key != nil:
			hint = "Leave it out: a row takes the place of the one with its key."
		}
		b.unsupported(x.OnConflictClause.Location, hint, "ON CONFLICT is not supported on a stream")
	case len(x.ReturningList) > 0:
		b.unsupported(location(x.ReturningList[0].GetResTarget().GetVal()), "Read the rows back with SELECT.", "RETURNING is not supported")
	}
	target := b.insertTarget(x.Relation)
	columns := b.insertColumns(x, target)
	var ctes map[string]*cte
	ctes, own := b.with(x.WithClause, nil, ctes)
	s := &plan.Insert{Target: target}
	all := target.AllColumns()
	sel := x.SelectStmt.GetSelectStmt()
	switch {
	case sel == nil:
		s.Input = &plan.Values{Rows: [][]plan.Expr{{}}}
	case len(sel.ValuesLists) > 0 && len(sel.SortClause) == 0 && sel.LimitCount == nil && sel.LimitOffset == nil && sel.WithClause == nil:
		s.Input = b.insertValues(sel, x, target, columns, ctes)
	default:
		b.inlineSources(b.stmt, sel)
		s.Input = b.insertSelect(sel, x, target, columns, ctes)
	}
	s.Columns = append(s.Columns, columns[:len(s.Input.Schema())]...)
	b.needToWrite(target, s.Columns)
	b.checkKeyWritten(s, x.Relation.Location)
	s.Input = b.closeWith(s.Input, own)
	b.fillDefaults(s, all, len(target.Columns))
	return done(s)
}

// isTable reports whether an INSERT is one into a table.
func (b *binder) isTable(x *pg.InsertStmt) bool {
	r := b.findRelation(x.Relation.Schemaname, x.Relation.Relname)
	return r != nil && (r.Kind == catalog.Table || b.updatableView(r, "INSERT", x.Relation.Location) != nil)
}

func (b *binder) insertTarget(x *pg.RangeVar) *catalog.Relation {
	r := b.relation(x)
	switch r.Kind {
	case catalog.MatView:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot change materialized view \"%s\"", r.Name))
	case catalog.View:
		b.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "cannot insert into view \"%s\"", r.Name).
			WithHint("Insert into the stream that the view reads.").At(b.pos(x.Location)))
	case catalog.Virtual:
		b.failf(sqlerr.InsufficientPrivilege, x.Location, "permission denied: \"%s\" is a system catalog", r.Name)
	}
	if len(r.Columns) == 0 {
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" has no columns to insert into", r.Name).
			WithHint("Write SELECT ... INTO %s.", r.Name).At(b.pos(x.Location)))
	}
	b.needToWrite(r, nil)
	b.depend(r.OID)
	return r
}

// insertColumns are the target columns, by their place in AllColumns: those
// named, else all that are visible and not generated.
func (b *binder) insertColumns(x *pg.InsertStmt, r *catalog.Relation) []int {
	all := r.AllColumns()
	var out []int
	if len(x.Cols) == 0 {
		for i := range r.Columns {
			out = append(out, i)
		}
		return out
	}
	for _, n := range x.Cols {
		t := n.GetResTarget()
		at := -1
		for i, c := range all {
			if c.Name == t.Name {
				at = i
				break
			}
		}
		if at < 0 {
			b.failf(sqlerr.UndefinedColumn, t.Location, "column \"%s\" of relation \"%s\" does not exist", t.Name, r.Name)
		}
		if len(t.Indirection) > 0 {
			b.unsupported(t.Location, "Give the whole value.", "inserting into a part of a column is not supported")
		}
		for _, have := range out {
			if have == at {
				b.failf(sqlerr.DuplicateColumn, t.Location, "column \"%s\" specified more than once", t.Name)
			}
		}
		out = append(out, at)
	}
	return out
}

// checkCount compares the number of expressions with that of the columns.
func (b *binder) checkCount(n int, columns []int, x *pg.InsertStmt, exprLoc func(i int) int32) {
	if n > len(columns) {
		b.failf(sqlerr.SyntaxError, exprLoc(len(columns)), "INSERT has more expressions than target columns")
	}
	if len(x.Cols) > 0 && n < len(columns) {
		b.failf(sqlerr.SyntaxError, x.Cols[n].GetResTarget().Location, "INSERT has more target columns than expressions")
	}
}

func (b *binder) insertValues(sel *pg.SelectStmt, x *pg.InsertStmt, r *catalog.Relation, columns []int, ctes map[string]*cte) plan.Node {
	all := r.AllColumns()
	s := &scope{ctes: ctes}
	width := len(sel.ValuesLists[0].GetList().Items)
	out := &plan.Values{}
	for _, l := range sel.ValuesLists {
		items := l.GetList().Items
		if len(items) != width {
			b.failf(sqlerr.SyntaxError, firstLocation(items), "VALUES lists must all be the same length")
		}
		b.checkCount(len(items), columns, x, func(i int) int32 { return location(items[i]) })
		row := make([]plan.Expr, len(items))
		for i, n := range items {
			row[i] = b.insertValue(n, all[columns[i]], s)
		}
		out.Rows = append(out.Rows, row)
	}
	for i := 0; i < width; i++ {
		c := all[columns[i]]
		out.Fields = append(out.Fields, plan.Field{Name: c.Name, Type: c.Type})
	}
	return out
}

func (b *binder) insertValue(n *pg.Node, c catalog.Column, s *scope) plan.Expr {
	if n.GetSetToDefault() != nil {
		return b.defaultOf(c)
	}
	b.refuseGenerated(c, location(n))
	o := b.operand(n, s, exprValues)
	return b.assignColumn(o, c, b.pos(o.loc))
}

func (b *binder) refuseGenerated(c catalog.Column, loc int32) {
	if c.Generated != "" {
		b.fail(sqlerr.Errorf("428C9", "cannot insert a non-DEFAULT value into column \"%s\"", c.Name).
			WithDetail("Column \"%s\" is a generated column.", c.Name).At(b.pos(loc)))
	}
}

// numbers is a bound call of nextval as an identity column's own. The column's
// default is never of a user's writing.
func numbers(e plan.Expr) plan.Expr {
	call := *e.(*plan.Call)
	call.Numbers = true
	return &call
}

// defaultOf is a column's default, NULL where it has none.
func (b *binder) defaultOf(c catalog.Column) plan.Expr {
	if c.Default == "" {
		return plan.NewConst(types.NullOf(c.Type))
	}
	node, err := parse.Expr(c.Default)
	b.check(err)
	inner := &binder{ctx: b.ctx, c: b.c, src: &parse.Source{Text: c.Default}, ascii: isASCII(c.Default), shared: b.shared}
	o := inner.operand(node, &scope{}, exprOther)
	if c.Identity != 0 {
		o.e = numbers(o.e)
	}
	return inner.assignColumn(operand{o.e, -1}, c, 0)
}

func (b *binder) insertSelect(sel *pg.SelectStmt, x *pg.InsertStmt, r *catalog.Relation, columns []int, ctes map[string]*cte) plan.Node {
	all := r.AllColumns()
	in := b.queryKeeping(sel, nil, ctes, true)
	fields := in.Schema()
	b.checkCount(len(fields), columns, x, func(i int) int32 { return targetLocation(sel, i) })
	out := &plan.Project{Input: in}
	if p, ok := in.(*plan.Project); ok {
		out.Input = p.Input
	}
	for i := range fields {
		c := all[columns[i]]
		loc := targetLocation(sel, i)
		b.refuseGenerated(c, loc)
		out.Exprs = append(out.Exprs, b.assignColumn(operand{columnExpr(in, i), loc}, c, b.pos(loc)))
		out.Fields = append(out.Fields, plan.Field{Name: c.Name, Type: c.Type})
	}
	return out
}

// fillDefaults adds the columns that the statement leaves out and that have a
// default.
func (b *binder) fillDefaults(s *plan.Insert, all []catalog.Column, visible int) {
	if s.TakesAway() {
		return
	}
	given := map[int]bool{}
	for _, c := range s.Columns {
		given[c] = true
	}
	fields := s.Input.Schema()
	p := &plan.Project{Input: s.Input}
	for i, f := range fields {
		p.Exprs = append(p.Exprs, columnOfField(i, f))
		p.Fields = append(p.Fields, f)
	}
	for i := 0; i < visible; i++ {
		if given[i] || all[i].Default == "" {
			continue
		}
		s.Columns = append(s.Columns, i)
		p.Exprs = append(p.Exprs, b.defaultOf(all[i]))
		p.Fields = append(p.Fields, plan.Field{Name: all[i].Name, Type: all[i].Type})
	}
	if len(p.Exprs) > len(fields) {
		s.Input = p
	}
}
