package bind

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	pg "github.com/pganalyze/pg_query_go/v5"
)

// vacuum accepts VACUUM and ANALYZE, which tools send. There is nothing to be
// vacuumed; a relation that is no table is skipped with PostgreSQL's warning.
func (b *binder) vacuum(x *pg.VacuumStmt) *plan.Bound {
	n := &plan.Nothing{Tag: "ANALYZE"}
	if x.IsVacuumcmd {
		n.Tag, n.Block = "VACUUM", plan.BlockRefused
	}
	for _, item := range x.Rels {
		rel := item.GetVacuumRelation()
		r := b.maintained(rel.Relation)
		switch {
		case !b.mayMaintain(r):
			b.warn(sqlerr.Warning, "permission denied to %s \"%s\", skipping it", strings.ToLower(n.Tag), r.Name)
		case r.Kind != catalog.Virtual && !r.Stored():
			b.warn(sqlerr.Warning, "skipping \"%s\" --- cannot %s non-tables or special system tables", r.Name, strings.ToLower(n.Tag))
		default:
			b.analyzed(r, strs(rel.VaCols))
		}
	}
	return done(n)
}

// analyzed refuses the columns of ANALYZE that a relation does not have, or that are
// named twice.
func (b *binder) analyzed(r *catalog.Relation, columns []string) {
	for i, name := range columns {
		switch {
		case !slices.ContainsFunc(r.Columns, func(c catalog.Column) bool { return c.Name == name }):
			b.failf(sqlerr.UndefinedColumn, -1, "column \"%s\" of relation \"%s\" does not exist", name, r.Name)
		case slices.Contains(columns[:i], name):
			b.failf(sqlerr.DuplicateColumn, -1, "column \"%s\" of relation \"%s\" appears more than once", name, r.Name)
		}
	}
}

// mayMaintain reports whether a role may have a relation vacuumed: the one that owns
// it or the database.
func (b *binder) mayMaintain(r *catalog.Relation) bool {
	return b.c.User == "" || b.ownsTemporary(r.Schema) || b.c.Catalog.Owns(b.c.User, r.Object()) ||
		r.Kind != catalog.Virtual && b.c.Catalog.Owns(b.c.User, b.c.Catalog.DatabaseObject(b.c.Database))
}

// lock is LOCK TABLE.
func (b *binder) lock(x *pg.LockStmt) *plan.Bound {
	s := &plan.LockTables{Mode: int(x.Mode), NoWait: x.Nowait}
	for _, item := range x.Relations {
		r := b.maintained(item.GetRangeVar())
		if r.Kind == catalog.MatView {
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot lock relation \"%s\"", r.Name).WithDetail("%s", noSupport(r)))
		}
		b.needToLock(r, x.Mode)
		s.Relations = append(s.Relations, r)
	}
	return done(s)
}

// needToLock asks for a right that takes such a lock itself.
func (b *binder) needToLock(r *catalog.Relation, mode int32) {
	const accessShare, rowExclusive = 1, 3
	rights := catalog.UpdateRight | catalog.DeleteRight | catalog.TruncateRight
	switch {
	case mode == accessShare:
		rights |= catalog.SelectRight | catalog.InsertRight
	case mode <= rowExclusive:
		rights |= catalog.InsertRight
	}
	b.needObject(need{user: b.c.User, object: r.Object(), rights: rights, some: true})
}

// reindex accepts REINDEX: indexes are never bloated.
func (b *binder) reindex(x *pg.ReindexStmt) *plan.Bound {
	n := &plan.Nothing{Tag: "REINDEX"}
	concurrently := false
	for _, p := range x.Params {
		concurrently = concurrently || p.GetDefElem().GetDefname() == "concurrently"
	}
	switch x.Kind {
	case pg.ReindexObjectType_REINDEX_OBJECT_INDEX:
		v := x.Relation
		if b.indexNamed(v.Schemaname, v.Relname) == nil {
			if r := b.maintained(v); r != nil {
				b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not an index", r.Name))
			}
		}
	case pg.ReindexObjectType_REINDEX_OBJECT_TABLE:
		r := b.maintained(x.Relation)
		if !r.Stored() && r.Kind != catalog.Virtual {
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a table or materialized view", r.Name))
		}
		if len(r.Indexes()) == 0 && r.Stored() {
			b.notice("table \"%s\" has no indexes to reindex", r.Name)
		}
	case pg.ReindexObjectType_REINDEX_OBJECT_SCHEMA:
		n.Block, n.Name = plan.BlockRefused, "REINDEX SCHEMA"
		if b.c.Catalog.Schema(x.Name) == nil {
			b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", x.Name))
		}
	default:
		n.Block, n.Name = plan.BlockRefused, "REINDEX DATABASE"
		if x.Name != "" && x.Name != b.c.Database {
			b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "can only reindex the currently open database"))
		}
	}
	if concurrently {
		n.Block, n.Name = plan.BlockRefused, "REINDEX CONCURRENTLY"
	}
	return done(n)
}

// cluster accepts CLUSTER: rows stay in the order of their insertion.
func (b *binder) cluster(x *pg.ClusterStmt) *plan.Bound {
	n := &plan.Nothing{Tag: "CLUSTER"}
	if x.Relation == nil {
		n.Block = plan.BlockRefused
		return done(n)
	}
	r := b.maintained(x.Relation)
	switch {
	case !r.Stored():
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a table", r.Name))
	case x.Indexname == "":
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "there is no previously clustered index for table \"%s\"", r.Name))
	case r.IndexNamed(x.Indexname) == nil:
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "index \"%s\" for table \"%s\" does not exist", x.Indexname, r.Name))
	case r.IndexNamed(x.Indexname).Where != "":
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot cluster on partial index \"%s\"", x.Indexname))
	}
	return done(n)
}

// maintained finds a relation; the error has no position, as PostgreSQL's.
func (b *binder) maintained(x *pg.RangeVar) *catalog.Relation {
	if r := b.findRelation(x.Schemaname, x.Relname); r != nil {
		return r
	}
	b.fail(b.undefined(x.Schemaname, x.Relname))
	return nil
}
