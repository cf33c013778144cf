package exec

import (
	"context"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// tableLeaf reads a table at the statement's snapshot.
type tableLeaf struct {
	snap  *table.Snapshot
	desc  *table.Desc
	spec  table.ScanSpec
	keys  *keyPrograms // nil: all rows
	row   *keyProgram  // of WHERE CURRENT OF; nil: any
	scan  table.Scan
	batch *vec.Batch
	open  bool
	none  bool // a key is NULL: there are no rows
	once  bool // there is one row at most
}

func (b *builder) tableScan(t *tree, n *plan.Scan, to target) error {
	leaf, err := b.tableLeaf(n)
	if err != nil {
		return err
	}
	b.leaf(t, n, leaf, to)
	return nil
}

func (b *builder) tableLeaf(n *plan.Scan) (*tableLeaf, error) {
	snap, err := b.view.snapshot(b.engine)
	if err != nil {
		return nil, err
	}
	l := &tableLeaf{snap: snap, desc: table.Describe(n.Relation), batch: vec.NewBatch(schemaTypes(n))}
	l.spec.Columns, l.once = n.Columns, pointed(n)
	l.spec.Latest, l.spec.Unnoted = b.view.latest, b.view.latest
	if n.Current != nil {
		p, err := b.compile(n.Current.ID)
		if err != nil {
			return nil, err
		}
		l.row = &keyProgram{p, n.Current.ID.Type()}
	}
	if n.Access != nil {
		l.spec.Index, l.spec.Backward = n.Access.Index, n.Access.Backward
		if l.keys, err = b.keyPrograms(n.Access); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Next returns the next rows.
func (l *tableLeaf) Next(ctx context.Context) (*vec.Batch, error) {
	if !l.open {
		l.open = true
		if l.keys != nil {
			ok, err := l.keys.fill(&l.spec)
			if err != nil {
				return nil, err
			}
			l.none = !ok
		}
		if l.row != nil {
			id, err := l.row.value()
			if err != nil {
				return nil, err
			}
			l.spec.RowIDs, l.none = []int64{id.I}, id.Null
		}
		if !l.none {
			l.snap.ScanInto(&l.scan, l.desc, l.spec)
		}
	}
	if l.none {
		return nil, io.EOF
	}
	l.batch.Reset()
	if err := l.scan.Next(ctx, l.batch); err != nil {
		return nil, err
	}
	if l.once {
		// The row stays where it is: who asked for it may look at it to the end.
		l.scan.Close()
		l.none = true
	}
	return l.batch, nil
}

// rewind brings the leaf to its beginning, at another snapshot.
func (l *tableLeaf) rewind(snap *table.Snapshot) {
	l.snap, l.open, l.none = snap, false, false
	l.spec.Points = nil
}

// Close ends the scan.
func (l *tableLeaf) Close() error {
	if l.open && !l.none {
		l.scan.Close()
	}
	return nil
}

// keyPrograms compute the keys of an index access.
type keyPrograms struct {
	desc      bool // of the key after the equal ones
	eq, any   []keyProgram
	array     *keyProgram
	low, high *keyProgram
	lowIn     bool
	highIn    bool

	prefix []types.Value
	point  [1][]types.Value
}

type keyProgram struct {
	program *expr.Program
	typ     types.Type
}

func (b *builder) keyPrograms(a *plan.IndexAccess) (*keyPrograms, error) {
	k := &keyPrograms{}
	if len(a.Eq) < len(a.Index.Keys) {
		k.desc = a.Index.Keys[len(a.Eq)].Desc
	}
	var err error
	one := func(e plan.Expr) *keyProgram {
		p, cerr := b.compile(e)
		if cerr != nil && err == nil {
			err = cerr
		}
		return &keyProgram{p, e.Type()}
	}
	for _, e := range a.Eq {
		k.eq = append(k.eq, *one(e))
	}
	for _, e := range a.Any {
		k.any = append(k.any, *one(e))
	}
	if a.Array != nil {
		k.array = one(a.Array)
	}
	if a.Low != nil {
		k.low, k.lowIn = one(a.Low.Value), a.Low.Inclusive
	}
	if a.High != nil {
		k.high, k.highIn = one(a.High.Value), a.High.Inclusive
	}
	return k, err
}

func (k *keyProgram) value() (types.Value, error) { return operator.EvalRow(k.program, k.typ) }

// fill computes what is looked for; false: there is nothing to find.
func (k *keyPrograms) fill(s *table.ScanSpec) (bool, error) {
	if cap(k.prefix) == 0 {
		k.prefix = make([]types.Value, 0, len(k.eq)+1)
	}
	prefix := k.prefix[:len(k.eq)]
	for i := range k.eq {
		v, err := k.eq[i].value()
		if err != nil || v.Null {
			return false, err
		}
		prefix[i] = v
	}
	switch {
	case k.any != nil || k.array != nil:
		items, err := k.items()
		if err != nil {
			return false, err
		}
		for _, v := range items {
			s.Points = append(s.Points, append(prefix[:len(prefix):len(prefix)], v))
		}
		return len(items) > 0, nil
	case k.low == nil && k.high == nil:
		if len(prefix) > 0 {
			k.point[0] = prefix
			s.Points = k.point[:]
		}
		return true, nil
	}
	return k.span(s, prefix)
}

// span sets the ends of a range, in the order of the index.
func (k *keyPrograms) span(s *table.ScanSpec, prefix []types.Value) (bool, error) {
	end := func(p *keyProgram, inclusive bool) (table.Bound, bool, error) {
		if p == nil {
			return table.Bound{Values: prefix, Inclusive: true, Set: len(prefix) > 0}, true, nil
		}
		v, err := p.value()
		if err != nil || v.Null {
			return table.Bound{}, false, err
		}
		return table.Bound{Values: append(prefix[:len(prefix):len(prefix)], v), Inclusive: inclusive, Set: true}, true, nil
	}
	low, ok, err := end(k.low, k.lowIn)
	if err != nil || !ok {
		return false, err
	}
	high, ok, err := end(k.high, k.highIn)
	if err != nil || !ok {
		return false, err
	}
	if s.From, s.To = low, high; k.desc {
		s.From, s.To = high, low
	}
	return true, nil
}

// items are the values of a list, each once and without NULLs.
func (k *keyPrograms) items() ([]types.Value, error) {
	var all []types.Value
	for i := range k.any {
		v, err := k.any[i].value()
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	if k.array != nil {
		v, err := k.array.value()
		if err != nil {
			return nil, err
		}
		if !v.Null {
			all = append(all, v.A.Elems...)
		}
	}
	seen := map[string]bool{}
	out := all[:0]
	var buf []byte
	for _, v := range all {
		if v.Null {
			continue
		}
		buf = types.AppendStored(buf[:0], v)
		if !seen[string(buf)] {
			seen[string(buf)] = true
			out = append(out, v)
		}
	}
	return out, nil
}

// rowTypes are the types of a table's columns.
func rowTypes(r *catalog.Relation) []types.Type {
	ts := make([]types.Type, len(r.Columns))
	for i, c := range r.Columns {
		ts[i] = c.Type
	}
	return ts
}
