package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

const tablespaceDefault types.OID = 1663

func pgTablespace(_ *Context, t *table) {
	owner := catalog.RoleOID(catalog.Superuser)
	t.row().oid("oid", tablespaceDefault).str("spcname", "pg_default").oid("spcowner", owner).emit()
	t.row().oid("oid", 1664).str("spcname", "pg_global").oid("spcowner", owner).emit()
}
