package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// logSyncer makes durable what Badger has taken. Badger would do so after each
// transaction, of which an epoch has hundreds, and its Sync leaves out the logs of
// the memory tables that have been filled and are being written out.
//
// A memory table's log goes when what it has is in a table file, synced, that the
// manifest names, synced. So whatever was written when sync is called lies in such a
// table or in a log that is there. A log's file is written through a memory map;
// syncing it by another descriptor writes the map's pages too.
type logSyncer struct {
	dir  string // Badger's; "": in memory
	file func(f *os.File) error
	room int64 // bytes, less than a memory table takes before it is full

	filling atomic.Int64 // bytes of the writes that are under way
	filled  atomic.Int64 // bytes of the writes that have ended
	mu      sync.Mutex
	last    int      // the newest log when all were synced: those before it are not written any more
	newest  *os.File // it, open; nil: the logs have not been looked for
	seen    int64    // filled when they were
	// err is what a sync failed with: the system tells of pages that it could not
	// write once, so another sync of them would succeed though they are lost.
	err error
}

const logSuffix = ".mem"

// memoryOverhead is what an entry takes at most in a memory table or in its log, beside
// its key and value: Badger's node of most levels, or a head and a checksum.
const memoryOverhead = 256

// write does a write of some entries. What is written while nobody has looked for the
// logs says how many there can be more.
func (s *logSyncer) write(entries []entry, write func() error) error {
	n := int64(0)
	for i := range entries {
		n += int64(len(entries[i].key) + len(entries[i].value) + memoryOverhead)
	}
	s.filling.Add(n)
	defer s.filling.Add(-n)
	defer s.filled.Add(n) // before it is no longer under way
	return write()
}

// sync returns when all that was written before it was called is durable. After a
// failure it never does again: every later sync has the same error.
func (s *logSyncer) sync() error {
	if s.dir == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = s.all()
	}
	return s.err
}

// all syncs the logs that may have been written. mu is held.
func (s *logSyncer) all() error {
	if s.alone() {
		if err := s.file(s.newest); err != nil {
			return fmt.Errorf("syncing a log of the state store: %w", err)
		}
		return nil
	}
	s.seen = s.filled.Load()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("looking for the logs of the state store: %w", err)
	}
	newest := s.last
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), logSuffix)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(name)
		if err != nil || n < s.last {
			continue
		}
		newest = max(newest, n)
		if err := s.log(e.Name()); err != nil {
			return fmt.Errorf("syncing a log of the state store: %w", err)
		}
	}
	if newest > s.last {
		if err := s.log("."); err != nil {
			return fmt.Errorf("syncing the directory of the state store: %w", err)
		}
	}
	s.last = newest
	return s.open()
}

// alone reports whether the newest log that is known is the one that has whatever was
// written since all were synced. Less was written than fills a memory table: Badger has
// begun one other log at most, which it keeps until that is full.
func (s *logSyncer) alone() bool {
	if s.newest == nil || s.filled.Load()-s.seen+s.filling.Load() >= s.room {
		return false
	}
	_, err := os.Lstat(filepath.Join(s.dir, logName(s.last+1)))
	return errors.Is(err, os.ErrNotExist)
}

// logName is Badger's.
func logName(n int) string { return fmt.Sprintf("%05d%s", n, logSuffix) }

// open keeps the newest log open. One that is gone is in a table: the next sync looks
// for the logs again.
func (s *logSyncer) open() error {
	if err := s.close(); err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(s.dir, logName(s.last)))
	if err == nil {
		s.newest = f
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("opening a log of the state store: %w", err)
	}
	return nil
}

// close ends what open has begun.
func (s *logSyncer) close() error {
	f := s.newest
	if s.newest = nil; f == nil {
		return nil
	}
	return f.Close()
}

// log syncs one file, or the directory. One that is gone is in a table.
func (s *logSyncer) log(name string) error {
	f, err := os.Open(filepath.Join(s.dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(s.file(f), f.Close())
}
