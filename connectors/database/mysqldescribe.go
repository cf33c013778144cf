package database

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// schema is the one that a table is in, as a condition of information_schema has it.
func (s *mysqlSession) schema() string {
	if t := s.config.table; t.schema != "" {
		return quoteText(t.schema)
	}
	return "DATABASE()"
}

// columns describes the table or the query.
func (s *mysqlSession) columns(ctx context.Context) ([]remote, error) {
	c := s.config
	doing := "describing " + c.subject()
	if c.query != "" {
		columns, err := s.queried(ctx)
		return columns, c.failure(doing, err)
	}
	rows, err := s.texts(ctx, 7, "SELECT COLUMN_NAME, LOWER(DATA_TYPE), LOWER(COLUMN_TYPE), COALESCE(NUMERIC_PRECISION, CHARACTER_MAXIMUM_LENGTH, 0), COALESCE(NUMERIC_SCALE, DATETIME_PRECISION, 0),"+
		" COALESCE(COLLATION_NAME, ''), VERSION() FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "+s.schema()+" AND TABLE_NAME = "+quoteText(c.table.table)+" ORDER BY ORDINAL_POSITION")
	if err != nil {
		return nil, c.failure(doing, err)
	}
	if len(rows) == 0 { // the server says why
		_, err := s.queried(ctx)
		if err == nil {
			err = sqlerr.Errorf(sqlerr.UndefinedTable, "%s does not exist", c.what())
		}
		return nil, c.failure(doing, err)
	}
	documents := map[string]bool{}
	if strings.Contains(rows[0][6], "MariaDB") && slices.ContainsFunc(rows, func(r []string) bool { return r[1] == "longtext" }) {
		if documents, err = s.documents(ctx); err != nil {
			return nil, c.failure(doing, err)
		}
	}
	var columns []remote
	for _, row := range rows {
		size, _ := strconv.ParseInt(row[3], 10, 64) // a number, or none
		scale, _ := strconv.Atoi(row[4])
		kind := row[1]
		switch {
		case documents[row[0]]:
			kind = "json"
		case row[2] == "tinyint(1)":
			kind = "bool"
		}
		columns = append(columns, mysqlColumn(row[0], kind, strings.Contains(row[2], "unsigned"), size, scale, row[5] == "" || strings.HasSuffix(row[5], "_bin")))
	}
	return columns, nil
}

// documents are the columns that MariaDB keeps JSON in, as texts that it checks.
func (s *mysqlSession) documents(ctx context.Context) (map[string]bool, error) {
	rows, err := s.texts(ctx, 2, "SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = "+s.schema()+" AND TABLE_NAME = "+quoteText(s.config.table.table))
	found := map[string]bool{}
	for _, row := range rows {
		if strings.EqualFold(row[1], "json_valid("+quoteMySQL(row[0])+")") {
			found[row[0]] = true
		}
	}
	return found, err
}

// queried describes what a SELECT gives.
func (s *mysqlSession) queried(ctx context.Context) ([]remote, error) {
	q, ok := s.conn.(driver.QueryerContext)
	if !ok {
		return nil, fmt.Errorf("%T answers no statements", s.conn)
	}
	rows, err := q.QueryContext(ctx, "SELECT * FROM "+s.config.from()+" LIMIT 0", nil)
	if err != nil {
		return nil, err
	}
	var columns []remote
	kinds, ok := rows.(driver.RowsColumnTypeDatabaseTypeName)
	sizes, sized := rows.(driver.RowsColumnTypePrecisionScale)
	if !ok || !sized {
		return nil, errors.Join(fmt.Errorf("%T describes no columns", rows), rows.Close())
	}
	for i, n := range rows.Columns() {
		kind := strings.ToLower(kinds.ColumnTypeDatabaseTypeName(i))
		kind, unsigned := strings.CutPrefix(kind, "unsigned ")
		precision, scale, ok := sizes.ColumnTypePrecisionScale(i)
		if !ok || scale > 38 {
			precision, scale = 0, 0
		}
		if kind == "bit" { // of what length, it does not say
			r := mysqlColumn(n, "bigint", true, 0, 0, false)
			r.sql = kind // its values come as bytes
			columns = append(columns, r)
			continue
		}
		columns = append(columns, mysqlColumn(n, kind, unsigned, precision, int(scale), false))
	}
	return columns, rows.Close()
}

// mysqlColumn is a column there. exact: texts that differ here do so there.
func mysqlColumn(n, kind string, unsigned bool, size int64, scale int, exact bool) remote {
	r := remote{name: n, sql: kind, exact: exact, typ: types.Of(types.Text)}
	switch kind {
	case "bool":
		r.typ = types.Of(types.Bool)
	case "tinyint", "year":
		r.typ = types.Of(types.Int2)
	case "smallint":
		r.typ = types.Of(wider(unsigned, types.Int2, types.Int4))
	case "mediumint":
		r.typ = types.Of(types.Int4)
	case "int":
		r.typ = types.Of(wider(unsigned, types.Int4, types.Int8))
	case "bigint":
		r.typ = types.Of(types.Int8)
		if unsigned {
			r.typ = types.Type{OID: types.Numeric, Mod: modOfNumeric(20, 0)}
		}
	case "decimal":
		r.typ = types.Type{OID: types.Numeric, Mod: modOfNumeric(int(size), scale)}
	case "float":
		r.typ = types.Of(types.Float4)
	case "double":
		r.typ = types.Of(types.Float8)
	case "bit":
		r.typ = types.Type{OID: types.Bit, Mod: int32(size)}
		if size == 1 {
			r.typ = types.Of(types.Bool)
		}
	case "date":
		r.typ = types.Of(types.Date)
	case "datetime":
		r.typ = types.Type{OID: types.Timestamp, Mod: int32(scale)}
	case "timestamp":
		r.typ = types.Type{OID: types.Timestamptz, Mod: int32(scale)}
	case "time":
		r.typ = types.Type{OID: types.Time, Mod: int32(scale)}
	case "char", "varchar":
		if size > 0 && size < 1<<20 {
			r.typ = types.Type{OID: types.Varchar, Mod: int32(size) + 4}
		}
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "point", "linestring", "polygon",
		"multipoint", "multilinestring", "multipolygon", "geometrycollection", "vector":
		r.typ = types.Of(types.Bytea)
	case "json":
		r.typ = types.Of(types.JSON)
	case "uuid":
		r.typ = types.Of(types.UUID)
	case "inet4", "inet6":
		r.typ = types.Of(types.Inet)
	}
	return r
}

func wider(unsigned bool, narrow, wide types.OID) types.OID {
	if unsigned {
		return wide
	}
	return narrow
}

// kind says what the table is.
func (s *mysqlSession) kind(ctx context.Context) (kind, error) {
	c := s.config
	k := kind{rows: -1}
	if c.query != "" {
		return k, nil
	}
	table := " WHERE TABLE_SCHEMA = " + s.schema() + " AND TABLE_NAME = " + quoteText(c.table.table)
	doing := "describing " + c.subject()
	rows, err := s.texts(ctx, 3, "SELECT TABLE_TYPE, COALESCE(TABLE_ROWS, -1), COALESCE((SELECT TRANSACTIONS FROM information_schema.ENGINES e WHERE e.ENGINE = t.ENGINE), '') FROM information_schema.TABLES t"+table)
	if err != nil {
		return k, c.failure(doing, err)
	}
	k.relkind = "v"
	if len(rows) == 1 && strings.HasPrefix(rows[0][0], "BASE TABLE") {
		k.relkind, k.fleeting = "r", rows[0][2] != "YES"
		if n, err := strconv.ParseFloat(rows[0][1], 64); err == nil {
			k.rows = n
		}
	}
	rows, err = s.texts(ctx, 1, "SELECT COLUMN_NAME FROM information_schema.STATISTICS"+table+" AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX")
	for _, row := range rows {
		k.key = append(k.key, row[0])
	}
	return k, c.failure(doing, err)
}

// field reads a column of the server's as one of ours, from its text.
func (mysqlDialect) field(col catalog.Column, r remote, format *types.Format) field {
	f := field{name: col.Name, sql: quoteMySQL(r.name), typ: col.Type, text: true}
	f.own = r.typ.OID == col.Type.OID && (col.Type.Mod < 0 || col.Type.Mod == r.typ.Mod)
	raw := r.typ.OID == types.Bytea
	switch {
	case r.sql == "float":
		f.sql = "(" + f.sql + " + 0e0)" // else it is rounded
	case r.typ.OID == types.Bool && col.Type.OID == types.Bool:
		f.sql = "(" + f.sql + " <> 0)"
	case r.sql == "bit" && col.Type.OID != types.Bytea:
		f.sql = "(" + f.sql + " + 0)"
		if r.typ.OID == types.Bit && !integral(col.Type.OID) {
			f.sql = fmt.Sprintf("LPAD(BIN%s, %d, '0')", f.sql, r.typ.Mod)
		}
	case r.sql == "bit":
		raw = true
	}
	f.set = textSetter(col.Type, f.own, raw, format)
	return f
}

func integral(t types.OID) bool { return integer(t) || t == types.Numeric }

// places: rows come in the order of the primary key, which they lie in.
func (mysqlDialect) places(s *source, bounded bool) (places []place, sorted bool, err error) {
	switch {
	case len(s.config.order()) > 0:
		places = s.ordered(mysqlPlace)
		if s.config.incremental == "" {
			return places, true, nil
		}
	case s.config.query != "" || len(s.kind.key) == 0:
		return s.unplaced(bounded)
	}
	for _, k := range s.kind.key {
		if k != s.config.incremental {
			places = append(places, mysqlPlace(s, k))
		}
	}
	return places, true, nil
}

// mysqlPlace is a column of the server's.
func mysqlPlace(s *source, column string) place {
	p := place{name: column, sql: "t." + quoteMySQL(column)}
	i := slices.IndexFunc(s.there, func(r remote) bool { return strings.EqualFold(r.name, column) })
	if i >= 0 {
		switch r := s.there[i]; {
		case r.sql == "bit": // it comes as bytes
			p.sql = "(" + p.sql + " + 0)"
			p.constant = func(text string) string { return text }
		case r.sql == "enum" || r.sql == "set": // they lie by their numbers, and are compared with texts by their names
			p.sql = "CAST(" + p.sql + " AS UNSIGNED)"
			p.constant = func(text string) string { return text }
		case integral(r.typ.OID):
			p.constant = func(text string) string { return text }
		case r.typ.OID == types.Float4 || r.typ.OID == types.Float8 || r.sql == "bool":
			p.sql = "(" + p.sql + " + 0e0)"
			p.constant = func(text string) string { return text }
		case r.typ.OID == types.Bytea:
			p.constant = func(text string) string { return "x'" + hex.EncodeToString([]byte(text)) + "'" }
		}
	}
	p.selected = p.sql
	return p
}

// mysqlHorizon is how far a column that grows is settled: there was a highest value,
// and every transaction that wrote then has ended.
type mysqlHorizon struct {
	source  *source
	place   place
	lag     string   // a condition; "": none
	blind   bool     // the user may not see others' transactions
	bound   string   // up to which all is settled; "": nothing is
	next    string   // the bound when those that it waits for have ended
	waiting []string // transactions
	asked   int      // how often, so that no two statements are the same
}

func (mysqlDialect) horizon(s *source, bounded bool) horizon {
	column := mysqlPlace(s, s.config.incremental)
	where := column.sql + " IS NOT NULL"
	if lag := s.config.lag; lag > 0 {
		where += fmt.Sprintf(" AND %s <= NOW(6) - INTERVAL %d MICROSECOND", column.sql, lag.Microseconds())
	}
	if bounded {
		return fixedHorizon{where}
	}
	return &mysqlHorizon{source: s, place: column, lag: where}
}

const (
	// trxCached is how long the server keeps what it says of transactions, and a little
	// more: who asks sooner, after anybody else, is told what was before.
	trxCached = 120 * time.Millisecond
	// trxTries is how often it is asked for news. Where others ask all the time there are
	// none.
	trxTries = 20
)

// writing are the transactions that others are writing in now. fresh: what the server
// says is not of before it was asked, as it tells of this statement too.
func (h *mysqlHorizon) writing(ctx context.Context, on *mysqlSession) (all []string, fresh bool, err error) {
	if err := on.snapshot(ctx, false); err != nil { // or it does not tell of this session
		return nil, false, err
	}
	for range trxTries {
		h.asked++
		mark := fmt.Sprintf("/* ferris %d */", h.asked)
		rows, err := on.texts(ctx, 2, "SELECT "+mark+" CONCAT(trx_mysql_thread_id, ' ', trx_started), trx_mysql_thread_id = CONNECTION_ID() AND LOCATE("+quoteText(mark)+", trx_query) > 0"+
			" FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = CONNECTION_ID() OR trx_is_read_only = 0 AND (trx_rows_modified > 0 OR trx_query IS NOT NULL)")
		if f := (mysqlDialect{}).fault(err); f != nil && f.code == sqlerr.InsufficientPrivilege {
			h.blind = true
			break
		}
		if err != nil {
			return nil, false, err
		}
		all = all[:0]
		for _, row := range rows {
			if row[1] == "1" {
				fresh = true
			} else {
				all = append(all, row[0])
			}
		}
		if fresh {
			break
		}
		timer := time.NewTimer(trxCached)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, false, context.Cause(ctx)
		}
	}
	return all, fresh, on.rollback(ctx)
}

// settle moves the bound. Which transactions write is asked after the highest value.
func (h *mysqlHorizon) settle(ctx context.Context, s *mysqlSession) error {
	rows, err := s.texts(ctx, 1, "SELECT COALESCE(MAX("+h.place.sql+"), '') FROM "+h.source.config.from())
	if err != nil {
		return err
	}
	now, fresh, err := h.writing(ctx, s)
	if err != nil || !fresh {
		return err
	}
	if len(h.waiting) > 0 {
		h.waiting = slices.DeleteFunc(h.waiting, func(t string) bool { return !slices.Contains(now, t) })
		if len(h.waiting) > 0 {
			return nil
		}
		h.bound = h.next
	}
	h.next, h.waiting = rows[0][0], now
	if len(h.waiting) == 0 {
		h.bound = h.next
	}
	return nil
}

func (h *mysqlHorizon) where(ctx context.Context, on session) ([]string, error) {
	if !h.blind {
		if err := h.settle(ctx, on.(*mysqlSession)); err != nil {
			return nil, err
		}
	}
	switch {
	case h.blind:
		return []string{h.lag}, nil
	case h.bound == "":
		return []string{"FALSE"}, nil
	}
	constant := quoteText
	if h.place.constant != nil {
		constant = h.place.constant
	}
	return []string{h.lag, h.place.sql + " <= " + constant(h.bound)}, nil
}
