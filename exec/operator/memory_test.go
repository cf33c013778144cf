package operator

import (
	"context"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestMemoryLimit gives each operator that keeps rows more of them than it may
// hold: it answers 53200, and its Close gives everything back.
func TestMemoryLimit(t *testing.T) {
	bind := binder{pairTypes}
	account := memory.New("the query", 1<<20, memory.QuerySetting)
	for name, op := range map[string]Operator{
		"sort":      NewSort(sortKeys(bind, []string{"$0"}), pairTypes, -1, account, nil),
		"window":    NewWindow(WindowSpec{Types: pairTypes, OrderBy: sortKeys(bind, []string{"$0"}), Env: env, Account: account}),
		"distinct":  NewDistinct(nil, pairTypes, account, nil),
		"changes":   NewDistinctChanges(pairTypes, account),
		"intersect": NewSetOp(Intersect, false, pairTypes, account),
		"join": NewJoin(JoinSpec{LeftTypes: pairTypes, RightTypes: pairTypes, KeyTypes: pairTypes[:1],
			LeftKeys: programs(bind, []string{"$0"}), RightKeys: programs(bind, []string{"$0"}), Account: account}),
		"aggregate": NewAggregate(AggregateSpec{Keys: programs(bind, []string{"$1"}), KeyTypes: pairTypes[1:],
			Calls: []*Call{testCall(bind, "count(*)", account), testCall(bind, "max($0)", account)}, Account: account}),
		"distinct call": NewAggregate(AggregateSpec{Calls: []*Call{testCall(bind, "count(distinct $1)", account)}, Account: account}),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			for i := 0; i < 1000 && err == nil; i++ {
				err = op.Process(context.Background(), 1, manyPairs(i), &script{types: pairTypes})
			}
			if sqlerr.CodeOf(err) != sqlerr.OutOfMemory {
				t.Errorf("error = %v, want 53200", err)
			}
			if err := op.Close(); err != nil {
				t.Fatal(err)
			}
			if n := account.Used(); n != 0 {
				t.Errorf("%d bytes are held after Close", n)
			}
		})
	}
}

// manyPairs are 1,000 rows that differ.
func manyPairs(turn int) *vec.Batch {
	b := vec.NewBatch(pairTypes)
	for i := range 1000 {
		vec.Append(b.Cols[0], types.NewText("a name that takes some room"))
		vec.Append(b.Cols[1], types.NewInt(types.Int8, int64(turn*1000+i)))
		b.Rows++
	}
	return b
}
