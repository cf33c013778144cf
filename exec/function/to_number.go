package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// to_number, by the rules of PostgreSQL's formatting.c (NUM_processor).

func init() {
	define("to_number(text, text) numeric strict stable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) { return readNumber(a[0].S, a[1].S) },
		Examples: examples("to_number('12,454.8-', '99G999D9S')", "-12454.8", "to_number('-34,338,492', '99G999G999')", "-34338492", "to_number('.01', 'S99.9')", "0.0", "to_number('<564646.654564>', '999999.999999PR')", "-564646.654564", "to_number('0.00001-', '9.999999S')", "-0.00001",
			"to_number('5.01-', 'FM9.999999MI')", "-5.01", "to_number('  1234', '9999')", "123", "to_number('$1,234.56', 'L9,999.99')", "1234.56", "to_number('123', '')", "NULL", "to_number('abc', '999')", "ERROR 22P02", "to_number('+12', 'S99')", "12", "to_number('1234567', '999')", "123", "to_number('12.345', '99.9')", "12.3", "to_number('4 2', '99')", "42",
			"to_number('XII', 'RN')", "ERROR 0A000", "to_number('123456', '999V999')", "123.4560000000000000000", "to_number('42nd', '99th')", "42", "to_number('1x2', '9\"x\"9')", "12", "to_number('1', '9.9.9')", "ERROR 42601")})
}

// numberToken is a piece of a template for numbers; literal text has none of
// the names.
type numberToken struct {
	name    string // in capitals; "": a character of no meaning
	literal string
}

// numberTokens are the names, the longer first where one begins another.
var numberTokens = []string{"EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", ",", ".", "0", "9", "B", "C", "D", "G", "L", "S", "V"}

func parseNumberTemplate(s string) []numberToken {
	var tokens []numberToken
next:
	for s != "" {
		if s[0] == '"' {
			literal, rest, _ := strings.Cut(s[1:], `"`)
			for _, c := range literal {
				tokens = append(tokens, numberToken{literal: string(c)})
			}
			s = rest
			continue
		}
		for _, name := range numberTokens {
			if len(s) >= len(name) && (s[:len(name)] == name || s[:len(name)] == strings.ToLower(name)) {
				tokens, s = append(tokens, numberToken{name: name}), s[len(name):]
				continue next
			}
		}
		size := firstRune(s)
		tokens, s = append(tokens, numberToken{literal: s[:size]}), s[size:]
	}
	return tokens
}

// numberReader reads one text by a template.
type numberReader struct {
	in      string
	at      int
	sign    byte // 0: none was read
	digits  []byte
	pre     int // digits before the point
	post    int // and after it
	point   bool
	whole   int // digits before the point of the template
	places  int // and after it
	shift   int // digits after V
	signed  bool
	plus    bool
	minus   bool
	bracket bool
	decimal bool
	fill    bool
}

// describe reads off the template what holds for all of it.
func (r *numberReader) describe(tokens []numberToken) error {
	shifting := false
	for _, t := range tokens {
		switch t.name {
		case "9", "0":
			switch {
			case shifting:
				r.shift++
			case r.decimal:
				r.places++
			default:
				r.whole++
			}
		case ".", "D":
			if r.decimal {
				return badNumberTemplate("multiple decimal points")
			}
			if shifting {
				return badNumberTemplate("cannot use \"V\" and decimal point together")
			}
			r.decimal = true
		case "V":
			if r.decimal {
				return badNumberTemplate("cannot use \"V\" and decimal point together")
			}
			shifting = true
		case "S":
			if r.signed {
				return badNumberTemplate("cannot use \"S\" twice")
			}
			if r.plus || r.minus || r.bracket {
				return badNumberTemplate("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together")
			}
			r.signed = true
		case "MI", "PL", "SG":
			if r.signed {
				return badNumberTemplate("cannot use \"S\" and \"" + t.name + "\" together")
			}
			r.minus = r.minus || t.name != "PL"
			r.plus = r.plus || t.name != "MI"
		case "PR":
			if r.signed || r.plus || r.minus {
				return badNumberTemplate("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together")
			}
			r.bracket = true
		case "FM":
			r.fill = true
		case "EEEE":
			return sqlerr.Errorf(sqlerr.FeatureNotSupported, "\"EEEE\" not supported for input")
		case "RN":
			return sqlerr.Errorf(sqlerr.FeatureNotSupported, "\"RN\" not supported for input")
		}
	}
	return nil
}

func badNumberTemplate(what string) error { return sqlerr.Errorf(sqlerr.SyntaxError, "%s", what) }

func readNumber(in, template string) (types.Value, error) {
	if template == "" {
		return null(types.Numeric)
	}
	r := &numberReader{in: in}
	tokens := parseNumberTemplate(template)
	if err := r.describe(tokens); err != nil {
		return types.Value{}, err
	}
	for _, t := range tokens {
		if r.at >= len(in) {
			break
		}
		r.token(t)
	}
	s := string(r.digits)
	if r.sign == '-' {
		s = "-" + s
	}
	d, err := types.ParseDecimal(strings.TrimSuffix(s, "."))
	if err != nil {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type numeric: \"%s\"", " "+s)
	}
	if d, err = d.Fit(int32(r.whole+r.shift+r.post)<<16 | int32(r.post) + 4); err != nil {
		return types.Value{}, err
	}
	if r.shift > 0 {
		power, err := types.DecimalFromInt64(10).Power(types.DecimalFromInt64(int64(-r.shift)))
		if err != nil {
			return types.Value{}, err
		}
		if d, err = d.Mul(power); err != nil {
			return types.Value{}, err
		}
	}
	return numeric(d)
}

func (r *numberReader) rest() string { return r.in[r.at:] }

// token takes what one token of the template stands for.
func (r *numberReader) token(t numberToken) {
	c := r.in[r.at]
	switch t.name {
	case "":
		r.at += firstRune(r.rest())
		return
	case "9", "0", ".", "D":
		r.digit(t.name)
	case ",", "G":
		if r.fill || c != ',' {
			return
		}
	case "L":
		r.passText(1)
		return
	case "TH":
		r.passText(2)
		return
	case "MI", "PL", "SG":
		switch {
		case c == '-' && t.name != "PL", c == '+' && t.name != "MI":
			r.sign = c
		default:
			r.passText(1)
			return
		}
	default:
		return
	}
	r.at++
}

// passText passes characters that are no part of a number.
func (r *numberReader) passText(n int) {
	for ; n > 0 && r.at < len(r.in) && strings.IndexByte("0123456789.,+-", r.in[r.at]) < 0; n-- {
		r.at += firstRune(r.rest())
	}
}

// digit takes a digit, the point, and a sign beside them.
func (r *numberReader) digit(name string) {
	if r.in[r.at] == ' ' {
		r.at++
	}
	if r.at >= len(r.in) {
		return
	}
	if r.sign == 0 && (name == "9" || name == "0") && r.pre+r.post == 0 {
		switch c := r.in[r.at]; {
		case c == '-' || r.bracket && c == '<':
			r.sign = '-'
			r.at++
		case c == '+':
			r.sign = '+'
			r.at++
		}
	}
	if r.at >= len(r.in) {
		return
	}
	read := false
	switch c := r.in[r.at]; {
	case c >= '0' && c <= '9':
		if r.point && r.post == r.places {
			return
		}
		r.digits = append(r.digits, c)
		read = true
		if r.point {
			r.post++
		} else {
			r.pre++
		}
	case r.decimal && !r.point && c == '.':
		r.digits = append(r.digits, '.')
		read, r.point = true, true
	}
	if r.sign != 0 || r.pre+r.post == 0 {
		return
	}
	switch after := r.at + 1; {
	case r.signed && read && after < len(r.in) && (r.in[after] == '-' || r.in[after] == '+'):
		r.sign = r.in[after]
		r.at = after
	case !read && !r.signed && (r.plus || r.minus) && (r.in[r.at] == '-' || r.in[r.at] == '+'):
		r.sign = r.in[r.at]
	}
}
