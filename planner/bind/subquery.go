package bind

import (
	"slices"

	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func valuesName(i int) string { return "column" + strconv.Itoa(i+1) }

// subLink is a query inside an expression.
func (b *binder) subLink(x *pg.SubLink, s *scope, k exprKind) plan.Expr {
	switch k {
	case exprLimit, exprOffset, exprSelect, exprWhere, exprHaving, exprOrderBy, exprGroupBy, exprDistinct, exprJoinOn, exprFrom, exprFilter, exprValues, exprOther,
		exprWindow, exprFrameRange, exprFrameRows, exprFrameGroups:
	default:
		b.failf(sqlerr.FeatureNotSupported, x.Location, "cannot use subquery in %s", string(k))
	}
	sub := x.Subselect.GetSelectStmt()
	before := s.at
	s.at = k
	input := b.query(sub, s, s.ctes)
	s.at = before
	q := &plan.Subquery{Input: input, Typ: types.Of(types.Bool)}
	switch x.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		q.Kind = plan.SubExists
	case pg.SubLinkType_EXPR_SUBLINK:
		b.oneColumn(input, x.Location)
		q.Typ = input.Schema()[0].Type
	case pg.SubLinkType_ARRAY_SUBLINK:
		b.oneColumn(input, x.Location)
		q.Kind = plan.SubArray
		t := input.Schema()[0].Type
		q.Typ = types.Type{OID: arrayType(t.OID), Mod: t.Mod}
		if elemType(t.OID) != 0 {
			q.Typ.OID = t.OID
		}
		if q.Typ.OID == 0 {
			b.failf(sqlerr.UndefinedObject, x.Location, "could not find array type for data type %s", formatType(t.OID))
		}
	case pg.SubLinkType_ANY_SUBLINK, pg.SubLinkType_ALL_SUBLINK:
		return b.quantified(x, q, s, k)
	default:
		b.unsupported(x.Location, "Write a join or a scalar subquery.", "this form of subquery is not supported")
	}
	q.Correlated = plan.NodeHasOuter(input)
	return q
}

func (b *binder) oneColumn(n plan.Node, loc int32) {
	if len(n.Schema()) != 1 {
		b.failf(sqlerr.SyntaxError, loc, "subquery must return only one column")
	}
}

// quantified is x op ANY (SELECT ...), IN and ALL.
func (b *binder) quantified(x *pg.SubLink, q *plan.Subquery, s *scope, k exprKind) plan.Expr {
	left := []*pg.Node{x.Testexpr}
	if r := rowItems(x.Testexpr); r != nil {
		left = r
	}
	names := strs(x.OperName)
	if len(names) == 0 {
		names = []string{"="}
	}
	name := names[len(names)-1]
	ops := b.operands(left, s, k)
	fields := q.Input.Schema()
	switch {
	case len(ops) < len(fields):
		b.failf(sqlerr.SyntaxError, x.Location, "subquery has too many columns")
	case len(ops) > len(fields):
		b.failf(sqlerr.SyntaxError, x.Location, "subquery has too few columns")
	case len(ops) > 1 && name != "=" && name != "<>":
		b.unsupported(x.Location, "Compare with = ANY, or write a join.", "rows compared with %s ANY or ALL are not supported", name)
	}
	q.Kind = plan.SubAny
	if x.SubLinkType == pg.SubLinkType_ALL_SUBLINK {
		q.Kind = plan.SubAll
	}
	project := &plan.Project{Input: q.Input}
	changed := false
	for i, o := range ops {
		f := fields[i]
		col := &plan.Column{Index: i, Typ: f.Type, Name: f.Name}
		op := b.findOperator(names, o, operand{col, x.Location}, x.Location)
		if op.Result != types.Bool {
			b.failf(sqlerr.DatatypeMismatch, x.Location, "row comparison operator must yield type boolean, not type %s", formatType(op.Result))
		}
		want, _ := b.concrete([]types.OID{o.e.Type().OID, f.Type.OID}, []types.OID{op.Left, op.Right}, op.Result, x.Location)
		q.Left = append(q.Left, b.coerceType(o.e, want[0], -1, implicit, o.loc))
		e := b.coerceType(col, want[1], -1, implicit, x.Location)
		changed = changed || e != plan.Expr(col)
		project.Exprs = append(project.Exprs, e)
		project.Fields = append(project.Fields, plan.Field{Name: f.Name, Type: e.Type()})
		q.Op = append(q.Op, op.Func)
		q.OpNames = append(q.OpNames, op.Name)
	}
	if changed {
		q.Input = project
	}
	q.Correlated = plan.NodeHasOuter(q.Input)
	return q
}

// subqueryRow are the columns of (SELECT a, b), a row to compare with: each is
// NULL where there is no row.
func (b *binder) subqueryRow(x *pg.SubLink, n int, s *scope, loc int32) []operand {
	input := b.query(x.Subselect.GetSelectStmt(), s, s.ctes)
	fields := input.Schema()
	switch {
	case len(fields) < n:
		b.failf(sqlerr.SyntaxError, loc, "subquery has too few columns")
	case len(fields) > n:
		b.failf(sqlerr.SyntaxError, loc, "subquery has too many columns")
	}
	row := &plan.Row{Items: columnRefs(fields, 0), Names: fieldNames(fields), Typ: types.Of(types.Record)}
	q := &plan.Subquery{Typ: row.Typ, Correlated: plan.NodeHasOuter(input),
		Input: &plan.Project{Input: input, Exprs: []plan.Expr{row}, Fields: []plan.Field{{Name: "row", Type: row.Typ, Row: row.Shape()}}}}
	out := make([]operand, n)
	for i, c := range fieldsOf(q, row.Shape()) {
		out[i] = operand{c.e, loc}
	}
	return out
}

// cte is one WITH query.
type cte struct {
	name    string
	id      int
	node    plan.Node
	fields  []plan.Field
	refs    int
	binding bool // its own query is being bound: a reference is a recursion
}

// with binds the queries of a WITH clause. It returns the names visible to the
// query and those that are its own, in order.
func (b *binder) with(w *pg.WithClause, parent *scope, outer map[string]*cte) (map[string]*cte, []*cte) {
	if w == nil {
		return outer, nil
	}
	visible := make(map[string]*cte, len(outer)+len(w.Ctes))
	for k, v := range outer {
		visible[k] = v
	}
	var own []*cte
	before := b.later
	defer func() { b.later = before }()
	for i, n := range w.Ctes {
		b.later = slices.Clone(before)
		for _, n := range w.Ctes[i+1:] {
			b.later = append(b.later, n.GetCommonTableExpr().Ctename)
		}
		x := n.GetCommonTableExpr()
		for _, o := range own {
			if o.name == x.Ctename {
				b.failf(sqlerr.DuplicateAlias, x.Location, "WITH query name \"%s\" specified more than once", x.Ctename)
			}
		}
		sel := x.Ctequery.GetSelectStmt()
		if sel == nil {
			b.unsupported(x.Location, "Run the INSERT as a statement of its own.", "data-modifying statements in WITH are not supported")
		}
		b.shared.nextCTE++
		c := &cte{name: x.Ctename, id: b.shared.nextCTE}
		own = append(own, c)
		inside := visible
		if w.Recursive {
			c.binding = true
			inside = make(map[string]*cte, len(visible)+1)
			for k, v := range visible {
				inside[k] = v
			}
			inside[c.name] = c
		}
		c.node = b.query(sel, parent, inside)
		c.binding = false
		item := &rangeItem{name: c.name, cols: columnsOf(c.node.Schema())}
		names := strs(x.Aliascolnames)
		if len(names) > len(item.cols) {
			b.failf(sqlerr.InvalidColumnReference, x.Location, "WITH query \"%s\" has %d columns available but %d columns specified", c.name, len(item.cols), len(names))
		}
		for i, f := range c.node.Schema() {
			if i < len(names) {
				f.Name = names[i]
			}
			c.fields = append(c.fields, f)
		}
		visible[c.name] = c
	}
	return visible, own
}

func findCTE(s *scope, name string) *cte {
	if s == nil {
		return nil
	}
	return s.ctes[name]
}

// cteRef is a WITH query in FROM.
func (b *binder) cteRef(c *cte, x *pg.RangeVar) fromEntry {
	if c.binding {
		b.unsupported(x.Location, "Unroll the recursion with joins to the depth you need, or with generate_series.", "recursive queries (WITH RECURSIVE) are not supported")
	}
	c.refs++
	item := &rangeItem{name: c.name, relVisible: true, colsVisible: true, cols: columnsOf(c.fields)}
	if x.Alias != nil {
		item.name = x.Alias.Aliasname
	}
	b.aliasColumns(item, x.Alias)
	return fromEntry{node: &plan.CTEScan{ID: c.id, Name: c.name, Fields: c.fields}, items: []*rangeItem{item}}
}

// closeWith puts the WITH queries above the query that reads them. One that is
// read once, and every one of a continuous query, takes the place of its scan.
func (b *binder) closeWith(n plan.Node, own []*cte) plan.Node {
	for i := len(own) - 1; i >= 0; i-- {
		c := own[i]
		switch {
		case c.refs == 0:
		case (c.refs == 1 || b.live) && !plan.NodeHasOuter(c.node):
			for j := 0; j < i; j++ {
				own[j].refs += (c.refs - 1) * countScans(c.node, own[j].id)
			}
			n = replaceScans(n, c)
		default:
			n = &plan.CTE{ID: c.id, Name: c.name, Query: c.node, Body: n}
		}
	}
	return n
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
