package exec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// A job that is dropped ends its epoch, and delivers what is staged for its sinks. What
// a sink does not take at that time goes with the job: whoever drops it is told before.

// lastDelivery is how long a job that was dropped may take to deliver what is staged.
const lastDelivery = 10 * time.Second

// parting is how a job leaves rows behind that its sinks have not got, and what to do.
type parting struct{ how, hint string }

var (
	jobDropped = parting{"is dropped with", "ROLLBACK keeps the job, where a transaction was begun; a job that runs delivers the rows when its sink takes them."}
	jobAnew    = parting{"begins anew without", "ROLLBACK keeps them, where a transaction was begun; START JOB, without FROM, delivers them when the sink takes them."}
)

// undelivered warns of what sinks of jobs have not got, and will not.
func (e *Engine) undelivered(jobs []*catalog.Job, p parting) []*sqlerr.Error {
	var all []*sqlerr.Error
	for _, def := range jobs {
		for _, text := range e.lost(def) {
			w := sqlerr.Errorf(sqlerr.Warning, "job \"%s\" %s rows that a sink has not got: %s", def.Name, p.how, text).WithHint("%s", p.hint)
			w.Severity = "WARNING"
			all = append(all, w)
		}
	}
	return all
}

// lost is what sinks of a job have not got, and will not where its state goes.
func (e *Engine) lost(def *catalog.Job) []string {
	e.mu.Lock()
	j := e.jobs[def.UUID]
	e.mu.Unlock()
	lost := e.left(def)
	if j != nil && !j.ended() {
		if stuck, runs := j.stuck(); runs {
			lost = stuck
		}
		j.told.Store(len(lost) > 0)
	}
	return lost
}

// stuck says which sinks of a job that runs do not take what is staged for them. It
// does not run between two lives: what is left then will not be delivered.
func (j *job) stuck() (all []string, runs bool) {
	j.mu.Lock()
	waits := slices.Clone(j.waits)
	j.mu.Unlock()
	for _, w := range waits {
		if s, ok := w.(*stagedSink); ok {
			s.mu.Lock()
			if len(s.queue) > 0 && s.problem != nil {
				all = append(all, s.waiting())
			}
			s.mu.Unlock()
		}
	}
	return all, waits != nil
}

// waiting says what waits for the sink. mu is held.
func (s *stagedSink) waiting() string {
	text := fmt.Sprintf("%d bytes in %d epochs for sink '%s'", s.held, len(s.queue), s.name)
	if s.problem != nil {
		text += ": " + s.problem.Error()
	}
	return text
}

// left says which sinks have not got committed epochs of a job that does not run.
func (e *Engine) left(def *catalog.Job) []string {
	if !slices.Contains(e.o.Store.Jobs(), def.UUID) {
		return nil
	}
	rec, err := e.o.Store.Job(def.UUID).Recover()
	if err != nil {
		return []string{"what was delivered is not known: " + err.Error()}
	}
	var all []string
	for _, s := range rec.Sinks {
		n := 0
		for _, t := range s.Tokens {
			if parts, err := stageParts(t.Token); t.Epoch > s.Delivered && (err != nil || parts > 0) {
				n++
			}
		}
		if n > 0 {
			all = append(all, fmt.Sprintf("%d epochs for sink '%s'", n, s.Sink))
		}
	}
	return all
}

// gone reports whether the job is in the catalog no more.
func (j *job) gone() bool {
	return !slices.ContainsFunc(j.e.o.Catalog.Snapshot().Jobs(), func(c *catalog.Job) bool { return c.UUID == j.id })
}

// deliverRest waits until what is staged is delivered, as the job will not start again.
func (l *life) deliverRest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lastDelivery)
	defer cancel()
	var staged []*stagedSink
	for _, t := range l.sinks {
		s, ok := t.sink.(*stagedSink)
		if !ok {
			continue
		}
		// The last epoch reaches it by the sink's own goroutine.
		if err := t.idle(ctx, l.fails); err != nil {
			return err
		}
		staged = append(staged, s)
	}
	for _, s := range staged {
		lost, err := s.rest(ctx)
		if err != nil {
			return err
		}
		if lost != "" {
			l.j.e.log.Error("a job was dropped with rows that a sink has not got", "job", l.j.def.Name, "left", lost)
			if !l.j.told.Load() {
				l.j.unfinished(fmt.Errorf("not delivered are %s", lost))
			}
		}
	}
	return nil
}

// rest waits until the sink has got everything, or will not in this life, and says
// what is left. What hinders the sink just now may pass. Dead letters get epochs.
func (s *stagedSink) rest(ctx context.Context) (lost string, err error) {
	for {
		s.mu.Lock()
		left, changed := len(s.queue), s.changed
		if left > 0 && (s.failed != nil || ctx.Err() != nil) {
			lost = s.waiting()
		}
		s.mu.Unlock()
		if left == 0 || lost != "" {
			return lost, nil
		}
		if s.life.hasLetters() {
			if err := s.life.end(ctx); err != nil {
				return "", err
			}
			continue
		}
		select {
		case <-changed:
		case <-s.life.j.hurry:
		case <-ctx.Done():
		}
	}
}
