package operator

import (
	"cmp"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// bound is the last row of the best ones that a Sort with a top has seen: a row
// that does not come before it can be left out at once.
type bound struct {
	keys []vec.Vec // one row; nil: not that many rows have been seen
	ties bool      // rows that are equal to it are wanted too
	buf  []int32
}

// take makes row of the columns the bound.
func (b *bound) take(cols []vec.Vec, keys []SortKey, row int) {
	if b.keys == nil {
		for _, k := range keys {
			b.keys = append(b.keys, vec.New(k.Type))
		}
	}
	for i, c := range cols {
		b.keys[i].Reset()
		vec.AppendRow(b.keys[i], c, row)
	}
}

// before returns the rows of sel that come before the bound. Of equal rows the
// earlier comes first, so those that are equal to the bound do not, unless ties
// are wanted.
func (b *bound) before(cols []vec.Vec, keys []SortKey, sel []int32) []int32 {
	if cap(b.buf) < len(sel) {
		b.buf = make([]int32, max(len(sel), vec.MaxRows))
	}
	// First by the first key alone, where it is quick to tell.
	if !cols[0].Nulls().Any() && !b.keys[0].Nulls().Any() {
		sel = b.byFirst(cols[0], keys[0].Desc, sel)
	}
	kept := b.buf[:0] // it may lie over sel: it is never ahead of it
	for _, r := range sel {
		if c := b.compare(cols, keys, int(r)); c < 0 || c == 0 && b.ties {
			kept = append(kept, r)
		}
	}
	return kept
}

// compare says whether a row comes before the bound.
func (b *bound) compare(cols []vec.Vec, keys []SortKey, row int) int {
	for i := range keys {
		if c := keys[i].compare(cols[i], row, b.keys[i], 0); c != 0 {
			return c
		}
	}
	return 0
}

// byFirst leaves out rows whose first key comes after the bound's.
func (b *bound) byFirst(v vec.Vec, desc bool, sel []int32) []int32 {
	switch v := v.(type) {
	case *vec.Fixed[int64]:
		return notAfter(b.buf, v.Values, b.keys[0].(*vec.Fixed[int64]).Values[0], desc, sel)
	case *vec.Fixed[int32]:
		return notAfter(b.buf, v.Values, b.keys[0].(*vec.Fixed[int32]).Values[0], desc, sel)
	case *vec.Numeric:
		if k := b.keys[0].(*vec.Numeric); v.Narrow() && k.Narrow() && v.Scale == k.Scale {
			return notAfter(b.buf, v.Lo, k.Lo[0], desc, sel)
		}
	}
	return sel
}

// notAfter writes the rows of sel whose value is at most k, or, desc, at least k.
func notAfter[T cmp.Ordered](out []int32, values []T, k T, desc bool, sel []int32) []int32 {
	out = out[:len(sel)]
	n := 0
	if desc {
		for _, r := range sel {
			out[n] = r
			if values[r] >= k {
				n++
			}
		}
		return out[:n]
	}
	for _, r := range sel {
		out[n] = r
		if values[r] <= k {
			n++
		}
	}
	return out[:n]
}
