package database

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// remote is a column as the server has it.
type remote struct {
	name string
	typ  types.Type
	sql  string // the type's name there; of PostgreSQL's, where it is not known here
	// Of those that have no types as PostgreSQL has them:
	exact bool // texts that differ here do so there
	texts bool // it keeps texts, whatever it is called
}

// known reports whether values of the column can be taken as they are.
func (r remote) known() bool {
	i := types.Lookup(r.typ.OID)
	return i != nil && i.Phys != types.PhysNone && i.Kind != 'p' && i.Kind != 'e' && i.Kind != 'c' && r.typ.OID < firstOwnOID && r.typ.OID != types.Unknown
}

// firstOwnOID is from where each PostgreSQL database has its own types, enums for one:
// the number of one says nothing here.
const firstOwnOID = 16384

// local is the type that a column is given here.
func (r remote) local() types.Type {
	if r.known() {
		return r.typ
	}
	return types.Of(types.Text)
}

// subject is the table or query in a message that names the server anyway.
func (c *config) subject() string {
	if c.query != "" {
		return fmt.Sprintf("the query of %q", c.rel.Name)
	}
	return fmt.Sprintf("table %q", c.table)
}

// match finds a relation's columns among the server's.
func (c *config) match(columns []catalog.Column, there []remote) ([]remote, error) {
	byName := map[string]remote{}
	var names []string
	for _, r := range there {
		byName[r.name] = r
		names = append(names, r.name)
	}
	var found []remote
	for _, col := range columns {
		r, ok := byName[col.Name]
		if !ok && c.server.folds {
			i := slices.IndexFunc(there, func(r remote) bool { return c.server.same(r.name, col.Name) })
			if ok = i >= 0; ok {
				r = there[i]
			}
		}
		if !ok {
			e := sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q of %q does not exist in %s", col.Name, c.rel.Name, c.what()).
				WithHint("Its columns are %s. %s", strings.Join(names, ", "), c.columnGone())
			e.Column = col.Name
			return nil, e
		}
		found = append(found, r)
	}
	return found, nil
}

// kind is what sort of relation a table is.
type kind struct {
	relkind string // r, p, v, m, f; "" of a query
	// leaves are the tables that hold the rows of a partitioned one.
	leaves []name
	rows   float64 // about how many there are, -1: unknown
	key    []string
	// fleeting: it has no transactions.
	fleeting bool
	rowid    string // the name of the number that each row has; "": it has none
}

// paged reports whether the rows lie in pages of the table's own.
func (k kind) paged() bool { return k.relkind == "r" || k.relkind == "m" || k.relkind == "p" }

// field is how a column comes from the server.
type field struct {
	name string
	sql  string // what it is there
	cast string // what follows it in a SELECT list
	typ  types.Type
	mod  bool // values are fitted to the type's modifier here
	text bool // it comes as text and is read here
	own  bool // its values are the server's own: conditions on them may be left to that
	set  func(v vec.Vec, b []byte) error
}

// appendText appends a value as it came, as text; nothing for a NULL.
func (f *field) appendText(dst, b []byte) []byte {
	if f.text || b == nil {
		return append(dst, b...)
	}
	v, err := types.FromBinary(types.Of(f.typ.OID), b, types.DefaultFormat())
	if err != nil {
		return fmt.Appendf(dst, "%q", b)
	}
	return types.AppendText(dst, v, types.DefaultFormat())
}
