package kafka

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// After a kill the fake cluster takes the transactions that were open for undone,
// and writes no marker of that into the topics. Without one a reader that ends by
// position waits for ever at the end of such a topic, and one that is beyond leaves
// out what the same producer commits later. So the markers are written when a
// broker starts after one that was killed.

// begin takes the directory, notes that the broker runs, and ends what one that
// was killed has left.
func (b *Broker) begin(o BrokerOptions) error {
	if err := os.MkdirAll(o.DataDir, 0o750); err != nil {
		return err
	}
	unlock, err := state.LockDir(o.DataDir)
	if err != nil {
		return err
	}
	b.unlock = unlock
	_, err = os.Stat(b.running)
	switch {
	case err == nil:
		if err := o.undoOpen(); err != nil {
			return fmt.Errorf("undoing transactions that a killed broker has left: %w", err)
		}
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return os.WriteFile(b.running, nil, 0o600)
}

// undoOpen runs the cluster where nobody else finds it and writes the markers.
func (o BrokerOptions) undoOpen() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cluster, err := o.cluster(l)
	if err != nil {
		l.Close()
		return err
	}
	defer cluster.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx)
	if err != nil {
		return err
	}
	topics, err := kadm.NewClient(cl).ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	starts, err := kadm.NewClient(cl).ListStartOffsets(ctx)
	if err != nil {
		return err
	}
	for topic, partitions := range ends {
		for p, end := range partitions {
			start, ok := starts.Lookup(topic, p)
			if !ok || end.Err != nil || start.Err != nil {
				return errors.Join(end.Err, start.Err)
			}
			open, err := openProducers(ctx, cl, topics[topic].ID, topic, p, start.Offset, end.Offset)
			if err != nil {
				return fmt.Errorf("reading topic %s, partition %d: %w", topic, p, err)
			}
			if err := abort(ctx, cl, topic, p, open); err != nil {
				return fmt.Errorf("writing to topic %s, partition %d: %w", topic, p, err)
			}
		}
	}
	return nil
}

// openProducers are the producers, with their epochs, whose transaction has no
// marker in a partition.
func openProducers(ctx context.Context, cl *kgo.Client, id [16]byte, topic string, partition int32, from, end int64) (map[int64]int16, error) {
	open := map[int64]int16{}
	for from < end {
		req := kmsg.NewPtrFetchRequest()
		req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 100, 1, 4<<20
		req.ReplicaID, req.SessionEpoch = -1, -1
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = topic, id
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = partition, from, 4<<20, -1
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return nil, err
		}
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return nil, err
		}
		if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
			return nil, errors.New("the answer has no records")
		}
		got := resp.Topics[0].Partitions[0]
		if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
			return nil, err
		}
		next := from
		for b := range batchHeads(got.RecordBatches) {
			next = b.last + 1
			switch {
			case b.control:
				delete(open, b.producer)
			case b.transactional:
				open[b.producer] = b.epoch
			}
		}
		if next == from {
			return open, nil // what is left was compacted away
		}
		from = next
	}
	return open, nil
}

// abort writes the markers that end transactions.
func abort(ctx context.Context, cl *kgo.Client, topic string, partition int32, open map[int64]int16) error {
	if len(open) == 0 {
		return nil
	}
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	for producer, epoch := range open {
		m := kmsg.NewWriteTxnMarkersRequestMarker()
		m.ProducerID, m.ProducerEpoch = producer, epoch
		t := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
		t.Topic, t.Partitions = topic, []int32{partition}
		m.Topics = append(m.Topics, t)
		req.Markers = append(req.Markers, m)
	}
	resp, err := req.RequestWith(ctx, cl) // there is one broker
	if err != nil {
		return err
	}
	for _, m := range resp.Markers {
		for _, t := range m.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
