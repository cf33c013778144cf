package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// transactional is a sink whose rows are in its job's transaction: whoever reads
// read_committed sees them when the epoch is decided, or never.
type transactional struct {
	rows    *sink
	decider *decider
}

// within has a sink write with its job's producer.
func (s *sink) within(ctx context.Context, o stream.SinkOptions) (stream.Sink, error) {
	d, ok := o.Decider.(*decider)
	if !ok {
		return nil, fmt.Errorf("opening topic %q for a transaction: %T is not Kafka's", s.config.topic, o.Decider)
	}
	s.client, s.flow = d.client, d.flow
	if err := s.ready(ctx, o.Create); err != nil {
		return nil, err
	}
	return &transactional{rows: s, decider: d}, nil
}

// Write hands the rows to the brokers, inside the transaction of the epoch.
func (t *transactional) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	if err := t.decider.begin(); err != nil {
		return nil, err
	}
	rejects, err := t.rows.Write(ctx, b)
	return rejects, t.failure(err)
}

// Prepare waits until the brokers have acknowledged every record.
func (t *transactional) Prepare(ctx context.Context, e stream.Epoch) ([]byte, error) {
	token, err := t.rows.Prepare(ctx, e)
	return token, t.failure(err)
}

// failure words what is the transaction's fault, and no topic's.
func (t *transactional) failure(err error) error {
	t.rows.mu.Lock()
	cause := t.rows.failed
	t.rows.mu.Unlock()
	if err == nil || cause == nil {
		return err
	}
	for _, of := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.TransactionAbortable, kerr.InvalidTxnState,
		kerr.InvalidProducerIDMapping, kerr.TransactionalIDAuthorizationFailed, kerr.InvalidTransactionTimeout} {
		if errors.Is(cause, of) {
			t.decider.mu.Lock()
			since := t.decider.since
			t.decider.mu.Unlock()
			return t.decider.failure(cause, since)
		}
	}
	return err
}

// Commit does nothing: the transaction's commit was the decision.
func (t *transactional) Commit(context.Context, stream.Epoch, []byte) error { return nil }

// Settled is stream.Settled's.
func (t *transactional) Settled() {}

// Rollback forgets what is held: what the Decider does not commit is undone with its
// transaction, by its Close or by the next one's Ask.
func (t *transactional) Rollback(context.Context, stream.Epoch, []byte) error {
	if t.rows.changes != nil {
		t.rows.changes.Reset()
	}
	return nil
}

// Close leaves the producer to the Decider.
func (t *transactional) Close() error { return nil }

// Impediment is stream.Impeded's.
func (t *transactional) Impediment() error { return t.rows.Impediment() }

var _ stream.Impeded = (*transactional)(nil)
