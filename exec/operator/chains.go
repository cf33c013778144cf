package operator

import "github.com/ferrisstreams/ferrisstreams/exec/vec"

// chains links the rows of each group of a table, in order. While every row
// has brought a group of its own, a group's number is its only row's, and nothing
// is kept.
type chains struct {
	linked bool
	heads  []int32 // by group: its first row; -1: none
	tails  []int32 // and its last
	next   []int32 // by row: the next of its group; -1 ends
}

// add takes rows first, first+1 and so on, of which each is the row of sel with
// the group in ids; groups is how many there are now. A row with a NULL among
// its keys is in no chain.
func (c *chains) add(ids, sel []int32, keys []vec.Vec, first int32, groups int) {
	if !c.linked && groups == int(first)+len(sel) && !someNull(keys) {
		return
	}
	if !c.linked {
		c.link(first)
	}
	for len(c.heads) < groups {
		c.heads, c.tails = append(c.heads, -1), append(c.tails, -1)
	}
	nullable := someNull(keys)
	for i, r := range sel {
		row, g := first+int32(i), ids[r]
		c.next = append(c.next, -1)
		if nullable && anyNull(keys, int(r)) {
			continue // equal to nothing
		}
		if c.heads[g] < 0 {
			c.heads[g] = row
		} else {
			c.next[c.tails[g]] = row
		}
		c.tails[g] = row
	}
}

// link writes out the chains of n rows with a group each.
func (c *chains) link(n int32) {
	c.linked = true
	for row := range n {
		c.heads, c.tails, c.next = append(c.heads, row), append(c.tails, row), append(c.next, -1)
	}
}

// head is the first row of a group, -1 where it has none.
func (c *chains) head(g int32) int32 {
	if !c.linked {
		return g
	}
	return c.heads[g]
}

// after is the row that follows one in its group, -1 at the end.
func (c *chains) after(row int32) int32 {
	if !c.linked {
		return -1
	}
	return c.next[row]
}

func someNull(cols []vec.Vec) bool {
	for _, c := range cols {
		if c.Nulls().Any() {
			return true
		}
	}
	return false
}
