package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// What LIKE ... INCLUDING names (TableLikeOption).
const (
	likeComments    = 1 << 0
	likeConstraints = 1 << 2
	likeDefaults    = 1 << 3
	likeGenerated   = 1 << 4
	likeIdentity    = 1 << 5
	likeIndexes     = 1 << 6
)

// like copies the columns of another relation, and what INCLUDING names.
func (t *tableDraft) like(x *pg.TableLikeClause) {
	from := t.relation(x.Relation)
	if from.Kind == catalog.Sequence {
		t.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "relation \"%s\" is invalid in LIKE clause", from.Name).
			WithDetail("%s", noSupport(from)).At(t.pos(x.Relation.Location)))
	}
	t.need(from, catalog.SelectRight)
	including := func(what uint32) bool { return x.Options&what != 0 }
	places := map[int]int{}
	for i, was := range from.Columns {
		c := catalog.Column{Name: was.Name, Type: was.Type, NotNull: was.NotNull, Collation: was.Collation}
		if including(likeComments) {
			c.Comment = was.Comment
		}
		if including(likeDefaults) && was.Identity == 0 {
			c.Default = was.Default
		}
		at := len(t.rel.Columns)
		places[i] = at
		t.rel.Columns = append(t.rel.Columns, c)
		t.checkColumnName(c.Name, at)
		if including(likeIdentity) && was.Identity != 0 {
			t.likeIdentity(from, i, at)
		}
	}
	if from.Table == nil {
		return
	}
	t.likeExpressions(from, places, including)
	if including(likeIndexes) {
		for _, y := range from.Table.Indexes {
			t.likeIndex(from, y, places, including(likeComments))
		}
	}
}

func (t *tableDraft) likeIdentity(from *catalog.Relation, i, at int) {
	for _, s := range t.c.Catalog.Relations() {
		if s.Sequence != nil && s.Sequence.OwnedBy == from.OID && s.Sequence.OwnedAttr == from.Attribute(i) && s.Sequence.Internal {
			info := *s.Sequence
			info.Storage = 0
			t.own(at, &info)
			t.rel.Columns[at].Identity = from.Columns[i].Identity
			return
		}
	}
}

// likeExpressions copies generated columns and checks, over the columns' names.
func (t *tableDraft) likeExpressions(from *catalog.Relation, places map[int]int, including func(uint32) bool) {
	if including(likeGenerated) {
		for i, c := range from.Columns {
			if c.Generated != "" {
				t.rel.Columns[places[i]].Generated = t.moved(c.Generated, from, places)
			}
		}
	}
	if including(likeConstraints) {
		for i, k := range from.Table.Checks {
			k.OID, k.Expr = 0, t.moved(k.Expr, from, places)
			k.Attrs = nil
			for _, attr := range from.Table.Checks[i].Attrs {
				k.Attrs = append(k.Attrs, t.rel.Attribute(places[from.ByAttribute(attr)]))
			}
			if !including(likeComments) {
				k.Comment = ""
			}
			t.rel.Table.Checks = append(t.rel.Table.Checks, k)
		}
	}
}

// moved is a stored expression of another table over this one's columns.
func (t *tableDraft) moved(text string, from *catalog.Relation, places map[int]int) string {
	names := make([]string, len(from.Columns))
	for i := range from.Columns {
		names[i] = t.rel.Columns[places[i]].Name
	}
	return t.renamedText(text, from, names)
}

// renamedText is a stored expression of r with other names for its columns.
func (b *binder) renamedText(text string, r *catalog.Relation, names []string) string {
	return b.storedText(b.kept(text, r), names, -1)
}

// kept binds an expression that the catalog keeps of a table, over its columns.
func (b *binder) kept(text string, r *catalog.Relation) plan.Expr {
	e, err := Expr(b.ctx, b.c, text, r.Columns, typeInvalid)
	b.check(err)
	return e
}

func (t *tableDraft) likeIndex(from *catalog.Relation, y *catalog.Index, places map[int]int, comments bool) {
	x := &catalog.Index{
		Unique: y.Unique, Primary: y.Primary, Constraint: y.Constraint, NullsNotDistinct: y.NullsNotDistinct, Options: slices.Clone(y.Options),
	}
	if comments {
		x.Comment, x.ConComment = y.Comment, y.ConComment
	}
	if x.Primary {
		if t.primary {
			t.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "multiple primary keys for table \"%s\" are not allowed", t.rel.Name))
		}
		t.primary = true
	}
	var parts []string
	for _, k := range y.Keys {
		if k.Column >= 0 {
			k.Column = places[k.Column]
			parts = append(parts, distinctPart(parts, t.rel.Columns[k.Column].Name))
			if k.Collation == "default" {
				k.Collation = "" // as PostgreSQL's LIKE has it
			}
		} else {
			k.Expr = t.moved(k.Expr, from, places)
			parts = append(parts, distinctPart(parts, exprPart(k.Expr)))
		}
		x.Keys = append(x.Keys, k)
	}
	for _, at := range y.Include {
		x.Include = append(x.Include, places[at])
	}
	if y.Where != "" {
		x.Where = t.moved(y.Where, from, places)
	}
	x.Name = t.indexName(x, parts)
	t.taken = append(t.taken, x.Name)
	t.rel.Table.Indexes = append(t.rel.Table.Indexes, x)
}
