package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// distribution is a job's plan for several tasks, each of which has all of its
// operators: where rows must meet an exchange stands before the operator.
type distribution struct {
	root plan.Node
	// first are the nodes whose rows are all in the first task: elsewhere they are
	// not there.
	first map[plan.Node]bool
	// scans are, for each stream and followed table, whether the first task reads all
	// of it.
	scans []bool
	// partial: aggregates have two phases where they can.
	partial bool
	// ends: what is rewritten is read to its end first, by the first task.
	ends bool
}

// distribute makes a plan one for several tasks. partial: each aggregates its own rows
// before those of a group meet.
func distribute(root plan.Node, partial bool) (*distribution, error) {
	d := &distribution{first: map[plan.Node]bool{}, partial: partial}
	var err error
	d.root, err = d.node(root)
	return d, err
}

// node rewrites a node and what is under it.
func (d *distribution) node(n plan.Node) (plan.Node, error) {
	switch n := n.(type) {
	case *plan.Scan:
		d.first[n] = n.Relation.Stored() || n.Changes || d.ends
		if !d.ends && (!n.Relation.Stored() || n.Follow) {
			d.scans = append(d.scans, n.Follow || n.Changes) // what is followed moves together
		}
		return n, nil
	case *plan.Values, *plan.FunctionScan:
		d.first[n] = true
		return n, nil
	case *plan.Filter, *plan.Project, *plan.ProjectSet, *plan.GroupingSets, *plan.Append:
		return d.over(n, false)
	case *plan.TimeWindow:
		if n.Kind == plan.WindowSession {
			return d.over(n, true, n.Partition)
		}
		return d.over(n, false)
	case *plan.AggregateNode:
		if g := n.WindowGroups(); g != nil && g.Window.Kind == plan.WindowSession {
			return d.over(n, false) // the rows of a key met before they went to sessions
		}
		if g := sliced(n); g != nil {
			return d.sliced(n, g)
		}
		if d.inPhases(n) {
			return d.phases(n)
		}
		return d.over(n, true, groupKeys(n))
	case *plan.DistinctNode:
		keys := n.On
		if keys == nil {
			keys = allColumns(n)
		}
		return d.over(n, true, keys)
	case *plan.SetOp:
		return d.over(n, true, allColumns(n.Left), allColumns(n.Right))
	case *plan.Limit:
		return d.over(n, true, nil)
	case *plan.Window:
		return d.over(n, true, n.Partition)
	case *plan.Join:
		return d.join(n)
	case *plan.AsOfJoin:
		return d.over(n, true, n.LeftKeys, n.RightKeys)
	}
	if d.ends {
		return d.over(n, false)
	}
	return nil, sqlerr.Unsupported("Leave parallelism out, or set it to 1.", "%s in a job of several tasks is not supported", n.String())
}

// join rewrites a join. What each task computes or reads for itself stays as it is.
func (d *distribution) join(n *plan.Join) (plan.Node, error) {
	if (n.Kind == plan.JoinNotIn || n.Kind == plan.JoinRightNotIn) && d.ends {
		return d.over(n, true, nil, nil) // a NULL anywhere counts for each row
	}
	if d.ends || keepsBoth(n) {
		return d.over(n, true, n.LeftKeys, n.RightKeys)
	}
	left, err := d.node(n.Left)
	if err != nil {
		return nil, err
	}
	c := *n
	c.Left = left
	d.first[&c] = d.first[left]
	return &c, nil
}

// sliced rewrites an aggregate that is one operator with its windows: its rows meet
// below them.
func (d *distribution) sliced(n *plan.AggregateNode, g *plan.WindowGroups) (plan.Node, error) {
	w, err := d.over(g.Window, true, g.Keys)
	if err != nil {
		return nil, err
	}
	c := *n
	c.Input = w
	d.first[&c] = d.first[w]
	return &c, nil
}

// inPhases reports whether an aggregate can be computed by each task of its own rows
// first: of calls that can be put together, where nothing asks for a row itself.
func (d *distribution) inPhases(n *plan.AggregateNode) bool {
	in := plan.Derive(n.Input)
	switch {
	case !d.partial || !n.EmitChanges || d.ends || in.Bounded:
		return false
	case in.Window != nil && in.Window.Kind == plan.WindowSession:
		return false // rows of a session have met
	case n.Closing != nil && n.Closing.Late != plan.LateDrop && n.Closing.Late != plan.LateUpdate:
		return false
	}
	return combine(n.Calls, !in.AppendOnly)
}

// phases has each task aggregate its own rows before those of a group meet.
func (d *distribution) phases(n *plan.AggregateNode) (plan.Node, error) {
	in, err := d.node(n.Input)
	if err != nil {
		return nil, err
	}
	c := *n
	c.Input = in
	if d.first[in] {
		d.first[&c] = true
		return &c, nil
	}
	partial := &plan.PartialAggregate{Of: &c}
	m := &plan.MergeAggregate{Input: &plan.Exchange{Input: partial, Keys: partialKeys(n)}, Of: &c}
	d.first[m] = m.Input.(*plan.Exchange).Keys == nil
	return m, nil
}

// partialKeys are the keys that the rows of a PartialAggregate must meet by, as its
// columns; nil where all must.
func partialKeys(n *plan.AggregateNode) []plan.Expr {
	if n.Always != nil {
		return nil
	}
	var keys []plan.Expr
	for i, k := range n.Keys {
		if c := n.Closing; c == nil || i != c.Start && i != c.End {
			keys = append(keys, &plan.Column{Index: i, Typ: k.Type(), Name: n.Fields[i].Name})
		}
	}
	return keys
}

// groupKeys are the keys of an aggregate that its rows must meet by, but for the
// bounds of a window: nil where all must.
func groupKeys(n *plan.AggregateNode) []plan.Expr {
	if n.Always != nil {
		return nil
	}
	var keys []plan.Expr
	for i, k := range n.Keys {
		if c := n.Closing; c == nil || i != c.Start && i != c.End {
			keys = append(keys, k)
		}
	}
	return keys
}

func allColumns(n plan.Node) []plan.Expr {
	var all []plan.Expr
	for i, f := range n.Schema() {
		all = append(all, &plan.Column{Index: i, Typ: f.Type, Name: f.Name})
	}
	return all
}

// over rewrites a node's inputs. Where its rows must meet by keys, one list for each
// input, an exchange stands before each, unless all rows are in the first task
// already.
func (d *distribution) over(n plan.Node, meet bool, keys ...[]plan.Expr) (plan.Node, error) {
	var inputs []plan.Node
	alone := true
	for _, in := range n.Inputs() {
		was := d.ends
		d.ends = was || plan.IsJoin(n) && plan.Derive(in).Bounded
		c, err := d.node(in)
		d.ends = was
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, c)
		alone = alone && d.first[c]
	}
	single := false
	if meet && !alone {
		for _, by := range keys {
			single = single || len(by) == 0 || volatile(by)
		}
		for i, in := range inputs {
			x := &plan.Exchange{Input: in}
			if !single {
				x.Keys = keys[i]
			}
			inputs[i] = x
		}
	}
	at := 0
	fresh := plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(plan.Node) plan.Node {
		at++
		return inputs[at-1]
	})
	d.first[fresh] = alone || single
	return fresh, nil
}

// volatile reports whether keys are others each time they are computed.
func volatile(keys []plan.Expr) bool {
	for _, k := range keys {
		if plan.Any(k, func(x plan.Expr) bool {
			c, ok := x.(*plan.Call)
			return ok && c.Func.Volatility == 'v'
		}) {
			return true
		}
	}
	return false
}
