package state

import (
	"errors"
	"fmt"
	"sync"
)

// Settling writes into the store what entries of the tables' redo log say, in pieces,
// while Commits go on between them and beside them. Its version is reserved: it is
// above that of every Commit until the settling has ended, so what it writes is
// undecided until Finish, whatever is committed meanwhile, and a start after a crash
// undoes it as it does any undecided change. Nobody needs to be told of a piece.
type Settling struct {
	s             *Store
	version       uint64 // of what it writes
	base, segment uint64 // the entries that it settles: those up to base. Where the log stood
	slots         uint64 // that entries take, of those that it settles
	spoiled       bool   // a Commit has failed, and will be undone with all above it. Guarded by tablesMu

	mu   sync.Mutex // held while a piece is written
	over bool
}

var (
	// ErrSettling is what errors.Is finds in the error of a Commit that has to wait
	// until the Settling that runs has ended: one that is Settled itself, or one for
	// which there is no version left below the Settling's.
	ErrSettling = errors.New("the redo log of the tables is being settled")

	errSettled = errors.New("the settling of the redo log of the tables has been given up")
)

// Settle begins to settle what the log says up to now. Until Finish or Abandon there
// is no other.
func (s *Store) Settle() (*Settling, error) {
	s.tablesMu.Lock()
	defer s.tablesMu.Unlock()
	if err := s.settleOwn(TablesID); err != nil {
		return nil, err
	}
	if s.settling != nil {
		return nil, ErrSettling
	}
	v, err := s.reserve()
	if err != nil {
		return nil, err
	}
	p := &Settling{s: s, version: v, base: s.tablesVersion(), segment: s.redo.place(), slots: s.slots}
	s.undecided(s.recordOf(TablesID))
	s.settling = p
	return p, nil
}

// Put writes one piece and returns when it is durable; nobody sees it until Finish.
// A key may be in the pieces of a settling once. Values are borrowed until it returns.
func (p *Settling) Put(piece []Write) error {
	entries := make([]entry, 0, len(piece))
	for _, w := range piece {
		e, err := tablesEntry(w)
		if err != nil {
			return fmt.Errorf("writing tables: %w", err)
		}
		e.version = p.version
		entries = append(entries, e)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return errSettled
	}
	if err := p.s.writer.pages(entries, stepPiece); err != nil {
		return fmt.Errorf("writing tables: %w", err)
	}
	return nil
}

// Finish makes the pieces what everyone reads: what the log says up to Settle is in
// them. The snapshot is as Commit's. Where it fails they will be undone.
func (p *Settling) Finish() (*Snapshot, error) {
	s := p.s
	s.tablesMu.Lock()
	defer s.tablesMu.Unlock()
	if s.settling != p || p.spoiled {
		p.end()
		return nil, errSettled
	}
	defer p.end()
	slots, entries, err := p.laterSlots()
	if err != nil {
		return nil, fmt.Errorf("writing tables: %w", err)
	}
	entries = append(entries, redoMarkEntry(p.base, p.segment))
	r := s.recordOf(TablesID)
	epoch := r.epoch + 1
	mark := committedEntry(TablesID, epoch, p.version, epoch)
	g := gather{w: &s.writer, at: stepTables, version: p.version, limit: s.writer.limit - mark.size()}
	if err := g.all([]change{{id: TablesID, entries: entries}}); err != nil {
		return nil, fmt.Errorf("writing tables: %w", err)
	}
	if err := s.writer.alone(stepTables, p.version, append(g.entries, mark)...); err != nil {
		return nil, fmt.Errorf("writing tables: %w", err)
	}
	s.counter.pass(p.version)
	s.mu.Lock()
	r.known, r.epoch, r.last, r.version, r.undecided = true, epoch, epoch, p.version, false
	sn := s.tablesNow()
	s.advance()
	s.mu.Unlock()
	s.slots = slots
	s.trimRedo()
	return sn, nil
}

// laterSlots moves the slots of the entries that are not settled to where a log
// begins whose mark is the settling's. tablesMu is held.
func (p *Settling) laterSlots() (slots uint64, entries []entry, err error) {
	s := p.s
	now := s.tablesVersion()
	for i := p.slots; i < s.slots; i++ {
		value, there, err := s.get(now, slotKey(i), nil)
		if err == nil && !there {
			err = errRecord
		}
		if err != nil {
			return 0, nil, err
		}
		entries = append(entries, entry{key: slotKey(slots), value: value})
		slots++
	}
	for i := max(slots, p.slots); i < s.slots; i++ {
		entries = append(entries, entry{key: slotKey(i), del: true})
	}
	return slots, entries, nil
}

// Abandon gives up: the pieces will be undone before the next Commit. It may be
// called after Finish, and does nothing then.
func (p *Settling) Abandon() {
	p.s.tablesMu.Lock()
	defer p.s.tablesMu.Unlock()
	p.end()
}

// end waits for a piece that is being written, and is the end of the settling; what
// it wrote is undecided if Finish did not say otherwise. tablesMu is held.
func (p *Settling) end() {
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	if p.s.settling == p {
		p.s.settling = nil
		p.s.counter.pass(p.version) // an undoing must come above it
	}
}

// takeTables is take of a version of the tables. tablesMu is held.
func (s *Store) takeTables() (uint64, error) {
	v, err := s.take()
	if err == nil && s.settling != nil && v > s.settling.version {
		return 0, ErrSettling
	}
	return v, err
}
