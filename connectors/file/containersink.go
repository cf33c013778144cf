package file

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// avroFile writes a container: what a flush takes is one block, so a file is cut
// between blocks, and the header goes before the first one.
type avroFile struct {
	encoder *avro.Encoder // nil: it takes records, and no rows
	header  avro.Header
	rows    int64 // in the block in hand
	buf     []byte
	most    int // bytes of a block
}

// newAvroFile compiles the encoder; the file's own header is read when it is open.
func newAvroFile(env *stream.Env, rel *catalog.Relation, c *config, op bool) (*avroFile, error) {
	schema, err := c.avroSchema(env, rel, op)
	if err != nil {
		return nil, err
	}
	w := &avroFile{header: avro.Header{Schema: schema, Codec: c.avroCodec}, most: c.buffer}
	if _, err := rand.Read(w.header.Sync[:]); err != nil {
		return nil, fmt.Errorf("making a marker: %w", err)
	}
	if c.debezium() {
		return w, nil
	}
	w.encoder, err = avro.NewEncoder(schema, rel.Columns, avro.EncodeOptions{Op: op, Labels: env.Labels})
	return w, err
}

// avroSchema is the schema that a sink writes by: the one that is named, else one made of
// the columns.
func (c *config) avroSchema(env *stream.Env, rel *catalog.Relation, op bool) (*avro.Schema, error) {
	schema, _, err := c.avro.Load(c.reading(env))
	if err != nil || schema != nil {
		return schema, err
	}
	derive := avro.Derive
	if c.debezium() {
		derive = avro.DeriveChange
	}
	text, err := derive(rel.Name, rel.Columns, op)
	if err != nil {
		return nil, err
	}
	return avro.Parse(text)
}

// AddRecord takes a record that is encoded.
func (w *avroFile) AddRecord(record []byte) {
	w.buf = append(w.buf, record...)
	w.rows++
}

// Add is blocks': it encodes a row into the block in hand; one that has no form is taken back.
func (w *avroFile) Add(b *vec.Batch, row int) error {
	at := len(w.buf)
	var err error
	if w.buf, err = w.encoder.Append(w.buf, b, row); err != nil {
		w.buf = w.buf[:at]
		return err
	}
	w.rows++
	return nil
}

// Full is blocks'.
func (w *avroFile) Full() bool { return len(w.buf) >= w.most }

// Pending is blocks'.
func (w *avroFile) Pending() bool { return w.rows > 0 }

// Block makes bytes of the file of the rows: with its header where it is empty.
func (w *avroFile) Block(dst []byte, length int64, _ bool) ([]byte, error) {
	if w.rows == 0 {
		return dst, nil
	}
	if length == 0 {
		dst = avro.AppendHeader(dst, w.header.Schema.Text, w.header.Codec, w.header.Sync)
	}
	dst, err := w.header.AppendBlock(dst, w.rows, w.buf)
	w.Cut(length)
	return dst, err
}

// Cut forgets the rows of the block in hand.
func (w *avroFile) Cut(int64) { w.rows, w.buf = 0, w.buf[:0] }

// Close is blocks'.
func (w *avroFile) Close() {}

// Resume takes the header of a file that has rows: they must be of the same schema.
func (w *avroFile) Resume(ctx context.Context, path string) error {
	c := &container{path: path}
	defer c.close()
	h, err := c.begin(ctx, config{buffer: 64 << 10, store: object.Local{}})
	if err != nil {
		return err
	}
	own, err := w.header.Schema.Fingerprint()
	if err != nil {
		return err
	}
	theirs, err := h.Schema.Fingerprint()
	if err != nil {
		return err
	}
	if own != theirs && !bytes.Equal([]byte(h.Schema.Text), []byte(w.header.Schema.Text)) {
		return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "file %q holds Avro records of another schema", path).
			WithHint("Write to another file, or set avro.schema to the file's.")
	}
	w.header = h
	return nil
}

// avroCodecs are the values of avro.codec, as a container names them.
var avroCodecs = map[string]string{"none": "null", "deflate": "deflate", "snappy": "snappy", "zstd": "zstandard"}

// readAvro reads the keys of Avro.
func (c *config) readAvro(v *stream.Values, role stream.Role) error {
	if c.avro = avro.Read(v, role, false); c.avro.Framing != avro.Bare {
		v.Reject("avro.framing", "none: the records of a container file have nothing before them")
	}
	if role == stream.RoleSink {
		c.avroCodec = avroCodecs[v.Enum("avro.codec", "deflate", "none", "snappy", "zstd")]
	}
	if !c.contained() {
		return nil
	}
	if len(c.avro.Writers) > 0 {
		v.Reject("avro.writer.schema", "nothing: a container file has it")
	}
	if codec := c.codec.For(c.path); codec != object.None {
		return sqlerr.Unsupported("Set compression = 'none', and avro.codec for the blocks of a sink.", "a %s Avro container file is not supported", codec)
	}
	return nil
}
