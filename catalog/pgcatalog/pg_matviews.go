package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

// pgMatviews: a view is populated when an epoch of its job has been committed.
// Whether it is kept up to date, ferris.materialized_views has.
func pgMatviews(c *Context, t *table) {
	filled := func(r *catalog.Relation) bool { return true }
	if p := jobs(c); p != nil {
		epochs := map[string]uint64{}
		for _, s := range p.Jobs() {
			epochs[s.Name] = s.Epoch
		}
		filled = func(r *catalog.Relation) bool { return epochs[r.Job] > 0 }
	}
	for _, r := range c.Snapshot.Relations() {
		if r.Kind != catalog.MatView {
			continue
		}
		t.row().
			str("schemaname", r.Schema).
			str("matviewname", r.Name).
			str("matviewowner", r.Owner).
			bool("hasindexes", len(shownIndexes(r)) > 0).
			bool("ispopulated", filled(r)).
			text("definition", viewDefinition(r)).
			emit()
	}
}
