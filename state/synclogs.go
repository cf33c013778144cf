package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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

	mu   sync.Mutex
	last int // the newest log when all were synced: those before it are not written any more
	// err is what a sync failed with: the system tells of pages that it could not
	// write once, so another sync of them would succeed though they are lost.
	err error
}

const logSuffix = ".mem"

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
	return nil
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
