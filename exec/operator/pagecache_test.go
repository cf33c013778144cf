package operator

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// TestPageCacheIsAMap: whatever is put, dropped and made to leave, a page that is
// there is the one that was put last.
func TestPageCacheIsAMap(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 31))
		account := memory.New("the job", 0, "")
		c := newPageCache(account)
		limit := int64(rng.IntN(300 << 10))
		c.limit(limit)
		want := map[pagePlace][]byte{}
		hits := 0
		for range 20_000 {
			at := pagePlace{uint8(5 + rng.IntN(2)), uint32(rng.IntN(32))}
			switch rng.IntN(100) {
			case 0:
				limit = int64(rng.IntN(300 << 10))
				c.limit(limit)
			case 1:
				bits := uint8(5 + rng.IntN(2))
				c.only(bits, bits)
				for at := range want {
					if at.bits != bits {
						delete(want, at)
					}
				}
			case 2, 3, 4, 5:
				c.drop(at)
				delete(want, at)
			default:
				if rng.IntN(2) == 0 {
					page := bytes.Repeat([]byte{byte(rng.IntN(256))}, rng.IntN(8<<10))
					c.put(at, page)
					want[at] = page
					break
				}
				page, ok := c.get(at, nil)
				if ok != c.has(at) {
					t.Fatalf("seed %d: %v is there and is not", seed, at)
				}
				if !ok {
					break
				}
				hits++
				if there, some := want[at]; !some || !bytes.Equal(page, there) {
					t.Fatalf("seed %d: of %v there are %d bytes, want %d", seed, at, len(page), len(there))
				}
			}
			if c.held() > limit {
				t.Fatalf("seed %d: %d bytes are held, over the limit of %d", seed, c.held(), limit)
			}
			live := 0
			for bits, pages := range c.at {
				for page := range pages {
					if b, ok := c.find(pagePlace{bits, uint32(page)}); ok {
						live += cacheHead + len(b)
					}
				}
			}
			if live != c.live {
				t.Fatalf("seed %d: %d bytes are wanted, and %d are counted", seed, live, c.live)
			}
		}
		if hits == 0 {
			t.Errorf("seed %d: no page was ever there", seed)
		}
		if c.close(); account.Used() != 0 {
			t.Errorf("seed %d: %d bytes are not given back", seed, account.Used())
		}
	}
}

// TestPageCacheKeepsWhatFits: where all pages fit, none goes, though some are
// written again and again.
func TestPageCacheKeepsWhatFits(t *testing.T) {
	c := newPageCache(nil)
	c.limit(1 << 20)
	page := bytes.Repeat([]byte{1}, 1000)
	for at := range uint32(800) {
		c.put(pagePlace{10, at}, page)
	}
	rng := rand.New(rand.NewPCG(1, 32))
	for range 100_000 {
		c.put(pagePlace{10, uint32(rng.IntN(50))}, page)
	}
	for at := range uint32(800) {
		if got, ok := c.get(pagePlace{10, at}, nil); !ok || !bytes.Equal(got, page) {
			t.Fatalf("page %d is gone", at)
		}
	}
}
