package function

import (
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// pairwise is the kernel of a strict function of two columns of values of a
// size, called once for a row. It costs a call a row: arithmetic on numbers has
// loops of its own.
func pairwise[A, B, O vec.Value](f func(env *Env, x A, y B) (O, error)) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[O]).Resize(c.Rows)
		o := operands[A, B](c)
		c.each(func(row int) {
			if c.null(row) {
				return
			}
			x, y := o.at(row)
			r, err := f(c.Env, x, y)
			if err != nil {
				c.Errs.Set(row, err)
				return
			}
			out[row] = r
		})
	}
}

// swapped calls f with its operands the other way round.
func swapped[A, B, O vec.Value](f func(env *Env, x A, y B) (O, error)) func(*Env, B, A) (O, error) {
	return func(env *Env, y B, x A) (O, error) { return f(env, x, y) }
}
