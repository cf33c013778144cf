package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// joinExpr is a JOIN b ON ..., USING (...), NATURAL, CROSS.
func (b *binder) joinExpr(x *pg.JoinExpr, s, lat *scope) fromEntry {
	outer := s.chain
	own := s.withinOf(s.joins + joinsIn(x.Larg))
	if own != nil {
		s.chain = own
	}
	l := b.fromItem(x.Larg, s, lat)
	s.chain = nil
	number := s.joins
	s.joins++
	kind := map[pg.JoinType]plan.JoinKind{
		pg.JoinType_JOIN_INNER: plan.JoinInner, pg.JoinType_JOIN_LEFT: plan.JoinLeft,
		pg.JoinType_JOIN_RIGHT: plan.JoinRight, pg.JoinType_JOIN_FULL: plan.JoinFull,
	}[x.Jointype]
	side := &scope{parent: lat, items: l.items, ctes: s.ctes, at: exprLateral, noLateral: kind == plan.JoinRight || kind == plan.JoinFull}
	r := b.settle(b.fromItem(x.Rarg, s, side))
	s.chain = outer
	if kind == plan.JoinRight || kind == plan.JoinFull {
		l = b.markPresent(l)
	}
	if kind == plan.JoinLeft || kind == plan.JoinFull {
		r = b.markPresent(r)
	}
	b.uniqueNames(l.items, r.items)
	width := len(l.node.Schema())
	items := append(append([]*rangeItem(nil), l.items...), shiftItems(r.items, width)...)
	left, right := items[:len(l.items)], items[len(l.items):]
	using := strs(x.UsingClause)
	if x.IsNatural {
		using = b.naturalColumns(left, right)
	}
	js := &scope{parent: apart(lat, s.parent), items: items, ctes: s.ctes}
	var cond plan.Expr
	var merged []itemCol
	switch {
	case x.IsNatural || len(using) > 0:
		cond, merged = b.using(using, left, right, kind)
	case x.Quals != nil:
		cond = b.boolean(b.expr(x.Quals, js, exprJoinOn), "JOIN/ON", location(x.Quals))
	}
	asOf := slices.IndexFunc(s.asOf, func(a parse.AsOf) bool { return a.Join == number })
	switch {
	case own != nil && !b.timeless(l.node, r.node):
		cond = b.within(*own, l.node, r.node, cond, js)
	case own == nil && outer != nil && asOf < 0 && keepsComing(l.node) && keepsComing(r.node):
		cond = b.within(*outer, l.node, r.node, cond, js)
	}
	var node plan.Node = joinNode(kind, l.node, r.node, cond, r.lateral)
	if asOf >= 0 {
		node = b.asOf(s.asOf[asOf], node.(*plan.Join), js)
	}
	if a := x.JoinUsingAlias; a != nil {
		b.uniqueNames(items, []*rangeItem{{name: a.Aliasname, relVisible: true}})
		items = append(items, &rangeItem{join: true, name: a.Aliasname, relVisible: true, cols: slices.Clone(merged)})
	}
	if merged == nil && x.Alias == nil {
		return fromEntry{node: node, items: items}
	}
	return fromEntry{node: node, items: b.joinItems(items, left, right, merged, using, x.Alias)}
}

// joinItems adds the entry of a join whose columns are merged or that has an
// alias: its columns take the place of those of its sides.
func (b *binder) joinItems(items, left, right []*rangeItem, merged []itemCol, using []string, alias *pg.Alias) []*rangeItem {
	join := &rangeItem{join: true, colsVisible: true, cols: merged}
	isMerged := map[string]bool{}
	for _, u := range using {
		isMerged[u] = true
	}
	for _, item := range items {
		if item.colsVisible {
			for _, c := range item.cols {
				if !isMerged[c.name] {
					join.cols = append(join.cols, c)
				}
			}
		}
		item.colsVisible = false
	}
	if alias != nil {
		join.name, join.relVisible = alias.Aliasname, true
		b.aliasColumns(join, alias)
		for _, item := range items {
			item.relVisible = false
		}
	}
	return append(append([]*rangeItem(nil), items...), join)
}

func (b *binder) naturalColumns(left, right []*rangeItem) []string {
	in := func(items []*rangeItem, name string) bool {
		for _, item := range items {
			if !item.colsVisible {
				continue
			}
			for _, c := range item.cols {
				if c.name == name && !c.hidden {
					return true
				}
			}
		}
		return false
	}
	var names []string
	for _, item := range left {
		if !item.colsVisible {
			continue
		}
		for _, c := range item.cols {
			if !c.hidden && in(right, c.name) {
				names = append(names, c.name)
			}
		}
	}
	return names
}

// using equates and merges the columns of USING and NATURAL.
func (b *binder) using(names []string, left, right []*rangeItem, kind plan.JoinKind) (plan.Expr, []itemCol) {
	merged := []itemCol{}
	var conds []plan.Expr
	for i, name := range names {
		for _, before := range names[:i] {
			if before == name {
				b.failf(sqlerr.DuplicateColumn, -1, "column name \"%s\" appears more than once in USING clause", name)
			}
		}
		l, r := b.sideColumn(left, name, "left"), b.sideColumn(right, name, "right")
		l.need.column(l.attr)
		r.need.column(r.attr)
		conds = append(conds, b.boolean(b.operator([]string{"="}, operand{l.expr, -1}, operand{r.expr, -1}, -1), "JOIN/USING", -1))
		ops := []operand{{l.expr, -1}, {r.expr, -1}}
		both, t := b.unify(ops, "JOIN/USING")
		for i := range both {
			both[i] = b.applyMod(both[i], t, implicit, -1)
		}
		m := itemCol{name: name, table: l.table, attr: l.attr}
		switch kind {
		case plan.JoinFull:
			m.expr, m.table, m.attr = &plan.Coalesce{Args: both, Typ: t}, 0, 0
		case plan.JoinRight:
			m.expr, m.table, m.attr = both[1], r.table, r.attr
		default:
			m.expr = both[0]
		}
		merged = append(merged, m)
	}
	if len(conds) == 0 {
		return nil, merged
	}
	return conjunction(conds), merged
}

func (b *binder) sideColumn(items []*rangeItem, name, side string) *itemCol {
	var found *itemCol
	for _, item := range items {
		if !item.colsVisible {
			continue
		}
		for i := range item.cols {
			if item.cols[i].name != name {
				continue
			}
			if found != nil {
				b.failf(sqlerr.AmbiguousColumn, -1, "common column name \"%s\" appears more than once in %s table", name, side)
			}
			found = &item.cols[i]
		}
	}
	if found == nil {
		b.failf(sqlerr.UndefinedColumn, -1, "column \"%s\" specified in USING clause does not exist in %s table", name, side)
	}
	return found
}
