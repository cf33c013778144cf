package pgcatalog

func infoSchemata(c *Context, t *table) {
	for _, s := range c.Snapshot.Schemas() {
		t.row().str("catalog_name", c.Database).str("schema_name", s.Name).str("schema_owner", s.Owner).emit()
	}
}

func infoCatalogName(c *Context, t *table) {
	t.row().str("catalog_name", c.Database).emit()
}
