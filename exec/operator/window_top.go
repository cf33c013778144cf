package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// WindowTop are the rows of each partition whose row_number, rank or dense_rank
// is at most Most: what follows them changes nothing about them.
type WindowTop struct {
	Func *catalog.Function
	Most int64
}

// pruneFrom is the number of rows from which a Window looks which of them do not
// matter. It looks again when there are pruneTimes as many as then were left, so
// that a row that stays is sorted a few times.
const (
	pruneFrom  = 1 << 18
	pruneTimes = 4
)

// topRank counts the rows of a partition, in order.
type topRank struct{ number, rank, dense int64 }

// next counts a row: the first of a partition, or of its peers, or neither.
func (t *topRank) next(first, ahead bool) {
	t.number++
	switch {
	case first:
		*t = topRank{1, 1, 1}
	case ahead:
		t.rank = t.number
		t.dense++
	}
}

// wants reports whether the row counted last matters.
func (w *WindowTop) wants(t topRank) bool {
	switch w.Func.Name {
	case "rank":
		return t.rank <= w.Most
	case "dense_rank":
		return t.dense <= w.Most
	}
	return t.number <= w.Most
}

// top returns those of refs, which are in order, that matter.
func (w *Window) top(refs []ref) []ref {
	partition := uint16(len(w.spec.Partition))
	var kept []ref
	var at topRank
	for i, r := range refs {
		b := w.begins[i]
		at.next(i == 0 || b > 0 && b <= partition, b > partition)
		if w.spec.Top.wants(at) {
			kept = append(kept, r)
		}
	}
	return kept
}

// leaveOut gives back the rows that do not matter, where they are many.
func (w *Window) leaveOut(ctx context.Context) error {
	if err := w.order(ctx); err != nil {
		return err
	}
	kept := w.top(w.refs)
	w.refs = w.refs[:0]
	w.prune = max(w.least, pruneTimes*int64(len(kept)))
	if 2*int64(len(kept)) > w.spool.Rows() {
		return nil
	}
	to := newPickSpool(w.spool.types, perRow, w.spec.Account, "OVER")
	b := vec.NewBatch(w.spool.types)
	most := w.spool.perPick()
	for len(kept) > 0 {
		n := min(len(kept), most)
		b.Reset()
		w.spool.pick(b.Cols, kept[:n])
		b.Rows = n
		if err := to.Add(b); err != nil {
			to.Reset()
			return err
		}
		kept = kept[n:]
	}
	w.spool.Reset()
	w.spool = to
	return nil
}
