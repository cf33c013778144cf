package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// joinTree is a tree of inner joins laid flat: its leaves in the order in which
// they are written, and the conditions over the row of all of them.
type joinTree struct {
	leaves  []plan.Node
	offsets []int // of each leaf's first column
	conds   []plan.Expr
	classes [][]*plan.Column // columns that are equal, of one type
	equals  []*plan.Call     // the equality of each class
}

func innerJoin(j *plan.Join) bool {
	return j.Kind == plan.JoinInner && !j.Lateral && len(j.LeftKeys) == 0
}

func flatten(j *plan.Join) *joinTree {
	t := &joinTree{}
	t.add(j, 0)
	for _, c := range t.conds {
		if a, b, ok := columnEquality(c); ok {
			t.join(a, b, c.(*plan.Call))
		}
	}
	return t
}

func (t *joinTree) add(n plan.Node, base int) {
	j, ok := n.(*plan.Join)
	if !ok || !innerJoin(j) {
		t.leaves, t.offsets = append(t.leaves, n), append(t.offsets, base)
		return
	}
	t.add(j.Left, base)
	t.add(j.Right, base+len(j.Left.Schema()))
	for _, c := range conjuncts(j.Cond) {
		t.conds = append(t.conds, plan.Shift(c, base))
	}
}

// columnEquality takes a condition a = b of two columns of one type apart.
func columnEquality(c plan.Expr) (a, b *plan.Column, ok bool) {
	call, is := c.(*plan.Call)
	if !is || call.Op != "=" || len(call.Args) != 2 {
		return nil, nil, false
	}
	a, aok := plainColumn(call.Args[0])
	b, bok := plainColumn(call.Args[1])
	return a, b, aok && bok && a.Typ.OID == b.Typ.OID && !measured(a.Typ.OID)
}

// join makes one class of two columns'.
func (t *joinTree) join(a, b *plan.Column, eq *plan.Call) {
	at, from := t.classOf(a.Index), t.classOf(b.Index)
	switch {
	case at < 0 && from < 0:
		t.classes, t.equals = append(t.classes, []*plan.Column{a, b}), append(t.equals, eq)
	case from < 0:
		t.classes[at] = append(t.classes[at], b)
	case at < 0:
		t.classes[from] = append(t.classes[from], a)
	case at != from:
		t.classes[at] = append(t.classes[at], t.classes[from]...)
		t.classes = append(t.classes[:from], t.classes[from+1:]...)
		t.equals = append(t.equals[:from], t.equals[from+1:]...)
	}
}

// classOf is the number of a column's class, -1 for none.
func (t *joinTree) classOf(index int) int {
	for i, class := range t.classes {
		for _, c := range class {
			if c.Index == index {
				return i
			}
		}
	}
	return -1
}

// class are the columns that equal one.
func (t *joinTree) class(index int) []*plan.Column {
	if i := t.classOf(index); i >= 0 {
		return t.classes[i]
	}
	return nil
}

// leafOf is the leaf that a column of the whole row belongs to.
func (t *joinTree) leafOf(index int) int {
	for i := len(t.offsets) - 1; i > 0; i-- {
		if index >= t.offsets[i] {
			return i
		}
	}
	return 0
}

// rebuild is the tree as it was written, with the leaves that t has now.
func (t *joinTree) rebuild(n plan.Node, next *int) plan.Node {
	j, ok := n.(*plan.Join)
	if !ok || !innerJoin(j) {
		*next++
		return t.leaves[*next-1]
	}
	out := *j
	out.Left = t.rebuild(j.Left, next)
	out.Right = t.rebuild(j.Right, next)
	return &out
}

// within reports whether an expression reads columns of [from, to) alone.
func within(e plan.Expr, from, to int) bool {
	ok := true
	plan.EachColumn(e, func(r plan.Ref) { ok = ok && r.Index >= from && r.Index < to })
	return ok
}
