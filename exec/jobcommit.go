package exec

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// An epoch ends with a barrier, at which the tasks stand still. What it carries is taken
// then: what the operators have changed, written out into memory; positions, watermarks,
// counters. The tasks go on at once, with the next epoch, and a goroutine takes the one
// before to its decision. At most one epoch is on that way. Who ends the next sooner
// waits, which is with rows still being read, unless memory is short.
//
// No sink sees two epochs at a time: the rows of the next wait in its queue until the
// one before is decided. Where they fill that, rows are not read on.

// commit is an epoch between its barrier and its decision.
type commit struct {
	epoch    stream.Epoch
	begun    time.Time
	pages    state.Batch
	progress state.Progress
	moved    map[place]stream.Offset
	acks     map[*acker][]stream.Position
	results  []string // nil: the job keeps none
	met      []*viewGoal
	kept     keptState
	alone    bool          // it has dead letters alone: the operators have not moved since the last
	letters  []state.Token // where sinks have prepared at the barrier: all tokens
	decided  bool          // the store has, or may have, committed it
	err      error
	done     chan struct{} // closed when it is committed, or err is set
}

// undo is the epoch that is to be undone, of one that could not be committed; 0: it is
// decided, or may be.
func (c *commit) undo() stream.Epoch {
	if c.decided {
		return 0
	}
	return c.epoch
}

// arrival is closed when the epoch on its way is committed, or could not be; nil: there
// is none.
func (l *life) arrival() <-chan struct{} {
	if l.passing == nil {
		return nil
	}
	return l.passing.done
}

// land takes note that the epoch on its way is committed. One that could not be ends the
// life, and stays where it is until then.
func (l *life) land() error {
	if err := l.passing.err; err != nil {
		return err
	}
	l.passing = nil
	l.commits++
	l.landed = true
	return nil
}

// arrive waits until the epoch on its way, where there is one, is committed.
func (l *life) arrive(ctx context.Context) error {
	if l.passing == nil {
		return nil
	}
	select {
	case <-l.passing.done:
		return l.land()
	case err := <-l.fails:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// follow does what waited for an epoch to be committed, which it is.
func (l *life) follow(ctx context.Context) error {
	if err := l.land(); err != nil || !l.wanted {
		return err
	}
	return l.checkpoint(ctx)
}

// want ends the epoch that runs as soon as the one before is committed.
func (l *life) want(ctx context.Context) error {
	if l.wanted = l.passing != nil; l.wanted {
		return nil
	}
	return l.checkpoint(ctx)
}

// end ends the epoch that runs, which is the life's last, and returns when it is
// committed. The tasks do not go on: what they would read meanwhile is of no epoch, but
// would be told to the sources as read, and be in the sinks.
func (l *life) end(ctx context.Context) error {
	l.ending = true
	if err := l.checkpoint(ctx); err != nil {
		return err
	}
	return l.arrive(ctx)
}

// checkpoint ends the epoch that runs, when the one before is committed, and begins the
// next. An epoch in which nothing moved goes on.
func (l *life) checkpoint(ctx context.Context) error {
	if l.due = l.crew == nil && l.tasks[0].open > 0 && torn(l.tasks[0].live); l.due {
		return nil // until the commits that are being read have been read whole
	}
	if err := l.arrive(ctx); err != nil {
		return err
	}
	l.wanted = false
	begun := time.Now()
	alone := l.stands
	if !alone {
		if err := l.halt(ctx); err != nil {
			return err
		}
	}
	if l.stands = l.ending; !l.stands {
		defer l.resume()
	}
	met := l.met()
	if !slices.ContainsFunc(l.tasks, (*task).changed) && !l.hasLetters() {
		l.j.view.read(met)
		return nil
	}
	c := &commit{epoch: l.epoch, begun: begun, met: met, alone: alone, done: make(chan struct{})}
	if err := l.take(ctx, c); err != nil {
		return err
	}
	l.next(c.epoch + 1)
	l.passing = c
	go func() {
		defer close(c.done)
		if c.err = l.commit(ctx, c); c.err != nil {
			l.fails <- c.err // there is room: an epoch fails once in a life
		}
	}()
	return nil
}

// take takes what an epoch carries. The tasks stand still.
func (l *life) take(ctx context.Context, c *commit) error {
	if l.landed && !c.alone {
		l.operatorsCommitted()
		l.landed = false
	}
	c.progress = state.Progress{Watermarks: l.watermarks(), Follows: follows(l.tasks[0].live)}
	c.moved = l.moved()
	for at, next := range c.moved {
		c.progress.Positions = append(c.progress.Positions, state.Position{Source: at.source, Split: string(at.split), Offset: next})
	}
	c.acks = map[*acker][]stream.Position{}
	for _, t := range l.tasks {
		for leaf, a := range t.ackers {
			c.acks[a] = t.positions(leaf.scan, t.moved)
		}
	}
	l.results.write(&c.pages)
	if l.results != nil {
		c.results = l.results.snapshot()
	}
	if !c.alone {
		l.saveMarks(&c.pages)
		if err := l.saveOperators(&c.pages); err != nil {
			return err
		}
	}
	c.kept = l.holds()
	l.pace.ended()
	if err := l.prepareLetters(ctx, c); err != nil {
		return err
	}
	for _, t := range l.tasks {
		t.begin()
	}
	l.j.pass()
	if c.letters == nil {
		for _, s := range l.sinks {
			s.prepare(c.epoch)
		}
	}
	c.kept.stalled = time.Since(c.begun)
	return nil
}

// prepareLetters has the sinks prepare at the barrier, where rows that they refuse are
// dead letters: those are of the same epoch, and the last of its sinks to prepare. No
// row is read meanwhile.
func (l *life) prepareLetters(ctx context.Context, c *commit) error {
	if len(l.boxes) == 0 {
		return nil
	}
	tokens, err := l.prepare(ctx, l.outputs(), c.epoch)
	if err != nil {
		return err
	}
	for _, s := range l.sinks {
		if staged, ok := s.sink.(*stagedSink); ok {
			if err := staged.lettersFor(c.epoch); err != nil {
				return err
			}
		}
	}
	if err := l.flushLetters(ctx, 1); err != nil {
		return err
	}
	letters, err := l.prepare(ctx, l.sinks[len(tokens):], c.epoch)
	c.letters = slices.Concat(tokens, letters)
	return err
}

// prepare has sinks make an epoch durable and returns their tokens.
func (l *life) prepare(ctx context.Context, sinks []*sinkTask, e stream.Epoch) ([]state.Token, error) {
	for _, s := range sinks {
		s.prepare(e)
	}
	return l.tokens(ctx, sinks)
}

// tokens are those of sinks that were asked to prepare.
func (l *life) tokens(ctx context.Context, sinks []*sinkTask) ([]state.Token, error) {
	tokens := make([]state.Token, 0, len(sinks))
	for _, s := range sinks {
		select {
		case p := <-s.prepared:
			if p.err != nil {
				return nil, p.err
			}
			tokens = append(tokens, state.Token{Sink: s.name, Bytes: p.token})
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return tokens, nil
}

// commit takes an epoch from its barrier to its decision, while the next one runs: the
// sinks have prepared, the store prepares positions, pages and tokens; the Decider
// commits, where there is one, and then the store, whose commit is the decision
// otherwise; then the sinks commit and the readers are told.
func (l *life) commit(ctx context.Context, c *commit) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = l.j.e.panicked("job "+l.j.def.Name, p, debug.Stack())
		}
	}()
	state.FaultPoint("epoch taken")
	tokens := c.letters
	if tokens == nil {
		if tokens, err = l.tokens(ctx, l.sinks); err != nil {
			return err
		}
	}
	state.FaultPoint("sinks prepared")
	c.progress.Tokens = tokens
	l.j.with(c.epoch).write(&c.pages)
	for _, s := range l.sinks {
		if t, ok := s.sink.(staging); ok {
			t.stageInto(&c.pages, c.epoch)
		}
	}
	version, err := l.handle.Prepare(uint64(c.epoch), &c.pages, c.progress)
	if err != nil {
		return err
	}
	c.pages = state.Batch{} // what is held of it goes
	c.decided = true
	if err := l.decide(ctx, c.epoch, version); err != nil {
		return err
	}
	state.FaultPoint("decided")
	if err := l.handle.Commit(uint64(c.epoch)); err != nil {
		return err
	}
	if slices.ContainsFunc(l.sinks, func(s *sinkTask) bool { _, ok := s.sink.(*tableSink); return ok }) {
		l.j.view.expect(c.epoch, c.met)
	}
	l.j.committed(c) // before a sink has a row of the next epoch
	for i, s := range l.sinks {
		s.decisions <- work{kind: workCommit, epoch: c.epoch, token: tokens[i].Bytes} // there is room
	}
	for a, upTo := range c.acks {
		a.add(upTo)
	}
	return nil
}
