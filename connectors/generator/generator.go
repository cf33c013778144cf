// Package generator is the source that computes its rows: row n of a stream is
// what the columns' GENERATED ALWAYS AS expressions make of _offset = n.
package generator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Connector is the generator's.
type Connector struct{}

var options = []stream.Option{
	{Key: "rows", Default: "0", Help: "how many rows there are; 0: without end"},
	{Key: "rate", Default: "0", Help: "rows a second; 0: as fast as they are read"},
}

type config struct {
	rows int64 // 0: no end
	rate int64 // a second; 0: unpaced
}

// Name is 'generator'.
func (Connector) Name() string { return "generator" }

// Options are those of the source; there is no sink.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSink {
		return nil
	}
	return options
}

// Seeks: by the row's number.
func (Connector) Seeks(column string) bool { return column == "_offset" }

// PseudoColumns are the row's number and the time it was made.
func (Connector) PseudoColumns() []catalog.Column {
	return []catalog.Column{
		{Name: "_offset", Type: types.Of(types.Int8), Comment: "the row's number, from 0"},
		{Name: "_timestamp", Type: types.Of(types.Timestamptz), Comment: "when the row was made"},
	}
}

func read(rel *catalog.Relation, role stream.Role) (config, *stream.Values, error) {
	if role == stream.RoleSink {
		return config{}, nil, noSink(rel)
	}
	v, err := stream.ReadOptions(rel, role, options)
	if err != nil {
		return config{}, nil, err
	}
	const most = 1 << 53
	c := config{rows: v.Int("rows", 0, most), rate: v.Int("rate", 0, 1<<40)}
	return c, v, v.Err()
}

// Check validates the declaration: every column must have its expression.
func (Connector) Check(_ *stream.Env, rel *catalog.Relation, role stream.Role) error {
	if _, _, err := read(rel, role); err != nil {
		return err
	}
	if len(rel.Columns) == 0 {
		return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "generator \"%s\" has no columns", rel.Name).
			WithHint("Write its columns, each with its expression: CREATE STREAM %s (id bigint GENERATED ALWAYS AS (_offset) STORED) ...", catalog.QuoteName(rel.Name))
	}
	for _, c := range rel.Columns {
		if c.Generated == "" {
			return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "column \"%s\" of generator \"%s\" has no expression", c.Name, rel.Name).
				WithHint("Write %s %s GENERATED ALWAYS AS (expression) STORED; the expression sees the row's number as _offset.", catalog.QuoteName(c.Name), types.FormatType(c.Type))
		}
	}
	return nil
}

// Sink is 0A000.
func (Connector) Sink(_ context.Context, _ *stream.Env, rel *catalog.Relation, _ stream.SinkOptions) (stream.Sink, error) {
	return nil, noSink(rel)
}

func noSink(rel *catalog.Relation) error {
	return sqlerr.Unsupported("A generator can only be read; type 'blackhole' takes rows and keeps none.",
		"generator \"%s\" cannot be written to", rel.Name)
}

// Inferrer is nil: a generator's columns are its definition.
func (Connector) Inferrer(*stream.Env) stream.SchemaInferrer { return nil }

// Source opens the relation for reading.
func (c Connector) Source(_ context.Context, env *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	if err := c.Check(env, rel, stream.RoleSource); err != nil {
		return nil, err
	}
	conf, _, err := read(rel, stream.RoleSource)
	if err != nil {
		return nil, err
	}
	return &source{env: env, rel: rel, config: conf}, nil
}
