package exec

import (
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// drifting is what keeps the splits of a job's streams together: one that has come
// further than watermark.max_drift ahead of the slowest is not read on until that
// has come nearer, so that what is kept until both have arrived (rows of a join,
// windows) is bounded while a long past is read.
//
// Slow is only who lags, and only who lags waits: what a split that is caught up
// brings comes no faster than it happens.
//
// A split that nothing was read of yet may hold older rows than any: until it has been,
// others wait where they are max_drift from where the first of them began. The stream
// of such a split does not wait: its splits may be read one after the other.
type drifting struct {
	streams []timedStream
}

// timedStream is a stream of the job that has a time, whatever task reads it.
type timedStream struct {
	*sourceTime
	splits func() int // that it is known to have
}

// slowest is how far the last of those that lag has come; math.MaxInt64: none lags.
func (d *drifting) slowest() int64 {
	low, first, splits, unread := int64(math.MaxInt64), int64(math.MaxInt64), 0, false
	for _, s := range d.streams {
		known := s.splits()
		s.mu.Lock()
		splits += known
		s.unread = len(s.marks) < known
		unread = unread || s.unread
		first = min(first, s.first)
		for _, m := range s.marks {
			if !m.caughtUp && m.mark != noMark {
				low = min(low, m.mark)
			}
		}
		s.mu.Unlock()
	}
	switch {
	case splits < 2:
		return math.MaxInt64
	case unread:
		return min(low, first)
	}
	return low
}

// ahead are the splits of a stream, those that which holds for, that are too far
// ahead of the slowest; one of those that were is until it has come half as near
// again, as readers take some effort to stop and to go on.
func (c *sourceTime) ahead(slowest int64, were []stream.Split, which func(stream.Split) bool) []stream.Split {
	if c.drift == 0 || slowest == math.MaxInt64 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unread {
		return nil
	}
	var all []stream.Split
	for split, m := range c.marks {
		limit := c.drift.Microseconds()
		if slices.Contains(were, split) {
			limit /= 2
		}
		if !m.caughtUp && m.mark > slowest+limit && which(split) {
			all = append(all, split)
		}
	}
	slices.Sort(all)
	return all
}

// align has the readers of a task leave splits alone that are too far ahead, and
// take up those that no longer are.
func (t *task) align() {
	slowest := t.life.drifting.slowest()
	for _, p := range t.pumps.all {
		if p.leaf.clock == nil || p.leaf.done {
			continue
		}
		now := p.leaf.clock.ahead(slowest, p.ahead, p.leaf.scan.has)
		if slices.Equal(now, p.ahead) {
			continue
		}
		p.ahead = now
		p.pause(now)
	}
}

// pause has the pump's reader leave splits alone, and no others. It takes effect
// with the next Read; a reader that cannot is read on.
func (p *pump) pause(splits []stream.Split) {
	p.paused.Store(&splits)
	p.leaf.scan.wake()
}

// heed does what pause has asked for last.
func (p *pump) heed() {
	splits := p.paused.Swap(nil)
	if splits == nil {
		return
	}
	if r, ok := p.leaf.scan.reader.(stream.Pauser); ok {
		r.Pause(*splits)
	}
}
