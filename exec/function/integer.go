package function

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// arithmetic is one integer operator function.
type arithmetic struct {
	name, left, right, ret string
	kernel                 VectorFunc
	examples               []Example
}

func (a arithmetic) define() {
	args := a.left
	if a.right != "" {
		args += ", " + a.right
	}
	define(fmt.Sprintf("%s(%s) %s strict immutable", a.name, args, a.ret), Definition{Vector: a.kernel, Examples: a.examples})
}

func examples(pairs ...string) []Example {
	var all []Example
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, Example{SQL: pairs[i], Text: pairs[i+1]})
	}
	return all
}

func init() {
	for _, a := range []arithmetic{
		{"int2pl", "int2", "int2", "int2", addShort[int16, int16, int16]("smallint"), examples("2::int2 + 3::int2", "5", "32767::int2 + 1::int2", "ERROR 22003", "NULL::int2 + 1::int2", "NULL")},
		{"int24pl", "int2", "int4", "int4", addShort[int16, int32, int32]("integer"), examples("2::int2 + 3", "5", "2::int2 + 2147483647", "ERROR 22003")},
		{"int42pl", "int4", "int2", "int4", addShort[int32, int16, int32]("integer"), examples("2 + 3::int2", "5")},
		{"int4pl", "int4", "int4", "int4", addShort[int32, int32, int32]("integer"), examples("2 + 3", "5", "2147483647 + 1", "ERROR 22003", "1 + NULL::int", "NULL")},
		{"int28pl", "int2", "int8", "int8", addLong[int16, int64], examples("2::int2 + 5000000000", "5000000002")},
		{"int82pl", "int8", "int2", "int8", addLong[int64, int16], examples("5000000000 + 2::int2", "5000000002")},
		{"int48pl", "int4", "int8", "int8", addLong[int32, int64], examples("2 + 5000000000", "5000000002", "1 + 9223372036854775807", "ERROR 22003")},
		{"int84pl", "int8", "int4", "int8", addLong[int64, int32], examples("5000000000 + 2", "5000000002")},
		{"int8pl", "int8", "int8", "int8", addLong[int64, int64], examples("5000000000 + 5000000000", "10000000000", "9223372036854775807 + 1::int8", "ERROR 22003")},
		{"int2mi", "int2", "int2", "int2", subShort[int16, int16, int16]("smallint"), examples("2::int2 - 3::int2", "-1", "(-32768)::int2 - 1::int2", "ERROR 22003")},
		{"int24mi", "int2", "int4", "int4", subShort[int16, int32, int32]("integer"), examples("2::int2 - 3", "-1")},
		{"int42mi", "int4", "int2", "int4", subShort[int32, int16, int32]("integer"), examples("2 - 3::int2", "-1")},
		{"int4mi", "int4", "int4", "int4", subShort[int32, int32, int32]("integer"), examples("2 - 3", "-1", "(-2147483648)::int4 - 1", "ERROR 22003")},
		{"int28mi", "int2", "int8", "int8", subLong[int16, int64], examples("2::int2 - 5000000000", "-4999999998")},
		{"int82mi", "int8", "int2", "int8", subLong[int64, int16], examples("5000000000 - 2::int2", "4999999998")},
		{"int48mi", "int4", "int8", "int8", subLong[int32, int64], examples("2 - 5000000000", "-4999999998")},
		{"int84mi", "int8", "int4", "int8", subLong[int64, int32], examples("5000000000 - 2", "4999999998")},
		{"int8mi", "int8", "int8", "int8", subLong[int64, int64], examples("5000000000 - 5000000001", "-1", "(-9223372036854775807) - 2::int8", "ERROR 22003")},
		{"int2mul", "int2", "int2", "int2", mulShort[int16, int16, int16]("smallint"), examples("2::int2 * 3::int2", "6", "300::int2 * 300::int2", "ERROR 22003")},
		{"int24mul", "int2", "int4", "int4", mulShort[int16, int32, int32]("integer"), examples("2::int2 * 3", "6")},
		{"int42mul", "int4", "int2", "int4", mulShort[int32, int16, int32]("integer"), examples("2 * 3::int2", "6")},
		{"int4mul", "int4", "int4", "int4", mulShort[int32, int32, int32]("integer"), examples("-2 * 3", "-6", "65536 * 65536", "ERROR 22003")},
		{"int28mul", "int2", "int8", "int8", mulLong[int16, int64], examples("2::int2 * 5000000000", "10000000000")},
		{"int82mul", "int8", "int2", "int8", mulLong[int64, int16], examples("5000000000 * 2::int2", "10000000000")},
		{"int48mul", "int4", "int8", "int8", mulLong[int32, int64], examples("-2 * 5000000000", "-10000000000")},
		{"int84mul", "int8", "int4", "int8", mulLong[int64, int32], examples("5000000000 * -2", "-10000000000")},
		{"int8mul", "int8", "int8", "int8", mulLong[int64, int64], examples("3000000000 * 3000000000", "9000000000000000000", "5000000000 * 5000000000", "ERROR 22003")},
		{"int2div", "int2", "int2", "int2", divide[int16, int16, int16]("smallint"), examples("7::int2 / 2::int2", "3", "(-32768)::int2 / (-1)::int2", "ERROR 22003")},
		{"int24div", "int2", "int4", "int4", divide[int16, int32, int32]("integer"), examples("7::int2 / 2", "3")},
		{"int42div", "int4", "int2", "int4", divide[int32, int16, int32]("integer"), examples("-7 / 2::int2", "-3")},
		{"int4div", "int4", "int4", "int4", divide[int32, int32, int32]("integer"), examples("7 / 2", "3", "1 / 0", "ERROR 22012", "NULL::int / 0", "NULL", "(-2147483648)::int4 / (-1)", "ERROR 22003")},
		{"int28div", "int2", "int8", "int8", divide[int16, int64, int64]("bigint"), examples("7::int2 / 2::int8", "3")},
		{"int82div", "int8", "int2", "int8", divide[int64, int16, int64]("bigint"), examples("5000000001 / 2::int2", "2500000000")},
		{"int48div", "int4", "int8", "int8", divide[int32, int64, int64]("bigint"), examples("7 / 2::int8", "3")},
		{"int84div", "int8", "int4", "int8", divide[int64, int32, int64]("bigint"), examples("5000000001 / -2", "-2500000000")},
		{"int8div", "int8", "int8", "int8", divide[int64, int64, int64]("bigint"), examples("5000000001 / 2::int8", "2500000000", "(-9223372036854775808)::int8 / (-1)::int8", "ERROR 22003")},
		{"int2mod", "int2", "int2", "int2", modulo[int16], examples("7::int2 % 3::int2", "1")},
		{"int4mod", "int4", "int4", "int4", modulo[int32], examples("-7 % 3", "-1", "7 % 0", "ERROR 22012", "(-2147483648)::int4 % (-1)", "0")},
		{"int8mod", "int8", "int8", "int8", modulo[int64], examples("5000000001 % 2::int8", "1")},
		{"mod", "int2", "int2", "int2", modulo[int16], examples("mod(7::int2, 3::int2)", "1")},
		{"mod", "int4", "int4", "int4", modulo[int32], examples("mod(7, -3)", "1")},
		{"mod", "int8", "int8", "int8", modulo[int64], examples("mod(5000000001, 2::int8)", "1")},
		{"int2um", "int2", "", "int2", negate[int16]("smallint"), examples("- (5::int2)", "-5", "- ((-32768)::int2)", "ERROR 22003")},
		{"int4um", "int4", "", "int4", negate[int32]("integer"), examples("- (5)", "-5", "- ((-2147483648)::int4)", "ERROR 22003")},
		{"int8um", "int8", "", "int8", negate[int64]("bigint"), examples("- (5000000000)", "-5000000000")},
		{"int2abs", "int2", "", "int2", absolute[int16]("smallint"), examples("@ (-5)::int2", "5")},
		{"int4abs", "int4", "", "int4", absolute[int32]("integer"), examples("@ -5", "5")},
		{"int8abs", "int8", "", "int8", absolute[int64]("bigint"), examples("@ -5000000000", "5000000000")},
		{"abs", "int2", "", "int2", absolute[int16]("smallint"), examples("abs((-5)::int2)", "5", "abs((-32768)::int2)", "ERROR 22003")},
		{"abs", "int4", "", "int4", absolute[int32]("integer"), examples("abs(-5)", "5")},
		{"abs", "int8", "", "int8", absolute[int64]("bigint"), examples("abs(-5000000000)", "5000000000")},
	} {
		a.define()
	}
	defineBits[int16]("int2", types.Int2, 16)
	defineBits[int32]("int4", types.Int4, 32)
	defineBits[int64]("int8", types.Int8, 64)
	definePlus("int2", "3::int2", "3")
	definePlus("int4", "3", "3")
	definePlus("int8", "5000000000", "5000000000")
	definePlus("float4", "1.5::float4", "1.5")
	definePlus("float8", "1.5::float8", "1.5")
	define("numeric_uplus(numeric) numeric strict immutable", Definition{Value: first, Examples: examples("+ 1.50", "1.50")})

	define("gcd(int4, int4) int4 strict immutable", Definition{Value: gcd(types.Int4, "integer"), Examples: examples("gcd(12, -18)", "6")})
	define("gcd(int8, int8) int8 strict immutable", Definition{Value: gcd(types.Int8, "bigint"), Examples: examples("gcd(5000000000, 1500000000)", "500000000")})
	define("lcm(int4, int4) int4 strict immutable", Definition{Value: lcm(types.Int4, "integer"), Examples: examples("lcm(4, 6)", "12", "lcm(0, 6)", "0")})
	define("lcm(int8, int8) int8 strict immutable", Definition{Value: lcm(types.Int8, "bigint"), Examples: examples("lcm(4::int8, 6::int8)", "12")})
}

// first returns its argument.
func first(_ *Env, args []types.Value) (types.Value, error) { return args[0], nil }

func definePlus(typ, literal, want string) {
	define(fmt.Sprintf("%sup(%s) %s strict immutable", typ, typ, typ), Definition{Value: first, Examples: examples("+ ("+literal+")", want)})
}

// defineBits defines & | # ~ << >> of one size. A shift takes its count modulo
// the size, as the processors do on which PostgreSQL runs.
func defineBits[T int16 | int32 | int64](typ string, oid types.OID, width int64) {
	binary := func(name, op, want string, f func(x, y int64) int64) {
		define(fmt.Sprintf("%s%s(%s, %s) %s strict immutable", typ, name, typ, typ, typ), Definition{
			Vector: func(c *Call) {
				out := c.Out.(*vec.Fixed[T]).Resize(c.Rows)
				o := operands[T, T](c)
				c.each(func(row int) {
					x, y := o.at(row)
					out[row] = T(f(int64(x), int64(y)))
				})
			},
			Examples: examples(fmt.Sprintf("12::%s %s 10::%s", typ, op, typ), want),
		})
	}
	binary("and", "&", "8", func(x, y int64) int64 { return x & y })
	binary("or", "|", "14", func(x, y int64) int64 { return x | y })
	binary("xor", "#", "6", func(x, y int64) int64 { return x ^ y })
	define(fmt.Sprintf("%snot(%s) %s strict immutable", typ, typ, typ), Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return types.NewInt(oid, int64(^T(a[0].I))), nil },
		Examples: examples(fmt.Sprintf("~ 12::%s", typ), "-13"),
	})
	shift := func(name, op, want string, f func(x T, n uint64) T) {
		define(fmt.Sprintf("%s%s(%s, int4) %s strict immutable", typ, name, typ, typ), Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				return types.NewInt(oid, int64(f(T(a[0].I), uint64(a[1].I)&uint64(max(width, 32)-1)))), nil
			},
			Examples: examples(fmt.Sprintf("12::%s %s 2", typ, op), want),
		})
	}
	shift("shl", "<<", "48", func(x T, n uint64) T { return x << n })
	shift("shr", ">>", "3", func(x T, n uint64) T { return x >> n })
}

func gcdOf(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func gcd(oid types.OID, typ string) ValueFunc {
	return func(_ *Env, a []types.Value) (types.Value, error) {
		return fitting(oid, typ, gcdOf(magnitude(a[0].I), magnitude(a[1].I)), true)
	}
}

func lcm(oid types.OID, typ string) ValueFunc {
	return func(_ *Env, a []types.Value) (types.Value, error) {
		x, y := magnitude(a[0].I), magnitude(a[1].I)
		if x == 0 || y == 0 {
			return types.NewInt(oid, 0), nil
		}
		x /= gcdOf(x, y)
		product := x * y
		return fitting(oid, typ, product, product/x == y)
	}
}

func fitting(oid types.OID, typ string, x uint64, ok bool) (types.Value, error) {
	limit := uint64(1<<63 - 1)
	if oid == types.Int4 {
		limit = 1<<31 - 1
	}
	if !ok || x > limit {
		return types.Value{}, outOfRange(typ)
	}
	return types.NewInt(oid, int64(x)), nil
}
