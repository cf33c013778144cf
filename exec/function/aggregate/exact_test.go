package aggregate

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestExactSum adds and removes the longest numbers, one by one and all at once,
// and keeps what an exact sum of them is.
func TestExactSum(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	numbers := []int64{math.MaxInt64, math.MinInt64, -1, 0, 1, math.MinInt64 + 1, 1 << 62}
	for range 300 {
		var one, group exactSum
		want := new(big.Int)
		bias := rnd.IntN(3)
		for range rnd.IntN(40) {
			var values []int64
			for range 1 + rnd.IntN(5) {
				x := numbers[rnd.IntN(len(numbers))]
				if bias == 1 {
					x |= 1 << 62
				}
				if bias == 2 {
					x = -max(x, -x)
				}
				values = append(values, x)
				want.Add(want, big.NewInt(x))
				group.add(x)
			}
			addToOne(&one, values, len(values), nil)
			if rnd.IntN(2) == 0 {
				x := numbers[rnd.IntN(len(numbers))]
				want.Sub(want, big.NewInt(x))
				one.remove(x)
				group.remove(x)
			}
			if one != group {
				t.Fatalf("all at once %+v, one by one %+v", one, group)
			}
			var loaded exactSum
			loaded.load(&kept{b: one.save(nil)})
			if loaded != one {
				t.Fatalf("%+v is loaded as %+v", one, loaded)
			}
			hi, lo := one.words()
			got := new(big.Int).Lsh(big.NewInt(hi), 64)
			if got.Add(got, new(big.Int).SetUint64(lo)).Cmp(want) != 0 {
				t.Fatalf("the sum is %v, want %v", got, want)
			}
		}
	}
}
