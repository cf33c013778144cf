package table

// cursor walks the entries of one version of a tree in order of their keys. It
// stands on an entry, or before the first, or behind the last. A tree without
// root has no entry.
type cursor struct {
	root  *node
	pg    pager
	path  []step // inner nodes from the root down
	leaf  *node
	p     page
	i     int
	valid bool
	buf   []byte
}

// reset makes the cursor one of another tree, keeping its memory.
func (c *cursor) reset(root *node, pg pager) {
	c.root, c.pg, c.path, c.leaf, c.p, c.valid = root, pg, c.path[:0], nil, nil, false
}

// forget lets go of the tree.
func (c *cursor) forget() {
	clear(c.path[:cap(c.path)])
	c.reset(nil, nil)
}

func (c *cursor) down(n *node, pick func(*node) int) error {
	for n.kids != nil {
		i := pick(n)
		c.path = append(c.path, step{n, i})
		n = n.kids[i]
	}
	p, err := c.pg.page(n)
	c.leaf, c.p = n, p
	return err
}

// seek goes to the first entry whose key is not below key; nil: the first of all.
func (c *cursor) seek(key []byte) error {
	c.path, c.valid = c.path[:0], false
	if c.root == nil {
		return nil
	}
	n := c.root
	for n.kids != nil {
		i := n.child(key)
		c.path = append(c.path, step{n, i})
		n = n.kids[i]
	}
	p, err := c.pg.page(n)
	if err != nil {
		return err
	}
	c.leaf, c.p = n, p
	c.i, _ = p.search(key)
	c.valid = true
	if c.i >= p.len() {
		return c.nextLeaf()
	}
	return nil
}

// seekBefore goes to the last entry whose key is below key; nil: the last of all.
func (c *cursor) seekBefore(key []byte) error {
	c.path, c.valid = c.path[:0], false
	if c.root == nil {
		return nil
	}
	last := func(n *node) int { return len(n.kids) - 1 }
	if key != nil {
		last = func(n *node) int { return n.child(key) }
	}
	if err := c.down(c.root, last); err != nil {
		return err
	}
	c.i = c.p.len()
	if key != nil {
		c.i, _ = c.p.search(key)
	}
	c.valid = true
	return c.prev()
}

// next goes to the entry after this one.
func (c *cursor) next() error {
	if c.i++; c.i < c.p.len() {
		return nil
	}
	return c.nextLeaf()
}

// nextLeaf goes to the first entry of the next leaf that has one.
func (c *cursor) nextLeaf() error {
	for level := len(c.path) - 1; level >= 0; level-- {
		s := &c.path[level]
		if s.i+1 >= len(s.n.kids) {
			continue
		}
		s.i++
		c.path = c.path[:level+1]
		if err := c.down(s.n.kids[s.i], func(*node) int { return 0 }); err != nil {
			c.valid = false
			return err
		}
		if c.p.len() > 0 {
			c.i = 0
			return nil
		}
		level = len(c.path)
	}
	c.valid = false
	return nil
}

// prev goes to the entry before this one.
func (c *cursor) prev() error {
	if c.i--; c.i >= 0 {
		return nil
	}
	for level := len(c.path) - 1; level >= 0; level-- {
		s := &c.path[level]
		if s.i == 0 {
			continue
		}
		s.i--
		c.path = c.path[:level+1]
		if err := c.down(s.n.kids[s.i], func(n *node) int { return len(n.kids) - 1 }); err != nil {
			c.valid = false
			return err
		}
		if c.i = c.p.len() - 1; c.i >= 0 {
			return nil
		}
		level = len(c.path)
	}
	c.valid = false
	return nil
}

// key is the key of the entry; it is good until the cursor moves.
func (c *cursor) key() []byte {
	c.buf = c.p.key(c.buf[:0], c.i)
	return c.buf
}

// value is the value of the entry; it belongs to its page.
func (c *cursor) value() []byte { return c.p.value(c.i) }
