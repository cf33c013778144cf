package kafka

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A fetcher asks the leaders of partitions for what follows the offsets reached, one
// request at a time of each broker, and keeps the answers as they came until they are
// polled: the next request to a broker is sent when its last answer was taken. No
// fetch session is used, so each request stands alone. One goroutine a broker asks,
// and one finds the leaders.
type fetcher struct {
	config *config
	client *kgo.Client
	open   opener
	ends   *ends

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	some    chan struct{} // got has something; of room for one
	lost    chan struct{} // a leader is to be found; of room for one

	mu       sync.Mutex
	turn     *sync.Cond // what a broker may be asked for has changed
	closed   bool
	assigned map[partition]*assignment
	paused   map[partition]bool
	brokers  map[int32]bool // that have a goroutine
	got      []chunk
	waiting  map[int32]bool // brokers of which an answer is in got
}

// assignment is how far a partition is fetched.
type assignment struct {
	partition
	id    [16]byte // the topic's; zero: not known yet, or the brokers have none
	next  int64
	until int64 // nothing from there on is wanted; -1: no end
	// leader is the broker to ask, -1: to be found; epoch is the leader's. last is
	// the epoch that the last records were written under, -1: none were read.
	leader, epoch, last int32
	// replica is the broker that the leader wants to be asked in its place, for it is in
	// the rack of the gateway; -1: none.
	replica int32
	// check: the leader has changed since, and may have lost what was read.
	check bool
	// halted: an error was told, which only adding the partition again ends.
	halted bool
	// older is how often in a row a leader of an epoch before was named.
	older int
}

// from is the broker that has the partition's next records.
func (c *assignment) from() int32 {
	if c.leader >= 0 && c.replica >= 0 && !c.check {
		return c.replica
	}
	return c.leader
}

func newFetcher(c *config, cl *kgo.Client, open opener, ends *ends) *fetcher {
	f := &fetcher{
		config: c, client: cl, open: open, ends: ends, some: make(chan struct{}, 1), lost: make(chan struct{}, 1),
		assigned: map[partition]*assignment{}, brokers: map[int32]bool{}, waiting: map[int32]bool{},
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.turn = sync.NewCond(&f.mu)
	f.running.Go(f.lead)
	return f
}

// close ends what is under way and waits for it.
func (f *fetcher) close() {
	f.mu.Lock()
	f.closed = true
	f.turn.Broadcast()
	f.mu.Unlock()
	f.stop()
	f.running.Wait()
}

// signal tells whoever waits on a channel of room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// add begins or goes on to fetch a partition from an offset, and forgets how far it was. What
// is before was written under the leader's epoch last; -1: that is not known, or not to be
// checked.
func (f *fetcher) add(p partition, id [16]byte, next, until int64, last int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &assignment{partition: p, id: id, next: next, until: until, leader: -1, epoch: -1, last: last, replica: -1}
	if old := f.assigned[p]; old != nil {
		c.leader, c.epoch = old.leader, old.epoch
	}
	f.assigned[p] = c
	if c.leader < 0 {
		signal(f.lost)
	}
	f.turn.Broadcast()
}

func (f *fetcher) remove(p partition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.assigned, p)
}

// pause says which partitions are left alone; what is under way of them still comes.
func (f *fetcher) pause(partitions map[partition]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused = partitions
	f.turn.Broadcast()
}

// poll returns what came since the last time, after waiting for it; nil when ctx ends.
func (f *fetcher) poll(ctx context.Context) []chunk {
	for {
		f.mu.Lock()
		got := f.got
		if len(got) > 0 {
			f.got = nil
			clear(f.waiting)
			f.turn.Broadcast()
		}
		f.mu.Unlock()
		if len(got) > 0 {
			return got
		}
		select {
		case <-f.some:
		case <-ctx.Done():
			return nil
		}
	}
}

// put keeps a chunk for poll. The caller holds mu.
func (f *fetcher) put(c chunk) {
	f.got = append(f.got, c)
	signal(f.some)
}

// tell keeps an error for poll, once: another of the same partition is kept beside it. The
// number is -1 where it is the topic's, which is empty where it is of all. The caller holds mu.
func (f *fetcher) tell(of partition, err error) {
	if !slices.ContainsFunc(f.got, func(c chunk) bool { return c.of == of && errors.Is(c.err, err) }) {
		f.put(chunk{of: of, err: err})
	}
}

// serve has a goroutine for a broker that is to be asked. The caller holds mu.
func (f *fetcher) serve(broker int32) {
	if !f.brokers[broker] {
		f.brokers[broker] = true
		f.running.Go(func() { f.ask(broker) })
	}
	f.turn.Broadcast()
}

// lose makes a partition's leader be found anew. The caller holds mu.
func (f *fetcher) lose(c *assignment) {
	c.leader, c.replica = -1, -1
	signal(f.lost)
}

// ask is a goroutine that fetches from one broker.
func (f *fetcher) ask(broker int32) {
	for {
		asked, check := f.choose(broker)
		switch {
		case len(asked) == 0:
			return
		case check:
			f.check(broker, asked)
		default:
			f.fetch(broker, asked)
		}
	}
}

// choose waits until the broker can be asked for something, and returns the
// partitions by topic, none when the fetcher closes. Which topic and partition is first is
// random: a broker fills its answer in the order asked, and gives a batch that is larger than
// the limits of the first only. check: whether it still has what was read of them is to be
// found out first.
func (f *fetcher) choose(broker int32) (asked []assignment, check bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.closed {
		if !f.waiting[broker] {
			for _, c := range f.assigned {
				if c.from() == broker && !c.halted && !f.paused[c.partition] && (c.until < 0 || c.next < c.until) {
					if c.check && !check {
						asked, check = asked[:0], true
					}
					if c.check == check {
						asked = append(asked, *c)
					}
				}
			}
		}
		if len(asked) > 0 {
			rank := map[string]int{} // by where the map's order, which is random, has a topic first
			for _, c := range asked {
				if _, ok := rank[c.topic]; !ok {
					rank[c.topic] = len(rank)
				}
			}
			slices.SortStableFunc(asked, func(a, b assignment) int { return cmp.Compare(rank[a.topic], rank[b.topic]) })
			return asked, check
		}
		f.turn.Wait()
	}
	return nil, false
}

// current is the assignment that asked was a copy of, nil where the partition was removed
// or added again since. The caller holds mu.
func (f *fetcher) current(asked *assignment) *assignment {
	c := f.assigned[asked.partition]
	if c == nil || *c != *asked {
		return nil
	}
	return c
}

// fetch asks a broker for what follows the offsets reached.
func (f *fetcher) fetch(broker int32, asked []assignment) {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(f.config.fetchMaxWait.Milliseconds()), f.config.fetchMin, f.config.fetchMax
	req.ReplicaID, req.SessionEpoch = -1, -1
	req.Rack = f.config.rack
	if !f.config.uncommitted {
		req.IsolationLevel = 1
	}
	for _, c := range asked {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != c.topic {
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID = c.topic, c.id
			req.Topics = append(req.Topics, t)
		}
		t := &req.Topics[len(req.Topics)-1]
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.CurrentLeaderEpoch = c.number, c.next, c.epoch
		p.PartitionMaxBytes = f.config.partitionMax
		t.Partitions = append(t.Partitions, p)
	}
	resp, err := req.RequestWith(f.ctx, f.client.Broker(int(broker)))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	for i := range asked {
		c := f.current(&asked[i])
		if c == nil {
			continue
		}
		var p *kmsg.FetchResponseTopicPartition
		if err == nil {
			p = answerOf(resp, c)
		}
		if p == nil {
			f.lose(c) // it is not the broker's any more, or the broker is gone
			continue
		}
		f.take(broker, c, p)
	}
}

// answerOf is what a broker has answered of a partition; nil: nothing.
func answerOf(resp *kmsg.FetchResponse, c *assignment) *kmsg.FetchResponseTopicPartition {
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if resp.Version >= 13 && t.TopicID != c.id || resp.Version < 13 && t.Topic != c.topic {
			continue
		}
		for k := range t.Partitions {
			if t.Partitions[k].Partition == c.number {
				return &t.Partitions[k]
			}
		}
	}
	return nil
}

// take keeps what a broker has answered of a partition. The caller holds mu.
func (f *fetcher) take(broker int32, c *assignment, p *kmsg.FetchResponseTopicPartition) {
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		if c.replica >= 0 {
			f.lose(c) // it is behind, or none any more: the leader says what to do
			return
		}
		f.refused(c, err)
		return
	}
	if p.PreferredReadReplica >= 0 && c.replica < 0 && p.PreferredReadReplica != broker {
		c.replica = p.PreferredReadReplica
		f.serve(c.replica)
		return
	}
	end := p.LastStableOffset
	if f.config.uncommitted || end < 0 {
		end = p.HighWatermark
	}
	f.ends.note(c.partition, end)
	if len(p.RecordBatches) == 0 {
		return
	}
	next, epoch := reach(p.RecordBatches, c.next)
	b := newBatches(p, c.next, f.config.uncommitted)
	b.open = f.open
	f.put(chunk{of: c.partition, batches: b, next: next, end: end})
	f.waiting[broker] = true
	if next == c.next {
		f.lose(c) // it has sent what it was not asked for: not without a pause again
	}
	if c.next = next; epoch >= 0 {
		c.last = epoch
	}
}

// refused decides about the error of a partition. Those that pass are met again when
// the leader is found. The caller holds mu.
func (f *fetcher) refused(c *assignment, err error) {
	switch {
	case unknownTopic(err):
		f.tell(c.partition, err)
		f.lose(c)
	case kerr.IsRetriable(err) && !errors.Is(err, kerr.CorruptMessage): // which does not pass by asking again
		f.lose(c)
	default:
		c.halted = true
		f.tell(c.partition, err)
	}
}
