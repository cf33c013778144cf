package protobuf

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// SourceOptions and SinkOptions are the keys of relations of format protobuf.
var (
	both = []stream.Option{
		{Key: "protobuf.schema", Aliases: []string{"proto.file", "protobuf.file"}, Help: "the .proto that the message is in: its text, or a file under file.roots, beside which its imports lie"},
		{Key: "protobuf.message", Aliases: []string{"protobuf.message.name", "message.type"}, Help: "the message of a record, with its package or without; without it the first of the file"},
		{Key: "protobuf.framing", Default: "auto", Help: "what stands before a message: none, confluent (a zero byte, an id and the message's place in its schema), or, in files, delimited (its length, as writeDelimitedTo and protodelim write it); auto: delimited in files, confluent where schema.registry.url is set, else none"},
	}
	SourceOptions = append(both[:len(both):len(both)],
		stream.Option{Key: "protobuf.nested", Default: "jsonb", Help: "of a stream without columns, what a message in another becomes: jsonb, or columns named with dots"})
	SinkOptions = both
)

// Config is what a relation's WITH keys say of its Protobuf.
type Config struct {
	Schema  string // text or file; "": none
	Message string
	Framing Framing
	Nested  string // jsonb or columns
}

// Read reads the keys of SourceOptions or SinkOptions. auto is what the framing is where
// nothing is said of it.
func Read(v *stream.Values, role stream.Role, auto Framing) Config {
	c := Config{Schema: v.String("protobuf.schema"), Message: v.String("protobuf.message"), Nested: "jsonb", Framing: auto}
	switch v.Enum("protobuf.framing", "auto", "none", "confluent", "delimited") {
	case "none":
		c.Framing = Bare
	case "confluent":
		c.Framing = Confluent
	case "delimited":
		c.Framing = Delimited
	}
	if role == stream.RoleSource {
		c.Nested = v.Enum("protobuf.nested", "jsonb", "columns")
	}
	return c
}

// inline reports whether a schema is given as text, and not as a file.
func inline(s string) bool { return strings.ContainsAny(s, "{;") }

// Load compiles the schema; readFile reads a file. nil: none is given.
func (c Config) Load(readFile func(path string) ([]byte, error)) (*Schema, error) {
	if c.Schema == "" {
		return nil, nil
	}
	text, load := c.Schema, func(string) (string, error) { return "", fs.ErrNotExist }
	if !inline(text) {
		b, err := readFile(c.Schema)
		if err != nil {
			return nil, err
		}
		text, load = string(b), Beside(c.Schema, readFile)
	}
	s, err := Parse(text, load)
	if err != nil {
		e := *sqlerr.From(err)
		e.Message = "parameter \"protobuf.schema\": " + e.Message
		return nil, &e
	}
	return s, nil
}

// CheckColumns compares the columns that a relation declares with the schema that it names.
func (c Config) CheckColumns(columns []catalog.Column, labels func(types.OID) *types.Enum, readFile func(path string) ([]byte, error)) error {
	schema, err := c.Load(readFile)
	if err != nil || schema == nil || len(columns) == 0 {
		return err
	}
	columns = slices.DeleteFunc(slices.Clone(columns), func(c catalog.Column) bool { return c.Generated != "" })
	_, err = NewDecoder(columns, Options{Schema: schema, Message: c.Message, Labels: labels})
	return err
}

// SinkSchema is the schema that a sink writes by: the one that is named, else one made of
// the columns. op: it has the field _op.
func (c Config) SinkSchema(name string, columns []catalog.Column, op bool, readFile func(path string) ([]byte, error)) (*Schema, error) {
	schema, err := c.Load(readFile)
	if err != nil || schema != nil {
		return schema, err
	}
	text, err := Derive(name, columns, op)
	if err != nil {
		return nil, err
	}
	return Parse(text, nil)
}
