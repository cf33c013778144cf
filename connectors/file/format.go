package file

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Formats.
const (
	formatJSON     = "json"
	formatCSV      = "csv"
	formatAvro     = "avro"
	formatParquet  = "parquet"
	formatProtobuf = "protobuf"

	formatDebeziumJSON = "debezium-json"
	formatDebeziumAvro = "debezium-avro"
)

// debezium reports whether records are changes of rows.
func (c *config) debezium() bool {
	return c.format == formatDebeziumJSON || c.format == formatDebeziumAvro
}

// json reports whether records are lines of JSON, or the elements of an array.
func (c *config) json() bool { return c.format == formatJSON || c.format == formatDebeziumJSON }

// contained reports whether files are Avro's containers.
func (c *config) contained() bool { return c.format == formatAvro || c.format == formatDebeziumAvro }

// soleMessage reports whether a file is one message of Protobuf.
func (c *config) soleMessage() bool {
	return c.format == formatProtobuf && c.protobuf.Framing == protobuf.Bare
}

// readFormat reads what the records are.
func (c *config) readFormat(v *stream.Values, rel *catalog.Relation, role stream.Role) error {
	switch f := v.String("format"); stream.Fold(f) {
	case "auto":
		c.format = formatOf(c.path)
	case "json", "jsonlines", "jsonl", "ndjson":
		c.format = formatJSON
	case "csv":
		c.format = formatCSV
	case "avro":
		c.format = formatAvro
	case "parquet":
		c.format = formatParquet
	case "protobuf", "proto":
		c.format = formatProtobuf
	case "debeziumjson":
		c.format = formatDebeziumJSON
	case "debeziumavro":
		c.format = formatDebeziumAvro
	case "debeziumavroconfluent", "protobufconfluent":
		return sqlerr.Unsupported("Write format 'debezium-avro' or 'protobuf': an Avro container has its schema, and that of Protobuf is protobuf.schema.",
			"format %q of %s %q, whose records a schema registry frames, is not supported by files", f, role, rel.Name)
	case "jsonschema", "jsonsr", "jsonregistry":
		return sqlerr.Unsupported("Write format 'json': lines of a file have nothing before them.",
			"format %q of %s %q, whose records a schema registry frames, is not supported by files", f, role, rel.Name)
	case "text", "raw":
		return sqlerr.Unsupported("Write format 'json', 'csv', 'avro', 'protobuf' or 'parquet'.", "format %q of %s %q is not supported by files", f, role, rel.Name)
	default:
		v.Reject("format", "json, jsonlines, csv, avro, protobuf, parquet, debezium-json or debezium-avro")
	}
	if role == stream.RoleSource && c.debezium() && len(rel.Key) == 0 {
		return sqlerr.Unsupported("Give the stream a PRIMARY KEY, that of the table; to read the envelopes as they are, declare their fields and leave debezium- out of the format.",
			"format %q of stream %q, which has no PRIMARY KEY, is not supported", c.format, rel.Name)
	}
	return nil
}

// readProtobuf reads the keys of Protobuf.
func (c *config) readProtobuf(v *stream.Values, rel *catalog.Relation, role stream.Role) error {
	c.protobuf = protobuf.Read(v, role, protobuf.Delimited)
	switch {
	case c.format != formatProtobuf:
	case c.protobuf.Framing == protobuf.Confluent:
		v.Reject("protobuf.framing", "auto, delimited or none in files: a schema registry frames the records of topics")
	case role == stream.RoleSource && c.protobuf.Schema == "":
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "format \"protobuf\" of %s %q needs a schema", role, rel.Name).
			WithHint("Set protobuf.schema to a file or the schema's text.")
	case role == stream.RoleSink && c.soleMessage():
		return sqlerr.Unsupported("Leave protobuf.framing out: each message is then written behind its length.",
			"writing to %q with protobuf.framing = 'none', of which a file is one message, is not supported", rel.Name)
	}
	return nil
}

// readChangelog reads how rows that change are written.
func (c *config) readChangelog(v *stream.Values) {
	switch c.changelog = v.Enum("changelog", "auto", "ops", "append", "debezium"); {
	case c.changelog == "debezium" && c.format == formatJSON:
		c.format = formatDebeziumJSON
	case c.changelog == "debezium" && c.format == formatAvro:
		c.format = formatDebeziumAvro
	case c.changelog == "debezium" && !c.debezium():
		v.Reject("changelog", "debezium only with a format that is json or avro")
	case c.changelog == "ops" && c.debezium():
		v.Reject("changelog", "auto, debezium or append with format "+c.format)
	}
}

// checkSchema compares the declared columns with the Protobuf schema that is named, and
// refuses a schema that does not compile.
func (c *config) checkSchema(env *stream.Env, rel *catalog.Relation, role stream.Role) error {
	switch {
	case c.format != formatProtobuf:
		return nil
	case role == stream.RoleSink:
		_, err := c.protobuf.Load(c.reading(env))
		return err
	}
	return c.protobuf.CheckColumns(rel.Columns, env.Labels, c.reading(env))
}

// fileColumn is the hidden column that says which file a record lies in.
const fileColumn = "_file"

// Hidden is stream.Revealing's: of formats of changes, what was done to the row too,
// where and when.
func (c Connector) Hidden(rel *catalog.Relation) []catalog.Column {
	if json.TellsChanges(rel) {
		return append(c.PseudoColumns(), json.ChangeColumns()...)
	}
	return c.PseudoColumns()
}

// ChangeKey is stream.ChangeKeyed's.
func (Connector) ChangeKey(_ *stream.Env, rel *catalog.Relation) (stream.ChangeKey, error) {
	return ChangeKey(rel), nil
}

// ChangeKey is by what a sink finds the rows that its envelopes are of: the stream's
// PRIMARY KEY, or any that the query's rows are unique by. Other formats need none.
func ChangeKey(rel *catalog.Relation) stream.ChangeKey {
	if mode, _ := rel.Options.Get("changelog"); !json.TellsChanges(rel) && stream.Fold(mode) != "debezium" {
		return stream.ChangeKey{Own: true}
	}
	return stream.ChangeKey{Columns: rel.Key}
}

// newDecoder makes the decoder of a format whose files are all decoded alike.
func (r *reader) newDecoder() (decoder, error) {
	c, env := &r.source.config, r.source.env
	nullBad := r.scan.OnReject == stream.NullBad
	switch c.format {
	case formatProtobuf:
		schema, err := c.protobuf.Load(c.reading(env))
		if err != nil {
			return nil, err
		}
		return protobuf.NewDecoder(r.decoded(), protobuf.Options{Schema: schema, Message: c.protobuf.Message, NullBad: nullBad, Labels: env.Labels})
	case formatDebeziumJSON:
		o := c.changes
		o.Options, o.Key = json.Options{NullBad: nullBad, Labels: env.Labels}, r.source.rel.Key
		return json.NewChanges(r.decoded(), o), nil
	}
	return json.NewDecoder(r.decoded(), json.Options{NullBad: nullBad, Labels: env.Labels}), nil
}
