package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Class OIDs of the catalogs themselves, for pg_depend and pg_description.
const (
	classOID      = 1259
	typeClassOID  = 1247
	namespaceOID  = 2615
	constraintOID = 2606
	attrdefOID    = 2604
	procOID       = 1255
	operatorOID   = 2617
)

// linkedByKeys are the tables at either end of a foreign key, which PostgreSQL checks
// by triggers: psql looks for foreign keys where there are some.
func linkedByKeys(c *Context) map[types.OID]bool {
	linked := map[types.OID]bool{}
	for _, r := range c.Snapshot.Relations() {
		for _, k := range r.Foreign() {
			linked[r.OID], linked[k.Target] = true, true
		}
	}
	return linked
}

func pgClass(c *Context, t *table) {
	linked := linkedByKeys(c)
	for _, r := range c.relations() {
		kind := relkind(r)
		persistence := byte('p')
		var checks, storage, method int64
		var options []string
		rowType := types.RowType(r.OID)
		switch {
		case r.Table != nil:
			checks, storage, method = int64(len(r.Table.Checks)), int64(r.Table.Storage), heapMethod
			options = optionTexts(r.Table.Options)
			if r.Table.Unlogged {
				persistence = 'u'
			}
		case r.Kind == catalog.View && len(r.Options) > 0:
			options = optionTexts(r.Options)
		case r.Sequence != nil:
			storage, rowType = int64(r.Sequence.Storage), 0
		}
		if catalog.Temporary(r.Schema) {
			persistence = 't'
		}
		replident := byte('n')
		if kind == 'r' || kind == 'm' {
			replident = 'd'
		}
		row := t.row().
			oid("oid", r.OID).
			str("relname", r.Name).
			oid("relnamespace", schemaOID(c, r.Schema)).
			oid("reltype", rowType).
			num("relam", method).
			num("relfilenode", storage).
			num("relchecks", checks).
			bool("relhasindex", len(shownIndexes(r)) > 0).
			oid("relowner", catalog.RoleOID(r.Owner)).
			real("reltuples", unknownRows(kind)).
			chr("relpersistence", persistence).
			chr("relkind", kind).
			num("relnatts", int64(len(r.Columns))).
			bool("relhasrules", kind == 'v').
			bool("relhastriggers", linked[r.OID]).
			bool("relispopulated", true).
			chr("relreplident", replident).
			acl("relacl", r.Object())
		if options != nil {
			row.strs("reloptions", options)
		}
		row.emit()
		for _, x := range shownIndexes(r) {
			indexClass(c, t, r, x, persistence)
		}
	}
}

// Access methods, as pg_am numbers them.
const (
	heapMethod  = 2
	btreeMethod = 403
)

func indexClass(c *Context, t *table, r *catalog.Relation, x *catalog.Index, persistence byte) {
	row := t.row().
		oid("oid", x.OID).
		str("relname", x.Name).
		oid("relnamespace", schemaOID(c, r.Schema)).
		oid("relowner", catalog.RoleOID(r.Owner)).
		num("relam", btreeMethod).
		num("relfilenode", int64(x.Storage)).
		chr("relpersistence", persistence).
		chr("relkind", 'i').
		num("relnatts", int64(len(x.Keys)+len(x.Include))).
		bool("relispopulated", true).
		chr("relreplident", 'n')
	if len(x.Options) > 0 {
		row.strs("reloptions", optionTexts(x.Options))
	}
	row.emit()
}

func optionTexts(o catalog.Options) []string {
	var all []string
	for _, p := range o {
		all = append(all, p.Key+"="+p.Value)
	}
	return all
}

// relkind is pg_class.relkind: streams are tables, sinks foreign tables.
func relkind(r *catalog.Relation) byte {
	switch r.Kind {
	case catalog.View:
		return 'v'
	case catalog.Sink:
		return 'f'
	case catalog.Sequence:
		return 'S'
	case catalog.MatView:
		return 'm'
	case catalog.Virtual:
		if v := byOID()[r.OID]; v != nil {
			return v.relkind
		}
		return 'v'
	}
	return 'r'
}

// unknownRows is reltuples: of a table -1, as nothing counts its rows; a sequence is one row.
func unknownRows(kind byte) float64 {
	if kind == 'S' {
		return 1
	}
	return -1
}
