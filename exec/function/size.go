package function

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Sizes for people: pg_size_pretty and pg_size_bytes.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...Example) {
		define(sig, Definition{Value: f, Examples: ex})
	}
	op("pg_size_pretty(int8) text strict immutable", func(_ *Env, a vs) (types.Value, error) { return text(sizePretty(a[0].I)) },
		examples("pg_size_pretty(10239::int8)", "10239 bytes", "pg_size_pretty(10240::int8)", "10 kB", "pg_size_pretty(123456789::int8)", "118 MB", "pg_size_pretty((-5)::int8)", "-5 bytes")...)
	op("pg_size_pretty(numeric) text strict immutable", func(_ *Env, a vs) (types.Value, error) { return text(numericSizePretty(a[0].N)) },
		examples("pg_size_pretty(10.50)", "10.50 bytes", "pg_size_pretty(10239.9)", "10239.9 bytes", "pg_size_pretty(10240.0)", "10 kB", "pg_size_pretty(-123456789.5)", "-118 MB",
			"pg_size_pretty(1e30)", "888178419700125 PB", "pg_size_pretty('NaN'::numeric)", "NaN PB", "pg_size_pretty('-Infinity'::numeric)", "-Infinity PB", "pg_size_pretty(10485247.0)", "10239 kB", "pg_size_pretty(10485248.0)", "10 MB")...)
	op("pg_size_bytes(text) int8 strict immutable", func(_ *Env, a vs) (types.Value, error) { return sizeBytes(a[0].S) },
		examples("pg_size_bytes('1')", "1", "pg_size_bytes(' 1.5 MB ')", "1572864", "pg_size_bytes('-1gb')", "-1073741824", "pg_size_bytes('1e3 kB')", "1024000", "pg_size_bytes('.5 kB')", "512", "pg_size_bytes('1.4 bytes')", "1",
			"pg_size_bytes('10 PB')", "11258999068426240", "pg_size_bytes('1 b')", "1", "pg_size_bytes('1e')", "ERROR 22023", "pg_size_bytes('1 xx')", "ERROR 22023", "pg_size_bytes('')", "ERROR 22023", "pg_size_bytes('.')", "ERROR 22023", "pg_size_bytes('1e10 PB')", "ERROR 22003", "pg_size_bytes('1 kB kB')", "ERROR 22023")...)
}

func sizePretty(n int64) string {
	const limit = 10 * 1024
	if magnitude(n) < limit {
		return fmt.Sprintf("%d bytes", n)
	}
	n /= 512 // keeps one bit for rounding
	for _, unit := range []string{"kB", "MB", "GB", "TB"} {
		if magnitude(n) < limit*2-1 {
			return fmt.Sprintf("%d %s", halfRounded(n), unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%d PB", halfRounded(n))
}

func halfRounded(n int64) int64 {
	if n < 0 {
		return (n - 1) / 2
	}
	return (n + 1) / 2
}

func numericSizePretty(d types.Decimal) string {
	if !d.IsFinite() {
		return d.String() + " PB"
	}
	if d.Abs().Compare(types.DecimalFromInt64(10*1024)) < 0 {
		return d.String() + " bytes"
	}
	n := d.Trunc(0).Big()
	n.Quo(n, big.NewInt(512)) // keeps one bit for rounding
	limit, k := big.NewInt(20*1024-1), big.NewInt(1024)
	units := []string{"kB", "MB", "GB", "TB", "PB"}
	for len(units) > 1 && n.CmpAbs(limit) >= 0 {
		n.Quo(n, k)
		units = units[1:]
	}
	n.Add(n, big.NewInt(int64(n.Sign()|1)))
	return n.Quo(n, big.NewInt(2)).String() + " " + units[0]
}

// sizeUnits are the units in the order of a hint, each with its power of 1024.
var sizeUnits = []struct {
	name  string
	power uint
}{{"bytes", 0}, {"B", 0}, {"kB", 1}, {"MB", 2}, {"GB", 3}, {"TB", 4}, {"PB", 5}}

// sizeBytes is pg_size_bytes: a number, then a unit.
func sizeBytes(s string) (types.Value, error) {
	invalid := func() *sqlerr.Error { return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid size: \"%s\"", s) }
	rest := strings.TrimLeft(s, asciiSpace)
	end := sizeNumber(rest)
	if end == 0 {
		return types.Value{}, invalid()
	}
	n, err := types.ParseDecimal(rest[:end])
	if err != nil {
		return types.Value{}, err
	}
	unit := strings.Trim(rest[end:], asciiSpace)
	if unit != "" {
		power := uint(0)
		for i, u := range sizeUnits {
			if strings.EqualFold(u.name, unit) {
				power = u.power
				break
			}
			if i == len(sizeUnits)-1 {
				return types.Value{}, invalid().WithDetail("Invalid size unit: \"%s\".", unit).
					WithHint(`Valid units are "bytes", "B", "kB", "MB", "GB", "TB", and "PB".`)
			}
		}
		if n, err = n.Mul(types.DecimalFromInt64(1 << (10 * power))); err != nil {
			return types.Value{}, err
		}
	}
	bytes, err := n.Int64()
	return types.NewInt(types.Int8, bytes), err
}

const asciiSpace = " \t\n\v\f\r"

// sizeNumber is the length of the number that s begins with, 0 where it begins
// with none. An e without digits after it is no exponent.
func sizeNumber(s string) int {
	digits := func(at int) int {
		for at < len(s) && s[at] >= '0' && s[at] <= '9' {
			at++
		}
		return at
	}
	sign := func(at int) int {
		if at < len(s) && (s[at] == '+' || s[at] == '-') {
			return at + 1
		}
		return at
	}
	start := sign(0)
	at := digits(start)
	have := at > start
	if at < len(s) && s[at] == '.' {
		end := digits(at + 1)
		have, at = have || end > at+1, end
	}
	if !have {
		return 0
	}
	if at < len(s) && (s[at] == 'e' || s[at] == 'E') {
		from := sign(at + 1)
		if end := digits(from); end > from {
			if _, err := strconv.ParseInt(s[at+1:end], 10, 32); err == nil {
				at = end
			}
		}
	}
	return at
}
