package pgcatalog

func pgSettings(c *Context, t *table) {
	if c.Session == nil {
		return
	}
	for _, s := range c.Session.Settings() {
		r := t.row().
			str("name", s.Name).
			str("setting", s.Value).
			text("unit", s.Unit).
			str("category", s.Category).
			str("short_desc", s.Help).
			str("context", s.Context).
			str("vartype", s.Type).
			str("source", s.Source).
			text("min_val", s.Min).
			text("max_val", s.Max).
			str("boot_val", s.Boot).
			str("reset_val", s.Reset).
			bool("pending_restart", false)
		if s.Enum != nil {
			r.strs("enumvals", s.Enum)
		}
		r.emit()
	}
}
