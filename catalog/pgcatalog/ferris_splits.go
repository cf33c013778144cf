package pgcatalog

func ferrisSplits(c *Context, t *table) {
	p := jobs(c)
	if p == nil {
		return
	}
	for _, s := range p.Splits() {
		r := t.row().
			str("job_name", s.Job).
			str("stream_name", s.Stream).
			str("split", s.Split).
			text("position", s.Position).
			text("end_position", s.End)
		if s.Lag != nil {
			r.num("lag", *s.Lag)
		}
		r.emit()
	}
}
