package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// cte is one WITH query.
type cte struct {
	name   string
	x      *pg.CommonTableExpr
	id     int
	node   plan.Node
	fields []plan.Field
	refs   int
	// Of one that refers to itself: its second part, and what UNION says.
	self      bool
	recursive plan.Node
	distinct  bool
	// binding: its second part is being bound, and a reference is to itself.
	binding bool
	// added are the columns of SEARCH and CYCLE, the last of fields; nil: none.
	// level is how deep the query is to which the WITH clause belongs: in
	// queries within it, * leaves them out.
	added *traversal
	level int
	// needs are the rights that it takes, which the statement needs when it reads it.
	needs []*need
	// modifies: it is an INSERT, UPDATE or DELETE, which runs whoever reads it.
	modifies bool
}

// with binds the queries of a WITH clause. It returns the names visible to the
// query and those that are its own, in order (transformWithClause).
func (b *binder) with(w *pg.WithClause, parent *scope, outer map[string]*cte) (map[string]*cte, []*cte) {
	if w == nil {
		return outer, nil
	}
	list := b.withItems(w)
	visible := make(map[string]*cte, len(outer)+len(list))
	for k, v := range outer {
		visible[k] = v
	}
	if w.Recursive {
		list = b.recursiveOrder(list)
		for _, c := range list {
			b.checkRecursion(c)
		}
	}
	var own []*cte
	before := b.later
	defer func() { b.later = before }()
	for i, c := range list {
		b.later = slices.Clone(before)
		for _, next := range list[i:] {
			b.later = append(b.later, next.name)
		}
		sel := c.x.Ctequery.GetSelectStmt()
		b.checkTraversal(c)
		if c.modifies {
			b.modifyingQuery(c, w, parent, visible)
		} else if c.self {
			c.needs = b.needsOf(func() { own = append(own, b.recursiveQuery(c, sel, parent, visible)...) })
		} else {
			c.needs = b.needsOf(func() {
				c.node = b.query(sel, parent, visible)
				c.fields = b.withFields(c, c.node.Schema())
			})
		}
		own = append(own, c)
		visible[c.name] = c
	}
	return visible, own
}

// modifyingQuery binds an INSERT, UPDATE or DELETE in WITH.
func (b *binder) modifyingQuery(c *cte, w *pg.WithClause, parent *scope, visible map[string]*cte) {
	if parent != nil || w != b.topWith {
		b.failf(sqlerr.FeatureNotSupported, c.x.Location, "WITH clause containing a data-modifying statement must be at the top level")
	}
	if b.live {
		b.unsupported(c.x.Location, "Run it as a statement of its own.", "a continuous query cannot change a table")
	}
	b.modifies = true
	var m *plan.Modify
	switch x := c.x.Ctequery.Node.(type) {
	case *pg.Node_InsertStmt:
		if !b.isTable(x.InsertStmt) {
			b.unsupported(c.x.Location, "Run the INSERT as a statement of its own.", "INSERT into a stream in WITH is not supported")
		}
		c.node, m = b.insertInto(x.InsertStmt, visible)
	case *pg.Node_UpdateStmt:
		c.node, m = b.update(x.UpdateStmt, visible)
	case *pg.Node_DeleteStmt:
		c.node, m = b.delete(x.DeleteStmt, visible)
	default:
		b.failf(sqlerr.SyntaxError, c.x.Location, "this statement cannot stand in WITH")
	}
	if m.Fields != nil {
		c.fields = b.withFields(c, m.Fields)
	}
}

// withItems are the queries of a WITH clause, not bound yet.
func (b *binder) withItems(w *pg.WithClause) []*cte {
	var list []*cte
	for _, n := range w.Ctes {
		x := n.GetCommonTableExpr()
		for _, have := range list {
			if have.name == x.Ctename {
				b.failf(sqlerr.DuplicateAlias, x.Location, "WITH query name \"%s\" specified more than once", x.Ctename)
			}
		}
		if x.Ctequery.GetMergeStmt() != nil {
			b.failf(sqlerr.FeatureNotSupported, x.Location, "MERGE not supported in WITH query")
		}
		b.shared.nextCTE++
		list = append(list, &cte{name: x.Ctename, x: x, id: b.shared.nextCTE, level: b.level, modifies: x.Ctequery.GetSelectStmt() == nil})
	}
	return list
}

// withFields gives a WITH query's columns the names of its column list.
func (b *binder) withFields(c *cte, fields []plan.Field) []plan.Field {
	names := strs(c.x.Aliascolnames)
	if len(names) > len(fields) {
		b.failf(sqlerr.InvalidColumnReference, c.x.Location, "WITH query \"%s\" has %d columns available but %d columns specified", c.name, len(fields), len(names))
	}
	out := slices.Clone(fields)
	for i, name := range names {
		out[i].Name = name
	}
	return out
}

func findCTE(s *scope, name string) *cte {
	if s == nil {
		return nil
	}
	return s.ctes[name]
}

// cteRef is a WITH query in FROM.
func (b *binder) cteRef(c *cte, x *pg.RangeVar, s *scope) fromEntry {
	fields, added := c.fields, len(c.added.columns())
	item := &rangeItem{name: c.name, relVisible: true, colsVisible: true}
	if c.binding {
		s.readsItself, s.itself = true, item
		fields = append(fields[:len(fields):len(fields)], c.added.columns()...)
	} else {
		c.refs++
		b.needAll(c.needs)
	}
	if c.modifies && c.fields == nil {
		b.failf(sqlerr.FeatureNotSupported, x.Location, "WITH query \"%s\" does not have a RETURNING clause", c.name)
	}
	if x.Alias != nil {
		item.name = x.Alias.Aliasname
	}
	all := columnsOf(fields)
	item.cols = all[:len(all)-added]
	b.aliasColumns(item, x.Alias)
	for _, col := range all[len(all)-added:] {
		col.hidden = b.level > c.level
		item.cols = append(item.cols, col)
	}
	if b.live && c.node != nil && !c.binding && c.inlined(true) {
		if c.refs > 1 && plan.Volatile(c.node) {
			b.unsupported(x.Location, "Write a stream of its rows first: CREATE STREAM ... AS SELECT ...; or leave random() and its like out.",
				"WITH query \"%s\", whose rows are not the same each time, cannot be read twice in a continuous query", c.name)
		}
		// At once, so that what its rows' times and changes are is known.
		return fromEntry{node: renamed(c.node, fields), items: []*rangeItem{item}}
	}
	return fromEntry{node: &plan.CTEScan{ID: c.id, Name: c.name, Fields: fields}, items: []*rangeItem{item}}
}

// closeWith puts the WITH queries above the query that reads them. One that is
// read once or NOT MATERIALIZED, and every one of a continuous query, takes the
// place of its scan; one that is read twice and whose rows are others each time does not.
func (b *binder) closeWith(n plan.Node, own []*cte) plan.Node {
	for i := len(own) - 1; i >= 0; i-- {
		c := own[i]
		switch {
		case c.refs == 0 && !c.modifies:
		case c.inlined(b.live):
			for j := 0; j < i; j++ {
				own[j].refs += (c.refs - 1) * countScans(c.node, own[j].id)
			}
			n = replaceScans(n, c)
		default:
			n = &plan.CTE{ID: c.id, Name: c.name, Query: c.node, Recursive: c.recursive, Distinct: c.distinct, Body: n}
		}
	}
	return n
}

// inlined reports whether a WITH query takes the place of its scans.
func (c *cte) inlined(live bool) bool {
	if c.self || c.modifies || plan.NodeHasOuter(c.node) {
		return false
	}
	switch c.x.Ctematerialized {
	case pg.CTEMaterialize_CTEMaterializeAlways:
		return live
	case pg.CTEMaterialize_CTEMaterializeNever:
		return live || c.refs == 1 || !plan.Volatile(c.node)
	}
	return live || c.refs == 1
}

func countScans(n plan.Node, id int) int {
	count := 0
	plan.WalkAll(n, func(n plan.Node) {
		if s, ok := n.(*plan.CTEScan); ok && s.ID == id {
			count++
		}
	})
	return count
}

// replaceScans puts a WITH query's tree in the place of its scans.
func replaceScans(n plan.Node, c *cte) plan.Node {
	if s, ok := n.(*plan.CTEScan); ok && s.ID == c.id {
		return renamed(c.node, c.fields)
	}
	return plan.MapNode(n, func(e plan.Expr) plan.Expr {
		return plan.Rewrite(e, func(x plan.Expr) plan.Expr {
			q, ok := x.(*plan.Subquery)
			if !ok {
				return x
			}
			in := replaceScans(q.Input, c)
			if in == q.Input {
				return x
			}
			fresh := *q
			fresh.Input = in
			return &fresh
		})
	}, func(in plan.Node) plan.Node { return replaceScans(in, c) })
}

// renamed gives a query's columns other names.
func renamed(n plan.Node, fields []plan.Field) plan.Node {
	same := true
	p := &plan.Project{Input: n, Fields: fields}
	for i, f := range n.Schema() {
		same = same && f.Name == fields[i].Name
		p.Exprs = append(p.Exprs, &plan.Column{Index: i, Typ: f.Type, Name: f.Name})
	}
	if same {
		return n
	}
	return p
}
