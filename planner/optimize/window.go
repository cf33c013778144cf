package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// pruneWindow drops the calls that nothing reads, and the input's columns that
// then nothing reads.
func pruneWindow(w *plan.Window, want []bool) (plan.Node, []int) {
	width := len(w.Input.Schema())
	kept := *w
	kept.Calls = nil
	for i, c := range w.Calls {
		if want[width+i] {
			kept.Calls = append(kept.Calls, c)
		}
	}
	need := append([]bool(nil), want[:width]...)
	at := make([]int, width+len(w.Calls))
	if len(kept.Calls) == 0 {
		in, inAt := prune(w.Input, need)
		copy(at, inAt)
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
	copy(at, inAt)
	out := kept.MapExprs(in, func(e plan.Expr) plan.Expr { return move(e, inAt) })
	fields := in.Schema()
	out.Fields = fields[:len(fields):len(fields)]
	for i := range w.Calls {
		at[width+i] = -1
		if want[width+i] {
			at[width+i] = len(out.Fields)
			out.Fields = append(out.Fields, w.Fields[width+i])
		}
	}
	return out, at
}

// pushWindow moves conditions on the columns of PARTITION BY below the window:
// they keep or drop whole partitions.
func pushWindow(w *plan.Window, conds []plan.Expr) plan.Node {
	partition := map[int]bool{}
	for _, e := range w.Partition {
		if c, ok := e.(*plan.Column); ok {
			partition[c.Index] = true
		}
	}
	var down, stay []plan.Expr
	for _, c := range conds {
		whole, columns := true, false
		plan.EachColumn(c, func(r plan.Ref) {
			columns = true
			whole = whole && partition[r.Index]
		})
		if whole && columns && !volatile(c) {
			down = append(down, c)
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
