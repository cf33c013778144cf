package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func (b *binder) streamStatement(s parse.StreamStatement) *plan.Bound {
	b.unsupported(-1, "Write a SELECT.", "this statement is not supported")
	return nil
}
func (b *binder) insert(x *pg.InsertStmt) *plan.Bound {
	b.unsupportedStatement(b.stmt.Node)
	return nil
}
func (b *binder) createSchema(x *pg.CreateSchemaStmt) *plan.Bound {
	b.unsupportedStatement(b.stmt.Node)
	return nil
}
func (b *binder) drop(x *pg.DropStmt) *plan.Bound {
	b.unsupportedStatement(b.stmt.Node)
	return nil
}
func (b *binder) createView(x *pg.ViewStmt) *plan.Bound {
	b.unsupportedStatement(b.stmt.Node)
	return nil
}
func (b *binder) selectInto(sel *pg.SelectStmt) *plan.Bound {
	b.unsupportedStatement(b.stmt.Node)
	return nil
}
func (b *binder) inlineSources(s parse.Statement, sel *pg.SelectStmt) {}
