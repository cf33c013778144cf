package plan

// mapExprs maps the expressions of n that are over Input's row into c, a copy of
// it. Those of Rules, Conflict and Returning are over other rows: see
// MapRowExprs.
func (n *Modify) mapExprs(c *Modify, expr func(Expr) Expr, exprs func([]Expr) []Expr) {
	c.Where, c.New = expr(n.Where), exprs(n.New)
	if n.Actions == nil {
		return
	}
	c.Actions = make([]MergeAction, len(n.Actions))
	for i, a := range n.Actions {
		a.Cond, a.New = expr(a.Cond), exprs(a.New)
		c.Actions[i] = a
	}
}

// MapRowExprs returns n with f applied to its expressions that are not over
// Input's row: rules, ON CONFLICT and RETURNING.
func (n *Modify) MapRowExprs(f func(Expr) Expr) *Modify {
	one := func(e Expr) Expr {
		if e == nil {
			return nil
		}
		return f(e)
	}
	list := func(es []Expr) []Expr {
		if es == nil {
			return nil
		}
		out := make([]Expr, len(es))
		for i, e := range es {
			out[i] = one(e)
		}
		return out
	}
	c := *n
	c.Rules.Generated, c.Rules.Derived = list(n.Rules.Generated), list(n.Rules.Derived)
	checks := func(from []NewRowCheck) []NewRowCheck {
		out := make([]NewRowCheck, len(from))
		for i, k := range from {
			out[i] = NewRowCheck{Name: k.Name, Expr: one(k.Expr)}
		}
		return out
	}
	c.Rules.Checks, c.Rules.Views = checks(n.Rules.Checks), checks(n.Rules.Views)
	if n.Conflict != nil {
		x := *n.Conflict
		x.New, x.Where = list(x.New), one(x.Where)
		c.Conflict = &x
	}
	c.Returning = list(n.Returning)
	return &c
}

func (a *IndexAccess) mapExprs(expr func(Expr) Expr, exprs func([]Expr) []Expr) *IndexAccess {
	if a == nil {
		return nil
	}
	c := *a
	c.Eq, c.Any, c.Array, c.Conds = exprs(a.Eq), exprs(a.Any), expr(a.Array), exprs(a.Conds)
	bound := func(b *KeyBound) *KeyBound {
		if b == nil {
			return nil
		}
		return &KeyBound{Value: expr(b.Value), Inclusive: b.Inclusive}
	}
	c.Low, c.High = bound(a.Low), bound(a.High)
	return &c
}
