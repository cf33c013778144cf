package bind

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// A stream with a PRIMARY KEY is a table that its records change: the last record of a
// key is the row of that key, and a record without a value (a tombstone) takes it away.
// Read in a query, it is the first row of each key in the order of arrival, the last
// first. Joined FOR SYSTEM_TIME AS OF, each record is a version of its key. Where the
// records are changes (of Debezium, say), they tell by themselves which row is gone.

// streamKey is the PRIMARY KEY of a stream's declaration, among its columns.
type streamKey struct {
	names []string
	pos   int
}

// keyConstraint takes a PRIMARY KEY of a stream; column is "" where it stands for
// itself.
func (b *binder) keyConstraint(k *streamKey, c *pg.Constraint, column, stream string) {
	if k == nil {
		b.refuseConstraint(c)
	}
	if k.names != nil {
		b.failf(sqlerr.InvalidTableDefinition, c.Location, "multiple primary keys for stream \"%s\" are not allowed", stream)
	}
	k.names, k.pos = strs(c.Keys), b.pos(c.Location)
	if column != "" {
		k.names = []string{column}
	}
}

// setKey gives a stream its PRIMARY KEY.
func (b *binder) setKey(r *catalog.Relation, k streamKey) {
	for i, name := range k.names {
		at := slices.IndexFunc(r.Columns, func(c catalog.Column) bool { return c.Name == name })
		switch {
		case at < 0:
			b.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" named in key does not exist", name).At(k.pos))
		case slices.Contains(k.names[:i], name):
			b.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column \"%s\" appears twice in primary key constraint", name).At(k.pos))
		case !comparable(r.Columns[at].Type):
			b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "data type %s has no default operator class for access method \"btree\"", b.formatMod(r.Columns[at].Type)).At(k.pos))
		}
	}
	if k.names != nil && !hasHidden(r, "_offset") && (b.c.Changes == nil || !b.c.Changes(r)) {
		b.unsupportedAt(k.pos, "Leave it out, and read the latest row of each key: SELECT DISTINCT ON (key) ... ORDER BY key, a time DESC.",
			"PRIMARY KEY on a %s stream, whose rows are in no order, is not supported", r.Connector)
	}
	r.Key = k.names
}

func hasHidden(r *catalog.Relation, name string) bool {
	return slices.ContainsFunc(r.Hidden, func(c catalog.Column) bool { return c.Name == name })
}

// opHidden is what was done to a row, of streams whose records say it; 'd': it is gone,
// and its columns are what it was.
const opHidden = "_op"

func tellsOp(r *catalog.Relation) bool { return hasHidden(r, opHidden) }

// keyed is a stream with a PRIMARY KEY as a table.
func (b *binder) keyed(rel *catalog.Relation, loc int32) plan.Node {
	versions := b.versions(rel, loc)
	if b.shared.versions == nil {
		b.shared.versions = map[plan.Node]*keyedStream{}
	}
	b.shared.versions[versions.table] = versions
	return versions.table
}

// keyedStream is a stream with a PRIMARY KEY as a query reads it.
type keyedStream struct {
	table plan.Node // the rows of its keys
	rows  plan.Node // all of its records, and behind its columns whether it takes its key's row away
}

// versions makes both. They are queries over the stream, whose text is made here so
// that types, casts and generated columns mean what they mean in any other.
func (b *binder) versions(rel *catalog.Relation, loc int32) *keyedStream {
	const gone = `"its row is gone"`
	all := rel.AllColumns()
	var columns, names, keys []string
	for _, c := range all {
		name := catalog.QuoteName(c.Name)
		names = append(names, name)
		at := slices.Index(rel.Key, c.Name)
		if at == 0 && len(rel.Key) == 1 && hasHidden(rel, "_key") && !tellsOp(rel) && c.Generated == "" {
			// A tombstone has nothing but the record's key.
			name = fmt.Sprintf("COALESCE(%s, CAST(%s AS %s)) AS %[1]s", name, keyText(rel, c), b.formatMod(c.Type))
		}
		columns = append(columns, name)
	}
	takesAway := "false"
	switch {
	case tellsOp(rel):
		takesAway = opHidden + " = 'd'"
	case hasHidden(rel, "_key"):
		var nulls []string
		for _, c := range rel.Columns {
			if c.Generated == "" {
				nulls = append(nulls, catalog.QuoteName(c.Name)+" IS NULL")
			}
		}
		takesAway = strings.Join(nulls, " AND ")
	}
	for _, k := range rel.Key {
		keys = append(keys, catalog.QuoteName(k))
	}
	var order []string
	switch {
	case hasHidden(rel, "_file"):
		// Which number a file has hangs on who reads it, and when.
		order = append(order, `_file COLLATE "C" DESC`)
	case hasHidden(rel, "_partition"):
		order = append(order, "_partition DESC")
	}
	order = append(order, "_offset DESC")
	from := catalog.QuoteName(rel.Schema) + "." + catalog.QuoteName(rel.Name)
	records := fmt.Sprintf("SELECT %s, %s AS %s FROM %s", strings.Join(columns, ", "), takesAway, gone, from)
	list := strings.Join(keys, ", ")
	table := fmt.Sprintf("SELECT %s FROM (SELECT DISTINCT ON (%s) * FROM (%s) records ORDER BY %[2]s, %[4]s) latest WHERE NOT %[5]s",
		strings.Join(names, ", "), list, records, strings.Join(order, ", "), gone)
	return &keyedStream{table: b.expanded(rel, table, loc), rows: b.expanded(rel, records, loc)}
}

// keyText is the text of the record's key as the value of a column.
func keyText(rel *catalog.Relation, c catalog.Column) string {
	if f, ok := rel.Options.Get("key.format"); ok && strings.EqualFold(f, "bytes") && c.Type.OID != types.Bytea {
		return "convert_from(CAST(_key AS bytea), 'UTF8')"
	}
	return "_key"
}

// checkKeyWritten is what INSERT and COPY into a stream with a PRIMARY KEY hold to: its
// columns make the records' keys, so rows have no key beside them.
func (b *binder) checkKeyWritten(s *plan.Insert, loc int32) {
	r := s.Target
	if r.Key == nil {
		return
	}
	b.checkKeyStored(r, b.pos(loc))
	if !s.TakesAway() {
		return
	}
	for _, c := range s.Columns {
		if c < len(r.Columns) {
			b.fail(sqlerr.Errorf("428C9", "cannot insert a value into column \"_key\" beside \"%s\"", r.Columns[c].Name).
				WithDetail("The PRIMARY KEY of stream \"%s\" is the key of its records.", r.Name).
				WithHint("Leave _key out to write a row, or give nothing but _key to take the row of that key away.").At(b.pos(loc)))
		}
	}
}

// checkKeyStored refuses to write to a stream whose records do not hold its PRIMARY KEY.
func (b *binder) checkKeyStored(r *catalog.Relation, pos int) {
	for _, c := range r.Columns {
		if c.Generated != "" && slices.Contains(r.Key, c.Name) {
			b.unsupportedAt(pos, "Write to a stream over the same topic without a PRIMARY KEY, and give _key.",
				"writing to stream \"%s\", whose primary key \"%s\" is a generated column, is not supported", r.Name, c.Name)
		}
	}
}

// expanded binds a query over the records of a stream with a PRIMARY KEY.
func (b *binder) expanded(rel *catalog.Relation, text string, loc int32) plan.Node {
	stmt, err := parse.Query(text)
	if err != nil {
		b.fail(inView(sqlerr.From(err), rel.Schema+"."+rel.Name, b.pos(loc)))
	}
	in := &binder{ctx: b.ctx, c: b.c, stmt: stmt, src: stmt.Source, ascii: isASCII(text), shared: b.shared, live: b.live, late: b.late, records: rel}
	n := in.query(stmt.Node.GetSelectStmt(), nil, nil)
	fields, _ := relationColumns(rel)
	return named(n, fields)
}

// named gives the first columns of a node the fields given.
func named(n plan.Node, fields []plan.Field) plan.Node {
	p := &plan.Project{Input: n}
	for i, f := range n.Schema() {
		p.Exprs = append(p.Exprs, columnOfField(i, f))
		if i < len(fields) {
			f = fields[i]
		}
		p.Fields = append(p.Fields, f)
	}
	return p
}

// asVersions has the right side of a join, where it is a stream with a PRIMARY KEY,
// be its records: versions of their keys. cond is then also that the version is not
// that there is no row; nil: it is none.
func (b *binder) asVersions(n plan.Node, width int) (rows plan.Node, there plan.Expr) {
	k := b.shared.versions[n]
	if k == nil {
		return nil, nil
	}
	fields := k.rows.Schema()
	last := len(fields) - 1
	gone := &plan.Column{Index: width + last, Typ: types.Of(types.Bool), Name: fields[last].Name}
	return k.rows, &plan.Not{Arg: gone}
}
