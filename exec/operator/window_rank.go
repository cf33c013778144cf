package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// newWindowFunc returns what computes a call.
func newWindowFunc(w *Window, in windowInput) windowFunc {
	c := in.call
	if c.Aggregate != nil {
		return newFrameAggregate(w, in)
	}
	switch c.Func.Name {
	case "rank":
		return &rowNumbers{value: func(c *groupCursor, _ int) int64 { return int64(c.p.groups[c.g]) + 1 }}
	case "dense_rank":
		return &rowNumbers{value: func(c *groupCursor, _ int) int64 { return int64(c.g) + 1 }}
	case "percent_rank":
		return &rowShares{value: percentRank}
	case "cume_dist":
		return &rowShares{value: func(c *groupCursor) float64 { return float64(c.p.groupEnd(c.g)) / float64(c.p.rows()) }}
	case "ntile":
		return &ntile{at: in.at}
	case "lag":
		return &neighbour{at: in.at, args: len(c.Args), sign: -1}
	case "lead":
		return &neighbour{at: in.at, args: len(c.Args), sign: 1}
	case "first_value":
		return &frameValue{at: in.at, frames: newFrames(w, c.Frame), pick: func([]span, int64) int64 { return 0 }}
	case "last_value":
		return &frameValue{at: in.at, frames: newFrames(w, c.Frame), pick: lastOf}
	case "nth_value":
		return &frameValue{at: in.at, frames: newFrames(w, c.Frame), pick: nthOf, nth: true}
	}
	return &rowNumbers{value: func(_ *groupCursor, i int) int64 { return int64(i) + 1 }}
}

// rowNumbers is row_number, rank and dense_rank.
type rowNumbers struct {
	groupCursor
	value func(c *groupCursor, i int) int64
}

func (f *rowNumbers) next(_ context.Context, from, to int, dst vec.Vec) error {
	out := dst.(*vec.Fixed[int64])
	for i := from; i < to; i++ {
		f.to(i)
		out.Append(f.value(&f.groupCursor, i))
	}
	return nil
}

func (*rowNumbers) close() {}

// rowShares is percent_rank and cume_dist.
type rowShares struct {
	groupCursor
	value func(c *groupCursor) float64
}

// percentRank is the part of the other rows that come before.
func percentRank(c *groupCursor) float64 {
	if c.p.rows() == 1 {
		return 0
	}
	return float64(c.p.groups[c.g]) / float64(c.p.rows()-1)
}

func (f *rowShares) next(_ context.Context, from, to int, dst vec.Vec) error {
	out := dst.(*vec.Fixed[float64])
	for i := from; i < to; i++ {
		f.to(i)
		out.Append(f.value(&f.groupCursor))
	}
	return nil
}

func (*rowShares) close() {}

// ntile deals the rows into buckets, of which the first hold one more where they
// do not come out even. The argument counts of the first row where it is not
// NULL.
type ntile struct {
	at                            int
	p                             *windowPartition
	bucket, filled, size, largest int64
}

func (f *ntile) begin(p *windowPartition) { *f = ntile{at: f.at, p: p} }

func (f *ntile) next(_ context.Context, from, to int, dst vec.Vec) error {
	out := dst.(*vec.Fixed[int32])
	for i := from; i < to; i++ {
		if f.bucket == 0 {
			cols, row := f.p.at(i)
			if cols[f.at].Nulls().Get(row) {
				out.AppendNull()
				continue
			}
			buckets := int64(cols[f.at].(*vec.Fixed[int32]).Values[row])
			if buckets <= 0 {
				return sqlerr.Errorf(sqlerr.InvalidArgumentForNtile, "argument of ntile must be greater than zero")
			}
			f.deal(int64(f.p.rows()), buckets)
		}
		if f.filled++; f.filled > f.size {
			if f.bucket == f.largest {
				f.largest = 0
				f.size--
			}
			f.bucket++
			f.filled = 1
		}
		out.Append(int32(f.bucket))
	}
	return nil
}

// deal sets the size of the first buckets, and how many have it.
func (f *ntile) deal(rows, buckets int64) {
	f.bucket = 1
	if f.size = rows / buckets; f.size == 0 {
		f.size = 1
		return
	}
	if f.largest = rows % buckets; f.largest != 0 {
		f.size++
	}
}

func (*ntile) close() {}

// neighbour is lag and lead: the value of the row that lies the offset before or
// after, of none the default.
type neighbour struct {
	at, args int
	sign     int64
	p        *windowPartition
}

func (f *neighbour) begin(p *windowPartition) { f.p = p }

func (f *neighbour) next(_ context.Context, from, to int, dst vec.Vec) error {
	for i := from; i < to; i++ {
		cols, row := f.p.at(i)
		offset := int64(1)
		if f.args > 1 {
			if cols[f.at+1].Nulls().Get(row) {
				vec.AppendNull(dst)
				continue
			}
			offset = int64(cols[f.at+1].(*vec.Fixed[int32]).Values[row])
		}
		other := int64(i) + f.sign*offset
		switch {
		case other >= 0 && other < int64(f.p.rows()):
			cols, row = f.p.at(int(other))
			vec.AppendRow(dst, cols[f.at], row)
		case f.args > 2:
			vec.AppendRow(dst, cols[f.at+2], row)
		default:
			vec.AppendNull(dst)
		}
	}
	return nil
}

func (*neighbour) close() {}

// frameValue is first_value, last_value and nth_value: the value of one row of
// the frame.
type frameValue struct {
	frames
	at    int
	nth   bool                              // the second argument says which
	pick  func(frame []span, n int64) int64 // the row, counted from 0
	spans []span
}

// lastOf is the last of the rows, counted from 0.
func lastOf(frame []span, _ int64) int64 {
	rows := int64(0)
	for _, s := range frame {
		rows += int64(s.hi - s.lo)
	}
	return rows - 1
}

func nthOf(_ []span, n int64) int64 { return n - 1 }

func (f *frameValue) next(_ context.Context, from, to int, dst vec.Vec) error {
	for i := from; i < to; i++ {
		lo, hi, err := f.of(i)
		if err != nil {
			return err
		}
		f.spans = f.without(f.spans[:0], lo, hi, i)
		n := int64(0)
		if f.nth {
			cols, row := f.p.at(i)
			if cols[f.at+1].Nulls().Get(row) {
				vec.AppendNull(dst)
				continue
			}
			if n = int64(cols[f.at+1].(*vec.Fixed[int32]).Values[row]); n <= 0 {
				return sqlerr.Errorf(sqlerr.InvalidArgumentForNthValue, "argument of nth_value must be greater than zero")
			}
		}
		f.append(dst, f.pick(f.spans, n))
	}
	return nil
}

// append appends the value of row k of the frame, NULL where it has none.
func (f *frameValue) append(dst vec.Vec, k int64) {
	for _, s := range f.spans {
		if rows := int64(s.hi - s.lo); k >= rows {
			k -= rows
			continue
		}
		if k >= 0 {
			cols, row := f.p.at(s.lo + int(k))
			vec.AppendRow(dst, cols[f.at], row)
			return
		}
	}
	vec.AppendNull(dst)
}

func (*frameValue) close() {}
