package expr

import (
	"fmt"
	"strings"
)

// Families of random templates for numbers and for intervals.

// numberWords are what templates of numbers are made of; places come most often.
var numberWords = []string{"9", "9", "9", "9", "9", "9", "99", "999", "0", "0", "00", ".", "D", ",", "G", ",", "FM", "S", "MI", "PL", "SG", "PR", "V", "TH", "th", "L", "B", "C", "SP", "RN", "rn", "EEEE",
	"fm", "s", "mi", "pl", "sg", "pr", "v", "eeee", "d", "g", "l", "b", "Th", " ", "$", "x", "€", `"a\"b"`, `"9"`, `\"`, `"`, "E", "F", "M", "e"}

// numberTemplate is a template: of a usual form, or any row of patterns.
func (g formatGenerator) numberTemplate() string {
	var b strings.Builder
	if g.IntN(3) == 0 {
		for range 1 + g.IntN(9) {
			b.WriteString(g.pick(numberWords...))
		}
		return b.String()
	}
	often := func(of ...string) {
		if g.IntN(3) == 0 {
			b.WriteString(g.pick(of...))
		}
	}
	often("FM", "FM", "B", "L", "$", "C")
	often("S", "SG", "PL", "MI")
	for range g.IntN(7) {
		b.WriteString(g.pick("9", "9", "9", "9", "0", ",", "G"))
	}
	if g.IntN(2) == 0 {
		b.WriteString(g.pick(".", "D", ".", "D", "V"))
		for range g.IntN(5) {
			b.WriteString(g.pick("9", "9", "9", "0"))
		}
	}
	often("S", "SG", "PL", "MI", "PR", "PR")
	often("EEEE", "TH", "th", "FM", "RN", "rn", "L", "%")
	return b.String()
}

// number is a value to format, of one of the types that have a to_char.
func (g formatGenerator) number() string {
	sign := g.pick("", "", "-")
	whole := strings.TrimLeft(fmt.Sprintf("%0*d", 1+g.IntN(9), g.IntN(1+int(pow10(g.IntN(9))))), "0")
	if whole == "" {
		whole = "0"
	}
	fraction := ""
	if g.IntN(3) > 0 {
		fraction = fmt.Sprintf(".%0*d", 1+g.IntN(6), g.IntN(1000))
	}
	switch g.IntN(6) {
	case 0:
		return "'" + sign + whole + "'::int4"
	case 1:
		return "'" + sign + whole + g.pick("", "", "000000000") + "'::int8"
	case 2:
		return "'" + g.pick(sign+whole+fraction, sign+whole+fraction, sign+whole+fraction, sign+whole+"e"+g.pick("-5", "12", "-20", "20", "300"), "NaN", "Infinity", "-Infinity", "-0") + "'::float8"
	case 3:
		return "'" + g.pick(sign+whole+fraction, sign+whole+fraction, sign+whole+fraction, sign+whole+"e"+g.pick("-5", "12", "-20", "20"), "NaN", "Infinity", "-Infinity", "-0") + "'::float4"
	}
	return "'" + g.pick(sign+whole+fraction, sign+whole+fraction, sign+whole+fraction, sign+whole+fraction, sign+whole+fraction, sign+whole+fraction, sign+whole+fraction, "NaN", "Infinity", "-Infinity", sign+"123456789012345678901234567890.12345", sign+"1e-30", "2147483648") + "'::numeric"
}

func pow10(n int) float64 {
	p := 1.0
	for range n {
		p *= 10
	}
	return p
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// numberText is a text for to_number.
func (g formatGenerator) numberText() string {
	var b strings.Builder
	for range g.IntN(9) {
		b.WriteString(g.pick("1", "2", "3", "0", "9", "4", ".", ",", "-", "+", " ", "<", ">", "$", "th", "st", "€", "x", "5", "6", "78"))
	}
	return b.String()
}

// span is an interval of any size, of fields with signs of their own.
func (g formatGenerator) span() string {
	if g.IntN(3) > 0 {
		return g.interval()
	}
	return fmt.Sprintf("interval '%d mons %d days %d:%02d:%02d%s'", g.IntN(40000)-20000, g.IntN(100000)-50000, g.IntN(4000)-2000, g.IntN(60), g.IntN(60), g.pick("", ".5", ".000001", ".999999"))
}

func init() {
	formatFamilies = append(formatFamilies, []formatFamily{
		{"to_char of numbers", func(g formatGenerator) string {
			return fmt.Sprintf("to_char(%s, %s)", g.number(), literal(g.numberTemplate()))
		}},
		{"to_number of what to_char wrote", func(g formatGenerator) string {
			template := literal(g.numberTemplate())
			return fmt.Sprintf("to_number(to_char(%s, %s), %s)", g.number(), template, template)
		}},
		{"to_number", func(g formatGenerator) string {
			return fmt.Sprintf("to_number(%s, %s)", literal(g.numberText()), literal(g.numberTemplate()))
		}},
		{"to_char of intervals", func(g formatGenerator) string {
			words := timeWords
			if g.IntN(4) > 0 {
				words = spanWords
			}
			return fmt.Sprintf("to_char(%s, %s)", g.span(), g.template(words))
		}},
		{"prefixes and suffixes", func(g formatGenerator) string {
			var b strings.Builder
			for range 1 + g.IntN(6) {
				b.WriteString(g.pick(templatePieces...))
			}
			return fmt.Sprintf("to_char(%s, %s)", g.pick(g.timestamp(), g.timestamptz(), g.span()), literal(b.String()))
		}},
	}...)
}

// spanWords are the fields that an interval has.
var spanWords = []string{"YYYY", "YYY", "YY", "Y", "Y,YYY", "IYYY", "IYY", "IY", "I", "MM", "DD", "DDD", "IDDD", "W", "WW", "IW", "CC", "J", "Q", "HH", "HH12", "HH24", "MI", "SS", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6",
	"SSSS", "SSSSS", "AM", "a.m.", "RM", "rm", "FMRM", "FMDD", "FMHH24", "FMYYYY", "DDth", "HHTH", "CCth", "YYYYth", "MSth", "FX", `"x"`}

// templatePieces are the fields of times with what may stand about them, and
// pieces of them.
var templatePieces = []string{"FM", "fm", "TM", "tm", "TH", "th", "SP", "FX", "fx", "MM", "mm", "Month", "MON", "dy", "Day", "DD", "D", "YYYY", "y", "HH24", "hh", "tzh", "TZH", "TZM", "tzm", "TZ", "of", "OF", "j", "w", "I", "Q", "MI", "SS", "us", "FF3",
	`"`, `\"`, `\`, " ", "-", "A", "M", "F", "T", "é", `"F\"M"`, "P.M.", "ad"}
