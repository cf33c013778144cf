package pgcatalog

func connectors(c *Context) []Connector {
	if c.Server == nil || c.Server.Connectors == nil {
		return nil
	}
	return c.Server.Connectors.Connectors()
}

func ferrisConnectors(c *Context, t *table) {
	for _, x := range connectors(c) {
		t.row().str("connector", x.Name).bool("is_source", x.Source).bool("is_sink", x.Sink).emit()
	}
}
