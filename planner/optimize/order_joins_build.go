package optimize

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// build joins the leaves in an order, each condition at the first join that has
// all of its columns, and puts the columns back where they were.
func (o *joinOrder) build(order []int, fields []plan.Field) plan.Node {
	t := o.t
	at := make([]int, len(fields)) // where each column of the whole row is now; -1: not joined
	for i := range at {
		at[i] = -1
	}
	place := func(leaf, offset int) {
		for i := range t.leaves[leaf].Schema() {
			at[t.offsets[leaf]+i] = offset + i
		}
	}
	place(order[0], 0)
	out := o.leaf(order[0], true)
	set, rows := uint64(1)<<order[0], o.rows[order[0]]
	for _, leaf := range order[1:] {
		on := o.on(set, leaf)
		size, _ := o.next(set, leaf, rows)
		width := len(out.Schema())
		right := o.leaf(leaf, false)
		if o.rows[leaf] <= rows {
			place(leaf, width)
			out = inner(out, right, on, at)
		} else {
			for i := range at {
				if at[i] >= 0 {
					at[i] += len(right.Schema())
				}
			}
			place(leaf, 0)
			out = inner(right, out, on, at)
		}
		set, rows = set|1<<leaf, size
	}
	return restore(out, at, fields)
}

func inner(left, right plan.Node, on []plan.Expr, at []int) plan.Node {
	j := &plan.Join{Kind: plan.JoinInner, Left: left, Right: right, Fields: slices.Concat(left.Schema(), right.Schema())}
	if cond := conjunction(on); cond != nil {
		j.Cond = move(cond, at)
	}
	return j
}

// on are the conditions that become known when a leaf joins a set: one equality
// of each class that both have, and the others whose last columns come with it.
func (o *joinOrder) on(set uint64, leaf int) []plan.Expr {
	var out []plan.Expr
	for i, class := range o.t.classes {
		var before, mine *plan.Column
		for _, c := range class {
			l := o.t.leafOf(c.Index)
			switch {
			case l == leaf && mine == nil:
				mine = c
			case set&(1<<l) != 0 && before == nil:
				before = c
			}
		}
		if before != nil && mine != nil {
			out = append(out, o.equal(i, before, mine))
		}
	}
	for _, c := range o.conds {
		if c.leaves&^(set|1<<leaf) == 0 && c.leaves&^set != 0 && c.leaves != 1<<leaf {
			out = append(out, c.e)
		}
	}
	return out
}

// leaf is a leaf with the conditions on it alone: those that say that two of
// its columns are equal, and, at the first one, those without columns.
func (o *joinOrder) leaf(leaf int, first bool) plan.Node {
	var conds []plan.Expr
	for i, class := range o.t.classes {
		var one *plan.Column
		for _, c := range class {
			switch {
			case o.t.leafOf(c.Index) != leaf:
			case one == nil:
				one = c
			default:
				conds = append(conds, o.equal(i, one, c))
			}
		}
	}
	for _, c := range o.conds {
		if c.leaves == 1<<leaf || first && c.leaves == 0 {
			conds = append(conds, c.e)
		}
	}
	for i, c := range conds {
		conds[i] = plan.Shift(c, -o.t.offsets[leaf])
	}
	return push(o.t.leaves[leaf], conds)
}

func (o *joinOrder) equal(class int, a, b *plan.Column) plan.Expr {
	eq := *o.t.equals[class]
	eq.Args = []plan.Expr{a, b}
	return &eq
}
