package operator

import (
	"cmp"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// rangeOffset finds the bounds of RANGE with an offset. Keys that are NULL are
// near each other and no other.
type rangeOffset struct {
	key      SortKey
	column   int
	inRange  inRange
	row, far types.Value
}

// inRange reports whether value <= base + offset where less is set, else whether
// value >= base + offset; sub takes the offset away in place of adding it. It is
// PostgreSQL's in_range, also where the sum does not exist.
type inRange func(value, base, offset *types.Value, sub, less bool) (bool, error)

func newRangeOffset(w *Window) *rangeOffset {
	key := w.spec.OrderBy[0]
	return &rangeOffset{key: key, column: w.width + len(w.spec.Partition), inRange: inRangeOf(key.Type.OID, w.spec.Env)}
}

// first is the first row of the frame of row i, at or after row at.
func (r *rangeOffset) first(p *windowPartition, at, i int, b FrameBound) (int, error) {
	sub, less := b.Kind == plan.OffsetPreceding, false
	if r.key.Desc {
		sub, less = !sub, true
	}
	return r.advance(p, at, i, b, sub, less, false)
}

// last is the row after the last of the frame of row i, at or after row at.
func (r *rangeOffset) last(p *windowPartition, at, i int, b FrameBound) (int, error) {
	sub, less := b.Kind == plan.OffsetPreceding, true
	if r.key.Desc {
		sub, less = !sub, false
	}
	return r.advance(p, at, i, b, sub, less, true)
}

// advance passes rows from at on while the test answers pass.
func (r *rangeOffset) advance(p *windowPartition, at, i int, b FrameBound, sub, less, pass bool) (int, error) {
	r.value(&r.row, p, i)
	offset := b.Offset
	for ; at < p.rows(); at++ {
		r.value(&r.far, p, at)
		if r.far.Null || r.row.Null {
			if !r.passesNull(pass) {
				return at, nil
			}
			continue
		}
		in, err := r.inRange(&r.far, &r.row, &offset, sub, less)
		if err != nil {
			return 0, err
		}
		if in != pass {
			return at, nil
		}
	}
	return at, nil
}

// passesNull decides where one of the two keys is NULL, by where NULLs sort: the
// first row passes those before the row's own kind, the last its own too.
func (r *rangeOffset) passesNull(last bool) bool {
	far, row := r.far.Null, r.row.Null
	if far == row {
		return last
	}
	return far == r.key.NullsFirst
}

func (r *rangeOffset) value(v *types.Value, p *windowPartition, i int) {
	cols, row := p.at(i)
	vec.Borrow(v, cols[r.column], row, r.key.Type)
}

func errFrameSize() error {
	return sqlerr.Errorf(sqlerr.InvalidPrecedingOrFollowingSize, "invalid preceding or following size in window function")
}

// atMost answers inRange for an order of value and sum.
func atMost(order int, less bool) (bool, error) {
	if less {
		return order <= 0, nil
	}
	return order >= 0, nil
}

// inRangeOf is the function of a sort key's type; bind allows no other.
func inRangeOf(key types.OID, env *function.Env) inRange {
	switch key {
	case types.Int2, types.Int4, types.Int8:
		return inRangeInts
	case types.Float4, types.Float8:
		return inRangeFloats
	case types.Numeric:
		return inRangeNumerics
	case types.Time:
		return inRangeTimes
	case types.Interval:
		return inRangeSums(types.Interval, "interval_pl", "interval_mi", env)
	case types.Date:
		return inRangeSums(types.Date, "date_pl_interval", "date_mi_interval", env)
	case types.Timestamp:
		return inRangeSums(types.Timestamp, "timestamp_pl_interval", "timestamp_mi_interval", env)
	case types.Timestamptz:
		return inRangeSums(types.Timestamptz, "timestamptz_pl_interval", "timestamptz_mi_interval", env)
	}
	return func(_, _, _ *types.Value, _, _ bool) (bool, error) {
		return false, sqlerr.Errorf(sqlerr.InternalError, "no RANGE over type %s", types.FormatType(types.Of(key)))
	}
}

func inRangeInts(value, base, offset *types.Value, sub, less bool) (bool, error) {
	k := offset.I
	if k < 0 {
		return false, errFrameSize()
	}
	if sub {
		k = -k
	}
	sum := base.I + k
	if (k > 0) != (sum > base.I) && k != 0 {
		return less != sub, nil // past every integer, above or below
	}
	return atMost(cmp.Compare(value.I, sum), less)
}

func inRangeFloats(value, base, offset *types.Value, sub, less bool) (bool, error) {
	k := offset.F
	switch {
	case math.IsNaN(k) || k < 0:
		return false, errFrameSize()
	case math.IsNaN(value.F):
		return math.IsNaN(base.F) || !less, nil
	case math.IsNaN(base.F):
		return less, nil
	case math.IsInf(k, 1) && (sub && math.IsInf(base.F, 1) || !sub && math.IsInf(base.F, -1)):
		return true, nil
	}
	if sub {
		k = -k
	}
	return atMost(cmp.Compare(value.F, base.F+k), less)
}

func inRangeNumerics(value, base, offset *types.Value, sub, less bool) (bool, error) {
	v, from, k := value.N, base.N, offset.N
	switch {
	case k.IsNaN() || k.Sign() < 0:
		return false, errFrameSize()
	case v.IsNaN():
		return from.IsNaN() || !less, nil
	case from.IsNaN():
		return less, nil
	case k.IsInf() && from.IsInf() && (from.Sign() > 0) == sub:
		return true, nil
	}
	if sub {
		k = k.Neg()
	}
	sum, err := from.Add(k)
	if err != nil {
		return false, err
	}
	return atMost(v.Compare(sum), less)
}

// inRangeTimes leaves days and months out and does not wrap at midnight.
func inRangeTimes(value, base, offset *types.Value, sub, less bool) (bool, error) {
	k := offset.Span.Micros
	switch {
	case k < 0:
		return false, errFrameSize()
	case sub:
		return atMost(cmp.Compare(value.I, base.I-k), less)
	case k > math.MaxInt64-base.I:
		return less, nil
	}
	return atMost(cmp.Compare(value.I, base.I+k), less)
}

// inRangeSums adds an interval with the operator of the key's type.
func inRangeSums(key types.OID, plus, minus string, env *function.Env) inRange {
	add, take := function.Lookup(plus, key, types.Interval), function.Lookup(minus, key, types.Interval)
	ret := types.Of(add.Func.Ret)
	compare := types.Lookup(ret.OID).Compare
	return func(value, base, offset *types.Value, sub, less bool) (bool, error) {
		if vec.CompareInterval(offset.Span, types.IntervalValue{}) < 0 {
			return false, errFrameSize()
		}
		def := add
		if sub {
			def = take
		}
		sum, err := def.Call(env, []types.Value{*base, *offset}, ret)
		if err != nil {
			return false, err
		}
		v := *value
		if key == types.Date {
			v = types.Value{Type: ret, I: midnight(value.I)}
		}
		return atMost(compare(v, sum), less)
	}
}

// midnight is a date as a timestamp.
func midnight(days int64) int64 {
	const day = 24 * 60 * 60 * 1000000
	switch int32(days) {
	case types.DateInfinity:
		return types.TimestampInfinity
	case types.DateNegInfinity:
		return types.TimestampNegInfinity
	}
	return days * day
}
