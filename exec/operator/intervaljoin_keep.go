package operator

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// An interval join is stored by its buckets: under tag, side and number the
// bucket's rows, in the order in which they came and in blocks, of which only
// those with new rows are written; and apart from them, as they change at random,
// the bits of the rows that have matched. What goes out for want of a match, and
// when, follows from the two and the watermark.
const (
	tagIntervalRows  = 'r'
	tagIntervalMarks = 'm'
	tagIntervalTime  = 'w'
	// Of a bucket of which groups were evicted: the rows and marks of its generations
	// but the first, with the generation's number behind the bucket's; and what precedes
	// the tags of evicted groups.
	tagIntervalLaterRows  = 'R'
	tagIntervalLaterMarks = 'M'
	tagIntervalGroups     = 'E'
)

// markRows is how many rows have their marks in one page.
const markRows = 4096

// keptInterval is what an IntervalJoin needs to be stored.
type keptInterval struct {
	blocks    [2]*blocks // by side: its columns, and the time
	watermark int64      // as it is stored
	cols      []vec.Vec
	buf       []byte
}

// keptBucket is what the store has of a bucket.
type keptBucket struct {
	rows, marks pages
	generation  uint32
	saved       int      // rows
	dirty       rowMarks // pages of marks that have changed
}

// open names the pages of a bucket.
func (k *keptBucket) open(side int, number int64) {
	if k.rows.prefix != nil {
		return
	}
	if k.generation == 0 {
		k.rows.prefix = bucketPrefix(tagIntervalRows, side, number)
		k.marks.prefix = bucketPrefix(tagIntervalMarks, side, number)
		return
	}
	k.rows.prefix = binary.BigEndian.AppendUint32(bucketPrefix(tagIntervalLaterRows, side, number), k.generation)
	k.marks.prefix = binary.BigEndian.AppendUint32(bucketPrefix(tagIntervalLaterMarks, side, number), k.generation)
}

// Keep has the join remember which buckets have gone.
func (j *IntervalJoin) Keep() error {
	j.kept = &keptInterval{watermark: math.MinInt64}
	for i, s := range j.sides {
		s.keeps = true
		j.kept.blocks[i] = newBlocks(append(slices.Clone(s.types), types.Of(types.Int8)))
	}
	return nil
}

// Save writes the rows and marks that are new, and deletes the buckets that have
// expired.
func (j *IntervalJoin) Save(w StateWriter) error {
	var tables []evictable
	if j.evicted != nil {
		tables = j.tables()
		j.evicted.begin(tables)
	}
	for side, s := range j.sides {
		for _, k := range s.gone {
			k.kept.rows.drop(w)
			k.kept.marks.drop(w)
			if err := k.evicted.forget(w); err != nil {
				return err
			}
		}
		s.gone = s.gone[:0]
		for _, k := range s.buckets {
			if err := j.saveBucket(w, side, k); err != nil {
				return err
			}
		}
	}
	if j.watermark != j.kept.watermark {
		j.kept.watermark = j.watermark
		w.Set([]byte{tagIntervalTime}, binary.BigEndian.AppendUint64(nil, uint64(j.watermark)))
	}
	if j.evicted == nil {
		return nil
	}
	return j.evicted.end(w, tables)
}

func (j *IntervalJoin) saveBucket(w StateWriter, side int, k *intervalBucket) error {
	k.kept.open(side, k.number)
	if n := len(k.times); n > k.kept.saved {
		j.kept.cols = append(append(j.kept.cols[:0], k.rows.Cols...), &vec.Fixed[int64]{Values: k.times})
		if err := j.kept.blocks[side].save(w, &k.kept.rows, j.kept.cols, k.kept.saved, n); err != nil {
			return err
		}
		k.kept.saved = n
	}
	const words = markRows / 64
	for at := range k.kept.dirty {
		for word := k.kept.dirty[at]; word != 0; word &= word - 1 {
			page := at*64 + bits.TrailingZeros64(word)
			buf := j.kept.buf[:0]
			for i := page * words; i < min((page+1)*words, len(k.matched)); i++ {
				buf = binary.BigEndian.AppendUint64(buf, k.matched[i])
			}
			j.kept.buf = buf
			if err := k.kept.marks.set(w, page, buf); err != nil {
				return err
			}
		}
		k.kept.dirty[at] = 0
	}
	if k.evicted == nil {
		return nil
	}
	return k.evicted.proceed(w)
}

// Restore brings the buckets back.
func (j *IntervalJoin) Restore(r StateReader) error {
	passed := int64(math.MinInt64)
	err := r.Scan([]byte{tagIntervalTime}, func(_, value []byte) error {
		if len(value) != 8 {
			return errKept
		}
		passed = int64(binary.BigEndian.Uint64(value))
		return nil
	})
	if err != nil {
		return err
	}
	j.watermark = max(j.watermark, passed)
	if r.Share == nil {
		j.kept.watermark = passed
	}
	for side, s := range j.sides {
		s.passed, s.restore = j.watermark, true
		err := j.restoreSide(r, side, passed)
		if s.restore = false; err != nil {
			return err
		}
	}
	return nil
}

// keptMarks are the marks of a bucket as they are stored.
type keptMarks struct {
	matched rowMarks
	pages   pages
}

func (j *IntervalJoin) restoreMarks(r StateReader, side int) (map[int64]*keptMarks, error) {
	all := map[int64]*keptMarks{}
	err := readAll(r, []byte{tagIntervalMarks, byte(side)}, 8, func(bucket []byte, page int, value []byte) error {
		number := int64(binary.BigEndian.Uint64(bucket) ^ 1<<63)
		m := all[number]
		if m == nil {
			m = &keptMarks{}
			all[number] = m
		}
		return m.add(page, value)
	})
	return all, err
}

// add takes a page of marks.
func (m *keptMarks) add(page int, value []byte) error {
	if len(value)%8 != 0 || len(value) > markRows/8 {
		return errKept
	}
	for len(m.matched) < page*markRows/64 {
		m.matched = append(m.matched, 0)
	}
	for at := 0; at < len(value); at += 8 {
		m.matched = append(m.matched, binary.BigEndian.Uint64(value[at:]))
	}
	m.pages.note(page, len(value))
	return nil
}

// restoreSide brings one side back, of which the rows have gone out that had
// expired at the watermark passed.
func (j *IntervalJoin) restoreSide(r StateReader, side int, passed int64) error {
	s := j.sides[side]
	some, err := j.restoreEvicted(r, s, passed)
	if err != nil {
		return err
	}
	marks, err := j.restoreMarks(r, side)
	if err != nil {
		return err
	}
	return readAll(r, []byte{tagIntervalRows, byte(side)}, 8, func(bucket []byte, page int, value []byte) error {
		number := int64(binary.BigEndian.Uint64(bucket) ^ 1<<63)
		if some[number] {
			return nil
		}
		b, err := j.kept.blocks[side].read(value)
		if err != nil {
			return err
		}
		m := marks[number]
		if m == nil {
			m = &keptMarks{}
		}
		return j.restoreBlock(r, s.bucket(number), b, page, len(value), m, 0, passed)
	})
}

// restoreBlock gives a bucket back the rows of a block, which has so many bytes, but
// those of the first keys of its table.
func (j *IntervalJoin) restoreBlock(r StateReader, k *intervalBucket, b *vec.Batch, page, size int, m *keptMarks, newer int, passed int64) error {
	if err := j.restoreRows(k, b, page*blockRows, m.matched, r.Share, newer, passed); err != nil || r.Share != nil {
		return err
	}
	// What was read is what the store has.
	k.kept.open(k.side.input, k.number)
	k.kept.saved, k.kept.dirty = len(k.times), nil
	k.kept.rows.note(page, size)
	k.kept.marks.parts = m.pages.parts
	if k.kept.saved != page*blockRows+b.Rows {
		return errKept
	}
	return nil
}

// restoreRows gives a bucket back rows that it had from number first on, those of
// the share.
func (j *IntervalJoin) restoreRows(k *intervalBucket, b *vec.Batch, first int, matched rowMarks, share *Share, newer int, passed int64) error {
	s := k.side
	last := len(b.Cols) - 1
	own := &vec.Batch{Cols: b.Cols[:last], Rows: b.Rows}
	sel, err := runAll(s.programs, own, s.cols, nil, &j.live)
	if err != nil {
		return err
	}
	sel = share.rows(s.cols[:len(s.cols)-1], s.keyTypes, b.Rows, j.sel.all(sel, b.Rows))
	if len(sel) == 0 {
		return nil
	}
	j.hit, j.ids = sized(j.hit, b.Rows), sized(j.ids, b.Rows)
	if newer > 0 {
		k.table.lookup(s.cols[:len(s.cols)-1], b.Rows, sel, j.ids)
		sel = slices.DeleteFunc(slices.Clone(sel), func(r int32) bool { return j.ids[r] >= 0 && int(j.ids[r]) < newer })
	}
	for r := range b.Rows {
		j.hit[r] = matched.get(int32(first + r))
	}
	return s.add(k.number, sel, timeColumn(b.Cols[last]), j.hit, own, j.ids, passed)
}
