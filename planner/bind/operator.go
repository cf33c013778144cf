package bind

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// operator applies an operator as written; left.e is nil for a prefix operator.
func (b *binder) operator(names []string, left, right operand, loc int32) plan.Expr {
	op := b.findOperator(names, left, right, loc)
	args := make([]plan.Expr, 0, 2)
	if left.e != nil {
		args = append(args, left.e)
	}
	args = append(args, right.e)
	locs := []int32{left.loc, right.loc}
	if left.e == nil {
		locs = locs[1:]
	}
	declared := []types.OID{op.Right}
	if left.e != nil {
		declared = []types.OID{op.Left, op.Right}
	}
	actual := make([]types.OID, len(args))
	for i, a := range args {
		actual[i] = a.Type().OID
	}
	want, ret := b.concrete(actual, declared, op.Result, loc)
	for i := range args {
		args[i] = b.coerceType(args[i], want[i], -1, implicit, locs[i])
	}
	return &plan.Call{Func: op.Func, Args: args, Typ: types.Of(ret), Op: op.Name, Pos: b.pos(loc)}
}

// findOperator resolves an operator by its operands' types, and asks for EXECUTE on its
// function.
func (b *binder) findOperator(names []string, left, right operand, loc int32) *catalog.Operator {
	op := b.resolveOperator(names, left, right, loc)
	b.needFunction(op.Func)
	return op
}

// resolveOperator is PostgreSQL's oper and left_oper.
func (b *binder) resolveOperator(names []string, left, right operand, loc int32) *catalog.Operator {
	name := names[len(names)-1]
	if len(names) > 1 && names[0] != "pg_catalog" {
		if b.c.Catalog.Schema(names[0]) == nil {
			b.failf(sqlerr.InvalidSchemaName, loc, "schema \"%s\" does not exist", names[0])
		}
		b.fail(b.noOperator(strings.Join(names, "."), left, right).At(b.pos(loc)))
	}
	all := b.c.Catalog.Operators(name)
	if left.e == nil {
		return b.findPrefix(name, all, right, loc)
	}
	lt, rt := left.e.Type().OID, right.e.Type().OID
	// An exact match, an unknown operand taken to be of the other's type.
	el, er := lt, rt
	if el == types.Unknown && er != types.Unknown {
		el = er
	} else if er == types.Unknown && el != types.Unknown {
		er = el
	}
	for _, o := range all {
		if o.Left != 0 && o.Left == el && o.Right == er {
			return o
		}
	}
	cands := make([]candidate, 0, len(all))
	pairs := make([]types.OID, 0, 2*len(all))
	for _, o := range all {
		if o.Left == 0 {
			continue
		}
		n := len(pairs)
		pairs = append(pairs, o.Left, o.Right)
		cands = append(cands, candidate{args: pairs[n : n+2 : n+2], op: o})
	}
	return b.chooseOperator(name, []types.OID{lt, rt}, cands, left, right, loc)
}

func (b *binder) findPrefix(name string, all []*catalog.Operator, right operand, loc int32) *catalog.Operator {
	rt := right.e.Type().OID
	var cands []candidate
	for _, o := range all {
		if o.Left != 0 {
			continue
		}
		if o.Right == rt {
			return o
		}
		cands = append(cands, candidate{args: []types.OID{o.Right}, op: o})
	}
	return b.chooseOperator(name, []types.OID{rt}, cands, operand{}, right, loc)
}

func (b *binder) chooseOperator(name string, inputs []types.OID, cands []candidate, left, right operand, loc int32) *catalog.Operator {
	match := b.matching(inputs, cands)
	if len(match) == 1 {
		return match[0].op
	}
	if len(match) == 0 {
		b.fail(b.noOperator(name, left, right).At(b.pos(loc)))
	}
	if c := b.choose(inputs, match); c != nil {
		return c.op
	}
	b.fail(sqlerr.Errorf(sqlerr.AmbiguousFunction, "operator is not unique: %s", b.operatorSignature(name, left, right)).
		WithHint("Could not choose a best candidate operator. You might need to add explicit type casts.").At(b.pos(loc)))
	return nil
}

func (b *binder) noOperator(name string, left, right operand) *sqlerr.Error {
	hint := "No operator matches the given name and argument types. You might need to add explicit type casts."
	if left.e == nil {
		hint = "No operator matches the given name and argument type. You might need to add an explicit type cast."
	}
	return sqlerr.Errorf(sqlerr.UndefinedFunction, "operator does not exist: %s", b.operatorSignature(name, left, right)).WithHint("%s", hint)
}

func (b *binder) operatorSignature(name string, left, right operand) string {
	s := name + " " + b.formatType(right.e.Type().OID)
	if left.e != nil {
		s = b.formatType(left.e.Type().OID) + " " + s
	}
	return s
}
