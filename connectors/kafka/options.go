package kafka

import (
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/registry"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

var (
	both = slices.Concat(reached, bearerOptions, kerberosOptions, []stream.Option{object.CharsetOption}, csv.Keys)
	// reached are the options of the topic and of how clients reach it.
	reached = []stream.Option{
		{Key: "topic", Help: "the topic; without it one of the stream's or sink's name"},
		{Key: "bootstrap.servers", Aliases: []string{"brokers"}, Help: "host:port, several parted by commas; without it kafka.brokers of the server"},
		{Key: "format", Aliases: []string{"value.format", "source.format"}, Default: "json", Help: "json, csv, avro, protobuf, json-schema (JSON framed by a registry), text or raw; debezium-json or debezium-avro: changes of rows"},
		{Key: "key.format", Default: "string", Help: "string, or bytes: hexadecimal"},
		{Key: "security.protocol", Default: "PLAINTEXT", Help: "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"},
		{Key: "sasl.mechanism", Aliases: []string{"sasl.mechanisms"}, Default: "PLAIN", Help: "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI (Kerberos)"},
		{Key: "sasl.username", Help: "the user"},
		{Key: "sasl.username_env", Help: "the variable of the server's environment that has sasl.username, one of sql.allowed_env"},
		{Key: "sasl.username_file", Help: "a file that has sasl.username, under file.roots"},
		{Key: "sasl.password", Help: "its password"},
		{Key: "sasl.password_env", Help: "the variable of the server's environment that has sasl.password, one of sql.allowed_env"},
		{Key: "sasl.password_file", Help: "a file that has sasl.password, under file.roots"},
		{Key: "ssl.ca.location", Help: "a file of certificate authorities, under file.roots; without it the system's"},
		{Key: "ssl.certificate.location", Help: "the client's certificate, under file.roots"},
		{Key: "ssl.key.location", Help: "the client's key, under file.roots"},
		{Key: "ssl.key.password", Help: "is not supported: keep the key without one"},
		{Key: "ssl.endpoint.identification.algorithm", Default: "https", Help: "https: a broker's certificate must be its host's; none: who signed it is checked, and not whose it is"},
		{Key: "receive.buffer.bytes", Help: "is not supported: the system sizes the sockets' buffers"},
		{Key: "send.buffer.bytes", Help: "is not supported, likewise"},
	}
	sourceOptions = append(slices.Concat(both, registry.Options, avro.SourceOptions, protobuf.SourceOptions, json.ChangeSourceOptions),
		stream.Option{Key: "topic.pattern", Help: "in place of topic: all topics whose whole name matches the regular expression, PostgreSQL's, also those that come to be later"},
		stream.Option{Key: "group.id", Help: "the consumer group that a job commits its offsets to, for lag; default ferris-streams-<job>"},
		stream.Option{Key: "auto.offset.reset", Default: "earliest", Help: "earliest or latest: where a live read without a position starts"},
		stream.Option{Key: "isolation.level", Default: "read_committed", Help: "read_committed or read_uncommitted"},
		stream.Option{Key: "max.poll.records", Default: "500000", Help: "the most records that are read in one go; more than 1024 counts as that"},
		stream.Option{Key: "fetch.min.bytes", Default: "1", Help: "what the broker gathers before it answers"},
		stream.Option{Key: "fetch.max.wait.ms", Default: "500", Help: "how long it gathers, 10 ms at least"},
		stream.Option{Key: "fetch.max.bytes", Default: "50MB", Help: "the most it answers with"},
		stream.Option{Key: "max.partition.fetch.bytes", Help: "the most of one partition in an answer; without it 1MB, or fetch.max.bytes where that is less"},
		stream.Option{Key: "client.rack", Help: "where this gateway stands (broker.rack): brokers that choose replicas by it have it read from one that is near"},
		stream.Option{Key: "session.timeout.ms", Default: "45000", Help: "accepted; partitions are assigned directly, so there is no session"},
		stream.Option{Key: "heartbeat.interval.ms", Default: "3000", Help: "accepted, likewise"},
		stream.Option{Key: "enable.auto.commit", Default: "false", Help: "false alone: offsets are committed with each epoch"},
		stream.Option{Key: "auto.commit.interval.ms", Help: "is not supported: offsets are committed with each epoch"},
		stream.Option{Key: "consumer.timeout.ms", Help: "is not supported: a SELECT ends by itself, and a job waits for records"},
		stream.Option{Key: "timestamp.max_disorder", Help: "how much later than a record one before it may be stamped; with it, or under LogAppendTime, a bound above _timestamp ends the read"},
		stream.Option{Key: "on_data_loss", Default: "fail", Help: "fail or continue: what was to be read is gone, by retention, because the brokers lost it, or because the topic was deleted and created again"},
	)
	sinkOptions = append(slices.Concat(both, registry.Options, registry.SinkOptions, avro.SinkOptions, protobuf.SinkOptions),
		stream.Option{Key: "key", Aliases: []string{"key.column", "key.columns"}, Help: "the column whose text is the record's key; of several, parted by commas, a JSON object"},
		stream.Option{Key: "linger.ms", Default: "5", Help: "how long a batch waits for more records"},
		stream.Option{Key: "batch.size", Default: "1000000", Help: "the most bytes of a batch, and of a record; less than 1,000,000 is taken as that, so that records of that size can be written"},
		stream.Option{Key: "compression.type", Aliases: []string{"compression"}, Default: "none", Help: "none, gzip, snappy, lz4 or zstd"},
		stream.Option{Key: "acks", Default: "all", Help: "all, 1 or 0"},
		stream.Option{Key: "enable.idempotence", Default: "true", Help: "true needs acks = 'all'"},
		stream.Option{Key: "buffer.memory", Default: "64MB", Help: "the most bytes of records that wait to be sent; what comes then waits"},
		stream.Option{Key: "retries", Help: "how often a record is tried again within delivery.timeout.ms, of a sink without enable.idempotence; without it as often as there is time"},
		stream.Option{Key: "delivery.timeout.ms", Default: "120000", Help: "how long a record is tried"},
		stream.Option{Key: "transaction.timeout.ms", Default: "60000", Help: "of a job with use_transactions: when the broker undoes a transaction that is left open; without it twice checkpoint.interval where that is longer"},
		stream.Option{Key: "changelog", Default: "auto", Help: "how rows that change are written. upsert: the row that a key has, and no value where it has none any more; ops: every change with its _op, + or -; debezium: as format debezium-json or debezium-avro; append: they are refused; auto: upsert, by the sink's key or else a unique key of the query's rows"},
		json.DecimalsOption,
	)
)

// Formats of values.
const (
	formatJSON       = "json"
	formatCSV        = "csv"
	formatText       = "text"
	formatRaw        = "raw"
	formatAvro       = "avro"
	formatProtobuf   = "protobuf"
	formatJSONSchema = "json-schema"

	formatDebeziumJSON = "debezium-json"
	formatDebeziumAvro = "debezium-avro"
)

// debezium reports whether records are changes of rows.
func (c *config) debezium() bool {
	return c.format == formatDebeziumJSON || c.format == formatDebeziumAvro
}

const (
	// leastWait is the shortest that the client lets a broker gather.
	leastWait = 10 * time.Millisecond
	// leastBatch is what a batch may have at least: Kafka's own producers send a
	// record that is larger than batch.size alone, up to max.request.size.
	leastBatch = 1_000_000
)

type config struct {
	topic    string
	pattern  *pattern // in place of topic; nil: none
	brokers  []string
	format   string
	keyBytes bool
	csv      csv.Options     // its keys alone
	charset  *object.Charset // of values; nil: UTF-8
	security security
	avro     avro.Config
	protobuf protobuf.Config
	registry registry.Config

	group         string
	latest        bool
	uncommitted   bool
	maxPoll       int
	fetchMin      int32
	fetchMaxWait  time.Duration
	fetchMax      int32
	partitionMax  int32
	rack          string
	continueAfter bool // data loss
	maxDisorder   time.Duration
	ordered       bool // maxDisorder is given

	changes json.ChangeOptions // of debezium-json, as far as they are options of the relation

	keys          []string
	linger        time.Duration
	batchBytes    int32
	buffered      int
	retries       int // -1: no limit
	codec         string
	acks          string
	idempotent    bool
	delivery      time.Duration
	transaction   time.Duration // 0: not given
	changelog     string
	quoteDecimals bool
}

func (c *config) server() string { return strings.Join(c.brokers, ",") }

// read reads a relation's options, and what the server's configuration gives beside them.
func read(rel *catalog.Relation, role stream.Role, env *stream.Env) (*config, *stream.Values, error) {
	known := sourceOptions
	if role == stream.RoleSink {
		known = stream.SinkOptionsOf(rel, sinkOptions, sourceOptions)
	}
	rel, secured := withDefaults(rel, known, env.Kafka)
	brokers := env.Brokers
	v, err := stream.ReadOptions(rel, role, known)
	if err != nil {
		return nil, nil, err
	}
	c := &config{topic: v.String("topic"), csv: csv.ReadKeys(v), keyBytes: v.Enum("key.format", "string", "text", "json", "bytes") == "bytes"}
	if s := v.String("bootstrap.servers"); s != "" {
		brokers = s
	}
	for b := range strings.SplitSeq(brokers, ",") {
		if b = strings.TrimSpace(b); b != "" {
			c.brokers = append(c.brokers, b)
		}
	}
	if c.topic == "" && !v.Given("topic") {
		c.topic = rel.Name
	}
	if role == stream.RoleSource || rel.Kind == catalog.Stream {
		if err := c.readPattern(rel, role, v); err != nil {
			return nil, nil, err
		}
	}
	if c.topic == "" && c.pattern == nil {
		v.Reject("topic", "a topic's name")
	}
	switch f := v.String("format"); stream.Fold(f) {
	case "json", "jsonlines":
		c.format = formatJSON
	case "csv":
		c.format = formatCSV
	case "text", "string":
		c.format = formatText
	case "raw", "bytes":
		c.format = formatRaw
	case "avro":
		c.format = formatAvro
	case "debeziumjson":
		c.format = formatDebeziumJSON
	case "debeziumavro", "debeziumavroconfluent":
		c.format = formatDebeziumAvro
	case "protobuf", "proto", "protobufconfluent":
		c.format = formatProtobuf
	case "jsonschema", "jsonsr", "jsonregistry":
		c.format = formatJSONSchema
	case "parquet":
		return nil, nil, sqlerr.Unsupported("Write format 'json', 'csv', 'avro', 'protobuf', 'text' or 'raw'.", "format %q of %s %q is not supported", f, role, rel.Name)
	default:
		v.Reject("format", "json, csv, avro, protobuf, json-schema, debezium-json, debezium-avro, text or raw")
	}
	if c.format == formatText || c.format == formatRaw {
		if err := c.checkWhole(rel, role); err != nil {
			return nil, nil, err
		}
	}
	if role == stream.RoleSink {
		v.Refuse("encoding", "Leave it out: values are written in utf-8.", "utf-8")
	}
	if c.charset = object.ReadCharset(v); c.charset != nil && c.format != formatJSON && c.format != formatCSV && c.format != formatText {
		v.Reject("encoding", "utf-8 with format "+c.format)
	}
	c.registry = registry.Read(v, role)
	c.avro = avro.Read(v, role, c.registry.URL != "")
	framing := protobuf.Bare
	if c.registry.URL != "" {
		framing = protobuf.Confluent
	}
	if c.protobuf = protobuf.Read(v, role, framing); c.protobuf.Framing == protobuf.Delimited {
		v.Reject("protobuf.framing", "auto, none or confluent: a record of a topic is one message, so nothing says how long it is")
	}
	if err := c.checkFormat(rel, role); err != nil {
		return nil, nil, err
	}
	c.security.ofServer = secured
	c.security.read(v)
	for _, key := range []string{"receive.buffer.bytes", "send.buffer.bytes"} {
		v.Refuse(key, "Leave it out: the system sizes the buffers of sockets by what they carry.")
	}
	if role == stream.RoleSink {
		c.readSink(rel, v)
	} else {
		c.readSource(v)
	}
	return c, v, v.Err()
}

// checkWhole refuses columns that a record as it is does not make.
func (c *config) checkWhole(rel *catalog.Relation, role stream.Role) error {
	var value []catalog.Column
	for _, col := range rel.Columns {
		if role != stream.RoleSink || !besideValue(col) {
			value = append(value, col)
		}
	}
	if len(value) > 1 {
		return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "format %q makes one column of a record, and %q has %d", c.format, rel.Name, len(value)).
			WithHint("Declare one column of type text or bytea.")
	}
	for _, col := range value {
		if t := col.Type.OID; t != types.Text && t != types.Bytea && t != types.Varchar {
			return sqlerr.Errorf(sqlerr.DatatypeMismatch, "format %q makes a text or bytea, and column %q is %s", c.format, col.Name, types.FormatType(col.Type))
		}
	}
	return nil
}

// besideValue reports whether a sink's column is part of a record, and not of its
// value.
func besideValue(col catalog.Column) bool {
	switch col.Name {
	case "_key":
		return col.Type.OID == types.Text || col.Type.OID == types.Bytea
	case "_timestamp":
		return col.Type.OID == types.Timestamptz
	case "_headers":
		return col.Type.OID == types.JSONB
	}
	return false
}

func (c *config) readSource(v *stream.Values) {
	c.changes = json.ReadChanges(v)
	c.group = v.String("group.id")
	c.latest = v.Enum("auto.offset.reset", "earliest", "latest") == "latest"
	c.uncommitted = v.Enum("isolation.level", "read_committed", "read_uncommitted") == "read_uncommitted"
	c.maxPoll = int(v.Int("max.poll.records", 1, 1<<31-1))
	c.fetchMin = int32(v.Size("fetch.min.bytes", 0, 1<<30))
	c.fetchMaxWait = max(v.Duration("fetch.max.wait.ms"), leastWait)
	c.fetchMax = int32(v.Size("fetch.max.bytes", 1<<10, 1<<30))
	v.Duration("session.timeout.ms")
	v.Duration("heartbeat.interval.ms")
	c.rack = v.String("client.rack")
	if c.partitionMax = min(c.fetchMax, 1<<20); v.Given("max.partition.fetch.bytes") {
		c.partitionMax = int32(v.Size("max.partition.fetch.bytes", 1<<10, 1<<30))
	}
	v.Refuse("enable.auto.commit", "Leave it out: a job commits what it has done to group.id with each epoch (checkpoint.interval).", "false")
	v.Refuse("auto.commit.interval.ms", "Set the job's checkpoint.interval.")
	v.Refuse("consumer.timeout.ms", "Leave it out: SELECT ends at what the topic holds, SELECT ... EMIT CHANGES LIMIT n after n rows.")
	if c.ordered = v.Given("timestamp.max_disorder"); c.ordered {
		c.maxDisorder = v.Duration("timestamp.max_disorder")
	}
	c.continueAfter = v.Enum("on_data_loss", "fail", "continue") == "continue"
}

func (c *config) readSink(rel *catalog.Relation, v *stream.Values) {
	for k := range strings.SplitSeq(v.String("key"), ",") {
		if k = strings.TrimSpace(k); k != "" {
			c.keys = append(c.keys, k)
		}
	}
	c.linger = v.Duration("linger.ms")
	c.batchBytes = max(int32(v.Size("batch.size", 1, 1<<30)), leastBatch)
	c.buffered = int(v.Size("buffer.memory", 1<<20, 1<<40))
	c.retries = -1
	if v.Given("retries") {
		c.retries = int(v.Int("retries", 0, 1<<31-1))
	}
	c.codec = v.Enum("compression.type", "none", "gzip", "snappy", "lz4", "zstd")
	c.acks = v.Enum("acks", "all", "-1", "1", "0")
	if v.Given("enable.idempotence") {
		c.idempotent = v.Bool("enable.idempotence")
	} else {
		c.idempotent = c.acks == "all" || c.acks == "-1"
	}
	if c.idempotent && c.acks != "all" && c.acks != "-1" {
		v.Reject("enable.idempotence", "true only with acks = 'all'")
	}
	if c.retries >= 0 && c.idempotent {
		v.Reject("retries", "a number only with enable.idempotence = 'false': what is tried no more would leave a gap; delivery.timeout.ms says how long")
	}
	c.delivery = v.Duration("delivery.timeout.ms")
	if v.Given("transaction.timeout.ms") {
		if c.transaction = v.Duration("transaction.timeout.ms"); c.transaction < time.Second {
			v.Reject("transaction.timeout.ms", "at least 1s")
		}
	}
	c.changelog = v.Enum("changelog", "auto", "append", "upsert", "ops", "debezium")
	switch {
	case c.changelog == "debezium" && c.format == formatJSON:
		c.format = formatDebeziumJSON
	case c.changelog == "debezium" && c.format == formatAvro:
		c.format = formatDebeziumAvro
	case c.changelog == "debezium" && !c.debezium():
		v.Reject("changelog", "debezium only with a format that is json or avro")
	case c.debezium() && (c.changelog == "ops" || c.changelog == "upsert"):
		v.Reject("changelog", "auto, debezium or append with format "+c.format)
	}
	c.quoteDecimals = json.QuotesDecimals(v)
	for _, k := range c.keys {
		if column(rel, k) < 0 && len(rel.Columns) > 0 {
			v.Reject("key", "columns of "+rel.Name)
		}
	}
}

// text is a value in UTF-8, in a buffer that it may use.
func (c *config) text(value, buf []byte) []byte {
	if c.charset == nil || value == nil {
		return value
	}
	return c.charset.Append(buf[:0], value)
}

func column(rel *catalog.Relation, name string) int {
	for i := range rel.Columns {
		if rel.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// consumer are the client options of a reader.
func (c *config) consumer() []kgo.Opt {
	level := kgo.ReadCommitted()
	if c.uncommitted {
		level = kgo.ReadUncommitted()
	}
	opts := []kgo.Opt{
		kgo.FetchIsolationLevel(level),
		kgo.KeepControlRecords(), // the end of a bounded read is a position, which may be a marker's
		kgo.KeepRetryableFetchErrors(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMinBytes(c.fetchMin),
		kgo.FetchMaxWait(c.fetchMaxWait),
		kgo.FetchMaxBytes(c.fetchMax),
		kgo.FetchMaxPartitionBytes(c.partitionMax),
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
	if c.rack != "" {
		opts = append(opts, kgo.Rack(c.rack))
	}
	return opts
}

// producer are the client options of a sink. ownTime: records bring their own
// timestamps, which the client's delivery timeout would count from.
func (c *config) producer(ownTime bool) []kgo.Opt {
	acks := kgo.AllISRAcks()
	switch c.acks {
	case "1":
		acks = kgo.LeaderAck()
	case "0":
		acks = kgo.NoAck()
	}
	codec := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[c.codec]
	opts := []kgo.Opt{
		kgo.RequiredAcks(acks),
		kgo.ProducerLinger(c.linger),
		kgo.ProducerBatchMaxBytes(c.batchBytes),
		kgo.ProducerBatchCompression(codec),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // murmur2, as the Java client
		kgo.MaxBufferedRecords(100_000),
		kgo.MaxBufferedBytes(c.buffered),
		kgo.AllowAutoTopicCreation(),
		kgo.UnknownTopicRetries(3),
		kgo.DefaultProduceTopic(c.topic),
	}
	if !ownTime {
		opts = append(opts, kgo.RecordDeliveryTimeout(max(c.delivery, time.Second)))
	}
	if !c.idempotent {
		opts = append(opts, kgo.DisableIdempotentWrite())
	}
	if c.retries >= 0 {
		opts = append(opts, kgo.RecordRetries(c.retries))
	}
	return opts
}
