package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// exprKind is the place of an expression, which decides what it may hold.
type exprKind string

// Places, worded as PostgreSQL's errors name them.
const (
	exprOther    exprKind = "expressions"
	exprLateral  exprKind = "FROM clause of their own query level"
	exprSelect   exprKind = "SELECT"
	exprWhere    exprKind = "WHERE"
	exprHaving   exprKind = "HAVING"
	exprGroupBy  exprKind = "GROUP BY"
	exprOrderBy  exprKind = "ORDER BY"
	exprDistinct exprKind = "DISTINCT ON"
	exprJoinOn   exprKind = "JOIN conditions"
	exprFrom     exprKind = "functions in FROM"
	exprFilter   exprKind = "FILTER"
	exprLimit    exprKind = "LIMIT"
	exprOffset   exprKind = "OFFSET"
	exprValues   exprKind = "VALUES"
	exprExecute  exprKind = "EXECUTE parameters"

	exprUpdate    exprKind = "UPDATE"
	exprReturning exprKind = "RETURNING"
	exprMergeWhen exprKind = "MERGE WHEN conditions"
	exprCopyWhere exprKind = "COPY FROM WHERE conditions"

	exprWindow      exprKind = "window definitions"
	exprFrameRange  exprKind = "window RANGE"
	exprFrameRows   exprKind = "window ROWS"
	exprFrameGroups exprKind = "window GROUPS"

	exprDefault    exprKind = "DEFAULT expressions"
	exprCheck      exprKind = "check constraints"
	exprGenerated  exprKind = "column generation expressions"
	exprIndex      exprKind = "index expressions"
	exprIndexWhere exprKind = "index predicates"
	exprTransform  exprKind = "transform expressions"
)

// expr binds an expression over the rows of a scope. Its type may still be
// unknown (a literal or a parameter without a context).
func (b *binder) expr(n *pg.Node, s *scope, k exprKind) plan.Expr {
	if n == nil {
		return nil
	}
	switch x := n.Node.(type) {
	case *pg.Node_ColumnRef:
		if k == exprDefault {
			b.failf(sqlerr.FeatureNotSupported, x.ColumnRef.Location, "cannot use column reference in DEFAULT expression")
		}
		return b.columnRef(x.ColumnRef, s)
	case *pg.Node_ParamRef:
		return b.shared.params.ref(b, int(x.ParamRef.Number), x.ParamRef.Location)
	case *pg.Node_AConst:
		return b.constant(x.AConst)
	case *pg.Node_TypeCast:
		return b.typeCast(x.TypeCast, s, k)
	case *pg.Node_AExpr:
		return b.aExpr(x.AExpr, s, k)
	case *pg.Node_BoolExpr:
		return b.boolExpr(x.BoolExpr, s, k)
	case *pg.Node_FuncCall:
		e := b.funcCall(x.FuncCall, s, k)
		b.agreeAll(x.FuncCall.Args)
		return e
	case *pg.Node_NullTest:
		return b.nullTest(x.NullTest, s, k)
	case *pg.Node_BooleanTest:
		return b.booleanTest(x.BooleanTest, s, k)
	case *pg.Node_CaseExpr:
		sets := len(b.sets)
		e := b.caseExpr(x.CaseExpr, s, k)
		b.refuseSets(sets, "CASE")
		return e
	case *pg.Node_CoalesceExpr:
		sets := len(b.sets)
		args, t := b.unify(b.operands(x.CoalesceExpr.Args, s, k), "COALESCE")
		b.refuseSets(sets, "COALESCE")
		b.agreeAll(x.CoalesceExpr.Args)
		return &plan.Coalesce{Args: args, Typ: t}
	case *pg.Node_MinMaxExpr:
		e := b.minMax(x.MinMaxExpr, s, k)
		b.agreeAll(x.MinMaxExpr.Args)
		return e
	case *pg.Node_SqlvalueFunction:
		return b.sqlValue(x.SqlvalueFunction)
	case *pg.Node_SubLink:
		sets := b.sets // those inside are the inner query's
		e := b.subLink(x.SubLink, s, k)
		b.sets = sets
		return e
	case *pg.Node_AArrayExpr:
		return b.arrayExpr(x.AArrayExpr, types.Invalid, s, k)
	case *pg.Node_RowExpr:
		return b.rowExpr(x.RowExpr, s, k)
	case *pg.Node_AIndirection:
		return b.indirection(x.AIndirection, s, k)
	case *pg.Node_CollateClause:
		return b.collate(x.CollateClause, s, k)
	case *pg.Node_NamedArgExpr:
		return b.expr(x.NamedArgExpr.Arg, s, k)
	case *pg.Node_SetToDefault:
		b.failf(sqlerr.SyntaxError, x.SetToDefault.Location, "DEFAULT is not allowed in this context")
	case *pg.Node_GroupingFunc:
		return b.groupingCall(x.GroupingFunc, s, k)
	case *pg.Node_JsonObjectConstructor:
		return b.jsonObject(x.JsonObjectConstructor, s, k)
	case *pg.Node_JsonArrayConstructor:
		return b.jsonArray(x.JsonArrayConstructor, s, k)
	case *pg.Node_JsonArrayQueryConstructor:
		return b.jsonArrayQuery(x.JsonArrayQueryConstructor, s, k)
	case *pg.Node_JsonObjectAgg:
		return b.jsonObjectAgg(x.JsonObjectAgg, s, k)
	case *pg.Node_JsonArrayAgg:
		return b.jsonArrayAgg(x.JsonArrayAgg, s, k)
	case *pg.Node_JsonIsPredicate:
		return b.isJSON(x.JsonIsPredicate, s, k)
	case *pg.Node_JsonConstructorExpr:
		return b.jsonQuery(x.JsonConstructorExpr, s, k)
	case *pg.Node_XmlExpr:
		b.unsupported(x.XmlExpr.Location, noXML, "XML expressions are not supported")
	case *pg.Node_XmlSerialize:
		b.unsupported(x.XmlSerialize.Location, noXML, "XMLSERIALIZE is not supported")
	case *pg.Node_CurrentOfExpr:
		b.unsupported(-1, "Write it as the whole WHERE of an UPDATE or DELETE of a table.", "WHERE CURRENT OF is not supported here")
	}
	b.unsupported(location(n), "Write it with the json and jsonb operators and functions (->, ->>, JSON_VALUE).", "this form of expression is not supported")
	return nil
}

// operands binds a list.
func (b *binder) operands(nodes []*pg.Node, s *scope, k exprKind) []operand {
	ops := make([]operand, len(nodes))
	for i, n := range nodes {
		ops[i] = b.operand(n, s, k)
	}
	return ops
}

func (b *binder) operand(n *pg.Node, s *scope, k exprKind) operand {
	return operand{e: b.expr(n, s, k), loc: location(n)}
}

func (b *binder) boolExpr(x *pg.BoolExpr, s *scope, k exprKind) plan.Expr {
	name := map[pg.BoolExprType]string{pg.BoolExprType_AND_EXPR: "AND", pg.BoolExprType_OR_EXPR: "OR", pg.BoolExprType_NOT_EXPR: "NOT"}[x.Boolop]
	args := make([]plan.Expr, len(x.Args))
	for i, a := range x.Args {
		args[i] = b.boolean(b.expr(a, s, k), name, location(a))
	}
	switch x.Boolop {
	case pg.BoolExprType_AND_EXPR:
		return &plan.And{Args: args}
	case pg.BoolExprType_OR_EXPR:
		return &plan.Or{Args: args}
	}
	return &plan.Not{Arg: args[0]}
}

// nullTest is IS [NOT] NULL; of a row it is that of all its columns.
func (b *binder) nullTest(x *pg.NullTest, s *scope, k exprKind) plan.Expr {
	not := x.Nulltesttype == pg.NullTestType_IS_NOT_NULL
	arg := b.expr(x.Arg, s, k)
	if _, param := arg.(*plan.Param); !param { // whose type this does not tell
		arg = b.defaultType(arg, location(x.Arg))
	}
	r, ok := arg.(*plan.Row)
	if !ok {
		return &plan.IsNull{Arg: arg, Not: not, Row: types.IsRow(arg.Type().OID)}
	}
	all := make([]plan.Expr, len(r.Items))
	for i, item := range r.Items {
		all[i] = &plan.IsNull{Arg: item, Not: not}
	}
	if len(all) == 0 {
		return plan.NewConst(types.NewBool(true))
	}
	return conjunction(all)
}

func (b *binder) booleanTest(x *pg.BooleanTest, s *scope, k exprKind) plan.Expr {
	e := &plan.IsBool{}
	name := ""
	switch x.Booltesttype {
	case pg.BoolTestType_IS_TRUE:
		name = "IS TRUE"
	case pg.BoolTestType_IS_NOT_TRUE:
		name, e.Not = "IS NOT TRUE", true
	case pg.BoolTestType_IS_FALSE:
		name, e.Test = "IS FALSE", plan.IsFalse
	case pg.BoolTestType_IS_NOT_FALSE:
		name, e.Test, e.Not = "IS NOT FALSE", plan.IsFalse, true
	case pg.BoolTestType_IS_UNKNOWN:
		name, e.Test = "IS UNKNOWN", plan.IsUnknown
	default:
		name, e.Test, e.Not = "IS NOT UNKNOWN", plan.IsUnknown, true
	}
	e.Arg = b.boolean(b.expr(x.Arg, s, k), name, location(x.Arg))
	return e
}

func (b *binder) caseExpr(x *pg.CaseExpr, s *scope, k exprKind) plan.Expr {
	out := &plan.Case{}
	var test operand
	if x.Arg != nil {
		test = b.operand(x.Arg, s, k)
		test.e = b.defaultType(test.e, test.loc)
	}
	results := make([]operand, 0, len(x.Args)+1)
	if x.Defresult != nil {
		results = append(results, b.operand(x.Defresult, s, k))
	} else {
		results = append(results, operand{e: plan.NewConst(types.NullOf(types.Of(types.Unknown))), loc: -1})
	}
	for _, a := range x.Args {
		w := a.GetCaseWhen()
		var cond plan.Expr
		if x.Arg != nil {
			cond = b.operator([]string{"="}, test, b.operand(w.Expr, s, k), w.Location)
		} else {
			cond = b.expr(w.Expr, s, k)
		}
		out.Whens = append(out.Whens, plan.When{Cond: b.boolean(cond, "CASE/WHEN", location(w.Expr))})
		results = append(results, b.operand(w.Result, s, k))
	}
	t := b.commonType(results, "CASE")
	out.Typ = types.Type{OID: t, Mod: -1}
	if x.Defresult != nil {
		out.Typ.Mod = commonMod(results, t)
		out.Else = b.toCommon(results[0], t, "CASE/ELSE")
	} else {
		out.Typ.Mod = commonMod(results[1:], t)
	}
	for i := range out.Whens {
		out.Whens[i].Then = b.toCommon(results[i+1], t, "CASE/WHEN")
	}
	return out
}

func (b *binder) minMax(x *pg.MinMaxExpr, s *scope, k exprKind) plan.Expr {
	name := "LEAST"
	greatest := x.Op == pg.MinMaxOp_IS_GREATEST
	if greatest {
		name = "GREATEST"
	}
	args, t := b.unify(b.operands(x.Args, s, k), name)
	if info := types.Lookup(t.OID); info == nil || !info.Comparable {
		b.failf(sqlerr.UndefinedFunction, -1, "could not identify a comparison function for type %s", b.formatType(t.OID))
	}
	return &plan.MinMax{Greatest: greatest, Args: args, Typ: t}
}

// typeCast is CAST(x AS t), x::t and t 'literal'.
func (b *binder) typeCast(x *pg.TypeCast, s *scope, k exprKind) plan.Expr {
	if e := b.storedEnum(x); e != nil {
		return e
	}
	t := b.typeName(x.TypeName)
	var arg plan.Expr
	if a := x.Arg.GetAArrayExpr(); a != nil && elemType(t.OID) != 0 {
		arg = b.arrayExpr(a, t.OID, s, k)
	} else {
		arg = b.expr(x.Arg, s, k)
	}
	loc := x.Location
	if loc < 0 {
		loc = x.TypeName.Location
	}
	return b.castTo(operand{arg, location(x.Arg)}, t, loc)
}

// castTo is an explicit cast.
func (b *binder) castTo(o operand, t types.Type, loc int32) plan.Expr {
	from := o.e.Type().OID
	if !b.canCoerce(from, t.OID, explicit) {
		if loc < 0 {
			loc = o.loc
		}
		b.failf(sqlerr.CannotCoerce, loc, "cannot cast type %s to %s", b.formatType(from), b.formatType(t.OID))
	}
	at := o.loc
	if from != types.Unknown {
		at = loc
	}
	return b.applyMod(b.coerceType(o.e, t.OID, t.Mod, explicit, at), t, explicit, at)
}

// arrayExpr is ARRAY[...]; array is the array type it is cast to, Invalid where
// its items decide.
func (b *binder) arrayExpr(x *pg.A_ArrayExpr, array types.OID, s *scope, k exprKind) plan.Expr {
	ops := make([]operand, len(x.Elements))
	multi := false
	for i, n := range x.Elements {
		if a := n.GetAArrayExpr(); a != nil {
			ops[i] = operand{b.arrayExpr(a, array, s, k), location(n)}
			multi = true
			continue
		}
		ops[i] = b.operand(n, s, k)
		multi = multi || elemType(ops[i].e.Type().OID) != 0
	}
	if len(ops) == 0 && array == types.Invalid {
		b.fail(sqlerr.Errorf(sqlerr.IndeterminateDatatype, "cannot determine type of empty array").
			WithHint("Explicitly cast to the desired type, for example ARRAY[]::integer[].").At(b.pos(x.Location)))
	}
	if array != types.Invalid {
		want := elemType(array)
		if multi {
			want = array
		}
		items := make([]plan.Expr, len(ops))
		for i, o := range ops {
			items[i] = b.castTo(o, types.Of(want), -1)
		}
		return &plan.ArrayOf{Items: items, Multi: multi, Typ: types.Of(array)}
	}
	t := b.commonType(ops, "ARRAY")
	result := t
	if multi {
		if elemType(t) == 0 {
			b.failf(sqlerr.UndefinedObject, x.Location, "could not find element type for data type %s", b.formatType(t))
		}
	} else if result = arrayType(t); result == 0 {
		b.failf(sqlerr.UndefinedObject, x.Location, "could not find array type for data type %s", b.formatType(t))
	}
	items := make([]plan.Expr, len(ops))
	for i, o := range ops {
		items[i] = b.toCommon(o, t, "ARRAY")
	}
	return &plan.ArrayOf{Items: items, Multi: multi, Typ: types.Of(result)}
}

func (b *binder) rowExpr(x *pg.RowExpr, s *scope, k exprKind) plan.Expr {
	r := &plan.Row{Typ: types.Of(types.Record)}
	var locs []int32
	for i, o := range b.rowOperands(x.Args, s, k) {
		locs = append(locs, o.loc)
		if _, param := o.e.(*plan.Param); param {
			o.e = b.defaultType(o.e, o.loc)
		}
		r.Items = append(r.Items, o.e)
		r.Names = append(r.Names, fieldName(i))
	}
	if b.itemLocs == nil {
		b.itemLocs = map[*plan.Row][]int32{}
	}
	b.itemLocs[r] = locs
	return r
}

// rowOperands binds the items of a row: t.* and (x).* stand for their columns.
func (b *binder) rowOperands(nodes []*pg.Node, s *scope, k exprKind) []operand {
	var out []operand
	for _, n := range nodes {
		spread := b.starField(n, s)
		if star := starOf(n); star != nil {
			spread = b.star(star, s)
		} else if spread == nil {
			out = append(out, b.operand(n, s, k))
			continue
		}
		for _, t := range spread {
			out = append(out, operand{t.e, t.loc})
		}
	}
	return out
}

// collations are those that compare as "C" does here.
var collations = map[string]bool{"C": true, "default": true, "POSIX": true, "ucs_basic": true, "C.UTF-8": true, "C.utf8": true}

func (b *binder) collate(x *pg.CollateClause, s *scope, k exprKind) plan.Expr {
	e := b.defaultType(b.expr(x.Arg, s, k), location(x.Arg))
	names := strs(x.Collname)
	name := names[len(names)-1]
	if category(e.Type().OID) != 'S' && category(elemType(e.Type().OID)) != 'S' {
		b.failf(sqlerr.DatatypeMismatch, x.Location, "collations are not supported by type %s", b.formatType(e.Type().OID))
	}
	if !collations[name] || len(names) > 1 && names[0] != "pg_catalog" {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "collation \"%s\" for encoding \"UTF8\" does not exist", name).
			WithHint("Text sorts by its bytes here: COLLATE \"C\" and COLLATE \"default\" are the collations there are.").At(b.pos(x.Location)))
	}
	return e
}
