package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// kernelBars count what functions over columns allocate for a batch, once their
// buffers have grown.
func kernelBars(t *testing.T, _ time.Duration) []bar {
	oids := []types.OID{types.Int4, types.Int8, types.Float8, types.Numeric, types.Text, types.Timestamp, types.Interval, types.Bool}
	var ts []types.Type
	for _, oid := range oids {
		ts = append(ts, types.Of(oid))
	}
	b := vec.NewBatch(ts)
	for i := range vec.MaxRows {
		k := int64(i*7919%1024 - 100)
		b.Cols[0].(*vec.Fixed[int32]).Append(int32(k))
		b.Cols[1].(*vec.Fixed[int64]).Append(k * 1000003)
		b.Cols[2].(*vec.Fixed[float64]).Append(float64(k) / 7)
		b.Cols[3].(*vec.Numeric).AppendInt64(k*37, 2)
		b.Cols[4].(*vec.Bytes).AppendString(fmt.Sprintf("Sym-%d", k%50))
		b.Cols[5].(*vec.Fixed[int64]).Append(k * 86_400_000_000)
		b.Cols[6].(*vec.Fixed[types.IntervalValue]).Append(types.IntervalValue{Days: int32(i % 30), Micros: k})
		b.Cols[7].(*vec.Fixed[bool]).Append(i%2 == 0)
		b.Rows++
	}
	of := func(oid types.OID) plan.Expr {
		for i, o := range oids {
			if o == oid {
				return column(i, oid)
			}
		}
		return nil
	}
	word := func(s string) plan.Expr { return &plan.Const{Value: types.NewText(s)} }
	whole := func(i int64) plan.Expr { return &plan.Const{Value: types.NewInt(types.Int4, i)} }
	i4, i8, f8, num, txt, at, span := of(types.Int4), of(types.Int8), of(types.Float8), of(types.Numeric), of(types.Text), of(types.Timestamp), of(types.Interval)
	var total float64
	var guilty []string
	n := 0
	for _, k := range []struct {
		name string
		ret  types.OID
		args []plan.Expr
	}{
		{"int4pl", types.Int4, []plan.Expr{i4, i4}}, {"int8pl", types.Int8, []plan.Expr{i8, i8}}, {"int84mul", types.Int8, []plan.Expr{i8, i4}},
		{"float8mul", types.Float8, []plan.Expr{f8, f8}}, {"numeric_add", types.Numeric, []plan.Expr{num, num}}, {"numeric_mul", types.Numeric, []plan.Expr{num, num}},
		{"int8gt", types.Bool, []plan.Expr{i8, i8}}, {"float8lt", types.Bool, []plan.Expr{f8, f8}}, {"numeric_ge", types.Bool, []plan.Expr{num, num}},
		{"texteq", types.Bool, []plan.Expr{txt, word("Sym-7")}}, {"text_lt", types.Bool, []plan.Expr{txt, txt}},
		{"timestamp_lt", types.Bool, []plan.Expr{at, at}}, {"timestamp_pl_interval", types.Timestamp, []plan.Expr{at, span}},
		{"textcat", types.Text, []plan.Expr{txt, txt}}, {"upper", types.Text, []plan.Expr{txt}}, {"lower", types.Text, []plan.Expr{txt}},
		{"length", types.Int4, []plan.Expr{txt}}, {"substr", types.Text, []plan.Expr{txt, whole(2), whole(3)}},
		{"date_trunc", types.Timestamp, []plan.Expr{word("hour"), at}}, {"date_part", types.Float8, []plan.Expr{word("hour"), at}},
		{"extract", types.Numeric, []plan.Expr{word("hour"), at}}, {"like", types.Bool, []plan.Expr{txt, word("Sym-1%")}},
	} {
		p := compile(t, call(t, k.name, k.ret, k.args...))
		allocs := testing.AllocsPerRun(20, func() {
			if _, errs := p.Run(b, nil); errs.Any() {
				t.Fatalf("%s: %v", k.name, errs.First())
			}
		})
		if n++; allocs > 0 {
			guilty = append(guilty, fmt.Sprintf("%s %.0f", k.name, allocs))
		}
		total += allocs
	}
	return []bar{{name: fmt.Sprintf("allocations of %d kernels, each of a batch", n), value: total, limit: 0, note: strings.Join(guilty, ", ")}}
}
