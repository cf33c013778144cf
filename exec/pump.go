package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
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
	quit context.CancelFunc
	free chan *vec.Batch
	// jobs for the reader's goroutine: new splits. The bound is only met by a
	// reader that does not return from Read after Wake.
	calls chan func(context.Context, stream.Reader) error
	out   chan<- item
	// at is where what has been passed on ends, and so where a share may be
	// joined; nil: this pump joins none.
	at map[stream.Split]stream.Offset
	// ahead are the splits that the task has asked to leave alone, and paused what
	// the reader has not been told of that; nil: it has.
	ahead  []stream.Split
	paused atomic.Pointer[[]stream.Split]
	// places is where what has been passed on ends, of a job's stream; nil: of another's.
	places map[stream.Split]stream.Offset
	// gate is one that the pump is to stop at; nil: none. Who takes it out stops.
	gate atomic.Pointer[gate]
	// over: nothing is read any more.
	over atomic.Bool
	// apart: a share has failed at the records that come next.
	apart bool
	// unlisted is why the stream's splits could not be listed when that was last
	// tried; nil: they could.
	unlisted atomic.Pointer[error]
}

// item is what one Read brought. The task calls done when it has passed the rows on.
type item struct {
	from  *pump
	batch *vec.Batch
	read  stream.Read
	since time.Time // when the Read began
	err   error     // io.EOF: the stream has ended
	// shared: the batch is one of several members'.
	shared *shared
	// mark: the pump stands still, and this is no Read; nil: it is.
	mark *gate
}

// done gives the batch back.
func (it item) done() {
	if it.shared != nil {
		it.shared.release()
		return
	}
	it.from.free <- it.batch // there is room: it came from there
}

// pumps are the readers of one task.
type pumps struct {
	all   []*pump
	items chan item
	wait  sync.WaitGroup
	stop  context.CancelFunc
}

// startPumps starts a pump for each leaf, whose scan is open, and a watch for new
// splits. share: the pumps may read with those of other queries.
func startPumps(ctx context.Context, e *Engine, leaves []*leaf, share sharePolicy) *pumps {
	ctx, stop := context.WithCancel(ctx)
	ps := &pumps{items: make(chan item, len(leaves)), stop: stop}
	for _, l := range leaves {
		p := &pump{
			leaf:  l,
			free:  make(chan *vec.Batch, ahead),
			calls: make(chan func(context.Context, stream.Reader) error, 16),
			out:   ps.items,
		}
		if share == mayShare && l.scan.sharable() {
			p.at = map[stream.Split]stream.Offset{}
			for _, from := range l.scan.from {
				p.at[from.Split] = from.Offset
			}
			e.sharing.enter(l.scan)
		}
		if share == readsAlone && l.scan.table == nil {
			p.places = map[stream.Split]stream.Offset{}
			for _, from := range l.scan.from {
				if from.Offset != nil {
					p.places[from.Split] = from.Offset
				}
			}
		}
		for range ahead {
			p.free <- vec.NewBatch(l.scan.types)
		}
		ps.all = append(ps.all, p)
	}
	for _, p := range ps.all {
		ctx, quit := context.WithCancel(ctx)
		p.quit = quit
		ps.wait.Go(func() {
			defer quit()
			p.run(ctx, e)
		})
	}
	ps.wait.Go(func() { ps.watch(ctx, e, e.o.SplitPoll) })
	return ps
}

// sharePolicy says whether readers may be shared: a job's may not, because its
// positions are its own.
type sharePolicy bool

const (
	readsAlone sharePolicy = false
	mayShare   sharePolicy = true
)

// close stops the pumps and returns when they have stopped.
func (ps *pumps) close() {
	ps.stop()
	for _, p := range ps.all {
		p.leaf.scan.wake()
	}
	ps.wait.Wait()
}

// quit stops the pump of a leaf of which nobody wants more; it has read ahead by
// then. nil: there are no pumps.
func (ps *pumps) quit(l *leaf) {
	if ps == nil {
		return
	}
	for _, p := range ps.all {
		if p.leaf == l {
			p.quit()
			l.scan.wake()
		}
	}
}

func (p *pump) run(ctx context.Context, e *Engine) {
	err := p.pump(ctx, e)
	p.over.Store(true)
	if g := p.gate.Swap(nil); g != nil {
		g.stands <- stand{pump: p, over: true} // there is room
	}
	if p.at != nil {
		e.sharing.leave(p.leaf.scan)
	}
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
		p.heed()
		if g := p.gate.Swap(nil); g != nil {
			p.free <- b // there is room: it came from there
			if err := p.attend(ctx, g); err != nil || ctx.Err() != nil {
				return err
			}
			continue
		}
		n, caughtUp, err := p.read(ctx, b)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if n > 0 {
			p.apart = false
		}
		if p.at == nil || p.apart || !caughtUp && n > 0 {
			continue
		}
		if err := p.share(ctx, e); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// read passes on what one Read brings, and returns how many rows that were.
func (p *pump) read(ctx context.Context, b *vec.Batch) (rows int, caughtUp bool, err error) {
	since := time.Now()
	r, err := p.leaf.scan.read(ctx, b)
	if err != nil {
		return 0, false, err
	}
	n := b.Len() // which is the task's once it is passed on
	if n == 0 && r.Next == nil && !r.CaughtUp {
		p.free <- b // there is room: it came from there
	} else {
		p.pass(ctx, item{from: p, batch: b, read: r, since: since})
	}
	return n, r.CaughtUp, nil
}

// pass gives an item to the task; false: it has ended.
func (p *pump) pass(ctx context.Context, it item) bool {
	select {
	case p.out <- it:
		if p.at != nil && it.read.Next != nil {
			p.at[it.read.Split] = bytes.Clone(it.read.Next)
		}
		if p.places != nil && it.read.Next != nil {
			p.places[it.read.Split] = bytes.Clone(it.read.Next)
		}
		return true
	case <-ctx.Done():
		return false
	}
}

// share reads as a member of the stream's share for as long as it can, and then
// goes on with a reader of its own.
func (p *pump) share(ctx context.Context, e *Engine) error {
	s := p.leaf.scan
	if slices.ContainsFunc(slices.Collect(maps.Values(p.at)), func(o stream.Offset) bool { return o == nil }) {
		return nil // where the reader stands in a split that it has read nothing of, only it knows
	}
	m := e.sharing.join(e, s, p.at)
	if m == nil {
		return nil
	}
	defer m.leave()
	if err := s.closeReader(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			p.drain(m)
			return nil
		case <-p.calls:
			// New splits: the share finds them too, and a reader of our own is
			// opened with every split that is known.
		case it, ok := <-m.in:
			if !ok && m.err != nil && e.ctx.Err() != nil {
				return m.err
			}
			if !ok {
				p.apart = m.err != nil
				s.spec.Latest = false
				from := s.resume(m.resume)
				for _, at := range from {
					p.at[at.Split] = at.Offset
				}
				return s.openReader(ctx, from)
			}
			it.from = p
			if !p.pass(ctx, it) {
				it.done()
				p.drain(m)
				return nil
			}
		}
	}
}

// drain gives back what a member has not passed on.
func (p *pump) drain(m *member) {
	m.leave()
	for {
		select {
		case it, ok := <-m.in:
			if !ok {
				return
			}
			it.done()
		default:
			return
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
		p.leaf.scan.wake()
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
				if ctx.Err() != nil || errors.Is(err, context.Canceled) {
					continue
				}
				if p.unlisted.Swap(&err) == nil { // the log hears of an outage once
					e.log.Warn("listing splits", "stream", p.leaf.scan.plan.Relation.Name, "error", err)
				}
				continue
			}
			p.unlisted.Store(nil)
			more := p.leaf.scan.fresh(now)
			if len(more) == 0 {
				continue
			}
			p.call(ctx, func(ctx context.Context, r stream.Reader) error { return p.add(ctx, r, more) })
		}
	}
}

// Impediment is stream.Impeded's, of sources: one whose splits cannot be listed
// is read no further either.
func (ps *pumps) Impediment() error {
	for _, p := range ps.all {
		if err := p.unlisted.Load(); err != nil {
			return *err
		}
	}
	return nil
}

// add gives a reader new splits, but for those that it was opened with.
func (p *pump) add(ctx context.Context, r stream.Reader, more []stream.Position) error {
	if p.at != nil {
		more = slices.DeleteFunc(more, func(at stream.Position) bool {
			_, has := p.at[at.Split]
			return has
		})
		for _, at := range more {
			p.at[at.Split] = at.Offset
		}
	}
	if len(more) == 0 {
		return nil
	}
	if err := r.Add(ctx, more); err != nil {
		return fmt.Errorf("taking up new splits of %s: %w", p.leaf.scan.plan.Relation.Name, err)
	}
	return nil
}
