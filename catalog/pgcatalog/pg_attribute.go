package pgcatalog

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// firstHidden is the number of a relation's first pseudo-column; the next ones
// count down. PostgreSQL's own system columns are -1 to -6.
const firstHidden = -7

func pgAttribute(c *Context, t *table) {
	for _, r := range c.relations() {
		for i, col := range r.Columns {
			attribute(t, r, col, int64(r.Attribute(i)))
		}
		for i, col := range r.Hidden {
			attribute(t, r, col, int64(firstHidden-i))
		}
		for _, x := range shownIndexes(r) {
			indexAttributes(t, r, x)
		}
	}
}

// cCollation is the OID of the collation C.
const cCollation types.OID = 950

func attribute(t *table, r *catalog.Relation, col catalog.Column, number int64) {
	ty := typeRow(col.Type.OID)
	dims := int64(0)
	if ty.category == 'A' {
		dims = 1
	}
	generated := byte(0)
	if col.Generated != "" {
		generated = 's'
	}
	collation := ty.collation
	if collation != 0 && r.Kind == catalog.Virtual && r.Schema == "pg_catalog" {
		collation = cCollation // PostgreSQL's catalogs are ordered by bytes in every database
	}
	if named := collationNamed(col.Collation); named != 0 {
		collation = named
	}
	t.row().
		oid("attrelid", r.OID).
		str("attname", col.Name).
		oid("atttypid", col.Type.OID).
		num("attlen", ty.len).
		num("attnum", number).
		num("attcacheoff", -1).
		num("atttypmod", int64(col.Type.Mod)).
		num("attndims", dims).
		bool("attbyval", ty.byVal).
		chr("attalign", ty.align).
		chr("attstorage", ty.storage).
		bool("attnotnull", col.NotNull).
		bool("atthasdef", hasDefault(&col)).
		bool("atthasmissing", col.HasMissing).
		chr("attidentity", byte(col.Identity)).
		chr("attgenerated", generated).
		bool("attislocal", true).
		num("attstattarget", -1).
		oid("attcollation", collation).
		acl("attacl", catalog.Object{Class: catalog.ColumnClass, ACL: col.ACL}).
		emit()
}

// hasDefault: a row of pg_attrdef. An identity column's sequence is no default.
func hasDefault(col *catalog.Column) bool {
	return col.Generated != "" || col.Default != "" && col.Identity == 0
}

// indexAttributes are the columns of an index, which are relations of their own.
func indexAttributes(t *table, r *catalog.Relation, x *catalog.Index) {
	of := &catalog.Relation{OID: x.OID}
	for i, k := range x.Keys {
		name := "expr"
		if k.Column >= 0 {
			name = r.Columns[k.Column].Name
		} else if call, _, ok := strings.Cut(k.Expr, "("); ok && call != "" {
			name = call
		}
		attribute(t, of, catalog.Column{Name: name, Type: k.Type}, int64(i+1))
	}
	for i, at := range x.Include {
		attribute(t, of, catalog.Column{Name: r.Columns[at].Name, Type: r.Columns[at].Type}, int64(len(x.Keys)+i+1))
	}
}

// defaultOID is the OID of a column's row of pg_attrdef, unique within it for the
// first million relations.
func defaultOID(r *catalog.Relation, number int) types.OID {
	return r.OID<<11&(1<<31-1) | types.OID(number)
}
