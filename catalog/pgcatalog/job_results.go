package pgcatalog

// jobResults has the rows that jobs without sinks have kept, of those that are the
// role's.
func jobResults(c *Context, t *table) {
	p := jobs(c)
	if p == nil {
		return
	}
	for _, r := range p.Results() {
		if j := c.Snapshot.Job(r.JobID); j != nil && !c.Snapshot.Owns(c.User, j.Object()) || j == nil && !c.Snapshot.Superuser(c.User) {
			continue
		}
		t.row().str("job_id", r.JobID).str("status", r.Status).str("result", r.Result).emit()
	}
}
