package parse

import (
	"github.com/pganalyze/pg_query_go/v5/parser"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// fromPostgres makes the client's error of one of PostgreSQL's parser.
func fromPostgres(e *parser.Error) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.SyntaxError, "%s", e.Message).At(e.Cursorpos)
}
