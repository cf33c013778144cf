package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// The String forms follow PostgreSQL's deparser closely enough to be read by
// those who know it; they are for EXPLAIN and goldens and are never parsed.

func (e *Column) String() string {
	if e.Name == "" {
		return "$" + strconv.Itoa(e.Index)
	}
	return qualified(e.Rel, e.Name)
}

// String marks the levels out with carets.
func (e *Outer) String() string {
	return strings.Repeat("^", e.Depth) + qualified(e.Rel, e.Name)
}

func qualified(rel, name string) string {
	if rel == "" {
		return quoteIdent(name)
	}
	return quoteIdent(rel) + "." + quoteIdent(name)
}

func (e *Const) String() string {
	v := e.Value
	if v.Null {
		return "NULL::" + types.FormatType(v.Type)
	}
	switch v.Type.OID {
	case types.Bool:
		return strconv.FormatBool(v.Bool())
	case types.Int4:
		return strconv.FormatInt(v.I, 10)
	case types.Unknown:
		return quoteLiteral(v.S)
	}
	text := string(types.AppendText(nil, v, types.DefaultFormat()))
	if v.Type.OID == types.Numeric && v.Type.Mod < 0 && strings.Contains(text, ".") {
		return text
	}
	return quoteLiteral(text) + "::" + types.FormatType(v.Type)
}

func (e *Param) String() string { return "$" + strconv.Itoa(e.N) }

func (e *Call) String() string {
	switch {
	case e.Op != "" && len(e.Args) == 2:
		return "(" + e.Args[0].String() + " " + e.Op + " " + e.Args[1].String() + ")"
	case e.Op != "" && len(e.Args) == 1:
		return "(" + e.Op + " " + e.Args[0].String() + ")"
	}
	if n := len(e.Args) - 1; e.Spread && n > 0 {
		return e.Func.Name + "(" + exprList(e.Args[:n]) + ", VARIADIC " + e.Args[n].String() + ")"
	} else if e.Spread {
		return e.Func.Name + "(VARIADIC " + e.Args[0].String() + ")"
	}
	return e.Func.Name + "(" + exprList(e.Args) + ")"
}

func (e *Cast) String() string {
	arg := e.Arg.String()
	return "(" + arg + ")::" + types.FormatType(e.Typ)
}

func (e *And) String() string { return "(" + joinExprs(e.Args, " AND ") + ")" }

func (e *Or) String() string { return "(" + joinExprs(e.Args, " OR ") + ")" }

func (e *Not) String() string { return "(NOT " + e.Arg.String() + ")" }

func (e *IsNull) String() string { return "(" + e.Arg.String() + is(e.Not) + "NULL)" }

func (e *IsBool) String() string {
	word := [...]string{"TRUE", "FALSE", "UNKNOWN"}[e.Test]
	return "(" + e.Arg.String() + is(e.Not) + word + ")"
}

func (e *Case) String() string {
	var b strings.Builder
	b.WriteString("CASE")
	for _, w := range e.Whens {
		fmt.Fprintf(&b, " WHEN %s THEN %s", w.Cond, w.Then)
	}
	if e.Else != nil {
		fmt.Fprintf(&b, " ELSE %s", e.Else)
	}
	b.WriteString(" END")
	return b.String()
}

func (e *Coalesce) String() string { return "COALESCE(" + exprList(e.Args) + ")" }

func (e *NullIf) String() string { return "NULLIF(" + e.Left.String() + ", " + e.Right.String() + ")" }

func (e *MinMax) String() string {
	if e.Greatest {
		return "GREATEST(" + exprList(e.Args) + ")"
	}
	return "LEAST(" + exprList(e.Args) + ")"
}

func (e *Distinct) String() string {
	return "(" + e.Left.String() + is(e.Not) + "DISTINCT FROM " + e.Right.String() + ")"
}

func (e *In) String() string {
	return "(" + e.Arg.String() + " IN (" + exprList(e.List) + "))"
}

func (e *AnyAll) String() string {
	word := " ANY ("
	if e.All {
		word = " ALL ("
	}
	return "(" + e.Arg.String() + " " + e.Name + word + e.Array.String() + "))"
}

func (e *ArrayOf) String() string { return "ARRAY[" + exprList(e.Items) + "]" }

func (e *Subscript) String() string {
	var b strings.Builder
	b.WriteString("(" + e.Arg.String() + ")")
	for _, i := range e.Items {
		b.WriteByte('[')
		if i.Lower != nil {
			b.WriteString(i.Lower.String())
		}
		if i.Slice {
			b.WriteByte(':')
		}
		if i.Upper != nil {
			b.WriteString(i.Upper.String())
		}
		b.WriteByte(']')
	}
	return b.String()
}

func (e *Assign) String() string {
	at := Subscript{Arg: e.Arg, Items: e.Items}
	return "(" + at.String() + " := " + e.Value.String() + ")"
}

func (e *Row) String() string {
	if e.Rel != "" {
		return quoteIdent(e.Rel) + ".*"
	}
	return "ROW(" + exprList(e.Items) + ")"
}

func (e *FieldOf) String() string { return "(" + e.Arg.String() + ")." + quoteIdent(e.Name) }

func (e *Subquery) String() string {
	switch e.Kind {
	case SubExists:
		return "EXISTS(SubPlan)"
	case SubArray:
		return "ARRAY(SubPlan)"
	case SubAny, SubAll:
		word := "ANY"
		if e.Kind == SubAll {
			word = "ALL"
		}
		op := "="
		if len(e.OpNames) > 0 {
			op = e.OpNames[0]
		}
		return "((" + exprList(e.Left) + ") " + op + " " + word + " (SubPlan))"
	}
	return "(SubPlan)"
}

// String is the call as EXPLAIN shows it.
func (a AggCall) String() string {
	var b strings.Builder
	b.WriteString(a.Func.Name + "(")
	if a.Distinct {
		b.WriteString("DISTINCT ")
	}
	if a.Star {
		b.WriteByte('*')
	}
	switch {
	case a.Func.AggKind != 0:
		b.WriteString(exprList(a.Args[:a.Direct]) + ") WITHIN GROUP (ORDER BY " + sortKeys(a.OrderBy))
	case len(a.OrderBy) > 0:
		b.WriteString(exprList(a.Args) + " ORDER BY " + sortKeys(a.OrderBy))
	default:
		b.WriteString(exprList(a.Args))
	}
	b.WriteByte(')')
	if a.Filter != nil {
		b.WriteString(" FILTER (WHERE " + a.Filter.String() + ")")
	}
	return b.String()
}

// String is the key as EXPLAIN shows it.
func (k SortKey) String() string {
	s := k.Expr.String()
	if k.Desc {
		s += " DESC"
	}
	switch {
	case k.NullsFirst && !k.Desc:
		s += " NULLS FIRST"
	case !k.NullsFirst && k.Desc:
		s += " NULLS LAST"
	}
	return s
}

func sortKeys(keys []SortKey) string { return strings.Join(sortKeyTexts(keys), ", ") }

func sortKeyTexts(keys []SortKey) []string {
	s := make([]string, len(keys))
	for i, k := range keys {
		s[i] = k.String()
	}
	return s
}

func is(not bool) string {
	if not {
		return " IS NOT "
	}
	return " IS "
}

func exprList(exprs []Expr) string { return joinExprs(exprs, ", ") }

func joinExprs(exprs []Expr, sep string) string { return strings.Join(exprTexts(exprs), sep) }

func exprTexts(exprs []Expr) []string {
	s := make([]string, len(exprs))
	for i, e := range exprs {
		s[i] = e.String()
	}
	return s
}

func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func quoteIdent(s string) string {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '_' || c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '$') {
			continue
		}
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	if s == "" {
		return `""`
	}
	return s
}
