package exec

import (
	"errors"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
)

// An error names the key that breaks a rule only to a role that may read all of the key's
// columns, also where the statement itself has written them (BuildIndexValueDescription):
// what is not said in a statement, as in UPDATE of one column of two, would be told.

// mayRead reports whether a statement's role may read columns of a relation, by place.
func mayRead(env *function.Env, r *catalog.Relation, places []int) bool {
	return env.User == "" || env.Catalog.ReadsColumns(env.User, r, places)
}

// withoutKey is an error of writing rows of a relation, without a duplicate's key where
// the statement's role may not read it.
func withoutKey(env *function.Env, r *catalog.Relation, err error) error {
	var e *sqlerr.Error
	if !errors.As(err, &e) || e.Code != sqlerr.UniqueViolation {
		return err
	}
	for _, ix := range r.Table.Indexes {
		if ix.Name != e.Constraint {
			continue
		}
		places := make([]int, len(ix.Keys)) // -1: an expression
		for i, k := range ix.Keys {
			if places[i] = k.Column; k.Column < 0 {
				e.Detail = strings.Replace(e.Detail, k.Expr, catalog.KeyDefinition(r, k, env.Show, true), 1)
			}
		}
		if mayRead(env, r, places) {
			return err
		}
	}
	e.Detail = ""
	return err
}
