package kafka

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// consumed reads with the library's consumer the first n records of a topic.
func (s *suite) consumed(t *testing.T, topic string, n int) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all []*kgo.Record
	for len(all) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading %s, after %d records: %v", topic, len(all), err)
		}
		all = append(all, fetches.Records()...)
	}
	slices.SortFunc(all, func(a, b *kgo.Record) int { return bytes.Compare(a.Value, b.Value) })
	return all
}

// records have keys, timestamps and headers of their own, written and read.
func (s *suite) records(t *testing.T) {
	s.topic(t, "stamped", 4, "retention.ms", "-1") // some of its records are old
	s.exec(t, `CREATE STREAM stamped (n int) WITH (type = 'kafka', topic = 'stamped');
		INSERT INTO stamped (n, _key, _timestamp, _headers) VALUES (1, 'a', '2026-01-15 10:30:00.123Z', '{"trace": "x1", "gone": null}'), (2, NULL, NULL, NULL), (3, 'ключ', '1999-12-31 23:59:59Z', '{}')`)
	// The partitions are those of the Java client.
	want := []string{`a={"n":1} 2026-01-15T10:30:00.123Z [gone= trace=x1]`, `ключ={"n":3} 1999-12-31T23:59:59Z []`}
	var got []string
	for _, r := range s.consumed(t, "stamped", 3) {
		if r.Key == nil {
			if age := time.Since(r.Timestamp); age < -time.Minute || age > 10*time.Minute {
				t.Errorf("a record without a time of its own is %v old", age)
			}
			continue
		}
		var headers []string
		for _, h := range r.Headers {
			headers = append(headers, h.Key+"="+string(h.Value))
		}
		slices.Sort(headers)
		got = append(got, fmt.Sprintf("%s=%s %s %v", r.Key, r.Value, r.Timestamp.UTC().Format(time.RFC3339Nano), headers))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the records are %q, want %q", got, want)
	}
	s.want(t, "SELECT n || ' ' || _key || ' ' || _timestamp || ' ' || _headers FROM stamped WHERE _key IS NOT NULL ORDER BY n",
		`[1 a 2026-01-15 10:30:00.123+00 {"gone": null, "trace": "x1"} 3 ключ 1999-12-31 23:59:59+00 {}]`)
	s.want(t, "SELECT n FROM stamped WHERE _timestamp < '2026-01-16Z' ORDER BY n", "[1 3]")

	s.topic(t, "bytes", 1)
	s.record(t,
		&kgo.Record{Topic: "bytes", Key: []byte{0xff, 0}, Value: []byte(`{"n":1}`), Headers: []kgo.RecordHeader{{Key: "twice", Value: []byte("a")}, {Key: "twice", Value: []byte("b")}, {Key: "raw", Value: []byte{0xff}}}},
		&kgo.Record{Topic: "bytes", Key: []byte("key"), Value: nil})
	s.exec(t, `CREATE STREAM keys (n int) WITH (type = 'kafka', topic = 'bytes', key.format = 'bytes'); CREATE STREAM texts (n int) WITH (type = 'kafka', topic = 'bytes')`)
	s.want(t, "SELECT _key || ' ' || coalesce(n, 0) || ' ' || _headers FROM keys ORDER BY _offset", `[\xff00 1 {"raw": "\\xff", "twice": "b"} \x6b6579 0 {}]`)
	s.refused(t, "SELECT _key FROM texts", "22021", `"texts", partition 0, offset 0`, `"_key"`)

	if s.kafka == nil {
		return // the fake one stamps no records itself
	}
	s.topic(t, "appended", 1, "message.timestamp.type", "LogAppendTime")
	s.exec(t, "CREATE STREAM appended (n int) WITH (type = 'kafka', topic = 'appended'); INSERT INTO appended (n, _timestamp) VALUES (1, '1999-12-31 23:59:59Z')")
	s.want(t, "SELECT n FROM appended WHERE _timestamp >= now() - INTERVAL '1 hour'", "[1]")
}

// everyKey has a job read and write with every key that its topics may have, of Kafka's
// names, over topics that the sinks make as the broker makes topics.
func (s *suite) everyKey(t *testing.T) {
	s.topic(t, "whole", 2)
	s.produce(t, "whole", 0, numbers(0, 1500)...)
	s.produce(t, "whole", 1, numbers(1500, 3000)...)
	if err := os.WriteFile(filepath.Join(s.dir, "whole.yaml"), fmt.Appendf(nil, "bootstrap.servers: %s\ntopic: ${FERRIS_TEST_TOPIC:-whole}\nfetch: {min.bytes: 1, max.wait.ms: 100}\n", s.addr), 0o600); err != nil {
		t.Fatal(err)
	}
	s.exec(t, fmt.Sprintf(`CREATE STREAM whole_source (n int) WITH ('type' = 'kafka_source', 'config_file' = '%s/whole.yaml',
			'group.id' = 'whole-group', 'value.format' = 'json', 'key.format' = 'string', 'auto.offset.reset' = 'earliest', 'isolation.level' = 'read_committed', 'encoding' = 'latin1',
			'max.poll.records' = '100', 'fetch.max.bytes' = '1MB', 'max.partition.fetch.bytes' = '64KB', 'session.timeout.ms' = '30000', 'heartbeat.interval.ms' = '3000',
			'enable.auto.commit' = 'false', 'security.protocol' = 'PLAINTEXT', 'client.rack' = 'a', 'timestamp.max_disorder' = '1s', 'on_data_loss' = 'fail')`, s.dir))
	s.exec(t, fmt.Sprintf(`START JOB whole AS SELECT n, n %% 7 AS k FROM whole_source INTO sure, fast, unheard WITH (
			'failure_strategy' = 'RetryWithBackoff', 'retry_backoff' = '100ms', 'max_retries' = '5',
			'sure.type' = 'kafka_sink', 'sure.bootstrap.servers' = '%[1]s', 'sure.topic' = 'whole-sure', 'sure.key' = 'k', 'sure.value.format' = 'json', 'sure.acks' = 'all', 'sure.enable.idempotence' = 'true',
			'sure.batch.size' = '65536', 'sure.linger.ms' = '10', 'sure.compression.type' = 'snappy', 'sure.buffer.memory' = '32MB', 'sure.delivery.timeout.ms' = '30000', 'sure.json.decimals' = 'string',
			'fast.type' = 'kafka', 'fast.topic' = 'whole-fast', 'fast.acks' = '1', 'fast.enable.idempotence' = 'false', 'fast.retries' = '3', 'fast.compression' = 'lz4', 'fast.format' = 'csv', 'fast.delimiter' = ';',
			'unheard.type' = 'kafka', 'unheard.topic' = 'whole-unheard', 'unheard.acks' = '0', 'unheard.linger.ms' = '0')`, s.addr))
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'whole' AND error IS NULL", "[3000]")
	s.exec(t, `CREATE STREAM whole_sure (n int, k int) WITH (type = 'kafka', topic = 'whole-sure'); CREATE STREAM whole_fast (n int, k int) WITH (type = 'kafka', topic = 'whole-fast', format = 'csv', delimiter = ';');
		CREATE STREAM whole_unheard (n int) WITH (type = 'kafka', topic = 'whole-unheard')`)
	s.eventually(t, "SELECT count(*) || ' ' || sum(n) || ' ' || count(DISTINCT _partition || _key) FROM whole_sure", "[3000 4498500 7]")
	s.eventually(t, "SELECT count(*) || ' ' || sum(n) || ' ' || sum(k) FROM whole_fast", "[3000 4498500 8994]")
	s.eventually(t, "SELECT count(*) || ' ' || sum(n) FROM whole_unheard", "[3000 4498500]")
	lag := func() (total int64) {
		lags, err := s.admin.Lag(t.Context(), "whole-group")
		if err != nil {
			t.Fatal(err)
		}
		return lags["whole-group"].Lag.Total()
	}
	until(t, "a group that is not behind", func() bool { return lag() == 0 })
	s.exec(t, "STOP JOB whole")
	s.produce(t, "whole", 1, numbers(3000, 3005)...)
	if got := lag(); got != 5 {
		t.Errorf("the group is %d behind, want 5", got)
	}
	s.exec(t, "START JOB whole")
	until(t, "a group that is not behind", func() bool { return lag() == 0 })
	s.exec(t, "DROP JOB whole")
	details, err := s.admin.ListTopics(t.Context(), "whole-sure", "copied")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(details["whole-sure"].Partitions); n == 0 || n != len(details["copied"].Partitions) {
		t.Errorf("the topics that sinks have made have %d and %d partitions", n, len(details["copied"].Partitions))
	}
}

// packings are the codecs, by their numbers in batches.
var packings = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// topicCodec is what a topic calls a codec.
func topicCodec(packing string) string {
	if packing == "none" {
		return "uncompressed"
	}
	return packing
}

// codecs: what is written by each codec is unpacked by Kafka, which packs it anew by that of
// the topic, and that is read. A topic of codec producer keeps what it is sent.
func (s *suite) codecs(t *testing.T) {
	for i, written := range packings {
		for _, kept := range []string{"producer", topicCodec(packings[(i+1)%len(packings)])} {
			name := "packed_" + written + "_" + kept
			s.topic(t, name, 1, "compression.type", kept)
			s.exec(t, fmt.Sprintf(`SELECT n, repeat('pad', 20) AS pad FROM generate_series(1, 500) g (n) INTO k_%[1]s WITH ('k_%[1]s.type' = 'kafka', 'k_%[1]s.topic' = '%[1]s', 'k_%[1]s.compression.type' = '%[2]s')`, name, written))
			s.exec(t, fmt.Sprintf("CREATE STREAM %s (n int, pad text) WITH (type = 'kafka', topic = '%[1]s')", name))
			s.want(t, "SELECT count(*) || ' ' || sum(n) || ' ' || sum(length(pad)) FROM "+name, "[500 125250 30000]")
			want := packings[(i+1)%len(packings)]
			if kept == "producer" {
				want = written
			}
			for _, r := range s.consumed(t, name, 500) {
				if got := packings[r.Attrs.CompressionType()]; got != want {
					t.Errorf("%s: offset %d is packed by %s", name, r.Offset, got)
					break
				}
			}
		}
	}
}

// configured is another gateway, whose configuration is the text given, over the same broker.
func (s *suite) configured(t *testing.T, text string, environment ...string) *suite {
	t.Helper()
	settings := filepath.Join(t.TempDir(), "ferris.yaml")
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{Args: []string{"--config", settings}, Env: environment})
	conn, err := pgx.Connect(t.Context(), p.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return &suite{addr: s.addr, kafka: s.kafka, conn: conn}
}

// serverSettings: a gateway whose configuration has what all streams and sinks of its
// brokers have in common: users and certificates, what is fetched, and how it is written.
func (s *suite) serverSettings(t *testing.T) {
	other := s.configured(t, fmt.Sprintf(`
file.roots: [%[1]s]
kafka:
  brokers: %[2]s
  security_protocol: SASL_SSL
  ssl: {ca_location: %[3]s/ca.pem}
  ssl_verify_hostname: true
  sasl: {mechanism: SCRAM-SHA-512, username_env: FERRIS_TEST_USER, password_file: %[3]s/password}
  acks: all
  enable_idempotence: true
  batch_size: 16384
  linger_ms: 10
  buffer_memory: 33554432
  compression_type: gzip
  fetch_min_bytes: 1
  fetch_max_wait_ms: 100
  max_poll_records: 500
  max_partition_fetch_bytes: 1048576
  session_timeout_ms: 30000
  heartbeat_interval_ms: 3000
  consumer: {enable_auto_commit: false, isolation_level: read_committed}
`, t.TempDir(), s.kafka.listenerAt("SECURED"), s.dir), environment...)
	s.topic(t, "common", 1)
	other.exec(t, "CREATE STREAM common (n int, pad text) WITH (type = 'kafka', topic = 'common'); INSERT INTO common (n, pad) VALUES (1, repeat('pad', 99)), (2, repeat('pad', 99))")
	other.exec(t, "START JOB onward WITH (use_transactions = 'true') AS SELECT n + 1 AS n, pad FROM common INTO onward WITH ('onward.type' = 'kafka', 'onward.topic' = 'onward')")
	other.eventually(t, "SELECT rows_out || ' ' || coalesce(error, '') FROM ferris.jobs", "[2 ]")
	other.want(t, "CREATE STREAM back (n int) WITH (type = 'kafka', topic = 'onward'); SELECT n FROM back ORDER BY n", "[2 3]")
	for _, topic := range []string{"common", "onward"} {
		for _, r := range s.consumed(t, topic, 2) {
			if got := packings[r.Attrs.CompressionType()]; got != "gzip" {
				t.Errorf("%s: offset %d is packed by %s", topic, r.Offset, got)
			}
		}
	}
	// Another broker is not told the password.
	other.refused(t, fmt.Sprintf("CREATE STREAM bare (n int) WITH (type = 'kafka', topic = 'known', 'bootstrap.servers' = '%s'); SELECT n FROM bare", s.kafka.listenerAt("MUTUAL")), "08001", s.kafka.listenerAt("MUTUAL"))
}

// tool runs one of Kafka's own programs, and returns what it prints.
func (s *suite) tool(t *testing.T, input string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := s.kafka.java(ctx, args...)
	cmd.Stdin = strings.NewReader(input)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", args[0], err, &out, &problems)
	}
	return out.String()
}

// tools: what Kafka's own programs write, read, and say of a job's lag.
func (s *suite) tools(t *testing.T) {
	s.topic(t, "by-java", 7)
	s.topic(t, "by-us", 7, "retention.ms", "-1")
	var lines strings.Builder
	for i := range 60 {
		fmt.Fprintf(&lines, "from:java,i:%d\tkey-%[1]d\t{\"n\":%[1]d}\n", i)
	}
	s.tool(t, lines.String(), "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", s.addr, "--topic", "by-java", "--compression-codec", "lz4",
		"--property", "parse.key=true", "--property", "parse.headers=true")
	s.exec(t, `CREATE STREAM by_java (n int) WITH (type = 'kafka', topic = 'by-java', 'group.id' = 'seen-by-tools'); CREATE STREAM by_us (n int) WITH (type = 'kafka', topic = 'by-us');
		INSERT INTO by_us (n, _key, _headers, _timestamp) SELECT n, _key, jsonb_build_object('from', 'us'), '2026-01-15 10:30:00Z' FROM by_java`)
	s.want(t, "SELECT count(*) || ' ' || sum(n) || ' ' || count(DISTINCT _partition) || ' ' || max(_headers->>'from') FROM by_java", "[60 1770 7 java]")
	s.want(t, "SELECT count(*) FROM by_java j JOIN by_us u ON j._key = u._key AND j._partition = u._partition", "[60]")
	read := s.tool(t, "", "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", s.addr, "--topic", "by-us", "--from-beginning", "--max-messages", "60", "--timeout-ms", "60000",
		"--property", "print.key=true", "--property", "print.headers=true", "--property", "print.timestamp=true")
	if want := "CreateTime:1768473000000\tfrom:us\tkey-59\t{\"n\":59}\n"; !strings.Contains(read, want) || strings.Count(read, "\n") != 60 {
		t.Errorf("Kafka's consumer reads\n%s\nwant 60 lines, and\n%s", read, want)
	}

	s.exec(t, "START JOB seen AS SELECT n FROM by_java INTO b WITH ('b.type' = 'blackhole')")
	lag := func() string {
		out := s.tool(t, "", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server", s.addr, "--describe", "--group", "seen-by-tools")
		var all []string
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 5 && f[0] == "seen-by-tools" && f[1] == "by-java" && f[2] == "3" {
				all = append(all, fmt.Sprint(f[3:6]))
			}
		}
		return strings.Join(all, "; ")
	}
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'seen'", "[60]")
	s.exec(t, "STOP JOB seen")
	at := s.exec(t, "SELECT count(*) FROM by_java WHERE _partition = 3")[0]
	s.produce(t, "by-java", 3, 60, 61)
	if got, want := lag(), fmt.Sprintf("[%s %s 2]", at, s.exec(t, "SELECT max(_offset) + 1 FROM by_java WHERE _partition = 3")[0]); got != want {
		t.Errorf("kafka-consumer-groups tells of partition 3 %q, want %q", got, want)
	}
	s.exec(t, "DROP JOB seen")
}
