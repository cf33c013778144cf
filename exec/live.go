package exec

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// liveEpoch is the longest epoch of a live query: what changed goes out at its
// end, or as soon as every stream has been read to its end.
const liveEpoch = 5 * time.Millisecond

// splitLeaves separates the leaves that end, which are read first, from the
// streams that are read for ever.
func (t *tree) splitLeaves() (bounded, live []*leaf) {
	for _, l := range t.leaves {
		if l.scan != nil && !l.scan.spec.Bounded {
			live = append(live, l)
		} else {
			bounded = append(bounded, l)
		}
	}
	return bounded, live
}

// runLive reads streams until ctx ends or all of them have ended by themselves.
func (t *tree) runLive(ctx context.Context, e *Engine) error {
	bounded, live := t.splitLeaves()
	err := t.readLeaves(ctx, bounded)
	if err == nil {
		err = t.follow(ctx, e, live)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (t *tree) follow(ctx context.Context, e *Engine, live []*leaf) error {
	for _, l := range live {
		if err := l.scan.open(ctx, nil); err != nil {
			return err
		}
	}
	ps := startPumps(ctx, e, live, mayShare)
	defer ps.close()
	f := follower{tree: t, pumps: ps, open: len(live), timer: time.NewTimer(time.Hour)}
	defer f.timer.Stop()
	f.timer.Stop()
	// Without a row an aggregate without keys has its row all the same, and
	// what the bounded leaves brought goes out now.
	if err := f.barrier(ctx); err != nil {
		return err
	}
	for f.open > 0 {
		if err := f.step(ctx); err != nil {
			return err
		}
	}
	return f.barrier(ctx)
}

// follower is a live query at work.
type follower struct {
	tree  *tree
	pumps *pumps
	open  int // streams that have not ended
	epoch stream.Epoch
	timer *time.Timer // runs while rows have come since the last barrier
	dirty bool
}

func (f *follower) step(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-f.timer.C:
		return f.barrier(ctx)
	case it := <-f.pumps.items:
		return f.item(ctx, it)
	}
}

func (f *follower) item(ctx context.Context, it item) error {
	l := it.from.leaf
	if it.err != nil {
		if !errors.Is(it.err, io.EOF) {
			return it.err
		}
		if l.done {
			return nil
		}
		f.open--
		return l.end(ctx)
	}
	if !l.done {
		done, err := l.take(ctx, it.batch)
		if err != nil {
			return err
		}
		if done {
			// The pump goes on reading, unheard, until the query ends.
			f.open--
			if err := l.end(ctx); err != nil {
				return err
			}
		}
	}
	it.done()
	if !f.dirty {
		f.dirty = true
		f.timer.Reset(liveEpoch)
	}
	if it.read.CaughtUp && len(f.pumps.items) == 0 {
		return f.barrier(ctx)
	}
	return nil
}

func (f *follower) barrier(ctx context.Context) error {
	f.timer.Stop()
	f.dirty = false
	f.epoch++
	return f.tree.barrier(ctx, f.epoch)
}
