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
// four bytes. What the schema says is of no use to it, but it must be one that the
// registry has.
type unframed struct {
	*json.Decoder
	cl      *registry.Client
	nullBad bool
	id      uint32 // of the record before
	met     bool
	fits    func(*registry.Schema) error
	misfits map[uint32]bool        // by id, of those that were asked about
	name    func(id uint32) string // of one that does not fit
}

// jsonOutage is an error that says nothing of the record: its schema cannot be had at this
// moment.
type jsonOutage struct{ err error }

func (o *jsonOutage) Error() string { return o.err.Error() }
func (o *jsonOutage) Unwrap() error { return o.err }

// jsonSchemaDecoder makes a decoder that asks the registry for schemas.
func (c *config) jsonSchemaDecoder(env *stream.Env, cols []catalog.Column, nullBad bool) (decoder, error) {
	cl, err := c.askRegistry(env)
	if err != nil {
		return nil, err
	}
	u := &unframed{Decoder: json.NewDecoder(cols, json.Options{NullBad: nullBad, Connect: true, Labels: env.Labels}), cl: cl, nullBad: nullBad, misfits: map[uint32]bool{}}
	u.fits = func(s *registry.Schema) error {
		if err := isJSON(s); err != nil {
			return err
		}
		return json.Fits(cols, jsonDocument(s))
	}
	u.name = c.naming(cl, u.fits)
	return u, nil
}

// Decode is as json.Decoder's; the error may be a jsonOutage.
func (u *unframed) Decode(record []byte) error {
	if len(record) < 5 || record[0] != 0 {
		return u.bare(record)
	}
	id := binary.BigEndian.Uint32(record[1:])
	if !u.met || id != u.id {
		s, down, err := known(u.cl, id)
		if down {
			return &jsonOutage{err}
		}
		if err == nil {
			err = isJSON(s)
		}
		if err != nil && u.nullBad {
			u.Null()
			return nil
		}
		if err != nil {
			return err
		}
		u.id, u.met = id, true
	}
	err := u.Decoder.Decode(record[5:])
	if err == nil {
		return nil
	}
	if !u.misfit(id) {
		return err // it is the value's own fault
	}
	e := *sqlerr.From(err)
	e.Message = u.name(id) + ": " + e.Message
	return &e
}

// misfit reports whether a schema's values are known not to fit the columns.
func (u *unframed) misfit(id uint32) bool {
	if bad, ok := u.misfits[id]; ok {
		return bad
	}
	s, _, err := known(u.cl, id)
	if err != nil {
		return false
	}
	u.misfits[id] = u.fits(s) != nil
	return u.misfits[id]
}

// bare is the error of a record that is not framed.
func (u *unframed) bare(record []byte) error {
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

// isJSON refuses a schema in another language.
func isJSON(s *registry.Schema) error {
	if s.Kind != registry.JSON {
		return sqlerr.Errorf(sqlerr.DatatypeMismatch, "schema %d of the registry is %s, and the stream's format is json-schema", s.ID, s.Kind)
	}
	return nil
}

// jsonDocument is a schema with those that it refers to.
func jsonDocument(s *registry.Schema) json.Document {
	d := json.Document{Text: s.Text, Others: map[string]string{}}
	for _, r := range s.References {
		d.Others[r.Name] = r.Text
	}
	return d
}

// jsonSchemaColumns are the columns of a stream without any: of its subject's newest
// version in the registry.
func (c *config) jsonSchemaColumns(ctx context.Context, env *stream.Env) ([]catalog.Column, error) {
	s, err := c.newest(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := isJSON(s); err != nil {
		return nil, err
	}
	d := jsonDocument(s)
	return json.SchemaColumns(d.Text, d.Others)
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
	id, err := c.register(ctx, cl, c.registry.SubjectOf(c.topic, rel.Name), &registry.Schema{Kind: registry.JSON, Text: json.DeriveSchema(rel.Name, cols, op)})
	if err != nil {
		return nil, err
	}
	return &jsonFramed{
		head: binary.BigEndian.AppendUint32([]byte{0}, id),
		of:   json.NewEncoder(cols, json.EncodeOptions{Op: op, Base64: true, Labels: env.Labels}),
	}, nil
}
