package exec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// task is a job's operators, and the splits that are read for them. One goroutine
// owns it.
type task struct {
	life    *life
	number  int
	env     *function.Env
	tree    *tree
	live    []*leaf
	names   map[*scan]string // of each source
	batches map[*scan]int    // the batch size of each that has its own
	fan     *fanOut
	pumps   *pumps
	ackers  map[*leaf]*acker
	kept    []keptOperator
	origins map[*plan.Scan]*origin

	// Of a job of several tasks:
	exchanges []*exchange
	levels    int           // of exchanges
	inbox     chan message  // from the others
	pending   []message     // taken from inbox while a message could not be sent
	arrived   []int         // the tasks whose rows of each level of a barrier have come, and those at it
	nudge     chan struct{} // the stream's time has moved
	barriers  chan struct{} // the epoch ends; resumes: the next has begun
	resumes   chan struct{}
	due       bool // a barrier is, when the commits that are being read have been read whole
	ended     bool // the life has been told that nothing is left to read

	at    map[place]stream.Offset // where each split has been read to
	moved map[place]stream.Offset // and those that have moved in this epoch
	// caught is when a Read of a split began that found no more, the latest for which
	// somebody waited.
	caught map[place]time.Time
	open   int  // streams that have not ended
	timed  bool // a watermark has moved in this epoch
}

// stop ends the reading.
func (t *task) stop() {
	if t.pumps != nil {
		t.pumps.close()
	}
}

// close takes the operators down. Nothing reads for them any more.
func (t *task) close() error {
	if t.tree == nil {
		return nil
	}
	return t.tree.close()
}

// barrier ends an epoch in the operators. Of several tasks each first brings its
// streams' time as far as its splits have it, and, when all have, passes on what
// that came to: the operators have got the watermarks that the epoch stores, so a
// row is late after it whether the job goes on or is started again.
func (t *task) barrier(ctx context.Context, e stream.Epoch) error {
	if err := t.silence(ctx, time.Now()); err != nil {
		return err
	}
	if len(t.life.tasks) > 1 {
		if err := t.meet(ctx, t.levels); err != nil {
			return err
		}
		if err := t.agree(ctx); err != nil {
			return err
		}
	}
	for level := range t.levels + 1 {
		if err := t.tree.barrierAt(ctx, e, level); err != nil {
			return err
		}
		if level == t.levels {
			break
		}
		if err := t.meet(ctx, level); err != nil {
			return err
		}
	}
	return t.fan.flush(ctx)
}

// changed reports whether anything has moved in the epoch that runs.
func (t *task) changed() bool { return len(t.moved) > 0 || t.fan.dirty || t.timed }

// begin begins an epoch.
func (t *task) begin() {
	t.fan.dirty, t.timed = false, false
	clear(t.moved)
}

// positions are those of a stream's splits.
func (t *task) positions(s *scan, of map[place]stream.Offset) []stream.Position {
	var all []stream.Position
	for at, next := range of {
		if at.source == t.names[s] && s.has(at.split) {
			all = append(all, stream.Position{Split: at.split, Offset: bytes.Clone(next)})
		}
	}
	return all
}

// item passes the rows of one Read through the plan.
func (t *task) item(ctx context.Context, it item) error {
	leaf := it.from.leaf
	if it.mark != nil {
		leaf.stands = it.mark
		return t.flush(ctx)
	}
	if leaf.done { // what was read before its pump was stopped is wanted no more
		if it.err == nil {
			it.done()
		}
		return nil
	}
	if it.err != nil {
		if !errors.Is(it.err, io.EOF) {
			return t.life.policies.of(leaf.scan.plan.Relation).failure(system{it.err})
		}
		return t.over(ctx, leaf)
	}
	t.life.memory.hold(it.batch)
	for _, r := range it.read.Rejects {
		if err := t.rejected(leaf, it.read.Split, r); err != nil {
			return err
		}
	}
	t.reading(leaf, it)
	t.life.j.count(tally{in: leaf.scan.rows(it.batch)})
	if err := leaf.arrived(it.read, it.batch.Len()); err != nil {
		return err
	}
	if err := t.take(ctx, leaf, it); err != nil {
		return err
	}
	if t.life.pace.read(it.batch.Len()) {
		t.life.crowd()
	}
	at := place{t.names[leaf.scan], it.read.Split}
	t.move(at, it.read.Next, it.batch.Len() > 0)
	if it.read.CaughtUp && t.life.j.view.waiting.Load() > 0 {
		t.caught[at] = it.since
	}
	it.done()
	if leaf.clock != nil {
		t.align()
	}
	if err := t.life.flushLetters(ctx, lettersFull); err != nil {
		return err
	}
	if it.read.CaughtUp && len(t.pumps.items) == 0 {
		return t.flush(ctx)
	}
	return nil
}

// flush passes on what is gathered.
func (t *task) flush(ctx context.Context) error {
	for _, x := range t.exchanges {
		if err := x.flush(ctx); err != nil {
			return err
		}
	}
	return t.fan.flush(ctx)
}

// take passes the rows of one Read on, and then how far its stream's time has
// come.
func (t *task) take(ctx context.Context, leaf *leaf, it item) error {
	if leaf.clock == nil {
		return t.pass(ctx, leaf, it.batch)
	}
	now := time.Now()
	b, err := leaf.clock.observe(it.batch, it.read, now)
	if err != nil {
		return err
	}
	if err := t.pass(ctx, leaf, b); err != nil {
		return err
	}
	moved, err := leaf.tell(ctx, now)
	t.timed = t.timed || moved
	if errors.Is(err, stream.Done) {
		return nil // settle ends it
	}
	return err
}

// over takes note that a stream has ended, or that nobody wants more of it: the
// next epoch has that, so that no start waits for it.
func (t *task) over(ctx context.Context, leaf *leaf) error {
	t.open--
	t.timed = true
	return leaf.end(ctx)
}

// past takes note that a stream had ended before this life: nothing goes out for that again.
func (t *task) past(ctx context.Context, leaf *leaf) error {
	t.open--
	return leaf.skip(ctx)
}

// settle ends the streams of which nobody wants more, as behind a LIMIT that has
// its rows. Their positions stay where they are.
func (t *task) settle(ctx context.Context) error {
	for _, x := range t.exchanges {
		if err := x.settle(ctx); err != nil {
			return err
		}
	}
	for _, leaf := range t.live {
		if leaf.done || !leaf.unwanted() {
			continue
		}
		t.pumps.quit(leaf)
		if err := t.over(ctx, leaf); err != nil {
			return err
		}
	}
	return nil
}

// move notes where to go on in a split. A source may say again where it is; that
// alone makes no epoch.
func (t *task) move(at place, next stream.Offset, rows bool) {
	if next == nil || !rows && bytes.Equal(t.at[at], next) {
		return
	}
	t.at[at] = append(t.at[at][:0], next...)
	t.moved[at] = append(t.moved[at][:0], next...)
}

// pass gives a batch to the operators, in parts where the stream or the job says
// so.
func (t *task) pass(ctx context.Context, leaf *leaf, b *vec.Batch) error {
	size := t.life.settings.batch
	if own := t.batches[leaf.scan]; own > 0 {
		size = own
	}
	for part := range parts(b, size) {
		if _, err := leaf.take(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// parts cuts a batch into such of at most size rows; 0: it stays whole.
func parts(b *vec.Batch, size int) iter.Seq[*vec.Batch] {
	return func(yield func(*vec.Batch) bool) {
		if size == 0 || b.Len() <= size {
			yield(b)
			return
		}
		sel := b.Sel
		if sel == nil {
			sel = make([]int32, b.Rows)
			for i := range sel {
				sel[i] = int32(i)
			}
		}
		for part := range slices.Chunk(sel, size) {
			if !yield(&vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: part, Rows: b.Rows}) {
				return
			}
		}
	}
}

// fanOut gives a task's rows to each sink.
type fanOut struct {
	life   *life
	gather *vec.Batch
	dirty  bool // rows have gone out in this epoch
}

// Emit copies the rows once, for all sinks, and passes full batches on.
func (f *fanOut) Emit(ctx context.Context, b *vec.Batch) error {
	f.life.j.count(tally{out: int64(b.Len())})
	f.dirty = true
	if f.life.results != nil {
		f.life.results.add(b)
		return nil
	}
	if f.gather != nil && f.gather.Rows+b.Len() > vec.MaxRows {
		if err := f.flush(ctx); err != nil {
			return err
		}
	}
	if f.gather == nil {
		f.gather = f.life.pool.get()
	}
	b.CopyInto(f.gather)
	return nil
}

// flush gives the rows gathered to the sinks.
func (f *fanOut) flush(ctx context.Context) error {
	if f.gather == nil {
		return nil
	}
	outputs := f.life.outputs()
	s := newShared(f.gather, f.life.pool, len(outputs))
	s.memory = f.life.memory
	s.memory.hold(s.batch)
	f.gather = nil
	for _, sink := range outputs {
		if err := sink.send(ctx, f.life.fails, work{kind: workWrite, rows: s}); err != nil {
			return err
		}
	}
	return nil
}
