package table

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// Up to format 3 the log lay among the tables' own keys, under a storage number that
// no table has: the number of the present era, and the chunks of its entries by
// number. A chunk is the number of its era, a byte that says whether the entry goes
// on in the next one, and a part of the entry. Chunks of older eras are written over
// and mean nothing. The next write of the pages begins an era that stays empty.
const (
	olderStorage = 0
	olderEra     = 0 // shards
	olderLog     = 1 // key: number of the chunk, eight bytes

	olderMore = 1 // in a chunk: the entry goes on
)

// replayOlder calls fn with the entries that a log of format 3 has at a version, in
// order.
func replayOlder(sn *state.Snapshot, fn func(entry []byte, version uint64) error) (era uint64, any bool, err error) {
	b, found, err := sn.Get(state.TablesID, state.Space{Operator: olderStorage, Shard: olderEra}, nil, nil)
	if err != nil {
		return 0, false, err
	}
	if found {
		n := 0
		if era, n = binary.Uvarint(b); n <= 0 {
			return 0, false, errRedo
		}
	}
	var entry []byte
	next := uint64(0)
	sp := state.Space{Operator: olderStorage, Shard: olderLog}
	err = sn.ScanVersions(state.TablesID, sp, func(key, chunk []byte, version uint64) error {
		of, n := binary.Uvarint(chunk)
		if n <= 0 || len(chunk) <= n || len(key) != 8 {
			return errRedo
		}
		if of != era || binary.BigEndian.Uint64(key) != next {
			return state.ErrStop // what follows is of an older era
		}
		entry = append(entry, chunk[n+1:]...)
		next++
		if chunk[n] == olderMore {
			return nil
		}
		err := fn(entry, version)
		entry = entry[:0]
		return err
	})
	if err == nil && len(entry) > 0 {
		err = errRedo
	}
	return era, next > 0, err
}

// endOlder begins an era that has no entries.
func (r *redo) endOlder(put func(state.Write) error) error {
	if !r.older {
		return nil
	}
	return put(state.Write{Space: state.Space{Operator: olderStorage, Shard: olderEra}, Value: binary.AppendUvarint(nil, r.era+1)})
}
