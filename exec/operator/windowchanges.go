package operator

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// WindowChanges is a Window over an input that changes. It keeps all rows, counted:
// a Delete may come before its Insert. At the barrier each partition that has
// changed is computed as it was and as it is, and the difference goes out.
type WindowChanges struct {
	countedRows
	spec     WindowSpec
	programs []*expr.Program // of the partition
	computed []vec.Vec
	cols     []vec.Vec
	results  []types.Type
	net      netRows
	live     []int32
}

// NewWindowChanges returns a WindowChanges.
func NewWindowChanges(spec WindowSpec) *WindowChanges {
	w := &WindowChanges{spec: spec}
	var partition []types.Type
	for _, k := range spec.Partition {
		partition = append(partition, k.Type)
		w.programs = append(w.programs, k.Program)
	}
	w.computed = make([]vec.Vec, len(w.programs))
	w.countedRows = newCountedRows("OVER", spec.Account, append(slices.Clone(spec.Types), partition...), len(spec.Types), len(partition))
	w.cols = make([]vec.Vec, len(w.types))
	if spec.Pass == nil {
		w.results = slices.Clone(spec.Types)
	}
	for _, c := range spec.Pass {
		w.results = append(w.results, spec.Types[c])
	}
	for _, c := range spec.Calls {
		w.results = append(w.results, c.Result)
	}
	return w
}

// Process counts rows.
func (w *WindowChanges) Process(_ context.Context, _ int, b *vec.Batch, _ Output) error {
	sel, err := runAll(w.programs, b, w.computed, w.spec.Fault, &w.live)
	if err != nil {
		return err
	}
	sel = w.sel.all(sel, b.Rows)
	copy(w.cols[copy(w.cols, b.Cols):], w.computed)
	return w.count(b, w.cols, sel)
}

// Watermark does nothing: rows go out at the barrier.
func (*WindowChanges) Watermark(context.Context, int64, Output) error { return nil }

// Held says that changes wait for the barrier.
func (w *WindowChanges) Held() int64 { return heldRows(len(w.dirty) > 0) }

// Barrier passes on the difference that the epoch makes.
func (w *WindowChanges) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	if len(w.dirty) == 0 {
		return nil
	}
	w.net.open(w.results, w.spec.Account)
	defer w.net.close()
	for _, side := range []struct {
		counts []int64
		by     int64
	}{{w.before, -1}, {w.now, 1}} {
		w.net.by = side.by
		if err := w.compute(ctx, side.counts); err != nil {
			return err
		}
	}
	w.settle()
	if err := w.net.emit(ctx, out); err != nil || !w.sparse() {
		return err
	}
	return w.compact(func(int32, int32) {})
}

// compute computes the partitions that have changed, of rows as often as counts
// says.
func (w *WindowChanges) compute(ctx context.Context, counts []int64) error {
	op := NewWindow(w.spec)
	part := vec.NewBatch(w.spec.Types)
	var ids []int32
	flush := func() error {
		part.Reset()
		for i, c := range part.Cols {
			vec.CopyRows(c, w.rows.keys[i], ids)
		}
		part.Rows = len(ids)
		ids = ids[:0]
		return op.Process(ctx, 0, part, &w.net)
	}
	run := func() error {
		for _, g := range w.dirty {
			for _, id := range w.members[g] {
				for range counts[id] {
					if ids = append(ids, id); len(ids) < vec.MaxRows {
						continue
					}
					if err := flush(); err != nil {
						return err
					}
				}
			}
		}
		if err := flush(); err != nil {
			return err
		}
		return op.Finish(ctx, 0, &w.net)
	}
	err := run()
	if cerr := op.Close(); err == nil {
		err = cerr
	}
	return err
}

// Finish passes on what has changed since the last barrier.
func (w *WindowChanges) Finish(ctx context.Context, _ int, out Output) error {
	return w.Barrier(ctx, 0, out)
}

// Restore brings the counts back, as they were at a barrier.
func (w *WindowChanges) Restore(r StateReader) error { return w.restore(r, func(int32, int32) {}) }

// netRows counts rows that are taken back and given, for the net of them to go out.
type netRows struct {
	rows   *table
	counts []int64
	by     int64
	// weights of the rows that Emit gets next, by their order; nil: each has by.
	weights []int64
	ids     []int32
	sel     selector
	out     emitter
}

func (n *netRows) open(ts []types.Type, account *memory.Account) {
	n.rows = newRowTable(ts, account, "a changelog")
	n.counts, n.weights = n.counts[:0], nil
	if n.out.batch == nil {
		n.out = newEmitter(ts)
	}
}

// Emit counts rows.
func (n *netRows) Emit(_ context.Context, b *vec.Batch) error {
	n.ids = sized(n.ids, b.Rows)
	sel := n.sel.of(b)
	if err := n.rows.assign(b.Cols, b.Rows, sel, n.ids); err != nil {
		return err
	}
	for len(n.counts) < n.rows.Len() {
		n.counts = append(n.counts, 0)
	}
	for i, r := range sel {
		by := n.by
		if n.weights != nil {
			by = n.weights[i]
		}
		n.counts[n.ids[r]] += by
	}
	return nil
}

// emit passes the net on: first what is taken back.
func (n *netRows) emit(ctx context.Context, out Output) error {
	for id, c := range n.counts {
		for ; c < 0; c++ {
			if err := n.out.add(ctx, n.rows.keys, int32(id), vec.Delete, out); err != nil {
				return err
			}
		}
	}
	for id, c := range n.counts {
		for ; c > 0; c-- {
			if err := n.out.add(ctx, n.rows.keys, int32(id), vec.Insert, out); err != nil {
				return err
			}
		}
	}
	return n.out.flush(ctx, out)
}

func (n *netRows) close() { n.rows.close() }
