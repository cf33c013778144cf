package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// columns describes the table or the query: by what its columns are declared as.
func (s *sqliteSession) columns(ctx context.Context) ([]remote, error) {
	c := s.config
	doing := "describing " + c.subject()
	q, ok := s.conn.(driver.QueryerContext)
	if !ok {
		return nil, fmt.Errorf("%s: %T answers no statements", doing, s.conn)
	}
	rows, err := q.QueryContext(ctx, "SELECT * FROM "+c.from()+" LIMIT 0", nil)
	if err != nil {
		return nil, c.failure(doing, err)
	}
	declared, ok := rows.(driver.RowsColumnTypeDatabaseTypeName)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s: %T describes no columns", doing, rows), rows.Close())
	}
	var columns []remote
	for i, n := range rows.Columns() {
		columns = append(columns, sqliteColumn(n, strings.ToLower(declared.ColumnTypeDatabaseTypeName(i))))
	}
	return columns, c.failure(doing, rows.Close())
}

// sqliteColumn is a column that is declared as a type; "": as none.
func sqliteColumn(n, declared string) remote {
	r := remote{name: n, sql: declared, texts: true, typ: types.Of(types.Text)}
	word, _, _ := strings.Cut(declared, "(")
	word = strings.TrimSpace(word)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(word, p) })
	}
	switch {
	case strings.HasPrefix(word, "json"):
		r.typ = types.Of(types.JSON)
	case strings.HasPrefix(word, "uuid"):
		r.typ = types.Of(types.UUID)
	case strings.HasPrefix(word, "numeric"), strings.HasPrefix(word, "decimal"):
		r.typ = types.Of(types.Numeric)
	case word == "timestamptz", word == "timestamp with time zone":
		r.typ = types.Of(types.Timestamptz)
	case word == "timestamp", word == "datetime", word == "timestamp without time zone":
		r.typ = types.Of(types.Timestamp)
	case word == "date":
		r.typ = types.Of(types.Date)
	case word == "time":
		r.typ = types.Of(types.Time)
	case has("bool"):
		r.typ = types.Of(types.Bool)
	case has("char", "clob", "text"):
	case has("int"):
		r.typ = types.Of(types.Int8)
	case has("blob"):
		r.typ = types.Of(types.Bytea)
	case has("real", "floa", "doub"):
		r.typ = types.Of(types.Float8)
	}
	return r
}

// kind says what the table is. rowid is the name of the number that each row of it has,
// which no column has taken; "": there is none.
func (s *sqliteSession) kind(ctx context.Context) (kind, error) {
	c := s.config
	k := kind{rows: -1}
	if c.query != "" {
		return k, nil
	}
	doing := "describing " + c.subject()
	table := quoteText(c.table.table)
	rows, err := s.texts(ctx, 2, "SELECT type, wr FROM pragma_table_list WHERE name = "+table+" COLLATE NOCASE AND schema = 'main'")
	if err != nil {
		return k, c.failure(doing, err)
	}
	k.relkind = "v"
	columns, err := s.texts(ctx, 2, "SELECT name, pk FROM pragma_table_info("+table+") ORDER BY pk")
	if err != nil {
		return k, c.failure(doing, err)
	}
	if len(rows) == 1 && rows[0][0] == "table" {
		k.relkind = "r"
		if rows[0][1] == "0" {
			for _, n := range []string{"rowid", "_rowid_", "oid"} {
				if !slices.ContainsFunc(columns, func(row []string) bool { return strings.EqualFold(row[0], n) }) {
					k.rowid = n
					break
				}
			}
		}
	}
	for _, row := range columns {
		if row[1] != "0" {
			k.key = append(k.key, row[0])
		}
	}
	return k, nil
}

// field reads a column as one of ours, from its text.
func (sqliteDialect) field(col catalog.Column, r remote, format *types.Format) field {
	f := field{name: col.Name, sql: quoteIdent(r.name), typ: col.Type, text: true}
	f.own = r.typ.OID == col.Type.OID && col.Type.Mod < 0 && r.sql != "" && sqliteDialect{}.holds("=", col.Type.OID)
	f.set = textSetter(col.Type, false, r.typ.OID == types.Bytea, format)
	return f
}

// places: rows come in the order of the numbers that they have.
func (sqliteDialect) places(s *source, bounded bool) (places []place, sorted bool, err error) {
	switch {
	case len(s.config.order()) > 0:
		places = s.ordered(sqlitePlace)
		if s.config.incremental == "" {
			return places, true, nil
		}
	case s.kind.rowid == "" && len(s.kind.key) == 0:
		return s.unplaced(bounded)
	}
	if id := s.kind.rowid; id != "" {
		return append(places, place{name: id, sql: "t." + id, selected: "t." + id, constant: func(text string) string { return text }}), true, nil
	}
	for _, k := range s.kind.key {
		if k != s.config.incremental {
			places = append(places, sqlitePlace(s, k))
		}
	}
	return places, true, nil
}

// sqlitePlace is a column of the table's, or of a query. Its values come as constants:
// where no type is declared, a number is less than any text.
func sqlitePlace(_ *source, column string) place {
	p := place{name: column, sql: "t." + quoteIdent(column), constant: func(text string) string { return text }}
	p.selected = "quote(" + p.sql + ")"
	return p
}

// horizon: of those who write to a file one does at a time, so a lower value never
// comes after a higher one that was there.
func (sqliteDialect) horizon(s *source, _ bool) horizon {
	return fixedHorizon{"t." + quoteIdent(s.config.incremental) + " IS NOT NULL"}
}

func (sqliteDialect) asker(l *lookup, there []remote, scan stream.LookupScan) (asker, error) {
	return newTextAsker(l, there, scan), nil
}

// writer makes a sink's statements.
func (sqliteDialect) writer(ctx context.Context, s *sink, found []remote) (writer, error) {
	if err := noCopy(s); err != nil {
		return nil, err
	}
	conflict := ""
	if s.mode == modeUpsert {
		c := s.config
		names := s.keyNames()
		err := s.tx.on(func(on session) error {
			return on.(*sqliteSession).unique(ctx, s, names)
		})
		if err != nil {
			return nil, c.failure("describing "+c.subject(), err)
		}
		conflict = " ON CONFLICT (" + c.idents(names) + ") DO NOTHING"
		if sets := s.replaced(func(ident string) string { return ident + " = excluded." + ident }); sets != "" {
			conflict = " ON CONFLICT (" + c.idents(names) + ") DO UPDATE SET " + sets
		}
	}
	return newTextWriter(s, found, 500_000, conflict), nil
}

// unique checks that the key has the unique index which ON CONFLICT goes by.
func (s *sqliteSession) unique(ctx context.Context, of *sink, names []string) error {
	table := quoteText(s.config.table.table)
	rows, err := s.texts(ctx, 2, `SELECT i.name, c.name FROM pragma_index_list(`+table+`) i, pragma_index_info(i.name) c WHERE i."unique" AND NOT i.partial`+
		" UNION ALL SELECT '', name FROM pragma_table_info("+table+") WHERE pk > 0")
	if err != nil {
		return err
	}
	indexes := map[string][]string{}
	for _, row := range rows {
		indexes[row[0]] = append(indexes[row[0]], row[1])
	}
	for _, columns := range indexes {
		if len(columns) == len(names) && !slices.ContainsFunc(names, func(n string) bool { return !containsFold(columns, n) }) {
			return nil
		}
	}
	return of.unindexed(names)
}

// checkQuery refuses a query of several statements: the driver would run them all, and
// one may open other files.
func checkQuery(query string) error {
	for i := 0; i < len(query); i++ {
		end := ""
		switch query[i] {
		case '\'', '"', '`':
			end = query[i : i+1]
		case '[':
			end = "]"
		case '-':
			if strings.HasPrefix(query[i:], "--") {
				end = "\n"
			}
		case '/':
			if strings.HasPrefix(query[i:], "/*") {
				i++
				end = "*/"
			}
		case ';', 0:
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "query is more than one statement")
		}
		if end == "" {
			continue
		}
		n := strings.Index(query[i+1:], end)
		if n < 0 && end == "\n" {
			return nil
		}
		if n < 0 {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "query ends in the midst of a quotation or a comment")
		}
		i += n + len(end)
	}
	return nil
}
