package parse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// describe writes what Parse makes of a text, for goldens. Trees are written as
// PostgreSQL's own deparser writes them.
func describe(text string) string {
	var b strings.Builder
	stmts, err := Parse(text)
	if err != nil {
		describeError(&b, text, err)
		return b.String()
	}
	for _, s := range stmts {
		describeStatement(&b, s)
	}
	return b.String()
}

func describeError(b *strings.Builder, text string, err error) {
	e := sqlerr.From(err)
	fmt.Fprintf(b, "error %s: %s\n", e.Code, e.Message)
	if e.Position > 0 {
		rest := []rune(text)[min(e.Position-1, len([]rune(text))):]
		fmt.Fprintf(b, "position %d: %q\n", e.Position, string(rest[:min(12, len(rest))]))
	}
	if e.Hint != "" {
		fmt.Fprintf(b, "hint: %s\n", e.Hint)
	}
}

func describeStatement(b *strings.Builder, s Statement) {
	fmt.Fprintf(b, "statement at %d: %s\n", s.Pos, shorten(s.Text))
	for _, k := range slices.Sorted(maps.Keys(s.Directives)) {
		fmt.Fprintf(b, "  directive %s = %s\n", k, s.Directives[k])
	}
	switch x := s.Stream.(type) {
	case nil:
	case *CreateStream:
		fmt.Fprintf(b, "  CREATE STREAM %s%s\n", nameText(x.Name), flags("or replace", x.OrReplace, "if not exists", x.IfNotExists))
		describeTable(b, x.Table, x.ColumnTexts)
		if w := x.Watermark; w != nil {
			fmt.Fprintf(b, "  watermark at %d: %s AS %s = %s\n", w.Pos, w.Column, w.Expr, exprText(w.Node))
		}
		describeQuery(b, x.Select, x.SelectText, x.SelectPos)
	case *CreateSink:
		fmt.Fprintf(b, "  CREATE SINK %s%s\n", nameText(x.Name), flags("or replace", x.OrReplace, "if not exists", x.IfNotExists))
		describeTable(b, x.Table, x.ColumnTexts)
	case *StartJob:
		fmt.Fprintf(b, "  START JOB %s%s\n", nameText(x.Name), flags("or replace", x.OrReplace, "if not exists", x.IfNotExists, "create", x.Create))
		describeQuery(b, x.Select, x.SelectText, x.SelectPos)
	case *JobStatement:
		fmt.Fprintf(b, "  %s JOB %s%s", x.Action, nameText(x.Name), flags("if exists", x.IfExists))
		if x.Rename != nil {
			fmt.Fprintf(b, " rename to %s", nameText(*x.Rename))
		}
		if x.Swap != nil {
			fmt.Fprintf(b, " swap with %s", nameText(*x.Swap))
		}
		b.WriteByte('\n')
	case *CommentJob:
		fmt.Fprintf(b, "  COMMENT ON JOB %s = %q\n", nameText(x.Name), x.Text)
	case *StateFile:
		fmt.Fprintf(b, "  STATE OF %s IN %q%s\n", nameText(x.Name), x.Path, flags("import", x.Import))
	case *DropStream:
		fmt.Fprintf(b, "  DROP %s%s", x.What, flags("if exists", x.IfExists, "cascade", x.Cascade))
		for _, n := range x.Names {
			fmt.Fprintf(b, " %s", nameText(n))
		}
		b.WriteByte('\n')
	case *Show:
		fmt.Fprintf(b, "  SHOW %s\n", x.What)
		if x.From != nil {
			fmt.Fprintf(b, "    from %s\n", nameText(*x.From))
		}
	case *Describe:
		fmt.Fprintf(b, "  DESCRIBE %s\n", nameText(x.Name))
	}
	if s.From != nil {
		fmt.Fprintf(b, "  from %s\n", nameText(*s.From))
	}
	if s.Node != nil {
		fmt.Fprintf(b, "  %s\n", deparse(s.Node))
	}
	if s.Inner != "" {
		fmt.Fprintf(b, "  inner at %d: %s\n", s.InnerPos, shorten(s.Inner))
	}
	for _, k := range slices.Sorted(maps.Keys(s.Clauses)) {
		describeClauses(b, k, s.Clauses[k])
	}
	if len(s.BySelect) != len(s.Clauses) {
		fmt.Fprintf(b, "  %d clauses, %d by node\n", len(s.Clauses), len(s.BySelect))
	}
	for _, n := range s.Into {
		fmt.Fprintf(b, "  into %s\n", nameText(n))
	}
	for _, p := range s.With {
		fmt.Fprintf(b, "  with %d %s = %s\n", p.Pos, p.Key, p.Value)
	}
}

func describeQuery(b *strings.Builder, n *pg.Node, text string, pos int) {
	if n == nil {
		return
	}
	fmt.Fprintf(b, "  query at %d: %s\n", pos, deparse(n))
	fmt.Fprintf(b, "  query text: %s\n", shorten(text))
}

func describeTable(b *strings.Builder, t *pg.CreateStmt, texts ColumnTexts) {
	if t == nil {
		return
	}
	fmt.Fprintf(b, "  table: %s\n", deparse(&pg.Node{Node: &pg.Node_CreateStmt{CreateStmt: t}}))
	for _, k := range slices.Sorted(maps.Keys(texts.GeneratedText)) {
		fmt.Fprintf(b, "  generated %s: %s\n", k, texts.GeneratedText[k])
	}
	for _, k := range slices.Sorted(maps.Keys(texts.DefaultText)) {
		fmt.Fprintf(b, "  default %s: %s\n", k, texts.DefaultText[k])
	}
}

func describeClauses(b *strings.Builder, k int, c *SelectClauses) {
	if w := c.Window; w != nil {
		fmt.Fprintf(b, "  select %d window at %d: %s", k, w.Pos, w.Kind)
		for _, a := range w.Args {
			fmt.Fprintf(b, " (%s)", exprText(a))
		}
		if w.Offset != nil {
			fmt.Fprintf(b, " offset %s", exprText(w.Offset))
		}
		if w.TimeZone != "" {
			fmt.Fprintf(b, " time zone %s", w.TimeZone)
		}
		if w.Grace != nil {
			fmt.Fprintf(b, " grace %s", exprText(w.Grace))
		}
		b.WriteByte('\n')
	}
	for _, w := range c.Within {
		fmt.Fprintf(b, "  select %d within at %d: join %d before %s after %s\n", k, w.Pos, w.Join, exprText(w.Before), exprText(w.After))
	}
	if c.Emit != "" {
		fmt.Fprintf(b, "  select %d emit %s\n", k, c.Emit)
	}
}

func deparse(n *pg.Node) string {
	s, err := pg.Deparse(&pg.ParseResult{Stmts: []*pg.RawStmt{{Stmt: n}}})
	if err != nil {
		return "deparsing: " + err.Error()
	}
	return s
}

// exprText writes an expression and the byte that it names first.
func exprText(n *pg.Node) string {
	if n == nil {
		return "none"
	}
	if q := n.GetJsonConstructorExpr(); q != nil {
		return queryText(q)
	}
	target := &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: n}}}
	s := deparse(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{TargetList: []*pg.Node{target}}}})
	return fmt.Sprintf("%s @%d", strings.TrimPrefix(s, "SELECT "), position(n))
}

// queryText writes the call of an SQL/JSON query function, a clause to a line.
func queryText(q *pg.JsonConstructorExpr) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s @%d", q.Args[0].GetAConst().GetSval().GetSval(), q.Location)
	for _, a := range q.Args[1:] {
		d := a.GetDefElem()
		switch {
		case d == nil:
			fmt.Fprintf(&b, "\n%s", exprText(a))
		case d.Arg == nil:
			fmt.Fprintf(&b, "\n%s %s @%d", d.Defname, d.Defnamespace, d.Location)
		case d.Defname == "returning":
			cast := &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: pg.MakeAConstIntNode(0, -1), TypeName: d.Arg.GetTypeName()}}}
			fmt.Fprintf(&b, "\n%s %s @%d", d.Defname, exprText(cast), d.Location)
		default:
			fmt.Fprintf(&b, "\n%s %s: %s @%d", d.Defname, d.Defnamespace, strings.ReplaceAll(exprText(d.Arg), "\n", ", "), d.Location)
		}
	}
	return b.String()
}

func nameText(n Name) string {
	s := n.Name
	if n.Schema != "" {
		s = n.Schema + "." + s
	}
	return fmt.Sprintf("%s@%d", s, n.Pos)
}

// flags names the flags that are set.
func flags(pairs ...any) string {
	var s string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1].(bool) {
			s += " [" + pairs[i].(string) + "]"
		}
	}
	return s
}

// shorten writes a text on one line, its middle left out where it is long.
func shorten(s string) string {
	r := []rune(fmt.Sprintf("%q", s))
	if len(r) > 160 {
		return string(r[:100]) + " ... " + string(r[len(r)-55:])
	}
	return string(r)
}
