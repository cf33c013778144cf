package file

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Encoding makes the bytes of files of one relation's rows, for a sink that keeps them
// elsewhere. One goroutine owns it and what it makes.
type Encoding struct {
	config  config
	codec   object.Codec
	encoder encoder
	header  []byte                 // of CSV
	blocks  func() (blocks, error) // in place of encoder: begins a file of them
}

// CheckSink checks the keys of RecordOptions of a sink.
func (e Elsewhere) CheckSink(v *stream.Values, rel *catalog.Relation) error {
	_, err := e.sinkConfig(v, rel, false)
	return err
}

func (e Elsewhere) sinkConfig(v *stream.Values, rel *catalog.Relation, changes bool) (config, error) {
	c, err := readRecords(v, rel, stream.RoleSink, e.Pattern)
	if err == nil && changes && c.changelog == "append" {
		err = sqlerr.Errorf(sqlerr.InvalidParameterValue, "sink %q takes appended rows only, and the query updates rows", rel.Name).
			WithHint("Set changelog = 'ops' to write every change with its _op.")
	}
	c.store = e.Store
	return c, err
}

// Encoding compiles the encoder of rows of the columns; changes: they have an op.
func (e Elsewhere) Encoding(env *stream.Env, rel *catalog.Relation, v *stream.Values, columns []catalog.Column, changes bool) (*Encoding, error) {
	c, err := e.sinkConfig(v, rel, changes)
	if err != nil {
		return nil, err
	}
	x := &Encoding{config: c, codec: c.codec.For(c.path)}
	of := *rel
	of.Columns = columns
	switch c.format {
	case formatAvro:
		x.blocks = func() (blocks, error) { return newAvroFile(env, &of, &x.config, changes) }
	case formatParquet:
		x.blocks = func() (blocks, error) { return newParquetFile(env, &of, &x.config, changes) }
	case formatCSV:
		w := csv.NewEncoder(columns, csv.EncodeOptions{Delimiter: c.delimiter, Quote: c.quote, Null: c.null, Op: changes, Labels: env.Labels})
		if x.encoder = w; c.header == "true" {
			x.header = append(w.Header(nil), '\n')
		}
	default:
		x.encoder = json.NewEncoder(columns, json.EncodeOptions{QuoteDecimals: c.quoteDecimals, Op: changes, Labels: env.Labels})
	}
	if x.blocks == nil {
		return x, nil
	}
	f, err := x.New() // what cannot be written is said now
	if err != nil {
		return nil, err
	}
	f.Close()
	return x, nil
}

// Extension is what a name ends with that has no extension: .json.gz.
func (x *Encoding) Extension() string {
	ext := map[object.Codec]string{object.Gzip: ".gz", object.Zstd: ".zst", object.Snappy: ".sz", object.LZ4: ".lz4"}
	return "." + x.config.format + ext[x.codec]
}

// Encoded is one file that is being made.
type Encoded struct {
	of     *Encoding
	rows   []byte // not yet given out
	blocks blocks
	done   int64 // bytes given out
}

// New begins a file.
func (x *Encoding) New() (*Encoded, error) {
	f := &Encoded{of: x, rows: append([]byte(nil), x.header...)}
	if x.blocks == nil {
		return f, nil
	}
	var err error
	f.blocks, err = x.blocks()
	return f, err
}

// Append encodes a row. An error is the row's, which is then not there.
func (f *Encoded) Append(b *vec.Batch, row int) error {
	if f.blocks != nil {
		return f.blocks.Add(b, row)
	}
	f.rows = append(f.of.encoder.Append(f.rows, b, row), '\n')
	return nil
}

// frame is how much is compressed, and given out, in one piece.
const frame = 256 << 10

// Full reports whether what is held makes a piece.
func (f *Encoded) Full() bool {
	if f.blocks != nil {
		return f.blocks.Full()
	}
	return len(f.rows) >= frame
}

// Flush appends the bytes of the rows that are held. last: with those given out before
// they are a whole file, to which more may be appended all the same.
func (f *Encoded) Flush(dst []byte, last bool) ([]byte, error) {
	at := len(dst)
	var err error
	switch {
	case f.blocks != nil && f.blocks.Pending():
		dst, err = f.blocks.Block(dst, f.done, last)
	case len(f.rows) > 0:
		dst, err = f.of.codec.Append(dst, f.rows)
	}
	if err != nil {
		return dst[:at], err
	}
	f.rows = f.rows[:0]
	f.done += int64(len(dst) - at)
	return dst, nil
}

// Close gives back what the file holds; it may be called twice.
func (f *Encoded) Close() {
	if f.blocks != nil {
		f.blocks.Close()
	}
	f.blocks = nil
}
