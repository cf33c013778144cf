package bind

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/charset"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// copy is COPY (query) TO STDOUT and COPY stream TO STDOUT.
func (b *binder) copy(x *pg.CopyStmt) *plan.Bound {
	switch {
	case x.IsProgram:
		b.unsupported(-1, "Write COPY ... FROM STDIN or TO STDOUT and pipe it in the client, as \\copy does.", "COPY with PROGRAM is not supported")
	case x.IsFrom && x.Filename != "":
		b.unsupported(-1, "Write COPY ... FROM STDIN, as \\copy does.", "COPY FROM a file of the server is not supported")
	case x.IsFrom:
		return b.copyFrom(x)
	case x.Filename != "":
		b.unsupported(-1, "Write COPY ... TO STDOUT, or a file sink: SELECT ... INTO f WITH ('f.type' = 'file', 'f.path' = '...').", "COPY TO a file of the server is not supported")
	}
	c := &plan.Copy{Format: "text"}
	query := x.Query
	if x.Relation != nil {
		query = selectAll(x.Relation, b.copied(x.Relation, x.Attlist))
	}
	c.Query = b.inner(query, b.shared)
	switch c.Query.Statement.(type) {
	case *plan.Query:
	case *plan.Modification:
		if c.Query.Fields == nil {
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY query must have a RETURNING clause")
		}
	case *plan.Insert:
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY query must have a RETURNING clause")
	default:
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY (SELECT INTO) is not supported")
	}
	b.copyOptions(x, c)
	return done(c)
}

// copied are the columns that COPY TO of a relation names, of a table without a
// list those that are not generated.
func (b *binder) copied(x *pg.RangeVar, columns []*pg.Node) []*pg.Node {
	r := b.findRelation(x.Schemaname, x.Relname)
	if len(columns) > 0 && r != nil {
		b.checkCopied(r, columns)
	}
	if len(columns) > 0 || r == nil || r.Kind != catalog.Table || !slices.ContainsFunc(r.Columns, isGenerated) {
		return columns
	}
	for _, c := range r.Columns {
		if c.Generated == "" {
			columns = append(columns, &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: c.Name}}})
		}
	}
	return columns
}

// checkCopied refuses names that are no columns of a relation, and of a table what COPY
// FROM would not take either.
func (b *binder) checkCopied(r *catalog.Relation, columns []*pg.Node) {
	if r.Kind == catalog.Table {
		b.copyColumns(r, columns)
		return
	}
	all := r.AllColumns()
	for _, name := range strs(columns) {
		if !slices.ContainsFunc(all, func(c catalog.Column) bool { return c.Name == name }) {
			b.failf(sqlerr.UndefinedColumn, -1, "column \"%s\" of relation \"%s\" does not exist", name, r.Name)
		}
	}
}

// selectAll is the SELECT that COPY of a relation stands for.
func selectAll(r *pg.RangeVar, columns []*pg.Node) *pg.Node {
	r = unplaced(r)
	sel := &pg.SelectStmt{FromClause: []*pg.Node{{Node: &pg.Node_RangeVar{RangeVar: r}}}, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT}
	target := func(field *pg.Node, loc int32) {
		ref := &pg.ColumnRef{Fields: []*pg.Node{field}, Location: loc}
		val := &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: ref}}
		sel.TargetList = append(sel.TargetList, &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: val, Location: loc}}})
	}
	for _, c := range columns {
		target(c, -1)
	}
	if len(columns) == 0 {
		target(&pg.Node{Node: &pg.Node_AStar{AStar: &pg.A_Star{}}}, -1)
	}
	return &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: sel}}
}

// unplaced is a relation's name as COPY has it: an error about it has no position.
func unplaced(r *pg.RangeVar) *pg.RangeVar {
	return &pg.RangeVar{Catalogname: r.Catalogname, Schemaname: r.Schemaname, Relname: r.Relname, Inh: r.Inh, Relpersistence: r.Relpersistence, Location: -1}
}

// copyOptions reads the options, whose checks and their order are those of
// PostgreSQL's ProcessCopyOptions.
func (b *binder) copyOptions(x *pg.CopyStmt, c *plan.Copy) {
	t := &copyTexts{}
	inward := map[string]bool{} // options of COPY FROM alone
	var forceQuote *pg.DefElem
	for _, o := range x.Options {
		d := o.GetDefElem()
		v := constText(d.Arg)
		if b.copyOption(d, v, &c.Format, t) {
			continue
		}
		switch d.Defname {
		case "header":
			if strings.EqualFold(v, "match") {
				b.failf(sqlerr.FeatureNotSupported, -1, "cannot use \"match\" with HEADER in COPY TO")
			}
			c.Header = b.copyHeader(d)
		case "force_quote":
			b.copiedColumns(d, true)
			forceQuote = d
		case "freeze":
			b.optionOn(d) // it says nothing of rows that go out
		case "force_not_null", "force_null":
			b.copiedColumns(d, false)
			inward[d.Defname] = true
		case "default":
			inward[d.Defname] = true
		default:
			b.failf(sqlerr.SyntaxError, d.Location, "option \"%s\" not recognized", d.Defname)
		}
	}
	t.header, c.Encoding = c.Header, t.encoding
	t.check(b, c.Format)
	c.Delimiter, c.Null, c.Quote, c.Escape = t.of(c.Format)
	if forceQuote != nil {
		if c.Format != "csv" {
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY force quote available only in CSV mode")
		}
		defer b.forceQuote(x, c, forceQuote)
	}
	for _, key := range []string{"force_not_null", "force_null"} {
		name := strings.ReplaceAll(key, "_", " ")
		switch {
		case inward[key] && c.Format != "csv":
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY %s available only in CSV mode", name)
		case inward[key]:
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY %s only available using COPY FROM", name)
		}
	}
	if inward["default"] {
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY DEFAULT only available using COPY FROM")
	}
}

// copyOption reads an option that COPY has in both directions; false: it is
// another. An option may be given once.
func (b *binder) copyOption(d *pg.DefElem, v string, format *string, t *copyTexts) bool {
	if t.seen[d.Defname] {
		b.failf(sqlerr.SyntaxError, d.Location, "conflicting or redundant options")
	}
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	t.seen[d.Defname] = true
	switch d.Defname {
	case "format", "delimiter", "null", "default", "quote", "escape", "encoding":
		if d.Arg == nil {
			b.failf(sqlerr.SyntaxError, -1, "%s requires a parameter", d.Defname)
		}
	}
	switch d.Defname {
	case "format":
		if v != "text" && v != "csv" && v != "binary" {
			b.failf(sqlerr.InvalidParameterValue, d.Location, "COPY format \"%s\" not recognized", v)
		}
		*format = v
	case "delimiter":
		t.delimiter = &v
	case "null":
		t.null = &v
	case "quote":
		t.quote = &v
	case "escape":
		t.escape = &v
	case "encoding":
		t.encoding = b.copyEncoding(d, v)
	default:
		return false
	}
	return true
}

// copyEncoding is PostgreSQL's name of the encoding that a name stands for.
func (b *binder) copyEncoding(d *pg.DefElem, name string) string {
	c := charset.Find(name)
	switch {
	case c == nil:
		b.failf(sqlerr.InvalidParameterValue, d.Location, "argument to option \"%s\" must be a valid encoding name", d.Defname)
	case !c.Converts():
		b.unsupported(d.Location, "Leave it out: the rows are UTF8, from which and into which iconv makes other encodings.", "COPY with encoding \"%s\" is not supported", name)
	}
	return c.Name
}

// forceQuote finds the columns of FORCE_QUOTE.
func (b *binder) forceQuote(x *pg.CopyStmt, c *plan.Copy, d *pg.DefElem) {
	if d.Arg.GetAStar() != nil {
		c.ForceQuoteAll = true
		return
	}
	of := ""
	if x.Relation != nil {
		of = fmt.Sprintf(" of relation \"%s\"", x.Relation.Relname)
	}
	for _, name := range strs(d.Arg.GetList().GetItems()) {
		// Of columns of one name PostgreSQL takes the first.
		i := slices.IndexFunc(c.Query.Fields, func(f plan.Field) bool { return f.Name == name })
		switch {
		case i < 0:
			b.failf(sqlerr.UndefinedColumn, -1, "column \"%s\"%s does not exist", name, of)
		case slices.Contains(c.ForceQuote, i):
			b.failf(sqlerr.DuplicateColumn, -1, "column \"%s\" specified more than once", name)
		}
		c.ForceQuote = append(c.ForceQuote, i)
	}
}

// copiedColumns refuses an option's argument that is no list of columns, nor * where that
// may stand.
func (b *binder) copiedColumns(d *pg.DefElem, star bool) {
	if d.Arg.GetList() == nil && !(star && d.Arg.GetAStar() != nil) {
		b.failf(sqlerr.InvalidParameterValue, d.Location, "argument to option \"%s\" must be a list of column names", d.Defname)
	}
}

// copyHeader is HEADER but for MATCH.
func (b *binder) copyHeader(d *pg.DefElem) bool {
	switch strings.ToLower(constText(d.Arg)) {
	case "", "true", "on", "1":
		return true
	case "false", "off", "0":
		return false
	}
	b.failf(sqlerr.SyntaxError, -1, "%s requires a Boolean value or \"match\"", d.Defname)
	return false
}
