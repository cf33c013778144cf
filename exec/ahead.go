package exec

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// aheadFrom is how many batches a bounded scan reads in its caller's goroutine
// before it reads ahead on its own: most questions end before that, and are
// answered without a goroutine.
const aheadFrom = 2

// readAhead reads a bounded scan on a goroutine of its own, which owns the
// reader, while the query is at work on the batches before.
type readAhead struct {
	leaf *leaf
	free chan *vec.Batch // of which there are `ahead`, so that a send never waits
	full chan filled
	lent *vec.Batch // by the last next
	stop context.CancelFunc
	wait sync.WaitGroup
}

// filled is what one read brought, and how long it took.
type filled struct {
	batch *vec.Batch
	err   error // io.EOF at the end
	took  time.Duration
}

// startAhead takes a leaf's reader over. The context is that of all reads.
func startAhead(ctx context.Context, l *leaf) *readAhead {
	ctx, stop := context.WithCancel(ctx)
	a := &readAhead{leaf: l, free: make(chan *vec.Batch, ahead), full: make(chan filled, ahead), stop: stop}
	for range ahead - 1 {
		a.free <- vec.NewBatch(l.scan.types)
	}
	a.lent = l.scan.batch
	a.wait.Go(func() { a.run(ctx) })
	return a
}

// run reads until the stream or the context ends.
func (a *readAhead) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-a.free:
			start := time.Now()
			err := a.read(ctx, b)
			a.full <- filled{batch: b, err: err, took: time.Since(start)} // there is room for every batch
			if err != nil {
				return
			}
		}
	}
}

func (a *readAhead) read(ctx context.Context, b *vec.Batch) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = a.leaf.scan.engine.panicked("reader of "+a.leaf.scan.plan.Relation.Name, r, debug.Stack())
		}
	}()
	_, err = a.leaf.scan.read(ctx, b)
	return err
}

// next returns the next rows, lent until the following call.
func (a *readAhead) next(ctx context.Context) (*vec.Batch, error) {
	if a.lent != nil {
		a.free <- a.lent
		a.lent = nil
	}
	select {
	case f := <-a.full:
		a.leaf.elapsed += f.took
		a.lent = f.batch
		return f.batch, f.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// close stops the reads and returns when they have stopped.
func (a *readAhead) close() {
	a.stop()
	a.leaf.scan.wake()
	a.wait.Wait()
}
