package exec

import (
	"context"
	"errors"
	"maps"
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
	ending      bool // likewise, of this life: no task goes on behind it
	stands      bool // it has ended: what comes yet are epochs of dead letters alone
	wasLast     bool // it was committed before this life began
	goesOn      bool // it was, of a job that another text has replaced: what its streams have got since is read
	j           *job
	lived       chan struct{} // closed when it ends
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
	due     bool         // a checkpoint waits for the rest of a commit of a followed table
	passing *commit      // the epoch before, until it is committed; nil: it is
	wanted  bool         // a checkpoint is to follow when it is
	landed  bool         // one was committed, of which the operators have not heard
	commits int
	crowded atomic.Bool // memory is short: the epoch is to end, whatever the interval
	pace    *epochPace
}

// outcome is how a life ended without an error.
type outcome uint8

const (
	lifeStopped outcome = iota
	lifeFinished
)

// run starts a life, runs it to its end and takes everything down again.
func (l *life) run(ctx context.Context) (end outcome, err error) {
	failed := true // where it panics too, of which err says nothing here
	defer func() {
		defer l.j.asked.ask("")()
		close(l.lived)
		if l.crew != nil {
			l.crew.end()
		}
		for _, t := range l.tasks {
			t.stop()
		}
		l.j.mu.Lock()
		l.j.waits, l.j.times, l.j.present = nil, nil, nil
		l.j.mu.Unlock()
		var undo stream.Epoch
		if failed || err != nil {
			undo = l.epoch
		}
		if c := l.passing; c != nil {
			<-c.done
			if lerr := l.land(); lerr != nil {
				err, undo = firstError(err, lerr), c.undo()
			}
		}
		// A commit that fails after the last epoch is a failure of the job too.
		err = firstError(err, l.closeSinks(undo))
		if l.decider != nil {
			err = firstError(err, l.decider.Close())
		}
		for _, t := range l.tasks {
			t.endAckers(!failed && err == nil)
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
	unfinished := errors.Is(err, errUnfinished)
	if unfinished {
		l.j.unfinished(err)
		end, err = lifeStopped, nil
		l.j.e.log.Warn("a job was stopped in the midst of a commit, which is read again when it starts", "job", l.j.def.Name)
	}
	if err == nil && end == lifeStopped && l.j.gone() {
		err = l.deliverRest(ctx)
	}
	failed = unfinished
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
			var err error
			switch {
			case l.crowded.Swap(false):
				err = l.checkpoint(ctx) // and until then no row comes: memory is short
			case len(l.met()) > 0 || l.hasLetters():
				err = l.want(ctx)
			}
			if err != nil {
				return 0, err
			}
		case it := <-t.pumps.items:
			if err := t.item(ctx, it); err != nil {
				return 0, err
			}
			if l.pace.full.Load() && l.crowded.Swap(false) {
				if err := l.checkpoint(ctx); err != nil {
					return 0, err
				}
			}
			if (l.due || (it.read.CaughtUp || it.mark != nil) && len(l.met()) > 0) && !torn(t.live) {
				if err := l.want(ctx); err != nil {
					return 0, err
				}
			}
		}
	}
}

// finish ends a life whose sources have ended, when its sinks have all rows.
func (l *life) finish(ctx context.Context) (outcome, error) {
	if l.finishing = true; !l.wasLast {
		if err := l.end(ctx); err != nil {
			return 0, err
		}
	}
	for {
		last := l.epoch
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
		if l.epoch == last { // no dead letters have come that other sinks have not got yet
			return lifeFinished, nil
		}
	}
}

// pause has the interval between epochs begin anew: where a barrier took long, the
// rows that came meanwhile have their turn before the next.
func (l *life) pause(tick *time.Ticker) {
	tick.Reset(l.settings.checkpoint)
	select {
	case <-tick.C:
	default:
	}
}

// restPatience is how long a job that is stopped waits for more of a commit that it has
// read in part.
const restPatience = 5 * time.Second

// errUnfinished ends a life in the midst of a commit whose rest does not come. The epoch
// that ran is undone, as that of a crash is, and the next life reads the commit again.
var errUnfinished = errors.New("the rest of a commit does not come")

// last ends the epoch that runs, with the rest of the commits of followed tables and of
// other systems that it has begun to read.
func (l *life) last(ctx context.Context) error {
	patience := time.NewTimer(restPatience)
	defer patience.Stop()
	for t := l.tasks[0]; torn(t.live); patience.Reset(restPatience) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-patience.C:
			return errUnfinished
		case err := <-l.fails:
			return err
		case it := <-t.pumps.items:
			if err := t.item(ctx, it); err != nil {
				return err
			}
		}
	}
	return l.end(ctx)
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
	l.epoch = e
	now := max(microsSince2000(time.Now()), l.env.StatementTime)
	l.env.TransactionTime, l.env.StatementTime = now, now
	for _, t := range l.tasks {
		t.env.TransactionTime, t.env.StatementTime = now, now
	}
}

func microsSince2000(t time.Time) int64 {
	return t.UnixMicro() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}
