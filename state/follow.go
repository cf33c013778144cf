package state

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// followLimit is how many versions a job that follows tables may hold back. A job
// that lies further behind, because it was stopped, finds the changes that it has
// not seen discarded. It is no option: what one process has discarded another must
// not believe to be there.
const followLimit = 10_000_000

// ErrDiscarded is returned where a version of the tables is no longer there.
var ErrDiscarded = fmt.Errorf("the version is no longer kept")

// Reopen reads the tables as they stood at a version at which the job's committed
// positions follow them, which this keeps there for as long as the job lies at
// most some millions of versions behind. ErrDiscarded: it does not any more.
func (j *Job) Reopen(version uint64) (*Snapshot, error) {
	s := j.s
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := s.newest()
	if version == 0 || version < s.floor || version < j.r.follows || j.r.follows == 0 || s.passed(version, newest) {
		return nil, fmt.Errorf("reading the tables at version %d: %w", version, ErrDiscarded)
	}
	sn := &Snapshot{s: s, versions: map[ID]uint64{TablesID: version}}
	s.hold(sn)
	return sn, nil
}

// passed reports whether a version lies too far behind to be held.
func (s *Store) passed(version, newest uint64) bool {
	limit := s.followLimit
	if limit == 0 {
		limit = followLimit
	}
	return newest > version && newest-version > limit
}

// Passed reports whether a version of the tables lies so far behind that who reads
// there must let go of it.
func (s *Store) Passed(version uint64) bool { return s.passed(version, s.newest()) }

// loadFollows reads which version of the tables a job follows.
func (s *Store) loadFollows(id ID, r *record) error {
	if r.dropped || owns(id) {
		return nil
	}
	version, err := s.followsAt(id, r.version)
	if err != nil {
		return err
	}
	r.follows = version
	if r.prepared != nil {
		r.following, err = s.followsAt(id, r.prepared.version)
	}
	return err
}

func (s *Store) followsAt(id ID, at uint64) (uint64, error) {
	if at == 0 {
		return 0, nil
	}
	b, ok, err := s.get(at, appendSpace(nil, id, Space{Operator: opFollows}), nil)
	if err != nil || !ok {
		return 0, err
	}
	var version uint64
	return version, readNumbers(b, &version)
}

// SpaceVersions calls fn with the keys of one space, in order, and with the
// version at which each was written. fn may not keep the key.
func (sn *Snapshot) SpaceVersions(job ID, sp Space, fn func(key []byte, version uint64) error) error {
	at := sn.versions[job]
	if at == 0 {
		return nil
	}
	prefix := appendSpace(nil, job, sp)
	txn := sn.s.db.NewTransactionAt(at, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := fn(it.Item().Key()[len(prefix):], it.Item().Version()); err != nil {
			return err
		}
	}
	return nil
}

// ScanVersions is Scan of a whole space, which says besides at which version each
// key was written. fn may keep neither key nor value; ErrStop ends the scan.
func (sn *Snapshot) ScanVersions(job ID, sp Space, fn func(key, value []byte, version uint64) error) error {
	at := sn.versions[job]
	if at == 0 {
		return nil
	}
	prefix := appendSpace(nil, job, sp)
	txn := sn.s.db.NewTransactionAt(at, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		err := item.Value(func(value []byte) error { return fn(item.Key()[len(prefix):], value, item.Version()) })
		if errors.Is(err, ErrStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
