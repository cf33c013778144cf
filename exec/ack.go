package exec

import (
	"bytes"
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

const (
	// ackPatience bounds one Ack. What is newer waits meanwhile, and is told next.
	ackPatience = 10 * time.Second
	// ackTimeout bounds how long a job's end waits for brokers.
	ackTimeout = 2 * time.Second
)

// acker tells a reader what is committed, on a goroutine of its own: whoever does
// not answer it holds up neither the reading nor the next epoch. Of what waits to
// be told only the newest position of each split is kept. The position that counts
// is the store's: what fails here is only what a broker's tools show.
type acker struct {
	life   *life
	reader stream.Reader
	cut    context.CancelFunc
	more   chan struct{} // room for one: newest has got something
	last   chan struct{} // closed: nothing is added any more
	done   chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	newest map[stream.Split]stream.Offset // not told yet
}

// startAckers starts one for each reader. endAckers ends them.
func (t *task) startAckers(ctx context.Context) {
	t.ackers = map[*leaf]*acker{}
	for _, leaf := range t.live {
		if leaf.scan.reader == nil {
			continue // it had ended
		}
		ctx, cut := context.WithCancel(ctx)
		a := &acker{life: t.life, reader: leaf.scan.reader, cut: cut, more: make(chan struct{}, 1), last: make(chan struct{}), done: make(chan struct{}),
			newest: map[stream.Split]stream.Offset{}}
		t.ackers[leaf] = a
		go func() {
			defer close(a.done)
			defer cut()
			a.run(ctx)
		}()
	}
}

// endAckers returns when no reader is told anything any more. all: they are told
// where the job has come to, as far as ackTimeout allows; else what is being told
// is cut short.
func (t *task) endAckers(all bool) {
	for leaf, a := range t.ackers {
		if all {
			a.add(t.positions(leaf.scan, t.at))
		} else {
			a.cut()
		}
		close(a.last)
	}
	late := time.NewTimer(ackTimeout)
	defer late.Stop()
	for _, a := range t.ackers {
		select {
		case <-a.done:
			continue
		case <-late.C:
		}
		for _, a := range t.ackers {
			a.cut()
		}
		<-a.done
	}
	t.ackers = nil
}

// add has positions told. They are the acker's from then on.
func (a *acker) add(upTo []stream.Position) {
	if len(upTo) == 0 {
		return
	}
	a.mu.Lock()
	for _, p := range upTo {
		a.newest[p.Split] = p.Offset
	}
	a.mu.Unlock()
	select {
	case a.more <- struct{}{}:
	default:
	}
}

func (a *acker) run(ctx context.Context) {
	failing := false // the log hears of an outage once
	for ending := false; !ending; {
		select {
		case <-a.more:
		case <-a.last:
			ending = true
		case <-ctx.Done():
			return
		}
		err := a.tell(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			a.life.j.e.log.Warn("acknowledging records", "job", a.life.j.def.Name, "error", err)
		}
		failing = err != nil
	}
}

// tell tells the newest positions. What could not be told is told again with the
// next.
func (a *acker) tell(ctx context.Context) (err error) {
	a.mu.Lock()
	now := a.newest
	a.newest = map[stream.Split]stream.Offset{}
	a.mu.Unlock()
	if len(now) == 0 {
		return nil
	}
	upTo := make([]stream.Position, 0, len(now))
	for split, next := range now {
		upTo = append(upTo, stream.Position{Split: split, Offset: bytes.Clone(next)})
	}
	defer func() {
		if p := recover(); p != nil {
			err = a.life.j.e.panicked("acknowledgement of job "+a.life.j.def.Name, p, debug.Stack())
		}
		if err == nil {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		for split, next := range now {
			if _, ok := a.newest[split]; !ok {
				a.newest[split] = next
			}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, ackPatience)
	defer cancel()
	return a.reader.Ack(ctx, upTo)
}
