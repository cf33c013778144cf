package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func pgOperator(c *Context, t *table) {
	type signature struct {
		name        string
		left, right types.OID
	}
	known := map[signature]types.OID{}
	all := c.Snapshot.Builtins().Operators
	for _, o := range all {
		known[signature{o.Name, o.Left, o.Right}] = catalog.OperatorOID(o)
	}
	for _, o := range all {
		kind := byte('b')
		if o.Left == 0 {
			kind = 'l'
		}
		r := t.row().
			oid("oid", catalog.OperatorOID(o)).
			str("oprname", o.Name).
			oid("oprnamespace", schemaOID(c, "pg_catalog")).
			oid("oprowner", catalog.RoleOID(catalog.Superuser)).
			chr("oprkind", kind).
			oid("oprleft", o.Left).
			oid("oprright", o.Right).
			oid("oprresult", o.Result).
			oid("oprcom", known[signature{o.Commutator, o.Right, o.Left}]).
			oid("oprnegate", known[signature{o.Negator, o.Left, o.Right}])
		if o.Func != nil {
			r.oid("oprcode", catalog.FunctionOID(o.Func))
		}
		r.emit()
	}
}
