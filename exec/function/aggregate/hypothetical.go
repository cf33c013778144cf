package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Where a hypothetical row would stand among the rows of its group.

func (a *sortedGroups) rank(g int32) (types.Value, error) {
	return types.NewInt(types.Int8, int64(a.before(g, -1))+1), nil
}

func (a *sortedGroups) denseRank(g int32) (types.Value, error) {
	n := a.before(g, -1)
	distinct := int64(0)
	for i := range n {
		if i == 0 || a.compare(a.keys, int(a.rows[g][i-1]), a.keys, int(a.rows[g][i])) != 0 {
			distinct++
		}
	}
	return types.NewInt(types.Int8, distinct+1), nil
}

func (a *sortedGroups) percentRank(g int32) (types.Value, error) {
	if len(a.rows[g]) == 0 {
		return types.NewFloat(types.Float8, 0), nil
	}
	return types.NewFloat(types.Float8, float64(a.before(g, -1))/float64(len(a.rows[g]))), nil
}

func (a *sortedGroups) cumeDist(g int32) (types.Value, error) {
	return types.NewFloat(types.Float8, float64(a.before(g, 0)+1)/float64(len(a.rows[g])+1)), nil
}

// before counts the rows of a group that are less than the hypothetical one (-1),
// or at most equal to it (0).
func (a *sortedGroups) before(g int32, most int) int {
	rows := a.rows[g]
	if len(rows) == 0 {
		return 0
	}
	for i, v := range a.direct[g] {
		a.hypo[i].Reset()
		vec.Append(a.hypo[i], v)
	}
	n := 0
	for n < len(rows) && a.compare(a.keys, int(rows[n]), a.hypo, 0) <= most {
		n++
	}
	return n
}

// compare orders two rows by the call's keys.
func (a *sortedGroups) compare(x []vec.Vec, i int, y []vec.Vec, j int) int {
	for k, key := range a.call.OrderBy {
		xn, yn := x[k].Nulls().Get(i), y[k].Nulls().Get(j)
		switch {
		case xn && yn:
			continue
		case xn != yn:
			if xn == key.NullsFirst {
				return -1
			}
			return 1
		}
		c := vec.Compare(x[k], i, y[k], j, key.Expr.Type())
		if key.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}
