package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

func pgDescription(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if r.Comment != "" {
			t.row().oid("objoid", r.OID).oid("classoid", classOID).str("description", r.Comment).emit()
		}
		for i, col := range r.Columns {
			if col.Comment != "" {
				t.row().oid("objoid", r.OID).oid("classoid", classOID).num("objsubid", int64(r.Attribute(i))).str("description", col.Comment).emit()
			}
		}
		if r.Table == nil {
			continue
		}
		for _, k := range r.Table.Checks {
			described(t, k.OID, constraintOID, k.Comment)
		}
		for _, k := range r.Table.Foreign {
			described(t, k.OID, constraintOID, k.Comment)
		}
		for _, x := range r.Table.Indexes {
			described(t, x.OID, classOID, x.Comment)
			described(t, x.ConOID, constraintOID, x.ConComment)
		}
	}
	builtinDescriptions(c, t)
	for _, e := range c.Snapshot.Enums() {
		described(t, e.OID, typeClassOID, e.Comment)
	}
	for _, s := range c.Snapshot.Schemas() {
		described(t, s.OID, namespaceOID, s.Comment)
	}
}

func described(t *table, object types.OID, class types.OID, text string) {
	if text != "" {
		t.row().oid("objoid", object).oid("classoid", class).str("description", text).emit()
	}
}
