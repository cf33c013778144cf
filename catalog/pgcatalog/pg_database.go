package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// databases are the names under which the one catalog is reached.
var databases = []struct {
	oid  types.OID
	name string
}{
	{15001, "ferris"},
	{5, "postgres"},
}

// utf8 is PostgreSQL's number of the encoding.
const utf8 = 6

func pgDatabase(c *Context, t *table) {
	for _, d := range databases {
		t.row().
			oid("oid", d.oid).
			str("datname", d.name).
			oid("datdba", catalog.RoleOID(catalog.Superuser)).
			num("encoding", utf8).
			chr("datlocprovider", 'c').
			bool("datallowconn", true).
			num("datconnlimit", -1).
			num("datminmxid", 1).
			oid("dattablespace", tablespaceDefault).
			str("datcollate", "C.UTF-8").
			str("datctype", "C.UTF-8").
			acl("datacl", c.Snapshot.DatabaseObject(d.name)).
			emit()
	}
}

// databaseOID is the OID of a database, 0 where there is none of that name.
func databaseOID(name string) types.OID {
	for _, d := range databases {
		if d.name == name {
			return d.oid
		}
	}
	return 0
}
