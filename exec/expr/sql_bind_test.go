package expr

import (
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// settle makes text of an expression that is still unknown.
func (r *sqlReader) settle(e plan.Expr) plan.Expr {
	if e.Type().OID == types.Unknown {
		return r.coerce(e, types.Of(types.Text))
	}
	return e
}

func castOf(from, to types.OID) *catalog.Cast {
	for _, c := range function.Builtins().Casts {
		if c.Source == from && c.Target == to {
			return c
		}
	}
	return nil
}

// castContext is i, a or e, 0 where there is no cast; unknown becomes anything.
func castContext(from, to types.OID) byte {
	switch {
	case from == to || from == types.Unknown:
		return 'i'
	}
	if c := castOf(from, to); c != nil {
		return c.Context
	}
	return 0
}

func (r *sqlReader) coerce(e plan.Expr, t types.Type) plan.Expr { return r.cast(e, t, false) }

func (r *sqlReader) cast(e plan.Expr, t types.Type, explicit bool) plan.Expr {
	from := e.Type()
	if k, ok := e.(*plan.Const); ok && from.OID == types.Unknown {
		if k.Value.Null {
			return r.lift(types.NullOf(t))
		}
		v, err := types.Parse(types.Of(t.OID), k.Value.S, r.env.Format)
		if err != nil {
			panic(err)
		}
		e = r.lift(v)
		from = e.Type()
	}
	if from.OID != t.OID {
		e = r.convert(e, types.Of(t.OID), explicit)
		if call, ok := e.(*plan.Call); ok && len(call.Func.Args) == 2 && call.Func.Args[1] == types.Int4 {
			call.Args = append(call.Args, plan.NewConst(types.NewInt(types.Int4, int64(t.Mod))))
		}
	}
	if t.Mod >= 0 {
		return &plan.Cast{Arg: e, Typ: t, Method: plan.CastMod, Explicit: explicit}
	}
	return e
}

func (r *sqlReader) convert(e plan.Expr, t types.Type, explicit bool) plan.Expr {
	from := e.Type().OID
	a, b := types.Lookup(from), types.Lookup(t.OID)
	if a.Elem != 0 && b.Elem != 0 {
		elem := r.convert(&plan.Column{Typ: types.Of(a.Elem)}, types.Of(b.Elem), explicit)
		return &plan.Cast{Arg: e, Typ: t, Method: plan.CastArray, Elem: elem, Explicit: explicit}
	}
	c := castOf(from, t.OID)
	switch {
	case from == t.OID:
		return e
	case c != nil && c.Func != nil:
		return &plan.Call{Func: c.Func, Args: []plan.Expr{e}, Typ: t}
	case c != nil && c.Binary:
		return &plan.Cast{Arg: e, Typ: t, Method: plan.CastRelabel, Explicit: explicit}
	}
	return &plan.Cast{Arg: e, Typ: t, Method: plan.CastText, Explicit: explicit}
}

func (r *sqlReader) operator(name string, left, right plan.Expr) plan.Expr {
	if name == "!=" {
		name = "<>"
	}
	var lt types.Type
	args := []plan.Expr{right}
	if left != nil {
		lt = left.Type()
		args = []plan.Expr{left, right}
	}
	o := r.findOperator(name, lt, right.Type())
	if o.Func.Variadic {
		return &plan.Call{Func: o.Func, Args: []plan.Expr{r.coerce(left, types.Of(o.Left)), r.coerce(right, types.Of(o.Right))}, Typ: types.Of(o.Result)}
	}
	return r.bind(o.Func, args)
}

func (r *sqlReader) findOperator(name string, left, right types.Type) *catalog.Operator {
	if left.OID == types.Unknown && right.OID != types.Unknown {
		if o := r.exactOperator(name, right.OID, right.OID); o != nil {
			return o
		}
	}
	if right.OID == types.Unknown && left.OID != types.Unknown && left.OID != 0 {
		if o := r.exactOperator(name, left.OID, left.OID); o != nil {
			return o
		}
	}
	var ops []*catalog.Operator
	var sigs [][]types.OID
	have := []types.OID{right.OID}
	if left.OID != 0 {
		have = []types.OID{left.OID, right.OID}
	}
	for _, o := range function.Builtins().Operators {
		if o.Name != name || (o.Left == 0) != (left.OID == 0) {
			continue
		}
		ops = append(ops, o)
		if left.OID == 0 {
			sigs = append(sigs, []types.OID{o.Right})
		} else {
			sigs = append(sigs, []types.OID{o.Left, o.Right})
		}
	}
	i := choose(sigs, have)
	if i < 0 {
		panic(fmt.Sprintf("no operator %d %s %d", left.OID, name, right.OID))
	}
	return ops[i]
}

func (r *sqlReader) exactOperator(name string, left, right types.OID) *catalog.Operator {
	for _, o := range function.Builtins().Operators {
		if o.Name == name && o.Left == left && o.Right == right {
			return o
		}
	}
	return nil
}

func (r *sqlReader) function(name string, args []plan.Expr) plan.Expr {
	have := make([]types.OID, len(args))
	for i, a := range args {
		have[i] = a.Type().OID
	}
	var fs []*catalog.Function
	var sigs [][]types.OID
	for _, f := range function.Builtins().Functions {
		if f.Name != name {
			continue
		}
		sig := slices.Clone(f.Args)
		if f.Variadic {
			for len(sig) < len(args) {
				sig = append(sig, sig[len(sig)-1])
			}
		}
		if len(args) >= len(sig)-f.Optional {
			sig = sig[:min(len(sig), len(args))]
		}
		if len(sig) == len(args) {
			fs, sigs = append(fs, f), append(sigs, sig)
		}
	}
	i := choose(sigs, have)
	if i < 0 {
		if info, ok := types.ByName(name); ok && len(args) == 1 {
			return r.cast(args[0], types.Of(info.OID), true)
		}
		panic(fmt.Sprintf("no function %s%v", name, have))
	}
	return r.bind(fs[i], args)
}

// choose picks a signature as PostgreSQL does: most exact matches, then most
// preferred types; unknowns prefer strings.
func choose(sigs [][]types.OID, have []types.OID) int {
	best, bestScore := -1, -1
	for i, sig := range sigs {
		score := 0
		for k, want := range sig {
			s := matchScore(have[k], want)
			if s < 0 {
				score = -1
				break
			}
			score += s
		}
		if score > bestScore {
			best, bestScore = i, score
		}
	}
	return best
}

// plainly is the plain polymorphic type of one of the anycompatible family:
// examples give arguments of one type.
func plainly(oid types.OID) types.OID {
	switch oid {
	case 5077:
		return types.AnyElement
	case 5078:
		return types.AnyArray
	}
	return oid
}

func matchScore(have, want types.OID) int {
	want = plainly(want)
	info := types.Lookup(have)
	switch {
	case have == want:
		return 1000
	case want == types.AnyRange && types.MultirangeOf(have) != 0, want == types.AnyMultirange && types.RangeOfMulti(have) != 0:
		return 6
	case want == types.AnyRange || want == types.AnyMultirange:
		return -1
	case want == types.AnyElement || want == types.Any || want == types.AnyNonArray && info.Elem == 0:
		return 5
	case want == types.AnyArray && (info.Elem != 0):
		return 6
	case want == types.AnyArray && have == types.Unknown:
		return 1
	case want == types.AnyArray || want == types.AnyNonArray:
		return -1
	case have == types.Unknown:
		if want == types.Text {
			return 20
		}
		return 1
	}
	if castContext(have, want) != 'i' {
		return -1
	}
	if types.Lookup(want).Preferred {
		return 20
	}
	return 10
}

// bind coerces the arguments of a function and resolves its result type.
func (r *sqlReader) bind(f *catalog.Function, args []plan.Expr) plan.Expr {
	call := &plan.Call{Func: f, Typ: types.Of(f.Ret)}
	var elem, ranged types.OID
	for i, a := range args {
		want := plainly(f.Args[min(i, len(f.Args)-1)])
		info := types.Lookup(a.Type().OID)
		switch {
		case want == types.AnyArray && info.Elem != 0:
			elem = info.Elem
		case want == types.AnyRange:
			elem, ranged = types.RangeSubtype(a.Type().OID), a.Type().OID
		case want == types.AnyMultirange:
			elem, ranged = types.RangeSubtype(a.Type().OID), types.RangeOfMulti(a.Type().OID)
		case (want == types.AnyElement || want == types.AnyNonArray) && a.Type().OID != types.Unknown && elem == 0:
			elem = a.Type().OID
		}
	}
	for i, a := range args {
		want := plainly(f.Args[min(i, len(f.Args)-1)])
		switch want {
		case types.AnyRange:
			want = ranged
		case types.AnyMultirange:
			want = types.MultirangeOf(ranged)
		case types.AnyArray:
			if elem == 0 {
				elem = types.Text
			}
			want = types.Lookup(elem).Array
		case types.AnyElement:
			want = elem
			if elem == 0 {
				want = types.Text
			}
		case types.Any:
			call.Args = append(call.Args, a) // also a literal, which stays of unknown type
			continue
		case types.AnyNonArray:
			want = a.Type().OID
			if want == types.Unknown {
				want = types.Text
			}
		}
		call.Args = append(call.Args, r.coerce(a, types.Of(want)))
	}
	switch plainly(f.Ret) {
	case types.AnyRange:
		call.Typ = types.Of(ranged)
	case types.AnyMultirange:
		call.Typ = types.Of(types.MultirangeOf(ranged))
	case types.AnyArray:
		call.Typ = types.Of(types.Lookup(elem).Array)
	case types.AnyElement:
		call.Typ = types.Of(elem)
	}
	return call
}
