package json

import (
	"bytes"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Columns of a change that are not the row's.
const (
	OpColumn        = "_op"               // text: c, u, r or d
	SourceTSColumn  = "_source_timestamp" // timestamptz: when the database made the change
	SourceColumn    = "_source"           // jsonb: what the connector says of the place it came from
	deleteOp        = "d"
	mostKeptSchemas = 64
)

// ChangeOptions of a Changes.
type ChangeOptions struct {
	Options
	// Key are the names of the columns by which a row is known.
	Key []string
	// Unit is what numbers into time and timestamp columns count where no schema
	// says it, in nanoseconds; 0: milliseconds.
	Unit int64
	// Base64Decimals: strings into numeric columns are Kafka Connect's bytes, of the
	// column's scale, where no schema says what they are.
	Base64Decimals bool
}

// Changes decodes Debezium's envelopes, with the schema of Kafka Connect's JSON
// converter around them or without: an object of before, after, op and source. A
// change is one row: what the row is from then on, with _op c, u or r, or what it
// was, with _op d. An update that changes the key is both, what was first. A record
// of null is no row. A Changes belongs to one goroutine.
type Changes struct {
	options ChangeOptions
	fields  []catalog.Column // of the row
	at      []int            // where they go
	keys    []int            // among fields
	op      int              // -1: nobody reads it
	ts      int
	source  int

	plain    *Decoder            // of records without a schema
	bySchema map[string]*Decoder // by its text
	last     *Decoder
	lastText []byte

	before    []vec.Vec // of an update, to compare keys
	cols      []vec.Vec
	bound     []vec.Vec
	row, rows int
}

// NewChanges compiles a decoder for the columns, those of a change among them.
func NewChanges(columns []catalog.Column, o ChangeOptions) *Changes {
	c := &Changes{options: o, op: -1, ts: -1, source: -1, bySchema: map[string]*Decoder{}}
	if o.Unit == 0 {
		c.options.Unit = nanosOfMilli
	}
	for i, col := range columns {
		switch col.Name {
		case OpColumn:
			c.op = i
		case SourceTSColumn:
			c.ts = i
		case SourceColumn:
			c.source = i
		default:
			for _, k := range o.Key {
				if k == col.Name {
					c.keys = append(c.keys, len(c.fields))
				}
			}
			c.fields, c.at = append(c.fields, col), append(c.at, i)
		}
	}
	for _, f := range c.fields {
		c.before = append(c.before, vec.New(f.Type))
	}
	c.bound = make([]vec.Vec, len(c.fields))
	c.plain = c.decoderOf(nil)
	return c
}

// Bind is as Decoder's.
func (c *Changes) Bind(cols []vec.Vec) {
	c.cols, c.row = cols, 0
	for i, at := range c.at {
		c.bound[i] = cols[at]
	}
	if len(cols) > 0 {
		c.row = cols[0].Len()
	}
}

// Rows is how many rows the last record made: none, one, or two.
func (c *Changes) Rows() int { return c.rows }

// Null appends nothing: a record without a value follows a deletion, for the log's
// compaction.
func (c *Changes) Null() { c.rows = 0 }

// Decode appends the rows of a record. On an error the columns are as they were; it
// is as Decoder's.
func (c *Changes) Decode(record []byte) error {
	c.rows = 0
	err := c.decode(record)
	if err == nil {
		c.row += c.rows
		return nil
	}
	for _, v := range c.cols {
		vec.Truncate(v, c.row)
	}
	c.rows = 0
	if !c.options.NullBad {
		return err
	}
	c.NullRow()
	return nil
}

// NullRow appends a row of NULLs: that of a record that is not read, where such are rows.
func (c *Changes) NullRow() {
	for _, v := range c.cols {
		vec.AppendNull(v)
	}
	c.rows, c.row = 1, c.row+1
}

// envelope is where the parts of a change lie in its record.
type envelope struct {
	schema                    []byte
	before, after, op, source []byte
	ts                        []byte
}

func (c *Changes) decode(record []byte) error {
	at := space(record, 0)
	if at < len(record) && record[at] == 'n' && string(bytes.TrimSpace(record)) == "null" {
		return nil
	}
	e, none, err := read(record)
	if err != nil || none {
		return err
	}
	d, err := c.of(e.schema)
	if err != nil {
		return err
	}
	if len(e.op) == 0 {
		return malformed(record, at, `The object has no "op", so it is not a change as Debezium writes it.`)
	}
	switch op := string(bytes.Trim(e.op, `"`)); op {
	case "c", "r":
		return c.change(d, e, e.after, "after", op)
	case "u":
		if err := c.moved(d, e); err != nil {
			return err
		}
		return c.change(d, e, e.after, "after", op)
	case deleteOp:
		return c.change(d, e, e.before, "before", op)
	case "t":
		return sqlerr.Unsupported("Leave them out at the source: skipped.operations = 't' of the Debezium connector.",
			"a TRUNCATE of the table that changes come of is not supported")
	default:
		return malformed(record, at, `The "op" of the change, `+excerpt([]byte(op))+`, is none of c, u, d and r.`)
	}
}

// read finds the parts of an envelope. none: it is around null.
func read(record []byte) (e envelope, none bool, err error) {
	o := objectAt(record, 0)
	wrapped, payload := false, []byte(nil)
	for o.next() {
		switch string(o.key) {
		case "schema":
			if len(o.value) > 0 && o.value[0] == '{' {
				e.schema = o.value
			}
		case "payload":
			wrapped, payload = true, o.value
		default:
			e.part(o.key, o.value)
		}
	}
	if o.fail {
		return e, false, malformed(record, o.i, "Expected a JSON object.")
	}
	if end := space(record, o.i); end < len(record) {
		return e, false, malformed(record, end, "Something follows the object.")
	}
	if !wrapped || e.op != nil {
		return e, false, nil
	}
	if isNull(payload) {
		return e, true, nil
	}
	p := objectAt(payload, 0)
	for p.next() {
		e.part(p.key, p.value)
	}
	if p.fail {
		return e, false, malformed(record, 0, `The "payload" is not a JSON object.`)
	}
	return e, false, nil
}

func (e *envelope) part(key, value []byte) {
	switch string(key) {
	case "before":
		e.before = value
	case "after":
		e.after = value
	case "op":
		e.op = value
	case "source":
		e.source = value
	case "ts_ms":
		e.ts = value
	}
}

// change appends one row.
func (c *Changes) change(d *Decoder, e envelope, row []byte, part, op string) error {
	if isNull(row) {
		err := malformed(row, 0, `A change of op "`+op+`" has no "`+part+`".`)
		if op == deleteOp {
			err.(*sqlerr.Error).Hint = "Of a PostgreSQL table that has no primary key: ALTER TABLE ... REPLICA IDENTITY FULL." //nolint:errorlint // made above
		}
		return err
	}
	d.Bind(c.bound)
	if err := d.Decode(row); err != nil {
		return err
	}
	return c.told(e, op)
}

// told appends what is known of a change beside its row.
func (c *Changes) told(e envelope, op string) error {
	c.rows++
	if c.op >= 0 {
		c.cols[c.op].(*vec.Bytes).AppendString(op)
	}
	if c.source >= 0 {
		v := c.cols[c.source].(*vec.Bytes)
		if isNull(e.source) {
			v.AppendNull()
		} else {
			if !utf8.Valid(e.source) {
				return invalidUTF8(e.source)
			}
			data, err := types.AppendCanonicalJSON(v.Data, e.source)
			if err != nil {
				return &sqlerr.Error{Code: sqlerr.CodeOf(err), Column: SourceColumn, Message: err.Error()}
			}
			v.Data = data
			v.EndRow()
		}
	}
	if c.ts >= 0 {
		v := c.cols[c.ts].(*vec.Fixed[int64])
		at := e.ts
		if o := objectAt(e.source, 0); !isNull(e.source) {
			for o.next() {
				if string(o.key) == "ts_ms" && !isNull(o.value) {
					at = o.value
				}
			}
		}
		if t, ok := int64(0), false; !isNull(at) {
			if t, ok = millis(at); ok {
				v.Append(t)
				return nil
			}
		}
		v.AppendNull()
	}
	return nil
}

// moved appends what an updated row was, as deleted, where its key is not what it is
// from then on: such an update takes a row of one key away and makes one of another.
func (c *Changes) moved(d *Decoder, e envelope) error {
	if isNull(e.before) || len(c.keys) == 0 || isNull(e.after) {
		return nil
	}
	for _, v := range c.before {
		v.Reset()
	}
	d.Bind(c.before)
	for _, row := range [][]byte{e.before, e.after} {
		if err := d.Decode(row); err != nil {
			return err
		}
	}
	for _, k := range c.keys {
		v := c.before[k]
		if v.Nulls().Get(0) || vec.Equal(v, 0, v, 1, c.fields[k].Type) {
			continue
		}
		return c.change(d, e, e.before, "before", deleteOp)
	}
	return nil
}

// of is the decoder of the rows in records of a schema.
func (c *Changes) of(schema []byte) (*Decoder, error) {
	if schema == nil {
		return c.plain, nil
	}
	if c.last != nil && bytes.Equal(schema, c.lastText) {
		return c.last, nil
	}
	d := c.bySchema[string(schema)]
	if d == nil {
		s, err := parseConnect(schema)
		if err != nil {
			return nil, err
		}
		if len(c.bySchema) >= mostKeptSchemas {
			clear(c.bySchema)
		}
		d = c.decoderOf(s)
		c.bySchema[string(schema)] = d
	}
	c.last, c.lastText = d, append(c.lastText[:0], schema...)
	return d, nil
}

// decoderOf makes a decoder of rows whose values are as a schema of envelopes says;
// nil: as the columns let one think.
func (c *Changes) decoderOf(envelope *connectSchema) *Decoder {
	o := c.options.Options
	d := NewDecoder(c.fields, o)
	var row *connectSchema
	if envelope != nil {
		for _, part := range []string{"after", "before"} {
			if f := envelope.field(part); row == nil && f != nil {
				row = f
			}
		}
	}
	for i := range d.fields {
		f := &d.fields[i]
		var form form
		switch {
		case envelope == nil:
			form = c.guessed(f.typ)
		case row != nil:
			form = row.form(f.name)
		}
		if form.suits(f.typ) {
			f.form, f.kind = form, kindForm
		}
	}
	return d
}

// guessed is the form of a column's values that no schema tells of.
func (c *Changes) guessed(t types.Type) form {
	if _, scale, _ := kindOf(t); t.OID == types.Numeric && c.options.Base64Decimals && scale >= 0 {
		return form{what: formDecimal, scale: scale}
	}
	return unnamed(t, c.options.Unit)
}

// unnamed is the form of values that nothing is said of, where numbers count units of
// so many nanoseconds.
func unnamed(t types.Type, unit int64) form {
	switch t.OID {
	case types.Bytea:
		return form{what: formBytes}
	case types.Date:
		return form{what: formDays}
	case types.Timestamp, types.Timestamptz:
		if unit != nanosOfMilli { // those a number is anyway, with a fraction too
			return form{what: formInstant, nanos: unit}
		}
	case types.Time:
		return form{what: formTime, nanos: unit}
	}
	return form{}
}

// AppendChange writes an envelope: before and after are rows as an Encoder writes
// them; nil before: it was inserted, nil after: it was deleted.
func AppendChange(dst, before, after []byte) []byte {
	part := func(dst, row []byte) []byte {
		if row == nil {
			return append(dst, "null"...)
		}
		return append(dst, row...)
	}
	dst = part(append(dst, `{"before":`...), before)
	dst = part(append(dst, `,"after":`...), after)
	op := `,"op":"u"}`
	switch {
	case before == nil:
		op = `,"op":"c"}`
	case after == nil:
		op = `,"op":"d"}`
	}
	return append(dst, op...)
}
