// Package table keeps tables: rows, indexes, sequences, the locks of
// transactions and their commits.
//
// One idea carries it. A table's rows, by row id, and each of its indexes, by
// key, are B+trees that no change destroys: a writer copies the pages it
// changes, and a version of everything is a set of roots. So a snapshot is a
// pointer, readers lock nothing, and what a transaction has not committed is a
// few small trees of its own beside the roots it began with. A commit puts them
// into the newest roots, writes the pages that differ, and publishes the result;
// many at a time share one sync.
//
// The package knows types and the catalog's relations, and nothing of plans:
// who writes rows has computed them, with the keys that are expressions.
package table

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Options are what Tables are opened with.
type Options struct {
	// Budget is how many bytes of pages are kept in memory, beside those that
	// are not in the store yet; 0: all of them.
	Budget int64
	// Account counts the pages in memory; nil: nobody.
	Account *memory.Account
	// Known tells whether the catalog knows a storage. What it does not know has
	// lost its owner and is removed; nil: it knows all.
	Known func(storage uint32) bool
	// Logger hears of what could not be removed; nil: nobody.
	Logger *slog.Logger
}

// Tables are all tables of one data directory. All methods may be called from
// several goroutines.
type Tables struct {
	store *state.Store
	log   *slog.Logger
	locks lockTable
	cache cache

	mu      sync.Mutex // guards current, wake and roots' refs
	current *roots
	wake    chan struct{} // closed by the next publish; nil: nobody waits
	stamp   atomic.Uint64 // counts publishes
	// delivered is the last epoch of each job's sink that was written to a table;
	// guarded by mu.
	delivered map[string]uint64

	followMu sync.Mutex
	followed map[uint32]int // by storage: how many followers are open

	idsMu sync.Mutex
	ids   map[uint32]*atomic.Int64 // by storage: the last row id given out

	commits   commitQueue
	redo      redo
	unwritten map[uint32]*unwritten
	flushing  *flush      // nil: none runs; of who leads a group
	piece     int         // bytes of a flush that are written at a time
	behind    atomic.Bool // pages are about to be written
	seqs      sequences

	ctx    context.Context // of the sweeper
	cancel context.CancelFunc
	sweeps sync.WaitGroup
}

// Open reads which pages there are, and what was committed after they were
// written. The other pages are read when they are asked for.
func Open(s *state.Store, o Options) (*Tables, error) {
	t := &Tables{store: s, log: o.Logger, ids: map[uint32]*atomic.Int64{}, followed: map[uint32]int{}, delivered: map[string]uint64{}}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.locks.init()
	t.cache = cache{budget: o.Budget, account: o.Account}
	t.piece = pieceBytes
	t.seqs.all, t.unwritten = map[uint32]*sequence{}, map[uint32]*unwritten{}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	lost, err := t.load(o.Known)
	if err != nil {
		t.current.held.Close()
		t.cancel()
		return nil, fmt.Errorf("opening the tables: %w", err)
	}
	t.sweep(lost)
	return t, nil
}

// Close writes the pages that wait for it, and what sequences have leased and not
// used back, and waits for the removal of dropped storages to pause; the next start
// goes on with it. No transaction may be open.
func (t *Tables) Close() error {
	t.cancel()
	t.sweeps.Wait()
	var err error
	if len(t.unwritten) > 0 || t.seqs.onlyLogged() {
		err = t.flush()
	}
	err = errors.Join(err, t.settleSequences())
	t.release(t.current)
	t.cache.close()
	return err
}

// Rows is how many rows a table has as committed last; it costs nothing.
func (t *Tables) Rows(d *Desc) int64 {
	r := t.newest()
	defer t.release(r)
	return r.get(d.storage).rows
}

// Version is that of the last commit.
func (t *Tables) Version() uint64 {
	r := t.newest()
	defer t.release(r)
	return r.version
}

// ChangedAt is the version of the last commit that changed a table's rows; 0: none
// has.
func (t *Tables) ChangedAt(d *Desc) uint64 {
	r := t.newest()
	defer t.release(r)
	return r.get(d.storage).at
}

// Changed returns a channel that is closed by the next commit that is published.
func (t *Tables) Changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wake == nil {
		t.wake = make(chan struct{})
	}
	return t.wake
}

// lastID is the counter of a table's row ids: they are given out once in a
// process's life, and from above the last row on after a start.
func (t *Tables) lastID(storage uint32) (*atomic.Int64, error) {
	t.idsMu.Lock()
	defer t.idsMu.Unlock()
	if c := t.ids[storage]; c != nil {
		return c, nil
	}
	c := &atomic.Int64{}
	r := t.newest()
	defer t.release(r)
	var last cursor
	last.reset(r.get(storage).n, &stored{t, storage, r.version})
	if err := last.seekBefore(nil); err != nil {
		return nil, err
	}
	if last.valid {
		c.Store(rowID(last.key()))
	}
	t.ids[storage] = c
	return c, nil
}
