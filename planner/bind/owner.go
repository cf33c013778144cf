package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// alterOwner is OWNER TO of what has no columns: a schema or a type.
func (b *binder) alterOwner(x *pg.AlterOwnerStmt) *plan.Bound {
	switch x.ObjectType {
	case pg.ObjectType_OBJECT_SCHEMA:
		return b.schemaOwner(x.Object.GetString_().Sval, x.Newowner)
	case pg.ObjectType_OBJECT_TYPE:
		return b.typeOwner(strs(x.Object.GetList().GetItems()), x.Newowner)
	}
	b.unsupported(-1, "Tables, views, streams, sinks, sequences, schemas and enum types have owners; REASSIGN OWNED BY gives all that a role has to another.",
		"ALTER %s ... OWNER TO is not supported", objectWord(x.ObjectType))
	return nil
}

func (b *binder) schemaOwner(name string, spec *pg.RoleSpec) *plan.Bound {
	sc := b.c.Catalog.Schema(name)
	switch {
	case sc == nil:
		b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", name))
	case sc.OID < catalog.FirstOID && name != "public":
		b.unsupported(-1, "Make a schema of your own: CREATE SCHEMA name.", "giving schema \"%s\", which comes with the server, to another role is not supported", name)
	}
	to := b.roleName(spec)
	if to != sc.Owner {
		b.own(sc.Object())
		b.mayBecome(to)
		b.mayCreateInDatabase()
	}
	return done(&plan.SchemaOwner{Schema: name, To: to})
}

func (b *binder) typeOwner(names []string, spec *pg.RoleSpec) *plan.Bound {
	oid := b.namedType(names).OID
	old := b.c.Catalog.EnumByOID(oid)
	if old == nil {
		b.unsupported(-1, "A row type goes with its relation: ALTER TABLE ... OWNER TO.", "ALTER TYPE %s OWNER TO is not supported", b.formatType(oid))
	}
	to := b.roleName(spec)
	if to == old.Owner {
		return done(&plan.Nothing{Tag: "ALTER TYPE"})
	}
	b.ownEnum(old)
	b.mayBecome(to)
	b.ownerMayCreate(old.Schema, to)
	e := *old
	e.Owner = to
	return done(&plan.AlterEnum{Old: old, New: &e})
}

// ownerMayCreate: whom an object in a schema is given to must be allowed to make one there.
func (b *binder) ownerMayCreate(schema, to string) {
	sc := b.c.Catalog.Schema(schema)
	if sc == nil || b.c.User == "" || b.c.Catalog.Superuser(b.c.User) {
		return
	}
	if o := sc.Object(); !b.c.Catalog.Has(to, o, catalog.CreateRight) {
		b.fail(o.Denied())
	}
}
