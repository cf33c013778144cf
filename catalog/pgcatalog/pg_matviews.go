package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

// pgMatviews: a view's rows are there as soon as its job has brought them, so it
// is always populated.
func pgMatviews(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if r.Kind != catalog.MatView {
			continue
		}
		t.row().
			str("schemaname", r.Schema).
			str("matviewname", r.Name).
			str("matviewowner", r.Owner).
			bool("hasindexes", len(r.Indexes()) > 0).
			bool("ispopulated", true).
			text("definition", r.Query).
			emit()
	}
}
