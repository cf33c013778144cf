package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// coercion is the context a conversion is wanted in: what is allowed in one is
// allowed in the next.
type coercion uint8

const (
	implicit coercion = iota
	assignment
	explicit
)

// pathway is how one type becomes another (PostgreSQL's find_coercion_pathway).
type pathway uint8

const (
	noPath pathway = iota
	relabelPath
	functionPath
	arrayPath
	textPath
)

func (b *binder) pathway(source, target types.OID, ctx coercion) (pathway, *catalog.Cast) {
	if source == target {
		return relabelPath, nil
	}
	if c := b.c.Catalog.Cast(source, target); c != nil {
		need := implicit
		switch c.Context {
		case 'a':
			need = assignment
		case 'e':
			need = explicit
		}
		if ctx >= need {
			switch {
			case c.Func != nil:
				return functionPath, c
			case c.Binary:
				return relabelPath, c
			}
			return textPath, c
		}
		return noPath, nil
	}
	if types.IsRow(source) && types.IsRow(target) {
		if source == types.Record || target == types.Record {
			return relabelPath, nil
		}
		return noPath, nil
	}
	if target != types.OidVector && target != types.Int2Vector {
		if se, te := elemType(source), elemType(target); se != 0 && te != 0 {
			if types.IsRow(se) && te == types.Record {
				return relabelPath, nil
			}
			if p, _ := b.pathway(se, te, ctx); p != noPath && !types.IsRow(se) {
				return arrayPath, nil
			}
		}
	}
	switch {
	case ctx >= assignment && category(target) == 'S':
		return textPath, nil
	case ctx >= explicit && category(source) == 'S':
		return textPath, nil
	}
	return noPath, nil
}

// canCoerce is PostgreSQL's can_coerce_type for one value.
func (b *binder) canCoerce(source, target types.OID, ctx coercion) bool {
	return b.canCoerceAll([]types.OID{source}, []types.OID{target}, ctx)
}

func (b *binder) canCoerceAll(sources, targets []types.OID, ctx coercion) bool {
	generics := false
	for i, source := range sources {
		target := targets[i]
		switch {
		case source == target, target == types.Any:
			continue
		case polymorphic(target):
			generics = true
			continue
		case source == types.Unknown:
			continue
		}
		if p, _ := b.pathway(source, target, ctx); p == noPath {
			return false
		}
	}
	return !generics || b.genericsConsistent(sources, targets)
}

// coerceTo converts e to a type with its modifier in a context, or returns nil
// where there is no conversion (coerce_to_target_type).
func (b *binder) coerceTo(e plan.Expr, target types.Type, ctx coercion, loc int32) plan.Expr {
	if !b.canCoerce(e.Type().OID, target.OID, ctx) {
		return nil
	}
	return b.applyMod(b.coerceType(e, target.OID, target.Mod, ctx, loc), target, ctx, loc)
}

// coerceType converts e, for which canCoerce holds, to a type without regard to
// modifiers (coerce_type). mod is only used by conversions that need it.
func (b *binder) coerceType(e plan.Expr, target types.OID, mod int32, ctx coercion, loc int32) plan.Expr {
	source := e.Type().OID
	if source == target {
		return e
	}
	if polymorphic(target) || target == types.Any {
		// A literal stays unknown where any type will do: pg_typeof says so.
		if _, literal := e.(*plan.Const); source == types.Unknown && !(literal && target == types.Any) {
			return b.coerceType(e, types.Text, -1, ctx, loc)
		}
		return e
	}
	if source == types.Unknown {
		switch u := e.(type) {
		case *plan.Const:
			return b.literal(u, target, mod, loc)
		case *plan.Param:
			if p := b.shared.params.coerce(b, u, target, loc); p != nil {
				return p
			}
			source = e.Type().OID
			if source == target {
				return e
			}
		default:
			return &plan.Cast{Arg: e, Typ: types.Of(target), Method: plan.CastText, Pos: b.pos(loc)}
		}
	}
	switch {
	case source == types.Record && types.IsRow(target):
		return b.toRowType(e, target, ctx, loc)
	case target == types.Record && types.IsRow(source), target == types.RecordArray && types.IsRow(elemType(source)):
		return e // it keeps its type
	}
	path, cast := b.pathway(source, target, ctx)
	switch path {
	case functionPath:
		return b.castCall(e, cast, target, mod, ctx, loc)
	case arrayPath:
		st, tt := elemType(source), elemType(target)
		elem := b.coerceType(&plan.Column{Index: 0, Typ: types.Type{OID: st, Mod: e.Type().Mod}, Name: "element"}, tt, mod, ctx, loc)
		return &plan.Cast{Arg: e, Typ: types.Of(target), Method: plan.CastArray, Elem: elem, Explicit: ctx == explicit, Pos: b.pos(loc)}
	case textPath:
		return &plan.Cast{Arg: e, Typ: types.Of(target), Method: plan.CastText, Explicit: ctx == explicit, Pos: b.pos(loc)}
	}
	return &plan.Cast{Arg: e, Typ: types.Of(target), Method: plan.CastRelabel, Explicit: ctx == explicit, Pos: b.pos(loc)}
}

// castCall calls a cast's function, with the modifier and whether the cast is
// explicit where the function takes them.
func (b *binder) castCall(e plan.Expr, cast *catalog.Cast, target types.OID, mod int32, ctx coercion, loc int32) plan.Expr {
	if c, ok := e.(*plan.Const); ok {
		if v, ok := widened(c.Value, target); ok {
			return plan.NewConst(v)
		}
	}
	f := cast.Func
	arg := e
	if len(f.Args) > 0 && f.Args[0] != e.Type().OID && !polymorphic(f.Args[0]) && f.Args[0] != types.Any {
		arg = b.coerceType(e, f.Args[0], -1, implicit, loc)
	}
	args := []plan.Expr{arg}
	if len(f.Args) >= 2 && f.Args[1] == types.Int4 {
		args = append(args, plan.NewConst(types.NewInt(types.Int4, int64(mod))))
	}
	if len(f.Args) >= 3 && f.Args[2] == types.Bool {
		args = append(args, plan.NewConst(types.NewBool(ctx == explicit)))
	}
	how := plan.ImplicitCast
	if ctx == explicit {
		how = plan.ExplicitCast
	}
	if f.Ret != target && f.Ret == types.Int4 {
		// Such as int2 to oid, by int4.
		call := &plan.Call{Func: f, Args: args, Typ: types.Of(f.Ret), Cast: how, Pos: b.pos(loc)}
		return &plan.Cast{Arg: call, Typ: types.Of(target), Method: plan.CastRelabel, Explicit: ctx == explicit, Pos: b.pos(loc)}
	}
	return &plan.Call{Func: f, Args: args, Typ: types.Of(target), Cast: how, Pos: b.pos(loc)}
}

// applyMod applies a type's modifier to an expression of that type.
func (b *binder) applyMod(e plan.Expr, target types.Type, ctx coercion, loc int32) plan.Expr {
	have := e.Type()
	if have.Mod == target.Mod || have.OID != target.OID {
		return e
	}
	if target.Mod < 0 {
		if c, ok := e.(*plan.Const); ok {
			v := c.Value
			v.Type.Mod = -1
			return plan.NewConst(v)
		}
		return &plan.Cast{Arg: e, Typ: target, Method: plan.CastRelabel, Explicit: ctx == explicit, Pos: b.pos(loc)}
	}
	if elem := elemType(target.OID); elem != 0 && types.Lookup(elem).Coerce != nil {
		et := types.Type{OID: elem, Mod: target.Mod}
		inner := b.applyMod(&plan.Column{Index: 0, Typ: types.Of(elem), Name: "element"}, et, ctx, loc)
		return &plan.Cast{Arg: e, Typ: target, Method: plan.CastArray, Elem: inner, Explicit: ctx == explicit, Pos: b.pos(loc)}
	}
	if info := types.Lookup(target.OID); info == nil || info.Coerce == nil {
		return e
	}
	return &plan.Cast{Arg: e, Typ: target, Method: plan.CastMod, Explicit: ctx == explicit, Pos: b.pos(loc)}
}

// literal reads an unknown literal as a value of a type.
func (b *binder) literal(c *plan.Const, target types.OID, mod int32, loc int32) plan.Expr {
	if c.Value.Null {
		return plan.NewConst(types.NullOf(types.Of(target)))
	}
	t := types.Of(target)
	if target == types.Interval {
		t.Mod = mod
	}
	if target == types.Unknown || target == types.Cstring {
		return c
	}
	info := types.Lookup(target)
	if info == nil || info.In == nil {
		b.failf(sqlerr.FeatureNotSupported, loc, "cannot accept a value of type %s", b.formatType(target))
	}
	v, err := types.Parse(t, c.Value.S, b.format())
	if err != nil {
		b.fail(sqlerr.From(err).At(b.pos(loc)))
	}
	v.Type = t
	b.depend(types.EnumOf(target))
	return plan.NewConst(v)
}

// defaultType gives an expression that is still unknown the type text.
func (b *binder) defaultType(e plan.Expr, loc int32) plan.Expr {
	if e.Type().OID == types.Unknown {
		return b.coerceType(e, types.Text, -1, implicit, loc)
	}
	return e
}

// boolean converts an expression to boolean for a construct ("WHERE").
func (b *binder) boolean(e plan.Expr, construct string, loc int32) plan.Expr {
	if e.Type().OID != types.Bool {
		out := b.coerceTo(e, types.Of(types.Bool), assignment, loc)
		if out == nil {
			b.failf(sqlerr.DatatypeMismatch, loc, "argument of %s must be type %s, not type %s", construct, "boolean", b.formatType(e.Type().OID))
		}
		e = out
	}
	if plan.Any(e, isSet) {
		b.failf(sqlerr.DatatypeMismatch, loc, "argument of %s must not return a set", construct)
	}
	return e
}

// specific converts an expression to the type that a construct wants.
func (b *binder) specific(e plan.Expr, target types.OID, construct string, loc int32) plan.Expr {
	out := b.coerceTo(e, types.Of(target), assignment, loc)
	if out == nil {
		b.failf(sqlerr.DatatypeMismatch, loc, "argument of %s must be type %s, not type %s", construct, b.formatType(target), b.formatType(e.Type().OID))
	}
	return out
}

// assign converts an expression as an assignment does, for the texts that the
// catalog keeps.
func (b *binder) assign(e plan.Expr, want types.Type, node *pg.Node) plan.Expr {
	out := b.coerceTo(e, want, assignment, location(node))
	if out == nil {
		b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "expression is of type %s but %s is wanted", b.formatType(e.Type().OID), b.formatType(want.OID)).
			WithHint("You will need to rewrite or cast the expression.").At(b.pos(location(node))))
	}
	return out
}

// widened converts an integer literal to a wider type, which never fails.
func widened(v types.Value, target types.OID) (types.Value, bool) {
	switch v.Type.OID {
	case types.Int2, types.Int4, types.Int8:
	default:
		return v, false
	}
	if v.Null {
		return types.NullOf(types.Of(target)), true
	}
	switch {
	case target == types.Int8, target == types.Int4 && v.Type.OID == types.Int2:
		return types.NewInt(target, v.I), true
	case target == types.Numeric:
		return types.NewNumeric(types.DecimalFromInt64(v.I)), true
	case target == types.Float8:
		return types.NewFloat(target, float64(v.I)), true
	}
	return v, false
}
