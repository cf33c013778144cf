package pgcatalog

// pgAttrdef has the texts of defaults and generated columns; pg_get_expr gives
// back the text it is given.
func pgAttrdef(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		for i, col := range r.Columns {
			text := col.Default
			if text == "" {
				text = col.Generated
			}
			if !hasDefault(col) {
				continue
			}
			t.row().
				oid("oid", defaultOID(r, int(r.Attribute(i)))).
				oid("adrelid", r.OID).
				num("adnum", int64(r.Attribute(i))).
				str("adbin", text).
				emit()
		}
	}
}
