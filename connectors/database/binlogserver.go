package database

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// binlogServer is what is known of a server whose binlog is read.
type binlogServer struct {
	maria    bool
	gtids    bool   // it numbers transactions
	uuid     string // "": it has none
	folds    bool   // names of tables are one in upper and lower case
	charsets map[uint64]string
}

// binlogSettings are the variables that say what the server tells, and what they must
// be; a server that does not have one is taken as it is.
var binlogSettings = []struct{ name, want, also, hint string }{
	{"log_bin", "ON", "1", "Start the server with --log-bin and a --server-id."},
	{"binlog_format", "ROW", "", "Run SET GLOBAL binlog_format = ROW there, and have its clients connect anew."},
	{"binlog_row_image", "FULL", "", "Run SET GLOBAL binlog_row_image = FULL there, and have its clients connect anew."},
	{"binlog_row_metadata", "FULL", "", "Run SET GLOBAL binlog_row_metadata = FULL there, which holds at once: the log then names the columns of its rows."},
	{"binlog_transaction_compression", "OFF", "0", "Run SET GLOBAL binlog_transaction_compression = OFF there, and have its clients connect anew."},
	{"binlog_row_value_options", "", "", "Run SET GLOBAL binlog_row_value_options = '' there, and have its clients connect anew."},
}

func (mysqlDialect) logged(ctx context.Context, c *config, on session, k kind) (logged, error) {
	var l logged
	s := on.(*mysqlSession)
	if k.relkind != "r" {
		return l, sqlerr.Unsupported("Read the tables that its rows are in.", "the changes of %s, which is no table of its own, are not told by the server: reading them is not supported", c.what())
	}
	if k.fleeting {
		return l, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "%s has no transactions: its rows cannot be read as of a place in the log", c.what()).
			WithHint("Run ALTER TABLE %s ENGINE = InnoDB there.", c.sql(c.table))
	}
	doing := "describing " + c.subject()
	variables, err := s.variables(ctx, "version", "lower_case_table_names", "gtid_mode", "server_uuid", "log_bin", "binlog_format", "binlog_row_image", "binlog_row_metadata", "binlog_row_value_options", "binlog_transaction_compression")
	if err != nil {
		return l, c.failure(doing, err)
	}
	for _, one := range binlogSettings {
		value, has := variables[one.name]
		if has && !strings.EqualFold(value, one.want) && (one.also == "" || value != one.also) {
			return l, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "%s does not tell its changes as they are read here: %s is %s, not %s", c.server, one.name, orEmpty(value), orEmpty(one.want)).WithHint("%s", one.hint)
		}
	}
	l.binlog = binlogServer{maria: strings.Contains(variables["version"], "MariaDB"), uuid: variables["server_uuid"], folds: variables["lower_case_table_names"] != "0"}
	l.binlog.gtids = l.binlog.maria || strings.EqualFold(variables["gtid_mode"], "ON")
	names, err := s.texts(ctx, 2, "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+s.schema()+" AND TABLE_NAME = "+quoteText(c.table.table))
	if err != nil {
		return l, c.failure(doing, err)
	}
	if len(names) != 1 {
		return l, sqlerr.Errorf(sqlerr.UndefinedTable, "%s does not exist", c.what())
	}
	l.schema, l.name = names[0][0], names[0][1]
	if err := c.tellable(ctx, s, &l); err != nil {
		return l, c.failure(doing, err)
	}
	return l, s.mayReplicate(ctx)
}

// orEmpty is a setting's value as a message has it.
func orEmpty(s string) string {
	if s == "" {
		return "empty"
	}
	return s
}

// variables are some of the server's, those that it has.
func (s *mysqlSession) variables(ctx context.Context, names ...string) (map[string]string, error) {
	for i, n := range names {
		names[i] = quoteText(n)
	}
	rows, err := s.texts(ctx, 2, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ("+strings.Join(names, ", ")+")")
	found := map[string]string{}
	for _, row := range rows {
		found[strings.ToLower(row[0])] = row[1]
	}
	return found, err
}

// tellable sees that the log has what becomes of the stream's columns.
func (c *config) tellable(ctx context.Context, s *mysqlSession, l *logged) error {
	at := "TABLE_SCHEMA = " + quoteText(l.schema) + " AND TABLE_NAME = " + quoteText(l.name)
	columns, err := s.texts(ctx, 4, "SELECT COLUMN_NAME, EXTRA, COALESCE(CHARACTER_SET_NAME, ''), COLUMN_TYPE FROM information_schema.COLUMNS WHERE "+at)
	if err != nil {
		return err
	}
	for _, row := range columns {
		used := len(c.rel.Columns) == 0 || slices.ContainsFunc(c.rel.Columns, func(col catalog.Column) bool { return c.server.same(col.Name, row[0]) })
		_, charset := mysqlCharsets[row[2]]
		switch extra := strings.ToUpper(row[1] + " " + row[3]); {
		case !used:
		case strings.Contains(extra, "VIRTUAL"):
			return sqlerr.Unsupported("Leave it out of the stream's columns, and compute it in the query.", "column %q of %s is a virtual one, which the server's log of changes does not have: reading it with cdc is not supported", row[0], c.what())
		case strings.Contains(extra, "COMPRESSED"):
			return sqlerr.Unsupported("Leave it out of the stream's columns.", "column %q of %s is compressed in the server's log of changes: reading it with cdc is not supported", row[0], c.what())
		case row[2] != "" && !charset:
			return sqlerr.Unsupported("Run ALTER TABLE "+c.sql(c.table)+" CONVERT TO CHARACTER SET utf8mb4 there.", "column %q of %s has character set %s: reading it with cdc is not supported", row[0], c.what(), row[2])
		}
	}
	actions, err := s.texts(ctx, 2, "SELECT CONSTRAINT_NAME, CONCAT('ON DELETE ', DELETE_RULE, ' ON UPDATE ', UPDATE_RULE) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = "+quoteText(l.schema)+
		" AND TABLE_NAME = "+quoteText(l.name)+" AND (DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))")
	if err != nil {
		return err
	}
	if len(actions) > 0 {
		return sqlerr.Unsupported("Make it a foreign key without actions there, or write 'snapshot.interval' in place of cdc.",
			"foreign key %q of %s changes its rows by itself (%s), which the server's log does not have: reading its changes is not supported", actions[0][0], c.what(), actions[0][1])
	}
	l.binlog.charsets, err = s.collations(ctx)
	return err
}

// collations are the character sets of the server's collations, by the numbers that the
// log has. Some of MariaDB's have one for each character set, in a table of newer ones.
func (s *mysqlSession) collations(ctx context.Context) (map[uint64]string, error) {
	found := map[uint64]string{}
	for _, from := range []string{"COLLATIONS", "COLLATION_CHARACTER_SET_APPLICABILITY"} {
		rows, err := s.texts(ctx, 2, "SELECT ID, CHARACTER_SET_NAME FROM information_schema."+from+" WHERE ID IS NOT NULL AND CHARACTER_SET_NAME IS NOT NULL")
		if f := (mysqlDialect{}).fault(err); f != nil && f.code == sqlerr.UndefinedColumn && len(found) > 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			id, err := strconv.ParseUint(row[0], 10, 64)
			if err != nil {
				return nil, sqlerr.Errorf(sqlerr.ProtocolViolation, "%s says %q where a collation's number is due", s.config.server, row[0])
			}
			found[id] = row[1]
		}
	}
	return found, nil
}

// mayReplicate sees that the user may read the log. What is granted by a role only the
// server knows.
func (s *mysqlSession) mayReplicate(ctx context.Context) error {
	c := s.config
	user := "CONCAT('''', LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)) - 1), '''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')"
	rows, err := s.texts(ctx, 1, "SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'REPLICATION SLAVE' AND GRANTEE = "+user)
	if err != nil {
		return c.failure("describing "+c.subject(), err)
	}
	if len(rows) > 0 {
		return nil
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.close()
	return conn.register(ctx, probeID())
}

// mayNotReplicate is the error of who lacks a privilege.
func (c *config) mayNotReplicate(err error) error {
	e := sqlerr.Errorf(sqlerr.InsufficientPrivilege, "user %q of %s may not read its binlog: %w", c.server.user, c.server, err)
	return e.WithHint("Run GRANT REPLICATION SLAVE ON *.* TO %s there.", quoteText(c.server.user))
}
