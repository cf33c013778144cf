package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
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
	if base.Type().OID != types.Record {
		b.failf(sqlerr.DatatypeMismatch, -1, "first argument of %s must be a row type", c.Func.Name)
	}
	if row, ok := base.(*plan.Row); ok {
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
		row, ok := c.Args[0].(*plan.Row)
		named = ok && row.Rel != ""
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

// rowType is the stream or view whose name stands as a type, nil for a type.
func (b *binder) rowType(t *pg.TypeName) *catalog.Relation {
	names := strs(t.Names)
	if len(t.ArrayBounds) > 0 || len(names) > 2 || b.lookupType(names) != nil {
		return nil
	}
	schema := ""
	if len(names) == 2 {
		schema = names[0]
	}
	return b.findRelation(schema, names[len(names)-1])
}

// castToRow casts NULL or a row to the row type of a relation.
func (b *binder) castToRow(o operand, rel *catalog.Relation, loc int32) plan.Expr {
	out := &plan.Row{Typ: types.Of(types.Record), Rel: rel.Name}
	for _, c := range rel.Columns {
		out.Names = append(out.Names, c.Name)
	}
	if c, ok := o.e.(*plan.Const); ok && c.Value.Null {
		for _, c := range rel.Columns {
			out.Items = append(out.Items, plan.NewConst(types.NullOf(c.Type)))
		}
		out.Present = plan.NewConst(types.NewBool(false))
		return out
	}
	row, ok := o.e.(*plan.Row)
	if t := o.e.Type().OID; !ok && t != types.Unknown && category(t) != 'S' && t != types.Record {
		b.failf(sqlerr.CannotCoerce, loc, "cannot cast type %s to %s", formatType(t), rel.Name)
	}
	if !ok {
		b.unsupported(o.loc, "Write the row out: ROW(...).", "casting type %s to the row type %s is not supported", formatType(o.e.Type().OID), rel.Name)
	}
	refuse := func(detail string) {
		b.fail(sqlerr.Errorf(sqlerr.CannotCoerce, "cannot cast type record to %s", rel.Name).WithDetail("%s", detail).At(b.pos(loc)))
	}
	switch {
	case len(row.Items) < len(rel.Columns):
		refuse("Input has too few columns.")
	case len(row.Items) > len(rel.Columns):
		refuse("Input has too many columns.")
	}
	out.Present = row.Present
	for i, c := range rel.Columns {
		e := b.coerceTo(row.Items[i], c.Type, explicit, o.loc)
		if e == nil {
			b.fail(sqlerr.Errorf(sqlerr.CannotCoerce, "cannot cast type record to %s", rel.Name).
				WithDetail("Cannot cast type %s to %s in column %d.", formatType(row.Items[i].Type().OID), formatType(c.Type.OID), i+1).At(b.pos(loc)))
		}
		out.Items = append(out.Items, e)
	}
	return out
}
