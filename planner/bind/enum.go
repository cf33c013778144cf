package bind

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// createEnum is CREATE TYPE ... AS ENUM.
func (b *binder) createEnum(x *pg.CreateEnumStmt) *plan.Bound {
	names := strs(x.TypeName)
	name := parse.Name{Name: clipName(names[len(names)-1])}
	if len(names) > 1 {
		name.Schema = names[len(names)-2]
	}
	s := &plan.CreateEnum{Schema: b.createIn(name), Name: name.Name, Labels: strs(x.Vals)}
	b.mayCreateIn(s.Schema, 0)
	return done(s)
}

// namedType is a type that a statement about types names, which must exist.
func (b *binder) namedType(names []string) *types.Info {
	info := b.lookupType(names)
	if info == nil && len(names) > 1 && b.c.Catalog.Schema(b.tempSchema(names[len(names)-2])) == nil {
		b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", names[len(names)-2]))
	}
	if info == nil {
		b.fail(undefinedType(names, false))
	}
	return info
}

// alterable is an enum type that a statement changes.
func (b *binder) alterable(names []string) *catalog.Enum {
	oid := b.namedType(names).OID
	e := b.c.Catalog.EnumByOID(oid)
	if e == nil {
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "%s is not an enum", b.formatType(oid)))
	}
	b.ownEnum(e)
	return e
}

// ownEnum is own of an enum type, which messages name as the search path finds it.
func (b *binder) ownEnum(e *catalog.Enum) {
	if b.c.User != "" && !b.c.Catalog.Owns(b.c.User, e.Object()) {
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "must be owner of type %s", b.formatType(e.OID)))
	}
}

// alterEnum is ALTER TYPE ... ADD VALUE and RENAME VALUE.
func (b *binder) alterEnum(x *pg.AlterEnumStmt) *plan.Bound {
	old := b.alterable(strs(x.TypeName))
	if x.OldVal != "" {
		b.refuseRenamedLabel(old, x.OldVal)
		e, err := old.WithRenamed(x.OldVal, x.NewVal)
		b.check(err)
		return done(&plan.AlterEnum{Old: old, New: e})
	}
	if old.HasLabel(x.NewVal) {
		if !x.SkipIfNewValExists {
			b.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "enum label \"%s\" already exists", x.NewVal))
		}
		n := sqlerr.Errorf(sqlerr.DuplicateObject, "enum label \"%s\" already exists, skipping", x.NewVal)
		n.Severity = "NOTICE"
		b.shared.notices = append(b.shared.notices, n)
		return done(&plan.Nothing{Tag: "ALTER TYPE"})
	}
	e, err := old.WithLabel(x.NewVal, x.NewValNeighbor, x.NewValIsAfter)
	b.check(err)
	return done(&plan.AlterEnum{Old: old, New: e})
}

// refuseRenamedLabel: the texts of views and jobs say what labels were called
// when they were made.
func (b *binder) refuseRenamedLabel(e *catalog.Enum, label string) {
	quoted := "'" + strings.ReplaceAll(label, "'", "''") + "'"
	for what, text := range b.textsOver(e) {
		if strings.Contains(text, quoted) {
			b.fail(sqlerr.Unsupported("Drop it, rename the label, and create it again with the new one.", "renaming label %s, which %s names, is not supported", quoted, what))
		}
	}
}

// textsOver are the texts that may name an enum type or its labels, by what they
// are of: views and jobs over it, or over tables with columns of it.
func (b *binder) textsOver(e *catalog.Enum) map[string]string {
	on := []types.OID{e.OID}
	for _, r := range b.c.Catalog.TablesWith(e.OID) {
		on = append(on, r.OID)
	}
	uses := func(depends []types.OID) bool {
		return slices.ContainsFunc(depends, func(oid types.OID) bool { return slices.Contains(on, oid) })
	}
	all := map[string]string{}
	for grown := true; grown; { // views over views
		grown = false
		for _, r := range b.c.Catalog.Relations() {
			if uses(r.DependsOn) && !slices.Contains(on, r.OID) {
				on, grown = append(on, r.OID), true
				all["\""+r.Name+"\""] = r.Text + r.Query
			}
		}
	}
	for _, j := range b.c.Catalog.Jobs() {
		if uses(j.DependsOn) {
			all["job \""+j.Name+"\""] = j.Text
		}
	}
	return all
}

// renameType is ALTER TYPE ... RENAME TO and SET SCHEMA; "" leaves what it is.
func (b *binder) renameType(names []string, schema, name string) *plan.Bound {
	old := b.alterable(names)
	b.refuseRenamedType(old)
	e := *old
	taken := func() bool {
		return b.c.Catalog.EnumType(e.Schema, e.Name) != 0 || b.c.Catalog.RowType(e.Schema, e.Name) != 0
	}
	if name != "" {
		if e.Name = clipName(name); taken() {
			b.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "type \"%s\" already exists", e.Name))
		}
	}
	if schema != "" {
		e.Schema = b.createIn(parse.Name{Schema: schema, Name: e.Name})
		switch {
		case catalog.Temporary(old.Schema) || catalog.Temporary(e.Schema):
			b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot move objects into or out of temporary schemas"))
		case e.Schema == old.Schema:
			return done(&plan.Nothing{Tag: "ALTER TYPE"})
		case taken():
			b.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "type \"%s\" already exists in schema \"%s\"", e.Name, e.Schema))
		}
	}
	return done(&plan.AlterEnum{Old: old, New: &e})
}

// refuseRenamedType: the texts of views and jobs name types as they were called.
func (b *binder) refuseRenamedType(e *catalog.Enum) {
	refuse := func(what string) {
		b.fail(sqlerr.Unsupported("Drop it, rename the type, and create it again.", "renaming type \"%s\", which %s names, is not supported", e.Name, what))
	}
	for _, r := range b.c.Catalog.Relations() {
		if r.Kind == catalog.View && slices.Contains(r.DependsOn, e.OID) {
			refuse("view \"" + r.Name + "\"")
		}
	}
	for _, j := range b.c.Catalog.Jobs() {
		if slices.Contains(j.DependsOn, e.OID) {
			refuse("job \"" + j.Name + "\"")
		}
	}
}

// dropType is DROP TYPE. With CASCADE the columns of a type go with it.
func (b *binder) dropType(x *pg.DropStmt, cascade bool) *plan.Bound {
	s := &plan.DropType{Cascade: cascade}
	for _, n := range x.Objects {
		names := strs(n.GetTypeName().Names)
		if x.MissingOk && b.lookupType(names) == nil {
			b.notice("type \"%s\" does not exist, skipping", strings.Join(names, "."))
			continue
		}
		s.Types = append(s.Types, b.droppable(b.namedType(names).OID))
	}
	for _, e := range s.Types {
		b.mayDrop(e.Schema, e.Object())
		b.refuseNamed(e)
	}
	if notices := len(b.shared.notices); cascade {
		s.Alters = b.columnsGone(s.Types)
		b.shared.notices = b.shared.notices[:notices] // what goes along is told when it does
	}
	return done(s)
}

// droppable is the enum type that a type is: others go with what they are of.
func (b *binder) droppable(oid types.OID) *catalog.Enum {
	requires := func(what string) {
		b.fail(sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop type %s because %s requires it", b.formatType(oid), what).
			WithHint("You can drop %s instead.", what))
	}
	if e := b.c.Catalog.EnumByOID(oid); e != nil {
		return e
	}
	if elem := types.EnumOf(oid); elem != 0 {
		requires("type " + b.formatType(elem))
	}
	if r := b.c.Catalog.RelationByOID(types.RowRelation(oid)); r != nil {
		if oid != types.RowType(r.OID) {
			requires("type " + b.formatType(types.RowType(r.OID)))
		}
		requires("table " + b.shownName(r))
	}
	b.fail(sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop type %s because it is required by the database system", b.formatType(oid)))
	return nil
}

// refuseNamed: a default, a constraint or an index names the type in a table that
// has no column of it.
func (b *binder) refuseNamed(e *catalog.Enum) {
	mark := enumMark(e.OID)
	with := b.c.Catalog.TablesWith(e.OID)
	for _, r := range b.c.Catalog.Relations() {
		if r.Table == nil || slices.Contains(with, r) {
			continue
		}
		for _, text := range tableTexts(r) {
			if strings.Contains(text, mark) {
				b.fail(sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop type %s because other objects depend on it", b.formatType(e.OID)).
					WithDetail("table %s depends on type %s", b.shownName(r), b.formatType(e.OID)).
					WithHint("Drop the default, constraint or index that names the type first."))
			}
		}
	}
}

// tableTexts are the expressions that are kept for a table.
func tableTexts(r *catalog.Relation) []string {
	var all []string
	for _, c := range r.Columns {
		all = append(all, c.Default, c.Generated)
	}
	for _, k := range r.Table.Checks {
		all = append(all, k.Expr)
	}
	for _, x := range r.Table.Indexes {
		for _, k := range x.Keys {
			all = append(all, k.Expr)
		}
		all = append(all, x.Where)
	}
	return all
}

// columnsGone are the tables that lose their columns of types that go.
func (b *binder) columnsGone(gone []*catalog.Enum) []*plan.AlterTable {
	var all []*plan.AlterTable
	for _, e := range gone {
		for _, r := range b.c.Catalog.TablesWith(e.OID) {
			if !slices.ContainsFunc(all, func(a *plan.AlterTable) bool { return a.Old == r }) {
				all = append(all, b.withoutTypes(r, gone))
			}
		}
	}
	return all
}

func (b *binder) withoutTypes(r *catalog.Relation, gone []*catalog.Enum) *plan.AlterTable {
	a := &alteration{tableDraft: b.altered(r)}
	a.stmt = &plan.AlterTable{Old: r, Relation: a.rel, Tag: "DROP TYPE"}
	for i, c := range r.Columns {
		a.values = append(a.values, columnOfType(i, c))
	}
	for _, c := range r.Columns {
		if a.rel.ColumnNamed(c.Name) >= 0 && slices.ContainsFunc(gone, func(e *catalog.Enum) bool { return e.OID == types.EnumOf(c.Type.OID) }) {
			a.dropColumn(c.Name, false, true)
		}
	}
	return a.stmt
}

// enumMark is how a stored expression names an enum type: by its OID, in a schema
// where nobody makes types. Its values stand there as numbers.
func enumMark(oid types.OID) string {
	return `pg_catalog."` + catalog.EnumMark + strconv.FormatUint(uint64(oid), 10) + `"`
}

// markedEnum is the type that a stored expression names so; nil: another name.
func markedEnum(names []string) *types.Info {
	if len(names) != 2 || names[0] != "pg_catalog" {
		return nil
	}
	digits, ok := strings.CutPrefix(names[1], catalog.EnumMark)
	if !ok {
		return nil
	}
	oid, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || !types.IsEnum(types.OID(oid)) {
		return nil
	}
	return types.Lookup(types.OID(oid))
}

// storedEnum is a constant of an enum type, or of arrays of it, in a stored
// expression; nil: what is cast is no such constant.
func (b *binder) storedEnum(x *pg.TypeCast) plan.Expr {
	c := x.Arg.GetAConst()
	if markedEnum(strs(x.TypeName.Names)) == nil || c == nil || c.GetSval() == nil {
		return nil
	}
	v, err := types.Parse(b.typeName(x.TypeName), c.GetSval().Sval, nil)
	b.check(err)
	return plan.NewConst(v)
}
