package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// jsonQuery is a call of JSON_VALUE, JSON_QUERY or JSON_EXISTS with clauses, in the
// form that planner/parse gives it.
type jsonQuery struct {
	*binder
	function     string
	loc          int32
	words        []string // the clauses as sqljson_value and the like take them
	names        []types.Value
	passing      []plan.Expr
	to           types.Type
	empty, error plan.Expr // the values ON EMPTY and ON ERROR
}

// jsonQueryName is the name of the function that a node calls.
func jsonQueryName(x *pg.JsonConstructorExpr) string {
	return x.Args[0].GetAConst().GetSval().GetSval()
}

func (b *binder) jsonQuery(x *pg.JsonConstructorExpr, s *scope, k exprKind) plan.Expr {
	q := &jsonQuery{binder: b, function: jsonQueryName(x), loc: x.Location}
	switch q.function {
	case "json_value":
		q.to = types.Of(types.Text)
	case "json_query":
		q.to = types.Of(types.JSONB)
	default:
		q.to = types.Of(types.Bool)
	}
	var format *pg.DefElem
	for _, a := range x.Args[3:] {
		if d := a.GetDefElem(); d.Defname == "format" {
			format = d
		}
	}
	doc := q.document(b.operand(x.Args[1], s, k), format)
	path := b.operand(x.Args[2], s, k)
	pathExpr := b.coerceTo(path.e, types.Of(types.JSONPath), explicit, path.loc)
	if pathExpr == nil {
		b.failf(sqlerr.DatatypeMismatch, path.loc, "JSON path expression must be of type %s, not of type %s", "jsonpath", b.formatType(path.e.Type().OID))
	}
	q.clauses(x.Args[3:], s, k)
	args := []plan.Expr{doc, pathExpr, plan.NewConst(types.NewText(strings.Join(q.words, " "))),
		plan.NewConst(types.NewArray(types.Of(types.Text), q.names)), q.empty, q.error}
	return q.lazily(append(args, q.passing...))
}

// document is the context item as jsonb.
func (b *binder) document(o operand, format *pg.DefElem) plan.Expr {
	e := b.defaultType(o.e, o.loc)
	t := e.Type().OID
	switch {
	case t == types.JSON, t == types.JSONB, category(t) == 'S':
	case t == types.Bytea:
		e = b.call("convert_from", []operand{{e, o.loc}, {plan.NewConst(types.NewText("UTF8")), o.loc}}, o.loc)
	case format != nil:
		b.failf(sqlerr.DatatypeMismatch, format.Location, "cannot use non-string types with explicit FORMAT JSON clause")
	default:
		b.failf(sqlerr.DatatypeMismatch, o.loc, "cannot use non-string types with implicit FORMAT JSON clause")
	}
	return b.castTo(operand{e, o.loc}, types.Of(types.JSONB), o.loc)
}

// clauses reads the clauses; the behaviors last, which know the type of RETURNING.
func (q *jsonQuery) clauses(nodes []*pg.Node, s *scope, k exprKind) {
	wrapped, omitted := false, false
	var behaviors []*pg.DefElem
	for _, n := range nodes {
		switch d := n.GetDefElem(); d.Defname {
		case "passing", "passing json":
			e := q.defaultType(q.expr(d.Arg, s, k), location(d.Arg))
			if d.Defname == "passing json" {
				e = q.castTo(operand{e, location(d.Arg)}, types.Of(types.JSONB), d.Location)
			}
			q.names, q.passing = append(q.names, types.NewText(d.Defnamespace)), append(q.passing, e)
		case "returning":
			q.returns(d.Arg.GetTypeName())
		case "output":
			if q.function == "json_value" {
				q.failf(sqlerr.SyntaxError, d.Location, "cannot specify FORMAT JSON in RETURNING clause of %s()", "JSON_VALUE")
			}
		case "wrapper":
			if wrapped = d.Defnamespace != "without"; wrapped {
				q.words = append(q.words, map[string]string{"conditional": "wrap_many", "unconditional": "wrap"}[d.Defnamespace])
			}
		case "quotes":
			if omitted = d.Defnamespace == "omit"; omitted {
				q.words = append(q.words, "omit_quotes")
			}
		case "empty", "error":
			behaviors = append(behaviors, d)
		}
	}
	if wrapped && omitted {
		q.failf(sqlerr.SyntaxError, q.loc, "SQL/JSON QUOTES behavior must not be specified when WITH WRAPPER is used")
	}
	q.empty = plan.NewConst(types.NullOf(q.to))
	q.error = q.empty
	if q.function == "json_exists" {
		q.error = plan.NewConst(types.NewBool(false))
	}
	for _, d := range behaviors {
		q.behavior(d, s, k)
	}
}

// returns takes the type of RETURNING.
func (q *jsonQuery) returns(t *pg.TypeName) {
	if t.Setof {
		q.failf(sqlerr.DatatypeMismatch, t.Location, "returning SETOF types is not supported in SQL/JSON functions")
	}
	q.to = q.typeName(t)
	if info := types.Lookup(q.to.OID); info.Kind == 'p' {
		q.failf(sqlerr.FeatureNotSupported, -1, "returning pseudo-types is not supported in SQL/JSON functions")
	}
}

// allowed are the behaviors of each function, and how an error lists them.
var allowed = map[string]struct{ words, list string }{
	"json_value":  {"error null default", "ERROR, NULL, or DEFAULT expression"},
	"json_query":  {"error null default array object", "ERROR, NULL, EMPTY ARRAY, EMPTY OBJECT, or DEFAULT expression"},
	"json_exists": {"error true false unknown", "ERROR, TRUE, FALSE, or UNKNOWN"},
}

// behavior takes what is wanted ON EMPTY or ON ERROR.
func (q *jsonQuery) behavior(d *pg.DefElem, s *scope, k exprKind) {
	may := allowed[q.function]
	on := strings.ToUpper(d.Defname)
	if !strings.Contains(" "+may.words+" ", " "+d.Defnamespace+" ") {
		q.fail(sqlerr.Errorf(sqlerr.SyntaxError, "invalid ON %s behavior", on).
			WithDetail("Only %s is allowed in ON %s for %s().", may.list, on, strings.ToUpper(q.function)).At(q.pos(d.Location)))
	}
	var value plan.Expr
	switch d.Defnamespace {
	case "error":
		q.words = append(q.words, "error_on_"+d.Defname)
		return
	case "true", "false":
		value = plan.NewConst(types.NewBool(d.Defnamespace == "true"))
	case "array", "object": // which the call makes of the type of RETURNING
		q.words = append(q.words, d.Defnamespace+"_on_"+d.Defname)
		return
	case "default":
		value = q.defaultExpr(d.Arg, s, k)
	default:
		value = plan.NewConst(types.NullOf(q.to))
	}
	if d.Defname == "empty" {
		q.empty = value
	} else {
		q.error = value
	}
}

// defaultExpr is DEFAULT expr: of constants, functions and operators.
func (q *jsonQuery) defaultExpr(n *pg.Node, s *scope, k exprKind) plan.Expr {
	loc := location(n)
	sets := len(q.sets)
	e := q.expr(n, s, k)
	switch {
	case len(q.sets) > sets:
		q.failf(sqlerr.DatatypeMismatch, loc, "DEFAULT expression must not return a set")
	case plan.Any(e, func(e plan.Expr) bool {
		switch e.(type) {
		case *plan.Subquery, *aggRef, *groupingRef, *winRef:
			return true
		}
		return false
	}):
		q.failf(sqlerr.DatatypeMismatch, loc, "can only specify a constant, non-aggregate function, or operator expression for DEFAULT")
	case plan.Any(e, func(e plan.Expr) bool {
		_, column := e.(*plan.Column)
		_, outer := e.(*plan.Outer)
		return column || outer
	}):
		q.failf(sqlerr.DatatypeMismatch, loc, "DEFAULT expression must not contain column references")
	}
	return q.behaves(operand{e, loc})
}

// behaves converts the value of DEFAULT to the type of RETURNING, whose modifier must
// have room for it. One of jsonb is converted as JSON_QUERY does.
func (q *jsonQuery) behaves(o operand) plan.Expr {
	from := o.e.Type().OID
	switch {
	case from == types.JSONB && q.to.OID != types.JSONB && q.to.OID != types.JSON:
		words := "error_on_error"
		if category(q.to.OID) != 'A' {
			words += " omit_quotes"
		}
		null := plan.NewConst(types.NullOf(q.to))
		path := q.castTo(operand{plan.NewConst(types.NewText("$")), o.loc}, types.Of(types.JSONPath), o.loc)
		args := []plan.Expr{o.e, path, plan.NewConst(types.NewText(words)), plan.NewConst(types.NewArray(types.Of(types.Text), nil)), null, null}
		return &plan.Call{Func: q.c.Catalog.Functions("sqljson_query")[0], Args: args, Typ: q.to, Pos: q.pos(o.loc)}
	case q.to.Mod > 0 && q.canCoerce(from, q.to.OID, assignment):
		if e := q.coerceTo(o.e, q.to, assignment, o.loc); e != nil {
			return e
		}
	case !q.canCoerce(from, q.to.OID, explicit):
		q.fail(sqlerr.Errorf(sqlerr.CannotCoerce, "cannot cast behavior expression of type %s to %s", q.formatType(from), q.formatMod(q.to)).
			WithHint("You will need to explicitly cast the expression to type %s.", q.formatType(q.to.OID)).At(q.pos(o.loc)))
	}
	return q.castTo(o, q.to, o.loc)
}

// lazily makes the call. A DEFAULT that is no constant is computed only where it
// is wanted: it may fail.
func (q *jsonQuery) lazily(args []plan.Expr) plan.Expr {
	call := func(name string, ret types.Type, args []plan.Expr) plan.Expr {
		return &plan.Call{Func: q.c.Catalog.Functions(name)[0], Args: args, Typ: ret, Pos: q.pos(q.loc)}
	}
	name := "sql" + q.function
	if isConst(args[4]) && isConst(args[5]) {
		return call(name, q.to, args)
	}
	null := plan.NewConst(types.NullOf(q.to))
	plain := append([]plan.Expr(nil), args...)
	plain[4], plain[5] = null, null
	asked := append([]plan.Expr(nil), plain...)
	if q.function == "json_query" {
		asked[2] = plan.NewConst(types.NewText(strings.Join(append(q.words, "json"), " ")))
	}
	outcome := call("sqljson_outcome", types.Of(types.Text), asked)
	out := &plan.Case{Else: call(name, q.to, plain), Typ: q.to}
	for i, word := range []string{"empty", "error"} {
		if slices.ContainsFunc(q.words, func(w string) bool { return strings.HasSuffix(w, "_on_"+word) }) {
			continue // the call raises it, or makes it
		}
		is := q.operator([]string{"="}, operand{outcome, q.loc}, operand{plan.NewConst(types.NewText(word)), q.loc}, q.loc)
		out.Whens = append(out.Whens, plan.When{Cond: is, Then: args[4+i]})
	}
	return out
}

func isConst(e plan.Expr) bool {
	_, is := e.(*plan.Const)
	return is
}
