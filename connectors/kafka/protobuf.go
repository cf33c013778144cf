package kafka

import (
	"context"
	"io/fs"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/registry"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// checkProtobuf refuses what the format needs and has not.
func (c *config) checkProtobuf(rel *catalog.Relation, role stream.Role) error {
	if role == stream.RoleSource && c.registry.URL == "" && c.protobuf.Schema == "" {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "format \"protobuf\" of %s %q needs a schema", role, rel.Name).
			WithHint("Set protobuf.schema to a file or the schema's text, or schema.registry.url.")
	}
	if c.protobuf.Framing == protobuf.Confluent && c.registry.URL == "" && (role == stream.RoleSink || c.protobuf.Schema == "") {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "protobuf.framing = 'confluent' of %s %q needs schema.registry.url, which gives the schema its id", role, rel.Name)
	}
	return nil
}

// protobufDecoder makes a decoder that asks the registry for schemas where there is one.
func (c *config) protobufDecoder(env *stream.Env, cols []catalog.Column, nullBad bool) (decoder, error) {
	schema, err := c.protobuf.Load(c.reading(env))
	if err != nil {
		return nil, err
	}
	o := protobuf.Options{Schema: schema, Message: c.protobuf.Message, Framing: c.protobuf.Framing, NullBad: nullBad, Labels: env.Labels}
	if c.registry.URL != "" && c.protobuf.Framing == protobuf.Confluent {
		cl, err := c.askRegistry(env)
		if err != nil {
			return nil, err
		}
		o.Lookup = lookup(cl, protobufSchema, func(err error) error { return &protobuf.Outage{Err: err} })
		o.Misfit = c.misfit(cl, func(s *registry.Schema) error {
			writer, err := protobufSchema(s)
			if err != nil {
				return err
			}
			return protobuf.Fits(cols, writer, c.protobuf.Message)
		})
	}
	return protobuf.NewDecoder(cols, o)
}

// protobufSchema compiles a registry's schema with what it refers to.
func protobufSchema(s *registry.Schema) (*protobuf.Schema, error) {
	if s.Kind != registry.Protobuf {
		return nil, sqlerr.Errorf(sqlerr.DatatypeMismatch, "schema %d of the registry is %s, and the stream's format is protobuf", s.ID, s.Kind)
	}
	return protobuf.Parse(s.Text, func(name string) (string, error) {
		for _, r := range s.References {
			if r.Name == name {
				return r.Text, nil
			}
		}
		return "", fs.ErrNotExist
	})
}

// protobufColumns are the columns of a stream without any: of its schema, else of the
// subject's newest version in the registry.
func (c *config) protobufColumns(ctx context.Context, env *stream.Env) ([]catalog.Column, error) {
	schema, err := c.protobuf.Load(c.reading(env))
	if err != nil {
		return nil, err
	}
	if schema == nil {
		s, err := c.newest(ctx, env)
		if err != nil {
			return nil, err
		}
		if schema, err = protobufSchema(s); err != nil {
			return nil, err
		}
	}
	return schema.Columns(c.protobuf.Message, c.protobuf.Nested == "columns")
}

// protobufEncoder makes the encoder of a sink, whose schema it registers.
func (c *config) protobufEncoder(ctx context.Context, env *stream.Env, rel *catalog.Relation, cols []catalog.Column, op bool) (encoder, error) {
	schema, err := c.protobuf.SinkSchema(rel.Name, cols, op, c.reading(env))
	if err != nil {
		return nil, err
	}
	o := protobuf.EncodeOptions{Framing: c.protobuf.Framing, Message: c.protobuf.Message, Op: op, Labels: env.Labels}
	// The columns come first: what cannot be written is not registered.
	e, err := protobuf.NewEncoder(schema, cols, o)
	if err != nil || c.protobuf.Framing != protobuf.Confluent {
		return e, err
	}
	cl, err := c.askRegistry(env)
	if err != nil {
		return nil, err
	}
	_, name, err := schema.Places(c.protobuf.Message)
	if err != nil {
		return nil, err
	}
	own := &registry.Schema{Kind: registry.Protobuf, Text: schema.Text}
	var imports []protobuf.Import
	own.Refers, imports = schema.Imports()
	for _, in := range imports {
		own.References = append(own.References, registry.Reference{Name: in.Name, Text: in.Text, Refers: in.Imports})
	}
	if o.ID, err = c.register(ctx, cl, c.registry.SubjectOf(c.topic, name), own); err != nil {
		return nil, err
	}
	return protobuf.NewEncoder(schema, cols, o)
}
