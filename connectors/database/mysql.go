package database

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// mysqlDialect is MySQL's and MariaDB's: values come and go as texts, times in UTC.
type mysqlDialect struct{}

// mysqlSession is a session of one of them.
type mysqlSession struct {
	driverSession
	idle time.Duration // that a transaction may stand still; 0: as the server says
}

func (mysqlDialect) parseName(s string) (name, error) {
	return parseName(s, "`\"", func(word string) string { return word })
}

func (mysqlDialect) ident(s string) string { return quoteMySQL(s) }

func (mysqlDialect) literal(s string) string { return quoteText(s) }

// constant: years have four digits there, and numbers are finite.
func (mysqlDialect) constant(v types.Value) (string, bool) {
	if v.Null {
		return "NULL", true
	}
	text := string(types.AppendText(nil, v, types.DefaultFormat()))
	switch v.Type.OID {
	case types.Bool:
		return map[bool]string{true: "TRUE", false: "FALSE"}[text == "t"], true
	case types.Int2, types.Int4, types.Int8:
		return text, true
	case types.Numeric:
		return text, strings.Trim(text, "-0123456789.") == ""
	case types.Float8:
		if !strings.Contains(text, "e") {
			text += "e0"
		}
		return text, strings.Trim(text, "+-0123456789.e") == ""
	case types.Date:
		return "DATE'" + text + "'", len(text) == len("2006-01-02")
	case types.Time:
		return "TIME'" + text + "'", true
	case types.Timestamp, types.Timestamptz:
		text = strings.TrimSuffix(text, "+00")
		return "TIMESTAMP'" + text + "'", len(text) >= len("2006-01-02 15:04:05") && text[4] == '-' && !strings.HasSuffix(text, "BC")
	case types.Bytea:
		return fmt.Sprintf("x'%s'", strings.TrimPrefix(text, `\x`)), true
	case types.Text, types.Varchar, types.UUID:
		return quoteText(text), true
	}
	return "", false
}

// holds: a FLOAT is compared as the DOUBLE that it is not here, and UUIDs have an order
// of their own. Texts that a collation takes for equal are more than those that are.
func (mysqlDialect) holds(op string, t types.OID) bool {
	return t != types.Float4 && t != types.Oid && (t != types.UUID || op == "=")
}

func (mysqlDialect) after(left, right []string) string { return behind(left, right) }

func (mysqlDialect) waits() string {
	return "Another transaction there may hold a lock: look into SHOW PROCESSLIST and information_schema.INNODB_TRX."
}

// mysqlSettings are of every session.
const mysqlSettings = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,NO_BACKSLASH_ESCAPES'," +
	" time_zone = '+00:00', autocommit = 1"

// slowReader is how many seconds the server waits for who does not take what it reads.
const slowReader = ", net_write_timeout = 86400"

func (mysqlDialect) connect(ctx context.Context, c *config, what purpose) (session, error) {
	mc, err := c.server.mysqlConfig(c.timeout)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(mc)
	if err != nil {
		return nil, badURL("%v", err)
	}
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, c.unreachable(err)
	}
	s := &mysqlSession{driverSession: driverSession{config: c, conn: conn, drains: true}}
	settings := []string{mysqlSettings}
	if what == forReading {
		settings = []string{mysqlSettings + slowReader, "SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"}
	}
	for _, text := range settings {
		if _, err := s.exec(ctx, text); err != nil {
			s.close()
			return nil, c.failure("connecting", err)
		}
	}
	return s, nil
}

func (s *mysqlSession) snapshot(ctx context.Context, _ bool) error {
	_, err := s.exec(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
	return err
}

// begin opens a transaction. The server ends a connection that is silent for
// wait_timeout, and with it what is open: between transactions it may be.
func (s *mysqlSession) begin(ctx context.Context) error {
	if s.idle > 0 {
		if _, err := s.exec(ctx, fmt.Sprintf("SET SESSION wait_timeout = %d", max(1, int(s.idle.Seconds())))); err != nil {
			return err
		}
	}
	_, err := s.exec(ctx, "START TRANSACTION")
	return err
}

func (s *mysqlSession) commit(ctx context.Context) error { return s.end(ctx, "COMMIT") }

func (s *mysqlSession) rollback(ctx context.Context) error { return s.end(ctx, "ROLLBACK") }

func (s *mysqlSession) end(ctx context.Context, text string) error {
	if _, err := s.exec(ctx, text); err != nil || s.idle == 0 {
		return err
	}
	// What is committed is, whatever becomes of the connection.
	_, _ = s.exec(ctx, "SET SESSION wait_timeout = @@GLOBAL.wait_timeout")
	return nil
}

func (s *mysqlSession) patience(_ context.Context, idle time.Duration) error {
	s.idle = idle
	return nil
}

// mysqlFaults are the errors that have a SQLSTATE of PostgreSQL's; "": it passes.
var mysqlFaults = map[uint16]sqlerr.Code{
	1040: "", 1042: "", 1053: "", 1077: "", 1080: "", 1152: "", 1158: "", 1159: "", 1160: "", 1161: "", 1184: "", 1203: "", 1205: "", 1213: "", 1226: "",
	1129: "", 1290: "", 1412: "", 1317: "", 1836: "", 1927: "", 2006: "", 2013: "", 3024: "", 3100: "", 3101: "", 4031: "",
	1044: sqlerr.InsufficientPrivilege, 1142: sqlerr.InsufficientPrivilege, 1143: sqlerr.InsufficientPrivilege, 1227: sqlerr.InsufficientPrivilege, 1370: sqlerr.InsufficientPrivilege,
	1045: sqlerr.InvalidPassword, 1698: sqlerr.InvalidPassword, 1251: sqlerr.InvalidAuthorizationSpec, 1130: sqlerr.InvalidAuthorizationSpec,
	1820: sqlerr.InvalidAuthorizationSpec, 1862: sqlerr.InvalidAuthorizationSpec, 3118: sqlerr.InvalidAuthorizationSpec, 4151: sqlerr.InvalidAuthorizationSpec,
	1049: sqlerr.InvalidCatalogName, 1146: sqlerr.UndefinedTable, 1051: sqlerr.UndefinedTable, 1054: sqlerr.UndefinedColumn, 1064: sqlerr.SyntaxError, 1050: sqlerr.DuplicateTable,
	1052: sqlerr.AmbiguousColumn, 1060: sqlerr.DuplicateColumn, 1048: sqlerr.NotNullViolation, 1364: sqlerr.NotNullViolation, 1062: sqlerr.UniqueViolation, 1586: sqlerr.UniqueViolation,
	1216: sqlerr.ForeignKeyViolation, 1217: sqlerr.ForeignKeyViolation, 1451: sqlerr.ForeignKeyViolation, 1452: sqlerr.ForeignKeyViolation,
	3819: sqlerr.CheckViolation, 4025: sqlerr.CheckViolation, 1264: sqlerr.NumericValueOutOfRange, 1690: sqlerr.NumericValueOutOfRange,
	1406: sqlerr.StringDataRightTruncation, 1265: sqlerr.DataException, 1366: sqlerr.InvalidTextRepresentation, 1292: sqlerr.InvalidDatetimeFormat, 1411: sqlerr.InvalidDatetimeFormat,
	1525: sqlerr.DataException, 1367: sqlerr.DataException, 3140: sqlerr.InvalidTextRepresentation, 4038: sqlerr.InvalidTextRepresentation, 1416: sqlerr.DataException,
	1365: sqlerr.DivisionByZero, 1242: sqlerr.CardinalityViolation, 1644: "P0001", 1153: sqlerr.ProgramLimitExceeded, 1114: sqlerr.DiskFull, 1021: sqlerr.DiskFull,
	1792: sqlerr.ReadOnlySQLTransaction, 1267: sqlerr.CollationMismatch,
}

func (mysqlDialect) fault(err error) *fault {
	if errors.Is(err, mysql.ErrPktTooLarge) { // the driver's: the server has not seen it
		return &fault{code: sqlerr.ProgramLimitExceeded, message: "a statement of one row is longer than max_allowed_packet", hint: "Raise max_allowed_packet there, up to 1G."}
	}
	var my *mysql.MySQLError
	if !errors.As(err, &my) {
		return nil
	}
	code, known := mysqlFaults[my.Number]
	f := &fault{code: code, message: fmt.Sprintf("%s (%d)", my.Message, my.Number), passes: known && code == ""}
	switch state := string(my.SQLState[:]); {
	case f.passes:
		f.code = sqlerr.ConnectionFailure
	case known:
	case strings.HasPrefix(state, "22") || strings.HasPrefix(state, "23"):
		f.code = sqlerr.Code(state)
	case strings.HasPrefix(state, "08"):
		f.code, f.passes = sqlerr.ConnectionFailure, true
	default:
		f.code = sqlerr.ObjectNotInPrerequisiteState
	}
	if f.code == sqlerr.InvalidPassword || f.code == sqlerr.InvalidAuthorizationSpec {
		f.hint = "Check connection.username and connection.password, and the hosts that the server lets the user come from."
	}
	return f
}

func (mysqlDialect) progress(table name) progress {
	sql := sqlOf(mysqlDialect{}, table)
	schema := "DATABASE()"
	if table.schema != "" {
		schema = quoteText(table.schema)
	}
	return progress{
		there: "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = " + schema + " AND TABLE_NAME = " + quoteText(table.table),
		create: "CREATE TABLE IF NOT EXISTS " + sql + " (id varchar(190) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, job text NOT NULL, epoch bigint NOT NULL," +
			" version bigint NOT NULL, fence bigint NOT NULL, changed timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4",
		now: "SYSDATE(6)",
		raise: func(ctx context.Context, on session, id, job string) ([]string, error) {
			s := on.(*mysqlSession)
			if err := s.begin(ctx); err != nil {
				return nil, err
			}
			text := fmt.Sprintf("INSERT INTO %s (id, job, epoch, version, fence) VALUES (%s, %s, 0, 0, 1) ON DUPLICATE KEY UPDATE fence = fence + 1, job = VALUES(job), changed = SYSDATE(6)",
				sql, quoteText(id), quoteText(job))
			if _, err := s.exec(ctx, text); err != nil {
				return nil, err
			}
			rows, err := s.texts(ctx, 3, "SELECT epoch, version, fence FROM "+sql+" WHERE id = "+quoteText(id)+" FOR UPDATE")
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

// createTable makes the table from the sink's columns. Texts are compared letter by
// letter, as they are here.
func (mysqlDialect) createTable(c *config, columns []catalog.Column) string {
	var parts []string
	for _, col := range columns {
		key := false
		for _, k := range c.keys {
			key = key || k == col.Name
		}
		parts = append(parts, quoteMySQL(col.Name)+" "+mysqlType(col.Type, key))
	}
	if len(c.keys) > 0 {
		parts = append(parts, "PRIMARY KEY ("+c.idents(c.keys)+")")
	}
	return "CREATE TABLE IF NOT EXISTS " + c.sql(c.table) + " (" + strings.Join(parts, ", ") + ") ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
}

// mysqlType is the type there of a column here; key: of a table's key.
func mysqlType(t types.Type, key bool) string {
	switch t.OID {
	case types.Bool:
		return "boolean"
	case types.Int2:
		return "smallint"
	case types.Int4:
		return "int"
	case types.Int8:
		return "bigint"
	case types.Numeric:
		precision, scale := 65, 30
		if p, s, ok := numericMod(t.Mod); ok && p <= 65 && s >= 0 && s <= min(p, 30) {
			precision, scale = p, s
		}
		return fmt.Sprintf("decimal(%d,%d)", precision, scale)
	case types.Float4:
		return "float"
	case types.Float8:
		return "double"
	case types.Date:
		return "date"
	case types.Time:
		return "time(6)"
	case types.Timestamp, types.Timestamptz:
		return "datetime(6)"
	case types.UUID:
		return "char(36) CHARACTER SET ascii COLLATE ascii_bin"
	case types.JSON, types.JSONB:
		return "json"
	case types.Bytea:
		if key {
			return "varbinary(255)"
		}
		return "longblob"
	case types.Varchar, types.BPChar:
		if n := t.Mod - 4; n > 0 && n <= 10_000 {
			return fmt.Sprintf("varchar(%d)", n)
		}
	}
	if key {
		return "varchar(255)"
	}
	return "longtext"
}

// numericMod reads the modifier of a numeric.
func numericMod(mod int32) (precision, scale int, ok bool) {
	if mod < 4 {
		return 0, 0, false
	}
	mod -= 4
	return int(mod >> 16), int(int16(mod<<5) >> 5), true
}

// modOfNumeric is the modifier of numeric(precision,scale).
func modOfNumeric(precision, scale int) int32 { return int32(precision<<16|scale&0x7ff) + 4 }
