package types

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// geometryEpsilon is how near two coordinates are that count as equal.
const geometryEpsilon = 1e-6

// FloatsMeet is PostgreSQL's FPeq.
func FloatsMeet(x, y float64) bool { return x == y || math.Abs(x-y) <= geometryEpsilon }

// Meets reports whether two points count as one.
func (p Point) Meets(q Point) bool {
	if math.IsNaN(p.X) || math.IsNaN(p.Y) || math.IsNaN(q.X) || math.IsNaN(q.Y) {
		same := func(x, y float64) bool { return x == y || x != x && y != y }
		return same(p.X, q.X) && same(p.Y, q.Y)
	}
	return FloatsMeet(p.X, q.X) && FloatsMeet(p.Y, q.Y)
}

// A line is all points of which Ax + By + C = 0.
var _ = geometry(&Info{
	OID: Line, Name: "line", SQLName: "line", Array: 629, Elem: Float8, Len: 24,
	In: parseLine,
	AppendText: func(dst []byte, v Value, f *Format) []byte {
		for i, x := range floatsOf(v.S) {
			dst = AppendFloat64(append(dst, "{,,"[i]), x, f.ExtraFloatDigits)
		}
		return append(dst, '}')
	},
	Recv: func(b []byte, mod int32) (Value, error) {
		r := formReader{b: b}
		a, bb := r.float64(), r.float64()
		r.float64()
		if r.err == nil && FloatsMeet(a, 0) && FloatsMeet(bb, 0) {
			return Value{}, errForm("%s", flatLine)
		}
		return recvFloats(Line, 3)(b, mod)
	},
})

// LineOf are A, B and C of a line.
func LineOf(v Value) [3]float64 { return [3]float64(floatsOf(v.S)) }

const flatLine = "invalid line specification: A and B cannot both be zero"

func newLine(a, b, c float64) Value { return NewString(Line, string(appendFloats(nil, a, b, c))) }

func parseLine(s string, _ int32, _ *Format) (Value, error) {
	g := geometryReader{whole: s, typ: "line", rest: skipSpace(s)}
	if !g.accept('{') {
		p, _, ok := g.path(2, true)
		if !ok || g.rest != "" {
			return Value{}, g.fail()
		}
		return LineThrough(p[0], p[1])
	}
	var x [3]float64
	for i := range x {
		var ok bool
		if x[i], ok = g.number(); !ok || !g.accept(",,}"[i]) {
			return Value{}, g.fail()
		}
	}
	if g.space(); g.rest != "" {
		return Value{}, g.fail()
	}
	if FloatsMeet(x[0], 0) && FloatsMeet(x[1], 0) {
		return Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, flatLine)
	}
	return newLine(x[0], x[1], x[2]), nil
}

// LineThrough is the line through two points.
func LineThrough(p, q Point) (Value, error) {
	switch {
	case p.Meets(q):
		return Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid line specification: must be two distinct points")
	case FloatsMeet(p.X, q.X):
		return newLine(-1, 0, p.X), nil
	case FloatsMeet(p.Y, q.Y):
		return newLine(0, -1, p.Y), nil
	}
	dy, dx := p.Y-q.Y, p.X-q.X
	slope := dy / dx
	fall := slope * p.X
	c := p.Y - fall
	for _, step := range [...]struct{ result, a, b float64 }{{dy, p.Y, q.Y}, {dx, p.X, q.X}, {slope, dy, dx}, {fall, slope, p.X}, {c, p.Y, fall}} {
		if math.IsInf(step.result, 0) && !math.IsInf(step.a, 0) && !math.IsInf(step.b, 0) {
			return Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value out of range: overflow")
		}
	}
	if (slope == 0 && dy != 0 && !math.IsInf(dx, 0)) || (fall == 0 && slope != 0 && p.X != 0) {
		return Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value out of range: underflow")
	}
	if math.IsInf(slope, 0) {
		return newLine(-1, 0, p.X), nil
	}
	if slope == 0 {
		return newLine(0, -1, p.Y), nil
	}
	if c == 0 {
		c = 0 // which may have been negative
	}
	return newLine(slope, -1, c), nil
}

// NewCircle returns a circle; a radius below zero is the caller's mistake.
func NewCircle(centre Point, radius float64) Value {
	return NewString(Circle, string(appendFloats(nil, centre.X, centre.Y, radius)))
}

// CircleOf takes a circle apart.
func CircleOf(v Value) (centre Point, radius float64) {
	x := floatsOf(v.S)
	return Point{x[0], x[1]}, x[2]
}

var _ = geometry(&Info{
	OID: Circle, Name: "circle", SQLName: "circle", Array: 719, Len: 24,
	In: parseCircle,
	AppendText: func(dst []byte, v Value, f *Format) []byte {
		centre, radius := CircleOf(v)
		dst = appendPoint(append(dst, '<'), centre, f)
		return append(AppendFloat64(append(dst, ','), radius, f.ExtraFloatDigits), '>')
	},
	Recv: func(b []byte, mod int32) (Value, error) {
		v, err := recvFloats(Circle, 3)(b, mod)
		if len(b) >= 24 {
			if x := floatsOf(string(b[16:24])); x[0] < 0 {
				return Value{}, errForm("invalid radius in external \"circle\" value")
			}
		}
		return v, err
	},
})

func parseCircle(s string, _ int32, _ *Format) (Value, error) {
	g := geometryReader{whole: s, typ: "circle", rest: skipSpace(s)}
	depth := 0
	switch {
	case g.accept('<'):
		depth++
	case g.rest != "" && g.rest[0] == '(':
		if inner := skipSpace(g.rest[1:]); inner != "" && inner[0] == '(' {
			depth++
			g.rest = inner
		}
	}
	centre, ok := g.pair()
	if !ok {
		return Value{}, g.fail()
	}
	g.accept(',')
	radius, ok := g.number()
	if !ok || radius < 0 {
		return Value{}, g.fail()
	}
	if depth > 0 {
		if !g.accept(')') && !g.accept('>') {
			return Value{}, g.fail()
		}
		g.space()
	}
	if g.rest != "" {
		return Value{}, g.fail()
	}
	return NewCircle(centre, radius), nil
}
