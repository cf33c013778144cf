package bind

import (
	"context"
	"errors"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
)

// typeOID is the type that a text names, as the grammar reads it: integer[],
// timestamp(3) with time zone, "my type".
func typeOID(s *catalog.Snapshot, path []string, name string) (oid types.OID, err error) {
	if info, ok := types.ByName(strings.ToLower(strings.TrimSpace(name))); ok {
		return info.OID, nil
	}
	defer func() {
		// A position would be in this text, which the statement's reader does not see.
		if e := (*sqlerr.Error)(nil); errors.As(err, &e) {
			plain := *e
			plain.Position = 0
			err = &plain
		}
	}()
	defer catch(&err)
	text := "NULL::" + name
	node, err := parse.Expr(text)
	if err != nil {
		return 0, err
	}
	cast := node.GetTypeCast()
	if cast == nil || !cast.Arg.GetAConst().GetIsnull() {
		return 0, sqlerr.Errorf(sqlerr.SyntaxError, "syntax error in the type name \"%s\"", name)
	}
	b := newBinder(context.Background(), &Context{Catalog: s, SearchPath: path}, parse.Statement{Text: text, Pos: 1, Source: &parse.Source{Text: text}})
	return b.typeName(cast.TypeName).OID, nil
}
