package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// constraintAttributes checks that each DEFERRABLE and INITIALLY of a column stands
// behind a constraint that may have it, once (transformConstraintAttrs).
func (t *tableDraft) constraintAttributes(constraints []*pg.Node) {
	var takes, deferrability, initially, deferrable, deferred bool
	for _, n := range constraints {
		c := n.GetConstraint()
		place := func(clause, kind string, saw *bool) {
			switch {
			case !takes:
				t.failf(sqlerr.SyntaxError, c.Location, "misplaced %s clause", clause)
			case *saw:
				t.failf(sqlerr.SyntaxError, c.Location, "multiple %s clauses not allowed", kind)
			}
			*saw = true
		}
		switch c.GetContype() {
		case pg.ConstrType_CONSTR_ATTR_DEFERRABLE:
			place("DEFERRABLE", "DEFERRABLE/NOT DEFERRABLE", &deferrability)
			deferrable = true
		case pg.ConstrType_CONSTR_ATTR_NOT_DEFERRABLE:
			place("NOT DEFERRABLE", "DEFERRABLE/NOT DEFERRABLE", &deferrability)
		case pg.ConstrType_CONSTR_ATTR_DEFERRED:
			place("INITIALLY DEFERRED", "INITIALLY IMMEDIATE/DEFERRED", &initially)
			deferred = true
		case pg.ConstrType_CONSTR_ATTR_IMMEDIATE:
			place("INITIALLY IMMEDIATE", "INITIALLY IMMEDIATE/DEFERRED", &initially)
		case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_EXCLUSION, pg.ConstrType_CONSTR_FOREIGN:
			takes, deferrability, initially, deferrable, deferred = true, false, false, false, false
		default:
			takes = false
		}
		if deferred && deferrability && !deferrable {
			t.failf(sqlerr.SyntaxError, c.Location, "constraint declared INITIALLY DEFERRED must be DEFERRABLE")
		}
	}
}
