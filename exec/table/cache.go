package table

import (
	"sync"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// cache counts the pages in memory that the store has too, and lets go of those
// that nobody has used for longest: a clock, whose hand takes the page of a leaf
// that was not used since it passed.
type cache struct {
	budget  int64
	account *memory.Account

	mu    sync.Mutex
	ring  []*node
	hand  int
	bytes int64
}

// add puts a leaf on the ring, whose page is of some bytes and stored.
func (c *cache) add(n *node, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.dead {
		return
	}
	if n.ring == 0 {
		c.ring = append(c.ring, n)
		n.ring = len(c.ring)
	}
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
}
