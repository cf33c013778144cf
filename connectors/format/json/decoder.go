// Package json turns JSON records into columns and back. A Decoder is compiled
// for the columns somebody reads: it expects the record to be laid out as the
// one before it was, byte for byte between the values, and writes each value
// straight into its column. What differs takes a general path, record by
// record, with the same results. The package knows nothing of where records
// come from.
package json

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

var (
	errSurrogate = errors.New("a Unicode surrogate must be one of a pair")
	errNul       = errors.New("\\u0000 cannot be converted to text")
)

// Decoder decodes records, one object each, into the columns it was made for.
// An object's keys are matched exactly, else without regard to case. A key that
// no column has is ignored, a column without a key is NULL, of a key that comes
// twice the last counts. Values convert as PostgreSQL's json_populate_record
// does it: a string is read as the type's text form, a number, boolean, object
// or array into text is its own text; and timestamps also come as milliseconds
// since 1970. A Decoder belongs to one goroutine.
type Decoder struct {
	fields  []field
	byName  map[string]*field
	folded  map[string]*field
	nullBad bool
	format  *types.Format

	row    int    // of the record being decoded
	record uint64 // counts records, for field.seen
	high   uint64 // OR of the string bytes met: a high bit means not ASCII
	exact  bool   // the last key looked up matched a name as it is spelled

	layout  layout
	learn   learner
	run     runs
	scratch []byte
}

// Options of a Decoder.
type Options struct {
	// NullBad: a field that does not convert, and every field of a record that
	// is not JSON, is NULL and no error.
	NullBad bool
	// Connect: what Kafka Connect writes without saying so: bytea as base64, dates as
	// days since 1970, times of the day as milliseconds.
	Connect bool
	// Labels are what the values of enum types are called; nil: their numbers
	// stand for them.
	Labels func(types.OID) *types.Enum
}

// field is one column to fill.
type field struct {
	name string
	typ  types.Type
	kind kind
	// scale and limit are the type's modifier: numeric(p,s) has scale s and
	// limit 10^p; varchar(n) has limit n. scale -1: no modifier.
	scale int32
	limit int64
	seen  uint64 // the last record that had it
	exact bool   // and under its exact name
	form  form

	day dayCache

	col  vec.Vec
	i16  *vec.Fixed[int16]
	i32  *vec.Fixed[int32]
	i64  *vec.Fixed[int64]
	f32  *vec.Fixed[float32]
	f64  *vec.Fixed[float64]
	bool *vec.Fixed[bool]
	uuid *vec.Fixed[types.UUIDValue]
	text *vec.Bytes
	num  *vec.Numeric
}

// NewDecoder compiles a decoder for the columns.
func NewDecoder(columns []catalog.Column, o Options) *Decoder {
	d := &Decoder{
		fields: make([]field, len(columns)), byName: map[string]*field{}, folded: map[string]*field{},
		nullBad: o.NullBad, format: types.DefaultFormat(),
	}
	d.format.Enum = o.Labels
	for i, c := range columns {
		f := &d.fields[i]
		f.name, f.typ = c.Name, c.Type
		f.kind, f.scale, f.limit = kindOf(c.Type)
		if form := unnamed(c.Type, nanosOfMilli); o.Connect && form.what != formNone {
			f.form, f.kind = form, kindForm
		}
		d.byName[c.Name] = f
	}
	for i := range d.fields {
		if low := strings.ToLower(d.fields[i].name); d.folded[low] == nil {
			d.folded[low] = &d.fields[i]
		}
	}
	return d
}

// Bind says where the rows go: one column for each that the decoder was made
// for, all of one length. Rows are appended until the next Bind.
func (d *Decoder) Bind(cols []vec.Vec) {
	d.row = 0
	for i := range d.fields {
		f := &d.fields[i]
		d.row = cols[i].Len()
		if f.col == cols[i] {
			continue
		}
		f.col = cols[i]
		switch c := cols[i].(type) {
		case *vec.Fixed[int16]:
			f.i16 = c
		case *vec.Fixed[int32]:
			f.i32 = c
		case *vec.Fixed[int64]:
			f.i64 = c
		case *vec.Fixed[float32]:
			f.f32 = c
		case *vec.Fixed[float64]:
			f.f64 = c
		case *vec.Fixed[bool]:
			f.bool = c
		case *vec.Fixed[types.UUIDValue]:
			f.uuid = c
		case *vec.Bytes:
			f.text = c
		case *vec.Numeric:
			f.num = c
		}
	}
}

// Decode appends the record as one row. On an error the columns are as they
// were. The error is a *sqlerr.Error, its Column the field at fault, "" where
// the record as a whole is.
func (d *Decoder) Decode(record []byte) error {
	d.high = 0
	d.record++
	ok, err := d.predicted(record)
	if !ok && err == nil {
		d.undo()
		d.high = 0
		err = d.general(record)
	}
	if err == nil && d.high&highBits != 0 && !utf8.Valid(record) {
		err = invalidUTF8(record)
	}
	if err != nil {
		d.undo()
		if !d.nullBad {
			return err
		}
		d.Null()
		return nil
	}
	d.row++
	return nil
}

// Null appends a row of NULLs.
func (d *Decoder) Null() {
	for i := range d.fields {
		d.fields[i].null()
	}
	d.row++
}

// undo takes back what the current record has written.
func (d *Decoder) undo() {
	for i := range d.fields {
		vec.Truncate(d.fields[i].col, d.row)
	}
}

func (f *field) null() {
	switch f.kind {
	case kindText, kindJSON, kindJSONB:
		f.text.AppendNull()
	case kindNumeric:
		f.num.AppendNull()
	case kindInt64, kindTimestamp, kindTimestamptz:
		f.i64.AppendNull()
	default:
		vec.Append(f.col, types.NullOf(f.typ))
	}
}

// predicted decodes a record laid out as the layout says. false: it is not, and
// columns may hold half a row.
func (d *Decoder) predicted(b []byte) (bool, error) {
	if !d.layout.known {
		return false, nil
	}
	i := 0
	for k := range d.layout.steps {
		s := &d.layout.steps[k]
		// The text is compared here where it has 8 to 16 bytes, as most have.
		if n := s.size; n != 0 && i+n+8 <= len(b) {
			if load(b, i) != s.head || load(b, i+n-8) != s.last {
				return false, nil
			}
			i += n
		} else if i = s.match(b, i); i < 0 {
			return false, nil
		}
		if s.field == nil {
			if i = d.skip(b, i); i < 0 {
				return false, nil
			}
			continue
		}
		next := -1
		switch f := s.field; {
		case s.kind == kindText && i < len(b) && b[i] == '"':
			end, seen := plain(b, i+1)
			if end >= 0 && int64(end-i-1) <= f.limit {
				d.high |= seen
				f.text.AppendSpan(b, i+1, end)
				i = end + 1
				continue
			}
		case s.kind == kindInt64 && i+8 <= len(b):
			var v int64
			if v, next = integer(b, i); next >= 0 {
				f.i64.Values = append(f.i64.Values, v)
				i = next
				continue
			}
		default:
			next = d.quick(f, b, i)
		}
		if next < 0 {
			var err error
			if next, err = d.slow(s.field, b, i); err != nil {
				return false, err
			}
			if next < 0 {
				return false, nil
			}
		}
		i = next
	}
	if i >= len(b) || b[i] != '}' && string(b[i:]) != d.layout.tail {
		return false, nil
	}
	if b[i] == '}' {
		i++
	} else {
		i += len(d.layout.tail)
	}
	if i < len(b) && space(b, i) < len(b) {
		return false, nil
	}
	for _, f := range d.layout.absent {
		f.null()
	}
	d.learn.hits++
	return true, nil
}

// skip passes over a value that nobody reads.
func (d *Decoder) skip(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		if end, seen := plain(b, i+1); end >= 0 {
			d.high |= seen
			return end + 1
		}
	case c-'0' <= 9 && i+18 <= len(b):
		if _, _, next := number(b, i); next >= 0 {
			return next
		}
	}
	d.high |= highBits
	return skipValue(b, i, 0)
}

// general decodes any record, and learns its layout where that pays.
func (d *Decoder) general(b []byte) error {
	learning := d.learn.wanted()
	if learning {
		d.layout.reset()
	}
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return malformed(b, i, "Expected a JSON object.")
	}
	from := 0
	i = space(b, i+1)
	for first := true; ; first = false {
		if i >= len(b) {
			return malformed(b, i, "The object does not end.")
		}
		if first && b[i] == '}' {
			break
		}
		if b[i] != '"' {
			return malformed(b, i, "Expected a key.")
		}
		f, next, err := d.key(b, i)
		if err != nil {
			return err
		}
		i = space(b, next)
		if i >= len(b) || b[i] != ':' {
			return malformed(b, i, `Expected ":".`)
		}
		i = space(b, i+1)
		if f != nil && f.seen == d.record {
			learning = false
			if f.exact && !d.exact {
				f = nil
			} else {
				vec.Truncate(f.col, d.row)
			}
		}
		if learning {
			d.layout.add(b[from:i], f, b[i:])
		}
		if f == nil {
			next = d.skip(b, i)
		} else {
			f.seen, f.exact = d.record, d.exact
			if next = d.quick(f, b, i); next < 0 {
				if next, err = d.slow(f, b, i); err != nil {
					return err
				}
			}
		}
		if next < 0 {
			return malformed(b, i, "Expected a JSON value.")
		}
		from = next
		i = space(b, next)
		if i >= len(b) {
			return malformed(b, i, "The object does not end.")
		}
		if b[i] == '}' {
			break
		}
		if b[i] != ',' {
			return malformed(b, i, `Expected "," or "}".`)
		}
		i = space(b, i+1)
	}
	if end := space(b, i+1); end < len(b) {
		return malformed(b, end, "Something follows the object.")
	}
	for k := range d.fields {
		if f := &d.fields[k]; f.seen != d.record {
			f.null()
			if learning {
				d.layout.absent = append(d.layout.absent, f)
			}
		}
	}
	// Of a layout only the values are looked at again: its text must be UTF-8.
	if learning && (d.high&highBits == 0 || utf8.Valid(b)) {
		d.layout.tail, d.layout.known = string(b[from:i+1]), true
		d.run.lay(&d.layout)
		d.learn.learned()
	}
	return nil
}

// key reads the key at i and finds its field, nil where nobody reads it.
func (d *Decoder) key(b []byte, i int) (*field, int, error) {
	end, seen := plain(b, i+1)
	name := b[i+1 : max(end, i+1)]
	d.high |= seen
	next := end + 1
	if end < 0 {
		if next = skipString(b, i); next < 0 {
			return nil, 0, malformed(b, i, "The key is not a JSON string.")
		}
		var err error
		d.high |= highBits
		if d.scratch, err = unquote(d.scratch[:0], b[i:next]); err != nil {
			return nil, next, nil //nolint:nilerr // no column has such a name
		}
		name = d.scratch
	}
	if f := d.byName[string(name)]; f != nil {
		d.exact = true
		return f, next, nil
	}
	d.exact = false
	var low [64]byte
	if len(name) > len(low) {
		return nil, next, nil
	}
	for k, c := range name {
		if c-'A' <= 'Z'-'A' {
			c |= 0x20
		}
		low[k] = c
	}
	return d.folded[string(low[:len(name)])], next, nil
}

// malformed is the error of a record that is not a JSON object.
func malformed(b []byte, i int, detail string) error {
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type json").
		WithDetail("%s At byte %d: %s", detail, min(i, len(b)), excerpt(bytes.TrimRight(b[min(i, len(b)):], "\r\n")))
}

func invalidUTF8(b []byte) error {
	i := 0
	for i < len(b) {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		i += n
	}
	return sqlerr.Errorf(sqlerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x%02x", b[i:i+1]).
		WithDetail("At byte %d of the record.", i)
}

// excerpt quotes the beginning of a value for an error.
func excerpt(b []byte) string {
	const most = 64
	s := strings.ToValidUTF8(string(b[:min(len(b), most)]), "\uFFFD")
	if len(b) > most {
		return `"` + s + `..."`
	}
	return `"` + s + `"`
}
