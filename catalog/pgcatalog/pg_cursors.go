package pgcatalog

func pgCursors(c *Context, t *table) {
	if c.Session == nil {
		return
	}
	for _, x := range c.Session.Cursors() {
		t.row().
			str("name", x.Name).
			str("statement", redact(x.Statement)).
			bool("is_holdable", x.Hold).
			bool("is_binary", x.Binary).
			bool("is_scrollable", x.Scrollable).
			time("creation_time", x.Created).
			emit()
	}
}
