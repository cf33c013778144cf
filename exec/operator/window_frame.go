package operator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Frame is the part of its partition that a row's call is over.
type Frame struct {
	Mode       plan.FrameMode
	Start, End FrameBound
	Exclude    plan.Exclusion
}

// FrameBound is one end of a Frame. Offset is neither NULL nor, of a number of
// rows or groups, negative.
type FrameBound struct {
	Kind   plan.BoundKind
	Offset types.Value
}

// groupCursor follows the group of rows that sort alike from row to row.
type groupCursor struct {
	p *windowPartition
	g int
}

func (c *groupCursor) begin(p *windowPartition) { c.p, c.g = p, 0 }

// to moves on to the group of row i and returns it.
func (c *groupCursor) to(i int) (first, end int) {
	for c.p.groupEnd(c.g) <= i {
		c.g++
	}
	return int(c.p.groups[c.g]), c.p.groupEnd(c.g)
}

// frames finds the frame of each row of a partition, in their order.
type frames struct {
	frame Frame
	groupCursor
	within     *rangeOffset // of RANGE with an offset
	start, end int          // where RANGE with an offset has come to
}

func newFrames(w *Window, f Frame) frames {
	fr := frames{frame: f}
	if f.Mode == plan.FrameRange && (offsetKind(f.Start.Kind) || offsetKind(f.End.Kind)) {
		fr.within = newRangeOffset(w)
	}
	return fr
}

func offsetKind(k plan.BoundKind) bool {
	return k == plan.OffsetPreceding || k == plan.OffsetFollowing
}

func (f *frames) begin(p *windowPartition) {
	f.groupCursor.begin(p)
	f.start, f.end = 0, 0
}

// of returns the frame of row i, from lo to hi-1, before anything is excluded.
func (f *frames) of(i int) (lo, hi int, err error) {
	first, end := f.to(i)
	n := f.p.rows()
	switch f.frame.Start.Kind {
	case plan.UnboundedPreceding:
	case plan.CurrentRow:
		if lo = first; f.frame.Mode == plan.FrameRows {
			lo = i
		}
	case plan.UnboundedFollowing:
		lo = n
	default:
		if lo, err = f.offset(i, f.frame.Start, false); err != nil {
			return 0, 0, err
		}
	}
	switch f.frame.End.Kind {
	case plan.UnboundedPreceding:
	case plan.CurrentRow:
		if hi = end; f.frame.Mode == plan.FrameRows {
			hi = i + 1
		}
	case plan.UnboundedFollowing:
		hi = n
	default:
		if hi, err = f.offset(i, f.frame.End, true); err != nil {
			return 0, 0, err
		}
	}
	return lo, max(lo, hi), nil
}

// offset is where a bound with an offset lies from row i: the first row of the
// frame or, of its end, the one after the last.
func (f *frames) offset(i int, b FrameBound, end bool) (int, error) {
	switch f.frame.Mode {
	case plan.FrameRows:
		at := moved(i, b, f.p.rows())
		if end {
			return min(at+1, f.p.rows()), nil
		}
		return max(at, 0), nil
	case plan.FrameGroups:
		g := moved(f.g, b, len(f.p.groups))
		switch {
		case g < 0:
			return 0, nil
		case g >= len(f.p.groups):
			return f.p.rows(), nil
		case end:
			return f.p.groupEnd(g), nil
		}
		return int(f.p.groups[g]), nil
	}
	var err error
	if end {
		f.end, err = f.within.last(f.p, f.end, i, b)
		return f.end, err
	}
	f.start, err = f.within.first(f.p, f.start, i, b)
	return f.start, err
}

// moved is at with the offset, but no less than -1 and no more than n.
func moved(at int, b FrameBound, n int) int {
	k := b.Offset.I
	if b.Kind == plan.OffsetPreceding {
		if k > int64(at) {
			return -1
		}
		return at - int(k)
	}
	if k > int64(n-at) {
		return n
	}
	return at + int(k)
}

// span is the rows from lo to hi-1.
type span struct{ lo, hi int }

// without appends what a frame keeps of the rows from lo to hi-1 for row i.
func (f *frames) without(dst []span, lo, hi, i int) []span {
	first, end := f.to(i)
	add := func(lo, hi int) {
		if lo < hi {
			dst = append(dst, span{lo, hi})
		}
	}
	switch f.frame.Exclude {
	case plan.ExcludeNothing:
		add(lo, hi)
		return dst
	case plan.ExcludeCurrentRow:
		first, end = i, i+1
	}
	add(lo, min(hi, first))
	if f.frame.Exclude == plan.ExcludeTies {
		add(max(lo, i), min(hi, i+1))
	}
	add(max(lo, end), hi)
	return dst
}
