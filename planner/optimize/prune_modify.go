package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// pruneModify has a Modify's input bring only what the Modify reads.
func pruneModify(m *plan.Modify) plan.Node {
	out := *m
	if m.Op == plan.ModifyInsert {
		out.Input = pruneColumns(m.Input, nil)
		return &out
	}
	own := len(m.Target.Columns) + 1 // of the row that RETURNING sees, before Input's
	want := used(make([]bool, len(m.Input.Schema())), append([]plan.Expr{m.Where}, m.New...)...)
	want[m.RowID] = true
	for _, a := range m.Actions {
		want = used(want, append([]plan.Expr{a.Cond}, a.New...)...)
	}
	old := func(column int) { want[m.Row[column]] = true }
	for _, e := range m.Returning {
		plan.EachColumn(e, func(r plan.Ref) {
			switch {
			case r.Index >= own:
				want[r.Index-own] = true
			case r.Index < own-1 && m.Op == plan.ModifyDelete:
				old(r.Index)
			}
		})
	}
	for _, e := range m.Rules.Derived {
		plan.EachColumn(e, func(r plan.Ref) { old(r.Index) })
	}
	if m.Foreign != nil {
		for _, column := range m.Foreign.Referenced() {
			old(column)
		}
	}
	in, at := prune(m.Input, want)
	out.Input, out.RowID = in, at[m.RowID]
	out.Where, out.New = move(m.Where, at), moveAll(m.New, at)
	out.Row = make([]int, len(m.Row))
	for i, to := range m.Row {
		out.Row[i] = at[to]
	}
	out.Actions = make([]plan.MergeAction, len(m.Actions))
	for i, a := range m.Actions {
		a.Cond = move(a.Cond, at)
		if a.New != nil {
			a.New = moveAll(a.New, at)
		}
		out.Actions[i] = a
	}
	if m.Returning != nil {
		places := make([]int, own+len(at))
		for i := range places {
			places[i] = i
			if i >= own {
				places[i] = own + at[i-own]
			}
		}
		out.Returning = moveAll(m.Returning, places)
	}
	return &out
}

// pruneLocks keeps what the locks and their conditions need.
func pruneLocks(l *plan.LockRows, want []bool) (plan.Node, []int) {
	need := used(want, l.Where)
	for _, k := range l.Locks {
		need[k.RowID] = true
	}
	in, at := prune(l.Input, need)
	out := *l
	out.Input, out.Where = in, move(l.Where, at)
	out.Locks = make([]plan.TableLock, len(l.Locks))
	for i, k := range l.Locks {
		k.RowID = at[k.RowID]
		row := make([]int, len(k.Row))
		for c, to := range k.Row {
			row[c] = at[to]
		}
		k.Row = row
		out.Locks[i] = k
	}
	return &out, at
}
