package pgcatalog

func pgDescription(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if r.Comment != "" {
			t.row().oid("objoid", r.OID).oid("classoid", classOID).str("description", r.Comment).emit()
		}
		for i, col := range r.Columns {
			if col.Comment != "" {
				t.row().oid("objoid", r.OID).oid("classoid", classOID).num("objsubid", int64(i+1)).str("description", col.Comment).emit()
			}
		}
	}
}
