package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

// ferrisMaterializedViews has how each materialized view is kept.
func ferrisMaterializedViews(c *Context, t *table) {
	status := map[string]JobStatus{}
	p := jobs(c)
	if p != nil {
		for _, s := range p.Jobs() {
			status[s.Name] = s
		}
	}
	for _, r := range c.Snapshot.Relations() {
		if r.Kind != catalog.MatView {
			continue
		}
		row := t.row().
			oid("oid", r.OID).
			str("schema_name", r.Schema).
			str("view_name", r.Name).
			str("owner", r.Owner).
			str("job_name", r.Job).
			text("definition", relationMade(c, t, r))
		if j := c.Snapshot.Job(r.Job); j != nil {
			s, known := status[j.Name]
			if !known {
				s.State = j.State
			}
			row.str("state", string(s.State)).num("epoch", int64(s.Epoch))
		}
		if p != nil {
			problem := p.ViewProblem(c.Snapshot, c.User, r)
			row.bool("is_current", problem == "").text("problem", problem)
		}
		row.emit()
	}
}
