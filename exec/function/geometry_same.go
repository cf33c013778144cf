package function

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// ~= of what has points: whether they are the same, within PostgreSQL's 1e-6; and
// whether two points stand above each other, or side by side.

func init() {
	op := func(sig string, f func(a, b types.Value) bool, ex ...string) {
		define(sig+" bool strict immutable", Definition{
			Value:    func(_ *Env, a []types.Value) (types.Value, error) { return boolean(f(a[0], a[1])) },
			Examples: examples(ex...),
		})
	}
	op("point_vert(point, point)", func(a, b types.Value) bool { return types.FloatsMeet(types.PointsOf(a)[0].X, types.PointsOf(b)[0].X) },
		"point '(1,2)' ?| point '(1,5)'", "t", "point '(1,2)' ?| point '(2,2)'", "f")
	op("point_horiz(point, point)", func(a, b types.Value) bool { return types.FloatsMeet(types.PointsOf(a)[0].Y, types.PointsOf(b)[0].Y) },
		"point '(1,2)' ?- point '(5,2)'", "t", "point '(1,2)' ?- point '(1,5)'", "f")
	op("box_same(box, box)", func(a, b types.Value) bool { return samePoints(types.PointsOf(a), types.PointsOf(b), 0, 1) },
		"box '(1,1),(0,0)' ~= box '(0,1),(1,0)'", "t", "box '(1,1),(0,0)' ~= box '(2,1),(1,0)'", "f")
	op("circle_same(circle, circle)", func(a, b types.Value) bool {
		p, r := types.CircleOf(a)
		q, s := types.CircleOf(b)
		return (types.FloatsMeet(r, s) || r != r && s != s) && p.Meets(q)
	}, "circle '<(1,2),3>' ~= circle '<(1,2),3.0000001>'", "t", "circle '<(1,2),3>' ~= circle '<(1,3),3>'", "f")
	op("poly_same(polygon, polygon)", func(a, b types.Value) bool { return sameRing(types.PointsOf(a), types.PointsOf(b)) },
		"polygon '((0,0),(1,1),(2,0))' ~= polygon '((1,1),(0,0),(2,0))'", "t", "polygon '((0,0),(1,1),(2,0))' ~= polygon '((0,0),(1,1),(2,1))'", "f",
		"polygon '((0,0),(1,1))' ~= polygon '((0,0),(1,1),(2,1))'", "f")
}

// sameRing reports whether q's points are p's, beginning anywhere, in either
// direction.
func sameRing(p, q []types.Point) bool {
	if len(p) != len(q) {
		return false
	}
	for from := range q {
		if samePoints(p, q, from, 1) || samePoints(p, q, from, len(q)-1) {
			return true
		}
	}
	return false
}

// samePoints reports whether p's points are q's from one on, each so many steps
// after the other.
func samePoints(p, q []types.Point, from, step int) bool {
	for i := range p {
		if !p[i].Meets(q[(from+i*step)%len(q)]) {
			return false
		}
	}
	return true
}
