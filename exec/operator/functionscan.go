package operator

import (
	"context"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// ScanCall is one function of a FunctionScan, or, where Func is nil, an
// expression whose value is the one row.
type ScanCall struct {
	Func  *catalog.Function
	Args  []*expr.Program
	Value *expr.Program
	Types []types.Type // of its columns
	// Spread: each of Func's values is a row whose columns they are.
	Spread bool
}

// FunctionScan makes the rows that a call of each of its functions returns, in
// step: the columns of one that ends before the others are NULL. A function that
// returns no set gives one row.
type FunctionScan struct {
	calls      []scanCall
	ordinality bool
	env        *function.Env
	started    bool
	n          int64
	out        *vec.Batch
}

// scanCall is a call that is read.
type scanCall struct {
	ScanCall
	call   setCall
	set    function.Set
	single *types.Value // of what returns no set, before it is read
}

// NewFunctionScan returns the leaf. With ordinality the last of the types is the
// row number's.
func NewFunctionScan(calls []ScanCall, ts []types.Type, ordinality bool, env *function.Env) (*FunctionScan, error) {
	s := &FunctionScan{ordinality: ordinality, env: env, out: vec.NewBatch(ts)}
	for _, c := range calls {
		sc := scanCall{ScanCall: c}
		if c.Func != nil {
			var err error
			if sc.call, err = newSetCall(c.Func, c.Args, c.Types[0]); err != nil {
				return nil, err
			}
		}
		s.calls = append(s.calls, sc)
	}
	return s, nil
}

// Next returns the next rows.
func (s *FunctionScan) Next(context.Context) (*vec.Batch, error) {
	if !s.started {
		s.started = true
		for i := range s.calls {
			if err := s.calls[i].start(s.env); err != nil {
				return nil, err
			}
		}
	}
	s.out.Reset()
	cols, most := s.out.Cols, 0
	for i := range s.calls {
		c := &s.calls[i]
		n, err := c.read(cols[:len(c.Types)])
		if err != nil {
			return nil, err
		}
		cols, most = cols[len(c.Types):], max(most, n)
	}
	if most == 0 {
		return nil, io.EOF
	}
	if s.ordinality {
		for range most {
			s.n++
			cols[0].(*vec.Fixed[int64]).Append(s.n)
		}
	}
	if len(s.calls) > 1 {
		for _, c := range s.out.Cols {
			for c.Len() < most {
				vec.AppendNull(c)
			}
		}
	}
	s.out.Rows = most
	return s.out, nil
}

func (c *scanCall) start(env *function.Env) error {
	if c.Func == nil {
		v, err := EvalRow(c.Value, c.Types[0])
		c.single = &v
		return err
	}
	set, single, err := c.call.start(env, oneRow(), 0)
	c.set, c.single = set, single
	return err
}

// read appends the call's next rows, as many as a batch holds.
func (c *scanCall) read(cols []vec.Vec) (int, error) {
	switch {
	case c.Func != nil && (c.Func.Shaped || c.Spread):
		return c.readRecords(cols)
	case c.single != nil:
		vec.Append(cols[0], *c.single)
		c.single = nil
		return 1, nil
	case c.set != nil:
		return fill(c.set, cols, vec.MaxRows)
	}
	return 0, nil
}

// readRecords appends the next records, each spread over the columns; NULL is a
// row of NULLs.
func (c *scanCall) readRecords(cols []vec.Vec) (int, error) {
	var rows vec.Bytes
	n := 0
	switch {
	case c.single != nil:
		vec.Append(&rows, *c.single)
		c.single, n = nil, 1
	case c.set != nil:
		var err error
		if n, err = fill(c.set, []vec.Vec{&rows}, vec.MaxRows); err != nil {
			return 0, err
		}
	}
	var row types.Row
	for i := range n {
		if rows.Nulls().Get(i) {
			for _, col := range cols {
				vec.AppendNull(col)
			}
			continue
		}
		row.Read(string(rows.At(i)))
		for k, v := range row.Vals {
			vec.Append(cols[k], v)
		}
	}
	return n, nil
}

// fill reads a set until there are limit rows or it ends: rows of several sets
// that go in step must be as many.
func fill(set function.Set, cols []vec.Vec, limit int) (int, error) {
	total := 0
	for total < limit {
		n, err := set.Next(cols, limit-total)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		total += n
	}
	return total, nil
}

// Close does nothing.
func (*FunctionScan) Close() error { return nil }

// setCall is a call of a function for one row at a time.
type setCall struct {
	def  *function.Definition
	ret  types.Type // of a function that returns no set
	args []*expr.Program
	vals []types.Value
	cols []vec.Vec
}

func newSetCall(f *catalog.Function, args []*expr.Program, ret types.Type) (setCall, error) {
	def := function.Kernel(f)
	if def == nil {
		return setCall{}, sqlerr.Unsupported("Call it in the select list.", "function %s in FROM is not supported", f.Name)
	}
	return setCall{def: def, ret: ret, args: args, vals: make([]types.Value, len(args)), cols: make([]vec.Vec, len(args))}, nil
}

// compute computes the arguments of all live rows of b.
func (c *setCall) compute(b *vec.Batch, sel []int32, fault Fault, buf *[]int32) ([]int32, error) {
	part := vec.Batch{Cols: b.Cols, Sel: sel, Rows: b.Rows}
	return runAll(c.args, &part, c.cols, fault, buf)
}

// begin starts the call for a row whose arguments are computed: a set, or the
// one value of a function that returns none. Both nil: no row, because the
// function is strict and an argument is NULL.
func (c *setCall) begin(env *function.Env, row int) (function.Set, *types.Value, error) {
	null := false
	for i, p := range c.args {
		c.vals[i] = vec.Get(c.cols[i], row, p.Type())
		null = null || c.vals[i].Null
	}
	strict := c.def.Func.Strict && null
	if c.def.Set != nil {
		if strict {
			return nil, nil, nil
		}
		set, err := c.def.Set(env, c.vals)
		return set, nil, err
	}
	if strict {
		v := types.NullOf(c.ret)
		return nil, &v, nil
	}
	v, err := c.def.Call(env, c.vals, c.ret)
	return nil, &v, err
}

func (c *setCall) start(env *function.Env, b *vec.Batch, row int) (function.Set, *types.Value, error) {
	var buf []int32
	if _, err := c.compute(b, nil, nil, &buf); err != nil {
		return nil, nil, err
	}
	return c.begin(env, row)
}
