package types

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// The geometric types. Their values are their binary forms: floats of eight
// bytes, highest first. None has an order.
const (
	PointType OID = 600
	Lseg      OID = 601
	GeoPath   OID = 602
	Box       OID = 603
	Polygon   OID = 604
	Line      OID = 628
	Circle    OID = 718
)

// Point is a point of the plane.
type Point struct{ X, Y float64 }

// floatsOf reads the floats of a value of fixed size.
func floatsOf(s string) []float64 {
	all := make([]float64, len(s)/8)
	for i := range all {
		all[i] = math.Float64frombits(binary.BigEndian.Uint64([]byte(s[8*i : 8*i+8])))
	}
	return all
}

func appendFloats(dst []byte, xs ...float64) []byte {
	for _, x := range xs {
		dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(x))
	}
	return dst
}

// PointsOf are the points of a point, lseg, box (high, low), path or polygon,
// and of a circle its centre.
func PointsOf(v Value) []Point {
	s := v.S
	switch v.Type.OID {
	case GeoPath:
		s = s[5:]
	case Polygon:
		s = s[4:]
	case Circle:
		s = s[:16]
	}
	xs := floatsOf(s)
	points := make([]Point, len(xs)/2)
	for i := range points {
		points[i] = Point{xs[2*i], xs[2*i+1]}
	}
	return points
}

func appendPoints(dst []byte, points []Point) []byte {
	for _, p := range points {
		dst = appendFloats(dst, p.X, p.Y)
	}
	return dst
}

// NewPoint returns a point.
func NewPoint(p Point) Value { return NewString(PointType, string(appendFloats(nil, p.X, p.Y))) }

// NewLseg returns a line segment.
func NewLseg(a, b Point) Value { return NewString(Lseg, string(appendFloats(nil, a.X, a.Y, b.X, b.Y))) }

// NewBox returns a box; any two opposite corners say which.
func NewBox(a, b Point) Value {
	if floatLess(a.X, b.X) {
		a.X, b.X = b.X, a.X
	}
	if floatLess(a.Y, b.Y) {
		a.Y, b.Y = b.Y, a.Y
	}
	return NewString(Box, string(appendFloats(nil, a.X, a.Y, b.X, b.Y)))
}

// floatLess orders NaN above everything.
func floatLess(x, y float64) bool { return x < y || x == x && y != y }

// geometry fills in what the geometric types have in common.
func geometry(i *Info) *Info {
	i.Align, i.Category, i.Kind, i.Phys = 'd', 'G', 'b', PhysBytes
	if i.Delim == 0 {
		i.Delim = ','
	}
	i.AppendBinary, i.Compare = appendS, compareS
	return register(i)
}

// recvFloats reads n floats and nothing else.
func recvFloats(oid OID, n int) func(b []byte, _ int32) (Value, error) {
	return func(b []byte, _ int32) (Value, error) {
		r := formReader{b: b}
		for range n {
			r.uint64()
		}
		if err := r.end(); err != nil {
			return Value{}, err
		}
		return NewString(oid, string(b)), nil
	}
}

var _ = geometry(&Info{
	OID: PointType, Name: "point", SQLName: "point", Array: 1017, Elem: Float8, Len: 16,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		g := geometryReader{whole: s, typ: "point", rest: s}
		p, ok := g.pair()
		if !ok || g.rest != "" {
			return Value{}, g.fail()
		}
		return NewPoint(p), nil
	},
	AppendText: func(dst []byte, v Value, f *Format) []byte { return appendPoint(dst, PointsOf(v)[0], f) },
	Recv:       recvFloats(PointType, 2),
})

func appendPoint(dst []byte, p Point, f *Format) []byte {
	dst = AppendFloat64(append(dst, '('), p.X, f.ExtraFloatDigits)
	dst = AppendFloat64(append(dst, ','), p.Y, f.ExtraFloatDigits)
	return append(dst, ')')
}

func appendPointList(dst []byte, points []Point, f *Format) []byte {
	for i, p := range points {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendPoint(dst, p, f)
	}
	return dst
}

// geometryReader reads the text forms of geometry, as PostgreSQL's geo_ops.c
// does. rest is what is not read yet; err is an error other than of syntax.
type geometryReader struct {
	whole, typ string
	rest       string
	err        error
	ended      func() error // nil: nobody gives up
}

func (g *geometryReader) fail() error {
	if g.err != nil {
		return g.err
	}
	return errSyntax(g.typ, g.whole)
}

func (g *geometryReader) space() { g.rest = skipSpace(g.rest) }

// accept reads c where it is next.
func (g *geometryReader) accept(c byte) bool {
	if g.rest == "" || g.rest[0] != c {
		return false
	}
	g.rest = g.rest[1:]
	return true
}

// number reads a float, and the white space around it.
func (g *geometryReader) number() (float64, bool) {
	g.space()
	n := floatPrefix(g.rest)
	if n == 0 {
		return 0, false
	}
	t := g.rest[:n]
	x, named := namedFloat(t)
	if !named {
		var err error
		if x, err = strconv.ParseFloat(cHex(t), 64); err != nil || x == 0 && hasDigits(t) {
			g.err = sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "\"%s\" is out of range for type double precision", strings.Clone(t))
			return 0, false
		}
	}
	g.rest = skipSpace(g.rest[n:])
	return x, true
}

// floatPrefix is how much of s C's strtod takes.
func floatPrefix(s string) int {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	for _, word := range [...]string{"infinity", "inf", "nan"} {
		if len(s) >= i+len(word) && strings.EqualFold(s[i:i+len(word)], word) {
			return i + len(word)
		}
	}
	best := 0
	for end := i + 1; end <= len(s); end++ {
		c := s[end-1]
		if !isDigit(c) && !isAlpha(c) && c != '.' && c != '-' && c != '+' {
			break
		}
		if cNumber(s[:end]) {
			best = end
		}
	}
	return best
}

// pair reads x,y with or without parentheses.
func (g *geometryReader) pair() (p Point, ok bool) {
	g.space()
	paren := g.accept('(')
	if p.X, ok = g.number(); !ok || !g.accept(',') {
		return p, false
	}
	if p.Y, ok = g.number(); !ok {
		return p, false
	}
	if paren {
		if !g.accept(')') {
			return p, false
		}
		g.space()
	}
	return p, true
}

// path reads n points in brackets, parentheses or neither; open is whether
// they were brackets.
func (g *geometryReader) path(n int, mayOpen bool) (points []Point, open, ok bool) {
	depth := 0
	g.space()
	if open = g.accept('['); open {
		if !mayOpen {
			return nil, open, false
		}
		depth++
	} else if strings.HasPrefix(g.rest, "(") {
		inner := skipSpace(g.rest[1:])
		if strings.HasPrefix(inner, "(") || strings.LastIndexByte(g.rest, '(') == 0 {
			depth++
			g.rest = inner
		}
	}
	for k := range n {
		if k%1024 == 1023 && g.ended != nil {
			if g.err = g.ended(); g.err != nil {
				return nil, open, false
			}
		}
		p, ok := g.pair()
		if !ok {
			return nil, open, false
		}
		g.accept(',')
		points = append(points, p)
	}
	for ; depth > 0; depth-- {
		if !g.accept(')') && !(open && depth == 1 && g.accept(']')) {
			return nil, open, false
		}
		g.space()
	}
	return points, open, true
}

// pairCount is the number of points that the commas of s tell of, -1 for none.
func pairCount(s string) int {
	n := strings.Count(s, ",")
	if n%2 == 0 {
		return -1
	}
	return (n + 1) / 2
}
