package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/scram"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func (b *binder) createRole(x *pg.CreateRoleStmt) *plan.Bound {
	s := &plan.CreateRole{Name: clipName(x.Role)}
	login := x.StmtType == pg.RoleStmtType_ROLESTMT_USER
	s.Options.Login = &login
	seen := map[string]bool{}
	for _, n := range x.Options {
		d := n.GetDefElem()
		b.once(seen, d)
		switch d.Defname {
		case "addroleto":
			s.In = b.roleNames(d.Arg.GetList().GetItems())
		case "rolemembers":
			s.Members = b.roleNames(d.Arg.GetList().GetItems())
		case "adminmembers":
			s.Admins = b.roleNames(d.Arg.GetList().GetItems())
		default:
			b.roleOption(&s.Options, d)
		}
	}
	return done(s)
}

func (b *binder) alterRole(x *pg.AlterRoleStmt) *plan.Bound {
	s := &plan.AlterRole{Name: b.roleSpec(x.Role)}
	seen := map[string]bool{}
	for _, n := range x.Options {
		d := n.GetDefElem()
		b.once(seen, d)
		switch {
		case d.Defname == "rolemembers" && x.Action < 0:
			s.Drop = b.roleNames(d.Arg.GetList().GetItems())
		case d.Defname == "rolemembers":
			s.Add = b.roleNames(d.Arg.GetList().GetItems())
		default:
			b.roleOption(&s.Options, d)
		}
	}
	return done(s)
}

func (b *binder) once(seen map[string]bool, d *pg.DefElem) {
	if seen[d.Defname] {
		b.failf(sqlerr.SyntaxError, d.Location, "conflicting or redundant options")
	}
	seen[d.Defname] = true
}

// roleOption reads an attribute.
func (b *binder) roleOption(o *plan.RoleOptions, d *pg.DefElem) {
	flags := map[string]**bool{
		"superuser": &o.Superuser, "inherit": &o.Inherit, "createrole": &o.CreateRole, "createdb": &o.CreateDB,
		"canlogin": &o.Login, "isreplication": &o.Replication, "bypassrls": &o.BypassRLS,
	}
	if flag := flags[d.Defname]; flag != nil {
		on := d.Arg.GetBoolean().GetBoolval()
		*flag = &on
		return
	}
	switch d.Defname {
	case "connectionlimit":
		n := d.Arg.GetInteger().GetIval()
		if n < -1 {
			b.failf(sqlerr.InvalidParameterValue, -1, "invalid connection limit: %d", n)
		}
		o.Connections = &n
	case "password":
		b.rolePassword(o, d)
	case "validUntil":
		v, err := types.Parse(types.Of(types.Timestamptz), d.Arg.GetString_().GetSval(), b.c.Format)
		if err != nil {
			b.fail(sqlerr.From(err))
		}
		end := v.I
		o.ValidUntil = &end
	case "sysid":
		b.notice("SYSID can no longer be specified")
	default:
		b.unsupported(d.Location, "Leave it out.", "option %q of a role is not supported", d.Defname)
	}
}

// rolePassword makes a verifier of a password, or takes one that the client has
// made: nothing keeps the password itself.
func (b *binder) rolePassword(o *plan.RoleOptions, d *pg.DefElem) {
	none := ""
	o.Password = &none
	if d.Arg == nil {
		return
	}
	password := d.Arg.GetString_().GetSval()
	_, err := scram.Parse(password)
	switch {
	case password == "":
		b.notice("empty string is not a valid password, clearing password")
	case err == nil:
		o.Password = &password
	case strings.HasPrefix(password, "md5") && len(password) == 35:
		b.unsupported(-1, "Give the password itself, or a SCRAM-SHA-256 verifier.", "MD5 passwords are not supported")
	default:
		verifier := scram.NewVerifier(password).String()
		o.Password = &verifier
	}
}

// roleSpec is a role as statements name it. Whether there is one is seen when the
// statement runs.
func (b *binder) roleSpec(r *pg.RoleSpec) string {
	switch r.GetRoletype() {
	case pg.RoleSpecType_ROLESPEC_CURRENT_USER, pg.RoleSpecType_ROLESPEC_CURRENT_ROLE:
		return b.c.User
	case pg.RoleSpecType_ROLESPEC_SESSION_USER:
		return b.c.sessionUser()
	case pg.RoleSpecType_ROLESPEC_PUBLIC:
		b.failf(sqlerr.UndefinedObject, r.Location, "role \"public\" does not exist")
	}
	return clipName(r.GetRolename())
}

func (b *binder) roleNames(list []*pg.Node) []string {
	var names []string
	for _, n := range list {
		names = append(names, b.roleSpec(n.GetRoleSpec()))
	}
	return names
}

func (b *binder) dropRoles(x *pg.DropRoleStmt) *plan.Bound {
	for _, n := range x.Roles {
		if n.GetRoleSpec().GetRoletype() != pg.RoleSpecType_ROLESPEC_CSTRING {
			b.failf(sqlerr.InvalidParameterValue, -1, "cannot use special role specifier in DROP ROLE")
		}
	}
	return done(&plan.DropRoles{Names: b.roleNames(x.Roles), IfExists: x.MissingOk})
}

func (b *binder) grantRoles(x *pg.GrantRoleStmt) *plan.Bound {
	s := &plan.GrantRoles{Revoke: !x.IsGrant, Members: b.roleNames(x.GranteeRoles)}
	for _, n := range x.GrantedRoles {
		p := n.GetAccessPriv()
		if len(p.GetCols()) > 0 {
			b.failf(sqlerr.InvalidGrantOperation, -1, "column names cannot be included in GRANT/REVOKE ROLE")
		}
		s.Groups = append(s.Groups, clipName(p.GetPrivName()))
	}
	for _, n := range x.Opt {
		d := n.GetDefElem()
		on := (d.Arg == nil || d.Arg.GetBoolean().GetBoolval()) && !s.Revoke
		switch d.Defname {
		case "admin":
			s.Options.Admin = &on
		case "inherit":
			s.Options.Inherit = &on
		case "set":
			s.Options.Set = &on
		default:
			b.failf(sqlerr.SyntaxError, d.Location, "unrecognized role option \"%s\"", d.Defname)
		}
	}
	return done(s)
}
