package bind

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
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
	for _, o := range x.Options {
		d := o.GetDefElem()
		v := constText(d.Arg)
		if b.copyOption(d, v, &c.Format, t) {
			continue
		}
		switch d.Defname {
		case "header":
			if strings.EqualFold(v, "match") {
				b.failf(sqlerr.FeatureNotSupported, -1, "cannot use \"%s\" with HEADER in COPY TO", v)
			}
			c.Header = b.optionOn(d)
		case "force_quote":
			b.forceQuote(x, c, d)
		case "freeze":
			b.optionOn(d) // it says nothing of rows that go out
		case "force_not_null", "force_null", "default":
			inward[d.Defname] = true
		default:
			b.failf(sqlerr.SyntaxError, d.Location, "option \"%s\" not recognized", d.Defname)
		}
	}
	t.header = c.Header
	t.check(b, c.Format)
	c.Delimiter, c.Null, c.Quote, c.Escape = t.of(c.Format)
	if len(c.ForceQuote) > 0 || c.ForceQuoteAll {
		if c.Format != "csv" {
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY force quote available only in CSV mode")
		}
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
		if n := strings.ToUpper(strings.ReplaceAll(v, "-", "")); n != "UTF8" && n != "UNICODE" {
			if slices.Contains(encodings, n) {
				b.unsupported(d.Location, "Leave it out: the rows are UTF8, from which and into which iconv makes other encodings.", "COPY with encoding \"%s\" is not supported", v)
			}
			b.failf(sqlerr.InvalidParameterValue, d.Location, "argument to option \"%s\" must be a valid encoding name", d.Defname)
		}
	default:
		return false
	}
	return true
}

// encodings are PostgreSQL's others than UTF8, by their names and ISO's, in upper case
// and without hyphens.
var encodings = strings.Fields(`SQL_ASCII SQLASCII
	EUC_JP EUCJP EUC_CN EUCCN EUC_KR EUCKR EUC_TW EUCTW EUC_JIS_2004 EUCJIS2004 MULE_INTERNAL MULEINTERNAL
	LATIN1 LATIN2 LATIN3 LATIN4 LATIN5 LATIN6 LATIN7 LATIN8 LATIN9 LATIN10
	ISO_8859_5 ISO_8859_6 ISO_8859_7 ISO_8859_8 ISO88591 ISO88592 ISO88593 ISO88594 ISO88595 ISO88596 ISO88597 ISO88598
	ISO88599 ISO885910 ISO885913 ISO885914 ISO885915 ISO885916
	WIN1250 WIN1251 WIN1252 WIN1253 WIN1254 WIN1255 WIN1256 WIN1257 WIN1258 WIN866 WIN874
	WINDOWS1250 WINDOWS1251 WINDOWS1252 WINDOWS1253 WINDOWS1254 WINDOWS1255 WINDOWS1256 WINDOWS1257 WINDOWS1258 WINDOWS866 WINDOWS874
	KOI8R KOI8U KOI8 SJIS SHIFT_JIS SHIFTJIS SHIFT_JIS_2004 SHIFTJIS2004 BIG5 GBK GB18030 UHC JOHAB`)

// forceQuote finds the columns of FORCE_QUOTE.
func (b *binder) forceQuote(x *pg.CopyStmt, c *plan.Copy, d *pg.DefElem) {
	if d.Arg.GetAStar() != nil {
		c.ForceQuoteAll = true
		return
	}
	for _, name := range strs(d.Arg.GetList().GetItems()) {
		found := false
		for i, f := range c.Query.Fields {
			if f.Name == name {
				c.ForceQuote = append(c.ForceQuote, i)
				found = true
			}
		}
		if !found {
			of := ""
			if x.Relation != nil {
				of = fmt.Sprintf(" of relation \"%s\"", x.Relation.Relname)
			}
			b.failf(sqlerr.UndefinedColumn, -1, "column \"%s\"%s does not exist", name, of)
		}
	}
}
