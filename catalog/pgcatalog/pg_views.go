package pgcatalog

func pgViews(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if relkind(r) != 'v' {
			continue
		}
		t.row().
			str("schemaname", r.Schema).
			str("viewname", r.Name).
			str("viewowner", r.Owner).
			text("definition", r.Query).
			emit()
	}
}
