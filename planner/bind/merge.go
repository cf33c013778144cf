package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// merge is MERGE INTO t USING source ON condition WHEN ...
func (b *binder) merge(x *pg.MergeStmt, outer map[string]*cte) (plan.Node, *plan.Modify) {
	ctes, own := b.with(x.WithClause, nil, outer)
	b.checkReachable(x)
	rel, scan, target := b.changed(x.Relation, "MERGE", 0)
	source := &scope{ctes: ctes}
	node := b.from([]*pg.Node{x.SourceRelation}, source)
	for _, item := range source.items {
		if item.name == target.name && item.relVisible && item.name != "" {
			b.fail(sqlerr.Errorf(sqlerr.DuplicateAlias, "name \"%s\" specified more than once", target.name).
				WithDetail("The name is used both as MERGE target table and data source."))
		}
	}
	width := len(scan.Fields)
	items := append([]*rangeItem{target}, shiftItems(source.items, width)...)
	s := &scope{ctes: ctes, items: items}
	m := &plan.Modify{Op: plan.ModifyMerge, Target: rel, Alias: target.name, RowID: len(rel.Columns), Row: upTo(len(rel.Columns)), Rules: b.rowRules(rel), Foreign: b.foreign(rel)}
	m.Where = b.boolean(b.expr(x.JoinCondition, s, exprJoinOn), "JOIN/ON", location(x.JoinCondition))
	// Rows without a match are those of the source: it is the side that is kept.
	kind := plan.JoinInner
	unmatched := &scope{ctes: ctes, items: items[1:], hidden: []*rangeItem{target}, unmarked: true}
	for _, n := range x.MergeWhenClauses {
		w := n.GetMergeWhenClause()
		at := s
		if !w.Matched {
			kind, at = plan.JoinRight, unmatched
		}
		m.Actions = append(m.Actions, b.mergeAction(w, rel, at))
	}
	b.hideUnread(m)
	m.Input = joinNode(kind, scan, node, m.Where, false)
	return b.closeWith(m, own), m
}

// checkReachable refuses a WHEN clause behind one without a condition.
func (b *binder) checkReachable(x *pg.MergeStmt) {
	var last [2]bool
	for _, n := range x.MergeWhenClauses {
		w := n.GetMergeWhenClause()
		i := 0
		if w.Matched {
			i = 1
		}
		if last[i] {
			b.failf(sqlerr.SyntaxError, -1, "unreachable WHEN clause specified after unconditional WHEN clause")
		}
		last[i] = w.Condition == nil
	}
}

func (b *binder) mergeAction(w *pg.MergeWhenClause, rel *catalog.Relation, s *scope) plan.MergeAction {
	a := plan.MergeAction{Matched: w.Matched}
	if w.Condition != nil {
		a.Cond = b.boolean(b.expr(w.Condition, s, exprMergeWhen), "WHEN", location(w.Condition))
	}
	switch w.CommandType {
	case pg.CmdType_CMD_INSERT:
		b.needToWrite(rel, nil)
		a.Op, a.New = plan.ModifyInsert, b.mergeInsert(w, rel, s)
	case pg.CmdType_CMD_UPDATE:
		b.needOfTarget(&rangeItem{reads: rel}, catalog.UpdateRight, targetAttrs(rel, w.TargetList)...)
		a.Op = plan.ModifyUpdate
		values := b.setValues(w.TargetList, s, exprUpdate)
		a.New = b.setColumns(rel, w.TargetList, values, 0, s)
	case pg.CmdType_CMD_DELETE:
		b.need(rel, catalog.DeleteRight)
		a.Op = plan.ModifyDelete
	default:
		a.Nothing = true
	}
	return a
}

// mergeInsert is INSERT [(columns)] VALUES (...) of a WHEN clause: a whole row.
func (b *binder) mergeInsert(w *pg.MergeWhenClause, rel *catalog.Relation, s *scope) []plan.Expr {
	x := &pg.InsertStmt{Cols: w.TargetList, Override: w.Override}
	t := &tableInsert{x: x, rel: rel, ctes: s.ctes}
	t.columns, t.parts = b.targetColumns(x, rel)
	row := nulls(rel)
	if len(w.Values) == 0 {
		b.unset(rel, row, nil)
		return row
	}
	b.checkCount(len(w.Values), t.columns, x, func(i int) int32 { return location(w.Values[i]) })
	b.needToWrite(rel, t.columns[:len(w.Values)])
	b.unset(rel, row, t.columns[:len(w.Values)])
	for i, n := range w.Values {
		o := b.setValue(n, s, exprValues)
		c := t.columns[i]
		if o.e == nil || b.checkGiven(t, i, func(int) bool { return true }, 1) {
			row[c] = b.defaultOf(rel.Columns[c])
			continue
		}
		row[c] = b.given(t, i, o, row[c])
	}
	return row
}
