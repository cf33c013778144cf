package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// ranges are PostgreSQL's range types: range, subtype, multirange, operator
// class, canonical function, difference function.
var ranges = [][6]types.OID{
	{3904, 23, 4451, 1978, 3914, 3922},
	{3906, 1700, 4532, 3125, 0, 3924},
	{3908, 1114, 4533, 3128, 0, 3929},
	{3910, 1184, 4534, 3127, 0, 3930},
	{3912, 1082, 4535, 3122, 3915, 3925},
	{3926, 20, 4536, 3124, 3928, 3923},
}

func pgRange(_ *Context, t *table) {
	for _, r := range ranges {
		if types.Lookup(r[0]) == nil {
			continue
		}
		t.row().
			oid("rngtypid", r[0]).
			oid("rngsubtype", r[1]).
			oid("rngmultitypid", r[2]).
			oid("rngsubopc", r[3]).
			oid("rngcanonical", r[4]).
			oid("rngsubdiff", r[5]).
			emit()
	}
}
