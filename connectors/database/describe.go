package database

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// remote is a column as the server has it.
type remote struct {
	name string
	typ  types.Type
	sql  string // the type's name there, where it is not known here
}

// written is the type as a cast there names it.
func (r remote) written() string {
	if r.sql != "" {
		return r.sql
	}
	return types.FormatType(types.Of(r.typ.OID))
}

// known reports whether values of the column can be taken as they are.
func (r remote) known() bool {
	i := types.Lookup(r.typ.OID)
	return i != nil && i.Phys != types.PhysNone && i.Kind != 'p' && i.Kind != 'e' && i.Kind != 'c' && r.typ.OID < firstOwnOID && r.typ.OID != types.Unknown
}

// firstOwnOID is from where each database has its own types, enums for one: the
// number of one says nothing here.
const firstOwnOID = 16384

// local is the type that a column is given here.
func (r remote) local() types.Type {
	if r.known() {
		return r.typ
	}
	return types.Of(types.Text)
}

// columns describes the table or the query.
func (c *config) columns(ctx context.Context, conn *pgconn.PgConn) ([]remote, error) {
	d, err := conn.Prepare(ctx, "", "SELECT * FROM "+c.from(), nil)
	if err != nil {
		return nil, c.failure("describing "+c.subject(), err)
	}
	var columns []remote
	var unknown []string
	for _, f := range d.Fields {
		r := remote{name: f.Name, typ: types.Type{OID: types.OID(f.DataTypeOID), Mod: f.TypeModifier}}
		if columns = append(columns, r); !r.known() {
			unknown = append(unknown, fmt.Sprint(f.DataTypeOID))
		}
	}
	if len(unknown) == 0 {
		return columns, nil
	}
	results, err := conn.Exec(ctx, "SELECT oid, pg_catalog.format_type(oid, NULL) FROM pg_catalog.pg_type WHERE oid IN ("+strings.Join(unknown, ", ")+")").ReadAll()
	if err != nil {
		return nil, c.failure("describing "+c.subject(), err)
	}
	for _, row := range results[0].Rows {
		for i := range columns {
			if fmt.Sprint(uint32(columns[i].typ.OID)) == string(row[0]) {
				columns[i].sql = string(row[1])
			}
		}
	}
	return columns, nil
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
		if !ok {
			e := sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q of %q does not exist in %s", col.Name, c.rel.Name, c.what()).WithHint("Its columns are %s.", strings.Join(names, ", "))
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
}

// paged reports whether the rows lie in pages of the table's own.
func (k kind) paged() bool { return k.relkind == "r" || k.relkind == "m" || k.relkind == "p" }

// kindOf asks what a table is.
func (c *config) kindOf(ctx context.Context, conn *pgconn.PgConn) (kind, error) {
	if c.query != "" {
		return kind{rows: -1}, nil
	}
	table := quoteLiteral(c.table.sql()) + "::regclass"
	results, err := conn.Exec(ctx, "SELECT relkind, reltuples, relhassubclass FROM pg_catalog.pg_class WHERE oid = "+table+";"+
		" SELECT n.nspname, k.relname, k.reltuples FROM pg_catalog.pg_partition_tree("+table+") t JOIN pg_catalog.pg_class k ON k.oid = t.relid"+
		" JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace WHERE t.isleaf AND k.relkind = 'r' ORDER BY k.oid;"+
		" SELECT a.attname FROM pg_catalog.pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS p(attnum, n)"+
		" JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = p.attnum WHERE i.indrelid = "+table+" AND i.indisprimary AND p.n <= i.indnkeyatts ORDER BY p.n").ReadAll()
	if err != nil {
		return kind{}, c.failure("describing "+c.subject(), err)
	}
	k := kind{rows: -1}
	if len(results) != 3 || len(results[0].Rows) != 1 {
		return k, sqlerr.Errorf(sqlerr.ProtocolViolation, "describing %s: %s gave %d answers", c.subject(), c.server, len(results))
	}
	k.relkind = string(results[0].Rows[0][0])
	if n, err := types.ParseFloat64Bytes(results[0].Rows[0][1]); err == nil && n >= 0 {
		k.rows = n
	}
	if k.relkind == "r" && string(results[0].Rows[0][2]) == "t" {
		k.relkind = "" // others inherit of it: its rows lie in several tables
	}
	if k.relkind == "p" {
		k.rows = 0
		for _, row := range results[1].Rows {
			k.leaves = append(k.leaves, name{string(row[0]), string(row[1])})
			if n, err := types.ParseFloat64Bytes(row[2]); err == nil && n > 0 {
				k.rows += n
			}
		}
	}
	for _, row := range results[2].Rows {
		k.key = append(k.key, string(row[0]))
	}
	return k, nil
}

// field is how a column comes from the server.
type field struct {
	name string
	sql  string // what is selected
	typ  types.Type
	mod  bool // values are fitted to the type's modifier here
	text bool // it comes as text and is read here
	set  func(v vec.Vec, b []byte) error
}

// newField reads a column of the server's as one of ours. Where the types differ the
// value's text is read, so that one which does not fit is a fault of its row.
func newField(col catalog.Column, r remote, format *types.Format) field {
	f := field{name: col.Name, sql: quoteIdent(r.name), typ: col.Type}
	same := r.known() && r.typ.OID == col.Type.OID
	f.mod = col.Type.Mod >= 0 && r.typ.Mod != col.Type.Mod
	if !same {
		f.text = true
		f.sql += "::pg_catalog.text"
	}
	f.set = setter(col.Type, f.text, f.mod, format)
	return f
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
