//go:build !race

package expr

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// TestKernelsDoNotAllocate runs each kernel once to grow its buffers, and then
// counts.
func TestKernelsDoNotAllocate(t *testing.T) {
	b, ts := benchBatch()
	sel := make([]int32, 0, b.Rows)
	for i := 0; i < b.Rows; i += 3 {
		sel = append(sel, int32(i))
	}
	for _, k := range kernels {
		e := benchExpr(t, k.sql, ts)
		p, err := Compile(e, testEnv())
		if err != nil {
			t.Fatal(err)
		}
		const limit = 0.0
		for name, s := range map[string][]int32{"all rows": nil, "a selection": sel} {
			if n := testing.AllocsPerRun(20, func() { p.Run(b, s) }); n > limit {
				t.Errorf("%s over %s: %v allocations a batch, want %v", k.name, name, n, limit)
			}
			if e.Type().OID == types.Bool {
				if n := testing.AllocsPerRun(20, func() { p.Filter(b, s) }); n > limit {
					t.Errorf("filter %s over %s: %v allocations a batch, want %v", k.name, name, n, limit)
				}
			}
		}
	}
}
