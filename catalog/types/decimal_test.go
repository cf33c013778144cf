package types

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// coefficients are of every width around the limits of 64 and 128 bits.
var coefficients = rapid.Custom(func(t *rapid.T) *big.Int {
	digits := rapid.StringMatching(`[0-9]{1,45}`).Draw(t, "digits")
	b, _ := new(big.Int).SetString(digits, 10)
	switch rapid.IntRange(0, 5).Draw(t, "near") {
	case 0:
		b.Add(new(big.Int).Lsh(big.NewInt(1), 63), big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "off")))
	case 1:
		b.Add(new(big.Int).Lsh(big.NewInt(1), 127), big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "off")))
	case 2:
		b.Add(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "off")))
	}
	if rapid.Bool().Draw(t, "negative") {
		b.Neg(b)
	}
	return b
})

var decimals = rapid.Custom(func(t *rapid.T) Decimal {
	d, err := DecimalFromBig(coefficients.Draw(t, "coefficient"), rapid.Int32Range(0, 40).Draw(t, "scale"))
	if err != nil {
		t.Fatal(err)
	}
	return d
})

func (d Decimal) rat() *big.Rat {
	return new(big.Rat).SetFrac(d.Big(), bigPow10(int(d.Scale)))
}

func TestDecimalAgainstRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := decimals.Draw(t, "a"), decimals.Draw(t, "b")
		check := func(op string, got Decimal, err error, want *big.Rat) {
			if err != nil {
				t.Fatalf("%s %s %s: %v", a, op, b, err)
			}
			if got.rat().Cmp(want) != 0 {
				t.Fatalf("%s %s %s = %s, want %s", a, op, b, got, want.FloatString(50))
			}
		}
		x, y := a.rat(), b.rat()
		sum, err := a.Add(b)
		check("+", sum, err, new(big.Rat).Add(x, y))
		difference, err := a.Sub(b)
		check("-", difference, err, new(big.Rat).Sub(x, y))
		product, err := a.Mul(b)
		check("*", product, err, new(big.Rat).Mul(x, y))
		if got, want := a.Compare(b), x.Cmp(y); got != want {
			t.Fatalf("compare %s %s = %d, want %d", a, b, got, want)
		}
		if b.IsZero() {
			return
		}
		whole, err := a.DivTrunc(b)
		if err != nil {
			t.Fatal(err)
		}
		rest, err := a.Mod(b)
		if err != nil {
			t.Fatal(err)
		}
		back, err := whole.Mul(b)
		if err != nil {
			t.Fatal(err)
		}
		back, err = back.Add(rest)
		check("div and mod", back, err, x)
		if rest.Abs().Compare(b.Abs()) >= 0 {
			t.Fatalf("%s mod %s = %s, not below the divisor", a, b, rest)
		}
		quotient, err := a.Div(b)
		if err != nil {
			t.Fatal(err)
		}
		// Rounded at its scale: off by at most half a unit of it.
		off := new(big.Rat).Sub(quotient.rat(), new(big.Rat).Quo(x, y))
		half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), bigPow10(int(quotient.Scale))))
		if off.Abs(off).Cmp(half) > 0 {
			t.Fatalf("%s / %s = %s, off by %s", a, b, quotient, off.FloatString(50))
		}
	})
}

func TestDecimalForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := decimals.Draw(t, "d")
		again, err := ParseDecimal(d.String())
		if err != nil || again.Compare(d) != 0 || again.Scale != d.Scale {
			t.Fatalf("%s read again is %s, %v", d, again, err)
		}
		sent, err := DecimalFromBinary(AppendDecimalBinary(nil, d))
		if err != nil || sent.Compare(d) != 0 || sent.Scale != d.Scale {
			t.Fatalf("%s received again is %s, %v", d, sent, err)
		}
		more, err := d.Round(d.Scale + rapid.Int32Range(0, 30).Draw(t, "more"))
		if err != nil || more.Compare(d) != 0 || more.Hash() != d.Hash() {
			t.Fatalf("%s with more digits is %s, %v; hashes %x %x", d, more, err, more.Hash(), d.Hash())
		}
		if trimmed := d.TrimScale(); trimmed.Compare(d) != 0 || trimmed.Hash() != d.Hash() {
			t.Fatalf("%s trimmed is %s", d, trimmed)
		}
	})
}

func TestUint128(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.OneOf(rapid.Uint64(), rapid.Just(uint64(0)), rapid.Just(^uint64(0)), rapid.Just(uint64(1)<<63))
		m := uint128{words.Draw(t, "mh"), words.Draw(t, "ml")}
		n := uint128{words.Draw(t, "nh"), words.Draw(t, "nl")}
		wide := func(u uint128) *big.Int {
			b := new(big.Int).SetUint64(u.hi)
			return b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(u.lo))
		}
		if n.isZero() {
			return
		}
		q, r := m.div(n)
		wantQ, wantR := new(big.Int).QuoRem(wide(m), wide(n), new(big.Int))
		if wide(q).Cmp(wantQ) != 0 || wide(r).Cmp(wantR) != 0 {
			t.Fatalf("%v / %v = %v rest %v, want %v rest %v", wide(m), wide(n), wide(q), wide(r), wantQ, wantR)
		}
		if got, want := int(m.digits()), len(wide(m).String()); got != want {
			t.Fatalf("digits of %v = %d, want %d", wide(m), got, want)
		}
	})
}
