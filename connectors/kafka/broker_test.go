package kafka

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestFeedSamples reads every sample topic back through its declared columns.
func TestFeedSamples(t *testing.T) {
	b, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	stop, err := FeedSamples(t.Context(), b, SampleOptions{History: 300, Rate: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	env := &stream.Env{Brokers: b.Addr(), Metrics: &stream.Metrics{}}
	for _, s := range Samples {
		rel := &catalog.Relation{Name: s.Topic, Kind: catalog.Stream, Options: catalog.Options{{Key: "topic", Value: s.Topic}}}
		if rel.Columns, err = (Connector{}).Inferrer(env).Infer(t.Context(), rel); err != nil {
			t.Fatal(err)
		}
		src, err := Connector{}.Source(t.Context(), env, rel)
		if err != nil {
			t.Fatal(err)
		}
		splits, err := src.Splits(t.Context())
		if err != nil || len(splits) != 3 {
			t.Fatalf("%s: splits %v, %v, want 3", s.Topic, splits, err)
		}
		var from []stream.Position
		for _, p := range splits {
			from = append(from, stream.Position{Split: p})
		}
		scan := stream.Scan{Bounded: true}
		var ts []types.Type
		for i, c := range rel.Columns {
			scan.Columns, ts = append(scan.Columns, i), append(ts, c.Type)
		}
		r, err := src.Open(t.Context(), from, scan)
		if err != nil {
			t.Fatal(err)
		}
		batch, n := vec.NewBatch(ts), 0
		for {
			_, err := r.Read(t.Context(), batch)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n += batch.Rows
		}
		if n < 300 {
			t.Errorf("%s: %d events, want 300 and more", s.Topic, n)
		}
		r.Close()
		src.Close()
	}
}

// TestSamplesGoOn: topics that were kept are fed on, by the events that follow.
func TestSamplesGoOn(t *testing.T) {
	dir := t.TempDir()
	feed := func() []string {
		b, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0", DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		stop, err := FeedSamples(t.Context(), b, SampleOptions{History: 40})
		if err != nil {
			t.Fatal(err)
		}
		stop()
		cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.ConsumeTopics(Samples[0].Topic))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), Samples[0].Topic)
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var ids []string
		for int64(len(ids)) < n {
			fetched := cl.PollFetches(ctx)
			if err := fetched.Err(); err != nil {
				t.Fatal(err)
			}
			fetched.EachRecord(func(r *kgo.Record) {
				id, _, _ := strings.Cut(string(r.Value), ",")
				ids = append(ids, id)
			})
		}
		return ids
	}
	first := feed()
	second := feed()
	if len(first) < 40 || len(second) < len(first) {
		t.Fatalf("%d events, then %d, want 40 and no fewer after", len(first), len(second))
	}
	slices.Sort(second)
	if d := slices.Compact(slices.Clone(second)); len(d) != len(second) {
		t.Errorf("%d events of %d are there twice", len(second)-len(d), len(second))
	}
}

// TestBrokerDirectoryInUse: two brokers would write over one another.
func TestBrokerDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	b, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0", DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if other, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0", DataDir: dir}); !errors.Is(err, state.ErrLocked) {
		if err == nil {
			other.Close()
		}
		t.Errorf("a second broker in the directory: %v", err)
	}
	b.Close()
	again, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0", DataDir: dir})
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	again.Close()
}

func TestBrokerAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if b, err := StartBroker(BrokerOptions{Addr: l.Addr().String()}); err == nil {
		b.Close()
		t.Error("two listen at one address")
	}
}

// TestBrokerKeepsTopicsThroughAKill starts a broker over what another had on disk
// while it ran. Topics made on first use count, as do their records.
func TestBrokerKeepsTopicsThroughAKill(t *testing.T) {
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copied")
	b, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0", DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	before := produceAndAsk(t, b, "made.by.producing", true)
	if other := produceAndAsk(t, b, "made_by.producing", true); other.id != [16]byte{} {
		t.Error("two topics whose names collide")
	}
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0", DataDir: copied})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	after := produceAndAsk(t, again, "made.by.producing", false)
	if before.id == [16]byte{} || after.id != before.id || !slices.Equal(after.partitions, before.partitions) {
		t.Errorf("the topic is %v after the kill, was %v", after, before)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(again.Addr()), kgo.ConsumeTopics("made.by.producing"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if got := cl.PollFetches(ctx).Records(); len(got) != 1 || string(got[0].Value) != "x" {
		t.Errorf("records %v, want x", got)
	}
}

// produceAndAsk produces a record, where it is to, into a topic that need not be
// there, and returns what the broker says of the topic; zero: it has none.
func produceAndAsk(t *testing.T, b *Broker, topic string, produce bool) topicNow {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if produce {
		_ = cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr() // what the broker says tells
	}
	now, err := (&config{topic: topic, brokers: []string{b.Addr()}}).details(t.Context(), cl)
	if sqlerr.CodeOf(err) == sqlerr.UndefinedTable {
		return topicNow{}
	}
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// TestBrokerKeepsTopics restarts a broker over its directory.
func TestBrokerKeepsTopics(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		b, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0", DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		env := &stream.Env{Brokers: b.Addr(), Metrics: &stream.Metrics{}}
		rel := relation("kept")
		if i == 0 {
			rel.Kind = catalog.Sink
			s, err := Connector{}.Sink(t.Context(), env, rel, stream.SinkOptions{}) // makes the topic
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		} else if src, err := (Connector{}).Source(t.Context(), env, rel); err != nil {
			t.Errorf("after the restart: %v", err)
		} else {
			src.Close()
		}
		b.Close()
	}
}
