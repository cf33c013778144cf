package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

// pgAggregate names the aggregates; how they are computed is not told in SQL.
func pgAggregate(c *Context, t *table) {
	for _, f := range c.Snapshot.Builtins().Functions {
		if f.Kind != catalog.Aggregate {
			continue
		}
		kind := byte('n')
		if f.AggKind != 0 {
			kind = byte(f.AggKind)
		}
		t.row().
			oid("aggfnoid", catalog.FunctionOID(f)).
			chr("aggkind", kind).
			num("aggnumdirectargs", int64(f.Direct)).
			chr("aggfinalmodify", 'r').
			chr("aggmfinalmodify", 'r').
			oid("aggtranstype", f.Ret).
			emit()
	}
}
