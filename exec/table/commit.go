package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// Join is a change of the catalog that is committed with the tables'. Exactly one
// of Done and Abort is called.
type Join interface {
	// Write writes the change.
	Write(*state.Writer) error
	// Done publishes it: it is durable.
	Done()
	// Abort forgets it.
	Abort()
}

// commitQueue groups commits. The first who comes writes for all who have come
// meanwhile; at most one group is written at a time.
type commitQueue struct {
	mu    sync.Mutex
	queue []*commit
	busy  bool
}

// commit is one transaction's.
type commit struct {
	x     *Txn
	join  Join
	sweep []state.Write // keys of dropped storages that go, and deliveries
	err   error
	turn  chan bool // true: write the queue; false: another has
}

// Commit makes what the transaction has written, and join's change of the
// catalog, durable and visible, whole; join nil: it has none. A serializable
// transaction that has written fails with 40001 where what it read has changed.
// After any error nothing has changed, and the transaction has ended. A cancelled
// context does not break a commit off.
func (x *Txn) Commit(_ context.Context, join Join) error {
	if x.done {
		return errDone
	}
	defer x.end()
	if join == nil && len(x.over) == 0 && len(x.drops) == 0 && len(x.deliver) == 0 && !x.t.mustWrite(x.seqs) {
		return nil
	}
	return x.t.enqueue(&commit{x: x, join: join, sweep: x.writes(), turn: make(chan bool, 1)})
}

// enqueue puts a commit in the queue and returns when it is done.
func (t *Tables) enqueue(c *commit) error {
	q := &t.commits
	q.mu.Lock()
	q.queue = append(q.queue, c)
	lead := !q.busy
	q.busy = true
	q.mu.Unlock()
	if !lead && !<-c.turn {
		return c.err
	}
	q.mu.Lock()
	group := q.queue
	q.queue = nil
	q.mu.Unlock()
	t.commitGroup(group)
	q.mu.Lock()
	if len(q.queue) > 0 {
		q.queue[0].turn <- true
	} else {
		q.busy = false
	}
	q.mu.Unlock()
	for _, o := range group {
		if o != c {
			o.turn <- false
		}
	}
	return c.err
}

// work is what a group makes of the newest roots.
type work struct {
	t     *Tables
	base  *roots
	edits map[uint32]*edit
	// kept are the storages that the store has too; rows those of tables.
	kept, rows map[uint32]bool
	drops      []uint32
	seqs       []seqUse
	sweep      []state.Write
}

// commitGroup commits some transactions as one version. Those that fail
// beforehand fail alone.
func (t *Tables) commitGroup(group []*commit) {
	base := t.newest()
	defer t.release(base)
	var w *work
	var in []*commit
	for {
		w = &work{t: t, base: base, edits: map[uint32]*edit{}, kept: map[uint32]bool{}, rows: map[uint32]bool{}}
		in = in[:0]
		again := false
		for _, c := range group {
			if c.err != nil {
				continue
			}
			if c.err = w.validate(c.x); c.err != nil {
				continue
			}
			if c.err = w.apply(c.x); c.err != nil {
				again = true // it stands in the trees by half
				break
			}
			w.sweep = append(w.sweep, c.sweep...)
			in = append(in, c)
		}
		if !again {
			break
		}
	}
	for _, c := range in {
		c.x.over = nil // its pages are in the trees now, or have been copied
	}
	if len(in) > 0 {
		t.writeGroup(w, in)
	}
	for _, c := range group {
		switch {
		case c.join == nil:
		case c.err != nil:
			c.join.Abort()
		default:
			c.join.Done()
		}
	}
}

func (t *Tables) writeGroup(w *work, in []*commit) {
	var catalog func(*state.Writer) error
	for _, c := range in {
		if c.join != nil {
			before := catalog
			catalog = func(out *state.Writer) error {
				if before != nil {
					if err := before(out); err != nil {
						return err
					}
				}
				return c.join.Write(out)
			}
		}
	}
	for _, storage := range w.drops {
		delete(w.edits, storage)
		delete(w.kept, storage)
	}
	held, err := w.write(catalog)
	t.seqs.wrote(w.seqs, err)
	if err != nil {
		for _, c := range in {
			c.err = err
		}
		return
	}
	changed := map[uint32]root{}
	for storage, e := range w.edits {
		changed[storage] = root{e.root, w.base.get(storage).rows + e.rows, held.Version(state.TablesID)}
	}
	for _, storage := range w.drops {
		changed[storage] = root{}
		t.forget(w.base.get(storage).n)
	}
	t.mu.Lock()
	for _, c := range in {
		t.noteDeliveries(c.x.deliver)
	}
	t.mu.Unlock()
	t.publish(w.base.with(changed, held.Version(state.TablesID), held))
	for storage, e := range w.edits {
		t.settle(e, w.kept[storage])
	}
	t.sweep(w.drops)
}

// forget lets go of a dropped tree's pages.
func (t *Tables) forget(n *node) {
	if n == nil {
		return
	}
	if n.kids == nil {
		t.cache.drop(n)
	}
	for _, k := range n.kids {
		t.forget(k)
	}
}

// settle tells the cache of the leaves of a written edit.
func (t *Tables) settle(e *edit, kept bool) {
	for _, n := range e.replaced {
		t.cache.drop(n)
	}
	for _, n := range e.removed {
		t.cache.drop(n)
	}
	if !kept {
		return
	}
	for _, n := range e.leaves {
		if !n.gone {
			n.stored = true
			t.cache.add(n, len(*n.page.Load()))
		}
	}
}

// edit is the group's writer of a storage.
func (w *work) edit(storage uint32) *edit {
	e := w.edits[storage]
	if e == nil {
		e = &edit{root: w.base.get(storage).n, pg: &stored{w.t, storage, w.base.version}}
		e.begin()
		w.edits[storage] = e
	}
	return e
}

// apply puts what a transaction has written into the group's trees.
func (w *work) apply(x *Txn) error {
	for _, o := range x.over {
		if o.edit.root == nil {
			continue
		}
		if !o.temporary {
			w.kept[o.storage] = true
		}
		if o.rows {
			w.rows[o.storage] = true
		}
		if err := w.merge(w.edit(o.storage), o.edit.root); err != nil {
			return fmt.Errorf("committing: %w", err)
		}
	}
	w.drops = append(w.drops, x.drops...)
	w.seqs = append(w.seqs, x.seqs...)
	return nil
}

// merge puts an overlay into a tree. Leaves of the overlay that are full enough
// and lie where the tree has nothing become leaves of the tree, as they are.
func (w *work) merge(e *edit, over *node) error {
	var c cursor
	c.reset(over, resident{})
	if err := c.seek(nil); err != nil {
		return err
	}
	for c.valid {
		if c.i == 0 && c.p.used() >= pageSize/2 {
			done, err := e.adopt(c.p)
			if err != nil {
				return err
			}
			if done {
				c.i = c.p.len() - 1
				if err := c.next(); err != nil {
					return err
				}
				continue
			}
		}
		var err error
		if value := c.value(); isTombstone(value) {
			_, err = e.remove(c.key())
		} else {
			_, err = e.put(c.key(), value)
		}
		if err != nil {
			return err
		}
		if err := c.next(); err != nil {
			return err
		}
	}
	return nil
}

// adopt makes a page a leaf of its own, where that lies between two leaves, or
// behind the last one.
func (e *edit) adopt(p page) (bool, error) {
	n := p.len()
	for i := range n {
		if isTombstone(p.value(i)) {
			return false, nil
		}
	}
	first, last := p.key(nil, 0), p.key(nil, n-1)
	leaf, err := e.leaf(first, 0)
	if err != nil {
		return false, err
	}
	q := *leaf.page.Load()
	if q.len() == 0 && leaf.name == "" {
		leaf.page.Store(&p)
		e.rows += int64(n)
		e.at = false
		return true, nil
	}
	if i, _ := q.search(first); i < q.len() || e.high != "" && string(last) >= e.high {
		return false, nil
	}
	below := []byte(leaf.name)
	if q.len() > 0 {
		below = q.key(nil, q.len()-1)
	}
	if bytes.Compare(below, first) >= 0 {
		return false, nil
	}
	e.insertLeaf(newLeaf(e.own, "", p), below, first)
	e.rows += int64(n)
	return true, nil
}

// write makes the group durable. Temporary tables are not written, and where
// there is nothing else neither is the store.
func (w *work) write(catalog func(*state.Writer) error) (*state.Snapshot, error) {
	seqs := w.t.seqs.pending(w.seqs)
	if len(w.kept) == 0 && len(seqs) == 0 && len(w.sweep) == 0 && catalog == nil {
		return w.t.store.Snapshot(state.TablesID), nil
	}
	return w.t.store.Commit(func(put func(state.Write) error) error {
		for storage, e := range w.edits {
			if !w.kept[storage] {
				continue
			}
			if err := e.write(put, storage); err != nil {
				return err
			}
			if w.rows[storage] {
				rows := w.base.get(storage).rows + e.rows
				sp := state.Space{Operator: storage, Shard: shardCount}
				if err := put(state.Write{Space: sp, Value: binary.AppendUvarint(nil, uint64(max(rows, 0)))}); err != nil {
					return err
				}
			}
		}
		for _, s := range append(seqs, w.sweep...) {
			if err := put(s); err != nil {
				return err
			}
		}
		return nil
	}, catalog)
}

// write writes the leaves that an edit has made, and removes those that are gone.
func (e *edit) write(put func(state.Write) error, storage uint32) error {
	live := map[string]bool{}
	var k packer
	for _, n := range e.leaves {
		if n.gone {
			continue
		}
		if len(e.removed) > 0 {
			live[n.name] = true
		}
		if err := k.writePage(put, storage, n); err != nil {
			return err
		}
	}
	for _, n := range e.removed {
		if live[n.name] {
			continue
		}
		live[n.name] = true
		sp := state.Space{Operator: storage, Shard: shardPage}
		if err := put(state.Write{Space: sp, Key: []byte(n.name), Delete: true}); err != nil {
			return err
		}
		if err := removeParts(put, storage, n.name, 1, n.parts); err != nil {
			return err
		}
	}
	return nil
}
