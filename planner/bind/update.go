package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// update is UPDATE t SET ... [FROM ...] [WHERE ...] [RETURNING ...].
func (b *binder) update(x *pg.UpdateStmt, outer map[string]*cte) (plan.Node, *plan.Modify) {
	ctes, own := b.with(x.WithClause, nil, outer)
	rel, scan, target := b.changed(x.Relation, "UPDATE", catalog.UpdateRight)
	s := &scope{ctes: ctes}
	input, from := b.besides(scan, target, x.FromClause, s)
	b.needOfTarget(target, catalog.UpdateRight, targetAttrs(target.reads, x.TargetList)...)
	values := b.setValues(x.TargetList, s, exprUpdate)
	m := b.modify(plan.ModifyUpdate, rel, target, input, b.changedRows(x.WhereClause, scan, target, s))
	m.Rules = b.rowRules(rel)
	m.Rules.Views = b.viewChecks(target.view, false)
	b.hideUnread(m)
	b.returningList(m, x.ReturningList, target, from, ctes)
	m.New = b.setColumns(rel, b.throughView(target.view, x.TargetList, "update"), values, 0, s)
	return b.closeWith(m, own), m
}

// setValues binds the values of a SET list, nil for DEFAULT.
func (b *binder) setValues(list []*pg.Node, s *scope, k exprKind) []operand {
	out := make([]operand, len(list))
	var row []operand // of the (a, b) = that is at hand
	for i, n := range list {
		t := n.GetResTarget()
		ref := t.Val.GetMultiAssignRef()
		switch {
		case ref == nil:
			out[i] = b.setValue(t.Val, s, k)
			continue
		case ref.Colno == 1:
			row = b.rowSource(ref, s, k)
		}
		out[i] = row[ref.Colno-1]
	}
	return out
}

func (b *binder) setValue(n *pg.Node, s *scope, k exprKind) operand {
	if d := n.GetSetToDefault(); d != nil {
		return operand{nil, location(n)}
	}
	return b.operand(n, s, k)
}

// rowSource are the values of (a, b) = ROW(x, y) or (SELECT x, y).
func (b *binder) rowSource(ref *pg.MultiAssignRef, s *scope, k exprKind) []operand {
	n := int(ref.Ncolumns)
	if sub := ref.Source.GetSubLink(); sub != nil && sub.SubLinkType == pg.SubLinkType_EXPR_SUBLINK {
		input := b.innerQuery(sub.Subselect.GetSelectStmt(), s, k)
		if len(input.Schema()) != n {
			b.failf(sqlerr.SyntaxError, sub.Location, "number of columns does not match number of values")
		}
		return b.rowOfQuery(input, sub.Location)
	}
	items := rowItems(ref.Source)
	if items == nil {
		b.failf(sqlerr.FeatureNotSupported, location(ref.Source), "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression")
	}
	if len(items) != n {
		b.failf(sqlerr.SyntaxError, location(ref.Source), "number of columns does not match number of values")
	}
	out := make([]operand, n)
	for i, item := range items {
		out[i] = b.setValue(item, s, k)
	}
	return out
}

// rowOfQuery are the columns of the one row of a query; each is NULL where there
// is no row.
func (b *binder) rowOfQuery(input plan.Node, loc int32) []operand {
	fields := input.Schema()
	row := &plan.Row{Items: columnRefs(fields, 0), Names: fieldNames(fields), Typ: types.Of(types.Record)}
	q := &plan.Subquery{Typ: row.Typ, Correlated: plan.NodeHasOuter(input),
		Input: &plan.Project{Input: input, Exprs: []plan.Expr{row}, Fields: []plan.Field{{Name: "row", Type: row.Typ, Row: row.Shape()}}}}
	out := make([]operand, len(fields))
	for i, c := range fieldsOf(q, row.Shape()) {
		out[i] = operand{c.e, loc}
	}
	return out
}

// setColumns is the new row that a SET list makes of the row whose columns stand
// from place at on.
func (b *binder) setColumns(rel *catalog.Relation, list []*pg.Node, values []operand, at int, s *scope) []plan.Expr {
	row := make([]plan.Expr, len(rel.Columns))
	whole := make([]bool, len(rel.Columns))
	for i, c := range rel.Columns {
		row[i] = &plan.Column{Index: at + i, Typ: c.Type, Name: c.Name}
	}
	parts := make([]bool, len(rel.Columns))
	for i, n := range list {
		t := n.GetResTarget()
		c := b.setTarget(rel, t)
		col := rel.Columns[c]
		if whole[c] || parts[c] && len(t.Indirection) == 0 {
			b.failf(sqlerr.SyntaxError, -1, "multiple assignments to same column \"%s\"", col.Name)
		}
		v := values[i]
		if v.e != nil {
			refuseFixed(b, col)
		}
		switch {
		case len(t.Indirection) > 0:
			parts[c] = true
			if v.e == nil {
				b.failf(sqlerr.FeatureNotSupported, t.Location, "cannot set an array element to DEFAULT")
			}
			row[c] = b.assignPart(operand{row[c], t.Location}, t, v, col, s)
		case v.e == nil:
			whole[c] = true
			row[c] = b.defaultOf(col)
		default:
			whole[c] = true
			row[c] = b.assignColumn(v, col, b.pos(t.Location))
		}
	}
	return row
}

// setTarget is the place of the column that an item of a SET list names.
func (b *binder) setTarget(rel *catalog.Relation, t *pg.ResTarget) int {
	if i := rel.ColumnNamed(t.Name); i >= 0 {
		return i
	}
	if t.Name == "ctid" || t.Name == "tableoid" || t.Name == rowIDName {
		b.failf(sqlerr.FeatureNotSupported, t.Location, "cannot assign to system column \"%s\"", t.Name)
	}
	b.failf(sqlerr.UndefinedColumn, t.Location, "column \"%s\" of relation \"%s\" does not exist", t.Name, rel.Name)
	return 0
}

// refuseFixed refuses an UPDATE of a column that makes its own values.
func refuseFixed(b *binder, c catalog.Column) {
	err := sqlerr.Errorf("428C9", "column \"%s\" can only be updated to DEFAULT", c.Name)
	switch {
	case c.Generated != "":
		b.fail(err.WithDetail("Column \"%s\" is a generated column.", c.Name))
	case c.Identity == catalog.IdentityAlways:
		b.fail(err.WithDetail("Column \"%s\" is an identity column defined as GENERATED ALWAYS.", c.Name))
	}
}

// assignPart is a column's value with an element or a slice of it replaced.
func (b *binder) assignPart(old operand, t *pg.ResTarget, v operand, c catalog.Column, s *scope) plan.Expr {
	var items []*pg.A_Indices
	for _, n := range t.Indirection {
		i := n.GetAIndices()
		if i == nil {
			b.unsupported(t.Location, "Assign the whole value.", "assigning to a field of column \"%s\" is not supported", c.Name)
		}
		items = append(items, i)
	}
	if c.Type.OID == types.JSONB {
		b.unsupported(t.Location, "Write "+c.Name+" = jsonb_set("+c.Name+", '{path}', value).", "assigning to a part of a jsonb column is not supported")
	}
	at, ok := b.subscript(old, items, s, exprUpdate).(*plan.Subscript)
	if !ok {
		b.failf(sqlerr.DatatypeMismatch, t.Location, "cannot assign to field \"%s\" of column \"%s\"", c.Name, c.Name)
	}
	value := b.coerceTo(v.e, at.Typ, assignment, v.loc)
	if value == nil {
		kind := "subscripted assignment to \"%s\" requires type %s but expression is of type %s"
		b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, kind, c.Name, b.formatType(at.Typ.OID), b.formatType(v.e.Type().OID)).
			WithHint("You will need to rewrite or cast the expression.").At(b.pos(v.loc)))
	}
	return &plan.Assign{Arg: old.e, Items: at.Items, Value: value, Typ: c.Type}
}
