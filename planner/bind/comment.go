package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// comment is COMMENT ON.
func (b *binder) comment(x *pg.CommentStmt) *plan.Bound {
	s := &plan.Comment{Text: x.Comment}
	names := strs(x.Object.GetList().GetItems())
	if n := x.Object.GetString_(); n != nil {
		names = []string{n.Sval}
	}
	switch x.Objtype {
	case pg.ObjectType_OBJECT_SCHEMA:
		s.On.Schema = names[0]
		if b.c.Catalog.Schema(names[0]) == nil {
			b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", names[0]))
		}
		b.own(b.c.Catalog.Schema(names[0]).Object())
	case pg.ObjectType_OBJECT_TYPE:
		s.On.Enum = b.alterable(strs(x.Object.GetTypeName().Names)).OID
	case pg.ObjectType_OBJECT_COLUMN:
		b.commentColumn(s, names)
	case pg.ObjectType_OBJECT_INDEX:
		b.commentIndex(s, names)
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		b.commentConstraint(s, names)
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_MATVIEW:
		r := b.objectRelation(names)
		kinds := map[pg.ObjectType][]catalog.Kind{
			pg.ObjectType_OBJECT_TABLE: {catalog.Table, catalog.Stream, catalog.Sink}, pg.ObjectType_OBJECT_VIEW: {catalog.View}, pg.ObjectType_OBJECT_SEQUENCE: {catalog.Sequence}, pg.ObjectType_OBJECT_MATVIEW: {catalog.MatView},
		}[x.Objtype]
		if b.stmt.Word != "" {
			b.wrongKind(r)
		} else if !slices.Contains(kinds, r.Kind) {
			word := map[pg.ObjectType]string{pg.ObjectType_OBJECT_TABLE: "a table", pg.ObjectType_OBJECT_VIEW: "a view", pg.ObjectType_OBJECT_SEQUENCE: "a sequence", pg.ObjectType_OBJECT_MATVIEW: "a materialized view"}[x.Objtype]
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not %s", r.Name, word))
		}
		s.On.Relation = r.OID
	default:
		b.unsupported(-1, "Comments are kept on tables, columns, streams, views, sinks, jobs, schemas, indexes, constraints, sequences and enum types.", "COMMENT ON %s is not supported", objectWord(x.Objtype))
	}
	return done(s)
}

// objectRelation finds the relation that a list of names means, to change it.
func (b *binder) objectRelation(names []string) *catalog.Relation {
	v := &pg.RangeVar{Relname: names[len(names)-1], Location: -1}
	if len(names) > 1 {
		v.Schemaname = names[len(names)-2]
	}
	if b.findRelation(v.Schemaname, v.Relname) == nil {
		if x := b.indexNamed(v.Schemaname, v.Relname); x != nil {
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a table", v.Relname))
		}
	}
	r := b.maintained(v)
	if r.Kind == catalog.Virtual {
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", r.Name))
	}
	b.ownRelation(r)
	return r
}

func (b *binder) commentColumn(s *plan.Comment, names []string) {
	if len(names) < 2 {
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "column name must be qualified"))
	}
	column := names[len(names)-1]
	r := b.objectRelation(names[:len(names)-1])
	if r.Kind == catalog.Sequence {
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot set comment on relation \"%s\"", r.Name).WithDetail("%s", noSupport(r)))
	}
	at := r.ColumnNamed(column)
	if at < 0 {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", column, r.Name))
	}
	s.On.Relation, s.On.Attribute = r.OID, r.Attribute(at)
}

func (b *binder) commentIndex(s *plan.Comment, names []string) {
	schema, name := "", names[len(names)-1]
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	x := b.indexNamed(schema, name)
	if x == nil {
		if r := b.findRelation(schema, name); r != nil {
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not an index", name))
		}
		b.fail(sqlerr.Errorf(sqlerr.UndefinedTable, "relation \"%s\" does not exist", name))
	}
	b.ownRelation(x.table)
	s.On.Relation, s.On.Index = x.table.OID, x.OID
}

func (b *binder) commentConstraint(s *plan.Comment, names []string) {
	name := names[len(names)-1]
	r := b.objectRelation(names[:len(names)-1])
	s.On.Relation = r.OID
	if r.Table != nil {
		for _, k := range r.Table.Checks {
			if k.Name == name {
				s.On.Constraint = k.OID
				return
			}
		}
		for _, k := range r.Table.Foreign {
			if k.Name == name {
				s.On.Constraint = k.OID
				return
			}
		}
		if x := r.IndexNamed(name); x != nil && x.Constraint {
			s.On.Constraint = x.ConOID
			return
		}
	}
	b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "constraint \"%s\" for table \"%s\" does not exist", name, r.Name))
}

// truncate is TRUNCATE.
func (b *binder) truncate(x *pg.TruncateStmt) *plan.Bound {
	s := &plan.Truncate{Restart: x.RestartSeqs}
	for _, n := range x.Relations {
		r := b.maintained(n.GetRangeVar())
		switch r.Kind {
		case catalog.Table:
		case catalog.Stream:
			b.fail(sqlerr.Unsupported("Delete the topic's records with Kafka's tools, or drop the stream and declare it over a new topic.", "TRUNCATE of a stream is not supported"))
		case catalog.Virtual:
			b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", r.Name))
		default:
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a table", r.Name))
		}
		b.need(r, catalog.TruncateRight)
		if !slices.Contains(s.Tables, r) {
			s.Tables = append(s.Tables, r)
		}
	}
	b.truncateReferencing(s, x.Behavior == pg.DropBehavior_DROP_CASCADE)
	for _, r := range s.Tables {
		s.Derived = append(s.Derived, b.derived(r))
	}
	return done(s)
}

// truncateReferencing refuses tables that others reference which keep their rows;
// with CASCADE they lose theirs too.
func (b *binder) truncateReferencing(s *plan.Truncate, cascade bool) {
	for i := 0; i < len(s.Tables); i++ {
		for _, k := range b.c.Catalog.References(s.Tables[i].OID) {
			if slices.Contains(s.Tables, k.Relation) {
				continue
			}
			if !cascade {
				b.authorise() // first of all who may not
				b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot truncate a table referenced in a foreign key constraint").
					WithDetail("Table \"%s\" references \"%s\".", k.Relation.Name, s.Tables[i].Name).
					WithHint("Truncate table \"%s\" at the same time, or use TRUNCATE ... CASCADE.", k.Relation.Name))
			}
			b.need(k.Relation, catalog.TruncateRight)
			b.notice("truncate cascades to table \"%s\"", k.Relation.Name)
			s.Tables = append(s.Tables, k.Relation)
		}
	}
}
