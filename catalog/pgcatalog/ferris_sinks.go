package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

func ferrisSinks(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if r.Kind != catalog.Sink {
			continue
		}
		t.row().
			oid("oid", r.OID).
			str("schema_name", r.Schema).
			str("sink_name", r.Name).
			str("owner", r.Owner).
			text("connector", r.Connector).
			showOptions("options", r.Options).
			text("job_name", r.Job).
			text("comment", r.Comment).
			text("definition", relationMade(c, t, r)).
			emit()
	}
}
