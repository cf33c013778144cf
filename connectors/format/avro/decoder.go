// Package avro turns Avro into columns and back. A Decoder is compiled for a
// writer's schema, a reader's, and the columns that somebody reads: what nobody
// reads is passed over, and each value goes straight into its column. The parser of
// schemas is a library's; what touches records is here. The package knows nothing
// of where records or schemas come from.
package avro

import (
	"encoding/binary"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Framing is what stands before a record.
type Framing uint8

// Framings.
const (
	Bare         Framing = iota // nothing
	Confluent                   // a zero byte and the schema's id in a registry, four bytes
	SingleObject                // C3 01 and the fingerprint of the schema
)

// Options of a Decoder.
type Options struct {
	// Schema is the reader's. nil: that of each record.
	Schema *Schema
	// Writers are schemas that records may be written by, beside Schema: of bare
	// records the first is theirs, of single objects their fingerprints tell.
	Writers []*Schema
	Framing Framing
	// Lookup finds the schema of an id, of Confluent; nil: all records are of the
	// first writer's, or Schema. An error that is an Outage is not the record's.
	Lookup func(id uint32) (*Schema, error)
	// Misfit is the error of a record whose schema, of the id, does not fit the columns, for
	// the cause given; nil: it names the id alone.
	Misfit func(id uint32, cause error) error
	// NullBad: a field that does not convert, and every field of a record that is not
	// Avro, is NULL and no error.
	NullBad bool
	// Labels are what the values of enum types are called; nil: their numbers
	// stand for them.
	Labels func(types.OID) *types.Enum
}

// Outage is an error that says nothing of the record: what is needed to decode it
// cannot be had at this moment.
type Outage struct{ Err error }

func (o *Outage) Error() string { return o.Err.Error() }
func (o *Outage) Unwrap() error { return o.Err }

// Decoder decodes records, one row each, into the columns it was made for. A
// column is the field of its name, exactly or else without regard to case;
// a.b is field b of the record in field a, or, where a is a union of several types,
// its value where it is of type b. A column that the schema has not is NULL.
// A Decoder belongs to one goroutine.
type Decoder struct {
	columns []catalog.Column
	options Options
	format  *types.Format

	cols    []vec.Vec
	row     int
	bound   uint64 // counts what Bind has given
	bare    *program
	whole   *Schema // of bare records
	byID    map[uint32]*program
	misfit  map[uint32]error // of schemas that do not fit the columns
	byPrint map[[8]byte]*program
	last    *program
	lastID  uint32

	err     error
	empties int64 // values of the record in hand that have no bytes
	scratch []byte
}

// program decodes the records of one writer's schema.
type program struct {
	steps []step
	bound uint64
}

// NewDecoder compiles a decoder for the columns. Where the schema is known it is
// an error if a column is not in it, or of a type that its values do not convert to.
func NewDecoder(columns []catalog.Column, o Options) (*Decoder, error) {
	d := &Decoder{columns: columns, options: o, format: types.DefaultFormat(), byID: map[uint32]*program{}, misfit: map[uint32]error{}, byPrint: map[[8]byte]*program{}}
	d.format.Enum = o.Labels
	if o.Schema != nil {
		if _, err := d.compile(o.Schema, true); err != nil {
			return nil, err
		}
	}
	writers := o.Writers
	if o.Schema != nil && (len(writers) == 0 || o.Framing == SingleObject) {
		writers = append(writers[:len(writers):len(writers)], o.Schema)
	}
	if len(writers) == 0 && (o.Framing != Confluent || o.Lookup == nil) {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "Avro records need the schema that they were written by")
	}
	for i, w := range writers {
		p, err := d.compile(w, false)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			d.bare, d.whole = p, w
		}
		if o.Framing == SingleObject {
			f, err := w.Fingerprint()
			if err != nil {
				return nil, err
			}
			d.byPrint[f] = p
		}
	}
	return d, nil
}

// compile makes a writer's program. strict: a column without a field is an error.
func (d *Decoder) compile(writer *Schema, strict bool) (*program, error) {
	reader := d.options.Schema
	if reader == nil {
		reader = writer
	}
	root, err := resolve(writer.root, reader.root)
	if err != nil {
		return nil, err
	}
	c := compiler{columns: d.columns, strict: strict, format: d.format}
	steps, err := c.record(root)
	if err != nil {
		return nil, err
	}
	return &program{steps: steps}, nil
}

// Bind says where the rows go: one column for each that the decoder was made
// for, all of one length. Rows are appended until the next Bind.
func (d *Decoder) Bind(cols []vec.Vec) {
	d.row = 0
	same := len(d.cols) == len(cols)
	for i, c := range cols {
		d.row = c.Len()
		same = same && d.cols[i] == c
	}
	if !same {
		d.cols = append(d.cols[:0], cols...)
		d.bound++
	}
}

// Decode appends the record as one row. On an error the columns are as they were.
// The error is a *sqlerr.Error, its Column the field at fault, "" where the record
// as a whole is; or an Outage.
func (d *Decoder) Decode(record []byte) error {
	p, at, err := d.frame(record)
	if err == nil {
		if at = d.begin(p, record, at); at == len(record) {
			d.row++
			return nil
		}
		switch {
		case at >= 0:
			err = malformed("%d bytes follow the record", len(record)-at)
		default:
			err = d.err
		}
		d.err = nil
		d.undo()
	}
	if d.options.NullBad && !isOutage(err) {
		d.Null()
		return nil
	}
	return err
}

// Runs reports that Run is worth trying.
func (d *Decoder) Runs() bool { return true }

// Run appends the first of some records as rows, up to one that Decode refuses, and returns
// how many.
func (d *Decoder) Run(records [][]byte) int {
	for i, r := range records {
		if d.Decode(r) != nil {
			return i
		}
	}
	return len(records)
}

func (d *Decoder) begin(p *program, b []byte, at int) int {
	if p.bound != d.bound {
		bind(p.steps, d.cols)
		p.bound = d.bound
	}
	d.empties = 0
	return d.run(p.steps, b, at)
}

// DecodeNext appends the record that begins at b[i], bare, as a row, and returns
// where it ends. After an error nobody knows where the next one begins, unless the
// record itself was whole: then next is positive. With NullBad there is no error
// but such.
func (d *Decoder) DecodeNext(b []byte, i int) (next int, err error) {
	if next = d.begin(d.bare, b, i); next >= 0 {
		d.row++
		return next, nil
	}
	err, d.err = d.err, nil
	d.undo()
	next = d.skip(d.whole.root, b, i, 0)
	d.err = nil
	return next, err
}

// Pass returns where the record that begins at b[i], bare, ends.
func (d *Decoder) Pass(b []byte, i int) (next int, err error) {
	if next = d.skip(d.whole.root, b, i, 0); next >= 0 {
		return next, nil
	}
	if err, d.err = d.err, nil; err == nil {
		err = malformed("the record that begins at byte %d does not end", i)
	}
	return next, err
}

func isOutage(err error) bool {
	_, ok := err.(*Outage) //nolint:errorlint // it is made here, and not wrapped
	return ok
}

// frame finds the program of a record, and where its value begins.
func (d *Decoder) frame(b []byte) (*program, int, error) {
	switch d.options.Framing {
	case Confluent:
		if len(b) < 5 || b[0] != 0 {
			return nil, 0, badMagic(b)
		}
		if d.options.Lookup == nil {
			return d.bare, 5, nil
		}
		id := binary.BigEndian.Uint32(b[1:])
		if d.last != nil && id == d.lastID {
			return d.last, 5, nil
		}
		p, err := d.find(id)
		d.last, d.lastID = p, id
		return p, 5, err
	case SingleObject:
		if len(b) < 10 || b[0] != 0xc3 || b[1] != 0x01 {
			return nil, 0, malformed("a single object begins with the bytes c3 01, and this record with %s", head(b)).
				WithHint("Set avro.framing to what the records have before them: none, confluent or single-object.")
		}
		p := d.byPrint[[8]byte(b[2:10])]
		if p == nil {
			return nil, 0, malformed("no schema is known that has the fingerprint %x", b[2:10]).
				WithHint("Name the schema that the record was written by in avro.writer.schema.")
		}
		return p, 10, nil
	}
	return d.bare, 0, nil
}

func (d *Decoder) find(id uint32) (*program, error) {
	if p := d.byID[id]; p != nil {
		return p, nil
	}
	if err := d.misfit[id]; err != nil {
		return nil, err
	}
	s, err := d.options.Lookup(id)
	if err != nil {
		return nil, err
	}
	p, err := d.compile(s, false)
	if err == nil {
		d.byID[id] = p
		return p, nil
	}
	if d.options.Misfit != nil {
		err = d.options.Misfit(id, err)
	} else {
		err = sqlerr.Errorf(sqlerr.DatatypeMismatch, "schema %d does not fit the stream: %w", id, err).
			WithHint("Declare the columns as the new schema has them, or register a schema that is compatible.")
	}
	d.misfit[id] = err
	return nil, err
}

func badMagic(b []byte) error {
	return malformed("a record framed by a schema registry begins with a zero byte and four bytes of an id, and this one with %s", head(b)).
		WithHint("Set avro.framing = 'none' for records that have nothing before them.")
}

// head is the beginning of a record for an error.
func head(b []byte) string {
	if len(b) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("% x", b[:min(len(b), 10)])
}

func malformed(format string, args ...any) *sqlerr.Error {
	e := sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid Avro record")
	return e.WithDetail(format+".", args...)
}

// Null appends a row of NULLs.
func (d *Decoder) Null() {
	for _, c := range d.cols {
		vec.AppendNull(c)
	}
	d.row++
}

// undo takes back what the current record has written.
func (d *Decoder) undo() {
	for _, c := range d.cols {
		vec.Truncate(c, d.row)
	}
}
