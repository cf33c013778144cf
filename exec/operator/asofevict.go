package operator

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// The versions of an AsOfJoin are evicted by their keys: a group is a key, and has its
// versions beside it, the oldest first. A key that a right row brings is given all of them;
// left rows look at them where they lie, and bring nothing into memory.

// firstLent is how row 0 of versions that are lent is called among right rows.
const firstLent = -2

// versionsBack are evicted versions on their way into memory.
type versionsBack struct {
	codec rowCodec
	rows  *vec.Batch
	keys  []int32
	times []int64
	sel   selector
}

// Evict lets the join keep only a part of its rows in memory, where it has keys.
func (j *AsOfJoin) Evict(e Evictions) {
	if j.table == nil {
		return
	}
	j.evicted = newEvicted(nil, j.spec.KeyTypes, j.spec.Account, e)
	j.back = versionsBack{codec: newRowCodec(j.spec.Types[JoinRight]), rows: vec.NewBatch(j.spec.Types[JoinRight])}
}

// Evicts reports whether it does.
func (j *AsOfJoin) Evicts() bool { return j.evicted != nil }

// Committed lets go of what the store has now.
func (j *AsOfJoin) Committed() {
	if j.evicted.committed(); j.evicted != nil {
		j.leave()
	}
}

// Evicted is how many keys are in the store's pages, and how many rows wait there.
func (j *AsOfJoin) Evicted() int64 { return j.evicted.stored() + j.away.rows() }

// state is what the own versions hold.
func (j *AsOfJoin) state() int64 { return j.table.held + j.sides[JoinRight].held }

// checkMemory asks for the end of the epoch where the own rows hold far too much, and is
// an error where they do for too long.
func (j *AsOfJoin) checkMemory() error {
	if j.evicted == nil {
		return nil
	}
	j.evicted.crowded(j.state() + j.sides[JoinLeft].held)
	return j.spec.Account.Overrun()
}

// fetch gives the keys from known on, which are new in the table, their versions.
func (j *AsOfJoin) fetch(known int) error {
	n := j.table.Len()
	if known == n || !j.evicted.some() {
		return nil
	}
	return j.loading(func() error { return j.evicted.fetch(j.table.keys, known, n, j.load) })
}

// loading calls f, which loads keys.
func (j *AsOfJoin) loading(f func() error) error {
	if err := f(); err != nil {
		return err
	}
	return j.putBack()
}

// load gives a key, which has no version, those that it has elsewhere, with the following
// putBack at the latest.
func (j *AsOfJoin) load(g int32, beside []byte) error {
	p := &j.back
	for len(beside) > 0 {
		at, values, rest, err := takeVersion(beside)
		if err != nil {
			return err
		}
		if beside = rest; obsolete(rest, j.pruned) {
			continue
		}
		if err := p.codec.reader.Read(values, p.rows.Cols); err != nil {
			return err
		}
		p.rows.Rows++
		p.keys, p.times = append(p.keys, g), append(p.times, at)
		if p.rows.Rows < vec.MaxRows {
			continue
		}
		if err := j.putBack(); err != nil {
			return err
		}
	}
	return nil
}

// putBack appends the versions that were loaded to the rows.
func (j *AsOfJoin) putBack() error {
	s, p := &j.sides[JoinRight], &j.back
	for i, g := range p.keys {
		j.putVersion(g, p.times[i])
	}
	for i, c := range p.rows.Cols {
		vec.CopyRows(s.rows.Cols[i], c, p.sel.all(nil, p.rows.Rows))
	}
	s.rows.Rows += p.rows.Rows
	p.rows.Reset()
	p.keys, p.times = p.keys[:0], p.times[:0]
	return s.charge(j.spec.Account)
}

// borrow lends those rows of keys that the table has not, which missing has noted, the
// versions that they meet.
func (j *AsOfJoin) borrow(at func(r int32) int64) error {
	j.wanted = append(j.wanted[:0], j.evicted.sel...)
	return j.evicted.find(func(row int32, beside []byte) error {
		r := j.wanted[row]
		values, err := versionAt(beside, at(r), j.pruned)
		if err != nil || values == nil {
			return err
		}
		if err := j.back.codec.reader.Read(values, j.lent.Cols); err != nil {
			return err
		}
		j.met[r] = firstLent - int32(j.lent.Rows)
		j.lent.Rows++
		return nil
	})
}

// versionAt are the values of the newest version that is not after t; nil: there is none
// that is known still, where those that no row from pruned on meets are not.
func versionAt(beside []byte, t, pruned int64) (values []byte, err error) {
	for len(beside) > 0 {
		at, v, rest, err := takeVersion(beside)
		if err != nil {
			return nil, err
		}
		if at > t {
			break
		}
		values = nil
		if beside = rest; !obsolete(rest, pruned) {
			values = v
		}
	}
	return values, nil
}

// obsolete reports whether of the versions that follow one the first comes by the time.
func obsolete(rest []byte, pruned int64) bool {
	at, n := binary.Varint(rest)
	return n > 0 && at <= pruned
}

// takeVersion takes a version off what a key has beside it.
func takeVersion(b []byte) (at int64, values, rest []byte, err error) {
	at, n := binary.Varint(b)
	if n <= 0 {
		return 0, nil, nil, errKept
	}
	values, rest, err = takeValues(b[n:])
	return at, values, rest, err
}

// fillRight copies right rows, those that are lent among them.
func (j *AsOfJoin) fillRight(to []vec.Vec, rows []int32) {
	own := j.sides[JoinRight].rows.Cols
	for i, c := range own {
		if j.lent.Rows == 0 {
			vec.CopyRows(to[i], c, rows)
			continue
		}
		for _, r := range rows {
			if r >= 0 {
				vec.AppendRow(to[i], c, int(r))
			} else {
				vec.AppendRow(to[i], j.lent.Cols[i], int(firstLent-r))
			}
		}
	}
}

// saveEvicted writes what has changed of the versions that are not in memory, and gives up
// those that are when they hold what they may.
func (j *AsOfJoin) saveEvicted(w StateWriter) error {
	held := j.state() + min(j.sides[JoinLeft].held, j.leftRoom())
	full, err := j.evicted.save(w, held, j.table.Len())
	if err != nil {
		return err
	}
	if full {
		j.freeze()
	}
	j.evicted.put(w)
	return nil
}

// freeze has the versions become the generation before, and begins anew.
func (j *AsOfJoin) freeze() {
	s, k := &j.sides[JoinRight], j.kept
	table, rows, times, versions, held, pages := j.table, s.rows, s.times, j.versions, s.held, k.pages[JoinRight]
	codec, account := j.back.codec, j.spec.Account
	j.evicted.replace(&generation{
		table: table,
		save: func(g int32, dst []byte) []byte {
			if int(g) >= len(versions) {
				return dst
			}
			for _, r := range versions[g] {
				dst = codec.appendSized(binary.AppendVarint(dst, times[r]), rows.Cols, int(r))
			}
			return dst
		},
		dead:   func(int32) bool { return false },
		forget: func(w StateWriter) { pages.drop(w) },
		close: func() {
			table.close()
			account.Release(held)
		},
	})
	j.table = newTable(table.types, account, table.what)
	s.rows, s.times, s.dead, s.held = vec.NewBatch(j.spec.Types[JoinRight]), nil, 0, 0
	j.versions, j.many = nil, nil
	k.generation(j.evicted.own)
}
