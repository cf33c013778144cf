package parse

// What users of Flink SQL, ksqlDB, RisingWave and Materialize write by habit. Where it
// means the same here it is read (dialect_same.go); what differs is refused by these
// tables with the statement to write here, made of what was written.

// spelling is how a statement of another streaming database begins, and what to write
// instead of it.
type spelling struct {
	// words are its first ones, in lower case: _ is a name, perhaps behind IF NOT EXISTS, * any tokens at the
	// same depth of brackets, '*' any string.
	words string
	what  string
	// hint is what to write. In it stand, of the statement, <name> for the name behind
	// the words (or that _ stands for), <rows> for a query of what follows, <query> for
	// its query, <rest> for what follows the words, and <stream> and <into> for CREATE STREAM
	// and INTO with its options as they are called here.
	hint string
}

// statements are tried in this order.
var statements = []spelling{
	{"subscribe to", "SUBSCRIBE", subscribed},
	{"subscribe", "SUBSCRIBE", subscribed},
	{"tail", "TAIL", subscribed},
	{"copy ( subscribe", "SUBSCRIBE", "Write SELECT ... EMIT CHANGES, by itself: its rows come as they change."},
	{"declare _ cursor for subscribe to", "SUBSCRIBE", declared},
	{"declare _ cursor for subscribe", "SUBSCRIBE", declared},
	{"declare _ cursor for tail", "TAIL", declared},
	{"print", "PRINT", "Make the topics streams once, CREATE SCHEMA k FROM KAFKA WITH ('bootstrap.servers' = 'localhost:9092'); then write: SELECT * FROM k.<name> EMIT CHANGES LIMIT 3."},
	{"execute statement set begin", "EXECUTE STATEMENT SET", "Write each INSERT as a job: START JOB name AS <rest>. One query goes to several sinks by START JOB name AS SELECT ... INTO a, b."},
	{"execute statement set", "EXECUTE STATEMENT SET", "Write each INSERT as a job: START JOB name AS INSERT INTO sink SELECT ...; one query goes to several sinks by START JOB name AS SELECT ... INTO a, b."},
	{"begin statement set", "BEGIN STATEMENT SET", "Write each INSERT as a job: START JOB name AS INSERT INTO sink SELECT ...; one query goes to several sinks by START JOB name AS SELECT ... INTO a, b."},
	{"create source connector", "CREATE SOURCE CONNECTOR", connectors},
	{"create sink connector", "CREATE SINK CONNECTOR", connectors},
	{"create connection", "CREATE CONNECTION", "Write the options where they are used, CREATE STREAM name (...) WITH ('type' = 'kafka', 'bootstrap.servers' = '...'), or once in the server's configuration (kafka.brokers)."},
	{"create secret", "CREATE SECRET", "Keep it in a file or in the environment, and name that: 'sasl.password_file' = '/run/secrets/kafka' or 'sasl.password_env' = 'KAFKA_PASSWORD'."},
	{"create sink _ from", "CREATE SINK ... FROM", "Write: START JOB <name> AS SELECT * FROM <after> <into>."},
	{"create sink _ as", "CREATE SINK ... AS", "Write: START JOB <name> AS <query> <into>."},
	{"create source table", "CREATE SOURCE", "Write: <stream>."},
	{"create source", "CREATE SOURCE", "Write: <stream>."},
	{"drop source", "DROP SOURCE", "Write: DROP STREAM <name>."},
	{"terminate query", "TERMINATE", terminated},
	{"terminate", "TERMINATE", terminated},
	{"list streams", "LIST STREAMS", "Write: SHOW STREAMS."},
	{"list tables", "LIST TABLES", "Write: SHOW TABLES."},
	{"list topics", "LIST TOPICS", "Write: SHOW TOPICS."},
	{"list queries", "LIST QUERIES", "Write: SHOW JOBS."},
	{"list connectors", "LIST CONNECTORS", "Write: SELECT * FROM ferris.connectors."},
	{"show queries", "SHOW QUERIES", "Write: SHOW JOBS."},
	{"show sources", "SHOW SOURCES", "Write: SHOW STREAMS."},
	{"show connections", "SHOW CONNECTIONS", "Write: SELECT * FROM ferris.connectors."},
	{"show connectors", "SHOW CONNECTORS", "Write: SELECT * FROM ferris.connectors."},
	{"show functions", "SHOW FUNCTIONS", "Write: SELECT * FROM ferris.functions."},
	{"show properties", "SHOW PROPERTIES", "Write: SHOW ALL."},
	{"describe extended", "DESCRIBE EXTENDED", described},
	{"describe _ extended", "DESCRIBE ... EXTENDED", described},
	{"use catalog", "USE CATALOG", "There is one catalog. Choose among its schemas: SET search_path = name."},
	{"use", "USE", "Write: SET search_path = <name>."},
	{"set 'auto.offset.reset'", "SET 'auto.offset.reset'", "Write: SET ferris.start = 'earliest' or 'latest', which live queries begin with; a job is told by ALTER JOB name START FROM EARLIEST, or LATEST."},
	{"set '*'", "SET of an option of jobs", "Options of a job stand in its own WITH, START JOB name WITH ('checkpoint.interval' = '10s') AS SELECT ..., and are changed by ALTER JOB name SET (...)."},
	{"create table _ ( * ) with", "CREATE TABLE ... WITH a connector", "Write: <stream>."},
	{"create temporary table _ ( * ) with", "CREATE TABLE ... WITH a connector", "Write: <stream>."},
	{"create or replace table _ ( * ) with", "CREATE TABLE ... WITH a connector", "Write: <stream>."},
	{"create stream _ ( * ) with", "a stream with options of another database", "Write: <stream>."},
	{"create or replace stream _ ( * ) with", "a stream with options of another database", "Write: <stream>."},
	{"create source stream _ ( * ) with", "CREATE SOURCE STREAM", "Write: <stream>."},
	{"create stream _ with ( * ) as", "a stream with options of another database", "Write: CREATE STREAM <name> AS <query> <into>."},
	{"create or replace stream _ with ( * ) as", "a stream with options of another database", "Write: CREATE OR REPLACE STREAM <name> AS <query> <into>."},
	{"create table _ with ( * ) as", "CREATE TABLE ... WITH a topic", maintained},
	{"create or replace table _ with ( * ) as", "CREATE TABLE ... WITH a topic", maintained},
	{"create table _ as * emit", "EMIT in CREATE TABLE AS", maintained},
	{"create or replace table _ as", "CREATE OR REPLACE TABLE", maintained},
}

const (
	subscribed = "Write: <rows> EMIT CHANGES. With SET ferris.start = 'latest' before it what is there already is left out."
	declared   = "Write: DECLARE <name> CURSOR FOR <rows> EMIT CHANGES."
	connectors = "Declare what is read and written: CREATE STREAM name (columns) WITH ('type' = 'postgres', ...), CREATE SINK name WITH ('type' = 'file_sink', ...); SELECT * FROM ferris.connectors lists the types."
	terminated = "Write: STOP JOB <name>; or DROP JOB <name>. SHOW JOBS lists them."
	described  = "Write: DESCRIBE <name>. SHOW CREATE STREAM <name> has its statement, ferris.splits how far jobs have read it, and DESCRIBE JOB name all that is known of a job."
	maintained = "Write: CREATE MATERIALIZED VIEW <name> AS <query>. To put its changes into a topic, START JOB name AS SELECT * FROM <name> INTO topic WITH ('topic.type' = 'kafka', 'topic.topic' = '<name>')."
)

// clauses are those of a SELECT that other streaming databases have, by their first two
// words.
var clauses = []struct{ first, second, what, hint string }{
	{"match_recognize", "(", "MATCH_RECOGNIZE", "For one row after another of the same key within a time join the stream with itself: FROM s a JOIN s b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '5 minutes'; compare neighbours with lag(v) OVER (PARTITION BY k ORDER BY ts)."},
	{"emit", "change", "EMIT CHANGE", "Write EMIT CHANGES."},
	{"partition", "by", "PARTITION BY of a query", "Say it of the sink: SELECT ... INTO out WITH ('out.type' = 'kafka', 'out.topic' = 'out', 'out.key' = 'column')."},
}

// withOptions are the spellings that PostgreSQL and this dialect have too: only the
// options tell whose they are.
var withOptions = setOf("CREATE TABLE ... WITH a connector", "a stream with options of another database", "CREATE TABLE ... WITH a topic")

// optionNames are the options of other databases by their names here; "": there is
// none, and it is left out.
var optionNames = map[string]string{
	// Flink SQL, RisingWave
	"connector": "type", "properties.bootstrap.server": "bootstrap.servers", "properties.group.id": "",
	"scan.startup.mode": "", "scan.startup.timestamp.millis": "", "sink.partitioner": "", "json.ignore-parse-errors": "",
	"json.fail-on-missing-field": "", "value.fields-include": "", "sink.delivery-guarantee": "", "sink.transactional-id-prefix": "", "number-of-rows": "rows",
	"key.fields": "", "primary_key": "key", "force_append_only": "", "snapshot": "", "avro-confluent.url": "schema.registry.url",
	"table-name": "table", "url": "connection",
	// ksqlDB
	"kafka_topic": "topic", "value_format": "format", "key_format": "", "partitions": "", "replicas": "", "timestamp": "", "timestamp_format": "",
	"retention_ms": "", "value_delimiter": "delimiter", "format": "format", "wrap_single_value": "", "value_avro_schema_full_name": "",
}

// foreignOptions are those of optionNames that no connector here has.
var foreignOptions = setOf("connector", "kafka_topic", "value_format", "properties.bootstrap.server", "properties.bootstrap.servers")

// optionValues are values of options, in lower case, by what is written here.
var optionValues = map[string]map[string]string{
	"type": {"upsert-kafka": "kafka", "filesystem": "file", "datagen": "generator", "print": "stdout", "jdbc": "database", "append-only": "", "upsert": "", "postgres-cdc": "postgres", "mysql-cdc": "mysql"},
	"format": {"json": "json", "json_sr": "json-schema", "json_nosr": "json", "delimited": "csv", "csv": "csv", "avro": "avro", "avro-confluent": "avro", "kafka": "text", "protobuf": "protobuf",
		"protobuf_nosr": "protobuf", "debezium-json": "debezium-json", "debezium-avro-confluent": "debezium-avro", "raw": "raw", "parquet": "parquet"},
}

// nested are types whose values are jsonb here.
var nested = setOf("map", "struct", "array", "row", "multiset")

// dialectFunctions are functions of other streaming databases, and what to write
// instead.
var dialectFunctions = map[string]string{
	"mz_now":                "Keep the last hour of a live query with now(): WHERE ts > now() - INTERVAL '1 hour'; in a materialized view leave it out, and write it where the view is read.",
	"mz_logical_timestamp":  "Use now().",
	"proctime":              "Use now(). A table that is joined with a stream is seen as it is when the row comes: JOIN t ON ...",
	"current_row_timestamp": "Use now().",
	"current_watermark":     "SELECT * FROM ferris.watermarks shows how far the time of each job has come.",
	"rowtime":               "Use the column _timestamp, or that of WATERMARK FOR.",
	"latest_by_offset":      "Take the last row of each key: SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY _timestamp DESC) AS n FROM s) x WHERE n = 1; or last(v).",
	"earliest_by_offset":    "Take the first row of each key: SELECT DISTINCT ON (k) * FROM s.",
	"collect_list":          "Use array_agg(v).",
	"collect_set":           "Use array_agg(DISTINCT v).",
	"listagg":               "Use string_agg(v, ',').",
	"count_distinct":        "Use count(DISTINCT v).",
	"approx_count_distinct": "Use count(DISTINCT v).",
	"topk":                  "Use row_number(): SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC) AS n FROM s) x WHERE n <= 3.",
	"tumble_start":          "Use window_start, and GROUP BY it: SELECT window_start, count(*) FROM tumble(s, ts, INTERVAL '1 minute') GROUP BY window_start, window_end.",
	"tumble_end":            "Use window_end, and GROUP BY it: SELECT window_end, count(*) FROM tumble(s, ts, INTERVAL '1 minute') GROUP BY window_start, window_end.",
	"tumble_rowtime":        "Use window_end - INTERVAL '1 microsecond'.",
	"hop_start":             "Use window_start, and GROUP BY it: SELECT window_start, count(*) FROM hop(s, ts, INTERVAL '5 minutes', INTERVAL '1 minute') GROUP BY window_start, window_end.",
	"hop_end":               "Use window_end, and GROUP BY it: SELECT window_end, count(*) FROM hop(s, ts, INTERVAL '5 minutes', INTERVAL '1 minute') GROUP BY window_start, window_end.",
	"session_start":         "Use window_start: SELECT k, window_start, count(*) FROM s WINDOW SESSION (ts, INTERVAL '5 minutes') GROUP BY k.",
	"session_end":           "Use window_end: SELECT k, window_end, count(*) FROM s WINDOW SESSION (ts, INTERVAL '5 minutes') GROUP BY k.",
	"to_timestamp_ltz":      "Use to_timestamp(seconds), of milliseconds to_timestamp(ms / 1000.0).",
	"from_unixtime":         "Use to_timestamp(seconds).",
	"unix_timestamp":        "Use extract(epoch FROM ts).",
	"timestamptostring":     "Use to_char(to_timestamp(ms / 1000.0), 'YYYY-MM-DD HH24:MI:SS').",
	"stringtotimestamp":     "Use to_timestamp('2026-01-01 00:00', 'YYYY-MM-DD HH24:MI').",
	"date_format":           "Use to_char(ts, 'YYYY-MM-DD').",
	"extractjsonfield":      "Use JSON_VALUE(doc, '$.field').",
	"ucase":                 "Use upper(v).",
	"lcase":                 "Use lower(v).",
	"ifnull":                "Use coalesce(a, b).",
	"as_value":              "Name the column alone.",
}

// DialectFunction is the hint for a function that other streaming databases have and
// this has not; "": none of them is known to have it.
func DialectFunction(name string) string { return dialectFunctions[name] }

// dialectColumns are columns that ksqlDB has unasked.
var dialectColumns = map[string]string{
	"windowstart": "Use window_start.", "windowend": "Use window_end.", "rowtime": "Use _timestamp.", "rowkey": "Use _key.",
	"rowoffset": "Use _offset.", "rowpartition": "Use _partition.",
}

// DialectColumn is DialectFunction of a column.
func DialectColumn(name string) string { return dialectColumns[name] }
