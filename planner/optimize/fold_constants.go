package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// foldConstants computes what does not depend on rows, and simplifies AND, OR,
// NOT and CASE over what is known. An expression that fails to compute stays,
// so that its error is raised only if a row needs it.
func foldConstants(n plan.Node, env *Env) plan.Node {
	return plan.MapNode(n, func(e plan.Expr) plan.Expr {
		return plan.Rewrite(e, func(x plan.Expr) plan.Expr { return fold(x, env) })
	}, func(in plan.Node) plan.Node { return foldConstants(in, env) })
}

func fold(e plan.Expr, env *Env) plan.Expr {
	switch x := e.(type) {
	case *plan.And:
		return foldAnd(x)
	case *plan.Or:
		return foldOr(x)
	case *plan.Not:
		if v, ok := constant(x.Arg); ok && !v.Null {
			return plan.NewConst(types.NewBool(!v.Bool()))
		}
		return e
	case *plan.Case:
		return foldCase(x)
	case *plan.Call:
		if env.Eval == nil || x.Func.Volatility != 'i' && x.Func.Volatility != 0 || x.Func.Set || !allConstant(x.Args) {
			return e
		}
	case *plan.Cast:
		// Text forms of dates and the like depend on settings, which a statement
		// has fixed when it is planned; only what is the same bytes, and a
		// modifier, is folded.
		if env.Eval == nil || x.Method != plan.CastRelabel && x.Method != plan.CastMod || !allConstant([]plan.Expr{x.Arg}) {
			return e
		}
	default:
		return e
	}
	v, err := env.Eval(e)
	if err != nil {
		return e
	}
	v.Type = e.Type()
	return plan.NewConst(v)
}

func constant(e plan.Expr) (types.Value, bool) {
	c, ok := e.(*plan.Const)
	if !ok {
		return types.Value{}, false
	}
	return c.Value, true
}

func allConstant(exprs []plan.Expr) bool {
	for _, e := range exprs {
		if _, ok := e.(*plan.Const); !ok {
			return false
		}
	}
	return true
}

func foldAnd(x *plan.And) plan.Expr {
	var kept []plan.Expr
	for _, a := range x.Args {
		v, ok := constant(a)
		switch {
		case ok && !v.Null && !v.Bool():
			if len(kept) == 0 {
				return plan.NewConst(types.NewBool(false))
			}
			kept = append(kept, a)
		case ok && !v.Null:
		default:
			if inner, is := a.(*plan.And); is {
				kept = append(kept, inner.Args...)
				continue
			}
			kept = append(kept, a)
		}
	}
	switch len(kept) {
	case 0:
		return plan.NewConst(types.NewBool(true))
	case 1:
		return kept[0]
	}
	return &plan.And{Args: kept}
}

func foldOr(x *plan.Or) plan.Expr {
	var kept []plan.Expr
	for _, a := range x.Args {
		v, ok := constant(a)
		switch {
		case ok && !v.Null && v.Bool():
			if len(kept) == 0 {
				return plan.NewConst(types.NewBool(true))
			}
			kept = append(kept, a)
		case ok && !v.Null:
		default:
			kept = append(kept, a)
		}
	}
	switch len(kept) {
	case 0:
		return plan.NewConst(types.NewBool(false))
	case 1:
		return kept[0]
	}
	return &plan.Or{Args: kept}
}

// foldCase drops the arms that are never taken, and what follows one that
// always is.
func foldCase(x *plan.Case) plan.Expr {
	out := &plan.Case{Else: x.Else, Typ: x.Typ}
	for _, w := range x.Whens {
		v, ok := constant(w.Cond)
		switch {
		case ok && (v.Null || !v.Bool()):
			continue
		case ok:
			out.Else = w.Then
			if len(out.Whens) == 0 {
				return w.Then
			}
			return out
		}
		out.Whens = append(out.Whens, w)
	}
	if len(out.Whens) == 0 {
		if out.Else == nil {
			return plan.NewConst(types.NullOf(x.Typ))
		}
		return out.Else
	}
	if len(out.Whens) == len(x.Whens) {
		return x
	}
	return out
}
