package exec

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// A job of several tasks has a goroutine for each, and that of its life, which ends
// the epochs: it asks every task for a barrier, waits until all of them stand still,
// and then has all that they hold to itself until they go on.
//
// A barrier goes through the operators level by level. A level is complete when
// every task has told every other that it has sent all rows of it. Before the first
// one the tasks meet: what a stream's time has come to is then the same for all.
//
// Tasks wait for each other's room without a knot, since who cannot send takes in
// what comes meanwhile. What is taken in so is bounded by what the others may send
// before they in turn get to read: they read nothing new while something waits.

// mailbox is how many messages a task's inbox has room for, for each other task.
const mailbox = 4

// crew are the goroutines of a job's tasks.
type crew struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup
	parked chan struct{} // a task stands still at the barrier
	idle   chan struct{} // a task has nothing left to read
	fails  chan error
}

// startTasks starts the goroutines. first says what is to be done before anything is
// read.
func (l *life) startTasks(ctx context.Context, first bool) {
	ctx, cancel := context.WithCancel(ctx)
	n := len(l.tasks)
	c := &crew{cancel: cancel, parked: make(chan struct{}, n), idle: make(chan struct{}, n), fails: make(chan error, n)}
	l.crew = c
	for _, t := range l.tasks {
		c.wait.Go(func() {
			if err := t.run(ctx, c, first); err != nil && ctx.Err() == nil {
				c.fails <- err // there is room: each task fails once
			}
		})
	}
}

// end stops the goroutines and returns when they have ended.
func (c *crew) end() {
	c.cancel()
	c.wait.Wait()
}

// run is a task's goroutine.
func (t *task) run(ctx context.Context, c *crew, first bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.life.j.e.panicked("job "+t.life.j.def.Name, p, debug.Stack())
		}
	}()
	if err := t.begun(ctx, first); err != nil {
		return err
	}
	// Nothing is read before the watermarks that were passed on in the last life have
	// come to every operator again: what was late then is late now.
	for level := range t.levels {
		if err := t.meet(ctx, level); err != nil {
			return err
		}
	}
	for {
		if err := t.settle(ctx); err != nil {
			return err
		}
		if err := t.step(ctx, c); err != nil {
			return err
		}
	}
}

// begun reads the leaves that end, and ends those that are another task's.
func (t *task) begun(ctx context.Context, first bool) error {
	if err := t.readBounded(ctx, first); err != nil {
		return err
	}
	for _, leaf := range t.tree.leaves {
		if leaf.done || slices.Contains(t.live, leaf) {
			continue
		}
		if err := leaf.skip(ctx); err != nil {
			return err
		}
	}
	return t.resumeClocks(ctx)
}

// step does the next thing that there is to do.
func (t *task) step(ctx context.Context, c *crew) error {
	if len(t.pending) > 0 {
		m := t.pending[0]
		t.pending = t.pending[1:]
		return t.receive(ctx, m)
	}
	if t.due && (t.open == 0 || !torn(t.live)) {
		return t.end(ctx, c)
	}
	if t.open == 0 && !t.ended {
		t.ended = true
		c.idle <- struct{}{} // there is room: once a task
	}
	var silent <-chan time.Time
	if t.due { // and a commit has been read in part
		patience := time.NewTimer(restPatience)
		defer patience.Stop()
		silent = patience.C
	}
	items := t.pumps.items
	if t.waits() {
		items = nil
	}
	select {
	case <-silent:
		if t.life.j.ending() {
			return errUnfinished
		}
		return nil
	case m := <-t.inbox:
		if err := t.receive(ctx, m); err != nil {
			return err
		}
		if len(t.pending) == 0 && len(t.inbox) == 0 && len(t.pumps.items) == 0 {
			return t.flush(ctx)
		}
		return nil
	case it := <-items:
		waited := it.mark != nil || it.read.CaughtUp && it.from.leaf.scan.table != nil && t.life.j.view.waiting.Load() > 0
		if err := t.item(ctx, it); err != nil || !waited {
			return err
		}
		t.life.j.hurryUp()
		return nil
	case <-t.nudge:
		return t.silence(ctx, time.Now())
	case <-t.barriers:
		t.due = true
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waits reports whether nothing is read until the epoch has ended, whose end has been asked
// for: the one before may be on its way for long.
func (t *task) waits() bool { return t.life.pace.full.Load() && len(t.moved) > 0 && !torn(t.live) }

// end ends the epoch, and stands still until the next has begun.
func (t *task) end(ctx context.Context, c *crew) error {
	t.due = false
	if err := t.barrier(ctx, t.life.epoch); err != nil {
		return err
	}
	c.parked <- struct{}{} // there is room: once a barrier
	select {
	case <-t.resumes:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// send gives another task a message.
func (t *task) send(ctx context.Context, to int, m message) error {
	m.from = t.number
	for {
		select {
		case t.life.tasks[to].inbox <- m:
			return nil
		case in := <-t.inbox:
			t.pending = append(t.pending, in)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// receive does what a message says.
func (t *task) receive(ctx context.Context, m message) error {
	if m.kind == messageLevel {
		t.arrived[m.to]++
		return nil
	}
	return t.exchanges[m.to].receive(ctx, m)
}

// meet returns when all tasks have passed on their rows of a level, and those for
// this one have come. The number of levels itself stands for the barrier's beginning.
func (t *task) meet(ctx context.Context, level int) error {
	for i := range t.life.tasks {
		if i == t.number {
			continue
		}
		if err := t.send(ctx, i, message{kind: messageLevel, to: level}); err != nil {
			return err
		}
	}
	for t.arrived[level] < len(t.life.tasks)-1 {
		var m message
		if len(t.pending) > 0 {
			m, t.pending = t.pending[0], t.pending[1:]
		} else {
			select {
			case m = <-t.inbox:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := t.receive(ctx, m); err != nil {
			return err
		}
	}
	t.arrived[level] = 0
	return nil
}

// loopTasks is loop of a job of several tasks.
func (l *life) loopTasks(ctx context.Context) (outcome, error) {
	tick := time.NewTicker(l.settings.checkpoint)
	defer tick.Stop()
	for idle := 0; idle < len(l.tasks); {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-l.j.stop:
			return lifeStopped, l.end(ctx)
		case err := <-l.fails:
			return 0, err
		case err := <-l.crew.fails:
			return 0, err
		case <-l.crew.idle:
			idle++
		case <-l.arrival():
			if err := l.follow(ctx); err != nil {
				return 0, err
			}
		case <-tick.C:
			if l.j.still.Load() {
				continue // the epoch ends when the cut that is made has been read up to
			}
			if err := l.want(ctx); err != nil {
				return 0, err
			}
			l.pause(tick)
		case <-l.j.hurry:
			next := l.want
			if l.crowded.Swap(false) {
				next = l.checkpoint
			}
			if err := next(ctx); err != nil {
				return 0, err
			}
		}
	}
	return l.finish(ctx)
}

// halt ends the epoch in every task. Until resume nobody else has them.
func (l *life) halt(ctx context.Context) error {
	if l.crew == nil {
		return l.tasks[0].barrier(ctx, l.epoch)
	}
	for _, t := range l.tasks {
		t.barriers <- struct{}{} // there is room: the last has been taken
	}
	for range l.tasks {
		select {
		case <-l.crew.parked:
		case err := <-l.crew.fails:
			return err
		case err := <-l.fails:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// resume has every task go on.
func (l *life) resume() {
	if l.crew == nil {
		return
	}
	for _, t := range l.tasks {
		t.resumes <- struct{}{} // there is room: the last has been taken
	}
}
