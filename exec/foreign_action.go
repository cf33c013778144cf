package exec

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// follow does what a foreign key says about keys that have gone.
func (f *foreignKeys) follow(ctx context.Context, s *keySet) error {
	from := &f.tables[s.key.From]
	action := s.key.Key.OnDelete
	if s.update {
		action = s.key.Key.OnUpdate
	}
	mode := table.RowExclusive
	if action.Checks() {
		mode = table.RowShare
	}
	if err := f.lock(ctx, from, mode); err != nil {
		return err
	}
	if action == catalog.NoAction {
		if err := f.without(ctx, s); err != nil {
			return err
		}
	}
	if err := f.act(ctx, s, action); err != nil || action != catalog.SetDefault {
		return err
	}
	// The default may be the very key that has gone.
	if err := f.without(ctx, s); err != nil {
		return err
	}
	return f.act(ctx, s, catalog.NoAction)
}

// act does an action to the rows that reference keys which have gone.
func (f *foreignKeys) act(ctx context.Context, s *keySet, action catalog.ReferentialAction) error {
	r := &referencing{f: f, s: s, from: &f.tables[s.key.From], action: action}
	return r.run(ctx)
}

// without leaves out the keys that are there again by now.
func (f *foreignKeys) without(ctx context.Context, s *keySet) error {
	to := &f.tables[s.key.To]
	snap := f.b.view.txn.tables().Statement()
	defer snap.Close()
	for i, values := range s.values {
		spec := f.point(to, s.key.Key.Index, s.key.Targeted, values)
		spec.Latest, spec.Unnoted = true, true
		err := scanned(ctx, snap.Scan(to.desc, spec), []types.Type{types.Of(types.Int8)}, func(*vec.Batch) error {
			s.values[i] = nil
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// referencing goes through the rows that reference keys which have gone.
type referencing struct {
	f      *foreignKeys
	s      *keySet
	from   *foreignTable
	action catalog.ReferentialAction
	snap   *table.Snapshot
}

// run finds the rows by an index of the table that begins with the key's columns,
// where it has one, else by reading the table once for all keys.
func (r *referencing) run(ctx context.Context) error {
	x := r.f.b.view.txn.tables()
	r.snap = x.Statement()
	defer r.snap.Close()
	spec := table.ScanSpec{Latest: true, Unnoted: true}
	for i := range r.from.Relation.Columns {
		spec.Columns = append(spec.Columns, i)
	}
	spec.Columns = append(spec.Columns, len(r.from.Relation.Columns))
	spec.Index, spec.Points = r.points()
	if spec.Index != nil && len(spec.Points) == 0 {
		return nil
	}
	ts := append(slices.Clone(r.from.types), types.Of(types.Int8))
	return scanned(ctx, r.snap.Scan(r.from.desc, spec), ts, func(b *vec.Batch) error { return r.batch(ctx, b) })
}

// points are the beginnings of an index's keys that rows which reference the gone
// keys have.
func (r *referencing) points() (*catalog.Index, [][]types.Value) {
	index, order := leadingIndex(r.from.Relation, r.s.key.Columns)
	if index == nil {
		return nil, nil
	}
	var points [][]types.Value
	for _, values := range r.s.values {
		if values == nil {
			continue
		}
		own := slices.Clone(values)
		if !convertKey(own, r.from.Relation, r.s.key.Columns) {
			continue // no row can have it
		}
		point := make([]types.Value, len(order))
		for i, at := range order {
			point[i] = own[at]
		}
		points = append(points, point)
	}
	return index, points
}

// leadingIndex is an index whose first columns are those at some places; order is
// which of them each is.
func leadingIndex(r *catalog.Relation, places []int) (*catalog.Index, []int) {
	for _, x := range r.Indexes() {
		if x.Where != "" || len(x.Keys) < len(places) {
			continue
		}
		var order []int
		for _, k := range x.Keys[:len(places)] {
			if at := slices.Index(places, k.Column); at >= 0 && !slices.Contains(order, at) {
				order = append(order, at)
			}
		}
		if len(order) == len(places) {
			return x, order
		}
	}
	return nil, nil
}

// keyAt is which of the gone keys a row references; -1: none.
func (r *referencing) keyAt(cols []vec.Vec, row int) int {
	values, nulls := keyOf(r.from.Relation, r.s.key.Columns, cols, row)
	if nulls > 0 || !convertKey(values, r.f.tables[r.s.key.To].Relation, r.s.key.Targeted) {
		return -1
	}
	encoded, _ := r.s.enc.AppendValues(nil, values)
	at, ok := r.s.places[string(encoded)]
	if !ok || r.s.values[at] == nil {
		return -1
	}
	return at
}

// batch holds the rows of a batch that reference a gone key, looks at them again,
// and does to them what the foreign key says.
func (r *referencing) batch(ctx context.Context, b *vec.Batch) error {
	x := r.f.b.view.txn.tables()
	last := len(b.Cols) - 1
	mode := table.ForUpdate
	switch {
	case r.action.Checks():
		mode = table.ForKeyShare
	case r.action != catalog.Cascade || r.s.update:
		mode = r.lockOf()
	}
	var ids []int64
	for row := range b.Rows {
		if r.keyAt(b.Cols, row) < 0 {
			continue
		}
		id, _ := rowID(b.Cols[last], row)
		if err := x.Hold(ctx, r.from.desc, id, mode); err != nil {
			return r.f.within(err, r.s.key)
		}
		var err error
		if r.action.Checks() {
			err = x.StillThere(r.from.desc, id)
		} else {
			err = x.Unchanged(r.snap, r.from.desc, id)
		}
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	spec := table.ScanSpec{RowIDs: ids, Latest: true, Unnoted: true}
	for i := range b.Cols {
		spec.Columns = append(spec.Columns, i)
	}
	ts := append(slices.Clone(r.from.types), types.Of(types.Int8))
	return scanned(ctx, r.snap.Scan(r.from.desc, spec), ts, func(now *vec.Batch) error { return r.held(ctx, now) })
}

// lockOf is the lock that changing the key's columns takes.
func (r *referencing) lockOf() table.RowLock {
	given := func(at int) bool { return slices.Contains(r.s.key.Columns, at) }
	return updateLock(r.from.Relation, func(at int) bool { return given(at) || generatedOf(r.from.Rules, at, given) })
}

// held does it to rows that are held.
func (r *referencing) held(ctx context.Context, b *vec.Batch) error {
	var sel []int32
	var keys []int
	for row := range b.Rows {
		if at := r.keyAt(b.Cols, row); at >= 0 {
			sel, keys = append(sel, int32(row)), append(keys, at)
		}
	}
	if len(sel) == 0 {
		return nil
	}
	if r.action.Checks() {
		return r.f.referenced(r.s.key, r.s.values[keys[0]])
	}
	last := len(b.Cols) - 1
	old := pickRows(b.Cols[:last], sel)
	var ids []int64
	for _, row := range sel {
		id, _ := rowID(b.Cols[last], int(row))
		ids = append(ids, id)
	}
	if r.from.rules == nil {
		rules, err := r.f.b.rowRules(r.from.Relation, r.from.Rules)
		if err != nil {
			return err
		}
		r.from.rules = rules
	}
	derived, err := r.from.rules.derivedOf(old, len(ids))
	if err != nil {
		return err
	}
	x := r.f.b.view.txn.tables()
	if r.action == catalog.Cascade && !r.s.update {
		if err := x.Delete(ctx, r.snap, r.from.desc, ids, derived); err != nil {
			return err
		}
		return r.f.changed(r.s.key.From, old, nil, len(ids))
	}
	new, err := r.become(old, keys)
	if err != nil {
		return err
	}
	rows, bad := r.from.rules.apply(new, len(ids))
	if bad.err != nil {
		return bad.err
	}
	if _, err := x.Update(ctx, r.snap, r.from.desc, ids, rows, derived); err != nil {
		return err
	}
	return r.f.changed(r.s.key.From, old, rows, len(ids))
}

// become are rows with the key's columns as the action leaves them.
func (r *referencing) become(old []vec.Vec, keys []int) ([]vec.Vec, error) {
	key := r.s.key
	new := slices.Clone(old)
	for i, at := range key.Columns {
		t := r.from.types[at]
		c := vec.New(t)
		switch {
		case r.action == catalog.Cascade:
			for _, k := range keys {
				v := []types.Value{r.s.become[k][i]}
				if !v[0].Null && !convertKey(v, r.from.Relation, []int{at}) {
					return nil, types.OutOfRange(types.FormatType(t))
				}
				vec.Append(c, v[0])
			}
		case !r.s.update && key.Key.Sets != nil && !slices.Contains(key.Key.Sets, key.Key.Attrs[i]):
			continue
		default:
			e := plan.Expr(nil)
			if r.action == catalog.SetDefault && r.from.Defaults != nil {
				e = r.from.Defaults[at]
			}
			if err := r.defaulted(c, e, t, len(keys)); err != nil {
				return nil, err
			}
		}
		new[at] = c
	}
	return new, nil
}

// defaulted appends n values of a default, NULLs where there is none.
func (r *referencing) defaulted(c vec.Vec, e plan.Expr, t types.Type, n int) error {
	if e == nil {
		for range n {
			vec.AppendNull(c)
		}
		return nil
	}
	p, err := r.f.b.compile(e)
	if err != nil {
		return err
	}
	v, errs := p.Run(&vec.Batch{Rows: n}, nil)
	if err := errs.First(); err != nil {
		return err
	}
	vec.CopyRows(c, flat(v, t), nil)
	return nil
}

// validateForeign holds the rows of a table to foreign keys that are new.
func (t *Txn) validateForeign(ctx context.Context, old, r *catalog.Relation, b *builder) error {
	var columns []int
	for i := range r.Columns {
		columns = append(columns, i)
	}
	f := &plan.Foreign{Tables: []plan.ForeignTable{{Relation: r}}}
	for i := range r.Table.Foreign {
		k := &r.Table.Foreign[i]
		target := t.Snapshot().RelationByOID(k.Target)
		if k.NotValid || validBefore(old, k.OID) || target == nil {
			continue
		}
		key := plan.ForeignKey{Key: k, To: len(f.Tables)}
		for i := range k.Attrs {
			key.Columns = append(key.Columns, r.ByAttribute(k.Attrs[i]))
			key.Targeted = append(key.Targeted, target.ByAttribute(k.Refs[i]))
		}
		f.Tables[0].Keys = append(f.Tables[0].Keys, key)
		f.Tables = append(f.Tables, plan.ForeignTable{Relation: target})
	}
	if len(f.Tables) == 1 || t.e.o.Tables == nil {
		return nil
	}
	keys := newForeignKeys(b, f)
	snap := t.tables().Statement()
	defer snap.Close()
	scan := snap.Scan(keys.tables[0].desc, table.ScanSpec{Columns: columns, Latest: true})
	err := scanned(ctx, scan, keys.tables[0].types, func(rows *vec.Batch) error { return keys.inserted(0, rows.Cols, rows.Rows) })
	if err != nil {
		return err
	}
	return keys.settle(ctx)
}

// validBefore reports whether a table had a foreign key that all its rows met.
func validBefore(old *catalog.Relation, key types.OID) bool {
	return slices.ContainsFunc(old.Foreign(), func(k catalog.ForeignKey) bool { return k.OID == key && !k.NotValid })
}
