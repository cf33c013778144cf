package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func init() {
	rowToJSON := func(env *Env, s, comma string) (types.Value, error) {
		return types.NewString(types.JSON, textOf(appendRowAsJSON(env, nil, s, comma))), nil
	}
	define("row_to_json(record) json strict stable", Definition{
		Value:    func(env *Env, a []types.Value) (types.Value, error) { return rowToJSON(env, a[0].S, ",") },
		Examples: examples("row_to_json(ROW(1, 'foo'))", `{"f1":1,"f2":"foo"}`, "row_to_json(ROW(NULL, ARRAY[1, 2], ROW(true)))", `{"f1":null,"f2":[1,2],"f3":{"f1":true}}`)})
	define("row_to_json(record, bool) json strict stable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			if a[1].Bool() {
				return rowToJSON(env, a[0].S, ",\n ")
			}
			return rowToJSON(env, a[0].S, ",")
		},
		Examples: examples("row_to_json(ROW(1, 'foo'), true)", "{\"f1\":1,\n \"f2\":\"foo\"}", "row_to_json(ROW(1), false)", `{"f1":1}`)})
	define("btrecordcmp(record, record) int4 strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			c, err := types.CompareRows(a[0].S, a[1].S)
			return types.NewInt(types.Int4, int64(c)), err
		},
		Examples: examples("btrecordcmp(ROW(1, 2), ROW(1, 3))", "-1", "btrecordcmp(ROW(1, NULL::int), ROW(1, 3))", "1", "btrecordcmp(ROW(1), ROW('a'::text))", "ERROR 42804")})
}

// recordComparison compares rows column by column. It fails where the columns
// cannot be compared.
func recordComparison(op comparison) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		a, b := vec.Flat(c.Args[0]).(*vec.Bytes), vec.Flat(c.Args[1]).(*vec.Bytes)
		c.each(func(i int) {
			if c.null(i) {
				return
			}
			x, y := textOf(a.At(i)), textOf(b.At(i))
			var err error
			if op == equal || op == notEqual {
				var is bool
				is, err = types.EqualRows(x, y)
				out[i] = is == (op == equal)
			} else {
				var order int
				order, err = types.CompareRows(x, y)
				out[i] = op.holds(order)
			}
			if err != nil {
				c.Errs.Set(i, err)
			}
		})
	}
}

// appendRowAsJSON writes a row as an object of its columns.
func appendRowAsJSON(env *Env, dst []byte, s, comma string) []byte {
	r := types.ReadRow(s)
	dst = append(dst, '{')
	for i, v := range r.Vals {
		if i > 0 {
			dst = append(dst, comma...)
		}
		dst = append(types.AppendJSONString(dst, r.Cols[i].Name), ':')
		dst = appendAsJSON(env, dst, v)
	}
	return append(dst, '}')
}
