package plan

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// Forget says when a row of one side of a join is of no use any more, where rows keep
// coming: nothing that matches it comes, changes or goes, nor does the row itself, once the
// watermark is After microseconds past its time.
type Forget struct {
	Column int // the time, over the side's row
	After  int64
}

// forgetText says that of a side for EXPLAIN.
func (n *Join) forgetText(side int) string {
	f, in := n.Forgets[side], n.Left
	if side == 1 {
		in = n.Right
	}
	fields := in.Schema()
	c := &Column{Index: f.Column, Typ: fields[f.Column].Type, Name: fields[f.Column].Name}
	return "rows whose " + c.String() + " is " + intervalText(types.IntervalValue{Micros: f.After}) + " behind the watermark"
}

// Horizon says by which time the rows of n are settled, of a continuous query: those whose
// Column is After microseconds behind the watermark neither come nor change nor go.
type Horizon struct {
	Column int
	After  int64
}

// HorizonsOf are the horizons of n's rows, each of which says the same; nil: any row may
// change at any time. Groups by a window of time have them, as no row reaches a window that
// is closed.
func HorizonsOf(n Node) []Horizon {
	switch n := n.(type) {
	case *Filter:
		return HorizonsOf(n.Input)
	case *Exchange:
		return HorizonsOf(n.Input)
	case *Project:
		var all []Horizon
		to := places(n.Exprs)
		for _, h := range HorizonsOf(n.Input) {
			if at, ok := to[h.Column]; ok {
				all = append(all, Horizon{at, h.After})
			}
		}
		return all
	case *AggregateNode:
		if n.Closing == nil || n.Closing.Late == LateUpdate {
			return nil
		}
		return Derive(n.Input).Window.moved(places(n.Keys)).horizons()
	}
	return nil
}

// horizons are those of groups by the bounds.
func (w *WindowBounds) horizons() (all []Horizon) {
	if w != nil && w.End >= 0 {
		after := w.Grace
		if w.Kind == WindowSession {
			after++ // one that ends at the watermark still takes a row of that time
		}
		all = append(all, Horizon{w.End, after})
	}
	if w != nil && w.Start >= 0 && w.aligned() && w.Zone == "" {
		all = append(all, Horizon{w.Start, w.Size + w.Grace})
	}
	return all
}
