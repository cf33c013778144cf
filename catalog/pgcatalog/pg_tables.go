package pgcatalog

func pgTables(c *Context, t *table) {
	linked := linkedByKeys(c)
	for _, r := range c.Snapshot.Relations() {
		if relkind(r) != 'r' {
			continue
		}
		t.row().
			str("schemaname", r.Schema).
			str("tablename", r.Name).
			str("tableowner", r.Owner).
			bool("hasindexes", len(shownIndexes(r)) > 0).
			bool("hasrules", false).
			bool("hastriggers", linked[r.OID]).
			bool("rowsecurity", false).
			emit()
	}
}
