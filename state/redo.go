package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The redo log of the tables holds what small commits change, in the words of who
// commits; the pages that they change are written later, all at once. An entry lies
// in a segment file where its commit changes nothing else: one write of some
// hundred bytes, and one sync. Else it lies in slots in Badger, in one transaction
// with what the commit changes besides. In memory there are slots only.
//
//   - An entry has the version of its commit. Commits are one at a time, so the
//     versions of the tables ascend over both places, and each place is in order.
//   - A mark in Badger, written with the pages, says up to which version, its base,
//     the pages have all that entries say, and in which segment the log stood then.
//     To read the tables at a version is to read mark and pages there and to repeat
//     the entries above the base, up to the version.
//   - A whole, synced record is itself the word that its version is committed: a
//     start takes the higher of the last record's version and Badger's.
//   - What a rollback undoes is always above every entry: nothing is appended while
//     Badger has keys of the tables above the committed version, but for those of a
//     Settling, whose version is above all that is appended until it has ended.
//   - A record in Badger names the first and the last segment there is. Between them
//     none may be missing, and what lies outside is removed at a start. A segment
//     goes when the mark at the discard version is past it, so whatever version may
//     be read finds its entries.
//
// A slot is one part of an entry: its version; more, where the next slot goes on
// with it, or not; and the part. The first slot whose version is not above the base
// ends them: it is of a time before the mark. Later entries write over it.
const (
	redoMark = 0 // shards of opRedo
	redoSlot = 1 // key: number of the slot, eight bytes

	slotLast = 0
	slotMore = 1
	slotPart = 256 << 10
	slotHead = 9
)

func redoKey(shard uint16, slot []byte) []byte {
	return append(appendSpace(make([]byte, 0, prefixLen+8), TablesID, Space{opRedo, shard}), slot...)
}

func slotKey(slot uint64) []byte { return redoKey(redoSlot, binary.BigEndian.AppendUint64(nil, slot)) }

func redoMarkEntry(base, segment uint64) entry {
	return entry{key: redoKey(redoMark, nil), value: numbers(base, segment)}
}

// redoAt is the mark at a version; zeros: there is none.
func (s *Store) redoAt(version uint64) (base, segment uint64, err error) {
	if version == 0 {
		return 0, 0, nil
	}
	b, ok, err := s.get(version, redoKey(redoMark, nil), nil)
	if err != nil || !ok {
		return 0, 0, err
	}
	return base, segment, readNumbers(b, &base, &segment)
}

// slotsOf are the slots of an entry of the log, from a number on.
func slotsOf(from, version uint64, log []byte) []entry {
	var all []entry
	for i := from; len(log) > 0; i++ {
		part := log[:min(len(log), slotPart)]
		log = log[len(part):]
		more := byte(slotLast)
		if len(log) > 0 {
			more = slotMore
		}
		value := append(binary.BigEndian.AppendUint64(make([]byte, 0, slotHead+len(part)), version), more)
		all = append(all, entry{key: slotKey(i), value: append(value, part...)})
	}
	return all
}

// eachSlotted calls fn with the entries that lie in slots, as they stand at a
// version, and returns how many slots they take. fn may not keep the entry.
func (s *Store) eachSlotted(at, base uint64, fn func(log []byte, version uint64) error) (slots uint64, err error) {
	if at == 0 {
		return 0, nil
	}
	var log []byte
	err = s.scan(at, redoKey(redoSlot, nil), func(_, value []byte) error {
		if len(value) < slotHead {
			return errRecord
		}
		version := binary.BigEndian.Uint64(value)
		if version <= base {
			return errStop
		}
		slots++
		log = append(log, value[slotHead:]...)
		if value[slotHead-1] == slotMore {
			return nil
		}
		err := fn(log, version)
		log = log[:0]
		return err
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	if err == nil && len(log) > 0 {
		err = errRecord
	}
	return slots, err
}

// Log calls fn with the entries of the tables' redo log that are to be repeated over
// what the store has of the tables at the snapshot's version, in order, and with
// their commits' versions. fn may not keep the entry.
func (sn *Snapshot) Log(fn func(log []byte, version uint64) error) error {
	at := sn.versions[TablesID]
	if at == 0 {
		return nil
	}
	base, segment, err := sn.s.redoAt(at)
	if err != nil {
		return err
	}
	files := redoReader{}
	if sn.s.redo != nil {
		files = sn.s.redo.read(segment, base, at)
	}
	_, err = sn.s.eachSlotted(at, base, func(log []byte, version uint64) error {
		if err := files.until(version, fn); err != nil {
			return err
		}
		return fn(log, version)
	})
	if err == nil {
		err = files.until(math.MaxUint64, fn)
	}
	if err != nil {
		return fmt.Errorf("reading the redo log of the tables: %w", err)
	}
	return nil
}

// logged commits an entry that changes nothing else. tablesMu is held.
func (s *Store) logged(log []byte) (*Snapshot, error) {
	if err := s.settleOwn(TablesID); err != nil {
		return nil, err
	}
	if err := s.writer.broken(); err != nil {
		return nil, err
	}
	if err := s.redo.room(len(log)); err != nil {
		return nil, err
	}
	v, err := s.takeTables()
	if err != nil {
		return nil, err
	}
	if err := s.writer.between(stepLog, func() error { return s.redo.append(v, log) }); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.jobs[TablesID]
	r.known, r.version = true, v
	return s.tablesNow(), nil
}

func (s *Store) tablesVersion() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[TablesID].version
}

// tablesNow is a snapshot of the tables as committed last. Store.mu is held.
func (s *Store) tablesNow() *Snapshot {
	version := s.jobs[TablesID].version
	sn := &Snapshot{s: s, versions: map[ID]uint64{TablesID: version}}
	s.holds[sn] = version
	return sn
}

// trimRedo removes the segments that no version which may be read needs. What
// cannot be removed now is when the pages are written next.
func (s *Store) trimRedo() {
	if s.redo == nil {
		return
	}
	s.mu.Lock()
	low := s.discard
	s.mu.Unlock()
	_, segment, err := s.redoAt(low)
	if err == nil {
		err = s.redo.trim(segment)
	}
	if err != nil {
		s.log.Warn("removing segments of the redo log", "error", err)
	}
}

// loadRedo finds the end of the log, which says what is committed.
func (s *Store) loadRedo() error {
	r := s.jobs[TablesID]
	// Not at a higher version: a mark that was not committed says nothing.
	base, segment, err := s.redoAt(r.version)
	if err != nil {
		return fmt.Errorf("reading the redo log's mark: %w", err)
	}
	if s.redoDir != "" {
		version, err := s.openRedo(s.redoDir, s.segment, s.segments[0], s.segments[1], segment)
		if err != nil {
			return fmt.Errorf("opening the redo log of the tables: %w", err)
		}
		if version > r.version {
			r.known, r.version = true, version
		}
	}
	s.slots, err = s.eachSlotted(r.version, base, func([]byte, uint64) error { return nil })
	if err != nil {
		return fmt.Errorf("reading the redo log of the tables: %w", err)
	}
	return nil
}
