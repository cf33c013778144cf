package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// lockStrength is a locking clause's, with its words.
func lockStrength(x *pg.LockingClause) plan.RowLock {
	switch x.Strength {
	case pg.LockClauseStrength_LCS_FORKEYSHARE:
		return plan.ForKeyShare
	case pg.LockClauseStrength_LCS_FORSHARE:
		return plan.ForShare
	case pg.LockClauseStrength_LCS_FORNOKEYUPDATE:
		return plan.ForNoKeyUpdate
	}
	return plan.ForUpdate
}

func lockWait(x *pg.LockingClause) plan.LockWait {
	switch x.WaitPolicy {
	case pg.LockWaitPolicy_LockWaitSkip:
		return plan.LockSkip
	case pg.LockWaitPolicy_LockWaitError:
		return plan.LockError
	}
	return plan.LockBlock
}

// lockRows locks the rows that input is made of, FROM's and its conditions cond.
func (b *binder) lockRows(input plan.Node, from plan.Node, cond plan.Expr, sel *pg.SelectStmt, s *scope) plan.Node {
	l := &plan.LockRows{Input: input, Single: sel.LimitCount != nil}
	for _, n := range sel.LockingClause {
		x := n.GetLockingClause()
		if len(x.LockedRels) == 0 {
			for _, item := range s.items {
				b.lockItem(l, item, from, x, false)
			}
			continue
		}
		for _, r := range x.LockedRels {
			b.lockItem(l, itemNamed(s, r.GetRangeVar().Relname), from, x, true)
		}
	}
	if len(l.Locks) == 0 {
		return input
	}
	all := joinConditions(from, 0)
	if cond != nil {
		all = append(all, cond)
	}
	if len(all) > 0 {
		l.Where = conjunction(all)
	}
	return l
}

// itemNamed is the entry of FROM that OF names, which is there.
func itemNamed(s *scope, name string) *rangeItem {
	for _, item := range s.items {
		if item.name == name {
			return item
		}
	}
	return nil
}

// lockedView is how the rows of a view are found whose rows a query locks, which are
// those of its table; nil: it locks none, or the view's rows are not a table's.
func (b *binder) lockedView(rel *catalog.Relation, name string, s *scope) *updatable {
	for _, n := range s.locking {
		of := n.GetLockingClause().LockedRels
		if len(of) > 0 && !slices.ContainsFunc(of, func(r *pg.Node) bool { return r.GetRangeVar().GetRelname() == name }) {
			continue
		}
		if b.overTables(rel) {
			if u, why := b.changeable(rel); why == "" {
				return u
			}
		}
		return nil
	}
	return nil
}

// viewRows are the rows of a table that a view shows, with the view's columns over
// them as item's. The last, which has no name, is the row's id.
func (b *binder) viewRows(u *updatable, item *rangeItem) plan.Node {
	b.needThrough(u, catalog.SelectRight)
	b.depend(u.table.OID)
	scan, _ := b.tableScan(u.table, item.name)
	id := len(u.table.Columns)
	item.view = u
	item.cols = append(b.viewItem(u, item.name, 0, id).cols, itemCol{expr: &plan.Column{Index: id, Typ: types.Of(types.Int8), Name: rowIDName}, hidden: true})
	if cond := b.viewCond(u); cond != nil {
		return &plan.Filter{Input: scan, Cond: cond}
	}
	return scan
}

// rowsOf are a lock's table and the places of its row in that of FROM.
func (b *binder) rowsOf(item *rangeItem) (rel *catalog.Relation, row []int, id int) {
	if item.view != nil {
		b.needThrough(item.view, catalog.UpdateRight)
		rel = item.view.table
		id = item.cols[len(item.cols)-1].expr.(*plan.Column).Index
		for i := range rel.Columns {
			row = append(row, id-len(rel.Columns)+i)
		}
		return rel, row, id
	}
	rel = item.rel
	b.needColumns(rel, catalog.UpdateRight)
	row = make([]int, len(rel.Columns))
	for i, c := range item.cols {
		col, ok := c.expr.(*plan.Column)
		switch {
		case !ok:
		case i < len(row):
			row[i] = col.Index
		case c.name == rowIDName:
			id = col.Index
		}
	}
	return rel, row, id
}

func (b *binder) lockItem(l *plan.LockRows, item *rangeItem, from plan.Node, x *pg.LockingClause, named bool) {
	strength := lockStrength(x)
	switch {
	case item.rel != nil && item.rel.Kind == catalog.Table, item.view != nil:
	case item.rel != nil && item.rel.Kind != catalog.View:
		b.unsupported(-1, "Leave it out: a statement reads one consistent version of a stream.", "FOR UPDATE and FOR SHARE are not supported")
	case item.join && named:
		b.failf(sqlerr.FeatureNotSupported, -1, "%s cannot be applied to a join", strength)
	case item.join:
		return
	case item.rel == nil && item.query != nil && !readsRows(item.query):
		return
	case item.rel != nil:
		b.unsupported(-1, "Write the view's query in its place, with "+strength.String()+", or name the tables to lock: "+strength.String()+" OF t.",
			"%s of the rows of a view that is no table's is not supported", strength)
	case item.query != nil:
		b.unsupported(-1, "Write "+strength.String()+" inside the subquery, or name the tables to lock: "+strength.String()+" OF t.",
			"%s of the rows of a subquery is not supported", strength)
	case named:
		b.failf(sqlerr.FeatureNotSupported, -1, "%s cannot be applied to \"%s\"", strength, item.name)
	default:
		return
	}
	lock := plan.TableLock{Name: item.name, Strength: strength, Wait: lockWait(x)}
	lock.Target, lock.Row, lock.RowID = b.rowsOf(item)
	if nullable(from, lock.RowID) {
		b.failf(sqlerr.FeatureNotSupported, -1, "%s cannot be applied to the nullable side of an outer join", strength)
	}
	for i := range l.Locks {
		if have := &l.Locks[i]; have.RowID == lock.RowID {
			have.Strength, have.Wait = max(have.Strength, lock.Strength), max(have.Wait, lock.Wait)
			return
		}
	}
	l.Locks = append(l.Locks, lock)
}

// readsRows reports whether a query has rows of a relation, which could be locked.
func readsRows(n plan.Node) bool {
	reads := false
	plan.WalkAll(n, func(n plan.Node) {
		switch n.(type) {
		case *plan.Scan, *plan.VirtualScan:
			reads = true
		}
	})
	return reads
}

// nullable reports whether a column of a tree of joins comes from a side that may
// have no row.
func nullable(n plan.Node, at int) bool {
	j, ok := n.(*plan.Join)
	if !ok {
		return false
	}
	width := len(j.Left.Schema())
	if at < width {
		return j.Kind == plan.JoinRight || j.Kind == plan.JoinFull || nullable(j.Left, at)
	}
	return j.Kind == plan.JoinLeft || j.Kind == plan.JoinFull || nullable(j.Right, at-width)
}

// joinConditions are the conditions of the inner joins of FROM, and of views in it
// whose rows are locked, over its row.
func joinConditions(n plan.Node, at int) []plan.Expr {
	if f, ok := n.(*plan.Filter); ok {
		return append(joinConditions(f.Input, at), plan.Shift(f.Cond, at))
	}
	j, ok := n.(*plan.Join)
	if !ok {
		return nil
	}
	width := len(j.Left.Schema())
	var all []plan.Expr
	if j.Kind == plan.JoinInner || j.Kind == plan.JoinLeft {
		all = append(all, joinConditions(j.Left, at)...)
	}
	if j.Kind == plan.JoinInner || j.Kind == plan.JoinRight {
		all = append(all, joinConditions(j.Right, at+width)...)
	}
	if j.Kind == plan.JoinInner && j.Cond != nil {
		all = append(all, plan.Shift(j.Cond, at))
	}
	return all
}
