// Package file reads and writes files of records: JSON lines, an array of JSON
// objects, CSV, messages of Protobuf behind their lengths, Avro's containers, Parquet, and
// changes of rows as Debezium writes them. Each file is a split and a position in it is a byte offset,
// counted after decompression. A followed file is read as it grows, through
// rotation and truncation. A sink appends in place; what an epoch that did not
// commit has written is cut off again.
package file

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/parquet"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Connector is the file's.
type Connector struct{}

// Name is 'file'.
func (Connector) Name() string { return "file" }

var (
	both = slices.Concat([]stream.Option{
		{Key: "path", Required: true, Help: "the file, under file.roots; of a source also a pattern with * ? [ ]; of a sink also with fields such as {date}, {hour}, {timestamp}, {batch_id}"},
		{Key: "format", Aliases: []string{"value.format", "source.format"}, Default: "auto", Help: "json, jsonlines, csv, avro (container files), protobuf or parquet; debezium-json (lines) or debezium-avro (container files): changes of rows; auto: by the path's extension (.csv, .avro, .parquet), else json"},
		{Key: "compression", Aliases: []string{"compression.type"}, Default: "auto", Help: "none, gzip, zstd, snappy (framed), lz4, or auto: by the extension; of a Parquet file that of its pages, auto: snappy"},
	}, csv.Keys, []stream.Option{
		object.CharsetOption,
		{Key: "buffer_size_bytes", Default: "256KB", Help: "how much is read or written at a time"},
	})
	sourceOptions = append(slices.Concat(both, avro.SourceOptions, protobuf.SourceOptions, json.ChangeSourceOptions),
		stream.Option{Key: "has_headers", Aliases: []string{"source.has_headers", "header"}, Default: "auto", Help: "csv: true, false, or auto: the first record names the columns"},
		foldersKey,
		stream.Option{Key: "follow", Default: "false", Help: "true: go on as the files grow and are rotated, and as the pattern matches new ones; Avro, Parquet and compressed files, and those that are one message, do not grow, each is read once"},
		stream.Option{Key: "max_line_bytes", Default: "16MB", Help: "the longest record, line or message, that is read"},
		stream.Option{Key: "on_data_loss", Default: "fail", Help: "fail or continue: a followed file was replaced or cut while nobody read it"},
	)
	sinkOptions = append(slices.Concat(both, avro.SinkOptions, protobuf.SinkOptions, parquet.SinkOptions),
		stream.Option{Key: "avro.codec", Default: "deflate", Help: "avro: how blocks are compressed: deflate, snappy, zstd or none"},
		stream.Option{Key: "has_headers", Aliases: []string{"header"}, Default: "false", Help: "csv: true writes a header into an empty file"},
		stream.Option{Key: "append", Default: "true", Help: "true keeps what the file holds; false empties it when the job first starts"},
		json.DecimalsOption,
		stream.Option{Key: "changelog", Default: "auto", Help: "how rows that change are written. ops: every change with its _op, + or -; debezium: as format debezium-json or debezium-avro, of each key that has changed in an epoch one record; append: they are refused; auto: as the format says, else ops"},
		stream.Option{Key: "visible", Default: "at once", Help: "at once: rows stand in the file before they are committed"},
		stream.Option{Key: "rotation", Default: "none", Help: "when a file ends and another begins, at a commit: hourly, daily, or a size such as 128MB; none"},
		stream.Option{Key: "max_files", Default: "", Help: "with rotation or fields in the path: how many of the files are kept; the oldest are removed"},
		stream.Option{Key: "encryption", Default: "none", Help: "none, or AES256: each file is an OpenPGP message, which gpg --decrypt reads"},
		stream.Option{Key: "encryption.passphrase", Default: "", Help: "what decrypts it"},
		stream.Option{Key: "batch.timeout", Default: "", Help: "the engine's checkpoint interval decides when rows are durable"},
	)
)

// Options lists what a file takes.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSink {
		return sinkOptions
	}
	return sourceOptions
}

// PseudoColumns are a record's place: _partition is the file's number among
// those read, _offset the byte where the record begins, _timestamp the file's
// time of modification. A file has no keys and no headers.
func (Connector) PseudoColumns() []catalog.Column {
	return []catalog.Column{
		{Name: "_key", Type: types.Of(types.Text), Comment: "NULL"},
		{Name: "_partition", Type: types.Of(types.Int4), Comment: "the file's number, from 0"},
		{Name: "_offset", Type: types.Of(types.Int8), Comment: "the byte where the record begins; in an Avro container or a Parquet file the record's number, from 0"},
		{Name: "_timestamp", Type: types.Of(types.Timestamptz), Comment: "when the file was last modified"},
		{Name: "_headers", Type: types.Of(types.JSONB), Comment: "NULL"},
		{Name: fileColumn, Type: types.Of(types.Text), Comment: "the file's path; where its file was renamed, the one that it had first"},
	}
}

type config struct {
	store   object.Store
	path    string
	format  string
	codec   object.Codec
	charset *object.Charset // nil: UTF-8
	csv     csv.Options     // its keys alone
	buffer  int

	header     string // true, false, auto
	follow     bool
	watch      bool // files that come to be are read; none grows
	folders    foldersOption
	maxLine    int
	loseSilent bool

	append        bool
	quoteDecimals bool
	changelog     string
	avro          avro.Config
	avroCodec     string
	protobuf      protobuf.Config
	changes       json.ChangeOptions // of debezium-json, as far as they are options
	parquet       parquet.WriteOptions
	template      object.Template
	rotation      string
	rotateAt      int64
	maxFiles      int
	encrypt       bool
	passphrase    string
}

// named is what messages call a file.
func (c *config) named(path string) string { return fmt.Sprintf("%s %q", c.store.Noun(), path) }

// opened is the configuration of a relation that is read.
func opened(env *stream.Env, rel *catalog.Relation) (config, error) {
	c, _, err := read(rel, stream.RoleSource)
	c.store = object.Local{Roots: env.FileRoots}
	return c, err
}

func read(rel *catalog.Relation, role stream.Role) (config, *stream.Values, error) {
	known := sourceOptions
	if role == stream.RoleSink {
		known = stream.SinkOptionsOf(rel, sinkOptions, sourceOptions)
	}
	v, err := stream.ReadOptions(rel, role, known)
	if err != nil {
		return config{}, nil, err
	}
	c, err := readRecords(v, rel, role, v.String("path"))
	if err != nil {
		return c, nil, err
	}
	if role == stream.RoleSource {
		c.follow = v.Bool("follow")
		what := string(c.codec.For(c.path))
		switch {
		case c.contained():
			what = "Avro container"
		case c.soleMessage():
			what = "Protobuf"
		case c.format == formatParquet:
			what = "Parquet"
		case c.charset != nil:
			what = v.String("encoding")
		case what == string(object.None):
			return c, v, v.Err()
		}
		// Such a file does not grow; what a directory gets is read.
		c.watch, c.follow = c.follow, false
		if c.watch && !object.IsGlob(c.path) {
			return c, nil, sqlerr.Unsupported("Leave out follow, or name a pattern: files that come to match it are read.", "a %s file cannot be followed", what)
		}
		return c, v, v.Err()
	}
	c.append = v.Bool("append")
	v.Refuse("visible", "Leave it out: rows stand in the file as they are written, and those that are not committed are cut off at recovery.", "at once")
	if err := c.readRotation(v); err != nil {
		return c, nil, err
	}
	c.readEncryption(v)
	v.Refuse("batch.timeout", "Leave it out: rows are durable at every checkpoint (checkpoint.interval).", "")
	if object.IsGlob(c.path) {
		return c, nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "path %q of sink %q is a pattern", c.path, rel.Name).
			WithHint("A sink writes one file; patterns are for sources.")
	}
	return c, v, v.Err()
}

// readRecords reads what says how records lie in files, here or elsewhere.
func readRecords(v *stream.Values, rel *catalog.Relation, role stream.Role, path string) (config, error) {
	c := config{
		path:   path,
		codec:  object.Codec(v.Enum("compression", "auto", "none", "gzip", "zstd", "snappy", "lz4")),
		csv:    csv.ReadKeys(v),
		buffer: int(v.Size("buffer_size_bytes", 4<<10, 64<<20)),
	}
	if err := c.readFormat(v, rel, role); err != nil {
		return c, err
	}
	if role == stream.RoleSink {
		v.Refuse("encoding", "Leave it out, and convert the file when it is written (iconv -f utf-8).", "utf-8")
	}
	if c.charset = object.ReadCharset(v); c.charset != nil && (c.contained() || c.format == formatParquet || c.format == formatProtobuf) {
		v.Reject("encoding", "utf-8 with format "+c.format+", whose texts are that")
	}
	if err := c.readAvro(v, role); err != nil {
		return c, err
	}
	c.readParquet(v, role)
	if err := c.readProtobuf(v, rel, role); err != nil {
		return c, err
	}
	if role == stream.RoleSource {
		c.header = v.Enum("has_headers", "auto", "true", "false")
		c.folders = readFolders(v)
		c.maxLine = int(v.Size("max_line_bytes", 1<<10, 1<<30))
		c.loseSilent = v.Enum("on_data_loss", "fail", "continue") == "continue"
		c.changes = json.ReadChanges(v)
		return c, v.Err()
	}
	if c.header = v.Enum("has_headers", "false", "true", "auto"); c.header == "auto" && rel.Kind != catalog.Stream {
		v.Reject("has_headers", "true or false")
	}
	c.quoteDecimals = json.QuotesDecimals(v)
	c.readChangelog(v)
	return c, v.Err()
}

// Pushed are the conditions, where the files are Parquet: row groups that have no such row
// are passed over.
func (Connector) Pushed(rel *catalog.Relation, _ []int, filters []plan.Expr) []plan.Expr {
	if !RowGroups(rel) {
		return nil
	}
	return filters
}

// RowGroups reports whether a relation's files are said, or named, to be Parquet.
func RowGroups(rel *catalog.Relation) bool {
	format, _ := rel.Options.Get("format")
	if f := stream.Fold(format); f != "" && f != "auto" {
		return f == formatParquet
	}
	path, _ := rel.Options.Get("path", "key", "prefix")
	return formatOf(path) == formatParquet
}

// formatOf tells a file's format by its name, before that of its compression.
func formatOf(path string) string {
	name := unsealed(strings.ToLower(path))
	for _, ending := range []string{".gz", ".gzip", ".zst", ".zstd", ".sz", ".snappy", ".lz4"} {
		if short, ok := strings.CutSuffix(name, ending); ok {
			name = short
			break
		}
	}
	for _, format := range []string{formatCSV, formatAvro, formatParquet} {
		if strings.HasSuffix(name, "."+format) {
			return format
		}
	}
	return formatJSON
}

// Check validates the declaration, and that the path is one which may be read
// or written; nothing is opened.
func (Connector) Check(env *stream.Env, rel *catalog.Relation, role stream.Role) error {
	c, _, err := read(rel, role)
	if err != nil {
		return err
	}
	if role == stream.RoleSource {
		if err := object.Allowed(c.path, env.FileRoots); err != nil {
			return err
		}
		return c.checkSchema(env, rel, role)
	}
	if err := c.checkSchema(env, rel, role); err != nil {
		return err
	}
	_, err = object.Resolve(c.template.Expand(time.Now(), "1"), env.FileRoots)
	return err
}

// Feeds reports whether the source's path, or pattern, names the sink's file, or one that is linked to it.
func (Connector) Feeds(_ context.Context, env *stream.Env, sink, source *catalog.Relation) (string, bool) {
	to, _, err := read(sink, stream.RoleSink)
	if err != nil {
		return "", false
	}
	from, _, err := read(source, stream.RoleSource)
	if err != nil || !object.Names(from.path, to.template.Expand(time.Now(), "1"), env.FileRoots) {
		return "", false
	}
	return "file \"" + to.path + "\"", true
}

// Source opens the relation for reading. The files must exist, unless a
// followed pattern names them.
func (Connector) Source(ctx context.Context, env *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	c, err := opened(env, rel)
	if err != nil {
		return nil, err
	}
	s := &source{env: env, rel: rel, config: c}
	if _, err := s.Splits(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Inferrer tells columns from the first records.
func (Connector) Inferrer(env *stream.Env) stream.SchemaInferrer { return inferrer{env} }
