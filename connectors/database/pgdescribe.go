package database

import (
	"context"
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// written is the type as a cast there names it.
func (r remote) written() string {
	if r.sql != "" {
		return r.sql
	}
	return types.FormatType(types.Of(r.typ.OID))
}

// columns describes the table or the query.
func (s *pgSession) columns(ctx context.Context) ([]remote, error) {
	c, conn := s.config, s.conn
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

// kind asks what a table is.
func (s *pgSession) kind(ctx context.Context) (kind, error) {
	c, conn := s.config, s.conn
	if c.query != "" {
		return kind{rows: -1}, nil
	}
	table := quoteLiteral(c.sql(c.table)) + "::regclass"
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

// postgresNames are the types whose values' bytes may be those of another type, too. A
// column that is altered while it is read is of the type that it was: nothing else says so.
var postgresNames = map[types.OID]string{
	types.Bool: "bool", types.Int2: "int2", types.Int4: "int4", types.Int8: "int8", types.Float4: "float4", types.Float8: "float8", types.Numeric: "numeric",
	types.Date: "date", types.Time: "time", types.Timestamp: "timestamp", types.Timestamptz: "timestamptz", types.UUID: "uuid",
	types.Text: "text", types.Varchar: "varchar", types.BPChar: "bpchar", types.Bytea: "bytea", types.JSON: "json",
}

// field reads a column of the server's as one of ours. Where the types differ the
// value's text is read, so that one which does not fit is a fault of its row.
func (postgres) field(col catalog.Column, r remote, format *types.Format) field {
	f := field{name: col.Name, sql: quoteIdent(r.name), typ: col.Type}
	same := r.known() && r.typ.OID == col.Type.OID
	f.mod = col.Type.Mod >= 0 && r.typ.Mod != col.Type.Mod
	switch as := postgresNames[col.Type.OID]; {
	case !same:
		f.text = true
		f.sql += "::pg_catalog.text"
	case as != "":
		f.cast = "::pg_catalog." + as
	}
	f.own = !f.text && !f.mod
	f.set = setter(col.Type, f.text, f.mod, format)
	return f
}

// places: rows of a table lie in the order of their pages.
func (postgres) places(s *source, bounded bool) (places []place, sorted bool, err error) {
	ctid, tableoid := binaryPlace("t.ctid", types.TID), binaryPlace("t.tableoid", types.Oid)
	switch {
	case s.config.incremental != "":
		places = []place{postgresPlace(s, s.config.incremental)}
		if s.kind.paged() {
			// Rows with one value are told apart by where they lie; a row that is alone with
			// its value would come again where an update has moved it.
			alone := len(s.kind.key) == 1 && s.kind.key[0] == s.config.incremental
			tableoid.aside, ctid.aside = alone, alone
			places = append(places, tableoid, ctid)
		}
		return places, true, nil
	case len(s.config.keys) > 0:
		return s.ordered(postgresPlace), true, nil
	case s.kind.paged():
		return []place{ctid}, false, nil
	}
	return s.unplaced(bounded)
}

// postgresPlace is a column of the server's, read as text.
func postgresPlace(_ *source, column string) place {
	sql := "t." + quoteIdent(column)
	return place{name: column, sql: sql, selected: sql + "::pg_catalog.text"}
}

func binaryPlace(column string, t types.OID) place {
	return place{sql: column, selected: column, read: func(b []byte) (string, error) {
		v, err := types.FromBinary(types.Of(t), b, nil)
		if err != nil {
			return "", err
		}
		return string(types.AppendText(nil, v, types.DefaultFormat())), nil
	}}
}

// horizon: who takes a lower value and has begun to write is a transaction that was running before
// the rows of a later one came: what is younger than the oldest that runs waits.
func (postgres) horizon(s *source, _ bool) horizon {
	column := "t." + quoteIdent(s.config.incremental)
	where := []string{column + " IS NOT NULL"}
	if s.kind.paged() && s.kind.relkind != "m" {
		where = append(where, "pg_catalog.age(t.xmin) > pg_catalog.age(pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.xid)")
	}
	if lag := s.config.lag; lag > 0 {
		where = append(where, fmt.Sprintf("%s <= pg_catalog.now() - interval '%d microseconds'", column, lag.Microseconds()))
	}
	return fixedHorizon(where)
}
