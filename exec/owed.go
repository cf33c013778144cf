package exec

import (
	"context"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// What another system keeps for a job, as a replication slot, it keeps for ever unless
// it is told that the job is gone. The change that takes the job away says so in the
// catalog, and what is said there is tried until that system has heard of it: after the
// job has ended, at each start, and again and again while it is not reached.

const (
	// forgetTimeout is how long another system may take to forget a job.
	forgetTimeout = 20 * time.Second
	// owedFirst is the wait before it is told again; each is twice the one before, up
	// to owedMost.
	owedFirst = time.Second
	owedMost  = 5 * time.Minute
)

// owe notes what jobs that this transaction takes away have had kept elsewhere.
func (t *Txn) owe(ctx context.Context, dropped []*catalog.Job) error {
	s := t.e.o.Catalog.Snapshot() // as it was before
	for _, def := range dropped {
		if j := s.Job(def.Name); j == nil || j.UUID != def.UUID {
			continue // it never ran
		}
		for _, r := range t.e.changing(ctx, s, def) {
			if err := t.change().Owe(def, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// changing are the streams that a job reads as another system's changes, each once.
func (e *Engine) changing(ctx context.Context, s *catalog.Snapshot, def *catalog.Job) []*catalog.Relation {
	var all []*catalog.Relation
	add := func(r *catalog.Relation) {
		if !slices.ContainsFunc(all, func(o *catalog.Relation) bool { return o.OID == r.OID && o.Name == r.Name }) {
			all = append(all, r)
		}
	}
	p, err := e.o.Plan(ctx, s, def)
	if err == nil {
		plan.WalkAll(p.Root, func(n plan.Node) {
			if sc, ok := n.(*plan.Scan); ok && sc.Changes {
				add(sc.Relation)
			}
		})
		return all
	}
	// It cannot be planned any more: what it depends on has what it read.
	e.readFrom(s, def.DependsOn, func(r *catalog.Relation) {
		if c, ok := e.connectors[r.Connector].(stream.Changing); ok && c.Changes(r) {
			add(r)
		}
	})
	return all
}

// readFrom calls f with the relations of connectors among some, and below views among
// them.
func (e *Engine) readFrom(s *catalog.Snapshot, oids []types.OID, f func(*catalog.Relation)) {
	for _, oid := range oids {
		switch r := s.RelationByOID(oid); {
		case r == nil:
		case r.Kind == catalog.View:
			e.readFrom(s, r.DependsOn, f)
		case r.Kind == catalog.Stream && r.Connector != "":
			f(r)
		}
	}
}

// keeper is the job, other than the one named, that has what is kept elsewhere under a
// name; nil: none has.
func (e *Engine) keeper(s *catalog.Snapshot, kept, but string) *catalog.Job {
	for _, j := range s.Jobs() {
		if j.Name == but {
			continue
		}
		has := false
		e.readFrom(s, j.DependsOn, func(r *catalog.Relation) { has = has || e.kept(r) == kept })
		if has {
			return j
		}
	}
	return nil
}

// kept is what is kept elsewhere for the reader of a relation under a name of the
// relation's; "": nothing is.
func (e *Engine) kept(r *catalog.Relation) string {
	c, ok := e.connectors[r.Connector].(stream.Changing)
	if !ok || !c.Changes(r) {
		return ""
	}
	return c.Kept(&e.o.Env, r)
}

// checkKept refuses a job that would read by what another one has.
func (e *Engine) checkKept(s *catalog.Snapshot, job string, sc *plan.Scan) error {
	if !sc.Changes {
		return nil
	}
	kept := e.kept(sc.Relation)
	if kept == "" {
		return nil
	}
	if j := e.keeper(s, kept, job); j != nil {
		return sqlerr.Errorf(sqlerr.ObjectInUse, "%s is that of job %q", kept, j.Name).
			WithHint("Name another one in the declaration of %q, or none: each job then has its own.", sc.Relation.Name)
	}
	return nil
}

// settle has other systems told of jobs that are gone and run no more. Engine.mu is not
// held.
func (e *Engine) settle() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.o.Catalog.Snapshot().Owed() {
		if j := e.jobs[o.Job]; e.draining || e.settling[o.OID] || j != nil && !j.ended() {
			continue
		}
		e.settling[o.OID] = true
		e.background.Go(func() {
			e.settleOne(o)
			e.mu.Lock()
			delete(e.settling, o.OID)
			e.mu.Unlock()
		})
	}
}

// settleOne tells one system, until it has heard or the engine ends.
func (e *Engine) settleOne(o *catalog.Owed) {
	for wait := owedFirst; ; wait = min(2*wait, owedMost) {
		err := e.forget(o)
		if err == nil {
			tx := e.o.Catalog.Begin()
			if err = tx.Settle(o); err == nil {
				err = tx.Commit()
			}
		}
		if err == nil || e.ctx.Err() != nil {
			return
		}
		e.log.Error("what was kept for a dropped job is still kept", "job", o.Name, "stream", o.Relation.Name, "error", err, "again", wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-e.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// forget tells the system once. What another job has by now is left to that one, which
// makes it anew when it begins.
func (e *Engine) forget(o *catalog.Owed) error {
	r := o.Relation
	c, ok := e.connectors[r.Connector].(stream.Changing)
	if !ok {
		return nil
	}
	if kept := e.kept(r); kept != "" && e.keeper(e.o.Catalog.Snapshot(), kept, "") != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(e.ctx, forgetTimeout)
	defer cancel()
	return c.Forget(ctx, &e.o.Env, r, o.Job.String())
}
