package function

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// What to_char has instead of places: an exponent (EEEE) and Roman numerals (RN).

// romanNumber is 1 to 3999 in Roman numerals.
func romanNumber(n int64) string {
	if n < 1 || n > 3999 {
		return "###############"
	}
	var b strings.Builder
	for _, r := range []struct {
		value   int64
		numeral string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for ; n >= r.value; n -= r.value {
			b.WriteString(r.numeral)
		}
	}
	return b.String()
}

// noExponent is what a value that is no number prints as under EEEE.
func (t *numberTemplate) noExponent() string {
	s := []byte(" " + strings.Repeat("#", t.pre+t.post+5))
	s[t.pre+1] = '.'
	return string(s)
}

// floatExponent writes a float with an exponent.
func (t *numberTemplate) floatExponent(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return t.noExponent()
	}
	s := strconv.FormatFloat(f, 'e', t.post, 64)
	if s[0] != '-' {
		s = " " + s
	}
	return s
}

// decimalExponent writes a decimal with one digit before the point. Where
// rounding makes it two, PostgreSQL leaves both.
func (t *numberTemplate) decimalExponent(d types.Decimal) (string, error) {
	if !d.IsFinite() {
		return t.noExponent(), nil
	}
	sign := " "
	if d.Sign() < 0 {
		sign = "-"
	}
	exponent := magnitudeOf(d)
	rounded, err := d.Abs().Round(int32(t.post - exponent))
	if err != nil {
		return "", err
	}
	lead := 1
	if magnitudeOf(rounded) > exponent {
		lead = 2
	}
	digits := strings.TrimLeft(strings.Replace(rounded.String(), ".", "", 1), "0")
	digits = (digits + strings.Repeat("0", t.post+lead))[:t.post+lead]
	fraction := digits[lead:]
	if fraction != "" {
		fraction = "." + fraction
	}
	return fmt.Sprintf("%s%s%se%+03d", sign, digits[:lead], fraction, exponent), nil
}

// magnitudeOf is the power of ten of the first digit; 0 of zero.
func magnitudeOf(d types.Decimal) int {
	whole, fraction, _ := strings.Cut(d.Abs().String(), ".")
	if whole = strings.TrimLeft(whole, "0"); whole != "" {
		return len(whole) - 1
	}
	significant := strings.TrimLeft(fraction, "0")
	if significant == "" {
		return 0
	}
	return -(len(fraction) - len(significant) + 1)
}
