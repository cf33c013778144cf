package table

import "bytes"

// diff walks two versions of a tree and finds where they differ, without looking
// at what they share.
type diff struct {
	old, now           *node
	oldPages, nowPages pager
}

// walk calls fn with each key of a range whose values differ, in order; nil: the
// version has none. fn returns false to end the walk.
func (d *diff) walk(s span, fn func(key, old, now []byte) bool) error {
	var a, b cursor
	a.reset(d.old, d.oldPages)
	b.reset(d.now, d.nowPages)
	if d.old == d.now {
		return nil
	}
	if err := a.seek(s.from); err != nil {
		return err
	}
	if err := b.seek(s.from); err != nil {
		return err
	}
	for {
		key, old, now, ok, err := nextDifference(&a, &b)
		if err != nil || !ok || s.to != nil && bytes.Compare(key, s.to) >= 0 || !fn(key, old, now) {
			return err
		}
	}
}

// nextDifference finds the next key whose values differ between two versions of a
// tree, and moves the cursors behind it. What it returns belongs to the cursors'
// pages, and the key to one of them; nil: that version does not have it. A row's
// value is never empty.
func nextDifference(a, b *cursor) (key, old, now []byte, ok bool, err error) {
	for a.valid || b.valid {
		if a.valid && b.valid && a.leaf == b.leaf && a.i == b.i {
			if err := skipShared(a, b); err != nil {
				return nil, nil, nil, false, err
			}
			continue
		}
		order := 0
		switch {
		case !a.valid:
			order = 1
		case !b.valid:
			order = -1
		default:
			order = bytes.Compare(a.key(), b.key())
		}
		old, now = nil, nil
		if order <= 0 {
			key, old = a.key(), a.value()
		}
		if order >= 0 {
			key, now = b.key(), b.value()
		}
		if order <= 0 {
			if err := a.next(); err != nil {
				return nil, nil, nil, false, err
			}
		}
		if order >= 0 {
			if err := b.next(); err != nil {
				return nil, nil, nil, false, err
			}
		}
		if order != 0 || !bytes.Equal(old, now) {
			return key, old, now, true, nil
		}
	}
	return nil, nil, nil, false, nil
}

// skipShared moves two cursors that stand on one shared leaf behind the largest
// subtree that they share.
func skipShared(a, b *cursor) error {
	up := 0
	for up < len(a.path) && up < len(b.path) && a.path[len(a.path)-1-up].n == b.path[len(b.path)-1-up].n {
		up++
	}
	if err := a.nextAbove(up); err != nil {
		return err
	}
	return b.nextAbove(up)
}

// nextAbove goes to the first entry behind the subtree that lies up levels above
// the leaf.
func (c *cursor) nextAbove(up int) error {
	c.path = c.path[:len(c.path)-up]
	return c.nextLeaf()
}
