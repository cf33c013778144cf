package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// unsupportedStatement answers what PostgreSQL has and this does not, naming
// the statement and saying what to write instead.
func (b *binder) unsupportedStatement(n *pg.Node) {
	name, hint := describeStatement(n)
	b.unsupported(-1, hint, "%s is not supported", name)
}

func describeStatement(n *pg.Node) (name, hint string) {
	const declare = "Declare where the data is: CREATE STREAM name (columns) WITH ('type' = 'kafka', 'topic' = '...')."
	switch x := n.Node.(type) {
	case *pg.Node_UpdateStmt:
		return "UPDATE", "A stream is appended to: INSERT the new version of the row and read the latest per key."
	case *pg.Node_DeleteStmt:
		return "DELETE", "A stream is appended to: filter rows out where you read, or use the topic's retention."
	case *pg.Node_MergeStmt:
		return "MERGE", "A stream is appended to: INSERT the new version of the row and read the latest per key."
	case *pg.Node_CreateFunctionStmt:
		if x.CreateFunctionStmt.IsProcedure {
			return "CREATE PROCEDURE", "Send the statements one by one."
		}
		return "CREATE FUNCTION", "Write the expression out, or put it into a view: CREATE VIEW name AS SELECT ..."
	case *pg.Node_CallStmt:
		return "CALL", "Call a function with SELECT."
	case *pg.Node_DoStmt:
		return "DO", "Send the statements one by one."
	case *pg.Node_CreateTrigStmt:
		return "CREATE TRIGGER", "Start a job: START JOB name AS SELECT ... INTO sink."
	case *pg.Node_RuleStmt:
		return "CREATE RULE", "Use a view that can be written to, or start a job: START JOB name AS SELECT ... INTO sink."
	case *pg.Node_CreatePolicyStmt:
		return "CREATE POLICY", "Make a view of the rows that a role may see, and GRANT SELECT on that."
	case *pg.Node_CreatePublicationStmt:
		return "CREATE PUBLICATION", "Have clients follow the table, SELECT ... EMIT CHANGES, or start a job: START JOB name AS SELECT ... INTO sink."
	case *pg.Node_CreateSubscriptionStmt:
		return "CREATE SUBSCRIPTION", "Declare a stream of the other server's table: CREATE STREAM name WITH ('type' = 'postgres', 'cdc' = 'true', 'connection' = 'postgresql://...', 'table' = '...')."
	case *pg.Node_CreateStatsStmt:
		return "CREATE STATISTICS", "Leave it out: plans are made by what the tables hold."
	case *pg.Node_AlterRoleSetStmt:
		return "ALTER ROLE ... SET", "SET it in the session, or give it when connecting: options='-c name=value'."
	case *pg.Node_CreatedbStmt:
		return "CREATE DATABASE", "Use schemas: CREATE SCHEMA name."
	case *pg.Node_AlterDatabaseSetStmt:
		return "ALTER DATABASE ... SET", "SET it in the session, or give it when connecting: options='-c name=value'."
	case *pg.Node_AlterDatabaseStmt, *pg.Node_AlterDatabaseRefreshCollStmt:
		return "ALTER DATABASE", "The server has one database, whose name and limits are in its configuration; ALTER ROLE name CONNECTION LIMIT 5 is of a role."
	case *pg.Node_DropdbStmt:
		return "DROP DATABASE", "Use schemas: DROP SCHEMA name."
	case *pg.Node_CreateExtensionStmt:
		return "CREATE EXTENSION", "Use the functions there are; SELECT proname FROM pg_proc lists them."
	case *pg.Node_CreateDomainStmt:
		return "CREATE DOMAIN", "Use the type that the domain is over, and write its conditions as CHECK constraints of the columns."
	case *pg.Node_CompositeTypeStmt:
		return "CREATE TYPE of a composite type", "Every table has a row type of its name, CREATE TABLE name (...); a column of nested values is of jsonb."
	case *pg.Node_CreateRangeStmt:
		return "CREATE TYPE of a range type", "Use the ranges there are: int4range, int8range, numrange, tsrange, tstzrange and daterange."
	case *pg.Node_DefineStmt:
		if x.DefineStmt.Kind == pg.ObjectType_OBJECT_TYPE {
			return "CREATE TYPE of a base type", "Make an enum, CREATE TYPE name AS ENUM ('a', 'b'), or use one of the types there are: SELECT typname FROM pg_type."
		}
		return "CREATE " + definedWords[x.DefineStmt.Kind], seeStreams
	case *pg.Node_CreatePlangStmt:
		return "CREATE LANGUAGE", seeStreams
	case *pg.Node_CreateTableSpaceStmt:
		return "CREATE TABLESPACE", "Leave it out: tables are in the data directory (--data-dir)."
	case *pg.Node_CreateEventTrigStmt:
		return "CREATE EVENT TRIGGER", seeStreams
	case *pg.Node_SecLabelStmt:
		return "SECURITY LABEL", "Use GRANT and REVOKE; COMMENT ON keeps a text."
	case *pg.Node_AlterSystemStmt:
		return "ALTER SYSTEM", "SET it in the session, or write it into the server's configuration (--config)."
	case *pg.Node_CreateForeignTableStmt, *pg.Node_CreateForeignServerStmt, *pg.Node_ImportForeignSchemaStmt:
		return statementWord(n), declare
	}
	word := statementWord(n)
	return word, seeStreams
}

const seeStreams = "See SHOW STREAMS, CREATE STREAM, SELECT, INSERT INTO and START JOB for what can be said to a stream."

// definedWords are the kinds of what CREATE name (key = value) makes.
var definedWords = map[pg.ObjectType]string{
	pg.ObjectType_OBJECT_AGGREGATE: "AGGREGATE", pg.ObjectType_OBJECT_OPERATOR: "OPERATOR", pg.ObjectType_OBJECT_COLLATION: "COLLATION",
	pg.ObjectType_OBJECT_TSPARSER: "TEXT SEARCH PARSER", pg.ObjectType_OBJECT_TSDICTIONARY: "TEXT SEARCH DICTIONARY",
	pg.ObjectType_OBJECT_TSTEMPLATE: "TEXT SEARCH TEMPLATE", pg.ObjectType_OBJECT_TSCONFIGURATION: "TEXT SEARCH CONFIGURATION",
}

// timeWindows are the functions of other streaming databases that put a row
// into windows of time.
var timeWindows = map[string]bool{"tumble": true, "tumbling": true, "hop": true, "hopping": true, "sliding": true, "session": true, "cumulate": true}

// refuseTimeWindow refuses a call of one that does not stand in FROM.
func (b *binder) refuseTimeWindow(name string, loc int32) {
	if timeWindows[name] {
		b.unsupported(loc, "Write the clause: FROM orders WINDOW TUMBLING (ts, INTERVAL '1 minute') GROUP BY ...; or the function in FROM: FROM tumble(orders, ts, INTERVAL '1 minute') GROUP BY window_start, window_end.",
			"a window of time (%s) stands in FROM or in a WINDOW clause", name)
	}
}

// statementWord names a statement after its node: CreatePolicyStmt is CREATE POLICY.
func statementWord(n *pg.Node) string {
	fd := n.ProtoReflect().WhichOneof(n.ProtoReflect().Descriptor().Oneofs().Get(0))
	if fd == nil {
		return "this statement"
	}
	return strings.ToUpper(strings.ReplaceAll(strings.TrimSuffix(string(fd.Name()), "_stmt"), "_", " "))
}

func objectWord(o pg.ObjectType) string {
	if o == pg.ObjectType_OBJECT_MATVIEW {
		return "MATERIALIZED VIEW"
	}
	return strings.ReplaceAll(strings.TrimPrefix(o.String(), "OBJECT_"), "_", " ")
}
