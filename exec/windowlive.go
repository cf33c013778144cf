package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// continuousWindow builds the operator of OVER over rows that keep coming.
func (b *builder) continuousWindow(t *tree, n *plan.Window, to target) error {
	spec, err := b.windowSpec(t, n)
	if err != nil {
		return err
	}
	for i, c := range n.Calls {
		if err := b.windowOffset(&spec.Calls[i], c); err != nil {
			return err
		}
	}
	switch n.Mode {
	case plan.WindowTimed, plan.WindowArrival:
		return b.over(t, n, spec, to)
	case plan.WindowClosing:
		c := operator.WindowClosingSpec{WindowSpec: spec, Shift: closingShift(n.Closing), Late: b.late}
		if c.End, err = b.compile(n.Time); err != nil {
			return err
		}
		return b.operator(t, n, operator.NewWindowClosing(c), to, input{n.Input, 0})
	case plan.WindowFirst:
		return b.first(t, n, spec, to)
	case plan.WindowChanges:
		return b.operator(t, n, operator.NewWindowChanges(spec), to, input{n.Input, 0})
	}
	_, why, hint := n.Continuous()
	return sqlerr.Unsupported(hint, "%s is not supported in a continuous query", why)
}

// windowOffset computes the constant offset of lag, lead and nth_value.
func (b *builder) windowOffset(call *operator.WindowCall, c plan.WindowCall) error {
	switch c.Func.Name {
	case "lag", "lead", "nth_value":
	default:
		return nil
	}
	if len(c.Args) < 2 {
		return nil
	}
	variable := plan.HasOuter(c.Args[1])
	plan.EachColumn(c.Args[1], func(plan.Ref) { variable = true })
	if variable {
		return nil
	}
	var err error
	call.Offset, err = b.eval(c.Args[1])
	return err
}

// over builds OVER in the order of time, or of arrival.
func (b *builder) over(t *tree, n *plan.Window, w operator.WindowSpec, to target) error {
	spec := operator.OverSpec{
		Types: w.Types, Pass: w.Pass, Partition: w.Partition, OrderBy: w.OrderBy, Calls: w.Calls, Top: w.Top,
		Env: w.Env, Account: w.Account, Fault: w.Fault, Late: b.late,
	}
	if n.Mode == plan.WindowTimed {
		var err error
		if spec.Time, err = b.compile(n.Time); err != nil {
			return err
		}
		spec.Shift = closingShift(n.Closing)
	}
	return b.operator(t, n, operator.NewOver(spec), to, input{n.Input, 0})
}

// first builds what passes the first rows of partitions on, as they change.
func (b *builder) first(t *tree, n *plan.Window, w operator.WindowSpec, to target) error {
	spec := operator.FirstSpec{
		Types: w.Types, Pass: w.Pass, Partition: w.Partition, OrderBy: w.OrderBy, Rank: n.Top.Call.Func.Name, Most: n.Top.Most,
		AppendOnly: plan.Derive(n.Input).AppendOnly, Account: w.Account, Fault: w.Fault,
	}
	for _, c := range n.Calls {
		spec.Numbers = append(spec.Numbers, c.Func.Name)
	}
	if n.Top.Count != nil || n.Top.Offset != nil {
		count, err := b.rowCount(n.Top.Count, -1, sqlerr.InvalidRowCountInLimitClause, "LIMIT")
		if err != nil {
			return err
		}
		if spec.Offset, err = b.rowCount(n.Top.Offset, 0, sqlerr.InvalidRowCountInOffsetClause, "OFFSET"); err != nil {
			return err
		}
		spec.Most = operator.MostOf(count, spec.Offset)
	}
	if spec.Evicts() {
		spec.Account = b.evicter(t, n)
	}
	return b.operator(t, n, operator.NewFirst(spec), to, input{n.Input, 0})
}

// closingShift is how far a window's last row is complete after the window's end,
// in microseconds: one that is closed has no row at its end.
func closingShift(w *plan.WindowBounds) int64 {
	switch {
	case w == nil:
		return 0
	case w.Kind == plan.WindowSession:
		return w.Grace
	}
	return w.Grace - 1
}
