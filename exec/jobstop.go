package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// A job that is told to stop ends its epoch. Another system that does not answer would
// hold that up for ever: what is asked of one for longer than the job's stop_timeout is
// given up, and the job is cut short. That is to it what a crash is: the epoch that ran
// is undone, or committed, when it starts again. Whoever stops it is told.

const (
	// stopTimeout is how long a system may take to answer a job that is to stop, where
	// the job does not say.
	stopTimeout = 10 * time.Second
	// undoPatience is how much longer it may take to undo what was cut short.
	undoPatience = 2 * time.Second
	// endPatience is how long a session waits for a job that was cut short: what does
	// not end then heeds no end of its context.
	endPatience = 20 * time.Second
	// drainPatience is how long the end of the process waits for one: those who stop a
	// process give it few seconds, and it has used some.
	drainPatience = undoPatience + time.Second
)

// request is something that a job has asked another system for.
type request struct {
	of    string // the part of the job that asks; "": it only ends, and nothing hangs on the answer
	since time.Time
}

// requests are those that are not answered.
type requests struct {
	mu   sync.Mutex
	open map[*request]struct{}
}

// ask notes a request. The caller calls answered when it is answered.
func (r *requests) ask(of string) (answered func()) {
	q := &request{of, time.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[*request]struct{}{}
	}
	r.open[q] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.open, q)
	}
}

// before reports whether there are some of before a moment, and of what.
func (r *requests) before(t time.Time) (all []string, some bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q := range r.open {
		if !q.since.Before(t) {
			continue
		}
		if some = true; q.of != "" && !slices.Contains(all, q.of) {
			all = append(all, q.of)
		}
	}
	slices.Sort(all)
	return all, some
}

// askStop asks the job to end after the epoch that runs.
func (j *job) askStop() {
	j.once.Do(func() {
		close(j.stop)
		go j.hasten()
	})
}

// hasten cuts a job that is to stop short where a system does not answer it. It ends with
// the job.
func (j *job) hasten() {
	patience := stopTimeout
	if s, err := jobOptions(j.def.Options, j.e.o.Checkpoint); err == nil {
		patience = s.stop
	}
	begun := time.Now()
	tick := time.NewTicker(min(max(patience/10, time.Millisecond), 100*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-j.done:
			return
		case <-tick.C:
		}
		if time.Since(begun) < patience {
			continue
		}
		silent, some := j.asked.before(time.Now().Add(-patience))
		if len(silent) > 0 {
			j.unfinished(fmt.Errorf("no answer within stop_timeout (%v) to %s", patience, strings.Join(silent, ", ")))
		}
		if some {
			j.cut()
			return
		}
	}
}

// unfinished notes why not all that the job has read is committed, or delivered.
func (j *job) unfinished(why error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Contains(j.rest, why.Error()) {
		j.rest = append(j.rest, why.Error())
	}
}

// farewell is what is to be said of how the job has ended; nil: nothing.
func (j *job) farewell() *sqlerr.Error {
	j.mu.Lock()
	why := strings.Join(j.rest, "; ")
	j.mu.Unlock()
	if why == "" {
		return nil
	}
	w := sqlerr.Errorf(sqlerr.Warning, "job \"%s\" has ended before all that it has read was committed: %s", j.def.Name, why)
	w.Severity = "WARNING"
	w.Detail = j.left
	if j.gone() {
		return w.WithHint("The job is dropped: what is not committed comes to its sinks no more.")
	}
	return w.WithHint("Nothing is lost: when the job starts again it asks what was committed, and reads the rest again. A sink without transactions may get rows of that twice.")
}

// remains says what the store has of a job that has ended: what is committed, what may
// be, and what sinks have not got.
func (j *job) remains() string {
	if !slices.Contains(j.e.o.Store.Jobs(), j.id) {
		return ""
	}
	rec, err := j.e.o.Store.Job(j.id).Recover()
	if err != nil {
		return ""
	}
	text := fmt.Sprintf("Epoch %d is committed.", rec.Epoch)
	if rec.Prepared != nil {
		text += fmt.Sprintf(" Epoch %d is prepared, and may be.", rec.Prepared.Epoch)
	}
	if left := j.e.left(j.def); len(left) > 0 {
		text += " Not delivered: " + strings.Join(left, ", ") + "."
	}
	return text
}

// wait returns when the job has ended, or does not although it was cut short; then it
// says so. Where ctx ends first the job is cut short.
func (j *job) wait(ctx context.Context) error { return j.waitFor(ctx, j.e.endPatience) }

// waitFor is wait with so long a patience for a job that was cut short.
func (j *job) waitFor(ctx context.Context, patience time.Duration) error {
	select {
	case <-j.done:
		return nil
	case <-j.cutShort:
	case <-ctx.Done():
		j.cut()
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-j.done:
	case <-late.C:
		return stillRuns{j.def.Name}
	}
	if ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("stopping job %s: %w", j.def.Name, context.Cause(ctx))
}

// stillRuns is the error of a job that was cut short, and has not ended.
type stillRuns struct{ job string }

func (s stillRuns) Error() string {
	return fmt.Sprintf("job %q was cut short, and has not ended", s.job)
}

// lingering is a context that ends some time after another one.
func lingering(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// agreement is one session's part in making what runs agree with the catalog.
type agreement struct {
	own     []string // the jobs that its statements are about
	given   map[*job]bool
	notices []*sqlerr.Error
}

// awaits reports whether the session waits for a job that is to end: it is about that one,
// or about one that is to start and wants what that one has. Others are waited for by
// those who have stopped them, and by a goroutine that starts what wants their place.
func (a *agreement) awaits(e *Engine, s *catalog.Snapshot, j *job, wanted map[state.ID]*catalog.Job) bool {
	if a.given[j] {
		return false
	}
	if slices.Contains(a.own, j.def.Name) {
		return true
	}
	for _, def := range wanted {
		if slices.Contains(a.own, def.Name) && (def.UUID == j.id || e.contend(s, def, j.def)) {
			return true
		}
	}
	return false
}

// contend reports whether two jobs write to one sink, or read by what another system
// keeps for one reader.
func (e *Engine) contend(s *catalog.Snapshot, a, b *catalog.Job) bool {
	if slices.ContainsFunc(a.Sinks, func(name string) bool { return slices.Contains(b.Sinks, name) }) {
		return true
	}
	shared := false
	e.readFrom(s, a.DependsOn, func(x *catalog.Relation) {
		kept := e.kept(x)
		if kept == "" {
			return
		}
		e.readFrom(s, b.DependsOn, func(y *catalog.Relation) { shared = shared || e.kept(y) == kept })
	})
	return shared
}

// follow has what waits for a job's end done when it has ended, whoever else waits.
// Engine.mu is held.
func (e *Engine) follow(j *job) {
	e.background.Go(func() {
		select {
		case <-j.done:
		case <-e.ctx.Done():
			return
		}
		if _, err := e.reconcile(e.ctx); err != nil && e.ctx.Err() == nil {
			e.log.Error("making what runs agree with the catalog", "error", err)
		}
	})
}

// end waits for a job, and keeps what is to be said of it.
func (a *agreement) end(ctx context.Context, j *job) error {
	err := j.wait(ctx)
	var still stillRuns
	if errors.As(err, &still) {
		a.given[j] = true
		w := sqlerr.Errorf(sqlerr.Warning, "%s", still.Error()).
			WithHint("What it reads or writes heeds no end: a file of a server that is away, perhaps. It starts again, or another one in its place, when it has ended.")
		w.Severity = "WARNING"
		a.notices = append(a.notices, w)
		return nil
	}
	if w := j.farewell(); w != nil {
		a.notices = append(a.notices, w)
	}
	return err
}
