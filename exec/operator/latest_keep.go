package operator

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// keptLatest is what a Latest remembers for Save: the keys, and which row of those
// stored is each one's.
type keptLatest struct {
	keys *keptTable
	anew bool // keys have other numbers: all pages go
}

// tagRounds is what the rounds of a Latest are stored under.
const tagRounds = 'n'

// Keep has the operator remember what changes.
func (l *Latest) Keep() error {
	l.kept = &keptLatest{}
	l.keepGeneration(generationPrefix(nil, 0))
	return nil
}

// keepGeneration has the operator remember what changes of its own keys, which are
// stored under a prefix.
func (l *Latest) keepGeneration(prefix []byte) {
	l.kept.keys, l.kept.anew = newKeptTable(prefix, l.keys.types), false
	l.store.keep(rowsPrefix(prefix))
}

// Save writes the rows that are new, and the keys whose row has changed.
func (l *Latest) Save(w StateWriter) error {
	if l.kept.anew {
		l.kept.keys.drop(w)
		l.kept.anew = false
	}
	err := l.kept.keys.save(w, l.keys.keys, len(l.rows), func(g int32, dst []byte) []byte {
		if l.rows[g].now < 0 {
			return binary.AppendVarint(dst, -1)
		}
		return binary.AppendVarint(dst, l.store.arrival(l.rows[g].now))
	})
	if err != nil {
		return err
	}
	if err := l.store.save(w); err != nil || l.evicted == nil {
		return err
	}
	return l.saveEvicted(w)
}

// Restore brings the rows back, as they were at a barrier.
func (l *Latest) Restore(r StateReader) error {
	least, err := l.restoreRounds(r)
	if err != nil {
		return err
	}
	lie, some, err := l.evicted.partsOf(r, nil)
	if err == nil && some {
		if lie.own == 0 {
			least = 0 // nothing was evicted
		}
		err = l.restoreEvicted(r, lie, least)
	} else if err == nil {
		err = l.restoreTable(r, l.kept.keys, 0)
	}
	if err != nil {
		return err
	}
	return l.charge()
}

// restoreTable brings the rows of one table back, but for those that came before the
// round least.
func (l *Latest) restoreTable(r StateReader, kept *keptTable, least int64) error {
	now := map[int32]int32{} // of a share
	var arrivals []int64     // of the rows of the groups, from the first restored on
	first := len(l.rows)
	ids := []int32{0}
	add := func(key []vec.Vec, was int32) error {
		if err := l.keys.assign(key, 1, l.one, ids); err != nil {
			return err
		}
		if int(ids[0]) != len(l.rows) {
			return thereTwice(r)
		}
		if r.Share != nil {
			now[was] = ids[0]
		}
		l.rows = append(l.rows, latestRow{now: -1, was: -1})
		return nil
	}
	err := kept.restore(r, l.keys, first, add, func(_ int32, src []byte) error {
		arrival, n := binary.Varint(src)
		if n <= 0 {
			return errKept
		}
		arrivals = append(arrivals, arrival)
		return nil
	})
	if err != nil {
		return err
	}
	rows, err := l.store.restoreUnder(r, rowsPrefix(kept.prefix), now, nil)
	if err != nil {
		return err
	}
	for _, row := range rows {
		g := int(l.store.group(row.ref))
		if g < first || g >= len(l.rows) || arrivals[g-first] != row.arrival || roundOf(l.store.time(row.ref)) < least {
			l.store.release(row.ref)
			continue
		}
		l.rows[g].now = row.ref
		l.rounds.now = max(l.rounds.now, roundOf(l.store.time(row.ref)))
		l.alive++
	}
	l.store.restored()
	return nil
}
