package exec

import (
	"context"
	"errors"
	"math"

	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// exchange is one task's part of a plan.Exchange: it gives the rows of the task to
// those that they belong to, and passes on what comes for its own from all of them.
type exchange struct {
	task   *task
	number int // in the order of the plan, as every task has it
	node   *node
	router *operator.Router
	keys   bool // else all rows are the first task's
	pool   *batchPool
	gather []*vec.Batch // for each other task; nil: nothing

	marks marks // of each task
	ended []bool
	ends  bool  // one of them has ended in this life
	mark  int64 // as it was passed on
	quiet bool  // likewise
	told  bool  // every task knows that no more rows are wanted
}

// messageKind is what one task tells another.
type messageKind uint8

const (
	messageRows  messageKind = iota
	messageMark              // from now on rows are not before mark
	messageFull              // no more rows are wanted
	messageEnd               // no row will come
	messageLevel             // the rows of a level of a barrier have come
)

type message struct {
	kind  messageKind
	from  int // the task
	to    int // the exchange; of messageLevel the level
	batch *vec.Batch
	mark  int64
	quiet bool // with mark: the task's input is idle
	past  bool // of messageEnd: what the end brings is part of what was restored, or another task's
}

func (b *builder) exchange(t *tree, n *plan.Exchange, to target) error {
	keys, err := b.compileAll(n.Keys)
	if err != nil {
		return err
	}
	return b.operator(t, n, b.task.newExchange(n, keys, b.fault), to, input{n.Input, 0})
}

func (t *task) newExchange(n *plan.Exchange, keys []*expr.Program, fault operator.Fault) *exchange {
	tasks := t.life.settings.parallelism
	x := &exchange{task: t, number: len(t.exchanges), keys: n.Keys != nil, pool: &batchPool{types: schemaTypes(n)},
		gather: make([]*vec.Batch, tasks), marks: newMarks(tasks), ended: make([]bool, tasks), mark: noMark}
	x.router = operator.NewRouter(tasks, keys, exprTypes(n.Keys), fault)
	t.exchanges = append(t.exchanges, x)
	return x
}

// Process gives each row to its task.
func (x *exchange) Process(ctx context.Context, _ int, b *vec.Batch, out operator.Output) error {
	if x.node.unwanted {
		return stream.Done
	}
	parts, err := x.router.Route(b)
	if err != nil {
		return err
	}
	for i, sel := range parts {
		if len(sel) == 0 {
			continue
		}
		part := vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}
		if i == x.task.number {
			if err := out.Emit(ctx, &part); err != nil {
				return err
			}
			continue
		}
		if g := x.gather[i]; g != nil && g.Rows+len(sel) > vec.MaxRows {
			if err := x.send(ctx, i); err != nil {
				return err
			}
		}
		if x.gather[i] == nil {
			x.gather[i] = x.pool.get()
		}
		part.CopyInto(x.gather[i])
	}
	return nil
}

// send gives a task what was gathered for it.
func (x *exchange) send(ctx context.Context, to int) error {
	b := x.gather[to]
	if b == nil {
		return nil
	}
	x.gather[to] = nil
	return x.task.send(ctx, to, message{kind: messageRows, to: x.number, batch: b})
}

// flush gives every task what was gathered for it.
func (x *exchange) flush(ctx context.Context) error {
	for i := range x.gather {
		if err := x.send(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// tell sends every task that gets rows a message, after the rows.
func (x *exchange) tell(ctx context.Context, m message) error {
	if err := x.flush(ctx); err != nil {
		return err
	}
	m.to, m.from = x.number, x.task.number
	for i := range x.gather {
		if !x.keys && i > 0 {
			break
		}
		var err error
		if i == x.task.number {
			err = x.receive(ctx, m)
		} else {
			err = x.task.send(ctx, i, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settle tells the other tasks when nobody wants more of what comes to the first
// one, which has all rows of the exchange.
func (x *exchange) settle(ctx context.Context) error {
	if x.keys || x.told || x.task.number > 0 || !x.node.unwanted && !x.node.to.node.over() {
		return nil
	}
	x.told, x.node.unwanted = true, true
	for i := range x.gather {
		if i == x.task.number {
			continue
		}
		if err := x.task.send(ctx, i, message{kind: messageFull, to: x.number}); err != nil {
			return err
		}
	}
	return nil
}

// receive takes what a task has sent, and passes it on. Where no more rows are
// wanted settle sees to it.
func (x *exchange) receive(ctx context.Context, m message) error {
	err := x.take(ctx, m)
	if errors.Is(err, stream.Done) {
		return nil
	}
	return err
}

func (x *exchange) take(ctx context.Context, m message) error {
	switch m.kind {
	case messageRows:
		err := x.node.Emit(ctx, m.batch)
		m.batch.Reset()
		x.pool.pool.Put(m.batch)
		return err
	case messageFull:
		x.node.unwanted = true
		return nil
	case messageMark:
		x.marks.set(m.from, m.mark, m.quiet)
	case messageEnd:
		x.ended[m.from] = true
		x.ends = x.ends || !m.past
		x.marks.set(m.from, math.MaxInt64, false)
		left := 0
		for _, ended := range x.ended {
			if !ended {
				left++
			}
		}
		switch {
		case left == 0 && x.ends:
			return x.node.to.finish(ctx)
		case left == 0:
			return x.node.to.skip(ctx)
		}
	}
	// A task that is idle is waited for: it may hold rows of before (groups of a
	// PartialAggregate, rows gathered for others), and sends them before it says that
	// its time has passed them. The others, which have the same streams' time, may be
	// further by then. It will be as far: each looks whenever that time moves.
	low, quiet := x.marks.least()
	if low <= x.mark && quiet == x.quiet {
		return nil
	}
	x.mark, x.quiet = max(x.mark, low), quiet
	return x.node.to.status(ctx, x.mark, quiet)
}

// status tells every task how far the task's input has come.
func (x *exchange) status(ctx context.Context, mark int64, quiet bool) error {
	return x.tell(ctx, message{kind: messageMark, mark: mark, quiet: quiet})
}

// Watermark is status's: an exchange also tells that its input is idle.
func (x *exchange) Watermark(context.Context, int64, operator.Output) error { return nil }

// Barrier gives every task its rows.
func (x *exchange) Barrier(ctx context.Context, _ stream.Epoch, _ operator.Output) error {
	return x.flush(ctx)
}

// Finish tells every task.
func (x *exchange) Finish(ctx context.Context, _ int, _ operator.Output) error {
	return x.tell(ctx, message{kind: messageEnd})
}

// skip tells every task that the end has brought nothing here: what it brings was
// restored, or is another task's to bring.
func (x *exchange) skip(ctx context.Context) error {
	return x.tell(ctx, message{kind: messageEnd, past: true})
}

// Close drops what is gathered.
func (x *exchange) Close() error {
	clear(x.gather)
	return nil
}
