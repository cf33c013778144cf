package pgcatalog

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// builtinTSV are rows that every PostgreSQL 16 has, made by dump.sql: after a line
// with # and the relation's name its rows, as COPY writes them.
//
//go:embed builtin.tsv
var builtinTSV string

// builtinRows are the fields of builtinTSV's rows by relation.
var builtinRows = sync.OnceValue(func() map[string][][]string {
	all := map[string][][]string{}
	name := ""
	for line := range strings.Lines(builtinTSV) {
		line = strings.TrimSuffix(line, "\n")
		if relation, ok := strings.CutPrefix(line, "#"); ok {
			name = relation
			continue
		}
		all[name] = append(all[name], strings.Split(line, "\t"))
	}
	return all
})

// builtin gives the rows of builtinTSV, whose fields are numbers, names, flags and
// single characters.
func builtin(_ *Context, t *table) {
	for _, fields := range builtinRows()[t.Name] {
		r := t.row()
		for i, f := range fields {
			name := t.Columns[i].Name
			switch t.Columns[i].Type.OID {
			case types.Bool:
				r.bool(name, f == "t")
			case types.Char:
				r.chr(name, f[0])
			case types.Name, types.Text:
				r.str(name, f)
			default:
				r.num(name, number(f))
			}
		}
		r.emit()
	}
}

// Description is the comment that PostgreSQL gives an object of its own: class is
// the relation that lists it.
func Description(class string, object types.OID) string {
	return descriptions()[describedObject{builtinClasses[class], object}]
}

// IsBuiltin reports whether a relation of builtinTSV has a row of that OID.
func IsBuiltin(relation string, oid types.OID) bool { return builtinOIDs()[relation][oid] }

var builtinOIDs = sync.OnceValue(func() map[string]map[types.OID]bool {
	all := map[string]map[types.OID]bool{}
	for _, name := range []string{"pg_opclass", "pg_opfamily"} {
		all[name] = map[types.OID]bool{}
		for _, f := range builtinRows()[name] {
			all[name][types.OID(number(f[0]))] = true
		}
	}
	return all
})

// builtinClasses are the relations whose objects builtinTSV describes.
var builtinClasses = map[string]int64{
	"pg_type": typeClassOID, "pg_proc": procOID, "pg_operator": operatorOID, "pg_am": 2601, "pg_collation": 3456, "pg_language": 2612, "pg_namespace": namespaceOID,
}

type describedObject struct {
	class  int64
	object types.OID
}

var descriptions = sync.OnceValue(func() map[describedObject]string {
	all := map[describedObject]string{}
	for _, f := range builtinRows()["pg_description"] {
		all[describedObject{number(f[1]), types.OID(number(f[0]))}] = f[3]
	}
	return all
})

// builtinDescriptions describes those of PostgreSQL's own objects that are here.
func builtinDescriptions(c *Context, t *table) {
	known := operators(c)
	for _, f := range builtinRows()["pg_description"] {
		object, class := types.OID(number(f[0])), number(f[1])
		switch {
		case class == typeClassOID && types.Lookup(object) == nil,
			class == procOID && c.Snapshot.FunctionByOID(object) == nil,
			class == operatorOID && !known[object]:
			continue
		}
		t.row().oid("objoid", object).num("classoid", class).str("description", f[3]).emit()
	}
}

// operators are the OIDs of those that exist.
func operators(c *Context) map[types.OID]bool {
	all := make(map[types.OID]bool, len(c.Snapshot.Builtins().Operators))
	for _, o := range c.Snapshot.Builtins().Operators {
		all[catalog.OperatorOID(o)] = true
	}
	return all
}

// operatorClass is the operator class of b-trees over a type's values, 0 where
// PostgreSQL has none.
func operatorClass(typ types.OID) types.OID {
	row := typeRow(typ)
	switch {
	case row.oid == types.Varchar:
		typ = types.Text
	case row.category == 'A' && row.kind != 'p':
		typ = types.AnyArray
	case row.kind == 'e':
		typ = anyEnum
	case row.kind == 'r':
		typ = anyRange
	case row.kind == 'm':
		typ = anyMultirange
	case row.kind == 'c':
		typ = types.Record
	}
	return btreeClasses()[typ]
}

// Pseudo-types that operator classes are of.
const (
	anyEnum       types.OID = 3500
	anyRange      types.OID = 3831
	anyMultirange types.OID = 4537
)

// btreeClassNamed is a btree's operator class by its name, 0: there is none.
func btreeClassNamed(name string) types.OID {
	for _, f := range builtinRows()["pg_opclass"] {
		if number(f[1]) == btreeMethod && f[2] == name {
			return types.OID(number(f[0]))
		}
	}
	return 0
}

var btreeClasses = sync.OnceValue(func() map[types.OID]types.OID {
	all := map[types.OID]types.OID{}
	for _, f := range builtinRows()["pg_opclass"] {
		if number(f[1]) == btreeMethod && f[7] == "t" {
			all[types.OID(number(f[6]))] = types.OID(number(f[0]))
		}
	}
	return all
})
