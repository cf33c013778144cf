package exec

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// callUse is what is asked of the calls of an aggregate.
type callUse struct {
	live     bool // values are asked for again and again, and may be an epoch's state
	retracts bool // rows are taken out
	combines bool // groups are put together
	// values is the account of what DISTINCT has seen, where that can be evicted; nil: it
	// stays, with all else.
	values *memory.Account
}

func (b *builder) calls(calls []plan.AggCall, use callUse, account *memory.Account) ([]*operator.Call, error) {
	var out []*operator.Call
	for _, c := range calls {
		call, err := b.call(c, use, account)
		if err != nil {
			return nil, err
		}
		out = append(out, call)
	}
	return out, nil
}

func (b *builder) call(c plan.AggCall, use callUse, account *memory.Account) (*operator.Call, error) {
	s := operator.CallSpec{Distinct: c.Distinct, Result: c.Typ, Account: account}
	c.OrderBy = distinctOrder(c)
	var err error
	if s.Rows, err = b.keepsRows(c, use); err != nil {
		return nil, err
	}
	s.New = func() (aggregate.Aggregate, error) { return aggregate.New(c, b.env, use.retracts && !s.Rows) }
	if s.Func, err = s.New(); err != nil {
		return nil, err
	}
	if s.Args, err = b.compileAll(c.Args); err != nil {
		return nil, err
	}
	s.ArgTypes = exprTypes(c.Args)
	if c.Filter != nil {
		if s.Filter, err = b.compile(c.Filter); err != nil {
			return nil, err
		}
	}
	if s.OrderBy, err = b.sortKeys(c.OrderBy); err != nil {
		return nil, err
	}
	if evictsValues(c, s.Rows) {
		s.Values = use.values
	}
	return operator.NewCall(s), nil
}

// evictsValues reports whether what DISTINCT has seen in a call can be evicted: values that
// are neither its rows nor sorted, and of which none is refused for what the others are.
func evictsValues(c plan.AggCall, rows bool) bool {
	return c.Distinct && !rows && len(distinctOrder(c)) == 0 && !slices.ContainsFunc(exprTypes(c.Args), vec.AnyShape)
}

// distinctOrder is what the rows of a call are sorted by: after its own ORDER BY, of
// a call with DISTINCT, the other arguments, as PostgreSQL tells equal ones apart by
// sorting them. Where the order cannot be seen it is left out.
func distinctOrder(c plan.AggCall) []plan.SortKey {
	if !c.Distinct || !aggregate.Ordered(c.Func) {
		return c.OrderBy
	}
	keys := slices.Clone(c.OrderBy)
	for _, arg := range c.Args {
		if !slices.ContainsFunc(keys, func(k plan.SortKey) bool { return plan.Equal(k.Expr, arg) }) {
			keys = append(keys, plan.SortKey{Expr: arg})
		}
	}
	return keys
}

// keepsRows reports whether a call keeps its rows, since its function cannot do what
// is asked of it as they come.
func (b *builder) keepsRows(c plan.AggCall, use callUse) (bool, error) {
	if use.live && len(c.OrderBy) > 0 {
		return true, nil
	}
	f, err := aggregate.New(c, b.env, use.retracts)
	if use.retracts && sqlerr.CodeOf(err) == sqlerr.FeatureNotSupported {
		return true, nil
	}
	if err != nil || !use.combines {
		return false, err
	}
	_, ok := f.(aggregate.Combiner)
	return !ok || c.Distinct, nil
}

// combine reports whether groups of calls can be put together as they come, which
// those that need an order, or each value once, cannot.
func combine(calls []plan.AggCall, retracts bool) bool {
	env := &function.Env{Format: types.DefaultFormat()}
	for _, c := range calls {
		if c.Distinct || len(c.OrderBy) > 0 {
			return false
		}
		f, err := aggregate.New(c, env, retracts)
		if err != nil || !aggregate.Compact(f) {
			return false
		}
	}
	return true
}
