package table

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// unwritten is what the store does not have of the newest version of a storage,
// beside what the log says of it. Whoever leads a group of commits owns it.
type unwritten struct {
	rows   bool // of a table; else of an index
	leaves map[*node]struct{}
	// gone are pages that the store may have and the tree has no more, with the
	// number of their parts.
	gone map[string]int
}

// keep notes the pages that an edit has made and only the log has.
func (t *Tables) keep(storage uint32, e *edit, rows bool) {
	u := t.unwritten[storage]
	if u == nil {
		u = &unwritten{leaves: map[*node]struct{}{}, gone: map[string]int{}}
		t.unwritten[storage] = u
	}
	u.rows = u.rows || rows
	for _, n := range e.replaced {
		delete(u.leaves, n)
		t.cache.drop(n)
	}
	for _, n := range e.removed {
		u.gone[n.name] = max(u.gone[n.name], n.parts)
		delete(u.leaves, n)
		t.cache.drop(n)
	}
	for _, n := range e.leaves {
		if !n.gone {
			u.leaves[n] = struct{}{}
			t.cache.hold(n, len(*n.page.Load()))
		}
	}
}

// without are the leaves that an edit has replaced: they are of no use any more.
func (u *unwritten) without(e *edit) map[*node]bool {
	if u == nil || e == nil {
		return nil
	}
	skip := make(map[*node]bool, len(e.replaced))
	for _, n := range e.replaced {
		skip[n] = true
	}
	return skip
}

// boundParts is called before the pages are written, by who leads a group.
func (u *unwritten) boundParts() {
	for n := range u.leaves {
		n.boundParts(u.gone[n.name])
	}
}

// writePages writes every page of a storage that the store does not have: those
// that waited, u, and those of the group's edit, e; either may be nil. The parts of
// all of them are bound.
func (w *work) writePages(put func(state.Write) error, storage uint32, u *unwritten, e *edit) error {
	var k packer
	was := w.base.get(storage)
	rows, count, at := w.rows[storage], was.rows, was.at
	gone := map[string]int{}
	live := map[string]bool{}
	if u != nil {
		rows = rows || u.rows
		for name, parts := range u.gone {
			gone[name] = parts
		}
	}
	if e != nil {
		count, at = count+e.rows, 0 // the version of this very write
		for _, n := range e.removed {
			gone[n.name] = max(gone[n.name], n.parts)
		}
		for _, n := range e.leaves {
			n.boundParts(gone[n.name])
		}
	}
	one := func(n *node) error {
		if _, had := gone[n.name]; had {
			live[n.name] = true
		}
		return k.writePage(put, storage, n)
	}
	if u != nil {
		skip := u.without(e)
		for n := range u.leaves {
			if skip[n] {
				continue
			}
			if err := one(n); err != nil {
				return err
			}
		}
	}
	if e != nil {
		for _, n := range e.leaves {
			if n.gone {
				continue
			}
			if err := one(n); err != nil {
				return err
			}
		}
	}
	for name, parts := range gone {
		if live[name] {
			continue
		}
		if err := put(state.Write{Space: state.Space{Operator: storage, Shard: shardPage}, Key: []byte(name), Delete: true}); err != nil {
			return err
		}
		if err := removeParts(put, storage, name, 1, parts); err != nil {
			return err
		}
	}
	if !rows {
		return nil
	}
	value := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(max(count, 0))), at)
	return put(state.Write{Space: state.Space{Operator: storage, Shard: shardCount}, Value: value})
}

// settle tells the cache that the pages of an edit, and those that waited, are in
// the store from a version on.
func (t *Tables) settle(u *unwritten, e *edit, version uint64) {
	written := func(n *node) { t.cache.wrote(n, len(*n.page.Load()), version) }
	if e != nil {
		for _, n := range e.replaced {
			t.cache.drop(n)
		}
		for _, n := range e.removed {
			t.cache.drop(n)
		}
	}
	if u != nil {
		skip := u.without(e)
		for n := range u.leaves {
			if !skip[n] {
				written(n)
			}
		}
	}
	if e != nil {
		for _, n := range e.leaves {
			if !n.gone {
				written(n)
			}
		}
	}
}
