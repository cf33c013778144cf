package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// copy is COPY (query) TO STDOUT and COPY stream TO STDOUT.
func (b *binder) copy(x *pg.CopyStmt) *plan.Bound {
	switch {
	case x.IsFrom:
		b.unsupported(-1, "Write INSERT INTO the stream VALUES ..., or produce to the topic the stream reads.", "COPY FROM is not supported")
	case x.IsProgram:
		b.unsupported(-1, "Write COPY ... TO STDOUT and pipe it in the client, as \\copy does.", "COPY TO PROGRAM is not supported")
	case x.Filename != "":
		b.unsupported(-1, "Write COPY ... TO STDOUT, or a file sink: SELECT ... INTO f WITH ('f.type' = 'file', 'f.path' = '...').", "COPY TO a file of the server is not supported")
	}
	c := &plan.Copy{Format: "text"}
	query := x.Query
	if x.Relation != nil {
		query = selectAll(x.Relation, x.Attlist)
	}
	if query.GetSelectStmt() == nil {
		b.unsupported(-1, "Copy a SELECT.", "COPY of a statement that changes data is not supported")
	}
	c.Query = b.inner(query, b.shared)
	if _, ok := c.Query.Statement.(*plan.Query); !ok {
		b.failf(sqlerr.FeatureNotSupported, -1, "COPY (SELECT INTO) is not supported")
	}
	b.copyOptions(c, x.Options)
	return done(c)
}

// selectAll is the SELECT that COPY of a relation stands for.
func selectAll(r *pg.RangeVar, columns []*pg.Node) *pg.Node {
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

// copyOptions reads the options, whose checks and their order are those of
// PostgreSQL's ProcessCopyOptions.
func (b *binder) copyOptions(c *plan.Copy, opts []*pg.Node) {
	seen := map[string]bool{}
	var quote, delimiter, null, escape *string
	for _, o := range opts {
		d := o.GetDefElem()
		if seen[d.Defname] {
			b.failf(sqlerr.SyntaxError, d.Location, "conflicting or redundant options")
		}
		seen[d.Defname] = true
		v := constText(d.Arg)
		switch d.Defname {
		case "format":
			switch v {
			case "text", "csv", "binary":
				c.Format = v
			default:
				b.failf(sqlerr.InvalidParameterValue, d.Location, "COPY format \"%s\" not recognized", v)
			}
		case "delimiter":
			delimiter = &v
		case "null":
			null = &v
		case "header":
			if strings.EqualFold(v, "match") {
				b.failf(sqlerr.InvalidParameterValue, d.Location, "cannot use \"%s\" with HEADER in COPY TO", v)
			}
			c.Header = b.optionOn(d)
		case "quote":
			quote = &v
		case "escape":
			escape = &v
		case "force_quote":
			b.forceQuote(c, d)
		case "encoding":
			if n := strings.ToUpper(strings.ReplaceAll(v, "-", "")); n != "UTF8" && n != "UNICODE" {
				b.failf(sqlerr.InvalidParameterValue, d.Location, "argument to option \"%s\" must be a valid encoding name", d.Defname)
			}
		case "freeze", "force_not_null", "force_null", "default":
			b.failf(sqlerr.FeatureNotSupported, d.Location, "COPY %s cannot be used with COPY TO", strings.ToUpper(d.Defname))
		default:
			b.failf(sqlerr.SyntaxError, d.Location, "option \"%s\" not recognized", d.Defname)
		}
	}
	b.copyDefaults(c, delimiter, null, quote, escape)
	if len(c.ForceQuote) > 0 || c.ForceQuoteAll {
		if c.Format != "csv" {
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY force quote available only in CSV mode")
		}
	}
}

func (b *binder) copyDefaults(c *plan.Copy, delimiter, null, quote, escape *string) {
	csv := c.Format == "csv"
	if c.Format == "binary" {
		switch {
		case delimiter != nil:
			b.failf(sqlerr.SyntaxError, -1, "cannot specify %s in BINARY mode", "DELIMITER")
		case null != nil:
			b.failf(sqlerr.SyntaxError, -1, "cannot specify %s in BINARY mode", "NULL")
		case c.Header:
			b.failf(sqlerr.FeatureNotSupported, -1, "cannot specify %s in BINARY mode", "HEADER")
		}
	}
	c.Delimiter, c.Null, c.Quote, c.Escape = "\t", `\N`, `"`, `"`
	if csv {
		c.Delimiter, c.Null = ",", ""
	}
	one := func(to *string, v *string, name string, csvOnly bool) {
		if v == nil {
			return
		}
		if csvOnly && !csv {
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY %s available only in CSV mode", name)
		}
		if len(*v) != 1 {
			b.failf(sqlerr.FeatureNotSupported, -1, "COPY %s must be a single one-byte character", name)
		}
		*to = *v
	}
	one(&c.Delimiter, delimiter, "delimiter", false)
	one(&c.Quote, quote, "quote", true)
	if quote != nil {
		c.Escape = c.Quote
	}
	one(&c.Escape, escape, "escape", true)
	if null != nil {
		c.Null = *null
	}
	switch {
	case c.Delimiter == "\n" || c.Delimiter == "\r":
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY delimiter cannot be newline or carriage return")
	case strings.ContainsAny(c.Null, "\r\n"):
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY null representation cannot use newline or carriage return")
	case !csv && strings.Contains(`\.abcdefghijklmnopqrstuvwxyz0123456789`, c.Delimiter):
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY delimiter cannot be \"%s\"", c.Delimiter)
	case csv && c.Delimiter == c.Quote:
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY delimiter and quote must be different")
	case strings.Contains(c.Null, c.Delimiter):
		b.failf(sqlerr.InvalidParameterValue, -1, "COPY delimiter character must not appear in the NULL specification")
	case csv && strings.Contains(c.Null, c.Quote):
		b.failf(sqlerr.InvalidParameterValue, -1, "CSV quote character must not appear in the NULL specification")
	}
}

// forceQuote finds the columns of FORCE_QUOTE.
func (b *binder) forceQuote(c *plan.Copy, d *pg.DefElem) {
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
			b.failf(sqlerr.UndefinedColumn, -1, "column \"%s\" does not exist", name)
		}
	}
}
