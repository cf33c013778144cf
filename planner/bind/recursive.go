package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// recursiveOrder puts the queries of WITH RECURSIVE into an order in which each
// comes after those that it reads, and says which read themselves
// (makeDependencyGraph, TopologicalSort).
func (b *binder) recursiveOrder(list []*cte) []*cte {
	reads := make([]map[string]bool, len(list))
	for i, c := range list {
		reads[i] = map[string]bool{}
		w := &withWalker{found: func(v *pg.RangeVar) { reads[i][v.Relname] = true }}
		w.message(c.x.Ctequery.ProtoReflect())
		c.self = reads[i][c.name]
	}
	var out []*cte
	placed := map[string]bool{}
	for len(out) < len(list) {
		before := len(out)
		for i, c := range list {
			if placed[c.name] || waits(reads[i], c, list, placed) {
				continue
			}
			placed[c.name] = true
			out = append(out, c)
			break
		}
		if len(out) > before {
			continue
		}
		for _, c := range list {
			if !placed[c.name] {
				b.failf(sqlerr.FeatureNotSupported, c.x.Location, "mutual recursion between WITH items is not implemented")
			}
		}
	}
	return out
}

// waits reports whether c reads another query of the list that has no place.
func waits(reads map[string]bool, c *cte, list []*cte, placed map[string]bool) bool {
	for _, o := range list {
		if o != c && reads[o.name] && !placed[o.name] {
			return true
		}
	}
	return false
}

// recursion says what keeps a recursive reference from where it stands.
type recursion string

// The places of checkWellFormedRecursion.
const (
	recursionOK        recursion = ""
	nonRecursiveTerm   recursion = "its non-recursive term"
	recursionSubquery  recursion = "a subquery"
	recursionOuterJoin recursion = "an outer join"
	recursionIntersect recursion = "INTERSECT"
	recursionExcept    recursion = "EXCEPT"
)

// withWalker finds the names in FROM that are not those of a WITH query further
// in. Contexts are kept only where a recursion is checked.
type withWalker struct {
	inner   [][]string // the names of WITH clauses around the place
	context recursion
	found   func(*pg.RangeVar)
}

func (w *withWalker) node(n *pg.Node) {
	if n != nil {
		w.message(n.ProtoReflect())
	}
}

func (w *withWalker) nodes(list []*pg.Node) {
	for _, n := range list {
		w.node(n)
	}
}

func (w *withWalker) message(m protoreflect.Message) {
	switch x := m.Interface().(type) {
	case *pg.RangeVar:
		if x.Schemaname == "" && !w.shadowed(x.Relname) {
			w.found(x)
		}
	case *pg.SelectStmt:
		w.query(x)
	case *pg.JoinExpr:
		w.join(x)
	case *pg.SubLink:
		w.within(recursionSubquery, func() { w.node(x.Subselect) })
		w.node(x.Testexpr)
	default:
		w.fields(m, "")
	}
}

// fields walks the parts of a message in their order, but the one named.
func (w *withWalker) fields(m protoreflect.Message, but protoreflect.Name) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Kind() != protoreflect.MessageKind || fd.Name() == but || !m.Has(fd) {
			continue
		}
		v := m.Get(fd)
		if !fd.IsList() {
			w.message(v.Message())
			continue
		}
		for j := range v.List().Len() {
			w.message(v.List().Get(j).Message())
		}
	}
}

func (w *withWalker) shadowed(name string) bool {
	for _, names := range w.inner {
		for _, n := range names {
			if n == name {
				return true
			}
		}
	}
	return false
}

// within walks in another context.
func (w *withWalker) within(c recursion, walk func()) {
	before := w.context
	w.context = c
	walk()
	w.context = before
}

// narrowed is within where the context would allow a reference.
func (w *withWalker) narrowed(c recursion, walk func()) {
	if w.context != recursionOK {
		c = w.context
	}
	w.within(c, walk)
}

func (w *withWalker) query(x *pg.SelectStmt) {
	if x.WithClause != nil {
		var names []string
		if x.WithClause.Recursive {
			for _, n := range x.WithClause.Ctes {
				names = append(names, n.GetCommonTableExpr().Ctename)
			}
		}
		at := len(w.inner)
		w.inner = append(w.inner, names)
		for _, n := range x.WithClause.Ctes {
			w.node(n.GetCommonTableExpr().Ctequery)
			w.inner[at] = append(w.inner[at], n.GetCommonTableExpr().Ctename)
		}
		defer func() { w.inner = w.inner[:at] }()
	}
	left, right := recursionOK, recursionOK
	switch x.Op {
	case pg.SetOperation_SETOP_INTERSECT:
		if x.All {
			left, right = recursionIntersect, recursionIntersect
		}
	case pg.SetOperation_SETOP_EXCEPT:
		if right = recursionExcept; x.All {
			left = recursionExcept
		}
	default:
		w.fields(x.ProtoReflect(), "with_clause")
		return
	}
	w.narrowed(left, func() { w.message(x.Larg.ProtoReflect()) })
	w.narrowed(right, func() { w.message(x.Rarg.ProtoReflect()) })
	w.nodes(x.SortClause)
	w.node(x.LimitOffset)
	w.node(x.LimitCount)
}

func (w *withWalker) join(x *pg.JoinExpr) {
	left, right := recursionOK, recursionOK
	switch x.Jointype {
	case pg.JoinType_JOIN_LEFT:
		right = recursionOuterJoin
	case pg.JoinType_JOIN_FULL:
		left, right = recursionOuterJoin, recursionOuterJoin
	case pg.JoinType_JOIN_RIGHT:
		left = recursionOuterJoin
	}
	w.narrowed(left, func() { w.node(x.Larg) })
	w.narrowed(right, func() { w.node(x.Rarg) })
	w.node(x.Quals)
}

// checkRecursion refuses a query that refers to itself in another way than SQL
// allows (checkWellFormedRecursion).
func (b *binder) checkRecursion(c *cte) {
	if !c.self {
		return
	}
	sel := c.x.Ctequery.GetSelectStmt()
	if sel == nil {
		b.failf(sqlerr.InvalidRecursion, c.x.Location, "recursive query \"%s\" must not contain data-modifying statements", c.name)
	}
	if sel.Op != pg.SetOperation_SETOP_UNION {
		b.failf(sqlerr.InvalidRecursion, c.x.Location, "recursive query \"%s\" does not have the form non-recursive-term UNION [ALL] recursive-term", c.name)
	}
	w := &withWalker{}
	count := 0
	w.found = func(v *pg.RangeVar) {
		if v.Relname != c.name {
			return
		}
		if w.context != recursionOK {
			b.failf(sqlerr.InvalidRecursion, v.Location, "recursive reference to query \"%s\" must not appear within %s", c.name, w.context)
		}
		if count++; count > 1 {
			b.failf(sqlerr.InvalidRecursion, v.Location, "recursive reference to query \"%s\" must not appear more than once", c.name)
		}
	}
	if sel.WithClause != nil {
		w.within(recursionSubquery, func() { w.nodes(sel.WithClause.Ctes) })
	}
	refuse := func(present bool, n *pg.Node, what string) {
		if present {
			b.failf(sqlerr.FeatureNotSupported, location(n), "%s in a recursive query is not implemented", what)
		}
	}
	if len(sel.SortClause) > 0 {
		refuse(true, sel.SortClause[0], "ORDER BY")
	}
	refuse(sel.LimitOffset != nil, sel.LimitOffset, "OFFSET")
	refuse(sel.LimitCount != nil, sel.LimitCount, "LIMIT")
	if len(sel.LockingClause) > 0 {
		refuse(true, sel.LockingClause[0], "FOR UPDATE/SHARE")
	}
	w.within(nonRecursiveTerm, func() { w.message(sel.Larg.ProtoReflect()) })
	w.message(sel.Rarg.ProtoReflect())
}

// recursiveQuery binds a query that refers to itself, whose columns are those of
// its non-recursive term. It returns the queries of a WITH of its own.
func (b *binder) recursiveQuery(c *cte, sel *pg.SelectStmt, parent *scope, visible map[string]*cte) []*cte {
	visible, own := b.with(sel.WithClause, parent, visible)
	left := b.setBranch(sel.Larg, parent, visible, new([]*rangeItem))
	c.fields = b.withFields(c, left.Schema())
	for i := range c.fields {
		if c.fields[i].Type.OID == types.Unknown {
			c.fields[i].Type = types.Of(types.Text)
		}
		c.fields[i].Table, c.fields[i].Attr = 0, 0
	}
	walk := b.traversal(c)
	columns := len(c.fields)
	inside := make(map[string]*cte, len(visible)+1)
	for k, v := range visible {
		inside[k] = v
	}
	inside[c.name] = c
	c.binding, c.added = true, walk
	b.walk = walk
	right := b.setBranch(sel.Rarg, parent, inside, new([]*rangeItem))
	b.walk = nil
	c.binding = false
	var carried []plan.Expr
	if walk != nil {
		b.checkNames(walk)
		if !walk.carried {
			b.failf(sqlerr.FeatureNotSupported, -1, "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"%s\" must be at the top level of its right-hand SELECT", c.name)
		}
		right, carried = splitColumns(right, len(right.Schema())-len(walk.fields))
	}
	left, right, fields := b.alike(left, right, sel)
	for i, f := range fields {
		if f.Type != c.fields[i].Type {
			b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "recursive query \"%s\" column %d has type %s in non-recursive term but type %s overall",
				c.name, i+1, b.formatMod(c.fields[i].Type), b.formatMod(f.Type)).
				WithHint("Cast the output of the non-recursive term to the correct type.").At(b.pos(targetLocation(sel.Larg, i))))
		}
	}
	if walk != nil {
		p := right.(*plan.Project)
		right = &plan.Project{Input: p.Input, Exprs: slices.Concat(p.Exprs, carried), Fields: slices.Concat(p.Fields, walk.fields)}
		left, right = b.begin(walk, left), b.step(walk, right)
		c.fields = append(c.fields[:columns:columns], walk.fields...)
	}
	c.node, c.recursive, c.distinct = left, right, !sel.All
	return own
}
