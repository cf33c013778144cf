package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// pgCollation has the collations that PostgreSQL always has: text is compared by
// its bytes here, which is C.
func pgCollation(c *Context, t *table) {
	for _, col := range []struct {
		oid      types.OID
		name     string
		provider byte
		locale   string
	}{
		{100, "default", 'd', ""},
		{950, "C", 'c', "C"},
		{951, "POSIX", 'c', "POSIX"},
	} {
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
