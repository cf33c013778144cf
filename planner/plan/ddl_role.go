package plan

import "github.com/ferrisstreams/ferrisstreams/catalog"

// RoleOptions are the attributes that CREATE ROLE or ALTER ROLE gives; nil: it says
// nothing of one.
type RoleOptions struct {
	Superuser, Inherit, CreateRole, CreateDB, Login, Replication, BypassRLS *bool

	Connections *int32
	Password    *string // a verifier's text, or "": none
	ValidUntil  *int64  // microseconds since 2000-01-01 UTC
}

// CreateRole is CREATE ROLE, USER and GROUP.
type CreateRole struct {
	Name    string
	Options RoleOptions
	In      []string // groups that it becomes a member of
	Members []string
	Admins  []string // members that may make others members
}

// AlterRole is ALTER ROLE, and ALTER GROUP ... ADD or DROP USER.
type AlterRole struct {
	Name      string
	Options   RoleOptions
	Add, Drop []string // members
}

// DropRoles is DROP ROLE.
type DropRoles struct {
	Names    []string
	IfExists bool
}

// GrantRoles is GRANT and REVOKE of roles to roles.
type GrantRoles struct {
	Groups  []string
	Members []string
	Revoke  bool
	Options catalog.MembershipOptions
}

func (*CreateRole) statement() {}
func (*AlterRole) statement()  {}
func (*DropRoles) statement()  {}
func (*GrantRoles) statement() {}
