package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// spill writes the rows as a run, in the window's order.
func (w *Window) spill(ctx context.Context) error {
	if err := w.order(ctx); err != nil {
		return err
	}
	if w.spec.Top != nil {
		w.refs = w.top(w.refs)
	}
	if err := w.runs.write(ctx, w.spool, w.refs); err != nil {
		return err
	}
	w.spool.Reset()
	w.refs = nil
	return w.spec.Account.Check()
}

// finishRuns merges the runs, and computes each partition as it is complete in
// memory.
func (w *Window) finishRuns(ctx context.Context, out Output) error {
	if err := w.spill(ctx); err != nil {
		return err
	}
	partition := w.keys[:len(w.spec.Partition)]
	keys := partition
	if w.spec.Top != nil {
		keys = w.keys
	}
	last := make([]vec.Vec, len(keys)) // those of the row before
	for i, k := range keys {
		last[i] = vec.New(k.Type)
	}
	p := &windowPartition{w: w}
	var sel []int32
	var rank topRank
	begun := false
	err := w.runs.merge(ctx, func(b *vec.Batch) error {
		at := b.Cols[w.width:]
		before, row := last, 0
		sel = sel[:0]
		for r := range b.Rows {
			first := !begun || !sameKeys(partition, before, row, at, r)
			if begun && first {
				if err := w.complete(ctx, p, b, sel, out); err != nil {
					return err
				}
				sel = sel[:0]
			}
			begun = true
			if w.spec.Top != nil {
				rank.next(first, first || !sameKeys(keys, before, row, at, r))
			}
			if w.spec.Top == nil || w.spec.Top.wants(rank) {
				sel = append(sel, int32(r))
			}
			before, row = at, r
		}
		for i := range keys {
			last[i].Reset()
			vec.AppendRow(last[i], at[i], b.Rows-1)
		}
		return w.keep(b, sel)
	})
	if err == nil {
		err = w.complete(ctx, p, nil, nil, out)
	}
	if err != nil {
		return err
	}
	return w.flush(ctx, out)
}

func sameKeys(keys []SortKey, a []vec.Vec, i int, b []vec.Vec, j int) bool {
	for k := range keys {
		if keys[k].compare(a[k], i, b[k], j) != 0 {
			return false
		}
	}
	return true
}

// keep takes rows of the partition that is being read. It has to fit.
func (w *Window) keep(b *vec.Batch, sel []int32) error {
	if len(sel) == 0 {
		return nil
	}
	if err := w.spool.Add(&vec.Batch{Cols: b.Cols, Sel: sel, Rows: b.Rows}); err != nil {
		return err
	}
	return w.spec.Account.Check()
}

// complete computes the partition whose last rows are those of sel.
func (w *Window) complete(ctx context.Context, p *windowPartition, b *vec.Batch, sel []int32, out Output) error {
	if err := w.keep(b, sel); err != nil {
		return err
	}
	if w.spool.Rows() == 0 {
		return nil
	}
	p.refs = w.spool.refs(p.refs[:0])
	if err := w.group(ctx, p); err != nil {
		return err
	}
	err := w.partition(ctx, p, out)
	w.spool.Reset()
	return err
}
