package bind

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// maxViewDepth bounds views over views.
const maxViewDepth = 64

// view expands a view: its query is bound as its owner wrote it, unqualified
// names along the view's own schema first.
func (b *binder) view(rel *catalog.Relation, loc int32) plan.Node {
	name := rel.Schema + "." + rel.Name
	for _, v := range b.shared.views {
		if v == name {
			b.failf(sqlerr.InvalidObjectDefinition, loc, "infinite recursion detected in rules for relation \"%s\"", rel.Name)
		}
	}
	if len(b.shared.views) >= maxViewDepth {
		b.failf(sqlerr.StatementTooComplex, loc, "views are nested more than %d deep", maxViewDepth)
	}
	b.shared.views = append(b.shared.views, name)
	defer func() { b.shared.views = b.shared.views[:len(b.shared.views)-1] }()
	stmt, err := parse.Query(rel.Query)
	if err != nil {
		b.fail(inView(sqlerr.From(err), name, b.pos(loc)))
	}
	c := *b.c
	c.User = rel.Owner
	c.SearchPath = append([]string{rel.Schema}, b.c.SearchPath...)
	inner := &binder{ctx: b.ctx, c: &c, stmt: stmt, src: stmt.Source, ascii: isASCII(stmt.Source.Text), shared: b.shared, inView: true, live: b.live, final: b.final, late: b.late}
	sel := stmt.Node.GetSelectStmt()
	if rel.Kind == catalog.MatView {
		inner.asInJob(rel, sel)
	}
	if sel == nil {
		b.failf(sqlerr.InvalidObjectDefinition, loc, "view \"%s\" does not hold a query", rel.Name)
	}
	notices := len(b.shared.notices)
	inner.inlineSources(stmt, sel)
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(bindError); ok {
				panic(bindError{inView(e.err, name, b.pos(loc))})
			}
			panic(r)
		}
	}()
	n := inner.query(sel, nil, nil)
	if rel.Kind == catalog.MatView {
		n = unordered(n)
	}
	b.shared.notices = b.shared.notices[:notices] // what the view's own declaration said once
	if len(rel.Columns) == 0 {
		return n
	}
	fields := n.Schema()
	if len(fields) != len(rel.Columns) {
		b.fail(sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "view \"%s\" has %d columns, but its query now gives %d", rel.Name, len(rel.Columns), len(fields)).
			WithHint("%s", again(rel)).At(b.pos(loc)))
	}
	out := make([]plan.Field, len(fields))
	for i, f := range fields {
		out[i] = plan.Field{Name: rel.Columns[i].Name, Type: f.Type}
	}
	return renamed(n, out)
}

// inView says in which view an error arose, at the place the view is named.
func inView(e *sqlerr.Error, view string, pos int) *sqlerr.Error {
	out := *e
	out.Position = pos
	where := "view " + strings.TrimPrefix(view, "public.")
	if out.Where != "" {
		where = out.Where + "\n" + where
	}
	out.Where = where
	return &out
}

// again is how a view whose columns are not its query's any more is made anew.
func again(rel *catalog.Relation) string {
	if rel.Kind == catalog.MatView {
		return "Drop the view and create it again."
	}
	return "Make it again: CREATE OR REPLACE STREAM " + rel.Name + " AS ..."
}
