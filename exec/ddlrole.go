package exec

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// setRole puts what a statement says of a role into it.
func setRole(r *catalog.Role, o *plan.RoleOptions) {
	for _, f := range []struct {
		to   *bool
		from *bool
	}{
		{&r.Superuser, o.Superuser}, {&r.Inherit, o.Inherit}, {&r.CreateRole, o.CreateRole}, {&r.CreateDB, o.CreateDB},
		{&r.Login, o.Login}, {&r.Replication, o.Replication}, {&r.BypassRLS, o.BypassRLS},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if o.Connections != nil {
		r.Connections = *o.Connections
	}
	if o.Password != nil {
		r.Verifier = *o.Password
	}
	if o.ValidUntil != nil {
		r.ValidUntil = *o.ValidUntil
	}
}

func denied(what, format string, args ...any) error {
	return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to %s", what).WithDetail("%s", fmt.Sprintf(format, args...))
}

func on(b *bool) bool { return b != nil && *b }

// mayGive checks the attributes that only those may give who have them.
func mayGive(me *catalog.Role, o *plan.RoleOptions, what, act string) error {
	if me.Superuser {
		return nil
	}
	for _, a := range []struct {
		asked *bool
		has   bool
		name  string
	}{
		{o.Superuser, me.Superuser, "SUPERUSER"}, {o.CreateDB, me.CreateDB, "CREATEDB"},
		{o.Replication, me.Replication, "REPLICATION"}, {o.BypassRLS, me.BypassRLS, "BYPASSRLS"},
	} {
		if act == "create" && on(a.asked) && !a.has {
			return denied(what, "Only roles with the %s attribute may create roles with the %s attribute.", a.name, a.name)
		}
		if act == "alter" && a.asked != nil && !a.has {
			return denied(what, "Only roles with the %s attribute may change the %s attribute.", a.name, a.name)
		}
	}
	return nil
}

func (t *Txn) createRole(s *plan.CreateRole, env *function.Env) (Result, error) {
	res := Result{Tag: "CREATE ROLE"}
	me := t.Snapshot().AnyRole(env.User)
	if !me.Superuser && !me.CreateRole {
		return res, denied("create role", "Only roles with the CREATEROLE attribute may create roles.")
	}
	if err := mayGive(me, &s.Options, "create role", "create"); err != nil {
		return res, err
	}
	r := catalog.NewRole(s.Name)
	setRole(r, &s.Options)
	if err := t.change().CreateRole(r); err != nil {
		return res, err
	}
	yes, no := true, false
	if !me.Superuser && t.Snapshot().Role(me.Name) != nil {
		// As in PostgreSQL 16, who makes a role may administer it.
		if _, err := t.change().GrantRole(s.Name, me.Name, catalog.Superuser, catalog.MembershipOptions{Admin: &yes, Inherit: &no, Set: &no}); err != nil {
			return res, err
		}
	}
	for _, group := range s.In {
		if err := t.grantRole(&res, group, s.Name, env.User, catalog.MembershipOptions{}); err != nil {
			return res, err
		}
	}
	for _, member := range s.Members {
		if err := t.grantRole(&res, s.Name, member, env.User, catalog.MembershipOptions{}); err != nil {
			return res, err
		}
	}
	for _, member := range s.Admins {
		if err := t.grantRole(&res, s.Name, member, env.User, catalog.MembershipOptions{Admin: &yes}); err != nil {
			return res, err
		}
	}
	return res, nil
}

// mayAdmin reports whether a role may change another, or its members.
func (t *Txn) mayAdmin(user, role string) bool {
	s := t.Snapshot()
	me := s.AnyRole(user)
	if me.Superuser {
		return true
	}
	if target := s.Role(role); target != nil && target.Superuser {
		return false
	}
	return s.MayAdmin(user, role)
}

func (t *Txn) alterRole(s *plan.AlterRole, env *function.Env) (Result, error) {
	res := Result{Tag: "ALTER ROLE"}
	me := t.Snapshot().AnyRole(env.User)
	if t.Snapshot().Role(s.Name) == nil {
		return res, sqlerr.Errorf(sqlerr.UndefinedObject, "role \"%s\" does not exist", s.Name)
	}
	only := s.Options
	only.Password = nil
	own := env.User == s.Name && only == (plan.RoleOptions{}) && len(s.Add)+len(s.Drop) == 0
	if !own {
		if !me.Superuser && (!me.CreateRole || !t.mayAdmin(env.User, s.Name)) {
			return res, denied("alter role", "Only roles with the CREATEROLE attribute and the ADMIN option on role \"%s\" may alter this role.", s.Name)
		}
		if err := mayGive(me, &s.Options, "alter role", "alter"); err != nil {
			return res, err
		}
	}
	err := t.change().AlterRole(s.Name, func(r *catalog.Role) error {
		setRole(r, &s.Options)
		return nil
	})
	if err != nil {
		return res, err
	}
	for _, member := range s.Add {
		if err := t.grantRole(&res, s.Name, member, env.User, catalog.MembershipOptions{}); err != nil {
			return res, err
		}
	}
	for _, member := range s.Drop {
		if err := t.revokeRole(&res, s.Name, member, env.User, catalog.MembershipOptions{}); err != nil {
			return res, err
		}
	}
	return res, nil
}

func (t *Txn) dropRoles(s *plan.DropRoles, env *function.Env) (Result, error) {
	res := Result{Tag: "DROP ROLE"}
	me := t.Snapshot().AnyRole(env.User)
	if !me.Superuser && !me.CreateRole {
		return res, denied("drop role", "Only roles with the CREATEROLE attribute and the ADMIN option on the target roles may drop roles.")
	}
	for _, name := range s.Names {
		if t.Snapshot().Role(name) == nil {
			e := sqlerr.Errorf(sqlerr.UndefinedObject, "role \"%s\" does not exist", name)
			if !s.IfExists {
				return res, e
			}
			n := sqlerr.Errorf(sqlerr.SuccessfulCompletion, "role \"%s\" does not exist, skipping", name)
			n.Severity = "NOTICE"
			res.Notices = append(res.Notices, n)
			continue
		}
		switch {
		case name == env.User:
			return res, sqlerr.Errorf(sqlerr.ObjectInUse, "current user cannot be dropped")
		case !t.mayAdmin(env.User, name):
			return res, denied("drop role", "Only roles with the CREATEROLE attribute and the ADMIN option on role \"%s\" may drop this role.", name)
		}
		if err := t.change().DropRole(name, env.SearchPath); err != nil {
			return res, err
		}
	}
	return res, nil
}

func (t *Txn) grantRoles(s *plan.GrantRoles, env *function.Env) (Result, error) {
	res := Result{Tag: "GRANT ROLE"}
	if s.Revoke {
		res.Tag = "REVOKE ROLE"
	}
	for _, group := range s.Groups {
		for _, member := range s.Members {
			var err error
			if s.Revoke {
				err = t.revokeRole(&res, group, member, env.User, s.Options)
			} else {
				err = t.grantRole(&res, group, member, env.User, s.Options)
			}
			if err != nil {
				return res, err
			}
		}
	}
	return res, nil
}

func (t *Txn) grantRole(res *Result, group, member, user string, options catalog.MembershipOptions) error {
	if t.Snapshot().Role(group) != nil && !t.mayAdmin(user, group) {
		return denied(fmt.Sprintf("grant role \"%s\"", group), "Only roles with the ADMIN option on role \"%s\" may grant this role.", group)
	}
	changed, err := t.change().GrantRole(group, member, user, options)
	if err == nil && !changed {
		n := sqlerr.Errorf(sqlerr.SuccessfulCompletion, "role \"%s\" has already been granted membership in role \"%s\" by role \"%s\"", member, group, user)
		n.Severity = "NOTICE"
		res.Notices = append(res.Notices, n)
	}
	return err
}

func (t *Txn) revokeRole(res *Result, group, member, user string, options catalog.MembershipOptions) error {
	if t.Snapshot().Role(group) != nil && !t.mayAdmin(user, group) {
		return denied(fmt.Sprintf("revoke role \"%s\"", group), "Only roles with the ADMIN option on role \"%s\" may revoke this role.", group)
	}
	changed, err := t.change().RevokeRole(group, member, options)
	if err == nil && !changed {
		n := sqlerr.Errorf(sqlerr.Warning, "role \"%s\" has not been granted membership in role \"%s\" by role \"%s\"", member, group, user)
		n.Severity = "WARNING"
		res.Notices = append(res.Notices, n)
	}
	return err
}

// grant is GRANT and REVOKE of rights on objects.
func (t *Txn) grant(s *plan.Grant, env *function.Env) (Result, error) {
	res := Result{Tag: s.Tag()}
	for _, g := range s.Grants {
		notices, err := t.change().Grant(g, env.User)
		res.Notices = append(res.Notices, notices...)
		if err != nil {
			return res, err
		}
	}
	return res, nil
}

// grantDefaults is ALTER DEFAULT PRIVILEGES.
func (t *Txn) grantDefaults(s *plan.GrantDefaults) (Result, error) {
	res := Result{Tag: "ALTER DEFAULT PRIVILEGES"}
	for _, g := range s.Grants {
		if err := t.change().GrantDefault(g); err != nil {
			return res, err
		}
	}
	return res, nil
}
