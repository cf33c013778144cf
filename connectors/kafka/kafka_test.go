package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// broker is a fake cluster with a client that produces to it.
type broker struct {
	*kfake.Cluster
	t    *testing.T
	addr string
	cl   *kgo.Client
}

func start(t *testing.T, opts ...kfake.Opt) *broker {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b := &broker{Cluster: c, t: t, addr: c.ListenAddrs()[0]}
	b.cl, err = kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.cl.Close)
	return b
}

func (b *broker) topic(name string, partitions int32) {
	b.t.Helper()
	if err := b.CreateTopic(name, partitions, nil); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) produce(topic string, partition int32, values ...string) {
	b.t.Helper()
	for _, v := range values {
		b.record(&kgo.Record{Topic: topic, Partition: partition, Value: []byte(v)})
	}
}

func (b *broker) record(r *kgo.Record) {
	b.t.Helper()
	if err := b.cl.ProduceSync(b.t.Context(), r).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// transaction produces values in one transaction, which commits or aborts.
func (b *broker) transaction(topic string, end kgo.TransactionEndTry, values ...string) {
	b.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.TransactionalID("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range values {
		if err := cl.ProduceSync(b.t.Context(), &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := cl.EndTransaction(b.t.Context(), end); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) env() *stream.Env {
	return &stream.Env{Brokers: b.addr, ClientID: "test", HTTPAllow: []string{"127.0.0.1"}, Metrics: &stream.Metrics{}}
}

func relation(topic string, options ...string) *catalog.Relation {
	r := &catalog.Relation{
		Name: "orders", Kind: catalog.Stream, Connector: "kafka", Hidden: Connector{}.PseudoColumns(),
		Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}, {Name: "name", Type: types.Of(types.Text)}},
		Options: catalog.Options{{Key: "topic", Value: topic}},
	}
	for i := 0; i < len(options); i += 2 {
		r.Options = append(r.Options, catalog.Option{Key: options[i], Value: options[i+1]})
	}
	return r
}

// cursor reads all columns of a relation.
type cursor struct {
	t       *testing.T
	rel     *catalog.Relation
	src     stream.Source
	r       stream.Reader
	b       *vec.Batch
	at      map[stream.Split]stream.Offset
	rejects []stream.Reject
}

func (b *broker) open(rel *catalog.Relation, scan stream.Scan, at map[stream.Split]stream.Offset) *cursor {
	b.t.Helper()
	src, err := Connector{}.Source(b.t.Context(), b.env(), rel)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { src.Close() })
	splits, err := src.Splits(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	var from []stream.Position
	for _, s := range splits {
		from = append(from, stream.Position{Split: s, Offset: at[s]})
	}
	c := &cursor{t: b.t, rel: rel, src: src, b: &vec.Batch{}, at: map[stream.Split]stream.Offset{}}
	for i, col := range rel.AllColumns() {
		scan.Columns = append(scan.Columns, i)
		c.b.Cols = append(c.b.Cols, vec.New(col.Type))
	}
	if c.r, err = src.Open(b.t.Context(), from, scan); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.r.Close() })
	return c
}

// next returns the rows of one Read: the visible columns, and @partition:offset.
func (c *cursor) next() ([]string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	read, err := c.r.Read(ctx, c.b)
	if err != nil {
		return nil, err
	}
	if read.Split != "" {
		c.at[read.Split] = read.Next
	}
	c.rejects = append(c.rejects, read.Rejects...)
	var rows []string
	for i := range c.b.Rows {
		var s []string
		for k := range c.rel.Columns {
			s = append(s, c.text(k, i))
		}
		n := len(c.rel.Columns)
		rows = append(rows, strings.Join(s, " ")+" @"+c.text(n+1, i)+":"+c.text(n+2, i))
	}
	return rows, nil
}

func (c *cursor) text(col, row int) string {
	if c.b.Cols[col].Nulls().Get(row) {
		return "NULL"
	}
	return string(vec.TextAppender(c.rel.AllColumns()[col].Type, types.DefaultFormat())(nil, c.b.Cols[col], row))
}

func (c *cursor) rest() ([]string, error) {
	var all []string
	for {
		rows, err := c.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, rows...)
	}
}

func (c *cursor) want(want ...string) {
	c.t.Helper()
	var got []string
	for len(got) < len(want) {
		rows, err := c.next()
		if err != nil {
			c.t.Fatalf("%v, after %v", err, got)
		}
		got = append(got, rows...)
	}
	if !slices.Equal(got, want) {
		c.t.Fatalf("read %v, want %v", got, want)
	}
}

func TestBounded(t *testing.T) {
	b := start(t)
	b.topic("t", 2)
	b.produce("t", 0, `{"id":1,"name":"x"}`, `{"id":2}`)
	b.produce("t", 1, `{"id":3}`)
	c := b.open(relation("t"), stream.Scan{Bounded: true}, nil)
	b.produce("t", 0, `{"id":9}`) // after the read began
	got, err := c.rest()
	slices.Sort(got)
	if want := []string{"1 x @0:0", "2 NULL @0:1", "3 NULL @1:0"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v, want %q", got, err, want)
	}
}

func TestEmptyTopicEnds(t *testing.T) {
	b := start(t)
	b.topic("t", 3)
	if got, err := b.open(relation("t"), stream.Scan{Bounded: true}, nil).rest(); err != nil || got != nil {
		t.Errorf("read %q, %v, want nothing", got, err)
	}
}

// TestEndsInAbortedTransaction has nothing readable before the end.
func TestEndsInAbortedTransaction(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`)
	b.transaction("t", kgo.TryCommit, `{"id":2}`)
	b.transaction("t", kgo.TryAbort, `{"id":3}`, `{"id":4}`)
	rel := relation("t")
	got, err := b.open(rel, stream.Scan{Bounded: true}, nil).rest()
	if want := []string{"1 NULL @0:0", "2 NULL @0:1"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read committed: %q, %v, want %q", got, err, want)
	}
	got, err = b.open(relation("t", "isolation.level", "read_uncommitted"), stream.Scan{Bounded: true}, nil).rest()
	if len(got) != 4 || err != nil {
		t.Errorf("read uncommitted: %q, %v, want 4 rows", got, err)
	}
}

func TestLive(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`)
	c := b.open(relation("t"), stream.Scan{}, nil)
	c.want("1 NULL @0:0")
	b.produce("t", 0, `{"id":2}`)
	c.want("2 NULL @0:1")
	// A new partition shows up, and is taken up.
	adm := kadm.NewClient(b.cl)
	if _, err := adm.CreatePartitions(t.Context(), 1, "t"); err != nil {
		t.Fatal(err)
	}
	splits, err := c.src.Splits(t.Context())
	if err != nil || !slices.Equal(splits, []stream.Split{"0", "1"}) {
		t.Fatalf("splits %v, %v", splits, err)
	}
	if err := c.r.Add(t.Context(), []stream.Position{{Split: "1"}}); err != nil {
		t.Fatal(err)
	}
	p, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: 1, Value: []byte(`{"id":3}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c.want("3 NULL @1:0")
	// Latest begins at the end.
	d := b.open(relation("t"), stream.Scan{Latest: true}, nil)
	e := b.open(relation("t", "auto.offset.reset", "latest"), stream.Scan{}, nil)
	b.produce("t", 0, `{"id":4}`)
	d.want("4 NULL @0:2")
	e.want("4 NULL @0:2")
}

func TestResume(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	var want []string
	for i := range 3000 {
		b.cl.Produce(t.Context(), &kgo.Record{Topic: "t", Value: fmt.Appendf(nil, `{"id":%d}`, i)}, nil)
		want = append(want, fmt.Sprintf("%d NULL @0:%d", i, i))
	}
	if err := b.cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := map[stream.Split]stream.Offset{}
	var got []string
	for len(got) < len(want) {
		c := b.open(relation("t"), stream.Scan{Bounded: true}, at)
		rows, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		got, at = append(got, rows...), c.at
		c.r.Close()
		c.src.Close()
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	if _, err := b.open(relation("t"), stream.Scan{Bounded: true}, at).next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want EOF", err)
	}
}

func TestSeek(t *testing.T) {
	b := start(t)
	b.topic("t", 2)
	for i := range int64(10) {
		b.record(&kgo.Record{Topic: "t", Timestamp: time.UnixMilli(1_700_000_000_000 + i*1000), Value: fmt.Appendf(nil, `{"id":%d}`, i)})
	}
	b.produce("t", 1, `{"id":100}`)
	three, seven, zero := int64(3), int64(7), int32(0)
	since := int64(1_700_000_006_000)*1000 + types.UnixEpoch
	got, err := b.open(relation("t"), stream.Scan{Bounded: true, From: stream.Bound{Offset: &three, Partition: &zero}, Until: stream.Bound{Offset: &seven}}, nil).rest()
	if want := []string{"3 NULL @0:3", "4 NULL @0:4", "5 NULL @0:5", "6 NULL @0:6"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("by offset: %q, %v, want %q", got, err, want)
	}
	got, err = b.open(relation("t"), stream.Scan{Bounded: true, From: stream.Bound{Timestamp: &since, Partition: &zero}}, nil).rest()
	if want := []string{"6 NULL @0:6", "7 NULL @0:7", "8 NULL @0:8", "9 NULL @0:9"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("by time: %q, %v, want %q", got, err, want)
	}
}

func TestPseudoColumns(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	at := time.UnixMilli(1_700_000_000_123)
	b.record(&kgo.Record{Topic: "t", Key: []byte("k1"), Timestamp: at, Value: []byte(`{"id":1}`),
		Headers: []kgo.RecordHeader{{Key: "zz", Value: []byte("v")}, {Key: "b", Value: []byte{0xff}}, {Key: "n"}}})
	b.record(&kgo.Record{Topic: "t", Key: []byte("k2"), Timestamp: at}) // a tombstone
	c := b.open(relation("t"), stream.Scan{Bounded: true}, nil)
	var got []string
	for {
		if _, err := c.next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for i := range c.b.Rows {
			var s []string
			for k := range c.b.Cols {
				s = append(s, c.text(k, i))
			}
			got = append(got, strings.Join(s, "|"))
		}
	}
	want := []string{
		`1|NULL|k1|0|0|2023-11-14 22:13:20.123+00|{"b": "\\xff", "n": null, "zz": "v"}|t`,
		`NULL|NULL|k2|0|1|2023-11-14 22:13:20.123+00|{}|t`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFormats(t *testing.T) {
	b := start(t)
	b.topic("csv", 1)
	b.produce("csv", 0, `1,"a,b"`)
	got, err := b.open(relation("csv", "format", "csv"), stream.Scan{Bounded: true}, nil).rest()
	if want := []string{"1 a,b @0:0"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("csv: %q, %v, want %q", got, err, want)
	}
	rel := relation("csv", "value.format", "text")
	rel.Columns = rel.Columns[1:]
	got, err = b.open(rel, stream.Scan{Bounded: true}, nil).rest()
	if want := []string{`1,"a,b" @0:0`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("text: %q, %v, want %q", got, err, want)
	}
	rel = relation("csv", "format", "raw")
	rel.Columns = []catalog.Column{{Name: "v", Type: types.Of(types.Bytea)}}
	got, err = b.open(rel, stream.Scan{Bounded: true}, nil).rest()
	if want := []string{`\x312c22612c6222 @0:0`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("raw: %q, %v, want %q", got, err, want)
	}
}

func TestPolicies(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `nonsense`, `{"id":"x","name":"y"}`, `{"id":4}`)
	_, err := b.open(relation("t"), stream.Scan{Bounded: true}, nil).rest()
	if e := sqlerr.From(err); e == nil || e.Code != "22P02" || e.Message != `stream "orders", partition 0, offset 1: invalid input syntax for type json` {
		t.Errorf("fail: %v", err)
	}
	c := b.open(relation("t"), stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
	got, err := c.rest()
	if want := []string{"1 NULL @0:0", "4 NULL @0:3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("skip: %q, %v, want %q", got, err, want)
	}
	if len(c.rejects) != 2 || string(c.rejects[0].Raw) != "nonsense" ||
		c.rejects[1].Err.Error() != `stream "orders", partition 0, offset 2, field "id": invalid input syntax for type bigint: "x"` {
		t.Errorf("rejects: %+v", c.rejects)
	}
	got, err = b.open(relation("t"), stream.Scan{Bounded: true, OnReject: stream.NullBad}, nil).rest()
	if want := []string{"1 NULL @0:0", "NULL NULL @0:1", "NULL y @0:2", "4 NULL @0:3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("null: %q, %v, want %q", got, err, want)
	}
}

func TestRetention(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	for i := range 10 {
		b.produce("t", 0, fmt.Sprintf(`{"id":%d}`, i))
	}
	old, err := b.open(relation("t"), stream.Scan{}, nil).next()
	if err != nil || len(old) == 0 {
		t.Fatal(old, err)
	}
	src, err := Connector{}.Source(t.Context(), b.env(), relation("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	at := encode(src.(*source).topics.id("t"), 2, -1)
	if err := b.DeleteRecords("t", 0, 6); err != nil {
		t.Fatal(err)
	}
	_, err = src.Open(t.Context(), []stream.Position{{Split: "0", Offset: at}}, stream.Scan{Columns: []int{0}})
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.SnapshotTooOld || e.Message != `topic "t", partition 0: offset 2 is no longer there, the log begins at 6: 4 records were deleted before they were read` {
		t.Errorf("overtaken: %v", err)
	}
	c := b.open(relation("t", "on_data_loss", "continue"), stream.Scan{Bounded: true}, map[stream.Split]stream.Offset{"0": at})
	if got, err := c.rest(); err != nil || len(got) != 4 || got[0] != "6 NULL @0:6" {
		t.Errorf("continue: %q, %v", got, err)
	}
}

// TestRetentionWhileReading deletes records behind a reader's back: it had
// positions, and its first fetch is out of range.
func TestRetentionWhileReading(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	for i := range 10 {
		b.produce("t", 0, fmt.Sprintf(`{"id":%d}`, i))
	}
	c := b.open(relation("t"), stream.Scan{Latest: true}, nil)
	r := c.r.(*reader)
	r.fetcher.remove(partition{"t", 0})
	if err := b.DeleteRecords("t", 0, 6); err != nil {
		t.Fatal(err)
	}
	r.parts[partition{"t", 0}].next = 2
	r.fetcher.add(partition{"t", 0}, r.parts[partition{"t", 0}].id, 2, -1, -1)
	_, err := c.rest()
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.SnapshotTooOld || !strings.Contains(e.Message, "offset 2 is no longer there, the log begins at 6") {
		t.Errorf("overtaken: %v", err)
	}
}

func TestRecreated(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`)
	c := b.open(relation("t"), stream.Scan{}, nil)
	c.want("1 NULL @0:0")
	if err := b.DeleteTopic("t"); err != nil {
		t.Fatal(err)
	}
	b.topic("t", 1)
	if _, err := c.src.Splits(t.Context()); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("splits: %v", err)
	}
	if _, err := c.rest(); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("read: %v", err)
	}
	src, err := Connector{}.Source(t.Context(), b.env(), relation("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	_, err = src.Open(t.Context(), []stream.Position{{Split: "0", Offset: c.at["0"]}}, stream.Scan{Columns: []int{0}})
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(e.Message, "was deleted and created again") {
		t.Errorf("open: %v", err)
	}
}

// TestRecreatedWhereDataMayBeLost reads the new topic from its start, whatever
// partitions the old one had.
func TestRecreatedWhereDataMayBeLost(t *testing.T) {
	b := start(t)
	b.topic("t", 2)
	b.produce("t", 0, `{"id":1}`)
	b.produce("t", 1, `{"id":2}`)
	rel := relation("t", "on_data_loss", "continue")
	c := b.open(rel, stream.Scan{}, nil)
	id := c.src.(*source).topics.id("t")
	from := []stream.Position{{Split: "0", Offset: encode(id, 1, -1)}, {Split: "1", Offset: encode(id, 1, -1)}}
	if err := b.DeleteTopic("t"); err != nil {
		t.Fatal(err)
	}
	b.topic("t", 1)
	b.cl.PurgeTopicsFromProducing("t") // the client would go on with the old one's id
	b.produce("t", 0, `{"id":3}`)
	if _, err := c.src.Splits(t.Context()); sqlerr.CodeOf(err) != sqlerr.ConnectionFailure {
		t.Errorf("splits: %v, want an outage, which passes", err)
	}
	src, err := Connector{}.Source(t.Context(), b.env(), rel)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	r, err := src.Open(t.Context(), from, stream.Scan{Bounded: true, Columns: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	batch := vec.NewBatch([]types.Type{types.Of(types.Int8)})
	read, err := r.Read(t.Context(), batch)
	if err != nil || read.Split != "0" || batch.Rows != 1 || batch.Cols[0].(*vec.Fixed[int64]).Values[0] != 3 {
		t.Errorf("read %+v, %d rows, %v, want id 3 of partition 0", read, batch.Rows, err)
	}
}

func TestErrors(t *testing.T) {
	b := start(t)
	env := b.env()
	down := &stream.Env{Brokers: "127.0.0.1:1", Metrics: &stream.Metrics{}}
	for _, c := range []struct {
		env        *stream.Env
		rel        *catalog.Relation
		code       sqlerr.Code
		text, hint string
	}{
		{env, relation("none"), "42P01", `topic "none" does not exist on Kafka at "` + b.addr + `"`, "Create the topic first"},
		{down, relation("t"), "08001", `could not connect to Kafka at "127.0.0.1:1"`, "Check that a broker listens there"},
		{&stream.Env{}, relation("t"), "08001", `has no brokers to be reached at`, "bootstrap.servers"},
		{env, relation("t", "auto.offset", "latest"), "22023", `unrecognized parameter "auto.offset" of source "orders"`, `"auto.offset.reset"`},
		{env, relation("t", "format", "parquet"), "0A000", `format "parquet"`, "Write format"},
		{env, relation("t", "format", "avro"), "22023", `format "avro" of source "orders" needs a schema`, "Set avro.schema"},
		{env, relation("t", "schema.registry.url", "http://x"), "22023", `schema.registry.url of source "orders" belongs to`, "Set format"},
		{env, relation("t", "format", "text"), "42P16", `format "text" makes one column of a record, and "orders" has 2`, "Declare one column"},
		{env, relation("t", "security.protocol", "SASL_SSL"), "22023", `sasl.username`, ""},
	} {
		_, err := Connector{}.Source(t.Context(), c.env, c.rel)
		if e := sqlerr.From(err); e == nil || e.Code != c.code || !strings.Contains(e.Message, c.text) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%v: %+v, want %s %s (%s)", c.rel.Options, e, c.code, c.text, c.hint)
		}
	}
}

// TestBrokerGoneWhileReading loses the broker before the end is reached.
func TestBrokerGoneWhileReading(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`)
	src, err := openSource(t.Context(), b.env(), relation("t"), must(t, relation("t"), b.addr))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	// The end is resolved, and nothing assigned yet that could be fetched.
	rows, err := newRows(src.env, src.rel, src.config, stream.Scan{})
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{source: src, scan: stream.Scan{Bounded: true}, parts: map[partition]*part{}, stall: 200 * time.Millisecond, rows: rows}
	if err := r.dial(); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b.Close()
	at := partition{"t", 0}
	r.parts[at], r.live = &part{partition: at, end: 1, moved: time.Now()}, 1
	r.fetcher.add(at, src.topics.id("t"), 0, 1, -1)
	_, err = r.Read(t.Context(), &vec.Batch{})
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.ConnectionFailure || !strings.Contains(e.Message, `while reading topic "t", partition 0, offset 0`) {
		t.Errorf("without a broker: %v", err)
	}
}

func must(t *testing.T, rel *catalog.Relation, brokers string) *config {
	t.Helper()
	c, _, err := read(rel, stream.RoleSource, &stream.Env{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWake(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	c := b.open(relation("t"), stream.Scan{}, nil)
	if _, err := c.next(); err != nil { // that it is caught up
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := c.next()
		done <- err
	}()
	c.r.Wake()
	if err := <-done; err != nil {
		t.Errorf("woken: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := c.r.Read(ctx, c.b); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAck(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`)
	c := b.open(relation("t"), stream.Scan{Group: "ferris-streams-j"}, nil)
	c.want("1 NULL @0:0", "2 NULL @0:1")
	if err := c.r.Ack(t.Context(), []stream.Position{{Split: "0", Offset: c.at["0"]}}); err != nil {
		t.Fatal(err)
	}
	got, err := kadm.NewClient(b.cl).FetchOffsets(t.Context(), "ferris-streams-j")
	if o, ok := got.Lookup("t", 0); err != nil || !ok || o.At != 2 {
		t.Errorf("committed %+v, %v, want 2", o, err)
	}
}

func TestInfer(t *testing.T) {
	b := start(t)
	b.topic("t", 2)
	b.produce("t", 0, `{"id":1,"price":1.5}`, `{"id":2,"price":2}`)
	b.produce("t", 1, `{"id":1,"price":3,"at":"2024-01-15T10:30:00Z"}`)
	rel := relation("t")
	rel.Columns = nil
	cols, err := Connector{}.Inferrer(b.env()).Infer(t.Context(), rel)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, c := range cols {
		s = append(s, c.Name+" "+types.FormatType(c.Type))
	}
	slices.Sort(s)
	if got, want := strings.Join(s, ", "), "at timestamp with time zone, id bigint, price numeric"; got != want {
		t.Errorf("inferred %s, want %s", got, want)
	}
	b.topic("empty", 1)
	rel = relation("empty")
	rel.Columns = nil
	_, err = Connector{}.Inferrer(b.env()).Infer(t.Context(), rel)
	if e := sqlerr.From(err); e == nil || !strings.Contains(e.Message, "is empty") || !strings.Contains(e.Hint, "Write the columns") {
		t.Errorf("empty: %v", err)
	}
}

func TestSASL(t *testing.T) {
	b := start(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "me", "secret"))
	rel := relation("t", "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "scram-sha-256", "sasl.username", "me", "sasl.password", "secret")
	_, err := Connector{}.Source(t.Context(), b.env(), rel)
	if sqlerr.CodeOf(err) != sqlerr.UndefinedTable { // it got so far as to know that there is no topic
		t.Errorf("the right password: %v", err)
	}
	rel = relation("t", "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "SCRAM-SHA-256", "sasl.username", "me", "sasl.password", "wrong")
	_, err = Connector{}.Source(t.Context(), b.env(), rel)
	// The fake broker hangs up where Kafka says SASL_AUTHENTICATION_FAILED.
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.UnableToEstablishConnection && e.Code != sqlerr.InvalidPassword || !strings.Contains(e.Hint+e.Message, "user") {
		t.Errorf("the wrong password: %v", err)
	}
}

func TestEveryOptionIsRead(t *testing.T) {
	for role, known := range map[stream.Role][]stream.Option{stream.RoleSource: sourceOptions, stream.RoleSink: sinkOptions} {
		rel := relation("t")
		rel.Kind = catalog.Sink
		_, v, err := read(rel, role, &stream.Env{})
		if err != nil {
			t.Fatal(err)
		}
		if u := v.Unread(known); len(u) > 0 {
			t.Errorf("nobody reads the %v's options %v", role, u)
		}
	}
}

// TestBeginsWhereTheScanSays: an offset and EARLIEST come before the stream's
// options, and a position before both.
func TestBeginsWhereTheScanSays(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`, `{"id":3}`)
	rel := relation("t", "auto.offset.reset", "latest")
	c := b.open(rel, stream.Scan{Earliest: true}, nil)
	c.want("1 NULL @0:0", "2 NULL @0:1", "3 NULL @0:2")
	after := c.at["0"]
	c = b.open(rel, stream.Scan{Earliest: true, At: map[stream.Split]int64{"0": 2}}, nil)
	c.want("3 NULL @0:2")
	b.produce("t", 0, `{"id":4}`)
	c = b.open(rel, stream.Scan{Earliest: true, At: map[stream.Split]int64{"0": 1}}, map[stream.Split]stream.Offset{"0": after})
	c.want("4 NULL @0:3")
	src, err := Connector{}.Source(t.Context(), b.env(), rel)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	_, err = src.Open(t.Context(), []stream.Position{{Split: "0"}}, stream.Scan{Columns: []int{0}, At: map[stream.Split]int64{"0": 9}})
	if hint := sqlerr.From(err).Hint; !strings.Contains(hint, "from 0 to ") {
		t.Errorf("the hint of a place past the end is %q", hint)
	}
	if sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
		t.Errorf("an offset past the end: %v, want 22023", err)
	}
}
