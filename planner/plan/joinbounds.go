package plan

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// JoinBounds say that the rows of two streams match only where their times are
// near to each other, so that neither has to be kept for ever: a right row's time
// is from Before before a left one's to After after it, both in microseconds. One
// of the two may be negative.
type JoinBounds struct {
	Left, Right   Expr // the times: over the left row, and over the right row alone
	Before, After int64
	// Infinite: two times that are the same infinity match too, as they do where
	// comparisons say so: infinity is at least infinity less a minute.
	Infinite bool
	// Delay is how far the time of a result, or of a part of it, may lie behind
	// what the inputs have come to, in microseconds.
	Delay int64
}

// String says what the bounds are.
func (b *JoinBounds) String() string {
	return "right " + b.Right.String() + " from " + signed(-b.Before) + " to " + signed(b.After) + " of left " + b.Left.String()
}

func signed(micros int64) string {
	text := intervalText(types.IntervalValue{Micros: micros})
	if micros >= 0 {
		return "+" + text
	}
	return text
}

// mapExprs is MapNode's part.
func (b *JoinBounds) mapExprs(expr func(Expr) Expr) *JoinBounds {
	if b == nil {
		return nil
	}
	c := *b
	c.Left, c.Right = expr(b.Left), expr(b.Right)
	return &c
}

// EventTime is the time of a relation's rows over their columns; nil: they have
// none. Of a joined row it is the latest of its parts'.
func (p Props) EventTime(fields []Field) Expr {
	column := func(i int) Expr { return &Column{Index: i, Typ: fields[i].Type, Name: fields[i].Name} }
	switch {
	case len(p.Times) > 1:
		m := &MinMax{Greatest: true, Typ: types.Of(fields[p.Times[0]].Type.OID)}
		for _, t := range p.Times {
			if fields[t].Type.OID != m.Typ.OID {
				return nil
			}
			m.Args = append(m.Args, column(t))
		}
		return m
	case p.Time >= 0:
		return column(p.Time)
	}
	return nil
}

// times are the columns that the event time is the latest of.
func (p Props) times() []int {
	if p.Times == nil && p.Time >= 0 {
		return []int{p.Time}
	}
	return p.Times
}

// withTimes is the relation with the event time that is the latest of columns.
func (p Props) withTimes(times []int) Props {
	p.Time, p.Times = -1, nil
	switch len(times) {
	case 0:
	case 1:
		p.Time = times[0]
	default:
		p.Times = times
	}
	return p
}

// Loose is the Spread of rows whose parts may lie any time apart.
const Loose = -1

// deriveJoin says what is known of a join's rows.
func (d deriver) deriveJoin(n *Join) Props {
	l, r := d.derive(n.Left), d.derive(n.Right)
	p := Props{Bounded: l.Bounded && r.Bounded, Time: -1, Keys: l.Keys}
	p.AppendOnly = l.AppendOnly && r.AppendOnly && (p.Bounded || n.Grows(l, r))
	if n.Kind.KeepsLeft() {
		p.Window = l.Window
		p.Spread = l.Spread
		return p.withTimes(l.times())
	}
	if n.Kind.KeepsRight() {
		p.Keys = r.Keys
		p.Window = r.Window
		p.Spread = r.Spread
		return p.withTimes(r.times())
	}
	width := len(n.Left.Schema())
	p.Keys = nil
	for _, a := range l.Keys {
		for _, b := range r.Keys {
			p.Keys = append(p.Keys, append(append([]int(nil), a...), shifted(b, width)...))
		}
	}
	// A table's rows are there before the stream's: they have no part in the time.
	switch {
	case r.Bounded && !l.Bounded:
		p.Spread = l.Spread
		return p.withTimes(l.times())
	case l.Bounded && !r.Bounded:
		p.Spread = r.Spread
		return p.withTimes(shifted(r.times(), width))
	case len(l.times()) == 0 || len(r.times()) == 0:
		return p
	case n.Bounds == nil || l.Spread == Loose || r.Spread == Loose:
		p.Spread = Loose
	default:
		p.Spread = l.Spread + r.Spread + max(n.Bounds.After, n.Bounds.Before, -n.Bounds.After, -n.Bounds.Before)
	}
	return p.withTimes(append(append([]int(nil), l.times()...), shifted(r.times(), width)...))
}

// Grows reports whether a join of inputs that only grow, not both of which end,
// never takes a row back: what a row without a match gives it gives when no match
// can come any more.
func (n *Join) Grows(l, r Props) bool {
	switch {
	case n.Kind == JoinInner || n.Kind == JoinSemi || n.Bounds != nil:
		return true
	case n.Kind == JoinRight:
		return l.Bounded
	case n.Kind == JoinFull:
		return false
	}
	return r.Bounded
}

func shifted(columns []int, by int) []int {
	out := make([]int, len(columns))
	for i, c := range columns {
		out[i] = c + by
	}
	return out
}

// Timely reports whether the rows of a continuous query come before the
// watermark passes their time. Those of an outer or semi join without bounds need
// not: a match may come at any time.
func Timely(n Node) bool {
	timely := true
	WalkNode(n, func(n Node) bool {
		switch n := n.(type) {
		case *AggregateNode:
			return false // its rows have no time of their own
		case *Window:
			if n.Mode == WindowFirst || n.Mode == WindowChanges {
				timely = false
			}
		case *Join:
			regular := n.Bounds == nil && n.Kind != JoinInner && !n.Lateral
			if regular && !Derive(n.Left).Bounded && !Derive(n.Right).Bounded {
				timely = false
			}
		}
		return timely
	})
	return timely
}
