package exec

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// asOfNow reports whether a join of a live query sees the table on its right as it
// is when a row comes: one of our own that is filtered and projected at most.
// Where the stream takes rows back it does not, as the table may have changed since
// they were given.
func asOfNow(n *plan.Join) *plan.Scan {
	switch n.Kind {
	case plan.JoinInner, plan.JoinLeft, plan.JoinSemi, plan.JoinAnti:
	default:
		return nil
	}
	if l := plan.Derive(n.Left); n.Lateral || n.Bounds != nil || l.Bounded || !l.AppendOnly {
		return nil
	}
	s := plan.Scanned(n.Right)
	if s == nil || !s.Relation.Stored() || s.Access != nil || s.Follow {
		return nil
	}
	return s
}

// lookupJoin builds a join with a table as it is now.
func (b *builder) lookupJoin(t *tree, n *plan.Join, s *plan.Scan, to target) error {
	spec := operator.LookupJoinSpec{Kind: n.Kind, Left: schemaTypes(n.Left), Right: schemaTypes(n.Right), Account: b.account, Fault: b.fault}
	keys, cond, err := b.joinPrograms(n.LeftKeys, n.RightKeys, n.Cond)
	if err != nil {
		return err
	}
	spec.Keys, spec.Cond, spec.KeyTypes = keys[0], cond, exprTypes(n.LeftKeys)
	rows, err := b.tableRows(n.Right)
	if err != nil {
		return err
	}
	rows.source = &tableSource{engine: b.engine, relation: s.Relation}
	if x, by := seekable(n, s); x != nil {
		spec.Lookup = &tableSeek{tableRows: rows, spec: table.ScanSpec{Columns: s.Columns, Index: x}, by: by, keys: keys[1],
			keyTypes: spec.KeyTypes, batch: vec.NewBatch(schemaTypes(s)), all: len(by) == len(keys[1])}
	} else {
		spec.Account = b.spiller(t, n)
		spec.Lookup = &tableCopy{tableRows: rows, copy: operator.NewHashCopy(spec.Right, keys[1], spec.KeyTypes, spec.Account, b.fault),
			columns: s.Columns, batch: vec.NewBatch(schemaTypes(s))}
	}
	return b.operator(t, n, operator.NewLookupJoin(spec), to, input{n.Left, 0})
}

// tableRows are what is done to a table's rows before they are joined.
type tableRows struct {
	source *tableSource
	steps  []operator.Operator // the last is done first
	out    *vec.Batch          // what they have passed on; nil: no row
}

func (b *builder) tableRows(n plan.Node) (*tableRows, error) {
	r := &tableRows{}
	for {
		switch x := n.(type) {
		case *plan.Filter:
			cond, err := b.compile(x.Cond)
			if err != nil {
				return nil, err
			}
			r.steps = append(r.steps, operator.NewFilter(cond, b.fault))
			n = x.Input
		case *plan.Project:
			programs, err := b.compileAll(x.Exprs)
			if err != nil {
				return nil, err
			}
			r.steps = append(r.steps, operator.NewProject(programs, b.fault))
			n = x.Input
		default:
			return r, nil
		}
	}
}

// Emit takes what a step passes on.
func (r *tableRows) Emit(_ context.Context, b *vec.Batch) error {
	r.out = b
	return nil
}

// apply returns what is left of rows, in their places; nil: nothing.
func (r *tableRows) apply(ctx context.Context, b *vec.Batch) (*vec.Batch, error) {
	for _, step := range slices.Backward(r.steps) {
		r.out = nil
		if err := step.Process(ctx, 0, b, r); err != nil || r.out == nil {
			return nil, err
		}
		b = r.out
	}
	return b, nil
}

// seekable finds the index of a table that a join can look its keys up in: the
// longest beginning that the keys give. by are the places of the keys that do.
func seekable(n *plan.Join, s *plan.Scan) (best *catalog.Index, by []int) {
	columns := make([]int, len(n.RightKeys)) // in the table; -1: an expression
	for i, k := range n.RightKeys {
		columns[i] = plan.ScannedColumn(n.Right, k)
	}
	info := s.Relation.Table
	for i := range info.Indexes {
		x := info.Indexes[i]
		if x.Where != "" {
			continue
		}
		var places []int
		for _, key := range x.Keys {
			at := slices.Index(columns, key.Column)
			if key.Column < 0 || at < 0 || n.LeftKeys[at].Type().OID != key.Type.OID {
				break
			}
			places = append(places, at)
		}
		if len(places) > len(by) || len(places) > 0 && len(places) == len(by) && x.Unique && !best.Unique {
			best, by = x, places
		}
	}
	return best, by
}

// tableSeek finds rows by an index.
type tableSeek struct {
	*tableRows
	at       *table.Snapshot // the statement's; nil: what is committed when it is asked
	spec     table.ScanSpec
	by       []int // the keys that the index begins with
	all      bool  // they are all keys
	keys     []*expr.Program
	keyTypes []types.Type
	scan     table.Scan
	batch    *vec.Batch
	of       []int32
	point    [1][]types.Value
}

// Find looks every key up, all in one version of the table.
func (s *tableSeek) Find(ctx context.Context, keys []vec.Vec, n int, f func(rows *vec.Batch, of []int32) error) error {
	snap := s.at
	if snap == nil {
		if err := s.source.check(); err != nil {
			return err
		}
		snap = s.source.engine.o.Tables.Latest()
		defer snap.Close()
	}
	desc := table.Describe(s.source.relation)
	s.batch.Reset()
	s.of = s.of[:0]
	for k := range n {
		point := s.point[0][:0]
		for _, at := range s.by {
			point = append(point, vec.Get(keys[at], k, s.keyTypes[at]))
		}
		s.point[0] = point
		s.spec.Points = s.point[:]
		snap.ScanInto(&s.scan, desc, s.spec)
		for {
			had := len(s.of)
			err := s.scan.Next(ctx, s.batch)
			if errors.Is(err, io.EOF) {
				s.batch.Rows = had
				break
			}
			if err != nil {
				s.scan.Close()
				return err
			}
			for range s.batch.Rows {
				s.of = append(s.of, int32(k))
			}
			if s.batch.Rows = len(s.of); len(s.of) < vec.MaxRows {
				continue
			}
			if err := s.give(ctx, keys, f); err != nil {
				s.scan.Close()
				return err
			}
		}
		s.scan.Close()
	}
	return s.give(ctx, keys, f)
}

// give passes the rows found on: those of which the keys are equal that the index
// does not know of, too.
func (s *tableSeek) give(ctx context.Context, keys []vec.Vec, f func(rows *vec.Batch, of []int32) error) error {
	if len(s.of) == 0 {
		return nil
	}
	b, err := s.apply(ctx, s.batch)
	if err == nil && b != nil && !s.all {
		b, err = operator.SameKeys(b, s.of, s.keys, keys, s.keyTypes)
	}
	if err == nil && b != nil {
		err = f(b, s.of)
	}
	s.batch.Reset()
	s.of = s.of[:0]
	return err
}

// Refresh does nothing: each Find looks anew.
func (*tableSeek) Refresh(context.Context) error { return nil }

func (s *tableSeek) Close() error {
	s.scan.Close()
	return nil
}

// tableCopy finds rows in a copy of the table, which follows it.
type tableCopy struct {
	*tableRows
	copy     *operator.HashCopy
	columns  []int
	follower *table.Follower // nil: nothing was asked
	batch    *vec.Batch
}

// Find brings the copy up to date and asks it.
func (c *tableCopy) Find(ctx context.Context, keys []vec.Vec, n int, f func(rows *vec.Batch, of []int32) error) error {
	if err := c.Refresh(ctx); err != nil {
		return err
	}
	return c.copy.Find(ctx, keys, n, f)
}

// Refresh takes what was committed since it was last called.
func (c *tableCopy) Refresh(ctx context.Context) error {
	if c.follower == nil {
		c.follower = c.source.engine.o.Tables.Follow(table.Describe(c.source.relation), c.columns, false)
		c.follower.Check(c.source.check)
	}
	for {
		c.batch.Reset()
		c.follower.Wake() // where nothing was committed, Next waits for nothing
		done, err := c.follower.Next(ctx, c.batch)
		if err != nil {
			return err
		}
		rows := c.batch.Rows
		if rows > 0 {
			b, err := c.apply(ctx, c.batch)
			if err == nil && b != nil {
				err = c.copy.Apply(ctx, b)
			}
			if err != nil {
				return err
			}
		}
		if done || rows == 0 {
			return nil
		}
	}
}

func (c *tableCopy) Close() error {
	if c.follower != nil {
		c.follower.Close()
	}
	return c.copy.Close()
}
