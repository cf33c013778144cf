package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// progressTopic holds the last epoch that each job has decided in a cluster, by
// the job's id. It is compacted: a job's last record stays for ever.
const progressTopic = "__ferris_progress"

// progressPartitions is how many the topic is made with. A job's partition is
// chosen among so many, whatever is added.
const progressPartitions = 16

func progressPartition(job string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(job)) // never fails
	return int32(h.Sum32() % progressPartitions)
}

// progressSettings keep what a start has to read short, and what was decided
// from being lost with a leader.
var progressSettings = map[string]string{
	"cleanup.policy": "compact", "segment.bytes": "16777216", "min.cleanable.dirty.ratio": "0.1", "unclean.leader.election.enable": "false",
}

// askTimeout is how long the brokers have to end what a job's last life left.
const askTimeout = 30 * time.Second

// Ask is stream.Decider's.
func (d *decider) Ask(ctx context.Context) (stream.Decision, error) {
	if err := d.makeProgress(ctx); err != nil {
		return stream.Decision{}, err
	}
	wait, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	// A producer id is given when the last one's transaction has ended: committed
	// where its commit had been taken, else undone; that one is shut out.
	if _, _, err := d.client.ProducerID(wait); err != nil {
		if ctx.Err() != nil {
			return stream.Decision{}, ctx.Err()
		}
		var ke *kerr.Error
		if errors.As(err, &ke) {
			return stream.Decision{}, d.failure(err, time.Time{})
		}
		return stream.Decision{}, d.config.unreachable(ctx, err)
	}
	if err := d.stable(wait); err != nil {
		if ctx.Err() != nil {
			return stream.Decision{}, ctx.Err()
		}
		return stream.Decision{}, err
	}
	return d.last(ctx)
}

// on is a configuration for the progress topic's own requests and errors.
func (d *decider) on() *config {
	c := *d.config
	c.topic = progressTopic
	return &c
}

// makeProgress makes the progress topic where it is not there, and checks that it
// keeps what is written to it.
func (d *decider) makeProgress(ctx context.Context) error {
	c, admin := d.on(), kadm.NewClient(d.client)
	ask, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	now, err := c.details(ask, d.client)
	if sqlerr.CodeOf(err) == sqlerr.UndefinedTable {
		settings := map[string]*string{}
		for k, v := range progressSettings {
			settings[k] = &v
		}
		made, cerr := admin.CreateTopic(ask, progressPartitions, -1, settings, progressTopic)
		if cerr == nil {
			cerr = made.Err
		}
		if cerr != nil && !errors.Is(cerr, kerr.TopicAlreadyExists) {
			return c.unreachable(ctx, cerr)
		}
		now, err = d.appears(ask, c)
	}
	if err != nil {
		return err
	}
	if len(now.partitions) < progressPartitions {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "topic %q on Kafka at %q has %d partitions, and progress is kept in %d", progressTopic, c.server(), len(now.partitions), progressPartitions).
			WithHint("Where no job has used it yet, delete it: it is made anew. Else add partitions.")
	}
	configs, err := admin.DescribeTopicConfigs(ask, progressTopic)
	if err == nil && len(configs) == 1 {
		err = configs[0].Err
	}
	if err != nil {
		return c.unreachable(ctx, err)
	}
	policy := ""
	for _, r := range configs {
		for _, k := range r.Configs {
			if k.Key == "cleanup.policy" {
				policy = k.MaybeValue()
			}
		}
	}
	if strings.TrimSpace(policy) != "compact" {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "topic %q on Kafka at %q has cleanup.policy = '%s', and would lose what jobs have decided", progressTopic, c.server(), policy).
			WithHint("Set its cleanup.policy to compact.")
	}
	return nil
}

// appears waits until the brokers tell of the topic that was just made.
func (d *decider) appears(ctx context.Context, c *config) (topicNow, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := c.details(ctx, d.client)
		if err == nil && len(now.partitions) > 0 {
			return now, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return now, c.unreachable(context.WithoutCancel(ctx), errors.Join(ctx.Err(), err))
		}
	}
}

// stable waits until whatever the progress partition holds at this moment is
// decided: a transaction of another job may be open before this job's record.
func (d *decider) stable(ctx context.Context) error {
	c, admin := d.on(), kadm.NewClient(d.client)
	progress := partition{progressTopic, d.progress}
	ends, err := c.offsets(ctx, admin.ListEndOffsets, c.topic)
	if err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		at, err := c.offsets(ctx, admin.ListCommittedOffsets, c.topic)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil && at[progress] >= ends[progress] {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return sqlerr.Errorf(sqlerr.ConnectionFailure, "job %q waits for another transaction on topic %q, partition %d, of Kafka at %q: it is open since offset %d", d.job, progressTopic, d.progress, c.server(), at[progress]).
				WithHint("It ends with its own transaction.timeout.ms.")
		}
	}
}

// progressOf is the topic of progress, of the cluster that a sink is of. What is read of it
// is decided, whatever the server's configuration has for streams.
func progressOf(sink *catalog.Relation) *catalog.Relation {
	return &catalog.Relation{Name: progressTopic, Kind: catalog.Stream, Connector: "kafka", Hidden: Connector{}.PseudoColumns(),
		Columns: []catalog.Column{{Name: "value", Type: types.Of(types.Text)}},
		Options: append(reaching(sink.Options), catalog.Option{Key: "topic", Value: progressTopic}, catalog.Option{Key: "format", Value: formatText},
			catalog.Option{Key: "isolation.level", Value: "read_committed"})}
}

// last reads the job's last record, up to the last stable offset.
func (d *decider) last(ctx context.Context) (dec stream.Decision, err error) {
	env := *d.env
	env.Metrics = &stream.Metrics{} // these are no rows of anyone
	source, err := Connector{}.Source(ctx, &env, progressOf(d.rel))
	if err != nil {
		return dec, err
	}
	defer source.Close()
	reader, err := source.Open(ctx, []stream.Position{{Split: splitOf(d.progress)}}, stream.Scan{Columns: []int{0, 1}, Bounded: true})
	if err != nil {
		return dec, err
	}
	defer reader.Close()
	b := vec.NewBatch([]types.Type{types.Of(types.Text), types.Of(types.Text)})
	for {
		if _, err := reader.Read(ctx, b); errors.Is(err, io.EOF) {
			return dec, nil
		} else if err != nil {
			return dec, err
		}
		for i := range b.Rows {
			key, value := b.Cols[1].(*vec.Bytes), b.Cols[0].(*vec.Bytes)
			if string(key.At(i)) != d.id || value.Nulls().Get(i) {
				continue
			}
			var m mark
			if err := json.Unmarshal(value.At(i), &m); err != nil || m.Epoch == 0 {
				return dec, sqlerr.Errorf(sqlerr.DataCorrupted, "a record of job %q in topic %q on Kafka at %q is none of its progress: %q", d.job, progressTopic, d.config.server(), value.At(i))
			}
			dec = stream.Decision{Epoch: stream.Epoch(m.Epoch), Version: m.Version}
		}
	}
}
