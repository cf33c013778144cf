package table

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// cache counts the pages in memory, and lets go of those that the store has too
// and nobody has used for longest: a clock, whose hand takes the page of a leaf
// that was not used since it passed.
type cache struct {
	budget  int64
	account *memory.Account

	mu    sync.Mutex
	ring  []*node
	hand  int
	bytes int64

	waiting atomic.Int64 // of bytes, those of pages that are not in the store
}

// add puts a leaf on the ring, whose page is of some bytes and stored.
func (c *cache) add(n *node, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(n, size)
}

// wrote is add of a leaf that the store has from a version on.
func (c *cache) wrote(n *node, size int, version uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.since = version
	c.enter(n, size)
}

// storedAt reports whether a page, as it is, is what the store has of it at a
// version.
func (c *cache) storedAt(n *node, version uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return n.since <= version
}

// live reports whether the newest version has a leaf.
func (c *cache) live(n *node) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !n.dead
}

func (c *cache) enter(n *node, size int) {
	if n.dead {
		return
	}
	if n.ring == 0 {
		c.ring = append(c.ring, n)
		n.ring = len(c.ring)
	}
	if n.held {
		n.held = false
		c.waiting.Add(-int64(n.size))
	}
	c.resize(n, size)
	c.evict()
}

// hold counts a page that is not in the store yet.
func (c *cache) hold(n *node, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.dead || n.held {
		return
	}
	n.held, n.since = true, math.MaxUint64
	c.waiting.Add(int64(size))
	c.resize(n, size)
	c.evict()
}

func (c *cache) resize(n *node, size int) {
	delta := int64(size - n.size)
	n.size = size
	c.bytes += delta
	if delta > 0 {
		c.account.Force(delta)
	} else {
		c.account.Release(-delta)
	}
	memory.Resident(delta)
}

// drop forgets a leaf that no newer version has. Who still reads it keeps it.
func (c *cache) drop(n *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.dead = true
	c.remove(n)
}

func (c *cache) remove(n *node) {
	if n.held {
		n.held = false
		c.waiting.Add(-int64(n.size))
		c.resize(n, 0)
		return
	}
	if n.ring == 0 {
		return
	}
	last := c.ring[len(c.ring)-1]
	c.ring[n.ring-1] = last
	last.ring = n.ring
	c.ring[len(c.ring)-1] = nil
	c.ring = c.ring[:len(c.ring)-1]
	n.ring = 0
	c.resize(n, 0)
}

func (c *cache) evict() {
	if c.budget == 0 {
		return
	}
	for round := 2 * len(c.ring); c.bytes > c.budget && round > 0 && len(c.ring) > 0; round-- {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		n := c.ring[c.hand]
		if n.used.Swap(false) {
			c.hand++
			continue
		}
		c.remove(n)
		n.page.Store(nil)
	}
}

func (c *cache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.ring) > 0 {
		c.remove(c.ring[len(c.ring)-1])
	}
	c.account.Release(c.bytes)
	memory.Resident(-c.bytes)
	c.bytes = 0
}
