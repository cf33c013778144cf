package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

func pgUser(c *Context, t *table) {
	eachUser(c, t, func(row *row, _ *catalog.Role) { row.str("passwd", hidden) })
}

func pgShadow(c *Context, t *table) {
	eachUser(c, t, func(row *row, r *catalog.Role) {
		if r.Verifier != "" {
			row.str("passwd", hidden)
		}
	})
}

// eachUser makes rows of the roles that may log in.
func eachUser(c *Context, t *table, password func(*row, *catalog.Role)) {
	for _, name := range roles(c) {
		r := c.Snapshot.AnyRole(name)
		if !r.Login {
			continue
		}
		row := t.row().
			str("usename", name).
			oid("usesysid", r.OID()).
			bool("usecreatedb", r.CreateDB).
			bool("usesuper", r.Superuser).
			bool("userepl", r.Replication).
			bool("usebypassrls", r.BypassRLS)
		if r.ValidUntil != catalog.NoEnd {
			row.num("valuntil", r.ValidUntil)
		}
		password(row, r)
		row.emit()
	}
}
