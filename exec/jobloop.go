package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// checkLoop refuses a job whose rows, or dead letters, come back to it: it would
// write them again, and so on without end.
func (e *Engine) checkLoop(s *catalog.Snapshot, job *plan.StartJob, letters letterRoutes) error {
	sources := sourcesOf(s, job.Root)
	for _, target := range job.Sinks {
		if target.Table != nil {
			continue // what a job may do with tables is the planner's
		}
		if source, what := e.feeds(target.Relation, sources); source != nil {
			return loopError(job, source, what, "its rows").
				WithHint("Write to another place than the job reads.")
		}
	}
	for _, to := range letters.targets {
		if source, what := e.feeds(to.relation, sources); source != nil {
			return loopError(job, source, what, "its dead letters").
				WithHint("Set dead_letter to another stream, sink or path.")
		}
	}
	return nil
}

func loopError(job *plan.StartJob, source *catalog.Relation, what, rows string) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "job \"%s\" writes %s to %s, which it reads", job.Name, rows, what).
		WithDetail("They would come back by \"%s\", and be written again, without end.", source.Name)
}

// feeds returns the first of some sources that reads what a sink writes, and what
// that is called; nil: none does.
func (e *Engine) feeds(sink *catalog.Relation, sources []*catalog.Relation) (*catalog.Relation, string) {
	for _, r := range sources {
		if r.Connector != sink.Connector {
			continue
		}
		if r.OID != 0 && r.OID == sink.OID {
			return r, "stream \"" + r.Name + "\""
		}
		c, err := e.connector(r)
		if err != nil {
			continue // opening it says so
		}
		if f, ok := c.(stream.Feeder); ok {
			if what, yes := f.Feeds(&e.o.Env, sink, r); yes {
				return r, what
			}
		}
	}
	return nil, ""
}

// sourcesOf are the relations of connectors that a plan reads, itself or by the
// materialized views that it follows.
func sourcesOf(s *catalog.Snapshot, root plan.Node) []*catalog.Relation {
	var all []*catalog.Relation
	seen := map[types.OID]bool{}
	var add func(r *catalog.Relation)
	add = func(r *catalog.Relation) {
		if r == nil || r.OID != 0 && seen[r.OID] {
			return
		}
		seen[r.OID] = true
		if r.Connector != "" {
			all = append(all, r)
			return
		}
		for _, oid := range r.DependsOn {
			add(s.RelationByOID(oid))
		}
	}
	plan.WalkAll(root, func(n plan.Node) {
		if scan, ok := n.(*plan.Scan); ok {
			add(scan.Relation)
		}
	})
	return all
}
