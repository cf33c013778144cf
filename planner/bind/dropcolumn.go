package bind

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// dropColumn is DROP COLUMN: its constraints and indexes go with it, and its
// sequences; generated columns and views over it only with CASCADE.
func (a *alteration) dropColumn(name string, missingOK, cascade bool) {
	at := a.rel.ColumnNamed(name)
	if at < 0 && missingOK {
		a.notice("column \"%s\" of relation \"%s\" does not exist, skipping", name, a.rel.Name)
		return
	}
	if at < 0 && slices.Contains(systemColumns, name) {
		a.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot drop system column \"%s\"", name))
	}
	at = a.place(name)
	c := a.rel.Columns[at]
	table := "table " + a.shownName(a.rel)
	column := "column " + catalog.QuoteName(c.Name) + " of " + table
	var lines, went []string
	generated := a.generatedOver(at)
	for _, g := range generated {
		what := "column " + catalog.QuoteName(a.rel.Columns[g].Name) + " of " + table
		lines, went = append(lines, what+" depends on "+column), append(went, what)
	}
	views := a.viewsOf(a.stmt.Old, c.Attr)
	for _, v := range views {
		what := "view " + a.shownName(v)
		lines, went = append(lines, what+" depends on "+column), append(went, what)
	}
	direct := len(views)
	views, lines = a.viewsOver(views, lines)
	for _, v := range views[direct:] {
		went = append(went, "view "+a.shownName(v))
	}
	keys := a.referencing(func(k *catalog.ForeignKey) bool { return slices.Contains(k.Refs, c.Attr) })
	for _, k := range keys {
		what := a.constraintOf(k)
		lines, went = append(lines, what+" depends on "+column), append(went, what)
	}
	if len(lines) > 0 && !cascade {
		a.fail(sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop %s because other objects depend on it", column).
			WithDetail("%s", strings.Join(lines, "\n")).WithHint("Use DROP ... CASCADE to drop the dependent objects too."))
	}
	a.cascaded(went)
	a.stmt.Drops = append(a.stmt.Drops, views...)
	a.release(keys)
	for _, g := range slices.Backward(generated) {
		a.removeColumn(g)
	}
	a.removeColumn(a.rel.ColumnNamed(name))
}

// cascaded is the notice of what goes along.
func (b *binder) cascaded(went []string) {
	switch len(went) {
	case 0:
	case 1:
		b.notice("drop cascades to %s", went[0])
	default:
		b.notice("drop cascades to %d other objects", len(went))
		for i := range went {
			went[i] = "drop cascades to " + went[i]
		}
		last := b.shared.notices[len(b.shared.notices)-1]
		b.shared.notices[len(b.shared.notices)-1] = last.WithDetail("%s", strings.Join(went, "\n"))
	}
}

// shownName is a relation's name as the search path finds it.
func (b *binder) shownName(r *catalog.Relation) string {
	if found := b.findRelation("", r.Name); found != nil && found.OID == r.OID {
		return catalog.QuoteName(r.Name)
	}
	return catalog.QuoteName(r.Schema) + "." + catalog.QuoteName(r.Name)
}

// generatedOver are the generated columns that are computed from one.
func (a *alteration) generatedOver(at int) []int {
	var all []int
	for i, c := range a.rel.Columns {
		if c.Generated != "" && a.readsColumn(c.Generated, at) {
			all = append(all, i)
		}
	}
	return all
}

// removeColumn takes a column out of the table.
func (a *alteration) removeColumn(at int) {
	info := a.rel.Table
	info.Checks = slices.DeleteFunc(info.Checks, func(k catalog.Check) bool { return a.readsColumn(k.Expr, at) })
	info.Foreign = slices.DeleteFunc(info.Foreign, func(k catalog.ForeignKey) bool { return slices.Contains(k.Attrs, a.rel.Attribute(at)) })
	kept := info.Indexes[:0]
	for _, x := range info.Indexes {
		if !a.indexReads(x, at) {
			kept = append(kept, shifted(x, at))
		}
	}
	info.Indexes = kept
	c := a.rel.Columns[at]
	if info := types.Lookup(c.Type.OID); c.Attr != 0 && info != nil {
		a.rel.Table.Dropped = append(slices.Clone(a.rel.Table.Dropped), catalog.DroppedAttr{Attr: c.Attr, Phys: info.Phys})
	}
	for _, s := range a.sequencesOf(c.Attr) {
		a.stmt.Sequences = append(a.stmt.Sequences, plan.SequenceChange{Old: s})
	}
	a.rel.Columns = slices.Delete(a.rel.Columns, at, at+1)
	a.values = slices.Delete(a.values, at, at+1)
}

func (a *alteration) indexReads(x *catalog.Index, at int) bool {
	for _, k := range x.Keys {
		if k.Column == at || k.Column < 0 && a.readsColumn(k.Expr, at) {
			return true
		}
	}
	return slices.Contains(x.Include, at) || x.Where != "" && a.readsColumn(x.Where, at)
}

// shifted is an index of a table that has lost a column before some of its own.
func shifted(x *catalog.Index, at int) *catalog.Index {
	y := *x
	y.Keys, y.Include = slices.Clone(x.Keys), slices.Clone(x.Include)
	for i, k := range y.Keys {
		if k.Column > at {
			y.Keys[i].Column--
		}
	}
	for i, c := range y.Include {
		if c > at {
			y.Include[i]--
		}
	}
	return &y
}

// sequencesOf are the sequences that a column of the table owns.
func (a *alteration) sequencesOf(attr int16) []*catalog.Relation {
	var all []*catalog.Relation
	for _, s := range a.c.Catalog.Relations() {
		if s.Sequence != nil && s.Sequence.OwnedBy == a.rel.OID && s.Sequence.OwnedAttr == attr {
			all = append(all, s)
		}
	}
	return all
}

// dropConstraint is DROP CONSTRAINT.
func (a *alteration) dropConstraint(name string, missingOK, cascade bool) {
	info := a.rel.Table
	for i, k := range info.Foreign {
		if k.Name == name {
			info.Foreign = slices.Delete(info.Foreign, i, i+1)
			return
		}
	}
	for i, k := range info.Checks {
		if k.Name == name {
			info.Checks = slices.Delete(info.Checks, i, i+1)
			return
		}
	}
	for i, x := range info.Indexes {
		if x.Name == name && x.Constraint {
			a.releaseIndex(x, cascade)
			info.Indexes = slices.Delete(info.Indexes, i, i+1)
			return
		}
	}
	if missingOK {
		a.notice("constraint \"%s\" of relation \"%s\" does not exist, skipping", name, a.rel.Name)
		return
	}
	a.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "constraint \"%s\" of relation \"%s\" does not exist", name, a.rel.Name))
}

// validateConstraint is VALIDATE CONSTRAINT: only foreign keys can be NOT VALID.
func (a *alteration) validateConstraint(name string) {
	for i, k := range a.rel.Table.Foreign {
		if k.Name == name {
			if k.NotValid {
				a.stmt.Locks = append(a.stmt.Locks, a.c.Catalog.RelationByOID(k.Target))
			}
			a.rel.Table.Foreign[i].NotValid = false
			return
		}
	}
	if slices.ContainsFunc(a.rel.Table.Checks, func(k catalog.Check) bool { return k.Name == name }) {
		return
	}
	if x := a.rel.IndexNamed(name); x != nil && x.Constraint {
		a.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "constraint \"%s\" of relation \"%s\" is not a foreign key or check constraint", name, a.rel.Name))
	}
	a.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "constraint \"%s\" of relation \"%s\" does not exist", name, a.rel.Name))
}
