package expr

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDense: rows are selected, and looked for, alike at every number and density.
func TestDense(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		for _, part := range []float64{0, 0.01, 0.5, 0.99, 1} {
			vals, want := make([]bool, n), []int32{}
			for i := range vals {
				if vals[i] = r.Float64() < part; vals[i] {
					want = append(want, int32(i))
				}
			}
			out := make([]int32, n)
			if got := out[:selectDense(out, vals)]; !slices.Equal(got, want) {
				t.Fatalf("%d rows, %v true: %v, want %v", n, part, got, want)
			}
			for _, what := range []bool{false, true} {
				if got := contains(vals, what); got != slices.Contains(vals, what) {
					t.Fatalf("%d rows, %v true: contains %v is %v", n, part, what, got)
				}
			}
		}
	}
}
