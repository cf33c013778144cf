package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// life is a job from one start to its end or next failure. One goroutine owns
// it; sinks and readers have their own.
type life struct {
	j        *job
	settings jobSettings
	handle   *state.Job
	plan     *plan.StartJob
	env      *function.Env
	tree     *tree
	live     []*leaf
	names    map[*scan]string // of each source
	batches  map[*scan]int    // the batch size of each that has its own
	sinks    []*sinkTask
	fan      *fanOut
	pumps    *pumps
	ackers   map[*leaf]*acker
	fails    chan error     // the first failure of each sink
	decider  stream.Decider // nil: the store's commit is the decision
	decides  string         // the connector whose sinks write in decider
	memory   *jobMemory
	kept     []keptOperator
	shaped   bool // what the kept operators are is in the store
	timed    bool // a watermark has moved in this epoch

	epoch   stream.Epoch            // that runs
	at      map[place]stream.Offset // where each split has been read to
	moved   map[place]stream.Offset // and those that have moved in this epoch
	open    int                     // streams that have not ended
	decided bool                    // the store has, or may have, committed the epoch that runs
	commits int
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
		if l.pumps != nil {
			l.pumps.close()
		}
		l.j.mu.Lock()
		l.j.waits = nil
		l.j.mu.Unlock()
		// A commit that fails after the last epoch is a failure of the job too.
		err = firstError(err, l.closeSinks(err != nil && !l.decided && l.epoch > 0))
		if l.decider != nil {
			err = firstError(err, l.decider.Close())
		}
		l.endAckers(err == nil)
		if l.tree != nil {
			if cerr := l.tree.close(); err == nil {
				err = cerr
			}
		}
	}()
	if err := l.start(ctx); err != nil {
		return 0, err
	}
	return l.loop(ctx)
}

func (l *life) loop(ctx context.Context) (outcome, error) {
	tick := time.NewTicker(l.settings.checkpoint)
	defer tick.Stop()
	for l.open > 0 {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-l.j.stop:
			return lifeStopped, l.checkpoint(ctx)
		case err := <-l.fails:
			return 0, err
		case <-tick.C:
			if err := l.checkpoint(ctx); err != nil {
				return 0, err
			}
		case it := <-l.pumps.items:
			if err := l.item(ctx, it); err != nil {
				return 0, err
			}
		}
	}
	return lifeFinished, l.checkpoint(ctx)
}

// item passes the rows of one Read through the plan.
func (l *life) item(ctx context.Context, it item) error {
	leaf := it.from.leaf
	if it.err != nil {
		if !errors.Is(it.err, io.EOF) {
			return system{it.err}
		}
		l.open--
		return leaf.end(ctx)
	}
	l.memory.hold(it.batch)
	for _, r := range it.read.Rejects {
		if err := l.reject(l.names[leaf.scan], r.Err); err != nil {
			return err
		}
	}
	l.j.count(tally{in: int64(it.batch.Len())})
	if err := l.take(ctx, leaf, it); err != nil {
		return err
	}
	l.move(place{l.names[leaf.scan], it.read.Split}, it.read.Next, it.batch.Len() > 0)
	it.done()
	if it.read.CaughtUp && len(l.pumps.items) == 0 {
		return l.fan.flush(ctx)
	}
	return nil
}

// take passes the rows of one Read on, and then how far its stream's time has
// come.
func (l *life) take(ctx context.Context, leaf *leaf, it item) error {
	if leaf.clock == nil {
		return l.pass(ctx, leaf, it.batch)
	}
	now := time.Now()
	b, err := leaf.clock.observe(it.batch, it.read, now)
	if err != nil {
		if b, err = it.batch, l.reject(l.names[leaf.scan], err); err != nil {
			return err
		}
	}
	if err := l.pass(ctx, leaf, b); err != nil {
		return err
	}
	moved, err := leaf.tell(ctx, now)
	l.timed = l.timed || moved
	if errors.Is(err, stream.Done) {
		return nil
	}
	return err
}

// move notes where to go on in a split. A source may say again where it is; that
// alone makes no epoch.
func (l *life) move(at place, next stream.Offset, rows bool) {
	if next == nil || !rows && bytes.Equal(l.at[at], next) {
		return
	}
	l.at[at] = append(l.at[at][:0], next...)
	l.moved[at] = append(l.moved[at][:0], next...)
}

// pass gives a batch to the operators, in parts where the stream or the job says
// so.
func (l *life) pass(ctx context.Context, leaf *leaf, b *vec.Batch) error {
	size := l.settings.batch
	if own := l.batches[leaf.scan]; own > 0 {
		size = own
	}
	for part := range parts(b, size) {
		if _, err := leaf.take(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// parts cuts a batch into such of at most size rows; 0: it stays whole.
func parts(b *vec.Batch, size int) iter.Seq[*vec.Batch] {
	return func(yield func(*vec.Batch) bool) {
		if size == 0 || b.Len() <= size {
			yield(b)
			return
		}
		sel := b.Sel
		if sel == nil {
			sel = make([]int32, b.Rows)
			for i := range sel {
				sel[i] = int32(i)
			}
		}
		for part := range slices.Chunk(sel, size) {
			if !yield(&vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: part, Rows: b.Rows}) {
				return
			}
		}
	}
}

// checkpoint ends the epoch that runs and begins the next: every sink prepares,
// the store prepares positions and tokens; the Decider commits, where there is
// one, and then the store, whose commit is the decision otherwise; then the sinks
// commit and the readers are told. An epoch in which nothing moved goes on.
func (l *life) checkpoint(ctx context.Context) error {
	if err := l.silence(ctx, time.Now()); err != nil {
		return err
	}
	if err := l.tree.barrier(ctx, l.epoch); err != nil {
		return err
	}
	if err := l.fan.flush(ctx); err != nil {
		return err
	}
	if len(l.moved) == 0 && !l.fan.dirty && !l.timed {
		return nil
	}
	tokens, err := l.prepare(ctx)
	if err != nil {
		return err
	}
	p := state.Progress{Tokens: tokens, Watermarks: l.watermarks()}
	for at, next := range l.moved {
		p.Positions = append(p.Positions, state.Position{Source: at.source, Split: string(at.split), Offset: next})
	}
	var pages state.Batch
	l.fan.results.write(&pages)
	l.j.with(l.epoch).write(&pages)
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
	if err := l.handle.Commit(uint64(l.epoch)); err != nil {
		return err
	}
	l.commits++
	return l.committed(ctx, tokens, p.Watermarks)
}

// prepare has every sink make the epoch durable and returns their tokens.
func (l *life) prepare(ctx context.Context) ([]state.Token, error) {
	for _, s := range l.sinks {
		if err := s.send(ctx, l.fails, work{kind: workPrepare, epoch: l.epoch}); err != nil {
			return nil, err
		}
	}
	tokens := make([]state.Token, 0, len(l.sinks))
	for _, s := range l.sinks {
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
func (l *life) committed(ctx context.Context, tokens []state.Token, marks []state.Watermark) error {
	for i, s := range l.sinks {
		if err := s.send(ctx, l.fails, work{kind: workCommit, epoch: l.epoch, token: tokens[i].Bytes}); err != nil {
			return err
		}
	}
	for leaf, a := range l.ackers {
		a.add(l.positions(leaf.scan, l.moved))
	}
	l.j.committed(l.epoch, l.moved, marks, l.fan.results)
	l.fan.dirty, l.timed = false, false
	clear(l.moved)
	l.next(stream.Epoch(l.handle.Next()))
	return nil
}

// positions are those of a stream's splits.
func (l *life) positions(s *scan, of map[place]stream.Offset) []stream.Position {
	var all []stream.Position
	for at, next := range of {
		if at.source == l.names[s] {
			all = append(all, stream.Position{Split: at.split, Offset: bytes.Clone(next)})
		}
	}
	return all
}

// next begins an epoch; now() inside it is its beginning.
func (l *life) next(e stream.Epoch) {
	l.epoch, l.decided = e, false
	now := microsSince2000(time.Now())
	l.env.TransactionTime, l.env.StatementTime = now, now
}

// reject decides about a record or row that failed. Any of the life's
// goroutines may call it.
func (l *life) reject(where string, err error) error {
	if l.settings.strategy == failBatch {
		return fmt.Errorf("%s: %w", where, err)
	}
	if n := l.j.count(tally{skipped: 1}); n&(n-1) == 0 { // 1, 2, 4, 8, ...: a flood of bad records must not flood the log
		l.j.e.log.Warn("a record was skipped", "job", l.j.def.Name, "where", where, "error", err, "skipped", n)
	}
	return nil
}

// fanOut gives a plan's rows to each sink.
type fanOut struct {
	life    *life
	results *results // where there is no sink
	pool    *batchPool
	gather  *vec.Batch
	dirty   bool // rows have gone out in this epoch
}

// Emit copies the rows once, for all sinks, and passes full batches on.
func (f *fanOut) Emit(ctx context.Context, b *vec.Batch) error {
	f.life.j.count(tally{out: int64(b.Len())})
	f.dirty = true
	if f.results != nil {
		f.results.add(b)
		return nil
	}
	if f.gather != nil && f.gather.Rows+b.Len() > vec.MaxRows {
		if err := f.flush(ctx); err != nil {
			return err
		}
	}
	if f.gather == nil {
		f.gather = f.pool.get()
	}
	b.CopyInto(f.gather)
	return nil
}

// flush gives the rows gathered to the sinks.
func (f *fanOut) flush(ctx context.Context) error {
	if f.gather == nil {
		return nil
	}
	s := newShared(f.gather, f.pool, len(f.life.sinks))
	s.memory = f.life.memory
	s.memory.hold(s.batch)
	f.gather = nil
	for _, sink := range f.life.sinks {
		if err := sink.send(ctx, f.life.fails, work{kind: workWrite, rows: s}); err != nil {
			return err
		}
	}
	return nil
}

func microsSince2000(t time.Time) int64 {
	return t.UnixMicro() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}
