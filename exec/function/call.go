package function

import (
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// each calls f for every row to compute.
func (c *Call) each(f func(row int)) {
	if c.Sel == nil {
		for row := range c.Rows {
			f(row)
		}
		return
	}
	for _, row := range c.Sel {
		f(int(row))
	}
}

// null reports whether a row has a NULL argument, of a strict function.
func (c *Call) null(row int) bool { return c.Nulls.Any() && c.Nulls.Get(row) }

// goesOn reports whether the statement has not ended; if it has, that is the
// row's error.
func (c *Call) goesOn(row int) bool {
	err := c.Env.Ended()
	if err != nil {
		c.Errs.Set(row, err)
	}
	return err == nil
}

// eachBytes calls f for every row to compute that is not NULL, in order, with
// the string that argument 0 has there; f appends the result to out's Data.
func (c *Call) eachBytes(f func(row int, b []byte)) {
	out, arg := c.Out.(*vec.Bytes), c.Args[0].(*vec.Bytes)
	c.each(func(row int) {
		out.Pad(row)
		if !c.null(row) {
			b := arg.At(row)
			if len(b) <= LongValue || c.goesOn(row) {
				f(row, b)
			}
		}
		out.EndRow()
	})
	out.Pad(c.Rows)
}

// text, int and the like make results shorter to write.

func text(s string) (types.Value, error) { return types.NewText(s), nil }

func boolean(b bool) (types.Value, error) { return types.NewBool(b), nil }

func whether(b bool, err error) (types.Value, error) { return types.NewBool(b), err }

func int4(i int) (types.Value, error) { return types.NewInt(types.Int4, int64(i)), nil }

func int8(i int64) (types.Value, error) { return types.NewInt(types.Int8, i), nil }

func float8(f float64) (types.Value, error) { return types.NewFloat(types.Float8, f), nil }

func numeric(d types.Decimal) (types.Value, error) { return types.NewNumeric(d), nil }

func null(oid types.OID) (types.Value, error) { return types.NullOf(types.Of(oid)), nil }

// bytesOf is s without a copy, to be read only.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// textOf is b without a copy; b is not written to again.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
