package function

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// to_reg*: the object that a name stands for, NULL where there is none.

func init() {
	for reg, ex := range map[types.OID][]Example{
		types.Regclass:     examples("to_regclass('no_such_relation')", "NULL", "to_regclass('')", "NULL", "to_regclass('pg_class')", "pg_class", "to_regclass('4000000000')", "4000000000"),
		types.Regtype:      examples("to_regtype('integer')", "integer", "to_regtype('nosuch')", "NULL", "to_regtype('timestamp with time zone')", "timestamp with time zone", "to_regtype('numeric(3,2)')", "numeric", "to_regtype('int[]')", "integer[]"),
		types.Regnamespace: examples("to_regnamespace('public')", "public", "to_regnamespace('nosuch')", "NULL", `to_regnamespace('"pu')`, "NULL"),
		types.Regrole:      append(examples("to_regrole('no_such_role')", "NULL", "to_regrole('a.b')", "NULL"), Example{SQL: "to_regrole('ferris')", Text: "ferris", Ours: serverOnly}),
		types.Regproc:      examples("to_regproc('now')", "now", "to_regproc('abs')", "NULL", "to_regproc('nosuch')", "NULL"),
		types.Regprocedure: examples("to_regprocedure('abs(integer)')", "abs(integer)", "to_regprocedure('lpad(text, int4, text)')", "lpad(text,integer,text)", "to_regprocedure('now()')", "now()", "to_regprocedure('abs(nosuch)')", "NULL", "to_regprocedure('abs')", "NULL"),
		types.Regoper:      examples("to_regoper('||/')", "||/", "to_regoper('+')", "NULL", "to_regoper('nosuch')", "NULL"),
		types.Regoperator:  examples("to_regoperator('+(integer,integer)')", "+(integer,integer)", "to_regoperator('-(none, int8)')", "-(NONE,bigint)", "to_regoperator('+(text,text)')", "NULL"),
		types.Regcollation: examples(`to_regcollation('"C"')`, `"C"`, "to_regcollation('c')", "NULL"),
	} {
		typ := typeName(reg)
		define(fmt.Sprintf("to_%s(text) %s strict stable", typ, typ), Definition{
			Value: func(env *Env, a []types.Value) (types.Value, error) {
				if reg == types.Regtype && strings.TrimSpace(a[0].S) == "" {
					return null(reg)
				}
				if reg == types.Regtype {
					if t, err := typeOfText(env, a[0].S); err == nil {
						return types.NewInt(types.Regtype, int64(t.OID)), nil
					}
				}
				v, err := types.Parse(types.Of(reg), strings.Clone(a[0].S), env.Format)
				if reg == types.Regtype && sqlerr.CodeOf(err) == sqlerr.SyntaxError {
					return types.Value{}, err
				}
				if err != nil {
					return null(reg)
				}
				return v, nil
			}, Examples: ex})
	}
}
