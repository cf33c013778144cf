package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

// pgForeignDataWrapper has the connectors, which GRANT calls so: who may declare
// streams and sinks of them.
func pgForeignDataWrapper(c *Context, t *table) {
	if c.Server == nil || c.Server.Connectors == nil {
		return
	}
	for _, k := range c.Server.Connectors.Connectors() {
		t.row().
			oid("oid", catalog.ConnectorOID(k.Name)).
			str("fdwname", k.Name).
			oid("fdwowner", catalog.RoleOID(catalog.Superuser)).
			acl("fdwacl", c.Snapshot.ConnectorObject(k.Name)).
			emit()
	}
}
