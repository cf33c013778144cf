package expr

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// A reader of SQL expressions for the examples of the functions: enough of
// PostgreSQL's grammar and overload rules to run them without the planner.

type sqlReader struct {
	t      *testing.T
	tokens []string
	at     int
	env    *function.Env
	lift   func(types.Value) plan.Expr // makes the node of a literal
}

// readSQL panics where it cannot read; lift, where not nil, replaces literals.
func readSQL(t *testing.T, sql string, env *function.Env, lift func(types.Value) plan.Expr) plan.Expr {
	t.Helper()
	if lift == nil {
		lift = func(v types.Value) plan.Expr { return &plan.Const{Value: v} }
	}
	r := &sqlReader{t: t, tokens: tokenize(sql), env: env, lift: lift}
	e := r.expression(0)
	if r.at != len(r.tokens) {
		panic(fmt.Sprintf("%s: %q is left", sql, r.tokens[r.at:]))
	}
	return r.settle(e)
}

func tokenize(s string) []string {
	var out []string
	for i := 0; i < len(s); {
		c := s[i]
		start := i
		switch {
		case c == ' ' || c == '\n' || c == '\t':
			i++
			continue
		case c == '\'' || (c == 'E' || c == 'e') && i+1 < len(s) && s[i+1] == '\'':
			escape := c != '\''
			if escape {
				i++
			}
			for i++; ; i++ {
				if escape && s[i] == '\\' {
					i++
				} else if s[i] == '\'' {
					if i+1 < len(s) && s[i+1] == '\'' {
						i++
						continue
					}
					break
				}
			}
			i++
		case c == '"':
			i += strings.IndexByte(s[i+1:], '"') + 2
		case c >= '0' && c <= '9' || c == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			for i < len(s) && (strings.IndexByte("0123456789.", s[i]) >= 0 || (s[i] == 'e' || s[i] == 'E') && i+1 < len(s) && strings.IndexByte("0123456789-+", s[i+1]) >= 0) {
				if s[i] == 'e' || s[i] == 'E' {
					i++
				}
				i++
			}
		case isWord(c):
			for i < len(s) && (isWord(s[i]) || s[i] >= '0' && s[i] <= '9') {
				i++
			}
		case strings.HasPrefix(s[i:], "::") || strings.HasPrefix(s[i:], "=>"):
			i += 2
		case strings.IndexByte("(),[]:.", c) >= 0:
			i++
		default:
			for i < len(s) && strings.IndexByte("+-*/<>=~!@#%^&|`?", s[i]) >= 0 {
				i++
			}
			op := s[start:i]
			for len(op) > 1 && (op[len(op)-1] == '-' || op[len(op)-1] == '+') && !strings.ContainsAny(op[:len(op)-1], "~!@#%^&|`?") {
				op = op[:len(op)-1]
			}
			i = start + len(op)
		}
		out = append(out, s[start:i])
	}
	return out
}

func isWord(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

func (r *sqlReader) peek() string {
	if r.at < len(r.tokens) {
		return r.tokens[r.at]
	}
	return ""
}

func (r *sqlReader) word() string { return strings.ToUpper(r.peek()) }

func (r *sqlReader) accept(words ...string) bool {
	for i, w := range words {
		if r.at+i >= len(r.tokens) || strings.ToUpper(r.tokens[r.at+i]) != w {
			return false
		}
	}
	r.at += len(words)
	return true
}

func (r *sqlReader) expect(w string) {
	if !r.accept(w) {
		panic(fmt.Sprintf("want %q at %q", w, r.tokens[r.at:]))
	}
}

// Binding powers, as PostgreSQL's.
func power(op string) int {
	switch op {
	case "OR":
		return 1
	case "AND":
		return 2
	case "IS":
		return 4
	case "<", ">", "=", "<=", ">=", "<>", "!=":
		return 5
	case "BETWEEN", "IN", "LIKE", "ILIKE", "SIMILAR", "NOT":
		return 6
	case "+", "-":
		return 8
	case "*", "/", "%":
		return 9
	case "^":
		return 10
	case "AT":
		return 11
	case "[":
		return 14
	case "::":
		return 15
	}
	if op != "" && strings.IndexByte("+-*/<>=~!@#%^&|`?", op[0]) >= 0 {
		return 7
	}
	return -1
}

func (r *sqlReader) expression(min int) plan.Expr {
	left := r.prefix()
	for {
		op := r.word()
		p := power(op)
		if p < 0 || p < min {
			return left
		}
		r.at++
		left = r.infix(left, op, p)
	}
}

func (r *sqlReader) prefix() plan.Expr {
	switch w := r.word(); {
	case w == "NOT":
		r.at++
		return &plan.Not{Arg: r.expression(3)}
	case w == "-" || w == "+":
		r.at++
		if w == "-" && r.peek() != "" && strings.IndexByte("0123456789.", r.peek()[0]) >= 0 {
			r.tokens[r.at] = "-" + r.tokens[r.at]
			return r.expression(12)
		}
		return r.operator(w, nil, r.expression(12))
	case w != "" && strings.IndexByte("~!@#%^&|`?/", w[0]) >= 0:
		r.at++
		return r.operator(w, nil, r.expression(8))
	}
	return r.primary()
}

func (r *sqlReader) infix(left plan.Expr, op string, p int) plan.Expr {
	switch op {
	case "OR":
		return &plan.Or{Args: []plan.Expr{left, r.expression(p + 1)}}
	case "AND":
		return &plan.And{Args: []plan.Expr{left, r.expression(p + 1)}}
	case "IS":
		return r.is(left)
	case "::":
		return r.cast(left, r.typeName(), true)
	case "AT":
		r.expect("TIME")
		r.expect("ZONE")
		zone := r.expression(p + 1)
		return r.function("timezone", []plan.Expr{zone, left})
	case "[":
		return r.subscript(left)
	case "NOT":
		op = r.word()
		r.at++
		return r.tested(left, op, true)
	case "BETWEEN", "IN", "LIKE", "ILIKE", "SIMILAR":
		return r.tested(left, op, false)
	}
	if r.accept("ANY", "(") || r.accept("ALL", "(") {
		all := strings.ToUpper(r.tokens[r.at-2]) == "ALL"
		array := r.expression(0)
		r.expect(")")
		elem := types.Lookup(array.Type().OID).Elem
		o := r.findOperator(op, left.Type(), types.Of(elem))
		return &plan.AnyAll{Arg: r.coerce(left, types.Of(o.Left)), Array: array, Op: o.Func, Name: op, All: all}
	}
	return r.operator(op, left, r.expression(p+1))
}

func (r *sqlReader) is(left plan.Expr) plan.Expr {
	not := r.accept("NOT")
	switch {
	case r.accept("NULL"):
		return &plan.IsNull{Arg: left, Not: not}
	case r.accept("TRUE"):
		return &plan.IsBool{Arg: left, Test: plan.IsTrue, Not: not}
	case r.accept("FALSE"):
		return &plan.IsBool{Arg: left, Test: plan.IsFalse, Not: not}
	case r.accept("UNKNOWN"):
		return &plan.IsBool{Arg: left, Test: plan.IsUnknown, Not: not}
	}
	r.expect("DISTINCT")
	r.expect("FROM")
	eq := r.operator("=", left, r.expression(5)).(*plan.Call)
	return &plan.Distinct{Left: eq.Args[0], Right: eq.Args[1], Eq: eq, Not: not}
}

func (r *sqlReader) tested(left plan.Expr, op string, not bool) plan.Expr {
	var e plan.Expr
	switch op {
	case "BETWEEN":
		low := r.expression(7)
		r.expect("AND")
		e = &plan.And{Args: []plan.Expr{r.operator(">=", left, low), r.operator("<=", left, r.expression(7))}}
	case "IN":
		r.expect("(")
		var args []plan.Expr
		for {
			args = append(args, r.expression(0))
			if !r.accept(",") {
				break
			}
		}
		r.expect(")")
		eq := r.operator("=", left, args[0]).(*plan.Call)
		for i := range args {
			args[i] = r.coerce(args[i], types.Of(eq.Func.Args[1]))
		}
		e = &plan.In{Arg: eq.Args[0], List: args, Eq: eq.Func}
	case "LIKE", "ILIKE":
		name := map[string]string{"LIKE": "~~", "ILIKE": "~~*"}[op]
		if not {
			name = "!" + name
		}
		pattern := r.expression(7)
		if r.accept("ESCAPE") {
			pattern = r.function("like_escape", []plan.Expr{pattern, r.expression(7)})
		}
		return r.operator(name, left, pattern)
	case "SIMILAR":
		r.expect("TO")
		pattern := r.function("similar_to_escape", []plan.Expr{r.expression(7)})
		e = r.operator("~", left, pattern)
	default:
		panic("unknown test " + op)
	}
	if not {
		return &plan.Not{Arg: e}
	}
	return e
}

func (r *sqlReader) subscript(left plan.Expr) plan.Expr {
	var ix plan.Index
	if r.peek() != ":" {
		ix.Upper = r.expression(0)
	}
	if r.accept(":") {
		ix = plan.Index{Slice: true, Lower: ix.Upper}
		if r.peek() != "]" {
			ix.Upper = r.expression(0)
		}
	}
	r.expect("]")
	typ := left.Type()
	sub, nested := left.(*plan.Subscript)
	if nested {
		typ = sub.Arg.Type()
	}
	if !ix.Slice {
		typ = types.Of(types.Lookup(typ.OID).Elem)
	}
	if nested {
		return &plan.Subscript{Arg: sub.Arg, Items: append(slices.Clone(sub.Items), ix), Typ: typ}
	}
	return &plan.Subscript{Arg: left, Items: []plan.Index{ix}, Typ: typ}
}

func (r *sqlReader) literal(oid types.OID, s string) plan.Expr {
	v, err := types.Parse(types.Of(oid), s, r.env.Format)
	if err != nil {
		panic(err)
	}
	return r.lift(v)
}

func (r *sqlReader) primary() plan.Expr {
	tok := r.peek()
	r.at++
	switch {
	case tok == "(":
		e := r.expression(0)
		r.expect(")")
		return e
	case tok[0] == '\'':
		return &plan.Const{Value: types.NewString(types.Unknown, strings.ReplaceAll(tok[1:len(tok)-1], "''", "'"))}
	case len(tok) > 1 && tok[1] == '\'' && tok[0]|0x20 == 'e':
		s := strings.NewReplacer("''", "'", `\n`, "\n", `\t`, "\t", `\\`, `\`, `\'`, "'").Replace(tok[2 : len(tok)-1])
		return &plan.Const{Value: types.NewString(types.Unknown, s)}
	case strings.IndexByte("-.0123456789", tok[0]) >= 0:
		return r.number(tok)
	}
	switch strings.ToUpper(tok) {
	case "NULL":
		return &plan.Const{Value: types.NullOf(types.Of(types.Unknown))}
	case "TRUE", "FALSE":
		return r.lift(types.NewBool(strings.ToUpper(tok) == "TRUE"))
	case "CASE":
		return r.caseOf()
	case "ARRAY":
		return r.array()
	case "CAST":
		r.expect("(")
		e := r.expression(0)
		r.expect("AS")
		t := r.typeName()
		r.expect(")")
		return r.cast(e, t, true)
	}
	if r.peek() != "" && (r.peek()[0] == '\'' || r.peek()[0] == '"' && tok == "_") {
		r.at--
		t := r.typeName()
		return r.cast(r.primary(), t, true)
	}
	if !r.accept("(") {
		switch name := strings.ToLower(tok); name {
		case "current_date":
			return r.cast(r.function("now", nil), types.Of(types.Date), true)
		case "current_user", "session_user", "current_schema":
			return r.function(name, nil)
		}
		if r.peek() == "'" {
			panic("unexpected " + tok)
		}
		r.at--
		t := r.typeName()
		return r.cast(r.primary(), t, true)
	}
	return r.call(strings.ToLower(strings.Trim(tok, `"`)), tok[0] == '"')
}

func (r *sqlReader) number(tok string) plan.Expr {
	if !strings.ContainsAny(tok, ".eE") {
		for _, oid := range []types.OID{types.Int4, types.Int8} {
			if v, err := types.Parse(types.Of(oid), tok, r.env.Format); err == nil {
				return r.lift(v)
			}
		}
	}
	return r.literal(types.Numeric, tok)
}

func (r *sqlReader) caseOf() plan.Expr {
	e := &plan.Case{}
	var subject plan.Expr
	if r.word() != "WHEN" {
		subject = r.expression(0)
	}
	var results []plan.Expr
	for r.accept("WHEN") {
		cond := r.expression(0)
		if subject != nil {
			cond = r.operator("=", subject, cond)
		}
		r.expect("THEN")
		then := r.expression(0)
		e.Whens = append(e.Whens, plan.When{Cond: r.settle(cond), Then: then})
		results = append(results, then)
	}
	if r.accept("ELSE") {
		e.Else = r.expression(0)
		results = append(results, e.Else)
	}
	r.expect("END")
	e.Typ = r.common(results)
	for i := range e.Whens {
		e.Whens[i].Then = r.coerce(e.Whens[i].Then, e.Typ)
	}
	if e.Else != nil {
		e.Else = r.coerce(e.Else, e.Typ)
	}
	return e
}

func (r *sqlReader) array() plan.Expr {
	r.expect("[")
	var items []plan.Expr
	for r.peek() != "]" {
		if r.peek() == "[" {
			items = append(items, r.array())
		} else {
			items = append(items, r.expression(0))
		}
		r.accept(",")
	}
	r.expect("]")
	t := r.common(items)
	e := &plan.ArrayOf{Typ: t}
	if info := types.Lookup(t.OID); info.Category == 'A' && len(items) > 0 { // a point has elements too
		e.Multi = true
	} else {
		e.Typ = types.Of(info.Array)
	}
	for _, item := range items {
		e.Items = append(e.Items, r.coerce(item, t))
	}
	return e
}

// common is the type that all of some expressions become.
func (r *sqlReader) common(es []plan.Expr) types.Type {
	t := types.Of(types.Unknown)
	for _, e := range es {
		switch u := e.Type(); {
		case t.OID == types.Unknown:
			t = u
		case u.OID == types.Unknown || u.OID == t.OID:
		case castContext(t.OID, u.OID) == 'i' && castContext(u.OID, t.OID) != 'i' || types.Lookup(u.OID).Preferred && !types.Lookup(t.OID).Preferred:
			t = u
		}
	}
	if t.OID == types.Unknown {
		return types.Of(types.Text)
	}
	return types.Of(t.OID)
}

func (r *sqlReader) arguments() []plan.Expr {
	var args []plan.Expr
	for !r.accept(")") {
		args = append(args, r.expression(0))
		if !r.accept(",") {
			r.expect(")")
			break
		}
	}
	return args
}

func (r *sqlReader) call(name string, quoted bool) plan.Expr {
	if quoted {
		return r.function(name, r.arguments())
	}
	switch name {
	case "extract":
		field := strings.Trim(r.peek(), "'")
		r.at++
		r.expect("FROM")
		source := r.expression(0)
		r.expect(")")
		return r.function("extract", []plan.Expr{&plan.Const{Value: types.NewText(strings.ToLower(field))}, source})
	case "position":
		sub := r.expression(7)
		r.expect("IN")
		s := r.expression(0)
		r.expect(")")
		return r.function("position", []plan.Expr{s, sub})
	case "trim":
		return r.trim()
	case "coalesce":
		args := r.arguments()
		t := r.common(args)
		for i := range args {
			args[i] = r.coerce(args[i], t)
		}
		return &plan.Coalesce{Args: args, Typ: t}
	case "nullif":
		args := r.arguments()
		eq := r.operator("=", args[0], args[1]).(*plan.Call)
		return &plan.NullIf{Left: r.settle(args[0]), Right: args[1], Eq: eq, Typ: r.settle(args[0]).Type()}
	case "row":
		row := &plan.Row{Items: r.arguments(), Typ: types.Of(types.Record)}
		for i := range row.Items {
			row.Names = append(row.Names, fmt.Sprint("f", i+1))
		}
		return row
	case "greatest", "least":
		args := r.arguments()
		t := r.common(args)
		for i := range args {
			args[i] = r.coerce(args[i], t)
		}
		return &plan.MinMax{Greatest: name == "greatest", Args: args, Typ: t}
	case "substring", "overlay":
		args := []plan.Expr{r.expression(7)}
		for r.accept(",") || r.accept("FROM") || r.accept("FOR") || r.accept("PLACING") || r.accept("SIMILAR") || r.accept("ESCAPE") {
			args = append(args, r.expression(0))
		}
		r.expect(")")
		return r.function(name, args)
	}
	return r.function(name, r.arguments())
}

func (r *sqlReader) trim() plan.Expr {
	name := "btrim"
	switch {
	case r.accept("BOTH"):
	case r.accept("LEADING"):
		name = "ltrim"
	case r.accept("TRAILING"):
		name = "rtrim"
	}
	var args []plan.Expr
	if !r.accept("FROM") {
		args = append(args, r.expression(0))
	}
	if len(args) == 0 || r.accept("FROM") {
		args = append([]plan.Expr{r.expression(0)}, args...)
	}
	r.expect(")")
	return r.function(name, args)
}

// typeName reads a type, with modifier and [].
func (r *sqlReader) typeName() types.Type {
	name := strings.Trim(r.peek(), `"`)
	if r.peek()[0] == '"' {
		r.at++
		return types.Of(types.Char)
	}
	r.at++
	for _, two := range [][2]string{{"DOUBLE", "PRECISION"}, {"CHARACTER", "VARYING"}} {
		if strings.ToUpper(name) == two[0] && r.accept(two[1]) {
			name = name + " " + strings.ToLower(two[1])
		}
	}
	info, ok := types.ByName(strings.ToLower(name))
	if strings.ToLower(name) == "char" {
		info, ok = types.Lookup(types.BPChar), true
	}
	if name == "B" {
		info, ok = types.Lookup(types.Bit), true // B'101'
	}
	if !ok {
		panic("no type " + name)
	}
	t := types.Of(info.OID)
	if r.accept("(") {
		var mods []int32
		for !r.accept(")") {
			var m int32
			fmt.Sscan(r.peek(), &m)
			mods = append(mods, m)
			r.at++
			r.accept(",")
		}
		mod, err := info.ModIn(mods)
		if err != nil {
			panic(err)
		}
		t.Mod = mod
	}
	if r.accept("WITH", "TIME", "ZONE") {
		t.OID = types.Timestamptz
	} else {
		r.accept("WITHOUT", "TIME", "ZONE")
	}
	for r.accept("[") {
		r.expect("]")
		if a := types.Lookup(t.OID).Array; a != 0 {
			t.OID = a
		}
	}
	return t
}
