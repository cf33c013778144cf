package kafka

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/registry"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// unframed decodes JSON behind a registry's framing: a zero byte and the schema's id,
// four bytes. The JSON tells all that there is to know, so the schema is not asked for.
type unframed struct{ *json.Decoder }

// Decode is as json.Decoder's.
func (u *unframed) Decode(record []byte) error {
	if len(record) >= 5 && record[0] == 0 {
		return u.Decoder.Decode(record[5:])
	}
	// The decoder's policy holds for what it cannot read, too.
	if err := u.Decoder.Decode(nil); err == nil {
		return nil
	}
	begin := "nothing"
	if len(record) > 0 {
		begin = fmt.Sprintf("% x", record[:min(len(record), 10)])
	}
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type json").
		WithDetail("A record framed by a schema registry begins with a zero byte and four bytes of an id, and this one with %s.", begin).
		WithHint("Set format = 'json' for records that have nothing before them.")
}

// jsonSchemaColumns are the columns of a stream without any: of its subject's newest
// version in the registry.
func (c *config) jsonSchemaColumns(ctx context.Context, env *stream.Env) ([]catalog.Column, error) {
	cl, err := c.askRegistry(env)
	if err != nil {
		return nil, err
	}
	s, err := c.newest(ctx, cl)
	if err != nil {
		return nil, err
	}
	if s.Kind != registry.JSON {
		return nil, sqlerr.Errorf(sqlerr.DatatypeMismatch, "schema %d of the registry is %s, and the stream's format is json-schema", s.ID, s.Kind)
	}
	others := map[string]string{}
	for _, r := range s.References {
		others[r.Name] = r.Text
	}
	return json.SchemaColumns(s.Text, others)
}

// jsonFramed is an encoder of JSON behind its schema's id.
type jsonFramed struct {
	head []byte
	of   *json.Encoder
}

func (f *jsonFramed) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	return f.of.Append(append(dst, f.head...), b, row), nil
}

// jsonSchemaEncoder makes the encoder of a sink, whose schema it registers.
func (c *config) jsonSchemaEncoder(ctx context.Context, env *stream.Env, rel *catalog.Relation, cols []catalog.Column, op bool) (encoder, error) {
	cl, err := c.askRegistry(env)
	if err != nil {
		return nil, err
	}
	id, err := cl.Register(ctx, c.registry.SubjectOf(c.topic, rel.Name), registry.JSON, json.DeriveSchema(rel.Name, cols, op), c.registry.NoRegister)
	if err != nil {
		return nil, err
	}
	return &jsonFramed{
		head: binary.BigEndian.AppendUint32([]byte{0}, id),
		of:   json.NewEncoder(cols, json.EncodeOptions{Op: op, Base64: true, Labels: env.Labels}),
	}, nil
}
