package state

import (
	"errors"
	"fmt"
)

// TablesID is the ID under which all tables keep their pages: they have one
// committed version, so that a COMMIT that changes several is seen whole.
var TablesID = ID{15: 1}

// Write is one write of a Commit. Key is borrowed until the call returns, Value
// until the Commit does.
type Write struct {
	Space      Space
	Key, Value []byte
	Delete     bool
}

// TableChange is what a Commit changes of the tables.
type TableChange struct {
	// Log is an entry of the redo log, borrowed until the Commit returns; empty: it
	// has none. Snapshot.Log returns it until a Commit that is Settled.
	Log []byte
	// Writes calls put with each write; nil: there are none.
	Writes func(put func(Write) error) error
	// Settled: with its writes the store has all that entries of the log say up to
	// the Commit before. They are not to be repeated over it.
	Settled bool
}

// tablesEntry is the entry of a write.
func tablesEntry(w Write) (entry, error) {
	if err := checkSize(w.Key, w.Value); err != nil {
		return entry{}, err
	}
	key := append(appendSpace(make([]byte, 0, prefixLen+len(w.Key)), TablesID, w.Space), w.Key...)
	return entry{key: key, value: w.Value, del: w.Delete}, nil
}

// Commit makes a change of the tables and one of the catalog visible together, all
// or nothing, and returns when they are durable. catalog nil: it does not change.
// The snapshot reads the tables as they are now; its Close lets go of them. Where
// Commit fails nothing has changed, and, unless the store has failed, it may be
// tried again; ErrSettling: when the Settling that runs has ended. One Commit runs at
// a time.
func (s *Store) Commit(tables TableChange, catalog func(*Writer) error) (*Snapshot, error) {
	s.tablesMu.Lock()
	defer s.tablesMu.Unlock()
	if tables.Settled && s.settling != nil && !s.settling.spoiled {
		return nil, ErrSettling
	}
	if catalog == nil && tables.Writes == nil && !tables.Settled && s.redo.takes(tables.Log) {
		sn, err := s.logged(tables.Log)
		if err != nil {
			return nil, fmt.Errorf("writing tables: %w", err)
		}
		return sn, nil
	}
	var changes []change
	if catalog != nil {
		s.catalogMu.Lock()
		defer s.catalogMu.Unlock()
		c, err := s.catalogChange(catalog)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	c := change{id: TablesID}
	from := s.slots
	if tables.Settled {
		from = 0
		c.entries = append(c.entries, redoMarkEntry(s.tablesVersion(), s.redo.place()))
	}
	if len(tables.Log) > 0 {
		c.at = func(v uint64) []entry { return slotsOf(from, v, tables.Log) }
	}
	if tables.Writes != nil {
		c.each = func(put func(entry) error) error {
			return tables.Writes(func(w Write) error {
				e, err := tablesEntry(w)
				if err != nil {
					return err
				}
				return put(e)
			})
		}
	}
	changes = append(changes, c)
	var sn *Snapshot
	err := s.change(stepTables, changes, func() { sn = s.tablesNow() })
	if err != nil {
		return nil, fmt.Errorf("writing tables: %w", err)
	}
	s.slots = from + uint64((len(tables.Log)+slotPart-1)/slotPart)
	if tables.Settled {
		s.trimRedo()
	}
	return sn, nil
}

// change is what one of the store's own IDs gets in a change: entries, and those
// that each makes, one after the other.
type change struct {
	id      ID
	entries []entry
	at      func(version uint64) []entry // more of them; nil: none
	each    func(put func(entry) error) error
}

// change is an epoch of the catalog, of the tables, or of both. What fits one
// transaction is written with the committed versions; what does not comes before
// them, and stays unseen without them. done is called, with Store.mu held, when
// the change is what everyone reads and nothing older has been discarded yet.
func (s *Store) change(at step, changes []change, done func()) (err error) {
	records := make([]*record, len(changes))
	take, beside := s.take, false
	for i, c := range changes {
		if c.id == TablesID {
			take, beside = s.takeTables, s.settling != nil && !s.settling.spoiled
		}
		if err := s.settleOwn(c.id); err != nil {
			return err
		}
		records[i] = s.recordOf(c.id)
		s.undecided(records[i])
	}
	v, err := take()
	if err != nil {
		return err
	}
	if beside {
		defer func() { s.settling.spoiled = err != nil }()
	}
	var marks []entry
	for i, c := range changes {
		epoch := records[i].epoch + 1
		marks = append(marks, committedEntry(c.id, epoch, v, epoch))
	}
	g := gather{w: &s.writer, at: at, version: v, limit: s.writer.limit - len(marks)*marks[0].size()}
	if err := g.all(changes); err != nil {
		return err
	}
	if err := s.writer.alone(at, v, append(g.entries, marks...)...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range records {
		r.known, r.epoch, r.last, r.version = true, r.epoch+1, r.epoch+1, v
		r.undecided = beside && changes[i].id == TablesID
	}
	if done != nil {
		done()
	}
	s.advance()
	return nil
}

// gather collects a change's entries. As long as they fit one transaction they
// stay; those that do not are written as they come, while the next ones are made.
type gather struct {
	w       *writer
	at      step
	version uint64
	limit   int
	entries []entry
	size    int
	writing chan error // of the part that is being written; nil: none
}

func (g *gather) all(changes []change) (err error) {
	defer func() { err = errors.Join(err, g.wait()) }()
	for _, c := range changes {
		if c.at != nil {
			c.entries = append(c.entries, c.at(g.version)...)
		}
		for _, e := range c.entries {
			if err := g.put(e); err != nil {
				return err
			}
		}
		if c.each == nil {
			continue
		}
		if err := c.each(g.put); err != nil {
			return err
		}
	}
	return nil
}

func (g *gather) put(e entry) error {
	e.version = g.version
	n := e.size()
	if g.size+n > g.limit || len(g.entries) >= int(g.w.db.MaxBatchCount())/2-2 {
		if err := g.wait(); err != nil {
			return err
		}
		part, done := g.entries, make(chan error, 1)
		g.entries, g.size, g.writing = nil, 0, done
		go func() { done <- g.w.pages(part, g.at) }()
	}
	g.entries = append(g.entries, e)
	g.size += n
	return nil
}

func (g *gather) wait() error {
	if g.writing == nil {
		return nil
	}
	err := <-g.writing
	g.writing = nil
	return err
}

// settleOwn undoes a change of the catalog or the tables that did not end: one
// cut off by a crash, or by an error before its committed version. A Settling goes
// with it, but is no reason by itself. Of the tables tablesMu is held.
func (s *Store) settleOwn(id ID) error {
	if id == TablesID && s.settling != nil {
		if !s.settling.spoiled {
			return nil
		}
		s.settling.end()
	}
	r := s.recordOf(id)
	s.mu.Lock()
	undecided := r.undecided
	s.mu.Unlock()
	if !undecided {
		return nil
	}
	if _, err := s.rollback(id, r); err != nil {
		what := "tables"
		if id == catalogID {
			what = "the catalog"
		}
		return fmt.Errorf("undoing an unfinished change of %s: %w", what, err)
	}
	return nil
}

// ScanKeys calls fn with the keys under one ID, of the caller's spaces, in order,
// and with the sizes of their values, which it does not read. fn may not keep
// the key.
func (sn *Snapshot) ScanKeys(job ID, fn func(sp Space, key []byte, size int) error) error {
	version := sn.versions[job]
	if version == 0 {
		return nil
	}
	return sn.s.scanKeys(version, job, Space{}, fn)
}

// ScanKeysFrom is ScanKeys from the first key of one space on; ErrStop ends the scan.
func (sn *Snapshot) ScanKeysFrom(job ID, from Space, fn func(sp Space, key []byte, size int) error) error {
	version := sn.versions[job]
	if version == 0 {
		return nil
	}
	return sn.s.scanKeys(version, job, from, fn)
}

// ScanSpaceKeys calls fn with the keys of one space, in order. fn may not keep
// the key; ErrStop ends the scan.
func (sn *Snapshot) ScanSpaceKeys(job ID, sp Space, fn func(key []byte) error) error {
	version := sn.versions[job]
	if version == 0 {
		return nil
	}
	return sn.s.spaceKeys(version, appendSpace(nil, job, sp), fn)
}

// ScanKeysUnder calls fn with what of the keys of one space that begin with prefix
// comes after it, in order. fn may not keep it; ErrStop ends the scan.
func (sn *Snapshot) ScanKeysUnder(job ID, sp Space, prefix []byte, fn func(rest []byte) error) error {
	version := sn.versions[job]
	if version == 0 {
		return nil
	}
	return sn.s.spaceKeys(version, append(appendSpace(nil, job, sp), prefix...), fn)
}

// NewVersion takes a number that nothing else has had or will have, over all
// starts; later ones are higher.
func (s *Store) NewVersion() (uint64, error) { return s.take() }

// owns reports whether an ID is the store's own, and no job's.
func owns(id ID) bool { return id == catalogID || id == metaID || id == TablesID }
