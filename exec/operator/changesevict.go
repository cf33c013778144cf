package operator

import (
	"encoding/binary"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Rows of a ChangesJoin are evicted by their keys: a group is a key, and has beside it the
// rows of both sides, how often each is there and how many match it. A key that a row
// brings is given all of them again before the row is counted, so that the barrier, which
// looks at no other keys, finds everything where it always is.

// Evict lets the join keep only a part of its rows in memory, where it has keys.
func (j *ChangesJoin) Evict(e Evictions) {
	if j.table == nil {
		return
	}
	j.evicted = newEvicted(nil, j.spec.KeyTypes, j.spec.Account, e)
	for _, s := range j.sides {
		s.codec = newRowCodec(s.types)
	}
}

// Evicts reports whether it does.
func (j *ChangesJoin) Evicts() bool { return j.evicted != nil }

// Committed lets go of what the store has now.
func (j *ChangesJoin) Committed() { j.evicted.committed() }

// Evicted is how many keys are in the store's pages.
func (j *ChangesJoin) Evicted() int64 { return j.evicted.stored() }

// state is what the own rows hold.
func (j *ChangesJoin) state() int64 {
	size := j.table.held
	for _, s := range j.sides {
		if size += s.held; s.rows != nil {
			size += s.rows.held
		}
	}
	return size
}

// checkMemory asks for the end of the epoch where the own rows hold far too much, and is
// an error where they do for too long.
func (j *ChangesJoin) checkMemory() error {
	if j.evicted == nil {
		return nil
	}
	j.evicted.crowded(j.state())
	return j.spec.Account.Overrun()
}

// fetch gives the keys from known on, which are new in the table, their rows.
func (j *ChangesJoin) fetch(known int) error {
	n := j.table.Len()
	if known == n || !j.evicted.some() {
		return nil
	}
	return j.loading(func() error { return j.evicted.fetch(j.table.keys, known, n, j.load) })
}

// want brings those keys of n rows into the table that are elsewhere.
func (j *ChangesJoin) want(keys []vec.Vec, n int, sel []int32) error {
	if !j.evicted.some() || !j.evicted.missing(j.table, keys, n, sel, j.ids) {
		return nil
	}
	return j.loading(func() error { return j.evicted.bringMissing(j.table, j.load) })
}

// loading calls f, which loads groups.
func (j *ChangesJoin) loading(f func() error) error {
	for _, s := range j.sides {
		s.back.reset()
	}
	if err := f(); err != nil {
		return err
	}
	for _, s := range j.sides {
		if err := s.put(&s.back); err != nil {
			return err
		}
	}
	return nil
}

// load gives a group, which has no row, the rows that it has elsewhere.
func (j *ChangesJoin) load(g int32, beside []byte) error {
	for len(beside) > 0 {
		input := int(beside[0])
		if input >= len(j.sides) {
			return errKept
		}
		now, n := binary.Varint(beside[1:])
		matches, m := binary.Varint(beside[1+max(n, 0):])
		if n <= 0 || m <= 0 {
			return errKept
		}
		values, rest, err := takeValues(beside[1+n+m:])
		if err != nil {
			return err
		}
		beside = rest
		if j.forgets(input) {
			continue
		}
		if err := j.sides[input].bringBack(g, now, matches, values); err != nil {
			return err
		}
	}
	return nil
}

// bringBack takes a row of an evicted group, which is there with the next put at the
// latest.
func (s *changesSide) bringBack(g int32, now, matches int64, values []byte) error {
	p := &s.back
	if err := s.codec.reader.Read(values, p.rows.Cols); err != nil {
		return err
	}
	p.rows.Rows++
	p.groups, p.now, p.matches = append(p.groups, g), append(p.now, now), append(p.matches, matches)
	if p.rows.Rows < vec.MaxRows {
		return nil
	}
	err := s.put(p)
	p.reset()
	return err
}

// appendGroup appends a group's rows that are there, or owed: the side, how often each is
// there, its matches, length and values. Several goroutines may call it.
func (s *changesSide) appendGroup(dst []byte, input int, g int32) []byte {
	for row := s.head(g); row >= 0; row = s.next[row] {
		if s.now[row] == 0 {
			continue
		}
		matches := int64(0)
		if s.counts {
			matches = s.matches[row]
		}
		dst = binary.AppendVarint(binary.AppendVarint(append(dst, byte(input)), s.now[row]), matches)
		dst = s.codec.appendSized(dst, s.columns(), int(row))
	}
	return dst
}

// has reports whether appendGroup appends something.
func (s *changesSide) has(g int32) bool {
	row := s.head(g)
	for row >= 0 && s.now[row] == 0 {
		row = s.next[row]
	}
	return row >= 0
}

// saveEvicted writes what has changed of the rows that are not in memory, and gives up
// those that are when they hold what they may.
func (j *ChangesJoin) saveEvicted(w StateWriter) error {
	full, err := j.evicted.save(w, j.state(), j.table.Len())
	if err != nil {
		return err
	}
	if full {
		j.freeze()
	}
	j.evicted.put(w)
	return nil
}

// freeze has the rows become the generation before, and begins anew.
func (j *ChangesJoin) freeze() {
	table := j.table
	var was [2]*changesSide
	var bytes int64
	for i, s := range j.sides {
		old := *s
		was[i] = &old
		for _, c := range old.columns() {
			bytes += columnBytes(c)
		}
		s.held, s.kept = 0, nil
		s.clear(old.grown != nil)
		s.kept = old.kept
	}
	j.evicted.replace(&generation{
		table: table,
		size:  bytes / int64(max(table.Len(), 1)),
		save: func(g int32, dst []byte) []byte {
			return was[JoinRight].appendGroup(was[JoinLeft].appendGroup(dst, JoinLeft, g), JoinRight, g)
		},
		dead: func(g int32) bool { return !was[JoinLeft].has(g) && !was[JoinRight].has(g) },
		forget: func(w StateWriter) {
			was[JoinLeft].kept.drop(w)
			was[JoinRight].kept.drop(w)
		},
		close: func() {
			table.close()
			was[JoinLeft].close()
			was[JoinRight].close()
		},
	})
	j.table = newTable(table.types, j.spec.Account, table.what)
	j.empty = 0
	j.keepGeneration(j.evicted.own)
}

// restoreEvicted brings the rows back that were not in pages, or, of a share, all.
func (j *ChangesJoin) restoreEvicted(r StateReader, lie parts) error {
	if j.evicted == nil {
		return fmt.Errorf("%w: rows were evicted that cannot be", errKept)
	}
	if r.Share != nil {
		return j.restoreShare(r, lie)
	}
	e := j.evicted
	e.now = lie.space
	if lie.old >= 0 {
		j.keepGeneration(uint32(lie.old))
		if err := j.restoreGeneration(r, uint32(lie.old)); err != nil {
			return err
		}
		e.own = uint32(lie.old)
		j.freeze()
	}
	e.own = lie.own
	j.keepGeneration(lie.own)
	return j.restoreGeneration(r, lie.own)
}

// restoreShare brings the rows of a share back from all parts, the newest first: of a key
// that is there older parts say nothing.
func (j *ChangesJoin) restoreShare(r StateReader, lie parts) error {
	for _, number := range []int64{int64(lie.own), lie.old} {
		if number < 0 {
			continue
		}
		if err := j.restoreGeneration(r, uint32(number)); err != nil {
			return err
		}
	}
	return j.loading(func() error { return newKeys(r, lie.space, j.spec.KeyTypes, j.table, j.load) })
}
