package bind

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// resolved is what a call turned out to mean: a function with the types its
// arguments are to have, or, where fn is nil, a cast to a type written as a call.
type resolved struct {
	fn       *catalog.Function
	args     []types.OID
	ret      types.OID
	variadic bool
	cast     types.OID
	params   []int // of each argument of the call, the declared one; nil: in order
}

// resolveCall finds the function of a call (func_get_detail).
func (b *binder) resolveCall(names []string, argNames []string, ops []operand, variadicArray bool, loc int32) resolved {
	inputs := make([]types.OID, len(ops))
	for i, o := range ops {
		inputs[i] = o.e.Type().OID
	}
	if len(names) > 1 && b.c.Catalog.Schema(names[len(names)-2]) == nil {
		b.failf(sqlerr.InvalidSchemaName, loc, "schema \"%s\" does not exist", names[len(names)-2])
	}
	cands := b.functionCandidates(names, argNames, len(ops), variadicArray)
	var pick *candidate
	for i, c := range cands {
		if typesEqual(c.args, inputs) {
			pick = &cands[i]
			break
		}
	}
	if pick == nil && len(ops) == 1 && len(argNames) == 0 {
		if t := b.castByCall(names, ops[0].e.Type().OID); t != types.Invalid {
			return resolved{cast: t}
		}
	}
	if pick == nil {
		match := b.matching(inputs, cands)
		if len(match) > 1 {
			match = preferPlain(match)
		}
		switch {
		case len(match) == 1:
			pick = &match[0]
		case len(match) > 1:
			if pick = b.choose(inputs, match); pick == nil {
				b.fail(sqlerr.Errorf(sqlerr.AmbiguousFunction, "function %s is not unique", b.callSignature(names, argNames, ops)).
					WithHint("Could not choose a best candidate function. You might need to add explicit type casts.").At(b.pos(loc)))
			}
		default:
			b.refuseTimeWindow(names[len(names)-1], loc)
			if xmlFunctions[names[len(names)-1]] {
				b.unsupported(loc, noXML, "function %s is not supported", strings.ToLower(names[len(names)-1]))
			}
			hint := parse.DialectFunction(names[len(names)-1])
			if hint == "" {
				hint = "No function matches the given name and argument types. You might need to add explicit type casts."
			}
			b.fail(sqlerr.Errorf(sqlerr.UndefinedFunction, "function %s does not exist", b.callSignature(names, argNames, ops)).WithHint("%s", hint).At(b.pos(loc)))
		}
	}
	args, ret := b.concrete(inputs, pick.args, pick.fn.Ret, loc)
	return resolved{fn: pick.fn, args: args, ret: ret, variadic: pick.variadic, params: pick.params}
}

// functionCandidates are the functions of a name that can take n arguments.
func (b *binder) functionCandidates(names, argNames []string, n int, variadicArray bool) []candidate {
	name := names[len(names)-1]
	schema := ""
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	named := b.c.Catalog.Functions(name)
	out := make([]candidate, 0, len(named))
	for _, f := range named {
		if schema != "" && f.Schema != schema && !(f.Schema == "" && schema == "pg_catalog") {
			continue
		}
		if schema == "" && f.Schema == "information_schema" {
			continue
		}
		var args []types.OID // the function's own list, unless it has to differ
		c := candidate{fn: f, system: f.Schema != "ferris"}
		switch {
		case f.Variadic && variadicArray:
			if len(f.Args) != n {
				continue
			}
			args = slices.Clone(f.Args)
			if last := args[n-1]; last == types.Any {
				// Checked once the function is chosen.
			} else if last == types.AnyElement || last == types.AnyNonArray {
				args[n-1] = types.AnyArray
			} else if last == anyCompatible {
				args[n-1] = anyCompatibleArray
			} else {
				args[n-1] = arrayType(last)
			}
		case f.Variadic:
			if n < len(f.Args)-f.Optional || n < len(f.Args)-1 {
				continue
			}
			args = append(make([]types.OID, 0, max(n, len(f.Args))), f.Args...)
			for len(args) < n {
				args = append(args, f.Args[len(f.Args)-1])
			}
			args = args[:n]
			c.variadic = true
		case n > len(f.Args) || n < len(f.Args)-f.Optional:
			continue
		default:
			args = f.Args[:n:n]
			c.defaults = len(f.Args) - n
		}
		if len(argNames) > 0 {
			if c.variadic {
				continue // named notation does not repeat an argument
			}
			if c.params = matchNames(f, argNames, n); c.params == nil {
				continue
			}
			args = make([]types.OID, n)
			for i, p := range c.params {
				args[i] = f.Args[p]
			}
		}
		c.args = args
		out = append(out, c)
	}
	return out
}

// matchNames says which declared argument each of a call's n arguments is, those
// named being the last; nil where the function has no such argument, has it by
// its place already, or would go without one that it must have.
func matchNames(f *catalog.Function, argNames []string, n int) []int {
	params := make([]int, n)
	given := make([]bool, len(f.Args))
	first := n - len(argNames)
	for i := range first {
		params[i], given[i] = i, true
	}
	for i, name := range argNames {
		p := slices.Index(f.ArgNames, name)
		if p < 0 || p >= len(f.Args) || given[p] {
			return nil
		}
		params[first+i], given[p] = p, true
	}
	for p, is := range given {
		if !is && p < len(f.Args)-len(f.Defaults) && !(p >= len(f.Args)-f.Optional && !slices.Contains(given[p:], true)) {
			return nil
		}
	}
	return params
}

// preferPlain drops, of candidates with the same types, those that are variadic
// or leave arguments out, and those of a schema later in the path.
func preferPlain(all []candidate) []candidate {
	var out []candidate
next:
	for _, c := range all {
		for i, o := range out {
			if !typesEqual(o.args, c.args) {
				continue
			}
			if better(c, o) {
				out[i] = c
			}
			continue next
		}
		out = append(out, c)
	}
	return out
}

func better(a, b candidate) bool {
	switch {
	case a.variadic != b.variadic:
		return !a.variadic
	case a.defaults != b.defaults:
		return a.defaults < b.defaults
	}
	return a.system && !b.system
}

// castByCall is the type that f(x) casts to, where f names a type and the cast
// is one that needs no function of its own.
func (b *binder) castByCall(names []string, source types.OID) types.OID {
	info := b.lookupType(names)
	if info == nil || info.Kind == 'p' {
		return types.Invalid
	}
	if source == types.Unknown {
		return info.OID
	}
	if types.IsRow(source) && info.Category == 'S' {
		return types.Invalid // name(x) is not to be taken for a cast
	}
	switch p, _ := b.pathway(source, info.OID, explicit); p {
	case relabelPath, textPath:
		return info.OID
	}
	return types.Invalid
}

func (b *binder) callSignature(names, argNames []string, ops []operand) string {
	s := make([]string, len(ops))
	for i, o := range ops {
		s[i] = b.formatType(o.e.Type().OID)
		if n := i - (len(ops) - len(argNames)); n >= 0 {
			s[i] = argNames[n] + " => " + s[i]
		}
	}
	return strings.Join(names, ".") + "(" + strings.Join(s, ", ") + ")"
}

// call calls a function by name with arguments that are bound already.
func (b *binder) call(name string, ops []operand, loc int32) plan.Expr {
	r := b.resolveCall([]string{name}, nil, ops, false, loc)
	return b.makeCall(r, ops, loc)
}

func (b *binder) makeCall(r resolved, ops []operand, loc int32) plan.Expr {
	if r.cast != types.Invalid {
		return b.coerceTo(ops[0].e, types.Of(r.cast), explicit, ops[0].loc)
	}
	b.needFunction(r.fn)
	call := &plan.Call{Func: r.fn, Args: b.callArgs(r, ops), Typ: types.Of(r.ret), Pos: b.pos(loc)}
	if r.fn.Shaped {
		b.shape(call, ops)
	}
	return call
}

// typedArgs are callArgs of an aggregate or a window function: they become
// columns, which have a type.
func (b *binder) typedArgs(r resolved, ops []operand) []plan.Expr {
	args := b.callArgs(r, ops)
	for i := range args {
		args[i] = b.defaultType(args[i], -1)
	}
	return args
}

// callArgs are a call's arguments as the function declares them: converted, in
// its order, with the defaults of those that the call leaves out. A literal for
// an argument of any type stays of unknown type.
func (b *binder) callArgs(r resolved, ops []operand) []plan.Expr {
	args := make([]plan.Expr, len(ops), max(len(ops), len(r.fn.Args)))
	for i, o := range ops {
		args[i] = b.coerceType(o.e, r.args[i], -1, implicit, o.loc)
	}
	if r.params == nil && (len(r.fn.Defaults) == 0 || len(args) >= len(r.fn.Args)) {
		return args
	}
	out := make([]plan.Expr, len(r.fn.Args))
	for i, a := range args {
		if r.params == nil {
			out[i] = a
		} else {
			out[r.params[i]] = a
		}
	}
	required := len(out) - len(r.fn.Defaults)
	for i := range out {
		if out[i] == nil && i >= required {
			out[i] = plan.NewConst(r.fn.Defaults[i-required])
		}
	}
	for len(out) > 0 && out[len(out)-1] == nil {
		out = out[:len(out)-1]
	}
	return out
}
