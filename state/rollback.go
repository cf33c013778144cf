package state

import (
	"fmt"
	"math"
)

// Rollback undoes everything above the committed epoch and returns the number
// that the next epoch has at least. Sinks roll back before it: their tokens go
// with it. It is for every start at which nothing is to be committed, also where
// the store holds nothing above: a sink may have seen an epoch that the store
// has not, so that epoch's number is passed over. After an error, or a crash in
// the middle of it, it is called again.
func (j *Job) Rollback() (next uint64, err error) {
	j.r.op.Lock()
	defer j.r.op.Unlock()
	j.s.mu.Lock()
	dropped := j.r.dropped
	j.s.mu.Unlock()
	if dropped {
		return 0, fmt.Errorf("rolling back job %s: %w", j.id, errDropped)
	}
	if next, err = j.s.rollback(j.id, j.r); err != nil {
		return 0, fmt.Errorf("rolling back job %s: %w", j.id, err)
	}
	// Tokens that the undone epoch deleted are there again.
	tokens, err := j.tokens(j.r.version)
	if err != nil {
		return 0, err
	}
	j.remember(tokens)
	return next, nil
}

// rollback writes every key above the committed version as it stood there, at a
// fresh version, and then makes that version the committed one. A version cannot
// be taken back out of the store: lower ones would be discarded some day, and
// the undone ones be seen by who reads above them.
func (s *Store) rollback(id ID, r *record) (uint64, error) {
	s.undecided(r)
	w, err := s.take()
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	epoch, version, last, known, p := r.epoch, r.version, r.last, r.known, r.prepared
	r.undoing = p != nil
	s.mu.Unlock()
	if err := s.undo(id, version, w); err != nil {
		return 0, err
	}
	if p != nil {
		last = max(last, p.epoch)
	}
	if known {
		last++ // the epoch that was running, of which only sinks may know
	}
	at, err := s.take()
	if err != nil {
		return 0, err
	}
	marks := []entry{committedEntry(id, epoch, w, last)}
	if p != nil {
		marks = append(marks, entry{key: metaKey(kindPrepared, &id), del: true})
	}
	if err := s.writer.marks(stepUndone, at, marks...); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.known, r.settled, r.undecided, r.undoing = true, true, false, false
	r.version, r.last, r.prepared, r.following = w, last, nil, 0
	s.advance()
	return last + 1, nil
}

// undo writes the keys above version as they stood at it, at version w.
func (s *Store) undo(id ID, version, w uint64) error {
	var entries []entry
	size := 0
	flush := func() error {
		defer func() { entries, size = nil, 0 }()
		return s.writer.pages(entries, stepUndo)
	}
	err := s.changed(id, version, math.MaxUint64, func(key []byte) error {
		e := entry{key: key, version: w, del: true}
		if version > 0 {
			value, ok, err := s.get(version, key, nil)
			if err != nil {
				return err
			}
			e.value, e.del = value, !ok
		}
		entries = append(entries, e)
		size += e.size()
		if size < s.writer.limit {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
