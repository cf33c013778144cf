package state

import (
	"errors"
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"
)

// Jobs are the jobs that have state, in no order.
func (s *Store) Jobs() []ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []ID
	for id, r := range s.jobs {
		if r.known && !r.dropped && !owns(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// DropJob forgets a job's state. When it returns, the drop is durable; the keys
// go in the background, and after a crash at the next start. Snapshots that are
// open still read them. Dropping what has no state does nothing.
func (s *Store) DropJob(id ID) error {
	s.mu.Lock()
	r := s.jobs[id]
	s.mu.Unlock()
	if r == nil {
		return nil
	}
	r.op.Lock()
	defer r.op.Unlock()
	s.mu.Lock()
	dropped := r.dropped
	marks := []entry{
		{key: metaKey(kindDropped, &id), value: []byte{}},
		{key: metaKey(kindCommitted, &id), del: true},
		{key: metaKey(kindPrepared, &id), del: true},
	}
	for sink := range r.delivered {
		marks = append(marks, entry{key: deliveredKey(id, sink), del: true})
	}
	never := !r.known && !r.undecided
	s.mu.Unlock()
	if dropped || never {
		return nil
	}
	at, err := s.take()
	if err == nil {
		err = s.writer.marks(stepDrop, at, marks...)
	}
	if err != nil {
		return fmt.Errorf("dropping the state of job %s: %w", id, err)
	}
	s.mu.Lock()
	r.dropped, r.undecided, r.prepared = true, false, nil
	s.advance()
	s.mu.Unlock()
	s.startSweep(id)
	return nil
}

// resumeDrops goes on with the drops that the last process did not end.
func (s *Store) resumeDrops() {
	s.mu.Lock()
	var ids []ID
	for id, r := range s.jobs {
		if r.dropped {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	for _, id := range ids {
		s.startSweep(id)
	}
}

func (s *Store) startSweep(id ID) {
	s.sweeping.Add(1)
	go func() {
		defer s.sweeping.Done()
		err := s.sweep(id)
		if err != nil && !errors.Is(err, errClosing) {
			s.log.Warn("removing the keys of a dropped job; the next start goes on with it", "job", id.String(), "error", err)
		}
	}()
}

var errClosing = errors.New("the store is closing")

// sweep deletes a dropped job's keys, each by name: DropPrefix would stop all writers.
func (s *Store) sweep(id ID) error {
	from := appendID(nil, id)
	for {
		v, err := s.take()
		if err != nil {
			return err
		}
		entries, err := s.someKeys(id, from, v)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		if err := s.writer.pages(entries, stepSweep); err != nil {
			return err
		}
		from = entries[len(entries)-1].key
		select {
		case <-s.closing:
			return errClosing
		default:
		}
	}
	at, err := s.take()
	if err != nil {
		return err
	}
	if err := s.writer.marks(stepSwept, at, entry{key: metaKey(kindDropped, &id), del: true}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.jobs, id)
	return nil
}

// someKeys are deletions of as many of a job's keys, from one on, as one
// transaction takes.
func (s *Store) someKeys(id ID, from []byte, version uint64) ([]entry, error) {
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: appendID(nil, id)})
	defer it.Close()
	var entries []entry
	size := 0
	for it.Seek(from); it.Valid() && size < s.writer.limit/2 && len(entries) < int(s.db.MaxBatchCount())/4; it.Next() {
		e := entry{key: it.Item().KeyCopy(nil), version: version, del: true}
		size += e.size()
		entries = append(entries, e)
	}
	return entries, nil
}
