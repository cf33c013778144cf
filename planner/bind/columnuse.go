package bind

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
)

// dependentViews are the views that read a relation, oldest first.
func (b *binder) dependentViews(of types.OID) []*catalog.Relation {
	var all []*catalog.Relation
	for _, r := range b.c.Catalog.Relations() {
		if r.Kind == catalog.View && slices.Contains(r.DependsOn, of) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y *catalog.Relation) int { return int(x.OID) - int(y.OID) })
	return all
}

// viewsOf are the views that read a column.
func (b *binder) viewsOf(r *catalog.Relation, attr int16) []*catalog.Relation {
	var all []*catalog.Relation
	for _, v := range b.dependentViews(r.OID) {
		read, _, _ := b.readingOf(v, b.c) // a view that no longer binds keeps nobody from anything
		if slices.ContainsFunc(read.columns, func(u columnUse) bool { return u.table == r.OID && u.attr == attr }) {
			all = append(all, v)
		}
	}
	return all
}

// viewsOver adds to views those that read them, and to lines what each depends on.
func (b *binder) viewsOver(views []*catalog.Relation, lines []string) ([]*catalog.Relation, []string) {
	for i := 0; i < len(views); i++ {
		for _, v := range b.dependentViews(views[i].OID) {
			if !slices.Contains(views, v) {
				views = append(views, v)
				lines = append(lines, "view "+b.shownName(v)+" depends on view "+b.shownName(views[i]))
			}
		}
	}
	return views, lines
}

// after is the context in which some relations are others.
func (b *binder) after(changed ...*catalog.Relation) *Context {
	c := *b.c
	c.Catalog = b.c.Catalog.With(changed...)
	return &c
}

// renameInView is a view whose text names a column anew where it reads it; nil:
// it does not.
func (b *binder) renameInView(v, old, to *catalog.Relation, at int) *catalog.Relation {
	read, before, ok := b.readingOf(v, b.c)
	if !ok {
		return nil
	}
	attr, from, name := old.Attribute(at), old.Columns[at].Name, catalog.QuoteName(to.Columns[at].Name)
	var all []parse.Replacement
	for _, u := range read.columns {
		if u.table != old.OID || u.attr != attr {
			continue
		}
		all = append(all, parse.Replacement{At: int(u.loc), Text: func(parts []string) string {
			last := len(parts) - 1
			if parts[last] != from {
				return ""
			}
			return dotted(parts[:last], name)
		}})
	}
	if len(all) == 0 {
		return nil
	}
	out := b.reworded(v, all, b.after(to), before)
	if out == nil {
		b.cannotFollow(v, old)
	}
	return out
}

// dotted is a name with its qualifiers.
func dotted(qualifiers []string, name string) string {
	var s strings.Builder
	for _, q := range qualifiers {
		s.WriteString(catalog.QuoteName(q) + ".")
	}
	return s.String() + name
}

// viewsFollowing are the views that read a relation with texts that name it anew,
// under an alias that is its old name; a moved view's own text names what it read
// in its old schema.
func (b *binder) viewsFollowing(old, to *catalog.Relation) []*catalog.Relation {
	var changed []*catalog.Relation
	for _, v := range b.dependentViews(old.OID) {
		read, before, ok := b.readingOf(v, b.c)
		if !ok {
			continue
		}
		var all []parse.Replacement
		for _, u := range read.relations {
			if u.rel.OID == old.OID {
				all = append(all, renaming(u, to))
			}
		}
		for _, u := range read.columns {
			if u.table == old.OID {
				all = append(all, parse.Replacement{At: int(u.loc), Text: unqualified})
			}
		}
		if len(all) == 0 {
			continue
		}
		out := b.reworded(v, all, b.after(to), before)
		if out == nil {
			b.cannotFollow(v, old)
		}
		changed = append(changed, out)
	}
	return changed
}

// renaming writes a relation's new name, and its old one as the alias by which
// columns go on to be named.
func renaming(u relationUse, to *catalog.Relation) parse.Replacement {
	return parse.Replacement{At: int(u.loc), Text: func([]string) string {
		name := catalog.QuoteName(to.Schema) + "." + catalog.QuoteName(to.Name)
		if !u.alias && to.Name != u.rel.Name {
			name += " " + catalog.QuoteName(u.rel.Name)
		}
		return name
	}}
}

// unqualified leaves a schema out of a column's name: an alias has none.
func unqualified(parts []string) string {
	if len(parts) < 3 {
		return ""
	}
	return dotted(parts[len(parts)-2:len(parts)-1], catalog.QuoteName(parts[len(parts)-1]))
}

func (b *binder) cannotFollow(v, old *catalog.Relation) {
	b.fail(sqlerr.Unsupported("Drop view "+v.Name+", rename, and create it again.",
		"renaming in \"%s\" what view \"%s\" reads in this way is not supported", old.Name, v.Name))
}
