package bind

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// operand is a bound expression with its place in the text.
type operand struct {
	e   plan.Expr
	loc int32
}

// commonType is the type to which all operands of a construct are converted
// (select_common_type). construct "" answers Invalid where there is none.
func (b *binder) commonType(ops []operand, construct string) types.OID {
	pick := ops[0].e.Type().OID
	if pick != types.Unknown {
		same := true
		for _, o := range ops[1:] {
			same = same && o.e.Type().OID == pick
		}
		if same {
			return pick
		}
	}
	for _, o := range ops[1:] {
		next := o.e.Type().OID
		switch {
		case next == types.Unknown || next == pick:
		case pick == types.Unknown:
			pick = next
		case category(next) != category(pick):
			if construct == "" {
				return types.Invalid
			}
			b.failf(sqlerr.DatatypeMismatch, o.loc, "%s types %s and %s cannot be matched", construct, b.formatType(pick), b.formatType(next))
		case !preferred(pick) && b.canCoerce(pick, next, implicit) && !b.canCoerce(next, pick, implicit):
			pick = next
		}
	}
	if pick == types.Unknown {
		return types.Text
	}
	return pick
}

// commonMod is the modifier that all operands of the type share, else -1.
func commonMod(ops []operand, t types.OID) int32 {
	mod := int32(-1)
	for i, o := range ops {
		have := o.e.Type()
		if have.OID != t {
			return -1
		}
		if i == 0 {
			mod = have.Mod
		} else if mod != have.Mod {
			return -1
		}
	}
	return mod
}

// toCommon converts one operand to the common type of its construct.
func (b *binder) toCommon(o operand, t types.OID, construct string) plan.Expr {
	if o.e.Type().OID == t {
		return o.e
	}
	if !b.canCoerce(o.e.Type().OID, t, implicit) {
		b.failf(sqlerr.CannotCoerce, o.loc, "%s could not convert type %s to %s", construct, b.formatType(o.e.Type().OID), b.formatType(t))
	}
	return b.coerceType(o.e, t, -1, implicit, o.loc)
}

// unify converts all operands to their common type.
func (b *binder) unify(ops []operand, construct string) ([]plan.Expr, types.Type) {
	t := b.commonType(ops, construct)
	mod := commonMod(ops, t)
	out := make([]plan.Expr, len(ops))
	for i, o := range ops {
		out[i] = b.toCommon(o, t, construct)
	}
	return out, types.Type{OID: t, Mod: mod}
}
