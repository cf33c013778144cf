package state

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// Snapshot reads jobs as of one vector {job: committed version}, without locks.
// It is safe for use by several goroutines. It keeps old versions from being
// discarded until it is closed.
type Snapshot struct {
	s        *Store
	versions map[ID]uint64
	close    sync.Once
}

// Snapshot takes the committed versions of the jobs named, or of all where none is.
func (s *Store) Snapshot(jobs ...ID) *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	sn := &Snapshot{s: s, versions: map[ID]uint64{}}
	if len(jobs) == 0 {
		for id, r := range s.jobs {
			sn.versions[id] = r.version
		}
	}
	for _, id := range jobs {
		if r := s.jobs[id]; r != nil {
			sn.versions[id] = r.version
		}
	}
	s.hold(sn)
	return sn
}

// SnapshotAt reads one job or the tables at a version that another snapshot, which
// is open, has of them. It keeps nothing from being discarded itself.
func (s *Store) SnapshotAt(job ID, version uint64) *Snapshot {
	return &Snapshot{s: s, versions: map[ID]uint64{job: version}}
}

// Running reads the job as its operators do: at the prepared epoch where there
// is one, else at the committed.
func (j *Job) Running() *Snapshot {
	j.s.mu.Lock()
	defer j.s.mu.Unlock()
	version := j.r.version
	if j.r.prepared != nil && !j.r.undoing {
		version = j.r.prepared.version
	}
	sn := &Snapshot{s: j.s, versions: map[ID]uint64{j.id: version}}
	j.s.hold(sn)
	return sn
}

func (s *Store) hold(sn *Snapshot) {
	lowest := s.newest()
	for _, v := range sn.versions {
		if v > 0 { // below 1 there is nothing to keep
			lowest = min(lowest, v)
		}
	}
	s.holds[sn] = lowest
	s.advance()
}

// Close lets go of the versions. It may be called twice.
func (sn *Snapshot) Close() {
	sn.close.Do(func() {
		sn.s.mu.Lock()
		defer sn.s.mu.Unlock()
		delete(sn.s.holds, sn)
		sn.s.advance()
	})
}

// Version is the version at which a job is read, 0 where it has no committed one.
func (sn *Snapshot) Version(job ID) uint64 { return sn.versions[job] }

// Get appends the value of a key to dst. false: there is none.
func (sn *Snapshot) Get(job ID, sp Space, key, dst []byte) ([]byte, bool, error) {
	version := sn.versions[job]
	if version == 0 {
		return dst, false, nil
	}
	full := append(appendSpace(make([]byte, 0, prefixLen+len(key)), job, sp), key...)
	return sn.s.get(version, full, dst)
}

// GetEach calls fn with the value of each of some keys that is there, in their
// order: sorted keys are read fastest. A key that after says so of is not looked for where
// the one before it is not there; after nil: each is. fn may not keep the value.
func (sn *Snapshot) GetEach(job ID, sp Space, keys [][]byte, after func(i int) bool, fn func(i int, value []byte) error) error {
	version := sn.versions[job]
	if version == 0 {
		return nil
	}
	txn := sn.s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	full := appendSpace(nil, job, sp)
	there := false
	for i, key := range keys {
		if i > 0 && !there && after != nil && after(i) {
			continue
		}
		full = append(full[:prefixLen], key...)
		item, err := txn.Get(full)
		if there = err == nil; errors.Is(err, badger.ErrKeyNotFound) {
			continue
		}
		if err == nil {
			err = item.Value(func(v []byte) error { return fn(i, v) })
		}
		if err != nil {
			return fmt.Errorf("reading the state of job %s: %w", job, err)
		}
	}
	return nil
}

// ErrStop ends a Scan early; Scan returns nil.
var ErrStop = errors.New("the scan is to stop")

// Scan calls fn with the keys of a space in [from, to), in order; to nil: to its
// end. fn may keep neither key nor value.
func (sn *Snapshot) Scan(job ID, sp Space, from, to []byte, fn func(key, value []byte) error) error {
	version := sn.versions[job]
	if version == 0 {
		return nil
	}
	prefix := appendSpace(nil, job, sp)
	txn := sn.s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(append(slices.Clone(prefix), from...)); it.Valid(); it.Next() {
		item := it.Item()
		key := item.Key()[prefixLen:]
		if to != nil && bytes.Compare(key, to) >= 0 {
			return nil
		}
		err := item.Value(func(v []byte) error { return fn(key, v) })
		if errors.Is(err, ErrStop) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the state of job %s: %w", job, err)
		}
	}
	return nil
}

// Last is the last key of a space in [from, to); nil: there is none.
func (sn *Snapshot) Last(job ID, sp Space, from, to []byte) []byte {
	version := sn.versions[job]
	if version == 0 {
		return nil
	}
	prefix := appendSpace(nil, job, sp)
	txn := sn.s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix, Reverse: true})
	defer it.Close()
	for it.Seek(append(slices.Clone(prefix), to...)); it.Valid(); it.Next() {
		key := it.Item().Key()[prefixLen:]
		if bytes.Compare(key, to) >= 0 {
			continue
		}
		if bytes.Compare(key, from) < 0 {
			return nil
		}
		return slices.Clone(key)
	}
	return nil
}
