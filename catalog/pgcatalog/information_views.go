package pgcatalog

func infoViews(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if relkind(r) != 'v' {
			continue
		}
		t.row().
			str("table_catalog", c.Database).
			str("table_schema", r.Schema).
			str("table_name", r.Name).
			text("view_definition", r.Query).
			str("check_option", "NONE").
			str("is_updatable", "NO").
			str("is_insertable_into", "NO").
			str("is_trigger_updatable", "NO").
			str("is_trigger_deletable", "NO").
			str("is_trigger_insertable_into", "NO").
			emit()
	}
}
