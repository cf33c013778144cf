package table

import (
	"errors"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// sweepPart is how many keys one commit of a sweep removes.
const sweepPart = 512

// sweep removes what the store has of storages that nobody owns any more, in the
// background and by ordinary writes. Snapshots that still read them have their
// versions. A start goes on with what was not ended. Who leads a group calls it.
func (t *Tables) sweep(storages []uint32) {
	if len(storages) == 0 {
		return
	}
	t.seqs.mu.Lock()
	for _, s := range storages {
		delete(t.seqs.all, s)
	}
	t.seqs.mu.Unlock()
	t.idsMu.Lock()
	for _, s := range storages {
		delete(t.ids, s)
	}
	t.idsMu.Unlock()
	var flushed chan struct{} // a flush that runs writes what is to be removed
	if t.flushing != nil {
		flushed = t.flushing.ended
	}
	t.sweeps.Add(1)
	go func() {
		defer t.sweeps.Done()
		if flushed != nil {
			select {
			case <-flushed:
			case <-t.ctx.Done():
				return
			}
		}
		for _, s := range storages {
			err := t.sweepOne(s)
			if err != nil && t.ctx.Err() == nil {
				t.log.Warn("removing the pages of a dropped table; the next start goes on with it", "storage", s, "error", err)
			}
		}
	}()
}

func (t *Tables) sweepOne(storage uint32) error {
	for {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		keys, err := t.someKeys(storage)
		if err != nil || len(keys) == 0 {
			return err
		}
		c := &commit{x: &Txn{t: t}, sweep: keys, turn: make(chan bool, 1)}
		if err := t.enqueue(c); err != nil {
			return err
		}
	}
}

func (t *Tables) someKeys(storage uint32) ([]state.Write, error) {
	sn := t.store.Snapshot(state.TablesID)
	defer sn.Close()
	var keys []state.Write
	for _, shard := range []uint16{shardPage, shardPart, shardCount, shardSequence} {
		sp := state.Space{Operator: storage, Shard: shard}
		err := sn.ScanSpaceKeys(state.TablesID, sp, func(key []byte) error {
			if len(keys) >= sweepPart {
				return state.ErrStop
			}
			keys = append(keys, state.Write{Space: sp, Key: append([]byte(nil), key...), Delete: true})
			return nil
		})
		if err != nil && !errors.Is(err, state.ErrStop) {
			return nil, err
		}
	}
	return keys, nil
}
