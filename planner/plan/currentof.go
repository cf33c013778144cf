package plan

// CursorRow is the row of a table that a cursor stands on.
type CursorRow struct {
	Cursor string
	ID     Expr // the row id, over no row; NULL: there is none
}

func (c *CursorRow) mapExprs(expr func(Expr) Expr) *CursorRow {
	if c == nil {
		return nil
	}
	out := *c
	out.ID = expr(c.ID)
	return &out
}
