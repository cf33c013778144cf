package gateway

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// currentRow are the ids of the rows of tables that the row a cursor stands on is made
// of, as they were when it was given.
type currentRow struct {
	tables []plan.CursorTable
	ids    []int64
	null   []bool
}

// note takes the ids of the last live row of a batch.
func (c *currentRow) note(b *vec.Batch) {
	if len(c.tables) == 0 || b.Len() == 0 {
		return
	}
	row := b.Rows - 1
	if b.Sel != nil {
		row = int(b.Sel[len(b.Sel)-1])
	}
	c.ids, c.null = c.ids[:0], c.null[:0]
	for _, t := range c.tables {
		v, at := b.Cols[t.Column], row
		if k, ok := v.(*vec.Const); ok {
			v, at = k.Of, 0
		}
		f := v.(*vec.Fixed[int64])
		c.ids, c.null = append(c.ids, f.Values[at]), append(c.null, f.Nulls().Get(at))
	}
}

// CurrentRow is function.Session's, with the errors of PostgreSQL's execCurrentOf.
func (x *session) CurrentRow(cursor string, table types.OID) (id int64, ok bool, err error) {
	p, err := x.findPortal(cursor)
	if err != nil {
		return 0, false, err
	}
	refuse := func(format string, args ...any) (int64, bool, error) {
		return 0, false, sqlerr.Errorf(sqlerr.InvalidCursorState, "cursor %q "+format, append([]any{cursor}, args...)...)
	}
	if p.out == nil || p.out.rows == nil {
		return refuse("is not a SELECT query")
	}
	if p.held {
		return refuse("is held from a previous transaction")
	}
	name := ""
	if r := x.begin().Snapshot().RelationByOID(table); r != nil {
		name = r.Name
	}
	rows := p.out.rows
	c := &rows.current
	of := func(t plan.CursorTable) bool { return t.Table == table }
	at := slices.IndexFunc(c.tables, of)
	locks := len(c.tables) > 0 && c.tables[0].Locked
	switch {
	case at < 0 && locks:
		return refuse("does not have a FOR UPDATE/SHARE reference to table %q", name)
	case at < 0:
		return refuse("is not a simply updatable scan of table %q", name)
	case slices.ContainsFunc(c.tables[at+1:], of):
		return refuse("has multiple FOR UPDATE/SHARE references to table %q", name)
	case rows.pos == 0 || rows.atEnd || len(c.ids) == 0:
		return refuse("is not positioned on a row")
	}
	return c.ids[at], !c.null[at], nil
}
