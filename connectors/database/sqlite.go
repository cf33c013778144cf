package database

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"modernc.org/libc"
	"modernc.org/sqlite"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

// sqliteDialect is SQLite's: a file, whose columns hold any value and are compared by
// what their types suggest.
type sqliteDialect struct{}

// sqliteSession is a connection to a file.
type sqliteSession struct {
	driverSession
	thread    *libc.TLS // what SQLite's calls have for a stack; nil: none was made
	statement uintptr   // a sqlite3_stmt*, for the moment in which it is made
}

// setSQLite takes the path that follows sqlite:.
func (s *server) setSQLite(path string, roots []string) error {
	s.product, s.folds = "SQLite", true
	path, parameters, _ := strings.Cut(path, "?")
	if rest, has := strings.CutPrefix(path, "//"); has {
		path = rest
	}
	switch {
	case parameters != "":
		return badURL("parameters of a SQLite file are not known")
	case path == "" || strings.HasPrefix(path, ":"):
		return badURL("it names no file")
	case s.user != "" || s.password != "":
		return badURL("a SQLite file has no users and no passwords")
	}
	var err error
	s.database, err = object.Resolve(path, roots)
	return err
}

// single reports whether the database is a file, which one writes to at a time.
func (s *server) single() bool { return len(s.hosts) == 0 }

// parseName takes no schema but main: temp is gone with the connection.
func (sqliteDialect) parseName(s string) (name, error) {
	n, err := parseName(s, "`\"", func(word string) string { return word })
	if err == nil && n.schema != "" && !strings.EqualFold(n.schema, "main") {
		err = fmt.Errorf("%q is of another schema than main", s)
	}
	return n, err
}

func (sqliteDialect) ident(s string) string { return quoteIdent(s) }

func (sqliteDialect) literal(s string) string { return quoteText(s) }

func (sqliteDialect) constant(v types.Value) (string, bool) {
	if v.Null {
		return "NULL", true
	}
	text := string(types.AppendText(nil, v, types.DefaultFormat()))
	switch v.Type.OID {
	case types.Int2, types.Int4, types.Int8:
		return text, true
	case types.Float8:
		return text, finite([]byte(text))
	case types.Text, types.Varchar:
		return quoteText(text), true
	}
	return "", false
}

// holds: numbers that are inexact here, and times, which are texts there, are compared
// here.
func (sqliteDialect) holds(_ string, t types.OID) bool {
	return integer(t) || letters(t) || t == types.Float8
}

func (sqliteDialect) after(left, right []string) string { return behind(left, right) }

func (sqliteDialect) waits() string { return "Another process has the file locked." }

// connect opens the file, which a sink that makes its table makes as well.
func (sqliteDialect) connect(ctx context.Context, c *config, what purpose) (session, error) {
	mode := "rw"
	switch {
	case what == forReading:
		mode = "ro"
	case c.create:
		mode = "rwc"
	}
	file := url.URL{Scheme: "file", Path: c.server.database, RawQuery: "mode=" + mode}
	conn, err := (&sqlite.Driver{}).Open(file.String())
	if err != nil {
		return nil, c.unreachable(err)
	}
	s := &sqliteSession{driverSession: driverSession{config: c, conn: conn}}
	settings := []string{fmt.Sprintf("PRAGMA busy_timeout = %d", c.timeout.Milliseconds()), "PRAGMA trusted_schema = OFF", "PRAGMA synchronous = FULL"}
	if what == forReading {
		settings = append(settings, "PRAGMA query_only = ON")
	}
	for _, text := range settings {
		if _, err := s.exec(ctx, text); err != nil {
			s.close()
			return nil, c.failure("connecting", err)
		}
	}
	return s, nil
}

func (s *sqliteSession) snapshot(ctx context.Context, _ bool) error {
	_, err := s.exec(ctx, "BEGIN")
	return err
}

// begin takes the lock of who writes at once: one that reads first may not get it.
func (s *sqliteSession) begin(ctx context.Context) error {
	_, err := s.exec(ctx, "BEGIN IMMEDIATE")
	return err
}

func (s *sqliteSession) commit(ctx context.Context) error {
	_, err := s.exec(ctx, "COMMIT")
	return err
}

func (s *sqliteSession) rollback(ctx context.Context) error {
	_, err := s.exec(ctx, "ROLLBACK")
	return err
}

// patience: the file's lock goes with the process.
func (s *sqliteSession) patience(context.Context, time.Duration) error { return nil }

// sqliteFaults are result codes, primary and extended, that have a SQLSTATE of
// PostgreSQL's. A lock that others have is tried again as often as another error: of a job
// that reads the file which it writes it does not go by itself.
var sqliteFaults = map[int]sqlerr.Code{
	5: sqlerr.ObjectInUse, 6: sqlerr.ObjectInUse, 7: sqlerr.OutOfMemory, 8: sqlerr.ReadOnlySQLTransaction, 10: sqlerr.IOError, 11: sqlerr.DataCorrupted, 13: sqlerr.DiskFull, 14: sqlerr.UndefinedFile,
	18: sqlerr.ProgramLimitExceeded, 19: "23000", 20: sqlerr.InvalidTextRepresentation, 23: sqlerr.InsufficientPrivilege, 26: sqlerr.DataCorrupted,
	275: sqlerr.CheckViolation, 787: sqlerr.ForeignKeyViolation, 1299: sqlerr.NotNullViolation, 1555: sqlerr.UniqueViolation, 1811: "P0001",
	2067: sqlerr.UniqueViolation, 2579: sqlerr.UniqueViolation, 3091: sqlerr.InvalidTextRepresentation,
}

func (sqliteDialect) fault(err error) *fault {
	var lite interface {
		error
		Code() int
	}
	var ofDriver *sqlite.Error
	var ofSelect *sqliteError
	switch {
	case errors.As(err, &ofDriver):
		lite = ofDriver
	case errors.As(err, &ofSelect):
		lite = ofSelect
	default:
		return nil
	}
	code, known := sqliteFaults[lite.Code()]
	if !known {
		code, known = sqliteFaults[lite.Code()&0xff]
	}
	f := &fault{code: code, message: lite.Error()}
	switch {
	case known:
	case strings.Contains(f.message, "no such table"):
		f.code = sqlerr.UndefinedTable
	case strings.Contains(f.message, "no such column"):
		f.code = sqlerr.UndefinedColumn
	default:
		f.code = sqlerr.SyntaxError
	}
	switch f.code {
	case sqlerr.ObjectInUse:
		f.hint = "Another process, or a job that reads the file, has held its lock for longer than connection.timeout. Where one reads while another one writes, run PRAGMA journal_mode = WAL there once: neither then waits for the other."
	case sqlerr.UndefinedFile:
		f.hint = "The file is not there, or may not be opened; a sink makes it with create = 'true'."
	}
	return f
}

func (sqliteDialect) progress(table name) progress {
	sql := sqlOf(sqliteDialect{}, table)
	return progress{
		there: "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = " + quoteText(table.table),
		create: "CREATE TABLE IF NOT EXISTS " + sql + " (id text PRIMARY KEY, job text NOT NULL, epoch integer NOT NULL," +
			" version integer NOT NULL, fence integer NOT NULL, changed text NOT NULL DEFAULT CURRENT_TIMESTAMP)",
		now: "CURRENT_TIMESTAMP",
		raise: func(ctx context.Context, on session, id, job string) ([]string, error) {
			s := on.(*sqliteSession)
			if err := s.begin(ctx); err != nil {
				return nil, err
			}
			text := fmt.Sprintf("INSERT INTO %s (id, job, epoch, version, fence) VALUES (%s, %s, 0, 0, 1) ON CONFLICT (id) DO UPDATE SET fence = fence + 1, job = excluded.job, changed = CURRENT_TIMESTAMP",
				sql, quoteText(id), quoteText(job))
			if _, err := s.exec(ctx, text); err != nil {
				return nil, err
			}
			rows, err := s.texts(ctx, 3, "SELECT epoch, version, fence FROM "+sql+" WHERE id = "+quoteText(id))
			if err != nil {
				return nil, err
			}
			if err := s.commit(ctx); err != nil || len(rows) != 1 {
				return nil, err
			}
			return rows[0], nil
		},
	}
}

// createTable makes the table from the sink's columns. The types of numerics and
// documents have TEXT in them, by which SQLite leaves their digits as they are.
func (sqliteDialect) createTable(c *config, columns []catalog.Column) string {
	var parts []string
	for _, col := range columns {
		parts = append(parts, quoteIdent(col.Name)+" "+sqliteType(col.Type))
	}
	if len(c.keys) > 0 {
		parts = append(parts, "PRIMARY KEY ("+c.idents(c.keys)+")")
	}
	return "CREATE TABLE IF NOT EXISTS " + c.sql(c.table) + " (" + strings.Join(parts, ", ") + ")"
}

func sqliteType(t types.Type) string {
	switch t.OID {
	case types.Bool:
		return "boolean"
	case types.Int2, types.Int4, types.Int8:
		return "integer"
	case types.Float4, types.Float8:
		return "double"
	case types.Numeric:
		return "numeric text"
	case types.Bytea:
		return "blob"
	case types.Date:
		return "date"
	case types.Time:
		return "time"
	case types.Timestamp:
		return "timestamp"
	case types.Timestamptz:
		return "timestamptz"
	case types.UUID:
		return "uuid text"
	case types.JSON, types.JSONB:
		return "json text"
	}
	return "text"
}
