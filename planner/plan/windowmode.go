package plan

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Continuous says how a Window is computed over rows that keep coming: the node
// with its Mode. Where it cannot be, Mode is WindowBounded, why says what it is,
// and hint what to write instead.
func (n *Window) Continuous() (out *Window, why, hint string) {
	in := Derive(n.Input)
	c := *n
	c.Mode, c.Time, c.Closing = WindowBounded, nil, nil
	if !in.AppendOnly {
		if c.Mode = WindowChanges; n.Top != nil {
			c.Mode = WindowFirst
		}
		return &c, "", ""
	}
	if end, ok := n.closes(in); ok {
		c.Mode, c.Time, c.Closing = WindowClosing, end, in.Window
		return &c, "", ""
	}
	timed, named := n.timed(in, &c)
	why, hint = n.growing(timed)
	if !timed && len(n.OrderBy) > 0 && !n.byOffset() {
		why = "" // another order is what is wrong
	}
	switch {
	case why == "" && timed && !(named && n.Top != nil):
		c.Mode = WindowTimed
	case n.Top != nil && len(n.OrderBy) > 0 && !n.byOffset():
		c.Mode, c.Time, c.Closing, why, hint = WindowFirst, nil, nil, "", ""
	case why == "" && (len(n.OrderBy) == 0 || n.byOffset()):
		c.Mode, c.Time, c.Closing = WindowArrival, nil, nil
	case why == "" && in.Window != nil && in.Window.End < 0:
		why, hint = "OVER over groups of windows whose ends are not among its columns", "Select window_end too in the inner query."
	case why == "":
		why = "OVER in another order than that of time"
		hint = "ORDER BY the event time that WATERMARK FOR declares, ascending; or ask for the first rows of each partition: WHERE row_number <= 10 around it; or add the bounds of a window of time to PARTITION BY."
	}
	if c.Mode == WindowBounded {
		c.Time, c.Closing = nil, nil
	}
	return &c, why, hint
}

// closes reports whether each partition is of one window of time, and by which
// column it ends.
func (n *Window) closes(in Props) (Expr, bool) {
	w := in.Window
	if w == nil || w.End < 0 {
		return nil, false
	}
	for _, e := range n.Partition {
		if c, ok := e.(*Column); ok && (c.Index == w.End || c.Index == w.Start && w.aligned()) {
			return n.column(w.End), true
		}
	}
	return nil, false
}

// aligned reports whether a window's start says which window it is, and windows
// that start later end later.
func (w *WindowBounds) aligned() bool {
	// Of those that overlap the clock of a zone may leave out several starts.
	return w.Kind == WindowTumbling || w.Kind == WindowHopping && w.Zone == ""
}

func (n *Window) column(i int) *Column {
	f := n.Input.Schema()[i]
	return &Column{Index: i, Typ: f.Type, Name: f.Name}
}

// timed reports whether the window's order is that of time, and sets of c what a
// row's time is. named: the stream has not declared it.
func (n *Window) timed(in Props, c *Window) (timed, named bool) {
	if len(n.OrderBy) == 0 || n.OrderBy[0].Desc || n.OrderBy[0].NullsFirst || !Timely(n.Input) {
		return false, false
	}
	key, ok := n.OrderBy[0].Expr.(*Column)
	if !ok {
		return false, false
	}
	if w := in.Window; w != nil && w.End >= 0 && (key.Index == w.End && w.Kind != WindowCumulate || key.Index == w.Start && w.aligned()) {
		c.Time, c.Closing = n.column(w.End), w
		return true, false
	}
	// Of joined rows each part's time lies within the watermark's delay.
	if slices.Contains(in.times(), key.Index) && (in.Time >= 0 || in.Spread != Loose) {
		c.Time = key
		return true, false
	}
	if t := key.Typ.OID; t != types.Timestamp && t != types.Timestamptz {
		return false, false
	}
	if s, _ := ScanColumn(n.Input, key.Index); s != nil && s.Relation.Watermark == nil {
		c.Time = key
		return true, true
	}
	return false, false
}

// ScanColumn finds the column of a scan, by its place in the relation, that a
// column of n is; nil: it is computed.
func ScanColumn(n Node, at int) (*Scan, int) {
	switch n := n.(type) {
	case *Scan:
		return n, n.Columns[at]
	case *Filter:
		return ScanColumn(n.Input, at)
	case *Project:
		if c, ok := n.Exprs[at].(*Column); ok {
			return ScanColumn(n.Input, c.Index)
		}
	case *Window:
		if passed := n.Passed(); at < len(passed) {
			return ScanColumn(n.Input, passed[at])
		}
	}
	return nil, -1
}

// byOffset reports whether the order is that of the offsets of each partition of
// a topic, in which its records come.
func (n *Window) byOffset() bool {
	hidden := func(e Expr, name string) bool {
		c, ok := e.(*Column)
		if !ok {
			return false
		}
		s, at := ScanColumn(n.Input, c.Index)
		return s != nil && s.Relation.AllColumns()[at].Name == name
	}
	if len(n.OrderBy) == 0 || n.OrderBy[0].Desc || !hidden(n.OrderBy[0].Expr, "_offset") {
		return false
	}
	for _, e := range n.Partition {
		if hidden(e, "_partition") {
			return true
		}
	}
	return false
}

// growing says which call cannot be computed over rows that keep coming in their
// order, and what to write instead.
func (n *Window) growing(timed bool) (why, hint string) {
	for i := range n.Calls {
		if why, hint = n.Calls[i].growing(timed); why != "" {
			return why, hint
		}
	}
	return "", ""
}

func (c *WindowCall) growing(timed bool) (why, hint string) {
	f, name := c.Frame, c.Func.Name
	const closing = "add the bounds of a window of time to PARTITION BY, which end it"
	switch name {
	case "ntile", "percent_rank", "cume_dist":
		return name + "() over a partition that has no end", "Use rank() or row_number(); or " + closing + "."
	case "rank", "dense_rank":
		if !timed {
			return name + "() without an ORDER BY of time", "ORDER BY the event time that WATERMARK FOR declares."
		}
		return "", ""
	case "row_number":
		return "", ""
	case "lag", "lead", "nth_value":
		if len(c.Args) > 1 && !fixed(c.Args[1]) {
			return "an offset of " + name + "() that is not constant", "Write a number."
		}
		if name != "nth_value" {
			return "", ""
		}
	}
	picks := name == "first_value" || name == "last_value" || name == "nth_value"
	switch {
	case f.End.Kind == UnboundedFollowing || f.Start.Kind == UnboundedFollowing:
		return "a frame that ends with the partition, which has no end", "End the frame with CURRENT ROW, or with a number of rows or length of time FOLLOWING; or " + closing + "."
	case f.Exclude != ExcludeNothing && (f.Start.Kind == UnboundedPreceding || picks):
		return "EXCLUDE in a frame that begins with the partition, or of " + name + "()", "Leave EXCLUDE out, or give the frame of an aggregate a start: ROWS BETWEEN 100 PRECEDING AND CURRENT ROW."
	case f.Mode != FrameRows && !timed:
		return "a frame of " + f.Mode.String() + " without an ORDER BY of time", "ORDER BY the event time that WATERMARK FOR declares, or write ROWS BETWEEN 100 PRECEDING AND CURRENT ROW."
	}
	return "", ""
}

// String is the mode as it is written.
func (m FrameMode) String() string { return [...]string{"RANGE", "ROWS", "GROUPS"}[m] }

// fixed reports whether an expression has one value for all rows.
func fixed(e Expr) bool {
	ok := !HasOuter(e)
	EachColumn(e, func(Ref) { ok = false })
	return ok && !Any(e, func(x Expr) bool {
		c, isCall := x.(*Call)
		return isCall && c.Func.Volatility == 'v'
	})
}

// partitionKey is where the columns of PARTITION BY are among the rows; false: some
// are not.
func (n *Window) partitionKey() ([]int, bool) {
	passed := n.Passed()
	key := []int{}
	for _, e := range n.Partition {
		c, ok := e.(*Column)
		at := -1
		for i, p := range passed {
			if ok && p == c.Index {
				at = i
				break
			}
		}
		if at < 0 {
			return nil, false
		}
		key = append(key, at)
	}
	return key, true
}
