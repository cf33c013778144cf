package function

import (
	"math"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Comparisons of geometry, which are no order of a btree: boxes and circles by
// their area, segments by their length, paths by the number of their points.

// fuzzyCompare orders numbers that PostgreSQL takes for equal within 1e-6.
func fuzzyCompare(x, y float64) int {
	switch {
	case types.FloatsMeet(x, y):
		return 0
	case x < y:
		return -1
	}
	return 1
}

func boxArea(v types.Value) float64 {
	p := types.PointsOf(v)
	return (p[0].X - p[1].X) * (p[0].Y - p[1].Y)
}

func circleArea(v types.Value) float64 {
	_, r := types.CircleOf(v)
	return r * r * math.Pi
}

func segmentLength(v types.Value) float64 {
	p := types.PointsOf(v)
	return math.Hypot(p[0].X-p[1].X, p[0].Y-p[1].Y)
}

func pathPoints(v types.Value) float64 { return float64(len(types.PointsOf(v))) }

func init() {
	for _, f := range []struct {
		pattern, typ string
		measure      func(v types.Value) float64
		low, high    string
	}{
		{"box_%", "box", boxArea, "box '(0,0),(1,1)'", "box '(1,2),(3,4)'"},
		{"circle_%", "circle", circleArea, "circle '<(0,0),1>'", "circle '<(1,2),3>'"},
		{"lseg_%", "lseg", segmentLength, "lseg '[(0,0),(1,1)]'", "lseg '[(0,0),(3,4)]'"},
		{"path_n_%", "path", pathPoints, "path '[(0,0),(1,1)]'", "path '[(0,0),(1,1),(2,2)]'"},
	} {
		for op, word := range comparisonWords {
			op := comparison(op)
			name := strings.Replace(f.pattern, "%", word, 1)
			if op == notEqual && f.typ != "circle" && f.typ != "lseg" {
				continue // PostgreSQL has none
			}
			compare := func(a, b types.Value) bool { return op.holds(fuzzyCompare(f.measure(a), f.measure(b))) }
			if f.typ == "lseg" && (op == equal || op == notEqual) {
				compare = func(a, b types.Value) bool {
					p, q := types.PointsOf(a), types.PointsOf(b)
					return (p[0].Meets(q[0]) && p[1].Meets(q[1])) == (op == equal)
				}
			}
			sign := " " + comparisonSigns[op] + " "
			define(name+"("+f.typ+", "+f.typ+") bool strict immutable", Definition{
				Value:    func(_ *Env, a []types.Value) (types.Value, error) { return boolean(compare(a[0], a[1])) },
				Examples: examples(f.low+sign+f.high, truth(op.holds(-1)), f.high+sign+f.low, truth(op.holds(1)), f.low+sign+f.low, truth(op.holds(0))),
			})
		}
	}
}
