package exec

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// neglect is why a materialized view is not kept up to date.
type neglect struct {
	view *catalog.Relation // whose job it is
	end  ending            // running: it does not get on
}

// neglected looks for what keeps a view from having what its sources have: its own
// job, or that of a view which it reads; user is who is told. nil: nothing does.
func (e *Engine) neglected(s *catalog.Snapshot, v *catalog.Relation, user string) *neglect {
	def := s.Job(v.Job)
	if def == nil {
		return nil
	}
	e.mu.Lock()
	j := e.jobs[def.UUID]
	e.mu.Unlock()
	end := standing(def, j)
	if end.state == catalog.JobRunning && j != nil {
		end.why = j.impediment()
	}
	if end.state != catalog.JobFinished && (end.state != catalog.JobRunning || end.why.Message != "") {
		end.why = s.JobFailure(user, def, end.why)
		return &neglect{v, end}
	}
	for _, r := range readBy(s, v) {
		if r.Kind == catalog.MatView {
			if n := e.neglected(s, r, user); n != nil {
				return n
			}
		}
	}
	return nil
}

// Stale says of those of the views that are not kept up to date that they are not,
// and what to do, as a role is shown it: their rows are those of the last epoch that was committed.
func (t *Txn) Stale(user string, views []*catalog.Relation) []*sqlerr.Error {
	var all []*sqlerr.Error
	s := t.Snapshot()
	for _, v := range views {
		now := s.RelationByOID(v.OID)
		if now == nil {
			continue
		}
		if n := t.e.neglected(s, now, user); n != nil {
			all = append(all, n.notice(now))
		}
	}
	return all
}

// notice is what is said about a view.
func (n *neglect) notice(v *catalog.Relation) *sqlerr.Error {
	e := sqlerr.Errorf(sqlerr.Warning, "%s", n.message(v))
	e.Severity = "WARNING"
	e.Detail = "Its rows are those of the last epoch that was committed."
	if n.end.why.Message != "" {
		e.Detail = n.end.why.String() + "\n" + e.Detail
	}
	switch name := catalog.QuoteName(n.view.Job); n.end.state {
	case catalog.JobRunning:
		e.Hint = "The job tries again by itself."
	case catalog.JobFailed:
		e.Hint = fmt.Sprintf("START JOB %s goes on where it was, once the cause is removed. To leave records at fault out, first ALTER JOB %[1]s SET (failure_strategy = 'LogAndContinue').", name)
	default:
		e.Hint = fmt.Sprintf("START JOB %s goes on where it was.", name)
	}
	if n.end.why.Hint != "" {
		e.Hint = n.end.why.Hint + "\n" + e.Hint
	}
	return e
}

func (n *neglect) message(v *catalog.Relation) string {
	what := "is " + string(n.end.state)
	switch n.end.state {
	case catalog.JobRunning:
		what = "does not get on"
	case catalog.JobFailed:
		what = "has failed"
	}
	if n.view != v {
		return fmt.Sprintf("materialized view \"%s\" is not kept up to date: job \"%s\" of materialized view \"%s\", which it reads, %s", v.Name, n.view.Job, n.view.Name, what)
	}
	return fmt.Sprintf("materialized view \"%s\" is not kept up to date: its job \"%s\" %s", v.Name, v.Job, what)
}

// ViewProblem is why a view is not kept up to date.
func (p jobsProvider) ViewProblem(s *catalog.Snapshot, user string, v *catalog.Relation) string {
	n := p.e.neglected(s, v, user)
	if n == nil {
		return ""
	}
	text := n.message(v)
	if n.end.why.Message != "" {
		text += ": " + n.end.why.String()
	}
	return text
}
