package function

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	for _, f := range []struct {
		typ     string
		decimal func(v types.Value) (types.Decimal, error)
		ex      []Example
	}{
		{"numeric", func(v types.Value) (types.Decimal, error) { return v.N, nil }, examples("to_char(1234.5, 'FM9,999.00')", "1,234.50", "to_char(0.5, '0.99')", " 0.50", "to_char(12345.678, '99G999D99')", " 12,345.68",
			"to_char(-1.5, 'S9.9')", "-1.5", "to_char(-1.5, '9.9MI')", "1.5-", "to_char(-12.3, '999.9PR')", " <12.3>", "to_char(1234.5, '9')", " #", "to_char(-0.5, '9.9')", " -.5", "to_char(0.5, 'FM9.9')", ".5")},
		{"int4", func(v types.Value) (types.Decimal, error) { return types.DecimalFromInt64(v.I), nil }, examples("to_char(-12, '999')", " -12", "to_char(5, '000')", " 005", "to_char(123456, '999')", " ###", "to_char(42, 'FM999')", "42")},
		{"int8", func(v types.Value) (types.Decimal, error) { return types.DecimalFromInt64(v.I), nil }, examples("to_char(5000000000, '9,999,999,999')", " 5,000,000,000")},
		{"float8", func(v types.Value) (types.Decimal, error) { return types.DecimalFromFloat64(v.F) }, examples("to_char(1234.5678::float8, '9999.99')", " 1234.57", "to_char(9.99::float8, '9.9EEEE')", " 1.0e+01")},
		{"float4", func(v types.Value) (types.Decimal, error) { return types.DecimalFromFloat32(float32(v.F)) }, examples("to_char(2.5::float4, '9.9')", " 2.5")},
	} {
		define("to_char("+f.typ+", text) text strict stable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				d, err := f.decimal(a[0])
				if err != nil {
					return types.Value{}, err
				}
				return formatNumber(d, a[1].S, f.typ)
			}, Examples: f.ex})
	}
	picture := Lookup("to_char", types.Numeric, types.Text)
	picture.Examples = append(picture.Examples, examples("to_char(1.5, '9.99EEEE')", " 1.50e+00", "to_char(-0.000123456, '9.999EEEE')", "-1.235e-04", "to_char(123456789.0, '9EEEE')", " 1e+08", "to_char(0.0, '9.9EEEE')", " 0.0e+00", "to_char(9.99, '9.9EEEE')", " 10.0e+00", "to_char(9.9, 'S9EEEE')", "ERROR 42601",
		"to_char(485.0, 'RN')", "        CDLXXXV", "to_char(1999.4, 'FMRN')", "MCMXCIX", "to_char(4.0, 'FMrn')", "iv", "to_char(4000.0, 'FMRN')", "###############", "to_char(0.0, 'RN')", "###############")...)
}

// numberPicture is a parsed template of to_char for numbers.
type numberPicture struct {
	whole    []byte // 9, 0 and , before the point
	fraction []byte // 9 and 0 after it
	point    bool
	fill     bool // not FM
	sign     string
}

func parseNumberPicture(template string) (*numberPicture, error) {
	p := &numberPicture{fill: true}
	s := strings.ToUpper(template)
	for s != "" {
		size := 1
		switch {
		case strings.HasPrefix(s, "FM"):
			p.fill, size = false, 2
		case strings.HasPrefix(s, "MI"):
			p.sign, size = "MI", 2
		case strings.HasPrefix(s, "PR"):
			p.sign, size = "PR", 2
		case s[0] == 'S' && len(p.whole)+len(p.fraction) == 0:
			p.sign = "S"
		case s[0] == '9' || s[0] == '0':
			if p.point {
				p.fraction = append(p.fraction, s[0])
			} else {
				p.whole = append(p.whole, s[0])
			}
		case (s[0] == ',' || s[0] == 'G') && !p.point:
			p.whole = append(p.whole, ',')
		case (s[0] == '.' || s[0] == 'D') && !p.point:
			p.point = true
		default:
			return nil, sqlerr.Unsupported("Use 9, 0, '.', ',', D, G, FM, MI, PR, RN, EEEE and a leading S, and put other text around it with ||.",
				"the to_char template \"%s\" is not supported", template)
		}
		s = s[size:]
	}
	return p, nil
}

// formatNumber rounds to the template's places and lays the digits out in it.
func formatNumber(d types.Decimal, template, typ string) (types.Value, error) {
	if v, ok, err := formatSpecial(d, template, typ); ok {
		return v, err
	}
	p, err := parseNumberPicture(template)
	if err != nil {
		return types.Value{}, err
	}
	negative := d.Sign() < 0
	if !d.IsFinite() {
		return types.Value{}, sqlerr.Unsupported("Use a CASE for values that are no numbers.", "to_char of %s is not supported", d)
	}
	if d, err = d.Abs().Round(int32(len(p.fraction))); err != nil {
		return types.Value{}, err
	}
	whole, fraction, _ := strings.Cut(d.String(), ".")
	if whole == "0" {
		whole = ""
	}
	body := p.layout(whole, fraction)
	return text(p.signed(body, negative))
}

// layout fills the places of the template from the right.
func (p *numberPicture) layout(whole, fraction string) string {
	places, zeroFrom := 0, -1
	for i, c := range p.whole {
		if c == ',' {
			continue
		}
		places++
		if c == '0' && zeroFrom < 0 {
			zeroFrom = i
		}
	}
	overflow := max(len(whole), 1) > places
	skip := places - len(whole)
	var b strings.Builder
	started := false
	for i, c := range p.whole {
		switch {
		case c == ',' && started:
			b.WriteByte(',')
		case c == ',':
			b.WriteByte(' ')
		case overflow:
			b.WriteByte('#')
			started = true
		case skip > 0:
			skip--
			if zeroFrom >= 0 && i >= zeroFrom {
				b.WriteByte('0')
				started = true
			} else {
				b.WriteByte(' ')
			}
		default:
			b.WriteByte(whole[0])
			whole = whole[1:]
			started = true
		}
	}
	out := b.String()
	var after string
	if p.point {
		after = p.places(fraction, overflow)
	}
	if !started && places > 0 && after == "" {
		out = out[:len(out)-1] + "0"
	}
	if p.point {
		out += "." + after
	}
	return out
}

// places are the digits after the point; FM drops the zeros that only 9s stand
// for.
func (p *numberPicture) places(fraction string, overflow bool) string {
	if overflow {
		return strings.Repeat("#", len(p.fraction))
	}
	if !p.fill {
		for fraction != "" && fraction[len(fraction)-1] == '0' && p.fraction[len(fraction)-1] == '9' {
			fraction = fraction[:len(fraction)-1]
		}
	}
	return fraction
}

// signed puts the sign where the template has it: before the first digit where
// it says nothing.
func (p *numberPicture) signed(body string, negative bool) string {
	digits := strings.TrimLeft(body, " ")
	blanks := body[:len(body)-len(digits)]
	var s string
	switch {
	case p.sign == "MI" && negative:
		return p.filled(body) + "-"
	case p.sign == "MI" && p.fill:
		return body + " "
	case p.sign == "MI":
		return p.filled(body)
	case p.sign == "PR" && negative:
		s = fmt.Sprintf("%s<%s>", blanks, digits)
	case p.sign == "PR":
		s = fmt.Sprintf(" %s ", body)
	case negative:
		s = blanks + "-" + digits
	case p.sign == "S":
		s = blanks + "+" + digits
	default:
		s = " " + body
	}
	return p.filled(s)
}

// filled drops blanks under FM.
func (p *numberPicture) filled(s string) string {
	if p.fill {
		return s
	}
	return strings.TrimSpace(s)
}
