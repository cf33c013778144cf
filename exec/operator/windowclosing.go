package operator

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// WindowClosingSpec is what a WindowClosing computes: as WindowSpec, where each
// partition is of one window of time.
type WindowClosingSpec struct {
	WindowSpec
	End *expr.Program // of the window
	// Shift is how long after its end, in microseconds, a window has its last row: it
	// is closed when the watermark is later than that.
	Shift int64
	Late  func(rows int) // told of rows whose window was closed; nil: nobody is
}

// WindowClosing is a Window over a stream, of which each partition ends with a
// window of time: its rows are kept until the watermark has passed the window, and
// are computed then, once. A row whose window is closed is late: it is left out, and
// counted. Deletes are refused.
type WindowClosing struct {
	spec     WindowClosingSpec
	programs []*expr.Program // of the partition, and the end
	computed []vec.Vec
	cols     []vec.Vec
	store    *rowStore // the input's columns, then the partition's
	open     map[int64][]ref
	mark     int64
	saved    int64
	groups   []int32
	times    []int64
	refs     []ref
	live     []int32
	sel      selector
}

// NewWindowClosing returns a WindowClosing.
func NewWindowClosing(spec WindowClosingSpec) *WindowClosing {
	w := &WindowClosing{spec: spec, open: map[int64][]ref{}, mark: math.MinInt64}
	stored := slices.Clone(spec.Types)
	for _, k := range spec.Partition {
		stored = append(stored, k.Type)
		w.programs = append(w.programs, k.Program)
	}
	w.programs = append(w.programs, spec.End)
	w.computed = make([]vec.Vec, len(w.programs))
	w.cols = make([]vec.Vec, len(stored))
	w.store = newRowStore(stored, spec.Account)
	return w
}

// Process keeps rows.
func (w *WindowClosing) Process(_ context.Context, _ int, b *vec.Batch, _ Output) error {
	if hasDelete(b) {
		return refuseDelete("a window function over windows of time")
	}
	sel, err := runAll(w.programs, b, w.computed, w.spec.Fault, &w.live)
	if err != nil {
		return err
	}
	copy(w.cols[copy(w.cols, b.Cols):], w.computed[:len(w.spec.Partition)])
	w.times, w.groups = sized(w.times, b.Rows), sized(w.groups, b.Rows)
	clear(w.groups)
	ends := timeColumn(w.computed[len(w.computed)-1])
	late := 0
	kept := w.live[:0]
	for _, r := range w.sel.all(sel, b.Rows) {
		end, ok := ends.get(r)
		if !ok {
			end = never
		}
		if w.times[r] = end; w.closed(end) {
			late++
			continue
		}
		kept = append(kept, r)
	}
	w.live = kept
	if late > 0 && w.spec.Late != nil {
		w.spec.Late(late)
	}
	if w.refs, err = w.store.add(w.cols, kept, w.groups, w.times, w.refs[:0]); err != nil {
		return err
	}
	for i, r := range kept {
		w.open[w.times[r]] = append(w.open[w.times[r]], w.refs[i])
	}
	return nil
}

func (w *WindowClosing) closed(end int64) bool {
	return end != never && end+w.spec.Shift < w.mark
}

// Watermark computes the windows that t has passed.
func (w *WindowClosing) Watermark(ctx context.Context, t int64, out Output) error {
	w.mark = t
	for _, end := range w.ends() {
		if !w.closed(end) {
			break
		}
		if err := w.close(ctx, end, out); err != nil {
			return err
		}
	}
	if !w.store.sparse() {
		return nil
	}
	return w.store.copyNeeded(func(f func(r *ref)) {
		for _, refs := range w.open {
			for i := range refs {
				f(&refs[i])
			}
		}
	})
}

// ends are the open windows, the earliest first.
func (w *WindowClosing) ends() []int64 {
	all := make([]int64, 0, len(w.open))
	for end := range w.open {
		all = append(all, end)
	}
	slices.SortFunc(all, cmp.Compare[int64])
	return all
}

// close computes a window and forgets it.
func (w *WindowClosing) close(ctx context.Context, end int64, out Output) error {
	refs := w.open[end]
	delete(w.open, end)
	op := NewWindow(w.spec.WindowSpec)
	part := vec.NewBatch(w.spec.Types)
	run := func() error {
		for some := range slices.Chunk(refs, vec.MaxRows) {
			part.Reset()
			for i, c := range part.Cols {
				gather(c, w.store.batches, i, some)
			}
			part.Rows = len(some)
			if err := op.Process(ctx, 0, part, out); err != nil {
				return err
			}
		}
		return op.Finish(ctx, 0, out)
	}
	err := run()
	if cerr := op.Close(); err == nil {
		err = cerr
	}
	for _, r := range refs {
		w.store.release(r)
	}
	return err
}

// Barrier does nothing: rows go out as windows close.
func (*WindowClosing) Barrier(context.Context, stream.Epoch, Output) error { return nil }

// Finish computes all windows that are left.
func (w *WindowClosing) Finish(ctx context.Context, _ int, out Output) error {
	for _, end := range w.ends() {
		if err := w.close(ctx, end, out); err != nil {
			return err
		}
	}
	return nil
}

// Close gives the rows back.
func (w *WindowClosing) Close() error {
	w.store.close()
	w.open = map[int64][]ref{}
	return nil
}

// Keep has the operator remember which rows are new.
func (w *WindowClosing) Keep() error {
	w.store.keep([]byte{tagRows})
	return nil
}

// Save writes the rows that are new, and the watermark: rows of windows that it has
// closed are not needed.
func (w *WindowClosing) Save(sw StateWriter) error {
	if w.saved != w.mark {
		w.saved = w.mark
		sw.Set([]byte{tagOverMark}, binary.AppendVarint(nil, w.mark))
	}
	return w.store.save(sw)
}

// Restore brings the rows of the open windows back.
func (w *WindowClosing) Restore(r StateReader) error {
	err := r.Scan([]byte{tagOverMark}, func(_, value []byte) error {
		m, n := binary.Varint(value)
		if n <= 0 {
			return errKept
		}
		w.mark = max(w.mark, m)
		return nil
	})
	if err != nil {
		return err
	}
	if r.Share == nil {
		w.saved = w.mark
	}
	rows, err := w.store.restoreFor(r, map[int32]int32{0: 0}, func(b *vec.Batch, row int32) bool {
		return w.shared(r.Share, b, row)
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if end := w.store.time(row.ref); w.closed(end) {
			w.store.release(row.ref)
		} else {
			w.open[end] = append(w.open[end], row.ref)
		}
	}
	w.store.restored()
	return nil
}

// shared reports whether a share has the partition of a row.
func (w *WindowClosing) shared(s *Share, b *vec.Batch, row int32) bool {
	width := len(w.spec.Types)
	key := make([]vec.Vec, len(w.spec.Partition))
	ts := make([]types.Type, len(key))
	for i, k := range w.spec.Partition {
		key[i], ts[i] = vec.New(k.Type), k.Type
		vec.AppendRow(key[i], b.Cols[width+i], int(row))
	}
	return s.has(key, ts, nil)
}
