package optimize

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// day is how far a day of some time zone may be from 24 hours, generously.
const day = 24 * 60 * 60 * 1_000_000

// joinBounds finds the bounds of the joins of two streams that only grow: in
// their conditions, comparisons of the event time of one side with that of the
// other, from below and from above.
func joinBounds(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return joinBounds(in, env) })
	j, ok := n.(*plan.Join)
	if !ok || j.Lateral || j.Cond == nil || j.Bounds != nil || j.Kind == plan.JoinNotIn {
		return n
	}
	l, r := plan.Derive(j.Left), plan.Derive(j.Right)
	if l.Bounded || r.Bounded || !l.AppendOnly || !r.AppendOnly || !plan.Timely(j.Left) || !plan.Timely(j.Right) {
		return n
	}
	f := boundsFinder{width: len(j.Left.Schema()), left: timesOf(j.Left, l), right: timesOf(j.Right, r)}
	for _, c := range conjuncts(j.Cond) {
		f.take(c)
	}
	for i := range f.found {
		x := &f.found[i]
		if x.low == math.MinInt64 || x.high == math.MaxInt64 {
			continue
		}
		out := *j
		var rest []plan.Expr
		for _, c := range conjuncts(j.Cond) {
			if !containsSame(x.exact, c) {
				rest = append(rest, c)
			}
		}
		out.Cond = conjunction(rest)
		out.Bounds = &plan.JoinBounds{Left: x.left, Right: x.right, Before: -x.low, After: x.high, Infinite: !x.finite}
		out.Bounds.Delay = max(x.high+max(l.Spread, 0), -x.low+max(r.Spread, 0), 0)
		return &out
	}
	return n
}

func containsSame(list []plan.Expr, e plan.Expr) bool {
	for _, x := range list {
		if x == e {
			return true
		}
	}
	return false
}

// timesOf are the expressions that stand for the time of a side's rows: its event
// time, and, of a joined row whose parts are near to each other, that of each.
func timesOf(n plan.Node, p plan.Props) []plan.Expr {
	fields := n.Schema()
	var all []plan.Expr
	if e := p.EventTime(fields); e != nil {
		all = append(all, e)
	}
	if p.Spread != plan.Loose {
		for _, t := range p.Times {
			all = append(all, &plan.Column{Index: t, Typ: fields[t].Type, Name: fields[t].Name})
		}
	}
	return all
}

// boundsFinder looks for low <= right time - left time <= high among conditions.
type boundsFinder struct {
	width       int
	left, right []plan.Expr
	found       []timeBounds
}

// timeBounds are what is known of one pair of times.
type timeBounds struct {
	left, right plan.Expr
	low, high   int64 // microseconds; MinInt64 and MaxInt64: not bounded
	exact       []plan.Expr
	finite      bool // exact leaves out times that are the same infinity
}

// moment is a time of one side, and so many microseconds after it.
type moment struct {
	of     plan.Expr // over its side's rows; nil: it is none
	right  bool
	plus   int64
	zoneOf bool // days were added on the clock of a time zone
}

func (f *boundsFinder) take(c plan.Expr) {
	call, ok := c.(*plan.Call)
	if !ok || len(call.Args) != 2 || !comparison(call) {
		return
	}
	a, b := f.moment(call.Args[0]), f.moment(call.Args[1])
	op, finite := call.Op, call.Op == "<" || call.Op == ">"
	if a.of == nil {
		a, b, op = f.difference(call.Args[0], call.Args[1], op)
		finite = true // an infinity less itself is nothing that could be compared
	}
	if b.of == nil {
		a, b, op = f.difference(call.Args[1], call.Args[0], mirrored[op])
		finite = true
	}
	if a.of == nil || b.of == nil || a.right == b.right || a.of.Type().OID != b.of.Type().OID {
		return
	}
	if b.right {
		a, b, op = b, a, mirrored[op]
	}
	at := f.between(b.of, a.of)
	at.add(op, b.plus-a.plus, a.zoneOf || b.zoneOf, c)
	if !a.zoneOf && !b.zoneOf {
		at.finite = at.finite || finite
	}
}

// difference reads x - y op interval as x op y + interval.
func (f *boundsFinder) difference(e, than plan.Expr, op string) (moment, moment, string) {
	call, ok := e.(*plan.Call)
	span, constant := interval(than)
	if !ok || !constant || call.Op != "-" || len(call.Args) != 2 || call.Typ.OID != types.Interval {
		return moment{}, moment{}, op
	}
	x, y := f.moment(call.Args[0]), f.moment(call.Args[1])
	y.plus += plan.Micros(span)
	return x, y, op
}

// moment reads a time of one side with intervals added to it.
func (f *boundsFinder) moment(e plan.Expr) moment {
	for _, t := range f.left {
		if plan.Equal(t, e) {
			return moment{of: t}
		}
	}
	if l, r := sides(e, f.width); r && !l {
		own := plan.Shift(e, -f.width)
		for _, t := range f.right {
			if plan.Equal(t, own) {
				return moment{of: t, right: true}
			}
		}
	}
	call, ok := e.(*plan.Call)
	if !ok || len(call.Args) != 2 || call.Op != "+" && call.Op != "-" {
		return moment{}
	}
	at, by := call.Args[0], call.Args[1]
	span, ok := interval(by)
	if !ok && call.Op == "+" {
		at = by
		span, ok = interval(call.Args[0])
	}
	if !ok {
		return moment{}
	}
	m := f.moment(at)
	if call.Op == "-" {
		m.plus -= plan.Micros(span)
	} else {
		m.plus += plan.Micros(span)
	}
	m.zoneOf = m.zoneOf || span.Days != 0 && call.Typ.OID == types.Timestamptz
	return m
}

// longest bounds the intervals that are looked at: 10,000 years.
const longest = 10_000 * 366 * day

// interval is a constant length of time in days and less.
func interval(e plan.Expr) (types.IntervalValue, bool) {
	v, ok := constant(e)
	if !ok || v.Null || e.Type().OID != types.Interval || v.Span.Months != 0 {
		return types.IntervalValue{}, false
	}
	if m := plan.Micros(v.Span); m > longest || m < -longest {
		return types.IntervalValue{}, false
	}
	return v.Span, true
}

// between is what is known of two times.
func (f *boundsFinder) between(left, right plan.Expr) *timeBounds {
	for i, x := range f.found {
		if plan.Equal(x.left, left) && plan.Equal(x.right, right) {
			return &f.found[i]
		}
	}
	f.found = append(f.found, timeBounds{left: left, right: right, low: math.MinInt64, high: math.MaxInt64})
	return &f.found[len(f.found)-1]
}

// add notes that right - left op by holds where c does. About says that by may be
// off by a day, so that c must still be asked.
func (x *timeBounds) add(op string, by int64, about bool, c plan.Expr) {
	slack := int64(0)
	if about {
		slack = day
	} else {
		x.exact = append(x.exact, c)
	}
	switch op {
	case "<":
		x.high = min(x.high, by-1+slack)
	case "<=":
		x.high = min(x.high, by+slack)
	case ">":
		x.low = max(x.low, by+1-slack)
	case ">=":
		x.low = max(x.low, by-slack)
	case "=":
		x.low, x.high = max(x.low, by-slack), min(x.high, by+slack)
	}
}
