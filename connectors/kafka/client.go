package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// connectTimeout is how long the brokers have to answer when a relation is
// opened.
const connectTimeout = 10 * time.Second

// dial makes a client; it connects with its first request.
func (c *config) dial(env *stream.Env, more ...kgo.Opt) (*kgo.Client, error) {
	if len(c.brokers) == 0 {
		// Of class 08, so that the jobs of a gateway which was started without them wait
		// until it is started with them.
		return nil, sqlerr.Errorf(sqlerr.UnableToEstablishConnection, "%s has no brokers to be reached at: it has no bootstrap.servers, and the server no kafka.brokers", c.called()).
			WithHint("Start the server with --brokers host:9092, or set 'bootstrap.servers' = 'host:9092'.")
	}
	opts := []kgo.Opt{kgo.SeedBrokers(c.brokers...), kgo.DialTimeout(5 * time.Second), kgo.RequestRetries(3)}
	if env.ClientID != "" {
		opts = append(opts, kgo.ClientID(env.ClientID))
	}
	secure, err := c.security.options(env, c.called())
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(append(opts, secure...), more...)...)
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid Kafka options of %s: %w", c.called(), err)
	}
	return cl, nil
}

// topicNow is what a broker says of the topic at this moment.
type topicNow struct {
	name       string
	id         [16]byte // zero where the brokers have no topic ids
	partitions []int32
}

// details asks for the topic, which must exist. It asks a broker each time, and
// not what the client remembers.
func (c *config) details(ctx context.Context, cl *kgo.Client) (topicNow, error) {
	ask, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(c.topic)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ask, cl)
	if err != nil {
		return topicNow{}, c.unreachable(ctx, err)
	}
	err = kerr.UnknownTopicOrPartition
	for _, t := range resp.Topics {
		if t.Topic == nil || *t.Topic != c.topic {
			continue
		}
		if err = kerr.ErrorForCode(t.ErrorCode); err != nil {
			break
		}
		now := topicNow{name: c.topic, id: t.TopicID}
		for _, p := range t.Partitions {
			now.partitions = append(now.partitions, p.Partition)
		}
		slices.Sort(now.partitions)
		return now, nil
	}
	return topicNow{}, c.topicError(err)
}

// sameTopic reports whether two topics of one name are the same one, which other
// brokers of its cluster, or the same by other names, have under the same id.
func sameTopic(ctx context.Context, env *stream.Env, a, b *config) bool {
	id, known := a.topicID(ctx, env)
	if !known {
		return false
	}
	other, known := b.topicID(ctx, env)
	return known && id == other
}

// topicID is what the brokers know the topic by; false: they cannot be asked, or it
// has none, or there is no topic.
func (c *config) topicID(ctx context.Context, env *stream.Env) (id [16]byte, known bool) {
	cl, err := c.dial(env)
	if err != nil {
		return id, false
	}
	defer cl.Close()
	now, err := c.details(ctx, cl)
	return now.id, err == nil && now.id != id
}

// create makes the topic as the brokers make topics by default.
func (c *config) create(ctx context.Context, cl *kgo.Client) error {
	made, err := kadm.NewClient(cl).CreateTopic(ctx, -1, -1, nil, c.topic)
	if err == nil {
		err = made.Err
	}
	switch {
	case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to create topic %q on Kafka at %q: %w", c.topic, c.server(), err).
			WithHint("Create the topic, or allow Create on it.")
	}
	return c.unreachable(ctx, err)
}

// unreachable is the error of a request that no broker has answered.
func (c *config) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var ke *kerr.Error
	if errors.As(err, &ke) {
		return c.topicError(err)
	}
	var own *sqlerr.Error
	if errors.As(err, &own) { // of a token or ticket that there is none of
		return own
	}
	e := sqlerr.Errorf(sqlerr.UnableToEstablishConnection, "could not connect to Kafka at %q: %w", c.server(), err)
	if c.security.bears() || c.security.tickets() {
		return e.WithHint("Check that a broker listens there for %s, and takes %s.", c.security.protocol(), c.security.mechanism)
	}
	if c.security.sasl || c.security.tls {
		return e.WithHint("Check that a broker listens there for %s, and the user and password: some brokers only hang up on wrong ones.", c.security.protocol())
	}
	return e.WithHint("Check that a broker listens there, or set 'bootstrap.servers' (kafka.brokers of the server is the default).")
}

// topicError words what a broker says of the topic.
func (c *config) topicError(err error) error {
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return sqlerr.Errorf(sqlerr.UndefinedTable, "topic %q does not exist on Kafka at %q", c.topic, c.server()).
			WithHint("Create the topic first, or correct 'topic'.")
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for topic %q on Kafka at %q: %w", c.topic, c.server(), err)
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "Kafka at %q does not take %s: %w", c.server(), c.security.mechanism, err).
			WithHint("Set 'sasl.mechanism' to one of its sasl.enabled.mechanisms.")
	case errors.Is(err, kerr.SaslAuthenticationFailed) && c.security.bears():
		return sqlerr.Errorf(sqlerr.InvalidPassword, "Kafka at %q refused the token of OAUTHBEARER: %w", c.server(), err).
			WithHint("Check that the token has not expired, and that the brokers take its issuer and audience.")
	case errors.Is(err, kerr.SaslAuthenticationFailed) && c.security.tickets():
		return sqlerr.Errorf(sqlerr.InvalidPassword, "Kafka at %q refused the ticket of GSSAPI: %w", c.server(), err).
			WithHint("Check that the broker's keytab has the key that the KDC has of it, that the clocks agree, and what the broker's log says.")
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return sqlerr.Errorf(sqlerr.InvalidPassword, "Kafka at %q refused %s: %w", c.server(), c.security.who(), err).
			WithHint("Check the user and password, and that the brokers have such a user for %s.", c.security.mechanism)
	case errors.Is(err, kerr.InvalidTopicException):
		return sqlerr.Errorf(sqlerr.InvalidName, "%q is not a valid topic name", c.topic)
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a record is larger than topic %q takes (max.message.bytes): %w", c.topic, err)
	case errors.Is(err, kerr.UnknownTopicID):
		return c.recreated()
	}
	return sqlerr.Errorf(sqlerr.ConnectionFailure, "Kafka at %q, %s: %w", c.server(), c.called(), err)
}

// recreated is the end of what was read of a topic. Where data may be lost it is
// an outage: who tries again reads the new topic from its start.
func (c *config) recreated() error {
	if c.continueAfter {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "topic %q on Kafka at %q was deleted and created again", c.topic, c.server())
	}
	return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "topic %q on Kafka at %q was deleted and created again: the positions reached belong to the old one", c.topic, c.server()).
		WithHint("Create the job again, or set on_data_loss = 'continue' on the stream, to read the new topic from its start.")
}

func (c *config) overtaken(partition int32, next, start int64) error {
	return sqlerr.Errorf(sqlerr.SnapshotTooOld, "topic %q, partition %d: offset %d is no longer there, the log begins at %d: %d records were deleted before they were read", c.topic, partition, next, start, start-next).
		WithHint("Set on_data_loss = 'continue' to go on with what is left.")
}

// offsets asks for one offset of every partition of some topics.
func (c *config) offsets(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topics ...string) (map[partition]int64, error) {
	out := map[partition]int64{}
	if len(topics) == 0 { // which would ask for all
		return out, nil
	}
	ask, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	l, err := list(ask, topics...)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	for _, topic := range topics {
		for n, o := range l[topic] {
			if o.Err != nil {
				return nil, fmt.Errorf("listing offsets of partition %d: %w", n, c.of(topic).topicError(o.Err))
			}
			out[partition{topic, n}] = o.Offset
		}
	}
	return out, nil
}
