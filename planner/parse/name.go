package parse

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// names reads name, schema.name, ... from token i to before j with PostgreSQL's
// grammar of DROP TABLE, which also takes IF EXISTS before and CASCADE or
// RESTRICT after them. The statement is nil where the names are wrong.
func (u *unit) names(i, j int) ([]Name, *pg.DropStmt) {
	if i >= j {
		u.fail(u.syntaxError(j))
		return nil, nil
	}
	tree, err := u.fragment("DROP TABLE ", u.start(i), u.end(j-1), "")
	if err != nil {
		u.fail(err)
		return nil, nil
	}
	if u.are(i, "if", "exists") {
		i += 2
	}
	drop := tree.Stmts[0].Stmt.GetDropStmt()
	var out []Name
	for _, o := range drop.GetObjects() {
		n, err := nameOf(o.GetList().GetItems())
		n.Pos = u.src.Char(u.start(i))
		if err != nil {
			u.fail(err.At(n.Pos))
			return nil, nil
		}
		out = append(out, n)
		i = u.comma(i, j) + 1
	}
	return out, drop
}

// name reads one name from token i to before j.
func (u *unit) name(i, j int) Name {
	names, _ := u.names(i, j)
	if len(names) > 1 {
		u.fail(u.syntaxError(u.comma(i, j)))
	}
	if len(names) == 0 {
		return Name{}
	}
	return names[0]
}

// nameEnd returns the token after the name that begins at token i.
func (u *unit) nameEnd(i int) int {
	for i++; u.is(i, ".") && u.isName(i+1); i += 2 {
	}
	return i
}

func nameOf(parts []*pg.Node) (Name, *sqlerr.Error) {
	switch len(parts) {
	case 1:
		return Name{Name: parts[0].GetString_().GetSval()}, nil
	case 2:
		return Name{Schema: parts[0].GetString_().GetSval(), Name: parts[1].GetString_().GetSval()}, nil
	}
	return Name{}, sqlerr.Unsupported("write schema.name", "a name of more than two parts is not supported")
}
