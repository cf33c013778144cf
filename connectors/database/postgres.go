package database

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// postgres is PostgreSQL's dialect: rows are read by COPY in binary form, and written
// as one array for each column.
type postgres struct{}

// pgSession is a session of PostgreSQL's.
type pgSession struct {
	config *config
	conn   *pgconn.PgConn
	names  int // statements that are prepared
}

// postgresOf is the connection of a session.
func postgresOf(s session) *pgconn.PgConn { return s.(*pgSession).conn }

func (postgres) parseName(s string) (name, error) { return parseName(s, `"`, strings.ToLower) }

func (postgres) ident(s string) string { return quoteIdent(s) }

func (postgres) literal(s string) string { return quoteLiteral(s) }

func (postgres) constant(v types.Value) (string, bool) {
	name := types.FormatType(types.Of(v.Type.OID))
	if v.Null {
		return "NULL::" + name, true
	}
	return quoteLiteral(string(types.AppendText(nil, v, types.DefaultFormat()))) + "::" + name, true
}

// holds: texts are compared for equality only, as their order is the database's
// collation's.
func (postgres) holds(string, types.OID) bool { return true }

func (postgres) after(left, right []string) string {
	if len(left) == 1 {
		return left[0] + " > " + right[0]
	}
	return "(" + strings.Join(left, ", ") + ") > (" + strings.Join(right, ", ") + ")"
}

func (postgres) connect(ctx context.Context, c *config, what purpose) (session, error) {
	conn, err := c.connectFor(ctx, what)
	if err != nil {
		return nil, err
	}
	return &pgSession{config: c, conn: conn}, nil
}

func (postgres) waits() string {
	return "Another transaction there may hold a lock: look into pg_stat_activity and pg_locks."
}

func (s *pgSession) snapshot(ctx context.Context, lying bool) error {
	begin := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	if lying {
		begin += "; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off"
	}
	_, err := s.exec(ctx, begin)
	return err
}

func (s *pgSession) rows(ctx context.Context, text string, width int, row func(values [][]byte) error) error {
	t := &tuples{fields: make([][]byte, width), row: row}
	_, err := s.conn.CopyTo(ctx, t, "COPY ("+text+") TO STDOUT (FORMAT binary)")
	return err
}

func (s *pgSession) exec(ctx context.Context, text string) (int64, error) {
	results, err := s.conn.Exec(ctx, text).ReadAll()
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return results[len(results)-1].CommandTag.RowsAffected(), nil
}

// begin has constraints checked with each statement, so that what breaks one is a
// fault of the rows that do.
func (s *pgSession) begin(ctx context.Context) error {
	_, err := s.exec(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED; SET CONSTRAINTS ALL IMMEDIATE")
	return err
}

// commit commits. A transaction that has failed answers COMMIT with ROLLBACK.
func (s *pgSession) commit(ctx context.Context) error {
	results, err := s.conn.Exec(ctx, "COMMIT").ReadAll()
	if err == nil && (len(results) != 1 || results[0].CommandTag.String() != "COMMIT") {
		return sqlerr.Errorf(sqlerr.InFailedSQLTransaction, "%s has undone the transaction", s.config.server)
	}
	return err
}

func (s *pgSession) rollback(ctx context.Context) error {
	_, err := s.exec(ctx, "ROLLBACK")
	return err
}

func (s *pgSession) patience(ctx context.Context, idle time.Duration) error {
	_, err := s.exec(ctx, fmt.Sprintf("SET idle_in_transaction_session_timeout = %d; SET client_min_messages = warning", idle.Milliseconds()))
	return err
}

func (s *pgSession) usable() bool { return !s.conn.IsClosed() }

func (s *pgSession) close() { disconnect(s.conn) }

func (postgres) fault(err error) *fault {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return nil
	}
	f := &fault{
		code: sqlerr.Code(pg.Code), message: pg.Message, detail: pg.Detail, hint: pg.Hint, passes: passes(pg),
		schema: pg.SchemaName, table: pg.TableName, column: pg.ColumnName, constraint: pg.ConstraintName,
	}
	if f.hint == "" && (f.code == sqlerr.InvalidPassword || f.code == sqlerr.InvalidAuthorizationSpec) {
		f.hint = "Check connection.username and connection.password, and the server's pg_hba.conf."
	}
	return f
}

// passes reports whether a server's error is about its state and no fault of what it
// was asked.
func passes(pg *pgconn.PgError) bool {
	switch pg.Code[:min(2, len(pg.Code))] {
	case "08", "53", "57", "58":
		return pg.Code != "57014" && pg.Code != "53400" // a statement_timeout's, a setting that is too low
	case "25":
		return pg.Code == "25P03" || pg.Code == "25P04" // a transaction took too long
	case "40":
		return true // another transaction's doing: deadlock, serialization
	}
	return pg.Code == "55P03" || pg.Code == "55006" // a lock, a slot, that another session has
}

// ofRows reports whether a server's error is about the rows it was given.
func ofRows(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && faultOfRows(sqlerr.Code(pg.Code))
}

// codeOf is a server's SQLSTATE, "" where the error is none of a server's.
func codeOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// createTable makes the table from the sink's columns.
func (postgres) createTable(c *config, columns []catalog.Column) string {
	var parts []string
	for _, col := range columns {
		t := types.FormatType(col.Type)
		if i := types.Lookup(col.Type.OID); i == nil || i.Kind == 'e' || i.Kind == 'c' || col.Type.OID >= firstOwnOID || col.Type.OID == types.Unknown {
			t = "text"
		}
		parts = append(parts, quoteIdent(col.Name)+" "+t)
	}
	if len(c.keys) > 0 {
		parts = append(parts, "PRIMARY KEY ("+c.idents(c.keys)+")")
	}
	return "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS " + c.sql(c.table) + " (" + strings.Join(parts, ", ") + ")"
}

func (postgres) progress(table name) progress {
	sql := sqlOf(postgres{}, table)
	return progress{
		there: "SELECT 1 WHERE pg_catalog.to_regclass(" + quoteLiteral(sql) + ") IS NOT NULL",
		create: "CREATE TABLE IF NOT EXISTS " + sql + " (id text PRIMARY KEY, job text NOT NULL, epoch bigint NOT NULL," +
			" version bigint NOT NULL, fence bigint NOT NULL, changed timestamptz NOT NULL DEFAULT now())",
		now: "clock_timestamp()",
		raise: func(ctx context.Context, on session, id, job string) ([]string, error) {
			row := postgresOf(on).ExecParams(ctx, "INSERT INTO "+sql+" AS p (id, job, epoch, version, fence) VALUES ($1, $2, 0, 0, 1)"+
				" ON CONFLICT (id) DO UPDATE SET fence = p.fence + 1, job = EXCLUDED.job, changed = now() RETURNING epoch, version, fence",
				[][]byte{[]byte(id), []byte(job)}, []uint32{25, 25}, nil, nil).Read()
			if row.Err != nil || len(row.Rows) != 1 {
				return nil, row.Err
			}
			var values []string
			for _, v := range row.Rows[0] {
				values = append(values, string(v))
			}
			return values, nil
		},
	}
}

// config is how pgconn connects.
func (s *server) config(timeout time.Duration) (*pgconn.Config, error) {
	quote := func(v string) string {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(v, `\`, `\\`), "'", `\'`) + "'"
	}
	text := fmt.Sprintf("host=%s port=%s dbname=%s user=%s", quote(strings.Join(s.hosts, ",")), quote(strings.Join(s.ports, ",")), quote(s.database), quote(s.user))
	mode := "prefer"
	for k, v := range s.settings {
		if k == "sslmode" {
			mode = v
			continue
		}
		text += " " + k + "=" + quote(v)
	}
	c, err := pgconn.ParseConfig(text + " sslmode=" + quote(mode))
	if err != nil {
		return nil, badURL("%v", err)
	}
	c.Password, c.ConnectTimeout = s.password, timeout
	c.RuntimeParams = map[string]string{
		"application_name": "ferrisstreams", "timezone": "UTC", "datestyle": "ISO, MDY", "client_encoding": "UTF8",
	}
	if name, ok := s.parameters["application_name"]; ok {
		c.RuntimeParams["application_name"] = name
	}
	return c, nil
}

// session is what every session begins with. A pooler in between may refuse it as
// parameters of the start. The order of a scan is that of the table's pages, which a
// reader goes on by: parallel and synchronized scans, and indexes, have others.
func (s *server) session() string {
	text := "SET intervalstyle = postgres; SET extra_float_digits = 1; SET bytea_output = hex; " +
		"SET synchronize_seqscans = off; SET max_parallel_workers_per_gather = 0"
	if path, ok := s.parameters["search_path"]; ok {
		text += "; SELECT pg_catalog.set_config('search_path', " + quoteLiteral(path) + ", false)"
	}
	return text
}

// durable has a sink's commit be on the server's disk when it is answered: what was
// committed is not written again. A setting that waits for more than that stays.
const durable = "; SELECT pg_catalog.set_config('synchronous_commit', 'on', false) WHERE pg_catalog.current_setting('synchronous_commit') = 'off'"

func (c *config) connectFor(ctx context.Context, what purpose) (*pgconn.PgConn, error) {
	pc, err := c.server.config(c.timeout)
	if err != nil {
		return nil, err
	}
	if what == forChanges {
		pc.RuntimeParams["replication"] = "database"
	}
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	conn, err := pgconn.ConnectConfig(ctx, pc)
	if err != nil {
		return nil, c.unreachable(err)
	}
	session := c.server.session()
	switch what {
	case forReading:
		session += "; SET default_transaction_read_only = on"
	case forWriting:
		session += durable
	}
	if _, err := conn.Exec(ctx, session).ReadAll(); err != nil {
		disconnect(conn)
		return nil, c.failure("connecting", err)
	}
	return conn, nil
}

// closeTimeout is how long telling a server of a connection's end may take.
const closeTimeout = 2 * time.Second

// disconnect closes a connection, also one that has failed. pgconn takes 15 seconds to say
// farewell to a server that does not answer: the socket is closed before.
func disconnect(conn *pgconn.PgConn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = conn.Close(ctx) // it is of no use any more, whatever it says
	select {
	case <-conn.CleanupDone():
	case <-ctx.Done():
		_ = conn.Conn().Close()
	}
}
