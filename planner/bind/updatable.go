package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// updatable is a view through which the table that it reads is changed: one that
// takes columns of the rows of one table, or of such a view, that meet a condition.
type updatable struct {
	view   *catalog.Relation
	table  *catalog.Relation
	over   *updatable // the view that it reads; nil: the table
	stmt   parse.Statement
	sel    *pg.SelectStmt
	from   *pg.RangeVar
	places []int // by column of the view: the table's, -1: it is an expression
	reads  need  // names the columns of what it reads that it does
}

// updatableView is how a view is changed; nil: it is no view over a table. A view
// over tables that cannot be changed fails, saying why.
func (b *binder) updatableView(rel *catalog.Relation, verb string, loc int32) *updatable {
	if rel.Kind != catalog.View || !b.overTables(rel) {
		return nil
	}
	u, why := b.changeable(rel)
	if why != "" {
		does := map[string]string{"INSERT": "insert into", "UPDATE": "update", "DELETE": "delete from"}[verb]
		b.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "cannot %s view \"%s\"", does, rel.Name).
			WithDetail("%s", why).WithHint("Change the tables that the view reads.").At(b.pos(loc)))
	}
	return u
}

// overTables reports whether a view reads nothing but tables.
func (b *binder) overTables(rel *catalog.Relation) bool {
	for _, oid := range rel.DependsOn {
		if r := b.c.Catalog.RelationByOID(oid); r != nil && r.Kind != catalog.Table && r.Kind != catalog.View && r.Kind != catalog.MatView {
			return false
		}
	}
	return len(rel.DependsOn) > 0
}

// changeable is how a view is changed, or why it cannot be, in PostgreSQL's words
// (view_query_is_auto_updatable).
func (b *binder) changeable(rel *catalog.Relation) (*updatable, string) {
	const not = " are not automatically updatable."
	stmt, err := parse.Query(rel.Query)
	b.check(err)
	sel := stmt.Node.GetSelectStmt()
	switch {
	case isSetOperation(sel):
		return nil, "Views containing UNION, INTERSECT, or EXCEPT" + not
	case len(sel.DistinctClause) > 0:
		return nil, "Views containing DISTINCT" + not
	case len(sel.GroupClause) > 0:
		return nil, "Views containing GROUP BY" + not
	case sel.HavingClause != nil:
		return nil, "Views containing HAVING" + not
	case sel.WithClause != nil:
		return nil, "Views containing WITH" + not
	case sel.LimitCount != nil || sel.LimitOffset != nil:
		return nil, "Views containing LIMIT or OFFSET" + not
	case len(sel.FromClause) != 1 || sel.FromClause[0].GetRangeVar() == nil || len(stmt.Clauses) > 0 || len(stmt.With) > 0:
		return nil, "Views that do not select from a single table or view" + not
	}
	u := &updatable{view: rel, stmt: stmt, sel: sel, from: sel.FromClause[0].GetRangeVar()}
	inner := b.insideView(u)
	from := inner.findRelation(u.from.Schemaname, u.from.Relname)
	switch {
	case from == nil:
		inner.relation(u.from) // says that it does not exist
	case from.Kind == catalog.Table:
		u.table = from
	case from.Kind == catalog.View:
		over, why := b.changeable(from)
		if why != "" {
			return nil, why
		}
		u.over, u.table = over, over.table
	default:
		return nil, "Views that do not select from a single table or view" + not
	}
	var failed error
	func() {
		defer catch(&failed)
		u.places = u.placesOf(b.viewItem(u, rel.Name, 0, len(u.table.Columns)))
	}()
	if failed != nil {
		return nil, "Views that return aggregate functions" + not
	}
	return u, ""
}

// insideView is the binder of a view's text.
func (b *binder) insideView(u *updatable) *binder {
	c := *b.c
	c.User = u.view.Owner
	c.SearchPath = append([]string{u.view.Schema}, b.c.SearchPath...)
	return &binder{ctx: b.ctx, c: &c, stmt: u.stmt, src: u.stmt.Source, ascii: isASCII(u.stmt.Source.Text), shared: b.shared, inView: true}
}

// fromView is the entry of the view's own FROM, over the table's row as tableItem
// has it.
func (b *binder) fromView(u *updatable, at, id int) *rangeItem {
	name := u.from.Relname
	if u.from.Alias != nil {
		name = u.from.Alias.Aliasname
	}
	var item *rangeItem
	if u.over != nil {
		item = b.viewItem(u.over, name, at, id)
	} else {
		item = b.tableItem(u.table, name, at, id)
	}
	for i := range item.cols {
		item.cols[i].need = &u.reads
	}
	b.aliasColumns(item, u.from.Alias)
	return item
}

// viewItem is a view as the entry of a statement that changes it, over the table's
// row as tableItem has it.
func (b *binder) viewItem(u *updatable, name string, at, id int) *rangeItem {
	inner := b.insideView(u)
	s := &scope{items: []*rangeItem{b.fromView(u, at, id)}}
	targets := inner.targets(u.sel.TargetList, s)
	inner.finishTargets(targets, s, false)
	item := &rangeItem{name: name, rel: u.view, row: types.RowType(u.view.OID), relVisible: true, colsVisible: true, view: u}
	if name == u.view.Name {
		item.schema = u.view.Schema
	}
	for i, t := range targets {
		if i < len(u.view.Columns) {
			item.cols = append(item.cols, itemCol{name: u.view.Columns[i].Name, expr: t.e, table: u.view.OID, attr: int16(i + 1)})
		}
	}
	return item
}

// placesOf are the table's columns that those of an entry over place 0 are. One
// that is there twice is the first alone.
func (u *updatable) placesOf(item *rangeItem) []int {
	seen := map[int]bool{}
	places := make([]int, len(item.cols))
	for i, c := range item.cols {
		places[i] = -1
		if col, ok := c.expr.(*plan.Column); ok && col.Index < len(u.table.Columns) && !seen[col.Index] {
			places[i], seen[col.Index] = col.Index, true
		}
	}
	return places
}

// viewCond is the condition of the rows that a view shows, over the table's row;
// nil: it shows all.
func (b *binder) viewCond(u *updatable) plan.Expr {
	if u == nil {
		return nil
	}
	cond := b.ownCond(u)
	return both(b.viewCond(u.over), cond)
}

// ownCond is the condition of the view itself; nil: it has none.
func (b *binder) ownCond(u *updatable) plan.Expr {
	return b.insideView(u).where(u.sel.WhereClause, &scope{items: []*rangeItem{b.fromView(u, 0, len(u.table.Columns))}})
}

// both is x AND y, where either may be nil.
func both(x, y plan.Expr) plan.Expr {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	return conjunction([]plan.Expr{x, y})
}

// throughView is a list of targets with the table's columns in the place of a
// view's; verb is what the statement does to them.
func (b *binder) throughView(u *updatable, list []*pg.Node, verb string) []*pg.Node {
	if u == nil {
		return list
	}
	out := make([]*pg.Node, len(list))
	for i, n := range list {
		t := n.GetResTarget()
		renamed := &pg.ResTarget{Name: u.table.Columns[b.throughColumn(u, t.Name, t.Location, verb)].Name, Indirection: t.Indirection, Val: t.Val, Location: t.Location}
		out[i] = &pg.Node{Node: &pg.Node_ResTarget{ResTarget: renamed}}
	}
	return out
}

// throughColumn is the table's column that a view's is.
func (b *binder) throughColumn(u *updatable, name string, loc int32, verb string) int {
	at := u.view.ColumnNamed(name)
	if at < 0 {
		b.failf(sqlerr.UndefinedColumn, loc, "column \"%s\" of relation \"%s\" does not exist", name, u.view.Name)
	}
	if u.places[at] < 0 {
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot %s column \"%s\" of view \"%s\"", verb, name, u.view.Name).
			WithDetail("View columns that are not columns of their base relation are not updatable."))
	}
	return u.places[at]
}

// insertThrough are the table's columns that an INSERT into a view names.
func (b *binder) insertThrough(u *updatable, x *pg.InsertStmt) *pg.InsertStmt {
	out := &pg.InsertStmt{}
	cols := x.Cols
	if len(cols) == 0 {
		for _, c := range u.view.Columns[:b.givenColumns(u, x)] {
			cols = append(cols, &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Name: c.Name, Location: -1}}})
		}
	}
	out.Cols = b.throughView(u, cols, "insert into")
	return out
}

// givenColumns is how many of a view's columns an INSERT without names gives values
// for.
func (b *binder) givenColumns(u *updatable, x *pg.InsertStmt) int {
	n, sel := len(u.view.Columns), x.SelectStmt.GetSelectStmt()
	switch {
	case sel == nil:
		return 0
	case len(sel.ValuesLists) > 0:
		return min(n, len(sel.ValuesLists[0].GetList().GetItems()))
	}
	first := firstSelect(sel)
	if slices.ContainsFunc(first.TargetList, func(t *pg.Node) bool { return starOf(t.GetResTarget().GetVal()) != nil }) {
		return n
	}
	return min(n, len(first.TargetList))
}
