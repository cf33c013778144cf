package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

// pgAggregate names the aggregates; how they are computed is not told in SQL.
func pgAggregate(c *Context, t *table) {
	for _, f := range c.Snapshot.Builtins().Functions {
		if f.Kind != catalog.Aggregate {
			continue
		}
		t.row().
			oid("aggfnoid", catalog.FunctionOID(f)).
			chr("aggkind", 'n').
			chr("aggfinalmodify", 'r').
			chr("aggmfinalmodify", 'r').
			oid("aggtranstype", f.Ret).
			emit()
	}
}
