package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// need is a right that a statement's role must have, or, inside a view, that of the
// view's owner. A nil need is of what nobody is asked for.
type need struct {
	user   string
	object catalog.Object
	rights catalog.Rights
	some   bool // one of them is enough
	// relation: the right may be had on columns alone, as in PostgreSQL: on each that is
	// named, or, where none is, on any. nil: on the whole object only.
	relation *catalog.Relation
	attrs    map[int16]bool // of those named; below 1: a pseudo-column
	within   []*need        // what they have named is named here, too
}

// column names a column of the relation by its attribute number.
func (n *need) column(attr int16) {
	if n == nil {
		return
	}
	if n.attrs == nil {
		n.attrs = map[int16]bool{}
	}
	n.attrs[attr] = true
}

// had reports whether the role has what it needs.
func (n *need) had(s *catalog.Snapshot) bool {
	have, _ := s.Rights(n.user, n.object)
	switch {
	case have&n.rights == n.rights, n.some && have&n.rights != 0:
		return true
	case n.relation == nil:
		return false
	}
	named := false
	for _, x := range append([]*need{n}, n.within...) {
		for attr := range x.attrs {
			named = true
			if s.ColumnRights(n.user, n.relation, n.relation.ByAttribute(attr))&n.rights == 0 {
				return false
			}
		}
	}
	return named || s.SomeColumn(n.user, n.relation)&n.rights != 0
}

// need asks for rights on the whole of a relation.
func (b *binder) need(r *catalog.Relation, rights catalog.Rights) {
	b.needObject(need{user: b.c.User, object: r.Object(), rights: rights})
}

// needColumns asks for a right on a relation, or on those of its columns that are named
// to what is returned.
func (b *binder) needColumns(r *catalog.Relation, right catalog.Rights) *need {
	if r.Kind == catalog.Virtual && r.ACL == nil && right == catalog.SelectRight {
		return nil
	}
	return b.needObject(need{user: b.c.User, object: r.Object(), rights: right, relation: r})
}

// needObject is a need of the statement's, the one that it has already where it is alike.
func (b *binder) needObject(n need) *need {
	if b.c.User == "" || b.inline[n.object.Name] != nil && n.object.OID == 0 {
		return nil
	}
	at := slices.IndexFunc(b.shared.needs, func(m *need) bool {
		return m.user == n.user && m.object.Class == n.object.Class && m.object.OID == n.object.OID && m.rights == n.rights && m.some == n.some &&
			(m.relation == nil) == (n.relation == nil)
	})
	if at >= 0 {
		return b.shared.needs[at]
	}
	b.shared.needs = append(b.shared.needs, &n)
	return &n
}

// needsOf are the needs of what bound binds, which the statement does not get.
func (b *binder) needsOf(bound func()) []*need {
	before := b.shared.needs
	b.shared.needs = nil
	bound()
	needs := b.shared.needs
	b.shared.needs = before
	return needs
}

// needAll gives the statement needs that were taken aside.
func (b *binder) needAll(needs []*need) {
	for _, n := range needs {
		own := *n
		own.attrs, own.within = nil, nil // which others add to
		have := b.needObject(own)
		if have != nil && !slices.Contains(have.within, n) {
			have.within = append(append(have.within, n), n.within...)
		}
	}
}

// needThrough asks for a right on columns of a view that a statement changes a table
// through, and, of the view's owner, on what is below it: to read, on what the view
// reads, and else on the columns that the view's are.
func (b *binder) needThrough(u *updatable, right catalog.Rights, attrs ...int16) {
	n := b.needColumns(u.view, right)
	for _, attr := range attrs {
		n.column(attr)
	}
	inner := b.insideView(u)
	var below []int16
	if right != catalog.SelectRight {
		below = u.below(attrs)
	}
	if u.over != nil {
		inner.needThrough(u.over, right, below...)
		n = inner.needColumns(u.over.view, right)
	} else {
		n = inner.needColumns(u.table, right)
	}
	for _, attr := range below {
		n.column(attr)
	}
	if n != nil && right == catalog.SelectRight && !slices.Contains(n.within, &u.reads) {
		n.within = append(n.within, &u.reads)
	}
}

// below are the columns of what a view reads that columns of it are.
func (u *updatable) below(attrs []int16) (all []int16) {
	for _, attr := range attrs {
		at := u.view.ByAttribute(attr)
		if at < 0 || at >= len(u.places) || u.places[at] < 0 {
			continue
		}
		if u.over == nil {
			all = append(all, u.table.Attribute(u.places[at]))
		} else if i := slices.Index(u.over.places, u.places[at]); i >= 0 {
			all = append(all, u.over.view.Attribute(i))
		}
	}
	return all
}

// needOfTarget asks for a right on columns of what a statement changes.
func (b *binder) needOfTarget(target *rangeItem, right catalog.Rights, attrs ...int16) {
	if target.view != nil {
		b.needThrough(target.view, right, attrs...)
		return
	}
	n := b.needColumns(target.reads, right)
	for _, attr := range attrs {
		n.column(attr)
	}
}

// needToWrite asks for INSERT on columns of what is no view, by their places in
// AllColumns.
func (b *binder) needToWrite(r *catalog.Relation, places []int) {
	n := b.needColumns(r, catalog.InsertRight)
	for _, attr := range placedAttrs(r, places) {
		n.column(attr)
	}
}

// needToRead asks for SELECT on a column where a statement that changes an entry's
// relation reads it.
func (b *binder) needToRead(item *rangeItem, attr int16) {
	if item.reads != nil {
		b.needOfTarget(item, catalog.SelectRight, attr)
	}
}

// hideUnread has the errors of a statement's rows show none but the columns that its
// role may read, or that the statement itself writes (ExecBuildSlotValueDescription).
func (b *binder) hideUnread(m *plan.Modify) {
	r := m.Target
	if b.c.User == "" || b.c.Catalog.Has(b.c.User, r.Object(), catalog.SelectRight) {
		return
	}
	m.Rules.Shown = make([]bool, len(r.Columns))
	for at := range r.Columns {
		m.Rules.Shown[at] = b.c.Catalog.ColumnRights(b.c.User, r, at)&catalog.SelectRight != 0
	}
	for _, n := range b.shared.needs {
		if n.relation == r && n.rights&(catalog.InsertRight|catalog.UpdateRight) != 0 {
			for attr := range n.attrs {
				if at := r.ByAttribute(attr); at >= 0 {
					m.Rules.Shown[at] = true
				}
			}
		}
	}
}

// targetAttrs are the columns that a list of targets names. What is no column is for
// others to say.
func targetAttrs(r *catalog.Relation, list []*pg.Node) (attrs []int16) {
	for _, n := range list {
		if at := r.ColumnNamed(n.GetResTarget().GetName()); at >= 0 {
			attrs = append(attrs, r.Attribute(at))
		}
	}
	return attrs
}

// placedAttrs are columns of a relation by their places in AllColumns.
func placedAttrs(r *catalog.Relation, places []int) (attrs []int16) {
	for _, at := range places {
		if at < len(r.Columns) {
			attrs = append(attrs, r.Attribute(at))
		} else {
			attrs = append(attrs, 0)
		}
	}
	return attrs
}

// insertedAttrs are the columns that an INSERT gives values for: those that it names, or
// the first ones.
func insertedAttrs(r *catalog.Relation, x *pg.InsertStmt, values int) []int16 {
	if len(x.Cols) > 0 {
		return targetAttrs(r, x.Cols)
	}
	return placedAttrs(r, upTo(min(values, len(r.Columns))))
}
