package bind

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// maxParams is the highest parameter number a Bind message can fill.
const maxParams = 65535

// params are the types of $1, $2, ... as far as they are known. A parameter
// without a type is of type unknown until a coercion gives it one; a reference
// that was made before then must be coerced to the same.
type params struct {
	types []types.OID // 0: not used so far
	none  bool        // every reference is an error
}

func newParams(given []types.OID) *params {
	return &params{types: append([]types.OID(nil), given...)}
}

// ref is a reference to $n.
func (p *params) ref(b *binder, n int, loc int32) plan.Expr {
	if p.none || n <= 0 || n > maxParams {
		b.failf(sqlerr.UndefinedParameter, loc, "there is no parameter $%d", n)
	}
	for len(p.types) < n {
		p.types = append(p.types, types.Invalid)
	}
	if p.types[n-1] == types.Invalid {
		p.types[n-1] = types.Unknown
	}
	return &plan.Param{N: n, Typ: types.Of(p.types[n-1])}
}

// coerce gives a parameter of unknown type the type target; nil where the
// parameter has a type that must be coerced as any other.
func (p *params) coerce(b *binder, e *plan.Param, target types.OID, loc int32) plan.Expr {
	if e.Typ.OID != types.Unknown {
		return nil
	}
	if have := p.types[e.N-1]; have != types.Unknown && have != target {
		b.fail(sqlerr.Errorf(sqlerr.AmbiguousParameter, "inconsistent types deduced for parameter $%d", e.N).
			WithDetail("%s versus %s", b.formatType(have), b.formatType(target)).At(b.pos(loc)))
	}
	p.types[e.N-1] = target
	e.Typ = types.Of(target)
	return e
}

// finish checks that every parameter has a type and returns them.
func (p *params) finish(b *binder) []types.Type {
	var out []types.Type
	for i, t := range p.types {
		if t == types.Invalid || t == types.Unknown {
			b.fail(sqlerr.Errorf(sqlerr.IndeterminateDatatype, "could not determine data type of parameter $%d", i+1))
		}
		out = append(out, types.Of(t))
	}
	return out
}
