package database

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// pushed are the conditions that the server can check as well, of those over a
// scan's fields. It may let rows through that the engine's own filter then stops, and
// never the other way round: texts are compared for equality only, as their order is
// the database's collation's.
func pushed(d dialect, filters []plan.Expr, fields []field) []string {
	var out []string
	for _, f := range filters {
		if text, ok := condition(d, f, fields); ok {
			out = append(out, text)
		}
	}
	return out
}

// Pushed are the conditions that the server is given. Whether a column is of the server's
// own type is known only when it is asked, so of one that is declared as another type more
// may be shown than it takes.
func (Connector) Pushed(rel *catalog.Relation, columns []int, filters []plan.Expr) []plan.Expr {
	text, _ := rel.Options.Get("connection", "connection.url")
	d := dialectOf(text)
	var fields []field
	for _, c := range columns {
		col := rel.Columns[c]
		fields = append(fields, field{name: col.Name, sql: d.ident(col.Name), typ: col.Type, own: true})
	}
	var taken []plan.Expr
	for _, f := range filters {
		if len(pushed(d, []plan.Expr{f}, fields)) > 0 {
			taken = append(taken, f)
		}
	}
	return taken
}

// condition writes a condition as the server's SQL; false: it cannot be.
func condition(d dialect, e plan.Expr, fields []field) (string, bool) {
	switch e := e.(type) {
	case *plan.And:
		return joined(d, e.Args, " AND ", fields)
	case *plan.Or:
		return joined(d, e.Args, " OR ", fields)
	case *plan.IsNull:
		arg, ok := operand(d, e.Arg, fields)
		if _, column := e.Arg.(*plan.Column); !ok || !column || e.Row {
			return "", false
		}
		if e.Not {
			return "(" + arg + " IS NOT NULL)", true
		}
		return "(" + arg + " IS NULL)", true
	case *plan.Column:
		if e.Typ.OID != types.Bool {
			return "", false
		}
		return operand(d, e, fields)
	case *plan.In:
		arg, ok := operand(d, e.Arg, fields)
		if t := e.Arg.Type().OID; !ok || !equals(t) || !d.holds("=", t) {
			return "", false
		}
		var items []string
		for _, item := range e.List {
			c, ok := item.(*plan.Const)
			if !ok {
				return "", false
			}
			text, ok := constant(d, c.Value)
			if !ok {
				return "", false
			}
			items = append(items, text)
		}
		return "(" + arg + " IN (" + strings.Join(items, ", ") + "))", len(items) > 0
	case *plan.Call:
		return comparison(d, e, fields)
	}
	return "", false
}

func joined(d dialect, args []plan.Expr, by string, fields []field) (string, bool) {
	var parts []string
	for _, a := range args {
		text, ok := condition(d, a, fields)
		if !ok {
			return "", false
		}
		parts = append(parts, text)
	}
	return "(" + strings.Join(parts, by) + ")", len(parts) > 0
}

func comparison(d dialect, e *plan.Call, fields []field) (string, bool) {
	if len(e.Args) != 2 {
		return "", false
	}
	l, r := e.Args[0].Type().OID, e.Args[1].Type().OID
	switch e.Op {
	case "=":
		if !equals(l) || !equals(r) {
			return "", false
		}
	case "<", "<=", ">", ">=", "<>":
		if !ordered(l) || !ordered(r) {
			return "", false
		}
	default:
		return "", false
	}
	if !d.holds(e.Op, l) || !d.holds(e.Op, r) || (l == types.Timestamptz) != (r == types.Timestamptz) {
		return "", false // a time without a zone is one of the session's here
	}
	if !ordered(l) && !hasConst(e.Args) {
		return "", false // the collations of two columns may not go together
	}
	left, ok := operand(d, e.Args[0], fields)
	if !ok {
		return "", false
	}
	right, ok := operand(d, e.Args[1], fields)
	return "(" + left + " " + e.Op + " " + right + ")", ok
}

func hasConst(args []plan.Expr) bool {
	return slices.ContainsFunc(args, func(a plan.Expr) bool { _, is := a.(*plan.Const); return is })
}

// operand is a column whose values are the server's own, or a constant.
func operand(d dialect, e plan.Expr, fields []field) (string, bool) {
	switch e := e.(type) {
	case *plan.Column:
		if e.Index >= len(fields) || !fields[e.Index].own {
			return "", false
		}
		return fields[e.Index].sql, true
	case *plan.Cast: // of varchar to text: the same bytes
		if _, ok := e.Arg.(*plan.Column); !ok || e.Arg.Type().OID != types.Varchar || e.Typ.OID != types.Text {
			return "", false
		}
		return operand(d, e.Arg, fields)
	case *plan.Const:
		return constant(d, e.Value)
	}
	return "", false
}

// constant writes a value.
func constant(d dialect, v types.Value) (string, bool) {
	if !equals(v.Type.OID) {
		return "", false
	}
	return d.constant(v)
}

// equals reports whether two values of a type that are equal here are equal there.
func equals(t types.OID) bool {
	return ordered(t) || t == types.Text || t == types.Varchar || t == types.Bytea
}

// ordered reports whether a type has one order, here and there.
func ordered(t types.OID) bool {
	switch t {
	case types.Bool, types.Int2, types.Int4, types.Int8, types.Numeric, types.Float4, types.Float8, types.Oid,
		types.Date, types.Time, types.Timestamp, types.Timestamptz, types.UUID:
		return true
	}
	return false
}
