package optimize

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// indexAccess lets a table's scan find its rows by an index: equalities on the
// first keys, then a list of values or a range of the next one. The conditions
// that an access stands for leave the filter. Rows that are wanted in the order of
// an index, the first of them alone, come in that order and are not sorted.
func indexAccess(n plan.Node, env *Env) plan.Node {
	if env.Continuous {
		return n
	}
	if f, ok := n.(*plan.Filter); ok {
		if s, ok := tableScan(f.Input); ok {
			return accessFiltered(f, s, env)
		}
	}
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return indexAccess(in, env) })
	if l, ok := n.(*plan.Limit); ok {
		if in := env.unsorted(l.Input); in != nil {
			out := *l
			out.Input = in
			return &out
		}
	}
	return n
}

// unsorted is a sort's input, where that comes in the order wanted; nil where it
// does not.
func (e *Env) unsorted(n plan.Node) plan.Node {
	switch x := n.(type) {
	case *plan.Sort:
		return e.orderedInput(x.Input, x.Keys)
	case *plan.LockRows:
		if in := e.unsorted(x.Input); in != nil {
			out := *x
			out.Input = in
			return &out
		}
	}
	return nil
}

func tableScan(n plan.Node) (*plan.Scan, bool) {
	s, ok := n.(*plan.Scan)
	return s, ok && s.Relation.Stored()
}

// accessFiltered gives the scan under a filter its access.
func accessFiltered(f *plan.Filter, s *plan.Scan, env *Env) plan.Node {
	if s.Current != nil || s.Access != nil {
		return f
	}
	conds := conjuncts(f.Cond)
	var best *access
	for _, x := range env.indexes(s.Relation) {
		if a := match(x, s, conds, env); a != nil && (best == nil || a.better(best)) {
			best = a
		}
	}
	if best == nil {
		return f
	}
	c := *s
	c.Access = best.found
	var rest []plan.Expr
	for i, e := range conds {
		if best.used[i] {
			c.Access.Conds = append(c.Access.Conds, e)
		}
		if !best.used[i] || best.kept[i] {
			rest = append(rest, e)
		}
	}
	return filter(&c, rest)
}

// access is an IndexAccess that could be, with the conditions that it stands for.
type access struct {
	found *plan.IndexAccess
	used  []bool
	kept  []bool // used, and to be asked all the same
}

// better compares by what narrows the rows most: a whole unique key, then more
// equal keys, then a list, then a range.
func (a *access) better(b *access) bool {
	return slices.Compare(a.rank(), b.rank()) > 0
}

func (a *access) rank() []int {
	x := a.found
	listed, ends, unique := 0, 0, 0
	if x.Any != nil || x.Array != nil {
		listed = 1
	}
	for _, b := range []*plan.KeyBound{x.Low, x.High} {
		if b != nil {
			ends++
		}
	}
	if x.Index.Unique && len(x.Eq)+listed == len(x.Index.Keys) {
		unique = 1
	}
	return []int{unique, len(x.Eq), listed, ends, -len(x.Index.Keys)}
}

// match finds what conditions give an index; nil for nothing.
func match(x *catalog.Index, s *plan.Scan, conds []plan.Expr, env *Env) *access {
	a := &access{found: &plan.IndexAccess{Index: x}, used: make([]bool, len(conds)), kept: make([]bool, len(conds))}
	keys := indexKeys(x, s)
	if keys == nil || !a.covers(x, s, conds) {
		return nil
	}
	for _, k := range keys {
		if e := a.equal(k, conds, env); e != nil {
			a.found.Eq = append(a.found.Eq, e)
			continue
		}
		a.list(k, conds, env)
		if a.found.Any == nil && a.found.Array == nil {
			a.span(k, conds, env)
		}
		break
	}
	if len(a.found.Eq) == 0 && a.found.Any == nil && a.found.Array == nil && a.found.Low == nil && a.found.High == nil {
		return nil
	}
	return a
}

// indexKey is a key of an index as an expression over the scan's row.
type indexKey struct {
	e       plan.Expr
	typ     types.Type
	notNull bool
}

// indexKeys are an index's keys over the scan's row, as far as it has them; nil
// where it has not even the first.
func indexKeys(x *catalog.Index, s *plan.Scan) []indexKey {
	var keys []indexKey
	at := derivedAt(x, s.Relation)
	for _, k := range x.Keys {
		var e plan.Expr
		if k.Column >= 0 {
			i := slices.Index(s.Columns, k.Column)
			if i < 0 {
				break
			}
			e = &plan.Column{Index: i, Typ: s.Fields[i].Type, Name: s.Fields[i].Name}
		} else {
			if at >= len(s.Derived) {
				break
			}
			if e = ofScan(s.Derived[at], s); e == nil {
				break
			}
			at++
		}
		keys = append(keys, indexKey{e, e.Type(), k.Column >= 0 && s.Relation.Columns[k.Column].NotNull})
	}
	return keys
}

// derivedAt is where the derived columns of an index begin among a table's.
func derivedAt(x *catalog.Index, r *catalog.Relation) int {
	at := 0
	for _, y := range r.Table.Indexes {
		if y == x {
			break
		}
		for _, k := range y.Keys {
			if k.Column < 0 {
				at++
			}
		}
		if y.Where != "" {
			at++
		}
	}
	return at
}

// ofScan puts an expression over a table's columns over a scan's row; nil where
// the scan has not all of them.
func ofScan(e plan.Expr, s *plan.Scan) plan.Expr {
	ok := true
	out := plan.MapColumns(e, func(c *plan.Column) plan.Expr {
		i := slices.Index(s.Columns, c.Index)
		if i < 0 {
			ok = false
			return c
		}
		moved := *c
		moved.Index = i
		return &moved
	})
	if !ok {
		return nil
	}
	return out
}

// covers reports whether an index has every row that meets the conditions: a
// partial one does where its predicate is among them.
func (a *access) covers(x *catalog.Index, s *plan.Scan, conds []plan.Expr) bool {
	if x.Where == "" {
		return true
	}
	at := derivedAt(x, s.Relation)
	for _, k := range x.Keys {
		if k.Column < 0 {
			at++
		}
	}
	if at >= len(s.Derived) {
		return false
	}
	predicate := ofScan(s.Derived[at], s)
	if predicate == nil {
		return false
	}
	for _, p := range conjuncts(predicate) {
		if !slices.ContainsFunc(conds, func(c plan.Expr) bool { return plan.Equal(c, p) }) {
			return false
		}
	}
	return true
}

// equal takes key = value.
func (a *access) equal(k indexKey, conds []plan.Expr, env *Env) plan.Expr {
	for i, c := range conds {
		call, ok := c.(*plan.Call)
		if !ok || a.used[i] || len(call.Args) != 2 || call.Op != "=" {
			continue
		}
		if v, _ := keyValue(call, k, env); v != nil {
			a.used[i] = true
			return v
		}
	}
	return nil
}

// list takes key IN (values) and key = ANY (array).
func (a *access) list(k indexKey, conds []plan.Expr, env *Env) {
	for i, c := range conds {
		switch x := c.(type) {
		case *plan.In:
			if a.used[i] || !sameKey(x.Arg, k) {
				continue
			}
			values := make([]plan.Expr, len(x.List))
			for j, e := range x.List {
				if values[j] = asKey(e, k, env); values[j] == nil {
					break
				}
			}
			if slices.Contains(values, nil) {
				continue
			}
			a.found.Any, a.used[i] = values, true
			return
		case *plan.AnyAll:
			if a.used[i] || x.All || x.Name != "=" || !sameKey(x.Arg, k) || !steady(x.Array) {
				continue
			}
			if info := types.Lookup(x.Array.Type().OID); info == nil || info.Elem != k.typ.OID {
				continue
			}
			a.found.Array, a.used[i] = x.Array, true
			return
		}
	}
}

// span takes key < value and its like, one for each end.
func (a *access) span(k indexKey, conds []plan.Expr, env *Env) {
	low, high := -1, -1
	for i, c := range conds {
		call, ok := c.(*plan.Call)
		if !ok || a.used[i] || len(call.Args) != 2 {
			continue
		}
		v, op := keyValue(call, k, env)
		if v == nil {
			continue
		}
		switch op {
		case ">", ">=":
			if a.found.Low == nil {
				a.found.Low, low = &plan.KeyBound{Value: v, Inclusive: op == ">="}, i
			}
		case "<", "<=":
			if a.found.High == nil {
				a.found.High, high = &plan.KeyBound{Value: v, Inclusive: op == "<="}, i
			}
		}
	}
	for _, i := range []int{low, high} {
		if i >= 0 {
			a.used[i] = true
			// A range with one end may reach the NULLs.
			a.kept[i] = !k.notNull && (low < 0 || high < 0)
		}
	}
}

// keyValue takes key op value, either way round, apart; nil where a call is no
// such comparison.
func keyValue(call *plan.Call, k indexKey, env *Env) (plan.Expr, string) {
	if mirrored[call.Op] == "" || !comparison(call) {
		return nil, ""
	}
	if sameKey(call.Args[0], k) {
		return asKey(call.Args[1], k, env), call.Op
	}
	if sameKey(call.Args[1], k) {
		return asKey(call.Args[0], k, env), mirrored[call.Op]
	}
	return nil, ""
}

// sameKey reports whether an operand is the key. A varchar is compared as text.
func sameKey(e plan.Expr, k indexKey) bool {
	if c, ok := e.(*plan.Cast); ok && c.Method == plan.CastRelabel && c.Typ.OID == types.Text && k.typ.OID == types.Varchar {
		e = c.Arg
	}
	if c, ok := e.(*plan.Column); ok {
		kc, ok := k.e.(*plan.Column)
		return ok && kc.Index == c.Index
	}
	return plan.Equal(e, k.e)
}

// steady reports whether an expression has one value for all rows of a scan. It
// may depend on rows of the queries around.
func steady(e plan.Expr) bool {
	return !plan.Any(e, func(x plan.Expr) bool {
		switch x := x.(type) {
		case *plan.Column, *plan.Subquery:
			return true
		case *plan.Call:
			return x.Func.Volatility == 'v' || x.Func.Set
		}
		return false
	})
}

// asKey is a value of the key's type, nil where it is none or has no such value
// for certain.
func asKey(e plan.Expr, k indexKey, env *Env) plan.Expr {
	if !steady(e) {
		return nil
	}
	have, want := e.Type().OID, k.typ.OID
	switch {
	case have == want, have == types.Text && want == types.Varchar:
		return e
	case integers[have] == 0 || integers[want] == 0:
		return nil
	}
	if v, ok := constant(e); ok {
		if v.Null {
			return plan.NewConst(types.NullOf(types.Of(want)))
		}
		bits := map[types.OID]uint{types.Int2: 15, types.Int4: 31, types.Int8: 63}[want]
		if bits < 63 && (v.I >= 1<<bits || v.I < -1<<bits) {
			return nil
		}
		return plan.NewConst(types.NewInt(want, v.I))
	}
	if integers[have] > integers[want] || env.Cast == nil {
		return nil
	}
	f := env.Cast(have, want)
	if f == nil {
		return nil
	}
	return &plan.Call{Func: f, Args: []plan.Expr{e}, Typ: types.Of(want)}
}

// orderedInput is a tree that gives its rows in the order of keys by itself; nil
// where it does not.
func (e *Env) orderedInput(n plan.Node, keys []plan.SortKey) plan.Node {
	switch x := n.(type) {
	case *plan.Project:
		below := make([]plan.SortKey, len(keys))
		for i, k := range keys {
			c, ok := k.Expr.(*plan.Column)
			if !ok {
				return nil
			}
			k.Expr = x.Exprs[c.Index]
			below[i] = k
		}
		if in := e.orderedInput(x.Input, below); in != nil {
			return &plan.Project{Input: in, Exprs: x.Exprs, Fields: x.Fields}
		}
	case *plan.Filter:
		if in := e.orderedInput(x.Input, keys); in != nil {
			return &plan.Filter{Input: in, Cond: x.Cond}
		}
	case *plan.Scan:
		if x.Relation.Stored() {
			return e.orderedScan(x, keys)
		}
	}
	return nil
}

// orderedScan is a scan in the order of keys: by the index that it is read by
// already, else by one that begins with them.
func (e *Env) orderedScan(s *plan.Scan, keys []plan.SortKey) plan.Node {
	if s.Current != nil {
		return nil
	}
	try := func(x *catalog.Index, have *plan.IndexAccess) plan.Node {
		skip := 0
		c := *s
		c.Access = &plan.IndexAccess{Index: x}
		if have != nil {
			if have.Any != nil || have.Array != nil {
				return nil
			}
			*c.Access = *have
			skip = len(have.Eq)
		} else if x.Where != "" {
			return nil
		}
		back, ok := follows(x, s, skip, keys)
		if !ok {
			return nil
		}
		c.Access.Ordered, c.Access.Backward = true, back
		return &c
	}
	if s.Access != nil {
		return try(s.Access.Index, s.Access)
	}
	for _, x := range e.indexes(s.Relation) {
		if n := try(x, nil); n != nil {
			return n
		}
	}
	return nil
}

// follows reports whether an index, from its key skip on, is in the order of
// keys, or in the reverse of it.
func follows(x *catalog.Index, s *plan.Scan, skip int, keys []plan.SortKey) (back, ok bool) {
	have := indexKeys(x, s)
	if len(have) < skip+len(keys) {
		return false, false
	}
	for i, k := range keys {
		key := x.Keys[skip+i]
		if !sameKey(k.Expr, have[skip+i]) {
			return false, false
		}
		reversed := k.Desc != key.Desc
		if (k.NullsFirst != key.NullsFirst) != reversed {
			return false, false
		}
		if i > 0 && reversed != back {
			return false, false
		}
		back = reversed
	}
	return back, len(keys) > 0
}
