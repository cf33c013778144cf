package exec

import (
	"context"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// A stream that is a table which another system changes is read as changes by key. What
// a change takes back only its last row tells, which is kept here: by an operator that
// stands right above the scan, in the task that reads it.

// changing has a live scan of such a stream deliver what its operator asks for: the
// columns of the key, and the marks.
func (s *scan) changing() (key []int) {
	s.changes, s.spec.Marks = true, true
	s.spec.Columns = slices.Clone(s.spec.Columns)
	r := s.plan.Relation
	for _, name := range r.Key {
		c := slices.IndexFunc(r.Columns, func(c catalog.Column) bool { return c.Name == name })
		at := slices.Index(s.spec.Columns, c)
		if at < 0 {
			at = len(s.spec.Columns)
			s.spec.Columns = append(s.spec.Columns, c)
			s.types = append(s.types, r.Columns[c].Type)
		}
		key = append(key, at)
	}
	s.types = append(s.types, types.Of(types.Bytea))
	return key
}

// lastRows puts the operator above a scan's leaf, and returns where its rows go.
func (b *builder) lastRows(t *tree, n *plan.Scan, s *scan, key []int, to target) target {
	op := operator.NewLatest(operator.LatestSpec{Types: s.types, Key: key, Pass: len(n.Columns), Name: n.Relation.Name, Account: b.holder(t, n)})
	place := &node{op: op, plan: n, to: to, open: 1, inputs: 1, ends: !b.live}
	t.nodes = append(t.nodes, place)
	return target{node: place, tree: t}
}

// forgetTimeout is how long another system may take to forget a job that is dropped.
const forgetTimeout = 20 * time.Second

// leaving notes what jobs that are being dropped have had kept in other systems. It is
// forgotten when they are gone.
func (e *Engine) leaving(ctx context.Context, dropped []*catalog.Job) {
	s := e.o.Catalog.Snapshot() // as it was before
	for _, def := range dropped {
		p, err := e.o.Plan(ctx, s, def)
		if err != nil {
			e.log.Warn("what a dropped job has had kept elsewhere is not known", "job", def.Name, "error", err)
			continue
		}
		var all []*catalog.Relation
		plan.WalkAll(p.Root, func(n plan.Node) {
			if sc, ok := n.(*plan.Scan); ok && sc.Changes {
				all = append(all, sc.Relation)
			}
		})
		if len(all) == 0 {
			continue
		}
		e.mu.Lock()
		if e.elsewhere == nil {
			e.elsewhere = map[state.ID][]*catalog.Relation{}
		}
		e.elsewhere[def.UUID] = all
		e.mu.Unlock()
	}
}

// forget has other systems forget a job that is gone.
func (e *Engine) forget(id state.ID) {
	e.mu.Lock()
	all := e.elsewhere[id]
	delete(e.elsewhere, id)
	e.mu.Unlock()
	for _, r := range all {
		c, ok := e.connectors[r.Connector].(stream.Changing)
		if !ok {
			continue
		}
		e.background.Go(func() {
			ctx, cancel := context.WithTimeout(e.ctx, forgetTimeout)
			defer cancel()
			if err := c.Forget(ctx, &e.o.Env, r, id.String()); err != nil {
				e.log.Error("a dropped job's changes are still kept for it", "stream", r.Name, "error", err)
			}
		})
	}
}
