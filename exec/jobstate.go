package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// keptOperator is an operator whose state the job's epochs carry.
type keptOperator struct {
	op     operator.Kept
	number uint32
	shape  string // what it is, so that another is not given its state
	plan   plan.Node
}

// firstOperator is the number of the first kept operator: those below are for
// the job itself.
const firstOperator = 16

// shapeSpace holds the shape of each kept operator under its number.
var shapeSpace = state.Space{Operator: 2}

// keepOperators finds the operators whose state is kept, which are numbered in
// the order of the plan, and brings it back where an epoch was committed.
func (l *life) keepOperators(first bool) error {
	for _, t := range l.tasks {
		for _, n := range t.tree.nodes {
			op, ok := n.op.(operator.Kept)
			if !ok {
				continue
			}
			if err := op.Keep(); err != nil {
				return err
			}
			t.kept = append(t.kept, keptOperator{op, uint32(firstOperator + len(t.kept)), shapeOf(n.plan), n.plan})
		}
	}
	if first {
		return nil
	}
	sn := l.j.e.o.Store.Snapshot(l.j.id)
	defer sn.Close()
	stored := map[uint32]string{}
	err := sn.Scan(l.j.id, shapeSpace, nil, nil, func(key, value []byte) error {
		stored[stateNumber(key)] = string(value)
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range l.tasks {
		for _, k := range t.kept {
			was, ok := stored[k.number]
			if !ok || was != k.shape {
				return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the state of job %q is not that of its plan: an operator was %q and is %q", l.j.def.Name, was, k.shape).
					WithHint("Drop the job and start it again, or CREATE OR REPLACE it: it then reads its streams anew.")
			}
			if err := k.op.Restore(operator.StateReader{Snapshot: sn, Job: l.j.id, Operator: k.number}); err != nil {
				return fmt.Errorf("restoring %s of job %s: %w", k.plan.String(), l.j.def.Name, err)
			}
		}
	}
	l.shaped = true
	return nil
}

// shapeOf is a node's own lines of EXPLAIN.
func shapeOf(n plan.Node) string {
	var own []string
	for i, line := range plan.Text(n) {
		if i > 0 && strings.HasPrefix(strings.TrimSpace(line), "->") {
			break
		}
		own = append(own, strings.TrimSpace(line))
	}
	return strings.Join(own, "; ")
}

func stateKey(n uint32) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }

func stateNumber(key []byte) uint32 {
	if len(key) != 4 {
		return 0
	}
	return uint32(key[0])<<24 | uint32(key[1])<<16 | uint32(key[2])<<8 | uint32(key[3])
}

// saveOperators writes what of their state has changed in the epoch.
func (l *life) saveOperators(pages *state.Batch) error {
	for i, t := range l.tasks {
		for _, k := range t.kept {
			if !l.shaped && i == 0 {
				pages.Set(shapeSpace, stateKey(k.number), []byte(k.shape))
			}
			if err := k.op.Save(operator.StateWriter{Batch: pages, Operator: k.number}); err != nil {
				return fmt.Errorf("storing %s of job %s: %w", k.plan.String(), l.j.def.Name, err)
			}
		}
	}
	l.shaped = true
	return nil
}

// silence moves the watermarks of streams that have brought nothing.
func (t *task) silence(ctx context.Context, now time.Time) error {
	for _, leaf := range t.live {
		moved, err := leaf.tell(ctx, now)
		if errors.Is(err, stream.Done) {
			t.open--
			err = leaf.end(ctx)
		}
		if err != nil {
			return err
		}
		t.timed = t.timed || moved
	}
	return nil
}

// watermarks are those of the epoch that runs, and of what they were passed on as
// under the name of no split.
func (l *life) watermarks() []state.Watermark {
	var all []state.Watermark
	t := l.tasks[0]
	for _, leaf := range t.live {
		c := leaf.clock
		if c == nil {
			continue
		}
		name := t.names[leaf.scan]
		if c.mark != noMark {
			all = append(all, state.Watermark{Source: name, Micros: c.mark})
		}
		for split, m := range c.marks {
			if m.mark != m.stored {
				all = append(all, state.Watermark{Source: name, Split: string(split), Micros: m.mark})
				m.stored = m.mark
			}
		}
	}
	return all
}

// resumeClocks brings the watermarks of the committed epoch back, so that what
// was late is late again.
func (t *task) resumeClocks(ctx context.Context, p state.Progress) error {
	t.life.j.shown(p.Watermarks)
	for _, leaf := range t.live {
		c := leaf.clock
		if c == nil {
			continue
		}
		for _, w := range p.Watermarks {
			switch {
			case w.Source != t.names[leaf.scan]:
			case w.Split == "":
				c.mark = w.Micros
			case leaf.scan.has(stream.Split(w.Split)):
				c.marks[stream.Split(w.Split)] = &splitMark{mark: w.Micros, stored: w.Micros, last: c.begun}
			}
		}
		if c.mark == noMark {
			continue
		}
		if err := leaf.to.watermark(ctx, c.mark); err != nil && !errors.Is(err, stream.Done) {
			return err
		}
	}
	return nil
}

// shown has the watermarks of the committed epoch seen by those who ask.
func (j *job) shown(marks []state.Watermark) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, w := range marks {
		j.marks[place{w.Source, stream.Split(w.Split)}] = w.Micros
	}
}
