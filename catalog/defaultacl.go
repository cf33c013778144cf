package catalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// DefaultACL are the privileges on objects of a class that a role makes from now on
// (ALTER DEFAULT PRIVILEGES): of all schemas the whole list, of one schema what is added
// to it. It never changes in place.
type DefaultACL struct {
	OID    types.OID
	Role   string
	Schema types.OID // 0: all
	Class  ObjectClass
	ACL    ACL
}

// DefaultACLs are all that ALTER DEFAULT PRIVILEGES has made, by OID.
func (s *Snapshot) DefaultACLs() []*DefaultACL {
	all := make([]*DefaultACL, 0, len(s.defaults))
	for _, a := range s.defaults {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *DefaultACL) int { return int(int64(a.OID) - int64(b.OID)) })
	return all
}

func (s *Snapshot) defaultACL(role string, schema types.OID, class ObjectClass) *DefaultACL {
	for _, a := range s.defaults {
		if a.Role == role && a.Schema == schema && a.Class == class {
			return a
		}
	}
	return nil
}

// born is the list of privileges on an object that is being made (get_user_default_acl);
// nil: what its class has.
func (s *Snapshot) born(o Object, schema types.OID) ACL {
	everywhere, here := s.defaultACL(o.Owner, 0, o.Class), (*DefaultACL)(nil)
	if schema != 0 {
		here = s.defaultACL(o.Owner, schema, o.Class)
	}
	if everywhere == nil && here == nil {
		return nil
	}
	list := o.Default()
	if everywhere != nil {
		list = everywhere.ACL
	}
	if here != nil {
		for _, item := range here.ACL {
			list = list.granted(item)
		}
	}
	if list.equal(o.Default()) {
		return nil
	}
	return list
}

// bornRelation is born of a relation, which has what it was made with, if that is said.
func (s *Snapshot) bornRelation(r *Relation) ACL {
	schema := types.OID(0)
	if sc := s.schemas[r.Schema]; sc != nil {
		schema = sc.OID
	}
	return s.born(r.Object(), schema)
}

// equal reports whether two lists say the same, in whatever order.
func (a ACL) equal(b ACL) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(i ACLItem) bool { return !slices.Contains(b, i) })
}

// DefaultGrant is GRANT, or with Revoke REVOKE, of rights on what Role makes from now on.
type DefaultGrant struct {
	Role     string
	Schema   string // "": all
	Class    ObjectClass
	Rights   Rights
	Grantees []string
	Options  bool // WITH GRANT OPTION, or GRANT OPTION FOR
	Revoke   bool
	Cascade  bool
}

// GrantDefault changes the privileges on what a role makes from now on.
func (t *Tx) GrantDefault(g DefaultGrant) error {
	oid, err := t.c.oids.take()
	if err != nil {
		return err
	}
	return t.apply(func(d *draft) error {
		for _, name := range g.Grantees {
			if name != "" && d.Role(name) == nil {
				return errNoRole(name)
			}
		}
		schema := types.OID(0)
		if g.Schema != "" {
			sc := d.schemas[g.Schema]
			if sc == nil {
				return sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", g.Schema)
			}
			schema = sc.OID
		}
		next := DefaultACL{OID: oid, Role: g.Role, Schema: schema, Class: g.Class}
		next.ACL = next.base()
		if old := d.defaultACL(g.Role, schema, g.Class); old != nil {
			next = *old
		}
		for _, name := range g.Grantees {
			if g.Options && !g.Revoke && name == "" {
				return sqlerr.Errorf(sqlerr.InvalidGrantOperation, "grant options can only be granted to roles")
			}
			item := ACLItem{Grantee: name, Grantor: g.Role, Rights: g.Rights}
			if g.Options || g.Revoke {
				item.Options = g.Rights
			}
			if !g.Revoke {
				next.ACL = next.ACL.granted(item)
				continue
			}
			if g.Options {
				item.Rights = 0
			}
			var dependent bool
			if next.ACL, dependent = next.ACL.revoked(item, g.Cascade, g.Role); dependent {
				return sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "dependent privileges exist").WithHint("Use CASCADE to revoke them too.")
			}
		}
		d.putDefaultACL(&next)
		return nil
	})
}

// base is what there is where nothing is said.
func (a *DefaultACL) base() ACL {
	if a.Schema == 0 {
		return (&Object{Class: a.Class, Owner: a.Role}).Default()
	}
	return ACL{}
}

// putDefaultACL keeps what differs from what there is where nothing is said.
func (d *draft) putDefaultACL(a *DefaultACL) {
	if a.ACL.equal(a.base()) {
		d.removeDefaultACL(a)
		return
	}
	d.defaults[a.OID] = a
	d.change(keyDefaultACL, a.OID)
}

func (d *draft) removeDefaultACL(a *DefaultACL) {
	delete(d.defaults, a.OID)
	d.change(keyDefaultACL, a.OID)
}

// defaultsOf describes what a list is of, as DROP ROLE does.
func (s *Snapshot) defaultsOf(a *DefaultACL) string {
	what := map[ObjectClass]string{RelationClass: "relations", SequenceClass: "sequences", FunctionClass: "functions", SchemaClass: "schemas", TypeClass: "types"}[a.Class]
	text := "default privileges on new " + what + " belonging to role " + QuoteName(a.Role)
	for _, sc := range s.schemas {
		if sc.OID == a.Schema {
			text += " in schema " + QuoteName(sc.Name)
		}
	}
	return text
}

type storedDefaultACL struct {
	Format int              `json:"format"`
	OID    types.OID        `json:"oid"`
	Role   string           `json:"role"`
	Schema types.OID        `json:"schema,omitempty"`
	Class  string           `json:"class"`
	ACL    *[]storedACLItem `json:"acl"`
}

func encodeDefaultACL(a *DefaultACL) []byte {
	return encode(storedDefaultACL{objectFormat, a.OID, a.Role, a.Schema, string(rune(a.Class)), storedACL(a.ACL)})
}

func decodeDefaultACL(value []byte) (*DefaultACL, error) {
	var s storedDefaultACL
	if err := decode(value, &s, &s.Format); err != nil {
		return nil, err
	}
	return &DefaultACL{s.OID, s.Role, s.Schema, ObjectClass(s.Class[0]), loadedACL(s.ACL)}, nil
}
