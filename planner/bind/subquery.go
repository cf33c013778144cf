package bind

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func valuesName(i int) string { return "column" + strconv.Itoa(i+1) }

// subLink is a query inside an expression.
func (b *binder) subLink(x *pg.SubLink, s *scope, k exprKind) plan.Expr {
	switch k {
	case exprLimit, exprOffset, exprSelect, exprWhere, exprHaving, exprOrderBy, exprGroupBy, exprDistinct, exprJoinOn, exprFrom, exprFilter, exprValues, exprOther,
		exprWindow, exprFrameRange, exprFrameRows, exprFrameGroups, exprUpdate, exprReturning, exprMergeWhen:
	default:
		b.failf(sqlerr.FeatureNotSupported, x.Location, "cannot use subquery in %s", strings.TrimSuffix(string(k), "s"))
	}
	sub := x.Subselect.GetSelectStmt()
	input := b.innerQuery(sub, s, k)
	q := &plan.Subquery{Input: input, Typ: types.Of(types.Bool)}
	switch x.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		q.Kind, q.Input = plan.SubExists, onlyRows(input)
		input = q.Input
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
			b.failf(sqlerr.UndefinedObject, x.Location, "could not find array type for data type %s", b.formatType(t.OID))
		}
	case pg.SubLinkType_ANY_SUBLINK, pg.SubLinkType_ALL_SUBLINK:
		return b.quantified(x, q, s, k)
	default:
		b.unsupported(x.Location, "Write a join or a scalar subquery.", "this form of subquery is not supported")
	}
	q.Correlated = plan.NodeHasOuter(input)
	return q
}

// onlyRows is the part of a query that says whether there are rows: what it
// makes of them, in which order, and a LIMIT that lets one through, do not.
func onlyRows(n plan.Node) plan.Node {
	switch x := n.(type) {
	case *plan.Project:
		return &plan.Project{Input: onlyRows(x.Input)}
	case *plan.Sort:
		return onlyRows(x.Input)
	case *plan.Limit:
		if c, ok := x.Count.(*plan.Const); ok && x.Offset == nil && (c.Value.Null || c.Value.I > 0) {
			return onlyRows(x.Input)
		}
	}
	return n
}

// innerQuery binds the query of a subquery that stands in a place of s.
func (b *binder) innerQuery(sel *pg.SelectStmt, s *scope, k exprKind) plan.Node {
	before := s.at
	s.at = k
	n := b.query(sel, s, s.ctes)
	s.at = before
	return n
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
	sets := len(b.sets)
	ops := b.operands(left, s, k)
	if len(b.sets) > sets {
		b.failf(sqlerr.DatatypeMismatch, x.Location, "row comparison operator must not return a set")
	}
	fields := q.Input.Schema()
	switch {
	case len(ops) < len(fields):
		b.failf(sqlerr.SyntaxError, x.Location, "subquery has too many columns")
	case len(ops) > len(fields):
		b.failf(sqlerr.SyntaxError, x.Location, "subquery has too few columns")
	}
	q.Kind = plan.SubAny
	if x.SubLinkType == pg.SubLinkType_ALL_SUBLINK {
		q.Kind = plan.SubAll
	}
	if len(ops) > 1 && name != "=" {
		return b.quantifiedRows(q, name, ops, x.Location)
	}
	project := &plan.Project{Input: q.Input}
	changed := false
	for i, o := range ops {
		f := fields[i]
		col := &plan.Column{Index: i, Typ: f.Type, Name: f.Name}
		op := b.findOperator(names, o, operand{col, x.Location}, x.Location)
		if op.Result != types.Bool {
			b.failf(sqlerr.DatatypeMismatch, x.Location, "row comparison operator must yield type boolean, not type %s", b.formatType(op.Result))
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

// quantifiedRows is (a, b) op ANY (SELECT x, y) where op does not compare column by
// column: true op' ANY of what the comparison inside the subquery gives.
func (b *binder) quantifiedRows(q *plan.Subquery, op string, left []operand, loc int32) plan.Expr {
	right := make([]operand, len(left))
	for i := range left {
		f := q.Input.Schema()[i]
		left[i].e = plan.Deepen(left[i].e)
		right[i] = operand{&plan.Column{Index: i, Typ: f.Type, Name: f.Name}, loc}
	}
	is := plan.Field{Name: op, Type: types.Of(types.Bool)}
	q.Input = &plan.Project{Input: q.Input, Exprs: []plan.Expr{b.rowCompare(op, left, right, loc)}, Fields: []plan.Field{is}}
	truth := operand{plan.NewConst(types.NewBool(true)), loc}
	equal := b.findOperator([]string{"="}, truth, operand{&plan.Column{Typ: is.Type, Name: op}, loc}, loc)
	q.Left, q.Op, q.OpNames = []plan.Expr{truth.e}, []*catalog.Function{equal.Func}, []string{equal.Name}
	q.Correlated = plan.NodeHasOuter(q.Input)
	return q
}

// subqueryRow are the columns of (SELECT a, b), a row to compare with: each is
// NULL where there is no row.
func (b *binder) subqueryRow(x *pg.SubLink, n int, s *scope, k exprKind, loc int32) []operand {
	input := b.innerQuery(x.Subselect.GetSelectStmt(), s, k)
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
