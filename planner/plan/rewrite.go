package plan

// MapExpr returns e with f applied to each direct child; e itself where no
// child changed. The Input of a Subquery is not a child.
func MapExpr(e Expr, f func(Expr) Expr) Expr {
	one := func(x Expr, changed *bool) Expr {
		if x == nil {
			return nil
		}
		y := f(x)
		if y != x {
			*changed = true
		}
		return y
	}
	list := func(xs []Expr, changed *bool) []Expr {
		var out []Expr
		for i, x := range xs {
			y := one(x, changed)
			if y != x && out == nil {
				out = append(make([]Expr, 0, len(xs)), xs[:i]...)
			}
			if out != nil {
				out = append(out, y)
			}
		}
		if out == nil {
			return xs
		}
		return out
	}
	changed := false
	switch e := e.(type) {
	case *Call:
		c := *e
		c.Args = list(e.Args, &changed)
		return pick(changed, c, e)
	case *Cast:
		c := *e
		c.Arg = one(e.Arg, &changed)
		return pick(changed, c, e)
	case *And:
		c := And{Args: list(e.Args, &changed)}
		return pick(changed, c, e)
	case *Or:
		c := Or{Args: list(e.Args, &changed)}
		return pick(changed, c, e)
	case *Not:
		c := Not{Arg: one(e.Arg, &changed)}
		return pick(changed, c, e)
	case *IsNull:
		c := *e
		c.Arg = one(e.Arg, &changed)
		return pick(changed, c, e)
	case *IsBool:
		c := *e
		c.Arg = one(e.Arg, &changed)
		return pick(changed, c, e)
	case *Case:
		c := *e
		c.Whens = cases(e.Whens, func(x Expr) Expr { return one(x, &changed) })
		c.Else = one(e.Else, &changed)
		return pick(changed, c, e)
	case *Coalesce:
		c := *e
		c.Args = list(e.Args, &changed)
		return pick(changed, c, e)
	case *NullIf:
		c := *e
		c.Left, c.Right, c.Eq = one(e.Left, &changed), one(e.Right, &changed), one(e.Eq, &changed)
		return pick(changed, c, e)
	case *MinMax:
		c := *e
		c.Args = list(e.Args, &changed)
		return pick(changed, c, e)
	case *Distinct:
		c := *e
		c.Left, c.Right, c.Eq = one(e.Left, &changed), one(e.Right, &changed), one(e.Eq, &changed)
		return pick(changed, c, e)
	case *In:
		c := *e
		c.Arg, c.List = one(e.Arg, &changed), list(e.List, &changed)
		return pick(changed, c, e)
	case *AnyAll:
		c := *e
		c.Arg, c.Array = one(e.Arg, &changed), one(e.Array, &changed)
		return pick(changed, c, e)
	case *ArrayOf:
		c := *e
		c.Items = list(e.Items, &changed)
		return pick(changed, c, e)
	case *Subscript:
		c := *e
		c.Arg = one(e.Arg, &changed)
		c.Items = make([]Index, len(e.Items))
		for i, x := range e.Items {
			c.Items[i] = Index{Slice: x.Slice, Lower: one(x.Lower, &changed), Upper: one(x.Upper, &changed)}
		}
		return pick(changed, c, e)
	case *Assign:
		c := *e
		c.Arg, c.Value = one(e.Arg, &changed), one(e.Value, &changed)
		c.Items = make([]Index, len(e.Items))
		for i, x := range e.Items {
			c.Items[i] = Index{Slice: x.Slice, Lower: one(x.Lower, &changed), Upper: one(x.Upper, &changed)}
		}
		return pick(changed, c, e)
	case *Row:
		c := *e
		c.Items, c.Present = list(e.Items, &changed), one(e.Present, &changed)
		return pick(changed, c, e)
	case *FieldOf:
		c := *e
		c.Arg = one(e.Arg, &changed)
		return pick(changed, c, e)
	case *Subquery:
		c := *e
		c.Left = list(e.Left, &changed)
		return pick(changed, c, e)
	}
	return e
}

// pick allocates what is fresh only where it is wanted: most of what is walked
// does not change.
func pick[T any, P interface {
	*T
	Expr
}](changed bool, fresh T, old P) Expr {
	if !changed {
		return old
	}
	out := fresh
	return P(&out)
}

// pickNode is pick for nodes.
func pickNode[T any, P interface {
	*T
	Node
}](changed bool, fresh T, old P) Node {
	if !changed {
		return old
	}
	out := fresh
	return P(&out)
}

// cases are the arms of a Case, mapped; the same slice where none changed.
func cases(whens []When, one func(Expr) Expr) []When {
	var out []When
	for i, w := range whens {
		x := When{Cond: one(w.Cond), Then: one(w.Then)}
		if x != w && out == nil {
			out = append(make([]When, 0, len(whens)), whens[:i]...)
		}
		if out != nil {
			out = append(out, x)
		}
	}
	if out == nil {
		return whens
	}
	return out
}

// Rewrite applies f bottom-up to every expression of e.
func Rewrite(e Expr, f func(Expr) Expr) Expr {
	return f(MapExpr(e, func(x Expr) Expr { return Rewrite(x, f) }))
}

// Walk calls f for e and, where f returns true, for what is inside it. The
// Input of a Subquery is not entered.
func Walk(e Expr, f func(Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	MapExpr(e, func(x Expr) Expr {
		Walk(x, f)
		return x
	})
}

// Any reports whether f holds for e or anything inside it.
func Any(e Expr, f func(Expr) bool) bool {
	found := false
	Walk(e, func(x Expr) bool {
		found = found || f(x)
		return !found
	})
	return found
}

// MapNode returns n with fe applied to each of its own expressions and fn to
// each of its inputs; n itself where nothing changed.
func MapNode(n Node, fe func(Expr) Expr, fn func(Node) Node) Node {
	changed := false
	expr := func(x Expr) Expr {
		if x == nil {
			return nil
		}
		y := fe(x)
		changed = changed || y != x
		return y
	}
	exprs := func(xs []Expr) []Expr {
		var out []Expr
		for i, x := range xs {
			y := expr(x)
			if y != x && out == nil {
				out = append(make([]Expr, 0, len(xs)), xs[:i]...)
			}
			if out != nil {
				out = append(out, y)
			}
		}
		if out == nil {
			return xs
		}
		return out
	}
	keys := func(ks []SortKey) []SortKey {
		var out []SortKey
		for i, k := range ks {
			y := expr(k.Expr)
			if y != k.Expr && out == nil {
				out = append(make([]SortKey, 0, len(ks)), ks[:i]...)
			}
			if k.Expr = y; out != nil {
				out = append(out, k)
			}
		}
		if out == nil {
			return ks
		}
		return out
	}
	node := func(x Node) Node {
		if x == nil {
			return nil
		}
		y := fn(x)
		changed = changed || y != x
		return y
	}
	switch n := n.(type) {
	case *Scan:
		c := *n
		c.Filters = exprs(n.Filters)
		c.FromTime, c.UntilTime = expr(n.FromTime), expr(n.UntilTime)
		c.FromOffset, c.UntilOffset = expr(n.FromOffset), expr(n.UntilOffset)
		c.Partition, c.Watermark = expr(n.Partition), expr(n.Watermark)
		c.Access, c.Current = n.Access.mapExprs(expr, exprs), n.Current.mapExprs(expr)
		return pickNode(changed, c, n)
	case *Modify:
		c := *n
		c.Input = node(n.Input)
		n.mapExprs(&c, expr, exprs)
		return pickNode(changed, c, n)
	case *LockRows:
		c := *n
		c.Input, c.Where = node(n.Input), expr(n.Where)
		return pickNode(changed, c, n)
	case *Values:
		c := *n
		c.Rows = make([][]Expr, len(n.Rows))
		for i, r := range n.Rows {
			c.Rows[i] = exprs(r)
		}
		return pickNode(changed, c, n)
	case *FunctionScan:
		c := *n
		c.Calls = make([]FunctionCall, len(n.Calls))
		for i, f := range n.Calls {
			f.Args, f.Value = exprs(f.Args), expr(f.Value)
			c.Calls[i] = f
		}
		return pickNode(changed, c, n)
	case *Filter:
		c := Filter{Input: node(n.Input), Cond: expr(n.Cond)}
		return pickNode(changed, c, n)
	case *Project:
		c := Project{Input: node(n.Input), Exprs: exprs(n.Exprs), Fields: n.Fields}
		return pickNode(changed, c, n)
	case *ProjectSet:
		c := ProjectSet{Input: node(n.Input), Exprs: exprs(n.Exprs), Fields: n.Fields}
		return pickNode(changed, c, n)
	case *GroupingSets:
		c := *n
		c.Input, c.Keys = node(n.Input), exprs(n.Keys)
		return pickNode(changed, c, n)
	case *AggregateNode:
		c := *n
		c.Input, c.Keys = node(n.Input), exprs(n.Keys)
		c.Calls = make([]AggCall, len(n.Calls))
		for i, a := range n.Calls {
			a.Args, a.Filter, a.OrderBy = exprs(a.Args), expr(a.Filter), keys(a.OrderBy)
			c.Calls[i] = a
		}
		return pickNode(changed, c, n)
	case *Exchange:
		c := Exchange{Input: node(n.Input)}
		if n.Keys != nil {
			c.Keys = exprs(n.Keys)
		}
		return pickNode(changed, c, n)
	case *TimeWindow:
		c := n.mapExprs(node(n.Input), expr, exprs)
		return pickNode(changed, c, n)
	case *Window:
		fresh := n.MapExprs(node(n.Input), expr)
		return pickNode(changed, *fresh, n)
	case *DistinctNode:
		c := *n
		c.Input = node(n.Input)
		if n.On != nil {
			c.On = exprs(n.On)
		}
		return pickNode(changed, c, n)
	case *Sort:
		c := Sort{Input: node(n.Input), Keys: keys(n.Keys)}
		return pickNode(changed, c, n)
	case *Limit:
		c := Limit{Input: node(n.Input), Count: expr(n.Count), Offset: expr(n.Offset), Ties: keys(n.Ties), Changes: n.Changes}
		return pickNode(changed, c, n)
	case *Join:
		c := *n
		c.Left, c.Right = node(n.Left), node(n.Right)
		c.LeftKeys, c.RightKeys, c.Cond = exprs(n.LeftKeys), exprs(n.RightKeys), expr(n.Cond)
		c.Bounds = n.Bounds.mapExprs(expr)
		return pickNode(changed, c, n)
	case *AsOfJoin:
		return pickNode(changed, n.mapExprs(node(n.Left), node(n.Right), expr, exprs), n)
	case *Append:
		c := *n
		c.Children = make([]Node, len(n.Children))
		for i, x := range n.Children {
			c.Children[i] = node(x)
		}
		return pickNode(changed, c, n)
	case *SetOp:
		c := *n
		c.Left, c.Right = node(n.Left), node(n.Right)
		return pickNode(changed, c, n)
	case *CTE:
		c := *n
		c.Query, c.Recursive, c.Body = node(n.Query), node(n.Recursive), node(n.Body)
		return pickNode(changed, c, n)
	}
	return n
}

// WalkNode calls f for n and, where f returns true, for its inputs.
func WalkNode(n Node, f func(Node) bool) {
	if n == nil || !f(n) {
		return
	}
	for _, in := range n.Inputs() {
		WalkNode(in, f)
	}
}

// WalkAll calls f for every node of the tree and of every subquery in its
// expressions.
func WalkAll(n Node, f func(Node)) {
	WalkNode(n, func(n Node) bool {
		f(n)
		EachExpr(n, func(e Expr) {
			Walk(e, func(x Expr) bool {
				if s, ok := x.(*Subquery); ok {
					WalkAll(s.Input, f)
				}
				return true
			})
		})
		return true
	})
}

// EachExpr calls f for each of the node's own expressions.
func EachExpr(n Node, f func(Expr)) {
	MapNode(n, func(e Expr) Expr {
		f(e)
		return e
	}, func(x Node) Node { return x })
}
