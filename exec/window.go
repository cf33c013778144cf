package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// window builds the operator of OVER: as the plan says, or, of an input that is
// computed when it has ended, over all of its rows.
func (b *builder) window(t *tree, n *plan.Window, to target) error {
	if b.live && (n.Mode != plan.WindowBounded || !plan.Derive(n.Input).Bounded) {
		return b.continuousWindow(t, n, to)
	}
	spec, err := b.windowSpec(t, n)
	if err != nil {
		return err
	}
	return b.operator(t, n, operator.NewWindow(spec), to, input{n.Input, 0})
}

func (b *builder) windowSpec(t *tree, n *plan.Window) (operator.WindowSpec, error) {
	spec := operator.WindowSpec{Types: schemaTypes(n.Input), Pass: n.Pass, Env: b.env, Account: b.windowHolder(t, n), Fault: b.fault}
	for _, e := range n.Partition {
		p, err := b.compile(e)
		if err != nil {
			return spec, err
		}
		spec.Partition = append(spec.Partition, operator.SortKey{Program: p, Type: e.Type()})
	}
	var err error
	if spec.OrderBy, err = b.sortKeys(n.OrderBy); err != nil {
		return spec, err
	}
	for _, c := range n.Calls {
		call, err := b.windowCall(c)
		if err != nil {
			return spec, err
		}
		spec.Calls = append(spec.Calls, call)
	}
	if n.Top != nil {
		spec.Top = &operator.WindowTop{Func: n.Top.Call.Func, Most: n.Top.Most}
	}
	return spec, nil
}

// windowHolder is the account of OVER. Partitions of rows that keep coming, in the order
// of time or of arrival, can be evicted.
func (b *builder) windowHolder(t *tree, n *plan.Window) *memory.Account {
	if len(n.Partition) == 0 {
		return b.holder(t, n)
	}
	switch n.Mode {
	case plan.WindowTimed, plan.WindowArrival:
		return b.evicter(t, n)
	}
	return b.holder(t, n)
}

func (b *builder) windowCall(c plan.WindowCall) (operator.WindowCall, error) {
	call := operator.WindowCall{Func: c.Func, Result: c.Typ}
	var err error
	if call.Args, err = b.compileAll(c.Args); err != nil {
		return call, err
	}
	for _, a := range c.Args {
		call.ArgTypes = append(call.ArgTypes, a.Type())
	}
	if c.Filter != nil {
		if call.Filter, err = b.compile(c.Filter); err != nil {
			return call, err
		}
	}
	if call.Frame, err = b.frame(c.Frame); err != nil {
		return call, err
	}
	if c.Func.Kind != catalog.Aggregate {
		return call, nil
	}
	if moves := c.Frame.Start.Kind != plan.UnboundedPreceding && c.Frame.Exclude == plan.ExcludeNothing; moves {
		if state, err := aggregate.New(c.AggCall, b.env, true); err == nil {
			call.Slides = aggregate.Slides(state)
		}
	}
	call.Aggregate = func() (aggregate.Aggregate, error) { return aggregate.New(c.AggCall, b.env, call.Slides) }
	_, err = call.Aggregate()
	return call, err
}

// frame computes the offsets of a frame, before any row is read.
func (b *builder) frame(f plan.Frame) (operator.Frame, error) {
	out := operator.Frame{Mode: f.Mode, Exclude: f.Exclude}
	var err error
	if out.Start, err = b.frameBound(f.Start, f.Mode, "starting"); err != nil {
		return out, err
	}
	out.End, err = b.frameBound(f.End, f.Mode, "ending")
	return out, err
}

func (b *builder) frameBound(bound plan.FrameBound, mode plan.FrameMode, which string) (operator.FrameBound, error) {
	out := operator.FrameBound{Kind: bound.Kind}
	if bound.Offset == nil {
		return out, nil
	}
	var err error
	if out.Offset, err = b.eval(bound.Offset); err != nil {
		return out, err
	}
	switch {
	case out.Offset.Null:
		return out, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "frame %s offset must not be null", which)
	case mode != plan.FrameRange && out.Offset.I < 0:
		return out, sqlerr.Errorf(sqlerr.InvalidPrecedingOrFollowingSize, "frame %s offset must not be negative", which)
	}
	return out, nil
}
