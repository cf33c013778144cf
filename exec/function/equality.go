package function

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Types that have an equality and no order: transaction and command numbers,
// points and lines.

func init() {
	type vs = []types.Value
	op := func(sig string, f func(a vs) bool, ex ...string) {
		define(sig+" bool strict immutable", Definition{
			Value:    func(_ *Env, a vs) (types.Value, error) { return boolean(f(a)) },
			Examples: examples(ex...),
		})
	}
	same := func(a vs) bool { return uint32(a[0].I) == uint32(a[1].I) }
	differ := func(a vs) bool { return !same(a) }
	op("xideq(xid, xid)", same, "'1'::xid = '1'::xid", "t", "'4294967295'::xid = '1'::xid", "f", "NULL::xid = '1'::xid", "NULL")
	op("xidneq(xid, xid)", differ, "'1'::xid <> '1'::xid", "f", "'3'::xid <> '1'::xid", "t")
	op("xideqint4(xid, int4)", same, "'4294967295'::xid = -1", "t", "'1'::xid = 2", "f")
	op("xidneqint4(xid, int4)", differ, "'1'::xid <> 2", "t")
	op("cideq(cid, cid)", same, "'1'::cid = '1'::cid", "t", "'2'::cid = '1'::cid", "f")

	meet := func(a vs) bool { return types.PointsOf(a[0])[0].Meets(types.PointsOf(a[1])[0]) }
	op("point_eq(point, point)", meet, "point '(1,2)' ~= point '(1,2.0000001)'", "t", "point '(1,2)' ~= point '(2,1)'", "f")
	op("point_ne(point, point)", func(a vs) bool { return !meet(a) }, "point '(1,2)' <> point '(1,2.0000001)'", "f", "point '(1,2)' <> point '(2,1)'", "t")
	op("line_eq(line, line)", func(a vs) bool { return sameLine(types.LineOf(a[0]), types.LineOf(a[1])) },
		"line '{1,2,3}' = line '{2,4,6}'", "t", "line '{1,2,3}' = line '{1,2,4}'", "f", "line '{0,2,3}' = line '{0,4,6}'", "t", "line '{NaN,2,3}' = line '{NaN,2,3}'", "t")
}

// sameLine reports whether two lines' coefficients are in one proportion.
func sameLine(p, q [3]float64) bool {
	for i := range p {
		if math.IsNaN(p[i]) || math.IsNaN(q[i]) {
			for i := range p {
				if p[i] != q[i] && !(math.IsNaN(p[i]) && math.IsNaN(q[i])) {
					return false
				}
			}
			return true
		}
	}
	ratio := 1.0
	for i := range q {
		if !types.FloatsMeet(q[i], 0) {
			ratio = p[i] / q[i]
			break
		}
	}
	for i := range p {
		if !types.FloatsMeet(p[i], ratio*q[i]) {
			return false
		}
	}
	return true
}
