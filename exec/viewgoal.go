package exec

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
)

// viewGoal is what somebody waits for a view to have: a version of the tables that
// its job follows, and what its streams held at a moment.
type viewGoal struct {
	version uint64
	streams []streamGoal
	gate    *gate         // that the streams' readers stand at; nil: they need not
	done    chan struct{} // closed when the view has it
}

// streamGoal is what one of a job's sources held at a moment.
type streamGoal struct {
	source string
	since  time.Time
	ends   stream.Ender // nil: a split has been read up to what it held when a Read that began later finds no more
	at     []stream.Position
	// bounded: the stream ends, and so it is read when its end has been, with which
	// windows go out that are given once.
	bounded bool
}

// sourceRead is how a job reads a stream.
type sourceRead struct {
	relation *catalog.Relation
	spec     stream.Scan
	bounded  bool // it ends
}

// viewProgress is how far the rows of a job have got that are in its view. job.mu
// guards it, but for waiting.
type viewProgress struct {
	job     *job
	waiting atomic.Int32                 // goals of which the job has not read all
	goals   []*viewGoal                  // those
	met     map[stream.Epoch][]*viewGoal // and others, by the epoch with which they are reached
	sent    stream.Epoch                 // the last that is decided
	shown   stream.Epoch                 // the last that is in the view
}

// begin says, at a start, which epoch the view has.
func (p *viewProgress) begin(e stream.Epoch) {
	p.job.mu.Lock()
	p.sent = e
	p.job.mu.Unlock()
	p.delivered(e)
}

// expect notes that an epoch is decided, and so on its way into the view, and what
// is reached with it.
func (p *viewProgress) expect(e stream.Epoch, met []*viewGoal) {
	p.job.mu.Lock()
	defer p.job.mu.Unlock()
	p.sent = e
	p.reach(met)
}

// read notes what the job has read, all of it in epochs that are decided.
func (p *viewProgress) read(met []*viewGoal) {
	p.job.mu.Lock()
	defer p.job.mu.Unlock()
	p.reach(met)
}

// reach has goals wait for the last epoch that is decided, but for those that wait for
// one already, or for which nobody waits any more.
func (p *viewProgress) reach(met []*viewGoal) {
	met = slices.DeleteFunc(met, func(g *viewGoal) bool { return !slices.Contains(p.goals, g) })
	if len(met) == 0 {
		return
	}
	p.goals = slices.DeleteFunc(p.goals, func(g *viewGoal) bool { return slices.Contains(met, g) })
	p.waiting.Store(int32(len(p.goals)))
	if p.shown >= p.sent {
		for _, g := range met {
			close(g.done)
		}
		return
	}
	if p.met == nil {
		p.met = map[stream.Epoch][]*viewGoal{}
	}
	p.met[p.sent] = append(p.met[p.sent], met...)
}

// delivered notes that an epoch's rows are in the view.
func (p *viewProgress) delivered(e stream.Epoch) {
	p.job.mu.Lock()
	defer p.job.mu.Unlock()
	p.shown = max(p.shown, e)
	for at, goals := range p.met {
		if at > p.shown {
			continue
		}
		for _, g := range goals {
			close(g.done)
		}
		delete(p.met, at)
	}
}

// underway reports whether rows that are decided are not in the view yet. The
// job's mutex is held.
func (p *viewProgress) underway() bool { return p.shown < p.sent }

// add has the job tell when the goal is reached.
func (p *viewProgress) add(g *viewGoal) {
	p.job.mu.Lock()
	defer p.job.mu.Unlock()
	p.goals = append(p.goals, g)
	p.waiting.Store(int32(len(p.goals)))
}

// drop forgets a goal for which nobody waits any more.
func (p *viewProgress) drop(g *viewGoal) {
	p.job.mu.Lock()
	defer p.job.mu.Unlock()
	p.goals = slices.DeleteFunc(p.goals, func(o *viewGoal) bool { return o == g })
	p.waiting.Store(int32(len(p.goals)))
	for e, goals := range p.met {
		p.met[e] = slices.DeleteFunc(goals, func(o *viewGoal) bool { return o == g })
	}
}

// met are the goals of which everything has been read. The tasks stand still, or
// the life's goroutine is the only one.
func (l *life) met() []*viewGoal {
	if l.j.view.waiting.Load() == 0 {
		return nil
	}
	l.j.mu.Lock()
	goals := slices.Clone(l.j.view.goals)
	l.j.mu.Unlock()
	return slices.DeleteFunc(goals, func(g *viewGoal) bool { return !l.reached(g) })
}

// reached reports whether all of a goal has been read.
func (l *life) reached(g *viewGoal) bool {
	if v, ok := l.followed(); ok && v < g.version {
		return false
	}
	if g.gate != nil && !l.standsAt(g.gate) {
		return false
	}
	for _, s := range g.streams {
		for _, end := range s.at {
			if (s.bounded || !l.passed(s, end)) && !l.over(s.source) {
				return false
			}
		}
	}
	return true
}

// standsAt reports whether everything has been taken in that was read before a gate.
func (l *life) standsAt(g *gate) bool {
	for _, t := range l.tasks {
		for _, leaf := range t.live {
			if leaf.scan.table == nil && leaf.scan.reader != nil && !leaf.done && leaf.stands != g {
				return false
			}
		}
	}
	return true
}

// followed is the version that the followed tables have reached; false: there are
// none, or they have ended.
func (l *life) followed() (version uint64, ok bool) {
	for _, leaf := range l.tasks[0].live {
		if leaf.scan.table != nil && !leaf.done {
			return leaf.version, true
		}
	}
	return 0, false
}

// passed reports whether a split has been read as far as a goal says.
func (l *life) passed(s streamGoal, end stream.Position) bool {
	at := place{s.source, end.Split}
	for _, t := range l.tasks {
		if caught, ok := t.caught[at]; ok && !caught.Before(s.since) {
			return true
		}
		if next, ok := t.at[at]; ok && s.ends != nil && s.ends.Reached(end.Split, next, end.Offset) {
			return true
		}
	}
	return false
}

// over reports whether a source has been read to its end.
func (l *life) over(source string) bool {
	for _, t := range l.tasks {
		for _, leaf := range t.live {
			if t.names[leaf.scan] == source && !leaf.done {
				return false
			}
		}
	}
	return true
}

// goal is what a view that follows from what there is now has: the tables' and
// views' newest versions, and the ends of the streams that its job reads.
func (e *Engine) goal(ctx context.Context, v *catalog.Relation, j *job) (*viewGoal, error) {
	g := &viewGoal{done: make(chan struct{})}
	for _, r := range readBy(e.o.Catalog.Snapshot(), v) {
		if r.Stored() {
			g.version = max(g.version, e.o.Tables.ChangedAt(table.Describe(r)))
		}
	}
	j.mu.Lock()
	reads := make(map[string]sourceRead, len(j.reads))
	for name, r := range j.reads {
		reads[name] = r
	}
	j.mu.Unlock()
	for name, r := range reads {
		s, err := e.streamGoal(ctx, name, r)
		if err != nil {
			return nil, err
		}
		g.streams = append(g.streams, s)
	}
	return g, nil
}

// readBy are the relations whose rows a view's job reads, and not those of which it has
// the queries.
func readBy(s *catalog.Snapshot, v *catalog.Relation) []*catalog.Relation {
	all := relations(s, v.DependsOn)
	if j := s.Job(v.Job); j != nil {
		all = slices.DeleteFunc(all, func(r *catalog.Relation) bool { return slices.Contains(j.Inlined, r.OID) })
	}
	return all
}

// streamGoal is where a stream ends now.
func (e *Engine) streamGoal(ctx context.Context, name string, r sourceRead) (s streamGoal, err error) {
	s = streamGoal{source: name, since: time.Now(), bounded: r.bounded}
	src, err := e.openSource(ctx, r.relation, nil)
	if err != nil {
		return s, err
	}
	defer func() {
		if cerr := src.Close(); err == nil {
			err = cerr
		}
	}()
	if ends, ok := src.(stream.Ender); ok {
		s.ends = ends
		if s.at, err = ends.Ends(ctx, r.spec); err != nil {
			return s, fmt.Errorf("finding the end of %s: %w", r.relation.Name, err)
		}
		return s, nil
	}
	splits, err := src.Splits(ctx)
	if err != nil {
		return s, fmt.Errorf("listing the splits of %s: %w", r.relation.Name, err)
	}
	for _, split := range splits {
		s.at = append(s.at, stream.Position{Split: split})
	}
	return s, nil
}

// awaitView returns when a view has what there is now in its sources. Of the views
// that it reads it has what they have.
func (e *Engine) awaitView(ctx context.Context, v *catalog.Relation) error {
	return e.awaitViewAs(ctx, v, "")
}

// awaitViewAs is awaitView for a role, which is shown why a job of its own has ended,
// and of another's that it has.
func (e *Engine) awaitViewAs(ctx context.Context, v *catalog.Relation, user string) error {
	def := e.o.Catalog.Snapshot().Job(v.Job)
	if def == nil {
		return nil
	}
	e.mu.Lock()
	j := e.jobs[def.UUID]
	e.mu.Unlock()
	if j != nil {
		there, err := e.awaitJob(ctx, v, j)
		if there || err != nil {
			return err
		}
	}
	now := e.o.Catalog.Snapshot().Job(v.Job)
	if now == nil || now.UUID != def.UUID || now.State == catalog.JobFinished {
		return nil
	}
	end := standing(now, j)
	end.why = e.o.Catalog.Snapshot().JobFailure(user, now, end.why)
	return stale(v, end)
}

// awaitJob waits until a job has brought its view up to now; false: it has ended
// before.
func (e *Engine) awaitJob(ctx context.Context, v *catalog.Relation, j *job) (there bool, err error) {
	wait := func(c <-chan struct{}) (ok bool, err error) {
		select {
		case <-c:
			return true, nil
		case <-j.done:
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-e.ctx.Done():
			return false, context.Cause(e.ctx)
		}
	}
	if ok, err := wait(j.opened); !ok {
		return false, err
	}
	g, err := e.goal(ctx, v, j)
	if err != nil {
		return false, err
	}
	j.view.add(g)
	defer j.view.drop(g)
	j.hurryUp()
	return wait(g.done)
}

// stale is the error of who needs a view that its job does not keep up to date.
func stale(v *catalog.Relation, end ending) *sqlerr.Error {
	err := sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "materialized view \"%s\" is not kept up to date: its job \"%s\" is %s", v.Name, v.Job, end.state).
		WithHint("START JOB %s goes on where it was.", catalog.QuoteName(v.Job))
	if end.why.Message != "" {
		err = err.WithDetail("%s", end.why)
	}
	if end.why.Hint != "" {
		err.Hint = end.why.Hint + "\n" + err.Hint
	}
	return err
}
