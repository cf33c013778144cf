package bind

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	pg "github.com/pganalyze/pg_query_go/v5"
)

// vacuum accepts VACUUM and ANALYZE, which tools send. There is nothing to be
// vacuumed, so a relation that is named is skipped with the warning that
// PostgreSQL has for what is no table.
func (b *binder) vacuum(x *pg.VacuumStmt) *plan.Bound {
	n := &plan.Nothing{Tag: "ANALYZE"}
	if x.IsVacuumcmd {
		n.Tag, n.Block = "VACUUM", plan.BlockRefused
	}
	for _, item := range x.Rels {
		rel := item.GetVacuumRelation()
		r := b.maintained(rel.Relation)
		if r.Kind != catalog.Virtual && r.Kind != catalog.Table {
			b.warn(sqlerr.Warning, "skipping \"%s\" --- cannot %s non-tables or special system tables", r.Name, strings.ToLower(n.Tag))
		}
	}
	return done(n)
}

// lock accepts LOCK TABLE: nothing that it could hold off happens here.
func (b *binder) lock(x *pg.LockStmt) *plan.Bound {
	for _, item := range x.Relations {
		b.maintained(item.GetRangeVar())
	}
	return done(&plan.Nothing{Tag: "LOCK TABLE", Block: plan.BlockNeeded})
}

// maintained finds a relation; the error has no position, as PostgreSQL's.
func (b *binder) maintained(x *pg.RangeVar) *catalog.Relation {
	if r := b.findRelation(x.Schemaname, x.Relname); r != nil {
		return r
	}
	name := x.Relname
	if x.Schemaname != "" {
		name = x.Schemaname + "." + name
	}
	b.fail(sqlerr.Errorf(sqlerr.UndefinedTable, "relation \"%s\" does not exist", name))
	return nil
}
