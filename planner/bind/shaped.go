package bind

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// template is a row of NULLs that tells a function which columns are wanted.
func template(cols []types.RowColumn) *plan.Const {
	vals := make([]types.Value, len(cols))
	for i, c := range cols {
		vals[i] = types.NullOf(c.Type)
	}
	return plan.NewConst(types.NewRow(types.Record, cols, vals))
}

// shape gives a call of a shaped function in an expression the columns of its
// first argument, where that is a row whose columns are known.
func (b *binder) shape(c *plan.Call, ops []operand) {
	if !polymorphic(c.Func.Ret) {
		return
	}
	base := c.Args[0]
	if !types.IsRow(base.Type().OID) {
		b.failf(sqlerr.DatatypeMismatch, -1, "first argument of %s must be a row type", c.Func.Name)
	}
	if cols, ok := b.rowColumns(base.Type().OID); ok {
		c.Args = append(c.Args, template(cols))
	} else if row, ok := base.(*plan.Row); ok {
		c.Args = append(c.Args, template(row.Shape().Cols))
	}
}

// shapeOfCall are the columns that a call of a shaped function was given.
func shapeOfCall(c *plan.Call) *plan.RowShape {
	if !c.Func.Shaped || len(c.Args) == 0 {
		return nil
	}
	k, ok := c.Args[len(c.Args)-1].(*plan.Const)
	if !ok || k.Value.Type.OID != types.Record || k.Value.Null {
		return nil
	}
	return &plan.RowShape{Cols: types.ReadRow(k.Value.S).Cols}
}

// shapedCall is a shaped function in FROM: its columns are those of the column
// definition list, or of the stream whose row it is given.
func (b *binder) shapedCall(c *plan.Call, from fromCall) (plan.FunctionCall, []plan.Field) {
	call := plan.FunctionCall{Func: c.Func, Args: c.Args}
	shape := shapeOfCall(c)
	named := false
	if shape != nil {
		call.Args = c.Args[:len(c.Args)-1]
		_, named = b.rowColumns(c.Args[0].Type().OID)
	}
	switch {
	case len(from.defs) > 0 && named:
		b.failf(sqlerr.SyntaxError, from.defs[0].GetColumnDef().Location, "a column definition list is redundant for a function returning a named composite type")
	case len(from.defs) > 0:
		shape = &plan.RowShape{}
		for _, d := range from.defs {
			def := d.GetColumnDef()
			t := b.typeName(def.TypeName)
			for _, have := range shape.Cols {
				if have.Name == def.Colname {
					b.failf(sqlerr.DuplicateColumn, -1, "column name \"%s\" specified more than once", def.Colname)
				}
			}
			shape.Cols = append(shape.Cols, types.RowColumn{Name: def.Colname, Type: t})
		}
	case !named:
		b.failf(sqlerr.SyntaxError, location(from.node), "a column definition list is required for functions returning \"record\"")
	}
	call.Args = append(call.Args[:len(call.Args):len(call.Args)], template(shape.Cols))
	fields := make([]plan.Field, len(shape.Cols))
	for i, col := range shape.Cols {
		fields[i] = plan.Field{Name: col.Name, Type: col.Type}
	}
	call.Columns = len(fields)
	return call, fields
}
