package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func pgNamespace(c *Context, t *table) {
	for _, s := range c.Snapshot.Schemas() {
		t.row().oid("oid", s.OID).str("nspname", s.Name).oid("nspowner", catalog.RoleOID(s.Owner)).acl("nspacl", s.Object()).emit()
	}
}

func schemaOID(c *Context, name string) types.OID {
	if s := c.Snapshot.Schema(name); s != nil {
		return s.OID
	}
	return 0
}
