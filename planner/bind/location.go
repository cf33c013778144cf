package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

// location is the byte at which an expression begins (exprLocation), -1 where
// that is not known.
func location(n *pg.Node) int32 {
	if n == nil {
		return -1
	}
	switch x := n.Node.(type) {
	case *pg.Node_ColumnRef:
		return x.ColumnRef.Location
	case *pg.Node_ParamRef:
		return x.ParamRef.Location
	case *pg.Node_AConst:
		return x.AConst.Location
	case *pg.Node_TypeCast:
		// A literal is read as a value of the type where it stands.
		if c := x.TypeCast.Arg.GetAConst(); c != nil && (c.Isnull || c.GetSval() != nil) && len(x.TypeCast.TypeName.GetTypmods()) == 0 {
			return c.Location
		}
		return leftmost(x.TypeCast.Location, location(x.TypeCast.Arg), typeLocation(x.TypeCast.TypeName))
	case *pg.Node_AExpr:
		return leftmost(x.AExpr.Location, location(x.AExpr.Lexpr))
	case *pg.Node_BoolExpr:
		return leftmost(x.BoolExpr.Location, firstLocation(x.BoolExpr.Args))
	case *pg.Node_FuncCall:
		return leftmost(x.FuncCall.Location, firstLocation(x.FuncCall.Args))
	case *pg.Node_NullTest:
		return leftmost(x.NullTest.Location, location(x.NullTest.Arg))
	case *pg.Node_BooleanTest:
		return leftmost(x.BooleanTest.Location, location(x.BooleanTest.Arg))
	case *pg.Node_CaseExpr:
		return x.CaseExpr.Location
	case *pg.Node_CoalesceExpr:
		return x.CoalesceExpr.Location
	case *pg.Node_MinMaxExpr:
		return x.MinMaxExpr.Location
	case *pg.Node_SqlvalueFunction:
		return x.SqlvalueFunction.Location
	case *pg.Node_SubLink:
		return leftmost(x.SubLink.Location, location(x.SubLink.Testexpr))
	case *pg.Node_AArrayExpr:
		return x.AArrayExpr.Location
	case *pg.Node_RowExpr:
		return x.RowExpr.Location
	case *pg.Node_AIndirection:
		return location(x.AIndirection.Arg)
	case *pg.Node_CollateClause:
		return leftmost(location(x.CollateClause.Arg), x.CollateClause.Location)
	case *pg.Node_ResTarget:
		return x.ResTarget.Location
	case *pg.Node_RangeVar:
		return x.RangeVar.Location
	case *pg.Node_SortBy:
		return location(x.SortBy.Node)
	case *pg.Node_NamedArgExpr:
		return leftmost(x.NamedArgExpr.Location, location(x.NamedArgExpr.Arg))
	case *pg.Node_SetToDefault:
		return x.SetToDefault.Location
	case *pg.Node_List:
		return firstLocation(x.List.Items)
	case *pg.Node_GroupingSet:
		return x.GroupingSet.Location
	case *pg.Node_JsonConstructorExpr:
		return x.JsonConstructorExpr.Location
	case *pg.Node_TypeName:
		return x.TypeName.Location
	}
	return -1
}

func typeLocation(t *pg.TypeName) int32 {
	if t == nil {
		return -1
	}
	return t.Location
}

func firstLocation(nodes []*pg.Node) int32 {
	loc := int32(-1)
	for _, n := range nodes {
		loc = leftmost(loc, location(n))
	}
	return loc
}

// leftmost is the least of the locations that are known.
func leftmost(locs ...int32) int32 {
	least := int32(-1)
	for _, l := range locs {
		if l >= 0 && (least < 0 || l < least) {
			least = l
		}
	}
	return least
}
