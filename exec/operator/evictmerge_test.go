package operator

import (
	"math"
	"testing"
	"testing/synctest"
)

// TestMergeWaits: pages that are merged wait for who writes them, so that few are in memory
// twice, and an epoch takes no more of them than it is told to.
func TestMergeWaits(t *testing.T) {
	const pages, size = 64, 1 << 20
	synctest.Test(t, func(t *testing.T) {
		m := &merge{space: pageSpace{bits: 6}}
		m.moved.L = &m.mu
		made := 0
		go func() {
			value := make([]byte, size)
			for made < pages && m.offer([]pageWrite{{value: value, more: 1}}, made+1) {
				made++
			}
		}()
		written, groups := 0, int64(0)
		take := func(most int) (merged int) {
			t.Helper()
			merged, more, err := m.take(1, most, func(p pageWrite) {
				written += p.size()
				synctest.Wait()
				if wait := made*size - written; wait > 2*mergeAhead+size {
					t.Fatalf("%d bytes were merged and not written", wait)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			groups += more
			return merged
		}
		const most = 16 << 20
		if merged := take(most); written < most || written > most+mergeAhead+size || merged != written/size {
			t.Errorf("an epoch took %d bytes, of %d pages; want about %d", written, merged, most)
		}
		if merged := take(math.MaxInt); merged != pages || written != pages*size || groups != pages {
			t.Errorf("%d pages, %d bytes, %d groups were written; want %d pages", merged, written, groups, pages)
		}
	})
}
