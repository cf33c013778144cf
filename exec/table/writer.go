package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// writer is one call that writes to a table.
type writer struct {
	ctx      context.Context
	x        *Txn
	snap     *Snapshot
	d        *Desc
	rows     *overlay
	indexes  []*indexWriter
	attrs    []vec.Vec // a row's columns by attribute
	now      newest
	building bool // an index is made for rows that are there

	key, value []byte
}

// indexWriter is one index of a writer.
type indexWriter struct {
	*index
	over *overlay
	keys []vec.Vec // columns of the key being made
	key  []byte    // the new entry's
	old  []byte
	val  []byte
}

func (x *Txn) writer(ctx context.Context, snap *Snapshot, d *Desc) (*writer, error) {
	if err := x.write(); err != nil {
		return nil, err
	}
	if err := x.count(); err != nil {
		return nil, err
	}
	w := &writer{ctx: ctx, x: x, snap: snap, d: d, rows: x.overlay(d, d.storage), attrs: make([]vec.Vec, len(d.places))}
	for _, ix := range d.indexes {
		w.indexes = append(w.indexes, &indexWriter{index: ix, over: x.overlay(d, ix.Storage), keys: make([]vec.Vec, len(ix.cols))})
	}
	return w, nil
}

func (w *writer) close() { w.now.close() }

// reserve takes n row ids and returns the first.
func (w *writer) reserve(n int) (int64, error) {
	c, err := w.x.t.lastID(w.d.storage)
	if err != nil {
		return 0, err
	}
	return c.Add(int64(n)) - int64(n) + 1, nil
}

func (w *writer) putRow(id int64, rows []vec.Vec, i int) error {
	for a, place := range w.d.places {
		w.attrs[a] = nil
		if place >= 0 {
			w.attrs[a] = rows[place]
		}
	}
	w.value = w.d.appendRow(w.value[:0], w.x.id, w.snap.command, w.attrs, i)
	w.key = rowKey(w.key[:0], id)
	_, err := w.rows.edit.put(w.key, w.value)
	return err
}

// maxIndexKey is what a key of an index may have.
const maxIndexKey = 16 << 10

// keyOf makes the key of a row in an index. false: the row has none, as the
// index is partial. alone: the key holds without the row id.
func (ix *indexWriter) keyOf(dst []byte, rows []vec.Vec, i int, id int64) (key []byte, alone, has bool, err error) {
	if ix.where >= 0 && !isTrue(rows[ix.where], i) {
		return dst, false, false, nil
	}
	for k, place := range ix.cols {
		ix.keys[k] = rows[place]
	}
	key, null := ix.enc.Append(dst, ix.keys, i)
	if len(key) > maxIndexKey {
		return nil, false, false, sqlerr.Errorf(sqlerr.ProgramLimitExceeded,
			"index row size %d exceeds maximum %d for index \"%s\"", len(key), maxIndexKey, ix.Name).
			WithHint("Consider a function index of an MD5 hash of the value.")
	}
	alone = ix.Unique && (!null || ix.NullsNotDistinct)
	if !alone {
		key = rowKey(key, id)
	}
	return key, alone, true, nil
}

func isTrue(v vec.Vec, i int) bool {
	if c, ok := v.(*vec.Const); ok {
		v, i = c.Of, 0
	}
	return !v.Nulls().Get(i) && v.(*vec.Fixed[bool]).Values[i]
}

// addEntry adds the entry of row i, where before is not nil in the place of the
// old row's. same: they are one.
func (w *writer) addEntry(ix *indexWriter, rows []vec.Vec, i int, id int64, before []vec.Vec) (same bool, err error) {
	key, alone, has, err := ix.keyOf(ix.key[:0], rows, i, id)
	if err != nil {
		return false, err
	}
	ix.key = key
	if before != nil {
		old, _, had, err := ix.keyOf(ix.old[:0], before, i, id)
		if err != nil {
			return false, err
		}
		ix.old = old
		if had == has && bytes.Equal(old, key) {
			return true, nil
		}
		if err := w.removeEntry(ix, before, i, id); err != nil {
			return false, err
		}
	}
	if !has {
		return false, nil
	}
	ix.val = ix.val[:0]
	if alone {
		fresh, err := w.lockKey(ix, key)
		if err != nil {
			return false, err
		}
		other, found, err := w.lookup(ix, key)
		if err != nil {
			return false, err
		}
		if found && other != id {
			if fresh {
				w.x.t.locks.drop(&w.x.owner)
			}
			return false, w.duplicate(ix, rows, i)
		}
		ix.val = indexValue(ix.val, id)
	}
	_, err = ix.over.edit.put(key, ix.val)
	return false, err
}

// removeEntry removes the entry of row i of before.
func (w *writer) removeEntry(ix *indexWriter, before []vec.Vec, i int, id int64) error {
	old, alone, had, err := ix.keyOf(ix.old[:0], before, i, id)
	if err != nil || !had {
		return err
	}
	ix.old = old
	if alone {
		if _, err := w.lockKey(ix, old); err != nil {
			return err
		}
	}
	_, err = ix.over.edit.put(old, tombstone)
	return err
}

// lockKey keeps others from adding or removing a unique key until the
// transaction ends: it waits for those who have.
func (w *writer) lockKey(ix *indexWriter, key []byte) (fresh bool, err error) {
	id := lockID(mix64(vec.HashBytes(key), uint64(ix.Storage)|1<<40))
	fresh, err = w.x.t.locks.take(w.ctx, &w.x.owner, id, 1<<ForUpdate, Block, w.x.timeout, locked{what: lockedKey})
	var e *sqlerr.Error
	if errors.As(err, &e) {
		e.Where = fmt.Sprintf("while inserting index tuple in relation \"%s\"", w.d.Relation.Name)
	}
	return fresh, err
}

// lookup finds the row that has a unique key: the transaction's own, or one that
// is committed.
func (w *writer) lookup(ix *indexWriter, key []byte) (id int64, found bool, err error) {
	value, found, _ := lookup(ix.over.edit.root, resident{}, key)
	if !found {
		w.now.renew(w.x.t)
		r := w.now.r
		value, found, err = lookup(r.get(ix.Storage).n, &stored{w.x.t, ix.Storage, r.version}, key)
	}
	if err != nil || !found || isTombstone(value) {
		return 0, false, err
	}
	return indexRow(key, value), true, nil
}

// inTheWay finds a row that has one of the keys that row i would have. Where
// there is none, the keys stay locked.
func (w *writer) inTheWay(arbiters map[*index]bool, rows []vec.Vec, i int) (id int64, found bool, err error) {
	mark := len(w.x.owner.held)
	for _, ix := range w.indexes {
		if !arbiters[ix.index] {
			continue
		}
		key, alone, has, err := ix.keyOf(ix.key[:0], rows, i, 0)
		if err != nil {
			return 0, false, err
		}
		ix.key = key
		if !has || !alone {
			continue
		}
		if _, err := w.lockKey(ix, key); err != nil {
			return 0, false, err
		}
		if id, found, err = w.lookup(ix, key); err != nil {
			return 0, false, err
		}
		if found {
			// Nothing is written: others may go on.
			w.x.t.locks.release(&w.x.owner, mark)
			return id, true, nil
		}
	}
	return 0, false, nil
}

// visible refuses, above ReadCommitted, a row that the snapshot does not see: it
// was committed after it.
func (w *writer) visible(id int64) error {
	if w.x.level == ReadCommitted {
		return nil
	}
	w.key = rowKey(w.key[:0], id)
	if _, own, _ := lookup(w.rows.edit.root, resident{}, w.key); own {
		return nil
	}
	base := w.snap.base
	_, found, err := lookup(base.get(w.d.storage).n, &stored{w.x.t, w.d.storage, base.version}, w.key)
	if err == nil && !found {
		return conflict("update")
	}
	return err
}

// duplicate is 23505, as PostgreSQL says it.
func (w *writer) duplicate(ix *indexWriter, rows []vec.Vec, i int) error {
	var names, values []string
	format := types.DefaultFormat()
	format.Enum = w.x.labels
	for k, key := range ix.Keys {
		name := key.Expr
		if key.Column >= 0 {
			name = w.d.Relation.Columns[key.Column].Name
		}
		names = append(names, name)
		v := vec.Get(rows[ix.cols[k]], i, key.Type)
		if v.Null {
			values = append(values, "null")
			continue
		}
		values = append(values, string(types.AppendText(nil, v, format)))
	}
	list := "(" + strings.Join(names, ", ") + ")=(" + strings.Join(values, ", ") + ")"
	e := sqlerr.Errorf(sqlerr.UniqueViolation, "duplicate key value violates unique constraint \"%s\"", ix.Name).
		WithDetail("Key %s already exists.", list)
	if w.building {
		e = sqlerr.Errorf(sqlerr.UniqueViolation, "could not create unique index \"%s\"", ix.Name).
			WithDetail("Key %s is duplicated.", list)
	}
	e.Schema, e.Table, e.Constraint = w.d.Relation.Schema, w.d.Relation.Name, ix.Name
	return e
}

// readOld reads what indexes need of rows as they are now: the transaction's own,
// or what is committed last, which the row's lock keeps as it is.
func (w *writer) readOld(ids []int64, derived []vec.Vec) ([]vec.Vec, error) {
	cols := make([]vec.Vec, len(w.d.Relation.Columns)+len(w.d.Derived))
	copy(cols[len(w.d.Relation.Columns):], derived)
	var places, attrs []int
	for _, ix := range w.d.indexes {
		for _, place := range ix.cols {
			if place < len(w.d.Relation.Columns) && cols[place] == nil {
				cols[place] = vec.New(w.d.Relation.Columns[place].Type)
				places, attrs = append(places, place), append(attrs, w.d.attrs[place])
			}
		}
	}
	var reader rowkey.Reader
	reader.Reset(w.d.layout, attrs)
	into := make([]vec.Vec, len(places))
	for i, place := range places {
		into[i] = cols[place]
	}
	w.now.renew(w.x.t)
	var rows fetch
	rows.reset(w.now.r.get(w.d.storage).n, &stored{w.x.t, w.d.storage, w.now.r.version}, w.rows.edit.root)
	const changes = 1<<ForNoKeyUpdate | 1<<ForUpdate
	for _, id := range ids {
		value, found, err := rows.get(id)
		if err != nil {
			return nil, err
		}
		if !found || rowWriter(value) != w.x.id && !w.x.t.locks.has(&w.x.owner, rowLockID(w.d.storage, id), changes) {
			return nil, fmt.Errorf("changing row %d of table %s: it was not locked", id, w.d.Relation.Name)
		}
		if err := reader.Read(rowBody(value), into); err != nil {
			return nil, err
		}
	}
	return cols, nil
}
