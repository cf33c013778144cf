package operator

import (
	"context"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// IntervalJoinSpec is what an IntervalJoin joins. Keys are pairwise equal, and
// none at all joins by time alone. A right row's time is from Before before a left
// one's to After after it, in microseconds.
type IntervalJoinSpec struct {
	Kind          plan.JoinKind // not JoinNotIn
	Types         [2][]types.Type
	Keys          [2][]*expr.Program
	KeyTypes      []types.Type
	Times         [2]*expr.Program
	Before, After int64
	Infinite      bool          // times that are the same infinity match
	Cond          *expr.Program // over left's columns and then right's; nil: none
	Account       *memory.Account
	Fault         Fault
}

// IntervalJoin joins the rows of two streams that only grow, whose times are near
// to each other. Matches go out as they come. A row is kept for as long as one
// that the other side may still bring can match it, so both sides are kept in
// buckets of time, which go as a whole.
//
// A row that no match came for goes out padded (or, of an anti join, alone) once
// the watermark has passed the last time that a match could have; it never has to
// be taken back. One of an infinite time, which may match another such, waits for the
// end of the input. A row without a key or a time matches nothing and goes out at
// once. A late row, from before the watermark, meets what has not expired, and
// where nothing more can match it it is not kept. Deletes are refused.
type IntervalJoin struct {
	spec      IntervalJoinSpec
	sides     [2]*intervalSide
	watermark int64
	width     int64 // of a bucket

	live, part  []int32
	sel         selector
	ids         []int32
	hit         []bool // by row of the batch at hand: it matched
	alone       []int32
	order       []int64 // the buckets of the batch at hand
	groups      map[int64]*[]int32
	spare       []*[]int32
	own         []int32 // pairs: rows of the batch, and of the other side
	other       []ref
	first       []int32
	pairs       *vec.Batch
	nulls       []vec.Vec // one NULL row of each column, left and then right
	out         vec.Batch
	expiredRefs []ref
	kept        *keptInterval  // nil: nothing is
	evicted     *evictedTables // nil: all rows are in memory
}

// leastBucket is the least width of a bucket, in microseconds: below it, keeping
// buckets costs more than the rows do.
const leastBucket = 100_000

// NewIntervalJoin returns an IntervalJoin.
func NewIntervalJoin(s IntervalJoinSpec) *IntervalJoin {
	// first is a selection, so it is never nil: that would be every row.
	j := &IntervalJoin{spec: s, watermark: math.MinInt64, groups: map[int64]*[]int32{}, first: []int32{}}
	// A row's matches lie in three or four buckets, and a bucket outlives its first
	// row by half the bounds.
	j.width = max((s.Before+s.After)/2, leastBucket)
	pads := [2]bool{
		s.Kind == plan.JoinLeft || s.Kind == plan.JoinFull || s.Kind == plan.JoinAnti,
		s.Kind == plan.JoinRight || s.Kind == plan.JoinFull,
	}
	for i := range j.sides {
		back, ahead := s.Before, s.After
		if i == JoinRight {
			back, ahead = ahead, back
		}
		j.sides[i] = &intervalSide{
			input: i, passed: math.MinInt64, types: s.Types[i], keyTypes: s.KeyTypes, width: j.width, back: back, ahead: ahead, pads: pads[i], account: s.Account,
			programs: append(append([]*expr.Program(nil), s.Keys[i]...), s.Times[i]), cols: make([]vec.Vec, len(s.KeyTypes)+1),
			marks: pads[i] || i == JoinLeft && s.Kind.KeepsLeft(),
		}
	}
	all := append(append([]types.Type(nil), s.Types[0]...), s.Types[1]...)
	j.pairs = vec.NewBatch(all)
	for _, t := range all {
		v := vec.New(t)
		vec.AppendNull(v)
		j.nulls = append(j.nulls, v)
	}
	return j
}

// Process joins rows with what the other side has brought, and keeps them.
func (j *IntervalJoin) Process(ctx context.Context, input int, b *vec.Batch, out Output) error {
	if hasDelete(b) {
		return refuseDelete("a join WITHIN a length of time")
	}
	s := j.sides[input]
	sel, err := runAll(s.programs, b, s.cols, j.spec.Fault, &j.live)
	if err != nil {
		return err
	}
	j.hit, j.ids = sized(j.hit, b.Rows), sized(j.ids, b.Rows)
	clear(j.hit)
	at := timeColumn(s.cols[len(s.cols)-1])
	j.split(s, at, j.sel.all(sel, b.Rows))
	defer j.forget()
	for _, number := range j.order {
		if err := j.probe(ctx, input, number, *j.groups[number], at, b, out); err != nil {
			return err
		}
	}
	if err := j.flush(ctx, input, b, out); err != nil {
		return err
	}
	for _, number := range j.order {
		if err := j.keep(s, number, *j.groups[number], at, b); err != nil {
			return err
		}
	}
	j.evicted.crowded()
	if err := j.spec.Account.Overrun(); err != nil {
		return err // all rows that a bucket has of a key come into memory
	}
	return j.leftover(ctx, input, b, out)
}

// split sorts rows out by bucket; those that can match nothing are alone.
func (j *IntervalJoin) split(s *intervalSide, at times, sel []int32) {
	keys := s.cols[:len(s.cols)-1]
	nullable := someNull(keys)
	var last *[]int32
	from, until := int64(0), int64(0)
	for _, r := range sel {
		t, ok := at.moment(r, j.spec.Infinite)
		if !ok || nullable && anyNull(keys, int(r)) {
			j.alone = append(j.alone, r)
			continue
		}
		if last == nil || t < from || t > until {
			number := s.numberOf(t)
			from, until = s.span(number)
			if last = j.groups[number]; last == nil {
				if n := len(j.spare); n > 0 {
					last, j.spare = j.spare[n-1], j.spare[:n-1]
				} else {
					last = new([]int32)
				}
				j.groups[number] = last
				j.order = append(j.order, number)
			}
		}
		*last = append(*last, r)
	}
}

func (j *IntervalJoin) forget() {
	for _, number := range j.order {
		g := j.groups[number]
		*g = (*g)[:0]
		j.spare = append(j.spare, g)
		delete(j.groups, number)
	}
	j.order, j.alone = j.order[:0], j.alone[:0]
	j.own, j.other = j.own[:0], j.other[:0]
}

// probe finds the candidates of rows that lie in one bucket of their own side.
func (j *IntervalJoin) probe(ctx context.Context, input int, number int64, group []int32, at times, b *vec.Batch, out Output) error {
	s, o := j.sides[input], j.sides[1-input]
	least, most := s.span(number)
	least, _ = s.matching(least)
	_, most = s.matching(most)
	oldest := o.oldest(j.watermark)
	for i := o.place(o.numberOf(max(least, oldest))); i < len(o.buckets); i++ {
		k := o.buckets[i]
		begins, ends := o.span(k.number)
		if begins > most {
			break
		}
		j.part = j.part[:0]
		for _, r := range group {
			t, _ := at.moment(r, true)
			if low, high := s.matching(t); low <= ends && high >= begins && !(j.enough(input) && j.hit[r]) {
				j.part = append(j.part, r)
			}
		}
		if len(j.part) == 0 {
			continue
		}
		if k.evicted.some() {
			if err := k.want(s.cols[:len(s.cols)-1], b.Rows, j.part, j.ids); err != nil {
				return err
			}
		}
		if k.table != nil {
			k.table.lookup(s.cols[:len(s.cols)-1], b.Rows, j.part, j.ids)
		}
		for _, r := range j.part {
			t, _ := at.moment(r, true)
			low, high := s.matching(t)
			if err := j.chase(ctx, input, i, r, max(low, oldest), high, b, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// enough reports whether one match is all that a row of the input needs to be
// done.
func (j *IntervalJoin) enough(input int) bool { return input == JoinLeft && j.spec.Kind.KeepsLeft() }

// chase pairs a row with those of its key in a bucket whose time is from low to
// high.
func (j *IntervalJoin) chase(ctx context.Context, input, bucket int, r int32, low, high int64, b *vec.Batch, out Output) error {
	k := j.sides[1-input].buckets[bucket]
	c := int32(0)
	if k.table != nil {
		if j.ids[r] < 0 {
			return nil
		}
		c = k.chains.head(j.ids[r])
	}
	// Of a semi or anti join a left row that has matched is done.
	done := input == JoinRight && j.spec.Kind.KeepsLeft()
	for c >= 0 && int(c) < len(k.times) {
		at := c
		if k.table != nil {
			c = k.chains.after(c)
		} else {
			c++
		}
		if t := k.times[at]; t < low || t > high || done && k.matched.get(at) {
			continue
		}
		if j.enough(input) && j.spec.Cond == nil {
			j.hit[r] = true
			return nil
		}
		j.own, j.other = append(j.own, r), append(j.other, ref(bucket)<<32|ref(at))
		if len(j.own) < vec.MaxRows {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.flush(ctx, input, b, out); err != nil {
			return err
		}
	}
	return nil
}

// flush joins the candidates: those that the condition keeps go out.
func (j *IntervalJoin) flush(ctx context.Context, input int, b *vec.Batch, out Output) error {
	n := len(j.own)
	if n == 0 {
		return nil
	}
	o := j.sides[1-input]
	width := len(j.spec.Types[JoinLeft])
	sides := [2][]vec.Vec{j.pairs.Cols[:width], j.pairs.Cols[width:]}
	keeps := j.spec.Kind.KeepsLeft()
	j.pairs.Reset()
	if !keeps || j.spec.Cond != nil {
		for i, c := range b.Cols {
			vec.CopyRows(sides[input][i], c, j.own)
		}
	}
	if !keeps || j.spec.Cond != nil || input == JoinRight && j.spec.Kind == plan.JoinSemi {
		for i := range o.types {
			gather(sides[1-input][i], o.rows, i, j.other)
		}
	}
	j.pairs.Rows = n
	if j.spec.Cond != nil {
		sel, errs := j.spec.Cond.Filter(j.pairs, nil)
		if errs.Any() {
			if err := faults(j.pairs, errs, j.spec.Fault); err != nil {
				return err
			}
		}
		j.pairs.Sel = sel
	}
	sel := j.sel.of(j.pairs)
	j.first = sized(j.first, n)[:0] // not nil, which would be all rows
	for _, i := range sel {
		j.hit[j.own[i]] = true
		if !o.marks {
			continue
		}
		k, row := o.buckets[j.other[i]>>32], int32(j.other[i])
		if !k.matched.get(row) {
			k.mark(row)
			j.first = append(j.first, i)
		}
	}
	j.own, j.other = j.own[:0], j.other[:0]
	switch {
	case !keeps:
		j.out = vec.Batch{Cols: j.pairs.Cols, Sel: j.pairs.Sel, Rows: n}
	case input == JoinRight && j.spec.Kind == plan.JoinSemi:
		j.out = vec.Batch{Cols: sides[JoinLeft], Sel: j.first, Rows: n}
	default:
		return nil
	}
	if j.out.Len() == 0 {
		return nil
	}
	return out.Emit(ctx, &j.out)
}

// keep stores the rows that something may still match.
func (j *IntervalJoin) keep(s *intervalSide, number int64, group []int32, at times, b *vec.Batch) error {
	j.part = j.part[:0]
	for _, r := range group {
		t, _ := at.moment(r, true)
		switch {
		case s.expired(t, j.watermark):
			j.alone = append(j.alone, r)
		case s.marks && j.spec.Kind.KeepsLeft() && j.hit[r]:
			// It is done.
		default:
			j.part = append(j.part, r)
		}
	}
	if len(j.part) == 0 {
		return nil
	}
	return s.add(number, j.part, at, j.hit, b, j.ids, j.watermark)
}

// leftover passes on what left rows that matched give of a semi join, and what
// rows give that can match nothing any more.
func (j *IntervalJoin) leftover(ctx context.Context, input int, b *vec.Batch, out Output) error {
	s := j.sides[input]
	j.part = j.part[:0]
	switch {
	case j.spec.Kind == plan.JoinSemi && input == JoinLeft:
		for r, hit := range j.hit {
			if hit {
				j.part = append(j.part, int32(r))
			}
		}
	case s.pads:
		for _, r := range j.alone {
			if !j.hit[r] {
				j.part = append(j.part, r)
			}
		}
		slices.Sort(j.part)
	}
	if len(j.part) == 0 {
		return nil
	}
	return j.emitAlone(ctx, input, b.Cols, j.part, b.Rows, out)
}

// emitAlone passes rows of one side on without the other's.
func (j *IntervalJoin) emitAlone(ctx context.Context, input int, cols []vec.Vec, sel []int32, n int, out Output) error {
	width := len(j.spec.Types[JoinLeft])
	to := j.out.Cols[:0:0]
	switch {
	case j.spec.Kind.KeepsLeft():
		to = append(to, cols...)
	case input == JoinLeft:
		to = append(to, cols...)
		for _, null := range j.nulls[width:] {
			to = append(to, vec.ConstOf(null, n))
		}
	default:
		for _, null := range j.nulls[:width] {
			to = append(to, vec.ConstOf(null, n))
		}
		to = append(to, cols...)
	}
	j.out = vec.Batch{Cols: to, Sel: sel, Rows: n}
	return out.Emit(ctx, &j.out)
}

// Watermark passes on the rows that no match can come for any more, and drops the
// buckets whose rows have all expired.
func (j *IntervalJoin) Watermark(ctx context.Context, t int64, out Output) error {
	j.watermark = max(j.watermark, t) // a restart may tell it again what was
	for input, s := range j.sides {
		were := s.oldest(s.passed)
		s.passed = j.watermark
		if err := j.sweep(ctx, input, were, s.oldest(s.passed), out); err != nil {
			return err
		}
		if err := j.expire(ctx, input, out); err != nil {
			return err
		}
	}
	return nil
}

func (j *IntervalJoin) expire(ctx context.Context, input int, out Output) error {
	s := j.sides[input]
	for {
		refs := j.expiredRefs[:0]
		for len(refs) < vec.MaxRows {
			at, ok := s.nextDue(j.watermark)
			if !ok {
				break
			}
			if !s.buckets[at>>32].matched.get(int32(at)) {
				refs = append(refs, at)
			}
		}
		j.expiredRefs = refs
		if len(refs) == 0 {
			s.drop(j.watermark)
			return nil
		}
		width := len(j.spec.Types[JoinLeft])
		cols := [2][]vec.Vec{j.pairs.Cols[:width], j.pairs.Cols[width:]}[input]
		j.pairs.Reset()
		for i := range cols {
			gather(cols[i], s.rows, i, refs)
		}
		if err := j.emitAlone(ctx, input, cols, nil, len(refs), out); err != nil {
			return err
		}
	}
}

// Barrier does nothing: rows go out as they come.
func (*IntervalJoin) Barrier(context.Context, stream.Epoch, Output) error { return nil }

// Finish says that an input brings no more rows: those of the other wait for
// nothing.
func (j *IntervalJoin) Finish(ctx context.Context, input int, out Output) error {
	s := j.sides[1-input]
	if err := j.sweep(ctx, 1-input, s.oldest(s.passed), math.MaxInt64, out); err != nil {
		return err
	}
	s.over = true
	return j.expire(ctx, 1-input, out)
}

// Close gives the rows back.
func (j *IntervalJoin) Close() error {
	for _, s := range j.sides {
		s.close()
	}
	j.evicted.close()
	return nil
}
