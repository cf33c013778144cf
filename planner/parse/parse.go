package parse

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Parse splits a text into its statements and parses each. A text of nothing
// but blanks, comments and semicolons is one empty Statement; other empty
// statements are left out, as PostgreSQL does. An error is a *sqlerr.Error
// whose position counts characters of the whole text.
func Parse(text string) ([]Statement, error) {
	u, err := newUnit(text)
	if err != nil {
		return nil, err
	}
	stmts, err := u.statements()
	if err != nil {
		return nil, err
	}
	return stmts, nil
}

func (u *unit) statements() ([]Statement, *sqlerr.Error) {
	segments := u.segments()
	for i := range segments {
		u.read(&segments[i])
	}
	tree, err := u.parse("", string(u.main), 0, "")
	if err != nil {
		u.fail(err)
	}
	if u.err != nil {
		return nil, u.err
	}
	if len(segments) == 0 {
		return []Statement{{Pos: 1, Source: u.src}}, nil
	}
	stmts := make([]Statement, 0, len(segments))
	raw := tree.Stmts
	for i := range segments {
		s := &segments[i]
		if s.node != nil {
			if len(raw) == 0 || int(raw[0].StmtLocation) != s.from {
				return nil, sqlerr.Errorf(sqlerr.InternalError, "statement %d of the text was parsed out of its place", i+1)
			}
			if err := s.node(raw[0].Stmt); err != nil {
				return nil, err
			}
			if err := s.link(raw[0].Stmt); err != nil {
				return nil, err
			}
			raw = raw[1:]
		}
		stmts = append(stmts, s.stmt)
	}
	if len(raw) > 0 {
		return nil, sqlerr.Errorf(sqlerr.InternalError, "the text was parsed into more statements than it holds")
	}
	return stmts, nil
}

// link finds the nodes that the clauses belong to.
func (s *segment) link(node *pg.Node) *sqlerr.Error {
	if len(s.stmt.Clauses) == 0 {
		return nil
	}
	found := Selects(node)
	if len(found) != s.selects {
		return sqlerr.Errorf(sqlerr.InternalError, "%d SELECTs were read where PostgreSQL's tree has %d", s.selects, len(found))
	}
	s.stmt.BySelect = make(map[*pg.SelectStmt]*SelectClauses, len(s.stmt.Clauses))
	for k, c := range s.stmt.Clauses {
		s.stmt.BySelect[found[k]] = c
	}
	return nil
}

// Query parses a text that holds exactly one statement, as the catalog keeps
// the queries of views and jobs.
func Query(text string) (Statement, error) {
	stmts, err := Parse(text)
	if err != nil {
		return Statement{}, err
	}
	if len(stmts) != 1 || stmts[0].Node == nil && stmts[0].Stream == nil {
		return Statement{}, sqlerr.Errorf(sqlerr.SyntaxError, "a query text must hold one statement, not %d", len(stmts))
	}
	return stmts[0], nil
}

// Expr parses a text that is one expression, as the catalog keeps watermarks,
// defaults and generator columns. Positions inside the node count bytes from 0
// of the text.
func Expr(text string) (*pg.Node, error) {
	u, err := newUnit(text)
	if err != nil {
		return nil, err
	}
	node := u.expr(0, len(u.list))
	if u.err != nil {
		return nil, u.err
	}
	return node, nil
}
