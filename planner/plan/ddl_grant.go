package plan

import "github.com/ferrisstreams/ferrisstreams/catalog"

// Grant is GRANT and REVOKE of rights, on each of its objects.
type Grant struct {
	Revoke bool
	Grants []catalog.Grant
}

// Tag is the statement's.
func (s *Grant) Tag() string {
	if s.Revoke {
		return "REVOKE"
	}
	return "GRANT"
}

// GrantDefaults is ALTER DEFAULT PRIVILEGES.
type GrantDefaults struct{ Grants []catalog.DefaultGrant }

// ReassignOwned gives all that roles own to another.
type ReassignOwned struct {
	Roles []string
	To    string
}

// SchemaOwner gives a schema to another role.
type SchemaOwner struct{ Schema, To string }

// DropOwned drops all that roles own, and takes their privileges.
type DropOwned struct {
	Roles   []string
	Cascade bool
}

func (*Grant) statement()         {}
func (*GrantDefaults) statement() {}
func (*ReassignOwned) statement() {}
func (*SchemaOwner) statement()   {}
func (*DropOwned) statement()     {}
