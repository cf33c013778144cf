package operator

import (
	"cmp"
	"slices"
)

// pendingRow is a row of an Over that the watermark has not passed.
type pendingRow struct {
	time int64
	ref  ref
	part int32
}

// pendingRows holds them in buckets of time: a bucket that has been passed goes as
// a whole.
type pendingRows struct {
	buckets map[int64]*[]pendingRow
	order   []int64 // the buckets' numbers, ascending
	last    *[]pendingRow
	number  int64 // of last
	rows    int
}

// pendingWidth is the width of a bucket, in microseconds.
const pendingWidth = 100_000

func newPendingRows() pendingRows { return pendingRows{buckets: map[int64]*[]pendingRow{}} }

// pendingBucket is the bucket of a time.
func pendingBucket(t int64) int64 {
	n := t / pendingWidth
	if t%pendingWidth < 0 {
		n--
	}
	return n
}

func (q *pendingRows) push(r pendingRow) {
	number := pendingBucket(r.time)
	if q.last == nil || number != q.number {
		b := q.buckets[number]
		if b == nil {
			b = new([]pendingRow)
			q.buckets[number] = b
			i, _ := slices.BinarySearchFunc(q.order, number, cmp.Compare[int64])
			q.order = slices.Insert(q.order, i, number)
		}
		q.last, q.number = b, number
	}
	*q.last = append(*q.last, r)
	q.rows++
}

// before takes the rows of times before t.
func (q *pendingRows) before(t int64, dst []pendingRow) []pendingRow {
	from := len(dst)
	n := 0
	for ; n < len(q.order) && q.order[n] <= pendingBucket(t); n++ {
		b := q.buckets[q.order[n]]
		kept := (*b)[:0]
		for _, r := range *b {
			if r.time < t {
				dst = append(dst, r)
			} else {
				kept = append(kept, r)
			}
		}
		if *b = kept; len(kept) > 0 {
			break // it is the one that t is in, the last
		}
		delete(q.buckets, q.order[n])
	}
	if n > 0 {
		q.order, q.last = slices.Delete(q.order, 0, n), nil
	}
	q.rows -= len(dst) - from
	return dst
}

// all takes every row.
func (q *pendingRows) all(dst []pendingRow) []pendingRow {
	for _, number := range q.order {
		dst = append(dst, *q.buckets[number]...)
	}
	*q = newPendingRows()
	return dst
}

func (q *pendingRows) bytes() int64 { return 24*int64(q.rows) + 48*int64(len(q.order)) }
