package exec

import (
	"bytes"
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
	single bool // all of its rows are one task's
}

// firstOperator is the number of the first kept operator: those below are for
// the job itself.
const firstOperator = 16

// shapeSpace holds the shape of each kept operator under its number.
var shapeSpace = state.Space{Operator: 2}

// layout is how a job's state is divided: among how many tasks, and in which
// generation of shards. Each change of their number makes a new one.
type layout struct {
	generation uint8
	tasks      int
}

// shard is where a task's part lies.
func (y layout) shard(task int) uint16 { return uint16(y.generation)<<8 | uint16(task) }

// layoutKey is where a job has its layout in shapeSpace, after the format of its
// operators' state.
var layoutKey = []byte("layout")

// stateFormat is the format of operators' state. Format 1, of which jobs have no
// layout, is of no released version.
const stateFormat = 2

// keepOperators finds the operators whose state is kept, which are numbered in
// the order of the plan, and brings it back where an epoch was committed.
func (l *life) keepOperators(first bool) error {
	for _, t := range l.tasks {
		for _, n := range t.tree.nodes {
			op, ok := n.op.(operator.Kept)
			if !ok || n.ends {
				continue
			}
			if err := op.Keep(); err != nil {
				return err
			}
			l.evict(t, op)
			k := keptOperator{op: op, number: uint32(firstOperator + len(t.kept)), shape: shapeOf(n), plan: n.plan, single: n.single}
			t.kept = append(t.kept, k)
		}
	}
	l.layout, l.stored = layout{tasks: len(l.tasks)}, layout{tasks: 1}
	if first {
		l.stored = l.layout
		return nil
	}
	sn := l.j.e.o.Store.Snapshot(l.j.id)
	defer sn.Close()
	shapes, err := l.readShapes(sn)
	if err != nil {
		return err
	}
	if l.layout.generation = l.stored.generation; l.stored.tasks != l.layout.tasks {
		l.layout.generation++
	}
	for _, t := range l.tasks {
		for _, k := range t.kept {
			was, ok := shapes[k.number]
			if !ok || was != k.shape {
				return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the state of job %q is not that of its plan: an operator was %q and is %q", l.j.def.Name, was, k.shape).
					WithHint("Drop the job and start it again, or CREATE OR REPLACE it: it then reads its streams anew.")
			}
			if err := l.restore(sn, t, k); err != nil {
				return fmt.Errorf("restoring %s of job %s: %w", k.plan.String(), l.j.def.Name, err)
			}
		}
	}
	l.shaped = l.stored == l.layout
	l.operatorsCommitted()
	return nil
}

// readShapes returns what the stored operators are, and notes their layout.
func (l *life) readShapes(sn *state.Snapshot) (map[uint32]string, error) {
	shapes := map[uint32]string{}
	format := 1
	err := sn.Scan(l.j.id, shapeSpace, nil, nil, func(key, value []byte) error {
		switch {
		case !bytes.Equal(key, layoutKey):
			shapes[stateNumber(key)] = string(value)
		case len(value) != 3:
			return fmt.Errorf("reading how the state of job %s is divided: %x", l.j.def.Name, value)
		default:
			format, l.stored = int(value[0]), layout{value[1], int(value[2])}
		}
		return nil
	})
	if err == nil && len(shapes) > 0 && format != stateFormat {
		return nil, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the state of job %q has format %d, and this version reads format %d", l.j.def.Name, format, stateFormat).
			WithHint("Run the version that wrote it; or drop the job and start it again: it then reads its streams anew.")
	}
	return shapes, err
}

// restore gives an operator of a task its part of what is stored.
func (l *life) restore(sn *state.Snapshot, t *task, k keptOperator) error {
	r := operator.StateReader{Snapshot: sn, Job: l.j.id, Operator: k.number}
	if l.stored == l.layout {
		r.Shard = l.layout.shard(t.number)
		return k.op.Restore(r)
	}
	r.Share = &operator.Share{Task: t.number, Tasks: len(l.tasks), Single: k.single || len(l.tasks) == 1}
	for task := range l.stored.tasks {
		r.Shard = l.stored.shard(task)
		if err := k.op.Restore(r); err != nil {
			return err
		}
	}
	return nil
}

// divideAnew removes what lies as the stored layout has it: the epoch at hand writes
// all of it as the tasks have it now.
func (l *life) divideAnew(pages *state.Batch) error {
	if l.stored == l.layout {
		return nil
	}
	sn := l.j.e.o.Store.Snapshot(l.j.id)
	defer sn.Close()
	for _, k := range l.tasks[0].kept {
		for task := range l.stored.tasks {
			sp := state.Space{Operator: k.number, Shard: l.stored.shard(task)}
			err := sn.Scan(l.j.id, sp, nil, nil, func(key, _ []byte) error {
				pages.Delete(sp, key)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	l.stored = l.layout
	return nil
}

// shapeOf is what an operator's nodes have as their own lines in EXPLAIN.
func shapeOf(n *node) string {
	if m, ok := n.plan.(*plan.MergeAggregate); ok {
		return ownLines(m.Of) // it goes on with what one phase has stored, and the other way round
	}
	shape := ownLines(n.plan)
	switch n.op.(type) {
	case *operator.SessionAggregate, *operator.SliceAggregate:
		shape += "; " + ownLines(n.plan.Inputs()[0])
	}
	return shape
}

func ownLines(n plan.Node) string {
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
	if err := l.divideAnew(pages); err != nil {
		return err
	}
	for i, t := range l.tasks {
		for _, k := range t.kept {
			if !l.shaped && i == 0 {
				pages.Set(shapeSpace, stateKey(k.number), []byte(k.shape))
			}
			if err := k.op.Save(operator.StateWriter{Batch: pages, Operator: k.number, Shard: l.layout.shard(i)}); err != nil {
				return fmt.Errorf("storing %s of job %s: %w", k.plan.String(), l.j.def.Name, err)
			}
		}
	}
	if !l.shaped {
		pages.Set(shapeSpace, layoutKey, []byte{stateFormat, l.layout.generation, byte(l.layout.tasks)})
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
	for _, leaf := range l.tasks[0].live { // which has the time of every task's splits
		if leaf.clock != nil {
			all = leaf.clock.stored(all, l.tasks[0].names[leaf.scan])
		}
	}
	return all
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

// resume sets a stored watermark.
func (c *sourceTime) resume(w state.Watermark, has func(stream.Split) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case w.Split == "":
		c.mark = w.Micros
	case has(stream.Split(w.Split)):
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
