package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Class OIDs of the catalogs themselves, for pg_depend and pg_description.
const (
	classOID     = 1259
	namespaceOID = 2615
)

func pgClass(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		kind := relkind(r)
		persistence := byte('p')
		if catalog.Temporary(r.Schema) {
			persistence = 't'
		}
		replident := byte('n')
		if kind == 'r' {
			replident = 'd'
		}
		t.row().
			oid("oid", r.OID).
			str("relname", r.Name).
			oid("relnamespace", schemaOID(c, r.Schema)).
			oid("reltype", types.RowType(r.OID)).
			oid("relowner", catalog.RoleOID(r.Owner)).
			real("reltuples", -1).
			chr("relpersistence", persistence).
			chr("relkind", kind).
			num("relnatts", int64(len(r.Columns))).
			bool("relhasrules", kind == 'v').
			bool("relispopulated", true).
			chr("relreplident", replident).
			emit()
	}
}

// relkind is pg_class.relkind: streams are tables, sinks foreign tables.
func relkind(r *catalog.Relation) byte {
	switch r.Kind {
	case catalog.View:
		return 'v'
	case catalog.Sink:
		return 'f'
	case catalog.Virtual:
		if v := byOID()[r.OID]; v != nil {
			return v.relkind
		}
		return 'v'
	}
	return 'r'
}
