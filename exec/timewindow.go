package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
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

// session builds SESSION windows: over rows that end they are sorted first, but in a
// job, whose epochs have them.
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
	if live && !plan.Derive(n.Input).AppendOnly {
		return b.operator(t, n, operator.NewSessionChanges(spec, n.Changes), to, input{n.Input, 0})
	}
	if live {
		return b.operator(t, n, operator.NewSessionWindow(spec, n.Changes), to, input{n.Input, 0})
	}
	if b.live && b.job != nil && !b.again && plan.Derive(n.Input).AppendOnly {
		spec.Ends = true
		return b.operator(t, n, operator.NewSessionWindow(spec, false), to, input{n.Input, 0})
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
	if g := n.WindowGroups(); g != nil && g.Window.Kind == plan.WindowSession && plan.Derive(g.Window.Input).AppendOnly {
		return b.sessionAggregate(t, n, g, to)
	}
	if g := sliced(n); g != nil {
		return b.sliceAggregate(t, n, g, to)
	}
	keys, err := b.compileAll(n.Keys)
	if err != nil {
		return err
	}
	in := plan.Derive(n.Input)
	use := callUse{live: true, retracts: !in.AppendOnly}
	account, err := b.aggregateHolder(t, n, n, use)
	if err != nil {
		return err
	}
	spec := operator.WindowAggregateSpec{
		Keys: keys, Closing: *n.Closing, AppendOnly: in.AppendOnly, Session: in.Window != nil && in.Window.Kind == plan.WindowSession, Starts: startsDiffer(in.Window),
		Account: account, Fault: b.fault,
	}
	if spec.Late, err = b.lateness(n, n.Closing.Late, in.Window, n.Keys[n.Closing.End].Type()); err != nil {
		return err
	}
	for _, k := range n.Keys {
		spec.KeyTypes = append(spec.KeyTypes, k.Type())
	}
	if use.values, err = b.valuesHolder(t, n, use); err != nil {
		return err
	}
	spec.Calls = func() ([]*operator.Call, error) { return b.calls(n.Calls, use, account) }
	return b.operator(t, n, operator.NewWindowAggregate(spec), to, input{n.Input, 0})
}

// startsDiffer reports whether windows of one end may have several starts: sessions, and
// those that overlap, whose ends the clock of a zone may leave out.
func startsDiffer(w *plan.WindowBounds) bool {
	return w != nil && (w.Kind == plan.WindowSession || overlapInZone(w))
}

func overlapInZone(w *plan.WindowBounds) bool {
	return w != nil && w.Kind == plan.WindowHopping && w.Zone != ""
}

// sessionAggregate builds an aggregate whose groups are sessions: the sessions and
// the aggregate are one operator, in the place of both.
func (b *builder) sessionAggregate(t *tree, n *plan.AggregateNode, g *plan.WindowGroups, to target) error {
	w := g.Window
	if b.faultIn != nil {
		b.fault = b.faultIn(w)
	}
	spec := operator.SessionAggregateSpec{
		TimeType: types.Of(w.Time.Type().OID), Gap: plan.Micros(w.Size), Grace: plan.Micros(w.Grace), Final: n.Closing.Final,
		Keys: g.Places, PartitionTypes: exprTypes(g.Keys), Fault: b.fault,
	}
	use, err := callUse{live: true, combines: true}, error(nil)
	if len(g.Keys) == 0 {
		spec.Account = b.holder(t, n) // one partition has all sessions
	} else if spec.Account, err = b.aggregateHolder(t, n, n, use); err != nil {
		return err
	}
	if spec.Late, err = b.lateness(w, n.Closing.Late, nil, w.Time.Type()); err != nil {
		return err
	}
	if spec.Time, err = b.compile(w.Time); err != nil {
		return err
	}
	if spec.Partition, err = b.compileAll(g.Keys); err != nil {
		return err
	}
	if spec.Calls, err = b.calls(n.Calls, use, spec.Account); err != nil {
		return err
	}
	return b.operator(t, n, operator.NewSessionAggregate(spec), to, input{w.Input, 0})
}

// maxSlices is how many times more slices than a row has windows a window may have
// for slices to pay.
const maxSlices = 4

// sliced returns how an aggregate groups by windows that overlap and go out once,
// where its calls can be put together of those of slices; nil: it is no such
// aggregate.
func sliced(n *plan.AggregateNode) *plan.WindowGroups {
	g := n.WindowGroups()
	if g == nil || !n.Closing.Once() {
		return nil
	}
	w := g.Window
	size, slide := plan.Micros(w.Size), plan.Micros(w.Slide)
	switch {
	case w.Kind != plan.WindowHopping && w.Kind != plan.WindowCumulate:
		return nil
	case w.Zone != "" && w.Time.Type().OID == types.Timestamptz:
		return nil // hours that a zone leaves out or repeats make windows of other lengths
	case size/operator.SliceUnit(size, slide) > maxSlices*(size/slide):
		return nil
	}
	if !combine(n.Calls, !plan.Derive(w.Input).AppendOnly) {
		return nil
	}
	return g
}

// sliceAggregate builds an aggregate of windows that overlap, and the windows, as one
// operator.
func (b *builder) sliceAggregate(t *tree, n *plan.AggregateNode, g *plan.WindowGroups, to target) error {
	w := g.Window
	if b.faultIn != nil {
		b.fault = b.faultIn(w)
	}
	keys := g.Keys
	if len(keys) == 0 {
		keys = []plan.Expr{plan.NewConst(types.NewBool(true))}
	}
	use, account := callUse{live: true, retracts: !plan.Derive(w.Input).AppendOnly}, b.evicter(t, n) // its calls hold little
	spec := operator.SliceAggregateSpec{
		Kind: w.Kind, TimeType: types.Of(w.Time.Type().OID), Size: plan.Micros(w.Size), Slide: plan.Micros(w.Slide), Offset: plan.Micros(w.Offset), Grace: plan.Micros(w.Grace),
		RowTypes: exprTypes(keys), Keys: g.Places, AppendOnly: !use.retracts, Account: account, Fault: b.fault,
	}
	var err error
	if spec.Late, err = b.lateness(w, n.Closing.Late, nil, w.Time.Type()); err != nil {
		return err
	}
	if spec.Time, err = b.compile(w.Time); err != nil {
		return err
	}
	if spec.RowKeys, err = b.compileAll(keys); err != nil {
		return err
	}
	spec.Calls = func() ([]*operator.Call, error) { return b.calls(n.Calls, use, account) }
	return b.operator(t, n, operator.NewSliceAggregate(spec), to, input{w.Input, 0})
}
