package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

func pgAm(_ *Context, t *table) {
	for _, am := range []struct {
		oid     types.OID
		name    string
		handler types.OID
		kind    byte
	}{
		{2, "heap", 3, 't'},
		{403, "btree", 330, 'i'},
		{405, "hash", 331, 'i'},
		{783, "gist", 332, 'i'},
		{2742, "gin", 333, 'i'},
		{4000, "spgist", 334, 'i'},
		{3580, "brin", 335, 'i'},
	} {
		t.row().oid("oid", am.oid).str("amname", am.name).oid("amhandler", am.handler).chr("amtype", am.kind).emit()
	}
}
