package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// scope is what names mean in one query. Its parent is the query around it,
// whose rows are one level further out.
type scope struct {
	parent *scope
	// items are the entries of FROM.
	items []*rangeItem
	// hidden are entries that exist but cannot be referred to from here (the
	// neighbours of a subquery in FROM); only errors name them.
	hidden []*rangeItem
	// unmarked: LATERAL would not show the hidden ones.
	unmarked bool
	ctes     map[string]*cte
	// aggs collects the aggregate calls of the query; nil where there can be none.
	aggs *aggregates
	// at is the place of the expression whose subquery is being bound: where an
	// aggregate in there that is this query's would stand.
	at exprKind
	// readsItself: FROM holds the recursive reference of the WITH query that this
	// is a part of.
	readsItself bool
	// itself is that reference, where it stands in this query's own FROM.
	itself *rangeItem
	// windows are the query's window calls; nil where there can be none.
	windows *windows
	// refs of this query's own rows, so that errors can say where they stand.
	refs map[plan.Expr]columnUse
	// noLateral: the items stand on the side of a RIGHT or FULL join that its
	// other side may not refer to.
	noLateral bool
	// within are the bounds of this query's joins, joins how many of them were
	// bound so far, in text order.
	within []parse.Within
	joins  int
	// chain is the WITHIN at the end of the joins that are being bound; nil: none.
	chain *parse.Within
	// asOf are the times that its joins see their right sides as of.
	asOf []parse.AsOf
	// locking are the query's locking clauses.
	locking []*pg.Node
}

// columnUse is one reference to a column in the text.
type columnUse struct {
	loc   int32
	name  string // qualified, as errors print it
	table types.OID
	attr  int16
	// record are the columns of a row value, as references from the same place.
	record []namedExpr
}

type namedExpr struct {
	name string
	e    plan.Expr
}

// rangeItem is one entry of FROM.
type rangeItem struct {
	name   string // its alias or the relation's name; "" for a join without one
	schema string // of a relation that has no alias
	rel    *catalog.Relation
	// reads is the relation of the entry that a statement changes, of which it needs
	// SELECT where it refers to its columns; nil: another entry.
	reads *catalog.Relation
	row   types.OID // the type of its rows, where it has a name; else 0
	cols  []itemCol
	// relVisible: name.column works. colsVisible: column alone does.
	relVisible, colsVisible bool
	join                    bool
	view                    *updatable // of a view that a statement changes
	query                   plan.Node  // of a subquery
	// function: a scalar function in FROM; its name alone is its column.
	function bool
	// present is true in the rows that the entry has a part in, where an outer
	// join may leave it out; nil: all, or nobody asks.
	present plan.Expr
}

// itemCol is a column of an entry. expr is over the row of the whole FROM.
type itemCol struct {
	name   string
	expr   plan.Expr
	hidden bool // a pseudo-column: not in *
	table  types.OID
	attr   int16
	need   *need     // to read it, of its entry; nil: nobody is asked
	record []itemCol // of a value that is a row: its columns
}

func (s *scope) note(c plan.Expr, use columnUse) {
	if s.refs == nil {
		s.refs = map[plan.Expr]columnUse{}
	}
	s.refs[c] = use
}

// columnRef resolves a, t.a, s.t.a, and t as a whole row.
func (b *binder) columnRef(x *pg.ColumnRef, s *scope) plan.Expr {
	last := x.Fields[len(x.Fields)-1]
	if last.GetAStar() != nil {
		return b.wholeRowStar(x, s)
	}
	names := strs(x.Fields)
	switch len(names) {
	case 1:
		if e := b.bareColumn(names[0], s, x.Location); e != nil {
			return e
		}
		if e := b.wholeRow(names[0], s, x.Location); e != nil {
			return e
		}
		if b.c.FileDialect && b.quotedAt(x.Location) {
			return plan.NewConst(types.NewString(types.Unknown, names[0]))
		}
		b.missingColumn("", names[0], s, x.Location)
	case 2, 3, 4:
		return b.qualifiedColumn(names, s, x.Location)
	}
	b.failf(sqlerr.SyntaxError, x.Location, "improper qualified name (too many dotted names): %s", strings.Join(names, "."))
	return nil
}

// quotedAt reports whether the name at a byte of the source is double-quoted.
func (b *binder) quotedAt(loc int32) bool {
	return loc >= 0 && int(loc) < len(b.src.Text) && b.src.Text[loc] == '"'
}

// bareColumn finds a column by its name alone, nil where there is none.
func (b *binder) bareColumn(name string, s *scope, loc int32) plan.Expr {
	for depth := 0; s != nil; s, depth = s.parent, depth+1 {
		var found *itemCol
		var in *rangeItem
		for _, item := range s.items {
			if !item.colsVisible {
				continue
			}
			c := b.columnOf(item, name, loc)
			if c == nil {
				continue
			}
			if found != nil {
				b.failf(sqlerr.AmbiguousColumn, loc, "column reference \"%s\" is ambiguous", name)
			}
			found, in = c, item
		}
		if found != nil {
			return b.refer(found, in, s, depth, loc)
		}
	}
	return nil
}

// columnOf finds a column of one entry; two of one name are ambiguous.
func (b *binder) columnOf(item *rangeItem, name string, loc int32) *itemCol {
	var found *itemCol
	for i := range item.cols {
		if item.cols[i].name != name {
			continue
		}
		if found != nil {
			b.failf(sqlerr.AmbiguousColumn, loc, "column reference \"%s\" is ambiguous", name)
		}
		found = &item.cols[i]
	}
	return found
}

// refer makes a reference to a column depth levels out.
func (b *binder) refer(c *itemCol, item *rangeItem, s *scope, depth int, loc int32) plan.Expr {
	qualified := c.name
	if item.name != "" {
		qualified = item.name + "." + c.name
	}
	if s.noLateral {
		b.fail(sqlerr.Errorf(sqlerr.InvalidColumnReference, "invalid reference to FROM-clause entry for table \"%s\"", item.name).
			WithDetail("The combining JOIN type must be INNER or LEFT for a LATERAL reference.").At(b.pos(loc)))
	}
	c.need.column(c.attr)
	b.needToRead(item, c.attr)
	use := columnUse{loc: loc, name: qualified, table: c.table, attr: c.attr}
	if b.reading != nil && c.table != 0 {
		b.reading.columns = append(b.reading.columns, use)
	}
	for i := range c.record {
		use.record = append(use.record, namedExpr{c.record[i].name, b.refer(&c.record[i], item, s, depth, loc)})
	}
	return plan.MapColumns(c.expr, func(col *plan.Column) plan.Expr {
		if depth > 0 {
			o := &plan.Outer{Depth: depth, Index: col.Index, Typ: col.Typ, Name: col.Name, Rel: item.name}
			s.note(o, use)
			return o
		}
		fresh := *col
		if fresh.Rel = item.name; len(s.items) < 2 {
			fresh.Rel = ""
		}
		s.note(&fresh, use)
		return &fresh
	})
}

// wholeRow is t alone, where t is an entry of FROM.
func (b *binder) wholeRow(name string, s *scope, loc int32) plan.Expr {
	for depth := 0; s != nil; s, depth = s.parent, depth+1 {
		for _, item := range s.items {
			if !item.relVisible || item.name != name {
				continue
			}
			if item.function && len(item.cols) == 1 {
				return b.refer(&item.cols[0], item, s, depth, loc)
			}
			return b.rowOf(item, s, depth, loc)
		}
	}
	return nil
}

// qualifiedColumn resolves t.a, s.t.a and d.s.t.a.
func (b *binder) qualifiedColumn(names []string, s *scope, loc int32) plan.Expr {
	if len(names) == 4 {
		if names[0] != b.c.Database {
			b.failf(sqlerr.FeatureNotSupported, loc, "cross-database references are not implemented: %s", strings.Join(names, "."))
		}
		names = names[1:]
	}
	schema, table, column := "", names[len(names)-2], names[len(names)-1]
	if len(names) == 3 {
		schema = names[0]
	}
	item, in, depth := b.findItem(schema, table, s, loc)
	if item == nil {
		b.missingItem(schema, table, s, loc)
	}
	if c := b.columnOf(item, column, loc); c != nil {
		return b.refer(c, item, in, depth, loc)
	}
	b.missingColumn(table, column, s, loc)
	return nil
}

// findItem finds an entry of FROM by its name.
func (b *binder) findItem(schema, name string, s *scope, loc int32) (*rangeItem, *scope, int) {
	for depth := 0; s != nil; s, depth = s.parent, depth+1 {
		var found *rangeItem
		for _, item := range s.items {
			if !item.relVisible || item.name != name || item.name == "" {
				continue
			}
			if schema != "" && item.schema != schema {
				continue
			}
			if found != nil {
				b.failf(sqlerr.AmbiguousAlias, loc, "table reference \"%s\" is ambiguous", name)
			}
			found = item
		}
		if found != nil {
			return found, s, depth
		}
	}
	return nil, nil, 0
}

// missingItem answers a qualifier that names no entry (errorMissingRTE).
func (b *binder) missingItem(schema, name string, s *scope, loc int32) {
	for o := s; o != nil; o = o.parent {
		for _, item := range append(append([]*rangeItem(nil), o.items...), o.hidden...) {
			if item.rel == nil || item.join || item.rel.Name != name || item.name == name && !isHidden(o, item) {
				continue
			}
			err := sqlerr.Errorf(sqlerr.UndefinedTable, "invalid reference to FROM-clause entry for table \"%s\"", name)
			if item.name != name && item.relVisible && !isHidden(o, item) {
				b.fail(err.WithHint("Perhaps you meant to reference the table alias \"%s\".", item.name).At(b.pos(loc)))
			}
		}
		for _, item := range o.hidden {
			if item.name != name {
				continue
			}
			err := sqlerr.Errorf(sqlerr.UndefinedTable, "invalid reference to FROM-clause entry for table \"%s\"", name).
				WithDetail("There is an entry for table \"%s\", but it cannot be referenced from this part of the query.", name)
			if !o.unmarked {
				err.WithHint("To reference that table, you must mark this subquery with LATERAL.")
			}
			b.fail(err.At(b.pos(loc)))
		}
		for _, item := range o.items {
			if item.name == name && !item.join && (!item.relVisible || schema != "" && b.findRelation(schema, name) == nil) {
				b.fail(sqlerr.Errorf(sqlerr.UndefinedTable, "invalid reference to FROM-clause entry for table \"%s\"", name).
					WithDetail("There is an entry for table \"%s\", but it cannot be referenced from this part of the query.", name).At(b.pos(loc)))
			}
		}
	}
	b.failf(sqlerr.UndefinedTable, loc, "missing FROM-clause entry for table \"%s\"", name)
}

func isHidden(s *scope, item *rangeItem) bool {
	for _, h := range s.hidden {
		if h == item {
			return true
		}
	}
	return false
}

// missingColumn answers a column that does not exist, with the near ones as a
// hint (errorMissingColumn).
func (b *binder) missingColumn(table, column string, s *scope, loc int32) {
	b.refuseVersions(table, column, s, loc)
	msg := "column \"" + column + "\" does not exist"
	if table != "" {
		msg = "column " + table + "." + column + " does not exist"
	}
	err := sqlerr.Errorf(sqlerr.UndefinedColumn, "%s", msg).At(b.pos(loc))
	if item, hidden := unreachable(table, column, s); item != nil {
		err.WithDetail("There is a column named \"%s\" in table \"%s\", but it cannot be referenced from this part of the query.", column, item.name)
		switch {
		case hidden:
			err.WithHint("To reference that column, you must mark this subquery with LATERAL.")
		case table == "" && item.relVisible:
			err.WithHint("To reference that column, you must use a table-qualified name.")
		}
		b.fail(err)
	}
	f := fuzzy{distance: maxFuzzy + 1}
	for o := s; o != nil; o = o.parent {
		for _, item := range append(append([]*rangeItem(nil), o.items...), o.hidden...) {
			if item.join {
				continue
			}
			penalty := 0
			if table != "" {
				penalty = levenshtein(table, item.name)
			}
			for _, c := range item.cols {
				f.consider(penalty, item.name, c.name, column)
			}
		}
	}
	switch len(f.matches) {
	case 1:
		err.WithHint("Perhaps you meant to reference the column \"%s\".", f.matches[0])
	case 2:
		err.WithHint("Perhaps you meant to reference the column \"%s\" or the column \"%s\".", f.matches[0], f.matches[1])
	default:
		err.WithHint("%s", parse.DialectColumn(column))
	}
	b.fail(err)
}

// unreachable finds an entry that has the column but cannot be referred to.
func unreachable(table, column string, s *scope) (item *rangeItem, hidden bool) {
	has := func(item *rangeItem) bool {
		if item.join || table != "" && item.name != table {
			return false
		}
		for _, c := range item.cols {
			if c.name == column {
				return true
			}
		}
		return false
	}
	for o := s; o != nil; o = o.parent {
		for _, item := range o.items {
			if has(item) {
				return item, false
			}
		}
		for _, item := range o.hidden {
			if has(item) {
				return item, !o.unmarked
			}
		}
	}
	return nil, false
}
