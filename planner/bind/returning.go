package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// returningList binds a RETURNING list: over the target's columns and its row id, and
// behind them the rows of FROM.
func (b *binder) returningList(m *plan.Modify, list []*pg.Node, target *rangeItem, from []*rangeItem, ctes map[string]*cte) {
	if len(list) == 0 {
		return
	}
	width := len(m.Target.Columns)
	own := b.tableItem(m.Target, target.name, 0, width)
	if target.view != nil {
		own = b.viewItem(target.view, target.name, 0, width)
	}
	own.schema, own.reads = target.schema, target.reads
	items := append([]*rangeItem{own}, copyItems(from, width+1)...)
	s := &scope{items: items, ctes: ctes}
	targets := b.targetsAs(list, s, exprReturning)
	b.finishTargets(targets, s, false)
	m.Returning, m.Fields = []plan.Expr{}, []plan.Field{}
	for _, t := range targets {
		m.Returning = append(m.Returning, t.e)
		m.Fields = append(m.Fields, t.field)
	}
}

// modification is the Bound of a statement that changes a table.
func (b *binder) modification(root plan.Node, word string, fields []plan.Field) *plan.Bound {
	return &plan.Bound{Statement: &plan.Modification{Root: root, Word: word}, Fields: fields}
}

// changed looks up the table that an UPDATE, DELETE or MERGE is about. p is what it
// needs there; 0: its actions say.
func (b *binder) changed(x *pg.RangeVar, verb string, p catalog.Rights) (*catalog.Relation, *plan.Scan, *rangeItem) {
	rel := b.relation(x)
	name := rel.Name
	if x.Alias != nil {
		name = x.Alias.Aliasname
	}
	if verb != "MERGE" {
		if u := b.updatableView(rel, verb, x.Location); u != nil {
			b.depend(u.table.OID)
			scan, _ := b.tableScan(u.table, name)
			item := b.viewItem(u, name, 0, len(u.table.Columns))
			item.reads = rel
			if p != 0 {
				b.needThrough(u, p)
			}
			return u.table, scan, item
		}
	}
	b.refuseTarget(rel, x.Location, verb)
	if p != 0 {
		b.needColumns(rel, p)
	}
	b.depend(rel.OID)
	scan, cols := b.tableScan(rel, name)
	item := &rangeItem{name: name, rel: rel, reads: rel, row: types.RowType(rel.OID), relVisible: true, colsVisible: true, cols: cols}
	if x.Alias == nil {
		item.schema = rel.Schema
	}
	return rel, scan, item
}

// besides joins a changed table's scan with the entries of FROM or USING.
func (b *binder) besides(scan *plan.Scan, target *rangeItem, list []*pg.Node, s *scope) (plan.Node, []*rangeItem) {
	s.items = []*rangeItem{target}
	if len(list) == 0 {
		return scan, nil
	}
	inner := &scope{ctes: s.ctes}
	node := b.from(list, inner)
	b.uniqueNames([]*rangeItem{target}, inner.items)
	more := shiftItems(inner.items, len(scan.Fields))
	s.items = append(s.items, more...)
	return joinNode(plan.JoinInner, scan, node, nil, false), more
}

// modify is the node of an UPDATE or DELETE over the rows of input that meet cond.
func (b *binder) modify(op plan.ModifyOp, rel *catalog.Relation, target *rangeItem, input plan.Node, cond plan.Expr) *plan.Modify {
	cond = both(b.viewCond(target.view), cond)
	m := &plan.Modify{Op: op, Foreign: b.foreign(rel), Target: rel, Alias: target.name, Input: input, Where: cond, RowID: len(rel.Columns), Row: upTo(len(rel.Columns))}
	if cond != nil {
		m.Input = &plan.Filter{Input: input, Cond: cond}
	}
	_, m.Once = input.(*plan.Scan)
	return m
}
