package pgcatalog

// jobResults has the rows that jobs without sinks have kept.
func jobResults(c *Context, t *table) {
	p := jobs(c)
	if p == nil {
		return
	}
	for _, r := range p.Results() {
		t.row().str("job_id", r.JobID).str("status", r.Status).str("result", r.Result).emit()
	}
}
