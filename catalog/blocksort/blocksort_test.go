package blocksort

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSort orders numbers of several blocks, and gives up when it is asked to.
func TestSort(t *testing.T) {
	for _, n := range []int{0, 1, Block, Block + 1, 5*Block - 3} {
		s := rand.New(rand.NewPCG(1, uint64(n))).Perm(n)
		questions := 0
		asked := func() error { questions++; return nil }
		if err := Sort(s, cmp.Compare[int], asked); err != nil || !slices.IsSorted(s) {
			t.Errorf("%d numbers are not sorted: %v", n, err)
		}
		if questions < n/Block {
			t.Errorf("%d questions while %d numbers were sorted", questions, n)
		}
		if n == 0 {
			continue
		}
		tired := errors.New("tired")
		for stop := range questions {
			s, left := rand.New(rand.NewPCG(2, uint64(n))).Perm(n), stop
			err := Sort(s, cmp.Compare[int], func() error {
				if left--; left < 0 {
					return tired
				}
				return nil
			})
			if err == nil && !slices.IsSorted(s) || err != nil && !errors.Is(err, tired) {
				t.Errorf("%d numbers, given up at question %d: %v", n, stop, err)
			}
		}
	}
}
