package table

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// A commit of a few rows does not write the pages that it changes, but what it
// changes on them: an entry of the redo log, some hundred bytes for every sync
// instead of a page for every row. The pages are written later, all that have
// changed since they were written last, as one change of the store that also
// begins a new era of the log. A start puts the entries of the present era into
// the pages that the store has, in their order. Entries are written over by those
// of later eras, so nobody has to remove them.
//
// A commit that has changed more than redoMost writes the pages at once.
const (
	redoMost  = 2 << 20  // bytes of one commit's entry
	redoLimit = 32 << 20 // of an era, before the pages are written
	redoChunk = 256 << 10
)

// The log lies under a storage number that no table has.
const (
	redoStorage = 0
	shardEra    = 0 // the number of the present era
	shardLog    = 1 // key: number of a chunk in its era, eight bytes
)

// A chunk is the number of its era, a byte that says whether the entry goes on in
// the next one, and a part of the entry. An entry is a run of sections: a storage's
// number, doubled, and one more where it is a table's rows; how many changes; and
// of each a key and a value behind their lengths, that of a value one more than it
// is, 0 where the key is removed.
const (
	chunkLast = iota
	chunkMore
)

// redo is the log's state. Whoever leads a group of commits owns it.
type redo struct {
	era   uint64
	next  uint64 // the number of the next chunk
	bytes int64  // of the era
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

// write writes an entry; wrote notes that it is durable.
func (r *redo) write(put func(state.Write) error, entry []byte) error {
	for i := r.next; len(entry) > 0; i++ {
		n := min(len(entry), redoChunk)
		more := byte(chunkLast)
		if n < len(entry) {
			more = chunkMore
		}
		chunk := append(binary.AppendUvarint(make([]byte, 0, n+binary.MaxVarintLen64+1), r.era), more)
		err := put(state.Write{
			Space: state.Space{Operator: redoStorage, Shard: shardLog},
			Key:   binary.BigEndian.AppendUint64(nil, i), Value: append(chunk, entry[:n]...),
		})
		if err != nil {
			return err
		}
		entry = entry[n:]
	}
	return nil
}

func (r *redo) wrote(size int) {
	r.next += uint64((size + redoChunk - 1) / redoChunk)
	r.bytes += int64(size)
}

// writeEra begins the next era; begun notes that it has begun.
func (r *redo) writeEra(put func(state.Write) error) error {
	return put(state.Write{Space: state.Space{Operator: redoStorage, Shard: shardEra}, Value: binary.AppendUvarint(nil, r.era+1)})
}

func (r *redo) begun() { *r = redo{era: r.era + 1} }

var errRedo = errors.New("the redo log of the tables is damaged")

// recover puts what the log has into the newest trees, of the storages that known
// knows, and goes on behind it.
func (t *Tables) recover(sn *state.Snapshot, known func(uint32) bool) error {
	w := t.newWork(t.current)
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
// store has there, of the storages that known knows, and returns where the log
// ends, and the version at which each storage was changed last.
func (w *work) replay(sn *state.Snapshot, known func(uint32) bool) (log redo, at map[uint32]uint64, err error) {
	b, found, err := sn.Get(state.TablesID, state.Space{Operator: redoStorage, Shard: shardEra}, nil, nil)
	if err != nil {
		return log, nil, err
	}
	if found {
		era, n := binary.Uvarint(b)
		if n <= 0 {
			return log, nil, errRedo
		}
		log.era = era
	}
	at = map[uint32]uint64{}
	var entry []byte
	sp := state.Space{Operator: redoStorage, Shard: shardLog}
	err = sn.ScanVersions(state.TablesID, sp, func(key, chunk []byte, version uint64) error {
		era, n := binary.Uvarint(chunk)
		if n <= 0 || len(chunk) <= n || len(key) != 8 {
			return errRedo
		}
		if era != log.era || binary.BigEndian.Uint64(key) != log.next {
			return state.ErrStop // what follows is of an older era
		}
		entry = append(entry, chunk[n+1:]...)
		log.next++
		if chunk[n] == chunkMore {
			return nil
		}
		log.bytes += int64(len(entry))
		err := w.repeat(entry, known, func(storage uint32) { at[storage] = version })
		entry = entry[:0]
		return err
	})
	if err == nil && len(entry) > 0 {
		err = errRedo
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
		storage := uint32(head >> 1)
		skip := known != nil && !known(storage)
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
				if value == nil {
					return errRedo
				}
				_, err = w.edit(storage).put(key, value)
			}
			if err != nil {
				return err
			}
		}
		if skip {
			continue
		}
		touched(storage)
		if head&1 != 0 {
			w.rows[storage] = true
		}
	}
	return nil
}
