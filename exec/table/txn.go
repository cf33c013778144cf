package table

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// Isolation is how much of others a transaction sees.
type Isolation uint8

// Isolation levels; READ UNCOMMITTED is ReadCommitted.
const (
	ReadCommitted Isolation = iota
	RepeatableRead
	Serializable
)

// Txn is one transaction. It belongs to one goroutine; its snapshots may be read
// by several. It ends with Commit or Rollback.
type Txn struct {
	t       *Tables
	owner   owner
	level   Isolation
	timeout time.Duration // of waits for locks; 0: none
	id      uint64        // of its rows; 0: it has written none
	command uint64        // statements begun
	first   *roots        // of its first statement, kept where the level is not ReadCommitted
	over    []*overlay    // what it has written, by storage
	drops   []uint32      // storages that its commit removes
	seqs    []seqUse
	deliver []delivery
	done    bool
	labels  func(types.OID) *types.Enum // for details of errors; nil: numbers

	reads reads
	bytes int64 // of its overlays, as counted

	mu    sync.Mutex
	snaps map[*Snapshot]struct{} // open
}

// overlay is what a transaction has written to one storage: values, and
// tombstone where it has removed what may be there.
type overlay struct {
	storage   uint32
	rows      bool // a table's; else an index's
	temporary bool
	edit      edit
}

// tombstone is the value of what an overlay has removed. No row and no entry of
// an index has it.
var tombstone = []byte{0xff}

func isTombstone(v []byte) bool { return len(v) == 1 && v[0] == 0xff }

// Begin starts a transaction. It costs next to nothing until it writes.
func (t *Tables) Begin() *Txn { return &Txn{t: t} }

// Isolation sets the level, before the first statement.
func (x *Txn) Isolation(level Isolation) { x.level = level }

// SetLabels tells what the values of enum types are called, for details of errors.
func (x *Txn) SetLabels(labels func(types.OID) *types.Enum) { x.labels = labels }

// SetProcess names the transaction in the detail of a deadlock: pg_backend_pid.
func (x *Txn) SetProcess(pid int32) { x.owner.pid = pid }

// SetLockTimeout bounds each wait for a lock from here on; 0: none.
func (x *Txn) SetLockTimeout(d time.Duration) { x.timeout = d }

// ID is the transaction's number, 0 where it has written nothing.
func (x *Txn) ID() uint64 { return x.id }

// Snapshot is what one statement sees: everything committed when it began, or
// when the transaction's first one did, and the transaction's own earlier
// writes. It may be read by several goroutines, and outlives later statements.
type Snapshot struct {
	t       *Tables
	x       *Txn // nil: of no transaction
	base    *roots
	over    []overRoot
	command uint64
	close   sync.Once
}

type overRoot struct {
	storage uint32
	n       *node
}

// Latest is a snapshot of what is committed, of no transaction. Who takes it
// closes it.
func (t *Tables) Latest() *Snapshot { return &Snapshot{t: t, base: t.newest()} }

// Statement begins a statement and returns what it sees. The snapshot is good
// until its Close, or the end of the transaction.
func (x *Txn) Statement() *Snapshot {
	x.command++
	s := &Snapshot{t: x.t, x: x, command: x.command}
	switch {
	case x.level == ReadCommitted:
		s.base = x.t.newest()
	case x.first == nil:
		x.first = x.t.newest()
		fallthrough
	default:
		s.base = x.t.retain(x.first)
	}
	for _, o := range x.over {
		s.over = append(s.over, overRoot{o.storage, o.edit.freeze()})
	}
	x.mu.Lock()
	if x.snaps == nil {
		x.snaps = map[*Snapshot]struct{}{}
	}
	x.snaps[s] = struct{}{}
	x.mu.Unlock()
	return s
}

// Sees reports whether an index has the rows that the transaction's snapshot has of
// its table, and no others. One that was made since has no version as old as that. (Of
// a partial index without an entry that cannot be told: it is not seen.)
func (x *Txn) Sees(d *Desc, on *catalog.Index) bool {
	return x.first == nil || x.first.get(d.storage).n == nil || x.first.get(on.Storage).n != nil
}

// Close lets go of the versions that the snapshot reads. It may be called twice.
func (s *Snapshot) Close() {
	s.close.Do(func() {
		if s.x != nil {
			s.x.mu.Lock()
			delete(s.x.snaps, s)
			s.x.mu.Unlock()
		}
		s.t.release(s.base)
	})
}

// own is what the transaction had written to a storage when the statement began.
func (s *Snapshot) own(storage uint32) *node {
	for i := range s.over {
		if s.over[i].storage == storage {
			return s.over[i].n
		}
	}
	return nil
}

// overlay is where the transaction writes to a storage.
func (x *Txn) overlay(d *Desc, storage uint32) *overlay {
	for _, o := range x.over {
		if o.storage == storage {
			return o
		}
	}
	o := &overlay{storage: storage, rows: storage == d.storage, temporary: d.temporary}
	o.edit.pg = resident{}
	o.edit.begin()
	x.over = append(x.over, o)
	return o
}

// write gives the transaction its number.
func (x *Txn) write() error {
	if x.done {
		return errDone
	}
	if x.id != 0 {
		return nil
	}
	id, err := x.t.store.NewVersion()
	x.id = id
	return err
}

// count reserves memory for what the transaction has written. 53200 where there
// is none.
func (x *Txn) count() error {
	bytes := int64(0)
	for _, o := range x.over {
		bytes += o.edit.bytes
	}
	if bytes <= x.bytes {
		return nil
	}
	if err := x.t.cache.account.Reserve(bytes - x.bytes); err != nil {
		return err
	}
	memory.Resident(bytes - x.bytes)
	x.bytes = bytes
	return nil
}

var errDone = errors.New("the transaction has ended")

// Mark is a point of a transaction to go back to.
type Mark struct {
	over  []overRoot
	locks int
	drops int
}

// Mark names the present point.
func (x *Txn) Mark() Mark {
	m := Mark{locks: len(x.owner.held), drops: len(x.drops)}
	for _, o := range x.over {
		m.over = append(m.over, overRoot{o.storage, o.edit.freeze()})
	}
	return m
}

// RollbackTo takes back what was written since the mark, and gives back the
// locks taken since. What was taken from sequences stays taken.
func (x *Txn) RollbackTo(m Mark) {
	for i, o := range x.over {
		o.edit.begin()
		o.edit.root = nil
		if i < len(m.over) {
			o.edit.root = m.over[i].n
		}
	}
	x.over = x.over[:len(m.over)]
	x.drops = x.drops[:m.drops]
	x.t.locks.release(&x.owner, m.locks)
}

// Drop has the commit remove a storage: of a table or an index that is dropped,
// or that TRUNCATE has given another.
func (x *Txn) Drop(storage uint32) { x.drops = append(x.drops, storage) }

// Rollback leaves nothing. After Commit or Rollback it does nothing.
func (x *Txn) Rollback() {
	if x.done {
		return
	}
	x.end()
}

// end lets go of everything.
func (x *Txn) end() {
	x.done = true
	x.mu.Lock()
	var open []*Snapshot
	for s := range x.snaps {
		open = append(open, s)
	}
	x.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	if x.first != nil {
		x.t.release(x.first)
		x.first = nil
	}
	x.over, x.drops = nil, nil
	x.t.cache.account.Release(x.bytes)
	memory.Resident(-x.bytes)
	x.bytes = 0
	if len(x.owner.held) > 0 {
		x.t.locks.release(&x.owner, 0)
	}
}

// LockTable locks a relation until the transaction ends. It fails with 55P03
// where policy is not Block and another has a lock that excludes it.
func (x *Txn) LockTable(ctx context.Context, r *catalog.Relation, l TableLock, policy Policy) error {
	id := lockID(mix64(uint64(r.OID), 0x7461626c65))
	what := locked{relation: r.OID, table: l, what: lockedTable}
	_, err := x.t.locks.take(ctx, &x.owner, id, 1<<(tableModes+l), policy, x.timeout, what)
	if errors.Is(err, errLocked) {
		return sqlerr.Errorf(sqlerr.LockNotAvailable, "could not obtain lock on relation \"%s\"", r.Name)
	}
	return err
}

// conflict is the error of a row that another transaction has changed, or
// removed, since the snapshot.
func conflict(what string) error {
	return sqlerr.Errorf(sqlerr.SerializationFailure, "could not serialize access due to concurrent %s", what)
}
