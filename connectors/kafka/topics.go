package kafka

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/registry"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// formatKeys are how a declaration says its format.
var formatKeys = []string{"format", "value.format", "source.format"}

// system reads the options of a cluster. Without a format, as Declare finds it, those of
// every format are taken.
func system(env *stream.Env, rel *catalog.Relation) (*config, error) {
	if _, ok := rel.Options.Get("topic", "topic.pattern"); ok {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "parameter \"topic\" is not one of a cluster, each of whose topics is meant").
			WithHint("Write CREATE STREAM name WITH (type = 'kafka', topic = ...) for one topic.")
	}
	r := *rel
	_, known := r.Options.Get(formatKeys...)
	if _, ok := r.Options.Get("schema.registry.url"); ok && !known {
		r.Options = append(slices.Clip(r.Options), catalog.Option{Key: "format", Value: formatAvro})
	}
	c, _, err := read(&r, stream.RoleSource, env)
	if err != nil {
		return nil, err
	}
	if err := c.allowed(env); err != nil {
		return nil, err
	}
	c.topic = ""
	return c, nil
}

// CheckSystem is stream.Lister's.
func (Connector) CheckSystem(env *stream.Env, rel *catalog.Relation) error {
	_, err := system(env, rel)
	return err
}

// asked runs f with a client of the cluster.
func (c *config) asked(ctx context.Context, env *stream.Env, f func(context.Context, *kadm.Client) error) error {
	if len(c.brokers) == 0 {
		return sqlerr.Errorf(sqlerr.UnableToEstablishConnection, "there are no brokers to be asked for their topics: no bootstrap.servers are given, and the server has no kafka.brokers").
			WithHint("Write SHOW TOPICS WITH ('bootstrap.servers' = 'host:9092'), or start the server with --brokers host:9092.")
	}
	cl, err := c.dial(env)
	if err != nil {
		return err
	}
	defer cl.Close()
	ask, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	err = f(ask, kadm.NewClient(cl))
	var ke *kerr.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.SaslAuthenticationFailed) || !errors.As(err, &ke):
		return c.unreachable(ctx, err)
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to list the topics of Kafka at %q: %w", c.server(), err)
	}
	return sqlerr.Errorf(sqlerr.ConnectionFailure, "listing the topics of Kafka at %q: %w", c.server(), err)
}

// Names are stream.Lister's: topics that are not the brokers' own, and have a name that
// Kafka allows.
func (Connector) Names(ctx context.Context, env *stream.Env, rel *catalog.Relation) ([]string, error) {
	c, err := system(env, rel)
	if err != nil {
		return nil, err
	}
	var names []string
	err = c.asked(ctx, env, func(ctx context.Context, adm *kadm.Client) error {
		topics, err := adm.ListTopics(ctx)
		for name := range topics {
			if validTopic(name) {
				names = append(names, name)
			}
		}
		return err
	})
	return names, err
}

// validTopic reports whether Kafka lets a topic have the name. What says it is a broker
// may answer with anything.
func validTopic(name string) bool {
	return name != "" && len(name) <= 249 && name != "." && name != ".." && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

// List is stream.Lister's. What the brokers do not tell of sizes is left unknown.
func (Connector) List(ctx context.Context, env *stream.Env, rel *catalog.Relation) ([]stream.Listed, error) {
	c, err := system(env, rel)
	if err != nil {
		return nil, err
	}
	var all []stream.Listed
	err = c.asked(ctx, env, func(ctx context.Context, adm *kadm.Client) error {
		topics, err := adm.ListTopicsWithInternal(ctx)
		if err != nil {
			return err
		}
		records, bytes := recordsOf(ctx, adm, topics.Names()), bytesOf(ctx, adm)
		for name, t := range topics {
			l := stream.Listed{Name: shownName(name), Partitions: len(t.Partitions), Replicas: t.Partitions.NumReplicas(), Internal: t.IsInternal, Records: -1, Bytes: -1}
			if n, ok := records[name]; ok {
				l.Records = n
			}
			if n, ok := bytes[name]; ok {
				l.Bytes = n
			}
			all = append(all, l)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b stream.Listed) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

// shownName is a name as a text may hold it.
func shownName(name string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), "\x00", "\uFFFD")
}

// recordsOf are the offsets between the topics' beginnings and their ends, of those of
// which all partitions tell both.
func recordsOf(ctx context.Context, adm *kadm.Client, topics []string) map[string]int64 {
	out := map[string]int64{}
	if len(topics) == 0 {
		return out
	}
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return out
	}
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return out
	}
	for name, partitions := range ends {
		var n int64
		whole := true
		for p, end := range partitions {
			start, ok := starts.Lookup(name, p)
			whole = whole && ok && start.Err == nil && end.Err == nil && start.Offset >= 0 && end.Offset >= start.Offset
			n += end.Offset - start.Offset
		}
		if whole {
			out[name] = n
		}
	}
	return out
}

// bytesOf are the sizes of the topics' logs, of one copy of each partition: the largest.
func bytesOf(ctx context.Context, adm *kadm.Client) map[string]int64 {
	out := map[string]int64{}
	dirs, err := adm.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return out
	}
	type partition struct {
		topic string
		n     int32
	}
	largest := map[partition]int64{}
	for _, broker := range dirs {
		broker.EachPartition(func(p kadm.DescribedLogDirPartition) {
			if !p.IsFuture {
				at := partition{p.Topic, p.Partition}
				largest[at] = max(largest[at], p.Size)
			}
		})
	}
	for at, n := range largest {
		out[at.topic] += n
	}
	return out
}

// Declare is stream.Lister's. Without a format it is that of the topic's subject, where
// there is a registry which has one, else json where the records are that, else text,
// else raw.
func (x Connector) Declare(ctx context.Context, env *stream.Env, rel *catalog.Relation, name string) error {
	c, err := system(env, rel)
	if err != nil {
		return err
	}
	c.topic = name
	options := append(slices.Clone(rel.Options), catalog.Option{Key: "topic", Value: name})
	if _, known := options.Get(formatKeys...); !known {
		f, err := c.registered(ctx, env)
		if err != nil {
			return err
		}
		if f == "" {
			options = withoutRegistry(options)
			if f, err = sampled(ctx, env, rel, options, name); err != nil {
				return err
			}
		}
		options = append(options, catalog.Option{Key: "format", Value: f})
	}
	rel.Options = options
	rel.Columns, err = x.Inferrer(env).Infer(ctx, rel)
	return err
}

// registered is the format of the newest schema that the registry has for the topic's
// values; "": it has none, or there is no registry.
func (c *config) registered(ctx context.Context, env *stream.Env) (string, error) {
	if c.registry.URL == "" {
		return "", nil
	}
	s, err := c.newest(ctx, env)
	var unknown *registry.Unknown
	switch {
	case errors.As(err, &unknown):
		return "", nil
	case err != nil:
		return "", err
	}
	return map[registry.Kind]string{registry.Avro: formatAvro, registry.Protobuf: formatProtobuf, registry.JSON: formatJSONSchema}[s.Kind], nil
}

// withoutRegistry leaves out what belongs to formats that have schemas.
func withoutRegistry(options catalog.Options) catalog.Options {
	return slices.DeleteFunc(options, func(o catalog.Option) bool { return ofSchemas(o.Key) })
}

func ofSchemas(key string) bool {
	return strings.HasPrefix(key, "schema.registry.") || strings.HasPrefix(key, "avro.") || strings.HasPrefix(key, "protobuf.") || key == "value.subject.name.strategy" || key == "auto.register.schemas"
}

// Needless is stream.Inheriting's: where the format has no schema, nothing of a registry is
// of use.
func (Connector) Needless(options catalog.Options, key string) bool {
	f, _ := options.Get(formatKeys...)
	switch stream.Fold(f) {
	case "", "json", "jsonlines", "csv", "text", "string", "raw", "bytes", "debeziumjson":
		return ofSchemas(key)
	}
	return false
}

// sampled is the format of the first records of a topic.
func sampled(ctx context.Context, env *stream.Env, rel *catalog.Relation, options catalog.Options, topic string) (string, error) {
	r := *rel
	r.Options = append(slices.Clone(options), catalog.Option{Key: "format", Value: formatRaw})
	r.Columns = []catalog.Column{{Name: "value", Type: types.Of(types.Bytea)}}
	c, _, err := read(&r, stream.RoleSource, env)
	if err != nil {
		return "", err
	}
	s, err := openSource(ctx, env, &r, c)
	if err != nil {
		return "", err
	}
	defer s.Close()
	records, err := s.sample(ctx)
	if err != nil {
		return "", err
	}
	if len(records) == 0 {
		return "", c.empty(&r)
	}
	return formatOf(records), nil
}

// formatOf tells json, text and raw apart: json where most records are objects.
func formatOf(records []*kgo.Record) string {
	objects, text := 0, true
	for _, rec := range records {
		if isObject(rec.Value) {
			objects++
		}
		text = text && utf8.Valid(rec.Value) && !slices.Contains(rec.Value, 0)
	}
	switch {
	case 2*objects > len(records):
		return formatJSON
	case text:
		return formatText
	}
	return formatRaw
}
