package catalog

import (
	"fmt"
	"hash/fnv"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// ObjectClass is what kinds of object privileges are given on.
type ObjectClass byte

// Classes of object, with pg_default_acl's letters where it has one.
const (
	RelationClass  ObjectClass = 'r' // stream, sink, table, view, materialized view
	SequenceClass  ObjectClass = 'S'
	SchemaClass    ObjectClass = 'n'
	FunctionClass  ObjectClass = 'f'
	TypeClass      ObjectClass = 'T'
	DatabaseClass  ObjectClass = 'd'
	ConnectorClass ObjectClass = 'w'
	JobClass       ObjectClass = 'j' // has an owner alone
	ColumnClass    ObjectClass = 'c' // of a relation: what it has is beside what that has
)

// All are the privileges that there are on objects of a class.
func (c ObjectClass) All() Rights {
	switch c {
	case RelationClass:
		return InsertRight | SelectRight | UpdateRight | DeleteRight | TruncateRight | ReferencesRight | TriggerRight
	case SequenceClass:
		return SelectRight | UpdateRight | UsageRight
	case SchemaClass:
		return UsageRight | CreateRight
	case FunctionClass:
		return ExecuteRight
	case TypeClass, ConnectorClass:
		return UsageRight
	case DatabaseClass:
		return CreateRight | TemporaryRight | ConnectRight
	case ColumnClass:
		return InsertRight | SelectRight | UpdateRight | ReferencesRight
	}
	return 0
}

// public are the privileges that everyone has on a new object of a class.
func (c ObjectClass) public() Rights {
	switch c {
	case FunctionClass:
		return ExecuteRight
	case TypeClass:
		return UsageRight
	case DatabaseClass:
		return TemporaryRight | ConnectRight
	}
	return 0
}

// Object is what a privilege is asked for.
type Object struct {
	Class ObjectClass
	OID   types.OID
	Word  string // of error messages: table, sink, function
	Name  string
	Of    string // of a column: its relation
	Owner string
	ACL   ACL
	// Open: everyone has these without a grant, as SELECT on a system catalog.
	Open Rights
}

// Default are the privileges on an object on which none were given or taken.
func (o *Object) Default() ACL {
	acl := ACL{}
	if o.Class == ColumnClass {
		return acl // even its owner has what the relation's list says
	}
	if p := o.Class.public(); p != 0 {
		acl = append(acl, ACLItem{Grantor: o.Owner, Rights: p})
	}
	acl = append(acl, ACLItem{Grantee: o.Owner, Grantor: o.Owner, Rights: o.Class.All()})
	if o.Open != 0 {
		acl = append(acl, ACLItem{Grantor: o.Owner, Rights: o.Open})
	}
	return acl
}

// Shown is the list as the catalogs show it: nil where it is what its class has.
func (o *Object) Shown() ACL {
	if o.ACL == nil && o.Open == 0 {
		return nil
	}
	return o.List()
}

// List are the privileges on the object.
func (o *Object) List() ACL {
	if o.ACL == nil {
		return o.Default()
	}
	return o.ACL
}

// Object is the relation as one with privileges.
func (r *Relation) Object() Object {
	o := Object{Class: RelationClass, OID: r.OID, Word: r.Kind.word(), Name: r.Name, Owner: r.Owner, ACL: r.ACL}
	switch r.Kind {
	case Sequence:
		o.Class = SequenceClass
	case Virtual:
		o.Open = SelectRight
	}
	return o
}

// ColumnObject is a column, by its place, as one with privileges of its own.
func (r *Relation) ColumnObject(at int) Object {
	c := &r.Columns[at]
	return Object{Class: ColumnClass, OID: r.OID, Word: "column", Name: c.Name, Of: r.Name, Owner: r.Owner, ACL: c.ACL}
}

// Object is the schema as one with privileges.
func (s *Schema) Object() Object {
	o := Object{Class: SchemaClass, OID: s.OID, Word: "schema", Name: s.Name, Owner: s.Owner, ACL: s.ACL}
	if s.OID == publicOID || systemSchema(s.Name) {
		o.Open = UsageRight
	}
	return o
}

// Object is the job as one with an owner.
func (j *Job) Object() Object {
	return Object{Class: JobClass, OID: j.OID, Word: "job", Name: j.Name, Owner: j.Owner}
}

// Object is the type as one with an owner.
func (e *Enum) Object() Object {
	return Object{Class: TypeClass, OID: e.OID, Word: "type", Name: e.Name, Owner: e.Owner}
}

// FunctionObject is a function as one with privileges.
func (s *Snapshot) FunctionObject(f *Function) Object {
	oid := FunctionOID(f)
	return Object{Class: FunctionClass, OID: oid, Word: "function", Name: f.Name, Owner: Superuser, ACL: s.guards[storeKey{keyFunctionACL, oid}].acl()}
}

// DatabaseOID is that of the one database, which has all names.
const DatabaseOID types.OID = 5

// DatabaseObject is the database as one with privileges.
func (s *Snapshot) DatabaseObject(name string) Object {
	return Object{Class: DatabaseClass, OID: DatabaseOID, Word: "database", Name: name, Owner: Superuser, ACL: s.guards[storeKey{keyDatabaseACL, DatabaseOID}].acl()}
}

// ConnectorOID is a connector's OID, which follows from its name.
func ConnectorOID(name string) types.OID {
	h := fnv.New32a()
	_, _ = h.Write([]byte("connector " + name))
	return types.OID(h.Sum32() | 1<<31)
}

// ConnectorObject is a connector, which GRANT calls a foreign-data wrapper, as one
// with privileges.
func (s *Snapshot) ConnectorObject(name string) Object {
	oid := ConnectorOID(name)
	return Object{Class: ConnectorClass, OID: oid, Word: "connector", Name: name, Owner: Superuser, ACL: s.guards[storeKey{keyConnectorACL, oid}].acl()}
}

// Superuser reports whether a role may do everything.
func (s *Snapshot) Superuser(name string) bool { return s.AnyRole(name).Superuser }

// HasRole reports whether a role has the privileges of another: it is it, a
// superuser, or a member that inherits.
func (s *Snapshot) HasRole(name, other string) bool {
	return name == other || s.Superuser(name) || s.memberBy(name, other, func(m Membership) bool { return m.Inherit })
}

// MaySet reports whether a role may SET ROLE to another.
func (s *Snapshot) MaySet(name, other string) bool {
	return name == other || s.Superuser(name) || s.memberBy(name, other, func(m Membership) bool { return m.Set })
}

// MayAdmin reports whether a role may make others members of another.
func (s *Snapshot) MayAdmin(name, other string) bool {
	if s.Superuser(name) {
		return true
	}
	for role := range s.reachable(name, func(m Membership) bool { return m.Inherit }) {
		if m, ok := s.AnyRole(role).Member(other); ok && m.Admin {
			return true
		}
	}
	return false
}

func (s *Snapshot) memberBy(name, other string, through func(Membership) bool) bool {
	return s.reachable(name, through)[other]
}

// reachable are a role and those that it is a member of, direct or not, by
// memberships of one kind.
func (s *Snapshot) reachable(name string, through func(Membership) bool) map[string]bool {
	seen := map[string]bool{name: true}
	for next := []string{name}; len(next) > 0; {
		r := s.AnyRole(next[len(next)-1])
		next = next[:len(next)-1]
		for _, m := range r.Groups {
			if through(m) && !seen[m.Role] {
				seen[m.Role] = true
				next = append(next, m.Role)
			}
		}
	}
	return seen
}

// Owns reports whether a role may do what an owner may.
func (s *Snapshot) Owns(user string, o Object) bool { return s.HasRole(user, o.Owner) }

// JobFailure is why a job fails or does not get on, as a role is shown it: the texts
// have values of the rows at fault, which are for those whose the job is.
func (s *Snapshot) JobFailure(user string, j *Job, f Failure) Failure {
	if f.Message == "" || user == "" || s.Owns(user, j.Object()) {
		return f
	}
	return Failure{Code: f.Code, Message: fmt.Sprintf("the error of job \"%s\" is shown to its owner", j.Name)}
}

// Rights are those of a role on an object, by itself, as a member or as everyone;
// options are those that it may give on.
func (s *Snapshot) Rights(user string, o Object) (rights, options Rights) {
	if s.Superuser(user) {
		return o.Class.All(), o.Class.All()
	}
	roles := s.reachable(user, func(m Membership) bool { return m.Inherit })
	for _, i := range o.List() {
		if i.Grantee == "" || roles[i.Grantee] {
			rights |= i.Rights
			options |= i.Options
		}
	}
	if roles[o.Owner] {
		options = o.Class.All()
	}
	return rights, options
}

// Has reports whether a role has all of some rights on an object.
func (s *Snapshot) Has(user string, o Object, want Rights) bool {
	if user == o.Owner && o.ACL == nil {
		return true
	}
	have, _ := s.Rights(user, o)
	return have&want == want
}

// ColumnRights are those of a role on a column, by its place, beside what it has on the
// relation. A place that is none is a pseudo-column, on which nothing is given.
func (s *Snapshot) ColumnRights(user string, r *Relation, at int) Rights {
	if at < 0 || at >= len(r.Columns) || r.Columns[at].ACL == nil {
		return 0
	}
	have, _ := s.Rights(user, r.ColumnObject(at))
	return have
}

// ReadsColumns reports whether a role may read columns of a relation, by their places: all
// of the relation, or each of them.
func (s *Snapshot) ReadsColumns(user string, r *Relation, places []int) bool {
	if s.Has(user, r.Object(), SelectRight) {
		return true
	}
	for _, at := range places {
		if s.ColumnRights(user, r, at)&SelectRight == 0 {
			return false
		}
	}
	return len(places) > 0
}

// SomeColumn is ColumnRights of all of a relation's columns together.
func (s *Snapshot) SomeColumn(user string, r *Relation) (all Rights) {
	for at := range r.Columns {
		all |= s.ColumnRights(user, r, at)
	}
	return all
}

// Denied is the error of a role that has not the right that it needs.
func (o Object) Denied() *sqlerr.Error {
	if o.Class == ColumnClass {
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for column \"%s\" of relation \"%s\"", o.Name, o.Of)
	}
	return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for %s %s", o.Word, o.Name)
}

// NotOwned is the error of a role that does what owners alone may.
func (o Object) NotOwned() *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "must be owner of %s %s", o.Word, o.Name)
}
