package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// setConstraints is SET CONSTRAINTS. Each constraint is checked by its statement, so
// that one that is there is IMMEDIATE already, and none can be DEFERRED.
func (b *binder) setConstraints(x *pg.ConstraintsSetStmt) *plan.Bound {
	for _, n := range x.Constraints {
		v := n.GetRangeVar()
		schemas := b.c.SearchPath
		if v.Schemaname != "" {
			if b.c.Catalog.Schema(v.Schemaname) == nil {
				b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", v.Schemaname))
			}
			schemas = []string{v.Schemaname}
		}
		there := slices.ContainsFunc(b.c.Catalog.Relations(), func(r *catalog.Relation) bool {
			return slices.Contains(schemas, r.Schema) && hasConstraint(r, v.Relname)
		})
		switch {
		case !there:
			b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "constraint \"%s\" does not exist", v.Relname))
		case x.Deferred:
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "constraint \"%s\" is not deferrable", v.Relname))
		}
	}
	return done(&plan.Nothing{Tag: "SET CONSTRAINTS", Block: plan.BlockWanted})
}

// hasConstraint reports whether a table has a constraint of a name.
func hasConstraint(r *catalog.Relation, name string) bool {
	if r.Table == nil {
		return false
	}
	return slices.ContainsFunc(r.Table.Checks, func(k catalog.Check) bool { return k.Name == name }) ||
		slices.ContainsFunc(r.Table.Foreign, func(k catalog.ForeignKey) bool { return k.Name == name }) ||
		slices.ContainsFunc(r.Table.Indexes, func(i *catalog.Index) bool { return i.Constraint && i.Name == name })
}
