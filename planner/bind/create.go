package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// streamStatement binds a statement that PostgreSQL has not.
func (b *binder) streamStatement(s parse.StreamStatement) *plan.Bound {
	switch x := s.(type) {
	case *parse.CreateStream:
		if x.Select != nil {
			return b.createStreamAs(x)
		}
		return b.createStream(x)
	case *parse.CreateSink:
		return b.createSink(x)
	case *parse.StartJob:
		return b.startJob(x)
	case *parse.JobStatement:
		b.ownJob(x.Name.Name)
		if x.Action == "ALTER" {
			return b.alterJob(x)
		}
		return done(&plan.AlterJob{Name: x.Name.Name, Action: plan.JobAction(strings.ToUpper(x.Action)), IfExists: x.IfExists})
	case *parse.CommentJob:
		if b.c.Catalog.Job(x.Name.Name) == nil {
			b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "job \"%s\" does not exist", x.Name.Name).WithHint("SHOW JOBS lists them.").At(x.Name.Pos))
		}
		b.ownJob(x.Name.Name)
		return done(&plan.Comment{On: catalog.Commented{Job: x.Name.Name}, Text: x.Text})
	case *parse.StateFile:
		b.ownJob(x.Name.Name)
		b.mayConnect("file", x.Name.Pos) // as of whoever reads and writes files of the server
		bound := done(&plan.StateFile{Job: x.Name.Name, Path: x.Path, Import: x.Import})
		if x.Import {
			bound.Alone = "IMPORT STATE"
		}
		return bound
	case *parse.DropStream:
		return b.dropNamed(x.What, x.Names, x.IfExists, x.Cascade)
	case *parse.Show:
		if x.What == "TOPICS" {
			return b.showTopics(x)
		}
		return b.show(x.What)
	case *parse.Describe:
		if x.Job {
			return b.describeJob(x.Name)
		}
		return b.describe(x.Name)
	case *parse.ShowCreate:
		return b.showCreate(x)
	}
	b.fail(sqlerr.Errorf(sqlerr.InternalError, "no binding for %T", s))
	return nil
}

func columnOfType(i int, c catalog.Column) *plan.Column {
	return &plan.Column{Index: i, Typ: c.Type, Name: c.Name}
}

// createIn is the schema that a new relation goes to.
func (b *binder) createIn(n parse.Name) string {
	schema := b.tempSchema(n.Schema)
	if schema == "" {
		for _, s := range b.c.SearchPath {
			if s == b.c.TempSchema && s != "" {
				if b.namesTemp() {
					return s
				}
				continue // is looked through, but nothing is made in it unasked
			}
			if s != "pg_catalog" && b.c.Catalog.Schema(s) != nil {
				return s
			}
		}
		b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "no schema has been selected to create in").At(n.Pos))
	}
	switch schema {
	case "pg_catalog", "information_schema", "ferris":
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to create \"%s.%s\"", schema, n.Name).
			WithDetail("System catalog modifications are currently disallowed.").At(n.Pos))
	}
	if catalog.Temporary(schema) && schema != b.c.TempSchema {
		b.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "cannot create relations in temporary schemas of other sessions").At(n.Pos))
	}
	if b.c.Catalog.Schema(schema) == nil && !catalog.Temporary(schema) {
		b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", schema).At(n.Pos))
	}
	return schema
}

// tempSchema is a schema as written, or what pg_temp means.
func (b *binder) tempSchema(schema string) string {
	if schema == "pg_temp" && b.c.TempSchema != "" {
		return b.c.TempSchema
	}
	return schema
}

// namesTemp reports whether the search path names pg_temp by itself.
func (b *binder) namesTemp() bool {
	path, _ := b.c.setting("search_path")
	return strings.Contains(path, "pg_temp")
}

// newRelation starts a relation that a statement declares.
func (b *binder) newRelation(n parse.Name, kind catalog.Kind) *catalog.Relation {
	r := &catalog.Relation{Schema: b.createIn(n), Name: n.Name, Kind: kind, Owner: b.c.User, Text: strings.TrimSpace(b.stmt.Text)}
	pos := n.Pos
	if b.stmt.Stream == nil && b.stmt.Node.GetCreateStmt() == nil {
		pos = 0 // as PostgreSQL has it
	}
	b.mayCreateIn(r.Schema, pos)
	return r
}

// createStream is CREATE STREAM s (columns) WITH (...).
func (b *binder) createStream(x *parse.CreateStream) *plan.Bound {
	if len(b.stmt.Into) > 0 {
		b.unsupportedAt(b.stmt.Into[0].Pos, "Write CREATE STREAM name AS SELECT ... INTO sink.", "INTO without a query is not supported")
	}
	r := b.newRelation(x.Name, catalog.Stream)
	b.mayReplace(r, x.OrReplace)
	keys := b.dealKeys(b.stmt.With, []string{x.Name.Name}, x.Name.Name)
	r.Connector, r.Options = b.connectorOf(x.Name.Name, keys.named[x.Name.Name], false, x.Name.Pos)
	r.Hidden = b.hidden(r)
	base, only := r.Hidden, false
	if r.Connector == "generator" {
		base, only = rowNumber, true
	}
	var key streamKey
	r.Columns = b.columnList(x.Table, x.ColumnTexts, base, only, &key)
	b.setKey(r, key)
	b.checkHidden(r, x.Name.Pos)
	s := &plan.CreateStream{Relation: r, IfNotExists: x.IfNotExists, OrReplace: x.OrReplace, Infer: len(r.Columns) == 0}
	exists := b.c.Catalog.Relation(r.Schema, r.Name) != nil && x.IfNotExists
	if x.Watermark != nil {
		if s.Infer && !exists {
			b.infer(r)
			s.Infer = false
		}
		if !exists {
			r.Watermark = b.watermark(x.Watermark, r.Columns, r.Hidden)
		}
	}
	s.Infer = s.Infer && !exists
	if b.c.Check != nil && !exists {
		b.check(b.c.Check(r, false))
		b.tell(r, false)
	}
	return done(s)
}

// tell passes on what the connector says of a declaration.
func (b *binder) tell(r *catalog.Relation, sink bool) {
	if b.c.Notices == nil {
		return
	}
	for _, n := range b.c.Notices(r, sink) {
		b.notice("%s", n)
	}
}

// rowNumber is what the expressions of a generator's columns are computed from.
var rowNumber = []catalog.Column{{Name: "_offset", Type: types.Of(types.Int8)}}

func (b *binder) hidden(r *catalog.Relation) []catalog.Column {
	if b.c.Hidden == nil {
		return nil
	}
	return b.c.Hidden(r)
}

// checkHidden refuses a column with the name of a pseudo-column.
func (b *binder) checkHidden(r *catalog.Relation, pos int) {
	for _, h := range r.Hidden {
		for _, c := range r.Columns {
			if c.Name == h.Name {
				b.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column name \"%s\" conflicts with a system column name", c.Name).At(pos))
			}
		}
	}
}

// infer asks the connector for a relation's columns, and shows them.
func (b *binder) infer(r *catalog.Relation) {
	if b.c.Infer == nil {
		b.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "stream \"%s\" has no columns", r.Name).
			WithHint("Write them: CREATE STREAM %s (name type, ...) WITH (...).", r.Name))
	}
	cols, err := b.c.Infer(b.ctx, r)
	b.check(err)
	r.Columns = cols
	if r.Key == nil && b.c.Changes != nil && b.c.Changes(r) {
		r.Key, err = b.c.Key(b.ctx, r)
		b.check(err)
	}
	var list []string
	for _, c := range cols {
		list = append(list, c.Name+" "+b.formatMod(c.Type))
	}
	b.notice("columns of stream \"%s\" inferred: %s", r.Name, strings.Join(list, ", "))
}

// createSink is CREATE SINK n [(columns)] WITH (...).
func (b *binder) createSink(x *parse.CreateSink) *plan.Bound {
	r := b.newRelation(x.Name, catalog.Sink)
	b.mayReplace(r, x.OrReplace)
	keys := b.dealKeys(b.stmt.With, []string{x.Name.Name}, x.Name.Name)
	r.Connector, r.Options = b.connectorOf(x.Name.Name, keys.named[x.Name.Name], true, x.Name.Pos)
	r.Columns = b.columnList(x.Table, x.ColumnTexts, nil, false, nil)
	for _, c := range r.Columns {
		if c.Generated != "" {
			b.unsupportedAt(x.Name.Pos, "Compute the column in the query that writes to the sink.", "a generated column of a sink is not supported")
		}
	}
	if b.c.Check != nil {
		b.check(b.c.Check(r, true))
		b.tell(r, true)
	}
	return done(&plan.CreateSink{Relation: r, IfNotExists: x.IfNotExists, OrReplace: x.OrReplace})
}

// createStreamAs is CREATE STREAM s AS SELECT: a view; with INTO, also a job.
func (b *binder) createStreamAs(x *parse.CreateStream) *plan.Bound {
	if x.Watermark != nil {
		b.unsupportedAt(x.Watermark.Pos, "Declare the watermark on the stream that the query reads.", "WATERMARK on a query is not supported")
	}
	sel := x.Select.GetSelectStmt()
	into := len(b.stmt.Into) > 0
	b.live, b.top = into, lastLeaf(sel)
	b.final = into && b.finalByDefault()
	keys := b.queryKeys(sel, b.stmt.With, b.stmt.Into, x.Name.Name)
	if into {
		b.late = b.latePolicy(keys.own)
	}
	b.declareInline(keys, sel)
	r := b.newRelation(x.Name, catalog.View)
	b.mayReplace(r, x.OrReplace)
	r.Query = x.SelectText + withText(b.sourcePairs(sel))
	if c := b.stmt.BySelect[b.top]; c != nil && c.Emit != "" && !into {
		b.unsupportedAt(x.SelectPos, "Leave it out: whoever reads the stream says EMIT CHANGES.", "EMIT %s in a streaming view is not supported", c.Emit)
	}
	needs := len(b.shared.needs)
	root := b.query(sel, nil, nil)
	if !into {
		b.shared.needs = b.shared.needs[:needs] // its owner is asked when it is read
	}
	r.Columns = b.viewColumns(root.Schema(), nil, x.Name.Pos)
	r.DependsOn = b.shared.depends
	b.settleText(r)
	s := &plan.CreateStream{Relation: r, IfNotExists: x.IfNotExists, OrReplace: x.OrReplace}
	if into {
		s.Job = b.job(x.Name, root, keys, x.IfNotExists, x.OrReplace)
	} else if len(keys.own) > 0 {
		b.unknownKey(keys.own[0].Key, fromNames(sel), b.stmt.With[0].Pos)
	}
	return done(s)
}

// viewColumns are the columns of a view, named apart.
func (b *binder) viewColumns(fields []plan.Field, names []string, pos int) []catalog.Column {
	if len(names) > len(fields) {
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "CREATE VIEW specifies more column names than columns").At(pos))
	}
	cols := make([]catalog.Column, len(fields))
	for i, f := range fields {
		name := f.Name
		if i < len(names) {
			name = names[i]
		}
		for _, c := range cols[:i] {
			if c.Name == name {
				b.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column \"%s\" specified more than once", name).At(pos))
			}
		}
		cols[i] = catalog.Column{Name: name, Type: f.Type}
	}
	return cols
}

// createView is CREATE VIEW, another word for CREATE STREAM AS.
func (b *binder) createView(x *pg.ViewStmt) *plan.Bound {
	if x.View.Relpersistence == "t" {
		b.unsupported(x.View.Location, "Leave TEMPORARY out and drop the view when you are done.", "CREATE TEMPORARY VIEW is not supported")
	}
	sel := x.Query.GetSelectStmt()
	name := parse.Name{Schema: x.View.Schemaname, Name: x.View.Relname, Pos: b.pos(x.View.Location)}
	r := b.newRelation(name, catalog.View)
	r.Query = b.stmt.Inner
	b.inlineSources(b.stmt, sel)
	needs := len(b.shared.needs)
	b.topWith = sel.WithClause
	root := b.query(sel, nil, nil)
	if b.modifies {
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "views must not contain data-modifying statements in WITH"))
	}
	b.shared.needs = b.shared.needs[:needs] // its owner is asked when it is read
	r.Columns = b.viewColumns(root.Schema(), strs(x.Aliases), 0)
	r.DependsOn = b.shared.depends
	r.Options = b.writtenOptions(x)
	b.settleText(r)
	b.checkCheckable(r)
	b.mayReplace(r, x.Replace) // after errors of the query, as PostgreSQL has it
	if x.Replace {
		b.keepsViewColumns(r)
	}
	return done(&plan.CreateStream{Relation: r, OrReplace: x.Replace, View: true})
}

func (b *binder) createSchema(x *pg.CreateSchemaStmt) *plan.Bound {
	if len(x.SchemaElts) > 0 {
		b.unsupported(-1, "Create the schema first, and then what is in it.", "CREATE SCHEMA with objects is not supported")
	}
	name := x.Schemaname
	if name == "" && x.Authrole != nil {
		name = x.Authrole.Rolename
	}
	if strings.HasPrefix(name, "pg_") {
		b.fail(sqlerr.Errorf(sqlerr.ReservedName, "unacceptable schema name \"%s\"", name).
			WithDetail("The prefix \"pg_\" is reserved for system schemas."))
	}
	s := &plan.CreateSchema{Name: name, IfNotExists: x.IfNotExists, Owner: b.c.User}
	if x.Authrole != nil {
		s.Owner = b.roleName(x.Authrole)
		b.mayBecome(s.Owner)
	}
	b.mayCreateInDatabase()
	if from := b.stmt.From; from != nil {
		s.Connector, s.Options = b.systemOf(*from, name)
	}
	return done(s)
}

func (b *binder) drop(x *pg.DropStmt) *plan.Bound {
	cascade := x.Behavior == pg.DropBehavior_DROP_CASCADE
	var names []parse.Name
	if x.RemoveType == pg.ObjectType_OBJECT_TYPE {
		return b.dropType(x, cascade)
	}
	for _, n := range x.Objects {
		parts := strs(n.GetList().GetItems())
		if s, ok := n.Node.(*pg.Node_String_); ok {
			parts = []string{s.String_.Sval}
		}
		if len(parts) == 0 {
			b.unsupported(-1, "Use DROP STREAM, DROP SINK, DROP VIEW, DROP JOB or DROP SCHEMA.", "DROP %s is not supported", objectWord(x.RemoveType))
		}
		name := parse.Name{Name: parts[len(parts)-1]}
		if len(parts) > 1 {
			name.Schema = parts[len(parts)-2]
		}
		names = append(names, name)
	}
	switch x.RemoveType {
	case pg.ObjectType_OBJECT_SCHEMA:
		return b.dropNamed("SCHEMA", names, x.MissingOk, cascade)
	case pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_SEQUENCE:
		return b.dropNamed(objectWord(x.RemoveType), names, x.MissingOk, cascade)
	case pg.ObjectType_OBJECT_MATVIEW:
		return b.dropNamed("MATERIALIZED VIEW", names, x.MissingOk, cascade)
	case pg.ObjectType_OBJECT_INDEX:
		return b.dropIndexes(b.dropNamed("INDEX", names, x.MissingOk, cascade), x, len(names) > 1)
	}
	b.unsupported(-1, "Use DROP STREAM, DROP SINK, DROP VIEW, DROP JOB or DROP SCHEMA.", "DROP %s is not supported", objectWord(x.RemoveType))
	return nil
}

func (b *binder) dropNamed(what string, names []parse.Name, ifExists, cascade bool) *plan.Bound {
	d := &plan.Drop{What: what, IfExists: ifExists, Cascade: cascade}
	for _, n := range names {
		if what == "SCHEMA" {
			if sc := b.c.Catalog.Schema(n.Name); sc != nil {
				b.own(sc.Object())
			}
		} else if r := b.findRelation(n.Schema, n.Name); r != nil && what != "INDEX" {
			b.mayDrop(r.Schema, r.Object())
		} else if i := b.indexNamed(n.Schema, n.Name); i != nil && what == "INDEX" {
			o := i.table.Object()
			o.Word, o.Name = "index", i.Name
			b.mayDrop(i.table.Schema, o)
		}
		d.Objects = append(d.Objects, plan.ObjectName{Schema: b.tempSchema(n.Schema), Name: n.Name, Pos: n.Pos})
	}
	return done(d)
}
