package kafka

import (
	"context"
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// emptyTo asks the broker whether the log has no record from the partition's
// next offset to its end: compaction leaves batches without records, over which
// the client passes without a sign.
func (r *reader) emptyTo(ctx context.Context, pt *part) (bool, error) {
	c := r.source.config
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 100, 1, 1<<20
	req.ReplicaID, req.SessionEpoch = -1, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = c.topic, r.source.topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = pt.number, pt.next, 1<<20, -1
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	leader, _, err := r.client.PartitionLeader(c.topic, pt.number)
	if err != nil || leader < 0 {
		return false, nil //nolint:nilerr // it is being elected; there is a next time
	}
	resp, err := req.RequestWith(ctx, r.client.Broker(int(leader)))
	if err != nil {
		return false, c.unreachable(ctx, err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return false, nil
	}
	got := resp.Topics[0].Partitions[0]
	// An error is left to the consumer, which meets it too.
	return kerr.ErrorForCode(got.ErrorCode) == nil && batchesEmptyTo(got.RecordBatches, pt.end), nil
}

// batchesEmptyTo reports whether the batches, from the first on, hold no record
// and reach the end.
func batchesEmptyTo(b []byte, end int64) bool {
	// A batch: base offset 8, length 4, epoch 4, magic 1, crc 4, attributes 2,
	// last offset delta 4, timestamps 16, producer 14, records 4.
	const header = 61
	for len(b) >= header {
		size := int64(binary.BigEndian.Uint32(b[8:])) + 12
		last := int64(binary.BigEndian.Uint64(b)) + int64(binary.BigEndian.Uint32(b[23:]))
		if b[16] != 2 || binary.BigEndian.Uint32(b[57:]) != 0 {
			return false
		}
		if last+1 >= end {
			return true
		}
		if size > int64(len(b)) {
			return false
		}
		b = b[size:]
	}
	return false
}
