// Package blackhole is the sink that takes every row and keeps none, for
// measuring what stands before it.
package blackhole

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Connector is the blackhole's.
type Connector struct{}

// Name is 'blackhole'.
func (Connector) Name() string { return "blackhole" }

// Options are none.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSource {
		return nil
	}
	return []stream.Option{}
}

// Check refuses a source, and any option.
func (c Connector) Check(_ *stream.Env, rel *catalog.Relation, role stream.Role) error {
	if role == stream.RoleSource {
		return noSource(rel)
	}
	_, err := stream.ReadOptions(rel, role, nil)
	return err
}

// PseudoColumns are none.
func (Connector) PseudoColumns() []catalog.Column { return nil }

// Source is 0A000.
func (Connector) Source(_ context.Context, _ *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	return nil, noSource(rel)
}

func noSource(rel *catalog.Relation) error {
	return sqlerr.Unsupported("A blackhole can only be written to; type 'generator' makes rows of nothing.",
		"blackhole %q cannot be read", rel.Name)
}

// Sink opens the relation for writing.
func (c Connector) Sink(_ context.Context, env *stream.Env, rel *catalog.Relation, _ stream.SinkOptions) (stream.Sink, error) {
	if err := c.Check(env, rel, stream.RoleSink); err != nil {
		return nil, err
	}
	return &sink{metrics: env.Metrics}, nil
}

// Inferrer is nil: there is no data.
func (Connector) Inferrer(*stream.Env) stream.SchemaInferrer { return nil }

type sink struct{ metrics *stream.Metrics }

func (s *sink) Write(_ context.Context, b *vec.Batch) ([]stream.Reject, error) {
	s.metrics.RecordsWritten.Add(int64(b.Len()))
	return nil, nil
}

func (s *sink) Prepare(context.Context, stream.Epoch) ([]byte, error) { return []byte{}, nil }

func (s *sink) Commit(context.Context, stream.Epoch, []byte) error { return nil }

func (s *sink) Rollback(context.Context, stream.Epoch, []byte) error { return nil }

func (s *sink) Close() error { return nil }
