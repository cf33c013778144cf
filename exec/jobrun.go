package exec

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// life is a job from one start to its end or next failure. One goroutine owns
// it; sinks and readers have their own.
type life struct {
	finishing   bool // the epoch that runs is the last
	wasLast     bool // it was committed before this life began
	j           *job
	settings    jobSettings
	handle      *state.Job
	plan        *plan.StartJob
	env         *function.Env
	tasks       []*task
	crew        *crew       // nil: there is one task, which the life's goroutine runs
	sinks       []*sinkTask // those of boxes come last
	boxes       []*letterBox
	policies    policies
	results     *results // where there is no sink
	drifting    drifting
	pool        *batchPool
	fails       chan error     // the first failure of each sink
	decider     stream.Decider // nil: the store's commit is the decision
	decides     string         // the connector whose sinks write in decider
	transaction transaction
	memory      *jobMemory
	account     *memory.Account // of what operators hold
	shaped      bool            // what the kept operators are is in the store
	layout      layout          // of their state
	stored      layout          // as it lies in the store
	marks       map[int]int64   // of nodes of several inputs, as the store has them

	epoch   stream.Epoch // that runs
	decided bool         // the store has, or may have, committed it
	due     bool         // a checkpoint waits for the rest of a commit of a followed table
	commits int
	crowded atomic.Bool // memory is short: the epoch is to end, whatever the interval
}

// outcome is how a life ended without an error.
type outcome uint8

const (
	lifeStopped outcome = iota
	lifeFinished
)

// run starts a life, runs it to its end and takes everything down again.
func (l *life) run(ctx context.Context) (end outcome, err error) {
	defer func() {
		if l.crew != nil {
			l.crew.end()
		}
		for _, t := range l.tasks {
			t.stop()
		}
		l.j.mu.Lock()
		l.j.waits, l.j.times = nil, nil
		l.j.mu.Unlock()
		// A commit that fails after the last epoch is a failure of the job too.
		err = firstError(err, l.closeSinks(err != nil && !l.decided && l.epoch > 0))
		if l.decider != nil {
			err = firstError(err, l.decider.Close())
		}
		for _, t := range l.tasks {
			t.endAckers(err == nil)
		}
		for _, t := range l.tasks {
			err = firstError(err, t.close())
		}
		l.account.Close()
	}()
	if err := l.start(ctx); err != nil {
		return 0, err
	}
	end, err = l.loop(ctx)
	if err == nil && end == lifeStopped && l.j.gone() {
		err = l.deliverRest(ctx)
	}
	return end, err
}

func (l *life) loop(ctx context.Context) (outcome, error) {
	if l.wasLast {
		return l.finish(ctx)
	}
	if l.crew != nil {
		return l.loopTasks(ctx)
	}
	tick := time.NewTicker(l.settings.checkpoint)
	defer tick.Stop()
	t := l.tasks[0]
	for {
		if err := t.settle(ctx); err != nil {
			return 0, err
		}
		if t.open == 0 {
			return l.finish(ctx)
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-l.j.stop:
			return lifeStopped, l.last(ctx)
		case err := <-l.fails:
			return 0, err
		case <-tick.C:
			if err := l.checkpoint(ctx); err != nil {
				return 0, err
			}
			l.pause(tick)
		case <-l.j.hurry:
			if !l.crowded.Swap(false) && len(l.met()) == 0 {
				continue
			}
			if err := l.checkpoint(ctx); err != nil {
				return 0, err
			}
		case it := <-t.pumps.items:
			if err := t.item(ctx, it); err != nil {
				return 0, err
			}
			if (l.due || it.read.CaughtUp && len(l.met()) > 0) && !torn(t.live) {
				if err := l.checkpoint(ctx); err != nil {
					return 0, err
				}
			}
		}
	}
}

// finish ends a life whose sources have ended, when its sinks have all rows.
func (l *life) finish(ctx context.Context) (outcome, error) {
	if l.finishing = true; !l.wasLast {
		if err := l.checkpoint(ctx); err != nil {
			return 0, err
		}
	}
	for _, s := range l.sinks {
		staged, ok := s.sink.(*stagedSink)
		if !ok {
			continue
		}
		// The last epoch reaches it by the sink's own goroutine.
		if err := s.idle(ctx, l.fails); err != nil {
			return 0, err
		}
		if all, err := staged.delivered(ctx, l.j.stop); err != nil || !all {
			return lifeStopped, err
		}
	}
	return lifeFinished, nil
}

// pause has the interval between epochs begin anew: where one took long to store,
// the rows that came meanwhile have their turn before the next.
func (l *life) pause(tick *time.Ticker) {
	tick.Reset(l.settings.checkpoint)
	select {
	case <-tick.C:
	default:
	}
}

// last ends the epoch that runs, with the rest of the commits of followed tables
// that it has begun to read.
func (l *life) last(ctx context.Context) error {
	for t := l.tasks[0]; torn(t.live); {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-l.fails:
			return err
		case it := <-t.pumps.items:
			if err := t.item(ctx, it); err != nil {
				return err
			}
		}
	}
	return l.checkpoint(ctx)
}

// checkpoint ends the epoch that runs and begins the next: every sink prepares,
// the store prepares positions and tokens; the Decider commits, where there is
// one, and then the store, whose commit is the decision otherwise; then the sinks
// commit and the readers are told. An epoch in which nothing moved goes on.
func (l *life) checkpoint(ctx context.Context) error {
	if l.due = l.crew == nil && l.tasks[0].open > 0 && torn(l.tasks[0].live); l.due {
		return nil // until the commits that are being read have been read whole
	}
	begun := time.Now()
	if err := l.halt(ctx); err != nil {
		return err
	}
	defer l.resume()
	met := l.met()
	if !slices.ContainsFunc(l.tasks, (*task).changed) {
		l.j.view.read(met)
		return nil
	}
	tokens, err := l.prepare(ctx)
	if err != nil {
		return err
	}
	state.FaultPoint("sinks prepared")
	p := state.Progress{Tokens: tokens, Watermarks: l.watermarks()}
	moved := l.moved()
	for at, next := range moved {
		p.Positions = append(p.Positions, state.Position{Source: at.source, Split: string(at.split), Offset: next})
	}
	p.Follows = follows(l.tasks[0].live)
	var pages state.Batch
	l.results.write(&pages)
	l.saveMarks(&pages)
	l.j.with(l.epoch).write(&pages)
	for _, s := range l.sinks {
		if t, ok := s.sink.(staging); ok {
			t.stageInto(&pages, l.epoch)
		}
	}
	if err := l.saveOperators(&pages); err != nil {
		return err
	}
	version, err := l.handle.Prepare(uint64(l.epoch), &pages, p)
	if err != nil {
		return err
	}
	l.decided = true
	if err := l.decide(ctx, version); err != nil {
		return err
	}
	state.FaultPoint("decided")
	if err := l.handle.Commit(uint64(l.epoch)); err != nil {
		return err
	}
	l.commits++
	l.operatorsCommitted()
	defer l.showState(begun)
	if slices.ContainsFunc(l.sinks, func(s *sinkTask) bool { _, ok := s.sink.(*tableSink); return ok }) {
		l.j.view.expect(l.epoch, met)
	}
	return l.committed(ctx, tokens, p.Watermarks, moved)
}

// prepareSinks has sinks make the epoch durable and returns their tokens.
func (l *life) prepareSinks(ctx context.Context, sinks []*sinkTask) ([]state.Token, error) {
	for _, s := range sinks {
		if err := s.send(ctx, l.fails, work{kind: workPrepare, epoch: l.epoch}); err != nil {
			return nil, err
		}
	}
	tokens := make([]state.Token, 0, len(l.sinks))
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

// committed does what follows a decision.
func (l *life) committed(ctx context.Context, tokens []state.Token, marks []state.Watermark, moved map[place]stream.Offset) error {
	for i, s := range l.sinks {
		if err := s.send(ctx, l.fails, work{kind: workCommit, epoch: l.epoch, token: tokens[i].Bytes}); err != nil {
			return err
		}
	}
	for _, t := range l.tasks {
		for leaf, a := range t.ackers {
			a.add(t.positions(leaf.scan, t.moved))
		}
	}
	l.j.committed(l.epoch, moved, marks, l.results)
	for _, t := range l.tasks {
		t.begin()
	}
	l.next(stream.Epoch(l.handle.Next()))
	return nil
}

// moved are the positions that have moved in the epoch that runs.
func (l *life) moved() map[place]stream.Offset {
	all := map[place]stream.Offset{}
	for _, t := range l.tasks {
		maps.Copy(all, t.moved)
	}
	return all
}

// next begins an epoch; now() inside it is its beginning, and never before that of
// the one before, though the clock may have been set back.
func (l *life) next(e stream.Epoch) {
	l.epoch, l.decided = e, false
	now := max(microsSince2000(time.Now()), l.env.StatementTime)
	l.env.TransactionTime, l.env.StatementTime = now, now
	for _, t := range l.tasks {
		t.env.TransactionTime, t.env.StatementTime = now, now
	}
}

func microsSince2000(t time.Time) int64 {
	return t.UnixMicro() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}
