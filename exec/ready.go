package exec

import (
	"context"
	"io"
	"runtime/debug"
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Ready is a statement that is compiled when it first runs and then runs again and
// again with other parameters, as long as it is about a row or a few: one found by
// its key, or the rows of a VALUES. What such a statement does costs less than to
// compile it. Others are compiled for each run. The zero value is ready; it belongs
// to one session, and to the plan that it is first given.
type Ready struct {
	of    plan.Node // the root of the plan; nil: of none yet
	unfit bool
	busy  bool // somebody reads the rows of the last run

	engine *Engine
	env    function.Env
	format types.Format
	view   tableView
	b      *builder
	tree   *tree
	rows   *vec.Batch // of the run at hand; they stay until the next
	cursor readyCursor
}

// mostReady is how many rows of VALUES a statement may have that is kept compiled.
const mostReady = 32

// fitsReady reports whether a plan is one that is kept compiled: its operators keep
// nothing from one run for the next.
func fitsReady(n plan.Node) bool {
	fit := true
	plan.EachExpr(n, func(e plan.Expr) {
		fit = fit && !plan.Any(e, func(e plan.Expr) bool {
			switch e.(type) {
			case *plan.Subquery, *plan.Outer:
				return true
			}
			return false
		})
	})
	if !fit {
		return false
	}
	switch n := n.(type) {
	case *plan.Modify:
		return n.Op != plan.ModifyMerge && n.Conflict == nil && fitsReady(n.Input)
	case *plan.Project:
		return fitsReady(n.Input)
	case *plan.Filter:
		return fitsReady(n.Input)
	case *plan.Values:
		return len(n.Rows) <= mostReady
	case *plan.Scan:
		return n.Relation.Stored() && !n.Follow && pointed(n)
	}
	return false
}

// Keeps reports whether a statement is one that a Ready keeps compiled.
func Keeps(s plan.Statement) bool {
	switch s := s.(type) {
	case *plan.Query:
		return !s.Live && !s.Ops && fitsReady(s.Root)
	case *plan.Modification:
		return plan.Node(s.Top()) == s.Root && fitsReady(s.Root)
	}
	return false
}

// start makes the statement ready to run in a transaction; false: it is not one
// that is kept compiled, or its rows are still being read.
func (r *Ready) start(t *Txn, root plan.Node, env *function.Env) bool {
	if r == nil || r.unfit || r.busy || r.of != nil && r.of != root {
		return false
	}
	if r.of == nil {
		r.of = root
		if r.unfit = !fitsReady(root); r.unfit {
			return false
		}
	}
	r.env, r.format = *env, *env.Format
	r.env.Format, r.env.LateParams = &r.format, true
	r.view = tableView{txn: t, foreign: r.view.foreign}
	if r.tree == nil {
		return r.compile(t.e, root)
	}
	return r.rewind() == nil
}

// Has reports whether a query is kept compiled; r may be nil.
func (r *Ready) Has(q *plan.Query) bool { return r != nil && r.of == q.Root && !r.unfit }

// compile builds the tree. What cannot be built is left to who builds it for each
// run, and says why.
func (r *Ready) compile(e *Engine, root plan.Node) bool {
	r.engine = e
	b := e.builder(&r.env)
	b.view = &r.view
	b.account.Close()
	b.account = nil // nothing of it keeps rows
	t, err := b.tree(root, r)
	if err != nil {
		r.unfit = true
		r.view.close()
		return false
	}
	r.b, r.tree = b, t
	return true
}

// rewind brings the tree to its beginning, at the statement's snapshot.
func (r *Ready) rewind() error {
	for _, l := range r.tree.leaves {
		l.done, l.reads = false, 0
		switch src := l.src.(type) {
		case *tableLeaf:
			snap, err := r.view.snapshot(r.engine)
			if err != nil {
				return err
			}
			src.rewind(snap)
		case *operator.Values:
			src.Rewind()
		}
	}
	for _, n := range r.tree.nodes {
		n.open, n.marks = n.inputs, marks{}
		if m, ok := n.op.(*modifier); ok {
			snap, err := r.view.snapshot(r.engine)
			if err != nil {
				return err
			}
			m.txn, m.snap, m.count = r.view.txn.tables(), snap, 0
			m.foreign.reset()
		}
	}
	return nil
}

// Emit takes the rows of the tree: one batch, as there are so few.
func (r *Ready) Emit(_ context.Context, b *vec.Batch) error {
	if b.Len() > 0 {
		r.rows = b
	}
	return nil
}

// run runs the tree to its end.
func (r *Ready) run(ctx context.Context, what string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.unfit = true // what it left behind is not known
			err = r.engine.panicked(what, p, debug.Stack())
		}
	}()
	r.rows = nil
	*r.b.scope.ctx = ctx
	err = r.tree.runBounded(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return err
}

// end lets go of what the run has read: a statement that rests keeps no version of
// a table.
func (r *Ready) end() {
	if r.view.snap == nil {
		return
	}
	r.view.close()
	for _, l := range r.tree.leaves {
		if src, ok := l.src.(*tableLeaf); ok {
			src.snap = nil
			src.scan.Forget()
		}
	}
	for _, n := range r.tree.nodes {
		if m, ok := n.op.(*modifier); ok {
			m.txn, m.snap = nil, nil
		}
	}
	r.view.txn = nil
}

// QueryReady is Query of a statement that r keeps compiled; false: it is none, and
// nothing was done.
func (t *Txn) QueryReady(q *plan.Query, env *function.Env, r *Ready) (*readyCursor, bool) {
	if r == nil || q.Live || q.Ops || !r.start(t, q.Root, env) {
		return nil, false
	}
	r.busy = true
	r.cursor = readyCursor{r: r}
	return &r.cursor, true
}

// readyCursor reads the rows of one run.
type readyCursor struct {
	r     *Ready
	ran   bool // r.rows are there
	given bool
}

// Next runs the statement and returns its rows, which are valid until Close.
func (c *readyCursor) Next(ctx context.Context) (*vec.Batch, error) {
	if c.given || c.r == nil {
		return nil, io.EOF
	}
	c.given = true
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if !c.ran {
		err := c.r.run(ctx, "query")
		c.r.end()
		if err != nil {
			return nil, err
		}
	}
	if c.r.rows == nil {
		return nil, io.EOF
	}
	return c.r.rows, nil
}

// Close lets the statement run again. It may be called twice.
func (c *readyCursor) Close() error {
	if c.r != nil {
		c.r.end()
		c.r.busy = false
		c.r = nil
	}
	return nil
}

// ModifyReady is Modify of a statement that r keeps compiled; false: it is none, and
// nothing was done. rows are RETURNING's, nil where there is none.
func (t *Txn) ModifyReady(ctx context.Context, s *plan.Modification, env *function.Env, r *Ready) (tag string, rows *readyCursor, ok bool, err error) {
	t.mixed = true
	top := s.Top()
	if r == nil || plan.Node(top) != s.Root || r.busy {
		return "", nil, false, nil
	}
	if r.of == nil && !fitsReady(s.Root) {
		r.of, r.unfit = s.Root, true
	}
	if r.unfit {
		return "", nil, false, nil
	}
	// The lock comes before the snapshot: what is waited for is to be seen.
	if err := t.lockTarget(ctx, top); err != nil {
		return "", nil, true, err
	}
	if !r.start(t, s.Root, env) {
		return "", nil, false, nil
	}
	defer r.end()
	if err := r.run(ctx, "statement"); err != nil {
		return "", nil, true, err
	}
	if err := r.view.settleForeign(ctx); err != nil {
		return "", nil, true, err
	}
	count := int64(0)
	for _, n := range r.tree.nodes {
		if m, ok := n.op.(*modifier); ok {
			count = m.count
		}
	}
	if top.Returning != nil {
		r.busy = true
		r.cursor = readyCursor{r: r, ran: true}
		rows = &r.cursor
	}
	return countTag(s.Word, count), rows, true, nil
}

// countTag is the tag of a statement that has changed so many rows.
func countTag(word string, count int64) string {
	if word == "INSERT" {
		word = "INSERT 0"
	}
	return word + " " + strconv.FormatInt(count, 10)
}
