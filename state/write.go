package state

import (
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// A step is a write that becomes durable. A process can die just before it, and
// just after it, before anyone has heard of it: tests do, at the step and at its
// done.
type step string

func (at step) done() step { return at + " done" }

const (
	stepLease    step = "lease"    // the counter's limit
	stepChunk    step = "chunk"    // a part of an epoch's keys
	stepPiece    step = "piece"    // a part of what settles the redo log
	stepPrepared step = "prepared" // prepared[job]
	stepCommit   step = "commit"   // committed[job]
	stepUndo     step = "undo"     // a part of a rollback's keys
	stepUndone   step = "undone"   // a rollback's committed[job]
	stepDeliver  step = "deliver"  // delivered[job, sink]
	stepDrop     step = "drop"     // the mark of a drop
	stepSweep    step = "sweep"    // the removal of a part of a dropped job's keys
	stepSwept    step = "swept"    // the removal of the mark of a drop
	stepCatalog  step = "catalog"  // the catalog's keys or committed version
	stepTables   step = "tables"   // the tables', with or without the catalog's
	stepLog      step = "log"      // an entry of the redo log
	stepSegment  step = "segment"  // the file of a segment of the redo log
	stepSegments step = "segments" // which segments there are
	stepSeal     step = "seal"     // the end of a segment
)

type entry struct {
	key, value []byte
	version    uint64
	del        bool
}

// writer writes entries durably. Small writes that arrive while one is being synced
// are joined into the next: the jobs share a sync, not each have its own. Many pages
// are written in many transactions and synced once.
type writer struct {
	db    *badger.DB
	logs  logSyncer
	fault func(step) error
	limit int    // bytes of one transaction's entries
	dir   string // "": in memory
	free  func(dir string) (bytes uint64, err error)

	mu     sync.Mutex
	queue  []*request
	busy   bool
	failed error
}

// request is a write that waits for its sync.
type request struct {
	pages []entry // each at its own version; not atomic
	marks []entry // atomic; their version is given when they are written
	whole bool    // pages and marks are one transaction, all at the version of the marks
	at    uint64  // of marks
	err   error
	// turn gets true where this request's goroutine is to write the queue, and
	// false where another has written it.
	turn chan bool
}

// chunkBytes leaves room below Badger's limit for what it adds to a key.
func chunkBytes(db *badger.DB) int { return int(db.MaxBatchSize()) * 3 / 4 }

// entryOverhead is what Badger counts for an entry beside key and value.
const entryOverhead = 32

func (e *entry) size() int { return len(e.key) + len(e.value) + entryOverhead }

// pages writes entries that need not appear together. at is called before each
// part that goes out.
func (w *writer) pages(entries []entry, at step) error {
	size, start := 0, 0
	most := int(w.db.MaxBatchCount()) / 2
	for i := range entries {
		n := entries[i].size()
		if i > start && (size+n > w.limit || i-start >= most) {
			// It becomes durable with the last.
			if err := w.chunk(entries[start:i], at); err != nil {
				return err
			}
			size, start = 0, i
		}
		size += n
	}
	if start == len(entries) {
		return nil
	}
	return w.between(at, func() error { return w.join(&request{pages: entries[start:]}) })
}

func (w *writer) chunk(entries []entry, at step) error {
	return w.between(at, func() error { return w.put(entries) })
}

// between does a step's write, and lets a test die before or after it.
func (w *writer) between(at step, write func() error) error {
	if err := w.fault(at); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return w.fault(at.done())
}

// put writes entries, each at its own version, for sync to make durable.
func (w *writer) put(entries []entry) error {
	if err := w.ready(); err != nil {
		return err
	}
	if err := w.logs.write(entries, func() error { return w.batch(entries) }); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *writer) batch(entries []entry) error {
	b := w.db.NewManagedWriteBatch()
	defer b.Cancel()
	for i := range entries {
		e := &entries[i]
		var err error
		if e.del {
			err = b.DeleteAt(e.key, e.version)
		} else {
			err = b.SetEntryAt(badger.NewEntry(e.key, e.value), e.version)
		}
		if err != nil {
			return err
		}
	}
	return b.Flush()
}

// marks writes entries that appear together, at one version, sharing a sync.
func (w *writer) marks(at step, version uint64, entries ...entry) error {
	return w.between(at, func() error { return w.join(&request{marks: entries, at: version}) })
}

// whole writes pages together with the marks that tell of them, all at one version, sharing
// a sync. They fit a transaction.
func (w *writer) whole(at step, version uint64, pages, marks []entry) error {
	return w.between(at, func() error { return w.join(&request{pages: pages, marks: marks, whole: true, at: version}) })
}

// fits reports whether entries fit a transaction.
func (w *writer) fits(parts ...[]entry) bool {
	n, size := 0, 0
	for _, p := range parts {
		n += len(p)
		for i := range p {
			size += p[i].size()
		}
	}
	return size <= w.limit && n <= int(w.db.MaxBatchCount())/2
}

// later writes entries that appear together, at one version, which become durable with
// whatever is synced next.
func (w *writer) later(at step, version uint64, entries ...entry) error {
	return w.between(at, func() error { return w.meta(entries, version) })
}

// alone writes entries together at exactly this version, sharing nothing.
func (w *writer) alone(at step, version uint64, entries ...entry) error {
	return w.between(at, func() error {
		if err := w.meta(entries, version); err != nil {
			return err
		}
		return w.sync()
	})
}

// sync returns when what was written is durable.
func (w *writer) sync() error {
	if err := w.logs.sync(); err != nil {
		return w.fail(err)
	}
	return w.broken() // another write may have broken off meanwhile
}

// meta writes entries that appear together, for sync to make durable.
func (w *writer) meta(entries []entry, at uint64) error {
	if err := w.ready(); err != nil {
		return err
	}
	if err := w.logs.write(entries, func() error { return w.transaction(entries, at) }); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *writer) transaction(entries []entry, at uint64) error {
	txn := w.db.NewTransactionAt(at, true)
	defer txn.Discard()
	for i := range entries {
		e := &entries[i]
		var err error
		if e.del {
			err = txn.Delete(e.key)
		} else {
			err = txn.SetEntry(badger.NewEntry(e.key, e.value))
		}
		if err != nil {
			return err
		}
	}
	return txn.CommitAt(at, nil)
}

// join queues a request. The first in an empty queue writes it, and all that
// has queued up meanwhile is written by one of those who wait.
func (w *writer) join(r *request) error {
	r.turn = make(chan bool, 1)
	w.mu.Lock()
	w.queue = append(w.queue, r)
	lead := !w.busy
	w.busy = true
	w.mu.Unlock()
	if !lead && !<-r.turn {
		return r.err
	}
	w.mu.Lock()
	group := w.queue
	w.queue = nil
	w.mu.Unlock()
	w.write(group)
	w.mu.Lock()
	if len(w.queue) > 0 {
		w.queue[0].turn <- true
	} else {
		w.busy = false
	}
	w.mu.Unlock()
	for _, o := range group {
		if o != r {
			o.turn <- false
		}
	}
	return r.err
}

// write makes a group durable: first all pages, and the marks that are whole with theirs,
// then all other marks, each in as few transactions as fit.
func (w *writer) write(group []*request) {
	var parts, written []*request
	var entries []entry
	size := 0
	flush := func(put func() error) {
		if len(entries) > 0 {
			err := put()
			for _, r := range parts {
				r.err = err
			}
			written = append(written, parts...)
		}
		parts, entries, size = nil, nil, 0
	}
	add := func(r *request, more []entry, put func() error) {
		n := 0
		for i := range more {
			n += more[i].size()
		}
		if size+n > w.limit || len(entries)+len(more) > int(w.db.MaxBatchCount())/2 {
			flush(put)
		}
		parts, entries, size = append(parts, r), append(entries, more...), size+n
	}
	// Pages are durable before any mark is written.
	sync := func() {
		if len(written) == 0 {
			return
		}
		if err := w.sync(); err != nil {
			for _, r := range written {
				r.err = err
			}
		}
		written = nil
	}
	pages := func() error { return w.put(entries) }
	for _, r := range group {
		if len(r.pages) > 0 && !r.whole {
			add(r, r.pages, pages)
		}
	}
	flush(pages)
	for _, r := range group {
		if r.whole {
			r.err = w.meta(slices.Concat(r.pages, r.marks), r.at)
			written = append(written, r)
		}
	}
	sync()
	// The version of a transaction's marks is the highest of its requests': each
	// mark's key belongs to one job, whose calls are in order, so versions of
	// one key still ascend.
	marks := func() error {
		at := uint64(0)
		for _, r := range parts {
			at = max(at, r.at)
		}
		return w.meta(entries, at)
	}
	for _, r := range group {
		if len(r.marks) > 0 && !r.whole {
			add(r, r.marks, marks)
		}
	}
	flush(marks)
	sync()
}
