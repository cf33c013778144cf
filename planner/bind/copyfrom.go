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

// copyFrom is COPY t [(columns)] FROM STDIN: an INSERT of the rows that the client
// sends.
func (b *binder) copyFrom(x *pg.CopyStmt) *plan.Bound {
	rel := b.copyTarget(x.Relation)
	c := &plan.CopyFrom{Target: rel}
	c.Columns = b.copyColumns(rel, x.Attlist)
	b.needToWrite(rel, c.Columns)
	b.copyFromOptions(c, x.Options)
	all := rel.AllColumns()
	scan := &plan.CopyScan{}
	for _, i := range c.Columns {
		scan.Fields = append(scan.Fields, plan.Field{Name: all[i].Name, Type: all[i].Type})
	}
	var in plan.Node = scan
	if c.Options.Default != nil {
		in = b.copyDefaults(c, scan, all)
	}
	if rel.Kind == catalog.Table {
		c.Insert = b.copyInto(rel, c.Columns, in, x.WhereClause)
		return done(c)
	}
	if x.WhereClause != nil {
		s := &scope{items: []*rangeItem{{name: rel.Name, relVisible: true, colsVisible: true, cols: columnsOf(in.Schema())}}}
		in = &plan.Filter{Input: in, Cond: b.boolean(b.expr(x.WhereClause, s, exprCopyWhere), "WHERE", location(x.WhereClause))}
	}
	insert := &plan.Insert{Target: rel, Columns: slices.Clone(c.Columns), Input: in}
	b.checkKeyWritten(insert, x.Relation.Location)
	b.fillDefaults(insert, all, len(rel.Columns))
	c.Insert = insert
	return done(c)
}

func (b *binder) copyTarget(x *pg.RangeVar) *catalog.Relation {
	r := b.relation(unplaced(x))
	switch r.Kind {
	case catalog.View:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot copy to view \"%s\"", r.Name).
			WithHint("To enable copying to a view, provide an INSTEAD OF INSERT trigger."))
	case catalog.MatView:
		b.failf(sqlerr.WrongObjectType, -1, "cannot copy to materialized view \"%s\"", r.Name)
	case catalog.Sequence:
		b.failf(sqlerr.WrongObjectType, -1, "cannot copy to sequence \"%s\"", r.Name)
	}
	if r.Kind != catalog.Table {
		return b.insertTarget(x)
	}
	b.needToWrite(r, nil)
	b.depend(r.OID)
	return r
}

// copyColumns are the places of the columns that the client's fields go to.
func (b *binder) copyColumns(rel *catalog.Relation, names []*pg.Node) []int {
	var out []int
	if len(names) == 0 {
		for i, c := range rel.Columns {
			if c.Generated == "" {
				out = append(out, i)
			}
		}
		return out
	}
	all := rel.AllColumns()
	for _, name := range strs(names) {
		at := slices.IndexFunc(all, func(c catalog.Column) bool { return c.Name == name })
		if at < 0 || rel.Kind == catalog.Table && at >= len(rel.Columns) {
			b.failf(sqlerr.UndefinedColumn, -1, "column \"%s\" of relation \"%s\" does not exist", name, rel.Name)
		}
		if all[at].Generated != "" {
			b.fail(sqlerr.Errorf(sqlerr.InvalidColumnReference, "column \"%s\" is a generated column", name).
				WithDetail("Generated columns cannot be used in COPY."))
		}
		if slices.Contains(out, at) {
			b.failf(sqlerr.DuplicateColumn, -1, "column \"%s\" specified more than once", name)
		}
		out = append(out, at)
	}
	return out
}

// copyDefaults puts a column's default where its field is the DEFAULT marker,
// which the scan says of each in a column of its own.
func (b *binder) copyDefaults(c *plan.CopyFrom, scan *plan.CopyScan, all []catalog.Column) plan.Node {
	n := len(c.Columns)
	fields := scan.Fields
	out := &plan.Project{Input: scan, Fields: fields}
	for i, at := range c.Columns {
		e := plan.Expr(columnOfField(i, fields[i]))
		c.Options.HasDefault = append(c.Options.HasDefault, all[at].Default != "")
		if all[at].Default != "" {
			is := &plan.Column{Index: n + i, Typ: types.Of(types.Bool), Name: "default"}
			e = &plan.Case{Whens: []plan.When{{Cond: is, Then: b.defaultOf(all[at])}}, Else: e, Typ: fields[i].Type}
		}
		out.Exprs = append(out.Exprs, e)
	}
	for range fields {
		scan.Fields = append(scan.Fields, plan.Field{Name: "default", Type: types.Of(types.Bool)})
	}
	return out
}

// copyInto is the INSERT into a table of the rows of in.
func (b *binder) copyInto(rel *catalog.Relation, columns []int, in plan.Node, where *pg.Node) plan.Statement {
	row := nulls(rel)
	b.unset(rel, row, columns)
	for i, f := range in.Schema()[:len(columns)] {
		row[columns[i]] = columnOfField(i, f)
	}
	in = &plan.Project{Input: in, Exprs: row, Fields: tableFields(rel)}
	if where != nil {
		item := &rangeItem{name: rel.Name, rel: rel, schema: rel.Schema, relVisible: true, colsVisible: true, cols: columnsOf(in.Schema())}
		cond := b.boolean(b.expr(where, &scope{items: []*rangeItem{item}}, exprCopyWhere), "WHERE", location(where))
		in = &plan.Filter{Input: in, Cond: cond}
	}
	m := &plan.Modify{Op: plan.ModifyInsert, Target: rel, Alias: rel.Name, Input: in, Once: true, Rules: b.rowRules(rel), Foreign: b.foreign(rel)}
	m.Together = !readsTable(in)
	b.hideUnread(m)
	return &plan.Modification{Root: m, Word: "INSERT"}
}

// readsTable reports whether what COPY computes of its rows may look into the table,
// and so has to find those before: functions may that are volatile, but nextval.
func readsTable(in plan.Node) bool {
	found := false
	plan.WalkAll(in, func(n plan.Node) {
		plan.EachExpr(n, func(e plan.Expr) {
			found = found || plan.Any(e, func(e plan.Expr) bool {
				c, ok := e.(*plan.Call)
				return ok && c.Func.Volatility == 'v' && c.Func.Name != "nextval"
			})
		})
	})
	return found
}

// copyFromOptions reads the options of COPY FROM, whose checks are those of
// PostgreSQL's ProcessCopyOptions.
func (b *binder) copyFromOptions(c *plan.CopyFrom, opts []*pg.Node) {
	o := &c.Options
	o.Format = "text"
	t := &copyTexts{}
	all := c.Target.AllColumns()
	var forceNull, forceNotNull *pg.DefElem
	for _, n := range opts {
		d := n.GetDefElem()
		v := constText(d.Arg)
		if b.copyOption(d, v, &o.Format, t) {
			continue
		}
		switch d.Defname {
		case "freeze":
			b.optionOn(d) // rows are frozen from the start
		case "default":
			o.Default = &v
		case "header":
			if o.HeaderMatch = strings.EqualFold(v, "match"); !o.HeaderMatch {
				o.Header = b.copyHeader(d)
			}
		case "force_null":
			b.copiedColumns(d, false)
			forceNull = d
		case "force_not_null":
			b.copiedColumns(d, false)
			forceNotNull = d
		case "force_quote":
			b.copiedColumns(d, true)
			t.forceQuote = true
		default:
			b.failf(sqlerr.SyntaxError, d.Location, "option \"%s\" not recognized", d.Defname)
		}
	}
	t.header, o.Encoding = o.Header || o.HeaderMatch, t.encoding
	t.check(b, o.Format)
	o.Delimiter, o.Null, o.Quote, o.Escape = t.of(o.Format)
	switch {
	case t.forceQuote && o.Format != "csv":
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY force quote available only in CSV mode")
	case t.forceQuote:
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY force quote only available using COPY TO")
	case forceNotNull != nil && o.Format != "csv":
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY force not null available only in CSV mode")
	case forceNull != nil && o.Format != "csv":
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY force null available only in CSV mode")
	}
	if o.Default != nil {
		t.checkDefault(b, o)
	}
	o.ForceNotNull = b.forced(c, all, forceNotNull, "FORCE_NOT_NULL")
	o.ForceNull = b.forced(c, all, forceNull, "FORCE_NULL")
}

// forced are the fields of FORCE_NULL or FORCE_NOT_NULL.
func (b *binder) forced(c *plan.CopyFrom, all []catalog.Column, d *pg.DefElem, option string) []bool {
	if d == nil {
		return nil
	}
	out := make([]bool, len(c.Columns))
	for _, name := range strs(d.Arg.GetList().GetItems()) {
		at := slices.IndexFunc(all, func(c catalog.Column) bool { return c.Name == name })
		if at < 0 {
			b.failf(sqlerr.UndefinedColumn, -1, "column \"%s\" of relation \"%s\" does not exist", name, c.Target.Name)
		}
		i := slices.Index(c.Columns, at)
		switch {
		case i < 0:
			b.failf(sqlerr.InvalidColumnReference, -1, "%s column \"%s\" not referenced by COPY", option, name)
		case out[i]:
			b.failf(sqlerr.DuplicateColumn, -1, "column \"%s\" specified more than once", name)
		}
		out[i] = true
	}
	return out
}

// copyTexts are the options of COPY that are texts; nil: not given.
type copyTexts struct {
	seen                           map[string]bool // the options that were given
	quote, delimiter, null, escape *string
	header, forceQuote             bool
	encoding                       string // "": the client's
}

// of are the texts with their defaults.
func (t *copyTexts) of(format string) (delimiter, null, quote, escape string) {
	delimiter, null, quote, escape = "\t", `\N`, `"`, `"`
	if format == "csv" {
		delimiter, null = ",", ""
	}
	set := func(to, v *string) {
		if v != nil {
			*to = *v
		}
	}
	set(&delimiter, t.delimiter)
	set(&null, t.null)
	if t.quote != nil {
		quote, escape = *t.quote, *t.quote
	}
	set(&escape, t.escape)
	return delimiter, null, quote, escape
}

// check refuses texts that do not go together.
func (t *copyTexts) check(b *binder, format string) {
	csv := format == "csv"
	if format == "binary" {
		switch {
		case t.delimiter != nil:
			b.failf(sqlerr.SyntaxError, -1, "cannot specify %s in BINARY mode", "DELIMITER")
		case t.null != nil:
			b.failf(sqlerr.SyntaxError, -1, "cannot specify %s in BINARY mode", "NULL")
		case t.header:
			b.failf(sqlerr.FeatureNotSupported, -1, "cannot specify %s in BINARY mode", "HEADER")
		}
	}
	single := func(v *string, name string, csvOnly bool) {
		switch {
		case v == nil:
		case csvOnly && !csv:
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY %s available only in CSV mode", name)
		case len(*v) != 1:
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY %s must be a single one-byte character", name)
		}
	}
	single(t.delimiter, "delimiter", false)
	single(t.quote, "quote", true)
	single(t.escape, "escape", true)
	delimiter, null, quote, _ := t.of(format)
	switch {
	case delimiter == "\n" || delimiter == "\r":
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY delimiter cannot be newline or carriage return")
	case strings.ContainsAny(null, "\r\n"):
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY null representation cannot use newline or carriage return")
	case !csv && strings.Contains(`\.abcdefghijklmnopqrstuvwxyz0123456789`, delimiter):
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY delimiter cannot be \"%s\"", delimiter)
	case csv && delimiter == quote:
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY delimiter and quote must be different")
	case strings.Contains(null, delimiter):
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY delimiter must not appear in the NULL specification")
	case csv && strings.Contains(null, quote):
		b.failf(sqlerr.FeatureNotSupported, -1, "CSV quote character must not appear in the NULL specification")
	}
}

// checkDefault is what the text of DEFAULT may be.
func (t *copyTexts) checkDefault(b *binder, o *plan.CopyOptions) {
	d := *o.Default
	switch {
	case o.Format == "binary":
		b.failf(sqlerr.SyntaxError, -1, "cannot specify %s in BINARY mode", "DEFAULT")
	case strings.ContainsAny(d, "\r\n"):
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY default representation cannot use newline or carriage return")
	case strings.Contains(d, o.Delimiter):
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY delimiter must not appear in the DEFAULT specification")
	case o.Format == "csv" && strings.Contains(d, o.Quote):
		b.failf(sqlerr.FeatureNotSupported, -1, "CSV quote character must not appear in the DEFAULT specification")
	case d == o.Null:
		b.failf(sqlerr.FeatureNotSupported, -1, "NULL specification and DEFAULT specification cannot be the same")
	}
}
