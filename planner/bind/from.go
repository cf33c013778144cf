package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// fromEntry is a bound part of FROM: rows, and the names for their columns.
// Expressions in items are over the entry's own row.
type fromEntry struct {
	node  plan.Node
	items []*rangeItem
	// lateral: the node refers to the rows of what stands left of it.
	lateral bool
}

// from binds the FROM list into the scope: comma is a cross join.
func (b *binder) from(nodes []*pg.Node, s *scope) plan.Node {
	if len(nodes) == 0 {
		return &plan.Values{Rows: [][]plan.Expr{{}}}
	}
	var all fromEntry
	for _, n := range nodes {
		if all.node == nil {
			all = b.fromItem(n, s, s.parent)
			continue
		}
		e := b.settle(b.fromItem(n, s, &scope{parent: s.parent, items: all.items, ctes: s.ctes, at: exprLateral}))
		b.uniqueNames(all.items, e.items)
		all = fromEntry{
			node:  joinNode(plan.JoinInner, all.node, e.node, nil, e.lateral),
			items: append(all.items, shiftItems(e.items, len(all.node.Schema()))...),
		}
	}
	s.items = all.items
	return all.node
}

// settle says of an entry that was bound one level inside the row to its left
// whether it refers to that row; where it does not, it is taken out of the level.
func (b *binder) settle(e fromEntry) fromEntry {
	if !plan.NodeHasOuter(e.node) {
		return e
	}
	plan.MapOuter(e.node, 1, func(o *plan.Outer) plan.Expr {
		e.lateral = true
		return o
	})
	if !e.lateral {
		e.node = plan.Lift(e.node)
	}
	return e
}

// blind is a chain of lateral levels, down to end, whose rows cannot be named.
func blind(lat, end *scope) *scope {
	if lat == end {
		return end
	}
	return &scope{parent: blind(lat.parent, end), hidden: append(append([]*rangeItem(nil), lat.items...), lat.hidden...), ctes: lat.ctes, at: lat.at}
}

// apart is blind for the condition of a join, which LATERAL would not help.
func apart(lat, end *scope) *scope {
	s := blind(lat, end)
	for x := s; x != end; x = x.parent {
		x.unmarked = true
	}
	return s
}

func joinNode(kind plan.JoinKind, left, right plan.Node, cond plan.Expr, lateral bool) *plan.Join {
	fields := slices.Concat(left.Schema(), right.Schema())
	return &plan.Join{Kind: kind, Left: left, Right: right, Cond: cond, Lateral: lateral, Fields: fields}
}

func shiftItems(items []*rangeItem, n int) []*rangeItem {
	for _, item := range items {
		if item.present != nil {
			item.present = plan.Shift(item.present, n)
		}
		for i := range item.cols {
			c := &item.cols[i]
			c.expr = plan.Shift(c.expr, n)
			c.record = append([]itemCol(nil), c.record...)
			for j := range c.record {
				c.record[j].expr = plan.Shift(c.record[j].expr, n)
			}
		}
	}
	return items
}

// uniqueNames refuses two entries of one name.
func (b *binder) uniqueNames(have, more []*rangeItem) {
	for _, m := range more {
		for _, h := range have {
			if m.name == "" || m.name != h.name || !m.relVisible || !h.relVisible {
				continue
			}
			if m.rel != nil && h.rel != nil && m.schema != "" && h.schema != "" && m.schema != h.schema {
				continue
			}
			b.failf(sqlerr.DuplicateAlias, -1, "table name \"%s\" specified more than once", m.name)
		}
	}
}

// fromItem binds one item. lat is the scope of what stands left of it, for
// LATERAL; its levels above s.parent count as levels for everything in the item.
func (b *binder) fromItem(n *pg.Node, s, lat *scope) fromEntry {
	switch x := n.Node.(type) {
	case *pg.Node_RangeVar:
		return b.rangeVar(x.RangeVar, s, lat)
	case *pg.Node_RangeSubselect:
		return b.rangeSubselect(x.RangeSubselect, s, lat)
	case *pg.Node_RangeFunction:
		return b.rangeFunction(x.RangeFunction, s, lat)
	case *pg.Node_JoinExpr:
		return b.joinExpr(x.JoinExpr, s, lat)
	case *pg.Node_RangeTableSample:
		b.unsupported(x.RangeTableSample.Location, "Filter the rows: WHERE random() < 0.1.", "TABLESAMPLE is not supported")
	}
	b.unsupported(location(n), "Name a stream, a subquery or a function.", "this form of FROM item is not supported")
	return fromEntry{}
}

func (b *binder) rangeSubselect(x *pg.RangeSubselect, s, lat *scope) fromEntry {
	if !x.Lateral {
		lat = blind(lat, s.parent)
	}
	node := b.query(x.Subquery.GetSelectStmt(), lat, s.ctes)
	item := &rangeItem{relVisible: true, colsVisible: true, query: node, cols: columnsOf(node.Schema())}
	node = spreadRecords(node, item)
	if x.Alias != nil {
		item.name = x.Alias.Aliasname
	}
	b.aliasColumns(item, x.Alias)
	return fromEntry{node: node, items: []*rangeItem{item}}
}

// spreadRecords gives the columns of a subquery's row values places of their own
// after its columns, so that (t.r).name is one of them.
func spreadRecords(n plan.Node, item *rangeItem) plan.Node {
	p, ok := n.(*plan.Project)
	if !ok {
		return n
	}
	out := &plan.Project{Input: p.Input, Exprs: p.Exprs[:len(p.Exprs):len(p.Exprs)], Fields: p.Fields[:len(p.Fields):len(p.Fields)]}
	for i, e := range p.Exprs {
		r, ok := e.(*plan.Row)
		if !ok {
			continue
		}
		for j, x := range r.Items {
			col := &plan.Column{Index: len(out.Exprs), Typ: x.Type(), Name: r.Names[j]}
			if j == 0 {
				item.cols[i].record = nil // those taken out of the value
			}
			item.cols[i].record = append(item.cols[i].record, itemCol{name: r.Names[j], expr: col})
			out.Exprs = append(out.Exprs, x)
			out.Fields = append(out.Fields, plan.Field{Name: r.Names[j], Type: x.Type()})
		}
	}
	if len(out.Exprs) == len(p.Exprs) {
		return n
	}
	return out
}

func columnsOf(fields []plan.Field) []itemCol {
	cols := make([]itemCol, len(fields))
	for i, f := range fields {
		col := &plan.Column{Index: i, Typ: f.Type, Name: f.Name}
		cols[i] = itemCol{name: f.Name, expr: col, table: f.Table, attr: f.Attr}
		for _, x := range fieldsOf(col, f.Row) {
			cols[i].record = append(cols[i].record, itemCol{name: x.name, expr: x.e})
		}
	}
	return cols
}

// aliasColumns applies t (a, b) to an entry's columns.
func (b *binder) aliasColumns(item *rangeItem, a *pg.Alias) {
	if a == nil {
		return
	}
	names := strs(a.Colnames)
	visible := 0
	for i := range item.cols {
		if item.cols[i].hidden {
			continue
		}
		if visible < len(names) {
			renameCol(&item.cols[i], names[visible])
		}
		visible++
	}
	if len(names) > visible {
		b.failf(sqlerr.InvalidColumnReference, -1, "table \"%s\" has %d columns available but %d columns specified", item.name, visible, len(names))
	}
}

func renameCol(c *itemCol, name string) {
	c.name = name
	if col, ok := c.expr.(*plan.Column); ok {
		fresh := *col
		fresh.Name = name
		c.expr = &fresh
	}
}

// rangeVar is a name in FROM: a WITH query, a stream, a view, a catalog relation.
func (b *binder) rangeVar(x *pg.RangeVar, s, lat *scope) fromEntry {
	if x.Schemaname == "" {
		if c := findCTE(s, x.Relname); c != nil {
			return b.cteRef(c, x, s)
		}
	}
	rel := b.relation(x)
	item := &rangeItem{name: rel.Name, rel: rel, relVisible: true, colsVisible: true, schema: rel.Schema}
	if rel.OID != 0 {
		item.row = types.RowType(rel.OID)
	}
	if x.Alias != nil {
		item.name, item.schema = x.Alias.Aliasname, ""
	}
	read := b.needColumns(rel, catalog.SelectRight)
	b.depend(rel.OID)
	if b.reading != nil {
		b.reading.relations = append(b.reading.relations, relationUse{x.Location, rel, x.Alias != nil})
	}
	kind := rel.Kind
	if b.asQuery(rel) {
		kind = catalog.View
	}
	var node plan.Node
	switch kind {
	case catalog.View:
		if u := b.lockedView(rel, item.name, s); u != nil {
			node = b.viewRows(u, item)
			break
		}
		node = b.view(rel, x.Location)
		item.cols = columnsOf(node.Schema())
		for i := range item.cols {
			item.cols[i].table, item.cols[i].attr = rel.OID, int16(i+1)
		}
	case catalog.Virtual:
		fields, cols := relationColumns(rel)
		node = &plan.VirtualScan{Relation: rel, Columns: upTo(len(fields)), Fields: fields, Alias: item.name}
		item.cols = cols
	case catalog.Sequence:
		node = b.sequenceRow(rel, x.Location)
		item.cols = columnsOf(node.Schema())
	case catalog.Table, catalog.MatView:
		node, item.cols = b.tableScan(rel, item.name)
		if rel.Kind == catalog.MatView && !slices.Contains(b.shared.matviews, rel) {
			b.shared.matviews = append(b.shared.matviews, rel)
		}
	case catalog.Sink:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is a sink and cannot be read", rel.Name).
			WithHint("Declare a stream over the same data: CREATE STREAM %s_in WITH (...).", rel.Name).At(b.pos(x.Location)))
	default:
		fields, cols := relationColumns(rel)
		changes := b.c.Changes != nil && b.c.Changes(rel)
		if rel.Key != nil && rel != b.records && !changes {
			node, item.cols = b.keyed(rel, x.Location), cols
			break
		}
		looked := b.c.Looks != nil && b.c.Looks(rel, nil)
		node = b.generated(rel, &plan.Scan{Relation: rel, Columns: upTo(len(fields)), Fields: fields, Alias: item.name, Looked: looked, Changes: changes && b.live})
		item.cols = cols
	}
	if rel != b.records { // whose reader is asked for the table's
		for i := range item.cols {
			item.cols[i].need = read
		}
	}
	b.aliasColumns(item, x.Alias)
	return fromEntry{node: node, items: []*rangeItem{item}}
}

// generated computes a stream's generated columns above its scan. A generator's
// are its data, and its own business.
func (b *binder) generated(rel *catalog.Relation, scan *plan.Scan) plan.Node {
	if rel.Connector == "generator" {
		return scan
	}
	if !slices.ContainsFunc(rel.Columns, isGenerated) && !slices.ContainsFunc(rel.Hidden, isGenerated) {
		return scan
	}
	p := &plan.Project{Input: scan, Fields: scan.Fields}
	all := rel.AllColumns()
	for i, f := range scan.Fields {
		e := plan.Expr(columnOfField(i, f))
		if text := all[i].Generated; text != "" {
			e = b.generatedColumn(text, all, all[i])
		}
		p.Exprs = append(p.Exprs, e)
	}
	return p
}

func isGenerated(c catalog.Column) bool { return c.Generated != "" }

func (b *binder) generatedColumn(text string, all []catalog.Column, c catalog.Column) plan.Expr {
	node, err := parse.Expr(text)
	b.check(err)
	inner := &binder{ctx: b.ctx, c: b.c, src: &parse.Source{Text: text}, ascii: isASCII(text), shared: b.shared}
	o := inner.operand(node, columnScope(all), exprOther)
	return inner.assignColumn(operand{o.e, -1}, c, 0)
}

// relationColumns are the rows of a scan of all of a relation's columns, and
// their names.
func relationColumns(rel *catalog.Relation) ([]plan.Field, []itemCol) {
	n := len(rel.Columns) + len(rel.Hidden)
	fields := make([]plan.Field, n)
	cols := make([]itemCol, n)
	exprs := make([]plan.Column, n)
	for i := range n {
		hidden := i >= len(rel.Columns)
		var c *catalog.Column
		if hidden {
			c = &rel.Hidden[i-len(rel.Columns)]
		} else {
			c = &rel.Columns[i]
		}
		f := plan.Field{Name: c.Name, Type: c.Type}
		if !hidden {
			f.Table, f.Attr = rel.OID, rel.Attribute(i)
		}
		fields[i] = f
		exprs[i] = plan.Column{Index: i, Typ: c.Type, Name: c.Name}
		cols[i] = itemCol{name: c.Name, expr: &exprs[i], hidden: hidden, table: f.Table, attr: f.Attr}
	}
	return fields, cols
}

func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// relation finds the relation that a name in FROM means.
func (b *binder) relation(x *pg.RangeVar) *catalog.Relation {
	if x.Schemaname != "" {
		b.mayUse(b.tempSchema(x.Schemaname), x.Location)
	}
	if x.Catalogname != "" && x.Catalogname != b.c.Database {
		b.failf(sqlerr.FeatureNotSupported, x.Location, "cross-database references are not implemented: \"%s.%s.%s\"", x.Catalogname, x.Schemaname, x.Relname)
	}
	if r := b.findRelation(x.Schemaname, x.Relname); r != nil {
		return r
	}
	name := x.Relname
	if x.Schemaname != "" {
		name = x.Schemaname + "." + name
	}
	err := b.undefined(x.Schemaname, x.Relname).At(b.pos(x.Location))
	if x.Schemaname == "" && slices.Contains(b.later, x.Relname) {
		err = err.WithDetail("There is a WITH item named \"%s\", but it cannot be referenced from this part of the query.", name).
			WithHint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.")
	}
	b.fail(err)
	return nil
}

// findRelation finds a relation by its name, nil where there is none.
func (b *binder) findRelation(schema, name string) *catalog.Relation {
	if schema != "" {
		if r := b.inline[schema+"."+name]; r != nil {
			return r
		}
		return b.c.Catalog.Relation(b.tempSchema(schema), name)
	}
	if r := b.inline[name]; r != nil {
		return r
	}
	if r := b.c.Catalog.Resolve(b.c.SearchPath, name); r != nil {
		return r
	}
	return nil
}
