package table

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// A commit of a few rows does not write the pages that it changes, but what it
// changes on them: an entry of the store's redo log, some hundred bytes for every
// sync instead of a page for every row. The pages are written later, all that have
// changed since they were written last, as one change of the store that settles the
// log. A start puts the entries since then into the pages that the store has, in
// their order.
//
// A commit that has changed more than redoMost writes the pages at once.
const (
	redoMost  = 2 << 20  // bytes of one commit's entry
	redoLimit = 32 << 20 // of all, before the pages are written
)

// An entry is a run of sections: a storage's number, doubled, and one more where it
// is a table's rows; how many changes; and of each a key and a value behind their
// lengths, that of a value one more than it is, 0 where the key is removed. The
// section of a sequence has its number, doubled, and sequenceSection, and one change
// of an empty key: its state as the store keeps it.
const sequenceSection = 1 << 40

// redo is what is known of the log. Whoever leads a group of commits owns it.
type redo struct {
	bytes int64  // of the entries that are not in the pages
	older bool   // there is one of format 3, which the next write of the pages ends
	era   uint64 // its number
}

// record appends what a transaction has written to a storage to the group's entry.
func (w *work) record(o *overlay) error {
	if w.bytes += o.edit.bytes; w.bytes > redoMost || w.direct {
		w.direct, w.log = true, nil
		return nil
	}
	head := uint64(o.storage) << 1
	if o.rows {
		head |= 1
	}
	var c cursor
	c.reset(o.edit.root, resident{})
	n := uint64(0)
	w.section = w.section[:0]
	err := c.seek(nil)
	for ; c.valid && err == nil; err = c.next() {
		key, value := c.key(), c.value()
		w.section = append(binary.AppendUvarint(w.section, uint64(len(key))), key...)
		if isTombstone(value) {
			w.section = append(w.section, 0)
		} else {
			w.section = append(binary.AppendUvarint(w.section, uint64(len(value))+1), value...)
		}
		n++
	}
	if err != nil {
		return err
	}
	w.log = binary.AppendUvarint(binary.AppendUvarint(w.log, head), n)
	w.log = append(w.log, w.section...)
	return nil
}

// recordSequence appends the state of a sequence to the group's entry.
func (w *work) recordSequence(s state.Write) {
	head := uint64(s.Space.Operator)<<1 | sequenceSection
	w.log = binary.AppendUvarint(binary.AppendUvarint(w.log, head), 1)
	w.log = append(binary.AppendUvarint(append(w.log, 0), uint64(len(s.Value))+1), s.Value...)
}

var errRedo = errors.New("an entry of the redo log of the tables is damaged")

// recover puts what the log has into the newest trees, of the storages that known
// knows, and goes on behind it.
func (t *Tables) recover(sn *state.Snapshot, known func(uint32) bool) error {
	w := t.newWork(t.current)
	w.sequence = func(storage uint32, value []byte) error {
		s, err := readSequence(storage, value)
		if err == nil {
			s.logged = true
			t.seqs.all[storage] = s
		}
		return err
	}
	log, changedAt, err := w.replay(sn, known)
	if err != nil {
		return err
	}
	t.redo = log
	changed := map[uint32]root{}
	for storage, e := range w.edits {
		changed[storage] = root{e.root, w.base.get(storage).rows + e.rows, changedAt[storage]}
		t.keep(storage, e, w.rows[storage])
	}
	t.current = t.current.with(changed, t.current.version, sn)
	return nil
}

// replay puts what the log has at a version into the trees of the pages that the
// store has there, of the storages that known knows, and returns what there is of
// the log, and the version at which each storage was changed last.
func (w *work) replay(sn *state.Snapshot, known func(uint32) bool) (log redo, at map[uint32]uint64, err error) {
	at = map[uint32]uint64{}
	one := func(entry []byte, version uint64) error {
		log.bytes += int64(len(entry))
		return w.repeat(entry, known, func(storage uint32) { at[storage] = version })
	}
	if log.era, log.older, err = replayOlder(sn, one); err == nil {
		err = sn.Log(one)
	}
	if err != nil {
		return log, nil, fmt.Errorf("replaying what was committed since the pages were written: %w", err)
	}
	return log, at, nil
}

// repeat puts one entry of the log into the trees, and calls touched with each
// storage that it changes.
func (w *work) repeat(entry []byte, known func(uint32) bool, touched func(storage uint32)) error {
	uvarint := func() uint64 {
		v, n := binary.Uvarint(entry)
		if n <= 0 {
			entry = nil
			return 0
		}
		entry = entry[n:]
		return v
	}
	take := func(n uint64) []byte {
		if n > uint64(len(entry)) {
			entry = nil
			return nil
		}
		b := entry[:n]
		entry = entry[n:]
		return b
	}
	for len(entry) > 0 {
		head := uvarint()
		count := uvarint()
		sequence := head&sequenceSection != 0
		storage := uint32(head &^ sequenceSection >> 1)
		skip := known != nil && !known(storage) || sequence && w.sequence == nil
		for ; count > 0; count-- {
			key := take(uvarint())
			size := uvarint()
			if key == nil {
				return errRedo
			}
			var err error
			switch {
			case skip && size > 0:
				take(size - 1)
			case skip:
			case size == 0:
				_, err = w.edit(storage).remove(key)
			default:
				value := take(size - 1)
				switch {
				case value == nil:
					err = errRedo
				case sequence:
					err = w.sequence(storage, value)
				default:
					_, err = w.edit(storage).put(key, value)
				}
			}
			if err != nil {
				return err
			}
		}
		if skip || sequence {
			continue
		}
		touched(storage)
		if head&1 != 0 {
			w.rows[storage] = true
		}
	}
	return nil
}
