package bind

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// constant is a literal: an integer is int4, int8 or numeric by its size, a
// string is of type unknown until its context gives it one.
func (b *binder) constant(c *pg.A_Const) plan.Expr {
	if c.Isnull {
		return plan.NewConst(types.NullOf(types.Of(types.Unknown)))
	}
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		return plan.NewConst(types.NewInt(types.Int4, int64(v.Ival.Ival)))
	case *pg.A_Const_Fval:
		return b.number(v.Fval.Fval, c.Location)
	case *pg.A_Const_Boolval:
		return plan.NewConst(types.NewBool(v.Boolval.Boolval))
	case *pg.A_Const_Sval:
		return plan.NewConst(types.NewString(types.Unknown, v.Sval.Sval))
	case *pg.A_Const_Bsval:
		bits, err := types.Parse(types.Of(types.Bit), v.Bsval.Bsval, b.format())
		if err != nil {
			b.fail(sqlerr.From(err).At(b.pos(c.Location)))
		}
		return plan.NewConst(bits)
	}
	b.unsupported(c.Location, "Write a number, a string, TRUE, FALSE or NULL.", "this kind of literal is not supported")
	return nil
}

// number is a literal too large for int4, or with a fraction or an exponent.
func (b *binder) number(s string, loc int32) plan.Expr {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		if int64(int32(i)) == i {
			return plan.NewConst(types.NewInt(types.Int4, i))
		}
		return plan.NewConst(types.NewInt(types.Int8, i))
	}
	if i, err := strconv.ParseInt(s, 0, 64); err == nil && strings.ContainsAny(s, "xXoObB") {
		return plan.NewConst(types.NewInt(types.Int8, i))
	}
	v, err := types.Parse(types.Of(types.Numeric), strings.ReplaceAll(s, "_", ""), b.format())
	if err != nil {
		b.fail(sqlerr.From(err).At(b.pos(loc)))
	}
	v.Type = types.Of(types.Numeric)
	return plan.NewConst(v)
}

// format is how literals are read: the session's, with the names of catalog
// objects resolved by this statement's snapshot and search path.
func (b *binder) format() *types.Format {
	if b.fmt == nil {
		f := *b.c.format()
		if f.RegIn == nil {
			f.RegIn = Names{Catalog: b.c.Catalog, Path: b.c.SearchPath, Temp: b.c.TempSchema, Database: b.c.Database}.OID
		}
		f.Rows = b.c.Catalog.RowColumns
		b.fmt = &f
	}
	return b.fmt
}

// sqlValueNames are the words that deparsing has for them.
var sqlValueNames = map[pg.SQLValueFunctionOp]string{
	pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE: "CURRENT_DATE", pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP: "CURRENT_TIMESTAMP",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME: "CURRENT_TIME", pg.SQLValueFunctionOp_SVFOP_LOCALTIME: "LOCALTIME",
	pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP: "LOCALTIMESTAMP", pg.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG: "CURRENT_CATALOG",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_SCHEMA: "CURRENT_SCHEMA", pg.SQLValueFunctionOp_SVFOP_SESSION_USER: "SESSION_USER",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_USER: "CURRENT_USER", pg.SQLValueFunctionOp_SVFOP_USER: "USER",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_ROLE: "CURRENT_ROLE",
}

// sqlValue is CURRENT_DATE and its like.
func (b *binder) sqlValue(x *pg.SQLValueFunction) plan.Expr {
	e := b.sqlValueCall(x)
	if call, ok := e.(*plan.Call); ok {
		call.Word = sqlValueNames[x.Op]
	}
	return e
}

func (b *binder) sqlValueCall(x *pg.SQLValueFunction) plan.Expr {
	loc := x.Location
	now := func() plan.Expr { return b.call("now", nil, loc) }
	to := func(t types.OID, mod int32) plan.Expr {
		return b.castTo(operand{now(), loc}, types.Type{OID: t, Mod: mod}, loc)
	}
	precision := int32(-1)
	if x.Typmod >= 0 {
		precision = x.Typmod
	}
	switch x.Op {
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE:
		return to(types.Date, -1)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP:
		return now()
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N:
		return to(types.Timestamptz, precision)
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP:
		return to(types.Timestamp, -1)
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
		return to(types.Timestamp, precision)
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIME:
		return to(types.Time, -1)
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N:
		return to(types.Time, precision)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME:
		return to(types.Timetz, -1)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N:
		return to(types.Timetz, precision)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG:
		return b.call("current_database", nil, loc)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_SCHEMA:
		return b.call("current_schema", nil, loc)
	case pg.SQLValueFunctionOp_SVFOP_SESSION_USER:
		return b.call("session_user", nil, loc)
	}
	return b.call("current_user", nil, loc)
}
