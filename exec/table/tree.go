package table

import (
	"bytes"
	"slices"
	"sync/atomic"
)

// A tree is a B+tree whose nodes are shared by all versions that have them: a
// version is a root. A node belongs to the writer whose token it bears, which
// changes it in place; everyone else's are copied on their way to a change. A
// writer that hands out its root takes another token, and so never changes what
// somebody may read.
//
// A leaf has the keys from its name up to the next leaf's name. The first leaf's
// name is empty, and it stays when it has no entry.
type node struct {
	own  *token
	kids []*node  // nil: a leaf
	seps []string // seps[i] is the name of the first leaf below kids[i+1]

	// Of a leaf.
	name string // its key in the store
	// page is nil where it is only in the store. One on the clock's ring can go.
	page  atomic.Pointer[page]
	since uint64      // the version at which the store got it, 0: as it was loaded; MaxUint64: it has not
	used  atomic.Bool // since the clock's hand passed it
	ring  int         // its place on the clock's ring, from 1; guarded by the cache
	held  bool        // it is not in the store; guarded by the cache
	size  int         // of the page, as the cache counts it; guarded by it
	dead  bool        // no newer version has it; guarded by the cache
	parts int         // further entries of the store that a large page takes
	gone  bool        // of an edit: no longer in its tree
}

// token is a writer's mark on its nodes: only its address counts.
type token struct{ _ byte }

const maxKids = 128

// pager reads the pages of leaves that are only in the store.
type pager interface {
	page(n *node) (page, error)
}

// resident is the pager of trees that never leave memory.
type resident struct{}

func (resident) page(n *node) (page, error) { return *n.page.Load(), nil }

func newLeaf(own *token, name string, p page) *node {
	n := &node{own: own, name: name}
	n.page.Store(&p)
	return n
}

// child is the place among n's children of the one that has key.
func (n *node) child(key []byte) int {
	lo, hi := 0, len(n.seps)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if n.seps[mid] > string(key) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// lookup finds the value of a key; it belongs to its page. root nil: an empty tree.
func lookup(root *node, pg pager, key []byte) (value []byte, found bool, err error) {
	if root == nil {
		return nil, false, nil
	}
	n := root
	for n.kids != nil {
		n = n.kids[n.child(key)]
	}
	p, err := pg.page(n)
	if err != nil {
		return nil, false, err
	}
	i, found := p.search(key)
	if !found {
		return nil, false, nil
	}
	return p.value(i), true, nil
}

// edit is a writer of a tree.
type edit struct {
	root *node // nil: empty
	own  *token
	pg   pager
	// leaves are those made or changed since begin, some of them gone again;
	// removed are those that are no more.
	leaves   []*node
	removed  []*node
	replaced []*node  // leaves that were copied
	rows     int64    // entries added less entries removed
	frozen   []*token // of show
	bytes    int64    // of entries written, over the life of the edit

	path []step // to the leaf that was last changed
	low  []byte // whose keys lie in [low, high)
	high string // "": no end
	at   bool   // path is valid
}

type step struct {
	n *node
	i int // the child taken
}

// begin takes a new token: what root holds now may be read by others from here on.
func (e *edit) begin() {
	e.own, e.at = &token{}, false
	e.leaves, e.removed, e.replaced, e.frozen, e.rows = nil, nil, nil, nil, 0
}

// freeze returns the root as it is now, for readers.
func (e *edit) freeze() *node {
	e.own, e.at = &token{}, false
	return e.root
}

// show is freeze of an edit whose leaves are to be written: one that is changed after
// it leaves them, as the copy takes its place.
func (e *edit) show() *node {
	e.frozen = append(e.frozen, e.own)
	return e.freeze()
}

// replace notes that a leaf has been copied.
func (e *edit) replace(n, by *node) {
	if slices.Contains(e.frozen, n.own) {
		n.gone = true
	}
	e.leaves, e.replaced = append(e.leaves, by), append(e.replaced, n)
}

// owned is n, or a copy that e may change.
func (e *edit) owned(n *node, room int) (*node, error) {
	if n.own == e.own {
		return n, nil
	}
	if n.kids != nil {
		c := &node{own: e.own}
		c.kids = append(make([]*node, 0, len(n.kids)+1), n.kids...)
		c.seps = append(make([]string, 0, len(n.seps)+1), n.seps...)
		return c, nil
	}
	p, err := e.pg.page(n)
	if err != nil {
		return nil, err
	}
	c := newLeaf(e.own, n.name, p.clone(room))
	c.parts = n.parts
	e.replace(n, c)
	return c, nil
}

// leaf descends to the leaf of a key and makes the way to it e's own.
func (e *edit) leaf(key []byte, room int) (*node, error) {
	if e.at && bytes.Compare(key, e.low) >= 0 && (e.high == "" || string(key) < e.high) {
		return e.path[len(e.path)-1].n, nil
	}
	e.at = false
	if e.root == nil {
		e.root = newLeaf(e.own, "", emptyPage())
		e.leaves = append(e.leaves, e.root)
	}
	n, err := e.owned(e.root, room)
	if err != nil {
		return nil, err
	}
	e.root, e.path = n, e.path[:0]
	low, high := "", ""
	for n.kids != nil {
		i := n.child(key)
		if i > 0 {
			low = n.seps[i-1]
		}
		if i < len(n.seps) {
			high = n.seps[i]
		}
		e.path = append(e.path, step{n, i})
		c, err := e.owned(n.kids[i], room)
		if err != nil {
			return nil, err
		}
		n.kids[i] = c
		n = c
	}
	e.path = append(e.path, step{n, 0})
	e.low, e.high, e.at = append(e.low[:0], low...), high, true
	return n, nil
}

// put sets the value of a key, and tells whether it had one.
func (e *edit) put(key, value []byte) (replaced bool, err error) {
	for {
		n, err := e.leaf(key, entrySize(len(key), len(value)))
		if err != nil {
			return false, err
		}
		p := *n.page.Load()
		i, found := p.search(key)
		if found {
			replaced = true
		}
		q, ok := p.put(i, found, key, value)
		if ok {
			if len(q) != len(p) || &q[0] != &p[0] {
				grown := q // for its address: most puts stay in their page
				n.page.Store(&grown)
			}
			if !replaced {
				e.rows++
			}
			e.bytes += int64(entrySize(len(key), len(value)))
			return replaced, nil
		}
		if found {
			p.remove(i)
			continue
		}
		e.split(n, p, i, key)
	}
}

// split divides a full leaf, before key is put at place i of it. Where entries
// come in order the leaf is left full.
func (e *edit) split(n *node, p page, i int, key []byte) {
	count := p.len()
	at := i
	last := e.high == ""
	switch {
	case i == count && (last || count == 1):
	case last && i > count-count/10:
	case count == 1:
	default:
		at = middle(p)
	}
	if at == count {
		// An empty leaf to the right takes the entry. This one is full for good.
		full := p.sealed()
		n.page.Store(&full)
		e.insertLeaf(newLeaf(e.own, "", roomyPage()), p.key(nil, count-1), key)
		return
	}
	if at == 0 {
		// The entry is larger than the page can take beside its only other one.
		right := newLeaf(e.own, "", p)
		empty := emptyPage()
		n.page.Store(&empty)
		e.insertLeaf(right, key, p.key(nil, 0))
		return
	}
	left, right := p.packed(0, at, pageRoom), p.packed(at, count, pageRoom)
	n.page.Store(&left)
	e.insertLeaf(newLeaf(e.own, "", right), p.key(nil, at-1), p.key(nil, at))
}

// middle is the entry at which half of a page's bytes lie before.
func middle(p page) int {
	count := p.len()
	half := (p.end() - p.dead()) / 2
	sum := 0
	for i := range count {
		r, v := p.entry(i)
		sum += entrySize(len(r), len(v))
		if sum > half {
			return min(max(i, 1), count-1)
		}
	}
	return count - 1
}

// separator is a short key above below and not above key.
func separator(below, key []byte) string {
	n := 0
	for n < len(below) && n < len(key) && below[n] == key[n] {
		n++
	}
	return string(key[:min(n+1, len(key))])
}

// insertLeaf puts a leaf behind the one of e's path. below is the last key before
// it, key its first.
func (e *edit) insertLeaf(leaf *node, below, key []byte) {
	leaf.name = separator(below, key)
	e.leaves = append(e.leaves, leaf)
	e.link(leaf)
}

// link makes a named leaf the next one behind the leaf of e's path.
func (e *edit) link(leaf *node) {
	e.at = false
	kid, sep := leaf, leaf.name
	for level := len(e.path) - 2; level >= 0; level-- {
		n, i := e.path[level].n, e.path[level].i
		n.kids = append(n.kids, nil)
		copy(n.kids[i+2:], n.kids[i+1:])
		n.kids[i+1] = kid
		n.seps = append(n.seps, "")
		copy(n.seps[i+1:], n.seps[i:])
		n.seps[i] = sep
		if len(n.kids) <= maxKids {
			return
		}
		half := len(n.kids) / 2
		if i+1 == len(n.kids)-1 {
			half = len(n.kids) - 1 // entries that come in order leave the node full
		}
		right := &node{own: e.own}
		right.kids = append(make([]*node, 0, maxKids+1), n.kids[half:]...)
		right.seps = append(make([]string, 0, maxKids), n.seps[half:]...)
		kid, sep = right, n.seps[half-1]
		clear(n.kids[half:])
		clear(n.seps[half-1:])
		n.kids, n.seps = n.kids[:half], n.seps[:half-1]
	}
	e.root = &node{own: e.own, kids: []*node{e.root, kid}, seps: []string{sep}}
}

// remove takes a key out, and tells whether it was there.
func (e *edit) remove(key []byte) (bool, error) {
	if _, found, err := lookup(e.root, e.pg, key); !found || err != nil {
		return false, err
	}
	n, err := e.leaf(key, 0)
	if err != nil {
		return false, err
	}
	p := *n.page.Load()
	i, _ := p.search(key)
	p.remove(i)
	e.rows--
	if p.used() < pageSize/4 {
		e.shrink(n, p)
	}
	return true, nil
}

// shrink takes an empty leaf out, or moves what is left of a small one to a
// neighbour that is in memory and has room.
func (e *edit) shrink(n *node, p page) {
	if len(e.path) < 2 {
		return
	}
	parent, i := e.path[len(e.path)-2].n, e.path[len(e.path)-2].i
	if p.len() == 0 {
		if n.name != "" {
			e.unlink(n)
		}
		return
	}
	if i == 0 {
		return
	}
	left := parent.kids[i-1]
	lp := left.page.Load()
	if lp == nil || lp.used()+p.used() > pageSize*3/4 {
		return
	}
	q := lp.clone(p.used())
	var key []byte
	for j := range p.len() {
		key = p.key(key[:0], j)
		var ok bool
		if q, ok = q.put(q.len(), false, key, p.value(j)); !ok {
			return
		}
	}
	if left.own != e.own {
		c := newLeaf(e.own, left.name, q)
		c.parts = left.parts
		e.replace(left, c)
		parent.kids[i-1] = c
	} else {
		left.page.Store(&q)
	}
	e.unlink(n)
}

// unlink takes the leaf of e's path out of the tree. It is not the first one.
func (e *edit) unlink(n *node) {
	n.gone, e.at = true, false
	e.removed = append(e.removed, n)
	for level := len(e.path) - 2; level >= 0; level-- {
		parent, i := e.path[level].n, e.path[level].i
		parent.kids = append(parent.kids[:i], parent.kids[i+1:]...)
		if len(parent.kids) == 0 {
			continue // an inner node without children goes too
		}
		if i > 0 {
			parent.seps = append(parent.seps[:i-1], parent.seps[i:]...)
		} else {
			// The separator before this node moves to the name of its new first leaf.
			sep := parent.seps[0]
			parent.seps = append(parent.seps[:0], parent.seps[1:]...)
			e.rename(level, sep)
		}
		break
	}
	for len(e.root.kids) == 1 {
		e.root = e.root.kids[0]
	}
}

// rename sets the separator before the node at a level of e's path.
func (e *edit) rename(level int, sep string) {
	for level--; level >= 0; level-- {
		n, i := e.path[level].n, e.path[level].i
		if i > 0 {
			n.seps[i-1] = sep
			return
		}
	}
}
