package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// GroupingSets passes each row once for every grouping set: its columns, then
// the keys, NULL where the set has them not, then the set's number from 1. The
// rows of a Delete are Deletes.
type GroupingSets struct {
	stateless
	keys    []*expr.Program
	sets    [][]int
	fault   Fault
	cols    []vec.Vec
	nulls   []vec.Vec // one NULL of each key's type
	numbers []vec.Vec // of each set
	live    []int32
	out     vec.Batch
}

// NewGroupingSets returns a GroupingSets over keys of the types given; a set
// lists its keys' places.
func NewGroupingSets(keys []*expr.Program, ts []types.Type, sets [][]int, fault Fault) *GroupingSets {
	g := &GroupingSets{keys: keys, sets: sets, fault: fault, cols: make([]vec.Vec, len(keys))}
	for _, t := range ts {
		v := vec.New(t)
		vec.AppendNull(v)
		g.nulls = append(g.nulls, v)
	}
	for i := range sets {
		v := vec.New(types.Of(types.Int4))
		vec.Append(v, types.NewInt(types.Int4, int64(i)+1))
		g.numbers = append(g.numbers, v)
	}
	return g
}

// Process passes the rows on, set by set.
func (g *GroupingSets) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	sel, err := runAll(g.keys, b, g.cols, g.fault, &g.live)
	if err != nil {
		return err
	}
	for i, set := range g.sets {
		g.out = vec.Batch{Cols: append(g.out.Cols[:0], b.Cols...), Ops: b.Ops, Sel: sel, Rows: b.Rows}
		for _, null := range g.nulls {
			g.out.Cols = append(g.out.Cols, vec.ConstOf(null, b.Rows))
		}
		for _, k := range set {
			g.out.Cols[len(b.Cols)+k] = g.cols[k]
		}
		g.out.Cols = append(g.out.Cols, vec.ConstOf(g.numbers[i], b.Rows))
		if err := out.Emit(ctx, &g.out); err != nil {
			return err
		}
	}
	return nil
}
