package operator

import "slices"

// orderedRefs are rows in an order: in blocks, so that putting one among many moves
// few.
type orderedRefs struct {
	blocks [][]ref
	n      int
}

// blockRefs is how many rows a block has before it is split.
const blockRefs = 512

// place is where r is, or goes.
func (o *orderedRefs) place(r ref, compare func(a, b ref) int) (block, at int, found bool) {
	// The last block whose first row does not come after r.
	block, exact := slices.BinarySearchFunc(o.blocks, r, func(b []ref, r ref) int { return compare(b[0], r) })
	if !exact && block > 0 {
		block--
	}
	if block == len(o.blocks) {
		return block, 0, false
	}
	at, found = slices.BinarySearchFunc(o.blocks[block], r, compare)
	return block, at, found
}

func (o *orderedRefs) insert(r ref, compare func(a, b ref) int) {
	o.n++
	block, at, _ := o.place(r, compare)
	if block == len(o.blocks) {
		o.blocks = append(o.blocks, []ref{r})
		return
	}
	b := slices.Insert(o.blocks[block], at, r)
	o.blocks[block] = b
	if len(b) <= blockRefs {
		return
	}
	half := len(b) / 2
	o.blocks = slices.Insert(o.blocks, block+1, slices.Clone(b[half:]))
	o.blocks[block] = b[:half]
}

func (o *orderedRefs) remove(r ref, compare func(a, b ref) int) {
	block, at, found := o.place(r, compare)
	if !found {
		return
	}
	o.n--
	if o.blocks[block] = slices.Delete(o.blocks[block], at, at+1); len(o.blocks[block]) == 0 {
		o.blocks = slices.Delete(o.blocks, block, block+1)
	}
}

func (o *orderedRefs) removeLast() {
	last := len(o.blocks) - 1
	o.n--
	if b := o.blocks[last]; len(b) > 1 {
		o.blocks[last] = b[:len(b)-1]
		return
	}
	o.blocks = o.blocks[:last]
}

// at is row i.
func (o *orderedRefs) at(i int) ref {
	if i == o.n-1 {
		b := o.blocks[len(o.blocks)-1]
		return b[len(b)-1]
	}
	for _, b := range o.blocks {
		if i < len(b) {
			return b[i]
		}
		i -= len(b)
	}
	return -1
}

// each calls f with the rows in their order until it returns false.
func (o *orderedRefs) each(f func(r ref) bool) {
	for _, b := range o.blocks {
		for _, r := range b {
			if !f(r) {
				return
			}
		}
	}
}
