package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// createTableAs is CREATE TABLE AS: the rows that the query has now.
func (b *binder) createTableAs(x *pg.CreateTableAsStmt) *plan.Bound {
	sel := x.Query.GetSelectStmt()
	if sel == nil {
		b.unsupported(-1, "Write the query itself: CREATE TABLE "+x.Into.Rel.Relname+" AS SELECT ...", "CREATE TABLE AS EXECUTE is not supported")
	}
	into := x.Into
	r := b.newTable(into.Rel, into.OnCommit)
	s := &plan.CreateTableAs{Relation: r, IfNotExists: x.IfNotExists, NoData: into.SkipData}
	if x.IfNotExists && b.c.Catalog.NameTaken(r.Schema, r.Name) {
		s.NoData = true
		return done(s)
	}
	r.Table.Options = b.storageOptions(into.Options, tableOptions)
	b.tablespace(into.TableSpaceName)
	if last := lastLeaf(sel); b.stmt.BySelect[last] != nil && b.stmt.BySelect[last].Emit == "CHANGES" {
		b.unsupported(-1, "Start a job into a sink: START JOB name AS SELECT ... INTO ...", "EMIT CHANGES in CREATE TABLE AS is not supported")
	}
	b.inlineSources(b.stmt, sel)
	b.topWith = sel.WithClause
	s.Input = b.query(sel, nil, nil)
	b.tableColumns(r, s.Input.Schema(), strs(into.ColNames))
	return done(s)
}

// selectIntoTable is SELECT INTO a name that is new: CREATE TABLE AS by another
// name.
func (b *binder) selectIntoTable(sel *pg.SelectStmt, v *pg.RangeVar) *plan.Bound {
	r := b.newTable(v, pg.OnCommitAction_ONCOMMIT_NOOP)
	b.inlineSources(b.stmt, sel)
	b.into = firstSelect(sel)
	b.topWith = sel.WithClause
	s := &plan.CreateTableAs{Relation: r, Input: b.query(sel, nil, nil)}
	b.tableColumns(r, s.Input.Schema(), nil)
	return done(s)
}

// tableColumns are the columns of a table made of a query's rows.
func (b *binder) tableColumns(r *catalog.Relation, fields []plan.Field, names []string) {
	if len(names) > len(fields) {
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "too many column names were specified"))
	}
	t := &tableDraft{binder: b, rel: r}
	for i, f := range fields {
		c := catalog.Column{Name: clipName(f.Name), Type: f.Type}
		if i < len(names) {
			c.Name = clipName(names[i])
		}
		r.Columns = append(r.Columns, c)
		t.checkColumnName(c.Name, i)
		if info := types.Lookup(c.Type.OID); info == nil || info.Kind == 'p' {
			b.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "column \"%s\" has pseudo-type %s", c.Name, b.formatType(c.Type.OID)))
		}
	}
}
