package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func pgConstraint(c *Context, t *table) {
	for _, r := range c.relations() {
		if x := r.KeyIndex(); x != nil {
			keyConstraint(c, t, r, x)
		}
		if r.Table == nil {
			continue
		}
		for _, k := range r.Table.Checks {
			row := constraint(c, t, r, k.OID, k.Name, 'c').str("conbin", k.Expr).bool("connoinherit", k.NoInherit)
			if len(k.Attrs) > 0 {
				row.list("conkey", attributes(k.Attrs))
			}
			row.emit()
		}
		for _, k := range r.Table.Foreign {
			match := byte('s')
			if k.Full {
				match = 'f'
			}
			row := constraint(c, t, r, k.OID, k.Name, 'f').bool("convalidated", !k.NotValid).bool("connoinherit", true).
				oid("conindid", k.Index).oid("confrelid", k.Target).
				chr("confupdtype", byte(k.OnUpdate)).chr("confdeltype", byte(k.OnDelete)).chr("confmatchtype", match).
				list("conkey", attributes(k.Attrs)).list("confkey", attributes(k.Refs))
			if k.Sets != nil {
				row.list("confdelsetcols", attributes(k.Sets))
			}
			row.emit()
		}
		for _, x := range r.Table.Indexes {
			if x.Constraint {
				keyConstraint(c, t, r, x)
			}
		}
	}
}

// keyConstraint is PRIMARY KEY or UNIQUE.
func keyConstraint(c *Context, t *table, r *catalog.Relation, x *catalog.Index) {
	kind := byte('u')
	if x.Primary {
		kind = 'p'
	}
	var keys []types.Value
	for _, k := range x.Keys {
		keys = append(keys, types.Value{I: int64(r.Attribute(k.Column))})
	}
	constraint(c, t, r, x.ConOID, x.Name, kind).oid("conindid", x.OID).bool("connoinherit", true).list("conkey", keys).emit()
}

func attributes(attrs []int16) []types.Value {
	var all []types.Value
	for _, a := range attrs {
		all = append(all, types.Value{I: int64(a)})
	}
	return all
}

func constraint(c *Context, t *table, r *catalog.Relation, oid types.OID, name string, kind byte) *row {
	return t.row().
		oid("oid", oid).
		str("conname", name).
		oid("connamespace", schemaOID(c, r.Schema)).
		chr("contype", kind).
		bool("convalidated", true).
		oid("conrelid", r.OID).
		chr("confupdtype", ' ').
		chr("confdeltype", ' ').
		chr("confmatchtype", ' ').
		bool("conislocal", true)
}
