package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// lockName is a locking clause as it is written.
func lockName(x *pg.LockingClause) string {
	switch x.Strength {
	case pg.LockClauseStrength_LCS_FORKEYSHARE:
		return "FOR KEY SHARE"
	case pg.LockClauseStrength_LCS_FORSHARE:
		return "FOR SHARE"
	case pg.LockClauseStrength_LCS_FORNOKEYUPDATE:
		return "FOR NO KEY UPDATE"
	}
	return "FOR UPDATE"
}

// locked is the name of a query's first locking clause; "": it has none.
func locked(sel *pg.SelectStmt) string {
	if len(sel.LockingClause) == 0 {
		return ""
	}
	return lockName(sel.LockingClause[0].GetLockingClause())
}

// locking checks FOR UPDATE and its like against what the query is made of
// (CheckSelectLocking, transformLockingClause).
func (b *binder) locking(sel *pg.SelectStmt, q *block, sets bool) {
	name := locked(sel)
	if name == "" {
		return
	}
	refuse := func(is bool, what string) {
		if is {
			b.failf(sqlerr.FeatureNotSupported, -1, "%s is not allowed with %s", name, what)
		}
	}
	refuse(len(sel.DistinctClause) > 0, "DISTINCT clause")
	refuse(len(sel.GroupClause) > 0, "GROUP BY clause")
	refuse(sel.HavingClause != nil, "HAVING clause")
	refuse(len(q.scope.aggs.calls) > 0, "aggregate functions")
	refuse(len(q.scope.windows.calls) > 0, "window functions")
	refuse(sets, "set-returning functions in the target list")
	for _, n := range sel.LockingClause {
		x := n.GetLockingClause()
		for _, r := range x.LockedRels {
			b.lockEntry(r.GetRangeVar(), lockName(x), q.scope)
		}
	}
}

// lockEntry checks a name after OF.
func (b *binder) lockEntry(r *pg.RangeVar, name string, s *scope) {
	if r.Schemaname != "" {
		b.failf(sqlerr.SyntaxError, r.Location, "%s must specify unqualified relation names", name)
	}
	for _, item := range s.items {
		if item.name != r.Relname {
			continue
		}
		if item.join {
			b.failf(sqlerr.FeatureNotSupported, r.Location, "%s cannot be applied to a join", name)
		}
		if item.function {
			b.failf(sqlerr.FeatureNotSupported, r.Location, "%s cannot be applied to a function", name)
		}
		return
	}
	b.failf(sqlerr.UndefinedTable, r.Location, "relation \"%s\" in %s clause not found in FROM clause", r.Relname, name)
}
