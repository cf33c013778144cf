package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

func pgRoles(c *Context, t *table) {
	for _, name := range roles(c) {
		super := name == catalog.Superuser
		t.row().
			str("rolname", name).
			bool("rolsuper", super).
			bool("rolinherit", true).
			bool("rolcreaterole", super).
			bool("rolcreatedb", super).
			bool("rolcanlogin", true).
			bool("rolreplication", super).
			num("rolconnlimit", -1).
			str("rolpassword", "********").
			bool("rolbypassrls", super).
			oid("oid", catalog.RoleOID(name)).
			emit()
	}
}

// roles are the names of all who own something, are connected, or ask.
func roles(c *Context) []string {
	more := []string{c.User}
	for _, s := range sessions(c) {
		more = append(more, s.User)
	}
	return c.Snapshot.Roles(more...)
}
