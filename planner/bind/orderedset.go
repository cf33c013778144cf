package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// withinGroup adds the expressions of WITHIN GROUP (ORDER BY ...) to a call's
// arguments: PostgreSQL looks the function up by both.
func (b *binder) withinGroup(x *pg.FuncCall, ops []operand, s *scope, k exprKind) []operand {
	if !x.AggWithinGroup {
		return ops
	}
	for _, n := range x.AggOrder {
		sb := n.GetSortBy()
		ops = append(ops, b.operand(sb.Node, s, k))
	}
	return ops
}

// checkOrderedSet holds a call to the kind of its aggregate, as ParseFuncOrColumn
// does, and gives hypothetical arguments the types of what they are compared with.
func (b *binder) checkOrderedSet(x *pg.FuncCall, name string, r *resolved, ops []operand) {
	f := r.fn
	if f.AggKind == 0 {
		if x.AggWithinGroup {
			b.failf(sqlerr.WrongObjectType, x.Location, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name)
		}
		return
	}
	if !x.AggWithinGroup {
		b.failf(sqlerr.WrongObjectType, x.Location, "WITHIN GROUP is required for ordered-set aggregate %s", name)
	}
	sorted := len(x.AggOrder)
	direct := len(ops) - sorted
	refuse := func(hint string, args ...any) {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedFunction, "function %s does not exist", b.callSignature([]string{name}, nil, ops)).
			WithHint(hint, args...).At(b.pos(x.Location)))
	}
	if f.AggKind != catalog.HypotheticalSet {
		if direct != f.Direct {
			plural := "s"
			if f.Direct == 1 {
				plural = ""
			}
			refuse("There is an ordered-set aggregate %s, but it requires %d direct argument%s, not %d.", name, f.Direct, plural, direct)
		}
		return
	}
	if direct != sorted {
		refuse("To use the hypothetical-set aggregate %s, the number of hypothetical direct arguments (here %d) must match the number of ordering columns (here %d).", name, direct, sorted)
	}
	r.args = slices.Clone(r.args)
	for i := range sorted {
		pair := []operand{ops[direct+i], ops[i]}
		t := b.commonType(pair, "WITHIN GROUP")
		r.args[i], r.args[direct+i] = t, t
		for _, o := range pair {
			b.toCommon(o, t, "WITHIN GROUP")
		}
	}
}

// checkDirect refuses the direct arguments of ordered-set aggregates that are not
// one value in a group.
func (b *binder) checkDirect(q *block) {
	for _, c := range q.scope.aggs.calls {
		for _, a := range c.Args[:c.Direct] {
			b.oneInGroup(a, q)
		}
	}
}

func (b *binder) oneInGroup(e plan.Expr, q *block) {
	defer func() {
		r := recover()
		if failed, ok := r.(bindError); ok && failed.err.Code == sqlerr.GroupingError {
			failed.err = failed.err.WithDetail("Direct arguments of an ordered-set aggregate must use only grouped columns.")
			panic(failed)
		}
		if r != nil {
			panic(r)
		}
	}()
	b.regroup(e, &q.groups, q.scope)
}

// sortedArguments are the keys of WITHIN GROUP over a call's converted arguments.
func (b *binder) sortedArguments(x *pg.FuncCall, args []plan.Expr) []plan.SortKey {
	var keys []plan.SortKey
	for i, n := range x.AggOrder {
		b.needsOrdering(args[i].Type().OID, location(n.GetSortBy().Node))
		keys = append(keys, b.sortKey(n.GetSortBy(), args[i]))
	}
	return keys
}
