package parse

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// JSON_VALUE, JSON_QUERY and JSON_EXISTS with clauses are of PostgreSQL 17. Here
// their clauses are taken out of body; the expressions in them stay, as further
// arguments of a call: PASSING and DEFAULT become commas.

// queryFunctions are the SQL/JSON query functions, and what they are called in body.
var queryFunctions = map[string]string{"json_value": "json_valu$", "json_query": "json_quer$", "json_exists": "json_exist$"}

// queryClauses are the clauses of one call.
type queryClauses struct {
	function string
	// clauses are in the order of the text. One with an expression takes the
	// call's next argument.
	clauses []queryClause
}

type queryClause struct {
	name  string // of a pg.DefElem: see resolveQuery
	what  string // the variable of PASSING, the text of a type, the words of others
	token int
	arg   bool
}

// rewriteJSONQuery reads the call of an SQL/JSON query function at token i. One
// without clauses is left to be a call as any other.
func (u *unit) rewriteJSONQuery(i int, function string) {
	r := jsonQueryReader{unit: u, stop: u.closing(i+1, len(u.list)), out: queryClauses{function: function}}
	if r.stop >= len(u.list) {
		return
	}
	comma := u.comma(i+2, r.stop)
	if comma >= r.stop || comma == i+2 {
		return
	}
	r.format(i+2, comma, "format")
	k := r.expression(comma + 1)
	if k == comma+1 || k < r.stop && u.is(k, ",") {
		return
	}
	if k = r.read(k); k < r.stop {
		u.fail(u.syntaxError(k))
		return
	}
	if len(r.out.clauses) == 0 {
		return
	}
	if u.queries == nil {
		u.queries = make(map[int]*queryClauses)
	}
	u.queries[u.start(i)] = &r.out
	u.rename(i, queryCall, queryFunctions[function])
}

type jsonQueryReader struct {
	*unit
	stop int // the closing bracket
	out  queryClauses
}

func (r *jsonQueryReader) add(name, what string, token int, arg bool) {
	r.out.clauses = append(r.out.clauses, queryClause{name, what, token, arg})
}

// erase takes the tokens from i to before j out of body.
func (r *jsonQueryReader) erase(i, j int) {
	if i < j {
		blank(r.body[r.start(i):r.end(j-1)])
	}
}

// toComma puts a comma in the place of a keyword.
func (r *jsonQueryReader) toComma(i int) {
	r.erase(i, i+1)
	r.body[r.start(i)] = ','
}

// format takes FORMAT JSON [ENCODING x] from the end of the tokens from i to before j,
// and returns where it began.
func (r *jsonQueryReader) format(i, j int, name string) int {
	k := j
	if k-2 > i && r.is(k-2, "encoding") {
		k -= 2
	}
	if k-2 <= i || !r.are(k-2, "format", "json") || !r.endsOperand(k-3) {
		return j
	}
	r.erase(k-2, j)
	if name != "" {
		r.add(name, "", k-2, false)
	}
	return k - 2
}

// expression returns the end of an expression that begins at token i: a clause,
// a comma or the closing bracket.
func (r *jsonQueryReader) expression(i int) int {
	for k := i; k < r.stop; k++ {
		switch {
		case r.is(k, "("), r.is(k, "["):
			k = r.closing(k, r.stop)
		case r.is(k, ","):
			return k
		case k > i && r.list[k].kind == word && !r.isLabel(k) && r.endsOperand(k-1) && r.begins(k):
			return k
		}
	}
	return r.stop
}

// begins reports whether a clause begins at token k.
func (r *jsonQueryReader) begins(k int) bool {
	switch {
	case r.is(k, "passing"), r.is(k, "returning"), r.is(k, "default"):
		return true
	case r.is(k, "with"), r.is(k, "without"):
		return r.is(k+1, "conditional") || r.is(k+1, "unconditional") || r.is(k+1, "array") || r.is(k+1, "wrapper")
	case r.is(k, "keep"), r.is(k, "omit"):
		return r.is(k+1, "quotes")
	}
	return r.behavior(k) > 0
}

// behaviors are the words of a behavior that is one word.
var behaviors = setOf("error", "null", "true", "false", "unknown", "empty")

// behavior returns how many tokens a behavior without its ON EMPTY or ON ERROR has; 0: there is none.
func (r *jsonQueryReader) behavior(k int) int {
	n := 1
	if r.is(k, "empty") && (r.is(k+1, "array") || r.is(k+1, "object")) {
		n = 2
	}
	if r.isAny(k, behaviors) && r.isOn(k+n) {
		return n
	}
	return 0
}

// isOn reports whether ON EMPTY or ON ERROR stands at token k.
func (r *jsonQueryReader) isOn(k int) bool {
	return r.is(k, "on") && (r.is(k+1, "empty") || r.is(k+1, "error"))
}

// read takes the clauses, and returns the token after the last.
func (r *jsonQueryReader) read(k int) int {
	if r.is(k, "passing") {
		k = r.passing(k)
	}
	if r.is(k, "returning") && r.out.function != "json_exists" {
		end := r.expression(k + 1)
		if end == k+1 {
			return r.refuse(k, end)
		}
		typeEnd := r.format(k, end, "")
		r.add("returning", r.text[r.start(k+1):r.end(max(typeEnd-1, k+1))], k+1, false)
		if typeEnd < end {
			r.add("output", "", typeEnd, false)
		}
		r.erase(k, end)
		k = end
	}
	if r.out.function == "json_query" {
		k = r.quotes(r.wrapper(k))
	}
	k = r.on(k, "empty")
	return r.on(k, "error")
}

// passing reads PASSING expr AS name, ...
func (r *jsonQueryReader) passing(k int) int {
	r.toComma(k)
	for {
		end := r.expression(k + 1)
		if end-3 < k || !r.is(end-2, "as") {
			if r.is(end-1, "as") {
				r.erase(end-1, end)
			}
			return r.refuse(end, end)
		}
		tree, err := r.fragment("SELECT 1 AS ", r.start(end-1), r.end(end-1), "")
		if err != nil {
			r.fail(err)
			return end
		}
		name := "passing"
		if r.format(k, end-2, "") < end-2 {
			name = "passing json"
		}
		r.erase(end-2, end)
		r.add(name, tree.Stmts[0].Stmt.GetSelectStmt().TargetList[0].GetResTarget().Name, k+1, true)
		if k = end; !r.is(k, ",") {
			return k
		}
	}
}

// refuse fails at a token. What stands from the clause's first token on is taken
// out, so that PostgreSQL's parser does not fail before it.
func (r *jsonQueryReader) refuse(from, at int) int {
	r.erase(from, r.stop)
	r.fail(r.syntaxError(at))
	return r.stop
}

func (r *jsonQueryReader) wrapper(k int) int {
	n := k + 1
	kind := "unconditional"
	switch {
	case r.is(k, "without"):
		kind = "without"
	case !r.is(k, "with"):
		return k
	case r.is(n, "conditional"):
		kind = "conditional"
		n++
	case r.is(n, "unconditional"):
		n++
	}
	if r.is(n, "array") {
		n++
	}
	if !r.is(n, "wrapper") {
		return n
	}
	r.add("wrapper", kind, k, false)
	r.erase(k, n+1)
	return n + 1
}

func (r *jsonQueryReader) quotes(k int) int {
	if !r.is(k, "keep") && !r.is(k, "omit") || !r.is(k+1, "quotes") {
		return k
	}
	n := k + 2
	if r.are(n, "on", "scalar", "string") {
		n += 3
	}
	r.add("quotes", strings.ToLower(r.at(k)), k, false)
	r.erase(k, n)
	return n
}

// on reads a behavior ON EMPTY or ON ERROR.
func (r *jsonQueryReader) on(k int, what string) int {
	if r.is(k, "default") {
		n := k + 1
		for ; n < r.stop && !r.isOn(n); n++ {
			if r.is(n, "(") || r.is(n, "[") {
				n = r.closing(n, r.stop)
			}
		}
		switch {
		case n == k+1 || n >= r.stop:
			return r.refuse(k, n)
		case !r.is(n+1, what):
			return k
		}
		r.toComma(k)
		r.erase(n, n+2)
		r.add(what, "default", k+1, true)
		return n + 2
	}
	n := r.behavior(k)
	if n == 0 || !r.is(k+n+1, what) {
		return k
	}
	word := strings.ToLower(r.at(k))
	switch {
	case n == 2:
		word = strings.ToLower(r.at(k + 1))
	case word == "empty":
		word = "array"
	}
	r.add(what, word, k, false)
	r.erase(k, k+n+2)
	return k + n + 2
}

// resolveQuery puts the call with its clauses in the node that holds what stood for
// it in body: a pg.JsonConstructorExpr, which PostgreSQL's parser never makes, whose Args stand for a call of an SQL/JSON
// query function with clauses: its name as a string, the document, the path, and a DefElem
// for each clause, in the order of the text.
//
//	format       FORMAT JSON behind the document
//	passing      Arg AS Defnamespace; "passing json" with FORMAT JSON
//	returning    Arg is a TypeName
//	output       FORMAT JSON behind RETURNING
//	wrapper      Defnamespace is without, conditional or unconditional
//	quotes       Defnamespace is keep or omit
//	empty, error Defnamespace is default (with Arg), error, null, true, false, unknown, array or object
func (u *unit) resolveQuery(node *pg.Node, f *pg.FuncCall) *sqlerr.Error {
	q := u.queries[int(f.Location)]
	if q == nil || len(f.Funcname) != 1 || f.Funcname[0].GetString_().GetSval() != queryFunctions[q.function] {
		return nil
	}
	want := 2
	for _, c := range q.clauses {
		if c.arg {
			want++
		}
	}
	if len(f.Args) != want {
		return u.syntaxError(u.after(int(f.Location)))
	}
	args := append([]*pg.Node{pg.MakeAConstStrNode(q.function, f.Location)}, f.Args[:2]...)
	rest := f.Args[2:]
	for _, c := range q.clauses {
		at := u.start(c.token)
		d := &pg.DefElem{Defname: c.name, Defnamespace: c.what, Location: int32(at)}
		switch {
		case c.arg:
			d.Arg, rest = rest[0], rest[1:]
		case c.name == "returning":
			name, err := typeName(c.what, at)
			if err != nil {
				return err.At(u.src.Char(at))
			}
			d.Arg = &pg.Node{Node: &pg.Node_TypeName{TypeName: name}}
		}
		args = append(args, &pg.Node{Node: &pg.Node_DefElem{DefElem: d}})
	}
	node.Node = &pg.Node_JsonConstructorExpr{JsonConstructorExpr: &pg.JsonConstructorExpr{Args: args, Location: f.Location}}
	return nil
}
