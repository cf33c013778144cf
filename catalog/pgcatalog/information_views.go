package pgcatalog

import "strings"

func infoViews(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if relkind(r) != 'v' {
			continue
		}
		check, ok := r.Options.Get("check_option")
		if !ok {
			check = "none"
		}
		is := yesNo(writable(c, r))
		t.row().
			str("table_catalog", c.Database).
			str("table_schema", r.Schema).
			str("table_name", r.Name).
			text("view_definition", viewDefinition(r)).
			str("check_option", strings.ToUpper(check)).
			str("is_updatable", is).
			str("is_insertable_into", is).
			str("is_trigger_updatable", "NO").
			str("is_trigger_deletable", "NO").
			str("is_trigger_insertable_into", "NO").
			emit()
	}
}
