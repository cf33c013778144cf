package types

import (
	"encoding/binary"
	"math"
	"strings"
)

var (
	_ = geometry(&Info{
		OID: Lseg, Name: "lseg", SQLName: "lseg", Array: 1018, Elem: PointType, Len: 32,
		In: func(s string, _ int32, _ *Format) (Value, error) {
			g := geometryReader{whole: s, typ: "lseg", rest: s}
			p, _, ok := g.path(2, true)
			if !ok || g.rest != "" {
				return Value{}, g.fail()
			}
			return NewLseg(p[0], p[1]), nil
		},
		AppendText: func(dst []byte, v Value, f *Format) []byte {
			return append(appendPointList(append(dst, '['), PointsOf(v), f), ']')
		},
		Recv: recvFloats(Lseg, 4),
	})
	_ = geometry(&Info{
		OID: Box, Name: "box", SQLName: "box", Array: 1020, Elem: PointType, Len: 32, Delim: ';',
		In: func(s string, _ int32, _ *Format) (Value, error) {
			g := geometryReader{whole: s, typ: "box", rest: s}
			p, _, ok := g.path(2, false)
			if !ok || g.rest != "" {
				return Value{}, g.fail()
			}
			return NewBox(p[0], p[1]), nil
		},
		AppendText: func(dst []byte, v Value, f *Format) []byte { return appendPointList(dst, PointsOf(v), f) },
		Recv: func(b []byte, mod int32) (Value, error) {
			v, err := recvFloats(Box, 4)(b, mod)
			if err != nil {
				return v, err
			}
			p := PointsOf(v)
			return NewBox(p[0], p[1]), nil
		},
	})
	_ = geometry(&Info{
		OID: GeoPath, Name: "path", SQLName: "path", Array: 1019, Len: -1,
		In: parsePath,
		AppendText: func(dst []byte, v Value, f *Format) []byte {
			if v.S[0] == 0 {
				return append(appendPointList(append(dst, '['), PointsOf(v), f), ']')
			}
			return append(appendPointList(append(dst, '('), PointsOf(v), f), ')')
		},
		Recv: func(b []byte, _ int32) (Value, error) {
			r := formReader{b: b}
			closed := r.byte() != 0
			points, err := recvPoints(&r, "path")
			if err != nil {
				return Value{}, err
			}
			return NewPath(points, closed), nil
		},
	})
	_ = geometry(&Info{
		OID: Polygon, Name: "polygon", SQLName: "polygon", Array: 1027, Len: -1,
		In: func(s string, _ int32, f *Format) (Value, error) {
			g := geometryReader{whole: s, typ: "polygon", rest: s, ended: f.ended()}
			n := pairCount(s)
			if n < 0 {
				return Value{}, g.fail()
			}
			points, _, ok := g.path(n, false)
			if !ok || g.rest != "" {
				return Value{}, g.fail()
			}
			return NewPolygon(points), nil
		},
		AppendText: func(dst []byte, v Value, f *Format) []byte {
			return append(appendPointList(append(dst, '('), PointsOf(v), f), ')')
		},
		Recv: func(b []byte, _ int32) (Value, error) {
			r := formReader{b: b}
			points, err := recvPoints(&r, "polygon")
			if err != nil {
				return Value{}, err
			}
			return NewPolygon(points), nil
		},
	})
)

// NewPath returns a path: a byte that is 1 where it is closed, then the number
// of its points and they themselves.
func NewPath(points []Point, closed bool) Value {
	b := make([]byte, 1, 5+16*len(points))
	if closed {
		b[0] = 1
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(points)))
	return NewString(GeoPath, string(appendPoints(b, points)))
}

// NewPolygon returns a polygon.
func NewPolygon(points []Point) Value {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(points)))
	return NewString(Polygon, string(appendPoints(b, points)))
}

func parsePath(s string, _ int32, f *Format) (Value, error) {
	g := geometryReader{whole: s, typ: "path", rest: skipSpace(s), ended: f.ended()}
	n := pairCount(s)
	if n < 0 {
		return Value{}, g.fail()
	}
	// One parenthesis around all the numbers.
	paren := strings.LastIndexByte(g.rest, '(') == 0
	if paren {
		g.rest = g.rest[1:]
	}
	points, open, ok := g.path(n, true)
	if !ok {
		return Value{}, g.fail()
	}
	if paren {
		if !g.accept(')') {
			return Value{}, g.fail()
		}
		g.space()
	}
	if g.rest != "" {
		return Value{}, g.fail()
	}
	return NewPath(points, !open), nil
}

func recvPoints(r *formReader, typ string) ([]Point, error) {
	n := int32(r.uint32())
	if r.err != nil {
		return nil, r.err
	}
	if n <= 0 || n >= math.MaxInt32/16-2 {
		return nil, errForm("invalid number of points in external \"%s\" value", typ)
	}
	points := make([]Point, 0, min(int(n), len(r.b)/16+1))
	for range n {
		points = append(points, Point{r.float64(), r.float64()})
		if r.err != nil {
			return nil, r.err
		}
	}
	return points, r.end()
}
