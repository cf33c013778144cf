package pgcatalog

// pgAttrdef has the texts of defaults and generated columns; pg_get_expr gives
// back the text it is given.
func pgAttrdef(c *Context, t *table) {
	for _, r := range c.relations() {
		for i := range r.Columns {
			col := &r.Columns[i]
			if !hasDefault(col) {
				continue
			}
			text := col.Default
			if text == "" {
				text = col.Generated
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
