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

// FunctionScan makes the rows that one call of a function returns. A function
// that returns no set gives one row.
type FunctionScan struct {
	call       setCall
	ordinality bool
	env        *function.Env
	set        function.Set
	single     *types.Value // of a function that returns no set, before it is read
	started    bool
	n          int64
	out        *vec.Batch
}

// NewFunctionScan returns the leaf. With ordinality the last of the types is the
// row number's.
func NewFunctionScan(f *catalog.Function, args []*expr.Program, ts []types.Type, ordinality bool, env *function.Env) (*FunctionScan, error) {
	call, err := newSetCall(f, args, ts[0])
	if err != nil {
		return nil, err
	}
	return &FunctionScan{call: call, ordinality: ordinality, env: env, out: vec.NewBatch(ts)}, nil
}

// Next returns the next rows.
func (s *FunctionScan) Next(context.Context) (*vec.Batch, error) {
	if !s.started {
		s.started = true
		if err := s.start(); err != nil {
			return nil, err
		}
	}
	s.out.Reset()
	cols := s.out.Cols
	if s.ordinality {
		cols = cols[:len(cols)-1]
	}
	n := 0
	switch {
	case s.single != nil:
		vec.Append(cols[0], *s.single)
		s.single, n = nil, 1
	case s.set != nil:
		var err error
		if n, err = s.set.Next(cols, vec.MaxRows); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		return nil, io.EOF
	}
	if s.ordinality {
		for range n {
			s.n++
			s.out.Cols[len(cols)].(*vec.Fixed[int64]).Append(s.n)
		}
	}
	s.out.Rows = n
	return s.out, nil
}

func (s *FunctionScan) start() error {
	set, single, err := s.call.start(s.env, oneRow(), 0)
	s.set, s.single = set, single
	return err
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
