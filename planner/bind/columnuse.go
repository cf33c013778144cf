package bind

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
)

// dependentViews are the views that read a relation, oldest first.
func (b *binder) dependentViews(of types.OID) []*catalog.Relation {
	var all []*catalog.Relation
	for _, r := range b.c.Catalog.Relations() {
		if r.Kind == catalog.View && slices.Contains(r.DependsOn, of) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y *catalog.Relation) int { return int(x.OID) - int(y.OID) })
	return all
}

// usesOf are the references of a view's own text to a relation's column.
func (b *binder) usesOf(v *catalog.Relation, table types.OID, attr int16) []columnUse {
	stmt, err := parse.Query(v.Query)
	if err != nil || stmt.Node.GetSelectStmt() == nil {
		return nil
	}
	c := *b.c
	c.SearchPath = append([]string{v.Schema}, b.c.SearchPath...)
	var all, found []columnUse
	inner := &binder{
		ctx: b.ctx, c: &c, stmt: stmt, src: stmt.Source, ascii: isASCII(stmt.Source.Text), uses: &all,
		shared: &shared{params: &params{}},
	}
	func() {
		var failed error
		defer catch(&failed) // a view that no longer binds keeps nobody from anything
		inner.inlineSources(stmt, stmt.Node.GetSelectStmt())
		inner.query(stmt.Node.GetSelectStmt(), nil, nil)
	}()
	for _, u := range all {
		if u.table == table && u.attr == attr {
			found = append(found, u)
		}
	}
	return found
}

// viewsOf are the views that read a column.
func (b *binder) viewsOf(r *catalog.Relation, attr int16) []*catalog.Relation {
	var all []*catalog.Relation
	for _, v := range b.dependentViews(r.OID) {
		if len(b.usesOf(v, r.OID, attr)) > 0 {
			all = append(all, v)
		}
	}
	return all
}

// renameInView is a view whose text names a column anew where it reads it.
func (b *binder) renameInView(v *catalog.Relation, table types.OID, attr int16, from, to string) *catalog.Relation {
	uses := b.usesOf(v, table, attr)
	if len(uses) == 0 {
		return nil
	}
	var places []int
	for _, u := range uses {
		places = append(places, int(u.loc))
	}
	text := parse.RenameColumn(v.Query, places, from, catalog.QuoteName(to))
	if text == v.Query {
		return nil
	}
	if _, err := parse.Query(text); err != nil {
		b.fail(sqlerr.Unsupported("Drop the view, and create it again with the new name.", "renaming a column that view \"%s\" reads is not supported", v.Name))
	}
	out := *v
	out.Query = text
	return &out
}
