package gateway

import (
	"context"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// FromExec makes an Engine of the real one.
func FromExec(e *exec.Engine) Engine { return execEngine{e} }

type execEngine struct{ *exec.Engine }

func (e execEngine) Begin() Txn { return &execTxn{txn: e.Engine.Begin()} }

// execTxn numbers the engine's marks.
type execTxn struct {
	txn   *exec.Txn
	marks []exec.Mark
}

func (t *execTxn) Snapshot() *catalog.Snapshot { return t.txn.Snapshot() }

func (t *execTxn) Mark() int {
	t.marks = append(t.marks, t.txn.Mark())
	return len(t.marks) - 1
}

func (t *execTxn) RollbackTo(mark int) {
	t.txn.RollbackTo(t.marks[mark])
	t.marks = t.marks[:mark+1]
}

func (t *execTxn) Commit(ctx context.Context) error { return t.txn.Commit(ctx) }

func (t *execTxn) Notices() []*sqlerr.Error { return t.txn.Notices() }

func (t *execTxn) Around(f func(decide func() error) error) { t.txn.Around(f) }

func (t *execTxn) Rollback() { t.txn.Rollback() }

func (t *execTxn) Exec(ctx context.Context, b *plan.Bound, env *function.Env) (Result, error) {
	r, err := t.txn.Exec(ctx, b, env)
	return Result{Tag: r.Tag, Notices: r.Notices}, err
}

func (t *execTxn) Query(ctx context.Context, q *plan.Query, env *function.Env, ready *exec.Ready) (Cursor, error) {
	if c, ok := t.txn.QueryReady(q, env, ready); ok {
		return c, nil
	}
	c, err := t.txn.Query(ctx, q, env)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (t *execTxn) Sequences() function.Sequences { return t.txn }

func (t *execTxn) Stale(user string, views []*catalog.Relation) []*sqlerr.Error {
	return t.txn.Stale(user, views)
}

func (t *execTxn) SetIsolation(level string) { t.txn.SetIsolation(level) }

func (t *execTxn) Sees(r *catalog.Relation, x *catalog.Index) bool { return t.txn.Sees(r, x) }

func (t *execTxn) SetSession(pid int32, lockTimeout time.Duration) {
	t.txn.SetSession(pid, lockTimeout)
}

func (t *execTxn) Modify(ctx context.Context, s *plan.Modification, env *function.Env, ready *exec.Ready) (string, Cursor, error) {
	if tag, rows, ok, err := t.txn.ModifyReady(ctx, s, env, ready); ok {
		if err != nil || rows == nil {
			return tag, nil, err
		}
		return tag, rows, nil
	}
	m, err := t.txn.Modify(ctx, s, env)
	switch {
	case err != nil:
		return "", nil, err
	case !m.HasRows():
		return m.Tag, nil, nil
	}
	return m.Tag, m, nil
}

func (t *execTxn) CopyIn(ctx context.Context, c *plan.CopyFrom, src operator.Leaf, env *function.Env) (int64, error) {
	return t.txn.CopyIn(ctx, c, src, env)
}

func (t *execTxn) Listed(ctx context.Context, system *catalog.Relation) ([]stream.Listed, error) {
	return t.txn.Listed(ctx, system)
}

func (t *execTxn) Discover(ctx context.Context, schemas []string, name, user string, readOnly bool) (bool, []*sqlerr.Error, error) {
	return t.txn.Discover(ctx, schemas, name, user, readOnly)
}

func (t *execTxn) Explain(ctx context.Context, s *plan.Explain, env *function.Env) ([]string, error) {
	return t.txn.Explain(ctx, s, env)
}
