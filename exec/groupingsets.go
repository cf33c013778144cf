package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func (b *builder) groupingSets(t *tree, n *plan.GroupingSets, to target) error {
	keys, err := b.compileAll(n.Keys)
	if err != nil {
		return err
	}
	ts := make([]types.Type, len(n.Keys))
	for i, k := range n.Keys {
		ts[i] = k.Type()
	}
	return b.operator(t, n, operator.NewGroupingSets(keys, ts, n.Sets, b.fault), to, input{n.Input, 0})
}

// rows computes rows of constants; nil for none.
func (b *builder) rows(rows [][]plan.Expr, ts []types.Type) (*vec.Batch, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	out := vec.NewBatch(ts)
	for _, row := range rows {
		for i, e := range row {
			v, err := b.eval(e)
			if err != nil {
				return nil, err
			}
			vec.Append(out.Cols[i], v)
		}
		out.Rows++
	}
	return out, nil
}
