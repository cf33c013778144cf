package operator

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// intervalSide is what one input of an IntervalJoin has brought. A row of time t
// matches rows of the other side from t-back to t+ahead.
type intervalSide struct {
	types       []types.Type
	keyTypes    []types.Type
	programs    []*expr.Program // the keys and the time
	cols        []vec.Vec
	width       int64
	back, ahead int64
	pads        bool // a row that nothing matched goes out when it expires
	marks       bool // it counts whether a row has matched
	over        bool // the other input has ended
	account     *memory.Account

	buckets []*intervalBucket // ascending
	rows    []*vec.Batch      // of the buckets
	due     dueRuns           // rows that had no match when they came, where pads
	keeps   bool              // Save will be called
	gone    []*intervalBucket // dropped, and still in the store

	input   int
	passed  int64          // the watermark
	evicted *evictedTables // nil: all rows are in memory
	codec   rowCodec       // of evicted rows
	waiting []dueRow       // of the groups that are being loaded
	restore bool           // rows are as they were stored
}

// intervalBucket are the rows of one span of time, in the order in which they
// came: the unit in which they are kept, and dropped. What a row is, its time, the
// key that it is found by and whether it has matched lie beside each other by its
// number.
type intervalBucket struct {
	number  int64 // it begins at number times the width
	rows    *vec.Batch
	times   []int64
	matched rowMarks
	table   *table // of the keys; nil: there are none
	chains  chains
	held    int64
	kept    keptBucket
	side    *intervalSide
	evicted *evicted // nil: it never had a row elsewhere
	// swept: unmatched rows of earlier times have gone out or are in memory.
	swept int64
}

// mark notes that a row has matched.
func (k *intervalBucket) mark(row int32) {
	k.matched.set(row)
	k.kept.dirty.set(row / markRows)
}

// rowMarks are one bit for each row.
type rowMarks []uint64

func (b rowMarks) get(r int32) bool {
	return int(r>>6) < len(b) && b[r>>6]>>(r&63)&1 == 1
}

func (b *rowMarks) set(r int32) {
	for int(r>>6) >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[r>>6] |= 1 << (r & 63)
}

func (b rowMarks) unset(r int32) {
	if int(r>>6) < len(b) {
		b[r>>6] &^= 1 << (r & 63)
	}
}

// expired reports whether nothing can come that matches a row of time t.
func (s *intervalSide) expired(t, watermark int64) bool {
	return s.over || watermark != math.MinInt64 && t < sub(watermark, s.ahead)
}

// oldest is the least time of the rows that have not expired.
func (s *intervalSide) oldest(watermark int64) int64 {
	if watermark == math.MinInt64 {
		return math.MinInt64 + s.width
	}
	return sub(watermark, s.ahead)
}

// The infinite times stand behind all others, each in a bucket of its own, since rows of
// theirs may be matched as long as the other input goes on.
const (
	negInfinite = math.MaxInt64 - 2
	infinite    = math.MaxInt64 - 1
)

// moment is a row's time; false: it has none, or an infinite one where those match
// nothing.
func (t times) moment(r int32, infinites bool) (int64, bool) {
	v, ok := t.get(r)
	if ok || !infinites {
		return v, ok
	}
	if t.one {
		r = 0
	}
	switch {
	case t.nulls.Get(int(r)):
		return 0, false
	case v == types.TimestampInfinity:
		return infinite, true
	case v == types.TimestampNegInfinity:
		return negInfinite, true
	}
	return v, true
}

// numberOf is the bucket of a time.
func (s *intervalSide) numberOf(t int64) int64 {
	if t >= negInfinite {
		return t
	}
	return floorTo(t, s.width) / s.width
}

// span is the first and the last time of a bucket.
func (s *intervalSide) span(number int64) (from, to int64) {
	if number >= negInfinite {
		return number, number
	}
	from = number * s.width
	return from, from + s.width - 1
}

// matching are the times of the other side that match one of this, from the first to the
// last.
func (s *intervalSide) matching(t int64) (low, high int64) {
	if t >= negInfinite {
		return t, t
	}
	return t - s.back, min(sub(t, -s.ahead), negInfinite-1)
}

// ended reports whether the last row of a bucket has expired.
func (s *intervalSide) ended(k *intervalBucket, watermark int64) bool {
	_, last := s.span(k.number)
	return s.expired(last, watermark)
}

// sub is t-d, which the end of time does not wrap around.
func sub(t, d int64) int64 {
	x := t - d
	switch {
	case d > 0 && x > t:
		return math.MinInt64
	case d < 0 && x < t:
		return math.MaxInt64
	}
	return x
}

// place is where a bucket of the number stands, or would.
func (s *intervalSide) place(number int64) int {
	i, _ := slices.BinarySearchFunc(s.buckets, number, func(k *intervalBucket, n int64) int { return cmp.Compare(k.number, n) })
	return i
}

// bucket is the one of a number, which is made where it is new.
func (s *intervalSide) bucket(number int64) *intervalBucket {
	i := s.place(number)
	if i < len(s.buckets) && s.buckets[i].number == number {
		return s.buckets[i]
	}
	k := &intervalBucket{number: number, rows: vec.NewBatch(s.types), side: s}
	if len(s.keyTypes) > 0 {
		k.table = newTable(s.keyTypes, s.account, "JOIN")
	}
	s.buckets = slices.Insert(s.buckets, i, k)
	s.rows = slices.Insert(s.rows, i, k.rows)
	return k
}

// add keeps the rows of sel, which lie in one bucket; ids is room for as many as
// the batch has rows. What has expired at the watermark has gone out.
func (s *intervalSide) add(number int64, sel []int32, at times, hit []bool, b *vec.Batch, ids []int32, watermark int64) error {
	k := s.bucket(number)
	first := int32(len(k.times))
	if k.table != nil {
		keys, known := s.cols[:len(s.cols)-1], k.table.Len()
		if err := k.table.assign(keys, b.Rows, sel, ids); err != nil {
			return err
		}
		if !s.restore && k.evicted.some() {
			if err := k.fetch(known); err != nil {
				return err
			}
			first = int32(len(k.times))
		}
		k.chains.add(ids, sel, keys, first, k.table.Len())
	}
	for i, c := range b.Cols {
		vec.CopyRows(k.rows.Cols[i], c, sel)
	}
	k.rows.Rows += len(sel)
	waiting := s.due.begin()
	for i, r := range sel {
		t, _ := at.moment(r, true)
		k.times = append(k.times, t)
		switch {
		case !s.marks:
		case hit[r]:
			k.mark(first + int32(i))
		case s.pads && !s.expired(t, watermark):
			waiting = append(waiting, dueRow{t, first + int32(i)})
		}
	}
	s.due.end(number, waiting)
	return k.charge()
}

// charge counts what the bucket holds.
func (k *intervalBucket) charge() error {
	s := k.side
	size := batchBytes(k.rows)
	if size > 1<<31-1<<20 {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "JOIN holds more than 2 GB of the rows of %v", time.Duration(s.width)*time.Microsecond)
	}
	size += int64(len(k.times)) * (8 + 12)
	if s.pads {
		size += int64(len(k.times)) * 24
	}
	if err := s.account.Reserve(size - k.held); err != nil {
		return err
	}
	k.held = size
	return nil
}

// nextDue takes a row out of those that wait, the oldest first, that has expired;
// false: none has.
func (s *intervalSide) nextDue(watermark int64) (ref, bool) {
	if at, ok := s.due.first(); !ok || !s.expired(at, watermark) {
		return 0, false
	}
	bucket, row := s.due.pop()
	return ref(s.place(bucket))<<32 | ref(row), true
}

// drop forgets the buckets whose last row has expired.
func (s *intervalSide) drop(watermark int64) {
	n := 0
	for n < len(s.buckets) && s.ended(s.buckets[n], watermark) {
		k := s.buckets[n]
		s.free(k)
		if s.keeps && (k.kept.saved > 0 || k.evicted != nil) {
			s.gone = append(s.gone, k)
		}
		n++
	}
	s.buckets, s.rows = slices.Delete(s.buckets, 0, n), slices.Delete(s.rows, 0, n)
}

func (s *intervalSide) free(k *intervalBucket) {
	if k.table != nil {
		k.table.close()
	}
	k.evicted.close()
	s.account.Release(k.held)
	k.held, k.rows, k.times, k.matched, k.table, k.chains = 0, nil, nil, nil, nil, chains{}
}

func (s *intervalSide) close() {
	for _, k := range s.buckets {
		s.free(k)
	}
	s.buckets, s.rows, s.due = nil, nil, dueRuns{}
}

// due is a row that goes out when it expires, if nothing has matched it.
type due struct {
	at, bucket int64
	row        int32
}

// dueHeap has the row that expires first in front. Times mostly rise, so pushing
// one seldom moves another.
type dueHeap []due

func (d due) before(o due) bool {
	return d.at < o.at || d.at == o.at && (d.bucket < o.bucket || d.bucket == o.bucket && d.row < o.row)
}

func (h *dueHeap) push(d due) {
	*h = append(*h, d)
	all := *h
	i := len(all) - 1
	for i > 0 && d.before(all[(i-1)/2]) {
		all[i] = all[(i-1)/2]
		i = (i - 1) / 2
	}
	all[i] = d
}

func (h *dueHeap) pop() due {
	all := *h
	first, last := all[0], all[len(all)-1]
	all = all[:len(all)-1]
	*h = all
	i := 0
	for {
		c := 2*i + 1
		if c >= len(all) {
			break
		}
		if c+1 < len(all) && all[c+1].before(all[c]) {
			c++
		}
		if !all[c].before(last) {
			break
		}
		all[i] = all[c]
		i = c
	}
	if len(all) > 0 {
		all[i] = last
	}
	return first
}
