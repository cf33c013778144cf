// Package state keeps bytes through a crash, in epochs. It knows nothing of
// SQL: keys and values are what the operators and the catalog encode.
//
// One idea carries it. Every write of a job's epoch has one version v, taken
// from a counter that never repeats; nobody reads above the version that the
// job has committed. So an epoch becomes visible by one small synced record,
// committed[job] = (epoch, v), and until then it can be undone. Many versions
// of a key are kept for as long as a read or an undecided epoch may want them.
package state

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Options say where the store lives and how much memory it may hold.
type Options struct {
	// Dir is the data directory. It is made where it does not exist. The store
	// writes LOCK, FORMAT and the directories store and redo in it, and nothing else.
	Dir string
	// InMemory keeps everything in memory; Dir must be empty.
	InMemory bool
	// Logger hears of Badger's warnings, and of what could not be removed; nil: nobody.
	Logger *slog.Logger

	// For tests.
	memTable    int64                                      // bytes; 0: defaultMemTable
	followLimit uint64                                     // 0: the constant
	redoDir     string                                     // of a store in memory: it has a redo log there
	segment     int                                        // bytes; 0: segmentBytes
	fault       func(step) error                           // called before and after each durable step; nil: dieAt
	existing    *badger.DB                                 // opened before, and closed by the test; nil: Open opens one
	free        func(dir string) (bytes uint64, err error) // nil: freeSpace
	resync      func(f *os.File) error                     // of a segment, at a start; nil: its Sync
	syncLog     func(f *os.File) error                     // of a log of Badger's, and its directory; nil: its Sync
}

// defaultMemTable bounds what Badger holds in memory before it writes a table,
// and, at 15 % of it, the largest atomic write. The arena is touched as it
// fills, so an idle store holds little of it. Badger builds a table in pieces of
// 2 MB, then 4, then 8, as baseTable has it, and keeps eight tables' pieces for some
// seconds: what memory has, with its last write, must fit the first two.
const defaultMemTable = 9 << 19

const (
	memTables = 2 // that wait to be written, beside the one that is filled
	// levelZeroStall is how many tables, of a memory table each, may wait to be merged
	// before who writes waits: loads wait for the disk, not for merges.
	levelZeroStall = 42
	// levelZeroTables is how many of them are merged at a time, into a level of up to
	// baseLevel bytes. What an epoch writes lies all over the keys, so a merge writes all of
	// that level anew: more at a time is less written for each page, and levels smaller than
	// this would each write it once more, the last in table files of 4 MB and more. With 5
	// and 10 MB, keys that come at random take twice the bytes and a third more time.
	levelZeroTables = 16
	baseLevel       = 256 << 20
	// baseTable is the size of a table file, twice that with each level after the one of
	// baseLevel. Badger builds a dozen at a time, each in memory of twice its size, and
	// keeps that of eight for the next ones.
	baseTable = 1 << 20
	// tableBlock holds several pages. Badger begins one with memory of its size, and leaves
	// that unused where the first page is larger: with 4 KB a table takes twice its bytes.
	tableBlock = 32 << 10
	blockCache = 8 << 20
	indexCache = 8 << 20
)

// Memory is what a store's tables in memory and its caches hold when they are
// full, in bytes: who has a budget sets it aside. What reads and compactions hold
// for a moment comes on top.
const Memory = (memTables+1)*defaultMemTable + blockCache + indexCache

// Store is one data directory, held by one process.
type Store struct {
	db       *badger.DB
	borrowed bool // db belongs to a test
	lock     *dirLock
	log      *slog.Logger
	writer   writer
	counter  counter

	tablesMu  sync.Mutex             // one Commit at a time; held before catalogMu
	catalogMu sync.Mutex             // one Update at a time
	redo      *redoLog               // nil: in memory
	redoDir   string                 // "": in memory
	segment   int                    // bytes of a segment
	resync    func(f *os.File) error // of a segment, at a start; nil: its Sync
	segments  [2]uint64              // the first and the last, as loaded
	slots     uint64                 // of Badger that entries of the log take; guarded by tablesMu
	settling  *Settling              // nil: none runs; guarded by tablesMu

	mu      sync.Mutex // guards what follows, and the discard version
	jobs    map[ID]*record
	holds   map[*Snapshot]uint64 // open reads and the lowest version each may ask for
	discard uint64               // of each key's versions at or below it, only the newest is kept
	floor   uint64               // of a restored store: nothing is older. It does not change

	followLimit uint64 // 0: the constant

	sweeping  sync.WaitGroup // removals of dropped jobs
	closing   chan struct{}
	closeOnce sync.Once
	closeErr  error
}

// Open opens a data directory, or makes one. ErrLocked where another process
// has it open; ErrFormat where another format's binary wrote it.
func Open(o Options) (*Store, error) {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		log:     log,
		jobs:    map[ID]*record{},
		holds:   map[*Snapshot]uint64{},
		closing: make(chan struct{}),
	}
	if err := s.open(o); err != nil {
		return nil, errors.Join(err, s.shut())
	}
	return s, nil
}

func (s *Store) open(o Options) error {
	if o.InMemory != (o.Dir == "") {
		return errors.New("opening the state store: exactly one of Dir and InMemory must be given")
	}
	if !o.InMemory {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return fmt.Errorf("making the data directory: %w", err)
		}
		lock, err := lockDir(o.Dir)
		if err != nil {
			return err
		}
		s.lock = lock
		if err := checkFormat(o.Dir); err != nil {
			return err
		}
		if o.free == nil {
			o.free = freeSpace
		}
		if err := roomToOpen(o.Dir, o.free); err != nil {
			return err
		}
	}
	db, err := s.openBadger(o)
	if err != nil {
		return err
	}
	s.db = db
	s.followLimit, s.redoDir, s.segment, s.resync = o.followLimit, o.redoDir, o.segment, o.resync
	if o.Dir != "" {
		s.redoDir = filepath.Join(o.Dir, redoDir)
	}
	s.writer = writer{db: db, fault: o.fault, limit: chunkBytes(db), dir: o.Dir, free: o.free}
	s.writer.logs.file, s.writer.logs.room = (*os.File).Sync, db.Opts().MemTableSize/2
	if o.syncLog != nil {
		s.writer.logs.file = o.syncLog
	}
	if o.Dir != "" {
		s.writer.logs.dir = filepath.Join(o.Dir, storeDir)
	}
	if s.writer.fault == nil {
		s.writer.fault = dieAt
	}
	if err := s.load(); err != nil {
		return err
	}
	s.resumeDrops()
	return nil
}

func (s *Store) openBadger(o Options) (*badger.DB, error) {
	if o.existing != nil {
		s.borrowed = true
		return o.existing, nil
	}
	dir, stall := "", levelZeroStall
	if !o.InMemory {
		dir = filepath.Join(o.Dir, storeDir)
		if err := errors.Join(removeUnborn(dir), syncLogs(dir)); err != nil {
			return nil, err
		}
		n, err := unmerged(dir)
		if err != nil {
			return nil, err
		}
		stall = max(stall, n+memTables)
	}
	mem := o.memTable
	if mem == 0 {
		mem = defaultMemTable
	}
	bo := badger.DefaultOptions(dir).
		WithInMemory(o.InMemory).
		WithLogger(badgerLog{s.log}).
		WithSyncWrites(false). // the writer syncs
		WithDetectConflicts(false).
		WithMetricsEnabled(false).
		WithNumVersionsToKeep(1). // counts only versions at or below the discard version
		WithMemTableSize(mem).
		WithNumMemtables(memTables).
		WithBaseTableSize(baseTable).
		WithBlockSize(tableBlock).
		WithBaseLevelSize(baseLevel).
		WithNumLevelZeroTables(levelZeroTables).
		WithNumLevelZeroTablesStall(stall).
		WithValueThreshold(min(1<<20, mem*15/100)).
		WithValueLogFileSize(1 << 20). // MaxValue keeps every value out of it
		WithNumCompactors(2).
		WithCompression(options.None). // who writes pages compresses them, where that helps
		WithBlockCacheSize(blockCache).
		WithIndexCacheSize(indexCache)
	bo.LmaxCompaction = true
	db, err := badger.OpenManaged(bo)
	if err != nil {
		return nil, fmt.Errorf("opening the state store in %s: %w", o.Dir, err)
	}
	return db, nil
}

// Close waits for what runs, and releases the directory. It may be called
// twice. No other method may run at the same time or after it.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		s.sweeping.Wait()
		s.closeErr = s.shut()
	})
	return s.closeErr
}

func (s *Store) shut() error {
	errs := []error{s.redo.close()}
	s.writer.logs.mu.Lock()
	errs = append(errs, s.writer.logs.close())
	s.writer.logs.mu.Unlock()
	if s.db != nil && !s.borrowed {
		if err := s.db.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the state store: %w", err))
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}
