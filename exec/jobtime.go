package exec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// silence moves the watermarks of streams that have brought nothing.
func (t *task) silence(ctx context.Context, now time.Time) error {
	for _, leaf := range t.live {
		moved, err := leaf.tell(ctx, now)
		if err != nil && !errors.Is(err, stream.Done) {
			return err // where no more is wanted settle ends the stream
		}
		t.timed = t.timed || moved
	}
	if t.pumps != nil {
		t.align()
	}
	return nil
}

// agree passes on how far the tasks together have brought the streams' time. None of
// them moves it meanwhile.
func (t *task) agree(ctx context.Context) error {
	for _, leaf := range t.live {
		if leaf.clock == nil || leaf.done {
			continue
		}
		mark, quiet, ok := leaf.clock.catchUp()
		if !ok {
			continue
		}
		t.timed = true
		if err := leaf.to.status(ctx, mark, quiet); err != nil && !errors.Is(err, stream.Done) {
			return err
		}
	}
	return nil
}

// watermarks are those of the epoch that runs, and of what they were passed on as
// under the name of no split. A source that has ended has one there, be it of a stream
// with a time or not.
func (l *life) watermarks() []state.Watermark {
	var all []state.Watermark
	for _, leaf := range l.tasks[0].live { // which has the time of every task's splits
		name := l.tasks[0].names[leaf.scan]
		if leaf.clock != nil {
			all = leaf.clock.stored(all, name)
		} else if leaf.scan.table != nil {
			continue
		}
		if l.ended(name) {
			all = append(all, state.Watermark{Source: name, Micros: math.MaxInt64}) // the later one counts
		}
	}
	return all
}

// ended reports whether a source has ended in every task.
func (l *life) ended(source string) bool {
	for _, t := range l.tasks {
		for _, leaf := range t.live {
			if t.names[leaf.scan] == source && !leaf.done {
				return false
			}
		}
	}
	return true
}

// stored appends what an epoch has of a source's time.
func (c *sourceTime) stored(all []state.Watermark, source string) []state.Watermark {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mark != noMark {
		all = append(all, state.Watermark{Source: source, Micros: c.mark})
	}
	for split, m := range c.marks {
		if m.mark != m.stored {
			all = append(all, state.Watermark{Source: source, Split: string(split), Micros: m.mark})
			m.stored = m.mark
		}
	}
	return all
}

// setClocks brings the watermarks of the committed epoch back, so that what was late
// is late again.
func (t *task) setClocks(p state.Progress) {
	for _, leaf := range t.live {
		c := leaf.clock
		if c == nil {
			continue
		}
		if len(t.life.tasks) > 1 {
			c.mu.Lock()
			c.moved = append(c.moved, t.look)
			c.mu.Unlock()
		}
		for _, w := range p.Watermarks {
			if w.Source == t.names[leaf.scan] {
				c.resume(w, leaf.scan.has)
			}
		}
	}
}

// hasEnded reports whether a source had ended in the committed epoch: it is read no
// more, and holds nothing back. What went out at its end went out in that epoch, or in
// one before.
func hasEnded(p state.Progress, source string) bool {
	return slices.ContainsFunc(p.Watermarks, func(w state.Watermark) bool {
		return w.Source == source && w.Split == "" && w.Micros == math.MaxInt64
	})
}

// resume sets a stored watermark.
func (c *sourceTime) resume(w state.Watermark, has func(stream.Split) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case w.Split == "":
		c.mark = w.Micros
	case has(stream.Split(w.Split)):
		c.first = min(c.first, w.Micros)
		c.marks[stream.Split(w.Split)] = &splitMark{mark: w.Micros, stored: w.Micros, last: c.begun}
	}
}

// look has the task look how far the streams' time has come.
func (t *task) look() {
	select {
	case t.nudge <- struct{}{}:
	default: // it will
	}
}

// resumeClocks passes on the watermarks that were passed on before.
func (t *task) resumeClocks(ctx context.Context) error {
	for _, leaf := range t.live {
		if leaf.scan.reader == nil { // it has ended
			if err := t.past(ctx, leaf); err != nil {
				return err
			}
			continue
		}
		if leaf.clock == nil {
			continue
		}
		leaf.clock.mu.Lock()
		leaf.clock.told = leaf.clock.mark
		leaf.clock.mu.Unlock()
		if leaf.clock.told == noMark {
			continue
		}
		if err := leaf.to.watermark(ctx, leaf.clock.told); err != nil && !errors.Is(err, stream.Done) {
			return err
		}
	}
	for i, n := range t.tree.meets() {
		if mark, ok := t.life.marks[i]; ok && mark > n.mark {
			if err := n.reach(ctx, mark, n.quiet); err != nil && !errors.Is(err, stream.Done) {
				return err
			}
		}
	}
	return nil
}

// markSpace holds, by the number of each node of several inputs, its watermark: it
// may have passed that of an input which was idle.
var markSpace = state.Space{Operator: 4}

// saveMarks writes the watermarks that have moved, of each node the highest of the
// tasks': a key's rows are then late wherever they were.
func (l *life) saveMarks(pages *state.Batch) {
	for _, t := range l.tasks {
		for i, n := range t.tree.meets() {
			if was, ok := l.marks[i]; n.mark == noMark || ok && was >= n.mark {
				continue
			}
			l.marks[i] = n.mark
			pages.Set(markSpace, stateKey(uint32(i)), append(binary.BigEndian.AppendUint64(nil, uint64(n.mark)), shapeOf(n)...))
		}
	}
	if l.finishing {
		pages.Set(markSpace, stateKey(lastEpoch), append(make([]byte, 8), l.j.def.Text...))
	}
}

// lastEpoch stands where a node's number does, in the epoch in which all sources of
// a job have ended: what goes out at their end has gone out with it.
const lastEpoch = math.MaxUint32

// loadMarks reads them, but for those of nodes that a plan does not have any more.
func (l *life) loadMarks() error {
	l.marks = map[int]int64{}
	meets := l.tasks[0].tree.meets()
	sn := l.j.e.o.Store.Snapshot(l.j.id)
	defer sn.Close()
	return sn.Scan(l.j.id, markSpace, nil, nil, func(key, value []byte) error {
		if len(value) < 8 {
			return fmt.Errorf("reading the watermarks of job %s: %d bytes", l.j.def.Name, len(value))
		}
		if stateNumber(key) == lastEpoch {
			l.wasLast = string(value[8:]) == l.j.def.Text
			l.goesOn = !l.wasLast
		} else if i := int(stateNumber(key)); i < len(meets) && shapeOf(meets[i]) == string(value[8:]) {
			l.marks[i] = int64(binary.BigEndian.Uint64(value))
		}
		return nil
	})
}

// shown has the watermarks of the committed epoch seen by those who ask.
func (j *job) shown(marks []state.Watermark) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, w := range marks {
		j.marks[place{w.Source, stream.Split(w.Split)}] = w.Micros
	}
}
