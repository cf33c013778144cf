package optimize

import (
	"hash/maphash"

	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// mostShared bounds the expressions that one node has computed below it.
const mostShared = 8

// shareExpressions computes what a projection, a filter or an aggregate has
// several times once, in a projection below it. One of the places must be
// computed for every row: what stands in an arm of CASE, behind the first
// condition of AND and OR, or under FILTER, may never be, and may then fail.
func shareExpressions(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return shareExpressions(in, env) })
	switch x := n.(type) {
	case *plan.Project:
		s := newSharing(x.Input)
		for _, e := range x.Exprs {
			s.add(e, true)
		}
		if in := s.input(); in != nil {
			return &plan.Project{Input: in, Exprs: s.replaceAll(x.Exprs), Fields: x.Fields}
		}
	case *plan.Filter:
		s := newSharing(x.Input)
		s.add(x.Cond, true)
		if in := s.input(); in != nil {
			return &plan.Project{Input: &plan.Filter{Input: in, Cond: s.replace(x.Cond)}, Exprs: columnsOf(x.Input), Fields: x.Input.Schema()}
		}
	case *plan.AggregateNode:
		s := newSharing(x.Input)
		for _, e := range x.Keys {
			s.add(e, true)
		}
		for _, c := range x.Calls {
			if c.Filter != nil {
				s.add(c.Filter, true)
			}
			for _, a := range c.Args {
				s.add(a, c.Filter == nil)
			}
			for _, k := range c.OrderBy {
				s.add(k.Expr, c.Filter == nil)
			}
		}
		if in := s.input(); in != nil {
			return plan.MapNode(x, s.replace, func(plan.Node) plan.Node { return in })
		}
	}
	return n
}

// sharing counts the expressions over one input. Equal ones are found by their
// hash, so that the work grows with the number of expressions.
type sharing struct {
	in     plan.Node
	known  map[plan.Expr]traits
	seen   map[uint64][]*shared
	shared []*shared   // of more than one place, in the order of their second
	taken  []plan.Expr // in the order of their columns, behind the input's
}

// shared is an expression with the number of its places.
type shared struct {
	e      plan.Expr
	size   int
	places int
	always bool // one of the places is computed for every row
}

// traits are what an expression is, its parts included.
type traits struct {
	hash   uint64
	size   int
	column bool // it depends on the row
	single bool // its value is not as good as that of an equal one
}

func newSharing(in plan.Node) *sharing {
	return &sharing{in: in, known: map[plan.Expr]traits{}, seen: map[uint64][]*shared{}}
}

// add counts e and what is in it. always: it is computed for every row.
func (s *sharing) add(e plan.Expr, always bool) traits {
	t := own(e)
	first, guarded := true, guards(e)
	plan.MapExpr(e, func(x plan.Expr) plan.Expr {
		in := s.add(x, always && (first || !guarded))
		first = false
		t.hash = t.hash*1099511628211 ^ in.hash
		t.size += in.size
		t.column = t.column || in.column
		t.single = t.single || in.single
		return x
	})
	if t.size > 1 && t.column && !t.single { // nothing else is ever looked for
		s.known[e] = t
		if worthwhile(e) {
			s.count(e, t, always)
		}
	}
	return t
}

// nameSeed is of this process alone: hashes are only compared with each other.
var nameSeed = maphash.MakeSeed()

// own are the traits of an expression without its parts.
func own(e plan.Expr) traits {
	t := traits{size: 1, hash: 31}
	switch x := e.(type) {
	case *plan.Column:
		t.column = true
		t.hash = 7 + uint64(x.Index)<<8
	case *plan.Const:
		t.hash = maphash.String(nameSeed, x.Value.S) ^ uint64(x.Value.I)<<8
	case *plan.Call:
		t.single = x.Func.Volatility == 'v'
		t.hash = maphash.String(nameSeed, x.Func.Name)
	case *plan.Case:
		t.hash = 37
	case *plan.Cast:
		t.hash = 41 + uint64(x.Typ.OID)<<8
	case *plan.Subquery:
		t.single = true
	}
	return t
}

// count notes one place of an expression.
func (s *sharing) count(e plan.Expr, t traits, always bool) {
	if x := s.find(e, t); x != nil {
		if x.places++; x.places == 2 {
			s.shared = append(s.shared, x)
		}
		x.always = x.always || always
		return
	}
	s.seen[t.hash] = append(s.seen[t.hash], &shared{e: e, size: t.size, places: 1, always: always})
}

// find is what is known of an expression's places, nil for nothing.
func (s *sharing) find(e plan.Expr, t traits) *shared {
	for _, x := range s.seen[t.hash] {
		if x.size == t.size && plan.Equal(x.e, e) {
			return x
		}
	}
	return nil
}

// guards reports whether only the first part of an expression is computed for
// every row.
func guards(e plan.Expr) bool {
	switch e.(type) {
	case *plan.And, *plan.Or, *plan.Case, *plan.Coalesce, *plan.NullIf, *plan.In, *plan.Subquery:
		return true
	}
	return false
}

// worthwhile reports whether it pays to keep an expression's value.
func worthwhile(e plan.Expr) bool {
	switch x := e.(type) {
	case *plan.Call:
		if x.Func.Set || comparison(x) && plainOperand(x.Args[0]) && plainOperand(x.Args[len(x.Args)-1]) {
			return false // comparing two columns costs no more than keeping the answer
		}
	case *plan.Cast:
		if x.Method == plan.CastRelabel {
			return false
		}
	case *plan.Case, *plan.AnyAll, *plan.Subscript:
	default:
		return false
	}
	return true
}

func plainOperand(e plan.Expr) bool {
	_, column := plainColumn(e)
	return column || plainValue(e)
}

// input is the input with what is shared behind its columns; nil where nothing
// is. The largest expressions come first: what is in them alone has one place
// then.
func (s *sharing) input() plan.Node {
	for len(s.taken) < mostShared {
		var best *shared
		for _, x := range s.shared {
			if x.places > 1 && x.always && (best == nil || x.size > best.size) {
				best = x
			}
		}
		if best == nil {
			break
		}
		s.taken = append(s.taken, best.e)
		repeats := best.places - 1
		best.places = 0
		plan.Walk(best.e, func(e plan.Expr) bool {
			if x := s.find(e, s.known[e]); x != nil && x != best {
				x.places -= repeats + 1 // all of those places are the column's now
			}
			return true
		})
	}
	if len(s.taken) == 0 {
		return nil
	}
	p := &plan.Project{Input: s.in, Exprs: columnsOf(s.in)}
	p.Fields = append(p.Fields, s.in.Schema()...)
	for _, e := range s.taken {
		p.Exprs = append(p.Exprs, e)
		p.Fields = append(p.Fields, plan.Field{Name: "?column?", Type: e.Type()})
	}
	return p
}

func (s *sharing) replaceAll(exprs []plan.Expr) []plan.Expr {
	out := make([]plan.Expr, len(exprs))
	for i, e := range exprs {
		out[i] = s.replace(e)
	}
	return out
}

// replace puts columns where the expressions stood.
func (s *sharing) replace(e plan.Expr) plan.Expr {
	known := s.known[e]
	for i, t := range s.taken {
		if s.known[t].hash == known.hash && s.known[t].size == known.size && plan.Equal(t, e) {
			return &plan.Column{Index: len(s.in.Schema()) + i, Typ: e.Type(), Name: t.String()}
		}
	}
	return plan.MapExpr(e, s.replace)
}
