package exec

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// reconcile makes what runs agree with the catalog: jobs that it says are
// running start, others stop, and those that are gone lose their state. own are the
// jobs that the caller's statements are about: it returns when of these, and of what is
// in their way, what had to stop has stopped; jobs start in the background.
//
// Sessions do so at the same time, and one may wait long for a job's last epoch.
// Nobody acts on a catalog that another has moved past: after each wait it looks
// again.
func (e *Engine) reconcile(ctx context.Context, own ...string) ([]*sqlerr.Error, error) {
	a := &agreement{own: own, given: map[*job]bool{}}
	var errs []error
	for {
		ending, err := e.reconcileOnce(a)
		errs = append(errs, err)
		if len(ending) == 0 {
			return a.notices, errors.Join(errs...)
		}
		for _, j := range ending {
			errs = append(errs, a.end(ctx, j))
		}
	}
}

// reconcileOnce returns the jobs that the caller is to wait for: what starts may want
// the same sinks. Where there is none it starts the rest.
func (e *Engine) reconcileOnce(a *agreement) (ending []*job, err error) {
	e.reconciling.Lock()
	defer e.reconciling.Unlock()
	s := e.o.Catalog.Snapshot()
	wanted := map[state.ID]*catalog.Job{}
	known := map[state.ID]bool{}
	for _, j := range s.Jobs() {
		known[j.UUID] = true
		if j.State == catalog.JobRunning {
			wanted[j.UUID] = j
		}
	}
	e.mu.Lock()
	if e.draining || e.ctx.Err() != nil {
		e.mu.Unlock()
		return nil, nil
	}
	var running []*job // that are to end
	for id, j := range e.jobs {
		if j.ended() {
			continue
		}
		if (wanted[id] == nil || j.outdated(wanted[id])) && !j.ending() {
			j.askStop()
			e.follow(j)
		}
		if !j.ending() {
			continue
		}
		running = append(running, j)
		if a.awaits(e, s, j, wanted) {
			ending = append(ending, j)
		}
	}
	e.mu.Unlock()
	if len(ending) > 0 {
		return ending, nil
	}
	for _, j := range running {
		known[j.id] = true // until it has ended
	}
	var errs []error
	for _, id := range e.o.Store.Jobs() {
		if !known[id] {
			errs = append(errs, failed("forgetting the state of a dropped job", e.o.Store.DropJob(id)))
		}
	}
	e.settle()
	if e.o.Tables != nil {
		err := e.o.Tables.Forget(func(id state.ID) bool { return known[id] })
		errs = append(errs, failed("forgetting what a dropped job has written to tables", err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining || e.ctx.Err() != nil {
		return nil, errors.Join(errs...)
	}
	for id, j := range e.jobs {
		if !known[id] && j.ended() {
			delete(e.jobs, id)
		}
	}
	for id, def := range wanted {
		inTheWay := func(j *job) bool { return !j.ended() && e.contend(s, def, j.def) }
		if old := e.jobs[id]; (old == nil || old.ended()) && !slices.ContainsFunc(running, inTheWay) {
			e.jobs[id] = e.startJob(def)
		}
	}
	return nil, errors.Join(errs...)
}

// newJob returns a job of which nothing runs.
func newJob(e *Engine, def *catalog.Job) *job {
	j := &job{e: e, def: def, id: def.UUID, stop: make(chan struct{}), done: make(chan struct{}),
		opened: make(chan struct{}), tried: make(chan struct{}),
		positions: map[place]stream.Offset{}, marks: map[place]int64{}, streams: map[string]string{}, reads: map[string]sourceRead{}, follows: map[string]bool{}, started: time.Now()}
	j.view.job, j.hurry = j, make(chan struct{}, 1)
	return j
}

// startJob starts a job's goroutine. Engine.mu is held.
func (e *Engine) startJob(def *catalog.Job) *job {
	ctx, cut := context.WithCancel(e.ctx)
	j := newJob(e, def)
	j.cut, j.cutShort = cut, ctx.Done()
	j.remember()
	go func() {
		defer close(j.done)
		defer cut()
		j.main(ctx)
		if j.farewell() != nil {
			j.left = j.remains() // nothing of it runs any more
		}
	}()
	return j
}

func (j *job) ended() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// ending reports whether the job will end, or has, whatever the catalog says.
func (j *job) ending() bool {
	select {
	case <-j.stop:
		return true
	default:
		return j.over.Load()
	}
}

// main runs one life after another until the job ends.
func (j *job) main(ctx context.Context) {
	settings, err := jobOptions(j.def.Options, j.e.o.Checkpoint)
	if err != nil {
		j.fail(err)
		return
	}
	for tries := 0; ; tries++ {
		j.mu.Lock()
		j.running, j.passing = tally{}, nil
		j.mu.Unlock()
		l := &life{j: j, settings: settings, lived: make(chan struct{})}
		end, err := j.live(ctx, l)
		j.noteTried()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && end == lifeFinished:
			j.setState(catalog.JobFinished, catalog.Failure{})
			return
		case err == nil:
			return
		}
		if l.commits > 0 {
			tries = 0
		}
		limit, first := j.retries(err, settings)
		if tries >= limit {
			j.fail(err)
			return
		}
		wait := min(first<<min(tries, 16), max(first, time.Minute))
		if errors.As(err, new(outdated)) {
			j.e.log.Info("a job begins anew", "job", j.def.Name, "because", err)
		} else {
			j.mu.Lock()
			j.problem = catalog.FailureOf(err)
			j.mu.Unlock()
			j.e.log.Warn("a job failed and will be tried again", "job", j.def.Name, "error", err, "in", wait)
		}
		if !j.sleep(ctx, wait) {
			if l.plan == nil || !l.plan.View || !j.gone() { // a view's rows are dropped with it
				j.unfinished(err)
			}
			return
		}
		j.mu.Lock()
		j.past.restarts++
		j.mu.Unlock()
	}
}

// permanent reports whether a job would fail in the same way again: by its data
// (class 22), by records that were deleted before it read them (72), by what is
// not supported, or by what it says or may do (42), or by the state of what it
// needs (55), but for a file that another holds just now; or by a NULL where a sink
// needs a value.
func permanent(err error) bool {
	if sqlerr.CodeOf(err) == sqlerr.ObjectInUse {
		return false
	}
	if sqlerr.CodeOf(err) == sqlerr.NotNullViolation {
		return true
	}
	switch code := string(sqlerr.CodeOf(err)); code[:min(2, len(code))] {
	case "22", "0A", "42", "55", "72":
		return true
	}
	return false
}

// unreachable reports whether a broker or another system could not be reached.
// That passes, and is no fault of the job's: it is tried for as long as it lasts.
func unreachable(err error) bool { return strings.HasPrefix(string(sqlerr.CodeOf(err)), "08") }

// system marks an error that a source or sink gave, as against one of the plan or
// of a row.
type system struct{ error }

func (s system) Unwrap() error { return s.error }

// missing reports whether what a job reads or writes has gone from its system: a
// topic, say. It was there when the job was created or started, or that had been
// refused, so it is waited for as for a broker.
func missing(err error) bool {
	var s system
	return errors.As(err, &s) && sqlerr.CodeOf(s) == sqlerr.UndefinedTable
}

// sleep waits; false: the job is to end.
func (j *job) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-j.stop:
	}
	return false
}

// live runs one life; a panic in it is its error.
func (j *job) live(ctx context.Context, l *life) (end outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = j.e.panicked("job "+j.def.Name, p, debug.Stack())
		}
	}()
	return l.run(ctx)
}

// fail records that the job has failed, and why.
func (j *job) fail(err error) {
	j.e.log.Error("a job failed", "job", j.def.Name, "error", err)
	j.setState(catalog.JobFailed, catalog.FailureOf(err))
}

// setState records what became of the job, unless it has been dropped or made
// anew meanwhile.
func (j *job) setState(to catalog.JobState, why catalog.Failure) {
	j.over.Store(true) // before anyone can read the state and want it started again
	for {
		tx := j.e.o.Catalog.Begin()
		now := tx.Snapshot().Job(j.def.Name)
		if now == nil || now.UUID != j.def.UUID {
			return
		}
		err := tx.UpdateJob(j.def.Name, func(c *catalog.Job) {
			// One that was told to stop when it had all its rows has finished.
			if c.State == catalog.JobRunning || c.State == catalog.JobStopped && to == catalog.JobFinished {
				c.State, c.Failure = to, why
			}
		})
		if err == nil {
			err = tx.Commit()
		}
		if err == nil {
			return
		}
		switch sqlerr.CodeOf(err) {
		case sqlerr.SerializationFailure:
		case sqlerr.UndefinedObject: // dropped just now
			return
		default:
			j.e.log.Error("recording a job's state", "job", j.def.Name, "state", to, "error", err)
			unrecorded := catalog.FailureOf(fmt.Errorf("recording that it is %s: %w", to, err))
			if why.Message == "" {
				why = unrecorded
			} else {
				why.Message += "; " + unrecorded.Message
			}
			j.mu.Lock()
			defer j.mu.Unlock()
			j.unrecorded = &ending{to, why}
			return
		}
	}
}

// ending is what became of a job, and why.
type ending struct {
	state catalog.JobState
	why   catalog.Failure
}

// standing is the state of a job, and why it is in it. j is what runs of it; nil:
// nothing.
func standing(def *catalog.Job, j *job) ending {
	if j != nil && def.State == catalog.JobRunning {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.unrecorded != nil {
			return *j.unrecorded
		}
	}
	return ending{def.State, def.Failure}
}

// count adds to the counters of the epoch that runs, and returns the records
// skipped so far.
func (j *job) count(t tally) (skipped int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.running.add(t)
	return j.past.skipped + j.running.skipped
}

// countSunk is count of what a sink does with rows: they are of the epoch that is on
// its way, where there is one, as no later row has come to a sink.
func (j *job) countSunk(t tally) (skipped int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	to := &j.running
	if j.passing != nil {
		to = j.passing
	}
	to.add(t)
	return j.past.skipped + to.skipped
}

// countCommitted is count of what comes out about rows when they are committed. The next
// epoch records it; where there is none, it is known for as long as the process runs.
func (j *job) countCommitted(t tally) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.past.add(t)
}

// pass begins the counters of the next epoch: what has been counted is of the one that
// is on its way.
func (j *job) pass() {
	j.mu.Lock()
	defer j.mu.Unlock()
	passing := j.running
	j.passing, j.running = &passing, tally{}
}

// remember takes the counters as the committed epoch has them. Restarts since
// then are in no epoch.
func (j *job) remember() {
	h, err := loadHistory(j.e.o.Store, j.id)
	if err != nil {
		j.e.log.Warn("reading the counters of a job", "job", j.def.Name, "error", err)
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	h.restarts = max(h.restarts, j.past.restarts)
	j.past = h
}

// with is the history that the epoch which is on its way will have.
func (j *job) with(e stream.Epoch) history {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.past
	h.add(*j.passing)
	h.epoch = e
	return h
}

// impediment is why the job does not get on; nothing, where nothing is known to
// hinder it.
func (j *job) impediment() catalog.Failure {
	j.mu.Lock()
	problem, waits := j.problem, j.waits
	j.mu.Unlock()
	for _, w := range waits {
		if err := w.Impediment(); problem.Message == "" && err != nil {
			problem = catalog.FailureOf(err)
		}
	}
	return problem
}

// committed shows an epoch to those who ask about the job.
func (j *job) committed(c *commit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.past.epoch, j.problem = c.epoch, catalog.Failure{}
	j.past.add(*j.passing)
	j.passing = nil
	for at, next := range c.moved {
		j.positions[at] = append(j.positions[at][:0], next...)
	}
	for _, w := range c.progress.Watermarks {
		j.marks[place{w.Source, stream.Split(w.Split)}] = w.Micros
	}
	if c.results != nil {
		j.results = c.results
	}
	c.kept.took = time.Since(c.begun)
	j.kept = c.kept
}
