package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// join builds a join. One whose right side ends keeps it and reads it first; in a
// live query others are kept up to date from both sides.
func (b *builder) join(t *tree, n *plan.Join, to target) error {
	if n.Lookup != nil && n.Lookup.Index != nil {
		return b.indexJoin(t, n, to)
	}
	switch {
	case !b.live:
	case n.Bounds != nil:
		return b.intervalJoin(t, n, to)
	case keepsBoth(n):
		return b.changesJoin(t, n, to)
	case n.Lookup != nil:
		return b.askingJoin(t, n, to)
	default:
		if s := asOfNow(n); s != nil {
			return b.lookupJoin(t, n, s, to)
		}
	}
	if n.Bounds != nil {
		return sqlerr.Errorf(sqlerr.InternalError, "an interval join in a query that ends")
	}
	whole := plan.Derive(n).Bounded
	spec := operator.JoinSpec{Kind: n.Kind, LeftTypes: schemaTypes(n.Left), RightTypes: schemaTypes(n.Right), Account: b.spiller(t, n), Passing: b.live && !whole, Fault: b.fault}
	var err error
	if n.Cond != nil {
		if spec.Cond, err = b.compile(n.Cond); err != nil {
			return err
		}
	}
	if n.Lateral {
		right := b.subplan(n.Right)
		return b.operator(t, n, operator.NewLateral(spec, right), to, input{n.Left, operator.JoinLeft})
	}
	if spec.LeftKeys, err = b.compileAll(n.LeftKeys); err != nil {
		return err
	}
	if spec.RightKeys, err = b.compileAll(n.RightKeys); err != nil {
		return err
	}
	for _, k := range n.LeftKeys {
		spec.KeyTypes = append(spec.KeyTypes, k.Type())
	}
	// The right input is kept, so it is read first, and to its end.
	place := &node{op: operator.NewJoin(spec), plan: n, to: to, open: 2, inputs: 2}
	right := b.bounded()
	right.again = right.again || b.live && !whole
	if err := right.node(t, n.Right, target{node: place, input: operator.JoinRight, tree: t}); err != nil {
		return err
	}
	left := b
	if plan.Derive(n.Left).Bounded {
		left = b.bounded()
	}
	if err := left.node(t, n.Left, target{node: place, input: operator.JoinLeft, tree: t}); err != nil {
		return err
	}
	t.nodes = append(t.nodes, place)
	return nil
}

// keepsBoth reports whether a join of a live query keeps the rows of both sides.
func keepsBoth(n *plan.Join) bool {
	if n.Bounds != nil || n.Lateral {
		return !n.Lateral
	}
	outer := n.Kind == plan.JoinRight || n.Kind == plan.JoinFull
	return !plan.Derive(n.Right).Bounded || outer && !plan.Derive(n.Left).Bounded
}

// bounded builds what ends.
func (b *builder) bounded() *builder {
	c := *b
	c.live = false
	return &c
}

// sides builds the inputs of a join that takes both as they come; one that ends
// is read first.
func (b *builder) sides(t *tree, place *node, inputs ...input) error {
	for _, in := range inputs {
		side := b
		if plan.Derive(in.node).Bounded {
			side = b.bounded()
		}
		if err := side.node(t, in.node, target{node: place, input: in.number, tree: t}); err != nil {
			_ = place.op.Close() // it has not run
			return err
		}
	}
	t.nodes = append(t.nodes, place)
	return nil
}

// joinPrograms compiles the keys of both sides and the condition.
func (b *builder) joinPrograms(left, right []plan.Expr, on plan.Expr) (keys [2][]*expr.Program, cond *expr.Program, err error) {
	if keys[0], err = b.compileAll(left); err != nil {
		return keys, nil, err
	}
	if keys[1], err = b.compileAll(right); err != nil {
		return keys, nil, err
	}
	if on != nil {
		cond, err = b.compile(on)
	}
	return keys, cond, err
}

// joinAccount is the account of a join whose rows do not end: they are evicted by their keys.
func (b *builder) joinAccount(t *tree, n *plan.Join) *memory.Account {
	if len(n.LeftKeys) == 0 {
		return b.account
	}
	return b.evicter(t, n)
}

func (b *builder) intervalJoin(t *tree, n *plan.Join, to target) error {
	spec := operator.IntervalJoinSpec{Kind: n.Kind, Before: n.Bounds.Before, After: n.Bounds.After, Infinite: n.Bounds.Infinite, Account: b.joinAccount(t, n), Fault: b.fault}
	spec.Types[0], spec.Types[1] = schemaTypes(n.Left), schemaTypes(n.Right)
	var err error
	if spec.Keys, spec.Cond, err = b.joinPrograms(n.LeftKeys, n.RightKeys, n.Cond); err != nil {
		return err
	}
	for i, e := range []plan.Expr{n.Bounds.Left, n.Bounds.Right} {
		if spec.Times[i], err = b.compile(e); err != nil {
			return err
		}
	}
	for _, k := range n.LeftKeys {
		spec.KeyTypes = append(spec.KeyTypes, k.Type())
	}
	place := &node{op: operator.NewIntervalJoin(spec), plan: n, to: to, open: 2, inputs: 2, delay: n.Bounds.Delay}
	return b.sides(t, place, input{n.Left, operator.JoinLeft}, input{n.Right, operator.JoinRight})
}

func (b *builder) asOfJoin(t *tree, n *plan.AsOfJoin, to target) error {
	spec := operator.AsOfJoinSpec{Kind: n.Kind, KeyTypes: exprTypes(n.LeftKeys), Account: b.account, Fault: b.fault}
	if b.live && len(n.LeftKeys) > 0 {
		spec.Account = b.evicter(t, n)
	}
	spec.Types[0], spec.Types[1] = schemaTypes(n.Left), schemaTypes(n.Right)
	var err error
	if spec.Keys, spec.Cond, err = b.joinPrograms(n.LeftKeys, n.RightKeys, n.Cond); err != nil {
		return err
	}
	for i, e := range []plan.Expr{n.LeftTime, n.RightTime} {
		if spec.Times[i], err = b.compile(e); err != nil {
			return err
		}
	}
	place := &node{op: operator.NewAsOfJoin(spec), plan: n, to: to, open: 2, inputs: 2, ends: !b.live}
	return b.sides(t, place, input{n.Right, operator.JoinRight}, input{n.Left, operator.JoinLeft})
}

func (b *builder) changesJoin(t *tree, n *plan.Join, to target) error {
	spec := operator.ChangesJoinSpec{Kind: n.Kind, Forgets: n.Forgets, Account: b.joinAccount(t, n), Fault: b.fault}
	for i, in := range []plan.Node{n.Left, n.Right} {
		spec.Types[i] = schemaTypes(in)
		p := plan.Derive(in)
		spec.AppendOnly[i] = p.AppendOnly || p.Bounded
	}
	var err error
	if spec.Keys, spec.Cond, err = b.joinPrograms(n.LeftKeys, n.RightKeys, n.Cond); err != nil {
		return err
	}
	for _, k := range n.LeftKeys {
		spec.KeyTypes = append(spec.KeyTypes, k.Type())
	}
	place := &node{op: operator.NewChangesJoin(spec), plan: n, to: to, open: 2, inputs: 2}
	return b.sides(t, place, input{n.Left, operator.JoinLeft}, input{n.Right, operator.JoinRight})
}
