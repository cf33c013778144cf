package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func (b *broker) sink(rel *catalog.Relation, o stream.SinkOptions) stream.Sink {
	b.t.Helper()
	rel.Kind = catalog.Sink
	s, err := Connector{}.Sink(b.t.Context(), b.env(), rel, o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { s.Close() })
	return s
}

// rows is a batch of ids, with names, the last of which is NULL.
func rowsOf(ids ...int64) *vec.Batch {
	b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text)})
	for i, id := range ids {
		b.Cols[0].(*vec.Fixed[int64]).Append(id)
		if i == len(ids)-1 {
			b.Cols[1].(*vec.Bytes).AppendNull()
		} else {
			b.Cols[1].(*vec.Bytes).AppendString("n")
		}
	}
	b.Rows = len(ids)
	return b
}

// records are what a topic of one partition holds, as key=value.
func (b *broker) records(topic string) []string {
	b.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics(topic))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	end := b.PartitionInfo(topic, 0).HighWatermark
	var got []string
	for int64(len(got)) < end {
		cl.PollFetches(b.t.Context()).EachRecord(func(r *kgo.Record) {
			key := "nil"
			if r.Key != nil {
				key = string(r.Key)
			}
			got = append(got, key+"="+string(r.Value))
		})
	}
	return got
}

func TestSink(t *testing.T) {
	b := start(t)
	for _, c := range []struct {
		topic   string
		options []string
		o       stream.SinkOptions
		want    []string
	}{
		{"plain", nil, stream.SinkOptions{}, []string{`nil={"id":1,"name":"n"}`, `nil={"id":3,"name":null}`}},
		{"keyed", []string{"key", "name", "compression.type", "zstd", "acks", "1"}, stream.SinkOptions{}, []string{`n={"id":1,"name":"n"}`, `nil={"id":3,"name":null}`}},
		{"two", []string{"key", "id, name", "format", "csv"}, stream.SinkOptions{}, []string{`{"id":1,"name":"n"}=1,n`, `{"id":3,"name":null}=3,`}},
		{"ops", []string{"changelog", "ops"}, stream.SinkOptions{Changelog: true}, []string{`nil={"_op":"+","id":1,"name":"n"}`, `nil={"_op":"+","id":3,"name":null}`}},
	} {
		b.topic(c.topic, 1)
		s := b.sink(relation(c.topic, c.options...), c.o)
		rows := rowsOf(1, 2, 3)
		rows.Sel = []int32{0, 2}
		if _, err := s.Write(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		token, err := s.Prepare(t.Context(), 1)
		if err != nil || token == nil {
			t.Fatalf("%s: token %v, %v", c.topic, token, err)
		}
		if got := b.records(c.topic); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.topic, got, c.want)
		}
		if err := s.Commit(t.Context(), 1, token); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInsertIntoStream opens a declared source for writing, its options included.
func TestInsertIntoStream(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	rel := relation("t", "auto.offset.reset", "latest", "group.id", "g")
	s, err := Connector{}.Sink(t.Context(), b.env(), rel, stream.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Write(t.Context(), rowsOf(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got, want := b.records("t"), []string{`nil={"id":1,"name":null}`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRecordColumns writes the columns that are the record's own.
func TestRecordColumns(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	rel := relation("t")
	rel.Columns = append(rel.Columns[:1:1], rel.Hidden[0], rel.Hidden[3]) // id, _key, _timestamp
	s, err := Connector{}.Sink(t.Context(), b.env(), rel, stream.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows := &vec.Batch{Rows: 1, Cols: []vec.Vec{
		&vec.Fixed[int64]{Values: []int64{1}}, vec.NewConst(types.NewText("k"), 1), &vec.Fixed[int64]{Values: []int64{0}},
	}}
	if _, err := s.Write(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got, want := b.records("t"), []string{`k={"id":1}`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	c := b.open(relation("t"), stream.Scan{Bounded: true}, nil)
	c.want("1 NULL @0:0")
	if got, want := c.text(5, 0), "2000-01-01 00:00:00+00"; got != want {
		t.Errorf("timestamp %s, want %s", got, want)
	}
	rel.Columns[1] = rel.Hidden[2]
	if _, err := (Connector{}).Sink(t.Context(), b.env(), rel, stream.SinkOptions{}); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("%s: %v", rel.Columns[1].Name, err)
	}
}

func TestSinkErrors(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	for _, c := range []struct {
		topic   string
		options []string
		o       stream.SinkOptions
		code    sqlerr.Code
		text    string
	}{
		{"none", nil, stream.SinkOptions{}, "42P01", `topic "none" does not exist`},
		{"t", []string{"key", "nope"}, stream.SinkOptions{}, "22023", `invalid value for parameter "key"`},
		{"t", []string{"acks", "0", "enable.idempotence", "true"}, stream.SinkOptions{}, "22023", `enable.idempotence`},
		{"t", []string{"changelog", "upsert"}, stream.SinkOptions{Changelog: true}, "0A000", `writing rows that change to sink "orders", which has no key`},
		{"t", nil, stream.SinkOptions{Changelog: true}, "0A000", `which has no key`},
		{"t", []string{"changelog", "append"}, stream.SinkOptions{Changelog: true}, "0A000", `takes appended rows only`},
		{"t", []string{"changelog", "debezium", "format", "csv"}, stream.SinkOptions{Changelog: true}, "22023", `changelog`},
		{"t", []string{"changelog", "ops", "format", "debezium-json"}, stream.SinkOptions{Changelog: true}, "22023", `changelog`},
		{"t", []string{"linger", "1"}, stream.SinkOptions{}, "22023", `unrecognized parameter "linger" of sink`},
	} {
		rel := relation(c.topic, c.options...)
		rel.Kind = catalog.Sink
		_, err := Connector{}.Sink(t.Context(), b.env(), rel, c.o)
		if e := sqlerr.From(err); e == nil || e.Code != c.code || !strings.Contains(e.Message, c.text) {
			t.Errorf("%s %v: %+v, want %s %s", c.topic, c.options, e, c.code, c.text)
		}
	}
	s := b.sink(relation("t", "batch.size", "5MB"), stream.SinkOptions{})
	big := rowsOf(1)
	big.Cols[1].Reset()
	big.Cols[1].(*vec.Bytes).AppendString(strings.Repeat("x", 2<<20))
	if _, err := s.Write(t.Context(), big); err != nil {
		t.Fatal(err)
	}
	_, err := s.Prepare(t.Context(), 1)
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.ProgramLimitExceeded || !strings.Contains(e.Message, `a record is larger than topic "t" takes`) {
		t.Errorf("a large record: %v", err)
	}
	if err := s.Rollback(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(t.Context(), rowsOf(2)); err != nil {
		t.Errorf("after the rollback: %v", err)
	}
}

// TestMurmur2 keeps rows with one key where the Java client puts them.
func TestMurmur2(t *testing.T) {
	b := start(t)
	b.topic("t", 10)
	s := b.sink(relation("t", "key", "name"), stream.SinkOptions{})
	if _, err := s.Write(t.Context(), rowsOf(1, 2, 3, 4)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if n := b.PartitionInfo("t", murmur2([]byte("n"))%10).HighWatermark; n < 3 {
		t.Errorf("the key's partition has %d records, want 3", n)
	}
}

// murmur2 is Kafka's, made positive.
func murmur2(b []byte) int32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h = h*m ^ k
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return int32(h & 0x7fffffff)
}

// TestBrokerGone loses the broker between two epochs.
func TestBrokerGone(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	s := b.sink(relation("t", "delivery.timeout.ms", "1s"), stream.SinkOptions{})
	if _, err := s.Write(t.Context(), rowsOf(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if _, err := s.Write(t.Context(), rowsOf(2)); err != nil {
		t.Fatal(err)
	}
	_, err := s.Prepare(t.Context(), 2)
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.ConnectionFailure || !strings.Contains(e.Message, `could not deliver records to topic "t"`) {
		t.Errorf("without a broker: %v", err)
	}
}

// TestRollbackWithoutAnswer: records whose fate no broker tells keep neither
// Rollback nor Close.
func TestRollbackWithoutAnswer(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	under := make(chan struct{})
	var once sync.Once
	b.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		once.Do(func() { close(under) })
		return nil, errors.New("the connection is lost"), true
	})
	s := b.sink(relation("t"), stream.SinkOptions{})
	if _, err := s.Write(t.Context(), rowsOf(1)); err != nil {
		t.Fatal(err)
	}
	<-under
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Rollback(ctx, 1, nil); err != nil {
		t.Errorf("Rollback: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if got := b.PartitionInfo("t", 0).HighWatermark; got != 0 {
		t.Errorf("the topic ends at %d, want 0", got)
	}
}

// TestImpediment has a sink tell that its records do not get through.
func TestImpediment(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	s := b.sink(relation("t"), stream.SinkOptions{}).(*sink)
	if err := s.Impediment(); err != nil {
		t.Errorf("idle: %v", err)
	}
	if _, err := s.Write(t.Context(), rowsOf(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if _, err := s.Write(t.Context(), rowsOf(2)); err != nil {
		t.Fatal(err)
	}
	if err := s.Impediment(); err != nil {
		t.Errorf("just handed over: %v", err)
	}
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	var err error
	for { // until an attempt to connect has failed
		s.flow.moved.Store(time.Now().Add(-time.Minute).UnixNano())
		if err = s.Impediment(); errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
		select {
		case <-deadline.C:
			t.Fatal("no attempt to connect has failed")
		case <-time.After(5 * time.Millisecond):
		}
	}
	if sqlerr.CodeOf(err) != sqlerr.ConnectionFailure || !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "for 1m") {
		t.Errorf("a minute later: %v", err)
	}
	s.Close()
	if err := s.Impediment(); err != nil {
		t.Errorf("closed: %v", err)
	}
}

// TestKeyedSink writes to a stream with a PRIMARY KEY: a row without it is refused, and
// rows that bring the record's key instead are tombstones.
func TestKeyedSink(t *testing.T) {
	b := start(t)
	for _, c := range []struct {
		key    []string
		cols   func(*catalog.Relation)
		want   []string
		reject string // the column named
	}{
		{[]string{"name"}, nil, []string{`n={"id":1,"name":"n"}`}, "name"},
		{[]string{"id", "name"}, nil, []string{`{"id":1,"name":"n"}={"id":1,"name":"n"}`}, "name"},
		{[]string{"id"}, func(r *catalog.Relation) { r.Columns = append(r.Columns[:0:0], r.Columns[0], r.Hidden[0]) }, []string{`n={"id":1}`}, "_key"},
	} {
		topic := "t" + strings.Join(c.key, "")
		b.topic(topic, 1)
		rel := relation(topic)
		rel.Key = c.key
		if c.cols != nil {
			c.cols(rel)
		}
		s, err := Connector{}.Sink(t.Context(), b.env(), rel, stream.SinkOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		rejects, err := s.Write(t.Context(), rowsOf(1, 2))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Prepare(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if got := b.records(topic); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.key, got, c.want)
		}
		if len(rejects) != 1 {
			t.Fatalf("%v: %v, want one row refused", c.key, rejects)
		}
		if e := sqlerr.From(rejects[0].Err); e.Code != sqlerr.NotNullViolation || e.Column != c.reject {
			t.Errorf("%v: %+v, want 23502 of %q", c.key, e, c.reject)
		}
	}
}
