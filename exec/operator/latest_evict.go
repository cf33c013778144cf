package operator

import (
	"context"
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Evict lets the operator keep only a part of the rows in memory.
func (l *Latest) Evict(e Evictions) {
	l.evicted = newEvicted(nil, l.keys.types, l.spec.Account, e)
	l.rest = newRestCodec(l.store.types, l.spec.Key, l.evicted.codec.exact)
}

// Evicts reports whether it does.
func (l *Latest) Evicts() bool { return l.evicted != nil }

// Committed lets go of what the store has now.
func (l *Latest) Committed() { l.evicted.committed() }

// Evicted is how many rows are in the store's pages.
func (l *Latest) Evicted() int64 { return l.evicted.stored() }

// rounds are the snapshots that there have been. A row that is not in memory has that
// in which it came beside it, as its time, and tells by that whether it is there still: so
// taking all rows away writes none of them.
type rounds struct {
	now int64 // of the refresh that is under way, or was last
	// Rows in other parts than the own table that came before the round least are gone;
	// those before past were at the last barrier.
	least, past int64
	// cleaning is the least round as it was when the merge began that leaves out rows
	// that are gone; 0: that merge is no such one.
	cleaning int64
	stored   [2]int64
}

// size is what the own rows hold.
func (l *Latest) size() int64 { return l.keys.held + l.store.held + l.held }

// load gives a key that is new what the other parts have of it.
func (l *Latest) load(g int32, beside []byte) error {
	time, rest, ok, err := takeTime(beside)
	if err != nil || !ok || roundOf(time) < l.rounds.past {
		return err
	}
	row, err := l.rest.of(l.keys.keys, int(g), rest)
	if err != nil {
		return err
	}
	name, err := l.store.lend(row.Cols, g, time)
	if err != nil {
		return err
	}
	if r := &l.rows[g]; roundOf(time) < l.rounds.least { // it goes out in this epoch
		r.was, r.touched = name, true
		l.touched = append(l.touched, g)
	} else {
		r.now = name
		l.alive++
		l.lent = append(l.lent, g)
	}
	return nil
}

// settleLent sees that rows that were read back and have not changed stay.
func (l *Latest) settleLent() error {
	for _, g := range l.lent {
		r := &l.rows[g]
		if r.now < 0 || !l.store.isLent(r.now) {
			continue
		}
		own, err := l.store.own(r.now)
		if err != nil {
			return err
		}
		l.released = append(l.released, r.now)
		r.now = own
		if r.touched {
			continue
		}
		l.kept.keys.touchOne(g)
	}
	l.lent = l.lent[:0]
	return nil
}

// takeBack passes on that rows are gone which are not in the own table.
func (l *Latest) takeBack(ctx context.Context, out Output) error {
	from := l.rounds.past
	if from == l.rounds.least {
		return nil
	}
	l.rounds.past, l.evicted.unclean = l.rounds.least, true
	return l.evicted.each(l.keys, func(o *outsiders, sel []int32) error {
		for _, r := range sel {
			time, rest, ok, err := takeTime(o.of(r))
			if err != nil {
				return err
			}
			round := roundOf(time)
			if !ok || round < from || round >= l.rounds.least {
				continue
			}
			row, err := l.rest.of(o.keys.Cols, int(r), rest)
			if err != nil {
				return err
			}
			if err := l.out.add(ctx, row.Cols[:l.spec.Pass], 0, vec.Delete, out); err != nil {
				return err
			}
		}
		return nil
	})
}

// saveEvicted writes what has changed of the rows that are not in the own table, and
// gives up the table where it has grown to what it may hold.
func (l *Latest) saveEvicted(w StateWriter) error {
	r := &l.rounds
	if r.cleaning > 0 && l.evicted.old.settled {
		if r.cleaning == r.least { // no page has a row that is gone
			r.least, r.past = 0, 0
		}
		r.cleaning = 0
	}
	full, err := l.evicted.save(w, l.size(), len(l.rows))
	if err != nil {
		return err
	}
	if full {
		l.freeze()
	}
	if at := [2]int64{r.now, r.past}; at != r.stored {
		w.Set([]byte{tagRounds}, binary.AppendUvarint(binary.AppendUvarint(nil, uint64(r.now)), uint64(r.past)))
		r.stored = at
	}
	l.evicted.put(w)
	return nil
}

// freeze has the rows become the generation before, and begins a table anew.
func (l *Latest) freeze() {
	keys, rows, store, kept, held := l.keys, l.rows, l.store, l.kept.keys, l.held
	least, rest, account := l.rounds.least, l.rest, l.spec.Account
	there := func(g int32) bool { return rows[g].now >= 0 && roundOf(store.time(rows[g].now)) >= least }
	g := &generation{
		table: keys,
		save: func(g int32, dst []byte) []byte {
			if !there(g) {
				return dst
			}
			r := rows[g].now
			dst = binary.AppendUvarint(dst, uint64(store.time(r)))
			return rest.append(dst, store.batches[r>>32].Cols, int(int32(r)))
		},
		dead: func(g int32) bool { return !there(g) },
		forget: func(w StateWriter) {
			kept.drop(w)
			store.pages.drop(w)
		},
		close: func() {
			keys.close()
			store.close()
			account.Release(held)
		},
		size: store.held / max(store.rows, 1),
	}
	if l.rounds.cleaning = least; least > 0 {
		l.evicted.unclean = false
		g.gone = func(beside []byte) bool {
			time, _, ok, err := takeTime(beside)
			return err == nil && ok && roundOf(time) < least
		}
	}
	l.evicted.replace(g)
	l.keys, l.rows, l.held, l.alive = newTable(keys.types, account, keys.what), nil, 0, 0
	l.store = newRowStore(store.types, account)
	l.keepGeneration(generationPrefix(nil, l.evicted.own))
}

// restoreRounds brings the rounds back, or, of a share, adds them to those of others.
func (l *Latest) restoreRounds(r StateReader) (least int64, err error) {
	err = r.Scan([]byte{tagRounds}, func(_, value []byte) error {
		now, n := binary.Uvarint(value)
		past, m := binary.Uvarint(value[max(n, 0):])
		if n <= 0 || m <= 0 {
			return errKept
		}
		l.rounds.now, least = max(l.rounds.now, int64(now)), int64(past)
		return nil
	})
	if err == nil && r.Share == nil {
		l.rounds.least, l.rounds.past = least, least
		l.rounds.stored = [2]int64{l.rounds.now, least}
	}
	return least, err
}

// restoreEvicted brings the rows back that were not in pages, or, of a share, all.
func (l *Latest) restoreEvicted(r StateReader, lie parts, least int64) error {
	table := func(r StateReader, kept *keptTable) error { return l.restoreTable(r, kept, least) }
	err := restoreGenerations(r, nil, l.evicted, lie, l.keys.types, &l.kept.keys, table, l.freeze, func(key []vec.Vec, beside []byte) error {
		time, rest, ok, err := takeTime(beside)
		if err != nil || !ok || roundOf(time) < least {
			return err
		}
		ids := []int32{0}
		if err := l.keys.assign(key, 1, l.one, ids); err != nil || int(ids[0]) != len(l.rows) {
			return err
		}
		row, err := l.rest.of(key, 0, rest)
		if err != nil {
			return err
		}
		refs, err := l.store.add(row.Cols, l.one, ids, []int64{time}, nil)
		if err != nil {
			return err
		}
		l.rows = append(l.rows, latestRow{now: refs[0], was: -1})
		l.alive++
		return nil
	})
	if r.Share != nil {
		l.kept.keys.touchAll(len(l.rows))
	}
	// A merge that goes on has made pages for a least round that may have been another.
	l.rounds.cleaning, l.evicted.unclean = 0, l.rounds.least > 0
	return err
}
