package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

func ferrisStreams(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if r.Kind != catalog.Stream && r.Kind != catalog.View {
			continue
		}
		row := t.row().
			oid("oid", r.OID).
			str("schema_name", r.Schema).
			str("stream_name", r.Name).
			str("owner", r.Owner).
			str("kind", kindName(r)).
			text("connector", r.Connector).
			showOptions("options", r.Options).
			text("definition", relationMade(c, t, r)).
			text("comment", r.Comment)
		if r.Watermark != nil {
			row.str("watermark_column", r.Watermark.Column).str("watermark", r.Watermark.Expr)
		}
		row.emit()
	}
}

func kindName(r *catalog.Relation) string {
	if r.Kind == catalog.View {
		return "view"
	}
	return "stream"
}
