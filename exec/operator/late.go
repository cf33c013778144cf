package operator

import (
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Lateness is what becomes of rows whose window is closed. Zero: they are left
// out.
type Lateness struct {
	// Count is told of late rows; nil: nobody is.
	Count func(rows int)
	// Row gets each late row; nil: it goes nowhere.
	Row LateRow
	// Updates: a window whose groups have gone out takes rows for Allowed
	// microseconds more, and its groups are taken back and given again.
	Updates bool
	Allowed int64
	// Next finds the earliest open window, which late rows go to; nil: they do not.
	Next *NextWindow
}

// LateRow gets a row of b, an operator's input, that is late: at is the end of its
// window, or, of one dated too far ahead, its time.
type LateRow func(b *vec.Batch, row int, at, watermark int64) error

// late tells of rows.
func (l *Lateness) late(rows int) {
	if rows > 0 && l.Count != nil {
		l.Count(rows)
	}
}

// row passes a late row on.
func (l *Lateness) row(b *vec.Batch, row int32, at, watermark int64) error {
	if l.Row == nil {
		return nil
	}
	return l.Row(b, int(row), at, watermark)
}

// NextWindow goes from one TUMBLING window to later ones.
type NextWindow struct {
	Start, End int            // places of the bounds in the input
	Size       int64          // microseconds
	Zone       *time.Location // nil: UTC
}

// copyBounds returns the batch with bounds that may be changed.
func (n *NextWindow) copyBounds(b *vec.Batch) *vec.Batch {
	moved := *b
	moved.Cols = slices.Clone(b.Cols)
	for _, c := range []int{n.Start, n.End} {
		if c < 0 {
			continue
		}
		own := vec.New(types.Of(types.Int8))
		for r := range b.Rows {
			vec.AppendRow(own, b.Cols[c], r)
		}
		moved.Cols[c] = own
	}
	return &moved
}

// set gives a row of such a batch the bounds of the earliest window after its own,
// which ends at end, that is not closed.
func (n *NextWindow) set(b *vec.Batch, row int32, end, watermark int64, closed func(end int64) bool) {
	z := zoneCache{zone: n.Zone}
	local := z.local(end-1) + 1 // the end itself may be one that the clock leaves out
	// Hours that a zone leaves out or repeats may make it some steps more or less.
	k := max((watermark-end)/n.Size-1, 1)
	for k > 1 && !closed(z.end(local+(k-1)*n.Size)) {
		k--
	}
	next := z.end(local + k*n.Size)
	for closed(next) {
		k++
		next = z.end(local + k*n.Size)
	}
	if n.Start >= 0 {
		b.Cols[n.Start].(*vec.Fixed[int64]).Values[row] = z.utc(local + (k-1)*n.Size)
	}
	if n.End >= 0 {
		b.Cols[n.End].(*vec.Fixed[int64]).Values[row] = next
	}
}
