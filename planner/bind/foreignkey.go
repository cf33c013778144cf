package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// foreignKey binds FOREIGN KEY and REFERENCES, and adds the constraint to the
// table; the table that it references is returned.
func (t *tableDraft) foreignKey(c pendingConstraint) *catalog.Relation {
	target := t.referencedTable(c.Pktable)
	k := catalog.ForeignKey{Name: clipName(c.Conname), Full: c.FkMatchtype == "f",
		OnUpdate: referential(c.FkUpdAction), OnDelete: referential(c.FkDelAction), NotValid: c.SkipValidation}
	if target.OID != t.rel.OID || t.rel.OID != 0 {
		k.Target = target.OID
	}
	columns := t.foreignColumns(t.rel, strs(c.FkAttrs))
	if c.column >= 0 {
		columns = []int{c.column}
	}
	if len(columns) > maxIndexColumns {
		t.fail(sqlerr.Errorf(sqlerr.TooManyColumns, "cannot have more than %d keys in a foreign key", maxIndexColumns))
	}
	refs := t.referencedColumns(c, target)
	for _, at := range refs {
		k.Refs = append(k.Refs, target.Attribute(at))
		if target != t.rel {
			t.needColumns(target, catalog.ReferencesRight).column(target.Attribute(at))
		}
	}
	index := t.referencedIndex(target, refs)
	k.Index = index.OID
	if len(refs) != len(columns) {
		t.fail(sqlerr.Errorf(sqlerr.InvalidForeignKey, "number of referencing and referenced columns for foreign key disagree"))
	}
	var names []string
	for _, at := range columns {
		k.Attrs = append(k.Attrs, t.rel.Attribute(at))
		names = append(names, t.rel.Columns[at].Name)
	}
	t.foreignActions(&k, columns)
	k.Sets = t.setColumnsOf(c, columns)
	taken := func(name string) bool { return t.constraintNamed(name) }
	switch {
	case k.Name == "":
		k.Name = catalog.ChooseName(t.rel.Name, strings.Join(names, "_"), "fkey", taken)
	case taken(k.Name):
		t.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", k.Name, t.rel.Name))
	}
	for i, at := range columns {
		t.comparableKeys(k.Name, t.rel.Columns[at], target.Columns[refs[i]])
	}
	t.rel.Table.Foreign = append(t.rel.Table.Foreign, k)
	return target
}

// constraintNamed reports whether the table has a constraint of a name.
func (t *tableDraft) constraintNamed(name string) bool {
	x := t.rel.IndexNamed(name)
	return x != nil && x.Constraint ||
		slices.ContainsFunc(t.rel.Table.Checks, func(k catalog.Check) bool { return k.Name == name }) ||
		slices.ContainsFunc(t.rel.Table.Foreign, func(k catalog.ForeignKey) bool { return k.Name == name })
}

func referential(action string) catalog.ReferentialAction {
	if action == "" {
		return catalog.NoAction
	}
	return catalog.ReferentialAction(action[0])
}

// referencedTable is the table after REFERENCES: it may be the one in the making.
func (t *tableDraft) referencedTable(v *pg.RangeVar) *catalog.Relation {
	r := t.findRelation(v.Schemaname, v.Relname)
	switch schema := t.tempSchema(v.Schemaname); {
	case r != nil && r.OID == t.rel.OID,
		t.rel.OID == 0 && v.Relname == t.rel.Name && (schema == "" || schema == t.rel.Schema):
		return t.rel
	}
	switch {
	case r == nil:
		t.maintained(v) // says that it does not exist
	case r.Kind == catalog.Virtual:
		t.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", r.Name))
	case r.Kind != catalog.Table:
		t.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "referenced relation \"%s\" is not a table", r.Name))
	case catalog.Temporary(t.rel.Schema) && !catalog.Temporary(r.Schema):
		t.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "constraints on temporary tables may reference only temporary tables"))
	case !catalog.Temporary(t.rel.Schema) && (catalog.Temporary(r.Schema) || r.Table.Unlogged && !t.rel.Table.Unlogged):
		if t.rel.Table.Unlogged {
			t.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "constraints on unlogged tables may reference only permanent or unlogged tables"))
		}
		t.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "constraints on permanent tables may reference only permanent tables"))
	}
	t.needColumns(r, catalog.ReferencesRight)
	return r
}

// foreignColumns are the places of columns that a foreign key names.
func (t *tableDraft) foreignColumns(r *catalog.Relation, names []string) []int {
	var all []int
	for _, name := range names {
		at := r.ColumnNamed(name)
		if at < 0 {
			if slices.Contains(systemColumns, name) {
				t.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "system columns cannot be used in foreign keys"))
			}
			t.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" referenced in foreign key constraint does not exist", name))
		}
		all = append(all, at)
	}
	return all
}

// referencedColumns are the columns that are referenced: those of the primary key
// where none are named.
func (t *tableDraft) referencedColumns(c pendingConstraint, target *catalog.Relation) []int {
	if len(c.PkAttrs) > 0 {
		return t.foreignColumns(target, strs(c.PkAttrs))
	}
	key := target.PrimaryKey()
	if key == nil {
		t.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "there is no primary key for referenced table \"%s\"", target.Name))
	}
	var all []int
	for _, k := range key.Keys {
		all = append(all, k.Column)
	}
	return all
}

// referencedIndex is the unique index over the columns that are referenced.
func (t *tableDraft) referencedIndex(target *catalog.Relation, refs []int) *catalog.Index {
	for i, at := range refs {
		if slices.Contains(refs[:i], at) {
			t.fail(sqlerr.Errorf(sqlerr.InvalidForeignKey, "foreign key referenced-columns list must not contain duplicates"))
		}
	}
	var attrs []int16
	for _, at := range refs {
		attrs = append(attrs, target.Attribute(at))
	}
	x := target.KeyOver(attrs)
	if x == nil {
		t.fail(sqlerr.Errorf(sqlerr.InvalidForeignKey, "there is no unique constraint matching given keys for referenced table \"%s\"", target.Name))
	}
	return x
}

// foreignActions refuses actions that would change what makes its own values.
func (t *tableDraft) foreignActions(k *catalog.ForeignKey, columns []int) {
	for _, at := range columns {
		if t.rel.Columns[at].Generated == "" {
			continue
		}
		if !k.OnUpdate.Checks() {
			t.fail(sqlerr.Errorf(sqlerr.SyntaxError, "invalid ON UPDATE action for foreign key constraint containing generated column"))
		}
		if k.OnDelete == catalog.SetNull || k.OnDelete == catalog.SetDefault {
			t.fail(sqlerr.Errorf(sqlerr.SyntaxError, "invalid ON DELETE action for foreign key constraint containing generated column"))
		}
	}
}

// setColumnsOf are the columns of ON DELETE SET NULL (a, b).
func (t *tableDraft) setColumnsOf(c pendingConstraint, columns []int) []int16 {
	var all []int16
	for _, at := range t.foreignColumns(t.rel, strs(c.FkDelSetCols)) {
		if !slices.Contains(columns, at) {
			t.fail(sqlerr.Errorf(sqlerr.InvalidColumnReference, "column \"%s\" referenced in ON DELETE SET action must be part of foreign key", t.rel.Columns[at].Name))
		}
		if a := t.rel.Attribute(at); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

// comparableKeys refuses columns whose values cannot be looked up as each other's.
func (t *tableDraft) comparableKeys(name string, from, to catalog.Column) {
	if keyTypes(from.Type.OID, to.Type.OID) {
		return
	}
	if t.equality(from.Type, to.Type) {
		t.unsupported(-1, "Declare both columns of one type.", "a foreign key from column \"%s\" of type %s to column \"%s\" of type %s is not supported",
			from.Name, t.formatType(from.Type.OID), to.Name, t.formatType(to.Type.OID))
	}
	t.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "foreign key constraint \"%s\" cannot be implemented", name).
		WithDetail("Key columns \"%s\" and \"%s\" are of incompatible types: %s and %s.", from.Name, to.Name, t.formatType(from.Type.OID), t.formatType(to.Type.OID)))
}

// equality reports whether = takes the two types.
func (b *binder) equality(x, y types.Type) (ok bool) {
	var failed error
	func() {
		defer catch(&failed)
		b.operator([]string{"="}, operand{plan.NewConst(types.NullOf(y)), -1}, operand{plan.NewConst(types.NullOf(x)), -1}, -1)
	}()
	return failed == nil
}

// keyTypes reports whether values of one type are values of the other, or no key.
func keyTypes(x, y types.OID) bool {
	whole := []types.OID{types.Int2, types.Int4, types.Int8}
	text := []types.OID{types.Text, types.Varchar}
	return x == y || slices.Contains(whole, x) && slices.Contains(whole, y) || slices.Contains(text, x) && slices.Contains(text, y)
}

// addForeign is ADD FOREIGN KEY to a table that is there.
func (a *alteration) addForeign(c pendingConstraint) {
	target := a.foreignKey(c)
	a.refuseWriters(a.rel)
	if target.OID != a.rel.OID {
		a.refuseWriters(target)
		a.stmt.Locks = append(a.stmt.Locks, target)
	}
}

// refuseWriters refuses a foreign key of or to a table that a job writes.
func (b *binder) refuseWriters(r *catalog.Relation) {
	for _, j := range b.c.Catalog.Jobs() {
		if slices.Contains(j.Sinks, r.Schema+"."+r.Name) {
			b.unsupported(-1, "Let the job write to a table of its own, and check the keys where that is read.",
				"a foreign key of table \"%s\", which job \"%s\" writes to, is not supported", r.Name, j.Name)
		}
	}
}

// referencing are the foreign keys of other tables to this one that meet a
// condition.
func (a *alteration) referencing(meets func(*catalog.ForeignKey) bool) []catalog.Reference {
	return slices.DeleteFunc(a.c.Catalog.References(a.rel.OID), func(k catalog.Reference) bool {
		return k.Relation.OID == a.rel.OID || !meets(k.Key)
	})
}

func (b *binder) constraintOf(k catalog.Reference) string {
	return "constraint " + catalog.QuoteName(k.Key.Name) + " on table " + b.shownName(k.Relation)
}

// release takes foreign keys of other tables along with what they reference.
func (a *alteration) release(keys []catalog.Reference) {
	for _, k := range keys {
		old := k.Relation
		at := slices.IndexFunc(a.stmt.Views, func(r *catalog.Relation) bool { return r.OID == old.OID })
		if at < 0 {
			a.stmt.Locks = append(a.stmt.Locks, old)
			a.stmt.Views = append(a.stmt.Views, catalog.WithoutForeign(old, k.Key.OID))
			continue
		}
		a.stmt.Views[at] = catalog.WithoutForeign(a.stmt.Views[at], k.Key.OID)
	}
}

// releaseIndex does DROP CONSTRAINT's part for the foreign keys that reference a
// key: they go only with CASCADE.
func (a *alteration) releaseIndex(x *catalog.Index, cascade bool) {
	keys := a.referencing(func(k *catalog.ForeignKey) bool { return k.Index == x.OID })
	own := slices.DeleteFunc(slices.Clone(a.rel.Table.Foreign), func(k catalog.ForeignKey) bool { return k.Index != x.OID })
	for i := range own {
		keys = append(keys, catalog.Reference{Relation: a.rel, Key: &own[i]})
	}
	if len(keys) == 0 {
		return
	}
	var lines, went []string
	for _, k := range keys {
		lines, went = append(lines, a.constraintOf(k)+" depends on index "+catalog.QuoteName(x.Name)), append(went, a.constraintOf(k))
	}
	if !cascade {
		a.fail(sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop constraint %s on table %s because other objects depend on it", catalog.QuoteName(x.Name), a.shownName(a.rel)).
			WithDetail("%s", strings.Join(lines, "\n")).WithHint("Use DROP ... CASCADE to drop the dependent objects too."))
	}
	a.cascaded(went)
	a.release(keys[:len(keys)-len(own)])
	a.rel.Table.Foreign = slices.DeleteFunc(a.rel.Table.Foreign, func(k catalog.ForeignKey) bool { return k.Index == x.OID })
}

// refuseKeyed refuses to change the type of a column that a foreign key is about.
func (a *alteration) refuseKeyed(at int) {
	attr := a.rel.Attribute(at)
	refuse := func(r *catalog.Relation, k *catalog.ForeignKey) {
		a.unsupported(-1, "Drop constraint "+k.Name+", alter the columns, and add it again.",
			"changing the type of column \"%s\", which foreign key \"%s\" of table \"%s\" is about, is not supported", a.rel.Columns[at].Name, k.Name, r.Name)
	}
	for i, k := range a.rel.Table.Foreign {
		if slices.Contains(k.Attrs, attr) {
			refuse(a.rel, &a.rel.Table.Foreign[i])
		}
	}
	for _, k := range a.c.Catalog.References(a.rel.OID) {
		if slices.Contains(k.Key.Refs, attr) {
			refuse(k.Relation, k.Key)
		}
	}
}
