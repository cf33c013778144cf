package plan

// WindowGroups says how the groups of an aggregate are those of the windows of time
// under it, so that one operator can be both: its keys are keys of the rows and the
// windows' bounds as they are, and no call reads a bound.
type WindowGroups struct {
	Window *TimeWindow
	// Keys of the rows, and for each key of the aggregate its place among them, or
	// WindowStart or WindowEnd.
	Keys   []Expr
	Places []int
}

// Keys of an aggregate that are bounds of its rows' windows.
const (
	WindowStart = -1
	WindowEnd   = -2
)

// WindowGroups returns how a live aggregate groups the rows of a TimeWindow right under
// it; nil: some expression needs the rows as the TimeWindow gives them.
func (n *AggregateNode) WindowGroups() *WindowGroups {
	w, ok := n.Input.(*TimeWindow)
	if !ok || n.Closing == nil || !n.EmitChanges || n.Always != nil {
		return nil
	}
	g := &WindowGroups{Window: w}
	width := len(w.Fields) - 2
	bound := func(e Expr) bool {
		found := false
		EachColumn(e, func(r Ref) { found = found || r.Index >= width })
		return found
	}
	for _, k := range n.Keys {
		c, column := k.(*Column)
		switch {
		case column && c.Index == width:
			g.Places = append(g.Places, WindowStart)
		case column && c.Index == width+1:
			g.Places = append(g.Places, WindowEnd)
		case bound(k):
			return nil
		default:
			g.Places = append(g.Places, len(g.Keys))
			g.Keys = append(g.Keys, k)
		}
	}
	for _, c := range n.Calls {
		exprs := append([]Expr{c.Filter}, c.Args...)
		for _, k := range c.OrderBy {
			exprs = append(exprs, k.Expr)
		}
		for _, e := range exprs {
			if e != nil && bound(e) {
				return nil
			}
		}
	}
	if w.Kind == WindowSession && !g.sessions() {
		return nil
	}
	return g
}

// sessions reports whether the groups are sessions: of each key there is one at a
// time.
func (g *WindowGroups) sessions() bool {
	has := func(all []Expr, e Expr) bool {
		for _, x := range all {
			if Equal(x, e) {
				return true
			}
		}
		return false
	}
	for _, e := range g.Keys {
		if !has(g.Window.Partition, e) {
			return false
		}
	}
	for _, e := range g.Window.Partition {
		if !has(g.Keys, e) {
			return false
		}
	}
	return true
}
