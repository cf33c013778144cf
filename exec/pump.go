package exec

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// ahead is how many batches a pump may fill while the task is at work on
// another: one in the task, one waiting, one being filled.
const ahead = 3

// pump reads a stream ahead of its task, on a goroutine of its own, which owns
// the reader.
type pump struct {
	leaf *leaf
	free chan *vec.Batch
	// jobs for the reader's goroutine: acks and new splits. The bound is only
	// met by a reader that does not return from Read after Wake.
	calls chan func(context.Context, stream.Reader) error
	out   chan<- item
}

// item is what one Read brought. The batch goes back to the pump's free ones.
type item struct {
	from  *pump
	batch *vec.Batch
	read  stream.Read
	err   error // io.EOF: the stream has ended
}

// pumps are the readers of one task.
type pumps struct {
	all   []*pump
	items chan item
	wait  sync.WaitGroup
	stop  context.CancelFunc
}

// startPumps starts a pump for each leaf, whose scan is open, and, where poll is
// not 0, a watch for new splits.
func startPumps(ctx context.Context, e *Engine, leaves []*leaf, poll time.Duration) *pumps {
	ctx, stop := context.WithCancel(ctx)
	ps := &pumps{items: make(chan item, len(leaves)), stop: stop}
	for _, l := range leaves {
		p := &pump{
			leaf:  l,
			free:  make(chan *vec.Batch, ahead),
			calls: make(chan func(context.Context, stream.Reader) error, 16),
			out:   ps.items,
		}
		for range ahead {
			p.free <- vec.NewBatch(l.scan.types)
		}
		ps.all = append(ps.all, p)
	}
	for _, p := range ps.all {
		ps.wait.Go(func() { p.run(ctx, e) })
	}
	if poll > 0 {
		ps.wait.Go(func() { ps.watch(ctx, e, poll) })
	}
	return ps
}

// close stops the pumps and returns when they have stopped.
func (ps *pumps) close() {
	ps.stop()
	for _, p := range ps.all {
		p.leaf.scan.reader.Wake()
	}
	ps.wait.Wait()
}

func (p *pump) run(ctx context.Context, e *Engine) {
	err := p.pump(ctx, e)
	if err == nil || ctx.Err() != nil {
		return
	}
	select {
	case p.out <- item{from: p, err: err}:
	case <-ctx.Done():
	}
}

// pump returns the error that ended the stream.
func (p *pump) pump(ctx context.Context, e *Engine) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = e.panicked("reader of "+p.leaf.scan.plan.Relation.Name, r, debug.Stack())
		}
	}()
	for {
		var b *vec.Batch
		select {
		case <-ctx.Done():
			return nil
		case call := <-p.calls:
			if err := call(ctx, p.leaf.scan.reader); err != nil {
				return err
			}
			continue
		case b = <-p.free:
		}
		if err := p.serve(ctx); err != nil {
			return err
		}
		r, err := p.leaf.scan.read(ctx, b)
		if err != nil {
			return err
		}
		if b.Len() == 0 && r.Next == nil {
			p.free <- b // there is room: it came from there
			continue
		}
		select {
		case p.out <- item{from: p, batch: b, read: r}:
		case <-ctx.Done():
			return nil
		}
	}
}

// serve does the calls that wait.
func (p *pump) serve(ctx context.Context) error {
	for {
		select {
		case call := <-p.calls:
			if err := call(ctx, p.leaf.scan.reader); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// call has the reader's goroutine do something between two Reads.
func (p *pump) call(ctx context.Context, f func(context.Context, stream.Reader) error) {
	select {
	case p.calls <- f:
		p.leaf.scan.reader.Wake()
	case <-ctx.Done():
	}
}

// watch looks for new splits and has the readers take them up.
func (ps *pumps) watch(ctx context.Context, e *Engine, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, p := range ps.all {
			now, err := p.leaf.scan.source.Splits(ctx)
			if err != nil {
				if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
					e.log.Warn("listing splits", "stream", p.leaf.scan.plan.Relation.Name, "error", err)
				}
				continue
			}
			more := p.leaf.scan.fresh(now)
			if len(more) == 0 {
				continue
			}
			p.call(ctx, func(ctx context.Context, r stream.Reader) error {
				if err := r.Add(ctx, more); err != nil {
					return fmt.Errorf("taking up new splits of %s: %w", p.leaf.scan.plan.Relation.Name, err)
				}
				return nil
			})
		}
	}
}
