package exec

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// conflict is ON CONFLICT of an insert.
type conflict struct {
	n     *plan.OnConflict
	new   []*expr.Program
	where *expr.Program // nil: none
	lock  table.RowLock
}

func (b *builder) conflict(m *plan.Modify) (*conflict, error) {
	if m.Conflict == nil {
		return nil, nil
	}
	c := &conflict{n: m.Conflict, lock: table.ForUpdate}
	if !c.n.Update {
		return c, nil
	}
	own := make([]int, len(m.Target.Columns))
	for i := range own {
		own[i] = i
	}
	c.lock = updateLock(m.Target, updated(m.Rules, c.n.New, own))
	var err error
	if c.new, err = b.compileAll(c.n.New); err != nil {
		return nil, err
	}
	if c.n.Where != nil {
		c.where, err = b.compile(c.n.Where)
	}
	return c, err
}

func nullColumn(t types.Type, n int) vec.Vec { return flat(vec.NewConst(types.NullOf(t), n), t) }

// insert adds the rows that meet no conflict, and updates what the others meet.
func (c *conflict) insert(ctx context.Context, m *modifier, rows []vec.Vec, n int, out operator.Output) error {
	inserted, existing, err := m.txn.InsertUnless(ctx, m.snap, m.desc, rows, n, c.n.Arbiters)
	if err != nil {
		return withoutKey(m.b.env, m.n.Target, err)
	}
	if !slices.Contains(inserted, false) {
		m.count += int64(n)
		if err := m.foreign.inserted(0, rows, n); err != nil {
			return err
		}
		return m.give(ctx, rows, existing, nil, n, out)
	}
	// The rules hold the columns of rows; each update asks them again.
	kept := pickRows(rows, nil)
	for i := 0; i < n; i++ {
		var sel []int32
		for ; i < n && inserted[i]; i++ {
			sel = append(sel, int32(i))
		}
		if k := len(sel); k > 0 {
			m.count += int64(k)
			if m.foreign != nil {
				if err := m.foreign.inserted(0, pickRows(kept, sel), k); err != nil {
					return err
				}
			}
			if m.returning != nil || m.rules.views != nil {
				if err := m.give(ctx, pickRows(kept, sel), existing[sel[0]:i], nil, k, out); err != nil {
					return err
				}
			}
		}
		if i == n || !c.n.Update {
			continue
		}
		if err := c.update(ctx, m, pickRows(kept, []int32{int32(i)}), existing[i], out); err != nil {
			return err
		}
	}
	return nil
}

// pickRows copies rows; sel nil: all.
func pickRows(rows []vec.Vec, sel []int32) []vec.Vec {
	out := make([]vec.Vec, len(rows))
	for i, v := range rows {
		out[i] = vec.Like(v)
		vec.CopyRows(out[i], v, sel)
	}
	return out
}

// update is DO UPDATE of the row that one excluded row met.
func (c *conflict) update(ctx context.Context, m *modifier, excluded []vec.Vec, id int64, out operator.Output) error {
	for {
		var result [1]table.LockResult
		if err := m.txn.Lock(ctx, m.snap, m.desc, []int64{id}, c.lock, table.Block, result[:]); err != nil {
			return err
		}
		if result[0] == table.LockSelf {
			return errTwice("ON CONFLICT DO UPDATE", "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
		}
		if result[0] != table.LockGone {
			break
		}
		// It was deleted before it could be locked: the row can be inserted now,
		// unless yet another one is there.
		inserted, existing, err := m.txn.InsertUnless(ctx, m.snap, m.desc, excluded, 1, c.n.Arbiters)
		if err != nil {
			return withoutKey(m.b.env, m.n.Target, err)
		}
		if inserted[0] {
			m.count++
			if err := m.foreign.inserted(0, excluded, 1); err != nil {
				return err
			}
			return m.give(ctx, excluded, existing, nil, 1, out)
		}
		id = existing[0]
	}
	there, err := newestRow(ctx, m.snap, m.desc, m.n.Target, id)
	if err != nil || there == nil {
		return err
	}
	width := len(m.types)
	b := vec.Batch{Rows: 1}
	rowID := &vec.Fixed[int64]{Values: []int64{id}}
	b.Cols = append(append(append(b.Cols, there...), excluded[:width]...), rowID)
	if c.where != nil {
		sel, errs := c.where.Filter(&b, nil)
		if err := errs.First(); err != nil || len(sel) == 0 {
			return err
		}
	}
	new := make([]vec.Vec, width)
	for i, p := range c.new {
		v, errs := p.Run(&b, nil)
		if err := errs.First(); err != nil {
			return err
		}
		new[i] = flat(v, m.types[i])
	}
	old, err := m.rules.derivedOf(there, 1)
	if err != nil {
		return err
	}
	rows, bad := m.rules.apply(new, 1)
	if bad.err != nil {
		return bad.err
	}
	if _, err := m.txn.Update(ctx, m.snap, m.desc, []int64{id}, rows, old); err != nil {
		return withoutKey(m.b.env, m.n.Target, err)
	}
	m.count++
	if err := m.foreign.changed(0, there, rows, 1); err != nil {
		return err
	}
	return m.give(ctx, rows, []int64{id}, nil, 1, out)
}
