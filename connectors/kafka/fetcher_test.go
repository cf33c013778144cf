package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// random fills partitions with records of every compression, some in transactions that
// are committed or undone, while leaders move; some records are deleted or compacted.
func (b *broker) random(r *rand.Rand, topic string, partitions int32) {
	b.t.Helper()
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	n := 0
	for round := range 12 {
		opts := []kgo.Opt{kgo.SeedBrokers(b.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(time.Millisecond), kgo.ProducerBatchCompression(codecs[r.IntN(len(codecs))])}
		transactional := r.IntN(3) > 0
		if transactional {
			opts = append(opts, kgo.TransactionalID(fmt.Sprint("t", r.IntN(3))))
		}
		cl, err := kgo.NewClient(opts...)
		if err != nil {
			b.t.Fatal(err)
		}
		if transactional {
			if err := cl.BeginTransaction(); err != nil {
				b.t.Fatal(err)
			}
		}
		var records []*kgo.Record
		for range 1 + r.IntN(300) {
			n++
			records = append(records, &kgo.Record{Topic: topic, Partition: r.Int32N(partitions), Key: fmt.Append(nil, n%97), Value: fmt.Appendf(nil, `{"id":%d,"name":"%s"}`, n, strings.Repeat("x", r.IntN(40)))})
		}
		if err := cl.ProduceSync(b.t.Context(), records...).FirstErr(); err != nil {
			b.t.Fatal(err)
		}
		if transactional {
			if err := cl.EndTransaction(b.t.Context(), kgo.TransactionEndTry(r.IntN(2) > 0)); err != nil {
				b.t.Fatal(err)
			}
		}
		cl.Close()
		if round%3 == 2 {
			if err := b.MoveTopicPartition(topic, r.Int32N(partitions), r.Int32N(3)); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// byLibrary reads with the library's consumer what the partitions hold up to their ends.
func (b *broker) byLibrary(topic string, uncommitted bool, ends map[int32]int64) []string {
	b.t.Helper()
	level := kgo.ReadCommitted()
	if uncommitted {
		level = kgo.ReadUncommitted()
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	var all []string
	left := 0
	for _, end := range ends {
		if end > 0 {
			left++
		}
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			b.t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				all = append(all, fmt.Sprintf("%s @%d:%d", r.Value, r.Partition, r.Offset))
			}
			if r.Offset == ends[r.Partition]-1 {
				left--
			}
		})
	}
	slices.Sort(all)
	return all
}

// TestFetchesAsTheLibrary reads random topics as the library does: transactions,
// compression of every kind, leaders that move, deleted records.
func TestFetchesAsTheLibrary(t *testing.T) {
	const partitions = 3
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := start(t, kfake.NumBrokers(3))
		b.topic("t", partitions)
		b.random(r, "t", partitions)
		for _, level := range []string{"read_committed", "read_uncommitted"} {
			rel := relation("t", "isolation.level", level, "format", "text")
			rel.Columns = []catalog.Column{{Name: "value", Type: types.Of(types.Text)}}
			c := b.open(rel, stream.Scan{Bounded: true}, nil)
			ends := map[int32]int64{}
			for p, pt := range c.r.(*reader).parts {
				ends[p.number] = pt.end
			}
			got, err := c.rest()
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, level, err)
			}
			slices.Sort(got)
			want := b.byLibrary("t", level == "read_uncommitted", ends)
			if !slices.Equal(got, want) {
				t.Errorf("seed %d, %s: %d records, and the library reads %d", seed, level, len(got), len(want))
			}
		}
	}
}

// TestFetchWhileLeadersMove follows a topic whose leaders change under it: every record
// comes once, in order.
func TestFetchWhileLeadersMove(t *testing.T) {
	b := start(t, kfake.NumBrokers(3))
	b.topic("t", 1)
	c := b.open(relation("t"), stream.Scan{}, nil)
	for i := range 12 {
		b.produce("t", 0, fmt.Sprintf(`{"id":%d}`, i))
		c.want(fmt.Sprintf("%d NULL @0:%d", i, i))
		if err := b.MoveTopicPartition("t", 0, int32(i%3)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFetchErrorsThatPass: a broker that does not lead, or is gone for a moment, is
// asked again.
func TestFetchErrorsThatPass(t *testing.T) {
	for _, code := range []int16{kerr.NotLeaderForPartition.Code, kerr.FencedLeaderEpoch.Code, kerr.UnknownLeaderEpoch.Code, kerr.KafkaStorageError.Code, kerr.UnknownTopicID.Code} {
		b := start(t)
		b.topic("t", 1)
		b.produce("t", 0, `{"id":1}`)
		left := 2
		b.ControlKey(1, func(req kmsg.Request) (kmsg.Response, error, bool) {
			if left == 0 {
				return nil, nil, false
			}
			b.KeepControl()
			left--
			resp := req.ResponseKind().(*kmsg.FetchResponse)
			asked := req.(*kmsg.FetchRequest).Topics[0]
			topic := kmsg.FetchResponseTopic{Topic: asked.Topic, TopicID: asked.TopicID}
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.ErrorCode = asked.Partitions[0].Partition, code
			topic.Partitions = append(topic.Partitions, p)
			resp.Topics = append(resp.Topics, topic)
			return resp, nil, true
		})
		b.open(relation("t"), stream.Scan{}, nil).want("1 NULL @0:0")
	}
}

// TestFetchFromAReplica: where the leader names a replica, that is read from, and the
// leader again where the replica fails.
func TestFetchFromAReplica(t *testing.T) {
	b := start(t, kfake.NumBrokers(2))
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`)
	leader := b.LeaderFor("t", 0)
	replica := 1 - leader
	b.SetFollowers("t", 0, []int32{replica})
	var told, asked, refused atomic.Int32
	b.ControlKey(1, func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		of := req.(*kmsg.FetchRequest).Topics[0]
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		topic := kmsg.FetchResponseTopic{Topic: of.Topic, TopicID: of.TopicID}
		p := kmsg.NewFetchResponseTopicPartition()
		p.Partition = of.Partitions[0].Partition
		switch node := b.CurrentNode(); {
		case node == replica && asked.Add(1) == 2:
			refused.Add(1)
			p.ErrorCode = kerr.OffsetOutOfRange.Code
		case node == leader && refused.Load() == 0:
			told.Add(1)
			p.PreferredReadReplica = replica
		default:
			return nil, nil, false
		}
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	c := b.open(relation("t", "client.rack", "here"), stream.Scan{}, nil)
	c.want("1 NULL @0:0", "2 NULL @0:1")
	if told.Load() != 1 || asked.Load() == 0 {
		t.Errorf("the leader named the replica %d times, and it was asked %d times", told.Load(), asked.Load())
	}
	b.produce("t", 0, `{"id":3}`)
	c.want("3 NULL @0:2")
	if refused.Load() != 1 {
		t.Errorf("the replica refused %d times", refused.Load())
	}
}

// TestFetchFromABrokerThatHangsUp loses the connection in the middle of answers.
func TestFetchFromABrokerThatHangsUp(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`)
	left := 3
	b.ControlKey(1, func(kmsg.Request) (kmsg.Response, error, bool) {
		if left == 0 {
			return nil, nil, false
		}
		b.KeepControl()
		left--
		return nil, errors.New("hang up"), true
	})
	b.open(relation("t"), stream.Scan{}, nil).want("1 NULL @0:0")
}

// TestLostRecords: a new leader has less than was read, which is an error or, where data
// may be lost, where the read goes on.
func TestLostRecords(t *testing.T) {
	for _, continues := range []bool{false, true} {
		b := start(t, kfake.NumBrokers(2))
		b.topic("t", 1)
		b.produce("t", 0, `{"id":1}`, `{"id":2}`, `{"id":3}`)
		rel := relation("t")
		if continues {
			rel = relation("t", "on_data_loss", "continue")
		}
		c := b.open(rel, stream.Scan{}, nil)
		c.want("1 NULL @0:0", "2 NULL @0:1", "3 NULL @0:2")
		b.ControlKey(23, firstEpochEnds)
		move(t, b)
		if continues {
			c.want("2 NULL @0:1", "3 NULL @0:2")
			continue
		}
		var err error
		for err == nil {
			_, err = c.next()
		}
		if e := sqlerr.From(err); e.Code != sqlerr.SnapshotTooOld || e.Message != `topic "t", partition 0: the broker lost records: it was read up to offset 3, and the log now ends at 1` {
			t.Errorf("lost records: %v", err)
		}
	}
}

// TestAnotherLog: a leader that knows no epoch as late as that of the last records has another
// topic of the name: it is an error, or, where data may be lost, read from its start.
func TestAnotherLog(t *testing.T) {
	for _, continues := range []bool{false, true} {
		b := start(t, kfake.NumBrokers(2))
		b.topic("t", 1)
		move(t, b) // so that the first epoch is not that of the records
		b.produce("t", 0, `{"id":1}`, `{"id":2}`)
		rel := relation("t")
		if continues {
			rel = relation("t", "on_data_loss", "continue")
		}
		c := b.open(rel, stream.Scan{}, nil)
		c.want("1 NULL @0:0", "2 NULL @0:1")
		b.ControlKey(23, func(req kmsg.Request) (kmsg.Response, error, bool) {
			return epochEndsAt(req, -1, -1), nil, true
		})
		move(t, b)
		if continues {
			c.want("1 NULL @0:0", "2 NULL @0:1")
			continue
		}
		var err error
		for err == nil {
			_, err = c.next()
		}
		if e := sqlerr.From(err); e.Code != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(e.Message, "was deleted and created again") {
			t.Errorf("another log: %v", err)
		}
	}
}

// TestLostWhileStopped: what a broker lost while nobody read is told also where its log has
// grown past the position since, as that says under which leader it was reached.
func TestLostWhileStopped(t *testing.T) {
	for _, continues := range []bool{false, true} {
		b := start(t, kfake.NumBrokers(2))
		b.topic("t", 1)
		b.produce("t", 0, `{"id":1}`, `{"id":2}`, `{"id":3}`)
		rel := relation("t")
		if continues {
			rel = relation("t", "on_data_loss", "continue")
		}
		c := b.open(rel, stream.Scan{}, nil)
		c.want("1 NULL @0:0", "2 NULL @0:1", "3 NULL @0:2")
		if err := c.r.Close(); err != nil {
			t.Fatal(err)
		}
		b.produce("t", 0, `{"id":4}`)
		b.ControlKey(23, firstEpochEnds)
		c = b.open(rel, stream.Scan{}, c.at)
		if continues {
			c.want("2 NULL @0:1", "3 NULL @0:2", "4 NULL @0:3")
			continue
		}
		_, err := c.next()
		for err == nil {
			_, err = c.next()
		}
		if e := sqlerr.From(err); e.Code != sqlerr.SnapshotTooOld || !strings.Contains(e.Message, "the broker lost records: it was read up to offset 3, and the log now ends at 1") {
			t.Errorf("lost records: %v", err)
		}
	}
}

// TestPositions: positions are read as they were written, those without an epoch too, and
// nothing else is taken for one.
func TestPositions(t *testing.T) {
	id := [16]byte{1, 15: 2}
	for _, c := range []struct {
		next  int64
		epoch int32
	}{{0, -1}, {1 << 40, -1}, {0, 0}, {1<<62 - 1, 1<<31 - 1}, {300, 7}} {
		at := encode(id, c.next, c.epoch)
		if next, epoch, ok := place(at); next != c.next || epoch != c.epoch || !ok {
			t.Errorf("%d of epoch %d is read as %d of %d, %v", c.next, c.epoch, next, epoch, ok)
		}
		for _, bad := range []stream.Offset{at[:17], append(slices.Clone(at), 1), append(stream.Offset{3}, at[1:]...)} {
			if _, _, ok := place(bad); ok {
				t.Errorf("%x is taken for a position", bad)
			}
		}
	}
}

// TestDamagedBatch: what a broker sends that is not as it was written ends the read,
// after the rows before it, and names the place.
func TestDamagedBatch(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`)
	b.ControlKey(1, func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		asked := req.(*kmsg.FetchRequest).Topics[0]
		topic := kmsg.FetchResponseTopic{Topic: asked.Topic, TopicID: asked.TopicID}
		p := kmsg.NewFetchResponseTopicPartition()
		bad := batchOf(1, values(`{"id":2}`), nil)
		bad[len(bad)-2] ^= 1
		p.HighWatermark, p.LastStableOffset, p.RecordBatches = 2, 2, append(batchOf(0, values(`{"id":1}`), nil), bad...)
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	c := b.open(relation("t"), stream.Scan{}, nil)
	c.want("1 NULL @0:0")
	_, err := c.next()
	if e := sqlerr.From(err); e.Code != sqlerr.ConnectionFailure || !strings.Contains(e.Message, `topic "t": partition 0: the batch at offset 1 is damaged: its checksum is`) {
		t.Errorf("a damaged batch: %v", err)
	}
}

// idle is a fetcher that asks nobody, of partition 0 of some topics, which broker 0 leads.
func idle(topics ...string) *fetcher {
	f := &fetcher{assigned: map[partition]*assignment{}, brokers: map[int32]bool{0: true, 1: true}, waiting: map[int32]bool{}}
	f.turn = sync.NewCond(&f.mu)
	for _, t := range topics {
		f.assigned[partition{t, 0}] = &assignment{partition: partition{t, 0}, next: 5, until: -1, leader: 0, epoch: 7, last: 7, replica: -1}
	}
	return f
}

// TestEveryErrorIsTold: an error that waits to be taken hides no other of its partition, which
// may be what has halted it.
func TestEveryErrorIsTold(t *testing.T) {
	f := idle("t")
	c := f.assigned[partition{"t", 0}]
	for _, err := range []error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicOrPartition, kerr.OffsetOutOfRange, kerr.CorruptMessage} {
		f.refused(c, err)
	}
	var told []error
	for _, k := range f.got {
		told = append(told, k.err)
	}
	if want := []error{kerr.UnknownTopicOrPartition, kerr.OffsetOutOfRange, kerr.CorruptMessage}; !slices.Equal(told, want) || !c.halted {
		t.Errorf("told %v, want %v; halted: %v", told, want, c.halted)
	}
}

// TestEveryTopicIsFirst: a broker that fills its answer with the topic asked for first gives
// the others their turn.
func TestEveryTopicIsFirst(t *testing.T) {
	f := idle("a", "b", "c")
	first := map[string]bool{}
	for n := 0; len(first) < 3; n++ {
		if n == 10000 {
			t.Fatalf("first was only %v", first)
		}
		asked, _ := f.choose(0)
		first[asked[0].topic] = true
	}
}

// TestLeadersOfEpochs: a leader of a newer epoch is taken at once, and checked; one of an
// older epoch only where no other is named for long.
func TestLeadersOfEpochs(t *testing.T) {
	p := partition{"t", 0}
	f := idle("t")
	c := f.assigned[p]
	f.led(p, 1, 7)
	if c.leader != 0 {
		t.Error("the leader changed within its epoch")
	}
	f.led(p, 1, 8)
	if c.leader != 1 || c.epoch != 8 || !c.check {
		t.Errorf("of a newer epoch: %+v", *c)
	}
	f.lose(c)
	for range mostOlder {
		if f.led(p, 0, 7); !c.lost() {
			t.Fatal("a leader of an older epoch was taken")
		}
	}
	if f.led(p, 0, 7); c.leader != 0 || c.epoch != 7 {
		t.Errorf("of an older epoch, told again and again: %+v", *c)
	}
}

// TestReplicasAreForgotten: the leader is asked again in time whom to ask.
func TestReplicasAreForgotten(t *testing.T) {
	f := idle("t")
	c := f.assigned[partition{"t", 0}]
	c.replica = 1
	if wanted := f.renew(); c.from() != 0 || !wanted(c) {
		t.Errorf("asked is broker %d, wanted %v", c.from(), wanted(c))
	}
}

// TestLostRecordsOfALeaderThatIsNotThereYet: a new leader that takes no connections at first
// is asked what it has all the same, before anything is read of it.
func TestLostRecordsOfALeaderThatIsNotThereYet(t *testing.T) {
	b := start(t, kfake.NumBrokers(2))
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`, `{"id":3}`)
	old := b.LeaderFor("t", 0)
	var refusing atomic.Bool
	var refused atomic.Int32
	addr := b.ListenAddrs()[1-old]
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()[old]), byName(), kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
		if host == addr && refusing.Load() && refused.Add(1) < 8 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		}
		return (&net.Dialer{}).DialContext(ctx, network, host)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	f := newFetcher(&config{fetchMaxWait: 100 * time.Millisecond, fetchMin: 1, fetchMax: 1 << 20, partitionMax: 1 << 20}, cl, opener{}, &ends{})
	defer f.close()
	f.add(partition{"t", 0}, [16]byte{}, 0, -1, -1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for next := int64(0); next < 3; {
		got := f.poll(ctx)
		if len(got) == 0 || got[0].err != nil {
			t.Fatalf("reading: %v", got)
		}
		next = got[len(got)-1].next
	}
	b.ControlKey(23, firstEpochEnds)
	refusing.Store(true)
	if err := b.MoveTopicPartition("t", 0, 1-old); err != nil {
		t.Fatal(err)
	}
	got := f.poll(ctx)
	var loss *kgo.ErrDataLoss
	if len(got) == 0 || !errors.As(got[0].err, &loss) || loss.ResetTo != 1 {
		t.Errorf("what came of the new leader, which refused %d connections: %v", refused.Load(), got)
	}
}

// TestBeyondTheEnd: where data may be lost, a read whose position lies beyond the log goes on
// with what comes next, not when the log has grown to there.
func TestBeyondTheEnd(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`)
	rel := relation("t", "on_data_loss", "continue")
	c := b.open(rel, stream.Scan{}, nil)
	c.want("1 NULL @0:0", "2 NULL @0:1")
	r := c.r.(*reader)
	at := map[stream.Split]stream.Offset{"0": encode(r.parts[partition{"t", 0}].id, 9, -1)}
	c = b.open(rel, stream.Scan{}, at)
	r = c.r.(*reader)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		for len(r.queue) > 0 {
			if _, _, err := r.deliver(ctx, c.b); err != nil {
				t.Fatal(err)
			}
		}
		next := r.parts[partition{"t", 0}].next
		if next == 2 {
			break
		}
		if err := r.poll(ctx); err != nil {
			t.Fatalf("it stays at offset %d: %v", next, err)
		}
	}
	b.produce("t", 0, `{"id":3}`)
	c.want("3 NULL @0:2")
}

// TestPositionAtTheEnd: a read that begins where its log ends keeps the epoch under which
// that was reached, and does not say that it was the first.
func TestPositionAtTheEnd(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`)
	c := b.open(relation("t"), stream.Scan{}, nil)
	c.want("1 NULL @0:0", "2 NULL @0:1")
	id := c.r.(*reader).parts[partition{"t", 0}].id
	for _, want := range []int32{7, 0, -1} {
		c = b.open(relation("t"), stream.Scan{}, map[stream.Split]stream.Offset{"0": encode(id, 2, want)})
		read, err := c.r.Read(t.Context(), c.b)
		if err != nil {
			t.Fatal(err)
		}
		if next, epoch, ok := place(read.Next); next != 2 || epoch != want || !ok {
			t.Errorf("a position of offset 2, epoch %d, becomes one of %d, %d, %v", want, next, epoch, ok)
		}
	}
}

// TestPositionAtALimit: rows up to a limit within a batch are counted as others are, and
// their position has the epoch of the batch.
func TestPositionAtALimit(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`, `{"id":3}`)
	c := b.open(relation("t"), stream.Scan{}, nil)
	r := c.r.(*reader)
	r.Limit([]stream.Position{{Split: "0", Offset: encode(r.parts[partition{"t", 0}].id, 2, -1)}})
	rows := 0
	for rows < 2 {
		read, err := r.Read(t.Context(), c.b)
		if err != nil {
			t.Fatal(err)
		}
		if rows += c.b.Rows; c.b.Rows == 0 {
			continue
		}
		if next, epoch, ok := place(read.Next); next != int64(rows) || epoch != 0 || !ok {
			t.Errorf("after %d rows the position is offset %d, epoch %d, %v; want epoch 0", rows, next, epoch, ok)
		}
	}
	if n := r.source.env.Metrics.RecordsRead.Load(); rows != 2 || n != 2 {
		t.Errorf("%d rows, of which %d are counted; want 2", rows, n)
	}
}

// TestNoEpochs: a new leader of a log without epochs, whose messages are of an older format
// than v2, says of any epoch what others say of one that is later than all: that is read on.
func TestNoEpochs(t *testing.T) {
	b := start(t, kfake.NumBrokers(2))
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`)
	c := b.open(relation("t"), stream.Scan{}, nil)
	c.want("1 NULL @0:0", "2 NULL @0:1")
	var asked atomic.Int32
	b.ControlKey(23, func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		asked.Add(1)
		return epochEndsAt(req, -1, -1), nil, true
	})
	move(t, b)
	b.produce("t", 0, `{"id":3}`)
	c.want("3 NULL @0:2")
	if asked.Load() == 0 {
		t.Error("the leader was not asked where its epochs end")
	}
}

// move has the other one of two brokers lead t's only partition, in a new epoch.
func move(t *testing.T, b *broker) {
	t.Helper()
	if err := b.MoveTopicPartition("t", 0, 1-b.LeaderFor("t", 0)); err != nil {
		t.Fatal(err)
	}
}

// firstEpochEnds answers OffsetForLeaderEpoch (23): the first epoch of t's only partition ended
// behind its first record.
func firstEpochEnds(req kmsg.Request) (kmsg.Response, error, bool) {
	return epochEndsAt(req, 0, 1), nil, true
}

// epochEndsAt is an answer to OffsetForLeaderEpoch about t's only partition.
func epochEndsAt(req kmsg.Request, epoch int32, end int64) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
	topic.Topic = "t"
	p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
	p.LeaderEpoch, p.EndOffset = epoch, end
	topic.Partitions = append(topic.Partitions, p)
	resp.Topics = append(resp.Topics, topic)
	return resp
}
