package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// changedRows is WHERE of an UPDATE or DELETE. WHERE CURRENT OF has the scan of the
// table read the one row that the cursor stands on.
func (b *binder) changedRows(where *pg.Node, scan *plan.Scan, target *rangeItem, s *scope) plan.Expr {
	current := where.GetCurrentOfExpr()
	if current == nil {
		return b.where(where, s)
	}
	if target.view != nil {
		b.unsupported(-1, "Name table "+target.view.table.Name+" itself.", "WHERE CURRENT OF on a view is not implemented")
	}
	f := b.c.Catalog.Functions("current_row_of")
	if len(f) == 0 {
		b.unsupported(-1, "Name the row by its key.", "WHERE CURRENT OF is not supported")
	}
	scan.Current = &plan.CursorRow{Cursor: current.CursorName, ID: &plan.Call{Func: f[0], Typ: types.Of(types.Int8), Args: []plan.Expr{
		plan.NewConst(types.NewText(current.CursorName)), plan.NewConst(types.NewInt(types.Oid, int64(scan.Relation.OID))),
	}}}
	return nil
}

// cursorRows has a cursor's query give, behind the columns that are shown, the ids of
// the rows of tables that its rows are made of: of those that it locks, or of the
// table whose rows, without more, they are.
func cursorRows(n plan.Node) (plan.Node, []plan.CursorTable) {
	var found []plan.CursorTable
	for _, l := range cursorLocks(n) {
		with, at := exposed(n, l.RowID)
		if with == nil {
			return n, nil
		}
		n, found = with, append(found, plan.CursorTable{Table: l.Target.OID, Column: at, Locked: true})
	}
	if len(found) > 0 {
		return n, found
	}
	scan := cursorScan(n)
	if scan == nil {
		return n, nil
	}
	at := slices.Index(scan.Columns, len(scan.Relation.Columns))
	if at < 0 {
		return n, nil
	}
	with, column := exposed(n, at)
	return with, []plan.CursorTable{{Table: scan.Relation.OID, Column: column}}
}

// cursorLocks are the locks of a query that its own FOR UPDATE takes.
func cursorLocks(n plan.Node) []plan.TableLock {
	switch x := n.(type) {
	case *plan.Project:
		return cursorLocks(x.Input)
	case *plan.Limit:
		return cursorLocks(x.Input)
	case *plan.LockRows:
		return x.Locks
	}
	return nil
}

// cursorScan is the table whose rows a query gives one by one, in no order of its own.
func cursorScan(n plan.Node) *plan.Scan {
	switch x := n.(type) {
	case *plan.Project:
		return cursorScan(x.Input)
	case *plan.Filter:
		return cursorScan(x.Input)
	case *plan.Limit:
		return cursorScan(x.Input)
	case *plan.Scan:
		if x.Relation.Kind == catalog.Table {
			return x
		}
	}
	return nil
}

// exposed is a query with a column of what lies under its projections as its last one,
// and the place of that; at is its place there. nil: it cannot be had.
func exposed(n plan.Node, at int) (plan.Node, int) {
	switch x := n.(type) {
	case *plan.Project:
		in, place := exposed(x.Input, at)
		if in == nil {
			return nil, 0
		}
		c := *x
		c.Input = in
		f := in.Schema()[place]
		c.Exprs = append(slices.Clone(x.Exprs), columnOfField(place, f))
		c.Fields = append(slices.Clone(x.Fields), plan.Field{Name: rowIDName, Type: f.Type})
		return &c, len(c.Exprs) - 1
	case *plan.Limit:
		in, place := exposed(x.Input, at)
		if in == nil {
			return nil, 0
		}
		c := *x
		c.Input = in
		return &c, place
	case *plan.Filter:
		in, place := exposed(x.Input, at)
		if in == nil {
			return nil, 0
		}
		return &plan.Filter{Input: in, Cond: x.Cond}, place
	case *plan.LockRows, *plan.Scan:
		return x, at
	}
	return nil, 0
}
