package optimize

import (
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// continuousRules make of a continuous query what decides whether it can run:
// subqueries become joins, conditions go to what they are about, joins of two
// streams get the bounds of their times, and windows the way in which they are kept
// up to date.
var continuousRules = []rule{
	{"fold_constants", foldConstants},
	{"decorrelate", decorrelate},
	{"factor_or", factorOr},
	{"reduce_outer", reduceOuter},
	{"push_filters", pushFilters},
	{"join_bounds", joinBounds},
	{"join_forgets", joinForgets},
	{"continuous_windows", continuousWindows},
}

// Continuous applies them; kept: to a job.
func Continuous(n plan.Node, env *Env, kept bool) plan.Node {
	env = continuous(env)
	env.Kept = kept
	for _, r := range continuousRules {
		n = r.apply(n, env)
	}
	return n
}

// continuousWindows decides how windows are computed over rows that keep coming:
// OVER, and what asks for first rows, which is a window that nothing reads the
// number of: LIMIT over ORDER BY, and DISTINCT ON. What is read to its end at once, as
// a side of a join that ends is, is computed then.
func continuousWindows(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node {
		env := env
		if env.Kept && plan.IsJoin(n) && plan.Derive(in).Bounded {
			side := *env
			side.Kept = false
			env = &side
		}
		if l, ok := n.(*plan.Limit); ok && in == l.Input {
			return underLimit(in, env)
		}
		return continuousWindows(in, env)
	})
	switch x := n.(type) {
	case *plan.Window:
		if x.Mode != plan.WindowBounded || env.atEnd(plan.Derive(x.Input)) {
			return x
		}
		w, _, _ := x.Continuous()
		return w
	case *plan.Filter:
		if w, ok := x.Input.(*plan.Window); ok && w.Top != nil && w.Mode != plan.WindowBounded && w.Mode != plan.WindowClosing {
			return exactTop(w, x)
		}
	case *plan.DistinctNode:
		return firstOfEach(x, env)
	case *plan.Limit:
		return firstOfAll(x, env)
	}
	return n
}

// atEnd reports whether rows are computed when they have ended: those of a query that
// keeps nothing.
func (e *Env) atEnd(in plan.Props) bool { return in.Bounded && !e.Kept }

// underLimit leaves the order of a LIMIT to it.
func underLimit(n plan.Node, env *Env) plan.Node {
	switch x := n.(type) {
	case *plan.Sort:
		return &plan.Sort{Input: continuousWindows(x.Input, env), Keys: x.Keys}
	case *plan.DistinctNode:
		if s, ok := x.Input.(*plan.Sort); ok && x.On != nil {
			// What DISTINCT ON leaves is in the order of its input.
			return &plan.Sort{Input: continuousWindows(x, env), Keys: s.Keys}
		}
	}
	return continuousWindows(n, env)
}

// exactTop takes the condition out that the window's first rows satisfy by being
// that.
func exactTop(w *plan.Window, f *plan.Filter) plan.Node {
	width := len(w.Passed())
	out := *w
	top := *w.Top
	var rest []plan.Expr
	for _, c := range conjuncts(f.Cond) {
		column, most, ok := atMost(c)
		if ok && column >= width && out.Calls[column-width].Func == top.Call.Func && exactly(c, most) {
			top.Exact = true
			top.Most = min(top.Most, most)
			continue
		}
		rest = append(rest, c)
	}
	if top.Exact {
		out.Top = &top
	}
	return filter(&out, rest)
}

// exactly reports whether a condition that a number is not over a bound says
// nothing else.
func exactly(cond plan.Expr, most int64) bool {
	return cond.(*plan.Call).Op != "=" || most == 1
}

// rowNumber and rank are the functions that the windows of LIMIT and DISTINCT ON
// count by.
var (
	rowNumber = &catalog.Function{Name: "row_number", Kind: catalog.Window}
	rank      = &catalog.Function{Name: "rank", Kind: catalog.Window}
)

// firsts is a window whose first rows alone go out.
func firsts(in plan.Node, partition []plan.Expr, by []plan.SortKey, top plan.WindowTop) *plan.Window {
	top.Exact = true
	if top.Call.Func == nil {
		top.Call.Func = rowNumber
	}
	return &plan.Window{Input: in, Partition: partition, OrderBy: by, Fields: in.Schema(), Top: &top}
}

// firstOfEach is DISTINCT ON in an order.
func firstOfEach(d *plan.DistinctNode, env *Env) plan.Node {
	in := plan.Derive(d.Input)
	if d.On == nil || env.atEnd(in) {
		return d
	}
	s, sorted := d.Input.(*plan.Sort)
	if !sorted {
		if in.AppendOnly {
			return d
		}
		s = &plan.Sort{Input: d.Input}
	}
	var by []plan.SortKey
	for _, k := range s.Keys {
		if !slices.ContainsFunc(d.On, func(e plan.Expr) bool { return plan.Equal(e, k.Expr) }) {
			by = append(by, k)
		}
	}
	w := firsts(s.Input, d.On, by, plan.WindowTop{Most: 1})
	if out, _, _ := w.Continuous(); out.Mode != plan.WindowBounded {
		return out
	}
	return d
}

// firstOfAll is LIMIT over an order, or over rows that are taken back.
func firstOfAll(l *plan.Limit, env *Env) plan.Node {
	in := plan.Derive(l.Input)
	if env.atEnd(in) || l.Count == nil {
		return l
	}
	s, sorted := l.Input.(*plan.Sort)
	if !sorted {
		if in.AppendOnly {
			return &plan.Limit{Input: l.Input, Count: l.Count, Offset: l.Offset}
		}
		if l.Changes {
			return l
		}
		s = &plan.Sort{Input: l.Input}
	}
	top := plan.WindowTop{Most: math.MaxInt64, Count: l.Count, Offset: l.Offset}
	if l.Ties != nil {
		top.Call.Func = rank
	}
	w := firsts(s.Input, nil, s.Keys, top)
	w.Mode = plan.WindowFirst
	return w
}
