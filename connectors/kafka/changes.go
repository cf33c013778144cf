package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/connectors/format/changelog"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// beside is what a record has beside its key and its value.
type beside struct {
	time    time.Time
	headers []kgo.RecordHeader
}

// newChanges holds an epoch's changes; what does not fit into a batch alone goes as two.
func (c *config) newChanges(e changelog.Envelope) *changelog.Epoch[beside] {
	changes := changelog.New[beside](e)
	changes.Fits = func(r changelog.Record[beside]) bool { return recordSize(c.record(r)) <= int(c.batchBytes) }
	return changes
}

// record is the topic's record of a change.
func (c *config) record(r changelog.Record[beside]) *kgo.Record {
	return &kgo.Record{Topic: c.topic, Key: r.Key, Value: r.Value, Timestamp: r.Beside.time, Headers: r.Beside.headers}
}

// hold keeps a row for the end of the epoch.
func (s *sink) hold(ctx context.Context, r *kgo.Record, net int) {
	s.changes.Add(r.Key, r.Value, net, beside{r.Timestamp, r.Headers})
	if s.changes.Held() > changelog.MostHeld {
		s.let(ctx, false)
	}
}

// let sends what is held. last: the epoch ends.
func (s *sink) let(ctx context.Context, last bool) {
	s.changes.Flush(last, func(r changelog.Record[beside]) {
		s.metrics.RecordsWritten.Add(1)
		s.metrics.BytesWritten.Add(int64(len(r.Value)))
		s.client.Produce(ctx, s.config.record(r), s.delivered)
	})
}

// inserted is an encoder of rows that are only ever inserted, each as an envelope.
type inserted struct {
	row      encoder
	envelope changelog.Envelope
	scratch  []byte
}

func (i *inserted) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	var err error
	if i.scratch, err = i.row.Append(i.scratch[:0], b, row); err != nil {
		return dst, err
	}
	return i.envelope(dst, nil, i.scratch), nil
}
