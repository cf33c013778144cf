package operator

import (
	"context"
	"encoding/binary"
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
	spec     WindowSpec
	programs []*expr.Program // of the partition
	computed []vec.Vec
	cols     []vec.Vec
	parts    *table // of the partitions; nil: there is one
	members  [][]int32
	rows     *table // distinct rows: the input's columns, then the partition's
	now      []int64
	before   []int64
	group    []int32
	dirty    []int32 // partitions that have changed
	changed  rowMarks
	touched  []int32 // rows that have changed
	alive    int
	results  []types.Type
	net      netRows
	ids      []int32
	groups   []int32
	live     []int32
	sel      selector
	held     int64
	kept     *keptTable // nil: nothing is stored
	anew     bool       // rows have other numbers: all pages go
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
	if len(partition) > 0 {
		w.parts = newTable(partition, spec.Account, "OVER")
	}
	w.rows = newTable(append(slices.Clone(spec.Types), partition...), spec.Account, "OVER")
	w.cols = make([]vec.Vec, len(w.rows.types))
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
	if err := w.assign(w.cols, b.Rows, sel); err != nil {
		return err
	}
	for _, r := range sel {
		id, g := w.ids[r], w.groups[r]
		if w.now[id] == w.before[id] {
			w.touched = append(w.touched, id) // it may be listed twice
		}
		if b.Op(int(r)) == vec.Delete {
			w.now[id]--
		} else {
			w.now[id]++
		}
		if !w.changed.get(g) {
			w.changed.set(g)
			w.dirty = append(w.dirty, g)
		}
	}
	return w.charge()
}

// assign writes the partitions of rows to groups, and their numbers to ids.
func (w *WindowChanges) assign(cols []vec.Vec, n int, sel []int32) error {
	w.ids, w.groups = sized(w.ids, n), sized(w.groups, n)
	groups := 1
	if w.parts == nil {
		for _, r := range sel {
			w.groups[r] = 0
		}
	} else {
		if err := w.parts.assign(cols[len(w.spec.Types):], n, sel, w.groups); err != nil {
			return err
		}
		groups = w.parts.Len()
	}
	for len(w.members) < groups {
		w.members = append(w.members, nil)
	}
	if err := w.rows.assign(cols, n, sel, w.ids); err != nil {
		return err
	}
	for _, r := range sel {
		if id := w.ids[r]; int(id) == len(w.now) {
			g := w.groups[r]
			w.now, w.before, w.group = append(w.now, 0), append(w.before, 0), append(w.group, g)
			w.members[g] = append(w.members[g], id)
		}
	}
	if w.kept != nil {
		w.kept.touch(w.ids, sel)
	}
	return nil
}

func (w *WindowChanges) charge() error {
	size := int64(len(w.now))*24 + int64(len(w.members))*24
	if size <= w.held {
		return nil
	}
	err := w.spec.Account.Resize(w.held, size)
	if err == nil {
		w.held = size
	}
	return err
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
	for _, id := range w.touched {
		if is, was := w.now[id] > 0, w.before[id] > 0; is != was {
			if w.alive--; is {
				w.alive += 2
			}
		}
		w.before[id] = w.now[id]
	}
	for _, g := range w.dirty {
		w.changed.unset(g)
	}
	w.dirty, w.touched = w.dirty[:0], w.touched[:0]
	if err := w.net.emit(ctx, out); err != nil {
		return err
	}
	return w.compact()
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

// compact makes the tables anew when most rows are not there any more. It is called
// at a barrier.
func (w *WindowChanges) compact() error {
	if len(w.now) < fewRows || 2*w.alive > len(w.now) {
		return nil
	}
	was, counts, parts := w.rows, w.now, w.parts
	var kept []int32
	for id, n := range counts {
		if n != 0 {
			kept = append(kept, int32(id))
		}
	}
	w.rows = newTable(was.types, w.spec.Account, "OVER")
	if parts != nil {
		w.parts = newTable(parts.types, w.spec.Account, "OVER")
	}
	w.now, w.before, w.group, w.members, w.changed = nil, nil, nil, nil, nil
	part := vec.NewBatch(was.types)
	for ids := range slices.Chunk(kept, vec.MaxRows) {
		part.Reset()
		for i, c := range part.Cols {
			vec.CopyRows(c, was.keys[i], ids)
		}
		if err := w.assign(part.Cols, len(ids), w.sel.all(nil, len(ids))); err != nil {
			return err
		}
		for i, id := range ids {
			w.now[w.ids[i]], w.before[w.ids[i]] = counts[id], counts[id]
		}
	}
	was.close()
	if parts != nil {
		parts.close()
	}
	if w.kept != nil {
		w.anew = true
		w.kept.touchAll(len(w.now))
	}
	return nil
}

// Finish passes on what has changed since the last barrier.
func (w *WindowChanges) Finish(ctx context.Context, _ int, out Output) error {
	return w.Barrier(ctx, 0, out)
}

// Close gives the rows back.
func (w *WindowChanges) Close() error {
	if w.parts != nil {
		w.parts.close()
	}
	w.rows.close()
	w.spec.Account.Release(w.held)
	w.held, w.now, w.before, w.group, w.members = 0, nil, nil, nil, nil
	return nil
}

// Keep has the operator remember which rows were counted.
func (w *WindowChanges) Keep() error {
	w.kept = newKeptTable([]byte{tagGroups}, w.rows.types)
	w.kept.by = nil // of one partition a share has all
	for i := range w.spec.Partition {
		w.kept.by = append(w.kept.by, len(w.spec.Types)+i)
	}
	return nil
}

// Save writes the counts that changed.
func (w *WindowChanges) Save(sw StateWriter) error {
	if w.anew {
		w.kept.drop(sw)
		w.anew = false
	}
	return w.kept.save(sw, w.rows.keys, len(w.now), func(g int32, dst []byte) []byte {
		return binary.AppendVarint(dst, w.now[g])
	})
}

// Restore brings the counts back, as they were at a barrier.
func (w *WindowChanges) Restore(r StateReader) error {
	one := []int32{0}
	add := func(row []vec.Vec, _ int32) error { return w.assign(row, 1, one) }
	err := w.kept.restore(r, len(w.now), add, func(g int32, src []byte) error {
		n, size := binary.Varint(src)
		if size <= 0 || int(g) >= len(w.now) {
			return errKept
		}
		if w.now[g], w.before[g] = n, n; n > 0 {
			w.alive++
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.charge()
}

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
	n.rows = newTable(ts, account, "a changelog")
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
