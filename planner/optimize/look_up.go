package optimize

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// lookUp has a stream that is joined with what can be asked for its rows by key ask,
// for each row that comes, instead of reading it once: by all keys of the join that
// are columns of it, or by one of them.
func lookUp(n plan.Node, env *Env) plan.Node {
	if !env.Continuous || env.Looks == nil {
		return n
	}
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return lookUp(in, env) })
	j, ok := n.(*plan.Join)
	if !ok || j.Lateral || j.Bounds != nil {
		return n
	}
	switch j.Kind {
	case plan.JoinInner, plan.JoinLeft, plan.JoinSemi, plan.JoinAnti:
	default:
		return n
	}
	s := plan.Scanned(j.Right)
	if l := plan.Derive(j.Left); s == nil || !s.Looked || l.Bounded || !l.AppendOnly {
		return n
	}
	all := &plan.Lookup{}
	columns := s.Relation.AllColumns()
	for i, k := range j.RightKeys {
		c := plan.ScannedColumn(j.Right, k)
		if c >= 0 && columns[c].Type.OID == j.LeftKeys[i].Type().OID && !slices.Contains(all.Columns, c) {
			all.By, all.Columns = append(all.By, i), append(all.Columns, c)
		}
	}
	choices := []*plan.Lookup{all}
	for i := range all.By {
		choices = append(choices, &plan.Lookup{By: all.By[i : i+1], Columns: all.Columns[i : i+1]})
	}
	for _, c := range choices {
		if len(c.By) > 0 && env.Looks(s.Relation, c.Columns) {
			out := *j
			out.Lookup = c
			return &out
		}
	}
	return n
}
