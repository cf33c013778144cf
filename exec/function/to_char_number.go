package function

import (
	"math"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	for _, f := range []struct {
		typ   string
		write numberFormat
		ex    []Example
	}{
		{"numeric", formatNumeric, examples("to_char(1234.5, 'FM9,999.00')", "1,234.50", "to_char(0.5, '0.99')", " 0.50", "to_char(12345.678, '99G999D99')", " 12,345.68",
			"to_char(-1.5, 'S9.9')", "-1.5", "to_char(-1.5, '9.9MI')", "1.5-", "to_char(-12.3, '999.9PR')", " <12.3>", "to_char(1234.5, '9')", " #", "to_char(-0.5, '9.9')", " -.5", "to_char(0.5, 'FM9.9')", ".5",
			"to_char(1.5, '9.99EEEE')", " 1.50e+00", "to_char(-0.000123456, '9.999EEEE')", "-1.235e-04", "to_char(123456789.0, '9EEEE')", " 1e+08", "to_char(0.0, '9.9EEEE')", " 0.0e+00", "to_char(9.99, '9.9EEEE')", " 10.0e+00", "to_char(9.9, 'S9EEEE')", "ERROR 42601",
			"to_char(485.0, 'RN')", "        CDLXXXV", "to_char(1999.4, 'FMRN')", "MCMXCIX", "to_char(4.0, 'FMrn')", "iv", "to_char(4000.0, 'FMRN')", "###############", "to_char(0.0, 'RN')", "###############",
			"to_char(12.45, '99V9')", " 125", "to_char(-7.0, 'SG99PL')", "- 7 ", "to_char(1.5, '\"about\" 9.9')", "about  1.5", "to_char('NaN'::numeric, '9999')", "  NaN", "to_char(1.0, '9PR9')", "ERROR 42601", "to_char(485.0, '999th')", " 485th", "to_char(-0.001, '9.9')", "  .0")},
		{"int4", formatInt4, examples("to_char(-12, '999')", " -12", "to_char(5, '000')", " 005", "to_char(123456, '999')", " ###", "to_char(42, 'FM999')", "42", "to_char(12, 'L99')", "  12", "to_char(3, '9th')", " 3rd")},
		{"int8", formatInt8, examples("to_char(5000000000, '9,999,999,999')", " 5,000,000,000", "to_char(5000000000, '9V9999999999')", "ERROR 22003")},
		{"float8", formatFloat8, examples("to_char(1234.5678::float8, '9999.99')", " 1234.57", "to_char(9.99::float8, '9.9EEEE')", " 1.0e+01", "to_char(1e15::float8/3, '999999999999999.99')", " 333333333333333")},
		{"float4", formatFloat4, examples("to_char(2.5::float4, '9.9')", " 2.5")},
	} {
		define("to_char("+f.typ+", text) text strict stable", Definition{
			Value:    func(_ *Env, a []types.Value) (types.Value, error) { return formatNumber(f.write, a[0], a[1].S) },
			Bind:     numberBind(f.write),
			Examples: f.ex})
	}
}

// numberFormat writes a value of one type by a template.
type numberFormat func(v types.Value, t *numberTemplate) (string, error)

// numberBind is a Bind that reads a constant template once.
func numberBind(write numberFormat) func(*Env, []*types.Value) (ValueFunc, error) {
	return func(_ *Env, consts []*types.Value) (ValueFunc, error) {
		if consts[1] == nil || consts[1].Null {
			return nil, nil
		}
		t, err := parseNumberTemplate(consts[1].S)
		if err != nil {
			return nil, nil //nolint:nilerr // it is an error of each call, and of none where there is none
		}
		return func(_ *Env, a []types.Value) (types.Value, error) {
			s, err := write(a[0], t)
			return types.NewText(s), err
		}, nil
	}
}

func formatNumber(write numberFormat, v types.Value, template string) (types.Value, error) {
	t, err := parseNumberTemplate(template)
	if err != nil {
		return types.Value{}, err
	}
	s, err := write(v, t)
	return types.NewText(s), err
}

// shifted is the template of a number that V multiplied: its 9s behind V are
// places like the others.
func (t *numberTemplate) shifted() *numberTemplate {
	s := *t
	s.pre += t.shift
	return &s
}

func formatNumeric(v types.Value, t *numberTemplate) (string, error) {
	d := v.N
	switch {
	case len(t.pieces) == 0:
		return "", nil
	case t.roman:
		rounded, err := d.Round(0)
		if err != nil {
			return "", err
		}
		n, err := rounded.Int32()
		if err != nil {
			return "", err
		}
		return t.numeral(int64(n))
	case t.exponent:
		return t.decimalExponent(d)
	case t.multiplies:
		power, err := types.DecimalFromInt64(10).Power(types.DecimalFromInt64(int64(t.shift)))
		if err != nil {
			return "", err
		}
		if d, err = d.Mul(power); err != nil {
			return "", err
		}
		t = t.shifted()
	}
	d, err := d.Round(int32(t.post))
	if err != nil {
		return "", err
	}
	return t.fixed(d.String())
}

func formatInt4(v types.Value, t *numberTemplate) (string, error) {
	n := int32(v.I)
	switch {
	case t.roman:
		return t.numeral(v.I)
	case t.exponent:
		return t.floatExponent(float64(n)), nil
	case t.multiplies: // it wraps around, as in PostgreSQL
		n *= truncateInt32(math.Pow10(t.shift))
		t = t.shifted()
	}
	return t.integer(int64(n))
}

func formatInt8(v types.Value, t *numberTemplate) (string, error) {
	n := v.I
	switch {
	case t.roman:
		if n != int64(int32(n)) {
			return "", outOfRange("integer")
		}
		return t.numeral(n)
	case t.exponent:
		return t.decimalExponent(types.DecimalFromInt64(n))
	case t.multiplies:
		power := math.Pow10(t.shift)
		if power >= 1<<63 {
			return "", bigintOutOfRange()
		}
		product := n * int64(power)
		if product/int64(power) != n {
			return "", bigintOutOfRange()
		}
		n, t = product, t.shifted()
	}
	return t.integer(n)
}

// integer writes a whole number, with zeros for the places behind a point.
func (t *numberTemplate) integer(n int64) (string, error) {
	if len(t.pieces) == 0 {
		return "", nil
	}
	s := strconv.FormatInt(n, 10)
	if t.post > 0 {
		s += "." + strings.Repeat("0", t.post)
	}
	return t.fixed(s)
}

// Of a float only these many digits say something.
const (
	float8Digits = 15
	float4Digits = 6
)

func formatFloat8(v types.Value, t *numberTemplate) (string, error) {
	f := v.F
	if t.multiplies {
		f *= math.Pow10(t.shift)
	}
	return t.float(v.F, f, float8Digits)
}

func formatFloat4(v types.Value, t *numberTemplate) (string, error) {
	f := float32(v.F)
	if t.multiplies {
		f *= float32(math.Pow10(t.shift))
	}
	return t.float(v.F, float64(f), float4Digits)
}

// float writes f, and shifted where V multiplied it. Places beyond its digits get
// nothing.
func (t *numberTemplate) float(f, shifted float64, digits int) (string, error) {
	switch {
	case len(t.pieces) == 0:
		return "", nil
	case t.roman:
		return t.numeral(int64(truncateInt32(math.RoundToEven(f))))
	case t.exponent:
		return t.floatExponent(f), nil
	}
	t = t.shifted()
	t.post = max(min(t.post, digits-len(floatText(math.Abs(shifted), 0))), 0)
	return t.fixed(floatText(shifted, t.post))
}

// floatText is a float with so many digits behind the point.
func floatText(f float64, places int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(f, 'f', places, 64)
}

// truncateInt32 is C's (int32) as the common processors compute it: what does not
// fit is the smallest.
func truncateInt32(f float64) int32 {
	if !(f > math.MinInt32-1.0 && f < math.MaxInt32+1.0) {
		return math.MinInt32
	}
	return int32(f)
}
