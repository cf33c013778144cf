package kafka

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// emptyTo asks the broker whether the log has no record from the partition's
// next offset to its end: compaction leaves batches without records, and a fake
// broker that was killed transactions that are undone without a marker. The client
// passes over both without a sign.
func (r *reader) emptyTo(ctx context.Context, pt *part) (bool, error) {
	c := r.source.config
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 100, 1, 1<<20
	req.ReplicaID, req.SessionEpoch = -1, -1
	if !c.uncommitted {
		req.IsolationLevel = 1
	}
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = pt.topic, pt.id
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = pt.number, pt.next, 1<<20, -1
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	leader, _, err := r.client.PartitionLeader(pt.topic, pt.number)
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
	undone := func(h batchHead) bool {
		return h.transactional && slices.ContainsFunc(got.AbortedTransactions, func(a kmsg.FetchResponseTopicPartitionAbortedTransaction) bool {
			return a.ProducerID == h.producer && a.FirstOffset <= h.base
		})
	}
	return kerr.ErrorForCode(got.ErrorCode) == nil && batchesEmptyTo(got.RecordBatches, pt.end, undone), nil
}

// batchesEmptyTo reports whether the batches, from the first on, hold no record but
// such as are undone, and reach the end.
func batchesEmptyTo(b []byte, end int64, undone func(batchHead) bool) bool {
	for h := range batchHeads(b) {
		if h.records != 0 && !undone(h) {
			return false
		}
		if h.last+1 >= end {
			return true
		}
	}
	return false
}
