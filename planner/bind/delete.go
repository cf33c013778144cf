package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// delete is DELETE FROM t [USING ...] [WHERE ...] [RETURNING ...].
func (b *binder) delete(x *pg.DeleteStmt, outer map[string]*cte) (plan.Node, *plan.Modify) {
	ctes, own := b.with(x.WithClause, nil, outer)
	rel, scan, target := b.changed(x.Relation, "DELETE", catalog.DeleteRight)
	s := &scope{ctes: ctes}
	input, from := b.besides(scan, target, x.UsingClause, s)
	m := b.modify(plan.ModifyDelete, rel, target, input, b.changedRows(x.WhereClause, scan, target, s))
	m.Rules = plan.RowRules{Derived: b.derived(rel)}
	b.returningList(m, x.ReturningList, target, append([]*rangeItem{}, from...), ctes)
	return b.closeWith(m, own), m
}

// where binds a WHERE clause, nil for none.
func (b *binder) where(n *pg.Node, s *scope) plan.Expr {
	if n == nil {
		return nil
	}
	return b.boolean(b.expr(n, s, exprWhere), "WHERE", location(n))
}
