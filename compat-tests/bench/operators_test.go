package bench

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// discard is an output that counts and forgets.
type discard struct{ rows int }

func (d *discard) Emit(_ context.Context, b *vec.Batch) error {
	d.rows += b.Len()
	return nil
}

var benchEnv = &function.Env{Format: types.DefaultFormat()}

func column(i int, oid types.OID) plan.Expr { return &plan.Column{Index: i, Typ: types.Of(oid)} }

func compile(t *testing.T, e plan.Expr) *expr.Program {
	t.Helper()
	p, err := expr.Compile(e, benchEnv)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func call(t *testing.T, name string, ret types.OID, args ...plan.Expr) plan.Expr {
	t.Helper()
	var ts []types.OID
	for _, a := range args {
		ts = append(ts, a.Type().OID)
	}
	f := function.Lookup(name, ts...)
	if f == nil {
		t.Fatalf("no function %s of %v", name, ts)
	}
	return &plan.Call{Func: f.Func, Args: args, Typ: types.Of(ret)}
}

// sumOf is sum(arg) as an aggregate call.
func sumOf(t *testing.T, ret types.OID, arg plan.Expr) *operator.Call {
	t.Helper()
	c := plan.AggCall{Func: function.Lookup("sum", arg.Type().OID).Func, Args: []plan.Expr{arg}, Typ: types.Of(ret)}
	f, err := aggregate.New(c, benchEnv, false)
	if err != nil {
		t.Fatal(err)
	}
	return operator.NewCall(operator.CallSpec{Func: f, Args: []*expr.Program{compile(t, arg)}, ArgTypes: []types.Type{arg.Type()}, Result: c.Typ})
}

// numbers are batches of two bigint columns: keys below n, in no order, and values.
func numbers(rows, n int) []*vec.Batch {
	var all []*vec.Batch
	state := uint64(88172645463325252)
	for at := 0; at < rows; at += vec.MaxRows {
		b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Int8)})
		for range min(vec.MaxRows, rows-at) {
			state ^= state << 13
			state ^= state >> 7
			state ^= state << 17
			b.Cols[0].(*vec.Fixed[int64]).Append(int64(state % uint64(n)))
			b.Cols[1].(*vec.Fixed[int64]).Append(int64(state >> 40))
			b.Rows++
		}
		all = append(all, b)
	}
	return all
}

func int64s(b *vec.Batch, col int) []int64 { return b.Cols[col].(*vec.Fixed[int64]).Values }

// used is the processor time that this process has used.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ratio runs both in turn and returns the median of the first's processor time
// through the second's, with each one's median.
func ratio(t *testing.T, turns int, ours, theirs func()) (float64, time.Duration, time.Duration) {
	t.Helper()
	var ratios, as, bs []float64
	for range turns {
		runtime.GC()
		start := used(t)
		ours()
		a := used(t) - start
		runtime.GC()
		start = used(t)
		theirs()
		b := used(t) - start
		ratios, as, bs = append(ratios, float64(a)/float64(b)), append(as, float64(a)), append(bs, float64(b))
	}
	return Median(ratios), time.Duration(Median(as)), time.Duration(Median(bs))
}

func perRow(d time.Duration, rows int) string { return fmt.Sprintf("%.1f", float64(d)/float64(rows)) }

// aggregateBars compare SELECT k, sum(v) GROUP BY k with a Go map of sums, both
// from nothing.
func aggregateBars(t *testing.T, _ time.Duration) []bar {
	const rows = 4 << 20
	var all []bar
	for _, c := range []struct {
		groups int
		apart  int64 // the distance between keys
		limit  float64
	}{{100, 1, 0.6}, {1_000_000, 1, 0.4}, {1_000_000, 7919 * 7919, 0.4}} {
		batches := numbers(rows, c.groups)
		for _, b := range batches {
			for i := range int64s(b, 0) {
				int64s(b, 0)[i] *= c.apart
			}
		}
		value, groups := 0, 0
		ours := func() {
			a := operator.NewAggregate(operator.AggregateSpec{
				Types: []types.Type{types.Of(types.Int8), types.Of(types.Int8)},
				Keys:  []*expr.Program{compile(t, column(0, types.Int8))}, KeyTypes: []types.Type{types.Of(types.Int8)},
				Calls: []*operator.Call{sumOf(t, types.Numeric, column(1, types.Int8))}, AppendOnly: true,
			})
			var out discard
			for _, b := range batches {
				if err := a.Process(t.Context(), 0, b, &out); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.Finish(t.Context(), 0, &out); err != nil {
				t.Fatal(err)
			}
			groups = out.rows
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
		}
		theirs := func() {
			sums := map[int64]int64{}
			for _, b := range batches {
				keys, values := int64s(b, 0), int64s(b, 1)
				for i, k := range keys {
					sums[k] += values[i]
				}
			}
			value = len(sums)
		}
		r, a, b := ratio(t, 7, ours, theirs)
		if groups != value {
			t.Errorf("%d groups, the map has %d", groups, value)
		}
		all = append(all, bar{name: fmt.Sprintf("sum by key, %d groups %d apart / Go's map", c.groups, c.apart), value: r, limit: c.limit,
			note: perRow(a, rows) + " ns a row against " + perRow(b, rows)})
	}
	return all
}

// joinBars compare a join of 4 M rows with 1 M by a unique bigint with a Go map
// of row numbers over columns, which does the same: it keeps the right rows, and
// copies the pairs.
func joinBars(t *testing.T, _ time.Duration) []bar {
	const build, probe = 1 << 20, 4 << 20
	var right []*vec.Batch
	for at := 0; at < build; at += vec.MaxRows {
		b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Int8)})
		for i := range vec.MaxRows {
			b.Cols[0].(*vec.Fixed[int64]).Append(int64((at+i)*7919) % build)
			b.Cols[1].(*vec.Fixed[int64]).Append(int64(at + i))
			b.Rows++
		}
		right = append(right, b)
	}
	left := numbers(probe, build)
	two := []types.Type{types.Of(types.Int8), types.Of(types.Int8)}
	key := func() []*expr.Program { return []*expr.Program{compile(t, column(0, types.Int8))} }
	var join *operator.Join
	var out discard
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	buildOurs := func() {
		join = operator.NewJoin(operator.JoinSpec{Kind: plan.JoinInner, LeftTypes: two, RightTypes: two, LeftKeys: key(), RightKeys: key(), KeyTypes: two[:1]})
		for _, b := range right {
			must(join.Process(t.Context(), operator.JoinRight, b, &out))
		}
		must(join.Finish(t.Context(), operator.JoinRight, &out))
	}
	var heads map[int64]int32
	var keys, values []int64
	var next []int32
	buildTheirs := func() {
		heads, keys, values, next = map[int64]int32{}, nil, nil, nil
		for _, b := range right {
			vs := int64s(b, 1)
			for i, k := range int64s(b, 0) {
				row := int32(len(keys))
				keys, values = append(keys, k), append(values, vs[i])
				if at, ok := heads[k]; ok {
					next = append(next, at)
				} else {
					next = append(next, -1)
				}
				heads[k] = row
			}
		}
	}
	built, a, b := ratio(t, 7, buildOurs, buildTheirs)
	all := []bar{{name: "join build, 1 M rows / Go's map", value: built, limit: 0.4, note: perRow(a, build) + " ns a row against " + perRow(b, build)}}
	pairs := 0
	probed, a, b := ratio(t, 7, func() {
		out.rows = 0
		for _, b := range left {
			must(join.Process(t.Context(), operator.JoinLeft, b, &out))
		}
	}, func() {
		pairs = 0
		var cols [4][]int64
		for _, b := range left {
			for i := range cols {
				cols[i] = cols[i][:0]
			}
			vs := int64s(b, 1)
			for i, k := range int64s(b, 0) {
				at, ok := heads[k]
				if !ok {
					continue
				}
				for ; at >= 0; at = next[at] {
					cols[0], cols[1] = append(cols[0], k), append(cols[1], vs[i])
					cols[2], cols[3] = append(cols[2], keys[at]), append(cols[3], values[at])
				}
			}
			pairs += len(cols[0])
		}
	})
	if out.rows != pairs {
		t.Errorf("%d pairs, the map has %d", out.rows, pairs)
	}
	return append(all, bar{name: "join probe / Go's map", value: probed, limit: 0.6, note: perRow(a, probe) + " ns a row against " + perRow(b, probe)})
}

// decimalBars compare sum(price * quantity) over decimals with cockroachdb/apd:
// 64 K rows again and again, which as in a running query lie in a cache.
func decimalBars(t *testing.T, _ time.Duration) []bar {
	const rows, passes = 64 << 10, 64
	two := []types.Type{types.Of(types.Numeric), types.Of(types.Numeric)}
	var batches []*vec.Batch
	var prices, quantities []apd.Decimal
	for at := 0; at < rows; at += vec.MaxRows {
		b := vec.NewBatch(two)
		for i := range vec.MaxRows {
			price, quantity := int64((at+i)*7919%10_000_000), int64((at+i)%100_000)
			b.Cols[0].(*vec.Numeric).AppendInt64(price, 4)
			b.Cols[1].(*vec.Numeric).AppendInt64(quantity, 2)
			prices, quantities = append(prices, *apd.New(price, -4)), append(quantities, *apd.New(quantity, -2))
			b.Rows++
		}
		batches = append(batches, b)
	}
	var sum string
	write := vec.TextAppender(types.Of(types.Numeric), types.DefaultFormat())
	ours := func() {
		a := operator.NewAggregate(operator.AggregateSpec{AppendOnly: true,
			Calls: []*operator.Call{sumOf(t, types.Numeric, call(t, "numeric_mul", types.Numeric, column(0, types.Numeric), column(1, types.Numeric)))}})
		for range passes {
			for _, b := range batches {
				if err := a.Process(t.Context(), 0, b, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		err := a.Finish(t.Context(), 0, emitFunc(func(b *vec.Batch) { sum = string(write(nil, b.Cols[0], 0)) }))
		if err != nil {
			t.Fatal(err)
		}
	}
	var total apd.Decimal
	theirs := func() {
		ctx := apd.BaseContext.WithPrecision(38)
		total = apd.Decimal{}
		var product apd.Decimal
		for range passes {
			for i := range prices {
				if _, err := ctx.Mul(&product, &prices[i], &quantities[i]); err != nil {
					t.Fatal(err)
				}
				if _, err := ctx.Add(&total, &total, &product); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	r, a, b := ratio(t, 7, theirs, ours)
	if want := total.Text('f'); sum != want {
		t.Errorf("sum %s, apd has %s", sum, want)
	}
	return []bar{{name: "cockroachdb/apd / checked decimal multiply and sum", value: r, limit: 20, least: true,
		note: perRow(b, rows*passes) + " ns a row against " + perRow(a, rows*passes)}}
}

type emitFunc func(*vec.Batch)

func (f emitFunc) Emit(_ context.Context, b *vec.Batch) error {
	f(b)
	return nil
}
