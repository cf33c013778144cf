package catalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// requiredRole refuses to touch what comes with the server.
func requiredRole(roles []string, does string) error {
	if slices.Contains(roles, Superuser) {
		return sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot %s objects owned by role %s because they are required by the database system", does, QuoteName(Superuser))
	}
	return nil
}

// SetSchemaOwner gives a schema to another role.
func (t *Tx) SetSchemaOwner(name, to string) error {
	return t.apply(func(d *draft) error {
		sc := d.schemas[name]
		switch {
		case sc == nil:
			return sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema %q does not exist", name)
		case sc.Owner != to:
			d.chownSchema(sc, to)
		}
		return nil
	})
}

func (d *draft) chownSchema(sc *Schema, to string) {
	c := *sc
	c.ACL, c.Owner = sc.ACL.reowned(sc.Owner, to), to
	d.putSchema(&c)
}

// ReassignOwned gives all that some roles own to another.
func (t *Tx) ReassignOwned(roles []string, to string) error {
	if err := requiredRole(roles, "reassign ownership of"); err != nil {
		return err
	}
	return t.apply(func(d *draft) error {
		if d.Role(to) == nil {
			return errNoRole(to)
		}
		owned := func(owner string) bool { return owner != to && slices.Contains(roles, owner) }
		for _, sc := range sorted(d.schemas, func(s *Schema) string { return s.Name }) {
			if owned(sc.Owner) {
				d.chownSchema(sc, to)
			}
		}
		for _, r := range d.Relations() {
			if owned(r.Owner) {
				c := *r
				c.Chown(to)
				d.putRelation(&c)
			}
		}
		for _, j := range sorted(d.jobs, func(j *Job) string { return j.Name }) {
			if owned(j.Owner) {
				c := *j
				c.Owner = to
				d.putJob(&c)
			}
		}
		for _, e := range sorted(d.enums, func(e *Enum) string { return e.Name }) {
			if owned(e.Owner) {
				c := *e
				c.Owner = to
				d.putEnum(&c)
			}
		}
		return nil
	})
}

// DropOwned drops all that some roles own, and takes the privileges that were given to
// them, as far as user may. What depends on it goes along with cascade, and is an error
// without it.
func (t *Tx) DropOwned(roles []string, user string, cascade bool, path []string) (Dropped, []*sqlerr.Error, error) {
	if err := requiredRole(roles, "drop"); err != nil {
		return Dropped{}, nil, err
	}
	var notices []*sqlerr.Error
	err := t.apply(func(d *draft) error {
		notices = nil
		for _, a := range d.DefaultACLs() {
			if slices.Contains(roles, a.Role) {
				d.removeDefaultACL(a)
				continue
			}
			next := *a
			for _, role := range roles {
				next.ACL = next.ACL.without(role, a.Role)
			}
			if !next.ACL.equal(a.ACL) {
				d.putDefaultACL(&next)
			}
		}
		for _, o := range d.guarded() {
			for _, role := range roles {
				notices = append(notices, d.revokeAll(o, role, user)...)
			}
		}
		return nil
	})
	if err != nil {
		return Dropped{}, nil, err
	}
	dropped, more, err := t.drop(t.Snapshot().objectsOf(roles), false, cascade, path)
	return dropped, append(notices, more...), err
}

// without is the list without what an owner has given a role, and what that has given on.
func (a ACL) without(role, owner string) ACL {
	all := ^Rights(0)
	out, _ := a.revoked(ACLItem{Grantee: role, Grantor: owner, Rights: all, Options: all}, true, owner)
	return out
}

// revokeAll takes from a role what the owner of an object has given it.
func (d *draft) revokeAll(o Object, role, user string) []*sqlerr.Error {
	if o.Owner == role || !slices.ContainsFunc(o.ACL, func(i ACLItem) bool { return i.Grantee == role }) {
		return nil
	}
	if !d.HasRole(user, o.Owner) {
		return []*sqlerr.Error{partly(&Grant{Revoke: true}, o, 0)}
	}
	list := o.ACL.without(role, o.Owner)
	if o.Class != ColumnClass {
		d.setACL(&Grant{Class: o.Class, OID: o.OID, Name: o.Name}, list)
		return nil
	}
	if len(list) == 0 {
		list = nil
	}
	r := *d.byOID[o.OID]
	r.Columns = slices.Clone(r.Columns)
	r.Columns[r.ColumnNamed(o.Name)].ACL = list
	d.putRelation(&r)
	return nil
}

// objectsOf are those that some roles own.
func (s *Snapshot) objectsOf(roles []string) (all []object) {
	for _, sc := range s.Schemas() {
		if slices.Contains(roles, sc.Owner) {
			all = append(all, object{schema: sc})
		}
	}
	for _, r := range s.Relations() {
		if slices.Contains(roles, r.Owner) {
			all = append(all, object{relation: r})
		}
	}
	for _, j := range sorted(s.jobs, func(j *Job) string { return j.Name }) {
		if slices.Contains(roles, j.Owner) && s.view(j) == nil {
			all = append(all, object{job: j})
		}
	}
	for _, e := range sorted(s.enumOf, func(e *Enum) string { return e.Name }) {
		if slices.Contains(roles, e.Owner) {
			all = append(all, object{enum: e})
		}
	}
	return all
}
