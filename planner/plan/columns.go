package plan

// Ref is a reference to a column of the row that an expression is evaluated
// over: a *Column of its own, or an *Outer inside one of its subqueries.
type Ref struct {
	Index int
	Inner bool // an Outer in a subquery: it can only become another index
}

// MapColumns returns e with its references to its own row replaced by f. For a
// reference out of a subquery only the Index of the *Column that f returns is
// used; f must return a *Column there.
func MapColumns(e Expr, f func(*Column) Expr) Expr {
	if e == nil {
		return nil
	}
	return mapLevel(e, 0, f)
}

// Shift adds n to every column of e's own row.
func Shift(e Expr, n int) Expr {
	if n == 0 {
		return e
	}
	return MapColumns(e, func(c *Column) Expr {
		moved := *c
		moved.Index += n
		return &moved
	})
}

// EachColumn calls f with each reference of e to its own row.
func EachColumn(e Expr, f func(Ref)) {
	if e == nil {
		return
	}
	eachLevel(e, 0, f)
}

// HasOuter reports whether e refers to rows of enclosing queries.
func HasOuter(e Expr) bool {
	found := false
	if e != nil {
		outerIn(e, 0, &found)
	}
	return found
}

// MapOuter applies f to what the tree n refers to of the row depth levels out
// of it (1: the next).
func MapOuter(n Node, depth int, f func(*Outer) Expr) Node {
	right := depth
	if j, ok := n.(*Join); ok && j.Lateral {
		right = depth + 1
	}
	first := true
	return MapNode(n, func(e Expr) Expr {
		return mapOuterExpr(e, depth, f)
	}, func(in Node) Node {
		d := depth
		if _, ok := n.(*Join); ok && !first {
			d = right
		}
		first = false
		return MapOuter(in, d, f)
	})
}

func mapOuterExpr(e Expr, depth int, f func(*Outer) Expr) Expr {
	if o, ok := e.(*Outer); ok && o.Depth == depth {
		return f(o)
	}
	e = MapExpr(e, func(x Expr) Expr { return mapOuterExpr(x, depth, f) })
	if s, ok := e.(*Subquery); ok {
		if in := MapOuter(s.Input, depth+1, f); in != s.Input {
			c := *s
			c.Input = in
			return &c
		}
	}
	return e
}

func mapLevel(e Expr, level int, f func(*Column) Expr) Expr {
	if c, ok := e.(*Column); ok {
		return f(c)
	}
	e = MapExpr(e, func(x Expr) Expr { return mapLevel(x, level, f) })
	if s, ok := e.(*Subquery); ok && s.Correlated {
		in := MapOuter(s.Input, 1, func(o *Outer) Expr {
			to, ok := f(&Column{Index: o.Index, Typ: o.Typ, Name: o.Name}).(*Column)
			if !ok || to.Index == o.Index {
				return o
			}
			c := *o
			c.Index = to.Index
			return &c
		})
		if in != s.Input {
			c := *s
			c.Input = in
			return &c
		}
	}
	return e
}

func eachLevel(e Expr, level int, f func(Ref)) {
	Walk(e, func(x Expr) bool {
		switch x := x.(type) {
		case *Column:
			f(Ref{Index: x.Index})
		case *Subquery:
			if x.Correlated {
				MapOuter(x.Input, 1, func(o *Outer) Expr {
					f(Ref{Index: o.Index, Inner: true})
					return o
				})
			}
		}
		return true
	})
}

func outerIn(e Expr, level int, found *bool) {
	Walk(e, func(x Expr) bool {
		switch x := x.(type) {
		case *Outer:
			*found = *found || x.Depth > level
		case *Subquery:
			outerInNode(x.Input, level+1, found)
		}
		return !*found
	})
}

func outerInNode(n Node, level int, found *bool) {
	EachExpr(n, func(e Expr) { outerIn(e, level, found) })
	for i, in := range n.Inputs() {
		l := level
		if j, ok := n.(*Join); ok && j.Lateral && i == 1 {
			l++
		}
		outerInNode(in, l, found)
	}
}

// NodeHasOuter reports whether the tree refers to rows of enclosing queries.
func NodeHasOuter(n Node) bool {
	found := false
	outerInNode(n, 0, &found)
	return found
}
