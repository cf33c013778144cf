package database

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestPushedShown: EXPLAIN shows the conditions that a server can be given, however it
// is named.
func TestPushedShown(t *testing.T) {
	column := &plan.Column{Index: 0, Name: "id", Typ: types.Of(types.Int4)}
	filters := []plan.Expr{&plan.IsNull{Arg: column}, &plan.IsNull{Arg: column, Row: true}}
	for _, url := range []string{"postgres://postgres@127.0.0.1:5432/postgres", "jdbc:postgresql://127.0.0.1:5432/postgres?currentSchema=s", "sqlite:/somewhere/else.db", "jdbc:mysql://db/shop"} {
		rel := &catalog.Relation{Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int4)}}, Options: catalog.Options{{Key: "connection.url", Value: url}}}
		if got := (Connector{}).Pushed(rel, []int{0}, filters); len(got) != 1 || got[0] != filters[0] {
			t.Errorf("%s: %v, want the first of %v", url, got, filters)
		}
	}
}
