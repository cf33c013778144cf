package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// indirection is x[i], x[i:j] and (x).field.
func (b *binder) indirection(x *pg.A_Indirection, s *scope, k exprKind) plan.Expr {
	e := b.expr(x.Arg, s, k)
	loc := location(x.Arg)
	var items []*pg.A_Indices
	flush := func() {
		if len(items) > 0 {
			e = b.subscript(operand{e, loc}, items, s, k)
			items = nil
		}
	}
	for _, n := range x.Indirection {
		switch i := n.Node.(type) {
		case *pg.Node_AIndices:
			items = append(items, i.AIndices)
		case *pg.Node_String_:
			flush()
			e = b.fieldOf(operand{e, loc}, i.String_.Sval, s)
		default:
			b.failf(sqlerr.SyntaxError, loc, "row expansion via \"*\" is not supported here")
		}
	}
	flush()
	return e
}

func (b *binder) subscript(o operand, items []*pg.A_Indices, s *scope, k exprKind) plan.Expr {
	t := o.e.Type()
	if t.OID == types.JSONB {
		return b.jsonSubscript(o, items, s, k)
	}
	elem := elemType(t.OID)
	if elem == 0 {
		b.failf(sqlerr.DatatypeMismatch, o.loc, "cannot subscript type %s because it does not support subscripting", b.formatType(t.OID))
	}
	out := &plan.Subscript{Arg: o.e, Typ: types.Type{OID: elem, Mod: t.Mod}}
	index := func(n *pg.Node) plan.Expr {
		if n == nil {
			return nil
		}
		i := b.operand(n, s, k)
		e := b.coerceTo(i.e, types.Of(types.Int4), assignment, i.loc)
		if e == nil {
			b.failf(sqlerr.DatatypeMismatch, i.loc, "array subscript must have type integer")
		}
		return e
	}
	for _, i := range items {
		if i.IsSlice {
			out.Typ = t
		}
		out.Items = append(out.Items, plan.Index{Slice: i.IsSlice, Lower: index(i.Lidx), Upper: index(i.Uidx)})
	}
	return out
}

// jsonSubscript is j['a'][0], the same as -> for each subscript.
func (b *binder) jsonSubscript(o operand, items []*pg.A_Indices, s *scope, k exprKind) plan.Expr {
	for _, i := range items {
		if i.IsSlice {
			at := i.Uidx
			if at == nil {
				at = i.Lidx
			}
			b.failf(sqlerr.DatatypeMismatch, location(at), "jsonb subscript does not support slices")
		}
		o.e = b.operator([]string{"->"}, o, b.operand(i.Uidx, s, k), o.loc)
	}
	return o.e
}

// fieldOf is (x).name of a record whose columns are known.
func (b *binder) fieldOf(o operand, name string, s *scope) plan.Expr {
	switch x := o.e.(type) {
	case *plan.Row:
		names, ok := b.entryNames[x]
		if !ok {
			names = x.Names
		}
		for i, n := range names {
			if n == name {
				return x.Items[i]
			}
		}
		if x.Rel != "" {
			b.failf(sqlerr.UndefinedColumn, o.loc, "column %s.%s does not exist", x.Rel, name)
		}
		if x.Typ.OID != types.Record {
			break
		}
		b.failf(sqlerr.UndefinedColumn, o.loc, "could not identify column \"%s\" in record data type", name)
	case *plan.Call:
		for i, c := range x.Func.Out {
			if c.Name == name {
				return &plan.FieldOf{Arg: x, Index: i, Typ: b.outType(x, i, o.loc), Name: name}
			}
		}
	}
	for _, c := range b.recordOf(o.e, s) {
		if c.name == name {
			return c.e
		}
	}
	t := o.e.Type().OID
	switch {
	case t == types.Record:
		b.failf(sqlerr.UndefinedColumn, o.loc, "could not identify column \"%s\" in record data type", name)
	case types.IsRow(t):
		b.failf(sqlerr.UndefinedColumn, o.loc, "column \"%s\" not found in data type %s", name, b.formatType(t))
	}
	b.failf(sqlerr.WrongObjectType, o.loc, "column notation .%s applied to type %s, which is not a composite type", name, b.formatType(t))
	return nil
}

// recordOf are the columns of a reference to a row value, as references from the
// same place; nil where they are not known.
func (b *binder) recordOf(e plan.Expr, s *scope) []namedExpr {
	for at := s; at != nil; at = at.parent {
		if use, ok := at.refs[e]; ok && use.record != nil {
			return use.record
		}
	}
	if cols, ok := b.rowColumns(e.Type().OID); ok {
		return fieldsOf(e, &plan.RowShape{Cols: cols})
	}
	if c, ok := e.(*plan.Call); ok {
		return fieldsOf(e, shapeOfCall(c))
	}
	if q, ok := e.(*plan.Subquery); ok && q.Kind == plan.SubScalar {
		return fieldsOf(e, q.Input.Schema()[0].Row)
	}
	return nil
}

// fieldsOf takes the columns out of a row of a known shape.
func fieldsOf(e plan.Expr, shape *plan.RowShape) []namedExpr {
	if shape == nil {
		return nil
	}
	out := make([]namedExpr, len(shape.Cols))
	for i, c := range shape.Cols {
		out[i] = namedExpr{c.Name, &plan.FieldOf{Arg: e, Index: i, Typ: c.Type, Name: c.Name}}
	}
	return out
}

// shapeOf are the columns of a row value as the query around may know them.
func (b *binder) shapeOf(e plan.Expr, s *scope) *plan.RowShape {
	if !types.IsRow(e.Type().OID) {
		return nil
	}
	if r, ok := e.(*plan.Row); ok {
		return r.Shape()
	}
	cols := b.recordOf(e, s)
	if cols == nil {
		return nil
	}
	shape := &plan.RowShape{}
	for _, c := range cols {
		shape.Cols = append(shape.Cols, types.RowColumn{Name: c.name, Type: c.e.Type()})
	}
	return shape
}

// outType is the type of a function's i-th result column, a polymorphic one
// resolved by the call's arguments.
func (b *binder) outType(x *plan.Call, i int, loc int32) types.Type {
	t := x.Func.Out[i].Type
	if !polymorphic(t.OID) {
		return t
	}
	actual := make([]types.OID, len(x.Args))
	for j, a := range x.Args {
		actual[j] = a.Type().OID
	}
	declared := x.Func.Args
	if len(declared) > len(actual) {
		declared = declared[:len(actual)]
	}
	_, ret := b.concrete(actual, declared, t.OID, loc)
	return types.Of(ret)
}
