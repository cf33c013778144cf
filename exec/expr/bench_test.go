package expr

import (
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// benchBatch has, by column: int4, int8, float8, numeric(18,2), text.
func benchBatch() (*vec.Batch, []types.Type) {
	ts := []types.Type{types.Of(types.Int4), types.Of(types.Int8), types.Of(types.Float8), types.Of(types.Numeric), types.Of(types.Text)}
	b := vec.NewBatch(ts)
	for i := range vec.MaxRows {
		k := int64(i*7919%1024 - 100)
		b.Cols[0].(*vec.Fixed[int32]).Append(int32(k))
		b.Cols[1].(*vec.Fixed[int64]).Append(k * 1000003)
		b.Cols[2].(*vec.Fixed[float64]).Append(float64(k) / 7)
		b.Cols[3].(*vec.Numeric).AppendInt64(k*37, 2)
		b.Cols[4].(*vec.Bytes).AppendString(fmt.Sprintf("sym-%d", k%50))
	}
	b.Rows = vec.MaxRows
	return b, ts
}

// $1 to $5 in an expression are the columns.
func benchExpr(t testing.TB, sql string, ts []types.Type) plan.Expr {
	r := &sqlReader{tokens: tokenize(sql), env: testEnv()}
	r.lift = func(v types.Value) plan.Expr {
		if v.Type.OID == types.Int4 && v.I > 7000000 && v.I <= 7000005 {
			return &plan.Column{Index: int(v.I - 7000001), Typ: ts[v.I-7000001]}
		}
		return &plan.Const{Value: v}
	}
	return r.settle(r.expression(0))
}

const (
	colInt4  = "7000001"
	colInt8  = "7000002"
	colFloat = "7000003"
	colNum   = "7000004"
	colText  = "7000005"
)

var kernels = []struct{ name, sql string }{
	{"int4+int4", colInt4 + " + " + colInt4},
	{"int4*const", colInt4 + " * 3"},
	{"int8+int8", colInt8 + " + " + colInt8},
	{"int8*int8", colInt8 + " * " + colInt8},
	{"int4+int8", colInt4 + " + " + colInt8},
	{"float8*float8", colFloat + " * " + colFloat},
	{"numeric+numeric", colNum + " + " + colNum},
	{"numeric*const", colNum + " * 1.1"},
	{"int8>const", colInt8 + " > 5000000000"},
	{"int8=int8", colInt8 + " = " + colInt8},
	{"float8<const", colFloat + " < 1.5::float8"},
	{"numeric>const", colNum + " > 100.5"},
	{"text=const", colText + " = 'sym-7'"},
	{"text LIKE const", colText + " LIKE 'sym-1%'"},
	{"lower", "lower(" + colText + ")"},
	{"length", "length(" + colText + ")"},
	{"and", colInt4 + " > 10 AND " + colInt8 + " < 5000000000"},
	{"case", "CASE WHEN " + colInt4 + " > 10 THEN " + colInt4 + " ELSE 0 END"},
}

func BenchmarkRun(b *testing.B) {
	batch, ts := benchBatch()
	for _, k := range kernels {
		b.Run(k.name, func(b *testing.B) {
			p, err := Compile(benchExpr(b, k.sql, ts), testEnv())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				p.Run(batch, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch.Rows), "ns/row")
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	batch, ts := benchBatch()
	for _, k := range kernels {
		e := benchExpr(b, k.sql, ts)
		if e.Type().OID != types.Bool {
			continue
		}
		b.Run(k.name, func(b *testing.B) {
			p, err := Compile(e, testEnv())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				p.Filter(batch, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch.Rows), "ns/row")
		})
	}
}

// BenchmarkSelective selects rows by conditions that keep few, and many.
func BenchmarkSelective(b *testing.B) {
	batch, ts := benchBatch()
	for _, k := range []struct{ name, sql string }{
		{"none", colInt8 + " > 5000000000"},
		{"none by OR", colInt8 + " = -1 OR " + colInt8 + " > 5000000000"},
		{"none by AND", colInt4 + " > 10 AND " + colInt8 + " > 5000000000"},
		{"one", colInt4 + " = 17"},
		{"a tenth", colInt4 + " < 2"},
		{"half", colInt4 + " > 412"},
	} {
		b.Run(k.name, func(b *testing.B) {
			p, err := Compile(benchExpr(b, k.sql, ts), testEnv())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				p.Filter(batch, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch.Rows), "ns/row")
		})
	}
}
