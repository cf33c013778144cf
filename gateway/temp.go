package gateway

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// searchPath is where names without a schema are looked for. The session's
// temporary schema, once it has come to be, is first unless it is named.
func (x *session) searchPath(s *catalog.Snapshot) []string {
	c := &x.path
	if c.values != x.settings.current || c.snapshot != s {
		*c = pathCache{x.settings.current, s, x.findSearchPath(s)}
	}
	return c.path
}

// pathCache is the search path of certain settings in a certain catalog.
type pathCache struct {
	values   *values
	snapshot *catalog.Snapshot
	path     []string
}

func (x *session) findSearchPath(s *catalog.Snapshot) []string {
	path, temp := x.settings.current.searchPath, catalog.TempSchema(x.pid)
	if i := slices.Index(path, "pg_temp"); i >= 0 {
		path = slices.Clone(path)
		path[i] = temp
		return path
	}
	if s == nil || s.Schema(temp) == nil {
		return path
	}
	return append([]string{temp}, path...)
}

// dropTemp drops the session's temporary relations, and what of others has come
// to depend on them.
func (x *session) dropTemp(ctx context.Context) error {
	txn := x.server.opts.Engine.Begin()
	defer txn.Rollback()
	s, temp := txn.Snapshot(), catalog.TempSchema(x.pid)
	if s == nil || s.Schema(temp) == nil {
		return nil
	}
	drop := &plan.Drop{What: "SCHEMA", Objects: []plan.ObjectName{{Name: temp}}, IfExists: true, Cascade: true}
	if _, err := txn.Exec(ctx, &plan.Bound{Statement: drop}, x.env(ctx, s, nil)); err != nil {
		return err
	}
	return txn.Commit(ctx)
}
