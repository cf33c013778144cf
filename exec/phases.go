package exec

import (
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// partialAggregate builds the first phase of an aggregate.
func (b *builder) partialAggregate(t *tree, p *plan.PartialAggregate, to target) error {
	n := p.Of
	account := b.account.Passing("an operator")
	t.holders = append(t.holders, holder{p, account})
	spec := operator.PartialAggregateSpec{KeyTypes: exprTypes(n.Keys), End: -1, Account: account, Fault: b.fault}
	if n.Closing != nil {
		spec.End, spec.Grace = n.Closing.End, n.Closing.Grace
	}
	var err error
	if spec.Keys, err = b.compileAll(n.Keys); err != nil {
		return err
	}
	use := callUse{live: true, retracts: !plan.Derive(n.Input).AppendOnly}
	if spec.Calls, err = b.calls(n.Calls, use, spec.Account); err != nil {
		return err
	}
	return b.operator(t, p, operator.NewPartialAggregate(spec), to, input{n.Input, 0})
}

// mergeAggregate builds the second: the aggregate as it is with one phase, whose rows
// are those of the first.
func (b *builder) mergeAggregate(t *tree, m *plan.MergeAggregate, to target) error {
	n := m.Of
	columns := make([]plan.Expr, len(n.Keys))
	for i, k := range n.Keys {
		columns[i] = &plan.Column{Index: i, Typ: k.Type(), Name: n.Fields[i].Name}
	}
	keys, err := b.compileAll(columns)
	if err != nil {
		return err
	}
	in := plan.Derive(n.Input)
	use := callUse{live: true, retracts: !in.AppendOnly}
	account, err := b.aggregateHolder(t, n, m, use)
	if err != nil {
		return err
	}
	if n.Closing != nil {
		spec := operator.WindowAggregateSpec{
			Keys: keys, KeyTypes: exprTypes(n.Keys), Closing: *n.Closing, AppendOnly: in.AppendOnly, Starts: startsDiffer(in.Window), Merge: true, Account: account, Fault: b.fault,
		}
		if spec.Late, err = b.lateness(n, n.Closing.Late, nil, n.Keys[n.Closing.End].Type()); err != nil {
			return err
		}
		spec.Calls = func() ([]*operator.Call, error) { return b.calls(n.Calls, use, account) }
		return b.operator(t, m, operator.NewWindowAggregate(spec), to, input{m.Input, 0})
	}
	spec := operator.AggregateSpec{
		Keys: keys, KeyTypes: exprTypes(n.Keys), AppendOnly: in.AppendOnly, Changes: true, Merge: true, Counts: len(keys), Retention: b.retention(), Account: account, Fault: b.fault,
	}
	if spec.Always, err = b.rows(n.Always, spec.KeyTypes); err != nil {
		return err
	}
	if spec.Calls, err = b.calls(n.Calls, use, account); err != nil {
		return err
	}
	return b.operator(t, m, operator.NewAggregate(spec), to, input{m.Input, 0})
}
