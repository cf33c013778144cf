package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// tableSink is a table that a job's rows go to: the query's columns are, by their
// order, those named, and without names the table's first ones. The others get
// their defaults, as in INSERT.
func (b *binder) tableSink(root plan.Node, rel *catalog.Relation, names []parse.Name, pos int) *plan.TableSink {
	plan.WalkAll(root, func(n plan.Node) {
		s, ok := n.(*plan.Scan)
		if !ok || !b.isOf(s.Relation, rel) {
			return
		}
		if s.Relation.OID != rel.OID {
			b.unsupportedAt(pos, "Write to another table.", "a job that reads materialized view \"%s\", which follows table \"%s\", and writes to that is not supported", s.Relation.Name, rel.Name)
		}
		b.unsupportedAt(pos, "Write to another table.", "a job that reads table \"%s\" and writes to it is not supported", rel.Name)
	})
	if b.foreign(rel) != nil {
		b.unsupportedAt(pos, "Let the job write to a table without foreign keys, and check the keys where that is read.",
			"a job that writes to table \"%s\", which has or is referenced by foreign keys, is not supported", rel.Name)
	}
	t := &tableInsert{x: &pg.InsertStmt{}, rel: rel, columns: b.sinkColumns(rel, names)}
	t.parts = make([]*pg.ResTarget, len(t.columns))
	fields := root.Schema()
	switch {
	case len(fields) > len(t.columns):
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "\"%s\" has %d columns, but the query gives %d", rel.Name, len(t.columns), len(fields)).At(pos))
	case len(fields) < len(t.columns) && len(names) > 0:
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "INSERT has more target columns than expressions").At(names[len(fields)].Pos))
	}
	row := nulls(rel)
	b.unset(rel, row, t.columns[:len(fields)])
	for i, f := range fields {
		if b.checkGiven(t, i, func(int) bool { return true }, 1) {
			continue
		}
		row[t.columns[i]] = b.assignColumn(operand{columnOfField(i, f), -1}, rel.Columns[t.columns[i]], pos)
	}
	return &plan.TableSink{Row: row, Rules: b.rowRules(rel)}
}

// isOf reports whether a relation is a table, or a materialized view whose rows come
// of it.
func (b *binder) isOf(r, t *catalog.Relation) bool {
	return r != nil && (r.OID == t.OID || r.Kind == catalog.MatView &&
		slices.ContainsFunc(r.DependsOn, func(oid types.OID) bool { return b.isOf(b.c.Catalog.RelationByOID(oid), t) }))
}

// sinkColumns are the places of the columns named; all without names.
func (b *binder) sinkColumns(rel *catalog.Relation, names []parse.Name) []int {
	if len(names) == 0 {
		return upTo(len(rel.Columns))
	}
	var out []int
	for _, n := range names {
		at := rel.ColumnNamed(n.Name)
		switch {
		case at < 0:
			b.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", n.Name, rel.Name).At(n.Pos))
		case slices.Contains(out, at):
			b.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column \"%s\" specified more than once", n.Name).At(n.Pos))
		}
		out = append(out, at)
	}
	return out
}

// keySink finds the unique index of a table by which rows that a job takes back
// are found: it must hold all columns of a key of the query's rows.
func (b *binder) keySink(root plan.Node, rel *catalog.Relation, s *plan.TableSink, pos int) {
	to := places(s.Row)
	keys := plan.Derive(root).Keys
	for _, x := range rel.Table.Indexes {
		if !x.Unique || x.Where != "" || slices.ContainsFunc(x.Keys, func(k catalog.IndexKey) bool { return k.Column < 0 }) {
			continue
		}
		for _, key := range keys {
			if len(key) > 0 && !slices.ContainsFunc(key, func(c int) bool { return !holds(x, to, c) }) {
				s.Key = x
				return
			}
		}
	}
	unique := "no columns of the query's rows are unique"
	if named := keyNames(root, keys); named != "" {
		unique = "the query's rows are unique by " + named
	}
	err := sqlerr.Errorf(sqlerr.InvalidColumnReference, "the query's rows change, and table \"%s\" has no unique key to find them by", rel.Name).
		WithDetail("%s.", strings.ToUpper(unique[:1])+unique[1:]).At(pos)
	if len(keys) > 0 && len(keys[0]) > 0 {
		err = err.WithHint("Give the table a PRIMARY KEY or UNIQUE constraint on the columns that %s go to, without a cast.", keyNames(root, keys[:1]))
	} else if hasClosing(root) {
		err = err.WithHint("Select window_start or window_end too, and give the table a PRIMARY KEY or UNIQUE constraint on it and on the columns that the query groups by.")
	} else {
		err = err.WithHint("Group by the columns that are the table's key, or write to a materialized view, which needs none.")
	}
	b.fail(err)
}

// hasClosing reports whether a query groups by windows of time.
func hasClosing(root plan.Node) bool {
	found := false
	plan.WalkNode(root, func(n plan.Node) bool {
		a, ok := n.(*plan.AggregateNode)
		found = found || ok && a.Closing != nil
		return true
	})
	return found
}

// holds reports whether a column of the query is a key of the index as it is.
func holds(x *catalog.Index, to map[int]int, column int) bool {
	at, ok := to[column]
	return ok && slices.ContainsFunc(x.Keys, func(k catalog.IndexKey) bool { return k.Column == at })
}

// places says where each column of the query stands, as it is, in a table's row.
func places(row []plan.Expr) map[int]int {
	to := map[int]int{}
	for i, e := range row {
		if c, ok := e.(*plan.Column); ok {
			to[c.Index] = i
		}
	}
	return to
}

// keyNames lists keys as (a, b), (c).
func keyNames(root plan.Node, keys [][]int) string {
	fields := root.Schema()
	var all []string
	for _, key := range keys {
		var names []string
		for _, c := range key {
			names = append(names, fields[c].Name)
		}
		if len(names) > 0 {
			all = append(all, "("+strings.Join(names, ", ")+")")
		}
	}
	return strings.Join(all, ", ")
}
