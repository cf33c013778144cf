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

// Keep has the operator remember what changes.
func (l *Latest) Keep() error {
	l.kept = &keptLatest{keys: newKeptTable([]byte{tagGroups}, l.keys.types)}
	l.store.keep([]byte{tagRows})
	return nil
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
	return l.store.save(w)
}

// Restore brings the rows back, as they were at a barrier.
func (l *Latest) Restore(r StateReader) error {
	now := map[int32]int32{}
	var arrivals []int64 // of the rows of the groups, from the first restored on
	first := len(l.rows)
	ids := []int32{0}
	add := func(key []vec.Vec, was int32) error {
		if err := l.keys.assign(key, 1, l.one, ids); err != nil {
			return err
		}
		if int(ids[0]) != len(l.rows) {
			return errKept
		}
		now[was] = ids[0]
		l.rows = append(l.rows, latestRow{now: -1, was: -1})
		return nil
	}
	err := l.kept.keys.restore(r, first, add, func(_ int32, src []byte) error {
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
	rows, err := l.store.restoreFor(r, now, nil)
	if err != nil {
		return err
	}
	for _, row := range rows {
		g := int(l.store.group(row.ref))
		if g < first || g >= len(l.rows) || arrivals[g-first] != row.arrival {
			l.store.release(row.ref)
			continue
		}
		l.rows[g].now = row.ref
		l.alive++
	}
	l.store.restored()
	return l.charge()
}
