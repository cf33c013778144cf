package gateway

import (
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/scram"
)

// setting is one row of pg_settings.
type setting struct {
	name    string // as SHOW ALL prints it
	vartype string // bool, integer, real, string, enum
	unit    string // of integers: ms, s, kB
	// context: internal cannot be set, postmaster and sighup are the server's
	// own, user is anyone's.
	context  string
	category string
	short    string
	boot     string
	min, max int64    // of integers
	enum     []string // of enums, in pg_settings' order
	list     bool     // a comma list; SET quotes its items as identifiers
	report   bool     // announced by ParameterStatus
	noReset  bool     // RESET ALL leaves it
	// check returns the canonical form of a value; nil: vartype alone decides.
	check func(v string) (string, error)
}

const maxInt = 1<<31 - 1

const (
	catPreset   = "Preset Options"
	catLocale   = "Client Connection Defaults / Locale and Formatting"
	catStmt     = "Client Connection Defaults / Statement Behavior"
	catClient   = "Client Connection Defaults / Other Defaults"
	catCompat   = "Version and Platform Compatibility / Previous PostgreSQL Versions"
	catConn     = "Connections and Authentication / Connection Settings"
	catAuth     = "Connections and Authentication / Authentication"
	catWhat     = "Reporting and Logging / What to Log"
	catWhen     = "Reporting and Logging / When to Log"
	catMemory   = "Resource Usage / Memory"
	catWAL      = "Write-Ahead Log / Settings"
	catUngroup  = "Ungrouped"
	catFerris   = "FerrisStreams"
	catOptimize = "Query Tuning / Other Planner Options"
)

var isolationLevels = []string{"serializable", "repeatable read", "read committed", "read uncommitted"}

var messageLevels = []string{"debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"}

// settingsTable has every parameter that SHOW and SET know. Those that change
// nothing here, because what they steer does not exist (work_mem, jit), are
// known since clients set them.
var settingsTable = []setting{
	{name: "application_name", vartype: "string", context: "user", category: catWhat, short: "Sets the application name to be reported in statistics and logs.", report: true, check: checkApplicationName},
	{name: "array_nulls", vartype: "bool", context: "user", category: catCompat, short: "Enable input of NULL elements in arrays.", boot: "on"},
	{name: "backslash_quote", vartype: "enum", context: "user", category: catCompat, short: `Sets whether "\'" is allowed in string literals.`, boot: "safe_encoding", enum: []string{"safe_encoding", "on", "off"}},
	{name: "block_size", vartype: "integer", context: "internal", category: catPreset, short: "Shows the size of a disk block.", boot: "8192", min: 8192, max: 8192},
	{name: "bytea_output", vartype: "enum", context: "user", category: catStmt, short: "Sets the output format for bytea.", boot: "hex", enum: []string{"escape", "hex"}},
	{name: "check_function_bodies", vartype: "bool", context: "user", category: catStmt, short: "Check routine bodies during CREATE FUNCTION and CREATE PROCEDURE.", boot: "on"},
	{name: "client_encoding", vartype: "string", context: "user", category: catLocale, short: "Sets the client's character set encoding.", boot: "UTF8", report: true, check: checkEncoding},
	{name: "client_min_messages", vartype: "enum", context: "user", category: catStmt, short: "Sets the message levels that are sent to the client.", boot: "notice", enum: messageLevels, check: checkMessages},
	{name: "DateStyle", vartype: "string", context: "user", category: catLocale, short: "Sets the display format for date and time values.", boot: "ISO, MDY", report: true},
	{name: "debug_assertions", vartype: "bool", context: "internal", category: catPreset, short: "Shows whether the running server has assertion checks enabled.", boot: "off"},
	{name: "default_table_access_method", vartype: "string", context: "user", category: catStmt, short: "Sets the default table access method for new tables.", boot: "heap"},
	{name: "default_tablespace", vartype: "string", context: "user", category: catStmt, short: "Sets the default tablespace to create tables and indexes in."},
	{name: "default_text_search_config", vartype: "string", context: "user", category: catLocale, short: "Sets default text search configuration.", boot: "pg_catalog.simple"},
	{name: "default_transaction_deferrable", vartype: "bool", context: "user", category: catStmt, short: "Sets the default deferrable status of new transactions.", boot: "off"},
	{name: "default_transaction_isolation", vartype: "enum", context: "user", category: catStmt, short: "Sets the transaction isolation level of each new transaction.", boot: "read committed", enum: isolationLevels},
	{name: "default_transaction_read_only", vartype: "bool", context: "user", category: catStmt, short: "Sets the default read-only status of new transactions.", boot: "off", report: true},
	{name: "escape_string_warning", vartype: "bool", context: "user", category: catCompat, short: "Warn about backslash escapes in ordinary string literals.", boot: "on"},
	{name: "extra_float_digits", vartype: "integer", context: "user", category: catLocale, short: "Sets the number of digits displayed for floating-point values.", boot: "1", min: -15, max: 3},
	{name: "ferris.fetch_timeout", vartype: "integer", unit: "ms", context: "user", category: catFerris, short: "Sets how long a FETCH, or an Execute with a row limit, on a live query waits for more rows once it has one; 0 waits until the batch is full.", boot: "0", max: maxInt},
	{name: "ferris.live_bytes", vartype: "integer", unit: "kB", context: "user", category: catFerris, short: "Sets how much of a live query is sent where its client asks for all of it: it ends then, as at a LIMIT; 0 is no end.", boot: "0", max: maxInt},
	{name: "ferris.live_rows", vartype: "integer", context: "user", category: catFerris, short: "Sets how many rows of a live query are sent where its client asks for all of them: it ends then, as at a LIMIT; 0 is no end.", boot: "0", max: maxInt},
	{name: "ferris.live_time", vartype: "integer", unit: "ms", context: "user", category: catFerris, short: "Sets how long a live query lasts where its client asks for all of it: it ends then, as at a LIMIT; 0 is no end.", boot: "0", max: maxInt},
	{name: "ferris.snapshot_timeout", vartype: "integer", unit: "ms", context: "user", category: catFerris, short: "Sets how long a cursor that nobody reads keeps its query: it is ended then, and reading it fails; 0 is for ever.", boot: "3600000", max: maxInt},
	{name: "ferris.start", vartype: "enum", context: "user", category: catFerris, short: "Sets where a live query begins: with what the stream holds, or at its tail.", boot: "earliest", enum: []string{"earliest", "latest"}},
	{name: "idle_in_transaction_session_timeout", vartype: "integer", unit: "ms", context: "user", category: catStmt, short: "Sets the maximum allowed idle time between queries, when in a transaction.", boot: "0", max: maxInt},
	{name: "idle_session_timeout", vartype: "integer", unit: "ms", context: "user", category: catStmt, short: "Sets the maximum allowed idle time between queries, when not in a transaction.", boot: "0", max: maxInt},
	{name: "in_hot_standby", vartype: "bool", context: "internal", category: catPreset, short: "Shows whether hot standby is currently active.", boot: "off", report: true},
	{name: "integer_datetimes", vartype: "bool", context: "internal", category: catPreset, short: "Shows whether datetimes are integer based.", boot: "on", report: true},
	{name: "IntervalStyle", vartype: "enum", context: "user", category: catLocale, short: "Sets the display format for interval values.", boot: "postgres", enum: []string{"postgres", "postgres_verbose", "sql_standard", "iso_8601"}, report: true},
	{name: "is_superuser", vartype: "bool", context: "internal", category: catUngroup, short: "Shows whether the current user is a superuser.", boot: "on", report: true},
	{name: "jit", vartype: "bool", context: "user", category: catOptimize, short: "Allow JIT compilation.", boot: "off"},
	{name: "lc_collate", vartype: "string", context: "internal", category: catPreset, short: "Shows the collation order locale.", boot: "C"},
	{name: "lc_ctype", vartype: "string", context: "internal", category: catPreset, short: "Shows the character classification and case conversion locale.", boot: "C"},
	{name: "lc_messages", vartype: "string", context: "user", category: catLocale, short: "Sets the language in which messages are displayed.", boot: "C", check: checkLocale},
	{name: "lc_monetary", vartype: "string", context: "user", category: catLocale, short: "Sets the locale for formatting monetary amounts.", boot: "C", check: checkLocale},
	{name: "lc_numeric", vartype: "string", context: "user", category: catLocale, short: "Sets the locale for formatting numbers.", boot: "C", check: checkLocale},
	{name: "lc_time", vartype: "string", context: "user", category: catLocale, short: "Sets the locale for formatting date and time values.", boot: "C", check: checkLocale},
	{name: "lock_timeout", vartype: "integer", unit: "ms", context: "user", category: catStmt, short: "Sets the maximum allowed duration of any wait for a lock.", boot: "0", max: maxInt},
	{name: "max_connections", vartype: "integer", context: "postmaster", category: catConn, short: "Sets the maximum number of concurrent connections.", boot: "2000", min: 1, max: 262143},
	{name: "max_function_args", vartype: "integer", context: "internal", category: catPreset, short: "Shows the maximum number of function arguments.", boot: "100", min: 100, max: 100},
	{name: "max_identifier_length", vartype: "integer", context: "internal", category: catPreset, short: "Shows the maximum identifier length.", boot: "63", min: 63, max: 63},
	{name: "max_index_keys", vartype: "integer", context: "internal", category: catPreset, short: "Shows the maximum number of index keys.", boot: "32", min: 32, max: 32},
	{name: "password_encryption", vartype: "enum", context: "user", category: catAuth, short: "Chooses the algorithm for encrypting passwords.", boot: "scram-sha-256", enum: []string{"md5", "scram-sha-256"}},
	{name: "plan_cache_mode", vartype: "enum", context: "user", category: catOptimize, short: "Controls the planner's selection of custom or generic plan.", boot: "auto", enum: []string{"auto", "force_generic_plan", "force_custom_plan"}},
	{name: "quote_all_identifiers", vartype: "bool", context: "user", category: catCompat, short: "When generating SQL fragments, quote all identifiers.", boot: "off"},
	{name: "role", vartype: "string", context: "user", category: catUngroup, short: "Sets the current role.", boot: "none", noReset: true},
	{name: "row_security", vartype: "bool", context: "user", category: catStmt, short: "Enable row security.", boot: "on"},
	{name: "scram_iterations", vartype: "integer", context: "internal", category: catPreset, short: "Shows the iteration count of SCRAM verifiers that are made here.", boot: strconv.Itoa(scram.Iterations), min: 1, max: maxInt, report: true},
	{name: "search_path", vartype: "string", context: "user", category: catStmt, short: "Sets the schema search order for names that are not schema-qualified.", boot: `"$user", public`, list: true, check: checkSearchPath},
	{name: "server_encoding", vartype: "string", context: "internal", category: catPreset, short: "Shows the server (database) character set encoding.", boot: "UTF8", report: true},
	{name: "server_version", vartype: "string", context: "internal", category: catPreset, short: "Shows the server version.", report: true},
	{name: "server_version_num", vartype: "integer", context: "internal", category: catPreset, short: "Shows the server version as an integer.", boot: "160000", min: 160000, max: 160000},
	{name: "session_authorization", vartype: "string", context: "user", category: catUngroup, short: "Sets the session user name.", report: true, noReset: true},
	{name: "ssl", vartype: "bool", context: "sighup", category: "Connections and Authentication / SSL", short: "Enables SSL connections.", boot: "off"},
	{name: "standard_conforming_strings", vartype: "bool", context: "user", category: catCompat, short: "Causes '...' strings to treat backslashes literally.", boot: "on", report: true, check: checkConformingStrings},
	{name: "statement_timeout", vartype: "integer", unit: "ms", context: "user", category: catStmt, short: "Sets the maximum allowed duration of any statement.", boot: "0", max: maxInt},
	{name: "synchronize_seqscans", vartype: "bool", context: "user", category: catCompat, short: "Enable synchronized sequential scans.", boot: "on"},
	{name: "synchronous_commit", vartype: "enum", context: "user", category: catWAL, short: "Sets the current transaction's synchronization level.", boot: "on", enum: []string{"local", "remote_write", "remote_apply", "on", "off"}},
	{name: "temp_buffers", vartype: "integer", unit: "kB", context: "user", category: catMemory, short: "Sets the maximum number of temporary buffers used by each session.", boot: "8192", min: 800, max: maxInt},
	{name: "TimeZone", vartype: "string", context: "user", category: catLocale, short: "Sets the time zone for displaying and interpreting time stamps.", boot: "UTC", report: true},
	{name: "timezone_abbreviations", vartype: "string", context: "user", category: catLocale, short: "Selects a file of time zone abbreviations.", boot: "Default"},
	{name: "transaction_deferrable", vartype: "bool", context: "user", category: catStmt, short: "Whether to defer a read-only serializable transaction until it can be executed with no possible serialization failures.", boot: "off", noReset: true},
	{name: "transaction_isolation", vartype: "enum", context: "user", category: catStmt, short: "Sets the current transaction's isolation level.", boot: "read committed", enum: isolationLevels, noReset: true},
	{name: "transaction_read_only", vartype: "bool", context: "user", category: catStmt, short: "Sets the current transaction's read-only status.", boot: "off", noReset: true},
	{name: "wal_level", vartype: "enum", context: "postmaster", category: catWAL, short: "Sets the level of information written to the WAL.", boot: "replica", enum: []string{"minimal", "replica", "logical"}},
	{name: "work_mem", vartype: "integer", unit: "kB", context: "user", category: catMemory, short: "Sets the maximum memory to be used for query workspaces.", boot: "4096", min: 64, max: maxInt},
	{name: "xmlbinary", vartype: "enum", context: "user", category: catClient, short: "Sets how binary values are to be encoded in XML.", boot: "base64", enum: []string{"base64", "hex"}},
	{name: "xmloption", vartype: "enum", context: "user", category: catStmt, short: "Sets whether XML data in implicit parsing and serialization operations is to be considered as documents or content fragments.", boot: "content", enum: []string{"content", "document"}},
}
