package plan

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// CreateTable is CREATE TABLE. Relation is whole but for OIDs, storage numbers
// and the defaults of the columns that Owned numbers.
type CreateTable struct {
	Relation    *catalog.Relation
	Owned       []catalog.OwnedSequence
	IfNotExists bool
}

// CreateTableAs is CREATE TABLE AS, and SELECT INTO a name that is new: Input's
// rows become the table's. NoData: it stays empty.
type CreateTableAs struct {
	Relation    *catalog.Relation
	Input       Node
	IfNotExists bool
	NoData      bool
}

// CreateMatView is CREATE MATERIALIZED VIEW: a table, without OIDs and storage
// numbers, and the job that maintains it. Job nil: a relation of the name exists.
// NoData: the statement does not wait until it is filled.
type CreateMatView struct {
	Relation    *catalog.Relation
	Job         *StartJob
	IfNotExists bool
	NoData      bool
}

// RefreshMatView is REFRESH MATERIALIZED VIEW.
type RefreshMatView struct{ Relation *catalog.Relation }

// CreateSequence is CREATE SEQUENCE.
type CreateSequence struct {
	Relation    *catalog.Relation
	IfNotExists bool
}

// AlterSequence is ALTER SEQUENCE: Relation is what Old becomes.
type AlterSequence struct {
	Old, Relation *catalog.Relation
	// Restart is the next value, where there is one.
	Restart *int64
}

// AlterTable is every change of a table that exists: Relation is what Old
// becomes, with what is new in it lacking OIDs and storage numbers.
type AlterTable struct {
	Old, Relation *catalog.Relation
	Owned         []catalog.OwnedSequence // sequences of new columns
	Sequences     []SequenceChange        // of sequences that belong to columns
	// Rewrite computes every row of Relation from one of Old; nil: rows stay as
	// they are stored. Where there is one, the indexes are made anew with it.
	Rewrite []Expr
	// Rules are those of Relation, where rows are written or taken into indexes.
	Rules RowRules
	// Build: an index without a storage number has to take in the rows there are.
	Build bool
	// Checks are true of each row there is, or the statement fails.
	Checks []RowCheck
	// Views are other relations as they become: views that read it, tables whose
	// foreign keys go. Drops go along.
	Views, Drops []*catalog.Relation
	Locks        []*catalog.Relation // tables that new foreign keys reference
	Tag          string              // ALTER TABLE, CREATE INDEX
}

// RowCheck is a condition over the rows of Old: Cond is false of a row that
// stands in the way, and then Err is the statement's error.
type RowCheck struct {
	Cond Expr
	Err  error
}

// SequenceChange is what becomes of a sequence.
type SequenceChange struct {
	Old, New *catalog.Relation // New nil: it is dropped
	Restart  *int64            // its next value; nil: as it is
}

// Rename is ALTER ... RENAME of a relation or an index, or SET SCHEMA.
type Rename struct {
	Relation *catalog.Relation
	Index    types.OID // of Relation; 0: the relation itself
	Schema   string    // "": as it is
	Name     string    // "": as it is
	// Views read it, and are other texts from then on; Query is its own text, where
	// that becomes another.
	Views []*catalog.Relation
	Query string
	Tag   string
}

// Truncate is TRUNCATE.
type Truncate struct {
	Tables  []*catalog.Relation
	Derived [][]Expr // by table: RowRules.Derived
	Restart bool     // RESTART IDENTITY
}

// Comment is COMMENT ON.
type Comment struct {
	On   catalog.Commented
	Text string // "" removes it
}

func (*CreateTable) statement()    {}
func (*CreateTableAs) statement()  {}
func (*CreateMatView) statement()  {}
func (*RefreshMatView) statement() {}
func (*CreateSequence) statement() {}
func (*AlterSequence) statement()  {}
func (*AlterTable) statement()     {}
func (*Rename) statement()         {}
func (*Truncate) statement()       {}
func (*Comment) statement()        {}
