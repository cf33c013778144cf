package catalog

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Role is who may connect, or a group of roles. It never changes in place.
type Role struct {
	Name        string
	Superuser   bool
	Inherit     bool
	CreateRole  bool
	CreateDB    bool
	Login       bool
	Replication bool
	BypassRLS   bool
	Connections int32  // at one time; -1: no limit
	Verifier    string // of its password, scram.Verifier's text; "": none
	ValidUntil  int64  // of the password: microseconds since 2000-01-01 UTC; NoEnd: for ever
	Comment     string
	Groups      []Membership // what it is a member of, by name
}

// Membership is in a role.
type Membership struct {
	Role    string
	Grantor string
	Admin   bool // may make others members
	Inherit bool // has the group's privileges
	Set     bool // may SET ROLE to it
}

// NoEnd is the ValidUntil of a password that stays valid.
const NoEnd = math.MaxInt64

// NewRole is a role as CREATE ROLE makes it without options.
func NewRole(name string) *Role {
	return &Role{Name: name, Inherit: true, Connections: -1, ValidUntil: NoEnd}
}

// OID is RoleOID of its name.
func (r *Role) OID() types.OID { return RoleOID(r.Name) }

// Member reports whether it is a direct member of a group.
func (r *Role) Member(group string) (Membership, bool) {
	i := slices.IndexFunc(r.Groups, func(m Membership) bool { return m.Role == group })
	if i < 0 {
		return Membership{}, false
	}
	return r.Groups[i], true
}

// Role finds a role that CREATE ROLE has made, or the superuser; nil: there is none
// of that name.
func (s *Snapshot) Role(name string) *Role {
	if r := s.roles[name]; r != nil {
		return r
	}
	if name != Superuser {
		return nil
	}
	r := NewRole(name)
	r.Superuser, r.CreateRole, r.CreateDB, r.Login, r.Replication, r.BypassRLS = true, true, true, true, true, true
	return r
}

// AnyRole is Role, or, of a name that only trust lets in, one with LOGIN: with
// nothing else after RequireRoles, and as a superuser where whoever connects is
// trusted.
func (s *Snapshot) AnyRole(name string) *Role {
	if r := s.Role(name); r != nil {
		return r
	}
	r := NewRole(name)
	r.Login = true
	if !s.strict {
		r.Superuser, r.CreateRole, r.CreateDB = true, true, true
	}
	return r
}

// MemberOf reports whether a role is a member of another, itself, or a superuser.
func (s *Snapshot) MemberOf(name, group string) bool {
	if name == group || s.AnyRole(name).Superuser {
		return true
	}
	return s.InGroup(name, group)
}

// InGroup reports a membership that was granted, direct or not, or a role itself: a
// superuser is in no group by being one.
func (s *Snapshot) InGroup(name, group string) bool {
	return name == group || s.inGroup(name, group)
}

func (s *Snapshot) inGroup(name, group string) bool {
	seen := map[string]bool{name: true}
	for next := []string{name}; len(next) > 0; {
		r := s.AnyRole(next[len(next)-1])
		next = next[:len(next)-1]
		for _, m := range r.Groups {
			if m.Role == group {
				return true
			}
			if !seen[m.Role] {
				seen[m.Role] = true
				next = append(next, m.Role)
			}
		}
	}
	return false
}

// Members are the direct members of a group, by name.
func (s *Snapshot) Members(group string) []string {
	var all []string
	for name, r := range s.roles {
		if _, ok := r.Member(group); ok {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func errNoRole(name string) *sqlerr.Error {
	e := sqlerr.Errorf(sqlerr.UndefinedObject, "role \"%s\" does not exist", name)
	if strings.HasPrefix(name, "pg_") {
		return e.WithHint("PostgreSQL's predefined roles are not there: GRANT the rights themselves, GRANT SELECT ON ALL TABLES IN SCHEMA public TO ... for example.")
	}
	return e
}

// CreateRole makes a role.
func (t *Tx) CreateRole(r *Role) error {
	if err := checkRoleName(r.Name); err != nil {
		return err
	}
	return t.apply(func(d *draft) error {
		if d.roles[r.Name] != nil || r.Name == Superuser {
			return sqlerr.Errorf(sqlerr.DuplicateObject, "role \"%s\" already exists", r.Name)
		}
		for name := range d.roles {
			if name != r.Name && RoleOID(name) == r.OID() {
				return sqlerr.Errorf(sqlerr.DuplicateObject, "role \"%s\" and role \"%s\" have one OID", r.Name, name).WithHint("Choose another name.")
			}
		}
		d.putRole(r)
		return nil
	})
}

func checkRoleName(name string) error {
	switch {
	case strings.HasPrefix(name, "pg_"):
		return sqlerr.Errorf(sqlerr.ReservedName, "role name \"%s\" is reserved", name).WithDetail("Role names starting with \"pg_\" are reserved.")
	case name == "public" || name == "none":
		return sqlerr.Errorf(sqlerr.ReservedName, "role name \"%s\" is reserved", name)
	}
	return nil
}

// AlterRole puts what change makes of a role in its place.
func (t *Tx) AlterRole(name string, change func(r *Role) error) error {
	return t.apply(func(d *draft) error {
		old := d.Role(name)
		if old == nil {
			return errNoRole(name)
		}
		r := *old
		r.Groups = slices.Clone(old.Groups)
		if err := change(&r); err != nil {
			return err
		}
		if name == Superuser && !(r.Superuser && r.Login) {
			return sqlerr.Errorf(sqlerr.FeatureNotSupported, "the bootstrap user must have the SUPERUSER and LOGIN attributes")
		}
		d.putRole(&r)
		return nil
	})
}

// DropRole removes a role that owns nothing. path is SearchPath's, by which an error
// names what it owns.
func (t *Tx) DropRole(name string, path []string) error {
	return t.apply(func(d *draft) error {
		if d.roles[name] == nil || name == Superuser {
			if name == Superuser {
				return sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop role %s because it is required by the database system", QuoteName(name))
			}
			return errNoRole(name)
		}
		if owned := d.ownedBy(name, path); len(owned) > 0 {
			return sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "role \"%s\" cannot be dropped because some objects depend on it", name).
				WithDetail("%s", strings.Join(owned, "\n"))
		}
		for _, member := range d.Members(name) {
			r := *d.roles[member]
			r.Groups = slices.DeleteFunc(slices.Clone(r.Groups), func(m Membership) bool { return m.Role == name })
			d.putRole(&r)
		}
		d.removeRole(d.roles[name])
		return nil
	})
}

// ownedBy describes what a role owns, and what it has privileges on, in the order of
// PostgreSQL (checkSharedDependencies).
func (s *Snapshot) ownedBy(name string, path []string) []string {
	type dependent struct {
		oid  types.OID
		text string
	}
	var all []dependent
	add := func(oid types.OID, text string) { all = append(all, dependent{oid, text}) }
	for _, sc := range s.schemas {
		if sc.Owner == name {
			add(sc.OID, "owner of schema "+QuoteName(sc.Name))
		}
	}
	for _, r := range s.byOID {
		if r.Owner == name {
			add(r.OID, "owner of "+object{relation: r}.describe(s, path))
		}
	}
	for _, j := range s.jobs {
		if j.Owner == name && s.view(j) == nil {
			add(j.OID, "owner of job "+QuoteName(j.Name))
		}
	}
	for _, e := range s.enumOf {
		if e.Owner == name {
			add(e.OID, "owner of "+object{enum: e}.describe(s, path))
		}
	}
	for _, o := range s.guarded() {
		if o.ACL.mentions(name) && o.Owner != name {
			add(o.OID, "privileges for "+o.describe(s, path))
		}
	}
	for _, a := range s.defaults {
		switch {
		case a.Role == name:
			add(a.OID, "owner of "+s.defaultsOf(a))
		case a.ACL.mentions(name):
			add(a.OID, "privileges for "+s.defaultsOf(a))
		}
	}
	slices.SortStableFunc(all, func(a, b dependent) int { return cmp.Compare(a.oid, b.oid) })
	var texts []string
	for _, d := range all {
		texts = append(texts, d.text)
	}
	return texts
}

// describe names an object with privileges.
func (o Object) describe(s *Snapshot, path []string) string {
	text := o.Word + " " + QuoteName(o.Name)
	switch r := s.byOID[o.OID]; {
	case o.Class == ColumnClass:
		return text + " of " + object{relation: r}.describe(s, path)
	case o.Class == RelationClass || o.Class == SequenceClass:
		return object{relation: r}.describe(s, path)
	}
	return text
}

// guarded are the objects on which privileges were given or taken.
func (s *Snapshot) guarded() []Object {
	var all []Object
	for _, sc := range s.schemas {
		if sc.ACL != nil {
			all = append(all, sc.Object())
		}
	}
	for _, r := range s.byOID {
		if r.ACL != nil {
			all = append(all, r.Object())
		}
		for at := range r.Columns {
			if r.Columns[at].ACL != nil {
				all = append(all, r.ColumnObject(at))
			}
		}
	}
	for k, g := range s.guards {
		class := map[byte]ObjectClass{keyFunctionACL: FunctionClass, keyDatabaseACL: DatabaseClass, keyConnectorACL: ConnectorClass}[k.kind]
		if o, ok := s.object(&Grant{Class: class, OID: k.oid, Name: g.name}); ok {
			all = append(all, o)
		}
	}
	return all
}

// MembershipOptions are what a GRANT or REVOKE says of a membership; nil: nothing.
type MembershipOptions struct{ Admin, Inherit, Set *bool }

func (o MembershipOptions) apply(m *Membership) {
	for _, x := range []struct{ to, from *bool }{{&m.Admin, o.Admin}, {&m.Inherit, o.Inherit}, {&m.Set, o.Set}} {
		if x.from != nil {
			*x.to = *x.from
		}
	}
}

// GrantRole makes a role a member of a group, or changes the options that it is one
// with; it returns false where that changes nothing. A new member may SET ROLE, and
// has the group's privileges where its role inherits.
func (t *Tx) GrantRole(group, member, grantor string, options MembershipOptions) (changed bool, err error) {
	err = t.apply(func(d *draft) error {
		g, m := d.Role(group), d.Role(member)
		switch {
		case g == nil:
			return errNoRole(group)
		case m == nil:
			return errNoRole(member)
		case group == member || d.inGroup(group, member):
			return sqlerr.Errorf(sqlerr.InvalidGrantOperation, "role \"%s\" is a member of role \"%s\"", group, member)
		}
		old, is := m.Member(group)
		next := old
		if !is {
			next = Membership{Role: group, Grantor: grantor, Inherit: m.Inherit, Set: true}
		}
		if options.apply(&next); is && next == old {
			return nil
		}
		changed = true
		r := *m
		r.Groups = slices.DeleteFunc(slices.Clone(m.Groups), func(m Membership) bool { return m.Role == group })
		r.Groups = append(r.Groups, next)
		slices.SortFunc(r.Groups, func(a, b Membership) int { return cmp.Compare(a.Role, b.Role) })
		d.putRole(&r)
		return nil
	})
	return changed, err
}

// RevokeRole ends a membership, or changes the options given; it returns false where
// there is none.
func (t *Tx) RevokeRole(group, member string, options MembershipOptions) (changed bool, err error) {
	err = t.apply(func(d *draft) error {
		g, m := d.Role(group), d.Role(member)
		switch {
		case g == nil:
			return errNoRole(group)
		case m == nil:
			return errNoRole(member)
		}
		old, is := m.Member(group)
		next := old
		options.apply(&next)
		optionOnly := options != MembershipOptions{}
		if !is || optionOnly && next == old {
			changed = is
			return nil
		}
		changed = true
		r := *m
		r.Groups = slices.DeleteFunc(slices.Clone(m.Groups), func(m Membership) bool { return m.Role == group })
		if optionOnly {
			r.Groups = append(r.Groups, next)
			slices.SortFunc(r.Groups, func(a, b Membership) int { return cmp.Compare(a.Role, b.Role) })
		}
		d.putRole(&r)
		return nil
	})
	return changed, err
}

type storedRole struct {
	Format      int                `json:"format"`
	Name        string             `json:"name"`
	Superuser   bool               `json:"superuser,omitempty"`
	Inherit     bool               `json:"inherit"`
	CreateRole  bool               `json:"create_role,omitempty"`
	CreateDB    bool               `json:"create_db,omitempty"`
	Login       bool               `json:"login,omitempty"`
	Replication bool               `json:"replication,omitempty"`
	BypassRLS   bool               `json:"bypass_rls,omitempty"`
	Connections int32              `json:"connections"`
	Verifier    string             `json:"verifier,omitempty"`
	ValidUntil  int64              `json:"valid_until"`
	Comment     string             `json:"comment,omitempty"`
	Groups      []storedMembership `json:"groups,omitempty"`
}

type storedMembership struct {
	Role    string `json:"role"`
	Grantor string `json:"grantor"`
	Admin   bool   `json:"admin,omitempty"`
	// Without them a member inherits and may SET ROLE.
	NoInherit bool `json:"no_inherit,omitempty"`
	NoSet     bool `json:"no_set,omitempty"`
}

func encodeRole(r *Role) []byte {
	s := storedRole{
		Format: objectFormat, Name: r.Name, Superuser: r.Superuser, Inherit: r.Inherit, CreateRole: r.CreateRole, CreateDB: r.CreateDB,
		Login: r.Login, Replication: r.Replication, BypassRLS: r.BypassRLS, Connections: r.Connections,
		Verifier: r.Verifier, ValidUntil: r.ValidUntil, Comment: r.Comment,
	}
	for _, m := range r.Groups {
		s.Groups = append(s.Groups, storedMembership{m.Role, m.Grantor, m.Admin, !m.Inherit, !m.Set})
	}
	return encode(s)
}

func decodeRole(value []byte) (*Role, error) {
	var s storedRole
	if err := decode(value, &s, &s.Format); err != nil {
		return nil, err
	}
	r := &Role{
		Name: s.Name, Superuser: s.Superuser, Inherit: s.Inherit, CreateRole: s.CreateRole, CreateDB: s.CreateDB,
		Login: s.Login, Replication: s.Replication, BypassRLS: s.BypassRLS, Connections: s.Connections,
		Verifier: s.Verifier, ValidUntil: s.ValidUntil, Comment: s.Comment,
	}
	for _, m := range s.Groups {
		r.Groups = append(r.Groups, Membership{m.Role, m.Grantor, m.Admin, !m.NoInherit, !m.NoSet})
	}
	return r, nil
}
