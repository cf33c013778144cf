package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// renameStatement is ALTER ... RENAME.
func (b *binder) renameStatement(x *pg.RenameStmt) *plan.Bound {
	tag := b.alterTag(x.RenameType)
	switch x.RenameType {
	case pg.ObjectType_OBJECT_COLUMN:
		return b.renameColumn(x)
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		return b.renameConstraint(x)
	case pg.ObjectType_OBJECT_SCHEMA:
		return b.renameSchema(x)
	case pg.ObjectType_OBJECT_TYPE:
		return b.renameType(strs(x.Object.GetList().GetItems()), "", x.Newname)
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_MATVIEW:
	default:
		b.unsupported(-1, "Drop it, and create it under the new name.", "%s ... RENAME is not supported", tag)
	}
	v := x.Relation
	r := b.findRelation(v.Schemaname, v.Relname)
	if r == nil {
		if index := b.indexNamed(v.Schemaname, v.Relname); index != nil {
			return b.renameIndex(index, v, clipName(x.Newname), x.RenameType)
		}
		return b.renameMissing(x, tag)
	}
	b.ownRelation(r)
	switch {
	case r.Kind == catalog.Virtual:
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", r.Name))
	case b.stmt.Word != "":
		b.wrongKind(r)
	case x.RenameType == pg.ObjectType_OBJECT_SEQUENCE && r.Kind != catalog.Sequence, x.RenameType == pg.ObjectType_OBJECT_VIEW && r.Kind != catalog.View,
		x.RenameType == pg.ObjectType_OBJECT_MATVIEW && r.Kind != catalog.MatView,
		x.RenameType == pg.ObjectType_OBJECT_INDEX:
		b.wrongObject(x.RenameType, r)
	case r.Kind == catalog.Stream || r.Kind == catalog.Sink:
		word := map[catalog.Kind]string{catalog.Stream: "STREAM", catalog.Sink: "SINK"}[r.Kind]
		b.unsupported(v.Location, "Write ALTER "+word+" "+r.Name+" RENAME TO "+x.Newname+".", "ALTER TABLE on a %s is not supported", strings.ToLower(word))
	}
	return done(b.renaming(r, "", clipName(x.Newname), tag))
}

// renaming gives a relation another name or schema. What reads it by name in a
// text that is kept keeps it where it is.
func (b *binder) renaming(r *catalog.Relation, schema, name, tag string) *plan.Rename {
	b.refuseRenamed(r)
	to := r.Schema
	if schema != "" {
		to = schema
	}
	if b.c.Catalog.NameTaken(to, name) && (to != r.Schema || name != r.Name || schema == "") {
		if schema != "" {
			b.fail(sqlerr.Errorf(sqlerr.DuplicateTable, "relation \"%s\" already exists in schema \"%s\"", name, schema))
		}
		b.fail(sqlerr.Errorf(sqlerr.DuplicateTable, "relation \"%s\" already exists", name))
	}
	moved := *r
	moved.Schema, moved.Name = to, name
	s := &plan.Rename{Relation: r, Schema: schema, Name: name, Tag: tag, Views: b.viewsFollowing(r, &moved)}
	if r.Kind == catalog.View && to != r.Schema {
		s.Query = b.leaving(r)
	}
	return s
}

// leaving is the text of a view that goes to another schema: what it reads in its
// old one is named with that.
func (b *binder) leaving(v *catalog.Relation) string {
	read, before, ok := b.readingOf(v, b.c)
	var all []parse.Replacement
	for _, u := range read.relations {
		if u.rel.Kind != catalog.Virtual {
			all = append(all, qualifying(u))
		}
	}
	out := b.reworded(v, all, b.c, before)
	if !ok || out == nil {
		b.fail(sqlerr.Unsupported("Drop the view, and create it in the other schema.", "moving view \"%s\" is not supported", v.Name))
	}
	return out.Query
}

// refuseRenamed: the texts of jobs name what they read.
func (b *binder) refuseRenamed(r *catalog.Relation) {
	for _, v := range b.c.Catalog.Relations() {
		if v.Kind == catalog.MatView && slices.Contains(v.DependsOn, r.OID) {
			b.fail(sqlerr.Unsupported("Drop materialized view "+catalog.QuoteName(v.Name)+", rename, and create it again.", "renaming \"%s\", which materialized view \"%s\" reads, is not supported", r.Name, v.Name))
		}
	}
	for _, j := range b.c.Catalog.Jobs() {
		if r.Kind == catalog.MatView && j.Name == r.Job {
			continue // it finds the view by its own name
		}
		if slices.Contains(j.DependsOn, r.OID) || slices.Contains(j.Sinks, r.Schema+"."+r.Name) {
			b.fail(sqlerr.Unsupported("Drop job "+catalog.QuoteName(j.Name)+", rename, and start it again.", "renaming \"%s\", which job \"%s\" uses, is not supported", r.Name, j.Name))
		}
	}
}

func (b *binder) renameMissing(x *pg.RenameStmt, tag string) *plan.Bound {
	v := x.Relation
	if x.MissingOk {
		b.notice("relation \"%s\" does not exist, skipping", v.Relname)
		return done(&plan.Nothing{Tag: tag})
	}
	b.maintained(v) // says that it does not exist
	return nil
}

// foundIndex is an index with its table.
type foundIndex struct {
	table *catalog.Relation
	*catalog.Index
}

// indexNamed finds an index by its name, nil where there is none.
func (b *binder) indexNamed(schema, name string) *foundIndex {
	var r *catalog.Relation
	var x *catalog.Index
	if schema != "" {
		r, x = b.c.Catalog.Index(b.tempSchema(schema), name)
	} else {
		r, x = b.c.Catalog.ResolveIndex(b.c.SearchPath, name)
	}
	if x == nil {
		return nil
	}
	return &foundIndex{r, x}
}

func (b *binder) renameIndex(x *foundIndex, v *pg.RangeVar, to string, what pg.ObjectType) *plan.Bound {
	if what == pg.ObjectType_OBJECT_VIEW || what == pg.ObjectType_OBJECT_SEQUENCE {
		word := map[pg.ObjectType]string{pg.ObjectType_OBJECT_VIEW: "a view", pg.ObjectType_OBJECT_SEQUENCE: "a sequence"}[what]
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not %s", x.Name, word))
	}
	b.ownRelation(x.table)
	if b.c.Catalog.NameTaken(x.table.Schema, to) {
		b.fail(sqlerr.Errorf(sqlerr.DuplicateTable, "relation \"%s\" already exists", to))
	}
	return done(&plan.Rename{Relation: x.table, Index: x.OID, Name: to, Tag: "ALTER " + objectWord(what)})
}

// alterIndex is ALTER INDEX with what an index has.
func (b *binder) alterIndex(x *pg.AlterTableStmt) *plan.Bound {
	v := x.Relation
	index := b.indexNamed(v.Schemaname, v.Relname)
	b.ownRelation(index.table)
	t := b.altered(index.table)
	y := *index.Index
	for _, n := range x.Cmds {
		switch c := n.GetAlterTableCmd(); c.Subtype {
		case pg.AlterTableType_AT_SetRelOptions:
			y.Options = b.storageOptions(c.Def.GetList().GetItems(), indexOptions)
		case pg.AlterTableType_AT_ResetRelOptions:
			y.Options = nil
		case pg.AlterTableType_AT_SetTableSpace:
			b.tablespace(c.Name)
		case pg.AlterTableType_AT_ChangeOwner:
			b.warn(sqlerr.Warning, "cannot change owner of index \"%s\"", y.Name)
		case pg.AlterTableType_AT_SetStatistics:
			b.indexStatistics(index, int(c.Num))
		default:
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "ALTER action %s cannot be performed on relation \"%s\"", actionWord(c.Subtype), y.Name).
				WithDetail("This operation is not supported for indexes."))
		}
	}
	t.replaceIndex(&y)
	return done(&plan.AlterTable{Old: index.table, Relation: t.rel, Tag: "ALTER " + objectWord(x.Objtype)})
}

// renameColumn is RENAME COLUMN of a table, stream or view.
func (b *binder) renameColumn(x *pg.RenameStmt) *plan.Bound {
	v := x.Relation
	tag := b.alterTag(x.RelationType)
	if b.findRelation(v.Schemaname, v.Relname) == nil && x.MissingOk {
		return b.renameMissing(x, tag)
	}
	old := b.maintained(v)
	b.ownRelation(old)
	if b.stmt.Word != "" {
		b.wrongKind(old)
	}
	switch old.Kind {
	case catalog.Table, catalog.View, catalog.MatView:
		b.refuseFollowed(old, "renaming a column")
	case catalog.Virtual:
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", old.Name))
	case catalog.Stream:
		if b.stmt.Word == "" {
			b.unsupported(v.Location, "Write ALTER STREAM "+old.Name+" RENAME COLUMN.", "ALTER TABLE on a stream is not supported")
		}
		b.refuseRead(old)
	default:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot rename columns of relation \"%s\"", old.Name).WithDetail("%s", noSupport(old)))
	}
	return done(b.renamedColumn(old, x.Subname, clipName(x.Newname), tag))
}

// renamedColumn is a relation whose column has another name, with the views that
// read it.
func (b *binder) renamedColumn(old *catalog.Relation, from, to, tag string) *plan.AlterTable {
	at := old.ColumnNamed(from)
	switch {
	case at < 0 && slices.Contains(systemColumns, from):
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot rename system column \"%s\"", from))
	case at < 0 && slices.ContainsFunc(old.Hidden, func(c catalog.Column) bool { return c.Name == from }):
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot rename system column \"%s\"", from))
	case at < 0:
		b.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" does not exist", from))
	case old.ColumnNamed(to) >= 0:
		b.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists", to, old.Name))
	case old.Kind == catalog.Table && slices.Contains(systemColumns, to), slices.ContainsFunc(old.Hidden, func(c catalog.Column) bool { return c.Name == to }):
		b.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column name \"%s\" conflicts with a system column name", to))
	}
	r := *old
	r.Columns = slices.Clone(old.Columns)
	r.Columns[at].Name = to
	s := &plan.AlterTable{Old: old, Relation: &r, Tag: tag}
	if old.Table != nil {
		b.renameInTexts(old, &r)
	}
	if old.Kind == catalog.Stream {
		b.renameInStream(old, &r, at)
	}
	for _, v := range b.dependentViews(old.OID) {
		if changed := b.renameInView(v, old, &r, at); changed != nil {
			s.Views = append(s.Views, changed)
		}
	}
	return s
}

// renameInTexts writes a table's expressions over its columns' new names.
func (b *binder) renameInTexts(old, r *catalog.Relation) {
	names := columnNames(r)
	for i, c := range r.Columns {
		if c.Generated != "" {
			r.Columns[i].Generated = b.renamedText(c.Generated, old, names)
		}
	}
	info := *old.Table
	info.Checks, info.Indexes = slices.Clone(info.Checks), slices.Clone(info.Indexes)
	for i, k := range info.Checks {
		info.Checks[i].Expr = b.renamedText(k.Expr, old, names)
	}
	for i, x := range info.Indexes {
		y := *x
		y.Keys = slices.Clone(x.Keys)
		for j, k := range y.Keys {
			if k.Column < 0 {
				y.Keys[j].Expr = b.renamedText(k.Expr, old, names)
			}
		}
		if y.Where != "" {
			y.Where = b.renamedText(y.Where, old, names)
		}
		info.Indexes[i] = &y
	}
	r.Table = &info
}

// renameConstraint is RENAME CONSTRAINT.
func (b *binder) renameConstraint(x *pg.RenameStmt) *plan.Bound {
	old := b.maintained(x.Relation)
	b.ownRelation(old)
	if old.Table == nil {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "constraint \"%s\" for table \"%s\" does not exist", x.Subname, old.Name))
	}
	to := clipName(x.Newname)
	t := b.altered(old)
	free := func() {
		if t.constraintNamed(to) {
			b.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", to, old.Name))
		}
	}
	for i, k := range t.rel.Table.Checks {
		if k.Name == x.Subname {
			free()
			t.rel.Table.Checks[i].Name = to
			return done(&plan.AlterTable{Old: old, Relation: t.rel, Tag: "ALTER TABLE"})
		}
	}
	for i, k := range t.rel.Table.Foreign {
		if k.Name == x.Subname {
			free()
			t.rel.Table.Foreign[i].Name = to
			return done(&plan.AlterTable{Old: old, Relation: t.rel, Tag: "ALTER TABLE"})
		}
	}
	if y := old.IndexNamed(x.Subname); y != nil && y.Constraint {
		free()
		if b.c.Catalog.NameTaken(old.Schema, to) {
			b.fail(sqlerr.Errorf(sqlerr.DuplicateTable, "relation \"%s\" already exists", to))
		}
		return done(&plan.Rename{Relation: old, Index: y.OID, Name: to, Tag: "ALTER TABLE"})
	}
	b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "constraint \"%s\" for table \"%s\" does not exist", x.Subname, old.Name))
	return nil
}

func (b *binder) renameSchema(x *pg.RenameStmt) *plan.Bound {
	if b.c.Catalog.Schema(x.Subname) == nil {
		b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", x.Subname))
	}
	b.unsupported(-1, "Create the schema under the new name, and move what is in it with ALTER TABLE ... SET SCHEMA.", "ALTER SCHEMA ... RENAME is not supported")
	return nil
}

// setSchema is ALTER ... SET SCHEMA.
func (b *binder) setSchema(x *pg.AlterObjectSchemaStmt) *plan.Bound {
	tag := b.alterTag(x.ObjectType)
	v := x.Relation
	if x.ObjectType == pg.ObjectType_OBJECT_TYPE {
		return b.renameType(strs(x.Object.GetList().GetItems()), x.Newschema, "")
	}
	if v == nil {
		b.unsupported(-1, "Drop it, and create it in the other schema.", "%s ... SET SCHEMA is not supported", tag)
	}
	if b.findRelation(v.Schemaname, v.Relname) == nil && x.MissingOk {
		b.notice("relation \"%s\" does not exist, skipping", v.Relname)
		return done(&plan.Nothing{Tag: tag})
	}
	r := b.maintained(v)
	b.ownRelation(r)
	switch {
	case r.Kind == catalog.Virtual:
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", r.Name))
	case b.stmt.Word != "":
		b.wrongKind(r)
	case x.ObjectType == pg.ObjectType_OBJECT_SEQUENCE && r.Kind != catalog.Sequence || x.ObjectType == pg.ObjectType_OBJECT_VIEW && r.Kind != catalog.View:
		b.wrongObject(x.ObjectType, r)
	case r.Sequence != nil && r.Sequence.OwnedBy != 0:
		table := b.c.Catalog.RelationByOID(r.Sequence.OwnedBy)
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot move an owned sequence into another schema").
			WithDetail("Sequence \"%s\" is linked to table \"%s\".", r.Name, table.Name))
	}
	schema := b.createIn(parse.Name{Schema: x.Newschema, Name: r.Name})
	b.mayCreateIn(schema, 0)
	if catalog.Temporary(r.Schema) || catalog.Temporary(schema) {
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot move objects into or out of temporary schemas"))
	}
	return done(b.renaming(r, schema, r.Name, tag))
}
