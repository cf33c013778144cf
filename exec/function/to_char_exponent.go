package function

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Templates of to_char that are no picture of places: an exponent (EEEE) and
// Roman numerals (RN).

// formatSpecial is to_char for those templates; false for another.
func formatSpecial(d types.Decimal, template, typ string) (types.Value, bool, error) {
	fill, roman, exponent, point := true, "", false, false
	places := 0
	for _, t := range parseNumberTemplate(template) {
		switch t.name {
		case "FM":
			fill = false
		case "RN":
			roman = "RN"
			if strings.Contains(template, "rn") {
				roman = "rn"
			}
		case "EEEE":
			exponent = true
		case ".", "D":
			point = true
		case "9", "0":
			if point {
				places++
			}
		case "S", "PL", "MI", "PR", "SG", "B", "V":
			if strings.Contains(strings.ToUpper(template), "EEEE") {
				return types.Value{}, true, sqlerr.Errorf(sqlerr.SyntaxError, "\"EEEE\" is incompatible with other formats").
					WithDetail("\"EEEE\" may only be used together with digit and decimal point patterns.")
			}
		}
	}
	switch {
	case roman != "":
		s, err := romanNumber(d)
		if roman == "rn" {
			s = strings.ToLower(s)
		}
		if fill {
			s = fmt.Sprintf("%15s", s)
		}
		return types.NewText(s), true, err
	case exponent:
		s, err := withExponent(d, places, typ)
		return types.NewText(s), true, err
	}
	return types.Value{}, false, nil
}

// romanNumber is 1 to 3999 in Roman numerals.
func romanNumber(d types.Decimal) (string, error) {
	const outside = "###############"
	if !d.IsFinite() {
		return outside, nil //nolint:nilerr // what has no exponent prints as #
	}
	d, err := d.Round(0)
	if err != nil {
		return "", err
	}
	n, err := d.Int64()
	if err != nil || n < 1 || n > 3999 {
		return outside, nil //nolint:nilerr // what has no Roman form prints as #
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
	return b.String(), nil
}

// withExponent writes a number with one digit before the point. Where rounding
// makes it two, PostgreSQL leaves both for numeric and int8.
func withExponent(d types.Decimal, places int, typ string) (string, error) {
	if !d.IsFinite() {
		return " #" + pointed(strings.Repeat("#", places)) + "####", nil
	}
	sign := " "
	if d.Sign() < 0 {
		sign = "-"
	}
	exponent := magnitudeOf(d)
	rounded, err := d.Abs().Round(int32(places - exponent))
	if err != nil {
		return "", err
	}
	lead := 1
	if grown := magnitudeOf(rounded); grown > exponent && (typ == "numeric" || typ == "int8") {
		lead = 2
	} else if grown > exponent {
		exponent = grown
		if rounded, err = rounded.Round(int32(places - exponent)); err != nil {
			return "", err
		}
	}
	digits := strings.TrimLeft(strings.Replace(rounded.String(), ".", "", 1), "0")
	digits = (digits + strings.Repeat("0", places+lead))[:places+lead]
	return fmt.Sprintf("%s%s%se%+03d", sign, digits[:lead], pointed(digits[lead:]), exponent), nil
}

func pointed(fraction string) string {
	if fraction == "" {
		return ""
	}
	return "." + fraction
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
