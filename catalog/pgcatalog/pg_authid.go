package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// hidden stands for a password's verifier, which nobody is shown.
const hidden = "********"

func pgAuthid(c *Context, t *table) {
	for _, name := range roles(c) {
		r := c.Snapshot.AnyRole(name)
		row := roleAttributes(t, r)
		if r.Verifier != "" {
			row.str("rolpassword", hidden)
		}
		row.emit()
	}
}

func pgAuthMembers(c *Context, t *table) {
	for _, name := range c.Snapshot.Roles() {
		r := c.Snapshot.AnyRole(name)
		for _, m := range r.Groups {
			t.row().
				oid("oid", catalog.RoleOID(name+"\x00"+m.Role)).
				oid("roleid", catalog.RoleOID(m.Role)).
				oid("member", r.OID()).
				oid("grantor", catalog.RoleOID(m.Grantor)).
				bool("admin_option", m.Admin).
				bool("inherit_option", m.Inherit).
				bool("set_option", m.Set).
				emit()
		}
	}
}

// pgGroup are the roles that nobody logs in as.
func pgGroup(c *Context, t *table) {
	for _, name := range roles(c) {
		r := c.Snapshot.AnyRole(name)
		if r.Login {
			continue
		}
		var members []types.OID
		for _, m := range c.Snapshot.Members(name) {
			members = append(members, catalog.RoleOID(m))
		}
		t.row().str("groname", name).oid("grosysid", r.OID()).oids("grolist", members).emit()
	}
}
