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
	src := &Source{Text: text}
	tree, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	if len(tree.Stmts) == 0 {
		return []Statement{{Pos: 1, Source: src}}, nil
	}
	stmts := make([]Statement, 0, len(tree.Stmts))
	for _, raw := range tree.Stmts {
		start, end := int(raw.StmtLocation), len(text)
		if raw.StmtLen > 0 {
			end = start + int(raw.StmtLen)
		}
		stmts = append(stmts, Statement{Text: text[start:end], Pos: src.Char(start), Source: src, Node: raw.Stmt})
	}
	return stmts, nil
}

// Query parses a text that holds exactly one statement, as the catalog keeps
// the queries of views and jobs.
func Query(text string) (Statement, error) {
	stmts, err := Parse(text)
	if err != nil {
		return Statement{}, err
	}
	if len(stmts) != 1 || stmts[0].Node == nil && stmts[0].Stream == nil {
		return Statement{}, sqlerr.Errorf(sqlerr.SyntaxError, "a query text holds %d statements where one is wanted", len(stmts))
	}
	return stmts[0], nil
}

// Expr parses a text that is one expression, as the catalog keeps watermarks,
// defaults and generator columns. Positions inside the node count bytes from 0
// of the text.
func Expr(text string) (*pg.Node, error) {
	tree, err := parseTree("SELECT " + text)
	if err != nil {
		return nil, err
	}
	return tree.Stmts[0].Stmt.GetSelectStmt().TargetList[0].GetResTarget().Val, nil
}
