package state

import (
	"errors"
	"fmt"
)

// Writer gathers the catalog's writes of one Update.
type Writer struct {
	entries []entry
	index   map[string]int
	err     error
}

// Set stores a value under a key.
func (w *Writer) Set(key, value []byte) { w.put(key, value, false) }

// Delete removes a key.
func (w *Writer) Delete(key []byte) { w.put(key, nil, true) }

func (w *Writer) put(key, value []byte, del bool) {
	if err := checkSize(key, value); err != nil && w.err == nil {
		w.err = err
	}
	full := append(appendSpace(nil, catalogID, Space{}), key...)
	e := entry{key: full, value: append([]byte(nil), value...), del: del}
	if i, ok := w.index[string(full)]; ok {
		w.entries[i] = e
		return
	}
	w.index[string(full)] = len(w.entries)
	w.entries = append(w.entries, e)
}

// Update writes to the catalog's keys, all or nothing, and returns when they are
// durable. Where fn fails, nothing is written and its error is returned. One
// Update runs at a time.
func (s *Store) Update(fn func(*Writer) error) error {
	s.catalogMu.Lock()
	defer s.catalogMu.Unlock()
	c, err := s.catalogChange(fn)
	if err != nil || len(c.entries) == 0 {
		return err
	}
	if err := s.change(stepCatalog, []change{c}, nil); err != nil {
		return fmt.Errorf("writing the catalog: %w", err)
	}
	return nil
}

func (s *Store) catalogChange(fn func(*Writer) error) (change, error) {
	w := &Writer{index: map[string]int{}}
	if err := fn(w); err != nil {
		return change{}, err
	}
	if w.err != nil {
		return change{}, fmt.Errorf("writing the catalog: %w", w.err)
	}
	return change{id: catalogID, entries: w.entries}, nil
}

// Scan calls fn with each of the catalog's keys under a prefix, in order, as of
// the last Update. fn may keep neither key nor value.
func (s *Store) Scan(prefix []byte, fn func(key, value []byte) error) error {
	s.mu.Lock()
	version := uint64(0)
	if r := s.jobs[catalogID]; r != nil {
		version = r.version
	}
	s.mu.Unlock()
	if version == 0 {
		return nil
	}
	full := append(appendSpace(nil, catalogID, Space{}), prefix...)
	err := s.scan(version, full, func(key, value []byte) error { return fn(key[prefixLen:], value) })
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	return nil
}

// errDropped is what calls on a dropped job return.
var errDropped = errors.New("the job's state has been dropped")

func (s *Store) recordOf(id ID) *record {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.jobs[id]
	if r == nil {
		r = &record{}
		s.jobs[id] = r
	}
	return r
}
