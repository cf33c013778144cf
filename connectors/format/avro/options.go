package avro

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// SourceOptions and SinkOptions are the keys of relations of format avro.
var (
	SourceOptions = []stream.Option{
		{Key: "avro.schema", Help: "the schema that records are read as: its text, or a file under file.roots; without it that of each record"},
		{Key: "avro.writer.schema", Help: "the schema that records were written by, where it is another; of single objects several files, parted by commas"},
		{Key: "avro.framing", Default: "auto", Help: "what stands before a record: none, confluent (a zero byte and an id) or single-object (c3 01 and a fingerprint); auto: confluent where schema.registry.url is set, else none"},
		{Key: "avro.nested", Default: "jsonb", Help: "of a stream without columns, what a nested record becomes: jsonb, or columns named with dots"},
	}
	SinkOptions = []stream.Option{
		{Key: "avro.schema", Help: "the schema that rows are written by: its text, or a file under file.roots; without it one made of the columns"},
		{Key: "avro.framing", Default: "auto", Help: "what is written before a record: none, confluent or single-object; auto: confluent where schema.registry.url is set, else none"},
	}
)

// Config is what a relation's WITH keys say of its Avro.
type Config struct {
	Schema  string   // text or file; "": none
	Writers []string // texts or files
	Framing Framing
	Nested  string // jsonb or columns
}

// Read reads the keys of SourceOptions or SinkOptions. registry: there is one.
func Read(v *stream.Values, role stream.Role, registry bool) Config {
	c := Config{Schema: v.String("avro.schema"), Nested: "jsonb"}
	framing := v.Enum("avro.framing", "auto", "none", "confluent", "single-object")
	switch {
	case framing == "confluent", framing == "auto" && registry:
		c.Framing = Confluent
	case framing == "single-object":
		c.Framing = SingleObject
	}
	if role == stream.RoleSource {
		c.Nested = v.Enum("avro.nested", "jsonb", "columns")
		switch w := v.String("avro.writer.schema"); {
		case w == "":
		case inline(w):
			c.Writers = []string{w}
		default:
			for file := range strings.SplitSeq(w, ",") {
				c.Writers = append(c.Writers, strings.TrimSpace(file))
			}
		}
	}
	return c
}

// inline reports whether a schema is given as text, and not as a file.
func inline(s string) bool {
	s = strings.TrimSpace(s)
	return strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") || strings.HasPrefix(s, `"`) || primitive(s)
}

// Load reads the schemas; readFile reads a file. reader is nil where none is given.
func (c Config) Load(readFile func(path string) ([]byte, error)) (reader *Schema, writers []*Schema, err error) {
	load := func(key, s string) (*Schema, error) {
		if !inline(s) {
			b, err := readFile(s)
			if err != nil {
				return nil, err
			}
			s = string(b)
		}
		parsed, err := Parse(s)
		if err != nil {
			return nil, sqlerr.Errorf(sqlerr.CodeOf(err), "parameter %q: %w", key, err)
		}
		return parsed, nil
	}
	if c.Schema != "" {
		if reader, err = load("avro.schema", c.Schema); err != nil {
			return nil, nil, err
		}
	}
	for _, w := range c.Writers {
		s, err := load("avro.writer.schema", w)
		if err != nil {
			return nil, nil, err
		}
		writers = append(writers, s)
	}
	return reader, writers, nil
}

// Notices tell of what the schemas say in a way that Avro does not.
func (c Config) Notices(readFile func(path string) ([]byte, error)) []string {
	reader, writers, err := c.Load(readFile)
	if err != nil {
		return nil // whoever needs the schemas says why
	}
	var notices []string
	for _, s := range append(writers, reader) {
		if s == nil {
			continue
		}
		for _, f := range s.Moved {
			notices = append(notices, "the logicalType of the Avro field "+f+" stands beside its type, where Avro passes over it; it is taken as the type's")
		}
	}
	return notices
}
