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

// numberReader reads one text by a template.
type numberReader struct {
	t      *numberTemplate
	in     string
	at     int
	sign   byte // 0: none was read
	digits []byte
	pre    int // digits before the point
	post   int // and after it
	point  bool
}

func readNumber(in, template string) (types.Value, error) {
	if template == "" {
		return null(types.Numeric)
	}
	t, err := parseNumberTemplate(template)
	if err != nil {
		return types.Value{}, err
	}
	switch {
	case t.exponent:
		return types.Value{}, sqlerr.Errorf(sqlerr.FeatureNotSupported, "\"EEEE\" not supported for input")
	case t.roman:
		return types.Value{}, sqlerr.Errorf(sqlerr.FeatureNotSupported, "\"RN\" not supported for input")
	}
	r := &numberReader{t: t, in: in}
	for i := range t.pieces {
		if r.at >= len(in) {
			break
		}
		r.piece(t.pieces[i].pattern)
	}
	return r.value()
}

// value is the number that was read.
func (r *numberReader) value() (types.Value, error) {
	t := r.t
	s := strings.TrimSuffix(string(r.digits), ".")
	sign := " "
	if r.sign != 0 {
		sign = string(r.sign)
	}
	d, err := types.ParseDecimal(sign + s)
	if err != nil {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type numeric: \"%s\"", sign+s)
	}
	if d, err = d.Fit(int32(t.pre+t.shift+r.post)<<16 | int32(r.post) + 4); err != nil || !t.multiplies {
		return types.NewNumeric(d), err
	}
	power, err := types.DecimalFromInt64(10).Power(types.DecimalFromInt64(int64(-t.shift)))
	if err != nil {
		return types.Value{}, err
	}
	if d, err = d.Mul(power); err != nil {
		return types.Value{}, err
	}
	return numeric(d)
}

// peek is the character n behind the next one; 0 behind the end.
func (r *numberReader) peek(n int) byte {
	if r.at+n < len(r.in) {
		return r.in[r.at+n]
	}
	return 0
}

// piece takes what one piece of the template stands for.
func (r *numberReader) piece(p numberPattern) {
	c := r.peek(0)
	switch p {
	case numberLiteral: // any character
		r.at += firstRune(r.in[r.at:])
		return
	case numberNine, numberZero, numberPoint:
		r.digit(p)
	case numberComma, numberGroup:
		if r.t.fill || c != ',' {
			return
		}
	case numberCurrency:
		r.passText(1)
		return
	case numberOrdinal, numberOrdinalLower:
		if !r.t.point {
			r.passText(2)
		}
		return
	case numberMinus, numberPlus, numberBoth:
		if !(c == '-' && p != numberPlus || c == '+' && p != numberMinus) {
			r.passText(1)
			return
		}
		r.sign = c
	default:
		return
	}
	r.at++
}

// passText passes characters that are no part of a number.
func (r *numberReader) passText(n int) {
	for ; n > 0 && r.at < len(r.in) && strings.IndexByte("0123456789.,+-", r.in[r.at]) < 0; n-- {
		r.at += firstRune(r.in[r.at:])
	}
}

// digit takes a digit or the point, and a sign beside it.
func (r *numberReader) digit(p numberPattern) {
	if r.peek(0) == ' ' {
		r.at++
	}
	if p != numberPoint && r.pre+r.post == 0 && r.sign == 0 {
		switch c := r.peek(0); {
		case c == '-' || c == '<' && r.t.bracket:
			r.sign = '-'
			r.at++
		case c == '+':
			r.sign = c
			r.at++
		}
	}
	if r.at >= len(r.in) {
		return
	}
	read := false
	switch c := r.peek(0); {
	case c >= '0' && c <= '9':
		if r.point && r.post == r.t.post {
			return
		}
		r.digits = append(r.digits, c)
		read = true
		if r.point {
			r.post++
		} else {
			r.pre++
		}
	case c == '.' && r.t.point && !r.point:
		r.digits = append(r.digits, c)
		read, r.point = true, true
	}
	if r.sign == 0 && r.pre+r.post > 0 {
		r.signBehind(read)
	}
}

// signBehind takes a sign behind the number: that of S stands right behind a
// digit, another where a digit was looked for.
func (r *numberReader) signBehind(read bool) {
	switch c := r.peek(1); {
	case r.t.sign != signNone && read && (c == '-' || c == '+'):
		r.sign = c
		r.at++
	case r.t.sign == signNone && !read && (r.t.plus || r.t.minus) && (r.peek(0) == '-' || r.peek(0) == '+'):
		r.sign = r.peek(0)
	}
}
