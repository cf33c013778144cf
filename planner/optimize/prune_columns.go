package optimize

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// pruneColumns makes every scan deliver only the columns that something above
// it reads: a decoder need not build the rest.
func pruneColumns(n plan.Node, _ *Env) plan.Node {
	all := make([]bool, len(n.Schema()))
	for i := range all {
		all[i] = true
	}
	out, _ := prune(n, all)
	return out
}

// prune returns n without columns that are not in want, and where each column
// of n went: -1 for gone. A node may keep more than is wanted.
func prune(n plan.Node, want []bool) (plan.Node, []int) {
	switch x := n.(type) {
	case *plan.Scan:
		c := *x
		at := keep(used(want, x.Watermark), len(x.Fields))
		c.Columns, c.Fields, c.Watermark = nil, nil, move(x.Watermark, at)
		for i, to := range at {
			if to >= 0 {
				c.Columns = append(c.Columns, x.Columns[i])
				c.Fields = append(c.Fields, x.Fields[i])
			}
		}
		return &c, at
	case *plan.TimeWindow:
		return pruneTimeWindow(x, want)
	case *plan.AsOfJoin:
		return pruneAsOf(x, want)
	case *plan.VirtualScan:
		c := *x
		at := keep(want, len(x.Fields))
		c.Columns, c.Fields = nil, nil
		for i, to := range at {
			if to >= 0 {
				c.Columns = append(c.Columns, x.Columns[i])
				c.Fields = append(c.Fields, x.Fields[i])
			}
		}
		return &c, at
	case *plan.Filter:
		need := used(want, x.Cond)
		in, at := prune(x.Input, need)
		return &plan.Filter{Input: in, Cond: move(x.Cond, at)}, at
	case *plan.Project:
		return pruneProject(x, want)
	case *plan.ProjectSet:
		in, at := pruneFor(x.Input, x.Exprs...)
		return &plan.ProjectSet{Input: in, Exprs: moveAll(x.Exprs, at), Fields: x.Fields}, same(n)
	case *plan.GroupingSets:
		return pruneGroupingSets(x, want)
	case *plan.AggregateNode:
		return pruneAggregate(x)
	case *plan.Window:
		return pruneWindow(x, want)
	case *plan.Sort:
		in, at := prune(x.Input, used(want, keyExprs(x.Keys)...))
		return &plan.Sort{Input: in, Keys: moveKeys(x.Keys, at)}, at
	case *plan.Limit:
		in, at := prune(x.Input, used(want, keyExprs(x.Ties)...))
		return &plan.Limit{Input: in, Count: x.Count, Offset: x.Offset, Ties: moveKeys(x.Ties, at), Changes: x.Changes}, at
	case *plan.DistinctNode:
		if x.On != nil {
			in, at := prune(x.Input, used(want, x.On...))
			return &plan.DistinctNode{Input: in, On: moveAll(x.On, at)}, at
		}
	case *plan.Join:
		return pruneJoin(x, want)
	case *plan.Modify:
		return pruneModify(x), same(n)
	case *plan.LockRows:
		return pruneLocks(x, want)
	}
	// Whatever else there is needs all columns of its inputs.
	return plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node {
		return pruneColumns(in, nil)
	}), same(n)
}

// keep numbers the wanted columns anew.
func keep(want []bool, n int) []int {
	at := make([]int, n)
	next := 0
	for i := range at {
		at[i] = -1
		if want[i] {
			at[i] = next
			next++
		}
	}
	return at
}

func same(n plan.Node) []int {
	at := make([]int, len(n.Schema()))
	for i := range at {
		at[i] = i
	}
	return at
}

// used is want with what the expressions read.
func used(want []bool, exprs ...plan.Expr) []bool {
	out := append([]bool(nil), want...)
	for _, e := range exprs {
		plan.EachColumn(e, func(r plan.Ref) { out[r.Index] = true })
	}
	return out
}

// pruneFor prunes n to what the expressions read.
func pruneFor(n plan.Node, exprs ...plan.Expr) (plan.Node, []int) {
	return prune(n, used(make([]bool, len(n.Schema())), exprs...))
}

func move(e plan.Expr, at []int) plan.Expr {
	return plan.MapColumns(e, func(c *plan.Column) plan.Expr {
		if at[c.Index] == c.Index {
			return c
		}
		moved := *c
		moved.Index = at[c.Index]
		return &moved
	})
}

func moveAll(exprs []plan.Expr, at []int) []plan.Expr {
	out := make([]plan.Expr, len(exprs))
	for i, e := range exprs {
		out[i] = move(e, at)
	}
	return out
}

func keyExprs(keys []plan.SortKey) []plan.Expr {
	exprs := make([]plan.Expr, len(keys))
	for i, k := range keys {
		exprs[i] = k.Expr
	}
	return exprs
}

func moveKeys(keys []plan.SortKey, at []int) []plan.SortKey {
	if keys == nil {
		return nil
	}
	out := make([]plan.SortKey, len(keys))
	for i, k := range keys {
		k.Expr = move(k.Expr, at)
		out[i] = k
	}
	return out
}

func pruneProject(p *plan.Project, want []bool) (plan.Node, []int) {
	at := keep(want, len(p.Fields))
	out := &plan.Project{}
	for i, to := range at {
		if to >= 0 {
			out.Exprs = append(out.Exprs, p.Exprs[i])
			out.Fields = append(out.Fields, p.Fields[i])
		}
	}
	in, inAt := pruneFor(p.Input, out.Exprs...)
	out.Input, out.Exprs = in, moveAll(out.Exprs, inAt)
	return out, at
}

// pruneGroupingSets drops columns of the input; the keys and the set's number
// stay, as the grouping above reads them all.
func pruneGroupingSets(g *plan.GroupingSets, want []bool) (plan.Node, []int) {
	width := len(g.Input.Schema())
	in, at := prune(g.Input, used(want[:width:width], g.Keys...))
	out := *g
	out.Input, out.Keys = in, moveAll(g.Keys, at)
	fields := in.Schema()
	out.Fields = append(fields[:len(fields):len(fields)], g.Fields[width:]...)
	for i := range g.Fields[width:] {
		at = append(at, len(fields)+i)
	}
	return &out, at
}

// pruneTimeWindow drops columns of the input; the bounds stay.
func pruneTimeWindow(w *plan.TimeWindow, want []bool) (plan.Node, []int) {
	width := len(w.Input.Schema())
	in, at := prune(w.Input, used(used(want[:width:width], w.Time), w.Partition...))
	out := *w
	out.Input, out.Time = in, move(w.Time, at)
	if w.Partition != nil {
		out.Partition = moveAll(w.Partition, at)
	}
	fields := in.Schema()
	out.Fields = append(fields[:len(fields):len(fields)], w.Fields[width:]...)
	return &out, append(at[:width:width], len(fields), len(fields)+1)
}

func pruneAggregate(a *plan.AggregateNode) (plan.Node, []int) {
	exprs := append([]plan.Expr(nil), a.Keys...)
	for _, c := range a.Calls {
		exprs = append(exprs, c.Args...)
		exprs = append(exprs, c.Filter)
		for _, k := range c.OrderBy {
			exprs = append(exprs, k.Expr)
		}
	}
	out := *a
	in, at := pruneFor(a.Input, exprs...)
	out.Input, out.Keys = in, moveAll(a.Keys, at)
	out.Calls = make([]plan.AggCall, len(a.Calls))
	for i, c := range a.Calls {
		c.Args = moveAll(c.Args, at)
		c.Filter = move(c.Filter, at)
		c.OrderBy = moveKeys(c.OrderBy, at)
		out.Calls[i] = c
	}
	return &out, same(a)
}

func pruneAsOf(j *plan.AsOfJoin, want []bool) (plan.Node, []int) {
	width := len(j.Left.Schema())
	total := width + len(j.Right.Schema())
	need := make([]bool, total)
	copy(need, want)
	need = used(need, j.Cond)
	out := *j
	l, lat := prune(j.Left, used(used(need[:width:width], j.LeftKeys...), j.LeftTime))
	r, rat := prune(j.Right, used(used(need[width:total:total], j.RightKeys...), j.RightTime))
	at := append(make([]int, 0, total), lat...)
	for _, to := range rat {
		if to >= 0 {
			to += len(l.Schema())
		}
		at = append(at, to)
	}
	out.Left, out.Right, out.Fields = l, r, slices.Concat(l.Schema(), r.Schema())
	out.LeftKeys, out.RightKeys = moveAll(j.LeftKeys, lat), moveAll(j.RightKeys, rat)
	out.LeftTime, out.RightTime, out.Cond = move(j.LeftTime, lat), move(j.RightTime, rat), move(j.Cond, at)
	return &out, at
}

func pruneJoin(j *plan.Join, want []bool) (plan.Node, []int) {
	width := len(j.Left.Schema())
	total := width + len(j.Right.Schema())
	need := make([]bool, total)
	copy(need, want)
	need = used(need, j.Cond)
	left := used(need[:width:width], j.LeftKeys...)
	right := used(need[width:total:total], j.RightKeys...)
	if t := j.Bounds; t != nil {
		left, right = used(left, t.Left), used(right, t.Right)
	}
	if j.Lateral {
		plan.MapOuter(j.Right, 1, func(o *plan.Outer) plan.Expr {
			left[o.Index] = true
			return o
		})
	}
	out := *j
	l, lat := prune(j.Left, left)
	r, rat := prune(j.Right, right)
	if j.Lateral {
		r = plan.MapOuter(r, 1, func(o *plan.Outer) plan.Expr {
			moved := *o
			moved.Index = lat[o.Index]
			return &moved
		})
	}
	newWidth := len(l.Schema())
	at := make([]int, total)
	copy(at, lat)
	for i, to := range rat {
		at[width+i] = -1
		if to >= 0 {
			at[width+i] = newWidth + to
		}
	}
	out.Left, out.Right = l, r
	out.LeftKeys, out.RightKeys = moveAll(j.LeftKeys, lat), moveAll(j.RightKeys, rat)
	out.Cond = move(j.Cond, at)
	if t := j.Bounds; t != nil {
		moved := *t
		moved.Left, moved.Right = move(t.Left, lat), move(t.Right, rat)
		out.Bounds = &moved
	}
	if j.Kind.KeepsLeft() {
		out.Fields = l.Schema()
		at = at[:width]
	} else {
		out.Fields = slices.Concat(l.Schema(), r.Schema())
	}
	return &out, at
}
