package table

import (
	"context"
	"errors"
	"io"
)

// Hold locks a row until the transaction ends, whatever has become of it: who
// calls it reads the row again.
func (x *Txn) Hold(ctx context.Context, d *Desc, id int64, mode RowLock) error {
	if x.done {
		return errDone
	}
	_, err := x.lockRow(ctx, d, id, mode, Block)
	return err
}

// Unchanged refuses, above ReadCommitted, a row that another has changed or removed
// since a snapshot, or that came after it.
func (x *Txn) Unchanged(snap *Snapshot, d *Desc, id int64) error {
	if x.level == ReadCommitted {
		return nil
	}
	key := rowKey(nil, id)
	if over := x.find(d.storage); over != nil {
		if _, own, _ := lookup(over.edit.root, resident{}, key); own {
			return nil
		}
	}
	var n newest
	defer n.close()
	n.renew(x.t)
	result, err := x.compare(snap, n.r, d, key)
	switch {
	case err != nil:
		return err
	case result == LockGone:
		return conflict("delete")
	case result != LockOK:
		return conflict("update")
	}
	return nil
}

// StillThere refuses, above ReadCommitted, a row that another has removed while its
// lock was waited for.
func (x *Txn) StillThere(d *Desc, id int64) error {
	if x.level == ReadCommitted {
		return nil
	}
	var n newest
	defer n.close()
	n.renew(x.t)
	var rows fetch
	var over *node
	if o := x.find(d.storage); o != nil {
		over = o.edit.root
	}
	rows.reset(n.r.get(d.storage).n, &stored{x.t, d.storage, n.r.version}, over)
	_, found, err := rows.get(id)
	if err == nil && !found {
		return conflict("delete")
	}
	return err
}

// HoldKey locks the row that spec, a look-up of one key of a unique index that
// delivers the row id alone, finds; false: there is none. Under ReadCommitted that is
// the row that is there when the lock is had, above it one that snap sees, and that
// nobody has changed since.
func (x *Txn) HoldKey(ctx context.Context, snap *Snapshot, d *Desc, spec ScanSpec, mode RowLock) (bool, error) {
	spec.Latest, spec.Unnoted = x.level == ReadCommitted, true
	var c Scan
	defer c.Close()
	find := func() (int64, bool, error) {
		snap.ScanInto(&c, d, spec)
		return c.only()
	}
	id, found, err := find()
	if err != nil || !found {
		return false, err
	}
	if x.level != ReadCommitted {
		var result [1]LockResult
		err := x.Lock(ctx, snap, d, []int64{id}, mode, Block, result[:])
		return err == nil, err
	}
	for {
		if err := x.Hold(ctx, d, id, mode); err != nil {
			return false, err
		}
		now, found, err := find()
		if err != nil || !found {
			return false, err
		}
		if now == id {
			return true, nil
		}
		id = now
	}
}

// only is the id of the one row of a scan.
func (c *Scan) only() (id int64, found bool, err error) {
	id, _, err = c.step()
	if errors.Is(err, io.EOF) {
		return 0, false, nil
	}
	return id, err == nil, err
}
