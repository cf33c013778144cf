package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/blocksort"
)

// sortRefs orders refs; rows that compare as equal keep the order of the spool.
func sortRefs(ctx context.Context, refs []ref, compare func(a, b ref) int) error {
	return blocksort.Sort(refs, func(a, b ref) int {
		if c := compare(a, b); c != 0 {
			return c
		}
		if a < b {
			return -1
		}
		return 1
	}, ctx.Err)
}
