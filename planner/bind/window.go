package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// windows are the window calls of one query and the windows that they are over.
type windows struct {
	defs  []windowDef // those of WINDOW, then those written after OVER
	calls []windowCall
	refs  []*winRef // to each of calls
	locs  []int32   // of every call in the text, inner ones first
}

// windowCall is a call over a window of the query. It is over the query's input
// until regrouped.
type windowCall struct {
	plan.AggCall
	def       int
	regrouped bool
}

// winRef stands for a window call until the query's input is known. It never
// leaves this package.
type winRef struct {
	plan.Expr
	index int
	typ   types.Type
	loc   int32
}

func (w *winRef) Type() types.Type { return w.typ }

func (w *winRef) String() string { return "window function" }

func isWinRef(e plan.Expr) bool {
	_, ok := e.(*winRef)
	return ok
}

// winLocation is the place of the first window call in e.
func winLocation(e plan.Expr, loc int32) int32 {
	found := false
	plan.Walk(e, func(x plan.Expr) bool {
		if w, ok := x.(*winRef); ok && !found {
			loc, found = w.loc, true
		}
		return !found
	})
	return loc
}

// newWindows begins with the definitions of a WINDOW clause.
func newWindows(clause []*pg.Node) *windows {
	w := &windows{}
	for _, n := range clause {
		w.defs = append(w.defs, windowDef{def: n.GetWindowDef()})
	}
	return w
}

// windowCall binds f(...) OVER window (the part of ParseFuncOrColumn for window
// functions, and transformWindowFuncCall).
func (b *binder) windowCall(x *pg.FuncCall, s *scope, k exprKind) plan.Expr {
	names := strs(x.Funcname)
	display := strings.Join(names, ".")
	before := 0
	if s.windows != nil {
		before = len(s.windows.locs)
	}
	ops, argNames := b.callOperands(x, s, k)
	b.refuseOrderedSet(x, display, len(ops))
	if x.AggWithinGroup {
		for _, n := range x.AggOrder { // the arguments that such an aggregate sorts by
			ops = append(ops, b.operand(n.GetSortBy().Node, s, k))
		}
	}
	call := plan.AggCall{Star: x.AggStar, Pos: b.pos(x.Location)}
	if x.AggFilter != nil {
		call.Filter = b.boolean(b.expr(x.AggFilter, s, exprFilter), "FILTER", location(x.AggFilter))
	}
	r := b.resolveCall(names, argNames, ops, x.FuncVariadic, x.Location)
	b.checkWindowSyntax(x, r, display, len(ops))
	if x.FuncVariadic {
		b.checkSpread(r, ops)
	}
	b.needFunction(r.fn)
	call.Func, call.Typ, call.Args = r.fn, types.Of(r.ret), b.typedArgs(r, ops)
	for i, a := range call.Args {
		if plan.Any(a, isSet) {
			b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "window function calls cannot contain set-returning function calls").
				WithHint("You might be able to move the set-returning function into a LATERAL FROM item.").At(b.pos(ops[i].loc)))
		}
	}
	for _, a := range call.Args {
		if plan.Any(a, isWinRef) {
			b.failf(sqlerr.WindowingError, s.windows.locs[before], "window function calls cannot be nested")
		}
	}
	b.allowWindow(x, s, k)
	return s.windows.add(windowCall{AggCall: call, def: b.windowOf(x.Over, s)}, x.Location)
}

// orderedSets are PostgreSQL's aggregates that need WITHIN GROUP, and whether
// they are window functions too where they have no argument.
var orderedSets = map[string]bool{"mode": false, "percentile_cont": false, "percentile_disc": false,
	"rank": true, "dense_rank": true, "percent_rank": true, "cume_dist": true}

// refuseOrderedSet refuses an aggregate that cannot stand before OVER.
func (b *binder) refuseOrderedSet(x *pg.FuncCall, name string, args int) {
	window, is := orderedSets[name]
	switch {
	case is && x.AggWithinGroup:
		b.failf(sqlerr.FeatureNotSupported, x.Location, "OVER is not supported for ordered-set aggregate %s", name)
	case window && args > 0:
		b.failf(sqlerr.WrongObjectType, x.Location, "WITHIN GROUP is required for ordered-set aggregate %s", name)
	}
}

// checkWindowSyntax refuses what may not stand in a call that is followed by OVER.
func (b *binder) checkWindowSyntax(x *pg.FuncCall, r resolved, name string, args int) {
	if r.cast != types.Invalid || r.fn.Kind == catalog.Scalar {
		if x.AggWithinGroup {
			b.failf(sqlerr.WrongObjectType, x.Location, "WITHIN GROUP specified, but %s is not an aggregate function", name)
		}
		b.refuseAggregateSyntax(x, name)
		b.failf(sqlerr.WrongObjectType, x.Location, "OVER specified, but %s is not a window function nor an aggregate function", name)
	}
	aggregate := r.fn.Kind == catalog.Aggregate
	switch {
	case x.AggWithinGroup && aggregate:
		b.failf(sqlerr.WrongObjectType, x.Location, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name)
	case x.AggWithinGroup:
		b.failf(sqlerr.WrongObjectType, x.Location, "window function %s cannot have WITHIN GROUP", name)
	case x.AggDistinct:
		b.failf(sqlerr.FeatureNotSupported, x.Location, "DISTINCT is not implemented for window functions")
	case aggregate && args == 0 && !x.AggStar:
		b.failf(sqlerr.WrongObjectType, x.Location, "%s(*) must be used to call a parameterless aggregate function", name)
	case len(x.AggOrder) > 0:
		b.failf(sqlerr.FeatureNotSupported, x.Location, "aggregate ORDER BY is not implemented for window functions")
	case !aggregate && x.AggFilter != nil:
		b.failf(sqlerr.FeatureNotSupported, x.Location, "FILTER is not implemented for non-aggregate window functions")
	}
}

// allowWindow refuses window calls in places that have no window.
func (b *binder) allowWindow(x *pg.FuncCall, s *scope, k exprKind) {
	switch k {
	case exprSelect, exprOrderBy, exprDistinct:
		if s.windows != nil {
			return
		}
	case exprWindow, exprFrameRange, exprFrameRows, exprFrameGroups:
		b.failf(sqlerr.WindowingError, x.Location, "window functions are not allowed in window definitions")
	}
	b.failf(sqlerr.WindowingError, x.Location, "window functions are not allowed in %s", string(k))
}

// windowOf is the number of the definition that OVER names or holds.
func (b *binder) windowOf(over *pg.WindowDef, s *scope) int {
	if over.Name == "" {
		for i, d := range s.windows.defs {
			if d.def.Name == "" && sameTree(d.def.ProtoReflect(), over.ProtoReflect()) {
				return i
			}
		}
		s.windows.defs = append(s.windows.defs, windowDef{def: over})
		return len(s.windows.defs) - 1
	}
	i := s.windows.named(over.Name, len(s.windows.defs))
	if i < 0 {
		b.failf(sqlerr.UndefinedObject, over.Location, "window \"%s\" does not exist", over.Name)
	}
	return i
}

// named is the number of the window of that name among the first n, or -1.
func (w *windows) named(name string, n int) int {
	return slices.IndexFunc(w.defs[:n], func(d windowDef) bool { return d.def.Name == name })
}

// add makes a reference to a call; of equal calls to the first.
func (w *windows) add(c windowCall, loc int32) plan.Expr {
	w.locs = append(w.locs, loc)
	i := slices.IndexFunc(w.calls, func(have windowCall) bool {
		return have.def == c.def && plan.EqualCalls(have.AggCall, c.AggCall) && !volatileCall(c.AggCall)
	})
	if i >= 0 {
		return w.refs[i]
	}
	w.calls = append(w.calls, c)
	w.refs = append(w.refs, &winRef{index: len(w.calls) - 1, typ: c.Typ, loc: loc})
	return w.refs[len(w.refs)-1]
}

// sameTree reports whether two parts of a statement are the same in all but
// their places in the text.
func sameTree(a, b protoreflect.Message) bool {
	fields := a.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Name() == "location" {
			continue
		}
		if a.Has(fd) != b.Has(fd) {
			return false
		}
		x, y := a.Get(fd), b.Get(fd)
		switch {
		case fd.IsList():
			if x.List().Len() != y.List().Len() {
				return false
			}
			for j := range x.List().Len() {
				if !sameValue(fd, x.List().Get(j), y.List().Get(j)) {
					return false
				}
			}
		case a.Has(fd) && !sameValue(fd, x, y):
			return false
		}
	}
	return true
}

func sameValue(fd protoreflect.FieldDescriptor, x, y protoreflect.Value) bool {
	if fd.Kind() == protoreflect.MessageKind {
		return sameTree(x.Message(), y.Message())
	}
	return x.Equal(y)
}

// regroupWindow turns a window call over a query's input into one over its
// groups.
func (b *binder) regroupWindow(w *winRef, g *grouping, s *scope) {
	c := &s.windows.calls[w.index]
	if c.regrouped {
		return
	}
	c.regrouped = true
	for i, a := range c.Args {
		c.Args[i] = b.regroup(a, g, s)
	}
	c.Filter = b.regroup(c.Filter, g, s)
}

// regroupWindows does so with the definitions.
func (b *binder) regroupWindows(g *grouping, s *scope) {
	for i := range s.windows.defs {
		d := &s.windows.defs[i]
		for j, e := range d.partition {
			d.partition[j] = b.regroup(e, g, s)
		}
		for j, k := range d.order {
			d.order[j].Expr = b.regroup(k.Expr, g, s)
		}
	}
}

// window puts the window calls of a block above its rows, one node for all that
// have one partition and order, and the calls' columns in the place of the calls.
func (b *binder) window(n plan.Node, q *block) plan.Node {
	w := q.scope.windows
	if len(w.calls) == 0 {
		return n
	}
	columns := make([]*plan.Column, len(w.calls))
	for i := range w.calls {
		if columns[i] != nil {
			continue
		}
		d := &w.defs[w.calls[i].def]
		fields := n.Schema()
		node := &plan.Window{Input: n, Partition: d.partition, OrderBy: d.order, Fields: fields[:len(fields):len(fields)]}
		for j := i; j < len(w.calls); j++ {
			if e := &w.defs[w.calls[j].def]; columns[j] == nil && sameWindow(d, e) {
				columns[j] = addWindowCall(node, plan.WindowCall{AggCall: w.calls[j].AggCall, Frame: e.frame})
			}
		}
		n = node
	}
	column := func(x plan.Expr) plan.Expr {
		if r, ok := x.(*winRef); ok {
			return columns[r.index]
		}
		return x
	}
	for i := range q.targets {
		q.targets[i].e = plan.Rewrite(q.targets[i].e, column)
	}
	for i := range q.order {
		if q.order[i].target < 0 {
			q.order[i].e = plan.Rewrite(q.order[i].e, column)
		}
	}
	q.on = replaceAll(q.on, column)
	return n
}

// addWindowCall is the column of a call, which is computed once where it is
// written more than once.
func addWindowCall(n *plan.Window, c plan.WindowCall) *plan.Column {
	width := len(n.Fields) - len(n.Calls)
	i := slices.IndexFunc(n.Calls, func(have plan.WindowCall) bool {
		return plan.EqualCalls(have.AggCall, c.AggCall) && plan.EqualFrames(have.Frame, c.Frame) && !volatileCall(c.AggCall)
	})
	if i < 0 {
		i = len(n.Calls)
		n.Calls = append(n.Calls, c)
		n.Fields = append(n.Fields, plan.Field{Name: c.Func.Name, Type: c.Typ})
	}
	return &plan.Column{Index: width + i, Typ: c.Typ, Name: c.Func.Name}
}

func volatileCall(c plan.AggCall) bool {
	return slices.ContainsFunc(c.Args, func(e plan.Expr) bool { return plan.Any(e, isVolatile) })
}
