// Package kafka reads topics and writes to them. A partition is a split and a
// position is an offset, with the id of the topic it was taken in and the epoch of
// the leader that wrote what is before it. Partitions are assigned directly; a
// consumer group only carries offsets, for lag. The package also has the embedded
// development broker.
package kafka

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Connector is Kafka's.
type Connector struct{}

// Name is 'kafka'.
func (Connector) Name() string { return "kafka" }

// Options lists what a topic takes.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSink {
		return sinkOptions
	}
	return sourceOptions
}

// Seeks: by partition and offset, and by the broker's index of time.
func (Connector) Seeks(column string) bool {
	return column == "_partition" || column == "_offset" || column == "_timestamp"
}

// PseudoColumns are a record's key, place, time and headers.
func (Connector) PseudoColumns() []catalog.Column {
	return []catalog.Column{
		{Name: "_key", Type: types.Of(types.Text), Comment: "the record's key, as key.format says"},
		{Name: "_partition", Type: types.Of(types.Int4), Comment: "the partition"},
		{Name: "_offset", Type: types.Of(types.Int8), Comment: "the offset in the partition"},
		{Name: "_timestamp", Type: types.Of(types.Timestamptz), Comment: "the record's timestamp"},
		{Name: "_headers", Type: types.Of(types.JSONB), Comment: "the headers, an object of strings"},
		{Name: "_topic", Type: types.Of(types.Text), Comment: "the topic"},
	}
}

// Hidden is stream.Revealing's: of formats of changes, what was done to the row too,
// where and when.
func (c Connector) Hidden(rel *catalog.Relation) []catalog.Column {
	if json.TellsChanges(rel) {
		return append(c.PseudoColumns(), json.ChangeColumns()...)
	}
	return c.PseudoColumns()
}

// ChangeKey is stream.ChangeKeyed's.
func (Connector) ChangeKey(env *stream.Env, rel *catalog.Relation) (stream.ChangeKey, error) {
	c, _, err := read(rel, stream.RoleSink, env)
	if err != nil || c.changelog == "ops" || c.changelog == "append" {
		return stream.ChangeKey{}, err
	}
	k := stream.ChangeKey{Columns: c.keyOf(rel), Needed: !c.debezium()}
	if c.keyGiven(rel) {
		if len(k.Columns) == 0 {
			k.Columns = []string{"_key"}
		}
	} else if rel.Kind == catalog.Stream && !c.debezium() {
		return k, c.keyless(rel)
	}
	return k, nil
}

// keyOf are the columns of the records' key, as the declaration has them; none where
// the rows bring a key, or nothing is said of one.
func (c *config) keyOf(rel *catalog.Relation) []string {
	if len(c.keys) == 0 && column(rel, "_key") < 0 {
		return rel.Key
	}
	return c.keys
}

// keyGiven reports whether the declaration says what the records' key is.
func (c *config) keyGiven(rel *catalog.Relation) bool {
	at := column(rel, "_key")
	return len(c.keyOf(rel)) > 0 || at >= 0 && besideValue(rel.Columns[at])
}

// keyless is the error of a sink that has no key to find the rows by that change.
func (c *config) keyless(rel *catalog.Relation) error {
	if rel.Kind == catalog.Stream {
		return sqlerr.Unsupported("Declare the stream with a PRIMARY KEY, or with changelog = 'ops' to write every change with its _op.",
			"writing rows that change to stream %q, which has no PRIMARY KEY, is not supported", rel.Name)
	}
	return sqlerr.Unsupported("Name the columns of its key in key, or set changelog = 'ops' to write every change with its _op.",
		"writing rows that change to sink %q, which has no key, is not supported", rel.Name)
}

// Check validates the declaration, with the schema that it names; nothing is
// connected to.
func (Connector) Check(env *stream.Env, rel *catalog.Relation, role stream.Role) error {
	c, _, err := read(rel, role, env)
	if err == nil {
		err = c.allowed(env)
	}
	if err == nil && c.pattern == nil && !validTopic(c.topic) {
		err = sqlerr.Errorf(sqlerr.InvalidParameterValue, "topic \"%s\" of \"%s\" is no name that Kafka takes", c.topic, rel.Name).
			WithHint("topic takes at most 249 ASCII letters, digits, dots, underscores and hyphens; without it that is the name of the %s.", role)
	}
	switch {
	case err != nil:
		return err
	case c.format == formatProtobuf && role == stream.RoleSink:
		_, err := c.protobuf.Load(c.reading(env))
		return err
	case c.format == formatProtobuf:
		return c.protobuf.CheckColumns(rel.Columns, env.Labels, c.reading(env))
	case c.format != formatAvro || c.avro.Schema == "":
		return nil
	}
	return c.checkAvro(env, rel, role)
}

// Notices is stream.Noticer's.
func (Connector) Notices(env *stream.Env, rel *catalog.Relation, role stream.Role) []string {
	c, _, err := read(rel, role, env)
	if err != nil || c.format != formatAvro {
		return nil
	}
	return c.avro.Notices(c.reading(env))
}

// Feeds reports whether both are of one topic: they name a broker in common, or the
// brokers that they name have one id for it.
func (Connector) Feeds(ctx context.Context, env *stream.Env, sink, source *catalog.Relation) (string, bool) {
	to, _, err := read(sink, stream.RoleSink, env)
	if err != nil {
		return "", false
	}
	from, _, err := read(source, stream.RoleSource, env)
	if err != nil || !from.reads(to.topic) {
		return "", false
	}
	common := slices.ContainsFunc(to.brokers, func(b string) bool { return slices.Contains(from.brokers, b) })
	if !common && !sameTopic(ctx, env, to, from.of(to.topic)) {
		return "", false
	}
	return "topic \"" + to.topic + "\"", true
}

// Source connects to the brokers and opens the topic, which must exist.
func (Connector) Source(ctx context.Context, env *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	c, _, err := read(rel, stream.RoleSource, env)
	if err != nil {
		return nil, err
	}
	s, err := openSource(ctx, env, rel, c)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Inferrer tells columns from the first records.
func (Connector) Inferrer(env *stream.Env) stream.SchemaInferrer { return inferrer{env} }
