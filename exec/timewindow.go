package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func (b *builder) timeWindow(t *tree, n *plan.TimeWindow, to target) error {
	if n.Kind == plan.WindowSession {
		return b.session(t, n, to)
	}
	spec := operator.TimeWindowSpec{Kind: n.Kind, Size: plan.Micros(n.Size), Slide: plan.Micros(n.Slide), Offset: plan.Micros(n.Offset), Fault: b.fault}
	var err error
	if spec.Time, err = b.compile(n.Time); err != nil {
		return err
	}
	if n.Zone != "" && n.Time.Type().OID == types.Timestamptz {
		if spec.Zone, _, err = types.LoadZone(n.Zone); err != nil {
			return err
		}
	}
	return b.operator(t, n, operator.NewTimeWindow(spec), to, input{n.Input, 0})
}

// session builds SESSION windows: over rows that end they are sorted first.
func (b *builder) session(t *tree, n *plan.TimeWindow, to target) error {
	live := b.live && !plan.Derive(n.Input).Bounded
	spec := operator.SessionSpec{
		TimeType: types.Of(n.Time.Type().OID), Gap: plan.Micros(n.Size), Grace: plan.Micros(n.Grace),
		Rows: schemaTypes(n.Input), Account: b.holder(t, n), Fault: b.fault,
	}
	var err error
	if spec.Late, err = b.lateness(n, n.Late, nil, n.Time.Type()); err != nil {
		return err
	}
	if spec.Time, err = b.compile(n.Time); err != nil {
		return err
	}
	if spec.Partition, err = b.compileAll(n.Partition); err != nil {
		return err
	}
	by := &plan.Sort{Input: n.Input}
	for _, e := range n.Partition {
		spec.PartitionTypes = append(spec.PartitionTypes, e.Type())
		by.Keys = append(by.Keys, plan.SortKey{Expr: e})
	}
	if live {
		return b.operator(t, n, operator.NewSessionWindow(spec, n.Changes), to, input{n.Input, 0})
	}
	by.Keys = append(by.Keys, plan.SortKey{Expr: n.Time})
	place := &node{op: operator.NewSessionSorted(spec), plan: n, to: to, open: 1, inputs: 1, ends: !b.live}
	if err := b.sort(t, by, -1, target{node: place, tree: t}); err != nil {
		return err
	}
	t.nodes = append(t.nodes, place)
	return nil
}

// windowAggregate builds a live aggregate whose groups end.
func (b *builder) windowAggregate(t *tree, n *plan.AggregateNode, to target) error {
	keys, err := b.compileAll(n.Keys)
	if err != nil {
		return err
	}
	in := plan.Derive(n.Input)
	spec := operator.WindowAggregateSpec{
		Keys: keys, Closing: *n.Closing, AppendOnly: in.AppendOnly, Session: in.Window != nil && in.Window.Kind == plan.WindowSession,
		Account: b.account, Fault: b.fault,
	}
	if spec.Late, err = b.lateness(n, n.Closing.Late, in.Window, n.Keys[n.Closing.End].Type()); err != nil {
		return err
	}
	for _, k := range n.Keys {
		spec.KeyTypes = append(spec.KeyTypes, k.Type())
	}
	retracts := !in.AppendOnly
	account := b.account
	spec.Calls = func() ([]*operator.Call, error) { return b.calls(n.Calls, retracts, account) }
	return b.operator(t, n, operator.NewWindowAggregate(spec), to, input{n.Input, 0})
}

func (b *builder) calls(calls []plan.AggCall, retracts bool, account *memory.Account) ([]*operator.Call, error) {
	var out []*operator.Call
	for _, c := range calls {
		call, err := b.call(c, retracts, account)
		if err != nil {
			return nil, err
		}
		out = append(out, call)
	}
	return out, nil
}
