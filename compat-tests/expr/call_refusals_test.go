package expr

import (
	"os"
	"strings"
	"unicode/utf8"
)

// callOnly is the one name to call; "": all.
func callOnly() string { return os.Getenv("CALL_NAME") }

// isUncallable: a function is one of uncallable, or counts what a server has done.
func isUncallable(name string) bool {
	return uncallable[name] != "" || strings.HasPrefix(name, "pg_stat_get_")
}

// uncallable are functions that are not called here, with the reason.
var uncallable = map[string]string{
	"now": "its value is the moment", "transaction_timestamp": "its value is the moment", "statement_timestamp": "its value is the moment", "clock_timestamp": "its value is the moment", "timeofday": "its value is the moment",
	"random": "its value is random", "random_normal": "its value is random", "gen_random_uuid": "its value is random", "setseed": "it changes what random returns",
	"pg_sleep": "it waits", "pg_sleep_for": "it waits", "pg_sleep_until": "it waits",
	"pg_cancel_backend": "it ends statements", "pg_terminate_backend": "it ends sessions",
	"version": "its value names the server", "pg_backend_pid": "its value names the session", "inet_client_addr": "its value names the session", "inet_client_port": "its value names the session",
	"inet_server_addr": "its value names the session", "inet_server_port": "its value names the session",
	"array_shuffle": "its value is random", "array_sample": "its value is random",
	"getpgusername": "its value names the session", "pg_timezone_names": "its rows are the zone database's", "pg_timezone_abbrevs": "its rows are the zone database's",
	"pg_show_all_settings": "its rows are the server's", "pg_lock_status": "its rows are the sessions'", "pg_stat_get_activity": "its rows are the sessions'", "pg_prepared_statement": "its rows are the session's",
	"pg_get_keywords": "its rows are the grammar's", "pg_notification_queue_usage": "its value is the server's", "pg_notify": "it sends",
	"pg_relation_filenode": "files of tables are PostgreSQL's own", "pg_relation_filepath": "files of tables are PostgreSQL's own", "pg_filenode_relation": "files of tables are PostgreSQL's own",
	"pg_relation_size": "files of tables are PostgreSQL's own", "pg_table_size": "files of tables are PostgreSQL's own", "pg_indexes_size": "files of tables are PostgreSQL's own", "pg_total_relation_size": "files of tables are PostgreSQL's own",
	"pg_database_size": "files of tables are PostgreSQL's own", "pg_tablespace_size": "there are no tablespaces", "pg_tablespace_location": "there are no tablespaces", "pg_tablespace_databases": "there are no tablespaces",
	"pg_describe_object": "descriptions are of other objects", "obj_description": "descriptions are of other objects", "col_description": "descriptions are of other objects", "shobj_description": "descriptions are of other objects",
	"pg_relation_is_updatable": "the catalogs are no tables", "pg_column_is_updatable": "the catalogs are no tables", "row_security_active": "there are no policies",
	"has_table_privilege": everyone, "has_column_privilege": everyone, "has_any_column_privilege": everyone, "has_schema_privilege": everyone, "has_database_privilege": everyone, "has_function_privilege": everyone, "has_sequence_privilege": everyone,
	"has_type_privilege": everyone, "has_language_privilege": everyone, "has_tablespace_privilege": everyone, "has_foreign_data_wrapper_privilege": everyone, "has_server_privilege": everyone, "has_parameter_privilege": everyone, "pg_has_role": everyone,
	"current_database": names, "current_catalog": names, "current_user": names, "session_user": names, "user": names, "current_schema": names, "current_schemas": names,
	"pg_postmaster_start_time": "its value is the moment", "pg_conf_load_time": "its value is the moment", "txid_current": counter, "txid_current_if_assigned": counter, "pg_current_xact_id": counter, "pg_current_xact_id_if_assigned": counter,
	"pg_current_snapshot": counter, "txid_current_snapshot": counter, "pg_snapshot_xmin": counter, "pg_xact_status": counter, "txid_status": counter,
	"pg_column_size": "how long a value is stored is each one's own", "pg_options_to_table": "options of foreign servers", "pg_encoding_max_length": encodings, "pg_encoding_to_char": encodings, "pg_char_to_encoding": encodings, "convert_from": encodings, "convert_to": encodings, "convert": encodings,
	"pg_get_viewdef": lookups, "pg_get_serial_sequence": lookups, "pg_input_is_valid": lookups, "pg_input_error_info": lookups,
	"cast(smallint, regproc)": numbered, "cast(integer, regproc)": numbered, "cast(bigint, regproc)": numbered, "cast(oid, regproc)": numbered,
	"cast(smallint, regprocedure)": numbered, "cast(integer, regprocedure)": numbered, "cast(bigint, regprocedure)": numbered, "cast(oid, regprocedure)": numbered,
	"cast(smallint, regtype)": numbered, "cast(integer, regtype)": numbered, "cast(bigint, regtype)": numbered, "cast(oid, regtype)": numbered,
	"age(xid)": counter, "length(bytea, name)": encodings,
	"cast(integer, regrole)": names, "cast(bigint, regrole)": names, "cast(oid, regrole)": names,
	"pg_get_expr": "there are no trees of expressions to give it", "cast(pg_node_tree, text)": "there are no trees of expressions to give it",
	"aclexplode": "its values name the server's roles",
	"nextval":    "it needs a sequence", "currval": "it needs a sequence", "setval": "it needs a sequence", "lastval": "it needs a sequence",
}

const (
	names     = "its value names the session"
	counter   = "its value counts transactions"
	encodings = "the one encoding is UTF8"
	lookups   = "PostgreSQL knows objects that are not here"
	numbered  = "PostgreSQL has functions, and row types of its catalogs, that are not here: their numbers have no name"
)

const everyone = "whoever may connect may do everything, and names are not looked at"

// nearFunctions are computed in floating point by formulas that need not be the
// C library's: their last places may differ.
var nearFunctions = map[string]bool{
	"cbrt": true, "dcbrt": true, "||/": true, "exp": true, "dexp": true, "ln": true, "dlog1": true, "log": true, "log10": true, "dlog10": true, "power": true, "pow": true, "dpow": true, "^": true,
	"sin": true, "cos": true, "tan": true, "cot": true, "asin": true, "acos": true, "atan": true, "atan2": true, "sinh": true, "cosh": true, "tanh": true, "asinh": true, "acosh": true, "atanh": true,
	"sind": true, "cosd": true, "tand": true, "cotd": true, "asind": true, "acosd": true, "atand": true, "atan2d": true, "erf": true, "erfc": true,
	"sum": true, "avg": true, "stddev": true, "stddev_pop": true, "stddev_samp": true, "variance": true, "var_pop": true, "var_samp": true, "corr": true, "covar_pop": true, "covar_samp": true,
	"regr_avgx": true, "regr_avgy": true, "regr_intercept": true, "regr_r2": true, "regr_slope": true, "regr_sxx": true, "regr_sxy": true, "regr_syy": true, "percentile_cont": true,
}

// refused reports whether a difference is one that is meant.
func refused(c call, want, got callAnswer) bool {
	meant := differences[c.of]
	return meant != nil && meant(c, want, got)
}

// differences are the calls whose answers differ on purpose.
var differences = map[string]func(c call, want, got callAnswer) bool{
	// PostgreSQL gives the byte, which is no UTF-8; the text form is of ASCII.
	"bpchar(\"char\")": rawByte, "cast(\"char\", bpchar)": rawByte,
	// PostgreSQL 16 counts on past what an integer holds, from the other end; 17 refuses.
	"make_interval(integer, integer, integer, integer, integer, integer, double precision)": func(_ call, want, got callAnswer) bool {
		return got.code == "22008" && want.code == ""
	},
	// PostgreSQL's avg sums squares beside, which it does not need, and which overflow
	// where the average does not.
	"avg(double precision)": func(_ call, want, got callAnswer) bool { return want.code == "22003" && got.code == "" },
	// The cast from text looks for the schema first, the type's own input does not:
	// there is one reader of names here.
	"regclass(text)": schemaFirst, "cast(text, regclass)": schemaFirst,
	// PostgreSQL calls an unknown kind of object an internal error.
	"acldefault(\"char\", oid)": func(_ call, want, got callAnswer) bool { return want.code == "XX000" && got.code == "0A000" },
	// Two literals are texts to PostgreSQL, which searches them for words.
	"@@(jsonb, jsonpath)": func(c call, _, _ callAnswer) bool { return !strings.Contains(c.sql, "::") },
}

func schemaFirst(_ call, want, got callAnswer) bool {
	return want.code == "3F000" && got.code == "42P01"
}

func rawByte(_ call, want, _ callAnswer) bool { return want.code == "" && !utf8.ValidString(want.rows) }
