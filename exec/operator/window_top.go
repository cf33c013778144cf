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

// top returns those of refs, which are in order, that matter.
func (w *Window) top(refs []ref) []ref {
	partition := uint16(len(w.spec.Partition))
	var kept []ref
	var number, rank, dense int64
	for i, r := range refs {
		b := w.begins[i]
		number++
		switch {
		case i == 0 || b > 0 && b <= partition:
			number, rank, dense = 1, 1, 1
		case b > partition:
			rank = number
			dense++
		}
		value := number
		switch w.spec.Top.Func.Name {
		case "rank":
			value = rank
		case "dense_rank":
			value = dense
		}
		if value <= w.spec.Top.Most {
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
