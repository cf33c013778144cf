package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Definition is a function with everything that runs it. Of Value, Vector and
// Set at least one is there; where Vector is nil, Value is called for each row.
type Definition struct {
	Func *catalog.Function
	// Value computes one call. Its arguments' strings are borrowed until it
	// returns; its result may point into them. Not called with a NULL where the
	// function is strict.
	Value ValueFunc
	// Vector computes a column.
	Vector VectorFunc
	// Bind makes a Value that knows the constant arguments (nil: not constant),
	// so that a pattern or path is compiled once. It may return nil: use Value.
	Bind func(env *Env, consts []*types.Value) (ValueFunc, error)
	// NullSpread: NULL as the array after VARIADIC is no argument at all; else
	// it makes the result NULL.
	NullSpread bool
	// Set starts one call of a function that returns a set.
	Set SetFunc
	// Examples are its document and its test.
	Examples []Example
}

// ValueFunc computes one call.
type ValueFunc func(env *Env, args []types.Value) (types.Value, error)

// VectorFunc computes the rows c.Sel of c.Out.
type VectorFunc func(c *Call)

// Call is one call of a vector kernel.
type Call struct {
	Env  *Env
	Args []vec.Vec // each of Rows rows; some may be *vec.Const, never all
	Sel  []int32   // the rows to compute, ascending; nil: all
	Rows int
	// Out is an empty column of the result type. The kernel gives it Rows rows,
	// of which those not in Sel may hold anything.
	Out vec.Vec
	// Nulls are, of a strict function, the rows with a NULL argument: the kernel
	// may compute anything there but an error. The caller sets them in Out.
	Nulls *vec.Bitmap
	Errs  *Errors
	// Most is how many bytes of strings Out should hold at most, 0 for as many as
	// the query may: a kernel that would give it more sets Over, and nothing that
	// it computed is read.
	Most int
	Over bool
}

// SetFunc starts one call of a function that returns a set.
type SetFunc func(env *Env, args []types.Value) (Set, error)

// Set are the rows that one call returns.
type Set interface {
	// Next appends up to limit rows to out, one column for each of the
	// function's, and returns how many; 0 at the end.
	Next(out []vec.Vec, limit int) (int, error)
}

// Example is a SQL expression and the text of its value; NULL is "NULL". For a
// function that returns a set the values are separated by ", ". Where it fails,
// Text is "ERROR " and the SQLSTATE.
type Example struct {
	SQL  string
	Text string
	// Ours says why PostgreSQL answers otherwise; "": it answers the same.
	Ours string
}

// Call computes one call of a function that returns no set: for those who have
// values rather than columns. A strict function may be given no NULL.
func (d *Definition) Call(env *Env, args []types.Value, ret types.Type) (types.Value, error) {
	if d.Value != nil {
		return d.Value(env, args)
	}
	var errs Errors
	c := Call{Env: env, Rows: 1, Out: vec.New(ret), Nulls: &vec.Bitmap{}, Errs: &errs}
	for _, a := range args {
		col := vec.New(a.Type)
		vec.Append(col, a)
		c.Args = append(c.Args, col)
	}
	d.Vector(&c)
	if err := errs.First(); err != nil {
		return types.Value{}, err
	}
	return vec.Get(c.Out, 0, ret), nil
}
