package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// onConflict binds ON CONFLICT of an INSERT into rel, or through a view of it: its
// names are then the view's. The row that is there has the first columns, the row
// EXCLUDED the next ones, and the first one's row id comes last.
func (b *binder) onConflict(x *pg.OnConflictClause, rel *catalog.Relation, target *rangeItem, ctes map[string]*cte) *plan.OnConflict {
	out := &plan.OnConflict{Update: x.Action == pg.OnConflictAction_ONCONFLICT_UPDATE}
	if out.Update && x.Infer == nil {
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "ON CONFLICT DO UPDATE requires inference specification or constraint name").
			WithHint("For example, ON CONFLICT (column_name).").At(b.pos(x.Location)))
	}
	if out.Update {
		b.needOfTarget(target, catalog.UpdateRight, targetAttrs(target.reads, x.TargetList)...)
	}
	if x.Infer != nil {
		out.Arbiters = b.arbiters(x.Infer, rel, target)
	}
	if !out.Update {
		return out
	}
	n := len(rel.Columns)
	there := b.tableItem(rel, target.name, 0, 2*n)
	excluded := b.tableItem(rel, "excluded", n, 2*n)
	excluded.cols = excluded.cols[:n]
	if u := target.view; u != nil {
		there, excluded = b.viewItem(u, target.name, 0, 2*n), b.viewItem(u, "excluded", n, 2*n)
	}
	there.reads, excluded.reads, excluded.schema, excluded.view = target.reads, target.reads, "", nil
	s := &scope{items: []*rangeItem{there, excluded}, ctes: ctes}
	values := b.setValues(x.TargetList, s, exprUpdate)
	out.New = b.setColumns(rel, b.throughView(target.view, x.TargetList, "insert into"), values, 0, s)
	out.Where = b.where(x.WhereClause, s)
	return out
}

// arbiters are the indexes that an inference clause means (infer_arbiter_indexes),
// whose names are those of the target's view, if it has one. Its columns are read.
func (b *binder) arbiters(x *pg.InferClause, rel *catalog.Relation, target *rangeItem) []*catalog.Index {
	view := target.view
	if x.Conname != "" {
		if view != nil { // which has no constraint
			b.failf(sqlerr.UndefinedObject, -1, "constraint \"%s\" for table \"%s\" does not exist", x.Conname, view.view.Name)
		}
		for _, i := range rel.Table.Indexes {
			if i.Constraint && i.Name == x.Conname {
				for _, k := range i.Keys {
					b.needToRead(target, rel.Attribute(k.Column))
				}
				return []*catalog.Index{i}
			}
		}
		for _, c := range rel.Table.Checks {
			if c.Name == x.Conname {
				b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "constraint in ON CONFLICT clause has no associated index"))
			}
		}
		b.failf(sqlerr.UndefinedObject, -1, "constraint \"%s\" for table \"%s\" does not exist", x.Conname, rel.Name)
	}
	places := map[int]bool{}
	var exprs []plan.Expr
	item := b.tableItem(rel, rel.Name, 0, len(rel.Columns))
	if view != nil {
		item = b.viewItem(view, view.view.Name, 0, len(rel.Columns))
	}
	item.reads = target.reads
	s := &scope{items: []*rangeItem{item}}
	for _, n := range x.IndexElems {
		e := n.GetIndexElem()
		b.checkElem(e, x.Location)
		if e.Name == "" {
			exprs = append(exprs, b.expr(e.Expr, s, exprIndex))
			continue
		}
		i := slices.IndexFunc(item.cols, func(c itemCol) bool { return c.name == e.Name && !c.hidden })
		if i < 0 {
			b.failf(sqlerr.UndefinedColumn, x.Location, "column \"%s\" does not exist", e.Name)
		}
		b.needToRead(item, item.cols[i].attr)
		if c, ok := item.cols[i].expr.(*plan.Column); ok {
			places[c.Index] = true
		} else {
			exprs = append(exprs, item.cols[i].expr)
		}
	}
	var where plan.Expr
	if x.WhereClause != nil {
		where = b.boolean(b.expr(x.WhereClause, s, exprIndexWhere), "WHERE", location(x.WhereClause))
	}
	var found []*catalog.Index
	for _, i := range rel.Table.Indexes {
		if i.Unique && b.infers(i, rel, places, exprs, where) {
			found = append(found, i)
		}
	}
	if found == nil {
		b.failf(sqlerr.InvalidColumnReference, -1, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
	}
	return found
}

func (b *binder) checkElem(e *pg.IndexElem, loc int32) {
	if e.Ordering > pg.SortByDir_SORTBY_DEFAULT {
		b.failf(sqlerr.InvalidColumnReference, loc, "ASC/DESC is not allowed in ON CONFLICT clause")
	}
	if e.NullsOrdering > pg.SortByNulls_SORTBY_NULLS_DEFAULT {
		b.failf(sqlerr.InvalidColumnReference, loc, "NULLS FIRST/LAST is not allowed in ON CONFLICT clause")
	}
}

// infers reports whether an index is unique over just the columns and expressions
// given, and holds every row for which where is true.
func (b *binder) infers(i *catalog.Index, rel *catalog.Relation, places map[int]bool, exprs []plan.Expr, where plan.Expr) bool {
	columns := map[int]bool{}
	for _, k := range i.Keys {
		if k.Column >= 0 {
			columns[k.Column] = true
			continue
		}
		if !containsExpr(exprs, b.indexKey(k, rel)) && !containsExpr(exprs, b.text(k.Expr, rel, exprIndex).e) {
			return false
		}
	}
	if len(columns) != len(places) {
		return false
	}
	for c := range columns {
		if !places[c] {
			return false
		}
	}
	for _, e := range exprs {
		if !b.hasKey(i, rel, e) {
			return false
		}
	}
	if i.Where == "" {
		return true
	}
	return where != nil && implies(where, b.boolean(b.text(i.Where, rel, exprIndexWhere).e, "WHERE", -1))
}

func (b *binder) hasKey(i *catalog.Index, rel *catalog.Relation, e plan.Expr) bool {
	for _, k := range i.Keys {
		if k.Column < 0 && (plan.Equal(e, b.indexKey(k, rel)) || plan.Equal(e, b.text(k.Expr, rel, exprIndex).e)) {
			return true
		}
	}
	return false
}

// implies reports whether each part of the predicate is a part of the condition.
func implies(cond, predicate plan.Expr) bool {
	have := ands(cond)
	for _, p := range ands(predicate) {
		if !containsExpr(have, p) {
			return false
		}
	}
	return true
}

func ands(e plan.Expr) []plan.Expr {
	a, ok := e.(*plan.And)
	if !ok {
		return []plan.Expr{e}
	}
	var all []plan.Expr
	for _, x := range a.Args {
		all = append(all, ands(x)...)
	}
	return all
}
