package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

func pgDefaultACL(c *Context, t *table) {
	for _, a := range c.Snapshot.DefaultACLs() {
		t.row().
			oid("oid", a.OID).
			oid("defaclrole", catalog.RoleOID(a.Role)).
			oid("defaclnamespace", a.Schema).
			chr("defaclobjtype", byte(a.Class)).
			strs("defaclacl", a.ACL.Texts()).
			emit()
	}
}
