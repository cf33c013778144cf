package parse

import (
	"errors"
	"fmt"
	"sync"

	pg "github.com/pganalyze/pg_query_go/v5"
	"github.com/pganalyze/pg_query_go/v5/parser"
	"google.golang.org/protobuf/proto"
)

// pgQuery serialises calls of PostgreSQL's parser: it redirects the process's
// standard error for the length of a call, so that two calls at once could
// leave it redirected for ever.
var pgQuery sync.Mutex

// parseTree gives text to PostgreSQL's parser.
func parseTree(text string) (*pg.ParseResult, error) {
	pgQuery.Lock()
	bytes, err := parser.ParseToProtobuf(text)
	pgQuery.Unlock()
	if err != nil {
		var pe *parser.Error
		if errors.As(err, &pe) {
			return nil, fromPostgres(pe)
		}
		return nil, err
	}
	tree := &pg.ParseResult{}
	// A tree as deep as the bound on nesting allows is several messages deep at
	// each level, past the default limit of protobuf.
	if err := (proto.UnmarshalOptions{RecursionLimit: 1 << 20}).Unmarshal(bytes, tree); err != nil {
		return nil, fmt.Errorf("decoding PostgreSQL's parse tree: %w", err)
	}
	return tree, nil
}
