package exec

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
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
	f := follower{tree: t, pumps: ps, live: live, open: len(live), timer: time.NewTimer(time.Hour)}
	if slices.ContainsFunc(live, func(l *leaf) bool { return l.clock != nil }) {
		tick := time.NewTicker(clockTick)
		defer tick.Stop()
		f.tick = tick.C
	}
	defer f.timer.Stop()
	f.timer.Stop()
	// Without a row an aggregate without keys has its row all the same, and
	// what the bounded leaves brought goes out now.
	if err := f.barrier(ctx); err != nil {
		return err
	}
	for {
		if err := f.settle(ctx); err != nil {
			return err
		}
		if f.open == 0 {
			break
		}
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
	live  []*leaf
	open  int // streams that have not ended
	epoch stream.Epoch
	timer *time.Timer // runs while rows have come since the last barrier
	dirty bool
	tick  <-chan time.Time // nil: nobody asks for the time
}

func (f *follower) step(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-f.timer.C:
		return f.barrier(ctx)
	case now := <-f.tick:
		return f.silence(ctx, now)
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
		if err := l.arrived(it.read, it.batch.Len()); err != nil {
			return err
		}
		done, err := l.takeRead(ctx, it.batch, it.read)
		if err != nil {
			return err
		}
		if done {
			if err := f.enough(ctx, l); err != nil {
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

// settle ends the streams of which nobody wants more: a LIMIT may have got its last
// rows at a barrier.
func (f *follower) settle(ctx context.Context) error {
	for _, l := range f.live {
		if l.done || !l.unwanted() {
			continue
		}
		if err := f.enough(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// enough ends a stream of which nobody wants more. Its pump goes on reading,
// unheard, until the query ends.
func (f *follower) enough(ctx context.Context, l *leaf) error {
	f.open--
	if err := l.end(ctx); err != nil && !errors.Is(err, stream.Done) {
		return err // what its end brings is wanted no more either
	}
	return nil
}

// silence moves the watermarks of streams that have brought nothing.
func (f *follower) silence(ctx context.Context, now time.Time) error {
	moved := false
	for _, l := range f.live {
		m, err := l.tell(ctx, now)
		if errors.Is(err, stream.Done) {
			err = f.enough(ctx, l)
		}
		if err != nil {
			return err
		}
		moved = moved || m
	}
	if !moved {
		return nil
	}
	return f.barrier(ctx)
}

// takeRead passes the rows of one read on, and then how far the stream's time has
// come. done: nobody wants more of the leaf.
func (l *leaf) takeRead(ctx context.Context, b *vec.Batch, r stream.Read) (done bool, err error) {
	if l.clock == nil {
		return l.take(ctx, b)
	}
	now := time.Now()
	if b, err = l.clock.observe(b, r, now); err != nil {
		return false, err
	}
	if done, err = l.take(ctx, b); done || err != nil {
		return done, err
	}
	_, err = l.tell(ctx, now)
	if errors.Is(err, stream.Done) {
		return true, nil
	}
	return false, err
}

func (f *follower) barrier(ctx context.Context) error {
	f.timer.Stop()
	if f.open > 0 && torn(f.live) {
		f.dirty = true // the rest of the commit is on its way
		f.timer.Reset(liveEpoch)
		return nil
	}
	f.dirty = false
	f.epoch++
	return f.tree.barrier(ctx, f.epoch)
}
