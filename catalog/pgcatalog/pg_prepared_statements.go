package pgcatalog

func pgPreparedStatements(c *Context, t *table) {
	if c.Session == nil {
		return
	}
	for _, p := range c.Session.PreparedStatements() {
		r := t.row().
			str("name", p.Name).
			str("statement", redact(p.Statement)).
			time("prepare_time", p.Prepared).
			oids("parameter_types", p.Params).
			bool("from_sql", p.FromSQL).
			num("generic_plans", 0).
			num("custom_plans", 0)
		if p.Results != nil {
			r.oids("result_types", p.Results)
		}
		r.emit()
	}
}
