package operator

import (
	"cmp"
	"slices"
)

// dueRuns has waiting rows in the order of their times, where they come in batches
// of which each is nearly in order: each is sorted and put at the end of a run, and
// the first rows of the runs, of which there are few, are a heap.
type dueRuns struct {
	runs  []*dueRun // a heap by their first rows
	last  *dueRun   // that rows were added to last; nil: none
	spare []*dueRun
	lent  *dueRun // whose room begin has given out, until end takes it; nil: none
	count int
}

// dueRun are rows of one bucket, in the order of their times, from next on.
type dueRun struct {
	bucket int64
	rows   []dueRow
	next   int
}

type dueRow struct {
	at  int64
	row int32
}

func (r *dueRun) before(o *dueRun) bool {
	a, b := r.rows[r.next], o.rows[o.next]
	return a.at < b.at || a.at == b.at && (r.bucket < o.bucket || r.bucket == o.bucket && a.row < b.row)
}

// begin returns room for rows of a bucket, which go to end. Rows may be taken out
// meanwhile.
func (d *dueRuns) begin() []dueRow {
	if d.lent == nil {
		n := len(d.spare)
		if n == 0 {
			return nil
		}
		d.lent, d.spare = d.spare[n-1], d.spare[:n-1]
	}
	return d.lent.rows[:0]
}

// end takes rows of a bucket, in any order, that were appended to what begin
// returned.
func (d *dueRuns) end(bucket int64, rows []dueRow) {
	r := d.lent
	if d.lent = nil; r == nil {
		r = &dueRun{}
	}
	r.bucket, r.rows, r.next = bucket, rows, 0
	if len(rows) == 0 {
		d.spare = append(d.spare, r)
		return
	}
	order := func(a, b dueRow) int {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			return c
		}
		return cmp.Compare(a.row, b.row)
	}
	if !slices.IsSortedFunc(rows, order) {
		slices.SortFunc(rows, order)
	}
	d.count += len(rows)
	if l := d.last; l != nil && l.bucket == bucket && l.rows[len(l.rows)-1].at <= rows[0].at {
		l.rows = append(l.rows, rows...)
		d.spare = append(d.spare, r)
		return
	}
	d.last = r
	d.runs = append(d.runs, r)
	i := len(d.runs) - 1
	for i > 0 && r.before(d.runs[(i-1)/2]) {
		d.runs[i] = d.runs[(i-1)/2]
		i = (i - 1) / 2
	}
	d.runs[i] = r
}

// first is the time of the first row; false: there is none.
func (d *dueRuns) first() (int64, bool) {
	if len(d.runs) == 0 {
		return 0, false
	}
	r := d.runs[0]
	return r.rows[r.next].at, true
}

// pop takes the first row out.
func (d *dueRuns) pop() (bucket int64, row int32) {
	r := d.runs[0]
	bucket, row = r.bucket, r.rows[r.next].row
	d.count--
	if r.next++; r.next == len(r.rows) {
		if d.last == r {
			d.last = nil
		}
		d.spare = append(d.spare, r)
		n := len(d.runs) - 1
		d.runs[0] = d.runs[n]
		d.runs[n] = nil
		if d.runs = d.runs[:n]; n == 0 {
			return bucket, row
		}
	}
	d.sift()
	return bucket, row
}

// sift moves the first run to its place.
func (d *dueRuns) sift() {
	r, i := d.runs[0], 0
	for {
		c := 2*i + 1
		if c >= len(d.runs) {
			break
		}
		if c+1 < len(d.runs) && d.runs[c+1].before(d.runs[c]) {
			c++
		}
		if !d.runs[c].before(r) {
			break
		}
		d.runs[i] = d.runs[c]
		i = c
	}
	d.runs[i] = r
}
