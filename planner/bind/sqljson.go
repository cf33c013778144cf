package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// SQL/JSON's constructors and IS JSON are bound as calls of functions.

func callNode(name string, loc int32, args ...*pg.Node) *pg.FuncCall {
	return &pg.FuncCall{Funcname: []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode(name)}, Args: args, Location: loc, Funcformat: pg.CoercionForm_COERCE_EXPLICIT_CALL}
}

func boolNode(v bool) *pg.Node {
	return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Val: &pg.A_Const_Boolval{Boolval: &pg.Boolean{Boolval: v}}, Location: -1}}}
}

// jsonInput is a value with FORMAT JSON, which is then read as JSON.
func jsonInput(v *pg.JsonValueExpr) *pg.Node {
	if v.Format == nil || v.Format.FormatType != pg.JsonFormatType_JS_FORMAT_JSON {
		return v.RawExpr
	}
	return typedNode(v.RawExpr, "json", v.Format.Location)
}

// typedNode is a cast to a type of pg_catalog.
func typedNode(arg *pg.Node, name string, loc int32) *pg.Node {
	t := &pg.TypeName{Names: []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode(name)}, Typemod: -1, Location: loc}
	return &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: arg, TypeName: t, Location: loc}}}
}

// returning is the function family that makes a constructor's result, and the
// type it is cast to, Invalid for none.
func (b *binder) returning(o *pg.JsonOutput) (family string, to types.Type) {
	if o == nil || o.TypeName == nil {
		return "json", types.Of(types.Invalid)
	}
	to = b.typeName(o.TypeName)
	switch to.OID {
	case types.JSON:
		return "json", types.Of(types.Invalid)
	case types.JSONB:
		return "jsonb", types.Of(types.Invalid)
	}
	return "json", to
}

// returned casts a constructor's result.
func (b *binder) returned(e plan.Expr, to types.Type, loc int32) plan.Expr {
	if to.OID == types.Invalid {
		return e
	}
	return b.castTo(operand{e: e, loc: loc}, to, loc)
}

func (b *binder) jsonObject(x *pg.JsonObjectConstructor, s *scope, k exprKind) plan.Expr {
	family, to := b.returning(x.Output)
	args := []*pg.Node{boolNode(x.AbsentOnNull), boolNode(x.Unique)}
	for _, n := range x.Exprs {
		pair := n.GetJsonKeyValue()
		args = append(args, pair.Key, jsonInput(pair.Value))
	}
	return b.returned(b.constructed(family, "object", args, 2, x.Location, s, k), to, x.Location)
}

// constructed calls a constructor; one of nothing is a constant.
func (b *binder) constructed(family, what string, args []*pg.Node, flags int, loc int32, s *scope, k exprKind) plan.Expr {
	if len(args) > flags {
		return b.funcCall(callNode(family+"_"+what+"_of", loc, args...), s, k)
	}
	empty := "{}"
	if what == "array" {
		empty = "[]"
	}
	return b.expr(typedNode(pg.MakeAConstStrNode(empty, -1), family, loc), s, k)
}

func (b *binder) jsonArray(x *pg.JsonArrayConstructor, s *scope, k exprKind) plan.Expr {
	family, to := b.returning(x.Output)
	args := []*pg.Node{boolNode(x.AbsentOnNull)}
	for _, n := range x.Exprs {
		args = append(args, jsonInput(n.GetJsonValueExpr()))
	}
	return b.returned(b.constructed(family, "array", args, 1, x.Location, s, k), to, x.Location)
}

// jsonArrayQuery is JSON_ARRAY(SELECT ...): the aggregate over the query's rows.
func (b *binder) jsonArrayQuery(x *pg.JsonArrayQueryConstructor, s *scope, k exprKind) plan.Expr {
	sub := func(query *pg.Node) plan.Expr {
		return b.expr(&pg.Node{Node: &pg.Node_SubLink{SubLink: &pg.SubLink{SubLinkType: pg.SubLinkType_EXPR_SUBLINK, Subselect: query, Location: x.Location}}}, s, k)
	}
	sub(x.Query) // for its errors: it has one column
	column := &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: &pg.ColumnRef{Fields: []*pg.Node{pg.MakeStrNode("q"), pg.MakeStrNode("a")}, Location: x.Location}}}
	agg := &pg.JsonArrayAgg{Constructor: &pg.JsonAggConstructor{Output: x.Output, Location: x.Location}, Arg: &pg.JsonValueExpr{RawExpr: column, Format: x.Format}, AbsentOnNull: x.AbsentOnNull}
	target := &pg.ResTarget{Val: &pg.Node{Node: &pg.Node_JsonArrayAgg{JsonArrayAgg: agg}}, Location: x.Location}
	from := &pg.RangeSubselect{Subquery: x.Query, Alias: &pg.Alias{Aliasname: "q", Colnames: []*pg.Node{pg.MakeStrNode("a")}}}
	return sub(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{
		TargetList: []*pg.Node{{Node: &pg.Node_ResTarget{ResTarget: target}}},
		FromClause: []*pg.Node{{Node: &pg.Node_RangeSubselect{RangeSubselect: from}}},
	}}})
}

// jsonAggregate is JSON_OBJECTAGG or JSON_ARRAYAGG, which is the aggregate of a
// name and arguments.
func (b *binder) jsonAggregate(c *pg.JsonAggConstructor, name string, s *scope, k exprKind, args ...*pg.Node) plan.Expr {
	family, to := b.returning(c.Output)
	call := callNode(family+name, c.Location, args...)
	call.AggFilter, call.AggOrder, call.Over = c.AggFilter, c.AggOrder, c.Over
	return b.returned(b.funcCall(call, s, k), to, c.Location)
}

func (b *binder) jsonObjectAgg(x *pg.JsonObjectAgg, s *scope, k exprKind) plan.Expr {
	name := "_object_agg"
	if x.Unique {
		name += "_unique"
	}
	if x.AbsentOnNull {
		name += "_strict"
	}
	return b.jsonAggregate(x.Constructor, name, s, k, x.Arg.Key, jsonInput(x.Arg.Value))
}

func (b *binder) jsonArrayAgg(x *pg.JsonArrayAgg, s *scope, k exprKind) plan.Expr {
	name := "_agg"
	if x.AbsentOnNull {
		name += "_strict"
	}
	return b.jsonAggregate(x.Constructor, name, s, k, jsonInput(x.Arg))
}

// isJSON is IS JSON.
func (b *binder) isJSON(x *pg.JsonIsPredicate, s *scope, k exprKind) plan.Expr {
	kind := map[pg.JsonValueType]string{pg.JsonValueType_JS_TYPE_OBJECT: "object", pg.JsonValueType_JS_TYPE_ARRAY: "array", pg.JsonValueType_JS_TYPE_SCALAR: "scalar"}[x.ItemType]
	o := b.operand(x.Expr, s, k)
	switch t := o.e.Type().OID; {
	case t == types.Unknown, t == types.JSON, t == types.JSONB, t == types.Bytea, t == types.Text, types.Lookup(t) != nil && types.Lookup(t).Category == 'S':
	default:
		b.failf(sqlerr.DatatypeMismatch, -1, "cannot use type %s in IS JSON predicate", b.formatMod(o.e.Type()))
	}
	return b.funcCall(callNode("is_json", x.Location, x.Expr, pg.MakeAConstStrNode(kind, -1), boolNode(x.UniqueKeys)), s, k)
}
