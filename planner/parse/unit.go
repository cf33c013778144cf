package parse

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// unit is a text on its way to statements. Every change of the text keeps its
// length, so that positions stay true.
type unit struct {
	*tokens
	src *Source
	// body is the text with the lexer's blanks blanked and the forms of rewrite.go
	// replaced; main is body without what PostgreSQL has not.
	body, main []byte
	// calls are the function calls that stand for something else, by the byte of
	// their name.
	calls map[int]call
	// queries are the clauses of calls of SQL/JSON's query functions, by the same byte.
	queries map[int]*queryClauses
	// err is the error at the lowest position so far.
	err *sqlerr.Error
}

// newUnit scans a text and refuses what PostgreSQL's parser must not see.
func newUnit(text string) (*unit, *sqlerr.Error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	t := lex(text)
	if len(t.list) > MaxTokens {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a statement text exceeds the limit of %d words and symbols", MaxTokens).
			WithHint("Send it as several texts, and data as parameters of a prepared statement.")
	}
	if t.tooLong {
		return nil, sqlerr.Errorf(sqlerr.SyntaxError, "operator too long")
	}
	if err := checkDepth(t); err != nil {
		return nil, err
	}
	u := &unit{tokens: t, src: &Source{Text: text}, body: []byte(text)}
	for _, b := range t.blanks {
		blank(u.body[b.start:b.end])
	}
	u.checkJunk()
	u.rewrite()
	u.main = slices.Clone(u.body)
	return u, nil
}

// blank overwrites bytes with spaces, lines kept.
func blank(b []byte) {
	for i, c := range b {
		if c != '\n' {
			b[i] = ' '
		}
	}
}

// drop takes the tokens from i to before j out of main.
func (u *unit) drop(i, j int) {
	if i < j {
		blank(u.main[u.start(i):u.end(j-1)])
	}
}

// fail keeps the error that stands first in the text: PostgreSQL reads from the
// left and reports one.
func (u *unit) fail(err *sqlerr.Error) {
	if u.err == nil || err.Position < u.err.Position {
		u.err = err
	}
}

// fragment gives prefix, a range of body and suffix to PostgreSQL's parser. The
// positions in the tree are those of the unit's text.
func (u *unit) fragment(prefix string, from, to int, suffix string) (*pg.ParseResult, *sqlerr.Error) {
	return u.parse(prefix, string(u.body[from:to]), from, suffix)
}

// parse gives prefix, body and suffix to PostgreSQL's parser; body stands at
// byte base of the unit's text.
func (u *unit) parse(prefix, body string, base int, suffix string) (*pg.ParseResult, *sqlerr.Error) {
	tree, pe, err := parseTree(prefix + body + suffix)
	if pe != nil {
		return nil, u.fromPostgres(pe, prefix, body, base)
	}
	if err != nil {
		return nil, sqlerr.From(err)
	}
	if shift := base - len(prefix); shift != 0 || len(u.calls) > 0 {
		r := resolver{unit: u, shift: shift}
		r.message(tree.ProtoReflect())
		if r.err != nil {
			return nil, r.err
		}
	}
	return tree, nil
}

// exprs parses the tokens from i to before j as a list of expressions.
func (u *unit) exprs(i, j int) []*pg.Node {
	if i >= j {
		u.fail(u.syntaxError(j))
		return nil
	}
	tree, err := u.fragment("SELECT ROW(", u.start(i), u.end(j-1), "\n)")
	if err != nil {
		u.fail(err)
		return nil
	}
	return tree.Stmts[0].Stmt.GetSelectStmt().TargetList[0].GetResTarget().Val.GetRowExpr().GetArgs()
}

// expr parses the tokens from i to before j as one expression.
func (u *unit) expr(i, j int) *pg.Node {
	list := u.exprs(i, j)
	if len(list) > 1 {
		u.fail(u.syntaxError(u.comma(i, j)))
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// comma returns the first comma from token i to before j outside brackets, or j.
func (u *unit) comma(i, j int) int {
	for ; i < j; i++ {
		switch {
		case u.is(i, ","):
			return i
		case u.is(i, "("), u.is(i, "["):
			i = u.closing(i, j)
		}
	}
	return j
}

// openers are the words after which a table or an expression must begin.
var openers = setOf("from", "join", "lateral", "only", "as", "by", "where", "on", "and", "or", "not", "having", "limit", "offset", "select", "distinct", "when", "then", "else", "case", "using", "in", "like", "ilike", "between", "is")

// endsOperand reports whether token i can end a table or an expression, so that
// the word after it is no name.
func (u *unit) endsOperand(i int) bool {
	switch u.list[i].kind {
	case op, broken:
		return false
	case punct:
		return u.is(i, ")") || u.is(i, "]")
	}
	return u.isLabel(i) || !u.isAny(i, openers)
}
