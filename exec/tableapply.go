package exec

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// apply writes changes to the transaction at hand: what goes, and then what comes.
// A row that violates a constraint is left out, where refuse says so with nil; kept are
// the others.
func (s *tableSink) apply(ctx context.Context, l changeList, refuse func(stream.Reject) error) (kept changeList, err error) {
	if err := s.x.LockTable(ctx, s.rel, table.RowExclusive, table.Block); err != nil {
		return kept, err
	}
	if !s.asOpened() {
		return kept, errAltered(s.rel)
	}
	kept = changeList{}
	for from := 0; from < l.len(); {
		op, _ := l.at(from)
		to := from + 1
		for to < l.len() && to-from < vec.MaxRows {
			if next, _ := l.at(to); next != op {
				break
			}
			to++
		}
		if err := s.applySome(ctx, l, from, to, op, &kept, refuse); err != nil {
			return kept, err
		}
		from = to
	}
	return kept, nil
}

// applySome writes changes of one op. Where one violates a constraint they are
// written one by one.
func (s *tableSink) applySome(ctx context.Context, l changeList, from, to int, op vec.Op, kept *changeList, refuse func(stream.Reject) error) error {
	mark := s.x.Mark()
	err := s.applyRows(ctx, l, from, to, op)
	switch {
	case err == nil:
		for i := from; i < to; i++ {
			_, row := l.at(i)
			kept.append(op, row)
		}
		return nil
	case !violation23(err):
		return err
	case to-from == 1:
		s.x.RollbackTo(mark)
		cols, derr := s.decode(l, from, to)
		if derr != nil {
			return derr
		}
		return refuse(stream.Reject{Err: err, Raw: s.shown(cols, 0)})
	}
	s.x.RollbackTo(mark)
	for i := from; i < to; i++ {
		if err := s.applySome(ctx, l, i, i+1, op, kept, refuse); err != nil {
			return err
		}
	}
	return nil
}

// violation23 reports whether an error is the violation of a constraint.
func violation23(err error) bool { return string(sqlerr.CodeOf(err))[:2] == "23" }

func (s *tableSink) applyRows(ctx context.Context, l changeList, from, to int, op vec.Op) error {
	cols, err := s.decode(l, from, to)
	if err != nil {
		return err
	}
	n := to - from
	derived, err := s.rules.derivedOf(cols, n)
	if err != nil {
		return err
	}
	rows := append(slices.Clone(cols), derived...)
	switch {
	case op == vec.Delete:
		return s.remove(ctx, rows, n)
	case s.keys == nil:
		_, err := s.x.Insert(ctx, s.snap, s.desc, rows, n)
		return err
	}
	return s.upsert(ctx, rows, n)
}

// decode reads rows of a list.
func (s *tableSink) decode(l changeList, from, to int) ([]vec.Vec, error) {
	cols := vec.NewBatch(s.types).Cols
	r := s.desc.RowReader()
	for i := from; i < to; i++ {
		_, row := l.at(i)
		if err := r.Read(row, cols); err != nil {
			return nil, err
		}
	}
	return cols, nil
}

// upsert adds rows, or has them replace those of their key.
func (s *tableSink) upsert(ctx context.Context, rows []vec.Vec, n int) error {
	rows, n, err := s.replaceNulls(ctx, rows, n)
	if err != nil {
		return err
	}
	for n > 0 {
		inserted, ids, err := s.x.InsertUnless(ctx, s.snap, s.desc, rows, n, []*catalog.Index{s.key})
		if err != nil {
			return err
		}
		var there []int64
		var sel []int32
		for i, in := range inserted {
			if !in {
				there, sel = append(there, ids[i]), append(sel, int32(i))
			}
		}
		if len(there) == 0 {
			return nil
		}
		results := make([]table.LockResult, len(there))
		if err := s.x.Lock(ctx, s.snap, s.desc, there, table.ForUpdate, table.Block, results); err != nil {
			return err
		}
		// A row that has gone meanwhile is inserted after all.
		var gone []int32
		var live []int64
		var with []int32
		for i, r := range results {
			if r == table.LockGone {
				gone = append(gone, sel[i])
			} else {
				live, with = append(live, there[i]), append(with, sel[i])
			}
		}
		if len(live) > 0 {
			old, err := s.oldDerived(ctx, live)
			if err != nil {
				return err
			}
			if _, err := s.x.Update(ctx, s.snap, s.desc, live, pickRows(rows, with), old); err != nil {
				return err
			}
		}
		rows, n = pickRows(rows, gone), len(gone)
	}
	return nil
}

// replaceNulls writes the rows that have a NULL among their key, and returns the
// others: to a UNIQUE index NULLs are distinct, so that it is in the way of none.
func (s *tableSink) replaceNulls(ctx context.Context, rows []vec.Vec, n int) ([]vec.Vec, int, error) {
	if s.key.NullsNotDistinct {
		return rows, n, nil
	}
	var whole, some []int32
	for i := range n {
		if slices.ContainsFunc(s.places, func(p int) bool { return rows[p].Nulls().Get(i) }) {
			some = append(some, int32(i))
		} else {
			whole = append(whole, int32(i))
		}
	}
	if len(some) == 0 {
		return rows, n, nil
	}
	news := pickRows(rows, some)
	if err := s.remove(ctx, news, len(some)); err != nil {
		return nil, 0, err
	}
	if _, err := s.x.Insert(ctx, s.snap, s.desc, news, len(some)); err != nil {
		return nil, 0, err
	}
	return pickRows(rows, whole), len(whole), nil
}

// oldDerived are the derived columns of rows as they are now, which are locked.
func (s *tableSink) oldDerived(ctx context.Context, ids []int64) ([]vec.Vec, error) {
	if len(s.desc.Derived) == 0 {
		return nil, nil
	}
	b, err := s.find(ctx, table.ScanSpec{RowIDs: ids, Latest: true, Columns: upTo(len(s.types))}, s.types)
	if err != nil {
		return nil, err
	}
	return s.rules.derivedOf(b.Cols, b.Rows)
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// find reads all rows of a scan.
func (s *tableSink) find(ctx context.Context, spec table.ScanSpec, ts []types.Type) (*vec.Batch, error) {
	all := vec.NewBatch(ts)
	scan := s.snap.Scan(s.desc, spec)
	defer scan.Close()
	for {
		b := vec.NewBatch(ts)
		err := scan.Next(ctx, b)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		b.CopyInto(all)
	}
}

// remove deletes the rows that are found by their key, or whole: as many of those
// that are alike as there are here.
func (s *tableSink) remove(ctx context.Context, rows []vec.Vec, n int) error {
	var ids []int64
	taken := map[int64]bool{}
	rowID := []types.Type{types.Of(types.Int8)}
	for i := range n {
		b, err := s.find(ctx, table.ScanSpec{Columns: []int{len(s.types)}, Index: s.key, Points: [][]types.Value{s.point(rows, i)}}, rowID)
		if err != nil {
			return err
		}
		for _, id := range b.Cols[0].(*vec.Fixed[int64]).Values[:b.Rows] {
			if !taken[id] {
				taken[id] = true
				ids = append(ids, id)
				break
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	results := make([]table.LockResult, len(ids))
	if err := s.x.Lock(ctx, s.snap, s.desc, ids, table.ForUpdate, table.Block, results); err != nil {
		return err
	}
	live := ids[:0]
	for i, r := range results {
		if r != table.LockGone && r != table.LockSelf {
			live = append(live, ids[i])
		}
	}
	old, err := s.oldDerived(ctx, live)
	if err != nil {
		return err
	}
	return s.x.Delete(ctx, s.snap, s.desc, live, old)
}

// point is the key of a row.
func (s *tableSink) point(rows []vec.Vec, row int) []types.Value {
	if s.keys == nil {
		k := s.wholeKey()
		return []types.Value{vec.Get(rows[k], row, s.key.Keys[0].Type)}
	}
	values := make([]types.Value, len(s.places))
	for i, p := range s.places {
		values[i] = vec.Get(rows[p], row, s.types[p])
	}
	return values
}

// wholeKey is the place, behind the table's columns, of what the index of whole
// rows computes.
func (s *tableSink) wholeKey() int {
	for i, d := range s.desc.Derived {
		if d.Index == s.key {
			return len(s.types) + i
		}
	}
	return -1
}
