package table

import "bytes"

// merge walks a storage as a transaction sees it: a version of it, and what the
// transaction has written, which stands over it.
type merge struct {
	base, over cursor
	backward   bool
	in         span
	took       byte // of what was given: tookBase, tookOver
}

const (
	tookBase = 1 << iota
	tookOver
)

func (m *merge) reset(base *node, pg pager, over *node, backward bool) {
	m.base.reset(base, pg)
	m.over.reset(over, resident{})
	m.backward, m.took = backward, 0
}

// seek begins a range.
func (m *merge) seek(in span) error {
	m.in, m.took = in, 0
	for _, c := range []*cursor{&m.base, &m.over} {
		var err error
		if m.backward {
			err = c.seekBefore(in.to)
		} else {
			err = c.seek(in.from)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next returns the next entry, which is good until the next call.
func (m *merge) next() (key, value []byte, ok bool, err error) {
	for {
		if err := m.advance(); err != nil {
			return nil, nil, false, err
		}
		if m.over.root == nil {
			if !m.base.valid {
				return nil, nil, false, nil
			}
			m.took = tookBase
			key = m.base.key()
			return key, m.base.value(), m.inside(key), nil
		}
		c := m.pick()
		if c == nil {
			return nil, nil, false, nil
		}
		key, value = c.key(), c.value()
		if !m.inside(key) {
			return nil, nil, false, nil
		}
		if c == &m.over && isTombstone(value) {
			continue
		}
		return key, value, true, nil
	}
}

// advance moves the cursors on whose entries were given.
func (m *merge) advance() error {
	took := m.took
	m.took = 0
	if took&tookBase != 0 {
		if err := m.move(&m.base); err != nil {
			return err
		}
	}
	if took&tookOver != 0 {
		return m.move(&m.over)
	}
	return nil
}

func (m *merge) move(c *cursor) error {
	if m.backward {
		return c.prev()
	}
	return c.next()
}

// pick is the cursor whose entry is next; of two with one key it is the
// transaction's own.
func (m *merge) pick() *cursor {
	switch {
	case !m.base.valid && !m.over.valid:
		return nil
	case !m.over.valid:
		m.took = tookBase
		return &m.base
	case !m.base.valid:
		m.took = tookOver
		return &m.over
	}
	order := bytes.Compare(m.base.key(), m.over.key())
	if m.backward {
		order = -order
	}
	switch {
	case order == 0:
		m.took = tookBase | tookOver
		return &m.over
	case order < 0:
		m.took = tookBase
		return &m.base
	}
	m.took = tookOver
	return &m.over
}

func (m *merge) inside(key []byte) bool {
	if m.backward {
		return bytes.Compare(key, m.in.from) >= 0
	}
	return m.in.to == nil || bytes.Compare(key, m.in.to) < 0
}

// fetch reads rows by their ids. Rows that lie on one page are found there
// without a way from the root.
type fetch struct {
	base cursor
	over *node
	key  [8]byte
}

func (f *fetch) reset(base *node, pg pager, over *node) {
	f.base.reset(base, pg)
	f.over = over
}

func (f *fetch) get(id int64) (value []byte, found bool, err error) {
	key := rowKey(f.key[:0], id)
	if f.over != nil {
		value, found, _ = lookup(f.over, resident{}, key)
		if found {
			return value, !isTombstone(value), nil
		}
	}
	if p := f.base.p; p != nil && p.len() > 0 {
		if i, found := p.search(key); found {
			return p.value(i), true, nil
		} else if i > 0 && i < p.len() {
			return nil, false, nil
		}
	}
	if f.base.root == nil {
		return nil, false, nil
	}
	n := f.base.root
	for n.kids != nil {
		n = n.kids[n.child(key)]
	}
	p, err := f.base.pg.page(n)
	if err != nil {
		return nil, false, err
	}
	f.base.p = p
	if i, found := p.search(key); found {
		return p.value(i), true, nil
	}
	return nil, false, nil
}
