package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// LockResult is what became of a row that was to be locked.
type LockResult uint8

// Results.
const (
	// LockOK: the row is locked and is as the snapshot has it.
	LockOK LockResult = iota
	// LockChanged: it is locked, and another has changed it since the snapshot.
	LockChanged
	// LockGone: another has removed it since the snapshot.
	LockGone
	// LockSkipped: another has it locked, and the policy is Skip.
	LockSkipped
	// LockSelf: this statement, or a later one of the transaction, has changed
	// or removed it already.
	LockSelf
)

// Lock locks rows that snap has shown, and says in results what became of each.
// Above ReadCommitted a row that another has changed is 40001.
func (x *Txn) Lock(ctx context.Context, snap *Snapshot, d *Desc, ids []int64, mode RowLock, policy Policy, results []LockResult) error {
	if x.done {
		return errDone
	}
	var n newest
	defer n.close()
	over := x.find(d.storage)
	var key []byte
	for i, id := range ids {
		key = rowKey(key[:0], id)
		if over != nil {
			value, found, _ := lookup(over.edit.root, resident{}, key)
			if found {
				results[i] = LockOK
				if isTombstone(value) || rowCommand(value) >= snap.command {
					results[i] = LockSelf
				}
				continue
			}
		}
		fresh, err := x.lockRow(ctx, d, id, mode, policy)
		if errors.Is(err, errLocked) {
			results[i] = LockSkipped
			continue
		}
		if err != nil {
			return err
		}
		n.renew(x.t)
		if results[i], err = x.compare(snap, n.r, d, key); err != nil {
			return err
		}
		if results[i] == LockOK {
			continue
		}
		if x.level != ReadCommitted {
			if results[i] == LockGone {
				return conflict("delete")
			}
			return conflict("update")
		}
		if results[i] == LockGone && fresh {
			x.t.locks.drop(&x.owner)
		}
	}
	return nil
}

func (x *Txn) lockRow(ctx context.Context, d *Desc, id int64, mode RowLock, policy Policy) (fresh bool, err error) {
	what := locked{relation: d.Relation.OID, row: id, what: lockedRow}
	fresh, err = x.t.locks.take(ctx, &x.owner, rowLockID(d.storage, id), 1<<mode, policy, x.timeout, what)
	switch {
	case errors.Is(err, errLocked) && policy == NoWait:
		return false, sqlerr.Errorf(sqlerr.LockNotAvailable, "could not obtain lock on row in relation \"%s\"", d.Relation.Name)
	case errors.Is(err, errLocked):
		return false, err
	case err != nil:
		return false, whileLocking(err, d, id)
	}
	return fresh, nil
}

// whileLocking adds where a deadlock came up.
func whileLocking(err error, d *Desc, id int64) error {
	var e *sqlerr.Error
	if errors.As(err, &e) {
		e.Where = fmt.Sprintf("while locking tuple (%d,%d) in relation \"%s\"", id>>16, id&0xffff, d.Relation.Name)
	}
	return err
}

// compare tells what has become of a row since a snapshot.
func (x *Txn) compare(snap *Snapshot, now *roots, d *Desc, key []byte) (LockResult, error) {
	if snap.base == now {
		return LockOK, nil
	}
	was, had, err := lookup(snap.base.get(d.storage).n, &stored{x.t, d.storage, snap.base.version}, key)
	if err != nil {
		return 0, err
	}
	is, has, err := lookup(now.get(d.storage).n, &stored{x.t, d.storage, now.version}, key)
	switch {
	case err != nil:
		return 0, err
	case !has:
		return LockGone, nil
	case !had || !bytes.Equal(was, is):
		return LockChanged, nil
	}
	return LockOK, nil
}

// newest is the newest roots, taken again only when there are newer ones.
type newest struct {
	t     *Tables
	r     *roots
	stamp uint64
}

func (n *newest) renew(t *Tables) {
	stamp := t.stamp.Load()
	if n.r != nil && n.stamp == stamp {
		return
	}
	n.close()
	n.t, n.r, n.stamp = t, t.newest(), stamp
}

func (n *newest) close() {
	if n.r != nil {
		n.t.release(n.r)
		n.r = nil
	}
}

func (x *Txn) find(storage uint32) *overlay {
	for _, o := range x.over {
		if o.storage == storage {
			return o
		}
	}
	return nil
}

// Touched reports whether the transaction has written a row in snap's statement
// or later: a second INSERT ... ON CONFLICT DO UPDATE may not change it again.
func (x *Txn) Touched(snap *Snapshot, d *Desc, id int64) bool {
	over := x.find(d.storage)
	if over == nil {
		return false
	}
	value, found, _ := lookup(over.edit.root, resident{}, rowKey(nil, id))
	return found && !isTombstone(value) && rowCommand(value) >= snap.command
}

// Insert adds n rows: the relation's columns, then the derived ones. It returns
// their ids, ascending; with an error, those of the rows before the one that it is
// about. A key that is there already is 23505; where another transaction that is not
// done has written it, Insert waits for that. After an error part of the rows may
// stand in the transaction, which is to be rolled back, to a mark at least.
func (x *Txn) Insert(ctx context.Context, snap *Snapshot, d *Desc, rows []vec.Vec, n int) (ids []int64, err error) {
	w, err := x.writer(ctx, snap, d)
	if err != nil {
		return nil, err
	}
	defer w.close()
	first, err := w.reserve(n)
	if err != nil {
		return nil, err
	}
	ids = make([]int64, n)
	for i := range n {
		ids[i] = first + int64(i)
		for _, ix := range w.indexes {
			if _, err := w.addEntry(ix, rows, i, ids[i], nil); err != nil {
				return ids[:i], err
			}
		}
		if err := w.putRow(ids[i], rows, i); err != nil {
			return ids[:i], err
		}
	}
	return ids, nil
}

// InsertUnless is Insert of those of n rows whose keys are not there already in
// the arbiters, or, where that is nil, in any unique index. Of a row that was
// not inserted, ids has the row that is in its way; it may be one of this call,
// or one that snap does not see.
func (x *Txn) InsertUnless(ctx context.Context, snap *Snapshot, d *Desc, rows []vec.Vec, n int, arbiters []*catalog.Index) (inserted []bool, ids []int64, err error) {
	w, err := x.writer(ctx, snap, d)
	if err != nil {
		return nil, nil, err
	}
	defer w.close()
	first, err := w.reserve(n)
	if err != nil {
		return nil, nil, err
	}
	arbitrates := map[*index]bool{}
	for _, ix := range w.indexes {
		if arbiters == nil && ix.Unique {
			arbitrates[ix.index] = true
		}
	}
	for _, a := range arbiters {
		arbitrates[d.index(a)] = true
	}
	inserted, ids = make([]bool, n), make([]int64, n)
	for i := range n {
		other, found, err := w.inTheWay(arbitrates, rows, i)
		if err != nil {
			return nil, nil, err
		}
		if found {
			ids[i] = other
			if err := w.visible(other); err != nil {
				return nil, nil, err
			}
			continue
		}
		inserted[i], ids[i] = true, first+int64(i)
		for _, ix := range w.indexes {
			if _, err := w.addEntry(ix, rows, i, ids[i], nil); err != nil {
				return nil, nil, err
			}
		}
		if err := w.putRow(ids[i], rows, i); err != nil {
			return nil, nil, err
		}
	}
	return inserted, ids, nil
}

// Update replaces rows, which the transaction has locked. rows are the new ones,
// with derived columns; old are the derived columns of the old ones, nil where
// the table has none. Errors are Insert's; done is how many rows come before the one
// that the error is about.
func (x *Txn) Update(ctx context.Context, snap *Snapshot, d *Desc, ids []int64, rows, old []vec.Vec) (done int, err error) {
	w, err := x.writer(ctx, snap, d)
	if err != nil {
		return 0, err
	}
	defer w.close()
	before, err := w.readOld(ids, old)
	if err != nil {
		return 0, err
	}
	for i, id := range ids {
		for _, ix := range w.indexes {
			if _, err := w.addEntry(ix, rows, i, id, before); err != nil {
				return i, err
			}
		}
		if err := w.putRow(id, rows, i); err != nil {
			return i, err
		}
	}
	return len(ids), nil
}

// Delete removes rows, which the transaction has locked. old are their derived
// columns, nil where the table has none.
func (x *Txn) Delete(ctx context.Context, snap *Snapshot, d *Desc, ids []int64, old []vec.Vec) error {
	w, err := x.writer(ctx, snap, d)
	if err != nil {
		return err
	}
	defer w.close()
	before, err := w.readOld(ids, old)
	if err != nil {
		return err
	}
	for i, id := range ids {
		for _, ix := range w.indexes {
			if err := w.removeEntry(ix, before, i, id); err != nil {
				return err
			}
		}
		w.key = rowKey(w.key[:0], id)
		if _, err := w.rows.edit.put(w.key, tombstone); err != nil {
			return err
		}
	}
	return nil
}

// Fill adds the entries of rows that are there to an index that is new: ids and
// the rows' columns, with derived ones. A key that comes twice is 23505, in
// CREATE INDEX's words.
func (x *Txn) Fill(ctx context.Context, snap *Snapshot, d *Desc, on *catalog.Index, ids []int64, rows []vec.Vec) error {
	w, err := x.writer(ctx, snap, d)
	if err != nil {
		return err
	}
	defer w.close()
	w.building = true
	for _, ix := range w.indexes {
		if ix.index != d.index(on) {
			continue
		}
		for i, id := range ids {
			if _, err := w.addEntry(ix, rows, i, id, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
