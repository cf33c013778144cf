package plan

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Foreign is what foreign keys ask of a change of a table, and of the changes that
// follow from it.
type Foreign struct {
	// Tables are the table itself, first, and those that its foreign keys lead to.
	Tables []ForeignTable
}

// ForeignTable is one of them.
type ForeignTable struct {
	Relation *catalog.Relation
	// Keys are its own foreign keys, References those that reference it. Both are
	// empty where no change reaches the table.
	Keys, References []ForeignKey
	// Changes: an action may change the table's rows: by Rules, and to Defaults, by
	// column, of which nil is NULL.
	Changes  bool
	Rules    RowRules
	Defaults []Expr
}

// ForeignKey is a foreign key with the tables that it is between, by their places
// in Tables.
type ForeignKey struct {
	Key               *catalog.ForeignKey
	From, To          int
	Columns, Targeted []int // places of the key's columns in the two relations
}

// Referenced are the places of the table's columns that foreign keys reference.
func (f *Foreign) Referenced() []int {
	var all []int
	for _, k := range f.Tables[0].References {
		for _, c := range k.Targeted {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all
}

// Knows reports whether a foreign key is among those of and to a table that changes.
func (t *ForeignTable) Knows(key types.OID) bool {
	is := func(k ForeignKey) bool { return k.Key.OID == key }
	return slices.ContainsFunc(t.Keys, is) || slices.ContainsFunc(t.References, is)
}
