package plan

import "github.com/ferrisstreams/ferrisstreams/catalog"

// CreateEnum is CREATE TYPE ... AS ENUM.
type CreateEnum struct {
	Schema, Name string
	Labels       []string
}

// AlterEnum is ALTER TYPE of an enum: New is what Old becomes, its new labels
// without OIDs.
type AlterEnum struct{ Old, New *catalog.Enum }

// DropType is DROP TYPE. Alters drop the columns that go along, a table each.
type DropType struct {
	Types   []*catalog.Enum
	Cascade bool
	Alters  []*AlterTable
}

func (*CreateEnum) statement() {}
func (*AlterEnum) statement()  {}
func (*DropType) statement()   {}
