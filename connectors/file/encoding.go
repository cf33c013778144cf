package file

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
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
	changes *envelopes             // before both; nil: rows are written as they are
}

// CheckSink checks the keys of RecordOptions of a sink.
func (e Elsewhere) CheckSink(env *stream.Env, v *stream.Values, rel *catalog.Relation) error {
	c, err := e.sinkConfig(v, rel, false)
	if err != nil {
		return err
	}
	return c.checkSchema(env, rel, stream.RoleSink)
}

func (e Elsewhere) sinkConfig(v *stream.Values, rel *catalog.Relation, changes bool) (config, error) {
	c, err := readRecords(v, rel, stream.RoleSink, e.Pattern)
	if err == nil && changes && c.changelog == "append" {
		err = noAppends(rel)
	}
	c.store = e.Store
	return c, err
}

// Encoding compiles the encoder of rows of the columns; changes: they have an op, and
// are unique by the columns of key, where it has some.
func (e Elsewhere) Encoding(env *stream.Env, rel *catalog.Relation, v *stream.Values, columns []catalog.Column, changes bool, key []string) (*Encoding, error) {
	c, err := e.sinkConfig(v, rel, changes)
	if err != nil {
		return nil, err
	}
	x := &Encoding{config: c, codec: c.codec.For(c.path)}
	of := *rel
	of.Columns = columns
	if x.changes, err = c.envelopes(env, &of, changes, key); err != nil {
		return nil, err
	}
	switch {
	case c.contained():
		x.blocks = func() (blocks, error) { return newAvroFile(env, &of, &x.config, changes) }
	case c.format == formatParquet:
		x.blocks = func() (blocks, error) { return newParquetFile(env, &of, &x.config, changes) }
	case x.changes == nil:
		if x.encoder, x.header, err = c.encoder(env, &of, changes); err != nil {
			return nil, err
		}
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
	name := x.config.format
	switch name {
	case formatDebeziumJSON:
		name = formatJSON
	case formatDebeziumAvro:
		name = formatAvro
	case formatProtobuf:
		name = "pb"
	}
	return "." + name + ext[x.codec]
}

// Envelopes reports whether records are made of changes: rows go to Change, and not to a
// file.
func (x *Encoding) Envelopes() bool { return x.changes != nil }

// Change encodes a row. record is its record, lent until the next call; nil: it is held
// until Let. The error is the row's.
func (x *Encoding) Change(b *vec.Batch, row int) (record []byte, err error) {
	return x.changes.add(b, row)
}

// Crowded reports whether more changes are held than are to be.
func (x *Encoding) Crowded() bool { return x.changes != nil && x.changes.full() }

// Let hands over the records of the changes that are held, until put fails. last: the
// epoch ends.
func (x *Encoding) Let(last bool, put func(record []byte) error) error {
	if x.changes == nil {
		return nil
	}
	var err error
	x.changes.let(last, func(record []byte) {
		if err == nil {
			err = put(record)
		}
	})
	return err
}

// Forget drops the changes that are held.
func (x *Encoding) Forget() {
	if x.changes != nil {
		x.changes.reset()
	}
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
	at := len(f.rows)
	rows, err := f.of.encoder.Append(f.rows, b, row)
	if f.rows = rows; err != nil {
		f.rows = rows[:at]
	}
	return err
}

// AppendRecord takes a record that Encoding has made of a change.
func (f *Encoded) AppendRecord(record []byte) {
	if w, ok := f.blocks.(*avroFile); ok {
		w.AddRecord(record)
		return
	}
	f.rows = append(append(f.rows, record...), '\n')
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
