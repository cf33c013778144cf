package file

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestPushed: conditions leave out row groups of Parquet, and nothing of other files.
func TestPushed(t *testing.T) {
	for _, c := range []struct {
		options catalog.Options
		want    int
	}{
		{catalog.Options{{Key: "path", Value: "/a/b.parquet"}}, 1},
		{catalog.Options{{Key: "path", Value: "/a/*.csv"}}, 0},
		{catalog.Options{{Key: "path", Value: "/a/"}, {Key: "format", Value: "PARQUET"}}, 1},
		{catalog.Options{{Key: "path", Value: "/a/b.parquet"}, {Key: "format", Value: "json"}}, 0},
		{catalog.Options{{Key: "path", Value: "/a/b.parquet.gz"}, {Key: "format", Value: "auto"}}, 1},
	} {
		if got := (Connector{}).Pushed(&catalog.Relation{Options: c.options}, nil, []plan.Expr{&plan.Const{}}); len(got) != c.want {
			t.Errorf("%v: %d conditions, want %d", c.options, len(got), c.want)
		}
	}
}
