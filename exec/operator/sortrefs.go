package operator

import (
	"context"
	"slices"
)

// sortBlock is how many rows are sorted between two looks at whether the query
// has ended: a few milliseconds' worth.
const sortBlock = 1 << 14

// sortRefs orders refs; rows that compare as equal keep the order of the spool.
func sortRefs(ctx context.Context, refs []ref, compare func(a, b ref) int) error {
	return sortBlocks(ctx, refs, func(a, b ref) int {
		if c := compare(a, b); c != 0 {
			return c
		}
		if a < b {
			return -1
		}
		return 1
	})
}

// sortBlocks orders s, of which no two compare as equal. It sorts blocks and
// merges them, so that a query that ends stops it soon; s is then in some order.
func sortBlocks[T any](ctx context.Context, s []T, compare func(a, b T) int) error {
	for block := range slices.Chunk(s, sortBlock) {
		if err := ctx.Err(); err != nil {
			return err
		}
		slices.SortFunc(block, compare)
	}
	if len(s) <= sortBlock {
		return nil
	}
	from, to := s, make([]T, len(s))
	for width := sortBlock; width < len(s); width *= 2 {
		for at := 0; at < len(s); at += 2 * width {
			mid, end := min(at+width, len(s)), min(at+2*width, len(s))
			if err := mergeBlocks(ctx, to[at:end], from[at:mid], from[mid:end], compare); err != nil {
				return err
			}
		}
		from, to = to, from
	}
	if &from[0] != &s[0] {
		copy(s, from)
	}
	return nil
}

func mergeBlocks[T any](ctx context.Context, dst, a, b []T, compare func(a, b T) int) error {
	if len(a) == 0 || len(b) == 0 || compare(a[len(a)-1], b[0]) < 0 {
		copy(dst[copy(dst, a):], b)
		return ctx.Err()
	}
	for i := range dst {
		if i%sortBlock == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if len(b) == 0 || len(a) > 0 && compare(a[0], b[0]) < 0 {
			dst[i], a = a[0], a[1:]
		} else {
			dst[i], b = b[0], b[1:]
		}
	}
	return nil
}
