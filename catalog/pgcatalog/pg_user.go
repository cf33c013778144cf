package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

func pgUser(c *Context, t *table) {
	for _, name := range roles(c) {
		super := name == catalog.Superuser
		t.row().
			str("usename", name).
			oid("usesysid", catalog.RoleOID(name)).
			bool("usecreatedb", super).
			bool("usesuper", super).
			bool("userepl", super).
			bool("usebypassrls", super).
			str("passwd", "********").
			emit()
	}
}
