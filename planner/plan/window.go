package plan

import (
	"fmt"
	"strings"
)

// Window computes Calls over the rows of its input, each over the row's partition
// in the order of OrderBy: its rows are the input's columns, then the calls.
type Window struct {
	Input     Node
	Partition []Expr
	OrderBy   []SortKey
	Calls     []WindowCall
	// Pass are the input's columns that its rows have; nil: all of them.
	Pass   []int
	Fields []Field
	// Top says which rows matter; nil: all of them. Other rows may be left out.
	Top *WindowTop
	// Mode is how a continuous query computes it; of a bounded one, and of what a job
	// reads to its end at each start, it is WindowBounded.
	Mode WindowMode
	// Time is the time of a row, of WindowTimed, over the input's rows: a row is
	// complete once the watermark has passed it. Of WindowClosing it is the end of
	// the window of time that the partition is of.
	Time Expr
	// Closing is the kind of that window, and how long it waits; of WindowTimed,
	// where Time is the end of a window, likewise. nil: Time is a row's own.
	Closing *WindowBounds
}

// WindowTop are the rows of each partition of which a rank, row_number or
// dense_rank is at most Most. Calls are such functions only.
type WindowTop struct {
	Call WindowCall
	Most int64
	// Exact: no other row goes out. Of LIMIT the first Offset rows do not either,
	// and Count, where it is not nil, says what Most is beside them.
	Exact         bool
	Offset, Count Expr
}

// WindowMode is how a Window is computed over rows that keep coming.
type WindowMode uint8

// Modes of a Window.
const (
	WindowBounded WindowMode = iota // when the input has ended
	WindowTimed                     // in the order of time, as the watermark passes rows
	WindowArrival                   // in the order in which rows come
	WindowClosing                   // when the window of time that a partition is of is closed
	WindowFirst                     // the first rows of each partition, as they change
	WindowChanges                   // each partition anew when it changes
)

// String is the mode as EXPLAIN has it.
func (m WindowMode) String() string {
	return [...]string{"bounded", "in the order of time", "in the order of arrival", "as windows close", "first rows, with changes", "with changes"}[m]
}

// Passed are the input's columns that the rows begin with.
func (n *Window) Passed() []int {
	if n.Pass != nil {
		return n.Pass
	}
	return upTo(len(n.Input.Schema()))
}

// passed are those columns, as expressions over the input.
func passed(n *Window) []Expr {
	out := make([]Expr, len(n.Pass))
	for i, c := range n.Pass {
		out[i] = &Column{Index: c, Typ: n.Fields[i].Type, Name: n.Fields[i].Name}
	}
	return out
}

// WindowCall is a window function, or an aggregate over the rows of a frame.
// Distinct and OrderBy of the call are not set.
type WindowCall struct {
	AggCall
	Frame Frame
}

// FrameMode is what the offsets of a frame count.
type FrameMode uint8

// Modes of a Frame.
const (
	FrameRange FrameMode = iota // differences of the only sort key
	FrameRows
	FrameGroups // groups of rows that sort alike
)

// BoundKind is where a frame begins or ends.
type BoundKind uint8

// Kinds of FrameBound, in their order.
const (
	UnboundedPreceding BoundKind = iota
	OffsetPreceding
	CurrentRow
	OffsetFollowing
	UnboundedFollowing
)

// FrameBound is one end of a frame. Offset is that of OffsetPreceding and
// OffsetFollowing, without columns of its own row: a bigint, or, of FrameRange,
// what can be added to the sort key.
type FrameBound struct {
	Kind   BoundKind
	Offset Expr
}

// Exclusion is what a frame leaves out.
type Exclusion uint8

// Exclusions.
const (
	ExcludeNothing Exclusion = iota
	ExcludeCurrentRow
	ExcludeGroup // the row and those that sort as it does
	ExcludeTies  // those, but not the row
)

// Frame is the part of its partition that a row's call is over.
type Frame struct {
	Mode       FrameMode
	Start, End FrameBound
	Exclude    Exclusion
}

// DefaultFrame is RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW.
func DefaultFrame() Frame {
	return Frame{Mode: FrameRange, Start: FrameBound{Kind: UnboundedPreceding}, End: FrameBound{Kind: CurrentRow}}
}

// Schema is the columns that are passed and the calls'.
func (n *Window) Schema() []Field { return n.Fields }

// Inputs is the one input.
func (n *Window) Inputs() []Node { return []Node{n.Input} }

// String is PostgreSQL's name for it.
func (n *Window) String() string { return "WindowAgg" }

func (*Window) node() {}

// MapExprs returns the node over input with f applied to each of its
// expressions; nil stays nil.
func (n *Window) MapExprs(input Node, f func(Expr) Expr) *Window {
	c := *n
	c.Input, c.Partition = input, mapped(n.Partition, f)
	c.OrderBy = mappedKeys(n.OrderBy, f)
	c.Time = mappedOne(n.Time, f)
	if n.Top != nil {
		top := *n.Top
		top.Offset, top.Count = mappedOne(top.Offset, f), mappedOne(top.Count, f)
		c.Top = &top
	}
	c.Calls = make([]WindowCall, len(n.Calls))
	for i, call := range n.Calls {
		call.Args = mapped(call.Args, f)
		call.Filter = mappedOne(call.Filter, f)
		call.Frame.Start.Offset = mappedOne(call.Frame.Start.Offset, f)
		call.Frame.End.Offset = mappedOne(call.Frame.End.Offset, f)
		c.Calls[i] = call
	}
	return &c
}

func mapped(exprs []Expr, f func(Expr) Expr) []Expr {
	if exprs == nil {
		return nil
	}
	out := make([]Expr, len(exprs))
	for i, e := range exprs {
		out[i] = mappedOne(e, f)
	}
	return out
}

func mappedOne(e Expr, f func(Expr) Expr) Expr {
	if e == nil {
		return nil
	}
	return f(e)
}

func mappedKeys(keys []SortKey, f func(Expr) Expr) []SortKey {
	if keys == nil {
		return nil
	}
	out := make([]SortKey, len(keys))
	for i, k := range keys {
		k.Expr = f(k.Expr)
		out[i] = k
	}
	return out
}

// EqualFrames reports whether two frames are the same.
func EqualFrames(a, b Frame) bool {
	return a.Mode == b.Mode && a.Exclude == b.Exclude && equalBounds(a.Start, b.Start) && equalBounds(a.End, b.End)
}

func equalBounds(a, b FrameBound) bool { return a.Kind == b.Kind && Equal(a.Offset, b.Offset) }

// String is the frame as it is written.
func (f Frame) String() string {
	return f.Mode.String() + " BETWEEN " + f.Start.String() + " AND " + f.End.String() +
		[...]string{"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"}[f.Exclude]
}

// String is the bound as it is written.
func (b FrameBound) String() string {
	switch b.Kind {
	case UnboundedPreceding:
		return "UNBOUNDED PRECEDING"
	case OffsetPreceding:
		return b.Offset.String() + " PRECEDING"
	case CurrentRow:
		return "CURRENT ROW"
	case OffsetFollowing:
		return b.Offset.String() + " FOLLOWING"
	}
	return "UNBOUNDED FOLLOWING"
}

func (t *WindowTop) limit() string {
	var parts []string
	if t.Count != nil {
		parts = append(parts, "LIMIT "+t.Count.String())
	}
	if t.Offset != nil {
		parts = append(parts, "OFFSET "+t.Offset.String())
	}
	return strings.Join(parts, " ")
}

// details are the lines of EXPLAIN under the node's name.
func (n *Window) details(add func(key, value string)) {
	if len(n.Partition) > 0 {
		add("Partition By", exprList(n.Partition))
	}
	if len(n.OrderBy) > 0 {
		add("Order By", sortKeys(n.OrderBy))
	}
	calls := make([]string, len(n.Calls))
	for i, c := range n.Calls {
		calls[i] = c.AggCall.String()
		if !EqualFrames(c.Frame, DefaultFrame()) {
			calls[i] += " " + c.Frame.String()
		}
	}
	if len(calls) > 0 {
		add("Calls", strings.Join(calls, ", "))
	}
	if n.Mode != WindowBounded {
		add("Continuous", n.Mode.String())
	}
	switch {
	case n.Top == nil:
	case n.Top.Count != nil || n.Top.Offset != nil:
		add("Limit", n.Top.limit())
	default:
		add("Run Condition", fmt.Sprintf("(%s <= %d)", n.Top.Call.AggCall.String(), n.Top.Most))
	}
}
