package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// target is one column of a select list.
type target struct {
	name  string
	e     plan.Expr
	loc   int32
	field plan.Field
}

// targets binds a select list, * and t.* spread out.
func (b *binder) targets(list []*pg.Node, s *scope) []target { return b.targetsAs(list, s, exprSelect) }

// targetsAs is targets of a list in another place: RETURNING.
func (b *binder) targetsAs(list []*pg.Node, s *scope, k exprKind) []target {
	var out []target
	for _, n := range list {
		rt := n.GetResTarget()
		if rt == nil {
			continue
		}
		if star := starOf(rt.Val); star != nil {
			if b.reading != nil {
				b.reading.spread(star, s)
			}
			out = append(out, b.star(star, s)...)
			continue
		}
		if spread := b.starField(rt.Val, s); spread != nil {
			out = append(out, spread...)
			continue
		}
		t := target{name: rt.Name, e: b.expr(rt.Val, s, k), loc: location(rt.Val)}
		if t.name == "" {
			t.name = figureName(rt.Val)
		}
		out = append(out, t)
	}
	return out
}

// starOf is the column reference of * and t.*, nil for anything else.
func starOf(n *pg.Node) *pg.ColumnRef {
	c := n.GetColumnRef()
	if c == nil || c.Fields[len(c.Fields)-1].GetAStar() == nil {
		return nil
	}
	return c
}

// starField is (f(x)).*, spread over the function's columns.
func (b *binder) starField(n *pg.Node, s *scope) []target {
	ind := n.GetAIndirection()
	if ind == nil || ind.Indirection[len(ind.Indirection)-1].GetAStar() == nil {
		return nil
	}
	loc := location(ind.Arg)
	e := b.expr(ind.Arg, s, exprSelect)
	if len(ind.Indirection) > 1 {
		b.failf(sqlerr.SyntaxError, loc, "row expansion via \"*\" is not supported here")
	}
	var names []string
	switch x := e.(type) {
	case *plan.Row:
		names = x.Names
	case *plan.Call:
		for _, c := range x.Func.Out {
			names = append(names, c.Name)
		}
		for _, c := range b.recordOf(e, s) {
			names = append(names, c.name)
		}
	default:
		for _, c := range b.recordOf(e, s) {
			names = append(names, c.name)
		}
	}
	if names == nil {
		b.failf(sqlerr.WrongObjectType, loc, "type %s is not composite", b.formatType(e.Type().OID))
	}
	var out []target
	for _, name := range names {
		out = append(out, target{name: name, e: b.fieldOf(operand{e, loc}, name, s), loc: loc})
	}
	return out
}

func (b *binder) star(c *pg.ColumnRef, s *scope) []target {
	var out []target
	add := func(item *rangeItem, in *scope, depth int) {
		for i := range item.cols {
			if col := &item.cols[i]; !col.hidden {
				out = append(out, target{name: col.name, e: b.refer(col, item, in, depth, c.Location), loc: c.Location})
			}
		}
	}
	names := strs(c.Fields)
	if len(names) == 0 {
		found := false
		for _, item := range s.items {
			if item.colsVisible {
				found = true
				add(item, s, 0)
			}
		}
		if !found {
			b.failf(sqlerr.SyntaxError, c.Location, "SELECT * with no tables specified is not valid")
		}
		return out
	}
	schema := ""
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	name := names[len(names)-1]
	item, in, depth := b.findItem(schema, name, s, c.Location)
	if item == nil {
		b.missingItem(schema, name, s, c.Location)
	}
	add(item, in, depth)
	return out
}

// finishTargets gives unknown columns the type text and names their origin.
func (b *binder) finishTargets(ts []target, s *scope, keepUnknown bool) {
	for i := range ts {
		t := &ts[i]
		if !keepUnknown {
			t.e = b.defaultType(t.e, t.loc)
		}
		t.field = plan.Field{Name: t.name, Type: t.e.Type(), Row: b.shapeOf(t.e, s)}
		if c, ok := t.e.(*plan.Column); ok {
			use := s.refs[c]
			t.field.Table, t.field.Attr = use.table, use.attr
		}
	}
}
