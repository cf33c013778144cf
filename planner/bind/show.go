package bind

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// shown are the queries that SHOW stands for.
var shown = map[string]string{
	"STREAMS":            "SELECT schema_name AS schema, stream_name AS name, kind, connector AS type, owner FROM ferris.streams ORDER BY 1, 2",
	"SINKS":              "SELECT schema_name AS schema, sink_name AS name, connector AS type, job_name, owner FROM ferris.sinks ORDER BY 1, 2",
	"MATERIALIZED VIEWS": "SELECT schema_name AS schema, view_name AS name, state, is_current AS current, problem, owner FROM ferris.materialized_views ORDER BY 1, 2",
	"JOBS":               "SELECT job_name, state, rows_in, rows_out, rejected, sqlstate, error, detail, hint, owner FROM ferris.jobs ORDER BY 1",
}

// show is SHOW STREAMS, SINKS, JOBS and MATERIALIZED VIEWS: a query over the ferris relations.
func (b *binder) show(what string) *plan.Bound {
	text, ok := shown[what]
	if !ok {
		b.unsupported(-1, "Use SHOW STREAMS, SHOW SINKS, SHOW JOBS, SHOW MATERIALIZED VIEWS or SHOW TOPICS.", "SHOW %s is not supported", what)
	}
	stmt, err := parse.Query(text)
	b.check(err)
	in := &binder{ctx: b.ctx, c: b.c, stmt: stmt, src: stmt.Source, ascii: true, shared: b.shared}
	return b.rows(in.boundQuery(stmt.Node.GetSelectStmt()))
}

// describe is DESCRIBE name: the columns of a relation, the pseudo-columns last.
func (b *binder) describe(n parse.Name) *plan.Bound {
	r := b.findRelation(n.Schema, n.Name)
	if n.Schema != "" {
		b.mayUse(n.Schema, -1)
	}
	if r == nil {
		b.fail(b.undefined(n.Schema, n.Name).At(n.Pos))
	}
	b.needColumns(r, catalog.SelectRight)
	text := types.Of(types.Text)
	v := &plan.Values{Fields: []plan.Field{
		{Name: "column", Type: text}, {Name: "type", Type: text}, {Name: "nullable", Type: types.Of(types.Bool)}, {Name: "kind", Type: text},
		{Name: "expression", Type: text},
	}}
	for i, c := range r.AllColumns() {
		kind, expr := describeColumn(r, c, i >= len(r.Columns))
		e := types.NullOf(text)
		if expr != "" {
			e = types.NewText(expr)
		}
		v.Rows = append(v.Rows, []plan.Expr{
			plan.NewConst(types.NewText(c.Name)), plan.NewConst(types.NewText(b.formatMod(c.Type))),
			plan.NewConst(types.NewBool(!c.NotNull)), plan.NewConst(types.NewText(kind)), plan.NewConst(e),
		})
	}
	return b.rows(&plan.Query{Root: v})
}

// describeColumn says what a column is and the expression that goes with it.
func describeColumn(r *catalog.Relation, c catalog.Column, hidden bool) (kind, expr string) {
	switch {
	case hidden:
		return "system", ""
	case c.Generated != "":
		return "generated", c.Generated
	case r.Watermark != nil && r.Watermark.Column == c.Name:
		return "event time", r.Watermark.Expr
	case c.Default != "":
		return "column", c.Default
	}
	return "column", ""
}
