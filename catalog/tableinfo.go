package catalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// TableInfo is what a table has beside its columns.
type TableInfo struct {
	// Storage names the rows in the store. It is never used again: TRUNCATE and
	// whatever writes all rows anew takes another.
	Storage uint32
	Indexes []*Index // in order of creation
	Checks  []Check
	Foreign []ForeignKey
	// Attrs is the highest attribute number ever given to a column.
	Attrs int16
	// Dropped are the attributes whose columns are gone: rows written before
	// still have their values.
	Dropped  []DroppedAttr
	OnCommit OnCommit // of a temporary table
	Unlogged bool     // as declared; its rows are as durable as others
	Options  Options  // storage parameters as declared (fillfactor)
}

// DroppedAttr is an attribute that has no column any more. Phys is how its values
// lie; their type may be gone too.
type DroppedAttr struct {
	Attr int16
	Phys types.Phys
}

// TableHidden are the hidden columns of every table. They are not stored.
// _rowid names a row for as long as it is there; rows are in its order.
func TableHidden() []Column {
	return []Column{{Name: "_rowid", Type: types.Of(types.Int8), NotNull: true}}
}

// OnCommit is what a COMMIT does to a temporary table.
type OnCommit byte

// What ON COMMIT can say.
const (
	PreserveRows OnCommit = 'p'
	DeleteRows   OnCommit = 'd'
	DropTable    OnCommit = 'x'
)

// Check is a CHECK constraint; Expr is SQL text over the table's columns, Attrs
// are the attribute numbers of those in it.
type Check struct {
	OID     types.OID
	Name    string
	Expr    string
	Attrs   []int16
	Comment string
	// NoInherit: as declared; no table inherits from another here.
	NoInherit bool
}

// Index is a part of its table, with a name among the relations of the table's
// schema. Constraint: it came of PRIMARY KEY or UNIQUE in a table's definition.
type Index struct {
	OID     types.OID
	Name    string
	Storage uint32 // names its keys in the store, as TableInfo.Storage
	// ConOID is pg_constraint's of a Constraint.
	ConOID                                        types.OID
	Unique, Primary, Constraint, NullsNotDistinct bool
	// Maintains: of a MatView, its job finds rows by it, so it stays with the view.
	Maintains           bool
	Keys                []IndexKey
	Include             []int  // places in Relation.Columns that a scan of the index alone could deliver
	Where               string // of a partial index, SQL text; "": all rows
	Options             Options
	Comment, ConComment string // of the index and of its constraint
}

// IndexKey is a key column of an index: a column by its place, or an expression.
type IndexKey struct {
	Column           int    // place in Relation.Columns, -1: Expr
	Expr             string // SQL text over the table's columns
	Type             types.Type
	Desc, NullsFirst bool
	// Collation and Class are those that were named and are not the default ones, all of
	// which order alike here; "": none was.
	Collation, Class string
}

// SequenceInfo is what a sequence is made of; its state is in the store.
type SequenceInfo struct {
	Storage                           uint32
	Type                              types.OID // smallint, integer or bigint
	Start, Increment, Min, Max, Cache int64
	Cycle                             bool
	// OwnedBy is the table whose column, by attribute number, it goes with; 0:
	// no column. Internal: it makes an identity column's values.
	OwnedBy   types.OID
	OwnedAttr int16
	Internal  bool
}

// Attribute is the attribute number of the column at a place.
func (r *Relation) Attribute(place int) int16 {
	if a := r.Columns[place].Attr; a != 0 {
		return a
	}
	return int16(place + 1)
}

// ByAttribute is the place of the column with an attribute number, -1: none has it.
func (r *Relation) ByAttribute(attr int16) int {
	for i := range r.Columns {
		if r.Attribute(i) == attr {
			return i
		}
	}
	return -1
}

// ColumnNamed is the place of a visible column, -1: there is none.
func (r *Relation) ColumnNamed(name string) int {
	return slices.IndexFunc(r.Columns, func(c Column) bool { return c.Name == name })
}

// Indexes are a table's indexes; nil of what is no table.
func (r *Relation) Indexes() []*Index {
	if r.Table == nil {
		return nil
	}
	return r.Table.Indexes
}

// PrimaryKey is the index of a table's primary key, nil where it has none.
func (r *Relation) PrimaryKey() *Index {
	for _, x := range r.Indexes() {
		if x.Primary {
			return x
		}
	}
	return nil
}

// IndexNamed is one of a table's indexes, nil where it has none of the name.
func (r *Relation) IndexNamed(name string) *Index {
	for _, x := range r.Indexes() {
		if x.Name == name {
			return x
		}
	}
	return nil
}
