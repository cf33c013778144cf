package protobuf

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Framing is what stands before a record.
type Framing uint8

// Framings.
const (
	Bare      Framing = iota // nothing
	Confluent                // a zero byte, the schema's id in a registry, four bytes, and the message's place in it
	Delimited                // its length, a varint, which Cut takes away: a Decoder's records have nothing before them
)

// Options of a Decoder.
type Options struct {
	// Schema is that of bare records, and of framed ones without a Lookup.
	Schema *Schema
	// Message is the type of its records; "": its first.
	Message string
	Framing Framing
	// Lookup finds the schema of an id, of Confluent. An error that is an Outage is not
	// the record's.
	Lookup func(id uint32) (*Schema, error)
	// Misfit is the error of a record whose schema, of the id, does not fit the columns, for
	// the cause given; nil: it names the id alone.
	Misfit func(id uint32, cause error) error
	// NullBad: a field that does not convert, and every field of a record that is no
	// such message, is NULL and no error.
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

// Decoder decodes records, one row each, into the columns it was made for. A column
// is the field of its name, exactly or else without regard to case; a.b is field b of
// the message in field a. A field that was not set is NULL where that can be told,
// else the default of its type; a column that the message has not is NULL. Of a field
// that comes twice the last counts, and messages are merged. A Decoder belongs to one
// goroutine.
type Decoder struct {
	columns []catalog.Column
	options Options
	format  *types.Format

	cols   []vec.Vec
	row    int
	bound  uint64 // counts what Bind has given
	record uint64 // counts records, for step.seen

	bare   *program
	byType map[string]*program // by id and place, as they stand before a record
	misfit map[string]error    // likewise, of those that do not fit the columns
	last   *program
	head   []byte // before the record of last

	err     error
	scratch []byte
	json    jsonWriter
}

// NewDecoder compiles a decoder for the columns. Where the schema is known it is an
// error if a column is not in it, or of a type that its values do not convert to.
func NewDecoder(columns []catalog.Column, o Options) (*Decoder, error) {
	d := &Decoder{columns: columns, options: o, format: types.DefaultFormat(), byType: map[string]*program{}, misfit: map[string]error{}}
	d.format.Enum = o.Labels
	switch {
	case o.Schema != nil:
		m, err := o.Schema.message(o.Message)
		if err != nil {
			return nil, err
		}
		if d.bare, err = d.compile(m, true); err != nil {
			return nil, err
		}
	case o.Framing != Confluent || o.Lookup == nil:
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "Protobuf records need the schema of their message")
	}
	return d, nil
}

// compile makes a message's program. strict: a column without a field is an error.
func (d *Decoder) compile(m *message, strict bool) (*program, error) {
	c := compiler{columns: d.columns, strict: strict, used: make([]bool, len(d.columns))}
	return c.program(m)
}

// Bind says where the rows go: one column for each that the decoder was made for, all
// of one length. Rows are appended until the next Bind.
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
		if p.bound != d.bound {
			p.bind(d.cols)
			p.bound = d.bound
		}
		d.record++
		d.json.b = record
		if d.run(p, record, at, len(record), 0) && d.finish(p, true) {
			d.row++
			return nil
		}
		if err, d.err = d.err, nil; err == nil {
			err = malformed("it breaks off, or says that it is longer than it is")
		}
		for _, c := range d.cols {
			vec.Truncate(c, d.row)
		}
		for _, s := range p.lists {
			if l, ok := s.col.(*vec.List); ok {
				vec.Truncate(l.Elem, lengthOf(l))
			}
		}
	}
	if d.options.NullBad && !isOutage(err) {
		d.Null()
		return nil
	}
	return err
}

// lengthOf is how many elements the rows of a list have.
func lengthOf(l *vec.List) int {
	if len(l.Offsets) == 0 {
		return 0
	}
	return int(l.Offsets[len(l.Offsets)-1])
}

// Null appends a row of NULLs.
func (d *Decoder) Null() {
	for _, c := range d.cols {
		vec.AppendNull(c)
	}
	d.row++
}

func isOutage(err error) bool {
	_, ok := err.(*Outage) //nolint:errorlint // it is made here, and not wrapped
	return ok
}

// frame finds the program of a record, and where its message begins.
func (d *Decoder) frame(b []byte) (*program, int, error) {
	if d.options.Framing != Confluent {
		return d.bare, 0, nil
	}
	if n := len(d.head); n > 0 && len(b) >= n && string(b[:n]) == string(d.head) {
		return d.last, n, nil
	}
	if len(b) < 6 || b[0] != 0 {
		return nil, 0, malformed("a record framed by a schema registry begins with a zero byte, four bytes of an id and the message's place in its schema, and this one with %s", head(b)).
			WithHint("Set protobuf.framing = 'none' for records that have nothing before them.")
	}
	places, at, err := readPlaces(b, 5)
	if err != nil {
		return nil, 0, err
	}
	if d.options.Lookup == nil {
		return d.bare, at, nil
	}
	p := d.byType[string(b[:at])]
	if p == nil {
		if p, err = d.find(b[:at], places); err != nil {
			return nil, 0, err
		}
		if len(d.byType) >= mostPrograms {
			clear(d.byType) // one place can be written in many ways
		}
		d.byType[string(b[:at])] = p
	}
	d.last, d.head = p, append(d.head[:0], b[:at]...)
	return p, at, nil
}

// readPlaces reads the place of a message in its file: that of the message around it
// first. One zero byte is the first of the file.
func readPlaces(b []byte, i int) ([]int32, int, error) {
	const most = 32
	bad := func() error {
		return malformed("what stands behind the schema's id is no place of a message: %s", head(b[min(5, len(b)):]))
	}
	n, i := wire.Varint(b, i)
	if i < 0 || n < 0 || n > most {
		return nil, 0, bad()
	}
	if n == 0 {
		return []int32{0}, i, nil
	}
	places := make([]int32, n)
	for k := range places {
		var v int64
		if v, i = wire.Varint(b, i); i < 0 || v < 0 || v > 1<<20 {
			return nil, 0, bad()
		}
		places[k] = int32(v)
	}
	return places, i, nil
}

// AppendFrame writes what stands before a record framed by a registry.
func AppendFrame(dst []byte, id uint32, places []int32) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, 0), id)
	if len(places) == 1 && places[0] == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(len(places)))
	for _, p := range places {
		dst = binary.AppendVarint(dst, int64(p))
	}
	return dst
}

// mostPrograms is how many programs are kept, by what stands before their records.
const mostPrograms = 1024

// find makes the program of records that begin with head, as they are framed.
func (d *Decoder) find(head []byte, places []int32) (*program, error) {
	if err := d.misfit[string(head)]; err != nil {
		return nil, err
	}
	id := binary.BigEndian.Uint32(head[1:])
	s, err := d.options.Lookup(id)
	if err != nil {
		return nil, err
	}
	m, ok := s.at(places)
	if !ok {
		return nil, malformed("schema %d has no message at %v", id, places)
	}
	p, err := d.compile(m, false)
	if err == nil {
		return p, nil
	}
	if d.options.Misfit != nil {
		err = d.options.Misfit(id, err)
	} else {
		err = sqlerr.Errorf(sqlerr.DatatypeMismatch, "schema %d does not fit the stream: %w", id, err).
			WithHint("Declare the columns as the new schema has them, or register a schema that is compatible.")
	}
	if len(d.misfit) >= mostPrograms {
		clear(d.misfit)
	}
	d.misfit[string(head)] = err
	return nil, err
}

// Fits says why the columns cannot take the values of a schema's message; nil: they can.
// What it has no field for is NULL.
func Fits(columns []catalog.Column, s *Schema, message string) error {
	m, err := s.message(message)
	if err != nil {
		return err
	}
	_, err = (&Decoder{columns: columns}).compile(m, false)
	return err
}

// head is the beginning of a record for an error.
func head(b []byte) string {
	if len(b) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("% x", b[:min(len(b), 10)])
}

func malformed(format string, args ...any) *sqlerr.Error {
	e := sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid Protobuf record")
	return e.WithDetail(format+".", args...)
}

// compiler makes programs of the columns.
type compiler struct {
	columns []catalog.Column
	used    []bool
	strict  bool
}

// program decodes a message. Of each of its fields that are read there is a step, in
// the order of the declaration, which most writers keep.
type program struct {
	message *message
	steps   []*step
	byPlace []int // of a field of the message: its step and one; 0: nobody reads it
	lists   []*step
	absent  []int // columns that the message has no field for
	nulls   []vec.Vec
	bound   uint64
}

func (c *compiler) program(m *message) (*program, error) {
	p, err := c.below(m, "")
	if err != nil {
		return nil, err
	}
	for i, used := range c.used {
		switch {
		case used:
		case c.strict:
			return nil, sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" is no field of the Protobuf message %s", c.columns[i].Name, m.name).
				WithHint("Columns are named as the message's fields, a field of a message in it as \"message.field\".")
		default:
			p.absent = append(p.absent, i)
		}
	}
	p.nulls = make([]vec.Vec, len(p.absent))
	p.gather(p)
	return p, nil
}

// gather collects the steps whose columns are lists.
func (p *program) gather(all *program) {
	for _, s := range p.steps {
		if s.sub != nil {
			s.sub.gather(all)
		} else if s.op == opList {
			all.lists = append(all.lists, s)
		}
	}
}

// below compiles the columns that begin with prefix.
func (c *compiler) below(m *message, prefix string) (*program, error) {
	p := &program{message: m, byPlace: make([]int, len(m.fields))}
	// Each column finds its field: exactly, else without regard to case, else the
	// message that its name begins with.
	for i, col := range c.columns {
		rest, ok := strings.CutPrefix(col.Name, prefix)
		if !ok && len(col.Name) > len(prefix) && strings.EqualFold(col.Name[:len(prefix)], prefix) {
			rest, ok = col.Name[len(prefix):], true
		}
		if !ok || c.used[i] {
			continue
		}
		f := m.field(rest)
		if f == nil {
			name, _, dotted := strings.Cut(rest, ".")
			if f = m.field(name); dotted && f != nil && f.nested() && p.byPlace[f.place] == 0 {
				sub, err := c.below(f.message, col.Name[:len(prefix)+len(name)+1])
				if err != nil {
					return nil, err
				}
				p.add(&step{field: f, tag: f.tag(), op: opBelow, sub: sub})
			}
			continue
		}
		if p.byPlace[f.place] != 0 {
			continue // another column has it
		}
		c.used[i] = true
		s := &step{field: f, tag: f.tag(), typ: col.Type, column: i, name: col.Name}
		if err := s.choose(); err != nil {
			return nil, err
		}
		p.add(s)
	}
	p.order()
	return p, nil
}

func (m *message) field(name string) *field {
	if f := m.named(name); f != nil {
		return f
	}
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			return f
		}
	}
	return nil
}

func (f *field) tag() uint64 {
	w := f.kind.wire()
	return uint64(f.num)<<3 | w
}

// takes: a value behind the tag is one of the field's, or, packed together, many. Behind
// any other tag of its number lies what the field does not know.
func (f *field) takes(tag uint64) bool {
	return tag == f.tag() || f.list && f.message == nil && tag&7 == wireBytes
}

func (p *program) add(s *step) {
	p.steps = append(p.steps, s)
	p.byPlace[s.field.place] = len(p.steps)
}

// order puts the steps into the order of their fields' numbers, in which they are
// written.
func (p *program) order() {
	for i := 1; i < len(p.steps); i++ {
		for k := i; k > 0 && p.steps[k].field.num < p.steps[k-1].field.num; k-- {
			p.steps[k], p.steps[k-1] = p.steps[k-1], p.steps[k]
		}
	}
	for i, s := range p.steps {
		p.byPlace[s.field.place] = i + 1
	}
}

func (p *program) bind(cols []vec.Vec) {
	for i, at := range p.absent {
		p.nulls[i] = cols[at]
	}
	for _, s := range p.steps {
		if s.sub != nil {
			s.sub.bind(cols)
			continue
		}
		s.bind(cols[s.column])
	}
}
