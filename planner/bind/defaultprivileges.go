package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// defaultPrivileges is ALTER DEFAULT PRIVILEGES [FOR ROLE r] [IN SCHEMA s] GRANT or
// REVOKE.
func (b *binder) defaultPrivileges(x *pg.AlterDefaultPrivilegesStmt) *plan.Bound {
	roles, schemas := []string{b.c.User}, []string{""}
	seen := map[string]bool{}
	for _, n := range x.Options {
		d := n.GetDefElem()
		b.once(seen, d)
		switch d.Defname {
		case "roles":
			roles = b.roleNames(d.Arg.GetList().GetItems())
		case "schemas":
			schemas = strs(d.Arg.GetList().GetItems())
		}
	}
	g := x.Action
	class := b.defaultClass(g.Objtype)
	to := catalog.DefaultGrant{Class: class, Options: g.GrantOption, Revoke: !g.IsGrant, Cascade: g.Behavior == pg.DropBehavior_DROP_CASCADE, Grantees: b.grantees(g.Grantees)}
	to.Rights = class.All()
	if len(g.Privileges) > 0 {
		for _, n := range g.Privileges {
			if len(n.GetAccessPriv().GetCols()) > 0 {
				b.fail(sqlerr.Errorf(sqlerr.InvalidGrantOperation, "default privileges cannot be set for columns"))
			}
		}
		to.Rights = b.grantRights(class, g, class.All())
	}
	s := &plan.GrantDefaults{}
	for _, role := range roles {
		if b.c.Catalog.Role(role) == nil && role != b.c.User {
			b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "role \"%s\" does not exist", role))
		}
		if b.c.User != "" && !b.c.Catalog.HasRole(b.c.User, role) {
			b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to change default privileges"))
		}
		for _, schema := range schemas {
			switch {
			case schema != "" && class == catalog.SchemaClass:
				b.fail(sqlerr.Errorf(sqlerr.InvalidGrantOperation, "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS"))
			case schema != "" && b.c.Catalog.Schema(schema) == nil:
				b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", schema))
			}
			one := to
			one.Role, one.Schema = role, schema
			s.Grants = append(s.Grants, one)
		}
	}
	return done(s)
}

// defaultClass is what ALTER DEFAULT PRIVILEGES is ON.
func (b *binder) defaultClass(o pg.ObjectType) catalog.ObjectClass {
	class, ok := grantClasses[o]
	if !ok {
		b.unsupported(-1, "Everyone may use every type; default privileges are kept on TABLES, SEQUENCES, FUNCTIONS and SCHEMAS.", "ALTER DEFAULT PRIVILEGES on types is not supported")
	}
	return class
}

// ownedRoles are those of REASSIGN and DROP OWNED BY, which are there.
func (b *binder) ownedRoles(list []*pg.Node, what, does string) []string {
	names := b.roleNames(list)
	for _, name := range names {
		b.mayOwn(name, what, "Only roles with privileges of role \"%s\" may "+does+".")
	}
	return names
}

func (b *binder) mayOwn(role, what, detail string) {
	if b.c.Catalog.Role(role) == nil && role != b.c.User {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "role \"%s\" does not exist", role))
	}
	if b.c.User != "" && !b.c.Catalog.HasRole(b.c.User, role) {
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to %s", what).WithDetail(detail, role))
	}
}

func (b *binder) reassignOwned(x *pg.ReassignOwnedStmt) *plan.Bound {
	s := &plan.ReassignOwned{Roles: b.ownedRoles(x.Roles, "reassign objects", "reassign objects owned by it"), To: b.roleSpec(x.Newrole)}
	b.mayOwn(s.To, "reassign objects", "Only roles with privileges of role \"%s\" may reassign objects to it.")
	return done(s)
}

func (b *binder) dropOwned(x *pg.DropOwnedStmt) *plan.Bound {
	return done(&plan.DropOwned{Roles: b.ownedRoles(x.Roles, "drop objects", "drop objects owned by it"), Cascade: x.Behavior == pg.DropBehavior_DROP_CASCADE})
}
