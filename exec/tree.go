package exec

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// tree is a plan that can run: operators, each passing its rows to the next, and
// the leaves that make rows. One goroutine owns it.
type tree struct {
	nodes   []*node // every node after its inputs: the root is last
	leaves  []*leaf // in the order in which bounded ones are read
	ctes    []*cte  // that it defines
	out     operator.Output
	holders []holder
	view    *tableView // of a job, closed with the tree; nil: it is the statement's
	timed   bool       // EXPLAIN ANALYZE: measure each operator
	begun   time.Time
}

// node is an operator in its place. It is the Output of its own operator.
type node struct {
	op       operator.Operator
	plan     plan.Node
	to       target
	open     int // inputs that have not ended
	inputs   int
	marks    marks // of its inputs; none: none has come
	mark     int64 // its own
	quiet    bool  // its inputs are idle
	unwanted bool  // nobody wants more of its rows
	level    int   // how many exchanges its rows have come through
	single   bool  // all its rows are the first task's
	off      bool  // and this is another: it has nothing to say
	delay    int64 // how far its rows may lie behind that, in microseconds
	ends     bool  // it is built where nothing is live: its state is not an epoch's

	rows    int64         // that it passed on
	bytes   int64         // of those rows, where the tree is timed
	first   time.Duration // from the tree's start until the first of them
	elapsed time.Duration // in it and, while it passed rows on, in those above
	passed  time.Duration // of elapsed, in those above
}

// target is where rows go: an input of a node, or, node nil, out of the tree.
type target struct {
	node  *node
	input int
	tree  *tree
}

// leaf is a source of rows in its place. Of src and scan one is set.
type leaf struct {
	src   operator.Leaf
	scan  *scan
	clock *clock // of the scan's stream; nil: nobody asks for its time
	plan  plan.Node
	to    target
	done  bool
	again bool // of one that ends: a job reads it at each start, not only at its first

	version uint64 // of a followed table: what has been delivered whole
	stands  *gate  // that the scan's reader was last said to stand at
	parted  bool   // and that a part of a later one has been, or nothing at all

	reads int        // of a bounded scan that brought rows, up to aheadFrom
	ahead *readAhead // nil: the tree's goroutine reads

	rows    int64
	bytes   int64
	first   time.Duration
	elapsed time.Duration
}

// Emit passes an operator's rows to where they go.
func (n *node) Emit(ctx context.Context, b *vec.Batch) error {
	if !n.to.tree.timed {
		n.rows += int64(b.Len())
		err := n.to.push(ctx, b)
		n.unwanted = n.unwanted || errors.Is(err, stream.Done)
		return err
	}
	start := time.Now()
	if n.rows == 0 {
		n.first = start.Sub(n.to.tree.begun)
	}
	n.rows += int64(b.Len())
	n.bytes += operator.LiveBytes(b)
	err := n.to.push(ctx, b)
	n.passed += time.Since(start)
	n.unwanted = n.unwanted || errors.Is(err, stream.Done)
	return err
}

func (t target) push(ctx context.Context, b *vec.Batch) error {
	if t.node == nil {
		return t.tree.out.Emit(ctx, b)
	}
	if !t.tree.timed {
		return t.node.op.Process(ctx, t.input, b, t.node)
	}
	start := time.Now()
	err := t.node.op.Process(ctx, t.input, b, t.node)
	t.node.elapsed += time.Since(start)
	return err
}

// finish says that an input has ended; with the last of a node's, so has the
// node.
func (t target) finish(ctx context.Context) error {
	n := t.node
	if n == nil {
		return nil
	}
	if !n.off {
		if err := t.finishOperator(ctx); err != nil && !errors.Is(err, stream.Done) {
			return err
		}
	}
	n.open--
	if _, ok := n.op.(*exchange); ok {
		return nil // it has told every task
	}
	if n.open > 0 {
		return t.watermark(ctx, math.MaxInt64) // the other inputs' is the node's now
	}
	return n.to.finish(ctx)
}

func (t target) finishOperator(ctx context.Context) error {
	n := t.node
	if !t.tree.timed {
		return n.op.Finish(ctx, t.input, n)
	}
	start := time.Now()
	err := n.op.Finish(ctx, t.input, n)
	n.elapsed += time.Since(start)
	return err
}

// skip ends an input whose rows are part of what was restored, or another task's:
// nothing goes out for its end but to an operator that has other inputs.
func (t target) skip(ctx context.Context) error {
	n := t.node
	if n == nil {
		return nil
	}
	n.open--
	x, exchanges := n.op.(*exchange)
	switch {
	case exchanges:
		return x.skip(ctx)
	case n.open == 0:
		return n.to.skip(ctx)
	case !n.off:
		if err := n.op.Finish(ctx, t.input, n); err != nil && !errors.Is(err, stream.Done) {
			return err
		}
	}
	return t.watermark(ctx, math.MaxInt64)
}

// take passes a leaf's rows on. done: nobody wants more of that leaf.
func (l *leaf) take(ctx context.Context, b *vec.Batch) (done bool, err error) {
	n := int64(b.Len())
	if n == 0 {
		return false, nil
	}
	if l.to.tree.timed {
		if l.rows == 0 {
			l.first = time.Since(l.to.tree.begun)
		}
		l.bytes += operator.LiveBytes(b)
	}
	l.rows += n
	err = l.to.push(ctx, b)
	if errors.Is(err, stream.Done) {
		return true, nil
	}
	return false, err
}

// unwanted reports whether nobody wants more of the leaf: a row of its own has been
// refused, or another input's, of an operator that they come to; or one was full
// before this start.
func (l *leaf) unwanted() bool { return l.to.node.over() }

// over reports whether nobody wants more of what a node gets. nil: what leaves the
// tree.
func (n *node) over() bool {
	for ; n != nil; n = n.to.node {
		if f, ok := n.op.(operator.Filling); n.unwanted || ok && f.Full() {
			return true
		}
	}
	return false
}

// end says that a leaf has ended. What its end brings may be wanted no more, which
// is no error.
func (l *leaf) end(ctx context.Context) error {
	if l.done {
		return nil
	}
	l.done = true
	if err := l.to.finish(ctx); err != nil && !errors.Is(err, stream.Done) {
		return err
	}
	return nil
}

// skip ends a leaf whose rows are part of what was restored, or another task's.
func (l *leaf) skip(ctx context.Context) error {
	l.done = true
	if err := l.to.skip(ctx); err != nil && !errors.Is(err, stream.Done) {
		return err
	}
	return nil
}

// barrier ends an epoch in every operator, inputs first: what one passes on is
// part of the epoch of those above it.
func (t *tree) barrier(ctx context.Context, e stream.Epoch) error {
	return t.barrierAt(ctx, e, 0)
}

// barrierAt is barrier's part in the operators of one level.
func (t *tree) barrierAt(ctx context.Context, e stream.Epoch, level int) error {
	for _, n := range t.nodes {
		if n.level != level || n.off || n.open == 0 && n.inputs > 0 {
			continue
		}
		if err := n.op.Barrier(ctx, e, n); err != nil && !errors.Is(err, stream.Done) {
			return err
		}
		if err := n.released(ctx); err != nil && !errors.Is(err, stream.Done) {
			return err
		}
	}
	return nil
}

// close closes every leaf and operator. It may be called twice.
func (t *tree) close() error {
	var errs []error
	for _, l := range t.leaves {
		if l.src != nil {
			errs = append(errs, l.src.Close())
		}
		if l.scan != nil {
			errs = append(errs, l.closeScan())
		}
	}
	for _, n := range t.nodes {
		errs = append(errs, n.op.Close())
	}
	for _, c := range t.ctes {
		errs = append(errs, c.close())
	}
	if t.view != nil {
		t.view.close()
	}
	for _, h := range t.holders {
		h.account.Close()
	}
	return errors.Join(errs...)
}
