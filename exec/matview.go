package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// createMatView makes a view's table and its job. COMMIT starts the job, and
// returns when a view that reads no endless stream has its rows.
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
	if err == nil && !readsEndless(j.Root) {
		t.views = append(t.views, r)
	}
	return res, err
}

// readsEndless reports whether a plan reads a stream that does not end.
func readsEndless(n plan.Node) bool {
	found := false
	plan.WalkNode(n, func(n plan.Node) bool {
		s, ok := n.(*plan.Scan)
		found = found || ok && !s.Relation.Stored() && !plan.Derive(s).Bounded
		return !found
	})
	return found
}

// refresh waits until a view has what is committed in the tables that it reads.
func (t *Txn) refresh(ctx context.Context, s *plan.RefreshMatView) error {
	return t.e.awaitView(ctx, s.Relation)
}

// awaitView returns when a view has the rows of what is committed now in the tables
// and views that it follows; of streams, it has what it has.
func (e *Engine) awaitView(ctx context.Context, v *catalog.Relation) error {
	want := uint64(0)
	for _, oid := range v.DependsOn {
		r := e.o.Catalog.Snapshot().RelationByOID(oid)
		if r == nil || !r.Stored() {
			continue
		}
		if r.Kind == catalog.MatView {
			if err := e.awaitView(ctx, r); err != nil {
				return err
			}
		}
		want = max(want, e.o.Tables.ChangedAt(table.Describe(r)))
	}
	def := e.o.Catalog.Snapshot().Job(v.Job)
	if def == nil {
		return nil
	}
	e.mu.Lock()
	j := e.jobs[def.UUID]
	e.mu.Unlock()
	if j != nil {
		j.awaited.Add(1)
		defer j.awaited.Add(-1)
		select {
		case j.hurry <- struct{}{}:
		default:
		}
		for !j.ended() {
			news, there := j.view.has(want)
			if there {
				return nil
			}
			select {
			case <-news:
			case <-j.done:
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-e.ctx.Done():
				return context.Cause(e.ctx)
			}
		}
	}
	now := e.o.Catalog.Snapshot().Job(v.Job)
	if now == nil || now.UUID != def.UUID || now.State == catalog.JobFinished {
		return nil
	}
	end := standing(now, j)
	err := sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "materialized view \"%s\" is not kept up to date: its job \"%s\" is %s", v.Name, v.Job, end.state).
		WithHint("START JOB %s goes on where it was.", catalog.QuoteName(v.Job))
	if end.text != "" {
		err = err.WithDetail("%s", end.text)
	}
	return err
}

// awaitViews waits for the views that a transaction has made.
func (t *Txn) awaitViews(ctx context.Context) error {
	for _, v := range t.views {
		err := t.e.awaitView(ctx, v)
		switch {
		case ctx.Err() != nil: // the view is there, and goes on
			t.e.log.Warn("a statement was cancelled while its view was filled", "view", v.Name, "error", err)
		case err != nil:
			return err
		}
	}
	return nil
}

// viewProgress is how far the rows of a job have got that are in its view. job.mu
// guards it.
type viewProgress struct {
	pending map[stream.Epoch]uint64 // by epoch: the version of the tables followed that it has
	shown   uint64                  // the version that is in the view
	filled  bool                    // an epoch is
	news    chan struct{}           // closed when that changes; nil: nobody waits
	job     *job
}

// has reports whether the view has a version, and what is closed when it has more.
func (p *viewProgress) has(version uint64) (news <-chan struct{}, there bool) {
	p.job.mu.Lock()
	defer p.job.mu.Unlock()
	if p.news == nil {
		p.news = make(chan struct{})
	}
	return p.news, p.filled && p.shown >= version
}

// expect notes what an epoch has that is about to be delivered.
func (p *viewProgress) expect(e stream.Epoch, version uint64) {
	p.job.mu.Lock()
	defer p.job.mu.Unlock()
	if p.pending == nil {
		p.pending = map[stream.Epoch]uint64{}
	}
	p.pending[e] = version
}

// delivered notes that an epoch's rows are in the view.
func (p *viewProgress) delivered(e stream.Epoch) {
	p.job.mu.Lock()
	version := p.pending[e]
	delete(p.pending, e)
	p.job.mu.Unlock()
	p.reached(version)
}

// reached notes that the view has a version.
func (p *viewProgress) reached(version uint64) {
	p.job.mu.Lock()
	defer p.job.mu.Unlock()
	p.shown, p.filled = max(p.shown, version), true
	if p.news != nil {
		close(p.news)
		p.news = nil
	}
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
	if len(j.view.pending) > 0 || len(j.streams) == 0 {
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
