package pgcatalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

func infoTables(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if r.Kind == catalog.Sequence || r.Kind == catalog.MatView || !c.shows(r) {
			continue
		}
		row := t.row().
			str("table_catalog", c.Database).
			str("table_schema", r.Schema).
			str("table_name", r.Name).
			str("table_type", tableType(r)).
			str("is_insertable_into", yesNo(insertable(r) || writable(c, r))).
			str("is_typed", "NO")
		if catalog.Temporary(r.Schema) {
			row.str("table_type", "LOCAL TEMPORARY")
		}
		row.emit()
	}
}

func tableType(r *catalog.Relation) string {
	switch relkind(r) {
	case 'v':
		return "VIEW"
	case 'f':
		return "FOREIGN"
	}
	return "BASE TABLE"
}

// insertable: INSERT INTO takes tables, streams and sinks.
func insertable(r *catalog.Relation) bool {
	return r.Kind == catalog.Stream || r.Kind == catalog.Sink || r.Kind == catalog.Table
}

// writable reports whether rows can be inserted through a view.
func writable(c *Context, r *catalog.Relation) bool {
	return c.Updatable != nil && relkind(r) == 'v' && slices.Contains(c.Updatable(r), true)
}

func yesNo(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}
