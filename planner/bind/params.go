package bind

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Parameter numbers: the highest that a Bind message can fill, and the highest that
// PostgreSQL reads (MaxAllocSize / sizeof(Oid)).
const (
	maxParams = 65535
	maxNumber = 0x3fffffff / 4
)

// params are the types of $1, $2, ... as far as they are known. A parameter
// without a type is of type unknown until a coercion gives it one; a reference
// that was made before then must be coerced to the same.
type params struct {
	types []types.OID // 0: not used so far
	// beyond are the types of those that no Bind fills. A statement that is fit to
	// run has none: it lacks one with a lower number.
	beyond map[int]types.OID
	none   bool // every reference is an error
}

func newParams(given []types.OID) *params {
	return &params{types: append([]types.OID(nil), given...)}
}

// ref is a reference to $n.
func (p *params) ref(b *binder, n int, loc int32) plan.Expr {
	if p.none || n <= 0 || n > maxNumber {
		b.failf(sqlerr.UndefinedParameter, loc, "there is no parameter $%d", n)
	}
	for len(p.types) < min(n, maxParams) {
		p.types = append(p.types, types.Invalid)
	}
	if p.typeOf(n) == types.Invalid {
		p.setType(n, types.Unknown)
	}
	return &plan.Param{N: n, Typ: types.Of(p.typeOf(n))}
}

func (p *params) typeOf(n int) types.OID {
	if n > maxParams {
		return p.beyond[n]
	}
	return p.types[n-1]
}

func (p *params) setType(n int, t types.OID) {
	if n <= maxParams {
		p.types[n-1] = t
		return
	}
	if p.beyond == nil {
		p.beyond = map[int]types.OID{}
	}
	p.beyond[n] = t
}

// coerce gives a parameter of unknown type the type target; nil where the
// parameter has a type that must be coerced as any other.
func (p *params) coerce(b *binder, e *plan.Param, target types.OID, loc int32) plan.Expr {
	if e.Typ.OID != types.Unknown {
		return nil
	}
	if have := p.typeOf(e.N); have != types.Unknown && have != target {
		b.fail(sqlerr.Errorf(sqlerr.AmbiguousParameter, "inconsistent types deduced for parameter $%d", e.N).
			WithDetail("%s versus %s", b.formatType(have), b.formatType(target)).At(b.pos(loc)))
	}
	p.setType(e.N, target)
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
	if len(p.beyond) > 0 {
		b.fail(sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a statement has at most %d parameters", maxParams))
	}
	return out
}
