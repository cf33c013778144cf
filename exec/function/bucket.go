package function

import (
	"sort"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// width_bucket, over equal widths and over given thresholds.

func init() {
	type vs = []types.Value
	define("width_bucket(numeric, numeric, numeric, int4) int4 strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) {
		return numericBucket(a[0].N, a[1].N, a[2].N, a[3].I)
	}, Examples: examples("width_bucket(5.35, 0.024, 10.06, 5)", "3", "width_bucket(5.35, 10.06, 0.024, 5)", "3", "width_bucket(-1.0, 0, 10, 5)", "0", "width_bucket(10.0, 0, 10, 5)", "6", "width_bucket(10.0, 10, 0, 5)", "1", "width_bucket(1.0, 2, 2, 5)", "ERROR 2201G", "width_bucket(1.0, 2, 3, 0)", "ERROR 2201G", "width_bucket('NaN'::numeric, 2, 3, 1)", "ERROR 2201G", "width_bucket(1.0, 'Infinity'::numeric, 3, 1)", "ERROR 2201G", "width_bucket('Infinity'::numeric, 0, 3, 4)", "5")})
	define("width_bucket(float8, float8, float8, int4) int4 strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) {
		return floatBucket(a[0].F, a[1].F, a[2].F, a[3].I)
	}, Examples: examples("width_bucket(5.35::float8, 0.024::float8, 10.06::float8, 5)", "3", "width_bucket(2.5::float8, 5::float8, 0::float8, 5)", "3", "width_bucket('NaN'::float8, 0::float8, 1::float8, 5)", "ERROR 2201G", "width_bucket(1::float8, 0::float8, 1::float8, 2147483647)", "ERROR 22003")})
	define("width_bucket(anyelement, anyarray) int4 strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) {
		thresholds := a[1].A
		if len(thresholds.Dims) > 1 {
			return types.Value{}, sqlerr.Errorf(sqlerr.ArraySubscriptError, "thresholds must be one-dimensional array")
		}
		for _, e := range thresholds.Elems {
			if e.Null {
				return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "thresholds array must not contain NULLs")
			}
		}
		if err := types.NeedOrder(thresholds.Elem.OID); err != nil {
			return types.Value{}, err
		}
		return int4(sort.Search(len(thresholds.Elems), func(i int) bool { return types.Compare(a[0], thresholds.Elems[i]) < 0 }))
	}, Examples: examples("width_bucket(5, ARRAY[1, 5, 10])", "2", "width_bucket(0, ARRAY[1, 5, 10])", "0", "width_bucket(3, ARRAY[1, NULL])", "ERROR 22004", "width_bucket(point '(1,2)', ARRAY[[point '(1,2)']])", "ERROR 2202E", "width_bucket(point '(1,2)', ARRAY[point '(1,2)'])", "ERROR 42883", "width_bucket('b'::text, ARRAY['a', 'c'])", "1")})
}

func bucketArgument(format string) error {
	return sqlerr.Errorf(sqlerr.InvalidArgumentForWidthBucket, "%s", format)
}

// lastBucket is the one above the upper bound.
func lastBucket(count int64) (types.Value, error) {
	if count == 1<<31-1 {
		return types.Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "integer out of range")
	}
	return int4(int(count + 1))
}

func numericBucket(x, from, to types.Decimal, count int64) (types.Value, error) {
	switch {
	case count <= 0:
		return types.Value{}, bucketArgument("count must be greater than zero")
	case x.IsNaN() || from.IsNaN() || to.IsNaN():
		return types.Value{}, bucketArgument("operand, lower bound, and upper bound cannot be NaN")
	case from.IsInf() || to.IsInf():
		return types.Value{}, bucketArgument("lower and upper bounds must be finite")
	}
	side := to.Compare(from)
	switch {
	case side == 0:
		return types.Value{}, bucketArgument("lower bound cannot equal upper bound")
	case x.Compare(from)*side < 0:
		return int4(0)
	case x.Compare(to)*side >= 0:
		return lastBucket(count)
	}
	part, err := x.Sub(from)
	if err != nil {
		return types.Value{}, err
	}
	whole, err := to.Sub(from)
	if err != nil {
		return types.Value{}, err
	}
	if part, err = part.Mul(types.DecimalFromInt64(count)); err != nil {
		return types.Value{}, err
	}
	if part, err = part.DivTrunc(whole); err != nil {
		return types.Value{}, err
	}
	n, err := part.Int64()
	return types.NewInt(types.Int4, n+1), err
}

func floatBucket(x, from, to float64, count int64) (types.Value, error) {
	infinite := func(f float64) bool { return f-f != 0 }
	switch {
	case count <= 0:
		return types.Value{}, bucketArgument("count must be greater than zero")
	case x != x || from != from || to != to:
		return types.Value{}, bucketArgument("operand, lower bound, and upper bound cannot be NaN")
	case infinite(from) || infinite(to):
		return types.Value{}, bucketArgument("lower and upper bounds must be finite")
	case from == to:
		return types.Value{}, bucketArgument("lower bound cannot equal upper bound")
	case from < to && x < from || from > to && x > from:
		return int4(0)
	case from < to && x >= to || from > to && x <= to:
		return lastBucket(count)
	}
	// Halves keep a difference of great bounds finite.
	part, whole := x-from, to-from
	if infinite(whole) {
		part, whole = x/2-from/2, to/2-from/2
	}
	return types.NewInt(types.Int4, min(int64(float64(count)*(part/whole)), count-1)+1), nil
}
