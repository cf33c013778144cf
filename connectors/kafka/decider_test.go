package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

const jobID = "6f1e9dbb-8f0f-4c6f-9a3b-0b1f5f7f9d11"

// life is a job's Decider with a sink for each topic.
type life struct {
	t       *testing.T
	decider stream.Decider
	asked   stream.Decision
	sinks   []stream.Sink
}

// decider opens a Decider that has not been asked yet.
func (b *broker) decider(o stream.DeciderOptions, topics ...*catalog.Relation) stream.Decider {
	b.t.Helper()
	d, err := Connector{}.Decider(b.env(), topics, o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { d.Close() })
	return d
}

func sinkOf(topic string, options ...string) *catalog.Relation {
	rel := relation(topic, options...)
	rel.Kind = catalog.Sink
	return rel
}

// life begins one, as a start does.
func (b *broker) life(topics ...*catalog.Relation) *life {
	b.t.Helper()
	l := &life{t: b.t, decider: b.decider(stream.DeciderOptions{Job: "j", ID: jobID}, topics...)}
	var err error
	if l.asked, err = l.decider.Ask(b.t.Context()); err != nil {
		b.t.Fatalf("Ask: %v", err)
	}
	for _, rel := range topics {
		l.sinks = append(l.sinks, b.sink(rel, stream.SinkOptions{Job: "j", ID: jobID, Decider: l.decider}))
	}
	return l
}

// write writes and prepares rows of an epoch in every sink.
func (l *life) write(e stream.Epoch, ids ...int64) {
	l.t.Helper()
	for _, s := range l.sinks {
		if _, err := s.Write(l.t.Context(), rowsOf(ids...)); err != nil {
			l.t.Fatalf("Write: %v", err)
		}
		if _, err := s.Prepare(l.t.Context(), e); err != nil {
			l.t.Fatalf("Prepare: %v", err)
		}
	}
}

func (l *life) decide(e stream.Epoch) {
	l.t.Helper()
	if err := l.decider.Decide(l.t.Context(), stream.Decision{Epoch: e, Version: uint64(e) * 10}); err != nil {
		l.t.Fatalf("Decide: %v", err)
	}
}

// committed are the ids that a topic of one partition has for those who read
// read_committed: bounded, so it waits for nothing.
func (b *broker) committed(topic string) []string {
	b.t.Helper()
	c := b.open(relation(topic), stream.Scan{Bounded: true}, nil)
	var ids []string
	for {
		if _, err := c.r.Read(b.t.Context(), c.b); err != nil {
			return ids
		}
		for i := range c.b.Rows {
			ids = append(ids, c.text(0, i))
		}
	}
}

func (b *broker) wantCommitted(topic string, want ...string) {
	b.t.Helper()
	if got := b.committed(topic); !slices.Equal(got, want) {
		b.t.Errorf("topic %s holds %v, want %v", topic, got, want)
	}
}

func TestDecider(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.topic("u", 1)
	one := b.life(sinkOf("t"), sinkOf("u", "transaction.timeout.ms", "30s"))
	if one.asked != (stream.Decision{}) {
		t.Errorf("a new job was told %v", one.asked)
	}
	one.write(1, 1, 2)
	b.wantCommitted("t")
	one.decide(1)
	b.wantCommitted("t", "1", "2")
	b.wantCommitted("u", "1", "2")
	one.decide(2) // without a row of these sinks
	one.write(4, 3)
	if err := one.decider.Close(); err != nil {
		t.Fatal(err)
	}
	// Undone by Close: nobody who reads has to wait for it.
	b.produce("t", 0, `{"id":9}`)
	b.wantCommitted("t", "1", "2", "9")

	two := b.life(sinkOf("t"), sinkOf("u"))
	if want := (stream.Decision{Epoch: 2, Version: 20}); two.asked != want {
		t.Errorf("the second life was told %v, want %v", two.asked, want)
	}
	two.write(5, 4)
	two.decide(5)
	b.wantCommitted("u", "1", "2", "4")
	if three := b.life(sinkOf("t")); three.asked != (stream.Decision{Epoch: 5, Version: 50}) {
		t.Errorf("the third life was told %v", three.asked)
	}
}

// TestDeciderShutsOut has a second instance begin while a first has a
// transaction open: the first cannot go on, nor decide.
func TestDeciderShutsOut(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	one := b.life(sinkOf("t"))
	one.write(1, 1)
	two := b.life(sinkOf("t"))
	b.wantCommitted("t")
	err := one.decider.Decide(t.Context(), stream.Decision{Epoch: 1, Version: 1})
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(e.Message, "another instance of it") {
		t.Errorf("the first decides: %v", err)
	}
	two.write(2, 2)
	two.decide(2)
	b.wantCommitted("t", "2")

	// The other order: it finds out when it writes.
	three := b.life(sinkOf("t"))
	if _, err := two.sinks[0].Write(t.Context(), rowsOf(3)); err != nil {
		t.Fatal(err)
	}
	_, err = two.sinks[0].Prepare(t.Context(), 3)
	if sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("the second prepares: %v", err)
	}
	three.write(3, 4)
	three.decide(3)
	b.wantCommitted("t", "2", "4")
}

// TestUnknownOutcome loses the answer to a commit, or the commit itself: the next
// life is told what it was, and rows are there or not with it.
func TestUnknownOutcome(t *testing.T) {
	for _, arrives := range []bool{true, false} {
		t.Run(fmt.Sprint("arrives ", arrives), func(t *testing.T) {
			b := start(t)
			b.topic("t", 1)
			one := b.life(sinkOf("t", "delivery.timeout.ms", "1s"))
			one.write(1, 1)
			one.decide(1)
			one.write(2, 2)
			ctx, cancel := context.WithCancel(t.Context())
			var lost atomic.Bool
			lost.Store(!arrives)
			b.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
				if lost.Load() {
					b.KeepControl()
					return nil, errors.New("the connection is lost"), true
				}
				cancel() // the broker's answer goes out when hardly anybody listens
				return nil, nil, false
			})
			err := one.decider.Decide(ctx, stream.Decision{Epoch: 2, Version: 20})
			cancel()
			if err == nil && !arrives {
				t.Fatal("the commit that was lost has succeeded")
			}
			lost.Store(false)
			one.decider.Close()
			two := b.life(sinkOf("t"))
			told := two.asked.Epoch == 2
			rows := b.committed("t")
			if told != slices.Contains(rows, "2") || !arrives && told {
				t.Errorf("told %v, and the topic holds %v", two.asked, rows)
			}
			two.write(3, 3)
			two.decide(3)
			if want := append(rows, "3"); !slices.Equal(b.committed("t"), want) {
				t.Errorf("topic holds %v, want %v", b.committed("t"), want)
			}
		})
	}
}

// TestTimeout leaves a transaction open for longer than it may be: an outage for
// the job, which begins again, and no other instance.
func TestTimeout(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	one := b.life(sinkOf("t", "transaction.timeout.ms", "1s"))
	one.write(1, 1)
	// The broker says when it has undone the transaction.
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for open := true; open; {
		txns, err := kadm.NewClient(b.cl).DescribeTransactions(t.Context(), transactionalID(jobID))
		if err != nil {
			t.Fatal(err)
		}
		open = txns[transactionalID(jobID)].State == "Ongoing"
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline.C:
			t.Fatal("the transaction stays open")
		}
	}
	err := one.decider.Decide(t.Context(), stream.Decision{Epoch: 1, Version: 10})
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.ConnectionFailure || !strings.Contains(e.Message, "transaction.timeout.ms") {
		t.Errorf("Decide: %v", err)
	}
	one.decider.Close()
	two := b.life(sinkOf("t"))
	two.write(2, 1)
	two.decide(2)
	b.wantCommitted("t", "1")
}

// TestAskWaits has another job's transaction open on the partition of the
// progress topic: what lies behind it is not read before it ends.
func TestAskWaits(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	one := b.life(sinkOf("t"))
	other, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.TransactionalID("other"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	r := &kgo.Record{Topic: progressTopic, Partition: progressPartition(jobID), Key: []byte("another"), Value: []byte("{}")}
	if err := other.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	one.write(1, 1)
	one.decide(1)
	d := b.decider(stream.DeciderOptions{Job: "j", ID: jobID}, sinkOf("t"))
	asks := make(chan struct{}, 1)
	b.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		if l := r.(*kmsg.ListOffsetsRequest); l.IsolationLevel == 1 && l.Topics[0].Topic == progressTopic {
			select {
			case asks <- struct{}{}:
			default:
			}
		}
		return nil, nil, false
	})
	type answer struct {
		stream.Decision
		error
	}
	told := make(chan answer, 1)
	go func() {
		d, err := d.Ask(t.Context())
		told <- answer{d, err}
	}()
	for range 3 {
		<-asks
	}
	select {
	case a := <-told:
		t.Fatalf("told %v while another transaction is open", a)
	default:
	}
	if err := other.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if a := <-told; a.error != nil || a.Decision != (stream.Decision{Epoch: 1, Version: 10}) {
		t.Errorf("told %v, %v", a.Decision, a.error)
	}
}

// TestProgressTopic makes it as it has to be, and refuses one that is not.
func TestProgressTopic(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.life(sinkOf("t"))
	info := b.TopicInfo(progressTopic)
	for k, want := range progressSettings {
		if v := info.Configs[k]; v == nil || *v != want {
			t.Errorf("%s is %v, want %s", k, v, want)
		}
	}
	policy := "compact,delete"
	if _, err := kadm.NewClient(b.cl).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: &policy}}, progressTopic); err != nil {
		t.Fatal(err)
	}
	d := b.decider(stream.DeciderOptions{Job: "j", ID: jobID}, sinkOf("t"))
	if _, err := d.Ask(t.Context()); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(err.Error(), "compact,delete") {
		t.Errorf("Ask: %v", err)
	}
	if _, err := kadm.NewClient(b.cl).DeleteTopic(t.Context(), progressTopic); err != nil {
		t.Fatal(err)
	}
	b.topic(progressTopic, 3)
	if _, err := d.Ask(t.Context()); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(err.Error(), "has 3 partitions") {
		t.Errorf("Ask: %v", err)
	}
}

// TestCompactedProgress reads a job's record after the cleaner went over many.
func TestCompactedProgress(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	one := b.life(sinkOf("t"))
	for e := range stream.Epoch(50) {
		one.decide(e + 1)
	}
	one.decider.Close()
	b.Compact()
	if two := b.life(sinkOf("t")); two.asked != (stream.Decision{Epoch: 50, Version: 500}) {
		t.Errorf("told %v", two.asked)
	}
}

// TestForgottenProducer: a client that has got another epoch within a transaction
// does not commit the rest of it.
func TestForgottenProducer(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	one := b.life(sinkOf("t"))
	one.write(1, 1)
	d := one.decider.(*decider)
	d.as.epoch--
	if err := d.Decide(t.Context(), stream.Decision{Epoch: 1, Version: 1}); sqlerr.CodeOf(err) != sqlerr.ConnectionFailure {
		t.Errorf("Decide: %v", err)
	}
	d.Close()
	b.wantCommitted("t")
}

func TestDeciderErrors(t *testing.T) {
	b := start(t)
	for _, c := range []struct {
		what  string
		sinks []*catalog.Relation
		code  sqlerr.Code
		text  string
	}{
		{"two clusters", []*catalog.Relation{sinkOf("t"), sinkOf("u", "bootstrap.servers", "elsewhere:9092")}, "0A000", "two Kafka clusters"},
		{"two users", []*catalog.Relation{sinkOf("t"), sinkOf("u", "security.protocol", "SSL")}, "0A000", "two Kafka clusters"},
		{"two codecs", []*catalog.Relation{sinkOf("t"), sinkOf("u", "compression.type", "zstd")}, "0A000", "different compression.type"},
		{"acks", []*catalog.Relation{sinkOf("t", "acks", "1")}, "22023", "acks = '1'"},
		{"idempotence", []*catalog.Relation{sinkOf("t", "enable.idempotence", "false")}, "22023", "enable.idempotence = 'false'"},
		{"timeout", []*catalog.Relation{sinkOf("t", "transaction.timeout.ms", "10s")}, "22023", "transaction.timeout.ms"},
		{"short", []*catalog.Relation{sinkOf("t", "transaction.timeout.ms", "10")}, "22023", "transaction.timeout.ms"},
	} {
		err := Connector{}.CheckDecider(b.env(), c.sinks, stream.DeciderOptions{Job: "j", Checkpoint: 10 * time.Second})
		if e := sqlerr.From(err); e == nil || e.Code != c.code || !strings.Contains(e.Message, c.text) || e.Hint == "" {
			t.Errorf("%s: %+v, want %s %s and a hint", c.what, e, c.code, c.text)
		}
	}
	two := []*catalog.Relation{sinkOf("t", "bootstrap.servers", "a:1,b:2"), sinkOf("u", "bootstrap.servers", "b:2, a:1")}
	if err := (Connector{}).CheckDecider(b.env(), two, stream.DeciderOptions{Job: "j", Checkpoint: time.Second}); err != nil {
		t.Errorf("one cluster, in two orders: %v", err)
	}
	d := b.decider(stream.DeciderOptions{Job: "j", ID: jobID}, sinkOf("t", "transaction.timeout.ms", "24h"))
	if _, err := d.Ask(t.Context()); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
		t.Errorf("a day: %v", err)
	}
	deny := func(key int16, answer func(kmsg.Request) kmsg.Response) {
		b.ControlKey(key, func(r kmsg.Request) (kmsg.Response, error, bool) { return answer(r), nil, true })
	}
	deny(int16(kmsg.InitProducerID), func(r kmsg.Request) kmsg.Response {
		resp := r.ResponseKind().(*kmsg.InitProducerIDResponse)
		resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
		return resp
	})
	d = b.decider(stream.DeciderOptions{Job: "j", ID: jobID}, sinkOf("t"))
	if _, err := d.Ask(t.Context()); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
		t.Errorf("denied: %v", err)
	}
}
