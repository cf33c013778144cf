package optimize

import (
	"math"
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// orderedLeaves is how many relations are ordered by trying every order; more
// are ordered by taking the cheapest next one.
const orderedLeaves = 10

// keptAsWritten is how much cheaper another order must be: sizes are guesses.
const keptAsWritten = 0.9

// orderJoins orders inner joins by the known sizes of what they join, and makes
// the smaller side of a join the one that is kept in memory, which is the right
// one. Outer joins are leaves: nothing moves into or out of them, but their
// sides may be exchanged. A live query keeps its order, as its stream must stay
// on the left.
func orderJoins(n plan.Node, env *Env) plan.Node {
	if env.Continuous {
		return n
	}
	c := &cardinality{env: env}
	return c.order(n)
}

func (c *cardinality) order(n plan.Node) plan.Node {
	j, ok := n.(*plan.Join)
	if !ok {
		return plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, c.order)
	}
	if !innerJoin(j) {
		out := *j
		out.Left, out.Right = c.order(j.Left), c.order(j.Right)
		return c.exchange(&out)
	}
	t := flatten(j)
	for i, leaf := range t.leaves {
		t.leaves[i] = c.order(leaf)
	}
	rebuilt := t.rebuild(j, new(int))
	for _, cond := range t.conds {
		if volatile(cond) {
			return rebuilt
		}
	}
	o := &joinOrder{t: t}
	if !o.measure(c) {
		return rebuilt
	}
	asWritten := make([]int, len(t.leaves))
	for i := range asWritten {
		asWritten[i] = i
	}
	best := o.best()
	if o.cost(best) >= keptAsWritten*o.cost(asWritten) {
		best = asWritten
	}
	return o.build(best, j.Fields)
}

// exchange turns LEFT into RIGHT where the left side is the smaller one.
func (c *cardinality) exchange(j *plan.Join) plan.Node {
	if j.Lateral || j.Kind != plan.JoinLeft && j.Kind != plan.JoinRight && j.Kind != plan.JoinFull || len(j.LeftKeys) > 0 {
		return j
	}
	l, lk := c.rows(j.Left)
	r, rk := c.rows(j.Right)
	if !lk || !rk || 2*l > r || !c.hashed(j) {
		return j
	}
	kind := map[plan.JoinKind]plan.JoinKind{plan.JoinLeft: plan.JoinRight, plan.JoinRight: plan.JoinLeft, plan.JoinFull: plan.JoinFull}[j.Kind]
	left, right := j.Left.Schema(), j.Right.Schema()
	at := make([]int, len(left)+len(right))
	for i := range at {
		if at[i] = i + len(right); i >= len(left) {
			at[i] = i - len(left)
		}
	}
	swapped := &plan.Join{Kind: kind, Left: j.Right, Right: j.Left, Cond: move(j.Cond, at)}
	swapped.Fields = append(append(swapped.Fields, j.Fields[len(left):]...), j.Fields[:len(left)]...)
	return restore(swapped, at, j.Fields)
}

// hashed reports whether a join has a key.
func (c *cardinality) hashed(j *plan.Join) bool {
	for _, cond := range conjuncts(j.Cond) {
		if a, b := equality(cond, len(j.Left.Schema()), c.env); a != nil && b != nil {
			return true
		}
	}
	return false
}

// restore puts a node's columns, whose places are at, back in their old order.
func restore(n plan.Node, at []int, fields []plan.Field) plan.Node {
	p := &plan.Project{Input: n, Fields: fields}
	for i, f := range fields {
		p.Exprs = append(p.Exprs, &plan.Column{Index: at[i], Typ: f.Type, Name: f.Name})
	}
	return p
}

// joinOrder finds an order of a tree's leaves. Sets of leaves are bits.
type joinOrder struct {
	t     *joinTree
	rows  []float64
	bases []float64
	conds []orderedCond
	reach []uint64  // of each class, the leaves that have a column of it
	ndv   []float64 // of each class, the most values it can have
	sizes map[uint64]float64
}

// orderedCond is a condition that is no equality of columns.
type orderedCond struct {
	e      plan.Expr
	leaves uint64
	part   float64
	edge   bool // an equality of expressions over different leaves
}

// measure looks at the leaves; false where a size is not known, or there are
// too many of them.
func (o *joinOrder) measure(c *cardinality) bool {
	if len(o.t.leaves) > 63 {
		return false
	}
	o.sizes = make(map[uint64]float64)
	for _, leaf := range o.t.leaves {
		rows, known := c.rows(leaf)
		if !known {
			return false
		}
		o.rows, o.bases = append(o.rows, rows), append(o.bases, c.base(leaf))
	}
	for _, class := range o.t.classes {
		set, ndv := uint64(0), math.Inf(1)
		for _, col := range class {
			leaf := o.t.leafOf(col.Index)
			set |= 1 << leaf
			ndv = math.Min(ndv, o.bases[leaf])
		}
		o.reach, o.ndv = append(o.reach, set), append(o.ndv, ndv)
	}
	for _, e := range o.t.conds {
		if _, _, ok := columnEquality(e); ok {
			continue
		}
		cond := orderedCond{e: e, part: selectivity(e)}
		plan.EachColumn(e, func(r plan.Ref) { cond.leaves |= 1 << o.t.leafOf(r.Index) })
		if call, ok := e.(*plan.Call); ok && call.Op == "=" && bits.OnesCount64(cond.leaves) > 1 {
			cond.edge = true
			cond.part = 1 / math.Max(1, math.Min(o.least(cond.leaves), unknownRows))
		}
		o.conds = append(o.conds, cond)
	}
	return true
}

func (o *joinOrder) least(set uint64) float64 {
	least := math.Inf(1)
	for ; set != 0; set &= set - 1 {
		least = math.Min(least, o.bases[bits.TrailingZeros64(set)])
	}
	return least
}

// joined is how many rows the leaves of a set have together: the last one joined
// to the others, which come first.
func (o *joinOrder) joined(rest uint64, leaf int, rows float64) float64 {
	set := rest | 1<<leaf
	if n, ok := o.sizes[set]; ok {
		return n
	}
	values, keys := 1.0, 0
	for i, reach := range o.reach {
		if reach&(1<<leaf) != 0 && reach&rest != 0 {
			values *= o.ndv[i]
			keys++
		}
	}
	if keys > 1 {
		// Columns that are a key together have no more values than it has rows.
		values = math.Min(values, math.Max(1, math.Min(o.bases[leaf], rows)))
	}
	n := rows * o.rows[leaf] / math.Max(1, values)
	for _, c := range o.conds {
		if c.leaves&set == c.leaves && c.leaves&rest != c.leaves && c.leaves != 1<<leaf {
			n *= c.part
		}
	}
	n = math.Max(1, n)
	o.sizes[set] = n
	return n
}

// connected reports whether a condition ties a leaf to a set.
func (o *joinOrder) connected(rest uint64, leaf int) bool {
	for _, reach := range o.reach {
		if reach&(1<<leaf) != 0 && reach&rest != 0 {
			return true
		}
	}
	for _, c := range o.conds {
		if c.edge && c.leaves&(1<<leaf) != 0 && c.leaves&^(rest|1<<leaf) == 0 {
			return true
		}
	}
	return false
}

// step is the cost of joining a leaf to rows: the smaller side is kept, the
// other one looks it up, and what comes out is passed on.
func step(rows, leaf, out float64) float64 {
	return 2*math.Min(rows, leaf) + math.Max(rows, leaf) + out
}

// crossed is what a join without a condition costs: each pair is made.
const crossed = 10

func (o *joinOrder) next(rest uint64, leaf int, rows float64) (out, cost float64) {
	out = o.joined(rest, leaf, rows)
	cost = step(rows, o.rows[leaf], out)
	if !o.connected(rest, leaf) {
		cost += crossed * rows * o.rows[leaf]
	}
	return out, cost
}

// cost is what an order costs in all.
func (o *joinOrder) cost(order []int) float64 {
	rows, set, sum := o.rows[order[0]], uint64(1)<<order[0], 0.0
	for _, leaf := range order[1:] {
		out, cost := o.next(set, leaf, rows)
		rows, sum, set = out, sum+cost, set|1<<leaf
	}
	return sum
}

// best is the cheapest order of all where there are few leaves, else a cheap one.
func (o *joinOrder) best() []int {
	if len(o.rows) > orderedLeaves {
		return o.greedy()
	}
	type state struct {
		cost, rows float64
		last       int
	}
	all := uint64(1)<<len(o.rows) - 1
	states := make([]state, all+1)
	for set := uint64(1); set <= all; set++ {
		s := state{cost: math.Inf(1)}
		if set&(set-1) == 0 {
			s.last = bits.TrailingZeros64(set)
			s.cost, s.rows = 0, o.rows[s.last]
			states[set] = s
			continue
		}
		for left := set; left != 0; left &= left - 1 {
			leaf := bits.TrailingZeros64(left)
			before := states[set&^(1<<leaf)]
			out, cost := o.next(set&^(1<<leaf), leaf, before.rows)
			if cost += before.cost; cost < s.cost {
				s = state{cost: cost, rows: out, last: leaf}
			}
		}
		states[set] = s
	}
	order := make([]int, len(o.rows))
	for i, set := len(order)-1, all; i >= 0; i-- {
		order[i] = states[set].last
		set &^= 1 << order[i]
	}
	return order
}

// greedy begins with the smallest leaf and takes the cheapest next one.
func (o *joinOrder) greedy() []int {
	first := 0
	for i, rows := range o.rows {
		if rows < o.rows[first] {
			first = i
		}
	}
	order, set, rows := []int{first}, uint64(1)<<first, o.rows[first]
	for len(order) < len(o.rows) {
		pick, least, size := -1, math.Inf(1), 0.0
		for leaf := range o.rows {
			if set&(1<<leaf) != 0 {
				continue
			}
			if out, cost := o.next(set, leaf, rows); pick < 0 || cost < least {
				pick, least, size = leaf, cost, out
			}
		}
		order, set, rows = append(order, pick), set|1<<pick, size
	}
	return order
}
