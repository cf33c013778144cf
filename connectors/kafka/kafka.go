// Package kafka reads topics and writes to them. A partition is a split and a
// position is an offset, with the id of the topic it was taken in. Partitions
// are assigned directly; a consumer group only carries offsets, for lag. The
// package also has the embedded development broker.
package kafka

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
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
	}
}

// Check validates the declaration, with the schema that it names; nothing is
// connected to.
func (Connector) Check(env *stream.Env, rel *catalog.Relation, role stream.Role) error {
	c, _, err := read(rel, role, "")
	if err != nil || c.format != formatAvro || c.avro.Schema == "" {
		return err
	}
	return c.checkAvro(env, rel, role)
}

// Notices is stream.Noticer's.
func (Connector) Notices(env *stream.Env, rel *catalog.Relation, role stream.Role) []string {
	c, _, err := read(rel, role, "")
	if err != nil || c.format != formatAvro {
		return nil
	}
	return c.avro.Notices(c.reading(env))
}

// Feeds reports whether both are of one topic: of one cluster they name a broker in
// common.
func (Connector) Feeds(env *stream.Env, sink, source *catalog.Relation) (string, bool) {
	to, _, err := read(sink, stream.RoleSink, env.Brokers)
	if err != nil {
		return "", false
	}
	from, _, err := read(source, stream.RoleSource, env.Brokers)
	if err != nil || from.topic != to.topic || !slices.ContainsFunc(to.brokers, func(b string) bool { return slices.Contains(from.brokers, b) }) {
		return "", false
	}
	return "topic \"" + to.topic + "\"", true
}

// Source connects to the brokers and opens the topic, which must exist.
func (Connector) Source(ctx context.Context, env *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	c, _, err := read(rel, stream.RoleSource, env.Brokers)
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
