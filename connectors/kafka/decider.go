package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// decider is a job's transactional producer, which all its sinks of one cluster
// write with. A transaction holds an epoch's rows and, last, a record in the
// progress topic that names the epoch.
type decider struct {
	config   *config
	env      *stream.Env
	rel      *catalog.Relation // one of the sinks: how the cluster is reached
	job, id  string
	timeout  time.Duration // of a transaction
	client   *kgo.Client
	flow     *flow
	progress int32 // the partition of the progress topic

	mu     sync.Mutex // sinks write in goroutines of their own
	open   bool       // a transaction is
	since  time.Time  // it was begun
	as     producer   // that has begun it
	closed bool
	// Unknown: a commit was sent, and nothing was heard of it. It must not be
	// undone here: the next start asks.
	unknown bool
}

// producer is what the brokers know a client as. A client that gets another epoch
// in the middle of a transaction has lost what it wrote before.
type producer struct {
	id    int64
	epoch int16
}

// leastTimeout is what a transaction has where nothing else is said.
const leastTimeout = time.Minute

// CheckDecider is stream.Transactional's.
func (Connector) CheckDecider(env *stream.Env, sinks []*catalog.Relation, o stream.DeciderOptions) error {
	_, _, err := shared(env, sinks, o)
	return err
}

// Cluster is stream.Clustered's: the brokers that a sink names, and how they are
// reached.
func (Connector) Cluster(env *stream.Env, r *catalog.Relation) (string, error) {
	c, _, err := read(r, stream.RoleSink, env)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%q %v", slices.Sorted(slices.Values(c.brokers)), c.security), nil
}

// Decider is stream.Transactional's.
func (Connector) Decider(env *stream.Env, sinks []*catalog.Relation, o stream.DeciderOptions) (stream.Decider, error) {
	c, timeout, err := shared(env, sinks, o)
	if err != nil {
		return nil, err
	}
	d := &decider{config: c, env: env, rel: sinks[0], job: o.Job, id: o.ID, timeout: timeout, flow: &flow{}, progress: progressPartition(o.ID)}
	// Records of several sinks go through one client. A row's own time would
	// count against the delivery timeout, so the transaction's alone bounds it.
	opts := append(c.producer(true), kgo.TransactionalID(transactionalID(o.ID)), kgo.TransactionTimeout(timeout),
		kgo.RecordPartitioner(besides{kgo.StickyKeyPartitioner(nil)}), kgo.WithHooks(d.flow))
	if d.client, err = c.dial(env, opts...); err != nil {
		return nil, err
	}
	return d, nil
}

// transactionalID names a job's transactions to the brokers.
func transactionalID(job string) string { return "ferris-" + job }

// shared reads the options of sinks that are to share a producer: what is the
// producer's must be alike in all of them.
func shared(env *stream.Env, sinks []*catalog.Relation, o stream.DeciderOptions) (*config, time.Duration, error) {
	var first *config
	timeout := max(leastTimeout, 2*o.Checkpoint)
	own := time.Duration(0)
	for _, rel := range sinks {
		c, _, err := read(rel, stream.RoleSink, env)
		if err != nil {
			return nil, 0, err
		}
		if !c.idempotent || c.acks != "all" && c.acks != "-1" {
			return nil, 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "sink %q of job %q cannot write in transactions with acks = '%s' and enable.idempotence = '%t'", rel.Name, o.Job, c.acks, c.idempotent).
				WithHint("Leave both out, also where the server's configuration has them (kafka.acks, kafka.enable_idempotence), or leave out use_transactions.")
		}
		own = max(own, c.transaction)
		if first == nil {
			first = c
			continue
		}
		if err := first.alike(c, sinks[0].Name, rel.Name); err != nil {
			return nil, 0, err
		}
	}
	if own > 0 {
		timeout = own
	}
	if timeout <= o.Checkpoint {
		return nil, 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "transaction.timeout.ms of job %q is %v, and an epoch lasts %v", o.Job, timeout, o.Checkpoint).
			WithHint("The broker would undo each transaction: set transaction.timeout.ms to twice checkpoint.interval, or leave it out.")
	}
	return first, timeout, nil
}

// alike is an error where two sinks cannot share a producer.
func (c *config) alike(o *config, mine, other string) error {
	if !slices.Equal(slices.Sorted(slices.Values(c.brokers)), slices.Sorted(slices.Values(o.brokers))) || c.security != o.security {
		return sqlerr.Unsupported("Write the same bootstrap.servers and security options on both; for two clusters, start a job for each.",
			"a transaction over two Kafka clusters, of sinks %q and %q, is not supported", mine, other)
	}
	for _, k := range []struct {
		key   string
		equal bool
	}{
		{"linger.ms", c.linger == o.linger}, {"batch.size", c.batchBytes == o.batchBytes},
		{"compression.type", c.codec == o.codec}, {"delivery.timeout.ms", c.delivery == o.delivery},
	} {
		if !k.equal {
			return sqlerr.Unsupported(fmt.Sprintf("Write the same %s on both: their rows go through one producer.", k.key),
				"sinks %q and %q of one transaction with different %s are not supported", mine, other, k.key)
		}
	}
	return nil
}

// besides lets who produces choose the partitions of the progress topic.
type besides struct{ rows kgo.Partitioner }

func (b besides) ForTopic(topic string) kgo.TopicPartitioner {
	if topic == progressTopic {
		return kgo.ManualPartitioner().ForTopic(topic)
	}
	return b.rows.ForTopic(topic)
}

// begin opens a transaction where none is.
func (d *decider) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open {
		return nil
	}
	if err := d.client.BeginTransaction(); err != nil {
		return d.failure(err, time.Time{})
	}
	id, epoch, err := d.client.ProducerID(context.Background()) // it is there since Ask
	if err != nil {
		return d.failure(err, time.Time{})
	}
	d.open, d.since, d.as = true, time.Now(), producer{id, epoch}
	return nil
}

// same is an error where the client is not the producer any more that has begun
// the transaction: it does so by itself after some errors, and the brokers then
// undo what the old one wrote.
func (d *decider) same(ctx context.Context) error {
	id, epoch, err := d.client.ProducerID(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		return d.failure(err, d.since)
	}
	if now := (producer{id, epoch}); now != d.as {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "Kafka at %q has forgotten the producer of job %q in a transaction", d.config.server(), d.job)
	}
	return nil
}

// mark is what a record of the progress topic holds; its key is the job's id.
type mark struct {
	Job     string `json:"job"`
	Epoch   uint64 `json:"epoch"`
	Version uint64 `json:"version"`
}

// Decide is stream.Decider's. The commit's outcome is asked of the brokers by the
// next start where it is not heard here: a repeated commit could be one of
// another epoch.
func (d *decider) Decide(ctx context.Context, dec stream.Decision) error {
	if err := d.begin(); err != nil {
		return err
	}
	value, err := json.Marshal(mark{d.job, uint64(dec.Epoch), dec.Version})
	if err != nil {
		return fmt.Errorf("encoding the progress of job %q: %w", d.job, err)
	}
	d.mu.Lock()
	since := d.since
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, max(d.config.delivery, time.Second))
	defer cancel()
	d.flow.begin()
	r := &kgo.Record{Topic: progressTopic, Partition: d.progress, Key: []byte(d.id), Value: value}
	if err := d.client.ProduceSync(ctx, r).FirstErr(); err != nil {
		return d.failure(err, since)
	}
	if err := d.same(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	d.unknown = true
	d.mu.Unlock()
	if err := d.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return d.failure(err, since)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.unknown = false, false
	return nil
}

// failure words what the brokers say of a transaction; since: when it was begun.
func (d *decider) failure(err error, since time.Time) error {
	if errors.Is(err, kerr.OperationNotAttempted) {
		// The reason is the producer's.
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if _, _, cause := d.client.ProducerID(ctx); cause != nil {
			err = cause
		}
	}
	server := d.config.server()
	switch {
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch):
		if open := time.Since(since); !since.IsZero() && open >= d.timeout {
			return sqlerr.Errorf(sqlerr.ConnectionFailure, "Kafka at %q has undone a transaction of job %q that was open for %v: transaction.timeout.ms is %v: %w",
				server, d.job, open.Truncate(time.Millisecond), d.timeout, err).WithHint("Its rows are written again. Set a longer transaction.timeout.ms, or a shorter checkpoint.interval.")
		}
		if !since.IsZero() && d.flow.lostSince(since) {
			// A broker that was away may have undone the transaction, and have let no
			// one else in. Who did begin to write is shut out by the next start in turn.
			return sqlerr.Errorf(sqlerr.ConnectionFailure, "Kafka at %q has undone a transaction of job %q in an outage: %w", server, d.job, err).
				WithHint("Its rows are written again.")
		}
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "job %q was shut out by Kafka at %q: another instance of it has begun to write: %w", d.job, server, err).
			WithHint("One job's state must be run by one process: a copy of its data directory is in use. Stop that, then START JOB %s.", d.job)
	case errors.Is(err, kerr.InvalidTransactionTimeout):
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "Kafka at %q takes no transaction.timeout.ms of %v: %w", server, d.timeout, err).
			WithHint("Set one within the broker's transaction.max.timeout.ms.")
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for transactional id %q on Kafka at %q: %w", transactionalID(d.id), server, err).
			WithHint("Allow Write and Describe on the transactional ids that begin with ferris-.")
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for a transaction of job %q on Kafka at %q: %w", d.job, server, err).
			WithHint("Allow Write and Describe on the job's topics, and Read, Write, Create, Describe and DescribeConfigs on topic %s.", progressTopic)
	case errors.Is(err, context.Canceled):
		return err
	}
	return sqlerr.Errorf(sqlerr.ConnectionFailure, "could not finish a transaction of job %q on Kafka at %q: %w", d.job, server, err)
}

// Close is stream.Decider's. An epoch that is not decided is undone now, so that
// readers of the topics need not wait for the transaction's timeout.
func (d *decider) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	d.flow.over.Store(true)
	defer d.client.Close()
	if !d.open || d.unknown {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	// What fails here the next start, or the timeout, does.
	if d.client.AbortBufferedRecords(ctx) == nil {
		_ = d.client.EndTransaction(ctx, kgo.TryAbort)
	}
	return nil
}

func (d *decider) String() string {
	return fmt.Sprintf("topic %s of Kafka at %q", progressTopic, d.config.server())
}
