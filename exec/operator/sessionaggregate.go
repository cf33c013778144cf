package operator

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// SessionAggregateSpec is what a SessionAggregate computes.
type SessionAggregateSpec struct {
	Partition      []*expr.Program
	PartitionTypes []types.Type
	Time           *expr.Program // timestamp or timestamptz
	TimeType       types.Type
	Gap, Grace     int64 // microseconds
	// Final: a session goes out once, when it is closed; else its changes do.
	Final bool
	// Keys of a row: places in Partition, plan.WindowStart or plan.WindowEnd.
	Keys    []int
	Calls   []*Call
	Late    Lateness
	Account *memory.Account
	Fault   Fault
}

// SessionAggregate groups the rows of a stream by sessions: each session has a slot
// in the calls' states, and where a row connects two of them, their states are put
// together. No row is kept, but of calls that keep their own (CallSpec.Rows).
//
// Final: a session goes out when the watermark has passed its end and grace.
// Otherwise sessions go out at the barrier after they have changed, and what went
// out before is taken back. A row is late where it would make a session of its own
// that is closed: one that reaches an open session belongs to it (Flink judges the
// merged window too). Deletes are refused.
type SessionAggregate struct {
	spec     SessionAggregateSpec
	programs []*expr.Program
	cols     []vec.Vec
	table    *table       // of partitions; nil: there is one
	open     [][]int32    // of each partition: the slots of its sessions, by time
	sessions []oneSession // by slot
	free     []int32
	room     int // slots that the calls have
	mark     int64
	held     int64

	due    dueRuns
	alarms []dueRow // of the batch at hand
	rung   int64    // how many there have been

	slots   []int32 // of each row of the batch at hand
	pending []int32 // rows that have a slot, and are not in its state yet
	parts   []int32 // partitions of the rows
	scratch []int32

	// Of the epoch that runs, where changes go out:
	changed []sessionChange
	valued  int        // those of changed whose results are in before
	before  *vec.Batch // results of the calls, as they went out
	after   *vec.Batch

	kept    *keptSlots // nil: nothing is stored
	evicted *evicted   // nil: all sessions are in memory
	dues    sessionDues
	passing *SessionAggregate // for evicted sessions that go out
	over    bool              // no row is to come
	live    []int32
	sel     selector
	out     emitter
}

// oneSession is what is known of a session beside the states of its calls.
type oneSession struct {
	start, last int64
	alarm       int64 // the time at which due has it
	partition   int32
	change      int32 // its place in changed, from 1; 0: it has not changed
	open        bool
	shown       bool // it has gone out and not been taken back
}

// sessionChange is a session that an epoch has changed.
type sessionChange struct {
	slot      int32 // -1: it is gone
	partition int32
	shown     bool // it had gone out, with these bounds
	start     int64
	last      int64
	before    int32 // the place of its results
}

// combine gives group to what group from has, which is as good as new then.
func (c *Call) combine(to, from int32) error {
	if c.rows != nil {
		return c.rows.combine(to, from)
	}
	f := c.spec.Func.(aggregate.Combiner)
	of := []int32{from}
	if err := f.Combine([]int32{to}, f, of); err != nil {
		return err
	}
	f.Clear(of)
	return c.charge()
}

// clearGroups has groups be such that have seen no row.
func (c *Call) clearGroups(groups []int32) {
	if c.rows == nil {
		c.spec.Func.(aggregate.Combiner).Clear(groups)
		return
	}
	for _, g := range groups {
		c.rows.clear(g)
	}
}

// NewSessionAggregate returns a SessionAggregate.
func NewSessionAggregate(spec SessionAggregateSpec) *SessionAggregate {
	w := &SessionAggregate{spec: spec, mark: math.MinInt64}
	w.programs = append(slices.Clone(spec.Partition), spec.Time)
	w.cols = make([]vec.Vec, len(w.programs))
	if len(spec.Partition) > 0 {
		w.table = newTable(spec.PartitionTypes, spec.Account, "SESSION")
	}
	var row, results []types.Type
	for _, k := range spec.Keys {
		t := spec.TimeType
		if k >= 0 {
			t = spec.PartitionTypes[k]
		}
		row = append(row, t)
	}
	for _, c := range spec.Calls {
		results = append(results, c.result)
	}
	w.out = newEmitter(append(row, results...))
	w.before, w.after = vec.NewBatch(results), vec.NewBatch(results)
	return w
}

// changes reports whether sessions that have gone out may be taken back.
func (w *SessionAggregate) changes() bool { return !w.spec.Final || w.spec.Late.Updates }

// Process gives rows to their sessions.
func (w *SessionAggregate) Process(ctx context.Context, _ int, b *vec.Batch, _ Output) error {
	if hasDelete(b) {
		return refuseDelete("a SESSION window")
	}
	sel, err := runAll(w.programs, b, w.cols, w.spec.Fault, &w.live)
	if err != nil {
		return err
	}
	if sel, err = computable(w.spec.Calls, b, w.sel.all(sel, b.Rows), w.spec.Fault); err != nil {
		return err
	}
	w.parts, w.slots = sized(w.parts, b.Rows), sized(w.slots, b.Rows)
	known, partitions := 0, 1
	if w.table == nil {
		clear(w.parts)
	} else {
		known = w.table.Len()
		keys, err := w.evicted.canonical(w.table, w.cols[:len(w.cols)-1], b.Rows, sel, w.parts)
		if err != nil {
			return err
		}
		if err := w.table.assign(keys, b.Rows, sel, w.parts); err != nil {
			return err
		}
		partitions = w.table.Len()
	}
	w.roomFor(partitions)
	at := timeColumn(w.cols[len(w.cols)-1])
	w.alarms = w.due.begin()
	if err := w.fetch(known); err != nil {
		return err
	}
	late := 0
	for _, r := range sel {
		t, ok := at.get(r)
		if !ok {
			continue
		}
		slot, err := w.place(ctx, w.parts[r], t, b)
		if err != nil {
			return err
		}
		if slot < 0 {
			late++
			if err := w.spec.Late.row(b, r, t+w.spec.Gap, w.mark); err != nil {
				return err
			}
			continue
		}
		w.slots[r] = slot
		w.pending = append(w.pending, r)
	}
	w.setAlarms()
	w.spec.Late.late(late)
	if err := w.give(ctx, b); err != nil {
		return err
	}
	if err := w.charge(); err != nil || w.evicted == nil {
		return err
	}
	w.evicted.crowded(w.state())
	return w.spec.Account.Overrun() // all sessions of a partition come into memory
}

// place returns the session of a row, which the row may lengthen, connect with
// another, or begin; -1: the row is late.
func (w *SessionAggregate) place(ctx context.Context, partition int32, t int64, b *vec.Batch) (int32, error) {
	all := w.open[partition]
	i := w.reach(all, t-w.spec.Gap)
	if i == len(all) || w.sessions[all[i]].start > t+w.spec.Gap {
		if w.closed(t + w.spec.Gap) {
			return -1, nil
		}
		slot, err := w.begin(partition, t)
		if err == nil {
			w.open[partition] = slices.Insert(all, i, slot)
		}
		return slot, err
	}
	slot := all[i]
	s := &w.sessions[slot]
	w.touch(slot)
	s.start, s.last = min(s.start, t), max(s.last, t)
	if i+1 == len(all) || w.sessions[all[i+1]].start > s.last+w.spec.Gap {
		return slot, nil
	}
	next := all[i+1]
	w.touch(next)
	if err := w.give(ctx, b); err != nil { // rows may wait for either of them
		return 0, err
	}
	for _, c := range w.spec.Calls {
		if err := c.combine(slot, next); err != nil {
			return 0, err
		}
	}
	s.last = max(s.last, w.sessions[next].last)
	w.release(next)
	w.open[partition] = slices.Delete(all, i+1, i+2)
	return slot, nil
}

// reach is the place of the first session that does not end before a time. Most
// rows are of a partition's last.
func (w *SessionAggregate) reach(all []int32, from int64) int {
	i := len(all)
	for range 3 {
		if i == 0 || w.sessions[all[i-1]].last < from {
			return i
		}
		i--
	}
	i, _ = slices.BinarySearchFunc(all[:i], from, func(slot int32, from int64) int { return cmp.Compare(w.sessions[slot].last, from) })
	return i
}

// begin makes a session.
func (w *SessionAggregate) begin(partition int32, t int64) (int32, error) {
	slot, err := w.slot()
	if err != nil {
		return 0, err
	}
	w.sessions[slot] = oneSession{start: t, last: t, partition: partition, open: true}
	w.touch(slot)
	w.alarm(slot)
	return slot, nil
}

// slot returns one that no session has.
func (w *SessionAggregate) slot() (int32, error) {
	if n := len(w.free); n > 0 {
		slot := w.free[n-1]
		w.free = w.free[:n-1]
		return slot, nil
	}
	n := len(w.sessions)
	w.sessions = append(w.sessions, oneSession{})
	return int32(n), w.grow()
}

// grow sees that the calls have room for all slots.
func (w *SessionAggregate) grow() error {
	if len(w.sessions) <= w.room {
		return nil
	}
	w.room = max(64, len(w.sessions)+len(w.sessions)/2)
	for _, c := range w.spec.Calls {
		if err := c.grow(w.room); err != nil {
			return err
		}
	}
	return nil
}

// release forgets the session of a slot, whose calls' states are cleared.
func (w *SessionAggregate) release(slot int32) {
	s := &w.sessions[slot]
	if s.change > 0 {
		w.changed[s.change-1].slot = -1
	}
	*s = oneSession{}
	w.free = append(w.free, slot)
	if w.kept != nil {
		w.kept.slots.touchOne(slot)
	}
}

// touch notes that a session changes, before it does.
func (w *SessionAggregate) touch(slot int32) {
	if w.kept != nil {
		w.kept.slots.touchOne(slot)
	}
	s := &w.sessions[slot]
	if s.change > 0 || !w.changes() {
		return
	}
	w.changed = append(w.changed, sessionChange{slot: slot, partition: s.partition, shown: s.shown, start: s.start, last: s.last})
	s.change = int32(len(w.changed))
}

// give adds the rows that wait to the states of their sessions, after noting what
// these were.
func (w *SessionAggregate) give(ctx context.Context, b *vec.Batch) error {
	if err := w.value(ctx); err != nil {
		return err
	}
	if len(w.pending) == 0 {
		return nil
	}
	for _, c := range w.spec.Calls {
		if err := c.add(b, w.pending, w.slots, w.spec.Fault); err != nil {
			return err
		}
	}
	w.pending = w.pending[:0]
	return nil
}

// value computes the results that sessions had before they changed.
func (w *SessionAggregate) value(ctx context.Context) error {
	slots := w.scratch[:0]
	for i := w.valued; i < len(w.changed); i++ {
		if c := &w.changed[i]; c.shown {
			c.before = int32(w.before.Rows + len(slots))
			slots = append(slots, c.slot)
		}
	}
	w.valued, w.scratch = len(w.changed), slots
	return w.results(ctx, slots, w.before)
}

func (w *SessionAggregate) results(ctx context.Context, slots []int32, dst *vec.Batch) error {
	if len(slots) == 0 {
		return nil
	}
	for i, c := range w.spec.Calls {
		if err := c.results(ctx, slots, dst.Cols[i]); err != nil {
			return err
		}
	}
	dst.Rows += len(slots)
	return nil
}

// charge counts the memory of the sessions; the calls count their own.
func (w *SessionAggregate) charge() error {
	size := 56*int64(cap(w.sessions)) + 40*int64(cap(w.open))
	if size == w.held {
		return nil
	}
	if err := w.spec.Account.Resize(w.held, size); err != nil {
		return err
	}
	w.held = size
	return nil
}

// Barrier passes on the net changes of the epoch.
func (w *SessionAggregate) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	if err := w.pass(ctx, out); err != nil {
		return err
	}
	return w.compact()
}

// pass passes on what has changed: first what is taken back, then what is given.
func (w *SessionAggregate) pass(ctx context.Context, out Output) error {
	if len(w.changed) == 0 {
		return nil
	}
	var slots []int32
	same := make([]bool, len(w.changed))
	for _, c := range w.changed {
		if c.slot >= 0 && w.shows(c.slot) {
			slots = append(slots, c.slot)
		}
	}
	if err := w.results(ctx, slots, w.after); err != nil {
		return err
	}
	n := 0
	for i, c := range w.changed {
		if c.slot < 0 || !w.shows(c.slot) {
			continue
		}
		s := &w.sessions[c.slot]
		same[i] = c.shown && c.start == s.start && c.last == s.last && w.unchanged(int(c.before), n)
		n++
	}
	for i, c := range w.changed {
		if !c.shown || same[i] {
			continue
		}
		if err := w.emit(ctx, c.partition, c.start, c.last, w.before, int(c.before), vec.Delete, out); err != nil {
			return err
		}
	}
	n = 0
	w.alarms = w.due.begin()
	for i, c := range w.changed {
		if c.slot < 0 {
			continue
		}
		s := &w.sessions[c.slot]
		s.change = 0
		if s.shown = w.shows(c.slot); s.shown {
			if !same[i] {
				if err := w.emit(ctx, s.partition, s.start, s.last, w.after, n, vec.Insert, out); err != nil {
					return err
				}
			}
			n++
		}
		if w.spec.Final && s.alarm != w.wakes(s) {
			w.alarm(c.slot)
		}
	}
	w.setAlarms()
	w.before.Reset()
	w.after.Reset()
	w.changed, w.valued = w.changed[:0], 0
	return w.out.flush(ctx, out)
}

// shows reports whether a session that has changed is to be seen now: where they go
// out when they are closed, only once its end has come.
func (w *SessionAggregate) shows(slot int32) bool {
	return !w.spec.Final || w.passed(w.sessions[slot].last+w.spec.Gap)
}

func (w *SessionAggregate) unchanged(before, after int) bool {
	for i, c := range w.spec.Calls {
		a, b := w.before.Cols[i], w.after.Cols[i]
		if !identical(a, before, b, after, c.result) {
			return false
		}
	}
	return true
}

// emit passes on a session with the results in row i of from.
func (w *SessionAggregate) emit(ctx context.Context, partition int32, start, last int64, from *vec.Batch, i int, op vec.Op, out Output) error {
	for at, k := range w.spec.Keys {
		col := w.out.batch.Cols[at]
		switch k {
		case plan.WindowStart:
			col.(*vec.Fixed[int64]).Append(start)
		case plan.WindowEnd:
			col.(*vec.Fixed[int64]).Append(last + w.spec.Gap)
		default:
			vec.AppendRow(col, w.table.keys[k], int(partition))
		}
	}
	for c := range w.spec.Calls {
		vec.AppendRow(w.out.batch.Cols[len(w.spec.Keys)+c], from.Cols[c], i)
	}
	return w.out.added(ctx, op, out)
}

// Finish passes on every session that has not gone out: no row is to come.
func (w *SessionAggregate) Finish(ctx context.Context, _ int, out Output) error {
	if err := w.pass(ctx, out); err != nil {
		return err
	}
	var open, silent []int32
	for slot := range int32(len(w.sessions)) {
		if w.sessions[slot].open {
			open = append(open, slot)
		}
	}
	slices.SortStableFunc(open, func(a, b int32) int { return cmp.Compare(w.sessions[a].last, w.sessions[b].last) })
	for _, slot := range open {
		if !w.sessions[slot].shown {
			silent = append(silent, slot)
		}
	}
	if err := w.emitAll(ctx, silent, out); err != nil {
		return err
	}
	w.end(open)
	w.over = true
	return w.finishEvicted(ctx, out)
}

// Close gives the sessions back.
func (w *SessionAggregate) Close() error {
	if w.table != nil {
		w.table.close()
	}
	for _, c := range w.spec.Calls {
		c.close()
	}
	w.evicted.close()
	w.chargeDues(0)
	w.spec.Account.Release(w.held)
	w.sessions, w.open, w.free, w.changed, w.held = nil, nil, nil, nil, 0
	if p := w.passing; p != nil {
		w.passing = nil
		return p.Close()
	}
	return nil
}
