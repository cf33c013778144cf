package exec

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// batchPool keeps batches of one shape for use again. Several goroutines may
// put batches back.
type batchPool struct {
	types []types.Type
	pool  sync.Pool
}

func (p *batchPool) get() *vec.Batch {
	if b, ok := p.pool.Get().(*vec.Batch); ok {
		return b
	}
	return vec.NewBatch(p.types)
}

// shared is a batch that several sinks read. The last to release it puts it back.
type shared struct {
	batch  *vec.Batch
	pool   *batchPool
	refs   atomic.Int32
	memory *jobMemory // that counts it; nil: none does
	size   int64      // bytes of it
}

func newShared(b *vec.Batch, pool *batchPool, refs int) *shared {
	s := &shared{batch: b, pool: pool}
	for _, c := range b.Cols {
		s.size += vec.MemSize(c)
	}
	s.refs.Store(int32(refs))
	return s
}

func (s *shared) release() {
	if s.refs.Add(-1) == 0 {
		if s.memory != nil {
			s.memory.drop(s.batch)
		}
		s.batch.Reset()
		s.pool.pool.Put(s.batch)
	}
}

type workKind uint8

const (
	workWrite workKind = iota
	workPrepare
	workCommit
	workRollback
	workNothing
)

// work is one thing for a sink to do.
type work struct {
	kind  workKind
	rows  *shared
	epoch stream.Epoch
	token []byte
	done  chan<- struct{} // of workNothing: closed
}

// drop gives back what work carries, and tells who waits for it.
func (w work) drop() {
	if w.rows != nil {
		w.rows.release()
	}
	if w.done != nil {
		close(w.done)
	}
}

type preparedToken struct {
	token []byte
	err   error
}

// sinkTask is a sink and the goroutine that owns it. The sink gets an epoch's rows, is
// asked to prepare, and gets no row of the next epoch before it has been told to commit
// or to roll back: those wait in the queue meanwhile.
type sinkTask struct {
	name     string
	batch    int // most rows of one Write; 0: as many as come
	sink     stream.Sink
	handle   *state.Job
	reject   func(where string, r stream.Reject) error
	omits    func(n int64)     // counts rows that the sink has left out
	omitted  int64             // of those, which have been counted
	failure  func(error) error // makes an error the job's
	job      *job
	queue    *workQueue // bounded: a slow sink holds the job back
	prepared chan preparedToken
	// decisions are what becomes of the epochs that the sink was asked to prepare. There
	// is room for two: one may not have been taken when the next is made.
	decisions chan work
	asked     stream.Epoch // to prepare, the last; the life's
	fails     chan<- error
	failed    error // once set, work is only answered
	// Of the epoch that is prepared and not committed; token nil: there is none.
	token []byte
	of    stream.Epoch
	wait  sync.WaitGroup
}

func (s *sinkTask) start(ctx context.Context, e *Engine) {
	s.wait.Go(func() {
		for undone := false; ; {
			w, ok := s.queue.take()
			if !ok {
				break
			}
			if undone {
				w.drop()
				continue
			}
			s.do(ctx, e, w)
			if w.kind == workPrepare {
				undone = !s.decided(ctx, e)
			}
		}
		defer s.job.asked.ask("")()
		if err := s.sink.Close(); err != nil && s.failed == nil {
			e.log.Warn("closing a sink", "sink", s.name, "error", err)
			s.job.unfinished(fmt.Errorf("closing sink '%s': %w", s.name, err))
		}
	})
}

// asks notes that the sink is being asked for something, until answered is called.
func (s *sinkTask) asks() (answered func()) { return s.job.asked.ask("sink '" + s.name + "'") }

// decided waits for what becomes of the epoch that was prepared, and does it; false:
// it is not committed, so that no row which follows is wanted.
func (s *sinkTask) decided(ctx context.Context, e *Engine) bool {
	w, ok := <-s.decisions
	if ok {
		s.do(ctx, e, w)
	}
	return ok && w.kind == workCommit
}

// prepare asks the sink to prepare, after the rows that it has been sent. It does not
// wait.
func (s *sinkTask) prepare(e stream.Epoch) {
	s.asked = e
	s.queue.put(work{kind: workPrepare, epoch: e})
}

// send hands work over, when there is room; it fails where a sink of the job, or the
// epoch before, has failed.
func (s *sinkTask) send(ctx context.Context, fails <-chan error, w work) error {
	for !s.queue.offer(w) {
		select {
		case <-s.queue.room:
		case err := <-fails:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// idle returns when all work that was sent has been done.
func (s *sinkTask) idle(ctx context.Context, fails <-chan error) error {
	done := make(chan struct{})
	if err := s.send(ctx, fails, work{kind: workNothing, done: done}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case err := <-fails:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *sinkTask) do(ctx context.Context, e *Engine, w work) {
	var token []byte
	err := s.failed
	if err == nil || w.kind == workRollback {
		token, err = s.try(ctx, e, w)
	}
	if err != nil && s.failed == nil {
		s.failed = s.failure(fmt.Errorf("Sink '%s': %w", s.name, system{err}))
		if w.kind != workPrepare {
			s.fails <- s.failed // there is room for one of each sink
		}
	}
	w.drop()
	if w.kind == workPrepare {
		s.prepared <- preparedToken{token, s.failed}
	}
}

func (s *sinkTask) try(ctx context.Context, e *Engine, w work) (token []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = e.panicked(s.name, p, debug.Stack())
		}
	}()
	if w.kind != workNothing {
		defer s.asks()()
	}
	switch w.kind {
	case workWrite:
		for part := range parts(w.rows.batch, s.batch) {
			rejects, err := s.sink.Write(ctx, part)
			for _, r := range rejects {
				if err == nil {
					err = s.reject(s.name, r)
				}
			}
			if err != nil {
				return nil, err
			}
		}
		return nil, nil
	case workPrepare:
		state.FaultPoint("sink prepare")
		token, err := s.sink.Prepare(ctx, w.epoch)
		if err == nil && token == nil {
			token = []byte{}
		}
		s.token, s.of = token, w.epoch
		return token, err
	case workCommit:
		state.FaultPoint("sink commit")
		if err := s.sink.Commit(ctx, w.epoch, w.token); err != nil {
			return nil, err
		}
		state.FaultPoint("sink committed")
		s.token = nil
		s.countOmitted()
		switch s.sink.(type) {
		case *stagedSink:
			return nil, nil // which tells when it is
		case stream.Settled:
			return nil, s.handle.Settled(uint64(w.epoch), s.name)
		}
		return nil, s.handle.Delivered(uint64(w.epoch), s.name)
	case workRollback:
		if s.token != nil && s.of != w.epoch {
			// An epoch before it is decided and not delivered: the next start
			// delivers it, and opens the sink at its end.
			return nil, nil
		}
		// It is undone also where the job has been cut short.
		ctx, cancel := lingering(ctx, undoPatience)
		defer cancel()
		return nil, s.sink.Rollback(ctx, w.epoch, s.token)
	}
	return nil, nil
}

// close does the work that is queued, closes the sink and returns when its
// goroutine has ended. An epoch that is prepared and of which nothing was said stays
// as it is.
func (s *sinkTask) close() {
	close(s.decisions)
	s.queue.close()
	s.wait.Wait()
}

// closeSinks ends every sink's task and returns the first failure of one. undo is an
// epoch that is not decided and whose rows are to go; 0: there is none.
func (l *life) closeSinks(undo stream.Epoch) error {
	for _, s := range l.sinks {
		w := work{kind: workRollback, epoch: undo}
		switch {
		case undo == 0:
		case s.asked == undo:
			s.decisions <- w // there is room: what was decided before has been, or will be, taken
		default:
			s.queue.put(w)
		}
	}
	var err error
	for _, s := range l.sinks {
		s.close()
		err = firstError(err, s.failed)
	}
	return err
}

// countOmitted counts the rows that the sink has left out since the last time. One that
// was opened again has left out none.
func (s *sinkTask) countOmitted() {
	o, ok := s.sink.(stream.Omitting)
	if !ok {
		return
	}
	now := o.Omitted()
	if n := now - s.omitted; n > 0 {
		s.omits(n)
	}
	s.omitted = now
}
