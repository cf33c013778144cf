package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// pgDepend has what relations are made from. Jobs have no class in PostgreSQL;
// theirs is told by ferris.jobs.
func pgDepend(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		for _, on := range r.DependsOn {
			t.row().
				oid("classid", classOID).
				oid("objid", r.OID).
				oid("refclassid", classOID).
				oid("refobjid", on).
				chr("deptype", 'n').
				emit()
		}
		if s := r.Sequence; s != nil && s.OwnedBy != 0 {
			kind := byte('a')
			if s.Internal {
				kind = 'i'
			}
			t.row().oid("classid", classOID).oid("objid", r.OID).oid("refclassid", classOID).oid("refobjid", s.OwnedBy).num("refobjsubid", int64(s.OwnedAttr)).chr("deptype", kind).emit()
		}
		tableDepends(t, r)
	}
}

// tableDepends are the parts of a table: its defaults, which depend on what they
// name, its constraints and their indexes.
func tableDepends(t *table, r *catalog.Relation) {
	if r.Table == nil {
		return
	}
	for i, c := range r.Columns {
		if !hasDefault(&c) {
			continue
		}
		attr := r.Attribute(i)
		object := defaultOID(r, int(attr))
		t.row().oid("classid", attrdefOID).oid("objid", object).oid("refclassid", classOID).oid("refobjid", r.OID).num("refobjsubid", int64(attr)).chr("deptype", 'a').emit()
		for _, on := range catalog.References(c.Default) {
			t.row().oid("classid", attrdefOID).oid("objid", object).oid("refclassid", classOID).oid("refobjid", on).chr("deptype", 'n').emit()
		}
	}
	// ofColumns ties a constraint to columns, and to the whole table where it has none.
	ofColumns := func(constraint, table types.OID, attrs []int16, kind byte) {
		if len(attrs) == 0 {
			attrs = []int16{0}
		}
		for _, a := range attrs {
			t.row().oid("classid", constraintOID).oid("objid", constraint).oid("refclassid", classOID).oid("refobjid", table).num("refobjsubid", int64(a)).chr("deptype", kind).emit()
		}
	}
	for _, k := range r.Table.Checks {
		ofColumns(k.OID, r.OID, k.Attrs, 'a')
		if len(k.Attrs) > 0 {
			ofColumns(k.OID, r.OID, k.Attrs, 'n') // what its expression names
		}
	}
	for _, k := range r.Table.Foreign {
		ofColumns(k.OID, r.OID, k.Attrs, 'a')
		ofColumns(k.OID, k.Target, k.Refs, 'n')
		ofColumns(k.OID, k.Index, nil, 'n')
	}
	for _, x := range r.Table.Indexes {
		if x.Constraint {
			t.row().oid("classid", classOID).oid("objid", x.OID).oid("refclassid", constraintOID).oid("refobjid", x.ConOID).chr("deptype", 'i').emit()
			var attrs []int16
			for _, k := range x.Keys {
				attrs = append(attrs, r.Attribute(k.Column))
			}
			ofColumns(x.ConOID, r.OID, attrs, 'a')
			continue
		}
		t.row().oid("classid", classOID).oid("objid", x.OID).oid("refclassid", classOID).oid("refobjid", r.OID).chr("deptype", 'a').emit()
	}
}
