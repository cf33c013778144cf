package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

// ferrisJobs has what the catalog says of each job, and over it what the engine
// knows.
func ferrisJobs(c *Context, t *table) {
	status := map[string]JobStatus{}
	if p := jobs(c); p != nil {
		for _, s := range p.Jobs() {
			status[s.Name] = s
		}
	}
	for _, j := range c.Snapshot.Jobs() {
		s, known := status[j.Name]
		if !known {
			s.State, s.Failure = j.State, j.Failure
		}
		why := c.Snapshot.JobFailure(c.User, j, s.Failure)
		r := t.row().
			oid("oid", j.OID).
			str("job_id", string(j.UUID[:])).
			str("job_name", j.Name).
			str("owner", j.Owner).
			str("state", string(s.State)).
			text("error", why.Message).
			text("sqlstate", string(why.Code)).
			text("detail", why.Detail).
			text("hint", why.Hint).
			strs("sinks", j.Sinks).
			showOptions("options", j.Options).
			time("created", j.Created).
			time("started", s.Started).
			text("definition", jobMade(c, t, j))
		if known {
			r.num("epoch", int64(s.Epoch)).
				num("rows_in", s.RowsIn).
				num("rows_out", s.RowsOut).
				num("rejected", s.Rejected).
				num("restarts", s.Restarts).
				num("late", s.Late).
				num("state_bytes", s.StateBytes).
				num("state_evicted", s.StateEvicted).
				num("checkpoint_ms", s.Checkpoint.Milliseconds()).
				num("stall_ms", s.Stall.Milliseconds()).
				num("rows_ahead", s.RowsAhead)
		}
		r.emit()
	}
}

func jobs(c *Context) Jobs {
	if c.Server == nil {
		return nil
	}
	return c.Server.Jobs
}

// ownedOptions are all options that a job's statement may have written out.
func ownedOptions(c *Context, j *catalog.Job) catalog.Options {
	all := append(catalog.Options(nil), j.Options...)
	for _, r := range c.Snapshot.Relations() {
		if r.Kind == catalog.Sink && r.Job == j.Name {
			all = append(all, r.Options...)
		}
	}
	return all
}
