package codec

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

type decimal = types.Decimal

// binaryOps are arithmetic of two numerics: as SQL, and as Decimal has it.
var binaryOps = []struct {
	sql  string
	ours func(a, b decimal) (decimal, error)
}{
	{"a + b", decimal.Add},
	{"a - b", decimal.Sub},
	{"a * b", decimal.Mul},
	{"a / b", decimal.Div},
	{"a % b", decimal.Mod},
	{"div(a, b)", decimal.DivTrunc},
	{"power(a, b)", decimal.Power},
	{"log(a, b)", func(a, b decimal) (decimal, error) { return b.Log(a) }},
	{"case when a < b then -1 when a = b then 0 else 1 end", func(a, b decimal) (decimal, error) {
		return types.DecimalFromInt64(int64(a.Compare(b))), nil
	}},
}

// unaryOps are functions of one numeric.
var unaryOps = []struct {
	sql  string
	ours func(a decimal) (string, error)
}{
	{"sqrt(a)", text(decimal.Sqrt)},
	{"exp(a)", text(decimal.Exp)},
	{"ln(a)", text(decimal.Ln)},
	{"ceil(a)", text(decimal.Ceil)},
	{"floor(a)", text(decimal.Floor)},
	{"abs(a)", text(func(a decimal) (decimal, error) { return a.Abs(), nil })},
	{"-a", text(func(a decimal) (decimal, error) { return a.Neg(), nil })},
	{"trim_scale(a)", text(func(a decimal) (decimal, error) { return a.TrimScale(), nil })},
	{"round(a, 0)", text(func(a decimal) (decimal, error) { return a.Round(0) })},
	{"round(a, 2)", text(func(a decimal) (decimal, error) { return a.Round(2) })},
	{"round(a, -2)", text(func(a decimal) (decimal, error) { return a.Round(-2) })},
	{"round(a, 30)", text(func(a decimal) (decimal, error) { return a.Round(30) })},
	{"trunc(a, 1)", text(func(a decimal) (decimal, error) { return a.Trunc(1), nil })},
	{"trunc(a, -3)", text(func(a decimal) (decimal, error) { return a.Trunc(-3), nil })},
	{"a::int8", func(a decimal) (string, error) { i, err := a.Int64(); return strconv.FormatInt(i, 10), err }},
	{"a::int4", func(a decimal) (string, error) { i, err := a.Int32(); return strconv.FormatInt(int64(i), 10), err }},
	{"a::int2", func(a decimal) (string, error) { i, err := a.Int16(); return strconv.FormatInt(int64(i), 10), err }},
	{"a::float8", func(a decimal) (string, error) {
		x, err := a.Float64()
		return string(types.AppendFloat64(nil, x, 1)), err
	}},
	{"a::float4", func(a decimal) (string, error) {
		x, err := a.Float32()
		return string(types.AppendFloat32(nil, x, 1)), err
	}},
	{"a::float8::numeric", func(a decimal) (string, error) {
		x, err := a.Float64()
		if err != nil {
			return "", err
		}
		d, err := types.DecimalFromFloat64(x)
		return d.String(), err
	}},
	{"a::float4::numeric", func(a decimal) (string, error) {
		x, err := a.Float32()
		if err != nil {
			return "", err
		}
		d, err := types.DecimalFromFloat32(x)
		return d.String(), err
	}},
}

func text(f func(decimal) (decimal, error)) func(decimal) (string, error) {
	return func(a decimal) (string, error) {
		d, err := f(a)
		return d.String(), err
	}
}

var operands = []string{
	"0", "0.00", "1", "-1", "2", "3", "7", "10", "-2.5", "0.5", "0.1", "1.10", "100", "99.99", "123.456", "-123.456", "0.000123", "1.000000001", "0.999", "1e-20", "12345678901234567890", "-98765432109876543210.123456789",
	"170141183460469231731687303715884105727", "-170141183460469231731687303715884105727.5", "9223372036854775807", "-9223372036854775808", "2147483647.5", "32767.49", "1e40", "3.14159265358979323846264338327950288419716939937510", "NaN", "Infinity", "-Infinity", "55.000", "-3", "0.9", "1.1", "9999.9999", "1234567.8", "1e-400", "1e300",
}

// wide is how many of the last operands have very many digits.
const wide = 2

type sum struct {
	sql  string
	a, b string
}

func sums() (all []sum) {
	for _, op := range binaryOps {
		for i, a := range operands {
			for j, b := range operands {
				// The results of the last ones are long.
				if max(i, j) < len(operands)-wide || min(i, j) < 4 {
					all = append(all, sum{op.sql, a, b})
				}
			}
		}
	}
	for _, op := range unaryOps {
		for _, a := range operands {
			all = append(all, sum{op.sql, a, "0"})
		}
	}
	return all
}

func (s sum) String() string { return fmt.Sprintf("%s with a=%s b=%s", s.sql, s.a, s.b) }

func (s sum) ours(t testing.TB) string {
	a, err := types.ParseDecimal(s.a)
	if err != nil {
		t.Fatal(err)
	}
	b, err := types.ParseDecimal(s.b)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for _, op := range binaryOps {
		if op.sql == s.sql {
			var d decimal
			if d, err = op.ours(a, b); err == nil {
				got = d.String()
			}
		}
	}
	for _, op := range unaryOps {
		if op.sql == s.sql {
			got, err = op.ours(a)
		}
	}
	if err != nil {
		e := sqlerr.From(err)
		return answer{code: string(e.Code), message: e.Message, detail: e.Detail}.String()
	}
	return got
}

func (s sum) ask(o *oracle) string {
	o.t.Helper()
	sql := fmt.Sprintf("select (%s)::text from (select '%s'::numeric as a, '%s'::numeric as b) x", s.sql, s.a, s.b)
	results, err := o.conn.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		return o.refusal(err).String()
	}
	return string(results[0].Rows[0][0])
}

const decimalGolden = "decimal_arithmetic"

// TestDecimalArithmetic compares Decimal with PostgreSQL's numeric, digit for
// digit.
func TestDecimalArithmetic(t *testing.T) {
	if *rewrite {
		o := newOracle(t)
		var b strings.Builder
		for _, s := range sums() {
			fmt.Fprintf(&b, "%s => %s\n", s, s.ask(o))
		}
		if err := os.WriteFile(filepath.Join(goldenDir, decimalGolden), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(filepath.Join(goldenDir, decimalGolden))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for _, s := range sums() {
		if !lines.Scan() {
			t.Fatalf("no golden for %s; go test -rewrite asks PostgreSQL", s)
		}
		want, ok := strings.CutPrefix(lines.Text(), s.String()+" => ")
		if !ok {
			t.Fatalf("the golden of %s is %q; go test -rewrite asks PostgreSQL", s, lines.Text())
		}
		if got := s.ours(t); got != want {
			t.Errorf("%s\n got %s\nwant %s", s, got, want)
		}
	}
}

// TestDecimalRandom asks PostgreSQL for sums of random numbers.
func TestDecimalRandom(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real PostgreSQL; run without -short")
	}
	o := newOracle(t)
	number := rapid.StringMatching(`-?[0-9]{1,25}(\.[0-9]{0,25})?`)
	small := rapid.StringMatching(`-?[0-9]{1,3}(\.[0-9]{0,6})?`)
	rapid.Check(t, func(rt *rapid.T) {
		op := rapid.IntRange(0, len(binaryOps)+len(unaryOps)-1).Draw(rt, "op")
		operand := number
		if op >= 6 {
			operand = small
		}
		s := sum{a: operand.Draw(rt, "a"), b: operand.Draw(rt, "b")}
		if op < len(binaryOps) {
			s.sql = binaryOps[op].sql
		} else {
			s.sql = unaryOps[op-len(binaryOps)].sql
		}
		if got, want := s.ours(t), s.ask(o); got != want {
			rt.Fatalf("%s\n got %s\nwant %s", s, got, want)
		}
	})
}

// TestDecimalExtremes asks for sums at numeric's limits, whose results are too
// long for a golden.
func TestDecimalExtremes(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real PostgreSQL; run without -short")
	}
	o := newOracle(t)
	for _, s := range []sum{
		{"power(a, b)", "1.5", "700000"}, {"power(a, b)", "0.99999", "12345678"}, {"power(a, b)", "1.0000001", "2147483647"}, {"power(a, b)", "2", "-3000"}, {"power(a, b)", "10", "131071"},
		{"power(a, b)", "10", "131072"}, {"power(a, b)", "1.1", "-2147483648"}, {"power(a, b)", "-1.00001", "1000001"}, {"power(a, b)", "3", "0.000001"}, {"power(a, b)", "1e131071", "0.01"}, {"power(a, b)", "7.77", "99.5"}, {"power(a, b)", "0.5", "12345.678"}, {"power(a, b)", "12345.678", "1234.5678"}, {"power(a, b)", "123.4", "-567.8"},
		{"ln(a)", "1e131071", "0"}, {"ln(a)", "1e-16383", "0"}, {"ln(a)", "1.0000000000000000000000000000000001", "0"}, {"ln(a)", "0.99999999999999999999", "0"}, {"log(a, b)", "2", "1e131071"}, {"log(a, b)", "1.0000001", "2"}, {"log(a, b)", "0.001", "1e-300"},
		{"sqrt(a)", "1e131071", "0"}, {"sqrt(a)", "2e-16383", "0"}, {"sqrt(a)", "99999999999999999999999999999999999999999", "0"},
		{"exp(a)", "5999.9", "0"}, {"exp(a)", "6000", "0"}, {"exp(a)", "-5999.9", "0"}, {"exp(a)", "2302.5", "0"}, {"exp(a)", "-2302.5", "0"}, {"exp(a)", "1e-1000", "0"}, {"exp(a)", "123.456789", "0"},
		{"a * b", "1e131071", "1e-16383"}, {"a * b", "1e131071", "10"}, {"a * b", "1e-16383", "1e-16383"}, {"a * b", "5e-8192", "1e-8192"}, {"a / b", "1", "1e131071"}, {"a / b", "1e131071", "1e-16383"}, {"a / b", "1e131071", "3"}, {"a / b", "1", "3e-16383"}, {"a % b", "1e131071", "7"}, {"a % b", "1e131071", "7e-100"},
		{"div(a, b)", "1e131071", "1e-10"}, {"a + b", "9e131071", "9e131071"}, {"a + b", "1e131071", "1e-16383"}, {"a - b", "-9e131071", "9e131071"}, {"round(a, -2)", "1e131071", "0"}, {"ceil(a)", "1e-16383", "0"}, {"a::float8", "1e-16383", "0"}, {"a::float8", "1e131071", "0"}, {"trim_scale(a)", "1e131071", "0"},
	} {
		if got, want := s.ours(t), s.ask(o); got != want {
			t.Errorf("%s\n got %.300s\nwant %.300s", s, got, want)
		}
	}
}
