package function

import (
	"fmt"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Casts between numbers. pg_cast says which of them are implicit.

func init() {
	cast := func(to, from string, kernel VectorFunc, ex ...string) {
		define(fmt.Sprintf("%s(%s) %s strict immutable", to, from, to), Definition{Vector: kernel, Examples: examples(ex...)})
	}
	cast("int2", "int4", intToInt[int32, int16]("smallint"), "5::int4::int2", "5", "40000::int2", "ERROR 22003")
	cast("int2", "int8", intToInt[int64, int16]("smallint"), "5::int8::int2", "5")
	cast("int4", "int2", intToInt[int16, int32]("integer"), "5::int2::int4", "5")
	cast("int4", "int8", intToInt[int64, int32]("integer"), "5::int8::int4", "5", "5000000000::int4", "ERROR 22003")
	cast("int8", "int2", intToInt[int16, int64]("bigint"), "5::int2::int8", "5")
	cast("int8", "int4", intToInt[int32, int64]("bigint"), "(-5)::int8", "-5")
	cast("oid", "int8", intToInt[int64, uint32]("OID"), "5::int8::oid", "5", "5000000000::oid", "ERROR 22003")
	cast("int8", "oid", intToInt[uint32, int64]("bigint"), "4294967295::oid::int8", "4294967295")
	cast("float4", "int2", intToFloat[int16, float32], "5::int2::float4", "5")
	cast("float4", "int4", intToFloat[int32, float32], "16777217::float4", "1.6777216e+07")
	cast("float4", "int8", intToFloat[int64, float32], "5::int8::float4", "5")
	cast("float8", "int2", intToFloat[int16, float64], "5::int2::float8", "5")
	cast("float8", "int4", intToFloat[int32, float64], "16777217::float8", "16777217")
	cast("float8", "int8", intToFloat[int64, float64], "9007199254740993::float8", "9.007199254740992e+15")
	cast("numeric", "int2", numericFrom[int16], "5::int2::numeric", "5")
	cast("numeric", "int4", numericFrom[int32], "5::numeric", "5")
	cast("numeric", "int8", numericFrom[int64], "5000000000::numeric", "5000000000")
	cast("int2", "float4", floatToInt[float32, int16]("smallint", -1<<15, 1<<15), "2.5::float4::int2", "2", "40000::float4::int2", "ERROR 22003")
	cast("int4", "float4", floatToInt[float32, int32]("integer", -1<<31, 1<<31), "3.5::float4::int4", "4")
	cast("int8", "float4", floatToInt[float32, int64]("bigint", -1<<63, 1<<63), "1e10::float4::int8", "10000000000")
	cast("int2", "float8", floatToInt[float64, int16]("smallint", -1<<15, 1<<15), "(-2.5)::float8::int2", "-2")
	cast("int4", "float8", floatToInt[float64, int32]("integer", -1<<31, 1<<31), "2.5::float8::int4", "2", "'NaN'::float8::int4", "ERROR 22003", "2147483648::float8::int4", "ERROR 22003")
	cast("int8", "float8", floatToInt[float64, int64]("bigint", -1<<63, 1<<63), "1e18::float8::int8", "1000000000000000000", "1e19::float8::int8", "ERROR 22003")
	cast("float8", "float4", floatToFloat[float32, float64], "0.1::float4::float8", "0.10000000149011612")
	cast("float4", "float8", floatToFloat[float64, float32], "0.1::float8::float4", "0.1", "1e300::float8::float4", "ERROR 22003", "1e-300::float8::float4", "ERROR 22003")

	value := func(to, from string, f ValueFunc, ex ...string) {
		define(fmt.Sprintf("%s(%s) %s strict immutable", to, from, to), Definition{Value: f, Examples: examples(ex...)})
	}
	value("numeric", "float4", func(_ *Env, a []types.Value) (types.Value, error) {
		d, err := types.DecimalFromFloat32(float32(a[0].F))
		return types.NewNumeric(d), err
	}, "1.1::float4::numeric", "1.1")
	value("numeric", "float8", func(_ *Env, a []types.Value) (types.Value, error) {
		d, err := types.DecimalFromFloat64(a[0].F)
		return types.NewNumeric(d), err
	}, "0.1::float8::numeric", "0.1", "'NaN'::float8::numeric", "NaN")
	value("int2", "numeric", func(_ *Env, a []types.Value) (types.Value, error) {
		i, err := a[0].N.Int16()
		return types.NewInt(types.Int2, int64(i)), err
	}, "2.5::int2", "3", "40000.0::int2", "ERROR 22003")
	value("int4", "numeric", func(_ *Env, a []types.Value) (types.Value, error) {
		i, err := a[0].N.Int32()
		return types.NewInt(types.Int4, int64(i)), err
	}, "2.5::int4", "3", "(-2.5)::int4", "-3", "'NaN'::numeric::int4", "ERROR 0A000")
	value("int8", "numeric", func(_ *Env, a []types.Value) (types.Value, error) {
		i, err := a[0].N.Int64()
		return types.NewInt(types.Int8, i), err
	}, "2.4::int8", "2", "1e20::int8", "ERROR 22003")
	value("float4", "numeric", func(_ *Env, a []types.Value) (types.Value, error) {
		f, err := a[0].N.Float32()
		return types.NewFloat(types.Float4, float64(f)), err
	}, "1.1::float4", "1.1")
	value("float8", "numeric", func(_ *Env, a []types.Value) (types.Value, error) {
		f, err := a[0].N.Float64()
		return types.NewFloat(types.Float8, f), err
	}, "1.1::float8", "1.1", "1e400::float8", "ERROR 22003")
	value("bool", "int4", func(_ *Env, a []types.Value) (types.Value, error) { return boolean(a[0].I != 0) },
		"5::bool", "t", "0::bool", "f")
	value("int4", "bool", func(_ *Env, a []types.Value) (types.Value, error) { return int4(int(a[0].I)) },
		"true::int4", "1")
}

func intToInt[A, B integer](typ string) VectorFunc {
	return func(c *Call) {
		in := c.Args[0].(*vec.Fixed[A]).Values[:c.Rows]
		out := c.Out.(*vec.Fixed[B]).Resize(c.Rows)
		var bad int64
		for i, x := range in {
			out[i] = B(x)
			bad |= int64(x) ^ int64(B(x))
		}
		if bad != 0 {
			fail(c, func() error { return outOfRange(typ) }, func(row int) bool { return int64(in[row]) != int64(B(in[row])) })
		}
	}
}

func intToFloat[A integer, B float](c *Call) {
	in := c.Args[0].(*vec.Fixed[A]).Values[:c.Rows]
	out := c.Out.(*vec.Fixed[B]).Resize(c.Rows)
	for i, x := range in {
		out[i] = B(x)
	}
}

// floatToInt rounds half to even.
func floatToInt[A float, B integer](typ string, low, high float64) VectorFunc {
	return func(c *Call) {
		in := c.Args[0].(*vec.Fixed[A]).Values
		out := c.Out.(*vec.Fixed[B]).Resize(c.Rows)
		c.each(func(row int) {
			x := math.RoundToEven(float64(in[row]))
			if !(x >= low && x < high) {
				out[row] = 0
				if !c.null(row) {
					c.Errs.Set(row, outOfRange(typ))
				}
				return
			}
			out[row] = B(x)
		})
	}
}

func floatToFloat[A, B float](c *Call) {
	in := c.Args[0].(*vec.Fixed[A]).Values
	out := c.Out.(*vec.Fixed[B]).Resize(c.Rows)
	c.each(func(row int) {
		x := in[row]
		out[row] = B(x)
		switch {
		case c.null(row):
		case infinite(out[row]) && !infinite(x):
			c.Errs.Set(row, overflow())
		case out[row] == 0 && x != 0:
			c.Errs.Set(row, underflow())
		}
	})
}
