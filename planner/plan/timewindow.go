package plan

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// WindowKind is the kind of a window of time.
type WindowKind uint8

// Kinds of window of time.
const (
	WindowTumbling WindowKind = iota
	WindowHopping
	WindowCumulate
	WindowSession
)

// String is the kind as a WINDOW clause has it.
func (k WindowKind) String() string {
	return [...]string{"TUMBLING", "HOPPING", "CUMULATE", "SESSION"}[k]
}

// TimeWindow puts rows into windows of time: after the input's columns come
// window_start and window_end (exclusive). A row in several windows comes once
// for each, one whose time is NULL in none.
//
// Windows are aligned to 1970-01-01 00:00 in Zone, moved by Offset. A session is
// made of the rows with equal Partition of which each is at most Size (the gap)
// after another; its end is its last row's time and the gap.
type TimeWindow struct {
	Input     Node
	Kind      WindowKind
	Time      Expr // timestamp or timestamptz
	Size      types.IntervalValue
	Slide     types.IntervalValue // of HOPPING; the step of CUMULATE
	Offset    types.IntervalValue
	Grace     types.IntervalValue
	Zone      string // "": UTC
	Partition []Expr // of SESSION
	// Changes: a live session comes when its first row does, and is taken back
	// when it grows; else it comes when it is closed.
	Changes bool
	Late    LatePolicy // of SESSION
	Fields  []Field
}

// Schema is the input's columns and the bounds.
func (n *TimeWindow) Schema() []Field { return n.Fields }

// Inputs is the one input.
func (n *TimeWindow) Inputs() []Node { return []Node{n.Input} }

// String is its line in EXPLAIN.
func (n *TimeWindow) String() string { return "Time Window " + n.Kind.String() }

func (*TimeWindow) node() {}

// Bounds are the places of window_start and window_end in the rows.
func (n *TimeWindow) Bounds() WindowBounds {
	return WindowBounds{Start: len(n.Fields) - 2, End: len(n.Fields) - 1, Kind: n.Kind, Grace: Micros(n.Grace), Size: Micros(n.Size), Zone: n.Zone}
}

// mapExprs is MapNode's part.
func (n *TimeWindow) mapExprs(in Node, expr func(Expr) Expr, list func([]Expr) []Expr) TimeWindow {
	c := *n
	c.Input, c.Time = in, expr(n.Time)
	if n.Partition != nil {
		c.Partition = list(n.Partition)
	}
	return c
}

func (n *TimeWindow) details(add func(key, value string)) {
	text := "size " + intervalText(n.Size)
	switch n.Kind {
	case WindowHopping:
		text += ", slide " + intervalText(n.Slide)
	case WindowCumulate:
		text = "step " + intervalText(n.Slide) + ", " + text
	case WindowSession:
		text = "gap " + intervalText(n.Size)
	}
	if n.Offset != (types.IntervalValue{}) {
		text += ", offset " + intervalText(n.Offset)
	}
	if n.Zone != "" {
		text += ", time zone " + n.Zone
	}
	if n.Grace != (types.IntervalValue{}) {
		text += ", grace " + intervalText(n.Grace)
	}
	add("Window", text)
	add("Event Time", n.Time.String())
	if len(n.Partition) > 0 {
		add("Session Key", exprList(n.Partition))
	}
}

func intervalText(v types.IntervalValue) string {
	return string(types.AppendInterval(nil, v, types.DefaultFormat()))
}

// Micros is an interval's length in microseconds, its days of 24 hours.
func Micros(v types.IntervalValue) int64 {
	const day = 24 * 60 * 60 * 1_000_000
	return v.Micros + int64(v.Days)*day
}

// WindowBounds are the columns that hold the bounds of a window of time.
type WindowBounds struct {
	Start, End int // places; -1: gone
	Kind       WindowKind
	Grace      int64 // microseconds
	Size       int64 // microseconds
	Zone       string
}

// keys are those of groups by so many columns, among them both bounds, that leave out
// a bound which follows from the other one.
func (w *WindowBounds) keys(columns int) [][]int {
	if w == nil || w.Start < 0 || w.End < 0 || w.Zone != "" || w.Kind == WindowSession {
		return nil
	}
	var all [][]int
	without := func(bound int) {
		all = append(all, slices.DeleteFunc(upTo(columns), func(c int) bool { return c == bound }))
	}
	if w.Kind != WindowCumulate { // whose windows begin together
		without(w.End)
	}
	without(w.Start)
	return all
}

// moved are the bounds after a projection; nil where the end is lost.
func (w *WindowBounds) moved(to map[int]int) *WindowBounds {
	if w == nil {
		return nil
	}
	out := *w
	var ok bool
	if out.End, ok = to[w.End]; !ok {
		out.End = -1
	}
	if out.Start, ok = to[w.Start]; !ok {
		out.Start = -1
	}
	if out.End < 0 && out.Start < 0 {
		return nil
	}
	return &out
}

// ClosingKeys says that an aggregate groups by a window of time, so that a group
// of a live query is complete once the watermark has passed its window's end.
type ClosingKeys struct {
	Start, End int   // places in Keys; Start -1: it is no key
	Grace      int64 // microseconds that a closed window still waits
	// Final: a group goes out once, when it is complete; else its changes do.
	Final bool
	Late  LatePolicy
}

// LatePolicy is what becomes of a row whose window is closed.
type LatePolicy uint8

// Late policies.
const (
	LateDrop LatePolicy = iota
	LateDeadLetter
	// LateUpdate: for some time a window takes rows after its groups have gone out,
	// takes those back and gives them again.
	LateUpdate
	// LateNextWindow: the row goes to the earliest window that is open.
	LateNextWindow
)

// String is the policy as the option late_policy has it.
func (l LatePolicy) String() string {
	return [...]string{"drop", "dead_letter", "update", "next_window"}[l]
}

// Once reports whether a group goes out once, and is not taken back.
func (c *ClosingKeys) Once() bool { return c.Final && c.Late != LateUpdate }

// String says when groups go out.
func (c *ClosingKeys) String() string {
	text := "changes, " + graceText(c.Grace)
	if c.Final {
		text = "final, " + graceText(c.Grace)
	}
	if c.Late != LateDrop {
		text += ", late rows: " + c.Late.String()
	}
	return text
}

func graceText(micros int64) string {
	if micros == 0 {
		return "no grace"
	}
	return "grace " + intervalText(types.IntervalValue{Micros: micros})
}
