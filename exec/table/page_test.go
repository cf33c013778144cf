package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// TestSearch: a page finds each of its keys, and the place of each that it has not,
// however the keys lie.
func TestSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	kinds := map[string]func(i int) []byte{
		"one behind another": func(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(1_000_000+i)) },
		"with gaps":          func(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i*i*i)) },
		"all over":           func(int) []byte { return binary.BigEndian.AppendUint64(nil, r.Uint64()) },
		"beginnings of each other": func(i int) []byte {
			return bytes.Repeat([]byte{0}, i)
		},
		"texts": func(i int) []byte {
			return fmt.Appendf(nil, "%s%d", []string{"a", "the same for a long while ", "zz"}[r.IntN(3)], r.IntN(1000)*i)
		},
		"short": func(i int) []byte { return []byte{byte(i), byte(r.IntN(3))}[:1+i%2] },
	}
	for name, make := range kinds {
		for _, n := range []int{0, 1, 2, 9, 100} {
			var keys, asked [][]byte
			for i := range n {
				k := make(i)
				keys = append(keys, k)
				asked = append(asked, k, append(slices.Clone(k), 0), k[:len(k)/2], make(r.IntN(200)))
			}
			slices.SortFunc(keys, bytes.Compare)
			keys = slices.CompactFunc(keys, bytes.Equal)
			p := emptyPage()
			for i, k := range keys {
				var ok bool
				if p, ok = p.put(i, false, k, nil); !ok {
					t.Fatalf("%s: %d keys are too many for a page", name, n)
				}
			}
			p = p.packed(0, p.len(), 0)
			for _, k := range append(asked, nil, []byte{0xff, 0xff}) {
				i, found := p.search(k)
				want := sort.Search(len(keys), func(i int) bool { return bytes.Compare(keys[i], k) >= 0 })
				if i != want || found != (want < len(keys) && bytes.Equal(keys[want], k)) {
					t.Fatalf("%s, %d keys: %x is at %d (%v), want %d", name, len(keys), k, i, found, want)
				}
			}
		}
	}
}
