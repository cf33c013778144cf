package function

import (
	_ "embed"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// PostgreSQL 16's own pg_proc, pg_operator and pg_cast, as far as they concern
// types that exist here. The first line of each is the query that made it. They
// give OIDs, operators and casts; which functions exist is said by the
// definitions of this package.
var (
	//go:embed postgres/pg_proc.tsv
	pgProc string
	//go:embed postgres/pg_operator.tsv
	pgOperator string
	//go:embed postgres/pg_cast.tsv
	pgCast string
)

// procRow is a row of pg_proc.
type procRow struct {
	oid        types.OID
	ret        string // with "setof " before it
	kind       byte
	strict     bool
	volatility byte
	names      []string // of the arguments; nil: they have none
	compatible bool     // its polymorphic types are of the anycompatible family
}

// procRows are PostgreSQL's functions by signatureKey.
var procRows = readProcs()

// polymorphic maps PostgreSQL's "compatible" families to the plain ones, which
// is how signatures here are written.
var polymorphic = strings.NewReplacer("anycompatiblenonarray", "anynonarray",
	"anycompatiblearray", "anyarray", "anycompatible", "anyelement")

func eachRow(table string, row func(fields []string)) {
	_, rows, _ := strings.Cut(table, "\n")
	for line := range strings.Lines(polymorphic.Replace(rows)) {
		row(strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
}

func readProcs() map[string]procRow {
	rows := make(map[string]procRow, 2048)
	_, table, _ := strings.Cut(pgProc, "\n")
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		key := polymorphic.Replace(f[0] + "(" + f[1] + ")")
		if _, ok := rows[key]; !ok {
			rows[key] = procRow{oid: number(f[2]), ret: polymorphic.Replace(f[3]), kind: f[4][0], strict: f[5] == "t", volatility: f[6][0],
				compatible: strings.Contains(f[1], "anycompatible"), names: argumentNames(f[7])}
		}
	}
	return rows
}

// argumentNames splits the names of a function's arguments, "" of those without.
func argumentNames(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// anyCompatible and anyCompatibleArray are the polymorphic types whose
// arguments need only a common type.
const (
	anyCompatible      types.OID = 5077
	anyCompatibleArray types.OID = 5078
)

// makeCompatible puts the anycompatible family in the place of the plain one.
func makeCompatible(f *catalog.Function) {
	to := map[types.OID]types.OID{types.AnyElement: anyCompatible, types.AnyArray: anyCompatibleArray}
	for i, a := range f.Args {
		if c, ok := to[a]; ok {
			f.Args[i] = c
		}
	}
	if c, ok := to[f.Ret]; ok {
		f.Ret = c
	}
}

func number(s string) types.OID {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic("function: reading an OID: " + err.Error())
	}
	return types.OID(n)
}

// builtinOperators are the operators of PostgreSQL whose function is defined.
func builtinOperators() []*catalog.Operator {
	var all []*catalog.Operator
	eachRow(pgOperator, func(f []string) {
		args := f[2]
		var left types.OID
		if f[1] != "" {
			args = f[1] + "," + args
			left = oidOf(f[1])
		}
		d := registry.bySig[f[5]+"("+args+")"]
		if d == nil {
			return
		}
		right, result := oidOf(f[2]), oidOf(f[4])
		if fa := d.Func.Args; len(fa) == 2 && (fa[0] == anyCompatibleArray || fa[1] == anyCompatibleArray) {
			left, right, result = fa[0], fa[1], d.Func.Ret
		}
		all = append(all, &catalog.Operator{OID: number(f[3]), Name: f[0], Left: left, Right: right, Result: result,
			Func: d.Func, Commutator: f[6], Negator: f[7]})
	})
	return all
}

// builtinCasts are the casts of PostgreSQL whose function, if any, is defined.
// Casts of a type to itself only apply a modifier, which types.Coerce does.
func builtinCasts() []*catalog.Cast {
	var all []*catalog.Cast
	eachRow(pgCast, func(f []string) {
		if f[0] == f[1] || oidOf(f[0]) == 0 || oidOf(f[1]) == 0 {
			return
		}
		c := &catalog.Cast{Source: oidOf(f[0]), Target: oidOf(f[1]), Binary: f[4] == "b", Context: f[5][0]}
		if f[4] == "f" {
			d := registry.bySig[f[2]+"("+f[3]+")"]
			if d == nil {
				return
			}
			c.Func = d.Func
		}
		all = append(all, c)
	})
	return all
}

// oidOf is the OID of a pg_type.typname, 0 where types has none.
func oidOf(name string) types.OID {
	oid, err := typeNamed(name)
	if err != nil {
		return 0
	}
	return oid
}
