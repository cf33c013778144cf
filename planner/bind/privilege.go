package bind

import (
	"cmp"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Who may do what is decided here and nowhere else. As in PostgreSQL, what a
// statement reads and writes is asked for when it has been bound, so that errors of
// its text come first; and who changes an object's definition must own it, which is
// asked when it is found.

// needFunction asks for EXECUTE.
func (b *binder) needFunction(f *catalog.Function) {
	if o := b.c.Catalog.FunctionObject(f); o.ACL != nil {
		b.needObject(need{user: b.c.User, object: o, rights: catalog.ExecuteRight})
	}
}

// needAggregate is needFunction of an aggregate that is not a window's, which errors
// name so.
func (b *binder) needAggregate(f *catalog.Function) {
	if o := b.c.Catalog.FunctionObject(f); o.ACL != nil {
		o.Word = "aggregate"
		b.needObject(need{user: b.c.User, object: o, rights: catalog.ExecuteRight})
	}
}

// authorise answers for what the statement needs: first of what it reads and writes,
// and then of the functions that it calls.
func (b *binder) authorise() {
	slices.SortStableFunc(b.shared.needs, func(x, y *need) int {
		return cmp.Compare(calls(x), calls(y))
	})
	for _, n := range b.shared.needs {
		if !n.had(b.c.Catalog) {
			b.fail(n.object.Denied())
		}
	}
}

// calls is 1 for a right to call a function, and 0 for others.
func calls(n *need) int {
	if n.object.Class == catalog.FunctionClass {
		return 1
	}
	return 0
}

// own refuses to change the definition of what the role does not own.
func (b *binder) own(o catalog.Object) {
	if b.c.User != "" && !b.c.Catalog.Owns(b.c.User, o) {
		b.fail(o.NotOwned())
	}
}

// ownRelation is own of a relation.
func (b *binder) ownRelation(r *catalog.Relation) {
	if !b.ownsTemporary(r.Schema) {
		b.own(r.Object())
	}
}

// ownsTemporary: whatever role a session has by now, its temporary schema is its.
func (b *binder) ownsTemporary(schema string) bool {
	return catalog.Temporary(schema) && schema == b.c.TempSchema
}

// mayReplace: what OR REPLACE gives a new definition keeps its owner, with whose
// rights that runs. A job that is planned anew was asked when it was made.
func (b *binder) mayReplace(r *catalog.Relation, orReplace bool) {
	if old := b.c.Catalog.Relation(r.Schema, r.Name); orReplace && old != nil && b.c.Job == "" {
		b.ownRelation(old)
	}
}

// ownJob is own of a job, where there is one.
func (b *binder) ownJob(name string) {
	if j := b.c.Catalog.Job(name); j != nil {
		b.own(j.Object())
	}
}

// mayDrop: what is dropped is the role's, or its schema is.
func (b *binder) mayDrop(schema string, o catalog.Object) {
	if sc := b.c.Catalog.Schema(schema); sc != nil && b.c.User != "" && b.c.Catalog.Owns(b.c.User, sc.Object()) || b.ownsTemporary(schema) {
		return
	}
	b.own(o)
}

// mayCreateIn asks for CREATE on the schema that something new goes to. A job that is
// planned anew was asked when it was made.
func (b *binder) mayCreateIn(schema string, pos int) {
	if b.ownsTemporary(schema) {
		b.mayCreateTemporary()
		return
	}
	sc := b.c.Catalog.Schema(schema)
	if sc == nil || b.c.User == "" || b.c.Job != "" {
		return
	}
	if o := sc.Object(); !b.c.Catalog.Has(b.c.User, o, catalog.CreateRight) {
		b.fail(o.Denied().At(pos))
	}
}

// mayCreateInDatabase asks for CREATE on the database.
func (b *binder) mayCreateInDatabase() {
	o := b.c.Catalog.DatabaseObject(b.c.Database)
	if b.c.User != "" && !b.c.Catalog.Has(b.c.User, o, catalog.CreateRight) {
		b.fail(o.Denied())
	}
}

// mayCreateTemporary asks for TEMPORARY on the database, whatever a role may create
// elsewhere.
func (b *binder) mayCreateTemporary() {
	o := b.c.Catalog.DatabaseObject(b.c.Database)
	if b.c.User != "" && !b.c.Catalog.Has(b.c.User, o, catalog.TemporaryRight) {
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to create temporary tables in database \"%s\"", b.c.Database))
	}
}

// mayCreateJob asks for CREATE on the schema in which the job's sinks would be made:
// jobs are in none themselves.
func (b *binder) mayCreateJob(pos int) {
	for _, s := range b.c.SearchPath {
		if s != "pg_catalog" && s != b.c.TempSchema && b.c.Catalog.Schema(s) != nil {
			b.mayCreateIn(s, pos)
			return
		}
	}
}

// mayUse asks for USAGE on a schema that is named.
func (b *binder) mayUse(schema string, loc int32) {
	sc := b.c.Catalog.Schema(schema)
	if sc == nil || b.c.User == "" || b.inView || b.ownsTemporary(schema) {
		return
	}
	if o := sc.Object(); !b.c.Catalog.Has(b.c.User, o, catalog.UsageRight) {
		b.fail(o.Denied().At(b.pos(loc)))
	}
}

// mayConnect asks for USAGE on a connector, of whoever declares a stream or a sink.
func (b *binder) mayConnect(connector string, pos int) {
	o := b.c.Catalog.ConnectorObject(connector)
	if b.c.User == "" || b.c.Job != "" || b.inView || b.c.Catalog.Has(b.c.User, o, catalog.UsageRight) {
		return
	}
	b.fail(o.Denied().WithHint("A superuser may allow it: GRANT USAGE ON CONNECTOR %s TO %s.",
		catalog.QuoteName(connector), catalog.QuoteName(b.c.User)).At(pos))
}

// mayBecome: whoever gives an object away must be able to take the new owner's role.
func (b *binder) mayBecome(role string) {
	if b.c.User != "" && !b.c.Catalog.MaySet(b.c.User, role) {
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "must be able to SET ROLE \"%s\"", role))
	}
}

// chown is OWNER TO of a relation. The new owner must be allowed to make one there.
func (b *binder) chown(r *catalog.Relation, spec *pg.RoleSpec) {
	to := b.roleName(spec)
	if to == r.Owner {
		return
	}
	b.mayBecome(to)
	b.ownerMayCreate(r.Schema, to)
	r.Chown(to)
}

// usablePath is a search path without the schemas that the role may not use.
func usablePath(c *Context) []string {
	if c.User == "" || c.Catalog == nil || c.Catalog.Superuser(c.User) {
		return c.SearchPath
	}
	return slices.DeleteFunc(slices.Clone(c.SearchPath), func(name string) bool {
		sc := c.Catalog.Schema(name)
		return sc != nil && name != c.TempSchema && !c.Catalog.Has(c.User, sc.Object(), catalog.UsageRight)
	})
}

// grantClasses are the objects of GRANT ... ON.
var grantClasses = map[pg.ObjectType]catalog.ObjectClass{
	pg.ObjectType_OBJECT_TABLE: catalog.RelationClass, pg.ObjectType_OBJECT_SEQUENCE: catalog.SequenceClass, pg.ObjectType_OBJECT_SCHEMA: catalog.SchemaClass,
	pg.ObjectType_OBJECT_FUNCTION: catalog.FunctionClass, pg.ObjectType_OBJECT_ROUTINE: catalog.FunctionClass, pg.ObjectType_OBJECT_PROCEDURE: catalog.FunctionClass,
	pg.ObjectType_OBJECT_DATABASE: catalog.DatabaseClass, pg.ObjectType_OBJECT_FDW: catalog.ConnectorClass,
}

// grant is GRANT and REVOKE of rights on objects.
func (b *binder) grant(x *pg.GrantStmt) *plan.Bound {
	class, ok := grantClasses[x.Objtype]
	if b.stmt.Word == "CONNECTOR" {
		class, ok = catalog.ConnectorClass, true
	}
	if !ok {
		b.unsupported(-1, "Privileges are kept on streams, sinks, tables, views, sequences, schemas, functions, connectors and the database.",
			"%s on %s is not supported", grantWord(x), objectWord(x.Objtype))
	}
	s := &plan.Grant{Revoke: !x.IsGrant}
	g := catalog.Grant{Class: class, All: len(x.Privileges) == 0, Options: x.GrantOption, Revoke: !x.IsGrant, Cascade: x.Behavior == pg.DropBehavior_DROP_CASCADE}
	if x.Grantor != nil && b.roleSpec(x.Grantor) != b.c.User {
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "grantor must be current user"))
	}
	objects := b.grantObjects(class, x)
	g.Grantees = b.grantees(x.Grantees)
	allowed := class.All()
	if class == catalog.RelationClass {
		allowed |= catalog.SequenceClass.All() // which tables may be named with
	}
	g.Rights = b.grantRights(class, x, allowed)
	for _, o := range objects {
		on := b.grantOn(g, o)
		on.Columns = b.grantColumns(x, o)
		s.Grants = append(s.Grants, on)
	}
	return done(s)
}

// grantees are the roles that a GRANT names, which are there; "": PUBLIC.
func (b *binder) grantees(list []*pg.Node) (names []string) {
	for _, n := range list {
		r := n.GetRoleSpec()
		if r.Roletype == pg.RoleSpecType_ROLESPEC_PUBLIC {
			names = append(names, "")
			continue
		}
		name := b.roleSpec(r)
		if b.c.Catalog.Role(name) == nil {
			b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "role \"%s\" does not exist", name))
		}
		names = append(names, name)
	}
	return names
}

// grantRights are those that a GRANT names for whole objects, of those allowed; 0: ALL,
// or none.
func (b *binder) grantRights(class catalog.ObjectClass, x *pg.GrantStmt, allowed catalog.Rights) catalog.Rights {
	word := map[catalog.ObjectClass]string{
		catalog.RelationClass: "relation", catalog.SequenceClass: "sequence", catalog.SchemaClass: "schema", catalog.FunctionClass: "function",
		catalog.DatabaseClass: "database", catalog.ConnectorClass: "foreign-data wrapper",
	}[class]
	var rights catalog.Rights
	for _, n := range x.Privileges {
		p := n.GetAccessPriv()
		if len(p.Cols) > 0 {
			if class != catalog.RelationClass {
				b.fail(sqlerr.Errorf(sqlerr.InvalidGrantOperation, "column privileges are only valid for relations"))
			}
			continue
		}
		right := catalog.RightNamed(p.PrivName)
		if right == 0 {
			b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "unrecognized privilege type \"%s\"", p.PrivName))
		}
		if right&^allowed != 0 {
			b.fail(sqlerr.Errorf(sqlerr.InvalidGrantOperation, "invalid privilege type %s for %s", rightWord(right), word))
		}
		rights |= right
	}
	return rights
}

// grantColumns are the rights that a GRANT names for columns of one of its relations.
func (b *binder) grantColumns(x *pg.GrantStmt, o catalog.Object) (all []catalog.ColumnRights) {
	for _, n := range x.Privileges {
		p := n.GetAccessPriv()
		if len(p.Cols) == 0 {
			continue
		}
		rights := catalog.ColumnClass.All()
		if p.PrivName != "" {
			if rights = catalog.RightNamed(p.PrivName); rights == 0 {
				b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "unrecognized privilege type \"%s\"", p.PrivName))
			}
			if rights&^catalog.ColumnClass.All() != 0 {
				b.fail(sqlerr.Errorf(sqlerr.InvalidGrantOperation, "invalid privilege type %s for column", rightWord(rights)))
			}
		}
		r := b.c.Catalog.RelationByOID(o.OID)
		if r.Kind == catalog.Sequence {
			b.unsupported(-1, "Grant SELECT on the sequence.", "privileges on columns of a sequence are not supported")
		}
		for _, name := range strs(p.Cols) {
			at := r.ColumnNamed(name)
			if at < 0 && slices.ContainsFunc(r.Hidden, func(c catalog.Column) bool { return c.Name == name }) {
				b.unsupported(-1, "Grant it on the whole relation.", "privileges on the pseudo-column \"%s\" are not supported", name)
			}
			if at < 0 {
				b.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, r.Name))
			}
			all = append(all, catalog.ColumnRights{Attr: r.Attribute(at), Rights: rights})
		}
	}
	return all
}

// rightWord is a right as PostgreSQL's errors name it.
func rightWord(r catalog.Rights) string {
	if r == catalog.TemporaryRight {
		return "TEMP"
	}
	return r.Names()[0]
}

// grantOn is a GRANT on one of its objects. One on tables may name sequences.
func (b *binder) grantOn(g catalog.Grant, o catalog.Object) catalog.Grant {
	relations := g.Class == catalog.RelationClass
	g.Class, g.OID, g.Name = o.Class, o.OID, o.Name
	if g.All {
		g.Rights = o.Class.All()
	}
	if o.Class == catalog.SequenceClass && relations && g.Rights&^o.Class.All() != 0 {
		b.warn(sqlerr.InvalidGrantOperation, "sequence \"%s\" only supports USAGE, SELECT, and UPDATE privileges", o.Name)
		g.Rights &= o.Class.All()
	}
	if bad := (g.Rights &^ o.Class.All()).Names(); len(bad) > 0 {
		b.fail(sqlerr.Errorf(sqlerr.InvalidGrantOperation, "invalid privilege type %s for table", bad[0]))
	}
	return g
}

func grantWord(x *pg.GrantStmt) string {
	if x.IsGrant {
		return "GRANT"
	}
	return "REVOKE"
}

// grantObjects are those that a GRANT names.
func (b *binder) grantObjects(class catalog.ObjectClass, x *pg.GrantStmt) (all []catalog.Object) {
	if x.Targtype == pg.GrantTargetType_ACL_TARGET_ALL_IN_SCHEMA {
		return b.grantedIn(class, strs(x.Objects))
	}
	for _, n := range x.Objects {
		name := n.GetString_().GetSval()
		switch class {
		case catalog.RelationClass, catalog.SequenceClass:
			all = append(all, b.grantable(n.GetRangeVar(), class))
		case catalog.SchemaClass:
			sc := b.c.Catalog.Schema(name)
			if sc == nil {
				b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", name))
			}
			b.refuseSystem(name)
			all = append(all, sc.Object())
		case catalog.DatabaseClass:
			if name != "ferris" && name != "postgres" && name != b.c.Database {
				b.fail(sqlerr.Errorf(sqlerr.InvalidCatalogName, "database \"%s\" does not exist", name))
			}
			all = append(all, b.c.Catalog.DatabaseObject(name))
		case catalog.ConnectorClass:
			if len(b.c.Connectors) > 0 && !slices.Contains(b.c.Connectors, name) {
				b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "foreign-data wrapper \"%s\" does not exist", name).
					WithHint("SELECT name FROM ferris.connectors lists them."))
			}
			all = append(all, b.c.Catalog.ConnectorObject(name))
		case catalog.FunctionClass:
			for _, f := range b.namedFunctions(n.GetObjectWithArgs()) {
				all = append(all, b.c.Catalog.FunctionObject(f))
			}
		}
	}
	return all
}

// grantedIn are the objects of a class in whole schemas.
func (b *binder) grantedIn(class catalog.ObjectClass, schemas []string) (all []catalog.Object) {
	for _, name := range schemas {
		if b.c.Catalog.Schema(name) == nil {
			b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", name))
		}
		b.mayUse(name, -1)
		b.refuseSystem(name)
		for _, r := range b.c.Catalog.SchemaRelations(name) {
			if o := r.Object(); o.Class == class {
				all = append(all, o)
			}
		}
	}
	return all
}

// refuseSystem: what comes with the server is not in the store, and neither are
// privileges on it.
func (b *binder) refuseSystem(schema string) {
	switch schema {
	case "pg_catalog", "information_schema", "ferris":
		b.unsupported(-1, "Everyone may read the catalogs, and they show to each role what is its to know.", "changing privileges on schema %s, or on what is in it, is not supported", schema)
	}
}

// grantable is a relation that GRANT names.
func (b *binder) grantable(v *pg.RangeVar, class catalog.ObjectClass) catalog.Object {
	if b.findRelation(v.Schemaname, v.Relname) == nil && b.indexNamed(v.Schemaname, v.Relname) != nil {
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is an index", v.Relname))
	}
	v.Location = -1
	r := b.maintained(v)
	switch {
	case class == catalog.SequenceClass && r.Kind != catalog.Sequence:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a sequence", r.Name))
	case b.stmt.Word != "":
		b.wrongKind(r)
	}
	b.refuseSystem(r.Schema)
	return r.Object()
}

// namedFunctions are those that a name means, with its arguments where they are
// given.
func (b *binder) namedFunctions(x *pg.ObjectWithArgs) []*catalog.Function {
	names := strs(x.Objname)
	name := names[len(names)-1]
	candidates := b.c.Catalog.Functions(name)
	if x.ArgsUnspecified {
		switch len(candidates) {
		case 0:
			b.fail(sqlerr.Errorf(sqlerr.UndefinedFunction, "could not find a function named \"%s\"", name))
		case 1:
			return candidates
		}
		b.fail(sqlerr.Errorf(sqlerr.AmbiguousFunction, "function name \"%s\" is not unique", name).
			WithHint("Specify the argument list to select the function unambiguously."))
	}
	signature := name + "("
	var args []string
	for i, n := range x.Objargs {
		t := b.typeName(n.GetTypeName())
		args = append(args, b.formatType(t.OID))
		if i > 0 {
			signature += ", "
		}
		signature += args[i]
		candidates = slices.DeleteFunc(slices.Clone(candidates), func(f *catalog.Function) bool { return i >= len(f.Args) || f.Args[i] != t.OID })
	}
	candidates = slices.DeleteFunc(slices.Clone(candidates), func(f *catalog.Function) bool { return len(f.Args) != len(x.Objargs) })
	if len(candidates) == 0 {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedFunction, "function %s) does not exist", signature))
	}
	return candidates[:1]
}
