package catalog

import (
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// guard is the list of privileges of an object that the catalog does not keep
// otherwise: a function, a connector, the database.
type guard struct {
	key  storeKey
	name string
	list ACL
}

func (g *guard) acl() ACL {
	if g == nil {
		return nil
	}
	return g.list
}

// Grant is GRANT, or with Revoke REVOKE, of rights on one object.
type Grant struct {
	Class    ObjectClass
	OID      types.OID
	Name     string // of a function, connector or database
	Rights   Rights
	Columns  []ColumnRights // on columns of a relation, beside Rights
	All      bool           // ALL PRIVILEGES was said
	Grantees []string
	Options  bool // WITH GRANT OPTION, or GRANT OPTION FOR
	Revoke   bool
	Cascade  bool
}

// ColumnRights are those that a grant is about on one column, by its attribute number.
type ColumnRights struct {
	Attr   int16
	Rights Rights
}

// object finds what a grant is about.
func (s *Snapshot) object(g *Grant) (Object, bool) {
	switch g.Class {
	case RelationClass, SequenceClass:
		if r := s.byOID[g.OID]; r != nil {
			return r.Object(), true
		}
	case SchemaClass:
		for _, sc := range s.schemas {
			if sc.OID == g.OID {
				return sc.Object(), true
			}
		}
	case FunctionClass:
		return s.FunctionObject(&Function{OID: g.OID, Name: g.Name}), true
	case DatabaseClass:
		return s.DatabaseObject(g.Name), true
	case ConnectorClass:
		return s.ConnectorObject(g.Name), true
	}
	return Object{}, false
}

// Grant gives or takes rights, as user. What user may not give is left out, with a
// warning where that is not all.
func (t *Tx) Grant(g Grant, user string) (notices []*sqlerr.Error, err error) {
	err = t.apply(func(d *draft) error {
		notices = nil
		o, ok := d.object(&g)
		if !ok {
			return sqlerr.Errorf(sqlerr.UndefinedObject, "the object of a GRANT does not exist any more")
		}
		for _, name := range g.Grantees {
			if name != "" && d.Role(name) == nil {
				return errNoRole(name)
			}
		}
		if g.Rights != 0 || len(g.Columns) == 0 {
			list, err := d.regranted(&g, o, o, g.Rights, user, &notices)
			if err != nil {
				return err
			}
			d.setACL(&g, list)
		}
		return d.grantColumns(&g, o, user, &notices)
	})
	return notices, err
}

// regranted is the list of privileges on an object with rights given or taken by
// user. In within are looked for those that user may give: the object, or, of a column,
// one with the relation's list, too.
func (d *draft) regranted(g *Grant, o, within Object, want Rights, user string, notices *[]*sqlerr.Error) (ACL, error) {
	grantor, options := d.grantor(user, within, want)
	rights, some := d.Rights(user, within)
	if options == 0 && (rights|some)&o.Class.All() == 0 {
		if o.Class == RelationClass && (o.Word == "view" || o.Word == "materialized view") {
			o.Word = "table" // as PostgreSQL says here
		}
		return nil, o.Denied()
	}
	all := g.All
	if o.Class == ColumnClass {
		all = want == o.Class.All()
	}
	give := want & options
	if give != want && (give == 0 || !all) {
		*notices = append(*notices, partly(g, o, give))
	}
	list := o.List()
	for _, name := range g.Grantees {
		item := ACLItem{Grantee: name, Grantor: grantor, Rights: give}
		if g.Options || g.Revoke {
			item.Options = give
		}
		if g.Options && !g.Revoke && name == "" {
			return nil, sqlerr.Errorf(sqlerr.InvalidGrantOperation, "grant options can only be granted to roles")
		}
		if !g.Revoke {
			if item.Options != 0 && d.circular(list, o.Owner, item) {
				return nil, sqlerr.Errorf(sqlerr.InvalidGrantOperation, "grant options cannot be granted back to your own grantor")
			}
			list = list.granted(item)
			continue
		}
		if g.Options {
			item.Rights = 0
		}
		var dependent bool
		if list, dependent = list.revoked(item, g.Cascade, o.Owner); dependent {
			return nil, sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "dependent privileges exist").WithHint("Use CASCADE to revoke them too.")
		}
	}
	return list, nil
}

// grantColumns gives or takes rights on a relation's columns. o is the relation as it
// was before. What is taken of the relation is taken of each column that has it, too.
func (d *draft) grantColumns(g *Grant, o Object, user string, notices *[]*sqlerr.Error) error {
	implied := g.Rights & ColumnClass.All()
	if o.Class != RelationClass || len(g.Columns) == 0 && (!g.Revoke || implied == 0) {
		return nil
	}
	r := *d.byOID[g.OID]
	r.Columns = slices.Clone(r.Columns)
	for at := range r.Columns {
		var want Rights
		if g.Revoke && r.Columns[at].ACL != nil {
			want = implied
		}
		for _, c := range g.Columns {
			if c.Attr == r.Attribute(at) {
				want |= c.Rights
			}
		}
		if want == 0 {
			continue
		}
		column := r.ColumnObject(at)
		within := column
		within.ACL = append(append(ACL{}, o.List()...), column.ACL...)
		list, err := d.regranted(g, column, within, want, user, notices)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			list = nil
		}
		r.Columns[at].ACL = list
	}
	d.putRelation(&r)
	return nil
}

func partly(g *Grant, o Object, give Rights) *sqlerr.Error {
	code, what := sqlerr.PrivilegeNotGranted, "were granted"
	if g.Revoke {
		code, what = sqlerr.PrivilegeNotRevoked, "could be revoked"
	}
	how := "no"
	if give != 0 {
		how = "not all"
	}
	of := fmt.Sprintf("\"%s\"", o.Name)
	if o.Class == ColumnClass {
		of = fmt.Sprintf("column \"%s\" of relation \"%s\"", o.Name, o.Of)
	}
	n := sqlerr.Errorf(code, "%s privileges %s for %s", how, what, of)
	n.Severity = "WARNING"
	return n
}

// grantor is as whom a role gives rights, and which of them it may: the owner, where
// it has the owner's privileges, else the role of its own with most options.
func (s *Snapshot) grantor(user string, o Object, want Rights) (string, Rights) {
	if s.HasRole(user, o.Owner) {
		return o.Owner, o.Class.All()
	}
	roles := s.reachable(user, func(m Membership) bool { return m.Inherit })
	names := []string{user}
	for r := range roles {
		if r != user {
			names = append(names, r)
		}
	}
	slices.Sort(names[1:])
	best, most := user, Rights(0)
	for _, name := range names {
		var options Rights
		for _, i := range o.List() {
			if i.Grantee == name {
				options |= i.Options
			}
		}
		options &= want
		if options == want {
			return name, options
		}
		if len(options.Names()) > len(most.Names()) {
			best, most = name, options
		}
	}
	return best, most
}

// circular reports whether a grantor would give options to a role that it has them
// from.
func (s *Snapshot) circular(list ACL, owner string, item ACLItem) bool {
	if item.Grantor == owner {
		return false
	}
	seen := map[string]bool{}
	for next := []string{item.Grantor}; len(next) > 0; {
		name := next[len(next)-1]
		next = next[:len(next)-1]
		if name == item.Grantee {
			return true
		}
		for _, i := range list {
			if i.Grantee == name && i.Options&item.Options != 0 && !seen[i.Grantor] && i.Grantor != owner {
				seen[i.Grantor] = true
				next = append(next, i.Grantor)
			}
		}
	}
	return false
}

// setACL puts a list in the place of an object's own.
func (d *draft) setACL(g *Grant, list ACL) {
	if list == nil {
		list = ACL{}
	}
	switch g.Class {
	case RelationClass, SequenceClass:
		r := *d.byOID[g.OID]
		r.ACL = list
		d.putRelation(&r)
	case SchemaClass:
		for _, sc := range d.schemas {
			if sc.OID == g.OID {
				c := *sc
				c.ACL = list
				d.putSchema(&c)
				return
			}
		}
	case FunctionClass:
		d.putGuard(&guard{storeKey{keyFunctionACL, g.OID}, g.Name, list})
	case DatabaseClass:
		d.putGuard(&guard{storeKey{keyDatabaseACL, DatabaseOID}, g.Name, list})
	case ConnectorClass:
		d.putGuard(&guard{storeKey{keyConnectorACL, g.OID}, g.Name, list})
	}
}

func (d *draft) putGuard(g *guard) {
	d.guards[g.key] = g
	d.change(g.key.kind, g.key.oid)
}

// storedACLItem is an item as JSON keeps it.
type storedACLItem struct {
	Grantee string   `json:"grantee,omitempty"`
	Grantor string   `json:"grantor"`
	Rights  []string `json:"rights,omitempty"`
	Options []string `json:"options,omitempty"`
}

// storedACL is nil for nil, which is another thing than a list of nothing.
func storedACL(a ACL) *[]storedACLItem {
	if a == nil {
		return nil
	}
	all := []storedACLItem{}
	for _, i := range a {
		all = append(all, storedACLItem{i.Grantee, i.Grantor, i.Rights.Names(), i.Options.Names()})
	}
	return &all
}

func loadedACL(s *[]storedACLItem) ACL {
	if s == nil {
		return nil
	}
	a := ACL{}
	for _, i := range *s {
		a = append(a, ACLItem{i.Grantee, i.Grantor, rightsNamed(i.Rights), rightsNamed(i.Options)})
	}
	return a
}

func rightsNamed(names []string) Rights {
	var r Rights
	for _, name := range names {
		r |= RightNamed(name)
	}
	return r
}

type storedGuard struct {
	Format int              `json:"format"`
	OID    types.OID        `json:"oid"`
	Name   string           `json:"name"`
	ACL    *[]storedACLItem `json:"acl"`
}

func encodeGuard(g *guard) []byte {
	return encode(storedGuard{objectFormat, g.key.oid, g.name, storedACL(g.list)})
}

func decodeGuard(kind byte, value []byte) (*guard, error) {
	var s storedGuard
	if err := decode(value, &s, &s.Format); err != nil {
		return nil, err
	}
	return &guard{storeKey{kind, s.OID}, s.Name, loadedACL(s.ACL)}, nil
}

// Chown gives a relation, that is being changed, to another owner, who has given from
// now on what the one before had.
func (r *Relation) Chown(to string) {
	r.ACL = r.ACL.reowned(r.Owner, to)
	r.Columns = slices.Clone(r.Columns)
	for i := range r.Columns {
		r.Columns[i].ACL = r.Columns[i].ACL.reowned(r.Owner, to)
	}
	r.Owner = to
}
