package operator

import (
	"context"
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/catalog/blocksort"
)

// radixFrom is the number of rows from which a pass over every row for each byte
// beats comparisons.
const radixFrom = 1 << 11

// radixSort orders s by prefix; rows of one prefix keep their order. It looks at
// the bytes in which prefixes differ, the lowest first. Where ctx ends first, s
// is in some order.
func radixSort(ctx context.Context, s []keyed) error { return radixSortFrom(ctx, s, 0) }

// radixSortFrom does so with the bits of a prefix from low on.
func radixSortFrom(ctx context.Context, s []keyed, low int) error {
	var differ uint64
	for i := range s {
		differ |= s[i].prefix ^ s[0].prefix
	}
	differ = differ >> low << low
	from, to := s, make([]keyed, len(s))
	for shift := max(low, bits.TrailingZeros64(differ)&^7); shift < bits.Len64(differ); shift += 8 {
		if differ>>shift&0xff == 0 {
			continue
		}
		var next [256]int // by byte: where its next row goes
		for i := range from {
			next[byte(from[i].prefix>>shift)]++
		}
		sum := 0
		for b, n := range next {
			next[b], sum = sum, sum+n
		}
		for at := 0; at < len(from); at += blocksort.Block {
			if err := ctx.Err(); err != nil {
				return err
			}
			for _, k := range from[at:min(at+blocksort.Block, len(from))] {
				n := &next[byte(k.prefix>>shift)]
				to[*n] = k
				*n++
			}
		}
		from, to = to, from
	}
	if len(s) > 0 && &from[0] != &s[0] {
		copy(s, from)
	}
	return nil
}
