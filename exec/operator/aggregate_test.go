package operator

import (
	"context"
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// TestAggregateOfManyGroups: the results of every batch of groups stand beside
// their keys, not only those of the first.
func TestAggregateOfManyGroups(t *testing.T) {
	bind := binder{pairTypes}
	account := memory.New("the query", 1<<30, memory.QuerySetting)
	op := NewAggregate(AggregateSpec{Keys: programs(bind, []string{"$1"}), KeyTypes: pairTypes[1:],
		Calls: []*Call{testCall(bind, "max($1)", account)}, Account: account})
	defer op.Close()
	out := &script{types: []types.Type{pairTypes[1], pairTypes[1]}}
	for turn := range 3 {
		if err := op.Process(context.Background(), 0, manyPairs(turn), out); err != nil {
			t.Fatal(err)
		}
	}
	if err := op.Finish(context.Background(), 0, out); err != nil {
		t.Fatal(err)
	}
	if len(out.lines) != 3000 {
		t.Fatalf("%d groups, want 3000", len(out.lines))
	}
	for i, line := range out.lines {
		if want := fmt.Sprintf("+ %d %d", i, i); line != want {
			t.Fatalf("group %d is %q, want %q", i, line, want)
		}
	}
}
