package pgcatalog

func ferrisConnectorOptions(c *Context, t *table) {
	for _, x := range connectors(c) {
		for _, o := range x.Options {
			t.row().
				str("connector", x.Name).
				str("role", o.Role).
				str("option", o.Key).
				strs("aliases", o.Aliases).
				text("default_value", o.Default).
				bool("required", o.Required).
				text("help", o.Help).
				emit()
		}
	}
}
