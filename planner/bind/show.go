package bind

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// shown are the queries that SHOW stands for.
var shown = map[string]string{
	"STREAMS": "SELECT schema_name AS schema, stream_name AS name, kind, connector AS type, owner FROM ferris.streams ORDER BY 1, 2",
	"SINKS":   "SELECT schema_name AS schema, sink_name AS name, connector AS type, job_name, owner FROM ferris.sinks ORDER BY 1, 2",
	"TABLES": "SELECT schemaname AS schema, tablename AS name, tableowner AS owner FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'ferris') " +
		"AND (schemaname, tablename) NOT IN (SELECT schema_name, stream_name FROM ferris.streams) ORDER BY 1, 2",
	"VIEWS":              "SELECT schemaname AS schema, viewname AS name, viewowner AS owner FROM pg_views WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'ferris') ORDER BY 1, 2",
	"MATERIALIZED VIEWS": "SELECT schema_name AS schema, view_name AS name, state, is_current AS current, problem, owner FROM ferris.materialized_views ORDER BY 1, 2",
	"JOBS":               "SELECT job_name, state, rows_in, rows_out, rejected, sqlstate, error, detail, hint, owner FROM ferris.jobs ORDER BY 1",
}

// show is SHOW STREAMS, SINKS, JOBS, TABLES, VIEWS and MATERIALIZED VIEWS: a query over the ferris relations.
func (b *binder) show(what string) *plan.Bound {
	text, ok := shown[what]
	if !ok {
		b.unsupported(-1, "Use SHOW STREAMS, SHOW SINKS, SHOW JOBS, SHOW TABLES, SHOW VIEWS, SHOW MATERIALIZED VIEWS or SHOW TOPICS.", "SHOW %s is not supported", what)
	}
	return b.asked(text)
}

// asked is a statement that stands for a query.
func (b *binder) asked(text string) *plan.Bound {
	stmt, err := parse.Query(text)
	b.check(err)
	in := &binder{ctx: b.ctx, c: b.c, stmt: stmt, src: stmt.Source, ascii: isASCII(text), shared: b.shared}
	return b.rows(in.boundQuery(stmt.Node.GetSelectStmt()))
}

// describeJob is DESCRIBE JOB name: what ferris.jobs has of it.
func (b *binder) describeJob(n parse.Name) *plan.Bound {
	return b.asked("SELECT * FROM ferris.jobs WHERE oid = " + b.jobOID(n))
}

func (b *binder) jobOID(n parse.Name) string {
	j := b.c.Catalog.Job(n.Name)
	if n.Schema != "" || j == nil {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "job \"%s\" does not exist", n.Name).WithHint("SHOW JOBS lists them.").At(n.Pos))
	}
	return strconv.FormatUint(uint64(j.OID), 10)
}

// showCreate is SHOW CREATE of a stream, view, materialized view or job: the statement
// that it was made by, NULL where that has a secret.
func (b *binder) showCreate(x *parse.ShowCreate) *plan.Bound {
	of, ok := map[string]struct {
		kind   catalog.Kind
		column string
		from   string
	}{
		"STREAM": {catalog.Stream, "stream_name", "streams"}, "VIEW": {catalog.View, "stream_name", "streams"},
		"MATERIALIZED VIEW": {catalog.MatView, "view_name", "materialized_views"}, "JOB": {0, "job_name", "jobs"},
	}[x.What]
	hint := "SHOW CREATE knows STREAM, VIEW, MATERIALIZED VIEW and JOB."
	switch x.What {
	case "TABLE":
		hint = "DESCRIBE " + catalog.QuoteName(x.Name.Name) + " shows its columns, psql's \\d its indexes and constraints, too."
	case "SINK":
		hint = "SELECT * FROM ferris.sinks shows its options; SHOW CREATE JOB name has the sinks that a job declares."
	}
	if !ok {
		b.unsupported(-1, hint, "SHOW CREATE %s is not supported", x.What)
	}
	oid := ""
	if x.What == "JOB" {
		oid = b.jobOID(x.Name)
	} else {
		r := b.relation(&pg.RangeVar{Schemaname: x.Name.Schema, Relname: x.Name.Name, Location: -1})
		if r.Kind != of.kind && !(x.What == "STREAM" && r.Kind == catalog.View) {
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a %s", r.Name, strings.ToLower(x.What)).At(x.Name.Pos))
		}
		b.needColumns(r, catalog.SelectRight)
		oid = strconv.FormatUint(uint64(r.OID), 10)
	}
	return b.asked("SELECT " + of.column + " AS name, definition FROM ferris." + of.from + " WHERE oid = " + oid)
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
