package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

func pgRoles(c *Context, t *table) {
	for _, name := range roles(c) {
		r := c.Snapshot.AnyRole(name)
		roleAttributes(t, r).str("rolpassword", hidden).emit()
	}
}

func roleAttributes(t *table, r *catalog.Role) *row {
	row := t.row().
		str("rolname", r.Name).
		bool("rolsuper", r.Superuser).
		bool("rolinherit", r.Inherit).
		bool("rolcreaterole", r.CreateRole).
		bool("rolcreatedb", r.CreateDB).
		bool("rolcanlogin", r.Login).
		bool("rolreplication", r.Replication).
		num("rolconnlimit", int64(r.Connections)).
		bool("rolbypassrls", r.BypassRLS).
		oid("oid", r.OID())
	if r.ValidUntil != catalog.NoEnd {
		row.num("rolvaliduntil", r.ValidUntil)
	}
	return row
}

// roles are the names of all that were made, own something, are connected, or ask.
func roles(c *Context) []string {
	more := []string{c.User}
	for _, s := range sessions(c) {
		more = append(more, s.User)
	}
	return c.Snapshot.Roles(more...)
}
