package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// reading is what a text refers to, by place. What the catalog keeps of a view is
// its text, and so a view follows a renaming by another text.
type reading struct {
	columns   []columnUse
	relations []relationUse
	stars     []starUse
}

// relationUse is a relation's name in FROM.
type relationUse struct {
	loc   int32
	rel   *catalog.Relation
	alias bool
}

// starUse is * or t.* in a select list, and the columns that it stands for as they
// would be written; nil where that cannot be said by names.
type starUse struct {
	loc     int32
	columns []string
}

// spread notes what a star stands for.
func (r *reading) spread(c *pg.ColumnRef, s *scope) {
	use := starUse{loc: c.Location}
	names := strs(c.Fields)
	for ; s != nil; s = s.parent {
		found := false
		for _, item := range s.items {
			switch {
			case len(names) == 0 && item.colsVisible, len(names) > 0 && item.relVisible && item.name == names[len(names)-1]:
				found = true
				if !use.add(item, s) {
					use.columns = nil
					r.stars = append(r.stars, use)
					return
				}
			}
		}
		if found || len(names) == 0 {
			break
		}
	}
	r.stars = append(r.stars, use)
}

// add adds an entry's columns; false: two of them have one name.
func (u *starUse) add(item *rangeItem, s *scope) bool {
	for _, c := range item.cols {
		if c.hidden {
			continue
		}
		of := item
		same := func(o itemCol) bool { return o.name == c.name }
		if !item.relVisible || item.name == "" {
			of = sideOf(c, s)
		}
		switch {
		case of == nil && countOf(item.cols, same) > 1, of != nil && countOf(of.cols, same) > 1:
			return false
		case of == nil:
			u.columns = append(u.columns, catalog.QuoteName(c.name))
		default:
			u.columns = append(u.columns, catalog.QuoteName(of.name)+"."+catalog.QuoteName(c.name))
		}
	}
	return true
}

func countOf(cols []itemCol, is func(itemCol) bool) int {
	n := 0
	for _, c := range cols {
		if is(c) {
			n++
		}
	}
	return n
}

// sideOf is the side of a join that one of its columns is of; nil: both, as it is
// merged.
func sideOf(c itemCol, s *scope) *rangeItem {
	col, ok := c.expr.(*plan.Column)
	if !ok {
		return nil
	}
	var of *rangeItem
	for _, item := range s.items {
		if item.join || !item.relVisible || item.name == "" {
			continue
		}
		for _, o := range item.cols {
			if x, ok := o.expr.(*plan.Column); ok && x.Index == col.Index && o.name == c.name {
				of = item
			}
		}
	}
	if of == nil {
		return nil
	}
	for _, item := range s.items {
		if item != of && !item.join && item.relVisible && slices.ContainsFunc(item.cols, func(o itemCol) bool { return o.name == c.name && !o.hidden }) {
			return nil // USING's: the name alone means it
		}
	}
	return of
}

// readingOf binds a view's own text and returns what it refers to, and its
// columns; false: it binds no more.
func (b *binder) readingOf(v *catalog.Relation, c *Context) (r *reading, fields []plan.Field, ok bool) {
	stmt, err := parse.Query(v.Query)
	if err != nil || stmt.Node.GetSelectStmt() == nil {
		return &reading{}, nil, false
	}
	of := *c
	of.User = "" // who made the view was asked
	of.SearchPath = append([]string{v.Schema}, c.SearchPath...)
	r = &reading{}
	inner := &binder{
		ctx: b.ctx, c: &of, stmt: stmt, src: stmt.Source, ascii: isASCII(stmt.Source.Text), reading: r,
		shared: &shared{params: &params{}, views: []string{v.Schema + "." + v.Name}},
	}
	if v.Kind == catalog.MatView {
		inner.top = lastLeaf(stmt.Node.GetSelectStmt()) // whose EMIT is the view's
	}
	var failed error
	func() {
		defer catch(&failed)
		inner.inlineSources(stmt, stmt.Node.GetSelectStmt())
		fields = inner.query(stmt.Node.GetSelectStmt(), nil, nil).Schema()
	}()
	return r, fields, failed == nil
}

// settleText writes out, in a new view's text, what * stands for, and the schemas
// of relations that are not in the view's own, so that neither changes with what
// comes later.
func (b *binder) settleText(v *catalog.Relation) {
	r, before, ok := b.readingOf(v, b.c)
	if !ok {
		return
	}
	var all []parse.Replacement
	for _, s := range r.stars {
		list := strings.Join(s.columns, ", ")
		all = append(all, parse.Replacement{At: int(s.loc), Text: func([]string) string { return list }})
	}
	for _, u := range r.relations {
		if u.rel.Schema != v.Schema && u.rel.Kind != catalog.Virtual {
			all = append(all, qualifying(u))
		}
	}
	if out := b.reworded(v, all, b.c, before); out != nil {
		v.Query = out.Query
	}
}

// qualifying writes a relation's schema before its name.
func qualifying(u relationUse) parse.Replacement {
	return parse.Replacement{At: int(u.loc), Text: func(parts []string) string {
		if len(parts) != 1 || catalog.Temporary(u.rel.Schema) {
			return ""
		}
		return catalog.QuoteName(u.rel.Schema) + "." + catalog.QuoteName(u.rel.Name)
	}}
}

// reworded is a view with replacements in its text; nil where that, in c, is not
// a query for the same columns.
func (b *binder) reworded(v *catalog.Relation, all []parse.Replacement, c *Context, columns []plan.Field) *catalog.Relation {
	out := *v
	out.Query = parse.Replace(v.Query, all)
	_, now, ok := b.readingOf(&out, c)
	if !ok || !slices.EqualFunc(now, columns, func(x, y plan.Field) bool { return x.Type == y.Type }) {
		return nil
	}
	return &out
}
