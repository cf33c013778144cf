package expr

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// caseNode is CASE: a condition is evaluated for the rows that no arm before
// took, and a value for the rows that its condition took.
type caseNode struct {
	conds []node
	thens []node // one more than conds where there is an ELSE
	out   vec.Vec

	pick []int16
	arms []vec.Vec
	sels [3][]int32
}

func (c *compiler) caseOf(e *plan.Case) (node, error) {
	n := &caseNode{out: newColumn(e.Typ)}
	for _, w := range e.Whens {
		cond, err := c.compile(w.Cond)
		if err != nil {
			return nil, err
		}
		then, err := c.compile(w.Then)
		if err != nil {
			return nil, err
		}
		n.conds, n.thens = append(n.conds, cond), append(n.thens, then)
	}
	last := e.Else
	if last == nil {
		last = &plan.Const{Value: types.NullOf(e.Typ)}
	}
	els, err := c.compile(last)
	if err != nil {
		return nil, err
	}
	n.thens = append(n.thens, els)
	return n, nil
}

func (n *caseNode) eval(r *run, sel []int32) vec.Vec {
	n.pick = picks(n.pick, r.rows)
	n.arms = n.arms[:0]
	left := sel
	spare := 0
	for k, then := range n.thens {
		taken := left
		if k < len(n.conds) && !none(r, left) {
			cond := n.conds[k].eval(r, left)
			yes := selection(&n.sels[2], r.rows)
			no := selection(&n.sels[spare], r.rows)
			spare = 1 - spare
			taken, left = split(r, cond, left, yes, no)
		}
		n.arms = append(n.arms, n.arm(r, then, taken, int16(k)))
	}
	vec.Choose(n.out, n.arms, n.pick, r.rows)
	return n.out
}

// arm evaluates one value for the rows taken.
func (n *caseNode) arm(r *run, then node, taken []int32, k int16) vec.Vec {
	if none(r, taken) {
		return nil
	}
	v := then.eval(r, taken)
	if taken == nil {
		for i := range n.pick {
			n.pick[i] = k
		}
		return v
	}
	for _, row := range taken {
		n.pick[row] = k
	}
	return v
}

// split divides the rows of sel into those for which cond is true and the
// others; rows that failed are in neither.
func split(r *run, cond vec.Vec, sel, yes, no []int32) (taken, left []int32) {
	y, n := 0, 0
	failed := r.errs.Any()
	if b, ok := cond.(*vec.Fixed[bool]); ok && !failed && !b.Nulls().Any() {
		return divide(r, b.Values, sel, yes, no)
	}
	each(r, sel, func(row int) {
		switch {
		case failed && r.errs.Has(row):
		case isTrue(cond, row):
			yes[y] = int32(row)
			y++
		default:
			no[n] = int32(row)
			n++
		}
	})
	return yes[:y], no[:n]
}

// divide is split by booleans of which none is NULL, without a branch.
func divide(r *run, cond []bool, sel, yes, no []int32) (taken, left []int32) {
	y, n := 0, 0
	if sel == nil {
		for i, x := range cond[:r.rows] {
			yes[y], no[n] = int32(i), int32(i)
			y += bit(x)
			n += 1 - bit(x)
		}
		return yes[:y], no[:n]
	}
	for _, row := range sel {
		x := cond[row]
		yes[y], no[n] = row, row
		y += bit(x)
		n += 1 - bit(x)
	}
	return yes[:y], no[:n]
}

// picks returns n picks of nothing.
func picks(buf []int16, n int) []int16 {
	if cap(buf) < n {
		buf = make([]int16, max(n, vec.MaxRows))
	}
	buf = buf[:n]
	for i := range buf {
		buf[i] = -1
	}
	return buf
}

// coalesceNode is COALESCE: an argument is evaluated for the rows for which all
// before it were NULL.
type coalesceNode struct {
	args []node
	out  vec.Vec
	pick []int16
	arms []vec.Vec
	sels [2][]int32
}

func (n *coalesceNode) eval(r *run, sel []int32) vec.Vec {
	n.pick = picks(n.pick, r.rows)
	n.arms = n.arms[:0]
	left := sel
	for k, a := range n.args {
		if none(r, left) {
			break
		}
		v := a.eval(r, left)
		n.arms = append(n.arms, v)
		nulls := v.Nulls()
		next, count := selection(&n.sels[k&1], r.rows), 0
		failed := r.errs.Any()
		each(r, left, func(row int) {
			if failed && r.errs.Has(row) {
				return
			}
			n.pick[row] = int16(k)
			if nulls.Any() && nulls.Get(row) {
				next[count] = int32(row)
				count++
			}
		})
		left = next[:count]
	}
	vec.Choose(n.out, n.arms, n.pick, r.rows)
	return n.out
}

// nullIfNode is NULLIF.
type nullIfNode struct {
	left, eq node
	out      vec.Vec
	pick     []int16
	arms     [2]vec.Vec
}

func (c *compiler) nullIf(e *plan.NullIf) (node, error) {
	args, err := c.all([]plan.Expr{e.Left, e.Eq})
	if err != nil {
		return nil, err
	}
	null := newConst(types.NullOf(e.Typ))
	return &nullIfNode{left: args[0], eq: args[1], out: newColumn(e.Typ), arms: [2]vec.Vec{nil, null.c}}, nil
}

func (n *nullIfNode) eval(r *run, sel []int32) vec.Vec {
	left := n.left.eval(r, sel)
	eq := n.eq.eval(r, sel)
	n.pick = picks(n.pick, r.rows)
	n.arms[0] = left
	n.arms[1].(*vec.Const).SetLen(r.rows)
	each(r, sel, func(row int) {
		n.pick[row] = 0
		if isTrue(eq, row) {
			n.pick[row] = 1
		}
	})
	vec.Choose(n.out, n.arms[:], n.pick, r.rows)
	return n.out
}

// minMaxNode is GREATEST or LEAST.
type minMaxNode struct {
	args     []node
	greatest bool
	typ      types.Type
	out      vec.Vec
	pick     []int16
	arms     []vec.Vec
}

func (n *minMaxNode) eval(r *run, sel []int32) vec.Vec {
	n.arms = n.arms[:0]
	for _, a := range n.args {
		n.arms = append(n.arms, a.eval(r, sel))
	}
	n.pick = picks(n.pick, r.rows)
	each(r, sel, func(row int) {
		best := 0
		for k := 1; k < len(n.arms); k++ {
			if n.better(k, best, row) {
				best = k
			}
		}
		n.pick[row] = int16(best)
	})
	vec.Choose(n.out, n.arms, n.pick, r.rows)
	return n.out
}

// better reports whether argument k of a row wins over argument best.
func (n *minMaxNode) better(k, best, row int) bool {
	switch {
	case n.arms[k].Nulls().Get(row):
		return false
	case n.arms[best].Nulls().Get(row):
		return true
	}
	c := vec.Compare(n.arms[k], row, n.arms[best], row, n.typ)
	if n.greatest {
		return c > 0
	}
	return c < 0
}
