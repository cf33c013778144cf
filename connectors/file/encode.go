package file

import (
	"bytes"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/changelog"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// encoder appends a row's record, with what parts it from the next one. The error is the
// row's, and what it has appended is to be cut off.
type encoder interface {
	Append(dst []byte, b *vec.Batch, row int) ([]byte, error)
}

// lined are records that every row has, each with a line end.
type lined struct {
	of interface {
		Append(dst []byte, b *vec.Batch, row int) []byte
	}
}

func (l lined) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	return append(l.of.Append(dst, b, row), '\n'), nil
}

// delimited are messages, each behind its length.
type delimited struct {
	of      *protobuf.Encoder
	message []byte
}

func (d *delimited) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	var err error
	if d.message, err = d.of.Append(d.message[:0], b, row); err != nil {
		return dst, err
	}
	return protobuf.AppendDelimited(dst, d.message), nil
}

// encoder compiles the encoder of a format that is not written in blocks, and the header
// of a file; op: rows have one. Of changes rows are written otherwise.
func (c *config) encoder(env *stream.Env, rel *catalog.Relation, op bool) (e encoder, header []byte, err error) {
	switch c.format {
	case formatCSV:
		e := csv.NewEncoder(rel.Columns, csv.EncodeOptions{Delimiter: c.csv.Delimiter, Quote: c.csv.Quote, Null: c.csv.Null, Op: op, Labels: env.Labels})
		if c.header == "true" {
			header = append(e.Header(nil), '\n')
		}
		return lined{e}, header, nil
	case formatProtobuf:
		schema, err := c.protobuf.SinkSchema(rel.Name, rel.Columns, op, c.reading(env))
		if err != nil {
			return nil, nil, err
		}
		e, err := protobuf.NewEncoder(schema, rel.Columns, protobuf.EncodeOptions{Message: c.protobuf.Message, Op: op, Labels: env.Labels})
		return &delimited{of: e}, nil, err
	}
	return lined{c.jsonEncoder(env, rel.Columns, op)}, nil, nil
}

func (c *config) jsonEncoder(env *stream.Env, columns []catalog.Column, op bool) *json.Encoder {
	return json.NewEncoder(columns, json.EncodeOptions{QuoteDecimals: c.quoteDecimals, Op: op, Labels: env.Labels})
}

// envelopes makes records of changes out of rows: one of each row that is inserted, or, of
// rows that change, one of what an epoch's changes of a key come to.
type envelopes struct {
	rel      *catalog.Relation
	row      encoder // without what parts records
	envelope changelog.Envelope
	held     *changelog.Epoch[struct{}] // nil: rows are only ever inserted
	key      *json.Encoder              // of held; nil: rows are known by themselves
	keyCols  []int
	keyRow   vec.Batch
	needed   []int // columns without a NULL

	image, record, by []byte
}

// image is an encoder of rows of JSON, without line ends.
type image struct{ of *json.Encoder }

func (i image) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	return i.of.Append(dst, b, row), nil
}

// envelopes compiles that; nil: the format has none. key are columns that the rows are
// unique by, of a sink that does not say so itself.
func (c *config) envelopes(env *stream.Env, rel *catalog.Relation, changes bool, key []string) (*envelopes, error) {
	if !c.debezium() {
		return nil, nil
	}
	e := &envelopes{rel: rel, row: image{c.jsonEncoder(env, rel.Columns, false)}, envelope: json.AppendChange}
	if c.format == formatDebeziumAvro {
		schema, err := c.avroSchema(env, rel, false)
		if err != nil {
			return nil, err
		}
		of, err := avro.NewChangeEncoder(schema, rel.Columns, avro.EncodeOptions{Labels: env.Labels})
		if err != nil {
			return nil, err
		}
		e.row, e.envelope = of, of.AppendChange
	}
	if len(rel.Key) > 0 {
		key = rel.Key
	}
	var cols []catalog.Column
	for _, name := range key {
		for i, c := range rel.Columns {
			if c.Name == name {
				cols, e.keyCols = append(cols, c), append(e.keyCols, i)
			}
		}
	}
	if len(rel.Key) > 0 {
		e.needed = e.keyCols
	}
	if !changes {
		return e, nil
	}
	e.held = changelog.New[struct{}](e.envelope)
	if len(cols) > 0 && len(cols) == len(key) {
		e.key = json.NewEncoder(cols, json.EncodeOptions{Labels: env.Labels})
		e.keyRow.Cols = make([]vec.Vec, len(cols))
	}
	return e, nil
}

// add encodes a row. record is its record, lent until the next call; nil: it is held. The
// error is the row's.
func (e *envelopes) add(b *vec.Batch, row int) (record []byte, err error) {
	taken := e.held != nil && b.Op(row) == vec.Delete
	for _, c := range e.needed {
		if b.Cols[c].Nulls().Get(row) {
			err = stream.NullValue(e.rel, e.rel.Columns[c].Name)
		}
	}
	if err == nil {
		e.image, err = e.row.Append(e.image[:0], b, row)
	}
	switch {
	case err != nil && taken:
		return nil, nil // it was refused when it was inserted
	case err != nil:
		return nil, err
	case e.held == nil:
		e.record = e.envelope(e.record[:0], nil, e.image)
		return e.record, nil
	}
	net := 1
	if taken {
		net = -1
	}
	e.held.Add(bytes.Clone(e.keyOf(b, row)), bytes.Clone(e.image), net, struct{}{})
	return nil, nil
}

// keyOf is the row's key; nil: it has none.
func (e *envelopes) keyOf(b *vec.Batch, row int) []byte {
	if e.key == nil {
		return nil
	}
	for i, c := range e.keyCols {
		e.keyRow.Cols[i] = b.Cols[c]
	}
	e.keyRow.Rows = b.Rows
	e.by = e.key.Append(e.by[:0], &e.keyRow, row)
	return e.by
}

// full reports whether more changes are held than are to be.
func (e *envelopes) full() bool { return e.held != nil && e.held.Held() > changelog.MostHeld }

// let hands over the records of what is held. last: the epoch ends.
func (e *envelopes) let(last bool, put func(record []byte)) {
	if e.held != nil {
		e.held.Flush(last, func(r changelog.Record[struct{}]) { put(r.Value) })
	}
}

// reset forgets what is held.
func (e *envelopes) reset() {
	if e.held != nil {
		e.held.Reset()
	}
}

// noAppends is the error of a sink that refuses rows that change.
func noAppends(rel *catalog.Relation) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "sink %q takes appended rows only, and the query updates rows", rel.Name).
		WithHint("Set changelog = 'ops' to write every change with its _op, or 'debezium' to write what each key has changed to.")
}
