package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// collations are those that PostgreSQL always has.
var collations = []struct {
	oid      types.OID
	name     string
	provider byte
	locale   string
}{
	{100, "default", 'd', ""},
	{950, "C", 'c', "C"},
	{951, "POSIX", 'c', "POSIX"},
}

// collationNamed is a collation's OID, 0 where it has no row.
func collationNamed(name string) types.OID {
	for _, col := range collations {
		if col.name == name {
			return col.oid
		}
	}
	return 0
}

// pgCollation has the collations: text is compared by its bytes here, which is C.
func pgCollation(c *Context, t *table) {
	for _, col := range collations {
		t.row().
			oid("oid", col.oid).
			str("collname", col.name).
			oid("collnamespace", schemaOID(c, "pg_catalog")).
			oid("collowner", catalog.RoleOID(catalog.Superuser)).
			chr("collprovider", col.provider).
			bool("collisdeterministic", true).
			num("collencoding", -1).
			text("collcollate", col.locale).
			text("collctype", col.locale).
			emit()
	}
}
