package bind

import (
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// aExpr is everything written with an operator or its like.
func (b *binder) aExpr(x *pg.A_Expr, s *scope, k exprKind) plan.Expr {
	names := strs(x.Name)
	switch x.Kind {
	case pg.A_Expr_Kind_AEXPR_OP, pg.A_Expr_Kind_AEXPR_LIKE, pg.A_Expr_Kind_AEXPR_ILIKE, pg.A_Expr_Kind_AEXPR_SIMILAR:
		return b.plainOperator(x, names, s, k)
	case pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		return b.anyAll(x, names, s, k)
	case pg.A_Expr_Kind_AEXPR_DISTINCT, pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return b.isDistinct(x, s, k)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		return b.nullIf(x, s, k)
	case pg.A_Expr_Kind_AEXPR_IN:
		return b.in(x, names, s, k)
	}
	return b.between(x, s, k)
}

func (b *binder) plainOperator(x *pg.A_Expr, names []string, s *scope, k exprKind) plan.Expr {
	l, r := rowItems(x.Lexpr), rowItems(x.Rexpr)
	if l != nil && r != nil {
		return b.rowCompare(names[len(names)-1], b.rowOperands(l, s, k), b.rowOperands(r, s, k), x.Location)
	}
	if l != nil {
		if sub := x.Rexpr.GetSubLink(); sub != nil && sub.SubLinkType == pg.SubLinkType_EXPR_SUBLINK {
			return b.rowCompare(names[len(names)-1], b.rowOperands(l, s, k), b.subqueryRow(sub, len(l), s, k, x.Location), x.Location)
		}
	}
	var left operand
	if x.Lexpr != nil {
		left = b.operand(x.Lexpr, s, k)
	}
	e := b.operator(names, left, b.operand(x.Rexpr, s, k), x.Location)
	if l, r := writtenCollation(x.Lexpr), writtenCollation(x.Rexpr); l != nil && r != nil {
		b.agree(l, r)
	}
	return e
}

// writtenCollation is the COLLATE that a text has, nil where none is written.
func writtenCollation(n *pg.Node) *pg.CollateClause {
	if c := n.GetCollateClause(); c != nil {
		return c
	}
	if x := n.GetAExpr(); x != nil && slices.Equal(strs(x.Name), []string{"||"}) {
		if c := writtenCollation(x.Lexpr); c != nil {
			return c
		}
		return writtenCollation(x.Rexpr)
	}
	return nil
}

// agree refuses an operator whose operands have two COLLATE of different names.
func (b *binder) agree(left, right *pg.CollateClause) {
	l, r := strs(left.Collname), strs(right.Collname)
	if l[len(l)-1] != r[len(r)-1] {
		b.failf(sqlerr.CollationMismatch, right.Location, "collation mismatch between explicit collations \"%s\" and \"%s\"", l[len(l)-1], r[len(r)-1])
	}
}

// agreeAll refuses what takes several operands alike where two of them have a COLLATE
// of different names.
func (b *binder) agreeAll(operands []*pg.Node) {
	var first *pg.CollateClause
	for _, n := range operands {
		switch c := writtenCollation(n); {
		case c == nil:
		case first == nil:
			first = c
		default:
			b.agree(first, c)
		}
	}
}

// rowItems are the items of (a, b), nil for what is not a row.
func rowItems(n *pg.Node) []*pg.Node {
	if n == nil || n.GetRowExpr() == nil {
		return nil
	}
	if items := n.GetRowExpr().Args; items != nil {
		return items
	}
	return []*pg.Node{}
}

// rowCompare compares rows item by item, as SQL orders them.
func (b *binder) rowCompare(op string, left, right []operand, loc int32) plan.Expr {
	if len(left) != len(right) {
		b.failf(sqlerr.SyntaxError, loc, "unequal number of entries in row expressions")
	}
	if len(left) == 0 {
		b.failf(sqlerr.FeatureNotSupported, loc, "cannot compare rows of zero length")
	}
	each := func(name string, i int) plan.Expr {
		return b.boolean(b.operator([]string{name}, left[i], right[i], loc), name, loc)
	}
	var args []plan.Expr
	switch op {
	case "=":
		for i := range left {
			args = append(args, each("=", i))
		}
		return conjunction(args)
	case "<>":
		for i := range left {
			args = append(args, each("<>", i))
		}
		return disjunction(args)
	case "<", "<=", ">", ">=":
		strict := op[:1]
		for i := range left { // the operator as written is looked for first
			b.findOperator([]string{op}, left[i], right[i], loc)
		}
		for i := range left {
			arm := make([]plan.Expr, 0, i+1)
			for j := 0; j < i; j++ {
				arm = append(arm, each("=", j))
			}
			last := strict
			if i == len(left)-1 {
				last = op
			}
			args = append(args, conjunction(append(arm, each(last, i))))
		}
		return disjunction(args)
	}
	for i := range left {
		if is := b.findOperator([]string{op}, left[i], right[i], loc); is.Result != types.Bool {
			b.failf(sqlerr.DatatypeMismatch, loc, "row comparison operator must yield type boolean, not type %s", b.formatType(is.Result))
		}
	}
	b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "could not determine interpretation of row comparison operator %s", op).
		WithHint("Row comparison operators must be associated with btree operator families.").At(b.pos(loc)))
	return nil
}

func conjunction(args []plan.Expr) plan.Expr {
	if len(args) == 1 {
		return args[0]
	}
	return &plan.And{Args: args}
}

func disjunction(args []plan.Expr) plan.Expr {
	if len(args) == 1 {
		return args[0]
	}
	return &plan.Or{Args: args}
}

func (b *binder) between(x *pg.A_Expr, s *scope, k exprKind) plan.Expr {
	bounds := x.Rexpr.GetList().Items
	sets := len(b.sets)
	arg, lo, hi := b.operand(x.Lexpr, s, k), b.operand(bounds[0], s, k), b.operand(bounds[1], s, k)
	if len(b.sets) > sets {
		connective := "AND"
		if x.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN || x.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM {
			connective = "OR"
		}
		b.failf(sqlerr.DatatypeMismatch, arg.loc, "argument of %s must not return a set", connective)
	}
	compare := func(name string, o operand) plan.Expr {
		return b.operator([]string{name}, arg, o, x.Location)
	}
	within := func(lo, hi operand) plan.Expr {
		return &plan.And{Args: []plan.Expr{compare(">=", lo), compare("<=", hi)}}
	}
	outside := func(lo, hi operand) plan.Expr {
		return &plan.Or{Args: []plan.Expr{compare("<", lo), compare(">", hi)}}
	}
	switch x.Kind {
	case pg.A_Expr_Kind_AEXPR_BETWEEN:
		return within(lo, hi)
	case pg.A_Expr_Kind_AEXPR_NOT_BETWEEN:
		return outside(lo, hi)
	case pg.A_Expr_Kind_AEXPR_BETWEEN_SYM:
		return &plan.Or{Args: []plan.Expr{within(lo, hi), within(hi, lo)}}
	}
	return &plan.And{Args: []plan.Expr{outside(lo, hi), outside(hi, lo)}}
}

func (b *binder) isDistinct(x *pg.A_Expr, s *scope, k exprKind) plan.Expr {
	not := x.Kind == pg.A_Expr_Kind_AEXPR_NOT_DISTINCT
	if l, r := rowItems(x.Lexpr), rowItems(x.Rexpr); l != nil && r != nil {
		left, right := b.rowOperands(l, s, k), b.rowOperands(r, s, k)
		if len(left) != len(right) {
			b.failf(sqlerr.SyntaxError, x.Location, "unequal number of entries in row expressions")
		}
		var args []plan.Expr
		for i := range left {
			args = append(args, b.distinct(left[i], right[i], not, x.Location))
		}
		if not {
			return conjunction(args)
		}
		return disjunction(args)
	}
	l, r := b.operand(x.Lexpr, s, k), b.operand(x.Rexpr, s, k)
	switch { // the word NULL alone, not a value that is NULL
	case isNullConst(x.Rexpr):
		return &plan.IsNull{Arg: b.defaultType(l.e, l.loc), Not: !not}
	case isNullConst(x.Lexpr):
		return &plan.IsNull{Arg: b.defaultType(r.e, r.loc), Not: !not}
	}
	return b.distinct(l, r, not, x.Location)
}

func (b *binder) distinct(l, r operand, not bool, loc int32) plan.Expr {
	eq := b.operator([]string{"="}, l, r, loc)
	call := b.mustBoolean(eq, "IS DISTINCT FROM requires = operator to yield boolean", loc)
	return &plan.Distinct{Left: call.Args[0], Right: call.Args[1], Eq: call, Not: not}
}

func (b *binder) mustBoolean(e plan.Expr, message string, loc int32) *plan.Call {
	if e.Type().OID != types.Bool {
		b.failf(sqlerr.DatatypeMismatch, loc, "%s", message)
	}
	return e.(*plan.Call)
}

func (b *binder) nullIf(x *pg.A_Expr, s *scope, k exprKind) plan.Expr {
	eq := b.operator([]string{"="}, b.operand(x.Lexpr, s, k), b.operand(x.Rexpr, s, k), x.Location)
	call := b.mustBoolean(eq, "NULLIF requires = operator to yield boolean", x.Location)
	return &plan.NullIf{Left: call.Args[0], Right: call.Args[1], Eq: call, Typ: call.Args[0].Type()}
}

// in is x IN (list): one In over a common type where there is one, else a chain
// of comparisons.
func (b *binder) in(x *pg.A_Expr, names []string, s *scope, k exprKind) plan.Expr {
	negated := names[0] == "<>"
	items := x.Rexpr.GetList().Items
	if l := rowItems(x.Lexpr); l != nil {
		var arms []plan.Expr
		for _, n := range items {
			r := rowItems(n)
			if r == nil {
				row := operand{b.rowExpr(x.Lexpr.GetRowExpr(), s, k), location(x.Lexpr)}
				arms = append(arms, b.boolean(b.operator([]string{"="}, row, b.operand(n, s, k), x.Location), "IN", x.Location))
				continue
			}
			arms = append(arms, b.rowCompare("=", b.rowOperands(l, s, k), b.rowOperands(r, s, k), x.Location))
		}
		return negate(disjunction(arms), negated)
	}
	left := b.operand(x.Lexpr, s, k)
	list := b.operands(items, s, k)
	if len(list) > 1 {
		if e := b.inList(left, list, x.Location); e != nil {
			return negate(e, negated)
		}
	}
	args := make([]plan.Expr, len(list))
	for i, o := range list {
		args[i] = b.boolean(b.operator(names, left, o, x.Location), "IN", x.Location)
	}
	if negated {
		return conjunction(args)
	}
	return disjunction(args)
}

func negate(e plan.Expr, not bool) plan.Expr {
	if not {
		return &plan.Not{Arg: e}
	}
	return e
}

// inList is an In where all operands have a common type with an equality, nil
// otherwise.
func (b *binder) inList(left operand, list []operand, loc int32) plan.Expr {
	all := append([]operand{left}, list...)
	t := b.commonType(all, "")
	if t == types.Invalid || t == types.Record {
		return nil
	}
	for _, o := range all {
		if !b.canCoerce(o.e.Type().OID, t, implicit) {
			return nil
		}
	}
	col := operand{e: &plan.Column{Typ: types.Of(t)}, loc: loc}
	op := b.findOperator([]string{"="}, col, col, loc)
	if op.Left != op.Right || op.Result != types.Bool {
		return nil
	}
	want, _ := b.concrete([]types.OID{t, t}, []types.OID{op.Left, op.Right}, op.Result, loc)
	to := func(o operand) plan.Expr {
		e := b.coerceType(o.e, t, -1, implicit, o.loc)
		return b.coerceType(e, want[0], -1, implicit, o.loc)
	}
	e := &plan.In{Eq: op.Func}
	for _, o := range list {
		e.List = append(e.List, to(o))
	}
	e.Arg = to(left)
	return e
}

// anyAll is x op ANY (array).
func (b *binder) anyAll(x *pg.A_Expr, names []string, s *scope, k exprKind) plan.Expr {
	left, right := b.operand(x.Lexpr, s, k), b.operand(x.Rexpr, s, k)
	rt := right.e.Type().OID
	elem := types.Unknown
	if rt != types.Unknown {
		if elem = elemType(rt); elem == 0 {
			b.failf(sqlerr.WrongObjectType, x.Location, "op ANY/ALL (array) requires array on right side")
		}
	}
	var item plan.Expr = &plan.Column{Typ: types.Of(elem)}
	if elem == types.Unknown {
		item = plan.NewConst(types.NullOf(types.Of(types.Unknown)))
	}
	op := b.findOperator(names, left, operand{item, right.loc}, x.Location)
	if op.Result != types.Bool {
		b.failf(sqlerr.WrongObjectType, x.Location, "op ANY/ALL (array) requires operator to yield boolean")
	}
	lt := left.e.Type().OID
	want, _ := b.concrete([]types.OID{lt, elem}, []types.OID{op.Left, op.Right}, op.Result, x.Location)
	array := arrayType(want[1])
	if array == 0 {
		b.failf(sqlerr.UndefinedObject, x.Location, "could not find array type for data type %s", b.formatType(want[1]))
	}
	if !b.canCoerce(rt, array, implicit) {
		array = rt
	}
	return &plan.AnyAll{
		Arg:   b.coerceType(left.e, want[0], -1, implicit, left.loc),
		Array: b.coerceType(right.e, array, -1, implicit, right.loc),
		Op:    op.Func, Name: op.Name,
		All: x.Kind == pg.A_Expr_Kind_AEXPR_OP_ALL,
	}
}

func fieldName(i int) string { return "f" + strconv.Itoa(i+1) }
