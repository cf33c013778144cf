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
	return mapLevel(e, f)
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
	eachLevel(e, f)
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
	return mapFree(n, 0, func(o *Outer, out int) Expr {
		if out == depth {
			return f(o)
		}
		return o
	})
}

// FreeRefs are the columns of enclosing queries' rows that a tree refers to, each
// once; Depth counts from the tree (1: the next row out).
func FreeRefs(n Node) []Outer {
	var all []Outer
	seen := map[[2]int]bool{}
	mapFree(n, 0, func(o *Outer, out int) Expr {
		if at := [2]int{out, o.Index}; !seen[at] {
			seen[at] = true
			ref := *o
			ref.Depth = out
			all = append(all, ref)
		}
		return o
	})
	return all
}

// Volatile reports whether a tree, or a subquery in it, calls a function whose
// result is another each time.
func Volatile(n Node) bool {
	found := false
	WalkAll(n, func(n Node) {
		EachExpr(n, func(e Expr) {
			found = found || Any(e, func(x Expr) bool {
				c, ok := x.(*Call)
				return ok && c.Func.Volatility == 'v'
			})
		})
		if f, ok := n.(*FunctionScan); ok {
			for _, c := range f.Calls {
				found = found || c.Func != nil && c.Func.Volatility == 'v'
			}
		}
	})
	return found
}

// Lift takes the tree n, which does not refer to the next row out, out of that
// level: what it refers to further out comes one nearer.
func Lift(n Node) Node {
	return mapFree(n, 0, func(o *Outer, out int) Expr {
		if out < 2 {
			return o
		}
		c := *o
		c.Depth--
		return &c
	})
}

// mapFree applies f to the references that leave the tree; level counts the
// levels between the tree's root and n, out is how far outside the root the row is.
func mapFree(n Node, level int, f func(o *Outer, out int) Expr) Node {
	inputs := 0
	return MapNode(n, func(e Expr) Expr {
		return mapFreeExpr(e, level, f)
	}, func(in Node) Node {
		l := level
		if j, ok := n.(*Join); ok && j.Lateral && inputs == 1 {
			l++
		}
		inputs++
		return mapFree(in, l, f)
	})
}

// Deepen makes an expression over a row one that stands a level inside that row:
// its columns become Outer.
func Deepen(e Expr) Expr {
	e = mapFreeExpr(e, -1, func(o *Outer, _ int) Expr {
		c := *o
		c.Depth++
		return &c
	})
	return Rewrite(e, func(x Expr) Expr {
		if c, ok := x.(*Column); ok {
			return &Outer{Depth: 1, Index: c.Index, Typ: c.Typ, Name: c.Name, Rel: c.Rel}
		}
		return x
	})
}

// MapFree applies f to what e refers to of the rows around its own: out is how
// many levels out of e's own row, o.Depth-out how many levels inside e o stands.
func MapFree(e Expr, f func(o *Outer, out int) Expr) Expr {
	if e == nil {
		return nil
	}
	return mapFreeExpr(e, 0, f)
}

func mapFreeExpr(e Expr, level int, f func(o *Outer, out int) Expr) Expr {
	if o, ok := e.(*Outer); ok && o.Depth > level {
		return f(o, o.Depth-level)
	}
	e = MapExpr(e, func(x Expr) Expr { return mapFreeExpr(x, level, f) })
	if s, ok := e.(*Subquery); ok && s.Correlated {
		if in := mapFree(s.Input, level+1, f); in != s.Input {
			c := *s
			c.Input = in
			return &c
		}
	}
	return e
}

func mapLevel(e Expr, f func(*Column) Expr) Expr {
	if c, ok := e.(*Column); ok {
		return f(c)
	}
	e = MapExpr(e, func(x Expr) Expr { return mapLevel(x, f) })
	if s, ok := e.(*Subquery); ok && s.Correlated {
		in := MapOuter(s.Input, 1, func(o *Outer) Expr {
			to, ok := f(&Column{Index: o.Index, Typ: o.Typ, Name: o.Name, Rel: o.Rel}).(*Column)
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

func eachLevel(e Expr, f func(Ref)) {
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
