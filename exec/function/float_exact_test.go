package function

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/apd/v3"
)

// decimalOf computes with 40 digits and rounds to the nearest float64.
func decimalOf(t *testing.T, f func(c *apd.Context, r *apd.Decimal) error) float64 {
	t.Helper()
	var r apd.Decimal
	c := apd.BaseContext.WithPrecision(40)
	c.Traps = 0
	if err := f(c, &r); err != nil {
		t.Fatal(err)
	}
	x, _, err := big.ParseFloat(r.String(), 10, 53, big.ToNearestEven)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := x.Float64()
	return v
}

func exactDecimal(t *testing.T, x float64) *apd.Decimal {
	t.Helper()
	d, _, err := apd.NewFromString(big.NewFloat(x).Text('f', 1100))
	if err != nil {
		t.Fatal(err)
	}
	d.Reduce(d)
	return d
}

func TestFloatsAreNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		x := (r.Float64() - 0.5) * math.Pow(10, float64(r.IntN(4)-2))
		want := decimalOf(t, func(c *apd.Context, d *apd.Decimal) error { _, err := c.Exp(d, exactDecimal(t, x)); return err })
		if got := exactExp(x); got != want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
		x = math.Exp((r.Float64() - 0.5) * 40)
		if r.IntN(4) == 0 {
			x = 1 + (r.Float64()-0.5)*1e-3
		}
		want = decimalOf(t, func(c *apd.Context, d *apd.Decimal) error { _, err := c.Ln(d, exactDecimal(t, x)); return err })
		if got := exactLog(x); got != want {
			t.Errorf("ln(%v) = %v, want %v", x, got, want)
		}
		want = decimalOf(t, func(c *apd.Context, d *apd.Decimal) error { _, err := c.Log10(d, exactDecimal(t, x)); return err })
		if got := exactLog10(x); math.Abs(got-want) > 1e-15*math.Abs(want) {
			t.Errorf("log(%v) = %v, want %v", x, got, want)
		}
	}
	for _, c := range []struct{ x, y, want float64 }{
		{2, 10, 1024}, {2, -1, 0.5}, {-2, 3, -8}, {10, 22, 1e22}, {10, 15, 1e15}, {1.5, 2, 2.25}, {0, 5, 0}, {2, 0.5, math.Sqrt2}, {10, -1, 0.1}, {math.Inf(1), 2, math.Inf(1)},
	} {
		if got := exactPow(c.x, c.y); got != c.want {
			t.Errorf("power(%v, %v) = %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func BenchmarkExactExp(b *testing.B) {
	x := 1.0
	for b.Loop() {
		x = exactExp(x - float64(int(x)))
	}
}
