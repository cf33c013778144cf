package kafka

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// leaderPause is how long a fetcher waits at least before it asks again who leads.
const leaderPause = 250 * time.Millisecond

// mostLeaderPause is how long it waits between attempts that fail.
const mostLeaderPause = 4 * leaderPause

// metadataAge is after how long it asks who leads where no leader was lost, and takes the
// replicas no longer that leaders have named: metadata.max.age.ms of Kafka's consumer. A broker
// that is cut off from the others goes on to answer as if it led, with nothing new.
const metadataAge = 5 * time.Minute

// mostOlder is how often in a row a leader of an older epoch is not believed: a broker that
// has not heard of the new one yet will have by then.
const mostOlder = 20

// errOtherLog is told of a partition whose leader knows no records of the epoch that the last
// ones were read under, nor of a later one: the topic was made anew.
var errOtherLog = errors.New("the log is another one than was read")

// lead is a goroutine that finds the leaders of the partitions that have none, and now and
// then of all.
func (f *fetcher) lead() {
	pause := leaderPause
	age := time.NewTicker(metadataAge)
	defer age.Stop()
	for {
		wanted := (*assignment).lost
		select {
		case <-f.lost:
		case <-age.C:
			wanted = f.renew()
		case <-f.ctx.Done():
			return
		}
		found, err := f.find(wanted)
		if err == nil {
			pause = leaderPause
		} else {
			pause = min(2*pause, mostLeaderPause)
		}
		if !found {
			signal(f.lost)
		}
		select {
		case <-time.After(pause):
		case <-f.ctx.Done():
			return
		}
	}
}

// lost reports whether nobody is known to lead the partition.
func (c *assignment) lost() bool { return c.leader < 0 }

// renew forgets the replicas, and is what to ask for: all partitions.
func (f *fetcher) renew() func(*assignment) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.assigned {
		c.replica = -1
	}
	f.turn.Broadcast()
	return func(*assignment) bool { return true }
}

// find asks who leads the partitions wanted; false: some have no leader.
func (f *fetcher) find(wanted func(*assignment) bool) (bool, error) {
	f.mu.Lock()
	req := kmsg.NewPtrMetadataRequest()
	named := map[string]bool{}
	for p, c := range f.assigned {
		if wanted(c) && !named[p.topic] {
			named[p.topic] = true
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = kmsg.StringPtr(p.topic)
			req.Topics = append(req.Topics, t)
		}
	}
	f.mu.Unlock()
	if len(named) == 0 { // which would ask for all
		return true, nil
	}
	ask, cancel := context.WithTimeout(f.ctx, connectTimeout)
	defer cancel()
	resp, err := req.RequestWith(ask, f.client)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return true, nil
	}
	if err != nil {
		// That no broker answers passes, that none lets us in does not.
		if ke, ok := errors.AsType[*kerr.Error](err); ok && !ke.Retriable {
			f.tell(partition{number: -1}, err)
		}
		return false, err
	}
	for i := range resp.Topics {
		if t := &resp.Topics[i]; t.Topic != nil {
			f.described(t)
		}
	}
	for _, c := range f.assigned {
		if c.lost() {
			return false, nil
		}
	}
	return true, nil
}

// described takes what the brokers say of a topic. The caller holds mu.
func (f *fetcher) described(t *kmsg.MetadataResponseTopic) {
	err := kerr.ErrorForCode(t.ErrorCode)
	for _, c := range f.assigned {
		if c.topic != *t.Topic {
			continue
		}
		if c.id == ([16]byte{}) {
			c.id = t.TopicID // it was not there yet
		} else if err == nil && c.id != t.TopicID {
			err = kerr.UnknownTopicID
		}
	}
	if err == nil {
		for _, p := range t.Partitions {
			f.led(partition{*t.Topic, p.Partition}, p.Leader, p.LeaderEpoch)
		}
	} else if !kerr.IsRetriable(err) || unknownTopic(err) {
		f.tell(partition{*t.Topic, -1}, err)
	}
}

// unknownTopic reports whether a broker knows no such topic, which may pass.
func unknownTopic(err error) bool {
	return errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.UnknownTopicOrPartition)
}

// led notes who leads a partition, where that was lost or is of a newer epoch than known.
// The caller holds mu.
func (f *fetcher) led(p partition, leader, epoch int32) {
	c := f.assigned[p]
	if c == nil || leader < 0 || !c.lost() && epoch <= c.epoch {
		return
	}
	if epoch >= 0 && epoch < c.epoch && c.older < mostOlder {
		c.older++
		return
	}
	c.older, c.replica = 0, -1
	if c.last >= 0 && epoch >= 0 && epoch != c.epoch {
		c.check = true
	}
	c.leader, c.epoch = leader, epoch
	f.serve(leader)
}

// check asks a new leader where the epoch ends that the last records were written
// under: records from there on were read that it has not.
func (f *fetcher) check(broker int32, asked []assignment) {
	ends, err := f.epochEnds(broker, asked, func(c *assignment) int32 { return c.last })
	never := err != nil && !f.tellsEpochs(broker)
	if err == nil {
		err = f.without(broker, asked, ends)
	}
	if err != nil {
		clear(ends)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range asked {
		c := f.current(&asked[i])
		if c == nil {
			continue
		}
		p, ok := ends[c.partition]
		switch refused := kerr.ErrorForCode(p.ErrorCode); {
		case never, refused != nil && !kerr.IsRetriable(refused):
			c.check = false // a broker that does not tell, or not us
		case !ok, refused != nil:
			f.lose(c) // whatever kept it from telling: nothing is read unchecked
		case p.LeaderEpoch == noEpochs:
			c.check = false
		case p.EndOffset < 0:
			c.check, c.halted = false, true
			f.tell(c.partition, errOtherLog)
		case p.EndOffset < c.next:
			f.tell(c.partition, &kgo.ErrDataLoss{Topic: c.topic, Partition: c.number,
				ConsumedTo: c.next, ConsumedToEpoch: c.last, ResetTo: p.EndOffset, ResetToEpoch: p.LeaderEpoch})
			c.check, c.next, c.last = false, p.EndOffset, p.LeaderEpoch
		default:
			c.check = false
		}
	}
}

// noEpochs stands for the epoch of a partition whose log has none.
const noEpochs = -2

// without marks the partitions whose logs have no epochs. Of those a broker says the same
// as of an epoch that is later than all it knows: a topic whose messages are of a format
// older than v2 (message.format.version). Of the first epoch it knows something where it
// knows any.
func (f *fetcher) without(broker int32, asked []assignment, ends epochEnds) error {
	unknown := slices.DeleteFunc(slices.Clone(asked), func(c assignment) bool {
		p, ok := ends[c.partition]
		return !ok || p.ErrorCode != 0 || p.EndOffset >= 0
	})
	if len(unknown) == 0 {
		return nil
	}
	first, err := f.epochEnds(broker, unknown, func(*assignment) int32 { return 0 })
	for _, c := range unknown {
		switch p, ok := first[c.partition]; {
		case !ok:
			delete(ends, c.partition)
		case p.ErrorCode != 0:
			ends[c.partition] = p
		case p.EndOffset < 0:
			p.LeaderEpoch = noEpochs
			ends[c.partition] = p
		}
	}
	return err
}

// epochEnds is where epochs end, by partition.
type epochEnds map[partition]kmsg.OffsetForLeaderEpochResponseTopicPartition

// epochEnds asks a broker where an epoch of each partition ends.
func (f *fetcher) epochEnds(broker int32, asked []assignment, epoch func(*assignment) int32) (epochEnds, error) {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	for i := range asked {
		c := &asked[i]
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != c.topic {
			t := kmsg.NewOffsetForLeaderEpochRequestTopic()
			t.Topic = c.topic
			req.Topics = append(req.Topics, t)
		}
		t := &req.Topics[len(req.Topics)-1]
		p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = c.number, c.epoch, epoch(c)
		t.Partitions = append(t.Partitions, p)
	}
	resp, err := req.RequestWith(f.ctx, f.client.Broker(int(broker)))
	if err != nil {
		return nil, err
	}
	ends := epochEnds{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			ends[partition{t.Topic, p.Partition}] = p
		}
	}
	return ends, nil
}

// tellsEpochs reports whether a broker knows what is asked by check; one that does not
// answer may.
func (f *fetcher) tellsEpochs(broker int32) bool {
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(f.ctx, f.client.Broker(int(broker)))
	asked := kmsg.NewPtrOffsetForLeaderEpochRequest().Key()
	return err != nil || resp.ErrorCode != 0 || slices.ContainsFunc(resp.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool { return k.ApiKey == asked })
}

// byName is the option of a client whose brokers do not know topics by ids: it must not
// fetch in the versions that do.
func byName() kgo.Opt {
	v := kversion.Stable()
	v.SetMaxKeyVersion(1, 12)
	return kgo.MaxVersions(v)
}
