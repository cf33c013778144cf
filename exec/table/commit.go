package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
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
	lead  func() error  // what is done by who leads the group, behind it; nil: nothing
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

	// sequence gets the sequences of entries that are repeated; nil: nobody does.
	sequence func(storage uint32, value []byte) error

	log     []byte // what the group has changed, as an entry of the log
	section []byte // of the log, being made
	bytes   int64  // of the changes
	direct  bool   // it writes pages, and no log
}

func (t *Tables) newWork(base *roots) *work {
	return &work{t: t, base: base, edits: map[uint32]*edit{}, kept: map[uint32]bool{}, rows: map[uint32]bool{}}
}

// commitGroup commits some transactions as one version. Those that fail
// beforehand fail alone.
func (t *Tables) commitGroup(group []*commit) {
	if t.flushing != nil && t.cache.waiting.Load() > 2*t.dirtyMost() {
		// The disk does not follow: whoever commits waits for it.
		t.endFlush()
	}
	base := t.newest()
	defer t.release(base)
	var w *work
	var in []*commit
	for {
		w = t.newWork(base)
		in = in[:0]
		again := false
		for _, c := range group {
			if c.err != nil || c.lead != nil {
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
		if c.lead != nil {
			c.err = c.lead()
		}
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
	t.seqs.wrote(w.seqs, !w.direct, err)
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
	version := held.Version(state.TablesID)
	t.publish(w.base.with(changed, version, held))
	for _, storage := range w.drops {
		delete(t.unwritten, storage)
		if t.flushing != nil {
			t.flushing.dropped[storage] = true
		}
	}
	w.settle(version)
	t.sweep(w.drops)
}

// settle notes where the pages are that the group has made.
func (w *work) settle(version uint64) {
	t := w.t
	for storage, e := range w.edits {
		switch {
		case !w.kept[storage]:
			for _, n := range e.replaced {
				t.cache.drop(n)
			}
			for _, n := range e.removed {
				t.cache.drop(n)
			}
		case w.direct:
			t.settle(t.unwritten[storage], e, version)
			delete(t.unwritten, storage)
		default:
			t.keep(storage, e, w.rows[storage])
		}
	}
	if !w.direct {
		t.redo.bytes += int64(len(w.log))
		if t.full() {
			t.writeBehind()
		}
		return
	}
	for _, u := range t.unwritten {
		t.settle(u, nil, version)
	}
	clear(t.unwritten)
	t.redo = redo{}
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
			if err := w.record(o); err != nil {
				return fmt.Errorf("committing: %w", err)
			}
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
	if len(w.kept) == 0 && len(seqs) == 0 && len(w.sweep) == 0 && catalog == nil && !w.direct {
		return w.t.store.Snapshot(state.TablesID), nil
	}
	var c state.TableChange
	if w.direct {
		w.t.endFlush() // one writes pages at a time
		seqs = w.t.seqs.unstored()
		c.Settled = true
	} else {
		for _, s := range seqs {
			w.recordSequence(s)
		}
		c.Log, seqs = w.log, nil
	}
	if w.direct || len(w.sweep) > 0 {
		c.Writes = func(put func(state.Write) error) error {
			if w.direct {
				if err := w.writeAll(put); err != nil {
					return err
				}
			}
			for _, s := range append(seqs, w.sweep...) {
				if err := put(s); err != nil {
					return err
				}
			}
			return nil
		}
	}
	sn, err := w.t.store.Commit(c, catalog)
	if errors.Is(err, state.ErrSettling) {
		w.t.endFlush()
		return w.t.store.Commit(c, catalog)
	}
	return sn, err
}

// writeAll writes every page that the store does not have, of the storages that
// stay.
func (w *work) writeAll(put func(state.Write) error) error {
	for _, u := range w.t.unwritten {
		u.boundParts()
	}
	for storage, e := range w.edits {
		if !w.kept[storage] {
			continue
		}
		if err := w.writePages(put, storage, w.t.unwritten[storage], e); err != nil {
			return err
		}
	}
	for storage, u := range w.t.unwritten {
		if w.kept[storage] || slices.Contains(w.drops, storage) {
			continue
		}
		if err := w.writePages(put, storage, u, nil); err != nil {
			return err
		}
	}
	return w.t.redo.endOlder(put)
}
