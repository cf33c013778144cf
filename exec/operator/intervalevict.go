package operator

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Buckets of an interval join are evicted as groups, which are keys and the rows that
// the bucket has of each. A key that a row brings, or looks for, is given all of its
// rows again, so that the join finds them where rows always are.
//
// Rows that go out for want of a match are known by their times in memory alone. Those
// of evicted groups are looked for a part of a bucket's time ahead: what expires at once
// goes out as it is found, and what does soon is brought into memory.

// sweepSlices is in how many parts of a bucket's time evicted rows are looked for.
const sweepSlices = 16

// Evict lets the join keep only a part of its rows in memory, where it has keys.
func (j *IntervalJoin) Evict(e Evictions) {
	if len(j.spec.KeyTypes) == 0 {
		return
	}
	j.evicted = &evictedTables{account: j.spec.Account, from: e}
	for _, s := range j.sides {
		s.evicted, s.codec = j.evicted, newRowCodec(s.types)
	}
}

// tables are those of the buckets.
func (j *IntervalJoin) tables() []evictable {
	var all []evictable
	for _, s := range j.sides {
		for _, k := range s.buckets {
			all = append(all, k)
		}
	}
	return all
}

// Evicts reports whether it does.
func (j *IntervalJoin) Evicts() bool { return j.evicted != nil }

// Committed lets go of what the store has now.
func (j *IntervalJoin) Committed() {
	if j.evicted != nil {
		j.evicted.committed(j.tables())
	}
}

// Evicted is how many keys of buckets are in the store's pages.
func (j *IntervalJoin) Evicted() int64 {
	if j.evicted == nil {
		return 0
	}
	return j.evicted.stored(j.tables())
}

func (k *intervalBucket) state() int64      { return k.held + k.table.held }
func (k *intervalBucket) size() int         { return k.table.Len() }
func (k *intervalBucket) outside() *evicted { return k.evicted }

// becomeEvicted makes room for what the bucket has elsewhere.
func (k *intervalBucket) becomeEvicted() {
	if k.evicted == nil {
		s := k.side
		k.evicted = s.evicted.newTable(newEvicted(bucketPrefix(tagIntervalGroups, s.input, k.number), s.keyTypes, s.account, s.evicted.from))
	}
}

// freeze has the bucket's rows become the generation before, and begins it anew.
func (k *intervalBucket) freeze() error {
	k.becomeEvicted()
	s, was := k.side, *k
	oldest := s.oldest(s.passed)
	alive := func(row int32) bool { return was.times[row] >= oldest }
	k.evicted.replace(&generation{
		table: was.table,
		size:  was.held / int64(max(was.table.Len(), 1)),
		save: func(g int32, dst []byte) []byte {
			for row := was.chains.head(g); row >= 0; row = was.chains.after(row) {
				if alive(row) {
					dst = was.appendRow(dst, row)
				}
			}
			return dst
		},
		dead: func(g int32) bool {
			row := was.chains.head(g)
			for row >= 0 && !alive(row) {
				row = was.chains.after(row)
			}
			return row < 0
		},
		forget: func(w StateWriter) {
			was.kept.rows.drop(w)
			was.kept.marks.drop(w)
		},
		close: func() {
			was.table.close()
			s.account.Release(was.held)
		},
	})
	s.due.drop(k.number)
	k.rows, k.times, k.matched, k.chains, k.held = vec.NewBatch(s.types), nil, nil, chains{}, 0
	k.table = newTable(s.keyTypes, s.account, "JOIN")
	k.kept, k.swept = keptBucket{generation: k.evicted.own}, oldest
	s.rows[s.place(k.number)] = k.rows
	return nil
}

// rowMatched is the flag of an evicted row that has matched.
const rowMatched = 1

// appendRow appends a row as an evicted group has it: flags, time, length and values.
func (k *intervalBucket) appendRow(dst []byte, row int32) []byte {
	flags := byte(0)
	if k.matched.get(row) {
		flags = rowMatched
	}
	dst = binary.AppendVarint(append(dst, flags), k.times[row])
	return k.side.codec.appendSized(dst, k.rows.Cols, int(row))
}

// evictedRow is a row of an evicted group.
type evictedRow struct {
	at      int64
	matched bool
	values  []byte
}

// takeRow takes the first row off those of a group.
func takeRow(b []byte) (r evictedRow, rest []byte, err error) {
	if len(b) < 2 {
		return r, nil, errKept
	}
	r.matched = b[0]&rowMatched > 0
	at, n := binary.Varint(b[1:])
	if n <= 0 {
		return r, nil, errKept
	}
	r.at = at
	r.values, rest, err = takeValues(b[1+n:])
	return r, rest, err
}

// load gives a group, which has no row, the rows that it has elsewhere.
func (k *intervalBucket) load(g int32, beside []byte) error {
	s := k.side
	for len(beside) > 0 {
		var r evictedRow
		var err error
		if r, beside, err = takeRow(beside); err != nil {
			return err
		}
		if err := s.codec.reader.Read(r.values, k.rows.Cols); err != nil {
			return err
		}
		row := int32(len(k.times))
		k.rows.Rows++
		k.times = append(k.times, r.at)
		k.chains.behind(row, g)
		switch {
		case r.matched:
			k.mark(row)
		case s.pads && !s.expired(r.at, s.passed):
			s.waiting = append(s.waiting, dueRow{r.at, row})
		}
	}
	return nil
}

// loading calls f, which loads groups.
func (k *intervalBucket) loading(f func() error) error {
	s := k.side
	s.waiting = s.due.begin()
	err := f()
	s.due.end(k.number, s.waiting)
	k.chains.cover(int32(len(k.times)), k.table.Len())
	if err != nil {
		return err
	}
	return k.charge()
}

// fetch gives the keys from known on, which are new in the table, their rows.
func (k *intervalBucket) fetch(known int) error {
	if known == k.table.Len() {
		return nil
	}
	return k.loading(func() error { return k.evicted.fetch(k.table.keys, known, k.table.Len(), k.load) })
}

// want brings those keys of a batch's rows into the table that are elsewhere; ids is
// room for as many as the batch has rows.
func (k *intervalBucket) want(keys []vec.Vec, n int, rows, ids []int32) error {
	if !k.evicted.missing(k.table, keys, n, rows, ids) {
		return nil
	}
	return k.loading(func() error { return k.evicted.bringMissing(k.table, k.load) })
}

// bring makes a key that is elsewhere, a row of keys, one of the table, where it is
// none. one and ids are room for a selection, and for as many groups as keys has rows.
func (k *intervalBucket) bring(keys *vec.Batch, row int32, one, ids []int32, beside []byte) error {
	if some, err := k.table.addKey(keys, row, one, ids); err != nil || !some {
		return err
	}
	return k.load(ids[row], beside)
}

// sweep passes on the rows of evicted groups that nothing has matched and that expire
// when times before oldest do, where those before were had; and brings those into memory
// that expire soon after.
func (j *IntervalJoin) sweep(ctx context.Context, input int, were, oldest int64, out Output) error {
	s := j.sides[input]
	if !s.pads || s.evicted == nil {
		return nil
	}
	for _, k := range s.buckets {
		if first, _ := s.span(k.number); first >= oldest {
			return nil
		}
		if !k.evicted.some() || k.swept >= oldest {
			continue
		}
		soon := oldest
		if oldest < math.MaxInt64-s.width {
			soon += s.width / sweepSlices
		}
		if err := j.sweepBucket(ctx, k, were, oldest, soon, out); err != nil {
			return err
		}
		k.swept = soon
	}
	return nil
}

func (j *IntervalJoin) sweepBucket(ctx context.Context, k *intervalBucket, were, oldest, soon int64, out Output) error {
	s, input := k.side, k.side.input
	width := len(j.spec.Types[JoinLeft])
	cols := [2][]vec.Vec{j.pairs.Cols[:width], j.pairs.Cols[width:]}[input]
	j.pairs.Reset()
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		err := j.emitAlone(ctx, input, cols, nil, n, out)
		j.pairs.Reset()
		n = 0
		return err
	}
	one, ids := []int32{0}, []int32{}
	err := k.loading(func() error {
		return k.evicted.each(k.table, func(o *outsiders, sel []int32) error {
			ids = sized(ids, o.keys.Rows)
			for _, g := range sel {
				wanted := false
				for rest := o.of(g); len(rest) > 0; {
					r, more, err := takeRow(rest)
					if err != nil {
						return err
					}
					rest = more
					if r.matched || r.at < were {
						continue
					}
					if r.at >= oldest {
						wanted = wanted || r.at < soon
						continue
					}
					if err := s.codec.reader.Read(r.values, cols); err != nil {
						return err
					}
					if n++; n < vec.MaxRows {
						continue
					}
					if err := flush(); err != nil {
						return err
					}
				}
				if wanted {
					if err := k.bring(o.keys, g, one, ids, o.of(g)); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return flush()
}

// restoreEvicted brings back those buckets of a side of which groups were evicted, as
// they were; of a share, all rows of theirs. It returns their numbers.
func (j *IntervalJoin) restoreEvicted(r StateReader, s *intervalSide, passed int64) (map[int64]bool, error) {
	some := map[int64]bool{}
	err := r.keys([]byte{tagIntervalGroups, byte(s.input)}, func(rest []byte) {
		if len(rest) == 9 && rest[8] == tagEvicted {
			some[int64(binary.BigEndian.Uint64(rest)^1<<63)] = true
		}
	})
	if err != nil || len(some) == 0 {
		return nil, err
	}
	if s.evicted == nil {
		return nil, errKept
	}
	for number := range some {
		prefix := bucketPrefix(tagIntervalGroups, s.input, number)
		lie, ok, err := readParts(r, prefix)
		if err != nil || !ok {
			return nil, err
		}
		k := s.bucket(number)
		if r.Share != nil {
			err = j.restoreShare(r, k, lie, passed)
		} else {
			err = j.restoreBucket(r, k, lie, passed)
		}
		if err != nil {
			return nil, err
		}
	}
	return some, nil
}

// restoreBucket brings a bucket back, of which the pages stay where they are.
func (j *IntervalJoin) restoreBucket(r StateReader, k *intervalBucket, lie parts, passed int64) error {
	k.becomeEvicted()
	e := k.evicted
	e.now = lie.space
	if lie.old >= 0 {
		k.kept = keptBucket{generation: uint32(lie.old)}
		if err := j.restoreGeneration(r, k, &k.kept, 0, passed); err != nil {
			return err
		}
		e.own = uint32(lie.old)
		if err := k.freeze(); err != nil {
			return err
		}
	}
	e.own = lie.own
	k.kept, k.swept = keptBucket{generation: lie.own}, k.side.oldest(passed)
	return j.restoreGeneration(r, k, &k.kept, 0, passed)
}

// restoreShare brings the rows of a share back from all parts of a bucket, the newest
// first: of a key that is there older parts say nothing.
func (j *IntervalJoin) restoreShare(r StateReader, k *intervalBucket, lie parts, passed int64) error {
	for _, number := range []int64{int64(lie.own), lie.old} {
		if number < 0 {
			continue
		}
		if err := j.restoreGeneration(r, k, &keptBucket{generation: uint32(number)}, k.table.Len(), passed); err != nil {
			return err
		}
	}
	s := k.side
	ids := []int32{0}
	return k.loading(func() error {
		return eachRecord(r, bucketPrefix(tagIntervalGroups, s.input, k.number), lie.space, newGroupCodec(s.keyTypes), func(key []vec.Vec, beside []byte) error {
			if !r.Share.has(key, s.keyTypes, nil) {
				return nil
			}
			return k.bring(&vec.Batch{Cols: key, Rows: 1}, 0, []int32{0}, ids, beside)
		})
	})
}

// restoreGeneration brings back the rows of a bucket that lie in blocks, but those of
// the first keys of its table.
func (j *IntervalJoin) restoreGeneration(r StateReader, k *intervalBucket, kept *keptBucket, newer int, passed int64) error {
	s := k.side
	kept.open(s.input, k.number)
	var m keptMarks
	err := readAll(r, kept.marks.prefix, 0, func(_ []byte, page int, value []byte) error { return m.add(page, value) })
	if err != nil {
		return err
	}
	return readAll(r, kept.rows.prefix, 0, func(_ []byte, page int, value []byte) error {
		b, err := j.kept.blocks[s.input].read(value)
		if err != nil {
			return err
		}
		return j.restoreBlock(r, k, b, page, len(value), &m, newer, passed)
	})
}

// bucketPrefix is where a bucket has what the tag says.
func bucketPrefix(tag byte, side int, number int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{tag, byte(side)}, uint64(number)^1<<63)
}

// behind puts a row, the next one, behind those of its group.
func (c *chains) behind(row, g int32) {
	if !c.linked {
		if row == g {
			return
		}
		c.link(row)
	}
	for len(c.heads) <= int(g) {
		c.heads, c.tails = append(c.heads, -1), append(c.tails, -1)
	}
	c.next = append(c.next, -1)
	if c.heads[g] < 0 {
		c.heads[g] = row
	} else {
		c.next[c.tails[g]] = row
	}
	c.tails[g] = row
}

// cover makes chains of rows say of so many groups what they have, which may be none.
func (c *chains) cover(rows int32, groups int) {
	if !c.linked {
		if int(rows) == groups {
			return
		}
		c.link(rows)
	}
	for len(c.heads) < groups {
		c.heads, c.tails = append(c.heads, -1), append(c.tails, -1)
	}
}

// drop forgets the rows of a bucket.
func (d *dueRuns) drop(bucket int64) {
	left := d.runs[:0]
	for _, r := range d.runs {
		if r.bucket != bucket {
			left = append(left, r)
			continue
		}
		if d.count -= len(r.rows) - r.next; d.last == r {
			d.last = nil
		}
		d.spare = append(d.spare, r)
	}
	clear(d.runs[len(left):])
	d.runs = left
	slices.SortFunc(d.runs, func(a, b *dueRun) int { // which is a heap
		switch {
		case a.before(b):
			return -1
		case b.before(a):
			return 1
		}
		return 0
	})
}
