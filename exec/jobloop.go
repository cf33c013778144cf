package exec

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// checkLoop refuses a job whose rows come back to it, by what it writes to or by
// other jobs, or whose dead letters do: it would write them again, and so on without
// end.
func (e *Engine) checkLoop(ctx context.Context, s *catalog.Snapshot, job *plan.StartJob, letters letterRoutes) error {
	sources := sourcesOf(s, scannedBy(job.Root))
	for _, target := range job.Sinks {
		if target.Table != nil {
			continue // what a job may do with tables is the planner's
		}
		if source, what := e.feeds(ctx, target.Relation, sources); source != nil {
			return loopError(job, source, what, "its rows").
				WithHint("Write to another place than the job reads.")
		}
	}
	for _, to := range letters.targets {
		if source, what := e.feeds(ctx, to.relation, sources); source != nil {
			return loopError(job, source, what, "its dead letters").
				WithHint("Set dead_letter to another stream, sink or path.")
		}
	}
	return e.checkCircle(ctx, s, job, sources)
}

func loopError(job *plan.StartJob, source *catalog.Relation, what, rows string) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "job \"%s\" writes %s to %s, which it reads", job.Name, rows, what).
		WithDetail("They would come back by \"%s\", and be written again, without end.", source.Name)
}

// checkCircle refuses a job whose rows come back to it through other jobs. One that has
// finished brings none.
func (e *Engine) checkCircle(ctx context.Context, s *catalog.Snapshot, job *plan.StartJob, sources []*catalog.Relation) error {
	var reached []*catalog.Relation // by the job's rows
	for _, target := range job.Sinks {
		reached = append(reached, target.Relation)
	}
	others := slices.DeleteFunc(slices.Clone(s.Jobs()), func(j *catalog.Job) bool { return j.Name == job.Name || j.State == catalog.JobFinished })
	for i := 0; i < len(reached); i++ {
		for n := 0; n < len(others); n++ {
			other := others[n]
			if r, _ := e.feeds(ctx, reached[i], sourcesOf(s, relations(s, other.DependsOn))); r == nil {
				continue
			}
			// It depends on what it writes, too: its plan has what it reads.
			p, err := e.o.Plan(ctx, s, other)
			if err != nil {
				continue // its own start says so
			}
			from, by := e.feeds(ctx, reached[i], sourcesOf(s, scannedBy(p.Root)))
			if from == nil {
				continue
			}
			others = slices.Delete(others, n, n+1)
			n--
			for _, target := range p.Sinks {
				if source, what := e.feeds(ctx, target.Relation, sources); source != nil {
					return sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "the rows of job \"%s\" come back to it through job \"%s\"", job.Name, other.Name).
						WithDetail("Job \"%s\" reads %s, and writes to %s, which job \"%s\" reads: they would be written again, without end.", other.Name, by, what, job.Name).
						WithHint("Write to another place than the jobs read, or drop job \"%s\" first.", other.Name)
				}
				reached = append(reached, target.Relation)
			}
		}
	}
	return nil
}

// feeds returns the first of some sources that reads what a sink writes, and what
// that is called; nil: none does.
func (e *Engine) feeds(ctx context.Context, sink *catalog.Relation, sources []*catalog.Relation) (*catalog.Relation, string) {
	for _, r := range sources {
		if r.Connector != sink.Connector {
			continue
		}
		if r.OID != 0 && r.OID == sink.OID {
			if r.Stored() {
				return r, "\"" + r.Name + "\""
			}
			return r, "stream \"" + r.Name + "\""
		}
		c, err := e.connector(r)
		if err != nil {
			continue // a table; or opening it says so
		}
		if f, ok := c.(stream.Feeder); ok {
			if what, yes := f.Feeds(ctx, &e.o.Env, sink, r); yes {
				return r, what
			}
		}
	}
	return nil, ""
}

// scannedBy are the relations that a plan reads.
func scannedBy(root plan.Node) []*catalog.Relation {
	var all []*catalog.Relation
	plan.WalkAll(root, func(n plan.Node) {
		if scan, ok := n.(*plan.Scan); ok {
			all = append(all, scan.Relation)
		}
	})
	return all
}

// relations are those of some OIDs that are there.
func relations(s *catalog.Snapshot, oids []types.OID) []*catalog.Relation {
	var all []*catalog.Relation
	for _, oid := range oids {
		if r := s.RelationByOID(oid); r != nil {
			all = append(all, r)
		}
	}
	return all
}

// sourcesOf are some relations, as far as they have rows of their own, and those whose
// rows the views among them bring, or the materialized views that are followed.
func sourcesOf(s *catalog.Snapshot, of []*catalog.Relation) []*catalog.Relation {
	var all []*catalog.Relation
	seen := map[types.OID]bool{}
	var add func(r *catalog.Relation)
	add = func(r *catalog.Relation) {
		if r.OID != 0 && seen[r.OID] {
			return
		}
		seen[r.OID] = true
		if r.Connector != "" || r.Stored() {
			all = append(all, r)
		}
		if r.Connector == "" {
			for _, on := range relations(s, r.DependsOn) {
				add(on)
			}
		}
	}
	for _, r := range of {
		add(r)
	}
	return all
}
