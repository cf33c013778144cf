// Package stdout is the sink that prints rows, one JSON object or CSV record a
// line. Lines are written at the end of an epoch, so a row is printed only when
// nothing can take it back; after a crash the last epoch may be printed twice.
package stdout

import (
	"context"
	"errors"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Connector is standard output's.
type Connector struct{}

var options = []stream.Option{
	{Key: "format", Aliases: []string{"value.format"}, Default: "json", Help: "json or csv"},
	json.DecimalsOption,
}

// Name is 'stdout'.
func (Connector) Name() string { return "stdout" }

// Options are those of the sink; there is no source.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSource {
		return nil
	}
	return options
}

// Repeating is stream.Repeating's: what is printed stays, heard of or not.
func (Connector) Repeating() {}

// PseudoColumns are none.
func (Connector) PseudoColumns() []catalog.Column { return nil }

type config struct {
	csv   bool
	quote bool
}

func read(rel *catalog.Relation, role stream.Role) (config, *stream.Values, error) {
	if role == stream.RoleSource {
		return config{}, nil, noSource(rel)
	}
	v, err := stream.ReadOptions(rel, role, options)
	if err != nil {
		return config{}, nil, err
	}
	c := config{
		csv:   v.Enum("format", "json", "jsonlines", "csv") == "csv",
		quote: json.QuotesDecimals(v),
	}
	return c, v, v.Err()
}

// Check validates the declaration.
func (Connector) Check(_ *stream.Env, rel *catalog.Relation, role stream.Role) error {
	_, _, err := read(rel, role)
	return err
}

// Source is 0A000.
func (Connector) Source(_ context.Context, _ *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	return nil, noSource(rel)
}

func noSource(rel *catalog.Relation) error {
	return sqlerr.Unsupported("Standard output can only be written to; read a file with type 'file'.",
		"stdout %q cannot be read", rel.Name)
}

// Inferrer is nil: there is no data.
func (Connector) Inferrer(*stream.Env) stream.SchemaInferrer { return nil }

// Sink opens standard output.
func (Connector) Sink(_ context.Context, env *stream.Env, rel *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	c, _, err := read(rel, stream.RoleSink)
	if err != nil {
		return nil, err
	}
	if env.Stdout == nil {
		return nil, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "this server has no standard output to write %q to", rel.Name).
			WithHint("Write to a file: type 'file' with a path.")
	}
	s := &sink{out: env.Stdout, metrics: env.Metrics}
	if c.csv {
		s.encoder = csv.NewEncoder(rel.Columns, csv.EncodeOptions{Delimiter: ',', Quote: '"', Op: o.Changelog, Labels: env.Labels})
	} else {
		s.encoder = json.NewEncoder(rel.Columns, json.EncodeOptions{QuoteDecimals: c.quote, Op: o.Changelog, Labels: env.Labels})
	}
	return s, nil
}

// encoder appends one row without its line end.
type encoder interface {
	Append(dst []byte, b *vec.Batch, row int) []byte
}

type sink struct {
	out     interface{ Write([]byte) (int, error) }
	metrics *stream.Metrics
	encoder encoder
	open    []byte // rows of the running epoch
	ready   []byte // rows of the prepared epoch
	printed stream.Epoch
	closed  bool
}

var errClosed = errors.New("the stdout sink is closed")

// maxOpen bounds what an epoch may hold in memory.
const maxOpen = 256 << 20

func (s *sink) Write(_ context.Context, b *vec.Batch) ([]stream.Reject, error) {
	if s.closed {
		return nil, errClosed
	}
	n := b.Len()
	for i := range n {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		s.open = append(s.encoder.Append(s.open, b, row), '\n')
	}
	s.metrics.RecordsWritten.Add(int64(n))
	if len(s.open) > maxOpen {
		return nil, sqlerr.Errorf(sqlerr.OutOfMemory, "more than %d MB to print in one epoch", maxOpen>>20).
			WithHint("Set a shorter checkpoint.interval, or write to a file.")
	}
	return nil, nil
}

func (s *sink) Prepare(context.Context, stream.Epoch) ([]byte, error) {
	s.ready = append(s.ready, s.open...)
	s.open = s.open[:0]
	return []byte{}, nil
}

func (s *sink) Commit(_ context.Context, e stream.Epoch, _ []byte) error {
	if e <= s.printed {
		return nil
	}
	if _, err := s.out.Write(s.ready); err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	s.metrics.BytesWritten.Add(int64(len(s.ready)))
	s.ready, s.printed = s.ready[:0], e
	return nil
}

func (s *sink) Rollback(context.Context, stream.Epoch, []byte) error {
	s.open, s.ready = s.open[:0], s.ready[:0]
	return nil
}

func (s *sink) Close() error {
	s.closed = true
	return nil
}
