package function

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// internalTSV are PostgreSQL 16's functions with an argument or a result that only
// its server makes: input and output of types, handlers of access methods,
// estimators. Clients know types by them. The first line is the query that made it.
//
//go:embed postgres/internal.tsv
var internalTSV string

// internalFunctions are in pg_proc and have names, and no statement can call them.
var internalFunctions = sync.OnceValue(func() []*catalog.Function {
	var all []*catalog.Function
	_, rows, _ := strings.Cut(internalTSV, "\n")
	for line := range strings.Lines(rows) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		ret, set := strings.CutPrefix(c[3], "setof ")
		f := &catalog.Function{
			Schema: "pg_catalog", Name: c[0], OID: number(c[2]), Ret: number(ret), Set: set,
			Kind: catalog.Scalar, Strict: c[4] == "t", Volatility: c[5][0],
		}
		for arg := range strings.FieldsSeq(c[1]) {
			f.Args = append(f.Args, number(arg))
		}
		if defined(f.OID) {
			continue
		}
		all = append(all, f)
	}
	return all
})

// defined reports whether a function of this package has the OID.
func defined(oid types.OID) bool {
	for _, d := range registry.all {
		if d.Func.OID == oid {
			return true
		}
	}
	return false
}

// byOID are all functions, those that can be called and the internal ones.
var byOID = sync.OnceValue(func() map[types.OID]*catalog.Function {
	all := make(map[types.OID]*catalog.Function, len(registry.all))
	for _, list := range [][]*catalog.Function{Builtins().Functions, Builtins().Internal} {
		for _, f := range list {
			all[catalog.FunctionOID(f)] = f
		}
	}
	return all
})

func functionByOID(oid int64) *catalog.Function { return byOID()[types.OID(oid)] }
