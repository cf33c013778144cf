package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

// viewDefinition is a view's query as it was written, and a semicolon, as
// PostgreSQL ends it; "" of what is no view.
func viewDefinition(r *catalog.Relation) string {
	if r.Query == "" {
		return ""
	}
	return r.Query + ";"
}

func pgViews(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if relkind(r) != 'v' {
			continue
		}
		t.row().
			str("schemaname", r.Schema).
			str("viewname", r.Name).
			str("viewowner", r.Owner).
			text("definition", viewDefinition(r)).
			emit()
	}
}
