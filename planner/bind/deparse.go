package bind

import (
	"context"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// deparser writes bound expressions as SQL, as PostgreSQL's ruleutils do: what
// the catalog keeps of defaults, checks and index expressions, and what
// pg_get_expr shows of them.
type deparser struct {
	// names are the columns of the relation, by place.
	names []string
	// stored: objects are named by their OIDs, which no renaming changes.
	stored bool
	// pretty leaves out the brackets that precedence makes needless.
	pretty  bool
	catalog *catalog.Snapshot
	path    []string
	// failed: an expression was met that has no text.
	failed bool
	out    strings.Builder
}

// text is an expression by itself; showCasts: casts that nobody wrote are
// written too.
func (d *deparser) text(e plan.Expr, showCasts bool) string {
	d.out.Reset()
	d.expr(e, nil, showCasts)
	return d.out.String()
}

// wrapped writes an operand, in brackets where it needs them.
func (d *deparser) wrapped(e, parent plan.Expr, showCasts bool) {
	need := d.pretty && !d.simple(e, parent)
	if need {
		d.out.WriteByte('(')
	}
	d.expr(e, parent, showCasts)
	if need {
		d.out.WriteByte(')')
	}
}

// open and close are the brackets that every operator has where the text is not
// pretty.
func (d *deparser) open() {
	if !d.pretty {
		d.out.WriteByte('(')
	}
}

func (d *deparser) close() {
	if !d.pretty {
		d.out.WriteByte(')')
	}
}

func (d *deparser) list(es []plan.Expr) {
	for i, e := range es {
		if i > 0 {
			d.out.WriteString(", ")
		}
		d.expr(e, nil, true)
	}
}

func (d *deparser) call(name string, es []plan.Expr) {
	d.out.WriteString(name + "(")
	d.list(es)
	d.out.WriteByte(')')
}

func (d *deparser) expr(e, parent plan.Expr, showCasts bool) {
	switch x := e.(type) {
	case *plan.Column:
		d.out.WriteString(catalog.QuoteName(d.columnName(x)))
	case *plan.Const:
		d.constant(x.Value, parent)
	case *plan.Call:
		d.callExpr(x, parent, showCasts)
	case *plan.Cast:
		d.cast(x.Arg, x.Typ, x, parent, x.Explicit || showCasts)
	case *plan.And:
		d.bools(x.Args, " AND ", x)
	case *plan.Or:
		d.bools(x.Args, " OR ", x)
	case *plan.Not:
		d.not(x)
	case *plan.IsNull:
		d.open()
		d.wrapped(x.Arg, x, true)
		d.out.WriteString(isWord(x.Not) + "NULL")
		d.close()
	case *plan.IsBool:
		d.open()
		d.wrapped(x.Arg, x, false)
		d.out.WriteString(isWord(x.Not) + [...]string{"TRUE", "FALSE", "UNKNOWN"}[x.Test])
		d.close()
	case *plan.Case:
		d.caseExpr(x)
	case *plan.Coalesce:
		d.call("COALESCE", x.Args)
	case *plan.NullIf:
		d.call("NULLIF", []plan.Expr{x.Left, x.Right})
	case *plan.MinMax:
		d.call(map[bool]string{true: "GREATEST", false: "LEAST"}[x.Greatest], x.Args)
	case *plan.Distinct:
		d.open()
		d.wrapped(x.Left, x, true)
		d.out.WriteString(isWord(x.Not) + "DISTINCT FROM ")
		d.wrapped(x.Right, x, true)
		d.close()
	case *plan.In:
		d.in(x, " = ANY (")
	case *plan.AnyAll:
		d.open()
		d.wrapped(x.Arg, x, true)
		d.out.WriteString(" " + x.Name + map[bool]string{true: " ALL (", false: " ANY ("}[x.All])
		d.wrapped(x.Array, x, true)
		d.out.WriteByte(')')
		d.close()
	case *plan.ArrayOf:
		d.out.WriteString("ARRAY[")
		d.list(x.Items)
		d.out.WriteByte(']')
		if len(x.Items) == 0 {
			d.out.WriteString("::" + d.typeName(x.Typ))
		}
	case *plan.Subscript:
		d.subscript(x)
	case *plan.Row:
		d.call("ROW", x.Items)
	case *plan.FieldOf:
		d.out.WriteByte('(')
		d.expr(x.Arg, nil, false)
		d.out.WriteString(")." + catalog.QuoteName(x.Name))
	default:
		d.failed = true
	}
}

func (d *deparser) columnName(c *plan.Column) string {
	if c.Index < len(d.names) {
		return d.names[c.Index]
	}
	return c.Name
}

func isWord(not bool) string {
	if not {
		return " IS NOT "
	}
	return " IS "
}

func (d *deparser) bools(args []plan.Expr, word string, of plan.Expr) {
	d.open()
	for i, a := range args {
		if i > 0 {
			d.out.WriteString(word)
		}
		d.wrapped(a, of, false)
	}
	d.close()
}

func (d *deparser) not(x *plan.Not) {
	if in, ok := x.Arg.(*plan.In); ok {
		d.in(in, " <> ALL (")
		return
	}
	d.open()
	d.out.WriteString("NOT ")
	d.wrapped(x.Arg, x, false)
	d.close()
}

func (d *deparser) in(x *plan.In, word string) {
	d.open()
	d.wrapped(x.Arg, x, true)
	d.out.WriteString(word + "ARRAY[")
	d.list(x.List)
	d.out.WriteString("])")
	d.close()
}

func (d *deparser) caseExpr(x *plan.Case) {
	line := "\n    "
	if d.stored {
		line = " "
	} else {
		d.out.WriteByte('\n')
	}
	d.out.WriteString("CASE")
	for _, w := range x.Whens {
		d.out.WriteString(line + "WHEN ")
		d.expr(w.Cond, x, false)
		d.out.WriteString(" THEN ")
		d.expr(w.Then, x, true)
	}
	d.out.WriteString(line + "ELSE ")
	if x.Else == nil {
		d.constant(types.NullOf(x.Typ), x)
	} else {
		d.expr(x.Else, x, true)
	}
	if d.stored {
		d.out.WriteString(" END")
	} else {
		d.out.WriteString("\nEND")
	}
}

func (d *deparser) subscript(x *plan.Subscript) {
	_, column := x.Arg.(*plan.Column)
	if !column {
		d.out.WriteByte('(')
	}
	d.expr(x.Arg, x, true)
	if !column {
		d.out.WriteByte(')')
	}
	for _, i := range x.Items {
		d.out.WriteByte('[')
		if i.Lower != nil {
			d.expr(i.Lower, x, false)
		}
		if i.Slice {
			d.out.WriteByte(':')
		}
		if i.Upper != nil {
			d.expr(i.Upper, x, false)
		}
		d.out.WriteByte(']')
	}
}

// callExpr writes an operator, a function, or a cast that a function makes.
func (d *deparser) callExpr(x *plan.Call, parent plan.Expr, showCasts bool) {
	switch {
	case x.Word != "":
		d.out.WriteString(x.Word)
		return
	case x.Cast != plan.NoCast:
		d.cast(x.Args[0], x.Typ, x, parent, x.Cast == plan.ExplicitCast || showCasts)
		return
	case x.Op != "" && len(x.Args) == 2:
		d.open()
		d.wrapped(x.Args[0], x, true)
		d.out.WriteString(" " + x.Op + " ")
		d.wrapped(x.Args[1], x, true)
		d.close()
		return
	case x.Op != "" && len(x.Args) == 1:
		d.open()
		d.out.WriteString(x.Op + " ")
		d.wrapped(x.Args[0], x, true)
		d.close()
		return
	case x.Func.Name == "extract" && len(x.Args) == 2:
		if field, ok := x.Args[0].(*plan.Const); ok && !field.Value.Null {
			d.out.WriteString("EXTRACT(" + field.Value.S + " FROM ")
			d.expr(x.Args[1], nil, false)
			d.out.WriteByte(')')
			return
		}
	}
	name := catalog.QuoteName(x.Func.Name)
	if x.Func.Schema != "" && x.Func.Schema != "pg_catalog" {
		name = catalog.QuoteName(x.Func.Schema) + "." + name
	}
	d.out.WriteString(name + "(")
	for i, a := range x.Args {
		if i > 0 {
			d.out.WriteString(", ")
		}
		if x.Spread && i == len(x.Args)-1 {
			d.out.WriteString("VARIADIC ")
		}
		d.expr(a, x, true)
	}
	d.out.WriteByte(')')
}

// cast writes a cast where it is to be shown, else what it converts.
func (d *deparser) cast(arg plan.Expr, to types.Type, of, parent plan.Expr, show bool) {
	if inner, ok := of.(*plan.Cast); ok && inner.Method == plan.CastMod {
		// The modifier is one with the cast below it to the same type.
		switch below := inner.Arg.(type) {
		case *plan.Cast:
			if below.Typ.OID == to.OID && below.Explicit == inner.Explicit && below.Method != plan.CastMod {
				arg = below.Arg
			}
		case *plan.Call:
			if below.Typ.OID == to.OID && below.Cast != plan.NoCast {
				arg = below.Args[0]
			}
		}
	}
	if !show {
		d.wrappedAs(arg, parent)
		return
	}
	if c, ok := arg.(*plan.Const); ok && c.Value.Type.OID == to.OID && !c.Value.Null {
		d.constantAs(c.Value, to)
		return
	}
	d.open()
	d.wrapped(arg, of, false)
	d.close()
	d.out.WriteString("::" + d.typeName(to))
}

// wrappedAs writes what stands in the place of a cast that is not shown.
func (d *deparser) wrappedAs(e, parent plan.Expr) {
	if parent == nil {
		d.expr(e, nil, false)
		return
	}
	d.wrapped(e, parent, false)
}

// constant writes a literal (get_const_expr). What an integer was widened to
// while the expression was bound is the cast that it stands for.
func (d *deparser) constant(v types.Value, parent plan.Expr) {
	if v.Null {
		d.out.WriteString("NULL")
		if v.Type.OID != types.Unknown {
			d.out.WriteString("::" + d.typeName(v.Type))
		}
		return
	}
	text := d.valueText(v)
	switch v.Type.OID {
	case types.Bool:
		d.out.WriteString(strconv.FormatBool(v.Bool()))
		return
	case types.Unknown:
		d.out.WriteString(quoteText(text))
		return
	case types.Int4:
		if v.I >= 0 {
			d.out.WriteString(text)
			return
		}
	case types.Int8, types.Numeric, types.Float8:
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			d.widened(n, v.Type, parent)
			return
		}
		if v.Type.OID == types.Numeric && v.Type.Mod < 0 && strings.ContainsAny(text, ".eE") && text[0] != '-' {
			d.out.WriteString(text)
			return
		}
	case types.Regclass:
		if text, ok := d.regclass(types.OID(v.I)); ok {
			d.out.WriteString(quoteText(text) + "::regclass")
			return
		}
	}
	d.constantAs(v, v.Type)
}

func (d *deparser) widened(n int64, t types.Type, parent plan.Expr) {
	plain := strconv.FormatInt(n, 10)
	if n < 0 {
		plain = "'" + plain + "'::integer"
	}
	if parent == nil {
		d.out.WriteString(plain)
		return
	}
	d.open()
	d.out.WriteString(plain)
	d.close()
	d.out.WriteString("::" + d.typeName(t))
}

func (d *deparser) constantAs(v types.Value, t types.Type) {
	if t.OID == types.Regclass {
		if text, ok := d.regclass(types.OID(v.I)); ok {
			d.out.WriteString(quoteText(text) + "::regclass")
			return
		}
	}
	d.out.WriteString(quoteText(d.valueText(v)) + "::" + d.typeName(t))
}

// typeName names a type; an enum by its OID in what is stored.
func (d *deparser) typeName(t types.Type) string {
	enum := types.EnumOf(t.OID)
	switch {
	case enum == 0 && (d.stored || d.catalog == nil):
		return types.FormatType(t)
	case !d.stored:
		return d.catalog.FormatType(t, d.path)
	case enum != t.OID:
		return enumMark(enum) + "[]"
	}
	return enumMark(enum)
}

func (d *deparser) valueText(v types.Value) string {
	if d.stored || d.catalog == nil {
		return string(types.AppendStored(nil, v))
	}
	f := types.DefaultFormat()
	f.Enum = func(oid types.OID) *types.Enum { return d.catalog.EnumLabels(oid, d.path) }
	return string(types.AppendText(nil, v, f))
}

// regclass names a relation: by its OID in what is stored.
func (d *deparser) regclass(oid types.OID) (string, bool) {
	if d.stored {
		return strconv.FormatUint(uint64(oid), 10), true
	}
	r := d.catalog.RelationByOID(oid)
	switch {
	case r == nil:
		return "", false
	case d.catalog.Visible(r, d.path):
		return catalog.QuoteName(r.Name), true
	}
	return catalog.QuoteName(r.Schema) + "." + catalog.QuoteName(r.Name), true
}

// quoteText is a string literal.
func quoteText(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// simple tells whether an operand needs no brackets in its place (isSimpleNode).
func (d *deparser) simple(e, parent plan.Expr) bool {
	switch x := e.(type) {
	case *plan.Call:
		switch {
		case x.Cast != plan.NoCast:
			return true // written with brackets of its own, or as its argument
		case x.Op == "":
			return true
		}
		if p, ok := parent.(*plan.Call); ok && p.Op != "" && p.Cast == plan.NoCast {
			return bindsTighter(x, p)
		}
		return bracketed(parent)
	case *plan.IsNull, *plan.IsBool, *plan.Distinct, *plan.In, *plan.AnyAll, *plan.Subquery:
		if isLogic(parent) {
			return true
		}
		return bracketed(parent)
	case *plan.And, *plan.Not:
		switch parent.(type) {
		case *plan.And, *plan.Or:
			return true
		}
		return bracketed(parent)
	case *plan.Or:
		if _, ok := parent.(*plan.Or); ok {
			return true
		}
		return bracketed(parent)
	}
	return true
}

// isLogic: AND, OR and NOT bind more loosely than every test.
func isLogic(e plan.Expr) bool {
	switch e.(type) {
	case *plan.And, *plan.Or, *plan.Not:
		return true
	}
	return false
}

// bracketed tells whether an expression has brackets of its own around what it
// holds.
func bracketed(parent plan.Expr) bool {
	switch p := parent.(type) {
	case nil:
		return true
	case *plan.Call:
		return p.Op == "" && p.Cast == plan.NoCast
	case *plan.Subscript, *plan.ArrayOf, *plan.Row, *plan.Coalesce, *plan.MinMax, *plan.NullIf, *plan.Case:
		return true
	}
	return isLogic(parent)
}

// bindsTighter tells whether x needs no brackets as an operand of p: * and its
// like under + and its like, and the left operand of the same.
func bindsTighter(x, p *plan.Call) bool {
	if len(x.Args) != 2 || len(p.Args) != 2 || len(x.Op) != 1 || len(p.Op) != 1 {
		return false
	}
	const low, high = "+-", "*/%"
	xl, xh := strings.Contains(low, x.Op), strings.Contains(high, x.Op)
	pl, ph := strings.Contains(low, p.Op), strings.Contains(high, p.Op)
	switch {
	case !xl && !xh, !pl && !ph:
		return false
	case xh && pl:
		return true
	case xl && ph:
		return false
	}
	return p.Args[0] == plan.Expr(x)
}

// typeInvalid: no type is wanted.
var typeInvalid = types.Type{}

// Deparse is an expression that the catalog keeps of a relation, as
// pg_get_expr shows it; text where it cannot be read.
func Deparse(ctx context.Context, c *Context, text string, r *catalog.Relation, pretty bool) string {
	var columns []catalog.Column
	if r != nil {
		columns = r.Columns
	}
	e, err := Expr(ctx, c, text, columns, typeInvalid)
	if err != nil {
		return text
	}
	d := &deparser{pretty: pretty, catalog: c.Catalog, path: c.SearchPath}
	if shown := d.text(e, false); !d.failed {
		return shown
	}
	return text
}
