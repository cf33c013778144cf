package avro

import (
	"encoding/json"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Columns of a change that are not the row's: _op, _source_timestamp and _source are
// these fields of its envelope.
var changeFields = map[string]string{"_op": "op", "_source_timestamp": "source.ts_ms", "_source": "source"}

// Changes decodes Debezium's envelopes: records of before, after, op and source. A
// change is one row: what the row is from then on, with op c, u or r, or what it was,
// with op d. An update that changes the key is both, what was first. A record without
// a value is no row. A Changes belongs to one goroutine.
type Changes struct {
	decoder *Decoder
	nullBad bool
	key     []int // among fields
	fields  []int // columns of the row
	other   []int // the columns beside them
	op      int   // among other; -1: no column

	// parts has a row for the record in hand: of fields after it and before it, then
	// what lies beside, and the op last.
	parts []vec.Vec
	types []types.Type

	cols      []vec.Vec
	row, rows int
}

// NewChanges compiles a decoder for the columns, those of a change among them; key
// are the names of those by which a row is known.
func NewChanges(columns []catalog.Column, key []string, o Options) (*Changes, error) {
	c := &Changes{nullBad: o.NullBad, op: -1}
	for i, col := range columns {
		if _, ok := changeFields[col.Name]; ok {
			c.other = append(c.other, i)
			continue
		}
		if slices.Contains(key, col.Name) {
			c.key = append(c.key, len(c.fields))
		}
		c.fields = append(c.fields, i)
	}
	var parts []catalog.Column
	add := func(name string, t types.Type) {
		parts = append(parts, catalog.Column{Name: name, Type: t})
		c.parts, c.types = append(c.parts, vec.New(t)), append(c.types, t)
	}
	for _, part := range []string{"after.", "before."} {
		for _, i := range c.fields {
			add(part+columns[i].Name, columns[i].Type)
		}
	}
	for k, i := range c.other {
		if columns[i].Name == "_op" {
			c.op = k
		}
		add(changeFields[columns[i].Name], columns[i].Type)
	}
	add("op", types.Of(types.Text))
	var err error
	c.decoder, err = NewDecoder(parts, o)
	return c, err
}

// Bind is as Decoder's.
func (c *Changes) Bind(cols []vec.Vec) {
	c.cols, c.row = cols, 0
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
	c.begin()
	return c.settle(c.decoder.Decode(record), true)
}

// DecodeNext appends the rows of the record that begins at b[i], bare, and returns where
// it ends; it is as Decoder's otherwise.
func (c *Changes) DecodeNext(b []byte, i int) (next int, err error) {
	c.begin()
	next, err = c.decoder.DecodeNext(b, i)
	return next, c.settle(err, next >= 0)
}

// Pass is as Decoder's.
func (c *Changes) Pass(b []byte, i int) (next int, err error) { return c.decoder.Pass(b, i) }

// begin has the next record go where parts of changes are taken from.
func (c *Changes) begin() {
	c.rows = 0
	for _, v := range c.parts {
		v.Reset()
	}
	c.decoder.Bind(c.parts)
}

// settle makes rows of the record in parts, unless err says that it is not there. whole:
// where it ends is known, so that it may be a row of NULLs.
func (c *Changes) settle(err error, whole bool) error {
	if err == nil {
		err = c.change()
	}
	if err == nil {
		c.row += c.rows
		return nil
	}
	for _, v := range c.cols {
		vec.Truncate(v, c.row)
	}
	if c.rows = 0; !c.nullBad || !whole || isOutage(err) {
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

// change appends the rows of the record in parts.
func (c *Changes) change() error {
	v := c.parts[len(c.parts)-1].(*vec.Bytes)
	if v.Nulls().Get(0) {
		return malformed("it has no op, so it is not a change as Debezium writes it")
	}
	const after = 0
	before := len(c.fields)
	switch op := string(v.At(0)); op {
	case "c", "r":
		return c.take(after, "after", op)
	case "u":
		for _, k := range c.key {
			was, is := c.parts[before+k], c.parts[k]
			if was.Nulls().Get(0) || is.Nulls().Get(0) || vec.Equal(was, 0, is, 0, c.types[k]) {
				continue
			}
			if err := c.take(before, "before", "d"); err != nil {
				return err
			}
			break
		}
		return c.take(after, "after", op)
	case "d":
		return c.take(before, "before", op)
	case "t":
		return sqlerr.Unsupported("Leave them out at the source: skipped.operations = 't' of the Debezium connector.",
			"a TRUNCATE of the table that changes come of is not supported")
	default:
		return malformed("its op, %q, is none of c, u, d and r", op)
	}
}

// take appends a row whose columns begin at from.
func (c *Changes) take(from int, part, op string) error {
	missing := len(c.key) > 0
	for _, k := range c.key {
		missing = missing && c.parts[from+k].Nulls().Get(0)
	}
	if missing {
		err := malformed("a change of op %q has no key in %q", op, part)
		if op == "d" {
			err.Hint = "Of a PostgreSQL table that has no primary key: ALTER TABLE ... REPLICA IDENTITY FULL."
		}
		return err
	}
	for k, i := range c.fields {
		vec.AppendRow(c.cols[i], c.parts[from+k], 0)
	}
	for k, i := range c.other {
		if k == c.op {
			c.cols[i].(*vec.Bytes).AppendString(op)
		} else {
			vec.AppendRow(c.cols[i], c.parts[2*len(c.fields)+k], 0)
		}
	}
	c.rows++
	return nil
}

// DeriveChange is as Derive, of envelopes: before and after are null or such a record.
func DeriveChange(name string, columns []catalog.Column, _ bool) (string, error) {
	row, err := Derive("Value", columns, false)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{
		"type": "record", "name": "Envelope", "namespace": recordName(name),
		"fields": []any{
			map[string]any{"name": "before", "type": []any{"null", json.RawMessage(row)}, "default": nil},
			map[string]any{"name": "after", "type": []any{"null", "Value"}, "default": nil},
			map[string]any{"name": "op", "type": "string"},
		},
	})
	if err != nil {
		return "", sqlerr.Errorf(sqlerr.InternalError, "writing an Avro schema: %w", err)
	}
	return string(text), nil
}

// ChangeEncoder writes rows as the records in before and after of Debezium's
// envelopes, and these around them. It belongs to one goroutine.
type ChangeEncoder struct {
	head []byte
	row  put
	// Each field of the envelope in turn: part says what it is, null and branch are what
	// stands for none and before one, rest is a default.
	fields []changeField
}

type changeField struct {
	part         byte // b, a, o: before, after, op; 0: another, which gets rest
	null, branch []byte
	rest         []byte
}

// NewChangeEncoder compiles an encoder. The schema is a record whose fields before and
// after are unions of null and one record, that of a row, and whose field op is a
// string; any other has a default.
func NewChangeEncoder(s *Schema, columns []catalog.Column, o EncodeOptions) (*ChangeEncoder, error) {
	e := &ChangeEncoder{}
	rows := *s
	rows.root = nil
	root := s.root.one()
	if root == nil || root.kind != kindRecord || root != s.root {
		return nil, noEnvelope("it is not a record")
	}
	for _, f := range root.fields {
		c := changeField{rest: f.def}
		switch of := f.node.one(); {
		case f.name == "before" || f.name == "after":
			if of == nil || of.kind != kindRecord || f.node.kind != kindUnion || f.node.null < 0 {
				return nil, noEnvelope("its field " + f.name + " is not null or a record")
			}
			if rows.root != nil && rows.root != of {
				return nil, noEnvelope("before and after are records of two types")
			}
			rows.root, c.part = of, f.name[0]
			c.null = appendVarint(nil, int64(f.node.null))
			c.branch = appendVarint(nil, int64(slices.Index(f.node.branches, of)))
		case f.name == "op":
			if f.node.kind != kindString {
				return nil, noEnvelope("its field op is not a string")
			}
			c.part = 'o'
		case f.def == nil && f.node.kind == kindUnion && f.node.null >= 0:
			c.rest = appendVarint(nil, int64(f.node.null))
		case f.def == nil:
			return nil, noEnvelope("its field " + f.name + " has no default")
		}
		e.fields = append(e.fields, c)
	}
	if rows.root == nil || !slices.ContainsFunc(e.fields, func(f changeField) bool { return f.part == 'o' }) {
		return nil, noEnvelope("it has not the fields before, after and op")
	}
	row, err := NewEncoder(&rows, columns, EncodeOptions{Labels: o.Labels})
	if err != nil {
		return nil, err
	}
	e.row = row.field
	if e.head, err = header(s, o); err != nil {
		return nil, err
	}
	return e, nil
}

func noEnvelope(why string) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "the Avro schema is not that of changes as Debezium writes them: %s", why).
		WithHint("Leave avro.schema out for one made of the columns.")
}

// Append appends a row as before and after hold it; it is as Encoder's otherwise.
func (e *ChangeEncoder) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	return e.row(dst, b, row)
}

// AppendChange appends the record of a change, of rows that Append has written. nil
// before: it was inserted; nil after: it was deleted.
func (e *ChangeEncoder) AppendChange(dst, before, after []byte) []byte {
	dst = append(dst, e.head...)
	op := "u"
	switch {
	case before == nil:
		op = "c"
	case after == nil:
		op = "d"
	}
	for i := range e.fields {
		f := &e.fields[i]
		row := before
		switch f.part {
		case 'o':
			dst = appendBytes(dst, op)
			continue
		case 'a':
			row = after
		case 0:
			dst = append(dst, f.rest...)
			continue
		}
		if row == nil {
			dst = append(dst, f.null...)
		} else {
			dst = append(append(dst, f.branch...), row...)
		}
	}
	return dst
}
