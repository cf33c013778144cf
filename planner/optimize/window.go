package optimize

import (
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// pruneWindow drops the calls that nothing reads, and the input's columns that
// then nothing reads. What only the window reads is not passed on.
func pruneWindow(w *plan.Window, want []bool) (plan.Node, []int) {
	passed := w.Passed()
	width := len(passed)
	kept := *w
	kept.Calls = nil
	for i, c := range w.Calls {
		if want[width+i] {
			kept.Calls = append(kept.Calls, c)
		}
	}
	need := make([]bool, len(w.Input.Schema()))
	for i, c := range passed {
		need[c] = want[i]
	}
	at := make([]int, width+len(w.Calls))
	if len(kept.Calls) == 0 && (w.Top == nil || !w.Top.Exact) {
		in, inAt := prune(w.Input, need)
		for i, c := range passed {
			at[i] = inAt[c]
		}
		for i := range w.Calls {
			at[width+i] = -1
		}
		return in, at
	}
	kept.MapExprs(nil, func(e plan.Expr) plan.Expr {
		need = used(need, e)
		return e
	})
	in, inAt := prune(w.Input, need)
	out := kept.MapExprs(in, func(e plan.Expr) plan.Expr { return move(e, inAt) })
	out.Pass, out.Fields = []int{}, nil
	for i, f := range w.Fields {
		at[i] = -1
		if !want[i] {
			continue
		}
		at[i] = len(out.Fields)
		out.Fields = append(out.Fields, f)
		if i < width {
			out.Pass = append(out.Pass, inAt[passed[i]])
		}
	}
	return out, at
}

// pushWindow moves conditions on the columns of PARTITION BY below the window:
// they keep or drop whole partitions.
func pushWindow(w *plan.Window, conds []plan.Expr) plan.Node {
	passed := w.Passed()
	partition := map[int]bool{} // by column of the window
	for _, e := range w.Partition {
		if c, ok := e.(*plan.Column); ok {
			if at := slices.Index(passed, c.Index); at >= 0 {
				partition[at] = true
			}
		}
	}
	w = topOfWindow(w, conds)
	var down, stay []plan.Expr
	for _, c := range conds {
		whole, columns := true, false
		plan.EachColumn(c, func(r plan.Ref) {
			columns = true
			whole = whole && partition[r.Index]
		})
		if whole && columns && !volatile(c) {
			down = append(down, move(c, passed))
		} else {
			stay = append(stay, c)
		}
	}
	if len(down) == 0 {
		return filter(w, stay)
	}
	out := *w
	out.Input = push(w.Input, down)
	return filter(&out, stay)
}

// topOfWindow tells a window of which only first rows are wanted so. It can leave
// others out where no call looks at what follows a row.
func topOfWindow(w *plan.Window, conds []plan.Expr) *plan.Window {
	for _, c := range w.Calls {
		if !countsUp(c) {
			return w
		}
	}
	width := len(w.Passed())
	for _, cond := range conds {
		column, most, ok := atMost(cond)
		if !ok || column < width || w.Top != nil && w.Top.Most <= most {
			continue
		}
		out := *w
		out.Top = &plan.WindowTop{Call: w.Calls[column-width], Most: most}
		w = &out
	}
	return w
}

// countsUp reports whether a call numbers the rows from the first on.
func countsUp(c plan.WindowCall) bool {
	switch c.Func.Name {
	case "row_number", "rank", "dense_rank":
		return len(c.Args) == 0 && c.Filter == nil
	}
	return false
}

// atMost is the column and the bound of a condition that an integer column is not
// over a bound.
func atMost(cond plan.Expr) (column int, most int64, ok bool) {
	c, isCall := cond.(*plan.Call)
	if !isCall || !comparison(c) || len(c.Args) != 2 {
		return 0, 0, false
	}
	op, left, right := c.Op, c.Args[0], c.Args[1]
	if _, fixed := constant(left); fixed {
		op, left, right = map[string]string{">=": "<=", ">": "<", "=": "="}[op], right, left
	}
	col, isColumn := left.(*plan.Column)
	bound, fixed := constant(right)
	if !isColumn || !fixed || bound.Null || integers[col.Typ.OID] == 0 || integers[bound.Type.OID] == 0 {
		return 0, 0, false
	}
	switch op {
	case "<=", "=":
		return col.Index, bound.I, true
	case "<":
		return col.Index, max(bound.I, math.MinInt64+1) - 1, true
	}
	return 0, 0, false
}
