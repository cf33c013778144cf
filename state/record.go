package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// record is what the store knows of a job. op is held by the one call that
// changes the job's epochs; everything else is guarded by Store.mu.
type record struct {
	op sync.Mutex

	known    bool   // committed[job] is in the store
	epoch    uint64 // committed; 0: none
	version  uint64 // of epoch; reads go here
	last     uint64 // no epoch up to this number may be begun again
	prepared *mark
	// undecided: keys may stand above version. It is set before the first of
	// them is written and cleared when the epoch is committed or undone.
	undecided bool
	// undoing: a rollback has begun to write over the prepared epoch, which can
	// no longer be committed.
	undoing bool
	settled bool // since the store was opened, Commit or Rollback has decided what a crash left
	dropped bool
	// follows is the version of the tables that the committed positions have
	// reached, following the one of the prepared epoch; 0: none.
	follows, following uint64
	delivered          map[string]uint64 // by sink
	tokens             map[string][]uint64
}

// mark is prepared[job].
type mark struct{ epoch, version uint64 }

// Kinds of the store's own keys: format, metaID, kind, and a job's ID where the
// kind has one.
const (
	kindCounter   = 'n' // the limit of the version counter
	kindCommitted = 'c' // ID: epoch, version, last
	kindPrepared  = 'p' // ID: epoch, version
	kindDelivered = 'd' // ID, sink: epoch
	kindDropped   = 'x' // ID: its keys are being removed
	kindFloor     = 'f' // of a restored store: the version that it begins with
	kindSegments  = 's' // numbers of the first and the last segment of the redo log
)

func metaKey(kind byte, id *ID) []byte {
	k := append(appendID(make([]byte, 0, 2*idLen+1), metaID), kind)
	if id != nil {
		k = append(k, id[:]...)
	}
	return k
}

func deliveredKey(id ID, sink string) []byte {
	return append(metaKey(kindDelivered, &id), sink...)
}

func numbers(ns ...uint64) []byte {
	var b []byte
	for _, n := range ns {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

var errRecord = errors.New("a record of the state store is damaged")

func readNumbers(b []byte, ns ...*uint64) error {
	if len(b) != 8*len(ns) {
		return errRecord
	}
	for i, n := range ns {
		*n = binary.BigEndian.Uint64(b[8*i:])
	}
	return nil
}

func committedEntry(id ID, epoch, version, last uint64) entry {
	return entry{key: metaKey(kindCommitted, &id), value: numbers(epoch, version, last)}
}

// load reads the store's own keys, and finds the jobs that a crash left with
// keys above their committed version.
func (s *Store) load() error {
	s.counter.next, s.counter.limit = 1, 1
	var dropped []ID
	prefix := appendID(nil, metaID)
	err := s.scan(math.MaxUint64, prefix, func(key, value []byte) error {
		return s.loadRecord(key[idLen:], value, &dropped)
	})
	if err != nil {
		return fmt.Errorf("reading the state store's records: %w", err)
	}
	for _, id := range dropped {
		s.jobs[id] = &record{dropped: true}
	}
	for _, id := range []ID{catalogID, TablesID} {
		if s.jobs[id] == nil {
			s.jobs[id] = &record{} // its first change may have been cut off
		}
	}
	s.counter.next = s.counter.limit
	if v := s.db.MaxVersion(); v >= s.counter.limit && v > 0 && v != math.MaxUint64 {
		return fmt.Errorf("opening the state store: %w: it holds version %d, and its counter ends at %d", errRecord, v, s.counter.limit)
	}
	if err := s.loadRedo(); err != nil {
		return err
	}
	for id, r := range s.jobs {
		if r.dropped {
			continue
		}
		top := r.version
		if r.prepared != nil {
			top = r.prepared.version
		}
		above, err := s.dirty(id, top)
		if err != nil {
			return err
		}
		r.undecided, r.undoing = above || r.prepared != nil, above && r.prepared != nil
		if err := s.loadFollows(id, r); err != nil {
			return err
		}
	}
	for _, id := range []ID{catalogID, TablesID} {
		if err := s.settleOwn(id); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.advance()
	s.mu.Unlock()
	return nil
}

func (s *Store) loadRecord(key, value []byte, dropped *[]ID) error {
	kind, key := key[0], key[1:]
	if kind == kindCounter {
		return readNumbers(value, &s.counter.limit)
	}
	if kind == kindFloor {
		return readNumbers(value, &s.floor)
	}
	if kind == kindSegments {
		return readNumbers(value, &s.segments[0], &s.segments[1])
	}
	var id ID
	if len(key) < len(id) {
		return errRecord
	}
	copy(id[:], key)
	r := s.jobs[id]
	if r == nil {
		r = &record{}
		s.jobs[id] = r
	}
	switch kind {
	case kindCommitted:
		r.known = true
		return readNumbers(value, &r.epoch, &r.version, &r.last)
	case kindPrepared:
		r.prepared = &mark{}
		return readNumbers(value, &r.prepared.epoch, &r.prepared.version)
	case kindDelivered:
		var e uint64
		if err := readNumbers(value, &e); err != nil {
			return err
		}
		if r.delivered == nil {
			r.delivered = map[string]uint64{}
		}
		r.delivered[string(key[len(id):])] = e
	case kindDropped:
		*dropped = append(*dropped, id)
	default:
		return errRecord
	}
	return nil
}

// dirty tells whether a job has a key above a version. Tables that hold nothing
// newer are not opened.
func (s *Store) dirty(id ID, version uint64) (bool, error) {
	found := false
	err := s.changed(id, version, math.MaxUint64, func([]byte) error {
		found = true
		return errStop
	})
	if err != nil {
		return false, fmt.Errorf("looking for undecided keys of job %s: %w", id, err)
	}
	return found, nil
}

var errStop = errors.New("stop")

// changed calls fn with each key of a job that has a version in (since, upTo].
// fn may keep the key.
func (s *Store) changed(id ID, since, upTo uint64, fn func(key []byte) error) error {
	txn := s.db.NewTransactionAt(upTo, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: appendID(nil, id), AllVersions: true, SinceTs: since})
	defer it.Close()
	var last []byte
	for it.Rewind(); it.Valid(); it.Next() {
		if last != nil && string(last) == string(it.Item().Key()) {
			continue
		}
		last = it.Item().KeyCopy(nil)
		if err := fn(last); err != nil {
			if errors.Is(err, errStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

// scan calls fn with the keys under a prefix as they stand at a version. fn may
// keep neither.
func (s *Store) scan(version uint64, prefix []byte, fn func(key, value []byte) error) error {
	txn := s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		if err := item.Value(func(v []byte) error { return fn(item.Key(), v) }); err != nil {
			return err
		}
	}
	return nil
}

// scanKeys is ScanKeys at a version.
func (s *Store) scanKeys(version uint64, id ID, from Space, fn func(sp Space, key []byte, size int) error) error {
	txn := s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: appendID(nil, id)})
	defer it.Close()
	for it.Seek(appendSpace(nil, id, from)); it.Valid(); it.Next() {
		item := it.Item()
		key := item.Key()
		if len(key) < prefixLen {
			return fmt.Errorf("reading keys of %s: %w", id, errRecord)
		}
		sp := Space{binary.BigEndian.Uint32(key[idLen:]), binary.BigEndian.Uint16(key[idLen+4:])}
		if sp.Operator >= MaxOperator {
			break
		}
		if err := fn(sp, key[prefixLen:], int(item.ValueSize())); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

// spaceKeys calls fn with the keys under a space's prefix, without it.
func (s *Store) spaceKeys(version uint64, prefix []byte, fn func(key []byte) error) error {
	txn := s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := fn(it.Item().Key()[len(prefix):]); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

// get appends the value of a key at a version to dst.
func (s *Store) get(version uint64, key, dst []byte) ([]byte, bool, error) {
	txn := s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return dst, false, nil
	}
	if err == nil {
		err = item.Value(func(v []byte) error { dst = append(dst, v...); return nil })
	}
	if err != nil {
		return dst, false, fmt.Errorf("reading the state store: %w", err)
	}
	return dst, true, nil
}
