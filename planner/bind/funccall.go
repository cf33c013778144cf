package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// funcCall is f(...): a function, an aggregate, or a cast written as a call.
func (b *binder) funcCall(x *pg.FuncCall, s *scope, k exprKind) plan.Expr {
	names := strs(x.Funcname)
	display := strings.Join(names, ".")
	if x.Over != nil {
		return b.windowCall(x, s, k)
	}
	ops, argNames := b.callOperands(x, s, k)
	ops = b.withinGroup(x, ops, s, k)
	if len(argNames) == 0 {
		ops = slices.DeleteFunc(ops, isVoidParam)
	}
	if len(names) == 1 && len(ops) == 1 && len(argNames) == 0 && plainCall(x) {
		if e := b.columnByCall(names, ops[0], s); e != nil {
			return e
		}
	}
	r := b.resolveCall(names, argNames, ops, x.FuncVariadic, x.Location)
	if x.FuncVariadic && r.cast == types.Invalid {
		b.checkSpread(r, ops)
	}
	if r.cast != types.Invalid {
		return b.castTo(ops[0], types.Of(r.cast), x.Location)
	}
	if r.fn.Kind == catalog.Aggregate {
		b.checkOrderedSet(x, display, &r, ops)
		return b.aggregate(x, display, r, ops, s, k)
	}
	b.refuseAggregateSyntax(x, display)
	if r.fn.Kind == catalog.Window {
		if x.AggWithinGroup {
			b.failf(sqlerr.WrongObjectType, x.Location, "window function %s cannot have WITHIN GROUP", display)
		}
		b.failf(sqlerr.WrongObjectType, x.Location, "window function %s requires an OVER clause", display)
	}
	if r.fn.Set {
		b.allowSet(k, x.Location)
		b.sets = append(b.sets, x.Location)
	}
	e := b.makeCall(r, ops, x.Location)
	if c, ok := e.(*plan.Call); ok {
		c.Spread = x.FuncVariadic && r.fn.Variadic
	}
	return e
}

// plainCall reports whether a call has nothing beside its arguments.
func plainCall(x *pg.FuncCall) bool {
	return !x.AggWithinGroup && !x.AggStar && !x.AggDistinct && !x.FuncVariadic && len(x.AggOrder) == 0 && x.AggFilter == nil
}

// columnByCall is name(row), which is (row).name where no function or cast takes the
// row; nil: it is neither.
func (b *binder) columnByCall(names []string, o operand, s *scope) plan.Expr {
	t := o.e.Type().OID
	if !types.IsRow(t) || b.castByCall(names, t) != types.Invalid || len(b.matching([]types.OID{t}, b.functionCandidates(names, nil, 1, false))) > 0 {
		return nil
	}
	for _, c := range b.columnsOf(o.e, s) {
		if c == names[0] {
			return b.fieldOf(o, c, s)
		}
	}
	return nil
}

// columnsOf are the names of a row's columns, as far as they are known.
func (b *binder) columnsOf(e plan.Expr, s *scope) []string {
	if x, ok := e.(*plan.Row); ok {
		if names, ok := b.entryNames[x]; ok {
			return names
		}
		return x.Names
	}
	var names []string
	if x, ok := e.(*plan.Call); ok {
		for _, c := range x.Func.Out {
			names = append(names, c.Name)
		}
	}
	for _, c := range b.recordOf(e, s) {
		names = append(names, c.name)
	}
	return names
}

// isVoidParam: clients that call a function by {? = call f(?)} send its result as a
// parameter of type void, which is none (ParseFuncOrColumn).
func isVoidParam(o operand) bool {
	p, ok := o.e.(*plan.Param)
	return ok && p.Typ.OID == types.Void
}

// checkSpread refuses f(VARIADIC x) where x is no array.
func (b *binder) checkSpread(r resolved, ops []operand) {
	last := ops[len(ops)-1]
	if n := len(r.fn.Args); r.fn.Variadic && r.fn.Args[n-1] == types.Any && elemType(last.e.Type().OID) == 0 {
		b.failf(sqlerr.DatatypeMismatch, last.loc, "VARIADIC argument must be an array")
	}
}

// callOperands binds a call's arguments, and returns the names of the last ones.
func (b *binder) callOperands(x *pg.FuncCall, s *scope, k exprKind) ([]operand, []string) {
	args := x.Args
	var argNames []string
	for _, a := range args {
		switch n := a.GetNamedArgExpr(); {
		case n != nil:
			for _, have := range argNames {
				if have == n.Name {
					b.failf(sqlerr.SyntaxError, n.Location, "argument name \"%s\" used more than once", n.Name)
				}
			}
			argNames = append(argNames, n.Name)
		case len(argNames) > 0:
			b.failf(sqlerr.SyntaxError, location(a), "positional argument cannot follow named argument")
		}
	}
	ops := make([]operand, len(args))
	for i, a := range args {
		if n := a.GetNamedArgExpr(); n != nil {
			a = n.Arg
		}
		ops[i] = b.operand(a, s, k)
	}
	return ops, argNames
}

func (b *binder) refuseAggregateSyntax(x *pg.FuncCall, name string) {
	switch {
	case x.AggWithinGroup && len(x.AggOrder) > 0 && !x.AggStar && !x.AggDistinct:
		b.failf(sqlerr.WrongObjectType, x.Location, "WITHIN GROUP specified, but %s is not an aggregate function", name)
	case x.AggStar:
		b.failf(sqlerr.WrongObjectType, x.Location, "%s(*) specified, but %s is not an aggregate function", name, name)
	case x.AggDistinct:
		b.failf(sqlerr.WrongObjectType, x.Location, "DISTINCT specified, but %s is not an aggregate function", name)
	case len(x.AggOrder) > 0:
		b.failf(sqlerr.WrongObjectType, x.Location, "ORDER BY specified, but %s is not an aggregate function", name)
	case x.AggFilter != nil:
		b.failf(sqlerr.WrongObjectType, x.Location, "FILTER specified, but %s is not an aggregate function", name)
	}
}

// refuseSets fails where an expression that evaluates only some of its parts
// has a set among them. before is how many sets were bound when it began.
func (b *binder) refuseSets(before int, construct string) {
	if len(b.sets) > before {
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "set-returning functions are not allowed in %s", construct).
			WithHint("You might be able to move the set-returning function into a LATERAL FROM item.").At(b.pos(b.sets[before])))
	}
}

// allowSet refuses set-returning functions where they make no sense.
func (b *binder) allowSet(k exprKind, loc int32) {
	switch k {
	case exprSelect, exprGroupBy, exprOrderBy, exprDistinct, exprFrom, exprWindow:
		return
	case exprFrameRange, exprFrameRows, exprFrameGroups:
		k = exprWindow
	}
	b.failf(sqlerr.FeatureNotSupported, loc, "set-returning functions are not allowed in %s", string(k))
}
