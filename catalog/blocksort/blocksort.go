// Package blocksort orders slices so that who waits for it can give up: in blocks,
// between which it asks. It knows nothing of what it orders.
package blocksort

import "slices"

// Block is how many elements are sorted between two questions: a few milliseconds'
// worth.
const Block = 1 << 14

// Sort orders s, of which no two compare as equal. It gives up with the error of
// ended; s is then in some order. nil: nobody gives up. More than a Block needs as
// much memory again.
func Sort[T any](s []T, compare func(a, b T) int, ended func() error) error {
	if ended == nil {
		slices.SortFunc(s, compare)
		return nil
	}
	for block := range slices.Chunk(s, Block) {
		if err := ended(); err != nil {
			return err
		}
		slices.SortFunc(block, compare)
	}
	if len(s) <= Block {
		return nil
	}
	from, to := s, make([]T, len(s))
	for width := Block; width < len(s); width *= 2 {
		for at := 0; at < len(s); at += 2 * width {
			mid, end := min(at+width, len(s)), min(at+2*width, len(s))
			if err := merge(to[at:end], from[at:mid], from[mid:end], compare, ended); err != nil {
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

func merge[T any](dst, a, b []T, compare func(a, b T) int, ended func() error) error {
	if len(a) == 0 || len(b) == 0 || compare(a[len(a)-1], b[0]) < 0 {
		copy(dst[copy(dst, a):], b)
		return ended()
	}
	for i := range dst {
		if i%Block == 0 {
			if err := ended(); err != nil {
				return err
			}
		}
		if len(b) == 0 || len(a) > 0 && compare(a[0], b[0]) < 0 {
			dst[i], a = a[0], a[1:]
		} else {
			dst[i], b = b[0], b[1:]
		}
	}
	return nil
}
