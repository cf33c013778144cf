package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// createMatView makes a view's table and its job. COMMIT starts the job, and
// returns when the view has what its sources held.
func (t *Txn) createMatView(ctx context.Context, s *plan.CreateMatView, env *function.Env) (Result, error) {
	res := Result{Tag: "CREATE MATERIALIZED VIEW"}
	r := fresh(s.Relation)
	created, notices, err := t.change().CreateTable(r, nil, s.IfNotExists)
	res.Notices = notices
	if err != nil || !created {
		return res, err
	}
	j := *s.Job
	j.Sinks = []plan.SinkTarget{{Relation: r, Table: s.Job.Sinks[0].Table}}
	notices, err = t.startJob(ctx, &j, env)
	res.Notices = append(res.Notices, notices...)
	if err == nil && !s.NoData {
		t.views = append(t.views, r)
	}
	return res, err
}

// refresh waits until a view has what is there now in its sources, through the
// views that it reads.
func (t *Txn) refresh(ctx context.Context, s *plan.RefreshMatView, env *function.Env) error {
	return t.e.refresh(ctx, s.Relation, env.User)
}

// refresh waits for a view and those that it reads. What goes wrong with another's
// view is told as user is shown it.
func (e *Engine) refresh(ctx context.Context, v *catalog.Relation, user string) error {
	for _, r := range readBy(e.o.Catalog.Snapshot(), v) {
		if r.Kind != catalog.MatView {
			continue
		}
		if err := e.refresh(ctx, r, user); err != nil {
			return err
		}
	}
	return e.awaitViewAs(ctx, v, user)
}

// awaitViews waits for the views that a transaction has made. Where one cannot be
// filled, or nobody waits any longer, the views go again, unless the transaction has
// done more than to make them.
func (t *Txn) awaitViews(ctx context.Context) error {
	for _, v := range t.views {
		err := t.e.awaitView(ctx, v)
		switch {
		case err == nil:
		case t.e.ctx.Err() != nil: // the next start goes on
			return err
		case t.mixed:
			return wrapped(err, "%w", err).WithDetail("The transaction is committed, and materialized view \"%s\" is there without all of its rows.", v.Name)
		default:
			return t.dropUnfilled(err)
		}
	}
	return nil
}

// dropUnfilled drops the views of a transaction that did nothing else, as if it had
// been rolled back.
func (t *Txn) dropUnfilled(because error) error {
	ctx := t.e.ctx
	x := t.e.Begin()
	defer x.Rollback()
	var names []catalog.Name
	for _, v := range t.views {
		if now := x.Snapshot().RelationByOID(v.OID); now != nil {
			names = append(names, catalog.Name{Schema: now.Schema, Name: now.Name})
		}
	}
	d, _, err := x.change().DropRelations(catalog.MatView, names, true, false, nil)
	if err == nil {
		x.changes(jobNames(d.Jobs)...)
		err = x.sweep(ctx, d)
	}
	if err == nil {
		err = x.Commit(ctx)
	}
	if err != nil {
		return wrapped(because, "%w", because).WithDetail("The view is there without all of its rows, and could not be dropped: %v", err)
	}
	if sqlerr.CodeOf(because) == sqlerr.ObjectNotInPrerequisiteState { // its job has gone with it
		return wrapped(because, "%w", because).WithHint("The view is not there: create it again once the cause is removed. To leave records at fault out, write WITH (failure_strategy = 'LogAndContinue').")
	}
	return because
}

// Settled reports whether every job that runs has in its tables all that it has
// committed, and has committed all that is in the tables that it follows.
func (e *Engine) Settled() bool {
	if e.o.Tables == nil {
		return true
	}
	version := e.o.Tables.Version()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, j := range e.jobs {
		if !j.ended() && !j.settled() {
			return false
		}
	}
	// One that was looked at early may have more to read by now.
	return e.o.Tables.Version() == version
}

func (j *job) settled() bool {
	want := map[string]uint64{}
	for _, r := range j.e.o.Catalog.Snapshot().Relations() {
		if r.Stored() {
			want[r.Name] = max(want[r.Name], j.e.o.Tables.ChangedAt(table.Describe(r)))
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.view.underway() || len(j.streams) == 0 {
		return false // on its way, or about to start
	}
	for source, name := range j.streams {
		if !j.follows[source] {
			continue
		}
		version, err := tableVersion(j.positions[place{source, tableSplit}])
		if err != nil || version < want[name] {
			return false
		}
	}
	return true
}

// Follows reports whether a job follows tables, and so does not end by itself.
func (e *Engine) Follows(def *catalog.Job) bool {
	e.mu.Lock()
	j := e.jobs[def.UUID]
	e.mu.Unlock()
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.follows) > 0
}
