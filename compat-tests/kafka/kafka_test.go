package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// suite is a gateway over a broker.
type suite struct {
	addr   string
	kafka  *Server // nil: the broker is the fake one
	proxy  *proxy  // before the real one
	conn   *pgx.Conn
	client *kgo.Client // with partitions chosen by who produces
	admin  *kadm.Client
	dir    string // where the gateway may write
}

// TestKafka goes through what is to be as with the fake broker on the real one; in CI's short
// tier as far as it takes seconds.
func TestKafka(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	behind := listener{name: "BEHIND", protocol: "PLAINTEXT", addr: gateway.FreeAddr()}
	p := before(t, behind.addr)
	behind.advertised = p.addr
	broker := start(t, alone(append(secured(t, ca), behind)...))
	s := begin(t, broker.Addr(), dir)
	s.kafka, s.proxy = broker, p
	s.alike(t)
	t.Run("Users", s.users)
	t.Run("Certificates", s.certificates)
	t.Run("ServerSettings", s.serverSettings)
	t.Run("Codecs", s.codecs)
	t.Run("HangUps", s.hangUps)
	if os.Getenv("FERRIS_TIER") == "short" {
		return
	}
	t.Run("Tools", s.tools)
	t.Run("Tokens", s.tokens)
	t.Run("TopicPattern", s.topicPattern)
	t.Run("Recreation", s.recreation)
	t.Run("Retention", s.retention)
	t.Run("Outage", s.outage)
}

// TestFake goes through the same with the fake broker, as far as it has it.
func TestFake(t *testing.T) {
	s := begin(t, gateway.StartBroker(t), t.TempDir())
	s.alike(t)
}

// alike is what both brokers are to do alike.
func (s *suite) alike(t *testing.T) {
	t.Run("CopyJob", s.copyJob)
	t.Run("AbortedTransaction", s.abortedTransaction)
	t.Run("PartitionGrowth", s.partitionGrowth)
	t.Run("Records", s.records)
	t.Run("EveryKey", s.everyKey)
	t.Run("Fetched", s.fetched)
}

// environment is what the gateway has in its own, which streams may name.
var environment = []string{"FERRIS_TEST_USER=me", "FERRIS_TEST_PASSWORD=Pl4nted"}

// begin starts a gateway over a broker, that may write to a folder, and connects to both.
func begin(t *testing.T, addr, dir string) *suite {
	t.Helper()
	s := &suite{addr: addr, dir: dir}
	settings := filepath.Join(t.TempDir(), "ferris.yaml")
	err := os.WriteFile(settings, fmt.Appendf(nil, "http.allow: [127.0.0.1]\nsql.allowed_env: [FERRIS_TEST_USER, FERRIS_TEST_PASSWORD]\nconfig.root: %s\n", dir), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{DataDir: dir, Brokers: addr, Args: []string{"--config", settings}, Env: environment})
	if s.conn, err = pgx.Connect(t.Context(), p.URL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close(context.Background()) })
	if s.client, err = kgo.NewClient(kgo.SeedBrokers(strings.Split(addr, ",")...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	s.admin = kadm.NewClient(s.client)
	return s
}

// run sends statements and returns the first column of the last one's rows.
func (s *suite) run(t *testing.T, sql string) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	results, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
	var column []string
	if len(results) > 0 {
		for _, row := range results[len(results)-1].Rows {
			column = append(column, string(row[0]))
		}
	}
	return column, err
}

func (s *suite) exec(t *testing.T, sql string) []string {
	t.Helper()
	got, err := s.run(t, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func (s *suite) want(t *testing.T, sql, want string) {
	t.Helper()
	if got, err := s.run(t, sql); err != nil || fmt.Sprint(got) != want {
		t.Errorf("%s: %v, %v, want %s", sql, got, err, want)
	}
}

// refused expects an error with a code and words.
func (s *suite) refused(t *testing.T, sql, code string, parts ...string) {
	t.Helper()
	_, err := s.run(t, sql)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != code {
		t.Errorf("%s: %v, want %s", sql, err, code)
		return
	}
	for _, part := range parts {
		if !strings.Contains(pg.Message, part) {
			t.Errorf("%s: %q does not say %q", sql, pg.Message, part)
		}
	}
}

// until waits until ok.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in a minute", what)
		}
	}
}

func (s *suite) eventually(t *testing.T, sql, want string) {
	t.Helper()
	var got []string
	defer func() {
		if t.Failed() {
			t.Logf("%s: %v, want %s", sql, got, want)
		}
	}()
	until(t, sql, func() bool {
		got = s.exec(t, sql)
		return fmt.Sprint(got) == want
	})
}

func (s *suite) topic(t *testing.T, name string, partitions int32, settings ...string) {
	t.Helper()
	configs := map[string]*string{}
	for i := 0; i < len(settings); i += 2 {
		configs[settings[i]] = &settings[i+1]
	}
	if _, err := s.admin.CreateTopic(t.Context(), partitions, 1, configs, name); err != nil {
		t.Fatalf("creating topic %s: %v", name, err)
	}
}

// produce writes {"n": ...} records into a partition.
func (s *suite) produce(t *testing.T, topic string, partition int32, numbers ...int) {
	t.Helper()
	var records []*kgo.Record
	for _, n := range numbers {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, `{"n":%d}`, n)})
	}
	s.record(t, records...)
}

func (s *suite) record(t *testing.T, records ...*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatalf("producing to %s: %v", records[0].Topic, err)
	}
}

func numbers(from, to int) []int {
	var all []int
	for n := from; n < to; n++ {
		all = append(all, n)
	}
	return all
}

// lines are how many a file has; none while it is not there.
func lines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

// copyJob copies a topic into a file and a topic that the job makes, and commits
// its group's offsets.
func (s *suite) copyJob(t *testing.T) {
	s.topic(t, "in", 3)
	for p := range int32(3) {
		s.produce(t, "in", p, numbers(100*int(p), 100*int(p)+100)...)
	}
	out := filepath.Join(s.dir, "copy.json")
	s.exec(t, fmt.Sprintf(`CREATE STREAM in_kafka WITH (type = 'kafka', topic = 'in');
		START JOB copy AS SELECT n, _partition AS part FROM in_kafka INTO f, k WITH ('f.type' = 'file', 'f.path' = '%s', 'f.format' = 'json',
			'k.type' = 'kafka', 'k.topic' = 'copied', 'k.key' = 'part', 'k.compression.type' = 'zstd')`, out))
	until(t, "the copy", func() bool { return lines(t, out) == 300 })
	s.exec(t, "CREATE STREAM copied (n bigint, part int) WITH (type = 'kafka', topic = 'copied')")
	s.eventually(t, "SELECT count(*)::text || ' ' || count(DISTINCT n) || ' ' || sum(n) FROM copied", "[300 300 44850]")
	s.want(t, "SELECT n FROM copied WHERE _key = '1' ORDER BY n LIMIT 2", "[100 101]")
	s.want(t, "SELECT n FROM in_kafka WHERE _partition = 2 AND _offset >= 98", "[298 299]")
	s.want(t, "SELECT count(*) FROM in_kafka WHERE _timestamp >= now() - INTERVAL '1 hour'", "[300]")
	s.want(t, "SELECT count(*) FROM in_kafka WHERE _timestamp >= now() + INTERVAL '1 hour'", "[0]")
	until(t, "the group's offsets", func() bool {
		offsets, err := s.admin.FetchOffsets(t.Context(), "ferris-streams-copy")
		if err != nil {
			t.Fatal(err)
		}
		total := int64(0)
		offsets.Each(func(o kadm.OffsetResponse) { total += o.At })
		return total == 300
	})
	s.exec(t, "INSERT INTO in_kafka (n) VALUES (1000)")
	s.want(t, "SELECT count(*) FROM in_kafka", "[301]")
	until(t, "the row inserted", func() bool { return lines(t, out) == 301 })
	s.refused(t, "CREATE STREAM nowhere WITH (type = 'kafka', topic = 'nowhere')", "42P01", "nowhere")
}

// abortedTransaction reads a topic that ends in one.
func (s *suite) abortedTransaction(t *testing.T) {
	s.topic(t, "aborted", 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.TransactionalID("aborts"), kgo.DefaultProduceTopic("aborted"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for j := range 3 {
			if err := client.ProduceSync(ctx, kgo.StringRecord(fmt.Sprintf(`{"n":%d}`, 10*i+j))).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.EndTransaction(ctx, end); err != nil {
			t.Fatal(err)
		}
	}
	s.want(t, "CREATE STREAM aborted (n int) WITH (type = 'kafka', topic = 'aborted'); SELECT n FROM aborted", "[0 1 2]")
	s.want(t, "CREATE STREAM dirty (n int) WITH (type = 'kafka', topic = 'aborted', isolation.level = 'read_uncommitted'); SELECT n FROM dirty", "[0 1 2 10 11 12]")
}

// partitionGrowth adds a partition under a job.
func (s *suite) partitionGrowth(t *testing.T) {
	s.topic(t, "grows", 1)
	s.produce(t, "grows", 0, 1, 2)
	out := filepath.Join(s.dir, "grown.json")
	s.exec(t, fmt.Sprintf(`CREATE STREAM grows (n int) WITH (type = 'kafka', topic = 'grows');
		START JOB grown AS SELECT n, _partition AS p FROM grows INTO g WITH ('g.type' = 'file', 'g.path' = '%s', 'g.format' = 'json')`, out))
	until(t, "the first partition", func() bool { return lines(t, out) == 2 })
	if _, err := s.admin.CreatePartitions(t.Context(), 1, "grows"); err != nil {
		t.Fatal(err)
	}
	s.produceWhenKnown(t, "grows", 1, 3)
	until(t, "the new partition", func() bool { return lines(t, out) == 3 })
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(text), `{"n":3,"p":1}`+"\n") {
		t.Errorf("the file ends in %q", text[max(0, len(text)-40):])
	}
}

// topicPattern makes a topic under a job that reads all that match, stops the job, makes
// another and deletes one.
func (s *suite) topicPattern(t *testing.T) {
	s.topic(t, "sales.eu", 2)
	s.topic(t, "presales.eu", 1)
	s.produce(t, "sales.eu", 0, 1)
	s.produce(t, "sales.eu", 1, 2)
	s.produce(t, "presales.eu", 0, 100)
	out := filepath.Join(s.dir, "sales.json")
	s.exec(t, fmt.Sprintf(`CREATE STREAM sales (n int) WITH (type = 'kafka', topic.pattern = 'sales\..+', on_data_loss = 'continue');
		CREATE STREAM all_sales WITH (type = 'kafka', topic.pattern = '.*sales\..+');
		START JOB sold AS SELECT n, _topic AS t FROM sales INTO matched WITH ('matched.type' = 'file', 'matched.path' = '%s', 'matched.format' = 'json')`, out))
	until(t, "the first topic", func() bool { return lines(t, out) == 2 })
	s.want(t, "SELECT _topic || ' ' || sum(n) FROM all_sales GROUP BY _topic ORDER BY 1", "[presales.eu 100 sales.eu 3]")
	s.topic(t, "sales.us", 1)
	s.produceWhenKnown(t, "sales.us", 0, 3)
	until(t, "the new topic", func() bool { return lines(t, out) == 3 })
	s.exec(t, "STOP JOB sold")
	s.produce(t, "sales.eu", 0, 4)
	s.topic(t, "sales.asia", 1)
	s.produceWhenKnown(t, "sales.asia", 0, 5)
	if _, err := s.admin.DeleteTopic(t.Context(), "sales.us"); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "SELECT DISTINCT _topic FROM sales ORDER BY 1", "[sales.asia sales.eu]")
	s.exec(t, "START JOB sold")
	until(t, "what came while the job was stopped", func() bool { return lines(t, out) >= 5 })
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Sort(got)
	want := []string{`{"n":1,"t":"sales.eu"}`, `{"n":2,"t":"sales.eu"}`, `{"n":3,"t":"sales.us"}`, `{"n":4,"t":"sales.eu"}`, `{"n":5,"t":"sales.asia"}`}
	if !slices.Equal(got, want) {
		t.Errorf("the file has %v, want %v", got, want)
	}
	s.refused(t, "INSERT INTO sales VALUES (1)", "0A000", "whose topics are those of a pattern")
	s.exec(t, "DROP JOB sold")
}

// produceWhenKnown produces to a partition that the client may not know of yet.
func (s *suite) produceWhenKnown(t *testing.T, topic string, partition int32, n int) {
	t.Helper()
	until(t, "a partition that the client knows", func() bool {
		s.client.ForceMetadataRefresh() // an answer from before the partition was spread would be kept for minutes
		r := &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, `{"n":%d}`, n)}
		return s.client.ProduceSync(t.Context(), r).FirstErr() == nil
	})
}

// recreation deletes a topic under two jobs and makes it anew. The one whose
// stream may lose data reads the new one from its start.
func (s *suite) recreation(t *testing.T) {
	s.topic(t, "reborn", 1)
	s.produce(t, "reborn", 0, 1, 2)
	s.exec(t, `CREATE STREAM reborn (n int) WITH (type = 'kafka', topic = 'reborn');
		CREATE STREAM careless (n int) WITH (type = 'kafka', topic = 'reborn', on_data_loss = 'continue');
		START JOB careful AS SELECT n FROM reborn INTO b1 WITH ('b1.type' = 'blackhole', retry_backoff = '100ms');
		START JOB careless AS SELECT n FROM careless INTO b2 WITH ('b2.type' = 'blackhole', retry_backoff = '100ms')`)
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name IN ('careful', 'careless')", "[2 2]")
	if _, err := s.admin.DeleteTopic(t.Context(), "reborn"); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "SELECT state FROM ferris.jobs WHERE job_name IN ('careful', 'careless') AND error LIKE '%\"reborn\" does not exist%'", "[running running]")
	until(t, "the topic's deletion", func() bool {
		_, err := s.admin.CreateTopic(t.Context(), 1, 1, nil, "reborn")
		return err == nil
	})
	s.client.PurgeTopicsFromProducing("reborn")
	s.produceWhenKnown(t, "reborn", 0, 3)
	s.eventually(t, "SELECT state FROM ferris.jobs WHERE job_name = 'careful' AND error LIKE '%was deleted and created again%'", "[failed]")
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'careless' AND error IS NULL", "[3]")
}

// retention overtakes a job that is stopped: by DeleteRecords, and by time.
func (s *suite) retention(t *testing.T) {
	s.topic(t, "short", 1, "retention.ms", "-1")
	s.produce(t, "short", 0, numbers(0, 10)...)
	s.exec(t, `CREATE STREAM short (n int) WITH (type = 'kafka', topic = 'short');
		START JOB late AS SELECT n FROM short WHERE n >= 0 INTO l WITH ('l.type' = 'blackhole')`)
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'late'", "[10]")
	s.exec(t, "STOP JOB late")
	s.produce(t, "short", 0, numbers(10, 20)...)
	upTo := kadm.Offsets{}
	upTo.AddOffset("short", 0, 15, -1)
	if _, err := s.admin.DeleteRecords(t.Context(), upTo); err != nil {
		t.Fatal(err)
	}
	s.want(t, "SELECT n FROM short ORDER BY n", "[15 16 17 18 19]")
	s.exec(t, "START JOB late")
	s.eventually(t, "SELECT state FROM ferris.jobs WHERE job_name = 'late' AND error LIKE '%offset 10 is no longer there, the log begins at 15%'", "[failed]")

	retain := "1000"
	if _, err := s.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &retain}}, "short"); err != nil {
		t.Fatal(err)
	}
	until(t, "the retention", func() bool {
		start, err := s.admin.ListStartOffsets(t.Context(), "short")
		if err != nil {
			t.Fatal(err)
		}
		at, ok := start.Lookup("short", 0)
		return ok && at.Offset == 20
	})
	s.want(t, "SELECT n FROM short", "[]")
	s.want(t, "SELECT n FROM short WHERE _offset >= 3", "[]")
}

// outage kills the broker under a job that reads and writes, and starts it again.
func (s *suite) outage(t *testing.T) {
	s.topic(t, "before", 1)
	s.produce(t, "before", 0, 1, 2)
	s.exec(t, `CREATE STREAM before (n int) WITH (type = 'kafka', topic = 'before');
		START JOB through AS SELECT n FROM before INTO a WITH ('a.type' = 'kafka', 'a.topic' = 'after', 'retry_backoff' = '100ms')`)
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'through'", "[2]")
	s.kafka.Kill()
	s.eventually(t, "SELECT state FROM ferris.jobs WHERE job_name = 'through' AND error LIKE '%refused%'", "[running]")
	s.refused(t, "SELECT n FROM before", "08001", s.addr)
	s.kafka.Run(t)
	s.produceWhenKnown(t, "before", 0, 3)
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'through' AND error IS NULL", "[3]")
	s.exec(t, "CREATE STREAM after (n int) WITH (type = 'kafka', topic = 'after')")
	got := s.exec(t, "SELECT DISTINCT n FROM after ORDER BY n")
	if !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("the topic has %v, want 1, 2, 3", got)
	}
}
