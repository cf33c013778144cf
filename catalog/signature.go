package catalog

import (
	"fmt"
	"hash/fnv"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// syntheticOID gives what the server declares, and PostgreSQL has not, an OID
// that follows from its signature: above those of objects, below those of roles.
func syntheticOID(signature string) types.OID {
	h := fnv.New32a()
	_, _ = h.Write([]byte(signature))
	return types.OID(h.Sum32()&(1<<30-1) | 1<<30)
}

// FunctionOID is pg_proc.oid of a function.
func FunctionOID(f *Function) types.OID {
	if f.OID != 0 {
		return f.OID
	}
	return syntheticOID(fmt.Sprint("function ", f.Schema, ".", f.Name, f.Args, f.Variadic))
}

// OperatorOID is pg_operator.oid of an operator.
func OperatorOID(o *Operator) types.OID {
	if o.OID != 0 {
		return o.OID
	}
	return syntheticOID(fmt.Sprint("operator ", o.Name, " ", o.Left, " ", o.Right))
}

// CastOID is pg_cast.oid of a cast.
func CastOID(c *Cast) types.OID {
	return syntheticOID(fmt.Sprint("cast ", c.Source, " ", c.Target))
}
