package kafka

import (
	"context"
	"errors"
	"net/url"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/registry"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// decoder makes the decoder of the columns; read are their places in the relation.
func (c *config) decoder(env *stream.Env, rel *catalog.Relation, cols []catalog.Column, read []int, nullBad bool) (decoder, error) {
	switch c.format {
	case formatJSON:
		return json.NewDecoder(cols, json.Options{NullBad: nullBad, Labels: env.Labels}), nil
	case formatCSV:
		o := c.csv
		o.NullBad, o.Labels = nullBad, env.Labels
		return csv.NewDecoder(rel.Columns, read, o), nil
	case formatAvro:
		return c.avroDecoder(env, cols, nullBad)
	case formatJSONSchema:
		return c.jsonSchemaDecoder(env, cols, nullBad)
	case formatProtobuf:
		return c.protobufDecoder(env, cols, nullBad)
	case formatDebeziumJSON:
		o := c.changes
		o.Options, o.Key = json.Options{NullBad: nullBad, Labels: env.Labels}, rel.Key
		return json.NewChanges(cols, o), nil
	case formatDebeziumAvro:
		return c.avroChanges(env, cols, rel.Key, nullBad)
	}
	w := &whole{nullBad: nullBad}
	if len(cols) > 0 {
		w.name, w.text = cols[0].Name, cols[0].Type.OID != types.Bytea
	}
	return w, nil
}

// checkFormat refuses what a format needs and has not.
func (c *config) checkFormat(rel *catalog.Relation, role stream.Role) error {
	if role == stream.RoleSource && c.debezium() && len(rel.Key) == 0 {
		return sqlerr.Unsupported("Give the stream a PRIMARY KEY, that of the table; to read the envelopes as they are, declare their fields and leave debezium- out of the format.",
			"format %q of stream %q, which has no PRIMARY KEY, is not supported", c.format, rel.Name)
	}
	switch {
	case c.format == formatProtobuf:
		return c.checkProtobuf(rel, role)
	case c.format == formatJSONSchema && c.registry.URL == "":
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "format \"json-schema\" of %s %q needs schema.registry.url", role, rel.Name).
			WithHint("Write format 'json' for records that have nothing before them.")
	case c.format == formatJSONSchema:
		return nil
	}
	if c.format != formatAvro && c.format != formatDebeziumAvro {
		if c.registry.URL != "" {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "schema.registry.url of %s %q belongs to the formats avro, protobuf and json-schema, and its format is %s", role, rel.Name, c.format).
				WithHint("Set format = 'avro', or leave the registry out.")
		}
		return nil
	}
	if role == stream.RoleSource && c.registry.URL == "" && c.avro.Schema == "" && len(c.avro.Writers) == 0 {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "format %q of %s %q needs a schema", c.format, role, rel.Name).
			WithHint("Set avro.schema to a file or the schema's text, or schema.registry.url.")
	}
	if role == stream.RoleSink && c.avro.Framing == avro.Confluent && c.registry.URL == "" {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "avro.framing = 'confluent' of sink %q needs schema.registry.url, which gives the schema its id", rel.Name)
	}
	return nil
}

func (c *config) reading(env *stream.Env) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) { return readFile(path, env.FileRoots) }
}

// askRegistry is the process's client of the registry, whose hosts http.allow names.
func (c *config) askRegistry(env *stream.Env) (*registry.Client, error) {
	if err := c.allowed(env); err != nil {
		return nil, err
	}
	return registry.Open(c.registry, c.reading(env))
}

// allowed refuses a registry that http.allow does not name.
func (c *config) allowed(env *stream.Env) error {
	for _, text := range c.registry.URLs() {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.User != nil {
			// The text is not shown: it may hold a password.
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"schema.registry.url\" of %s", c.called()).
				WithHint("schema.registry.url takes such as http://registry:8081; a user and password go in schema.registry.username and schema.registry.password.")
		}
		if err := object.Reachable(u, env.HTTPAllow); err != nil {
			return err
		}
	}
	return nil
}

// avroDecoder makes a decoder that asks the registry for schemas where there is one.
func (c *config) avroDecoder(env *stream.Env, cols []catalog.Column, nullBad bool) (decoder, error) {
	o, err := c.avroOptions(env, nullBad, func(o avro.Options) error {
		_, err := avro.NewDecoder(cols, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return avro.NewDecoder(cols, o)
}

// avroChanges makes one of changes.
func (c *config) avroChanges(env *stream.Env, cols []catalog.Column, key []string, nullBad bool) (decoder, error) {
	o, err := c.avroOptions(env, nullBad, func(o avro.Options) error {
		_, err := avro.NewChanges(cols, key, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return avro.NewChanges(cols, key, o)
}

// avroOptions are a decoder's; fits tries others for its columns.
func (c *config) avroOptions(env *stream.Env, nullBad bool, fits func(avro.Options) error) (avro.Options, error) {
	reader, writers, err := c.avro.Load(c.reading(env))
	if err != nil {
		return avro.Options{}, err
	}
	o := avro.Options{Schema: reader, Writers: writers, Framing: c.avro.Framing, NullBad: nullBad, Labels: env.Labels}
	if c.registry.URL != "" && c.avro.Framing == avro.Confluent {
		cl, err := c.askRegistry(env)
		if err != nil {
			return o, err
		}
		o.Lookup = lookup(cl, avroSchema, func(err error) error { return &avro.Outage{Err: err} })
		o.Misfit = c.misfit(cl, func(s *registry.Schema) error {
			writer, err := avroSchema(s)
			if err != nil {
				return err
			}
			return fits(avro.Options{Schema: reader, Writers: []*avro.Schema{writer}, Labels: env.Labels})
		})
	}
	return o, nil
}

// lookup finds schemas by their ids, as parse makes them for a decoder. What outage makes of
// an error is the answer while the registry cannot be asked.
func lookup[S any](cl *registry.Client, parse func(*registry.Schema) (*S, error), outage func(error) error) func(id uint32) (*S, error) {
	return func(id uint32) (*S, error) {
		s, down, err := known(cl, id)
		if down {
			return nil, outage(err)
		}
		if err != nil {
			return nil, err
		}
		return parse(s)
	}
}

// known finds a schema by its id. down: the registry could not be asked.
func known(cl *registry.Client, id uint32) (s *registry.Schema, down bool, err error) {
	s, err = cl.ByID(context.Background(), id)
	var unknown *registry.Unknown
	return s, err != nil && !errors.As(err, &unknown), err
}

func avroSchema(s *registry.Schema) (*avro.Schema, error) {
	if s.Kind != registry.Avro {
		return nil, sqlerr.Errorf(sqlerr.DatatypeMismatch, "schema %d of the registry is %s, and the stream's format is avro", s.ID, s.Kind)
	}
	return avro.Parse(s.Text, s.Texts()...)
}

// outage is the error of a record that cannot be decoded at this moment, and is not
// at fault itself: no strategy for bad records may take it away. nil: it is.
func outage(rel *catalog.Relation, place string, err error) error {
	var a *avro.Outage
	var p *protobuf.Outage
	var j *jsonOutage
	switch {
	case errors.As(err, &a):
		err = a.Err
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &j):
		err = j.err
	default:
		return nil
	}
	e := stream.RecordError(rel, place, err)
	e.Hint = sqlerr.From(err).Hint
	return e
}

// avroColumns are the columns of a stream without any: of its schema, else of the
// subject's newest version in the registry.
func (c *config) avroColumns(ctx context.Context, env *stream.Env) ([]catalog.Column, error) {
	reader, writers, err := c.avro.Load(c.reading(env))
	if err != nil {
		return nil, err
	}
	if reader == nil && len(writers) > 0 {
		reader = writers[0]
	}
	if reader == nil {
		s, err := c.newest(ctx, env)
		if err != nil {
			return nil, err
		}
		if reader, err = avroSchema(s); err != nil {
			return nil, err
		}
	}
	return reader.Columns(c.avro.Nested == "columns")
}

// newest is the newest version of the topic's subject in the registry.
func (c *config) newest(ctx context.Context, env *stream.Env) (*registry.Schema, error) {
	cl, err := c.askRegistry(env)
	if err != nil {
		return nil, err
	}
	subject := c.registry.SubjectOf(c.topic, "")
	if c.pattern != nil && c.registry.Subject == "" {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "the topics of %s have a subject each, so their columns cannot be told", c.called()).
			WithHint("Set schema.registry.subject, or write the columns.")
	}
	if subject == "" {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "the subject of topic %q is not known by value.subject.name.strategy = '%s'", c.topic, c.registry.Strategy).
			WithHint("Set schema.registry.subject, or write the columns.")
	}
	return cl.Latest(ctx, subject)
}

// avroEncoder makes the encoder of a sink, whose schema it registers.
func (c *config) avroEncoder(ctx context.Context, env *stream.Env, rel *catalog.Relation, cols []catalog.Column, op bool) (encoder, error) {
	schema, _, err := c.avro.Load(c.reading(env))
	if err != nil {
		return nil, err
	}
	compile := func(o avro.EncodeOptions) (encoder, error) {
		if c.format == formatDebeziumAvro {
			return avro.NewChangeEncoder(schema, cols, o)
		}
		return avro.NewEncoder(schema, cols, o)
	}
	if schema == nil {
		derive := avro.Derive
		if c.format == formatDebeziumAvro {
			derive = avro.DeriveChange
		}
		text, err := derive(rel.Name, cols, op)
		if err != nil {
			return nil, err
		}
		if schema, err = avro.Parse(text); err != nil {
			return nil, err
		}
	}
	o := avro.EncodeOptions{Framing: c.avro.Framing, Op: op, Labels: env.Labels}
	// The columns come first: what cannot be written is not registered.
	e, err := compile(o)
	if err != nil || c.avro.Framing != avro.Confluent {
		return e, err
	}
	cl, err := c.askRegistry(env)
	if err != nil {
		return nil, err
	}
	subject := c.registry.SubjectOf(c.topic, schema.Record())
	if subject == "" {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "the subject of topic %q is not known by value.subject.name.strategy = '%s': the schema is no record", c.topic, c.registry.Strategy)
	}
	if o.ID, err = c.register(ctx, cl, subject, &registry.Schema{Kind: registry.Avro, Text: schema.Text}); err != nil {
		return nil, err
	}
	return compile(o)
}

// noForm is the error of a row that the topic's format has no form for.
func (c *config) noForm(err error) error {
	e := *sqlerr.From(err)
	e.Message = "writing to topic \"" + c.topic + "\": " + e.Message
	return &e
}

// checkAvro compares the declared columns with the schema that is named.
func (c *config) checkAvro(env *stream.Env, rel *catalog.Relation, role stream.Role) error {
	schema, _, err := c.avro.Load(c.reading(env))
	if err != nil || schema == nil || len(rel.Columns) == 0 || role == stream.RoleSink {
		return err
	}
	var cols []catalog.Column
	for _, col := range rel.Columns {
		if col.Generated == "" {
			cols = append(cols, col)
		}
	}
	_, err = avro.NewDecoder(cols, avro.Options{Schema: schema, Labels: env.Labels})
	return err
}
