package bind

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// withWatermarks has the streams of a continuous query that knows time tell how
// far theirs has come: by the declared watermark; else by the column that a
// window names, without delay; else by the records' own timestamps. Streams that end
// and declare none are taken by OVER when they have ended, so none of their rows is late.
func (b *binder) withWatermarks(root plan.Node) plan.Node {
	timed := false
	named, ends := map[*plan.Scan]int{}, map[*plan.Scan]bool{}
	name := func(in plan.Node, e plan.Expr) {
		if c, ok := e.(*plan.Column); ok {
			if s, at := plan.ScanColumn(in, c.Index); s != nil {
				named[s] = at
			}
		}
	}
	plan.WalkNode(root, func(n plan.Node) bool {
		if w, ok := n.(*plan.TimeWindow); ok {
			timed = true
			name(w.Input, w.Time)
		}
		if w, ok := n.(*plan.Window); ok && w.Mode == plan.WindowTimed {
			if s := b.awaited(w); s != nil {
				ends[s] = true
				return true
			}
			timed = true
			name(w.Input, w.Time)
		}
		if j, ok := n.(*plan.Join); ok && j.Bounds != nil {
			timed = true
		}
		if _, ok := n.(*plan.AsOfJoin); ok {
			timed = true
		}
		return true
	})
	if !timed {
		return root
	}
	var visit func(n plan.Node) plan.Node
	visit = func(n plan.Node) plan.Node {
		s, ok := n.(*plan.Scan)
		if ok && (s.Relation.Stored() || ends[s]) {
			return s // a table's rows come in no order of time, and none is late
		}
		if !ok {
			return plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, visit)
		}
		at, ok := named[s]
		if !ok {
			at = -1
		}
		e := b.watermarkOf(s, at)
		if e == nil {
			return s
		}
		c := *s
		c.Watermark = e
		return &c
	}
	return visit(root)
}

// awaited is the stream whose end OVER awaits, as it declares no watermark and its rows
// end: nothing says before that an older one is not to come. nil: there is none.
func (b *binder) awaited(w *plan.Window) *plan.Scan {
	c, ok := w.Time.(*plan.Column)
	if !ok || !plan.Derive(w.Input).Bounded {
		return nil
	}
	s, at := plan.ScanColumn(w.Input, c.Index)
	if s == nil || s.Relation.Watermark != nil || s.Relation.AllColumns()[at].Name == "_timestamp" {
		return nil
	}
	name := s.Relation.AllColumns()[at].Name
	b.notice("stream \"%s\" declares no watermark: OVER gives its rows when it has ended; with WATERMARK FOR %s AS %s - INTERVAL '5 seconds' it gives them as their time goes on", s.Relation.Name, name, name)
	return s
}

// watermarkOf is over a scan of all of its relation's columns; nil: the rows have
// no time. named is the column that a window names, -1 for none.
func (b *binder) watermarkOf(s *plan.Scan, named int) plan.Expr {
	all := s.Relation.AllColumns()
	w := s.Relation.Watermark
	if w == nil {
		at := slices.IndexFunc(all, func(c catalog.Column) bool { return c.Name == "_timestamp" })
		if named >= 0 && named != at {
			c := all[named].Name
			b.notice("stream \"%s\" declares no watermark: rows out of the order of \"%s\" are late at once; WATERMARK FOR %s AS %s - INTERVAL '5 seconds' allows for some", s.Relation.Name, c, c, c)
			at = named
		}
		if at < 0 {
			return nil
		}
		return columnOfType(at, all[at])
	}
	at := slices.IndexFunc(all, func(c catalog.Column) bool { return c.Name == w.Column })
	e := b.generatedColumn(w.Expr, all, catalog.Column{Name: w.Column, Type: types.Of(all[at].Type.OID)})
	return plan.MapColumns(e, func(c *plan.Column) plan.Expr {
		if text := all[c.Index].Generated; text != "" && s.Relation.Connector != "generator" {
			return b.generatedColumn(text, all, all[c.Index])
		}
		return c
	})
}
