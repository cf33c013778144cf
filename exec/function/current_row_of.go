package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	// Of WHERE CURRENT OF.
	define("current_row_of(text, oid) int8 strict volatile oid 9963", Definition{
		Value: func(env *Env, args []types.Value) (types.Value, error) {
			if env.Session == nil {
				return types.Value{}, sqlerr.Errorf(sqlerr.InvalidCursorName, "cursor %q does not exist", args[0].S)
			}
			id, ok, err := env.Session.CurrentRow(args[0].S, types.OID(args[1].I))
			if err != nil || !ok {
				return types.NullOf(types.Of(types.Int8)), err
			}
			return int8(id)
		},
		Examples: []Example{{SQL: "current_row_of('nosuch', 1)", Text: "ERROR 34000", Ours: oursOnly}},
	})
}
