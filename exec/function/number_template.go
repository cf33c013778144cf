package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// numberPattern is a pattern of the templates of to_char and to_number for
// numbers.
type numberPattern uint8

const (
	numberLiteral numberPattern = iota // a character that stands for itself
	numberNine
	numberZero
	numberComma
	numberPoint // . and D, which are the same in locale C
	numberGroup // G
	numberSign  // S
	numberMinus // MI
	numberPlus  // PL
	numberBoth  // SG
	numberBracket
	numberCurrency
	numberShift // V
	numberExponent
	numberRoman
	numberRomanLower
	numberOrdinal
	numberOrdinalLower
	numberFill    // FM
	numberBlank   // B
	numberNothing // C and SP, which do nothing
)

// numberPatterns are the patterns' names, the longer first where one begins
// another. A name is all in capitals or all in small letters.
var numberPatterns = []struct {
	upper, lower string
	pattern      numberPattern
}{
	{"9", "9", numberNine}, {"0", "0", numberZero}, {",", ",", numberComma}, {".", ".", numberPoint}, {"D", "d", numberPoint}, {"G", "g", numberGroup},
	{"SG", "sg", numberBoth}, {"SP", "sp", numberNothing}, {"S", "s", numberSign}, {"MI", "mi", numberMinus}, {"PL", "pl", numberPlus}, {"PR", "pr", numberBracket},
	{"L", "l", numberCurrency}, {"V", "v", numberShift}, {"EEEE", "eeee", numberExponent}, {"RN", "\x00", numberRoman}, {"rn", "\x00", numberRomanLower},
	{"TH", "\x00", numberOrdinal}, {"th", "\x00", numberOrdinalLower}, {"FM", "fm", numberFill}, {"B", "b", numberBlank}, {"C", "c", numberNothing},
}

// signPlace is where S has the sign.
type signPlace uint8

const (
	signNone   signPlace = iota // there is no S
	signBefore                  // before the first digit
	signAfter                   // after the last one
)

// numberPiece is a pattern of a template, or one character of its text.
type numberPiece struct {
	pattern numberPattern
	literal string
}

// numberTemplate is a template for numbers, by the rules of PostgreSQL's
// formatting.c: its pieces, and what holds for the whole of it.
type numberTemplate struct {
	pieces []numberPiece
	pre    int // digits before the point
	post   int // digits after it
	shift  int // 9s after V
	// zeroFrom is the place of the first 0 before the point, counted from 0,
	// and zeroTo that of the last 0.
	zeroFrom, zeroTo int
	sign             signPlace
	signAt           int // how many digits stand before an S that stands before the point
	zero             bool
	blank            bool
	fill             bool
	bracket          bool
	minus, plus      bool // MI, PL; SG is both
	roman            bool
	multiplies       bool // V
	exponent         bool
	point            bool
}

func badNumberTemplate(format string, args ...any) error {
	return sqlerr.Errorf(sqlerr.SyntaxError, format, args...)
}

// parseNumberTemplate reads a template. It keeps nothing of s.
func parseNumberTemplate(s string) (*numberTemplate, error) {
	t := &numberTemplate{}
	literal := func(n int) {
		t.pieces = append(t.pieces, numberPiece{literal: strings.Clone(s[:n])})
		s = s[n:]
	}
next:
	for s != "" {
		for _, p := range numberPatterns {
			if strings.HasPrefix(s, p.upper) || strings.HasPrefix(s, p.lower) {
				if err := t.add(p.pattern); err != nil {
					return nil, err
				}
				s = s[len(p.upper):]
				continue next
			}
		}
		switch {
		case s[0] == '"':
			for s = s[1:]; s != "" && s[0] != '"'; {
				if s[0] == '\\' && len(s) > 1 {
					s = s[1:]
				}
				literal(firstRune(s))
			}
			s = strings.TrimPrefix(s, `"`)
		case strings.HasPrefix(s, `\"`):
			s = s[1:]
			literal(1)
		default:
			literal(firstRune(s))
		}
	}
	return t, nil
}

// add notes what a pattern says of the whole template.
func (t *numberTemplate) add(p numberPattern) error {
	t.pieces = append(t.pieces, numberPiece{pattern: p})
	if t.exponent && p != numberExponent {
		return badNumberTemplate("\"EEEE\" must be the last pattern used")
	}
	switch p {
	case numberNine, numberZero:
		return t.addDigit(p)
	case numberBlank:
		t.blank = t.blank || t.pre == 0 && t.post == 0 && !t.zero
	case numberPoint:
		switch {
		case t.point:
			return badNumberTemplate("multiple decimal points")
		case t.multiplies:
			return badNumberTemplate("cannot use \"V\" and decimal point together")
		}
		t.point = true
	case numberShift:
		if t.point {
			return badNumberTemplate("cannot use \"V\" and decimal point together")
		}
		t.multiplies = true
	case numberFill:
		t.fill = true
	case numberRoman, numberRomanLower:
		t.roman = true
	case numberExponent:
		switch {
		case t.exponent:
			return badNumberTemplate("cannot use \"EEEE\" twice")
		case t.blank, t.fill, t.sign != signNone, t.bracket, t.minus, t.plus, t.roman, t.multiplies:
			return sqlerr.Errorf(sqlerr.SyntaxError, "\"EEEE\" is incompatible with other formats").
				WithDetail("\"EEEE\" may only be used together with digit and decimal point patterns.")
		}
		t.exponent = true
	case numberSign, numberMinus, numberPlus, numberBoth, numberBracket:
		return t.addSign(p)
	}
	return nil
}

func (t *numberTemplate) addDigit(p numberPattern) error {
	name := "9"
	if p == numberZero {
		name = "0"
	}
	if t.bracket {
		return badNumberTemplate("\"%s\" must be ahead of \"PR\"", name)
	}
	if p == numberNine && t.multiplies {
		t.shift++
		return nil
	}
	if p == numberZero && !t.zero && !t.point {
		t.zero, t.zeroFrom = true, t.pre
	}
	if t.point {
		t.post++
	} else {
		t.pre++
	}
	if p == numberZero {
		t.zeroTo = t.pre + t.post
	}
	return nil
}

func (t *numberTemplate) addSign(p numberPattern) error {
	if t.sign != signNone {
		switch p {
		case numberSign:
			return badNumberTemplate("cannot use \"S\" twice")
		case numberMinus:
			return badNumberTemplate("cannot use \"S\" and \"MI\" together")
		case numberPlus:
			return badNumberTemplate("cannot use \"S\" and \"PL\" together")
		case numberBoth:
			return badNumberTemplate("cannot use \"S\" and \"SG\" together")
		}
	}
	switch p {
	case numberSign:
		if t.plus || t.minus || t.bracket {
			return badNumberTemplate("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together")
		}
		if t.sign = signAfter; !t.point {
			t.sign, t.signAt = signBefore, t.pre
		}
	case numberBracket:
		if t.sign != signNone || t.plus || t.minus {
			return badNumberTemplate("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together")
		}
		t.bracket = true
	default:
		t.minus = t.minus || p != numberPlus
		t.plus = t.plus || p != numberMinus
	}
	return nil
}
